"""Sets up logging to stderr, as text or JSON lines, with every secret and e-mail address masked."""

from __future__ import annotations

import errno
import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from tenxsom import clock
from tenxsom.errors import BadSettings
from tenxsom.program import typed

_EMAIL = re.compile(r"(?<![A-Za-z0-9._+'-])[A-Za-z0-9._+'-]+(?:@|%40)[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
"""`%40` is the @ of an address in a URL. The look-behind keeps the search linear in long texts without an address."""

_secrets: tuple[str, ...] = ()
"""The secrets passed to `start`."""

FIELDS = ("content_id", "service", "step", "action", "seconds", "usd")
"""What a JSON line tells of an event besides its sentence, where it is known (`extra` of the logging call)."""

_CONTROL = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160)) if number != 9} | {10: "\\n", 13: "\\r"}
"""Control characters, with which a service's text could fake lines or control the terminal."""


LONGEST_MESSAGE = 160
LONGEST_QUOTE = 40
"""The longest quotation that is kept of an error's text, which may quote a user's file."""

WRONG_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP})
"""The errors of a LOG_FILE that cannot be a file; every other error is about the disk, and stops no work."""


def start(level: str, style: str, file: Path | None = None, secrets: Iterable[str] = ()) -> None:
    """Set up logging for this process. Raises BadSettings when the log file cannot be opened."""
    global _secrets
    _secrets = tuple(sorted((secret for secret in secrets if secret), key=len, reverse=True))
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    trouble = None
    if file:
        from tenxsom.log_file import LogFile  # the handlers of the standard library are needed for a file only

        try:
            handlers.append(LogFile(file, encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            if error.errno in WRONG_PLACE:
                raise BadSettings(f"LOG_FILE names {file}, which cannot be opened: {error.strerror}.") from None
            trouble = error
    for handler in handlers:
        if style == "text":  # a program that reads JSON wants every event
            handler.addFilter(_repeats)
        handler.setFormatter(_Formatter(style, _secrets, knows_all_letters=_writes_utf_8(handler)))
    logging.basicConfig(level=level, handlers=handlers, force=True)
    _repeats.forget()
    logging.raiseExceptions = False
    if trouble:
        logging.getLogger(__name__).warning("LOG_FILE %s cannot be written (%s); this run goes on without.", file, trouble.strerror)
    for noisy in ("urllib3", "httpx", "httpx2", "httpcore", "anthropic", "google", "werkzeug", "waitress", "PIL", "libav"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("apprise").setLevel(
        logging.CRITICAL
    )  # its errors quote addresses, which contain tokens; ours say what failed
    logging.getLogger("google.auth").setLevel(logging.ERROR)  # our own messages report missing credentials


def _writes_utf_8(handler: logging.Handler) -> bool:
    encoding = handler.encoding if isinstance(handler, logging.FileHandler) else getattr(sys.stderr, "encoding", None)
    return str(encoding).lower().replace("-", "") == "utf8"


def mask(text: str) -> str:
    """Return the text with every secret of this process and every e-mail address masked."""
    for secret in _secrets:
        text = text.replace(secret, "***")
    return mask_emails(text)


def mask_emails(text: str) -> str:
    """Return the text with every e-mail address masked; vendors' job ids contain one."""
    return _EMAIL.sub("***", text)


def describe(error: BaseException) -> str:
    """Return an exception's type and message in one line, without secrets, e-mail addresses and quotations of files."""
    line = " ".join(mask(str(error)).split())
    line = re.sub(rf"(['\"]).{{{LONGEST_QUOTE},}}\1", r"\1…\1", line)
    return f"{type(error).__name__}: {line[:LONGEST_MESSAGE]}".rstrip(": ")


def place_of(error: BaseException) -> str:
    """Return the place of an exception, `tenxsom/media/join.py:57`: the innermost line of our code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "tenxsom" in PurePath(frame.filename).parts]
    frame = next(reversed(ours or frames), None)
    if frame is None:
        return "an unknown place"
    parts = PurePath(frame.filename).parts
    start = len(parts) - 1 - parts[::-1].index("tenxsom") if "tenxsom" in parts else len(parts) - 1
    return f"{'/'.join(parts[start:])}:{frame.lineno}"


class _Repeats(logging.Filter):
    """Lets the first of several lines about jobs through that say the same, and counts the others."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._told: dict[tuple[str, int, str], list[str]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "repeated"):  # the first handler decides for all
            record.__dict__["repeated"] = self._is_repeated(record)
        return not record.__dict__["repeated"]

    def _is_repeated(self, record: logging.LogRecord) -> bool:
        job = getattr(record, "content_id", None)
        if not isinstance(job, str) or record.exc_info or not logging.INFO <= record.levelno <= logging.WARNING:
            return False
        said = record.getMessage().replace(job, "CONTENT_ID")
        with self._lock:
            jobs = self._told.setdefault((record.name, record.levelno, said), [])
            jobs.append(job)
            return len(jobs) > 1

    def forget(self) -> None:
        with self._lock:
            self._told = {}

    def tell(self) -> None:
        """Log how often what was said was said again, and forget it."""
        with self._lock:
            told, self._told = self._told, {}
        for (name, level, said), (_, *again) in told.items():
            if again:
                others = ", ".join([*dict.fromkeys(again)][:3]) + ("…" if len(set(again)) > 3 else "")
                logging.getLogger(name).log(level, "%s more (%s): %s", _times(len(again)), others, said)


def _times(count: int) -> str:
    return f"{count} times" if count > 1 else "once"


_repeats = _Repeats()


def tell_repeats() -> None:
    """Log what was repeated since the last call: how often, and for which jobs."""
    _repeats.tell()


class _Formatter(logging.Formatter):
    """Formats an event as one line: `time level [content_id] sentence`, or the same as a JSON object."""

    def __init__(self, style: str, secrets: tuple[str, ...], knows_all_letters: bool = True) -> None:
        super().__init__()
        self._json, self._secrets = style == "json", secrets
        self._escapes = not knows_all_letters  # JSON has its own escapes

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage() if self._json else record.getMessage().translate(_CONTROL)
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        message = typed(self._masked(message))
        job = getattr(record, "content_id", None)
        if self._json:
            entry: dict[str, Any] = {"time": clock.stamp(), "level": record.levelname, "message": message, "logger": record.name}
            return json.dumps(entry | self._fields(record), ensure_ascii=self._escapes)
        return f"{clock.stamp()} {record.levelname:<7} {f'[{job}] ' if job else ''}{message}"

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what the event says besides its sentence, where it is known."""
        known = {name: getattr(record, name, None) for name in FIELDS}
        return {
            name: self._masked(value) if isinstance(value, str) else value for name, value in known.items() if value is not None
        }

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return mask_emails(text)
