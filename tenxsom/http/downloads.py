"""Downloads a link to a `.part` file; an interrupted download is resumed by the next attempt.

The bytes stream to the `.part` in constant memory. The caller verifies the file and publishes it (`atomic.publish`).
Of our headers only the range goes to a result's host: links are signed and self-contained
(https://www.useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId.html).
"""

from __future__ import annotations

import re
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
from tenxsom.http import calls, links
from tenxsom.http.answer import Answer
from tenxsom.http.connections import Adapter, send
from tenxsom.http.errors import CONNECTION_ERRORS, describe_error, is_cut_off
from tenxsom.http.links import UnsafeLink
from tenxsom.http.origin import PLAIN_HEADERS
from tenxsom.http.part import GZIP, PIECE_BYTES, PartFile, check_size
from tenxsom.http.retries import retry

POOL_SIZE = 16
OVERLAP_BYTES = 4096
"""How many bytes are fetched again and compared on a resume, where a host sends no validator that `If-Range` may use; half of what
is there for a shorter part. Few, so that a link that breaks every few kilobytes still brings new ones each time.
"""
_LEAST_RESUMED_BYTES = 1024

_TRIES = 4
_MOST_REDIRECTS = 5
_HEAD_BYTES = 4096
_LONGEST_PAUSE_SECONDS = 10.0
_CALLS_CUT_ALIKE = 3
"""A host that stops at the same byte in so many calls has announced more than there is, if the file is whole."""
_CONTENT_RANGE = re.compile(r"bytes (?:([0-9]{1,15})-([0-9]{1,15})|\*)/([0-9]{1,15}|\*)")
_PACKED = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"}
"""Content codings that change the body (https://www.iana.org/assignments/http-parameters); `aws-chunked` and others do not."""


class LinkExpired(NotFound):
    """The link has expired (any 4xx but 408, 416, 425, 429): ask the service for a new link. The part is kept."""


class Download(NamedTuple):
    """A complete download: the path of its `.part`, its size in bytes, its SHA-256 (hex), the Content-Type of the host (or "")."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str


class _Limits(NamedTuple):
    """The limits of one download: bytes, time, seconds without data; and the check of its first bytes."""

    max_bytes: int
    deadline: clock.Deadline
    read_timeout: float
    find_problem: Callable[[bytes], str | None] | None


class _TransientError(Exception):
    """A transient error within a download: the next attempt resumes where this one stopped."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class _CutOffError(_TransientError):
    """The host ended the transfer before its end."""


class Downloader:
    """Downloads results for one service. Thread-safe."""

    def __init__(
        self,
        proxies: Mapping[str, str] | None = None,
        *,
        service_url: str = "",
        ca_file: Path | None = None,
        headers_for: Callable[[str], dict[str, str]] | None = None,
        name: str = "download",
    ) -> None:
        """`service_url` is the base URL of the service that made the results; `headers_for` returns extra headers for a URL;
        `name` is the service's name in metrics.

        Links into this machine's network, and redirects to plain http, are allowed only for a service that is itself there.
        """
        self._adapter = Adapter(POOL_SIZE, proxies=proxies, ca_file=ca_file, links=self._addresses, long_bodies=True)
        self._service_url = service_url
        self._name = name
        self._headers_for = headers_for or (lambda _: {})

    def fetch(
        self,
        url: str,
        part: Path,
        *,
        max_bytes: int,
        deadline_seconds: float,
        read_timeout: float = 30,
        find_problem: Callable[[bytes], str | None] | None = None,
    ) -> Download:
        """Download `url` to `part`; an interrupted download is resumed if the host still has the same file.

        A cut or stalled transfer is resumed a few times within the call. `find_problem` receives the first bytes (up to 4,096)
        and returns a sentence if they are wrong. A file that the host packs by gzip is unpacked. One that ends at the same byte in
        three calls is returned as it is, because the host may have announced too much: the caller verifies it. Raises
        LinkExpired: ask for a new link; ServiceDown: a transient error, or `deadline_seconds` ran out (the part is kept);
        BrokenMedia: empty, larger than `max_bytes`, compressed otherwise, or refused by `find_problem` (the part is removed);
        UnsafeLink: the link, or its redirect, is not allowed; DiskError; Interrupted (the part is kept).
        """
        limits = _Limits(max_bytes, clock.Deadline(deadline_seconds), read_timeout, find_problem)
        links.prepare(url, {}, local_allowed=self._local_allowed)
        with calls.counted(self._name, calls.DOWNLOAD, url), PartFile(part) as file:
            content_type = self._persist(url, file, limits)
            if file.head(2) == GZIP:
                file.unpack(max_bytes)
                _check_head(url, file.head(_HEAD_BYTES), limits)
            return Download(part, file.size, file.sha256(), content_type)

    def close(self) -> None:
        """Close the kept connections."""
        self._adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @cached_property
    def _local_allowed(self) -> bool:
        return links.is_inside(self._service_url)

    def _addresses(self, host: str, port: int) -> list[str]:
        return [host] if self._local_allowed else links.public_addresses(host, port)

    def _persist(self, url: str, file: PartFile, limits: _Limits) -> str:
        """Download with retries and return the content type. Raises ServiceDown after several transient errors."""
        try:
            return retry(
                partial(self._transfer, url, file, limits),
                tries=_TRIES,
                longest_pause=_LONGEST_PAUSE_SECONDS,
                deadline=limits.deadline,
                is_transient=lambda error: isinstance(error, _TransientError),
            )
        except _TransientError as error:
            if isinstance(error, _CutOffError) and file.size and file.note_cut() >= _CALLS_CUT_ALIKE:
                return ""
            stopped = f"The download from {_host(url)} stopped after {file.size} bytes ({error})"
            raise ServiceDown(f"{stopped}; it will be carried on.", error.retry_after) from None

    def _transfer(self, url: str, file: PartFile, limits: _Limits) -> str:
        """Make one attempt: request the missing bytes and write them, repeatedly where the host sends the file in slices."""
        while True:
            clock.check_stop()
            before = file.size
            with closing(self._follow(url, file, limits)) as response, _connection_errors_as_transient():
                overlap = _judge(response, file)
                if overlap is None:
                    return ""
                check_size(file.total, limits.max_bytes)
                _pour(response, file, limits, overlap)
            if file.total in (None, file.size):
                return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()[:100]
            if response.status_code != 206 or file.size <= before or file.size > (file.total or 0):
                raise _CutOffError("the file was cut off")

    def _follow(self, url: str, file: PartFile, limits: _Limits) -> requests.Response:
        """Follow redirects and return the first other response. The caller closes it."""
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
        proxy = self._adapter.proxy_for(request.url)
        if proxy and not self._local_allowed:
            links.check_before_proxy(urlsplit(request.url or "").hostname or "")
        with _connection_errors_as_transient(proxy):
            return send(self._adapter, request, max(0.001, min(limits.read_timeout, limits.deadline.left())))

    def _headers(self, file: PartFile) -> dict[str, str]:
        if file.size and file.validator:
            return PLAIN_HEADERS | {"Range": f"bytes={file.size}-", "If-Range": file.validator}
        if file.size >= _LEAST_RESUMED_BYTES:
            return PLAIN_HEADERS | {"Range": f"bytes={file.size - _overlap(file)}-"}
        return dict(PLAIN_HEADERS)


@contextmanager
def _connection_errors_as_transient(proxy: str | None = None) -> Iterator[None]:
    """Raise _TransientError for every connection error. Our own errors, such as DiskError, pass through."""
    try:
        yield
    except CONNECTION_ERRORS as error:
        kind = _CutOffError if is_cut_off(error) else _TransientError
        raise kind(describe_error(error, proxy)) from None


def _judge(response: requests.Response, file: PartFile) -> int | None:
    """Prepare the file for the response's body: restart for a 200, append for a matching 206; raise for every other status.

    Returns how many of the body's first bytes must equal the last bytes of the file; None when the host says that the file ends
    where it does: then more was announced before than there is.
    """
    status = response.status_code
    slice_ = _slice(response)
    if file.size and slice_ and slice_.total == file.size and _version(response.headers) in (None, file.version):
        return None
    if status == 206 and file.size and slice_ and _continues(response, slice_, file):
        file.total = slice_.total or file.total
        return file.size - slice_.first
    if status == 416 or (status == 206 and (file.size or (slice_ and slice_.first > 0))):
        file.start_over()
        raise _TransientError("the host sent another part than the one asked for")
    if status in (408, 425, 429) or status >= 500:
        raise _TransientError(f"HTTP {status}", Answer(status, response.headers, b"").retry_after())
    if 400 <= status <= 499:
        raise LinkExpired(
            f"The link to {_host(response.url)} does not work any more (HTTP {status}); a fresh one is needed.", status
        )
    if status not in (200, 203, 206):  # 203 comes through a proxy that changes headers (RFC 9110 §15.3.4)
        raise _TransientError(f"HTTP {status}")
    file.start_over()
    file.validator, file.version = _validator(response.headers), _version(response.headers)
    if slice_ and slice_.total:
        file.total = slice_.total
    elif "Transfer-Encoding" not in response.headers:  # with it a Content-Length is ignored (RFC 9112 §6.3)
        file.total = _number(response.headers.get("Content-Length"))
    return 0


class _Slice(NamedTuple):
    """A parsed Content-Range: first byte, last byte, and total size, which a host may not know (RFC 9110 §14.4).

    `bytes */9`, the answer to a range that cannot be satisfied, is an empty slice.
    """

    first: int
    last: int
    total: int | None


def _slice(response: requests.Response) -> _Slice | None:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if response.status_code not in (206, 416) or not found:
        return None
    return _Slice(int(found[1] or 0), int(found[2] or -1), _number(found[3]))


def _continues(response: requests.Response, part: _Slice, file: PartFile) -> bool:
    """Return whether a 206 continues at the end of the file, with the same version."""
    length = _number(response.headers.get("Content-Length"))
    total = part.total or file.total
    fits = part.first == file.size - _overlap(file) and file.size <= part.last and (total is None or part.last < total)
    fits = fits and file.total in (None, total) and length in (None, part.last - part.first + 1)
    return fits and not _is_packed(response) and _version(response.headers) in (None, file.version)


def _overlap(file: PartFile) -> int:
    return 0 if file.validator else min(OVERLAP_BYTES, file.size // 2)


def _pour(response: requests.Response, file: PartFile, limits: _Limits, overlap: int) -> None:
    """Write the body to the file as it arrives."""
    if overlap:
        again, known = _read(response, overlap, limits), file.tail(overlap)
        if len(again) < overlap and known.startswith(again):
            raise _TransientError("the answer was cut off")
        if again != known:
            file.start_over()
            raise _TransientError("the host has another file by now")
    if file.size == 0:
        head = _read(response, _HEAD_BYTES, limits)
        if head[:2] != GZIP:
            if _is_packed(response) and (not limits.find_problem or limits.find_problem(head)):
                raise BrokenMedia(f"{_host(response.url)} sends the file packed although it was asked not to.")
            _check_head(response.url, head, limits)
        file.write(head)
    while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
        check_size(file.size + len(piece), limits.max_bytes)
        file.write(piece)
        clock.check_stop()
        _check_time(limits)


def _check_head(url: str, head: bytes, limits: _Limits) -> None:
    """Raise BrokenMedia for the first bytes of something else than was asked for."""
    complaint = "the file is empty" if not head else limits.find_problem(head) if limits.find_problem else None
    if complaint:
        raise BrokenMedia(f"{_host(url)} did not send what it should: {complaint}.")


def _read(response: requests.Response, length: int, limits: _Limits) -> bytes:
    """Read the next available bytes, at most `length`."""
    read = b""
    while len(read) < length and (piece := response.raw.read1(length - len(read), decode_content=False)):
        read += piece
        _check_time(limits)
    return read


def _check_time(limits: _Limits) -> None:
    if limits.deadline.passed():
        raise _TransientError("the time for it ran out")


def _is_packed(response: requests.Response) -> bool:
    codings = response.headers.get("Content-Encoding", "").lower().replace(",", " ").split()
    return not _PACKED.isdisjoint(codings)


def _validator(headers: Mapping[str, str]) -> str | None:
    """Return the validator for `If-Range` (RFC 9110 §13.1.5): a strong ETag, or a Last-Modified older than the response."""
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
    """Return the version of a file, strong or weak: its ETag, or its Last-Modified."""
    named = headers.get("ETag", "").strip().removeprefix("W/") or headers.get("Last-Modified", "").strip()
    return named[:200] or None


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text.strip()) else None


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the host"
