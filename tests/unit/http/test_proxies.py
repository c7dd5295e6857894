"""Proxies of companies: which request goes through one, and what is said when it does not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tenxsom.errors import NotSent, ServiceDown
from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.http.errors import describe_error
from tenxsom.http.proxies import proxy_for
from tests.net_server import ScriptedServer, answer, certificate, unused_port

PROXY = "http://proxy.example.com:3128"


@pytest.mark.case
@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "https://api.example.com"),
        ("example.com", "https://api.example.com"),
        (".example.com", "https://api.example.com"),
        ("*.example.com", "https://api.example.com"),
        ("EXAMPLE.com", "https://API.example.com."),
        ("api.example.com:8443", "https://api.example.com:8443"),
        ("api.example.com:443", "https://api.example.com"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.2.3", "https://10.1.2.3:8443/x"),
        ("fd00::/8", "https://[fd00::1]/"),
        ("[fd00::1]:8443", "https://[fd00::1]:8443/"),
        ("a.com b.com", "https://b.com"),
        ("a.com, b.com", "https://b.com"),
    ],
)
def test_what_no_proxy_names_is_asked_directly(no_proxy: str, url: str) -> None:
    assert proxy_for(url, {"https": PROXY, "no_proxy": no_proxy}) is None


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("", "https://api.example.com"),
        ("ample.com", "https://api.example.com"),
        ("example.com:8443", "https://api.example.com"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://api.example.com"),
        ("api.example.com", "https://example.com"),
        (",, ,", "https://example.com"),
    ],
)
def test_everything_else_goes_through_the_proxy(no_proxy: str, url: str) -> None:
    assert proxy_for(url, {"https": PROXY, "no_proxy": no_proxy}) == PROXY


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]", "studio.localhost"])
def test_a_service_on_this_machine_is_never_asked_through_a_proxy(host: str) -> None:
    assert proxy_for(f"http://{host}:8765/v1", {"http": PROXY}) is None


@pytest.mark.case
def test_a_token_for_this_machine_does_not_go_to_the_proxy() -> None:
    with ScriptedServer(answer(200)) as proxy, ScriptedServer(answer(200, {"jobId": "j"})) as server:
        headers = {"Authorization": "Bearer user:1-SECRET"}
        with HttpClient(server.url, headers=headers, name="UseAPI", proxies={"http": f"http://{proxy.host}"}) as client:
            client.get("/x")
            client.post_paid("/y", json={})
        assert (proxy.connections, len(server.requests)) == (0, 2)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named_without_its_password(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenxsom.clock.sleep", lambda seconds: None)
    address = f"127.0.0.1:{unused_port()}"
    proxies = {scheme: f"http://me:geheim@{address}"}
    with HttpClient(f"{scheme}://api.example.com", name="UseAPI", proxies=proxies) as client:
        with pytest.raises(NotSent, match=f"connection refused, through the proxy {address}") as unsent:
            client.post_paid("/x", json={})
        with pytest.raises(ServiceDown, match=f"through the proxy {address}") as down:
            client.get("/x")
    assert "geheim" not in f"{unsent.value} {down.value}"


@pytest.mark.parametrize(("status", "told"), [(403, "lets nobody through"), (407, "user name and a password"), (502, "HTTP 502")])
def test_a_proxy_that_opens_no_tunnel_is_named_with_its_reason(status: int, told: str, tmp_path: Path) -> None:
    with ScriptedServer(answer(status, b"")) as proxy:
        with HttpClient("https://api.example.com", name="UseAPI", proxies={"https": f"http://{proxy.host}"}) as client:
            with pytest.raises(NotSent, match=f"{told}.*, through the proxy {proxy.host}"):
                client.post_paid("/x", json={})
            with pytest.raises(ServiceDown, match=f"{told}.*, through the proxy {proxy.host}"):
                client.get("/x", retries=0)
        with Downloader({"https": f"http://{proxy.host}"}) as downloader, pytest.raises(ServiceDown, match=proxy.host):
            downloader.fetch("https://192.0.78.1/x", tmp_path / "part", max_bytes=10, deadline_seconds=0.2)


def test_a_proxy_that_refuses_googles_library_is_told_with_its_reason() -> None:
    error = httpx.ProxyError("407 Proxy Authentication Required")
    told = describe_error(error, "http://me:geheim@proxy.example.com:3128")
    assert told.startswith("the proxy refused with HTTP 407: it wants a user name and a password")
    assert "geheim" not in told


@contextlib.contextmanager
def tunnel(server: ScriptedServer, *, socks: bool) -> Iterator[str]:
    """A proxy that connects every request to `server`, whatever host it names; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(server.host.rpartition(":")[2])

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as upstream:
            if socks:
                client.recv(2 + client.recv(2, socket.MSG_PEEK)[1])
                client.sendall(b"\x05\x00")
                client.recv(300)
                client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            else:
                client.recv(65_536)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
            back.start()
            pump(client, upstream)
            back.join(5)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("socks", [False, True], ids=["CONNECT", "SOCKS"])
def test_free_and_paid_calls_and_downloads_go_through_a_tunnel_with_tls_inside(socks: bool, tmp_path: Path) -> None:
    if socks:
        pytest.importorskip("socks", reason="SOCKS needs PySocks")
    tls, trusted = certificate(tmp_path)
    with ScriptedServer(answer(200, {"jobId": "j"}), tls=tls) as server, tunnel(server, socks=socks) as address:
        proxies = {"https": f"{'socks5h' if socks else 'http'}://{address}"}
        # The certificate is for 127.0.0.1; the name that is asked for need not be this machine's.
        url = "https://127.0.0.1:44444"
        pass_on = {"proxies": proxies, "ca_file": trusted}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tenxsom.http.proxies._is_loopback", lambda host: False)
            with HttpClient(url, name="UseAPI", **pass_on) as client:  # type: ignore[arg-type]
                assert client.get("/a").json() == {"jobId": "j"}
                assert client.post_paid("/b", json={}).json() == {"jobId": "j"}
            with Downloader(proxies, service_url=url, ca_file=trusted) as downloader:
                found = downloader.fetch(f"{url}/c", tmp_path / "part", max_bytes=100, deadline_seconds=5)
        assert found.size_bytes == len(b'{"jobId": "j"}')
        assert [request.target for request in server.requests] == ["/a", "/b", "/c"]
