"""Validates the orders of the official LTX API: https://docs.ltx.io/models, https://docs.ltx.io/input-formats,
https://docs.ltx.io/openapi.yaml

The vendor documents no limit of prompts; resellers and the studio accept 5,000 characters. The studio downloads nothing: a
start frame is uploaded, or sent as a data URI.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom_studio import orders
from tenxsom_studio.answers import Refusal
from tenxsom_studio.assets import keep_picture
from tenxsom_studio.records import Order
from tenxsom_studio.world import World

NAME = "ltx_api"
UPLOADS = "ltx://uploads/"
LONGEST_PROMPT = 5000
LARGEST_DATA_URI = 7_000_000
UPLOAD_LIFE_SECONDS = 24 * 3600
TEXT, IMAGE = "text-to-video", "image-to-video"

_SHORT, _LONG = (6, 8, 10), (6, 8, 10, 12, 14, 16, 18, 20)
_SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "1440p": (2560, 1440), "4K": (3840, 2160)}
_FIELDS = {"prompt", "model", "duration", "resolution", "fps", "generate_audio", "camera_motion"}
_FRAMES = {"image_uri", "last_frame_uri"}
_MOTIONS = ("dolly_in", "dolly_out", "dolly_left", "dolly_right", "jib_up", "jib_down", "static", "focus_shift")
_DATA = re.compile(r"data:(image/(?:png|jpeg|webp));base64,")


class _Model(NamedTuple):
    resolutions: tuple[str, ...]
    long_at: tuple[str, ...]
    """The resolutions with up to 20 seconds, at 24 and 25 frames per second."""
    rates: tuple[int, ...] = (24, 25, 48, 50)
    chooses_duration: bool = False


_MODELS = {
    "ltx-2-3-fast": _Model(("720p", "1080p", "1440p", "4K"), ("1080p",)),
    "ltx-2-3-pro": _Model(("720p", "1080p", "1440p", "4K"), ()),
    "ltx-2-5-fast": _Model(("720p", "1080p", "1440p", "4K"), ("720p", "1080p"), chooses_duration=True),
    "ltx-2-5-pro": _Model(("720p", "1080p"), (), (24, 25, 50), chooses_duration=True),
}
_REMOVED = ("ltx-2-fast", "ltx-2-pro")


def order(body: Any, endpoint: str, world: World) -> Order:
    """Parse the order of a request's body at one of the two endpoints. Raises Refusal (400)."""
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object")
    _refuse_fields(body, endpoint)
    prompt = orders.text(body, "prompt", LONGEST_PROMPT) or ""
    if not prompt.strip():
        raise Refusal(400, "Parameter prompt is required")
    name, model = _model(body)
    resolution, size = _size(body, name, model)
    fps = _one_of(body, "fps", model.rates, 24)
    seconds = _seconds(body, name, model, _durations(model, resolution, fps))
    orders.choice(body, "camera_motion", _MOTIONS, "")
    return Order(
        prompt,
        "16:9" if size[0] > size[1] else "9:16",
        orders.seed_of(prompt),
        seconds=seconds,
        sound=orders.flag(body, "generate_audio", True),
        start_asset=_pictures(body, world) if endpoint == IMAGE else None,
        cues=orders.first_sentence(prompt, seconds),
        size=size,
        fps=fps,
    )


def endpoint_of(order: Order) -> str:
    """Return the endpoint of an order."""
    return IMAGE if order.start_asset else TEXT


def _refuse_fields(body: orders.Body, endpoint: str) -> None:
    known = _FIELDS | (_FRAMES if endpoint == IMAGE else set())
    if unknown := sorted(body.keys() - known):
        raise Refusal(400, f"Unknown parameter {unknown[0]} for {endpoint}")
    required = ["prompt", "model", "duration", "resolution", *(["image_uri"] if endpoint == IMAGE else [])]
    if missing := [name for name in required if name not in body]:
        raise Refusal(400, f"Parameter {missing[0]} is required")


def _model(body: orders.Body) -> tuple[str, _Model]:
    name = body["model"]
    if name in _REMOVED:
        raise Refusal(400, f"Model {name} was removed on 15 August 2026. See https://docs.ltx.io/ltx-2-deprecation")
    name = orders.choice(body, "model", _MODELS, "")
    if not name:
        raise Refusal(400, "Parameter model is required")
    return name, _MODELS[name]


def _size(body: orders.Body, name: str, model: _Model) -> tuple[str, tuple[int, int]]:
    """Return the resolution's name, and its width and height, which are swapped for portrait."""
    offered = {resolution: _SIZES[resolution] for resolution in model.resolutions}
    for resolution, (long, short) in offered.items():
        if body["resolution"] == f"{long}x{short}":
            return resolution, (long, short)
        if body["resolution"] == f"{short}x{long}":
            return resolution, (short, long)
    raise Refusal(
        400, f"Parameter resolution has a value that {name} does not support; it makes {', '.join(offered)} as WIDTHxHEIGHT"
    )


def _durations(model: _Model, resolution: str, fps: int) -> tuple[int, ...]:
    return _LONG if resolution in model.long_at and fps in (24, 25) else _SHORT


def _seconds(body: orders.Body, name: str, model: _Model, offered: tuple[int, ...]) -> int:
    if body["duration"] is None and model.chooses_duration and body.get("last_frame_uri") is None:
        return offered[0]
    if body["duration"] is None:
        raise Refusal(400, f"Parameter duration must be an integer for {name} here")
    return _one_of(body, "duration", offered, offered[0])


def _one_of(body: orders.Body, name: str, offered: tuple[int, ...], default: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value not in offered:
        raise Refusal(400, f"Parameter {name} must be one of {', '.join(map(str, offered))} for this model and resolution")
    return value


def _pictures(body: orders.Body, world: World) -> str:
    """Return the key of the start frame; the end frame is validated and not used."""
    if body.get("last_frame_uri") is not None:
        _picture(body, "last_frame_uri", world)
    return _picture(body, "image_uri", world)


def _picture(body: orders.Body, name: str, world: World) -> str:
    uri = body[name]
    if not isinstance(uri, str):
        raise Refusal(400, f"Parameter {name} must be a string")
    if uri.startswith(UPLOADS):
        asset = world.load_asset(uri.removeprefix(UPLOADS)) if uri.removeprefix(UPLOADS).isalnum() else None
        if asset is None or asset.use != "ltx" or clock.age_seconds(asset.created) > UPLOAD_LIFE_SECONDS:
            raise Refusal(400, f"Parameter {name} names no uploaded file; it never existed, or it is older than 24 hours")
        return asset.key
    if uri.startswith("https://"):
        raise Refusal(400, f"Parameter {name}: the local studio has no network and fetches nothing; upload the picture instead")
    if match := _DATA.match(uri):
        return _from_data_uri(name, uri[match.end() :], match[1], world)
    raise Refusal(400, f"Parameter {name} must be an ltx:// or https:// address, or a data URI of a PNG, JPEG or WEBP picture")


def _from_data_uri(name: str, encoded: str, mime_type: str, world: World) -> str:
    if len(encoded) > LARGEST_DATA_URI:
        raise Refusal(400, f"Parameter {name} is larger than the 7 MB that a data URI may have; upload the picture instead")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise Refusal(400, f"Parameter {name} is no valid base64") from None
    return keep_picture(world, data, "ltx", mime_type=mime_type, service=NAME).key
