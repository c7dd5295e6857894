"""How services come by their connections: the settings that apply to all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.setting_groups import CoreSettings
from tenxsom.setting_values import Secret


def open_client(name: str, base_url: str, token: Secret, settings: CoreSettings) -> HttpClient:
    """A client of an API that wants a bearer token and is asked a thousand times a tick."""
    return HttpClient(
        base_url,
        headers={"Authorization": f"Bearer {token.reveal()}"},
        name=name,
        proxies=settings.proxies,
        pool_size=settings.poll_concurrency,
        ca_file=settings.tls_ca_file,
        is_ours=partial(_is_mentioned, (settings.pending_folder, settings.completed_folder)),
    )


def open_downloader(base_url: str, settings: CoreSettings) -> Downloader:
    """A downloader for the results of a service; it never sees the token."""
    return Downloader(proxies=settings.proxies, service_url=base_url, ca_file=settings.tls_ca_file)


def _is_mentioned(folders: Iterable[Path], job_id: str) -> bool:
    """Whether a state or a report mentions a vendor's id. Asked only when a service answers about a job with another id."""
    spelt = [json.dumps(job_id).encode(), json.dumps(job_id, ensure_ascii=False).encode()]
    for path in (path for folder in folders for path in folder.glob("*.json")):
        try:
            content = path.read_bytes()
        except OSError:
            continue  # it has just ended, or cannot be read: there is nothing to find in it
        if any(text in content for text in spelt):
            return True
    return False
