"""A line to one service: plain GETs over kept connections, by the standard library alone.

A tick asks a thousand questions, all of one plain kind, and has nothing else to do at first. `requests` takes longer to import
than these questions take to be sent, and a fifth of a millisecond a question afterwards; here one costs about a tenth. Whatever
is not plain beyond doubt is not answered here: the caller asks again in the libraries' way, because asking is free. A service
whose answers are not plain (packed, chunked) is not asked twice for long: after a few of them the line gives up.

One thread holds all connections of a line and waits for them together. A thread for each would spend as much time on waking up
as on the work: with `prefetch` whoever has a thousand questions sleeps through none of them.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tenxsom import clock
from tenxsom.net.addresses import Addresses
from tenxsom.net.call import Call, NoTurn
from tenxsom.net.connection import Connection
from tenxsom.net.question import Question
from tenxsom.net.reply import NotPlain, Reply

if TYPE_CHECKING:
    import ssl

    from tenxsom.net.origin import Door

log = logging.getLogger(__name__)

GIVES_UP_AFTER = 4
LOOK_ROUND_SECONDS = 0.1
"""How long a time-out may be noticed late."""


class Line:
    """Kept connections to one door, and so many questions at once at most. Serves all threads of a process.

    A connection that has brought its answer takes the question along that has waited longest, before anybody looks into the
    answer: what is done with it takes longer than sending, and the service could be at work meanwhile.
    """

    def __init__(self, door: Door, tls: Callable[[], ssl.SSLContext], most: int) -> None:
        self._door = door
        self._tls = tls
        self._addresses = Addresses(door.host, door.port)
        self._unusual = 0
        self._is_closed = False
        self._guard = threading.Lock()
        self._waiting: deque[Question] = deque()
        self._prefetched: dict[bytes, Question] = {}
        self._most = most
        self._is_alive = self._is_asleep = False  # the line's thread; what follows belongs to it alone
        self._wake_read = self._wake_write = -1  # a self-pipe
        self._poll = select.poll()
        self._idle: list[Connection] = []
        self._under_way: dict[int, tuple[Connection, Question]] = {}
        self._settled: list[Question] = []

    def ask(self, request: bytes, call: Call) -> Reply | None:
        """The answer to a GET; None for one that the libraries must read.

        Raises OSError for trouble with the connection, `call.NoTurn` for a question that waited for its turn in vain,
        Interrupted for one whose turn came after a stop was requested.
        """
        done = threading.Lock()
        done.acquire()
        question = Question(request, call, done.release)
        if self._unusual >= GIVES_UP_AFTER or not self._put(question):
            return None
        done.acquire()
        return question.outcome()

    def prefetch(self, request: bytes, call: Call, answered: Callable[[], object]) -> bool:
        """Let a question be asked, and return at once; whether it will be.

        `answered` is called by the line's thread, which it must not keep, when `prefetched` has what it came to.
        """
        question = Question(request, call, answered)
        try:
            return self._unusual < GIVES_UP_AFTER and self._put(question, is_prefetch=True)
        except OSError:
            return False  # whoever asks will hear of it

    def prefetched(self, request: bytes) -> Question | None:
        """A question that was prefetched and has come to something that still counts; only the first who wants it gets it."""
        with self._guard:
            question = self._prefetched.pop(request, None)
        return question if question and question.holds() else None

    def close(self) -> None:
        """Close the kept connections; those that are in use are closed when they have brought their answers."""
        self._is_closed = True
        while connection := self._kept():
            connection.close()

    def _put(self, question: Question, is_prefetch: bool = False) -> bool:
        """Hand a question to the line's thread; False if there is none. Raises OSError when nobody knows where the host lives."""
        self._addresses.look_up()  # here and not in the thread, where all others would wait for it
        with self._guard:
            if not (self._is_alive or self._start()):
                return False
            question.waits = len(self._waiting) + len(self._under_way) >= self._most
            self._waiting.append(question)
            if is_prefetch:
                self._prefetched[question.request] = question
            if self._is_asleep and not question.waits:
                self._is_asleep = False
                os.write(self._wake_write, b"!")
        return True

    def _start(self) -> bool:
        """Begin the thread that asks, which lives while there is a question; whether there is one more thread to be had."""
        self._wake_read, self._wake_write = os.pipe()
        self._is_alive, self._poll = True, select.poll()
        self._poll.register(self._wake_read, select.POLLIN)
        try:
            threading.Thread(target=self._work, name="line", daemon=True).start()
        except RuntimeError:
            self._hang_up()
        return self._is_alive

    def _hang_up(self) -> None:
        self._is_alive = self._is_asleep = False
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _work(self) -> None:
        try:
            self._ask_and_tell()
        except Exception as mistake:  # of ours; nobody may wait for ever because of it
            log.exception("Unexpected error")
            self._give_up(mistake)

    def _ask_and_tell(self) -> None:
        look_round = clock.Deadline(LOOK_ROUND_SECONDS)
        while self._goes_on():
            self._fill_places()
            self._tell()
            for descriptor, _ in self._poll.poll(LOOK_ROUND_SECONDS * 1000):
                if descriptor == self._wake_read:
                    os.read(descriptor, 64)
                elif descriptor in self._under_way:
                    self._step(*self._under_way[descriptor])
            if look_round.passed():
                self._end_those_whose_time_is_over()
                look_round = clock.Deadline(LOOK_ROUND_SECONDS)

    def _goes_on(self) -> bool:
        """Whether there is anything to do or to wait for; if not, the thread has ended for everybody else."""
        with self._guard:
            self._is_asleep = True  # or soon will be: who asks from now on must wake it
            if not (self._waiting or self._under_way or self._settled):
                self._prefetched = {request: each for request, each in self._prefetched.items() if each.holds()}
                self._hang_up()
            return self._is_alive

    def _tell(self) -> None:
        """Only when everything is sent that could be: those who are told want the interpreter for themselves."""
        settled, self._settled = self._settled, []
        for question in settled:
            try:
                question.tell()
            except Exception:  # one who cannot be told must not keep the others from being told
                log.exception("Unexpected error")

    def _give_up(self, mistake: Exception) -> None:
        with self._guard:
            for connection, question in self._under_way.values():
                connection.close()
                self._settle(question, trouble=mistake)
            for question in self._waiting:
                self._settle(question, trouble=mistake)
            self._under_way.clear()
            self._waiting.clear()
            self._hang_up()
        self._tell()

    def _fill_places(self) -> None:
        """Ask those who have waited longest, as far as there are places: over kept connections, or new ones."""
        while self._waiting and len(self._under_way) < self._most:
            question = self._waiting[0]
            try:
                question.begin()
                connection = self._asked_over_a_kept_one(question) or self._opened(question)
            except Exception as error:  # noqa: BLE001  (whatever it is, `ask` raises it for whoever asked)
                self._settle(question, trouble=error)
            else:
                self._watch(connection, question)
            self._waiting.popleft()  # only now: whoever asks meanwhile sees that its place is taken

    def _asked_over_a_kept_one(self, question: Question) -> Connection | None:
        while connection := self._kept():
            try:
                if connection.is_quiet():
                    connection.ask(question.request, question.call)
                    return connection
            except ConnectionError:
                pass  # it went stale between the look and the use
            except BaseException:  # whatever it was, nobody else knows of this connection any more
                connection.close()
                raise
            connection.close()
        return None

    def _opened(self, question: Question) -> Connection:
        """A connection that is being made."""
        connection = Connection(self._door, self._tls, self._addresses)
        connection.open(question.request, question.call)
        return connection

    def _kept(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _step(self, connection: Connection, question: Question) -> None:
        """Go on with a connection that has something to say, or can be written to."""
        wanted = connection.wants
        try:
            reply = connection.go_on()
        except Exception as error:  # noqa: BLE001  (whatever it is, `ask` raises it for whoever asked)
            self._broke(connection, question, error)
            return
        if reply is NotPlain.INCOMPLETE:
            if connection.wants != wanted:
                self._poll.modify(connection.descriptor, connection.wants)
            return
        self._leave(connection)
        plain = reply if isinstance(reply, Reply) else None
        if plain and plain.reusable and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.close()
        self._unusual += plain is None
        self._settle(question, reply=plain)
        self._fill_places()

    def _broke(self, connection: Connection, question: Question, error: Exception) -> None:
        """A connection came to nothing: try the host's next address, a fresh connection in place of a stale one, or give up."""
        self._leave(connection)
        try:
            if isinstance(error, OSError) and connection.open_elsewhere():
                self._watch(connection, question)
                return
            connection.close()
            if isinstance(error, ConnectionError) and connection.is_kept:
                self._watch(self._opened(question), question)
                return
        except Exception as another:  # noqa: BLE001  (whatever it is, `ask` raises it for whoever asked)
            error = another
        self._settle(question, trouble=error)

    def _watch(self, connection: Connection, question: Question) -> None:
        self._under_way[connection.descriptor] = connection, question
        self._poll.register(connection.descriptor, connection.wants)

    def _leave(self, connection: Connection) -> None:
        self._poll.unregister(connection.descriptor)
        del self._under_way[connection.descriptor]

    def _settle(self, question: Question, reply: Reply | None = None, trouble: Exception | None = None) -> None:
        question.reply, question.trouble = reply, trouble
        self._settled.append(question)

    def _end_those_whose_time_is_over(self) -> None:
        for connection, question in list(self._under_way.values()):
            if connection.deadline.passed():
                self._broke(connection, question, TimeoutError("timed out"))
        with self._guard:
            late = [question for question in self._waiting if question.patience.passed()]
            for question in late:
                self._waiting.remove(question)
        for question in late:
            self._settle(question, trouble=NoTurn())
