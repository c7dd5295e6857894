"""The storage host: signed links to media files, and the downloads behind them.

As at the vendor, the links carry their own permission and must be fetched without the API's token; a request with an
Authorization header is refused with 400, so that a client that leaks its token fails a test.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Response, request, send_file

from tenxsom import clock
from tenxsom_studio.answers import cut, page, xml_error
from tenxsom_studio.faults import Call, Faults, Rule
from tenxsom_studio.making import shorter_clip
from tenxsom_studio.records import Asset
from tenxsom_studio.world import World

LINK_LIFE_SECONDS = 3600
BUCKET = "local-studio"


class Storage:
    """Creates links and serves their files. `host` is the host of links (default: the host of the request)."""

    def __init__(self, world: World, faults: Faults, host: str | None) -> None:
        self._world = world
        self._faults = faults
        self._host = host

    def signed(self, asset: Asset) -> dict[str, Any]:
        """Return UseAPI.net's description of a stored file with a new link; its expiry is a string of epoch milliseconds."""
        url, expires = self.link(asset, LINK_LIFE_SECONDS)
        kind = {"artifactSubtype": asset.folder} if asset.type == "artifact" else {}
        return {
            "assetUrl": url,
            "expirationDateString": str(expires),
            "asset": {"type": asset.type, "fileId": asset.file_id, "mimeType": asset.mime_type} | kind,
        }

    def link(self, asset: Asset, seconds: float) -> tuple[str, int]:
        """Return a link to a stored file that is valid for `seconds`, and its expiry in epoch milliseconds."""
        # A link created after `void_until` must expire later than that, or it would be invalid at once.
        expires = max(_milliseconds() + int(seconds * 1000), asset.void_until + 1)
        path = f"/storage/{BUCKET}/artifacts/{asset.folder}/{asset.file_name}"
        return f"{self._base()}{path}?Expires={expires}&Signature={self._signature(path, expires)}", expires

    def upload_link(self, key: str, headers: Mapping[str, str], seconds: float) -> str:
        """Return a link for the PUT of a file under `key`, valid for `seconds`, with exactly these headers."""
        expires = _milliseconds() + int(seconds * 1000)
        path = f"/storage/{BUCKET}/uploads/{key}"
        return f"{self._base()}{path}?Expires={expires}&Signature={self._signature(_put(path, headers), expires)}"

    def refused_upload(self, headers: Mapping[str, str]) -> Response | None:
        """Return the error response for an invalid link or header of the current PUT; None if it is valid."""
        if "Authorization" in request.headers:
            return _token_leaked()
        expires = request.args.get("Expires", "")
        sent = {name: request.headers.get(name, "") for name in headers}
        if not self._is_signed(_put(request.path, sent), expires):
            return xml_error(
                403, "SignatureDoesNotMatch", "The link is wrong, or a header that belongs to it is missing or changed."
            )
        if int(expires) <= _milliseconds():
            return xml_error(403, "ExpiredToken", "This link has expired.")
        return None

    def answer(self, call: Call | None) -> Response:
        """Serve a download (whole, a Range, HEAD, or conditional on its ETag), refuse it, or apply a scripted fault."""
        if "Authorization" in request.headers:
            return _token_leaked()
        expires = request.args.get("Expires", "")
        if not self._is_signed(request.path, expires):
            return xml_error(403, "SignatureDoesNotMatch", "The signature of this link is wrong.")
        asset = self._world.load_asset(Path(request.path).stem)
        if int(expires) <= max(_milliseconds(), asset.void_until if asset else 0):
            return xml_error(403, "ExpiredToken", "This link has expired.")
        if asset is None or not self._world.media(asset).exists():
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")
        return self.deliver(call, asset, int(expires))

    def deliver(self, call: Call | None, asset: Asset, expires: int = 0) -> Response:
        """Serve a permitted file, or apply a scripted fault."""
        fault = self._faults.take(call, "download")
        return self._broken(fault, asset, expires) if fault else self._file(asset)

    def _file(self, asset: Asset) -> Response:
        path = self._world.media(asset)
        facts = path.stat()
        answer = send_file(path.absolute(), mimetype=asset.mime_type, etag=f"{facts.st_size:x}-{facts.st_mtime_ns:x}", max_age=0)
        answer.headers["Accept-Ranges"] = "bytes"
        return answer

    def _broken(self, fault: Rule, asset: Asset, expires: int) -> Response:
        match fault.do:
            case "expired":
                self._void(asset, expires)
                return xml_error(403, "ExpiredToken", "This link has expired.")
            case "truncate":
                return cut(self._file(asset), fault.details.get("bytes", 1000))
            case "html":
                return page(200, "Please sign in")
            case "endless":
                return Response(_endless(self._world.media(asset)), mimetype=asset.mime_type)
            case _:
                return Response(self._wrong_content(asset, fault.details.get("seconds")), mimetype=asset.mime_type)

    def _void(self, asset: Asset, expires: int) -> None:
        """Invalidate this link and all older ones, so that only a client that requests a new one gets its file."""
        with self._world.locks.hold(f"asset:{asset.key}"):
            self._world.save_asset(replace(asset, void_until=expires))

    def _wrong_content(self, asset: Asset, seconds: int | None) -> bytes:
        """Return a complete clip that is shorter than ordered; without `seconds`, noise of the right size."""
        job = self._world.load_job(asset.key)
        if seconds and job:
            return shorter_clip(self._world, job, seconds)
        return hashlib.shake_256(asset.key.encode()).digest(self._world.media(asset).stat().st_size)

    def _base(self) -> str:
        if self._host is None:
            return request.host_url.rstrip("/")
        return self._host.rstrip("/") if "://" in self._host else f"{request.scheme}://{self._host}"

    def _is_signed(self, what: str, expires: str) -> bool:
        """Return whether the current request has our signature of `what`."""
        if not expires.isdecimal():
            return False
        return hmac.compare_digest(self._signature(what, int(expires)).encode(), request.args.get("Signature", "").encode())

    def _signature(self, what: str, expires: int) -> str:
        return hmac.new(self._world.secret, f"{what}?{expires}".encode(), hashlib.sha256).hexdigest()


def _put(path: str, headers: Mapping[str, str]) -> str:
    """Return the signed text of an upload."""
    return "\n".join([f"PUT {path}", *(f"{name.lower()}:{value}" for name, value in sorted(headers.items()))])


def _token_leaked() -> Response:
    return xml_error(400, "InvalidArgument", "A signed link must be used without an Authorization header.")


def _endless(path: Path) -> Iterator[bytes]:
    """Yield an endless file that begins like the real one, until the client or the program ends."""
    yield path.read_bytes()
    nothing = bytes(1 << 16)
    yield from itertools.takewhile(lambda _: not clock.stop_requested(), itertools.repeat(nothing))


def _milliseconds() -> int:
    return int(clock.now().timestamp() * 1000)
