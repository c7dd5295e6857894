"""Group commit: state files that are written behind the backs of those who change them, many at a time.

A tick jots down a thousand moments at which to look again. If each of its threads waited for the disk, and each write for the
one before it, the tick would take longer than the service's answers do. So a jotting is handed over together with the ownership
of its job; one thread collects what comes in within a moment, writes all of it, makes it durable, renames it, and only then
gives the jobs back.

What it promises: the owner stays the owner until its jotting is on the disk or has failed; a reader sees the old file or the
new one; one file's trouble touches no other; the interpreter does not end before everything is written. kill -9 loses what was
not written yet, which is what a jotting may do, and frees the jobs.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from tenxsom.atomic import Draft
from tenxsom.disk import disk_errors
from tenxsom.errors import BrokenState, DiskTrouble, RevisionIsStale
from tenxsom.store.state_file import bytes_of

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.02
"""How long a jotting may wait for others, unless somebody waits for it. The thread ends when nothing has come for as long."""

AT_ONCE = 16
"""So many jottings are written together by one thread."""

MOST_THREADS = 2
"""A second thread starts when the first does not keep up: it waits for the interpreter as often as for the disk."""

Trouble = DiskTrouble | RevisionIsStale


class Jotting(NamedTuple):
    """The new content of a state file, for whoever owns it."""

    path: str
    data: bytes
    since: bytes
    """What was in the file when its owner read or wrote it last: it is not replaced if somebody else has changed it since."""
    done: Callable[[Trouble | None], None]
    """Called once, when it is on the disk or with what kept it from getting there; gives the job back. Must not raise."""


class GroupCommit:
    """The writers of jottings in this process (`group_commit`). Their threads live only while there is something to write."""

    _threads: int
    _guard: threading.Lock

    def __init__(self) -> None:
        self._waiting: dict[str, Jotting] = {}
        self._pending: deque[Jotting] = deque()
        self._start_anew()

    def hand_over(self, jotting: Jotting) -> None:
        """Let a jotting be written soon. Nobody else may write this file until its `done` is called."""
        with self._guard:
            self._waiting[jotting.path] = jotting
            self._pending.append(jotting)
            if self._threads and (self._threads >= MOST_THREADS or len(self._pending) < AT_ONCE):
                return
            self._threads += 1
        try:
            threading.Thread(target=self._work, name="jottings").start()
        except RuntimeError:  # no more threads to be had, or the interpreter is ending
            self._work()

    def wait(self, path: str | None = None) -> None:
        """Wait until everything that was handed over so far (for `path`, if given) is on the disk or has failed."""
        if not self._waiting:
            return
        with self._guard:
            mine = [jotting for jotting in self._waiting.values() if path in (None, jotting.path)]
            self._hurried += 1
            self._hurry.set()
            self._written.wait_for(lambda: not any(self._waiting.get(jotting.path) is jotting for jotting in mine))
            self._hurried -= 1
            if not self._hurried:
                self._hurry.clear()

    def _work(self) -> None:
        while batch := self._gathered():
            try:
                troubles = replace_all(batch)
            except Exception as error:  # a mistake of ours must not keep a thousand jobs owned for ever
                log.exception("Unexpected error")
                troubles = [DiskTrouble(f"An unexpected error, please report it: {error!r}")] * len(batch)
            for jotting, trouble in zip(batch, troubles, strict=True):
                jotting.done(trouble)
            with self._guard:
                for jotting in batch:
                    if self._waiting.get(jotting.path) is jotting:  # its next owner may have been as quick as this
                        del self._waiting[jotting.path]
                self._written.notify_all()

    def _gathered(self) -> list[Jotting]:
        """What is to be written next; nothing when the thread is to end."""
        if len(self._pending) < AT_ONCE:
            self._hurry.wait(GATHER_SECONDS)
        with self._guard:
            batch = [self._pending.popleft() for _ in range(min(AT_ONCE, len(self._pending)))]
            self._threads -= not batch
            return batch

    def _start_anew(self) -> None:
        """In a forked child, too: what its parent has handed over is its parent's, and so are the threads."""
        self._waiting.clear()
        self._pending.clear()
        self._threads = 0
        self._hurried = 0
        self._hurry = threading.Event()
        self._guard = threading.Lock()
        self._written = threading.Condition(self._guard)


def replace_all(batch: Sequence[Jotting]) -> list[Trouble | None]:
    """Write all of them, sync all of them, then rename all of them; for each what kept it from being replaced, if anything did.

    In this order the file system commits its own journal a few times for all of them instead of once or twice for each. The
    folder is left for the caller to sync.
    """
    troubles: list[Trouble | None] = [None] * len(batch)
    writes = [_replacing(jotting) for jotting in batch]
    try:
        for _ in range(3):
            for number, write in enumerate(writes):
                try:
                    next(write, None)
                except (DiskTrouble, RevisionIsStale) as error:
                    troubles[number] = error
    finally:
        for write in writes:
            write.close()
    return troubles


def _replacing(jotting: Jotting) -> Generator[None, None, None]:
    """The three steps of replacing one file; many are on their way side by side."""
    with disk_errors(jotting.path), Draft(jotting.path, jotting.data) as draft:
        yield
        draft.sync()
        yield
        check_unchanged(jotting.path, jotting.since)
        draft.put_in_place()


def check_unchanged(path: str, since: bytes) -> None:
    """Raise RevisionIsStale unless this is what the file holds: its own bytes tell more than its time and size."""
    if not holds(path, since):
        raise RevisionIsStale(
            f"{os.path.basename(path)} was changed by somebody else in the meantime; it is left as they wrote it."
        )


def holds(path: str, data: bytes) -> bool:
    """Whether a state file is there and has this content. Raises OSError where that cannot be told."""
    try:
        return bytes_of(path) == data
    except (FileNotFoundError, BrokenState):
        return False


group_commit = GroupCommit()
os.register_at_fork(after_in_child=group_commit._start_anew)
