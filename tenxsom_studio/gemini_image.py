"""Gemini's image models on Vertex AI, which return a picture in the response.

    POST …/publishers/google/models/{model}:generateContent   a picture, or a reason why not
    POST …/publishers/google/models/{model}:predict           Imagen's way: its models were retired in 2026, so every one is a 404

https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/gemini/3-1-flash-image. A `fail` rule lets the model paint
nothing; its type is the reason why (IMAGE_SAFETY).
"""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, Response, g

from tenxsom_studio import api, orders, speech, vertex
from tenxsom_studio.answers import Refusal, document
from tenxsom_studio.context import studio
from tenxsom_studio.records import Account, Job, Order

NAME = "vertex_image"
PATHS = r"/v1beta1/.*:(?:generateContent|predict)$"
"""The pattern of this API's paths."""

MODELS = ("gemini-3.1-flash-image", "gemini-3-pro-image")
ACCOUNT = Account(NAME, max_jobs=100)
SIZES = {"16:9": (1088, 612), "9:16": (612, 1088), "1:1": (820, 820)}
"""The size of a clip; stills are a quarter larger, which is about the megapixel of `1K`."""

_FIELDS = ("contents", "generationConfig", "safetySettings", "systemInstruction", "labels")

blueprint = Blueprint("gemini_image", __name__)


@blueprint.post(f"{vertex.MODELS}:predict")
def predict(project: str, location: str, model: str) -> Response:
    vertex.check_model((), project, location, model)
    raise AssertionError("no model is known here")


@blueprint.post(f"{vertex.MODELS}:generateContent")
def generate(project: str, location: str, model: str) -> Response:
    if model in speech.MODELS:
        return speech.generate(model)
    vertex.check_model(MODELS, project, location, model)
    order = _order(vertex.read_body())
    studio().world.prune()
    if doom := studio().faults.take(g.call, "accepting"):
        reason = str(doom.details.get("type") or "IMAGE_SAFETY")
        return document({"candidates": [{"finishReason": reason, "finishMessage": api.message_of(doom)}], "modelVersion": model})
    job = studio().jobs.accept("image", order, ACCOUNT, ACCOUNT.max_jobs, service=NAME, tracked=False)
    answer = document(_answer(studio().jobs.advance(job), model))
    fault = studio().faults.take(g.call, "accepted")
    return api.after_accepting(fault, answer) if fault else answer


def _answer(job: Job, model: str) -> dict[str, Any]:
    asset = studio().world.load_asset(job.key)
    if job.stage != "complete" or asset is None:
        raise Refusal(500, job.message or "Internal error encountered.")
    data = base64.b64encode(studio().world.media(asset).read_bytes()).decode()
    content = {"role": "model", "parts": [{"inlineData": {"mimeType": asset.mime_type, "data": data}}]}
    usage = {"promptTokenCount": len(job.order.prompt) // 4, "candidatesTokenCount": 1120}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage, "modelVersion": model}


def _order(body: orders.Body) -> Order:
    """Parse the order of a request's body. Raises Refusal (400)."""
    vertex.refuse_unknown(body, _FIELDS, "")
    config = body.get("generationConfig") or {}
    shape = config.get("imageConfig") or {} if isinstance(config, dict) else None
    if not isinstance(shape, dict):
        raise Refusal(400, "generationConfig and its imageConfig must be objects.")
    if "IMAGE" not in (config.get("responseModalities") or []):
        raise Refusal(400, "The local studio's image models only paint: responseModalities must hold IMAGE.")
    if orders.integer(config, "candidateCount", 1, 8) not in (None, 1):
        raise Refusal(400, "Multiple candidates is not enabled for this model.")
    prompt, seed = _prompt(body), orders.integer(config, "seed", -(2**31), 2**31 - 1)
    ratio = orders.choice(shape, "aspectRatio", SIZES, "1:1")
    orders.choice(shape, "imageSize", ("1K",), "1K")
    return Order(prompt, ratio, orders.seed_of(prompt) if seed is None else seed % 2**31, size=SIZES[ratio])


def _prompt(body: orders.Body) -> str:
    """Return the text of the last turn."""
    contents = body.get("contents")
    turn = contents[-1] if isinstance(contents, list) and contents else None
    parts = turn.get("parts") if isinstance(turn, dict) else None
    words = [part["text"] for part in parts or [] if isinstance(part, dict) and isinstance(part.get("text"), str)]
    prompt = " ".join(words).strip()
    if not prompt:
        raise Refusal(400, "Unable to submit request because it must have a text parameter.")
    return prompt
