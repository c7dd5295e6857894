"""The line to a service: so many questions at once and no more, each place passed on to the question that waits longest."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as ended
from contextlib import contextmanager
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.errors import Interrupted, ServiceDown
from tenxsom.net import line, question
from tenxsom.net.call import Call
from tenxsom.net.client import HttpClient
from tests.net_server import Behaviour, ScriptedServer, Visit, answer, head, unused_port

WHOLE = head(200, {"Content-Length": "8"}) + b'{"a": 1}'
SOON = 10.0


def client_of(url: str, most: int = 1) -> HttpClient:
    return HttpClient(url, name="UseAPI", own_line=True, pool_size=most)


class Held:
    """A service that answers a question only when it is told to."""

    def __init__(self, then_close: bool = False) -> None:
        self.may_answer = threading.Semaphore(0)
        self.arrived = threading.Semaphore(0)
        self._then_close = then_close
        self._guard = threading.Lock()
        self.under_way = self.most_under_way = 0

    def behave(self, visit: Visit) -> None:
        while visit.read_request():
            with self._guard:
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
            self.arrived.release()
            self.may_answer.acquire()
            with self._guard:
                self.under_way -= 1
            visit.sock.sendall(WHOLE)
            if self._then_close:
                return


@contextmanager
def asked(client: HttpClient, count: int, **options: Any) -> Iterator[list[Future[Any]]]:
    """So many questions by so many threads."""
    with ThreadPoolExecutor(count) as pool:
        yield [pool.submit(lambda: client.get("/x", retries=0, **options).json()) for _ in range(count)]


def test_there_are_never_more_questions_under_way_than_the_line_has_places() -> None:
    held = Held()
    with ScriptedServer(held.behave) as server, client_of(server.url, most=3) as client, asked(client, 12) as answers:
        for _ in range(3):
            assert held.arrived.acquire(timeout=SOON)
        for _ in range(12):
            held.may_answer.release()
        assert [each.result(SOON) for each in answers] == [{"a": 1}] * 12
        assert (held.most_under_way, server.connections) == (3, 3)


def test_a_question_that_waits_goes_out_as_soon_as_the_one_before_has_its_answer() -> None:
    held = Held()
    with ScriptedServer(held.behave) as server, client_of(server.url) as client, asked(client, 2) as answers:
        assert held.arrived.acquire(timeout=SOON)
        held.may_answer.release()
        assert held.arrived.acquire(timeout=SOON)
        assert sum(each.done() for each in answers) <= 1
        held.may_answer.release()
        assert [each.result(SOON) for each in answers] == [{"a": 1}] * 2
        assert server.connections == 1


@pytest.mark.parametrize(
    ("behaviour", "connections"),
    [(answer(200, {"a": 1}, Connection="close"), 5), (answer(200, {"a": 1}), 1)],
    ids=["closed, and said so", "kept"],
)
def test_a_question_that_waits_gets_a_fresh_connection_only_if_the_one_before_closed_its_own(
    behaviour: Behaviour, connections: int
) -> None:
    with ScriptedServer(behaviour) as server, client_of(server.url) as client, asked(client, 5) as answers:
        assert [each.result(SOON) for each in answers] == [{"a": 1}] * 5
        assert server.connections == connections


def test_a_question_that_went_out_over_a_connection_that_was_closed_is_asked_again() -> None:
    held = Held(then_close=True)
    for _ in range(8):
        held.may_answer.release()
    with ScriptedServer(held.behave) as server, client_of(server.url) as client, asked(client, 4) as answers:
        assert [each.result(SOON) for each in answers] == [{"a": 1}] * 4
        assert server.connections == 4


@pytest.mark.parametrize("seconds", [0.2, 1e-9])
def test_a_question_waits_no_longer_than_its_caller_and_the_line_keeps_its_place(seconds: float) -> None:
    held = Held()
    with ScriptedServer(held.behave) as server, client_of(server.url) as client, asked(client, 1) as first:
        assert held.arrived.acquire(timeout=SOON)
        with pytest.raises(ServiceDown, match="asked again"):
            client.get("/y", retries=0, deadline_seconds=seconds)
        for _ in range(2):
            held.may_answer.release()
        assert first[0].result(SOON) == {"a": 1}
        assert client.get("/z").json() == {"a": 1}
        assert [request.target for request in server.requests] == ["/x", "/z"]


def test_the_time_that_a_question_waits_for_its_turn_is_not_the_services() -> None:
    held = Held()
    with ScriptedServer(held.behave) as server, client_of(server.url) as client, asked(client, 1, timeout=SOON) as first:
        assert held.arrived.acquire(timeout=SOON)
        assert client._line
        deadline = clock.Deadline(0.5)
        call = Call(SOON, deadline)
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(client._line.ask, b"GET /y HTTP/1.1\r\n\r\n", call)
            while not client._line._waiting:
                clock.sleep(0.001)
            while not deadline.passed():
                clock.sleep(0.001)
            held.may_answer.release()
            held.may_answer.release()
            reply = second.result(SOON)
        assert reply
        assert reply.status == 200
        assert first[0].result(SOON) == {"a": 1}


def test_what_a_service_says_unasked_is_not_the_answer_to_the_question_that_waits() -> None:
    waiting, said = threading.Event(), threading.Event()

    def says_more(visit: Visit) -> None:
        visit.read_request()
        waiting.wait(SOON)
        visit.sock.sendall(WHOLE + WHOLE)
        said.set()
        visit.read_request()

    with ScriptedServer(says_more, answer(200, {"b": 2})) as server, client_of(server.url) as client, asked(client, 1) as first:
        while not server.requests:
            clock.sleep(0.001)
        with asked(client, 1) as second:
            assert client._line
            while not client._line._waiting:
                clock.sleep(0.001)
            waiting.set()
            assert (first[0].result(SOON), second[0].result(SOON)) == ({"a": 1}, {"b": 2})


def test_a_stop_is_heeded_by_those_who_still_wait_and_costs_the_line_no_place() -> None:
    held = Held()
    with ScriptedServer(held.behave) as server, client_of(server.url) as client, asked(client, 3) as answers:
        assert held.arrived.acquire(timeout=SOON)
        assert client._line
        while len(client._line._waiting) < 2:
            clock.sleep(0.001)
        clock.request_stop()
        for _ in range(4):
            held.may_answer.release()
        ended(answers, SOON)
        clock.forget_stop()
        troubles = [each.exception() for each in answers]
        assert sum(isinstance(trouble, Interrupted) for trouble in troubles) == 2
        assert client.get("/z").json() == {"a": 1}


def test_a_connection_that_cannot_be_made_costs_the_line_no_place() -> None:
    client = client_of(f"http://127.0.0.1:{unused_port()}")
    with asked(client, 4, deadline_seconds=SOON) as answers:
        assert all(isinstance(each.exception(SOON), ServiceDown) for each in answers)


def ahead(client: HttpClient, path: str, answered: Callable[[], None]) -> bool:
    return client.prefetch(path, answered, timeout=SOON, deadline_seconds=SOON)


class Told:
    """Somebody who asked ahead and is told when the answer is there."""

    def __init__(self) -> None:
        self.times = 0
        self._come = threading.Event()

    def __call__(self) -> None:
        self.times += 1
        self._come.set()

    def waited(self) -> Told:
        assert self._come.wait(SOON)
        return self


def test_a_question_that_is_asked_ahead_is_asked_once_and_its_answer_waits_for_whoever_asks() -> None:
    told = Told()
    with ScriptedServer(answer(200, {"a": 1})) as server, client_of(server.url) as client:
        assert ahead(client, "/x", told)
        assert told.waited().times == 1
        assert client.get("/x").json() == {"a": 1}
        assert len(server.requests) == 1
        assert client.get("/x").json() == {"a": 1}
        assert len(server.requests) == 2


def test_the_trouble_of_a_question_that_was_asked_ahead_is_told_to_whoever_asks() -> None:
    told, client = Told(), client_of(f"http://127.0.0.1:{unused_port()}")
    assert ahead(client, "/x", told)
    told.waited()
    with pytest.raises(ServiceDown, match="refused"):
        client.get("/x", retries=0)


def test_an_answer_that_nobody_came_for_in_time_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "FRESH_SECONDS", 0.0)
    told = Told()
    with ScriptedServer(answer(200, {"a": 1})) as server, client_of(server.url) as client:
        assert ahead(client, "/x", told)
        told.waited()
        assert client.get("/x").json() == {"a": 1}
        assert len(server.requests) == 2


def test_nobody_asks_a_service_in_trouble_ahead() -> None:
    client = client_of(f"http://127.0.0.1:{unused_port()}")
    for _ in range(5):
        with pytest.raises(ServiceDown):
            client.get("/x", retries=0)
    assert not ahead(client, "/x", Told())


def test_one_who_cannot_be_told_keeps_nobody_else_from_being_told() -> None:
    told = Told()

    def cannot_be_told() -> None:
        raise ValueError("nobody at home")

    with ScriptedServer(answer(200, {"a": 1})) as server, client_of(server.url) as client:
        assert ahead(client, "/x", cannot_be_told)
        assert ahead(client, "/y", told)
        told.waited()
        assert client.get("/y").json() == {"a": 1}


def test_a_hundred_questions_take_one_thread() -> None:
    held, before = Held(), threading.active_count()
    everyone = [Told() for _ in range(100)]
    with ScriptedServer(held.behave) as server, client_of(server.url, most=8) as client:
        for number, told in enumerate(everyone):
            assert ahead(client, f"/{number}", told)
        for _ in range(8):
            assert held.arrived.acquire(timeout=SOON)
        of_the_server = 1 + server.connections
        assert threading.active_count() - before - of_the_server <= 1
        for _ in everyone:
            held.may_answer.release()
        assert [told.waited().times for told in everyone] == [1] * 100
        assert held.most_under_way == 8
        assert [client.get(f"/{number}").json() for number in range(100)] == [{"a": 1}] * 100
        assert len(server.requests) == 100


def test_a_host_is_reached_at_its_next_address_when_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(answer(200, {"a": 1})) as server:
        port = int(server.host.rpartition(":")[2])
        where = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        addresses = [(*where, ("127.0.0.1", unused_port())), (*where, ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(addresses))
        with client_of(f"http://localhost:{port}", most=2) as client, asked(client, 6) as answers:
            assert [each.result(SOON) for each in answers] == [{"a": 1}] * 6


def test_an_answer_that_comes_in_two_pieces_is_put_together() -> None:
    def in_two(visit: Visit) -> None:
        while visit.read_request():
            visit.sock.sendall(WHOLE[:-3])
            clock.sleep(0.05)
            visit.sock.sendall(WHOLE[-3:])

    with ScriptedServer(in_two) as server, client_of(server.url) as client:
        assert [client.get("/x").json(), client.get("/x").json()] == [{"a": 1}] * 2
        assert server.connections == 1


def test_a_service_that_falls_silent_is_not_waited_for_beyond_the_time_of_the_call() -> None:
    held = Held()
    with ScriptedServer(held.behave) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown, match="took too long"):
            client.get("/x", timeout=0.2, retries=0)
        for _ in range(2):
            held.may_answer.release()
        assert client.get("/x").json() == {"a": 1}


def test_the_line_ends_its_thread_when_there_is_nothing_to_ask_and_begins_another() -> None:
    with ScriptedServer(answer(200, {"a": 1})) as server, client_of(server.url) as client:
        for _ in range(2):
            assert client.get("/x").json() == {"a": 1}
            wait_for_the_lines_end()
        assert server.connections == 1


def test_an_answer_that_has_come_counts_whatever_befell_the_service_since() -> None:
    told = Told()
    with ScriptedServer(answer(200, {"a": 1})) as server, client_of(server.url) as client:
        assert ahead(client, "/x", told)
        told.waited()
        client._circuit.hold_back(3600)
        for _ in range(9):
            client._circuit.failed()
        assert client.get("/x", retries=0).json() == {"a": 1}
        with pytest.raises(ServiceDown, match="asked for a pause"):
            client.get("/x", retries=0, deadline_seconds=1)


def test_a_look_up_that_fails_is_made_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    look_ups = []

    def fails(*where: object, **_: object) -> list[object]:
        look_ups.append(where)
        raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    client = client_of("http://nowhere.example")
    with asked(client, 12) as answers:
        assert all(isinstance(each.exception(SOON), ServiceDown) for each in answers)
    assert not ahead(client, "/x", Told())
    assert len(look_ups) == 1


def test_without_one_more_thread_to_be_had_the_libraries_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot_start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with ScriptedServer(answer(200, {"a": 1})) as server, client_of(server.url) as client, monkeypatch.context() as bare:
        while server.connections == 0:  # its own threads are there before there are no more
            client.get("/x")
        client.close()
        wait_for_the_lines_end()
        bare.setattr(threading.Thread, "start", cannot_start)
        assert not ahead(client, "/x", Told())
        assert client._line
        assert client._line.ask(b"GET /x HTTP/1.1\r\n\r\n", Call(SOON, clock.Deadline(SOON))) is None


def test_a_mistake_of_ours_in_the_lines_thread_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_: object, **__: object) -> None:
        raise ValueError("a mistake of ours")

    with ScriptedServer(answer(200, {"a": 1})) as server, client_of(server.url, most=2) as client:
        with monkeypatch.context() as broken:
            broken.setattr(line.Line, "_fill_places", mistaken)
            with asked(client, 5) as answers:
                assert all(isinstance(each.exception(SOON), ValueError) for each in answers)
        assert client.get("/x").json() == {"a": 1}
        assert client._line
        wait_for_the_lines_end()
        assert client._line._under_way == {}


def test_a_line_that_is_closed_keeps_no_connection() -> None:
    held, told = Held(), Told()
    with ScriptedServer(held.behave) as server, client_of(server.url) as client:
        assert ahead(client, "/x", told)
        assert held.arrived.acquire(timeout=SOON)
        client.close()
        held.may_answer.release()
        told.waited()
        wait_for_the_lines_end()
        assert client._line
        assert client._line._idle == []


def wait_for_the_lines_end() -> None:
    while any(thread.name == "line" for thread in threading.enumerate()):
        clock.sleep(0.01)
