"""Pings a check of healthchecks.io at a tick's start, success and failure. https://healthchecks.io/docs/http_api/

A check whose pings stop alerts its owner: this is how a cron that has died is noticed.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable

from tenxsom.http.notices import Poster, host_of
from tenxsom.log import describe, mask
from tenxsom.notify.bounded import Background, OutOfTimeError

log = logging.getLogger(__name__)

PING_SECONDS = 3.0
"""How long a tick waits for a ping. healthchecks.io answers in a fraction of a second; a lost ping only delays an alert."""
MOST_BODY_BYTES = 10_000


class Heartbeat:
    """The pings of one tick. Nothing here raises."""

    def __init__(self, url: str, poster: Poster, failed: Callable[[str, str], None]) -> None:
        """`failed` is told the place and the reason of a ping that did not arrive."""
        self._url, self._poster, self._failed = url, poster, failed
        self._run = str(uuid.uuid4())
        self._start: Background | None = None
        self.place = f"The check at {host_of(url)}"

    def start(self) -> None:
        """Tell that a tick begins, in the background: it waits for nothing."""
        self._run = str(uuid.uuid4())  # ticks may overlap; the check tells them apart by it
        self._start = Background(lambda: self._ping("/start", ""))

    def end(self, exit_code: int, told: str = "") -> bool:
        """Tell how the tick ended: success for exit code 0, else failure. Returns whether the check knows it."""
        try:
            self._await_start()
            path, sentence = ("", told) if exit_code == 0 else ("/fail", f"The tick ended with exit code {exit_code}.\n{told}")
            Background(lambda: self._ping(path, sentence)).wait(PING_SECONDS)
        except OutOfTimeError:
            self._failed(self.place, f"it did not answer within {PING_SECONDS:g} seconds")
        except Exception as error:  # noqa: BLE001  (whatever it is, a tick does not depend on its check)
            self._failed(self.place, describe(error))
        else:
            return True
        return False

    def _await_start(self) -> None:
        """Wait for the ping of the start, so that the two arrive in their order. Its failure matters less than the end's."""
        if self._start:
            with contextlib.suppress(Exception):
                self._start.wait(PING_SECONDS - self._start.age_seconds())

    def _ping(self, path: str, sentence: str) -> None:
        body = mask(sentence).encode("utf-8", "replace")[:MOST_BODY_BYTES]
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        self._poster.post(f"{self._url}{path}?rid={self._run}", body, headers, timeout=PING_SECONDS)
