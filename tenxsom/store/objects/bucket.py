"""The object store itself, by obstore: Amazon S3 and what speaks S3, Google Cloud Storage, Azure, or a folder.

https://developmentseed.org/obstore/latest/
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from tenxsom import atomic, clock
from tenxsom.disk import as_disk_error, disk_errors
from tenxsom.errors import DiskError, DiskRefused
from tenxsom.store.objects.settings import NO_LINKS, MediaSettings

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, ObjectStore, RetryConfig, S3Config

CHUNK_BYTES = 5 * 1024 * 1024
"""The parts of an upload; S3 takes none below 5 MiB. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
CHUNKS_AT_ONCE = 4
"""How many parts of one upload are on their way, and in memory, at a time."""
MOST_COPIED_BYTES = 5_000_000_000
"""The largest object that S3 copies by itself. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
LISTING_TRIES = 3
LONGEST_LINK_SECONDS = 604_800
"""A week: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html"""

_RETRIES: RetryConfig = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}
"""A tick does not wait for minutes: what fails now is done by the next one."""

_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|specified bucket does not exist|bucket .{0,80}not found", re.IGNORECASE)
_DENIED = re.compile(r"\b40[13] (?:Forbidden|Unauthorized)|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken")
_BUSY = re.compile(r"\b(?:429|5\d\d) [A-Z]|SlowDown|ServerBusy")
_ODD = re.compile(r"\b(?:30[1278]|400|405|411|501) [A-Z]|RequestTimeTooSkewed")
"""Another region, a server that does not speak S3, a clock that is wrong."""
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_OS_ERROR = re.compile(r"\(os error (\d+)\)")


class Bucket:
    """A folder of an object store. Every method may raise DiskError; DiskRefused where somebody has to change something."""

    def __init__(self, url: str, store: ObjectStore, links: ObjectStore | None = None) -> None:
        """`links` is the same store under the address at which browsers reach it; None where they do not."""
        self.url = url
        self._store, self._links = store, links
        self._folder = Path(urlsplit(url).path) if isinstance(store, LocalStore) else None

    def entries(self, folder: str) -> Iterator[tuple[str, int, float]]:
        """Yield key, size in bytes and time (seconds since 1970) of every object under a folder.

        The library repeats requests, but no answer that was cut off: such a listing is carried on after its last key.
        """
        last, tries_left = None, LISTING_TRIES
        while True:
            try:
                for found in self._listed(folder, last):
                    last = found[0]
                    yield found
                return
            except DiskRefused:
                raise
            except DiskError:
                tries_left -= 1
                if self._folder or not tries_left:  # a folder has no order in which it could be carried on
                    raise

    def _listed(self, folder: str, after: str | None) -> Iterator[tuple[str, int, float]]:
        self._check_folder()
        with self._told("look into"):
            for page in obstore.list(self._store, folder, offset=after, chunk_size=1000):
                for found in page:
                    yield found["path"], found["size"], found["last_modified"].timestamp()

    def upload(self, source: Path, key: str, name: str) -> None:
        """Store a file, in parts where it is large: readers see it whole or not at all. `name` is what a browser saves it as."""
        self._put(key, source, name)

    def write(self, data: bytes, key: str, name: str) -> None:
        """Store a small object."""
        self._put(key, data, name)

    def download(self, key: str, target: Path) -> str:
        """Copy an object to a file on this machine; return its SHA-256. Raises FileNotFoundError where it is gone."""
        digest = hashlib.sha256()
        with self._told("read", key), disk_errors(target), target.open("wb") as file:
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=CHUNK_BYTES // 4):
                data = memoryview(chunk)
                digest.update(data)
                file.write(data)
        return digest.hexdigest()

    def copy(self, key: str, new: str) -> None:
        """Copy an object within the store. Raises FileNotFoundError where it is gone."""
        with self._told("copy", key):
            obstore.copy(self._store, key, new)
        self._sync(new)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; what is not there any more is no error."""
        for key in keys:
            with self._told("delete", key):
                try:
                    obstore.delete(self._store, key)
                except FileNotFoundError as error:
                    if _NO_BUCKET.search(str(error)):
                        raise

    def link(self, key: str, seconds: float) -> str | None:
        """Return an address at which anybody may read an object for so long, at most a week; None where there are no links."""
        if not isinstance(self._links, S3Store | GCSStore | AzureStore):
            return None
        with self._told("make a link to", key):
            return obstore.sign(self._links, "GET", key, timedelta(seconds=min(seconds, LONGEST_LINK_SECONDS)))

    def probe(self) -> None:
        """Write, list and delete a small object."""
        key = f".probe/{clock.now().timestamp():.6f}"
        self.write(b"", key, "probe")
        if not any(found == key for found, _, _ in self.entries(".probe")):
            raise DiskRefused(f"{self.url} does not list what was just written to it; use a store that does so at once.")
        self.delete([key])

    def unfinished(self) -> Iterator[Path]:
        """Yield what killed processes left of files in a folder; other stores hide it, and delete it by a lifecycle rule."""
        if self._folder:
            yield from (path for path in self._folder.rglob("*#*") if re.search(r"#\d+$", path.name) and path.is_file())

    def _put(self, key: str, content: Path | bytes, name: str) -> None:
        self._check_folder()
        kind = None if self._folder else _attributes(name)
        try:
            with self._told("write to"):
                obstore.put(self._store, key, content, attributes=kind, chunk_size=CHUNK_BYTES, max_concurrency=CHUNKS_AT_ONCE)
        except FileNotFoundError:  # a store that says of a bucket only that it is not found
            raise self._refusal("write to", self.url, "NoSuchBucket") from None
        self._sync(key)

    def _sync(self, key: str) -> None:
        if self._folder:
            atomic.sync(self._folder / key, self._folder)

    def _check_folder(self) -> None:
        """An empty folder is not the same as none: its disk may not be mounted."""
        if self._folder and not self._folder.is_dir():
            raise DiskRefused(f"MEDIA_URL names {self._folder}, which is no folder; mount its disk, or make it (mkdir -p).")

    @contextmanager
    def _told(self, doing: str, key: str = "") -> Iterator[None]:
        """Translate the errors of a block to DiskError; an object that is not there to FileNotFoundError."""
        where = f"{self.url}/{key}".rstrip("/")
        try:
            yield
        except FileNotFoundError as error:
            if self._folder or not _NO_BUCKET.search(str(error)):
                raise FileNotFoundError(f"There is no {where}") from None
            raise self._refusal(doing, where, str(error)) from None
        except (BaseError, NotImplementedError, ValueError) as error:  # obstore raises the second for what a store cannot do
            raise self._refusal(doing, where, f"{type(error).__name__} {error}") from None

    def _refusal(self, doing: str, where: str, text: str) -> DiskError:
        """Return our error for one of the library. Its own text may quote headers, and goes nowhere."""
        if self._folder and (number := _OS_ERROR.search(text)):
            return as_disk_error(where, OSError(int(number[1]), os.strerror(int(number[1]))), doing)
        code = _CODE.search(text)
        failed = f"Cannot {doing} {where}{f' ({code[1]})' if code else ''}"
        waits = "nothing is lost, the work goes on by itself after that."
        if _NO_BUCKET.search(text):
            return DiskRefused(f"{failed}: there is no such bucket. Make it, or change MEDIA_URL; {waits}")
        if _ODD.search(text):
            look = "Look at the region, the address and the clock of this machine"
            return DiskRefused(f"{failed}: the store does not take the request. {look}; {waits}")
        if text.startswith(("PermissionDenied", "Unauthenticated")) or _DENIED.search(text):
            rights = "The key needs the rights to list, read, write and delete there"
            return DiskRefused(f"{failed}: the store refuses it. {rights}; {waits}")
        if _BUSY.search(text):
            return DiskError(f"{failed}: the store is too busy, or has an error; the work goes on by itself.")
        return DiskError(f"{failed}: it cannot be reached. Look at the network and MEDIA_URL; the work goes on by itself.")


def open_bucket(settings: MediaSettings, google_credentials: Path | None = None) -> Bucket:
    """Return the object store of the settings. No request is made. Raises DiskRefused for a folder or keys that cannot be used."""
    url = settings.media_url or ""
    try:
        store = _opened(url, settings, google_credentials)
        return Bucket(url, store, _links(settings, store))
    except (BaseError, OSError, ValueError):  # what the library says of a key may quote it
        raise DiskRefused(f"{url} cannot be opened with the keys of the settings; compare them with its cloud's.") from None


def _opened(url: str, settings: MediaSettings, google_credentials: Path | None) -> ObjectStore:
    parts = urlsplit(url)
    prefix = parts.path.strip("/") or None
    options, retries = _client_options(settings, parts.scheme), _RETRIES
    if parts.scheme == "file":
        if not Path(parts.path).is_dir():
            raise DiskRefused(f"MEDIA_URL names {parts.path}, which is no folder; mount its disk, or make it (mkdir -p).")
        return LocalStore(parts.path, automatic_cleanup=True)
    if parts.scheme == "s3":
        return S3Store(parts.netloc, prefix=prefix, config=_s3(settings), client_options=options, retry_config=retries)
    if parts.scheme == "gs":
        google: GCSConfig = {"application_credentials": str(google_credentials)} if google_credentials else {}
        return GCSStore(parts.netloc, prefix=prefix, config=google, client_options=options, retry_config=retries)
    return AzureStore(parts.netloc, prefix=prefix, config=_azure(settings), client_options=options, retry_config=retries)


def _links(settings: MediaSettings, store: ObjectStore) -> ObjectStore | None:
    """Return the store as browsers reach it: the address is part of what a link's signature says."""
    if settings.media_links == NO_LINKS:
        return None
    if settings.media_links and isinstance(store, S3Store):
        seen = settings.model_copy(update={"aws_endpoint_url": settings.media_links})
        return _opened(settings.media_url or "", seen, None)
    return store


def _s3(settings: MediaSettings) -> S3Config:
    """Return what the settings say; the library asks the machine's role for the rest.

    Content is not hashed once more for the signature: the key, which is signed, says its hash, and every download compares it.
    """
    config: S3Config = {"unsigned_payload": True}
    if settings.aws_access_key_id and settings.aws_secret_access_key:
        config["access_key_id"] = settings.aws_access_key_id
        config["secret_access_key"] = settings.aws_secret_access_key.reveal()
    if settings.aws_session_token:
        config["session_token"] = settings.aws_session_token.reveal()
    if settings.aws_region:
        config["region"] = settings.aws_region
    if settings.aws_endpoint_url:
        config["endpoint"] = settings.aws_endpoint_url
    return config


def _azure(settings: MediaSettings) -> AzureConfig:
    config: AzureConfig = {"account_name": settings.azure_storage_account_name or ""}
    if settings.azure_storage_account_key:
        config["account_key"] = settings.azure_storage_account_key.reveal()
    return config


def _client_options(settings: MediaSettings, scheme: str) -> ClientConfig:
    """Return the options of connections. The time of a whole request has no limit: a film may take long; a silent one ends."""
    options: ClientConfig = {"connect_timeout": timedelta(seconds=10), "read_timeout": timedelta(seconds=60), "timeout": "1day"}
    is_plain = scheme == "s3" and (settings.aws_endpoint_url or "").startswith("http:")
    if is_plain:
        options["allow_http"] = True
    if proxy := settings.proxies.get("http" if is_plain else "https"):
        options["proxy_url"] = proxy
        if settings.proxies.get("no_proxy"):
            options["proxy_excludes"] = settings.proxies["no_proxy"]
    if settings.tls_ca_file:
        options["root_certificate"] = settings.tls_ca_file.read_bytes()
    return options


def _attributes(name: str) -> dict[str, str]:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"Content-Type": kind, "Content-Disposition": f'inline; filename="{name}"'} if name.isascii() else {"Content-Type": kind}
