"""Validates the vendor's create calls and parses their orders.

Rules: https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-images-flux-create and …/post-ltxstudio-videos-ltx-create.
The vendor documents nothing about unknown fields; they are ignored, except `preview`, our own extension (only our local_studio
service sends it): {"mood": "tech_news", "cues": [{"start": 0, "end": 2.5, "text": "…"}], "badge": "PREVIEW", "number": 0}.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from tenxsom_studio import ids
from tenxsom_studio.answers import Refusal
from tenxsom_studio.records import Asset, Order
from tenxsom_studio.world import World

Body = Mapping[str, Any]

LONGEST_TEXT = 2000
MAX_CUE_CHARACTERS = 2000
RATIOS = ("16:9", "9:16", "1:1")
DURATIONS = ("3", "5", "7", "9", "15", "30")
IMAGE_MODELS = ("flux", "flux-premium", "nano-banana")
VIDEO_MODELS = ("ltxv", "ltxv-turbo")
INTENSITIES = ("low", "medium", "high")
ANGLES = ("eye-level", "low-angle", "over-the-shoulder", "overhead", "birds-eye-view")
STYLES = (
    *("cinematic", "vintage", "low_key", "indy", "y2k", "pop", "grunge", "dreamy", "hand_drawn", "2d_novel"),
    *("boost", "scribble", "film_noir", "anime", "3d_cartoon", "colored"),
)
_INTEGERS = ("seed", "reference_strength", "maxJobs", "pollForResult")


def image_order(body: Body, world: World) -> Order:
    """Parse the order of an `images/create` body. Raises Refusal (400)."""
    prompt = _prompt(body)
    choice(body, "style", STYLES, "")
    choice(body, "shotAngle", ANGLES, "")
    choice(body, "model", IMAGE_MODELS, "flux")
    integer(body, "reference_strength", 0, 100)
    for name in ("shotType", "location", "weather", "lighting"):
        text(body, name)
    for name in ("referenceAssetId", "referenceAssetId2", "referenceAssetId3"):
        if _stored_asset(body, name, world) is None and body.get(name):
            raise Refusal(400, f"Parameter {name} does not name a known asset")
    return Order(prompt, choice(body, "aspectRatio", RATIOS, "16:9"), _seed(body, prompt), **_preview(body))


def video_order(body: Body, world: World) -> Order:
    """Parse the order of a `videos/ltx-create` body. Raises Refusal (400)."""
    prompt = _prompt(body)
    choice(body, "model", VIDEO_MODELS, "ltxv-turbo")
    start, _ = _frame(body, "startAssetId", world), _frame(body, "endAssetId", world)
    seconds = int(choice(body, "duration", DURATIONS, "3"))
    preview = {"cues": first_sentence(prompt, seconds)} | _preview(body)
    return Order(
        prompt,
        choice(body, "aspectRatio", RATIOS, "16:9"),
        _seed(body, prompt),
        seconds=seconds,
        intensity=choice(body, "intensity", INTENSITIES, "medium"),
        sound=flag(body, "audioSFX"),
        start_asset=start.key if start else None,
        **preview,
    )


def from_form(form: Mapping[str, str]) -> Body:
    """Convert a multipart body to the equivalent JSON body: numbers, booleans and `preview` are text in it."""
    body: dict[str, Any] = dict(form)
    for name in _INTEGERS:
        if re.fullmatch(r"-?\d{1,18}", body.get(name, "")):
            body[name] = int(body[name])
    if body.get("audioSFX") in {"true", "false"}:
        body["audioSFX"] = body["audioSFX"] == "true"
    if "preview" in body:
        try:
            body["preview"] = json.loads(body["preview"])
        except ValueError:
            raise Refusal(400, "Parameter preview is not valid JSON") from None
    return body


def text(body: Body, name: str, longest: int = LONGEST_TEXT) -> str | None:
    """Read an optional text. Raises Refusal (400) for another type and for more than `longest` characters."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal(400, f"Parameter {name} must be a string")
    if len(value) > longest:
        raise Refusal(400, f"Parameter {name} must not exceed {longest} characters, it has {len(value)}")
    return value


def choice(body: Body, name: str, allowed: Collection[str], default: str) -> str:
    """Read one of the allowed texts; a number is refused, because the vendor's durations are strings. Raises Refusal (400)."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in allowed:
        raise Refusal(400, f"Parameter {name} has an unsupported value {value!r}. Supported values: {', '.join(allowed)}")
    return value


def integer(body: Body, name: str, lowest: int, highest: int) -> int | None:
    """Read an optional integer within limits. Raises Refusal (400)."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise Refusal(400, f"Parameter {name} must be an integer from {lowest} to {highest}")
    return value


def flag(body: Body, name: str, default: bool = False) -> bool:
    """Read an optional boolean. Raises Refusal (400)."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Refusal(400, f"Parameter {name} must be a boolean")
    return value


def first_sentence(prompt: str, seconds: int) -> tuple[tuple[float, float, str], ...]:
    """Return the caption of an order without captions: the beginning of its prompt."""
    sentence = re.split(r"(?<=[.!?])\s|(?<=[。！？।])", prompt.strip(), maxsplit=1)[0]
    return ((0.0, float(seconds), sentence),)


def seed_of(prompt: str) -> int:
    """Return the seed of an order without one, so that the same prompt always looks the same."""
    return int.from_bytes(hashlib.blake2b(prompt.encode(), digest_size=4).digest(), "big") >> 1


def _prompt(body: Body) -> str:
    prompt = text(body, "prompt")
    if not prompt or not prompt.strip():
        raise Refusal(400, "Parameter prompt is required")
    return prompt


def _seed(body: Body, prompt: str) -> int:
    seed = integer(body, "seed", -(2**53), 2**53)
    return seed_of(prompt) if seed is None else seed % 2**31


def _stored_asset(body: Body, name: str, world: World) -> Asset | None:
    """Return the asset named by a field; None when the field is absent or names an unknown asset."""
    value = text(body, name)
    if not value:
        return None
    key = ids.key_of_file(value)
    if key is None:
        raise Refusal(400, f"Parameter {name} has incorrect format")
    asset = world.load_asset(key)
    return asset if asset and asset.file_id == value else None


def _frame(body: Body, name: str, world: World) -> Asset | None:
    """Return the uploaded picture that a clip starts or ends with.

    A generated artifact is refused by its format, as a user observed: it must be downloaded and uploaded.
    """
    if not body.get(name):
        return None
    asset = _stored_asset(body, name, world)
    if asset is None:
        raise Refusal(400, f"Parameter {name} does not name a known asset")
    if asset.type != "image":
        raise Refusal(400, f"Parameter {name} has incorrect format")
    if asset.use != "image":
        raise Refusal(400, f"Parameter {name} must be an asset uploaded with type=image")
    return asset


def _preview(body: Body) -> dict[str, Any]:
    """Read the fields of an Order in our own extension."""
    preview = body.get("preview")
    if preview is None:
        return {}
    if not isinstance(preview, dict):
        raise Refusal(400, "Parameter preview must be an object")
    fields: dict[str, Any] = {name: text(preview, name, 40) for name in ("mood", "badge") if preview.get(name) is not None}
    fields["number"] = integer(preview, "number", 0, 10_000)
    if preview.get("cues") is not None:
        fields["cues"] = _cues(preview["cues"])
    return fields


def _cues(value: Any) -> tuple[tuple[float, float, str], ...]:
    if not isinstance(value, list) or len(value) > 200:
        raise Refusal(400, "Parameter preview.cues must be an array of at most 200 cues")
    return tuple(_cue(number, cue) for number, cue in enumerate(value))


def _cue(number: int, cue: Any) -> tuple[float, float, str]:
    limits = f"start < end in seconds and a text of at most {MAX_CUE_CHARACTERS} characters"
    complaint = Refusal(400, f"Parameter preview.cues[{number}] must hold {limits}")
    if not isinstance(cue, dict):
        raise complaint
    start, end, words = _seconds(cue.get("start")), _seconds(cue.get("end")), cue.get("text")
    if start is None or end is None or start >= end or not isinstance(words, str) or len(words) > MAX_CUE_CHARACTERS:
        raise complaint
    return start, end, words


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 1_000_000 else None
