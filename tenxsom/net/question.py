"""A question to a service, on its way from whoever asks to the line's thread and back."""

from __future__ import annotations

from collections.abc import Callable

from tenxsom import clock
from tenxsom.errors import Interrupted
from tenxsom.net.call import Call, NoTurn
from tenxsom.net.reply import Reply

FRESH_SECONDS = 10.0
"""An answer that was asked for ahead counts for so long."""


class Question:
    """A question, what it came to, and who is told."""

    __slots__ = ("_answered", "_fresh", "_left", "call", "patience", "reply", "request", "trouble", "waits")

    def __init__(self, request: bytes, call: Call, answered: Callable[[], object]) -> None:
        """`answered` is called once, when it has come to something."""
        self.request = request
        self.call = call
        self.patience = clock.Deadline(call.patience())
        self.waits = False
        """Whether it did not find a free place."""
        self.reply: Reply | None = None
        self.trouble: Exception | None = None
        self._answered = answered
        self._left = call.left()
        self._fresh: clock.Deadline | None = None

    def begin(self) -> None:
        """Its turn has come: its time begins to count. Raises Interrupted if it had to wait, and a stop was requested since."""
        if self.waits:
            clock.check_stop()
        self.call.resume(self._left)

    def tell(self) -> None:
        """Tell whoever asked that it has come to something."""
        self._fresh = clock.Deadline(FRESH_SECONDS)
        answered, self._answered = self._answered, _nobody
        answered()

    def holds(self) -> bool:
        """Whether what it came to still counts, for somebody who did not wait for it."""
        return self._fresh is not None and not self._fresh.passed() and not isinstance(self.trouble, Interrupted | NoTurn)

    def outcome(self) -> Reply | None:
        """Its answer, None for one that the libraries must read. Raises the trouble that kept it from being answered."""
        if self.trouble:
            raise self.trouble
        return self.reply


def _nobody() -> None:
    """Who is told after everybody has been told."""
