"""Downloads over real sockets: whole, resumed, refused; and what stays on the disk after each."""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import responses

from tenxsom import clock
from tenxsom.errors import BrokenMedia, DiskError, Interrupted, NotFound, ServiceDown
from tenxsom.http import links
from tenxsom.http.connections import Adapter
from tenxsom.http.downloads import Download, Downloader, LinkExpired
from tenxsom.http.links import UnsafeLink
from tenxsom.http.part import PartFile
from tenxsom.media.first_bytes import video_problem
from tests import net_server
from tests.net_server import ScriptedServer, Visit, answer, head, raw

CLIP = random.Random(7).randbytes(3_000_000)
DIGEST = hashlib.sha256(CLIP).hexdigest()
LOCAL = "http://127.0.0.1"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made; none is."""
    made: list[float] = []
    monkeypatch.setattr(clock, "sleep", made.append)
    return made


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "clip.mp4.part"


def fetch(url: str, part: Path, service_url: str = LOCAL, **options: object) -> Download:
    settings: dict[str, object] = {"max_bytes": 10_000_000, "deadline_seconds": 20, "read_timeout": 5} | options
    with Downloader(service_url=service_url) as downloader:
        return downloader.fetch(url, part, **settings)  # type: ignore[arg-type]


def file_host(
    data: bytes = CLIP, cut_after: Callable[[int], int | None] = lambda number: None, **headers: str
) -> net_server.Behaviour:
    """A host that knows ranges, and cuts its n-th connection after so many bytes of body."""

    def behave(visit: Visit) -> None:
        while request := visit.read_request():
            first, named = 0, {"Content-Type": "Video/MP4; x=y"} | {k.replace("_", "-"): v for k, v in headers.items()}
            match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
            if match and request.headers.get("if-range") in (None, named.get("ETag"), named.get("Last-Modified")):
                first = int(match[1])
                named["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            body = data[first:]
            visit.sock.sendall(head(206 if first else 200, {"Content-Length": str(len(body))} | named))
            limit = cut_after(visit.number)
            visit.sock.sendall(body[:limit])
            if limit is not None:
                return

    return behave


def ranges(server: ScriptedServer) -> list[str | None]:
    return [request.headers.get("range") for request in server.requests]


def leftovers(part: Path) -> list[str]:
    return sorted(path.name for path in part.parent.iterdir())


# --- Whole -----------------------------------------------------------------------------------------------------------------


def test_a_download_has_every_byte_its_size_its_hash_and_its_type(part: Path) -> None:
    with ScriptedServer(file_host(ETag='"a"')) as server:
        found = fetch(f"{server.url}/clip.mp4?X-Goog-Signature=abc", part)
        assert server.requests[0].target == "/clip.mp4?X-Goog-Signature=abc"
    assert found == Download(part, len(CLIP), DIGEST, "video/mp4")
    assert part.read_bytes() == CLIP
    assert leftovers(part) == [part.name]


@pytest.mark.parametrize("size", [1, 511, 4095, 4096, 4097, 524_288, 524_289])
def test_files_of_every_size_arrive_whole(size: int, part: Path) -> None:
    data = CLIP[:size]
    with ScriptedServer(answer(200, data)) as server:
        assert fetch(server.url, part).sha256 == hashlib.sha256(data).hexdigest()
    assert part.read_bytes() == data


def test_a_chunked_body_arrives_whole(part: Path) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(CLIP[i : i + 70_001]), CLIP[i : i + 70_001]) for i in range(0, len(CLIP), 70_001))
    with ScriptedServer(raw(head(200, {"Transfer-Encoding": "chunked", "Content-Length": "5"}) + chunks + b"0\r\n\r\n")) as server:
        assert fetch(server.url, part).sha256 == DIGEST


def test_a_body_that_ends_with_the_connection_arrives_whole(part: Path) -> None:
    with ScriptedServer(raw(head(200, {}) + CLIP)) as server:
        assert fetch(server.url, part).sha256 == DIGEST


def test_it_works_with_the_responses_library(part: Path) -> None:
    with responses.RequestsMock() as mock:
        mock.get("https://storage.googleapis.com/x.mp4", body=CLIP, content_type="video/mp4")
        assert fetch("https://storage.googleapis.com/x.mp4", part, service_url="https://api.useapi.net").sha256 == DIGEST


def test_no_token_no_cookie_and_no_compression_is_offered(part: Path) -> None:
    with ScriptedServer(answer(302, Location="/next", Set_Cookie="a=b", Connection="close"), answer(200, CLIP)) as server:
        fetch(server.url, part)
        assert [sorted(request.headers) for request in server.requests] == [["accept", "accept-encoding", "host", "user-agent"]] * 2
        assert server.requests[0].headers["accept-encoding"] == "identity"


# --- Resumed ---------------------------------------------------------------------------------------------------------------


def test_a_cut_transfer_is_carried_on_where_it_stopped(part: Path, pauses: list[float]) -> None:
    with ScriptedServer(file_host(cut_after=lambda number: 1_000_000 if number < 3 else None, ETag='"a"')) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == [None, "bytes=1000000-", "bytes=2000000-"]
        assert [request.headers.get("if-range") for request in server.requests] == [None, '"a"', '"a"']
    assert part.read_bytes() == CLIP
    assert len(pauses) == 2


OVERLAP = 4096

WEAK: dict[str, dict[str, str]] = {
    "no validator": {},
    "weak ETag": {"ETag": 'W/"a"'},
    "ETag without quotes": {"ETag": "a"},
    "Last-Modified alone": {"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"},
    "Last-Modified of this second": {
        "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT",
        "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
    },
    "no dates": {"Last-Modified": "yesterday", "Date": "today"},
}
STRONG: dict[str, dict[str, str]] = {
    "strong ETag": {"ETag": '"a"'},
    "old Last-Modified": {"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT", "Date": "Sun, 22 Nov 2026 11:00:00 GMT"},
}


def uncut(_: int) -> int | None:
    return None


def cut_once(number: int) -> int | None:
    return 1_000_000 if number == 1 else None


@pytest.mark.parametrize("headers", STRONG.values(), ids=STRONG.keys())
def test_with_a_strong_validator_a_cut_transfer_is_carried_on_at_its_end(headers: dict[str, str], part: Path) -> None:
    with ScriptedServer(file_host(CLIP, cut_once, **headers)) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == [None, "bytes=1000000-"]
        assert server.requests[1].headers["if-range"] in headers.values()


@pytest.mark.parametrize("headers", WEAK.values(), ids=WEAK.keys())
def test_without_a_strong_validator_it_is_carried_on_with_an_overlap(headers: dict[str, str], part: Path) -> None:
    with ScriptedServer(file_host(CLIP, cut_once, **headers)) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == [None, f"bytes={1_000_000 - OVERLAP}-"]
        assert "if-range" not in server.requests[1].headers
    assert part.read_bytes() == CLIP


@pytest.mark.case
@pytest.mark.parametrize("headers", WEAK.values(), ids=WEAK.keys())
def test_a_slow_download_is_carried_on_call_by_call_with_whatever_validator_there_is(headers: dict[str, str], part: Path) -> None:
    for _ in range(3):
        with ScriptedServer(file_host(CLIP, lambda number: 200_000 + OVERLAP, **headers)) as server:
            with pytest.raises(ServiceDown):
                fetch(server.url, part)
    assert part.stat().st_size > 2_000_000
    with ScriptedServer(file_host(CLIP, uncut, **headers)) as server:
        assert fetch(server.url, part) == Download(part, len(CLIP), DIGEST, "video/mp4")
        assert all(ranges(server))


@pytest.mark.parametrize("same_length", [True, False])
def test_another_file_under_the_same_link_is_noticed_by_the_overlap(same_length: bool, part: Path) -> None:
    other = CLIP[::-1] if same_length else CLIP[::-1] + b"x"
    with ScriptedServer(file_host(cut_after=lambda number: 500_000)) as server, pytest.raises(ServiceDown):
        fetch(server.url, part)
    with ScriptedServer(file_host(other)) as server:
        assert fetch(server.url, part).sha256 == hashlib.sha256(other).hexdigest()
        assert ranges(server)[-1] is None
    assert part.read_bytes() == other


def test_another_version_is_not_appended_even_where_the_overlap_is_the_same(part: Path) -> None:
    other = CLIP[:-1000] + CLIP[:1000]
    with ScriptedServer(file_host(cut_after=lambda number: 500_000, ETag='W/"a"')) as server, pytest.raises(ServiceDown):
        fetch(server.url, part)
    with ScriptedServer(file_host(other, ETag='W/"b"')) as server:
        assert fetch(server.url, part).sha256 == hashlib.sha256(other).hexdigest()


def test_a_part_of_a_few_bytes_is_fetched_anew(part: Path) -> None:
    with ScriptedServer(file_host(cut_after=lambda number: 1000 if number == 1 else None)) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == [None, None]


@pytest.mark.case
@pytest.mark.parametrize("headers", WEAK.values(), ids=WEAK.keys())
@pytest.mark.parametrize("bytes_of_a_connection", [50_000, 6000])
def test_a_link_that_breaks_every_few_kilobytes_gets_there(bytes_of_a_connection, headers, part: Path) -> None:
    small = CLIP[:100_000]
    with ScriptedServer(file_host(small, lambda _: bytes_of_a_connection, **headers)) as server:
        for _ in range(60):
            with contextlib.suppress(ServiceDown):
                fetch(server.url, part)
                break
    assert part.read_bytes() == small


def test_a_connection_that_breaks_in_the_overlap_loses_nothing(part: Path) -> None:
    with ScriptedServer(file_host(cut_after=lambda number: 500_000)) as server, pytest.raises(ServiceDown):
        fetch(server.url, part)
    there = part.stat().st_size
    first = there - OVERLAP
    broken = head(206, {"Content-Range": f"bytes {first}-{len(CLIP) - 1}/{len(CLIP)}"}) + CLIP[first : first + 100]
    with ScriptedServer(raw(broken)) as server, pytest.raises(ServiceDown, match="cut off"):
        fetch(server.url, part)
    assert part.read_bytes() == CLIP[:there]


def test_a_memo_of_an_earlier_release_is_understood(part: Path) -> None:
    part.write_bytes(CLIP[:700_000])
    memo = {"validator": '"a"', "size": 700_000, "total": len(CLIP), "sha256": hashlib.sha256(CLIP[:700_000]).hexdigest()}
    part.with_name(part.name + ".resume").write_text(json.dumps(memo))
    with ScriptedServer(file_host(ETag='"a"')) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == ["bytes=700000-"]


def test_an_interrupted_download_is_carried_on_by_the_next_call(part: Path) -> None:
    with ScriptedServer(file_host(cut_after=lambda number: 500_000, ETag='"a"')) as server:
        with pytest.raises(ServiceDown, match="stopped after 2000000 bytes"):
            fetch(server.url, part)
    assert leftovers(part) == [part.name, part.name + ".resume"]
    with ScriptedServer(file_host(ETag='"a"')) as server:
        assert fetch(server.url, part) == Download(part, len(CLIP), DIGEST, "video/mp4")
        assert ranges(server) == ["bytes=2000000-"]
    assert part.read_bytes() == CLIP
    assert leftovers(part) == [part.name]


def interrupted(part: Path) -> None:
    with ScriptedServer(file_host(cut_after=lambda number: 500_000, ETag='"a"')) as server, pytest.raises(ServiceDown):
        fetch(server.url, part)


def test_a_file_that_changed_meanwhile_is_started_anew(part: Path) -> None:
    interrupted(part)
    other = CLIP[::-1]
    with ScriptedServer(file_host(other, ETag='"b"')) as server:
        assert fetch(server.url, part).sha256 == hashlib.sha256(other).hexdigest()
        assert ranges(server) == ["bytes=2000000-"]
    assert part.read_bytes() == other


def damage_middle(part: Path) -> None:
    with part.open("r+b") as file:
        file.seek(700_000)
        file.write(b"\0" * 4096)


def shorten(part: Path) -> None:
    os.truncate(part, 1_000_000)


def forget(part: Path) -> None:
    part.with_name(part.name + ".resume").unlink()


def scribble(part: Path) -> None:
    part.with_name(part.name + ".resume").write_text('{"validator": 3, "size": "many"}')


def mangle(part: Path) -> None:
    part.with_name(part.name + ".resume").write_bytes(b"\xff{")


@pytest.mark.parametrize("spoil", [damage_middle, shorten, forget, scribble, mangle], ids=lambda spoil: spoil.__name__)
def test_a_part_that_is_not_what_was_left_is_started_anew(spoil: Callable[[Path], None], part: Path) -> None:
    interrupted(part)
    spoil(part)
    with ScriptedServer(file_host(ETag='"a"')) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == [None]
    assert part.read_bytes() == CLIP
    assert leftovers(part) == [part.name]


def test_bytes_written_after_the_memo_are_not_trusted(part: Path) -> None:
    interrupted(part)
    with part.open("ab") as file:
        file.write(b"left by a power cut")
    with ScriptedServer(file_host(ETag='"a"')) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == ["bytes=2000000-"]
    assert part.read_bytes() == CLIP


REST = CLIP[2_000_000:]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {}),
        (206, {"Content-Range": "bytes 1-999999/3000000"}),
        (206, {"Content-Range": "bytes 2000000-2999998/3000000"}),
        (206, {"Content-Range": "bytes 2000000-2999999/3000001"}),
        (206, {"Content-Range": "bytes 1999999-2999998/*"}),
        (206, {"Content-Range": "bytes 2000000-2999999/3000000", "ETag": '"other"'}),
        (206, {"Content-Range": "bytes 2000000-2999999/3000000", "Content-Encoding": "gzip"}),
        (206, {"Content-Range": "pages 1-2/3"}),
        (416, {"Content-Range": "bytes */3000000"}),
        (416, {}),
    ],
)
def test_a_rest_that_does_not_fit_is_thrown_away_and_everything_asked_for_again(
    status: int, headers: dict[str, str], part: Path
) -> None:
    interrupted(part)
    with ScriptedServer(answer(status, REST, Connection="close", **headers), file_host(ETag='"a"')) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == ["bytes=2000000-", None]
    assert part.read_bytes() == CLIP


@pytest.mark.parametrize(
    ("content_range", "body"),
    [("bytes 2000000-3000000/3000001", REST + b"x"), ("bytes 1999999-2999999/3000000", b"x" + REST)],
)
def test_a_rest_that_begins_or_ends_elsewhere_is_not_appended(content_range: str, body: bytes, part: Path) -> None:
    interrupted(part)
    with ScriptedServer(answer(206, body, Connection="close", Content_Range=content_range), file_host(ETag='"a"')) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == ["bytes=2000000-", None]


def test_a_rest_of_a_file_whose_size_its_host_does_not_know_is_appended(part: Path) -> None:
    interrupted(part)
    with ScriptedServer(answer(206, REST, Connection="close", Content_Range="bytes 2000000-2999999/*")) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == ["bytes=2000000-"]


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Range": "bytes 0-2999999/*"}, {"Content-Range": "bytes 0-2999999/3000000"}, {"Content-Range": "nonsense"}],
)
def test_a_host_that_says_206_to_everything_sends_the_file(headers: dict[str, str], part: Path) -> None:
    with ScriptedServer(answer(206, CLIP, **headers)) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert len(server.requests) == 1


def test_a_host_that_hands_a_file_out_in_slices_is_asked_for_all_of_them(part: Path) -> None:
    def slices(visit: Visit) -> None:
        while request := visit.read_request():
            first = int(request.headers.get("range", "bytes=0-")[6:-1])
            body = CLIP[first : first + 400_000]
            content_range = f"bytes {first}-{first + len(body) - 1}/{len(CLIP)}"
            visit.sock.sendall(head(206, {"Content-Length": str(len(body)), "Content-Range": content_range}) + body)

    with ScriptedServer(slices) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert len(server.requests) == 8
    assert part.read_bytes() == CLIP


def test_a_206_that_begins_elsewhere_is_not_the_file(part: Path) -> None:
    elsewhere = answer(206, CLIP[5:], Content_Range="bytes 5-2999999/3000000", Connection="close")
    with ScriptedServer(elsewhere, answer(200, CLIP)) as server:
        assert fetch(server.url, part).sha256 == DIGEST


def announcing(more: int, answers_ranges: bool, **headers: str) -> net_server.Behaviour:
    """A host that announces more bytes than its file has."""

    def behave(visit: Visit) -> None:
        while request := visit.read_request():
            match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
            if match and answers_ranges and int(match[1]) >= len(CLIP):
                visit.sock.sendall(head(416, {"Content-Length": "0", "Content-Range": f"bytes */{len(CLIP)}"} | headers))
                continue
            first = int(match[1]) if match and answers_ranges else 0
            named = {"Content-Range": f"bytes {first}-{len(CLIP) - 1}/{len(CLIP)}"} if first else {}
            length = len(CLIP) - first + (0 if first else more)
            visit.sock.sendall(head(206 if first else 200, {"Content-Length": str(length)} | named | headers) + CLIP[first:])
            return

    return behave


@pytest.mark.case
@pytest.mark.parametrize("headers", [{"ETag": '"a"'}, {}], ids=["a validator", "none"])
def test_a_file_that_is_smaller_than_was_announced_is_whole_where_the_host_says_so(headers: dict[str, str], part: Path) -> None:
    with ScriptedServer(announcing(50, answers_ranges=True, **headers)) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert len(server.requests) == 2
    assert part.read_bytes() == CLIP


@pytest.mark.case
def test_a_file_that_ends_at_the_same_byte_in_three_calls_is_handed_over(part: Path) -> None:
    """The host knows no ranges and announces too much: only a look at the file can tell whether it is whole."""
    with ScriptedServer(announcing(50, answers_ranges=False)) as server:
        for _ in range(2):
            with pytest.raises(ServiceDown, match="cut off"):
                fetch(server.url, part)
        assert fetch(server.url, part).sha256 == DIGEST
    assert part.read_bytes() == CLIP


def test_a_host_that_is_down_for_three_calls_hands_nothing_over(part: Path) -> None:
    interrupted(part)
    for _ in range(5):
        with pytest.raises(ServiceDown):
            fetch(f"http://127.0.0.1:{net_server.unused_port()}/", part)


def test_a_host_that_always_cuts_is_given_up_and_the_part_stays(part: Path, pauses: list[float]) -> None:
    with ScriptedServer(file_host(cut_after=lambda number: 0, ETag='"a"')) as server:
        with pytest.raises(ServiceDown, match=r"127\.0\.0\.1 stopped after 0 bytes \(the answer was cut off\)"):
            fetch(server.url, part)
        assert server.connections == 4
    assert len(pauses) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        net_server.close_at_once,
        net_server.reset_unread,
        raw(b"", then="stall"),
        raw(b"garbage\r\n\r\n"),
        answer(500, Connection="close"),
        answer(503, Connection="close"),
        answer(429, Connection="close"),
        answer(408, Connection="close"),
        answer(204, b"", Connection="close"),
    ],
)
def test_a_passing_trouble_is_tried_again_within_the_call(trouble: net_server.Behaviour, part: Path) -> None:
    with ScriptedServer(trouble, file_host()) as server:
        assert fetch(server.url, part, read_timeout=0.3).sha256 == DIGEST


def test_a_wait_the_host_asks_for_is_kept_or_handed_to_the_caller(part: Path, pauses: list[float]) -> None:
    with ScriptedServer(answer(503, Retry_After="3", Connection="close"), answer(503, Retry_After="90")) as server:
        with pytest.raises(ServiceDown) as down:
            fetch(server.url, part)
    assert (pauses, down.value.retry_after) == ([3.0], 90.0)


def test_a_host_that_cannot_be_reached_is_passing_trouble(part: Path) -> None:
    with pytest.raises(ServiceDown, match="connection refused"):
        fetch(f"http://127.0.0.1:{net_server.unused_port()}/x", part)


def test_a_drip_is_ended_by_the_deadline(part: Path) -> None:
    body = b"x" * 400
    with ScriptedServer(net_server.drip(head(200, {"Content-Length": "400", "ETag": '"a"'}) + body)) as server:
        with pytest.raises(ServiceDown):
            fetch(server.url, part, deadline_seconds=0.4)


def test_a_stop_request_leaves_the_part_for_the_next_run(part: Path) -> None:
    def stop_in_the_middle(visit: Visit) -> None:
        visit.read_request()
        visit.sock.sendall(head(200, {"Content-Length": str(len(CLIP)), "ETag": '"a"'}) + CLIP[:1_000_000])
        clock.request_stop()
        visit.sock.sendall(CLIP[1_000_000:])

    try:
        with ScriptedServer(stop_in_the_middle) as server, pytest.raises(Interrupted):
            fetch(server.url, part)
    finally:
        clock.forget_stop()
    kept = part.stat().st_size
    with ScriptedServer(file_host(ETag='"a"')) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == [f"bytes={kept}-"]


# --- Refused ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_link_that_does_not_work_any_more_asks_for_a_fresh_one_and_keeps_the_part(status: int, part: Path) -> None:
    interrupted(part)
    with ScriptedServer(answer(status)) as server, pytest.raises(LinkExpired, match="fresh one") as expired:
        fetch(f"{server.url}/x?signature=SECRET", part)
    assert isinstance(expired.value, NotFound)
    assert expired.value.status == status
    assert "SECRET" not in str(expired.value)
    with ScriptedServer(file_host(ETag='"a"')) as server:
        fetch(server.url, part)
        assert ranges(server) == ["bytes=2000000-"]


def no_html(first: bytes) -> str | None:
    return "it is a web page." if first.lstrip()[:5].lower() in (b"<html", b"<!doc") else None


def test_a_web_page_with_a_200_is_no_clip_and_does_not_stay(part: Path) -> None:
    with ScriptedServer(answer(200, b"<html><title>Sign in</title></html>", Content_Type="text/html")) as server:
        with pytest.raises(BrokenMedia, match="it is a web page"):
            fetch(server.url, part, find_problem=no_html)
    assert leftovers(part) == []


def test_the_first_bytes_are_judged_whole_even_if_they_come_one_by_one(part: Path) -> None:
    seen: list[bytes] = []

    def one_by_one(visit: Visit) -> None:
        visit.read_request()
        visit.sock.sendall(head(200, {"Content-Length": "9"}))
        net_server.drip_now(visit, b"123456789")

    with ScriptedServer(one_by_one) as server:
        fetch(server.url, part, find_problem=seen.append)
    assert seen == [b"123456789"]


def test_an_empty_file_is_no_clip(part: Path) -> None:
    for find_problem in (None, video_problem):
        with ScriptedServer(answer(200, b"")) as server, pytest.raises(BrokenMedia, match=r"the file is empty\.$"):
            fetch(server.url, part, find_problem=find_problem)
    assert leftovers(part) == []


def test_a_file_that_says_it_is_too_large_is_refused_before_it_is_read(part: Path) -> None:
    with ScriptedServer(raw(head(200, {"Content-Length": "10000001"}), then="stall")) as server:
        with pytest.raises(BrokenMedia, match="larger than 10000000"):
            fetch(server.url, part)
    assert leftovers(part) == []


def test_an_endless_body_is_stopped_at_the_limit(part: Path) -> None:
    def pour(visit: Visit) -> None:
        visit.read_request()
        visit.sock.sendall(head(200, {}))
        while True:
            visit.sock.sendall(b"x" * 65_536)

    with ScriptedServer(pour) as server, pytest.raises(BrokenMedia, match="larger"):
        fetch(server.url, part, max_bytes=1_000_000)
    assert leftovers(part) == []


def test_a_file_that_is_packed_in_an_unknown_way_is_refused(part: Path) -> None:
    with ScriptedServer(answer(200, b"\x28\xb5\x2f", Content_Encoding="zstd")) as server:
        with pytest.raises(BrokenMedia, match="packed"):
            fetch(server.url, part)


MP4 = b"\x00\x00\x00\x18ftypisom" + CLIP
PACKED = gzip.compress(MP4, 1)


@pytest.mark.case
@pytest.mark.parametrize("cut_after", [uncut, lambda number: 900_000 if number < 3 else None], ids=["at once", "in pieces"])
def test_a_file_that_its_host_packs_by_gzip_is_unpacked(cut_after: Callable[[int], int | None], part: Path) -> None:
    with ScriptedServer(file_host(PACKED, cut_after, Content_Encoding="gzip", ETag='"a"')) as server:
        loaded = fetch(server.url, part, find_problem=video_problem)
    assert (loaded.sha256, loaded.size_bytes) == (hashlib.sha256(MP4).hexdigest(), len(MP4))
    assert part.read_bytes() == MP4
    assert leftovers(part) == [part.name]


@pytest.mark.parametrize("at", [100_000, 600_000])
def test_a_file_that_is_packed_by_gzip_in_several_parts_is_unpacked_whole(at: int, part: Path) -> None:
    data = gzip.compress(MP4[:at], 1) + gzip.compress(MP4[at:], 1) + bytes(100)
    with ScriptedServer(answer(200, data, Content_Encoding="gzip")) as server:
        assert fetch(server.url, part, find_problem=video_problem).sha256 == hashlib.sha256(MP4).hexdigest()


def test_a_stop_request_ends_the_unpacking_of_very_many_empty_members(part: Path) -> None:
    with PartFile(part) as file:
        file.write(gzip.compress(b"") * 100)
        clock.request_stop()
        try:
            with pytest.raises(Interrupted):
                file.unpack(1000)
        finally:
            clock.forget_stop()
        assert leftovers(part) == [part.name]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (PACKED[:-9], "was cut off"),
        (PACKED + PACKED[:-9], "was cut off"),
        (PACKED[:5000] + b"x" * 500 + PACKED[5500:], "is damaged"),
        (gzip.compress(b"<html>Please wait</html>"), "does not begin like an MP4"),
        (gzip.compress(bytes(20_000_000)), "larger than"),
        (gzip.compress(b""), "the file is empty"),
    ],
    ids=["cut off", "cut off in its second part", "damaged", "a page", "a bomb", "nothing"],
)
def test_a_packed_file_that_is_no_clip_is_refused_and_does_not_stay(data: bytes, complaint: str, part: Path) -> None:
    with ScriptedServer(answer(200, data, Content_Encoding="gzip")) as server, pytest.raises(BrokenMedia, match=complaint):
        fetch(server.url, part, find_problem=video_problem)
    assert leftovers(part) == []


@pytest.mark.case
def test_a_file_that_comes_through_a_proxy_that_says_so_is_taken(part: Path) -> None:
    with ScriptedServer(answer(203, CLIP)) as server:
        assert fetch(server.url, part).size_bytes == len(CLIP)


@pytest.mark.case
@pytest.mark.parametrize("coding", ["aws-chunked", "identity", "UTF-8", "none", "binary", "aws-chunked, identity", "", "x"])
def test_a_content_encoding_that_is_none_says_nothing(coding: str, part: Path) -> None:
    with ScriptedServer(answer(200, CLIP, Content_Encoding=coding)) as server:
        assert fetch(server.url, part).sha256 == DIGEST


@pytest.mark.parametrize("coding", ["gzip", "br", "aws-chunked, gzip"])
def test_a_file_that_looks_right_is_taken_whatever_packing_the_host_names(coding: str, part: Path) -> None:
    with ScriptedServer(answer(200, CLIP, Content_Encoding=coding)) as server:
        assert fetch(server.url, part, find_problem=lambda start: None).sha256 == DIGEST


@pytest.mark.parametrize("coding", ["gzip", "br", "aws-chunked, zstd"])
def test_a_packed_file_is_refused_by_what_it_is(coding: str, part: Path) -> None:
    with ScriptedServer(answer(200, b"\x8b\x1f\x08", Content_Encoding=coding)) as server:
        with pytest.raises(BrokenMedia, match="packed"):
            fetch(server.url, part, find_problem=lambda start: "it is no clip.")


def test_a_download_carried_on_with_a_content_encoding_that_is_none_is_whole(part: Path) -> None:
    with ScriptedServer(file_host(CLIP, cut_once, Content_Encoding="aws-chunked")) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert ranges(server) == [None, f"bytes={1_000_000 - OVERLAP}-"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failing_disk_is_a_disk_error_and_gets_its_room_back(code: int, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, written = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        if os.fstat(descriptor).st_ino == part.stat().st_ino:
            written.append(len(data))
            if sum(written) > 1_000_000:
                raise OSError(code, os.strerror(code))
        return real(descriptor, data)

    with ScriptedServer(file_host(ETag='"a"')) as server:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            with pytest.raises(DiskError):
                fetch(server.url, part)
    assert leftovers(part) == []


def test_short_writes_lose_nothing(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with ScriptedServer(file_host()) as server, monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:100_000])))
        assert fetch(server.url, part).sha256 == DIGEST
    assert part.read_bytes() == CLIP


# --- Links -----------------------------------------------------------------------------------------------------------------

UNSAFE = [
    "file:///etc/passwd",
    "ftp://example.com/x",
    "data:video/mp4;base64,AAAA",
    "gopher://example.com",
    "javascript:alert(1)",
    "",
    "x",
    "//x/y",
    "http://",
    "http:///x",
    "https://user:pw@example.com/x",
    "https://user@example.com/x",
    "http://127.0.0.1/x",
    "http://127.1/x",
    "http://2130706433/x",
    "http://0x7f000001/x",
    "http://0177.0.0.1/x",
    "http://0/x",
    "http://0.0.0.0/x",
    "http://10.0.0.1/x",
    "http://172.16.0.1/x",
    "http://192.168.1.1/x",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/x",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[fe80::1]/x",
    "http://[fd00::1]/x",
    "http://[::]/x",
    "http://localhost/x",
    "http://LOCALHOST./x",
    "http://a.localhost/x",
    "http://metadata.google.internal/x",
    "http://printer.local/x",
    "http://①②⑦.⓪.⓪.①/x",
    "http://127.0.0.1:99999/x",
    "http://127.0.0.1#@example.com/",
]


@pytest.mark.parametrize("url", UNSAFE)
def test_an_unsafe_link_is_not_followed_and_leaves_nothing(url: str, part: Path) -> None:
    with pytest.raises(UnsafeLink, match="not followed"):
        fetch(url, part, service_url="https://api.useapi.net/v1")
    assert leftovers(part) == []


@pytest.mark.parametrize(
    "url", [url for url in UNSAFE if re.match(r"[a-z]+:(//[^/])?", url) and url not in ("http://", "http:///x")]
)
def test_a_redirect_to_an_unsafe_link_is_not_followed(url: str) -> None:
    def follow() -> None:
        target = links.redirected("https://cdn.example.com/a", url, local_allowed=False)
        links.prepare(target, {}, local_allowed=False)

    with pytest.raises(UnsafeLink):
        follow()


def test_the_host_that_is_judged_is_the_host_that_is_asked() -> None:
    """Where two ways to read an address differ, only the one that the connection uses counts."""
    for url in ("http://good.example.com\\@127.0.0.1/x", "http://good.example.com:80\\@127.0.0.1/x"):
        request = links.prepare(url, {}, local_allowed=False)
        host, _ = Adapter().build_connection_pool_key_attributes(request, True)
        assert host["host"] == "good.example.com"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "https://user:pw@127.0.0.1/"])
def test_a_host_cannot_redirect_to_another_scheme(target: str, part: Path) -> None:
    with ScriptedServer(answer(302, Location=target)) as server, pytest.raises(UnsafeLink):
        fetch(server.url, part)
    assert leftovers(part) == []


def test_https_is_not_given_up_on_the_way() -> None:
    for location in ("http://cdn.example.com/x", "HTTP://cdn.example.com/x"):
        with pytest.raises(UnsafeLink, match="https to http"):
            links.redirected("https://cdn.example.com/a", location, local_allowed=False)
    assert links.redirected("https://127.0.0.1/a", "http://127.0.0.1/b", local_allowed=True) == "http://127.0.0.1/b"
    assert links.redirected("https://cdn.example.com/a/b", "../c?d=e", local_allowed=False) == "https://cdn.example.com/c?d=e"


@pytest.mark.parametrize(
    "host",
    [
        "storage.googleapis.com",
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "2001:4860:4860::8888",
        "1.example",
        "localhost.example.com",
        "internal.example.com",
    ],
)
def test_an_address_of_the_world_is_not_local(host: str) -> None:
    assert not links.is_local(host)


def test_a_redirect_to_another_host_is_followed(part: Path) -> None:
    with ScriptedServer(file_host()) as cdn, ScriptedServer(answer(302, Location=f"{cdn.url}/clip")) as server:
        assert fetch(server.url, part).sha256 == DIGEST
        assert cdn.requests[0].target == "/clip"


def test_a_circle_of_redirects_ends(part: Path) -> None:
    with ScriptedServer(answer(302, Location="/again")) as server:
        with pytest.raises(UnsafeLink, match="5 times"):
            fetch(server.url, part)
        assert len(server.requests) == 6


def test_the_links_query_is_in_no_message(part: Path) -> None:
    with ScriptedServer(answer(500)) as server, pytest.raises(ServiceDown) as down:
        fetch(f"{server.url}/x?X-Goog-Signature=SECRET", part)
    assert "SECRET" not in str(down.value) + repr(down.value)
