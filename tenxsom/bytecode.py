"""Recompiles truncated bytecode. Every launcher imports this module first."""

# A full disk may truncate a `.pyc`: CPython before 3.12.8 and 3.13.1 ignores short writes
# (https://github.com/python/cpython/issues/126606). Every later import of it raises EOFError, even with free space again.
# This file is short so that its own bytecode fits into one block (4,096 bytes), which is written completely or not at all.

from __future__ import annotations

import marshal
import os
import sys
from importlib import machinery, util
from types import CodeType

CUT_OFF = EOFError, ValueError, TypeError
HEADER_BYTES = 16  # https://peps.python.org/pep-0552/


class RecompilingLoader(machinery.SourceFileLoader):
    """Loads a module from its source where its bytecode is unusable."""

    def get_code(self, fullname: str) -> CodeType | None:
        try:
            return super().get_code(fullname)
        except CUT_OFF:
            remove(util.cache_from_source(self.path))
            return self.source_to_code(self.get_data(self.path), self.path)


def remove(cached: str, only_if_cut_off: bool = False) -> None:
    """Remove bytecode, if possible."""
    try:
        if only_if_cut_off:
            with open(cached, "rb") as file:
                marshal.loads(file.read()[HEADER_BYTES:])
        else:
            os.unlink(cached)
    except CUT_OFF:
        remove(cached)
    except OSError:
        pass


sys.path_hooks.insert(
    0,
    machinery.FileFinder.path_hook(
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (RecompilingLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    ),
)
sys.path_importer_cache.clear()
for module in [*sys.modules.values()]:  # modules that Python imports at its start, before this one
    remove(getattr(module, "__cached__", None) or "", only_if_cut_off=True)
