"""Validates Veo's orders: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation

An order is for one clip, from a prompt or from one picture; Veo's other features are refused, because the studio lacks them.
"""

from __future__ import annotations

import re
from typing import Any

from tenxsom_studio import orders, vertex
from tenxsom_studio.answers import Refusal
from tenxsom_studio.records import Order
from tenxsom_studio.world import World

NAME = "vertex_veo"
MODELS = ("veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001")
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
DURATIONS = (4, 6, 8)
LONGEST_PROMPT = 4000
"""The longest prompt in characters: about Google's 1,024 tokens (https://ai.google.dev/gemini-api/docs/video)."""

_PARAMETERS = (
    *("sampleCount", "durationSeconds", "aspectRatio", "resolution", "generateAudio", "seed", "storageUri", "negativePrompt"),
    *("enhancePrompt", "personGeneration", "fps", "compressionQuality", "resizeMode", "pubsubTopic"),
)
_BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](?:/[^?#\s]*)?")


def order(body: orders.Body, model: str, world: World) -> tuple[Order, str | None]:
    """Parse the order of a request's body, and its gs:// folder for the clip. Raises Refusal (400)."""
    vertex.refuse_unknown(body, ("instances", "parameters", "labels"), "")
    instance, parameters = _instance(body), body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise Refusal(400, "parameters must be an object.")
    vertex.refuse_unknown(parameters, _PARAMETERS, "parameters")
    if (orders.integer(parameters, "sampleCount", 1, 4) or 1) > 1:
        raise Refusal(400, "The local studio makes one video an order: sampleCount must be 1.")
    prompt = orders.text(instance, "prompt", LONGEST_PROMPT) or ""
    seconds = _seconds(parameters)
    shape = orders.choice(parameters, "aspectRatio", ("16:9", "9:16"), "16:9")
    offered = [name for name in SIZES if name != "4k" or "lite" not in model]
    long, short = SIZES[orders.choice(parameters, "resolution", offered, "720p")]
    seed = orders.integer(parameters, "seed", 0, 2**32 - 1)
    made = Order(
        prompt,
        shape,
        orders.seed_of(prompt) if seed is None else seed % 2**31,
        seconds=seconds,
        sound=orders.flag(parameters, "generateAudio", True),
        start_asset=vertex.picture(instance["image"], "veo", NAME, world) if instance.get("image") is not None else None,
        cues=orders.first_sentence(prompt, seconds) if prompt else (),
        size=(long, short) if shape == "16:9" else (short, long),
    )
    return made, _folder(parameters)


def _instance(body: orders.Body) -> dict[str, Any]:
    instances = body.get("instances")
    if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], dict):
        raise Refusal(400, "instances must hold exactly one object.")
    vertex.refuse_unknown(instances[0], ("prompt", "image"), "instances[0]")
    if not (instances[0].get("prompt") or instances[0].get("image")):
        raise Refusal(400, "Text prompt or image is required.")
    return dict(instances[0])


def _seconds(parameters: orders.Body) -> int:
    seconds = orders.integer(parameters, "durationSeconds", 1, 60) or 8
    if seconds not in DURATIONS:
        raise Refusal(
            400, f"Unsupported output video duration {seconds} seconds, supported durations are {[*DURATIONS]} for this model."
        )
    return seconds


def _folder(parameters: orders.Body) -> str | None:
    uri = orders.text(parameters, "storageUri")
    if uri is not None and not _BUCKET.fullmatch(uri):
        raise Refusal(400, "storageUri must be a Cloud Storage folder such as gs://bucket/folder.")
    return uri.rstrip("/") if uri else None
