"""The assets of the API: uploading pictures and listing everything. (The status call, `GET /assets/{jobId}`, is in `api.py`.)"""

from __future__ import annotations

from typing import Any

from flask import Response, request

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors
from tenxsom.errors import BrokenMedia
from tenxsom_studio import ids, orders
from tenxsom_studio.answers import Refusal, document, page
from tenxsom_studio.context import account_for, api, read_number, studio
from tenxsom_studio.records import USEAPI, Asset
from tenxsom_studio.world import World

USES = ("image", "reference-image")
FILTERS = {"images": "image/", "videos": "video/", "audio": "audio/", "other": "application/"}


@api.post("/assets/")
def upload() -> Response:
    use = orders.choice(request.args, "type", USES, "image")
    account_for(request.args.get("email"))
    if not request.content_type:
        raise Refusal(400, "Content-Type header is required")
    studio().world.prune()
    asset = keep_picture(studio().world, request.get_data(), use, mime_type=request.mimetype)
    return document(studio().storage.signed(asset))


def keep_picture(
    world: World, data: bytes, use: str, *, key: str | None = None, mime_type: str | None = None, service: str = USEAPI
) -> Asset:
    """Store an uploaded picture. Raises Refusal (400) for a file that is not PNG, JPEG or WEBP, or not of its stated type."""
    from tenxsom.media.check import check_picture

    key = key or ids.new_key()
    work = world.work_file(key)
    try:
        with disk_errors(work):
            work.write_bytes(data)
        facts = check_picture(work)
        if mime_type and facts.mime_type != mime_type:
            raise Refusal(400, f"Content-Type is {mime_type}, but the content is {facts.mime_type}")
        asset = Asset(key, "image", facts.mime_type, clock.stamp(), use=use, service=service)
        atomic.publish(work, world.media(asset))
        world.save_asset(asset)
    except BrokenMedia as trouble:
        raise Refusal(400, f"Unsupported or damaged image. {trouble}") from trouble
    finally:
        work.unlink(missing_ok=True)
    return asset


@api.get("/assets/")
def list_assets() -> Response:
    account_for(request.args.get("email"))
    page_number, limit = read_number("page", 1, 1_000_000), read_number("limit", 20, 1000)
    wanted = FILTERS[orders.choice(request.args, "filter", FILTERS, "")] if request.args.get("filter") else ""
    found = [asset for asset in studio().world.assets() if asset.service == USEAPI and asset.mime_type.startswith(wanted)]
    items = [_item(asset) for asset in found[(page_number - 1) * limit : page_number * limit]]
    meta = {"totalItems": len(found), "itemCount": len(items), "itemsPerPage": limit}
    return document({"items": items, "meta": meta | {"totalPages": -(-len(found) // limit), "currentPage": page_number}})


def _item(asset: Asset) -> dict[str, Any]:
    made_by = {"jobId": asset.job_id} if asset.job_id else {}
    return {"id": asset.key} | made_by | {"signedAsset": studio().storage.signed(asset), "relatedAssets": {}}


@api.route("/assets", methods=["GET", "POST"], strict_slashes=True)
def assets_without_slash() -> Response:
    """Return the vendor's proxy error for a call without the trailing slash, as a user observed."""
    return page(522, "522: Connection timed out")
