"""The file of LOG_FILE."""

from __future__ import annotations

import logging
import os
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler


class LogFile(WatchedFileHandler):
    """A log file that survives its rotation, and never blocks: a pipe without a reader loses lines and stops no work.

    After logrotate has moved or removed the file, the next line begins a new one.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # the folder is gone, or the disk refuses a new file: the line is lost, and the next one tries again
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o644)

        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=opener)
