"""The short way of plain GETs: it reads what the libraries would read, and leaves to them whatever is not plain."""

from __future__ import annotations

import gzip
import http.client
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from tenxsom.errors import ServiceDown
from tenxsom.net.client import HttpClient
from tenxsom.net.origin import Origin
from tenxsom.net.reply import NotPlain, Reply, plain_reply
from tests import net_server
from tests.belt import ROOT
from tests.net_server import Behaviour, ScriptedServer, Visit, answer, head, raw

WHOLE = head(200, {"Content-Type": "application/json", "Content-Length": "8"}) + b'{"a": 1}'


def client_of(url: str, **options: object) -> HttpClient:
    headers = {"Authorization": "Bearer user:12345-SECRET"}
    return HttpClient(url, headers=headers, name="UseAPI", **{"own_line": True, **options})  # type: ignore[arg-type]


class _Bytes:
    """As much of a socket as the standard library wants to see."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))


NAMES = st.sampled_from(["content-length", "Transfer-Encoding", "Connection", "X-A", "x-a", "Retry-After", "D te"])
VALUES = st.sampled_from(["3", "close", "keep-alive", "chunked", "", " ", "a b\t", "-8", "8\r\n folded", "ü", "a, b", ":"])
STATUS = st.sampled_from(["HTTP/1.1 200 OK", "HTTP/1.1 404", "HTTP/1.1 503 ", "HTTP/1.0 200 OK", "HTTP/1.1 204 No"])


@settings(max_examples=300)
@given(STATUS, st.lists(st.tuples(NAMES, VALUES), max_size=3), st.binary(max_size=12), st.binary(max_size=2))
def test_what_is_taken_for_plain_is_what_the_standard_library_reads(
    status: str, headers: list[tuple[str, str]], body: bytes, more: bytes
) -> None:
    named = [*headers, ("Content-Length", f" {len(body)}")]
    data = "".join([f"{status}\r\n", *(f"{name}:{value}\r\n" for name, value in named), "\r\n"]).encode("latin-1") + body + more
    reply = plain_reply(data)
    if not isinstance(reply, Reply):
        return
    theirs = http.client.HTTPResponse(_Bytes(data), method="GET")  # type: ignore[arg-type]
    theirs.begin()
    assert reply.status == theirs.status
    assert reply.body == theirs.read()
    assert set(reply.headers) == {name.lower() for name in theirs.headers}
    for name in theirs.headers:
        assert reply.headers[name.upper()] == ", ".join(value.strip() for value in theirs.headers.get_all(name, []))
    assert not (reply.reusable and theirs.will_close)


@pytest.mark.parametrize("size", range(len(WHOLE)))
def test_a_part_of_a_plain_answer_is_no_answer(size: int) -> None:
    assert plain_reply(WHOLE[:size]) is NotPlain.INCOMPLETE
    assert isinstance(plain_reply(WHOLE), Reply)


@pytest.mark.parametrize(
    "data",
    [
        head(200, {}) + b"{}",
        head(200, {"Transfer-Encoding": "chunked"}) + b"2\r\n{}\r\n0\r\n\r\n",
        head(200, {"Transfer-Encoding": "chunked", "Content-Length": "2"}) + b"{}",
        head(200, {"Content-Encoding": "gzip", "Content-Length": "2"}) + b"{}",
        head(200, {"Content-Length": "+2"}) + b"{}",
        head(200, {"Content-Length": "0x2"}) + b"{}",
        head(200, {"Content-Length": "²"}) + b"{}",
        head(204, {"Content-Length": "2"}) + b"{}",
        head(304, {"Content-Length": "2"}) + b"{}",
        head(103, {"Content-Length": "2"}) + b"{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_whatever_is_not_plain_beyond_doubt_is_left_to_the_libraries(data: bytes) -> None:
    assert plain_reply(data) is NotPlain.UNUSUAL


def in_pieces(data: bytes, size: int) -> Behaviour:
    """Answer every request of a connection with these bytes, so many at a time."""

    def behave(visit: Visit) -> None:
        while visit.read_request():
            for start in range(0, len(data), size):
                visit.sock.sendall(data[start : start + size])
                visit.server.over.wait(0.002)

    return behave


@pytest.mark.parametrize("size", [40, 64, 70])
def test_an_answer_in_pieces_is_put_together_and_its_connection_kept(size: int) -> None:
    with ScriptedServer(in_pieces(WHOLE, size)) as server, client_of(server.url) as client:
        assert [client.get("/x").json() for _ in range(3)] == [{"a": 1}] * 3
        assert server.connections == 1


@pytest.mark.parametrize(
    "behave",
    [
        answer(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"),
        in_pieces(head(200, {"Transfer-Encoding": "chunked"}) + b'8\r\n{"a": 1}\r\n0\r\n\r\n', 1000),
        in_pieces(head(200, {"Transfer-Encoding": "chunked"}) + b'3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n', 9),
    ],
    ids=["packed", "chunked", "chunked, in pieces"],
)
def test_a_service_whose_answers_are_not_plain_is_asked_in_the_libraries_way_before_long(behave: Behaviour) -> None:
    with ScriptedServer(behave) as server, client_of(server.url) as client:
        assert [client.get("/x").json() for _ in range(20)] == [{"a": 1}] * 20
        assert 20 < len(server.requests) < 30
        before = server.connections
        assert [client.get("/x").json() for _ in range(5)] == [{"a": 1}] * 5
        assert server.connections == before


@pytest.mark.parametrize("late", [False, True])
def test_bytes_that_nobody_asked_for_are_never_the_next_answer(late: bool) -> None:
    sent = threading.Event()

    def answer_twice(visit: Visit) -> None:
        visit.read_request()
        if late:
            visit.sock.sendall(WHOLE)
            visit.server.over.wait(0.05)
            visit.sock.sendall(WHOLE)
        else:
            visit.sock.sendall(WHOLE * 2)
        sent.set()
        visit.read_request()

    with ScriptedServer(answer_twice, answer(200, {"b": 2})) as server, client_of(server.url) as client:
        assert client.get("/x").json() == {"a": 1}
        assert sent.wait(5)
        assert client.get("/y").json() == {"b": 2}
        assert server.connections == 2


def test_a_connection_that_the_service_closes_is_not_used_again() -> None:
    with ScriptedServer(answer(200, {"a": 1}, Connection="close")) as server, client_of(server.url) as client:
        assert [client.get("/x", retries=0).status for _ in range(3)] == [200] * 3
        assert server.connections == 3


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_refusal_without_its_whole_text_is_a_refusal_and_a_success_without_it_is_none(then: str) -> None:
    cut = {status: head(status, {"Content-Length": "50"}) + b'{"error": ' for status in (404, 200)}
    for status, answered in cut.items():
        with ScriptedServer(raw(answered, then)) as server, client_of(server.url) as client:
            if status == 404:
                assert client.get("/x", retries=0).status == 404
            else:
                with pytest.raises(ServiceDown):
                    client.get("/x", retries=0)


def test_a_plain_get_says_on_the_wire_what_any_other_get_says() -> None:
    with ScriptedServer(answer()) as server, client_of(f"{server.url}/v1") as client:
        client.get("/jobs/email%3Asomeone%40example.com")
        client.get("/jobs", params={"a": "b"})
        plain, other = server.requests
        assert plain.headers["host"] == server.host
    assert (plain.target, other.target) == ("/v1/jobs/email%3Asomeone%40example.com", "/v1/jobs?a=b")
    assert plain.headers == other.headers | {"accept-encoding": "identity"}


@pytest.mark.parametrize(
    ("base_url", "path", "plain"),
    [
        ("https://api.example.com/v1", "/a%2Fb", True),
        ("https://api.example.com:8443", "a", True),
        ("https://api.example.com", "https://api.example.com/a", True),
        ("https://api.example.com", "/a%zz", False),
        ("https://api.example.com", "/a?b=c", False),
        ("https://api.example.com", "/a b", False),
        ("https://api.example.com", "/ä", False),
        ("https://api.example.com", "/a\r\nX: y", False),
        ("https://api.example.com", "https://api.example.com.evil.example.com/a", False),
        ("https://api.example.com", "https://api.example.com:444/a", False),
        ("https://API.example.com", "/a", False),
        ("https://[::1]", "/a", False),
        ("https://münchen.example.com", "/a", False),
    ],
)
def test_only_an_address_at_home_that_needs_no_encoding_is_a_plain_get(base_url: str, path: str, plain: bool) -> None:
    assert bool(Origin(base_url, {}, name="UseAPI", user_agent="x").plain_get(path)) == plain


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://api.example.com", b"api.example.com"),
        ("https://api.example.com:443/v1", b"api.example.com"),
        ("http://api.example.com:443", b"api.example.com:443"),
    ],
)
def test_the_host_is_named_without_the_port_that_goes_without_saying(base_url: str, host: bytes) -> None:
    request = Origin(base_url, {}, name="UseAPI", user_agent="x").plain_get("/a")
    assert (request or b"").split(b"\r\n")[1] == b"Host: " + host


def test_a_plain_get_goes_through_a_proxy_too() -> None:
    with ScriptedServer(answer(200, {"a": 1})) as proxy:
        with client_of("http://api.example.com/v1", proxies={"http": f"http://user:pw@{proxy.host}"}) as client:
            assert [client.get("/x").json() for _ in range(2)] == [{"a": 1}] * 2
        request = proxy.requests[1]
    assert request.target == "http://api.example.com/v1/x"
    assert request.headers["proxy-authorization"].startswith("Basic ")
    assert request.headers["host"] == "api.example.com"


def test_without_a_line_of_its_own_a_client_asks_through_requests() -> None:
    with responses.RequestsMock() as mock, client_of("https://api.example.com/v1", own_line=False) as client:
        mock.get("https://api.example.com/v1/a", json={"n": 1})
        assert client.get("/a").json() == {"n": 1}


def test_a_tick_of_plain_answers_needs_no_requests_library() -> None:
    code = "import sys\nfrom tenxsom.net.client import HttpClient\n"
    code += "client = HttpClient(sys.argv[1], name='UseAPI', own_line=True)\n"
    code += "print(client.get('/x').json(), 'requests' in sys.modules, 'urllib3' in sys.modules)"
    with ScriptedServer(answer(200, {"a": 1})) as server:
        ended = subprocess.run([sys.executable, "-c", code, server.url], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "{'a': 1} False False"


def test_a_connection_that_went_stale_is_replaced_without_a_word() -> None:
    def once(visit: Visit) -> None:
        visit.read_request()
        visit.sock.sendall(WHOLE)

    with ScriptedServer(once) as server, client_of(server.url) as client:
        assert [client.get("/x", retries=0).json() for _ in range(3)] == [{"a": 1}] * 3
        assert server.connections == 3


def test_over_tls_plain_gets_share_a_connection(tmp_path: Path) -> None:
    tls, trusting = net_server.certificate(tmp_path)
    with ScriptedServer(answer(200, {"a": 1}), tls=tls) as server:
        with client_of(server.url) as client:
            client._line._tls = trusting  # type: ignore[union-attr]
            assert [client.get("/x").json() for _ in range(3)] == [{"a": 1}] * 3
        assert server.connections == 1


def test_a_certificate_that_nobody_vouches_for_ends_a_plain_get(tmp_path: Path) -> None:
    tls, _ = net_server.certificate(tmp_path)
    with ScriptedServer(answer(), tls=tls) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown, match="its certificate could not be verified"):
            client.get("/x", retries=0)
        assert server.requests == []


@pytest.mark.parametrize("name", ["X Y", "X:", "", "X\r\nY", "Ä"])
def test_a_header_name_that_cannot_work_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name of a header"):
        HttpClient("https://api.example.com", headers={name: "x"}, name="UseAPI")
