"""The machinery of downloads: one file over as many tries as it takes. Importing it costs what `requests` costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from tenxsom import clock
from tenxsom.errors import BrokenMedia, ServiceDown
from tenxsom.net import call as calls
from tenxsom.net import links, wire
from tenxsom.net.answer import Answer
from tenxsom.net.download import Download, Limits, LinkExpired, UnsafeLink
from tenxsom.net.part import PIECE_BYTES, PartFile
from tenxsom.net.trouble import WIRE_ERRORS, phrase

_TRIES = 4
_MOST_REDIRECTS = 5
_HEAD_BYTES = 4096
_LONGEST_PAUSE_SECONDS = 10.0


class _Hiccup(Exception):
    """A passing trouble within a download; the next try may carry on where this one stopped."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Transfers:
    """Downloads for one service over kept connections."""

    def __init__(self, adapter: HTTPAdapter, proxies: Mapping[str, str], *, local_allowed: bool, user_agent: str) -> None:
        self._adapter = adapter
        self._adapter.max_retries = wire.NO_RETRIES
        self._proxies = proxies
        self._local_allowed = local_allowed
        self._user_agent = user_agent

    def fetch(self, url: str, part: Path, limits: Limits) -> Download:
        """Download `url` to `part`; `Downloader.fetch` says what that means."""
        url = links.prepare(url, {}, local_allowed=self._local_allowed).url or url
        with PartFile(part) as file:
            content_type = self._persist(url, file, limits)
            return Download(part, file.size, file.finish(), content_type)

    def close(self) -> None:
        """Close the kept connections."""
        self._adapter.close()

    def _persist(self, url: str, file: PartFile, limits: Limits) -> str:
        host = urlsplit(url).hostname
        for number in range(_TRIES):
            clock.check_stop()
            try:
                return self._transfer(url, file, limits)
            except _Hiccup as hiccup:
                pause = hiccup.retry_after if hiccup.retry_after is not None else clock.chance(0, 0.5 * 2**number)
                if number == _TRIES - 1 or pause > _LONGEST_PAUSE_SECONDS or pause >= limits.deadline.left():
                    sentence = f"The download from {host} stopped after {file.size} bytes ({hiccup}); it will be carried on."
                    raise ServiceDown(sentence, hiccup.retry_after) from None
            clock.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _transfer(self, url: str, file: PartFile, limits: Limits) -> str:
        """One try: ask for what is missing, and write it. Returns the content type."""
        call = wire.Call(limits.read_timeout, limits.deadline)
        with _hiccups(), wire.running(call), closing(self._follow(url, file, limits)) as response:
            _judge(response, file)
            _check_size(file.total, limits)
            _pour(response, file, limits)
            if file.total is not None and file.size != file.total:
                raise _Hiccup("the file was cut off")
            return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()[:100]

    def _follow(self, url: str, file: PartFile, limits: Limits) -> requests.Response:
        """The first answer that is no redirect. The caller closes it."""
        for _ in range(_MOST_REDIRECTS + 1):
            request = links.prepare(url, self._headers(file), local_allowed=self._local_allowed)
            connect = min(calls.CONNECT_SECONDS, limits.read_timeout)
            response = wire.send(
                self._adapter, request, connect_seconds=connect, read_seconds=limits.read_timeout, proxies=self._proxies
            )
            location = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not location:
                return response
            response.close()
            url = links.redirected(request.url or url, location, local_allowed=self._local_allowed)
        raise UnsafeLink(f"The service's link redirects more than {_MOST_REDIRECTS} times; it is not followed any further.")

    def _headers(self, file: PartFile) -> dict[str, str]:
        headers = {"User-Agent": self._user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        if file.size and file.validator:
            headers |= {"Range": f"bytes={file.size}-", "If-Range": file.validator}
        return headers


@contextmanager
def _hiccups() -> Iterator[None]:
    """Turn what the wire raises into a _Hiccup. Errors of our own, DiskTrouble among them, pass."""
    try:
        yield
    except WIRE_ERRORS as error:
        raise _Hiccup(phrase(error)) from None


def _judge(response: requests.Response, file: PartFile) -> None:
    """Set the file up for the body that comes: from the start for a 200, onwards for a 206 that fits. Everything else raises."""
    status = response.status_code
    if status == 206 and _continues(response, file):
        return
    if status in (206, 416):
        file.start_over()
        raise _Hiccup("the host sent another part than the one asked for")
    if status in (408, 425, 429) or status >= 500:
        raise _Hiccup(f"HTTP {status}", Answer(status, response.headers, b"").retry_after())
    if 400 <= status <= 499:
        raise LinkExpired(f"The link to {_host(response)} does not work any more (HTTP {status}); a fresh one is needed.", status)
    if status != 200:
        raise _Hiccup(f"HTTP {status}")
    file.start_over()
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise BrokenMedia(f"{_host(response)} sends the file packed although it was asked not to.")
    file.validator = _validator(response.headers)
    if "Transfer-Encoding" not in response.headers:  # beside which a length means nothing (RFC 9112 §6.3)
        file.total = _number(response.headers.get("Content-Length"))


def _continues(response: requests.Response, file: PartFile) -> bool:
    """Whether a 206 is exactly the rest of the file of which we have the beginning."""
    match = re.fullmatch(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", response.headers.get("Content-Range", "").strip())
    if match is None or not file.size or "Content-Encoding" in response.headers:
        return False
    first, last, total = (int(number) for number in match.groups())
    length = _number(response.headers.get("Content-Length"))
    fits = first == file.size and last == total - 1 and file.total in (None, total) and length in (None, last - first + 1)
    if not fits or _validator(response.headers) not in (None, file.validator):
        return False
    file.total = total
    return True


def _pour(response: requests.Response, file: PartFile, limits: Limits) -> None:
    """Write the body, piece by piece, as it arrives."""
    if file.size == 0:
        head = _read_head(response)
        complaint = limits.looks_right(head) if limits.looks_right else None
        if complaint or not head:
            raise BrokenMedia(f"{_host(response)} did not send what it should: {complaint or 'the file is empty.'}")
        file.write(head)
    while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
        _check_size(file.size + len(piece), limits)
        file.write(piece)
        clock.check_stop()
        if limits.deadline.passed():
            raise _Hiccup("the time for it ran out")


def _read_head(response: requests.Response) -> bytes:
    """The first bytes, as many as there are up to the number that is looked at."""
    head = b""
    while len(head) < _HEAD_BYTES and (piece := response.raw.read1(_HEAD_BYTES - len(head), decode_content=False)):
        head += piece
    return head


def _check_size(size: int | None, limits: Limits) -> None:
    if size is not None and size > limits.max_bytes:
        raise BrokenMedia(f"The file is larger than {limits.max_bytes} bytes, the most that is believed to be honest.")


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


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,15}", text.strip()) else None


def _host(response: requests.Response) -> str:
    return urlsplit(response.url).hostname or "the host"
