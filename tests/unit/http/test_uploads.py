"""Uploads over real sockets: what goes to a signed link, what is refused, what is only a passing trouble."""

from __future__ import annotations

from pathlib import Path

import pytest
import responses

from tenxsom.errors import ServiceDown, ServiceRefused
from tenxsom.http.links import UnsafeLink
from tenxsom.http.uploads import Uploader
from tests.net_server import ScriptedServer, answer, certificate, close_at_once, raw, reset_unread, unused_port

DATA = bytes(range(256)) * 800
HEADERS = {"Content-Type": "image/png", "x-goog-content-length-range": "0,1000000"}
LOCAL = Uploader(service_url="http://127.0.0.1")
REMOTE = Uploader(service_url="https://api.ltx.video")


def test_an_upload_puts_the_bytes_with_the_services_headers_and_none_of_ours_but_the_usual() -> None:
    with ScriptedServer(answer(200)) as server:
        LOCAL.put(f"{server.url}/bucket/file?Signature=abc", DATA, HEADERS)
        request = server.requests[0]
    assert (request.method, request.target, request.body) == ("PUT", "/bucket/file?Signature=abc", DATA)
    assert sorted(request.headers) == [
        "accept", "accept-encoding", "content-length", "content-type", "host", "user-agent", "x-goog-content-length-range",
    ]  # fmt: skip
    assert (request.headers["content-type"], request.headers["content-length"]) == ("image/png", str(len(DATA)))


def test_no_content_type_is_made_up_where_the_service_asks_for_none() -> None:
    with ScriptedServer(answer(201)) as server:
        LOCAL.put(server.url, DATA, {})
        assert "content-type" not in server.requests[0].headers


def test_headers_that_every_request_has_anyway_may_be_named() -> None:
    with ScriptedServer(answer(200)) as server:
        LOCAL.put(server.url, DATA, {"Host": server.host, "content-length": str(len(DATA))})
        assert len(server.requests) == 1


def test_over_https_the_certificate_is_verified(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with ScriptedServer(answer(200), tls=context) as server, pytest.raises(ServiceDown, match="certificate"):
        LOCAL.put(server.url, DATA, HEADERS)


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.googleapis.com/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://user:secret@files.example.com/x",
        "file:///etc/passwd",
        "ftp://storage.googleapis.com/x",
        "//",
        "",
    ],
)
def test_an_address_that_is_not_safe_gets_nothing(url: str) -> None:
    with responses.RequestsMock() as mock, pytest.raises(UnsafeLink):
        REMOTE.put(url, DATA, HEADERS)
    assert len(mock.calls) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"Cookie": "a=b"},
        {"Transfer-Encoding": "chunked"},
        {"Proxy-Authorization": "x"},
        {"Host": "elsewhere.example.com"},
        {"Content-Length": "3"},
        {"X-A": "two\r\nlines"},
        {"X-A": " blank before"},
        {"X A": "1"},
        {"X-A": 7},
        {"X-A": "x" * 5000},
        {f"X-{number}": "1" for number in range(40)},
    ],
    ids=str,
)
def test_a_header_that_no_upload_needs_is_refused(headers: dict[str, str]) -> None:
    with responses.RequestsMock() as mock, pytest.raises(UnsafeLink):
        REMOTE.put("https://storage.googleapis.com/x", DATA, headers)
    assert len(mock.calls) == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with ScriptedServer(answer(status, Location="/elsewhere")) as server, pytest.raises(ServiceRefused, match=str(status)):
        LOCAL.put(server.url, DATA, HEADERS)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 411, 412, 413])
def test_a_refusal_is_certain_and_told_in_the_hosts_words(status: int) -> None:
    body = b'<?xml version="1.0"?><Error><Code>X</Code><Message>The signature is wrong.</Message></Error>'
    with ScriptedServer(answer(status, body)) as server, pytest.raises(ServiceRefused, match="The signature is wrong") as raised:
        LOCAL.put(server.url, DATA, HEADERS)
    assert raised.value.status == status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_passing_trouble_is_told_as_such_with_the_wait_that_was_asked_for(status: int) -> None:
    with ScriptedServer(answer(status, b"", Retry_After="7")) as server, pytest.raises(ServiceDown) as raised:
        LOCAL.put(server.url, DATA, HEADERS)
    assert raised.value.retry_after == 7
    assert len(server.requests) == 1


@pytest.mark.parametrize("behaviour", [close_at_once, reset_unread, raw(b""), raw(b"nonsense\r\n\r\n")])
def test_a_broken_connection_is_a_passing_trouble(behaviour: object) -> None:
    with ScriptedServer(behaviour) as server, pytest.raises(ServiceDown):  # type: ignore[arg-type]
        LOCAL.put(server.url, DATA, HEADERS)


def test_nobody_listening_is_a_passing_trouble() -> None:
    with pytest.raises(ServiceDown, match="did not get through"):
        LOCAL.put(f"http://127.0.0.1:{unused_port()}/x", DATA, HEADERS)


def test_no_message_holds_the_signature() -> None:
    with ScriptedServer(answer(403)) as server, pytest.raises(ServiceRefused) as raised:
        LOCAL.put(f"{server.url}/x?Signature=canary", DATA, HEADERS)
    assert "canary" not in str(raised.value)
