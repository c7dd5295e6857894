"""Shared by the studio's APIs of Vertex AI: the paths of models, the error format, pictures in a request.

https://cloud.google.com/vertex-ai/docs/reference/rest and https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from typing import Any

from flask import Response, request

from tenxsom_studio import orders
from tenxsom_studio.answers import ENVELOPES, Refusal, document
from tenxsom_studio.assets import keep_picture
from tenxsom_studio.world import World

MODELS = "/v1beta1/projects/<project>/locations/<location>/publishers/google/models/<model>"
LARGEST_PICTURE_BYTES = 20_000_000

_PATHS = r"/v1beta1/|/storage/v1/b/|/download/storage/v1/b/"
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def resource(project: str, location: str, model: str) -> str:
    """Return a model's full name."""
    return f"projects/{project}/locations/{location}/publishers/google/models/{model}"


def check_model(known: Collection[str], project: str, location: str, model: str) -> None:
    """Raise Refusal (404) for a model that is retired or unknown."""
    if model not in known:
        raise Refusal(
            404,
            f"Publisher Model `{resource(project, location, model)}` was not found or your project does not have access to it."
            " Please ensure you are using a valid model version.",
        )


def read_body() -> dict[str, Any]:
    """Read the JSON object of a request. Raises Refusal (400)."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid JSON payload received. The body must be an object.")
    return body


def refuse_unknown(body: orders.Body, known: Collection[str], where: str) -> None:
    """Raise Refusal (400) for an unknown field."""
    if unknown := sorted(body.keys() - set(known)):
        raise Refusal(400, f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at '{where}': Cannot find field.")


def picture(image: Any, use: str, service: str, world: World) -> str:
    """Store a picture in a request and return its key. Raises Refusal (400)."""
    if not isinstance(image, dict):
        raise Refusal(400, "The image must be an object with bytesBase64Encoded and mimeType.")
    if "gcsUri" in image:
        raise Refusal(400, "The local studio holds no buckets of yours; send the picture as bytesBase64Encoded.")
    mime_type = orders.choice(image, "mimeType", ("image/png", "image/jpeg"), "")
    try:
        data = base64.b64decode(image.get("bytesBase64Encoded", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Refusal(400, "The image's bytesBase64Encoded is no valid base64.") from None
    if not data or not mime_type or len(data) > LARGEST_PICTURE_BYTES:
        raise Refusal(400, "The image needs bytesBase64Encoded, of up to 20 MB, and mimeType.")
    return keep_picture(world, data, use, mime_type=mime_type, service=service).key


def envelope(refusal: Refusal) -> Response:
    """Return an error in Google's format."""
    name = refusal.kind or _STATUSES.get(refusal.status, "INTERNAL" if refusal.status >= 500 else "FAILED_PRECONDITION")
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return document({"error": {"code": refusal.status, "message": str(refusal), "status": name}}, refusal.status, headers)


ENVELOPES[_PATHS] = envelope
