"""How services come by their connections: the settings that apply to all of them."""

from __future__ import annotations

from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.setting_values import Secret
from tenxsom.settings import Settings


def open_client(name: str, base_url: str, token: Secret, settings: Settings) -> HttpClient:
    """A client of an API that wants a bearer token and is asked a thousand times a tick."""
    return HttpClient(
        base_url,
        headers={"Authorization": f"Bearer {token.reveal()}"},
        name=name,
        proxies=settings.proxies,
        pool_size=settings.poll_concurrency,
        ca_file=settings.tls_ca_file,
    )


def open_downloader(base_url: str, settings: Settings) -> Downloader:
    """A downloader for the results of a service; it never sees the token."""
    return Downloader(proxies=settings.proxies, service_url=base_url, ca_file=settings.tls_ca_file)
