"""Links that a service hands out: spelt as they are written, checked where they lead, also where a proxy resolves the name."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenxsom.errors import ServiceDown
from tenxsom.http import links
from tenxsom.http.downloads import Downloader
from tenxsom.http.links import UnsafeLink
from tenxsom.http.uploads import Uploader
from tests.net_server import ScriptedServer, answer, raw

PUBLIC_SERVICE = "https://93.184.216.34"


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "clip.part"


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let names resolve to addresses: `resolve(name=[...])`; returns the list of names that were looked up."""
    asked: list[str] = []

    def given(**addresses: list[str]) -> list[str]:
        def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
            asked.append(host)
            found = addresses.get(host.replace(".", "_"), [host])
            family = socket.AF_INET6 if ":" in found[0] else socket.AF_INET
            return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return given


def fetch(url: str, part: Path, service_url: str = PUBLIC_SERVICE, proxies: dict[str, str] | None = None) -> None:
    with Downloader(proxies, service_url=service_url) as downloader:
        downloader.fetch(url, part, max_bytes=1_000_000, deadline_seconds=3)


# Spelling


def test_a_link_with_half_a_letter_is_no_address(part):
    with pytest.raises(UnsafeLink, match="no valid address"):
        fetch("https://93.184.216.34/a\ud800", part)


@pytest.mark.case
@pytest.mark.parametrize(
    "target",
    [
        "/a%2cb?sig=Ab%2fZ", "/a?sig=Ab%7E1%2D", "/a?name=it%27s&sig=%2F1", "/a?x=%zz&y=%", "/a//b/./c/../d", "/a?b?c&&d=",
        "/~me/(1)*!$',;:@", "/a?q=[1]{2}|\\^`\"<>", "/a+b?c+d=e+f==", "/%E5%BD%B1?%e5", "/a;v=1?x#y",
    ],
)  # fmt: skip
def test_a_link_is_asked_for_letter_by_letter_as_it_is_written(target: str, part: Path) -> None:
    with ScriptedServer(answer(200, b"clip")) as server:
        fetch(f"{server.url}{target}", part, service_url=server.url)
    assert server.requests[0].target == target.partition("#")[0]


@pytest.mark.case
@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/my clip.mp4?name=a b", "/my%20clip.mp4?name=a%20b"),
        ("/影片 [1].mp4?sig=a+b/c==", "/%E5%BD%B1%E7%89%87%20[1].mp4?sig=a+b/c=="),
        ("/a\tb?c=é", "/a%09b?c=%C3%A9"),
        ("?x=1", "/?x=1"),
        ("", "/"),
    ],
)
def test_only_what_no_request_can_hold_is_encoded(written: str, sent: str, part: Path) -> None:
    with ScriptedServer(answer(200, b"clip")) as server:
        fetch(f"{server.url}{written}", part, service_url=server.url)
    assert server.requests[0].target == sent


@pytest.mark.case
@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("/影片.mp4?sig=%2f".encode(), "/%E5%BD%B1%E7%89%87.mp4?sig=%2f"),
        ("/café.mp4".encode("latin-1"), "/caf%E9.mp4"),
        (b"/a b.mp4", "/a%20b.mp4"),
        (b"?sig=%7e", "/start?sig=%7e"),
        (b"../x/%2D?y", "/x/%2D?y"),
    ],
)
def test_a_redirect_is_followed_as_its_bytes_say(location: bytes, sent: str, part: Path) -> None:
    redirect = raw(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
    with ScriptedServer(redirect, answer(200, b"clip")) as server:
        fetch(f"{server.url}/start", part, service_url=server.url)
    assert server.requests[1].target == sent


def test_an_upload_goes_to_the_link_as_it_is_written() -> None:
    with ScriptedServer(answer(200)) as server:
        Uploader(service_url=server.url).put(f"{server.url}/a%2cb?sig=%7e", b"x", {})
    assert server.requests[0].target == "/a%2cb?sig=%7e"


def test_nothing_that_urllib3_would_rewrite_reaches_the_host_as_a_header(part: Path) -> None:
    with ScriptedServer(answer(200, b"clip")) as server:
        fetch(f"{server.url}/a%2c", part, service_url=server.url)
    assert sorted(server.requests[0].headers) == ["accept", "accept-encoding", "host", "user-agent"]


# Where a name leads

INSIDE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fd00::1",
    "fe80::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "::127.0.0.1", "fec0::1",
    "::ffff:0:10.0.0.1", "64:ff9b:1::a00:1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_connected_to(address: str, part: Path, resolve: Callable[..., list[str]]) -> None:
    resolve(cdn_example_com=[address])
    with pytest.raises(UnsafeLink, match="inside our own network"):
        fetch("http://cdn.example.com/x", part)
    with pytest.raises(UnsafeLink, match="inside our own network"):
        Uploader(service_url=PUBLIC_SERVICE).put("https://cdn.example.com/x", b"x", {})
    assert not part.exists()


def test_one_address_inside_among_several_is_enough(part: Path, resolve: Callable[..., list[str]]) -> None:
    resolve(cdn_example_com=["93.184.216.34", "10.0.0.1"])
    with pytest.raises(UnsafeLink):
        fetch("http://cdn.example.com/x", part)


def test_a_redirect_to_a_name_that_leads_inside_is_not_followed(
    part: Path, resolve: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(inner_example_com=["10.0.0.1"])
    with ScriptedServer(answer(302, Location="http://inner.example.com/secret")) as server:
        real = links.public_addresses
        monkeypatch.setattr(links, "public_addresses", lambda host, port: ["127.0.0.1"] if host == "cdn.test" else real(host, port))
        with pytest.raises(UnsafeLink, match=r"inner\.example\.com"):
            fetch(f"http://cdn.test:{server.host.rpartition(':')[2]}/x", part)


def test_the_addresses_that_were_checked_are_the_ones_that_are_used(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a public address when it is looked at, and to one inside when it is used, gains nothing."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    connected: list[Any] = []

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        found = next(answers) if host == "cdn.example.com" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def connect(sock: socket.socket, address: Any) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr("tenxsom.clock.sleep", lambda seconds: None)
    with pytest.raises((ServiceDown, UnsafeLink)):
        fetch("http://cdn.example.com/x", part)
    assert connected == [("93.184.216.34", 80)]


def test_through_a_proxy_a_name_that_leads_inside_is_not_asked_for(part: Path, resolve: Callable[..., list[str]]) -> None:
    resolve(inner_example_com=["10.0.0.1"])
    with ScriptedServer(answer(200, b"clip")) as proxy, pytest.raises(UnsafeLink):
        fetch("http://inner.example.com/x", part, proxies={"http": f"http://{proxy.host}"})
    assert proxy.connections == 0


def test_through_a_proxy_a_name_that_only_the_proxy_knows_is_asked_for(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "cdn.example.com":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with ScriptedServer(answer(200, b"clip")) as proxy:
        fetch("http://cdn.example.com/a%2cb", part, proxies={"http": f"http://{proxy.host}"})
    assert proxy.requests[0].target == "http://cdn.example.com/a%2cb"


def test_a_service_that_is_itself_inside_may_hand_out_links_into_its_network(part: Path, resolve: Callable[..., list[str]]) -> None:
    resolve(vendor_corp=["127.0.0.1"], files_corp=["127.0.0.1"])
    with ScriptedServer(answer(200, b"clip")) as server:
        fetch(f"http://files.corp:{server.host.rpartition(':')[2]}/x", part, service_url="https://vendor.corp/v1")
    assert part.read_bytes() == b"clip"
