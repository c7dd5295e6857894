"""Objects in Google Cloud Storage, fetched by our own downloads: they carry on after a cut, and keep to sizes and deadlines.

API: https://cloud.google.com/storage/docs/json_api/v1/objects/get
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from tenxsom.errors import AccountTrouble
from tenxsom.net.download import Download, Downloader, LinkExpired
from tenxsom.net.google_credentials import Account
from tenxsom.net.looks import looks_like_mp4

STORAGE_URL = "https://storage.googleapis.com"


class Bucket:
    """Downloads what gs:// addresses name. `url` is another address of Cloud Storage (the local studio's)."""

    def __init__(
        self, account: Account, adapter_factory: Callable[[], HTTPAdapter], proxies: Mapping[str, str], url: str | None = None
    ) -> None:
        self._url = url or STORAGE_URL
        self._downloader = Downloader(
            lambda: _TokenAdapter(adapter_factory(), self._url, account.token), proxies, service_url=self._url
        )

    def fetch_clip(self, uri: str, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        """Download a video. Raises what `Downloader.fetch` raises, and AccountTrouble when we may not read the bucket."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        address = f"{self._url}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}?alt=media"
        try:
            return self._downloader.fetch(
                address, part, max_bytes=max_bytes, deadline_seconds=deadline_seconds, looks_right=looks_like_mp4
            )
        except LinkExpired as refused:
            if refused.status not in (401, 403):
                raise
            raise AccountTrouble(
                f"The Google credentials may not read gs://{bucket} (HTTP {refused.status}); give them the role"
                " roles/storage.objectViewer on that bucket.",
                refused.status,
            ) from None

    def close(self) -> None:
        self._downloader.close()


class _TokenAdapter(HTTPAdapter):
    """Another adapter, whose requests to one origin, and to nobody else, carry a token."""

    def __init__(self, inner: HTTPAdapter, origin: str, token: Callable[[], str]) -> None:
        super().__init__()
        self._inner, self._origin, self._token = inner, origin.rstrip("/") + "/", token

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if (request.url or "").startswith(self._origin):
            request.headers["Authorization"] = f"Bearer {self._token()}"
        return self._inner.send(request, *args, **kwargs)

    def close(self) -> None:
        self._inner.close()
