"""Voices: Gemini's speech models on Vertex AI, and servers with OpenAI's speech request.

    POST …/publishers/google/models/{model}:generateContent   a WAV as base64, or a reason why not (called by `gemini_image.py`)
    POST /v1/audio/speech                                     a WAV as it is
    POST /dev/captioned_speech                                a WAV as base64, and when each word is spoken

https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/text-to-speech/overview,
https://github.com/remsky/Kokoro-FastAPI. A `fail` rule lets the model say nothing; its type is the reason why (SAFETY). The sound
is a hum with the text's rhythm.
"""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

from flask import Blueprint, Response, g

from tenxsom_studio import api, ids, orders, vertex
from tenxsom_studio.answers import Refusal, document
from tenxsom_studio.context import studio

NAME = "speech_api"
PATHS = r"/v1/audio/|/dev/captioned_speech"
"""The pattern of this API's paths."""

GEMINI = "gemini"
MODELS = ("gemini-3.8-flash-lite-tts", "gemini-3.8-flash-tts")
TOKENS_A_SECOND = 25
_FIELDS = ("contents", "generationConfig", "safetySettings", "labels")
_UNSUPPORTED = ("temperature", "topP", "topK")
_SPEECH_FIELDS = ("model", "input", "voice", "response_format", "speed", "stream", "instructions")
_LONGEST_TEXT = 8000

blueprint = Blueprint("speech_api", __name__)


@blueprint.post("/v1/audio/speech")
def speech() -> Response:
    text, speed = _spoken_text(vertex.read_body())
    wav, _ = _said(text, speed)
    return _charged(NAME, Response(wav, mimetype="audio/wav"))


@blueprint.post("/dev/captioned_speech")
def captioned_speech() -> Response:
    text, speed = _spoken_text(vertex.read_body())
    wav, words = _said(text, speed)
    times = [{"word": word, "start_time": start, "end_time": end} for word, start, end in words]
    return _charged(NAME, document({"audio": base64.b64encode(wav).decode(), "timestamps": times}))


def generate(model: str) -> Response:
    """Answer a Gemini speech model's `generateContent`."""
    text = _text_for_gemini(vertex.read_body())
    if doom := studio().faults.take(g.call, "accepting"):
        reason = str(doom.details.get("type") or "SAFETY")
        return document({"candidates": [{"finishReason": reason, "finishMessage": api.message_of(doom)}], "modelVersion": model})
    wav, _ = _said(text, 1.0)
    tokens = round((len(wav) - 44) / 2 / 24_000 * TOKENS_A_SECOND)
    inline = {"mimeType": "audio/wav", "data": base64.b64encode(wav).decode()}
    usage = {
        "promptTokenCount": max(1, len(text) // 4),
        "candidatesTokenCount": tokens,
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": tokens}],
    }
    candidate = {"content": {"role": "model", "parts": [{"inlineData": inline}]}, "finishReason": "STOP"}
    return _charged(GEMINI, document({"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}))


def _charged(service: str, answer: Response) -> Response:
    """Charge a spoken text, and return its response, or what a scripted fault makes of it."""
    studio().world.charge_call(service, "speech", ids.uuid_of(ids.new_key()))
    fault = studio().faults.take(g.call, "accepted")
    return api.after_accepting(fault, answer) if fault else answer


def _text_for_gemini(body: orders.Body) -> str:
    """Return the text that is to be said. Raises Refusal (400)."""
    if "systemInstruction" in body:
        raise Refusal(400, "Developer instruction is not enabled for this model.")
    vertex.refuse_unknown(body, _FIELDS, "")
    config = body.get("generationConfig") or {}
    if not isinstance(config, dict) or config.get("responseModalities") != ["AUDIO"]:
        raise Refusal(400, "The local studio's speech models only speak: responseModalities must be [AUDIO].")
    if refused := [name for name in _UNSUPPORTED if name in config]:
        raise Refusal(400, f"{refused[0]} is not supported by this model.")
    contents = body.get("contents")
    turn = contents[-1] if isinstance(contents, list) and contents else None
    parts = turn.get("parts") if isinstance(turn, dict) else None
    words = [part["text"] for part in parts or [] if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return _checked(" ".join(words))


def _spoken_text(body: orders.Body) -> tuple[str, float]:
    """Return the text and the speed of a speech request. Raises Refusal (400)."""
    vertex.refuse_unknown(body, _SPEECH_FIELDS, "")
    speed = body.get("speed", 1.0)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4:
        raise Refusal(400, "speed must be a number from 0.25 to 4.")
    if not isinstance(body.get("voice"), str) or not isinstance(body.get("model"), str):
        raise Refusal(400, "model and voice are required.")
    if body.get("response_format", "wav") != "wav":
        raise Refusal(400, "The local studio speaks WAV only.")
    return _checked(body.get("input")), float(speed)


def _checked(text: Any) -> str:
    if not isinstance(text, str) or not any(letter.isalnum() for letter in text):
        raise Refusal(400, "There is no text to say.")
    if len(text) > _LONGEST_TEXT:
        raise Refusal(400, f"The text has {len(text)} characters; at most {_LONGEST_TEXT} are said at once.")
    return text


def _said(text: str, speed: float) -> tuple[bytes, list[tuple[str, float, float]]]:
    """Return the WAV of a text, and when its words are spoken."""
    from tenxsom_studio.painting.voice import RATE, speak

    samples, words = speak(text, speed)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return target.getvalue(), words
