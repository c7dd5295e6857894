"""Many visits at once: each is begun in its turn, sleeps without a thread while what it waits for is under way, and is ended.

A visit is a generator. What it yields begins something that takes its time (a question to a service), and calls back from
whatever thread when the visit may go on. So a thousand questions are asked by one thread, and what comes of them is worked
out by the few threads that this takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

Found = TypeVar("Found")

Wait = Callable[[Callable[[], object]], None]
"""Begins what a visit waits for, and calls what it is given, once, when that is over. Must not raise."""

Visit = Generator[Wait, None, Found]


def side_by_side(visits: Iterable[Visit[Found]], most: int) -> list[Found]:
    """Go through all visits, at most `most` of them begun and not ended; returns what they return, in no order.

    This thread begins them, up to the first wait of each; a pool's threads go on with them. Raises what a visit has raised,
    when all others have ended.
    """
    found: list[Found] = []
    mistakes: list[Exception] = []
    room = threading.Semaphore(most)
    with ThreadPoolExecutor(most) as pool:

        def go_on(visit: Visit[Found]) -> None:
            try:
                wait = next(visit)
            except StopIteration as end:
                found.append(end.value)
                room.release()
            except Exception as mistake:  # noqa: BLE001  (it is raised when all others have ended)
                mistakes.append(mistake)
                room.release()
            else:
                wait(partial(pool.submit, go_on, visit))

        for visit in visits:
            room.acquire()
            go_on(visit)
        for _ in range(most):
            room.acquire()  # the last ones: nobody may come back to a pool that has closed
    if mistakes:
        raise mistakes[0]
    return found
