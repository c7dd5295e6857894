#!/usr/bin/env python3
"""Write requirements*.txt from pyproject.toml, where every dependency stands once.

    requirements.py [--check]      write them; with --check, exit 1 when a committed one is out of date

requirements.txt: what the program needs, with pytest and responses. requirements-voice.txt: the English voice.
requirements-dev.txt: both, every other extra, and the groups of pyproject.toml that tests and checks need.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.generated import write_or_check  # noqa: E402

HEAD = "# Made from pyproject.toml by `make requirements`; change it there. "


def documents() -> dict[Path, str]:
    """Return every file of requirements, as it should be."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras, groups = dict(project["project"]["optional-dependencies"]), dict(project["dependency-groups"])
    voice, tests = extras.pop("voice"), groups.pop("test")
    others = {line for lines in (*extras.values(), *groups.values()) for line in lines}
    return {
        ROOT / "requirements.txt": _file("What the program and tests need.", [*project["project"]["dependencies"], *tests]),
        ROOT / "requirements-voice.txt": _file("An English voice that runs on this machine.", voice),
        ROOT / "requirements-dev.txt": _file(
            "What tests and checks need.", ["-r requirements.txt", "-r requirements-voice.txt", *sorted(others)]
        ),
    }


def _file(what: str, lines: list[str]) -> str:
    return "\n".join([HEAD + what, *lines, ""])


def main(arguments: list[str]) -> int:
    return write_or_check(documents(), arguments, "make requirements")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
