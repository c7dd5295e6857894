"""Retries after transient errors: one policy for calls and downloads."""

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
    is_transient: Callable[[BaseException], bool],
) -> Result:
    """Return the result of `attempt`, or raise its last error.

    An error for which `is_transient` is true is retried, with at most `tries` attempts in all, unless the pause would exceed
    `longest_pause` seconds or the deadline. A stop request ends a pause (Interrupted).
    """

    def is_over(state: RetryCallState) -> bool:
        pause = state.upcoming_sleep
        return state.attempt_number >= tries or pause > longest_pause or (deadline is not None and pause >= deadline.left())

    trying = Retrying(
        sleep=clock.sleep,
        stop=is_over,
        wait=lambda state: _pause_after(state, longest_pause),
        retry=retry_if_exception(is_transient),
        reraise=True,
    )
    return trying(attempt)


def _pause_after(state: RetryCallState, longest: float) -> float:
    """Return the seconds to wait: the service's Retry-After, else exponential backoff with full jitter
    (https://aws.amazon.com/builders-library/, "Timeouts, retries, and backoff with jitter").
    """
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return float(asked)
    return clock.chance(0, min(longest, _FIRST_PAUSE_SECONDS * 2 ** (state.attempt_number - 1)))
