"""The storage host: signed links to media files, and the downloads behind them.

As at the vendor, the links carry their own permission and must be fetched without the API's token; a request that brings an
Authorization header is refused with 400, so that a client which leaks its token cannot pass a test.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Response, request, send_file

from tenxsom import clock
from tenxsom.studio.answers import cut, page, xml_error
from tenxsom.studio.faults import Call, Faults, Rule
from tenxsom.studio.making import shorter_clip
from tenxsom.studio.records import Asset
from tenxsom.studio.world import World

LINK_LIFE_SECONDS = 3600
BUCKET = "local-studio"


class Storage:
    """Makes links and answers them. `host` (default: the host the API was called at) is where links point to."""

    def __init__(self, world: World, faults: Faults, host: str | None) -> None:
        self._world = world
        self._faults = faults
        self._host = host

    def signed(self, asset: Asset) -> dict[str, Any]:
        """The vendor's description of a stored file with a fresh link; the expiry is a string of epoch milliseconds."""
        # A link made after `void_until` must expire later than it, or it would be dead at birth.
        expires = max(_milliseconds() + LINK_LIFE_SECONDS * 1000, asset.void_until + 1)
        path = f"/storage/{BUCKET}/artifacts/{asset.folder}/{asset.file_name}"
        kind = {"artifactSubtype": asset.folder} if asset.type == "artifact" else {}
        return {
            "assetUrl": f"{self._base()}{path}?Expires={expires}&Signature={self._signature(path, expires)}",
            "expirationDateString": str(expires),
            "asset": {"type": asset.type, "fileId": asset.file_id, "mimeType": asset.mime_type} | kind,
        }

    def answer(self, call: Call | None) -> Response:
        """Serve one download: whole, a Range, HEAD, or conditional on its ETag; or refuse; or do what a scripted fault says."""
        if "Authorization" in request.headers:
            return xml_error(400, "InvalidArgument", "A signed link must be fetched without an Authorization header.")
        expires, signature = request.args.get("Expires", ""), request.args.get("Signature", "")
        if not expires.isdecimal() or not hmac.compare_digest(
            self._signature(request.path, int(expires)).encode(), signature.encode()
        ):
            return xml_error(403, "SignatureDoesNotMatch", "The signature of this link is wrong.")
        asset = self._world.load_asset(Path(request.path).stem)
        if int(expires) <= max(_milliseconds(), asset.void_until if asset else 0):
            return xml_error(403, "ExpiredToken", "This link has expired.")
        if asset is None or not self._world.media(asset).exists():
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")
        fault = self._faults.take(call, "download")
        return self._broken(fault, asset, int(expires)) if fault else self._file(asset)

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
        """Make this link and all older ones dead for good, so that only a client that asks for a new one gets its file."""
        with self._world.locks.hold(f"asset:{asset.key}"):
            self._world.save_asset(replace(asset, void_until=expires))

    def _wrong_content(self, asset: Asset, seconds: int | None) -> bytes:
        """A whole clip that is shorter than ordered; without `seconds` noise of the right size."""
        job = self._world.load_job(asset.key)
        if seconds and job:
            return shorter_clip(self._world, job, seconds)
        return hashlib.shake_256(asset.key.encode()).digest(self._world.media(asset).stat().st_size)

    def _base(self) -> str:
        if self._host is None:
            return request.host_url.rstrip("/")
        return self._host.rstrip("/") if "://" in self._host else f"{request.scheme}://{self._host}"

    def _signature(self, path: str, expires: int) -> str:
        return hmac.new(self._world.secret, f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()


def _endless(path: Path) -> Iterator[bytes]:
    """A file that begins like the real one and never ends; it ends with the client or with the program."""
    yield path.read_bytes()
    nothing = bytes(1 << 16)
    yield from itertools.takewhile(lambda _: not clock.stop_requested(), itertools.repeat(nothing))


def _milliseconds() -> int:
    return int(clock.now().timestamp() * 1000)
