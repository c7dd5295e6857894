"""Trying again after passing troubles: one policy for calls and downloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from tenxsom import clock

Result = TypeVar("Result")

_FIRST_PAUSE_SECONDS = 0.5


def retry(
    attempt: Callable[[], Result],
    *,
    tries: int,
    longest_pause: float,
    deadline: clock.Deadline | None,
    is_passing: Callable[[BaseException], bool],
) -> Result:
    """What `attempt` returns, or what it raises at last.

    It is tried again after an error that `is_passing`, at most `tries` times in all, unless the pause would be longer than
    `longest_pause` seconds or not end before the deadline. A stop request ends a pause (Interrupted).
    """

    def is_over(state: RetryCallState) -> bool:
        pause = state.upcoming_sleep
        return state.attempt_number >= tries or pause > longest_pause or (deadline is not None and pause >= deadline.left())

    trying = Retrying(
        sleep=clock.sleep,
        stop=is_over,
        wait=lambda state: _pause_after(state, longest_pause),
        retry=retry_if_exception(is_passing),
        reraise=True,
    )
    return trying(attempt)


def _pause_after(state: RetryCallState, longest: float) -> float:
    """Seconds to wait: what the other side asked for, or full jitter over a span that doubles, because many clients that fail
    together must not come back together (https://aws.amazon.com/builders-library/, "Timeouts, retries, and backoff with jitter").
    """
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return float(asked)
    return clock.chance(0, min(longest, _FIRST_PAUSE_SECONDS * 2 ** (state.attempt_number - 1)))
