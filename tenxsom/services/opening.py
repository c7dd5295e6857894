"""Opens HTTP clients and downloaders for services, with the settings that apply to all of them."""

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
    """Return a client of an API with a bearer token, with a connection for every poller thread."""
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
    """Return a downloader for the results of a service; it does not have the token."""
    return Downloader(proxies=settings.proxies, service_url=base_url, ca_file=settings.tls_ca_file)


def _is_mentioned(folders: Iterable[Path], job_id: str) -> bool:
    """Return whether a state or a report contains a vendor's id. Needed only when a response is about another id."""
    spelt = [json.dumps(job_id).encode(), json.dumps(job_id, ensure_ascii=False).encode()]
    for path in (path for folder in folders for path in folder.glob("*.json")):
        try:
            content = path.read_bytes()
        except OSError:
            continue  # the job has just ended, or its file cannot be read
        if any(text in content for text in spelt):
            return True
    return False
