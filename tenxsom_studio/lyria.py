"""Google's music models on Vertex AI, which return a sound file in the response.

    POST …/v1/…/publishers/google/models/lyria-002:predict   a WAV of 33 seconds as base64; no predictions where nothing is made
    POST …/v1beta1/…/interactions                            an MP3 among the outputs; words alone where nothing is made

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/lyria-music-generation. A `fail` rule lets a model make
nothing. The music is a soft chord, another one for every seed and prompt.
"""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, Response, g

from tenxsom_studio import api, ids, orders, vertex
from tenxsom_studio.answers import ENVELOPES, Refusal, document
from tenxsom_studio.context import studio

NAME = "lyria"
PATHS = r"/v1/projects/.*:predict$|/v1beta1/projects/[^/]+/locations/[^/]+/interactions$"
"""The pattern of this API's paths."""

PREDICTED = ("lyria-002",)
INTERACTIVE = ("lyria-3-clip-preview", "lyria-3-pro-preview")
SECONDS = {"lyria-002": 32.8, "lyria-3-clip-preview": 30.0, "lyria-3-pro-preview": 60.0}

blueprint = Blueprint("lyria", __name__)
ENVELOPES[PATHS] = vertex.envelope


@blueprint.post("/v1/projects/<project>/locations/<location>/publishers/google/models/<model>:predict")
def predict(project: str, location: str, model: str) -> Response:
    vertex.check_model(PREDICTED, project, location, model)
    body = vertex.read_body()
    vertex.refuse_unknown(body, ("instances", "parameters"), "")
    instances = body.get("instances")
    instance = instances[0] if isinstance(instances, list) and instances else None
    if not isinstance(instance, dict):
        raise Refusal(400, "instances must hold one object.")
    vertex.refuse_unknown(instance, ("prompt", "negative_prompt", "seed"), "instances")
    seed = orders.integer(instance, "seed", 0, 2**32 - 1)
    if seed is not None and "sample_count" in (body.get("parameters") or {}):
        raise Refusal(400, "seed and sample_count cannot be used together.")
    prompt = _prompt(instance.get("prompt"))
    if studio().faults.take(g.call, "accepting"):
        return document({})
    data = _composed(orders.seed_of(prompt) if seed is None else seed, model, "wav")
    sound = {"bytesBase64Encoded": data, "mimeType": "audio/wav"}
    return _charged(document({"predictions": [sound], "modelDisplayName": "Lyria 2"}))


@blueprint.post("/v1beta1/projects/<project>/locations/<location>/interactions")
def interact(project: str, location: str) -> Response:
    body = vertex.read_body()
    vertex.refuse_unknown(body, ("model", "input", "store"), "")
    model = str(body.get("model") or "")
    if location != "global":
        raise Refusal(404, f"Interactions are not served in {location}.")
    vertex.check_model(INTERACTIVE, project, location, model)
    prompt = _prompt(body.get("input"))
    answer: dict[str, Any] = {"id": ids.uuid_of(ids.new_key()), "model": model, "status": "completed"}
    if doom := studio().faults.take(g.call, "accepting"):
        return document(answer | {"outputs": [{"type": "text", "text": api.message_of(doom)}]})
    data = _composed(orders.seed_of(prompt), model, "mp3")
    sound = {"type": "audio", "mime_type": "audio/mpeg", "data": data}
    return _charged(document(answer | {"outputs": [{"type": "text", "text": "[Instrumental]"}, sound]}))


def _charged(answer: Response) -> Response:
    """Charge a piece, and return its response, or what a scripted fault makes of it."""
    studio().world.charge_call(NAME, "music", ids.uuid_of(ids.new_key()))
    fault = studio().faults.take(g.call, "accepted")
    return api.after_accepting(fault, answer) if fault else answer


def _prompt(text: Any) -> str:
    """Return the prompt. Raises Refusal (400)."""
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "There is no prompt.")
    return text


def _composed(seed: int, model: str, container: str) -> str:
    """Return a piece as a file in base64."""
    from tenxsom_studio.painting.music import sound_file

    return base64.b64encode(sound_file(SECONDS[model], seed, container)).decode()
