"""Downloads objects of Google Cloud Storage with our own downloader: resumable, with size limits and deadlines.

API: https://cloud.google.com/storage/docs/json_api/v1/objects/get
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from tenxsom.errors import AccountError
from tenxsom.google.credentials import Account
from tenxsom.http.downloads import Download, Downloader, LinkExpired
from tenxsom.media.first_bytes import video_problem

STORAGE_URL = "https://storage.googleapis.com"


class Bucket:
    """Downloads gs:// objects. `url` is another address of Cloud Storage (the local studio's)."""

    def __init__(self, account: Account, proxies: Mapping[str, str], url: str | None = None, ca_file: Path | None = None) -> None:
        self._url = url or STORAGE_URL
        self._account = account
        self._downloader = Downloader(proxies, service_url=self._url, ca_file=ca_file, headers_for=self._headers_for)

    def fetch_clip(self, uri: str, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        """Download a video. Raises what `Downloader.fetch` raises, and AccountError when we may not read the bucket."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        address = f"{self._url}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}?alt=media"
        try:
            return self._downloader.fetch(
                address, part, max_bytes=max_bytes, deadline_seconds=deadline_seconds, find_problem=video_problem
            )
        except LinkExpired as refused:
            if refused.status not in (401, 403):
                raise
            raise AccountError(
                f"The Google credentials may not read gs://{bucket} (HTTP {refused.status}); give them the role"
                " roles/storage.objectViewer on that bucket.",
                refused.status,
            ) from None

    def close(self) -> None:
        """Close idle connections."""
        self._downloader.close()

    def _headers_for(self, url: str) -> dict[str, str]:
        """Return the token header for Cloud Storage, and none for any other host."""
        at_home = url.startswith(f"{self._url.rstrip('/')}/")
        return {"Authorization": f"Bearer {self._account.token()}"} if at_home else {}
