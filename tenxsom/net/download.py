"""Downloads: a link becomes a whole file on the disk, or a `.part` that the next try carries on with.

The bytes stream to the `.part` in constant memory. The caller verifies what it got and publishes it (`atomic.publish`).
No header of ours but the range ever goes to a result's host: links are signed and self-contained
(https://www.useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId.html). The machinery, `tenxsom.net.transfer`, is imported
with the first download: most ticks have none.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from tenxsom import clock
from tenxsom.errors import BrokenMedia, NotFound
from tenxsom.net.client import USER_AGENT

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter

    from tenxsom.net.transfer import Transfers

POOL_SIZE = 16


class LinkExpired(NotFound):
    """The link does not work any more (any 4xx but 408, 416, 425, 429): ask the service for a fresh one; the part is kept."""


class UnsafeLink(BrokenMedia):
    """A link that is not followed: another scheme than http(s), a user name in it, or an address inside our own network."""


class Download(NamedTuple):
    """A complete download: the `.part` it lies in, its size in bytes, its SHA-256 (hex), the type the host states (or "")."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str


class Limits(NamedTuple):
    """What one download may take: bytes, time, seconds of silence; and what its first bytes must look like."""

    max_bytes: int
    deadline: clock.Deadline
    read_timeout: float
    looks_right: Callable[[bytes], str | None] | None


class Downloader:
    """Fetches results for one service. One object serves all threads of a process."""

    def __init__(
        self,
        adapter_factory: "Callable[[], HTTPAdapter] | None" = None,
        proxies: Mapping[str, str] | None = None,
        *,
        service_url: str = "",
        user_agent: str = USER_AGENT,
        ca_file: Path | None = None,
    ) -> None:
        """`service_url` is the base URL of the service whose results these are.

        Only a service that is itself on this machine or its network may hand out links into it, and may redirect to plain http.
        """
        self._adapter_factory = adapter_factory
        self._proxies = dict(proxies or {})
        self._service_url = service_url
        self._user_agent = user_agent
        self._ca_file = ca_file
        self._opening = threading.Lock()
        self._opened: Transfers | None = None

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
        limits = Limits(max_bytes, clock.Deadline(deadline_seconds), read_timeout, looks_right)
        return self._transfers().fetch(url, part, limits)

    def close(self) -> None:
        """Close the kept connections."""
        if self._opened:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _transfers(self) -> "Transfers":
        from urllib.parse import urlsplit

        from tenxsom.net import links, transfer, wire

        with self._opening:
            if self._opened is None:
                make = self._adapter_factory or partial(wire.WireAdapter, POOL_SIZE, partial(wire.tls_context, self._ca_file))
                local = links.is_local(urlsplit(self._service_url).hostname or "")
                self._opened = transfer.Transfers(make(), self._proxies, local_allowed=local, user_agent=self._user_agent)
            return self._opened
