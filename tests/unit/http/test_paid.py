"""What a paid call says about its outcome: certainly not sent, certainly refused, or nobody knows. Over real sockets."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.errors import (
    AccountError,
    NotFound,
    NotSent,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
    ServiceRefused,
    SubmitUnclear,
    TenxsomError,
)
from tenxsom.http.circuit import Circuit
from tenxsom.http.client import HttpClient
from tenxsom.http.paid import begun_by
from tenxsom.http.tls import tls_context
from tests import net_server
from tests.net_server import ScriptedServer, Visit, answer, raw

TOKEN = "user:12345-SECRETSECRETSECRET"
ORDER = {"prompt": "a calm lake", "duration": "5"}


def client_of(url: str, **options: object) -> HttpClient:
    return HttpClient(url, headers={"Authorization": f"Bearer {TOKEN}"}, name="UseAPI", **options)  # type: ignore[arg-type]


def order(url: str, timeout: float = 5, **options: object) -> object:
    with client_of(url, **options) as client:
        return client.post_paid("/videos/ltx-create", json=ORDER, timeout=timeout).json()


@contextlib.contextmanager
def fails_as(kind: type[TenxsomError], saying: str = "") -> Iterator[None]:
    """The error is of exactly this class, names the service, is one line, and does not hold the token."""
    with pytest.raises(kind) as caught:
        yield
    text = str(caught.value)
    assert type(caught.value) is kind
    assert "UseAPI" in text
    assert saying in text
    assert "\n" not in text
    assert "SECRET" not in text + repr(caught.value)


# --- What each status means -------------------------------------------------------------------------------------------------

MEANINGS: dict[int, type[TenxsomError]] = {
    **dict.fromkeys((401, 402, 403, 412, 596), AccountError),
    **dict.fromkeys((404, 410), NotFound),
    **dict.fromkeys((429, 529), ServiceBusy),
    503: ServiceClosed,
    **dict.fromkeys((300, 301, 304, 307, 308), ServiceRefused),
    **dict.fromkeys((400, 405, 406, 407, 409, 411, 413, 414, 415, 418, 421, 422, 425, 426, 431, 451, 499), ServiceRefused),
    **dict.fromkeys(
        (302, 303, 408, 500, 501, 502, 504, 505, 507, 520, 521, 522, 523, 524, 525, 526, 527, 530, 599, 600, 999), SubmitUnclear
    ),
}


@pytest.mark.parametrize("status", [503, 529])
def test_a_gateways_page_with_the_status_of_a_closed_service_is_no_certain_refusal(status: int) -> None:
    with ScriptedServer(answer(status, b"<html><title>upstream reset</title></html>", Content_Type="text/html")) as server:
        with fails_as(ServiceClosed, saying=str(status)):
            order(server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "meaning"), sorted(MEANINGS.items()))
def test_every_status_of_a_paid_call_has_one_meaning(status: int, meaning: type[TenxsomError]) -> None:
    with ScriptedServer(
        answer(status, {"error": "the vendor's own words", "code": status}, Location="http://127.0.0.1:9/")
    ) as server:
        with fails_as(meaning, saying=str(status)):
            order(server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "meaning"), sorted(MEANINGS.items()))
def test_a_free_post_differs_only_where_a_paid_one_is_unclear(status: int, meaning: type[TenxsomError]) -> None:
    with ScriptedServer(answer(status)) as server, client_of(server.url) as client:
        with fails_as(ServiceRefused if status in (302, 303) else ServiceDown if meaning is SubmitUnclear else meaning):
            client.post("/assets/", data=b"png", params={"type": "image"})


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_2xx_with_its_whole_body_is_an_answer(status: int) -> None:
    with ScriptedServer(answer(status, {"jobId": "j"})) as server:
        assert order(server.url) == {"jobId": "j"}
        request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/videos/ltx-create")
    assert request.body == b'{"prompt": "a calm lake", "duration": "5"}'
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"


def test_a_refusal_carries_its_status_and_the_wait_the_service_named() -> None:
    with ScriptedServer(answer(422, {"error": "moderated"}), answer(429, Retry_After="17")) as server:
        with pytest.raises(ServiceRefused, match="moderated") as refused:
            order(server.url)
        with pytest.raises(ServiceBusy) as busy:
            order(server.url)
    assert (refused.value.status, busy.value.retry_after) == (422, 17.0)


# --- Certainly not sent ----------------------------------------------------------------------------------------------------


def test_a_refused_connection_is_certainly_not_sent() -> None:
    with fails_as(NotSent, saying="connection refused"):
        order(f"http://127.0.0.1:{net_server.unused_port()}")


def test_a_name_that_cannot_be_resolved_is_certainly_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with fails_as(NotSent, saying="could not be resolved"):
        order("http://nowhere.example.com")


def test_a_request_whose_time_has_passed_is_not_sent() -> None:
    """Its process was stopped meanwhile, and another one may have its job now."""
    with ScriptedServer(answer(200, b"{}")) as server:
        with begun_by(clock.Deadline(0)), fails_as(NotSent, saying="stopped for too long"):
            order(server.url)
        assert not server.requests
        with begun_by(clock.Deadline(60)):
            order(server.url)
        assert len(server.requests) == 1


def test_a_connection_that_is_never_taken_is_certainly_not_sent() -> None:
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # fill the backlog, so that the kernel answers no further SYN
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with fails_as(NotSent, saying="too long"):
            order(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.3)


def test_an_untrusted_certificate_is_certainly_not_sent(tmp_path: Path) -> None:
    tls, _ = net_server.certificate(tmp_path)
    with ScriptedServer(answer(), tls=tls) as server:
        with fails_as(NotSent, saying="certificate"):
            order(server.url)
        assert server.requests == []


@pytest.mark.parametrize(
    "behave", [net_server.reset_unread, net_server.close_at_once, net_server.stall_at_once], ids=lambda b: b.__name__
)
def test_a_tls_handshake_that_breaks_is_certainly_not_sent(behave: net_server.Behaviour) -> None:
    with ScriptedServer(behave) as server, fails_as(NotSent):
        order(f"https://{server.host}", timeout=0.3)


def test_a_host_that_speaks_no_tls_is_certainly_not_sent() -> None:
    def speak_plainly(visit: Visit) -> None:
        visit.sock.recv(65_536)
        visit.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        visit.sock.recv(65_536)

    with ScriptedServer(speak_plainly) as server, fails_as(NotSent, saying="TLS"):
        order(f"https://{server.host}")


def test_a_proxy_that_is_not_there_is_certainly_not_sent() -> None:
    proxy = f"http://127.0.0.1:{net_server.unused_port()}"
    for url in ("http://api.example.com", "https://api.example.com"):
        with fails_as(NotSent):
            order(url, proxies={"http": proxy, "https": proxy})


@pytest.mark.parametrize("reply", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b""])
def test_a_proxy_that_opens_no_tunnel_is_certainly_not_sent(reply: bytes) -> None:
    with ScriptedServer(raw(reply)) as proxy, fails_as(NotSent):
        order("https://api.example.com", proxies={"https": f"http://user:SECRET@{proxy.host}"})


def test_while_the_circuit_is_open_nothing_is_sent() -> None:
    circuit = Circuit(failures=1)
    circuit.failed()
    with ScriptedServer(answer()) as server:
        with fails_as(NotSent, saying="left alone"):
            order(server.url, circuit=circuit)
        assert server.connections == 0


# --- Nobody knows ----------------------------------------------------------------------------------------------------------

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

UNCLEAR: dict[str, Callable[[Visit], None]] = {
    "closed before the request was read": net_server.close_at_once,
    "reset before the request was read": net_server.reset_unread,
    "closed after the request": raw(b""),
    "reset after the request": raw(b"", then="reset"),
    "no answer": raw(b"", then="stall"),
    "half a status line": raw(b"HTTP/1.1 20", then="stall"),
    "head cut off": raw(b"HTTP/1.1 200 OK\r\nContent-Le", then="reset"),
    "100 and then nothing": raw(b"HTTP/1.1 100 Continue\r\n\r\n", then="stall"),
    "103 and then nothing": raw(b"HTTP/1.1 103 Early Hints\r\n\r\n", then="stall"),
    "switching protocols": raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    "garbage": raw(b"\x00\x01\x02 this is no HTTP\r\n\r\n"),
    "an unknown version": raw(b"HTTP/9.9 200 OK\r\n\r\n"),
    "too many headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}"),
    "two different lengths": raw(JSON_HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "body cut off": raw(JSON_HEAD + b'Content-Length: 50\r\n\r\n{"jobId":'),
    "body reset": raw(JSON_HEAD + b'Content-Length: 50\r\n\r\n{"jobId":', then="reset"),
    "body stalled": raw(JSON_HEAD + b'Content-Length: 50\r\n\r\n{"jobId":', then="stall"),
    "chunks cut off": raw(JSON_HEAD + b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"jobId":\r\n'),
    "chunks broken": raw(JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "a body without a length, cut off": raw(JSON_HEAD + b'\r\n{"jobId":'),
    "broken compression": raw(JSON_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"),
    "an endless body": raw(JSON_HEAD + b"\r\n" + b" " * 8_100_000, then="stall"),
    "a web page instead of JSON": answer(200, b"<html><title>Welcome</title></html>"),
    "dripped head": net_server.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 50),
    "dripped body": net_server.drip(JSON_HEAD + b"Content-Length: 400\r\n\r\n" + b" " * 400),
}


@pytest.mark.parametrize("behave", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_whatever_happens_once_the_connection_stands_is_unclear_and_never_sent_twice(behave: net_server.Behaviour) -> None:
    with ScriptedServer(behave, answer(200, {"jobId": "a second one"})) as server:
        with fails_as(SubmitUnclear, saying="resolve"):
            order(server.url, timeout=0.3)
        assert server.connections == 1


def test_tls_that_breaks_after_the_handshake_is_unclear(tmp_path: Path) -> None:
    def break_tls(visit: Visit) -> None:
        visit.read_request()
        with socket.socket(fileno=visit.sock.detach()) as bare:
            bare.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)

    tls, trusted = net_server.certificate(tmp_path)
    with ScriptedServer(break_tls, tls=tls) as server:
        with fails_as(SubmitUnclear):
            order(server.url, ca_file=trusted)
        assert len(server.requests) == 1


def test_over_good_tls_a_paid_call_succeeds(tmp_path: Path) -> None:
    tls, trusted = net_server.certificate(tmp_path)
    with ScriptedServer(answer(200, {"jobId": "j"}), tls=tls) as server:
        assert order(server.url, ca_file=trusted) == {"jobId": "j"}


def test_a_plain_proxy_that_passes_trouble_on_leaves_it_unclear() -> None:
    with ScriptedServer(answer(502)) as proxy, fails_as(SubmitUnclear):
        order("http://api.example.com", proxies={"http": f"http://{proxy.host}"})


def test_a_refusal_is_certain_even_if_its_explanation_is_cut_off() -> None:
    with ScriptedServer(raw(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 90\r\n\r\n{"error":')) as server:
        with fails_as(ServiceRefused):
            order(server.url)


def test_an_early_refusal_counts_although_the_request_was_not_read() -> None:
    def refuse_early(visit: Visit) -> None:
        visit.sock.sendall(net_server.head(401, {"Content-Length": "0"}))
        visit.read_request()

    with ScriptedServer(refuse_early) as server, fails_as(AccountError):
        order(server.url)


# --- Sent once, over a fresh connection ------------------------------------------------------------------------------------


def test_every_paid_call_has_a_connection_of_its_own_while_free_ones_share() -> None:
    with ScriptedServer(answer(200, {})) as server, client_of(server.url) as client:
        client.get("/a")
        client.get("/b")
        client.post_paid("/paid")
        client.post_paid("/paid")
        client.get("/c")
        assert [request.connection for request in server.requests] == [1, 1, 2, 3, 1]


@pytest.mark.parametrize("behave", [raw(b""), answer(502, Connection="close"), answer(503, Connection="close", Retry_After="0")])
def test_no_layer_below_tries_a_paid_call_again(behave: net_server.Behaviour) -> None:
    with ScriptedServer(behave) as server:
        with pytest.raises((SubmitUnclear, ServiceBusy)):
            order(server.url)
        assert server.connections == 1


def test_an_upload_may_take_longer_than_connecting_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """urllib3 sends the body under the time-out for connecting; a picture over a slow line would never arrive."""
    seen: list[float | None] = []

    def note_timeout(visit: Visit) -> None:
        visit.read_request()
        visit.sock.sendall(net_server.head(200, {"Content-Length": "2"}) + b"{}")

    real_send = socket.socket.sendall
    monkeypatch.setattr("tenxsom.http.paid.CONNECT_SECONDS", 0.5)
    with ScriptedServer(note_timeout) as server, client_of(server.url) as client:

        def sendall(sock: socket.socket, *args: object) -> None:
            if sock.getpeername()[1] == int(server.host.rpartition(":")[2]):
                seen.append(sock.gettimeout())
            real_send(sock, *args)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr("socket.socket.sendall", sendall, raising=False)
            client.post("/assets/", data=b"x" * 1000, timeout=60)
    assert seen
    assert all(seconds is not None and seconds > 50 for seconds in seen)


def test_a_redirect_is_never_followed_with_the_order() -> None:
    with ScriptedServer(answer(200, {"jobId": "elsewhere"})) as other:
        with (
            ScriptedServer(answer(307, Location=f"{other.url}/videos/ltx-create")) as server,
            fails_as(ServiceRefused, "never followed"),
        ):
            order(server.url)
        assert other.connections == 0


def test_the_shared_tls_context_is_made_once_and_not_reloaded(tmp_path: Path) -> None:
    tls, trusted = net_server.certificate(tmp_path)
    before = tls_context(trusted).cert_store_stats()
    with ScriptedServer(answer(200, {}), tls=tls) as server, client_of(server.url, ca_file=trusted) as client:
        for _ in range(3):
            client.post_paid("/paid")
    assert tls_context(trusted).cert_store_stats() == before
    assert tls_context(trusted) is tls_context(trusted)
