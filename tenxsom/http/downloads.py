"""Downloads: a link becomes a whole file on the disk, or a `.part` that the next try carries on with.

The bytes stream to the `.part` in constant memory. The caller verifies what it got and publishes it (`atomic.publish`).
No header of ours but the range goes to a result's host: links are signed and self-contained
(https://www.useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId.html).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import requests

from tenxsom import clock
from tenxsom.errors import BrokenMedia, NotFound, ServiceDown
from tenxsom.http import links
from tenxsom.http.answer import Answer
from tenxsom.http.client import USER_AGENT
from tenxsom.http.connections import Adapter, new_session, send
from tenxsom.http.errors import CONNECTION_ERRORS, phrase
from tenxsom.http.links import UnsafeLink
from tenxsom.http.part import PIECE_BYTES, PartFile
from tenxsom.http.proxies import proxy_for
from tenxsom.http.retries import retry
from tenxsom.http.tls import tls_context

POOL_SIZE = 16
OVERLAP_BYTES = 65_536
"""How many bytes are fetched a second time and compared, where a host names no version that `If-Range` may hold."""

_TRIES = 4
_MOST_REDIRECTS = 5
_HEAD_BYTES = 4096
_LONGEST_PAUSE_SECONDS = 10.0
_PACKED = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"}
"""Content codings that are one (https://www.iana.org/assignments/http-parameters); `aws-chunked` and the like say nothing."""


class LinkExpired(NotFound):
    """The link does not work any more (any 4xx but 408, 416, 425, 429): ask the service for a fresh one; the part is kept."""


class Download(NamedTuple):
    """A complete download: the `.part` it lies in, its size in bytes, its SHA-256 (hex), the type the host states (or "")."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str


class _Limits(NamedTuple):
    """What one download may take: bytes, time, seconds of silence; and what its first bytes must look like."""

    max_bytes: int
    deadline: clock.Deadline
    read_timeout: float
    looks_right: Callable[[bytes], str | None] | None


class _Hiccup(Exception):
    """A passing trouble within a download; the next try may carry on where this one stopped."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Downloader:
    """Fetches results for one service. One object serves all threads of a process."""

    def __init__(
        self,
        proxies: Mapping[str, str] | None = None,
        *,
        service_url: str = "",
        user_agent: str = USER_AGENT,
        ca_file: Path | None = None,
        headers_for: Callable[[str], dict[str, str]] | None = None,
    ) -> None:
        """`service_url` is the base URL of the service whose results these are; `headers_for` adds headers to an address.

        Only a service that is itself on this machine or its network may hand out links into it, and may redirect to plain http.
        """
        self._proxies = dict(proxies or {})
        self._service_url = service_url
        self._user_agent = user_agent
        self._ca_file = ca_file
        self._headers_for = headers_for or (lambda _: {})
        self._opening = threading.Lock()

    def fetch(
        self,
        url: str,
        part: Path,
        *,
        max_bytes: int,
        deadline_seconds: float,
        read_timeout: float = 30,
        looks_right: Callable[[bytes], str | None] | None = None,
    ) -> Download:
        """Download `url` to `part`, carrying on with what an interrupted try left there if the host still has the same file.

        A cut or stalled transfer is resumed a few times within the call. `looks_right` gets the first bytes (up to 4,096) and
        returns a sentence when they are not what they should be. Raises
        LinkExpired: ask for a fresh link; ServiceDown: passing trouble, or `deadline_seconds` ran out (the part is kept);
        BrokenMedia: empty, larger than `max_bytes`, packed, or not what `looks_right` expects (the part is removed);
        UnsafeLink: the link, or where it redirects to, is not followed; DiskTrouble; Interrupted (the part is kept).
        """
        limits = _Limits(max_bytes, clock.Deadline(deadline_seconds), read_timeout, looks_right)
        links.prepare(url, {}, local_allowed=self._local_allowed)
        with PartFile(part) as file:
            content_type = self._persist(url, file, limits)
            return Download(part, file.size, file.sha256(), content_type)

    def close(self) -> None:
        """Close the kept connections."""
        if "_session" in vars(self):
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @cached_property
    def _local_allowed(self) -> bool:
        return links.is_inside(self._service_url)

    @cached_property
    def _session(self) -> requests.Session:
        resolve = None if self._local_allowed else links.public_addresses
        return new_session(Adapter(POOL_SIZE, partial(tls_context, self._ca_file), links=resolve, long_bodies=True))

    def _persist(self, url: str, file: PartFile, limits: _Limits) -> str:
        """The content type of the whole file. Raises ServiceDown after several hiccups."""
        try:
            return retry(
                partial(self._transfer, url, file, limits),
                tries=_TRIES,
                longest_pause=_LONGEST_PAUSE_SECONDS,
                deadline=limits.deadline,
                is_passing=lambda error: isinstance(error, _Hiccup),
            )
        except _Hiccup as hiccup:
            stopped = f"The download from {urlsplit(url).hostname} stopped after {file.size} bytes ({hiccup})"
            raise ServiceDown(f"{stopped}; it will be carried on.", hiccup.retry_after) from None

    def _transfer(self, url: str, file: PartFile, limits: _Limits) -> str:
        """One try: ask for what is missing, and write it; again while the host hands the file out in slices."""
        while True:
            clock.check_stop()
            before = file.size
            with closing(self._follow(url, file, limits)) as response, _hiccups():
                overlap = _judge(response, file)
                _check_size(file.total, limits)
                _pour(response, file, limits, overlap)
            if file.total in (None, file.size):
                return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()[:100]
            if response.status_code != 206 or file.size <= before or file.size > (file.total or 0):
                raise _Hiccup("the file was cut off")

    def _follow(self, url: str, file: PartFile, limits: _Limits) -> requests.Response:
        """The first answer that is no redirect. The caller closes it."""
        for _ in range(_MOST_REDIRECTS + 1):
            request = links.prepare(url, self._headers(file), local_allowed=self._local_allowed)
            request.headers.update(self._headers_for(str(request.url)))
            response = self._ask(request, limits)
            location = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not location:
                return response
            response.close()
            url = links.redirected(request.url or url, location, local_allowed=self._local_allowed)
        raise UnsafeLink(f"The service's link redirects more than {_MOST_REDIRECTS} times; it is not followed any further.")

    def _ask(self, request: requests.PreparedRequest, limits: _Limits) -> requests.Response:
        proxy = proxy_for(str(request.url), self._proxies)
        if proxy and not self._local_allowed:
            links.check_before_proxy(urlsplit(request.url or "").hostname or "")
        with self._opening:
            session = self._session
        with _hiccups(proxy):
            return send(session, request, max(0.001, min(limits.read_timeout, limits.deadline.left())), proxy)

    def _headers(self, file: PartFile) -> dict[str, str]:
        headers = {"User-Agent": self._user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        if file.size and file.validator:
            return headers | {"Range": f"bytes={file.size}-", "If-Range": file.validator}
        if file.size > OVERLAP_BYTES:
            return headers | {"Range": f"bytes={file.size - OVERLAP_BYTES}-"}
        return headers


def looks_like_mp4(start: bytes) -> str | None:
    """None for the first bytes of an MP4 file, else a sentence."""
    return None if start[4:8] in (b"ftyp", b"moov", b"free", b"skip", b"wide") else "it does not begin like an MP4 file"


def looks_like_picture(start: bytes) -> str | None:
    """None for the first bytes of a picture, else a sentence."""
    known = start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
    is_heic = start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1")
    return None if known or is_heic else "it does not begin like a PNG, JPEG, WebP or HEIC picture"


@contextmanager
def _hiccups(proxy: str | None = None) -> Iterator[None]:
    """Turn what a connection raises into a _Hiccup. Errors of our own, DiskTrouble among them, pass."""
    try:
        yield
    except CONNECTION_ERRORS as error:
        raise _Hiccup(phrase(error, proxy)) from None


def _judge(response: requests.Response, file: PartFile) -> int:
    """Set the file up for the body that comes: from the start for a 200, onwards for a 206 that fits. Everything else raises.

    Returns how many of the body's first bytes are to be compared with the last ones that are there.
    """
    status = response.status_code
    slice_ = _slice(response)
    if status == 206 and file.size and slice_ and _continues(response, slice_, file):
        file.total = slice_.total
        return file.size - slice_.first
    if status == 416 or (status == 206 and (file.size or (slice_ and slice_.first > 0))):
        file.start_over()
        raise _Hiccup("the host sent another part than the one asked for")
    if status in (408, 425, 429) or status >= 500:
        raise _Hiccup(f"HTTP {status}", Answer(status, response.headers, b"").retry_after())
    if 400 <= status <= 499:
        raise LinkExpired(f"The link to {_host(response)} does not work any more (HTTP {status}); a fresh one is needed.", status)
    if status not in (200, 206):
        raise _Hiccup(f"HTTP {status}")
    file.start_over()
    file.validator, file.version = _validator(response.headers), _version(response.headers)
    if slice_:
        file.total = slice_.total
    elif "Transfer-Encoding" not in response.headers:  # beside which a length means nothing (RFC 9112 §6.3)
        file.total = _number(response.headers.get("Content-Length"))
    return 0


class _Slice(NamedTuple):
    """What a Content-Range says about a body: its first and its last byte, of how many."""

    first: int
    last: int
    total: int


def _slice(response: requests.Response) -> _Slice | None:
    if response.status_code != 206:
        return None
    found = re.fullmatch(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", response.headers.get("Content-Range", "").strip())
    return _Slice(*map(int, found.groups())) if found else None


def _continues(response: requests.Response, part: _Slice, file: PartFile) -> bool:
    """Whether a 206 goes on where the file ends, and is of the same version."""
    length = _number(response.headers.get("Content-Length"))
    wanted = file.size if file.validator else file.size - OVERLAP_BYTES
    fits = part.first == wanted and file.size <= part.last < part.total
    fits = fits and file.total in (None, part.total) and length in (None, part.last - part.first + 1)
    return fits and not _is_packed(response) and _version(response.headers) in (None, file.version)


def _pour(response: requests.Response, file: PartFile, limits: _Limits, overlap: int) -> None:
    """Write the body, piece by piece, as it arrives."""
    if overlap and _read(response, overlap, limits) != file.tail(overlap):
        file.start_over()
        raise _Hiccup("the host has another file by now")
    if file.size == 0:
        head = _read(response, _HEAD_BYTES, limits)
        complaint = limits.looks_right(head) if limits.looks_right else None
        if _is_packed(response) and (complaint or not limits.looks_right):
            raise BrokenMedia(f"{_host(response)} sends the file packed although it was asked not to.")
        if complaint or not head:
            raise BrokenMedia(f"{_host(response)} did not send what it should: {complaint or 'the file is empty.'}")
        file.write(head)
    while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
        _check_size(file.size + len(piece), limits)
        file.write(piece)
        clock.check_stop()
        _check_time(limits)


def _read(response: requests.Response, length: int, limits: _Limits) -> bytes:
    """The next bytes, as many as there are up to `length`."""
    read = b""
    while len(read) < length and (piece := response.raw.read1(length - len(read), decode_content=False)):
        read += piece
        _check_time(limits)
    return read


def _check_time(limits: _Limits) -> None:
    if limits.deadline.passed():
        raise _Hiccup("the time for it ran out")


def _check_size(size: int | None, limits: _Limits) -> None:
    if size is not None and size > limits.max_bytes:
        raise BrokenMedia(f"The file is larger than {limits.max_bytes} bytes, the most that is believed to be honest.")


def _is_packed(response: requests.Response) -> bool:
    codings = response.headers.get("Content-Encoding", "").lower().replace(",", " ").split()
    return not _PACKED.isdisjoint(codings)


def _validator(headers: Mapping[str, str]) -> str | None:
    """What `If-Range` may hold (RFC 9110 §13.1.5): a strong ETag, or a Last-Modified that is older than the answer."""
    tag = headers.get("ETag", "").strip()
    if tag:
        return tag if re.fullmatch(r'"[!-~]{1,200}"', tag) else None
    try:
        modified, date = headers.get("Last-Modified", ""), headers.get("Date", "")
        is_strong = (parsedate_to_datetime(date) - parsedate_to_datetime(modified)).total_seconds() >= 1
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return modified if is_strong and modified.isascii() and modified.isprintable() and len(modified) <= 100 else None


def _version(headers: Mapping[str, str]) -> str | None:
    """What names the version of a file, however weakly: its ETag, or its Last-Modified."""
    named = headers.get("ETag", "").strip().removeprefix("W/") or headers.get("Last-Modified", "").strip()
    return named[:200] or None


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text.strip()) else None


def _host(response: requests.Response) -> str:
    return urlsplit(response.url).hostname or "the host"
