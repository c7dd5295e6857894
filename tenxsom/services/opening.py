"""Opens HTTP clients and downloaders for services, with the settings that apply to all of them."""

from __future__ import annotations

from collections.abc import Callable

from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.setting_groups import ServiceSettings
from tenxsom.setting_values import Secret


def open_client(
    name: str, base_url: str, token: Secret, settings: ServiceSettings, is_ours: Callable[[str], bool] | None = None
) -> HttpClient:
    """Return a client of an API with a bearer token, with a connection for every poller thread.

    `is_ours` tells whether a job of ours has a vendor's id; by default every id may be one's.
    """
    return HttpClient(
        base_url,
        headers={"Authorization": f"Bearer {token.reveal()}"},
        name=name,
        proxies=settings.proxies,
        pool_size=settings.poll_concurrency,
        ca_file=settings.tls_ca_file,
        is_ours=is_ours,
    )


def open_downloader(name: str, base_url: str, settings: ServiceSettings) -> Downloader:
    """Return a downloader for the results of a service; it does not have the token."""
    return Downloader(proxies=settings.proxies, service_url=base_url, ca_file=settings.tls_ca_file, name=name)
