"""The same client against the same app, once in process and once over a socket: nothing may differ."""

from __future__ import annotations

import contextlib
import hashlib
import json
import select
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import waitress.server
from requests.adapters import HTTPAdapter

from tenxsom import clock
from tenxsom.errors import AccountTrouble, ServiceDown, SubmitUnclear
from tenxsom.net import inprocess
from tenxsom.net.client import HttpClient
from tenxsom.net.download import Downloader
from tenxsom.net.inprocess import InProcessAdapter

BIG = bytes(range(256)) * 20_000
HANG_UP = threading.Event()


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """A small WSGI app with everything in it that an HTTP door can get wrong."""
    path = environ["PATH_INFO"]
    blocks = PAGES.get(path, echo)(environ, start)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else blocks


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    told = {
        "method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"], "query": environ["QUERY_STRING"],
        "type": environ.get("CONTENT_TYPE", ""), "token": environ.get("HTTP_AUTHORIZATION"), "host": "HTTP_HOST" in environ,
        "size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "scheme": environ["wsgi.url_scheme"],
    }  # fmt: skip
    data = json.dumps(told).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]


def without_reading(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("401 Unauthorized", [("Content-Type", "application/json")])
    return [b'{"error": ', b'"Unauthorized"}']


def stream(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "video/mp4")])
    return (BIG[i : i + 100_000] for i in range(0, len(BIG), 100_000))


def ranged(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    first = int(environ.get("HTTP_RANGE", "bytes=0-")[6:-1])
    body = BIG[first:]
    headers = [("Content-Length", str(len(body))), ("ETag", '"big"')]
    if first:
        headers.append(("Content-Range", f"bytes {first}-{len(BIG) - 1}/{len(BIG)}"))
    start("206 Partial Content" if first else "200 OK", headers)
    return [body]


def broken(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    raise FileNotFoundError("an app's own OSError")


def breaks_off(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
    start("200 OK", [("Content-Length", "1000000"), ("ETag", '"x"')])
    yield b"x" * 70_000
    raise RuntimeError("in the middle")


def nothing(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("204 No Content", [])
    return []


def slow(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    HANG_UP.wait(1)
    return echo(environ, start)


PAGES = {
    "/without-reading": without_reading, "/stream": stream, "/ranged": ranged, "/broken": broken,
    "/breaks-off": breaks_off, "/nothing": nothing, "/slow": slow,
}  # fmt: skip


class Door:
    def __init__(self, url: str, factory: Callable[[], HTTPAdapter] | None) -> None:
        self.url, self.factory = url, factory

    def client(self) -> HttpClient:
        return HttpClient(self.url, headers={"Authorization": "Bearer t0ken-t0ken"}, name="Studio", adapter_factory=self.factory)

    def downloader(self) -> Downloader:
        return Downloader(self.factory, service_url=self.url)


@pytest.fixture(scope="module")
def socket_url() -> Iterator[str]:
    server = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=8)
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            server.asyncore.loop(timeout=0.05, count=1, map=server._map)
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map, ignore_all=True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    HANG_UP.set()
    over.set()
    thread.join(10)


@pytest.fixture(params=["in process", "over a socket"])
def door(request: pytest.FixtureRequest) -> Door:
    if request.param == "in process":
        return Door("http://studio.local", lambda: InProcessAdapter(app))
    return Door(request.getfixturevalue("socket_url"), None)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "sleep", lambda seconds: None)


def test_a_request_arrives_as_it_was_sent(door: Door) -> None:
    with door.client() as client:
        told = client.get("/assets/email:a@b.example-job:1", params={"page": 2}).json()
    assert told == {
        "method": "GET", "path": "/assets/email:a@b.example-job:1", "query": "page=2", "type": "", "token": "Bearer t0ken-t0ken",
        "host": True, "size": 0, "sha256": hashlib.sha256(b"").hexdigest(), "scheme": "http",
    }  # fmt: skip


def test_a_large_upload_arrives_whole(door: Door) -> None:
    with door.client() as client:
        told = client.post("/upload", data=BIG, headers={"Content-Type": "image/png"}).json()
        assert (told["size"], told["sha256"], told["type"]) == (len(BIG), hashlib.sha256(BIG).hexdigest(), "image/png")
        assert client.post_paid("/order", json={"a": "ä"}).json()["type"] == "application/json"


def test_a_chunked_upload_arrives_whole(door: Door) -> None:
    adapter = door.factory() if door.factory else HTTPAdapter()
    pieces = (BIG[i : i + 77_777] for i in range(0, len(BIG), 77_777))
    for blocks in (pieces, iter([]), iter([b"a", b"b"])):
        request = requests.Request("POST", f"{door.url}/upload", data=blocks).prepare()
        told = adapter.send(request, timeout=5).json()
        assert told["size"] in (len(BIG), 0, 2)
    adapter.close()


def test_an_answer_without_a_length_arrives_whole(door: Door) -> None:
    with door.client() as client:
        assert client.get("/stream").body == BIG
        assert client.get("/stream").body == BIG


def test_a_refusal_of_an_unread_upload_leaves_the_connection_usable(door: Door) -> None:
    with door.client() as client, pytest.raises(AccountTrouble, match="Unauthorized"):
        client.post("/without-reading", data=b"x" * 300_000)
    adapter = door.factory() if door.factory else HTTPAdapter()
    for path, status in (("/without-reading", 401), ("/x", 200)) * 2:
        request = requests.Request("POST", door.url + path, data=b"GET /smuggled HTTP/1.1\r\n\r\n" * 1000).prepare()
        assert adapter.send(request, timeout=5).status_code == status
    adapter.close()


def test_head_and_204_have_no_body_and_leave_the_connection_usable(door: Door) -> None:
    adapter = door.factory() if door.factory else HTTPAdapter()
    for method, path in (("HEAD", "/x"), ("HEAD", "/stream"), ("HEAD", "/ranged"), ("GET", "/nothing"), ("HEAD", "/nothing")):
        answer = adapter.send(requests.Request(method, door.url + path).prepare(), timeout=5)
        assert answer.content == b""
        assert adapter.send(requests.Request("GET", f"{door.url}/x").prepare(), timeout=5).json()["path"] == "/x"
    adapter.close()


def test_a_download_and_its_rest_arrive(door: Door, tmp_path: Path) -> None:
    with door.downloader() as downloader:
        found = downloader.fetch(f"{door.url}/ranged", tmp_path / "a.part", max_bytes=10**8, deadline_seconds=20)
    assert found.sha256 == hashlib.sha256(BIG).hexdigest()
    adapter = door.factory() if door.factory else HTTPAdapter()
    request = requests.Request("GET", f"{door.url}/ranged", headers={"Range": "bytes=5000000-"}).prepare()
    answer = adapter.send(request, timeout=5)
    assert (answer.status_code, answer.content, answer.headers["Content-Range"]) == (
        206,
        BIG[5_000_000:],
        "bytes 5000000-5119999/5120000",
    )
    adapter.close()


def test_an_app_that_fails_answers_500_and_lives_on(door: Door, no_pauses: None) -> None:
    with door.client() as client:
        with pytest.raises(ServiceDown, match="500"):
            client.get("/broken")
        with pytest.raises(SubmitUnclear, match="500"):
            client.post_paid("/broken", json={})
        assert client.get("/x").status == 200


def test_an_app_that_breaks_off_cuts_its_body(door: Door, no_pauses: None, tmp_path: Path) -> None:
    with door.client() as client:
        with pytest.raises(SubmitUnclear, match="cut off"):
            client.post_paid("/breaks-off", json={})
        with pytest.raises(ServiceDown, match="cut off"):
            client.get("/breaks-off")
    with door.downloader() as downloader, pytest.raises(ServiceDown, match="cut off"):
        downloader.fetch(f"{door.url}/breaks-off", tmp_path / "a.part", max_bytes=10**8, deadline_seconds=20)


def test_a_connection_is_not_closed_before_the_request_is_in() -> None:
    ours = inprocess._connect(app, "http", 80)
    with ours:
        ours.settimeout(5)
        ours.sendall(b"POST /breaks-off HTTP/1.1\r\nHost: studio.local\r\nContent-Length: 2\r\n\r\n{")
        received = b""
        while not received.endswith(b"\r\n\r\n" + b"x" * 70_000):
            piece = ours.recv(65_536)
            assert piece, "it was closed before the answer's end"
            received += piece
        assert not select.select([ours], [], [], 0.2)[0]  # still open, because half of our request is missing
        ours.sendall(b"}")
        assert ours.recv(65_536) == b""


@pytest.mark.parametrize(
    "body", [b"Content-Length: 2\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"]
)
def test_a_request_that_never_ends_does_not_keep_its_connection_open(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(inprocess, "LINGER_SECONDS", 0.05)
    with inprocess._connect(app, "http", 80) as ours:
        ours.settimeout(5)
        ours.sendall(b"POST /breaks-off HTTP/1.1\r\nHost: studio.local\r\n" + body)
        with contextlib.suppress(ConnectionResetError):
            while ours.recv(65_536):
                pass


def test_an_app_that_is_slow_runs_into_the_time_out(door: Door) -> None:
    with door.client() as client:
        with pytest.raises(SubmitUnclear, match="too long"):
            client.post_paid("/slow", json={}, timeout=0.1)


def test_many_threads_are_served_at_once(door: Door) -> None:
    with door.client() as client:
        paths: list[str] = []
        threads = [threading.Thread(target=lambda n=n: paths.append(client.get(f"/{n}").json()["path"])) for n in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(paths) == sorted(f"/{n}" for n in range(32))


# --- In process only -------------------------------------------------------------------------------------------------------


def serving_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "in-process-http"}


def test_neither_a_body_for_head_nor_an_unread_upload_costs_the_connection() -> None:
    served_by: set[threading.Thread] = set()

    def sloppy(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        served_by.add(threading.current_thread())
        return PAGES.get(environ["PATH_INFO"], echo)(environ, start)

    adapter = InProcessAdapter(sloppy)
    for method, path in (("HEAD", "/x"), ("GET", "/x"), ("HEAD", "/stream"), ("POST", "/without-reading"), ("GET", "/x")):
        request = requests.Request(method, f"http://studio.local{path}", data=b"y" * 5000 if method == "POST" else None).prepare()
        answer = adapter.send(request, timeout=5)
        assert bool(answer.content) == (method != "HEAD")
    assert len(served_by) == 1
    adapter.close()


def test_connections_are_kept_and_their_threads_end_with_them() -> None:
    before = serving_threads()
    with Door("http://studio.local", lambda: InProcessAdapter(app)).client() as client:
        for _ in range(5):
            client.get("/x")
        (ours,) = serving_threads() - before
        assert ours.daemon
    ours.join(5)
    assert not ours.is_alive()


def test_https_and_any_host_lead_to_the_app_and_no_proxy_stands_between() -> None:
    nowhere = {"http": "http://127.0.0.1:9", "https": "http://127.0.0.1:9"}
    for url in ("https://api.useapi.net/v1", "http://10.0.0.1:8080"):
        with HttpClient(url, name="Studio", adapter_factory=lambda: InProcessAdapter(app), proxies=nowhere) as client:
            assert client.get("/x").json()["scheme"] == url.partition(":")[0]


def test_a_client_that_hangs_up_is_not_worth_a_word(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    adapter, before = InProcessAdapter(app), serving_threads()
    answer = adapter.send(requests.Request("GET", "http://studio.local/stream").prepare(), stream=True, timeout=5)
    answer.raw.read(10)
    (ours,) = serving_threads() - before
    answer.close()
    adapter.close()
    ours.join(5)
    assert not ours.is_alive()
    assert (capfd.readouterr(), caplog.text) == (("", ""), "")


def test_an_app_that_fails_is_logged_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    with Door("http://studio.local", lambda: InProcessAdapter(app)).client() as client, pytest.raises(ServiceDown):
        client.get("/broken", retries=0)
    assert "an app's own OSError" in caplog.text


def test_what_is_no_http_gets_a_400_or_nothing_and_harms_nobody() -> None:
    adapter = InProcessAdapter(app)
    for data in (
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ):
        connection = adapter.poolmanager.connection_from_url("http://studio.local")._new_conn()
        connection.connect()
        connection.sock.settimeout(5)
        connection.sock.sendall(data)
        connection.sock.shutdown(1)
        while connection.sock.recv(65_536):
            pass
        connection.close()
    assert adapter.send(requests.Request("GET", "http://studio.local/x").prepare(), timeout=5).status_code == 200
    adapter.close()
