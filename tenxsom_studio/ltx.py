"""The official LTX API, asynchronous v2: uploads, orders, status. Rules: https://docs.ltx.io/async-jobs, /input-formats, /errors

    POST /v1/upload                          a link to PUT a picture to, and the `ltx://` address an order names it by
    POST /v2/text-to-video, image-to-video   202 with an id; two jobs at a time, the next one is 429
    GET  /v2/<the same endpoint>/<id>        pending, processing, completed, failed; 404 a day after the end

Unlike UseAPI.net's jobs, these continue without status calls, like the vendor's.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, g, request

from tenxsom import clock
from tenxsom_studio import api, ids, ltx_orders
from tenxsom_studio.answers import ENVELOPES, Refusal, document, xml_error
from tenxsom_studio.assets import keep_picture
from tenxsom_studio.context import studio
from tenxsom_studio.ltx_orders import IMAGE, NAME, TEXT, UPLOADS
from tenxsom_studio.records import Account, Job

PATHS = r"/v2/|/v1/upload$"
"""The pattern of this API's paths."""

ACCOUNT = Account(NAME, max_jobs=2)
"""The vendor's default of concurrent generations, unless the world has other `places` (https://docs.ltx.io/rate-limits)."""

KEEP_SECONDS = 24 * 3600
UPLOAD_LINK_SECONDS = 3600
LARGEST_UPLOAD_BYTES = 100_000_000
UPLOAD_HEADERS = {"Content-Type": "application/octet-stream", "x-goog-content-length-range": f"0,{LARGEST_UPLOAD_BYTES}"}
"""The headers in the link's signature. The vendor does not name them, but says that they enforce limits such as the size."""

ERROR_TYPES = {
    401: "authentication_error",
    402: "insufficient_funds_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "content_filtered_error",
    429: "rate_limit_error",
    503: "service_unavailable",
    529: "overloaded_error",
}
blueprint = Blueprint("ltx", __name__)


# Uploading


@blueprint.post("/v1/upload")
def begin_upload() -> Response:
    studio().world.prune()
    key = ids.new_key()
    answer = {
        "upload_url": studio().storage.upload_link(key, UPLOAD_HEADERS, UPLOAD_LINK_SECONDS),
        "storage_uri": f"{UPLOADS}{key}",
        "expires_at": clock.later(UPLOAD_LINK_SECONDS),
        "required_headers": UPLOAD_HEADERS,
    }
    return document(answer)


@blueprint.put("/storage/local-studio/uploads/<key>")
def upload(key: str) -> Response:
    """Accept the bytes of one picture at the storage host, once."""
    if refused := studio().storage.refused_upload(UPLOAD_HEADERS):
        return refused
    if (request.content_length or 0) > LARGEST_UPLOAD_BYTES:
        return xml_error(400, "EntityTooLarge", "The file is larger than the 100 MB that this link allows.")
    with studio().world.locks.hold(f"asset:{key}"):
        if studio().world.load_asset(key):
            return xml_error(412, "PreconditionFailed", "A file was uploaded with this link already.")
        try:
            keep_picture(studio().world, request.get_data(), "ltx", key=key, service=NAME)
        except Refusal as refusal:
            return xml_error(400, "InvalidArgument", str(refusal))
    return Response(status=200)


# Ordering


@blueprint.post(f"/v2/{TEXT}", defaults={"endpoint": TEXT})
@blueprint.post(f"/v2/{IMAGE}", defaults={"endpoint": IMAGE})
def submit(endpoint: str) -> Response:
    order = ltx_orders.order(request.get_json(silent=True), endpoint, studio().world)
    studio().world.prune()
    studio().jobs.let_end(NAME)
    doom = studio().faults.take(g.call, "accepting")
    fate = {"doomed": api.message_of(doom), "failure": api.type_of(doom)} if doom else {}
    places = studio().world.places(NAME, ACCOUNT.max_jobs)
    try:
        job = studio().jobs.accept("video", order, ACCOUNT, places, service=NAME, tracked=False, **fate)
    except Refusal as refusal:
        text = f"Concurrency limit reached: {places} generations run already. Wait for one to end."
        raise Refusal(refusal.status, text, refusal.retry_after, "concurrency_limit_error") from refusal
    studio().jobs.check(job)  # starts its rendering
    answer = document({"id": job.id, "created_at": job.created}, 202)
    fault = studio().faults.take(g.call, "accepted")
    return api.after_accepting(fault, answer) if fault else answer


# Asking


@blueprint.get(f"/v2/{TEXT}/<id>", defaults={"endpoint": TEXT})
@blueprint.get(f"/v2/{IMAGE}/<id>", defaults={"endpoint": IMAGE})
def check(endpoint: str, id: str) -> Response:  # noqa: A002  (the documentation's name)
    job = studio().jobs.find(ids.key_of_uuid(id), id)
    if job.service != NAME or endpoint != ltx_orders.endpoint_of(job.order) or _is_forgotten(job):
        raise Refusal(404, "Job not found or has expired.")
    fault = studio().faults.take(g.call, "checking")
    if fault and fault.do == "unknown_status":
        return document({"id": job.id, "status": fault.details.get("type", "under_review"), "created_at": job.created})
    job = studio().jobs.fail(job, api.message_of(fault), api.type_of(fault)) if fault else studio().jobs.advance(job)
    status = _status(job)
    if job.stage == "complete" and studio().faults.take(g.call, "complete"):
        status["result"] = {}
    return document(status)


def _status(job: Job) -> dict[str, Any]:
    about = {"id": job.id, "created_at": job.created}
    match job.stage:
        case "failed":
            error = {"type": job.failure or "api_error", "message": job.message}
            return about | {"status": "failed", "completed_at": job.ended, "error": error}
        case "complete":
            return about | {"status": "completed", "completed_at": job.ended, "result": {"video_url": _link(job)}}
        case _:
            return about | {"status": "processing" if studio().world.progress(job.key) else "pending"}


def _link(job: Job) -> str:
    """Return the result's link, which expires a day after the end of the job."""
    asset = studio().world.load_asset(job.key)
    if asset is None or not studio().world.media(asset).exists():
        raise Refusal(404, "Job not found or has expired.")
    return studio().storage.link(asset, KEEP_SECONDS - clock.age_seconds(job.ended or job.created))[0]


def _is_forgotten(job: Job) -> bool:
    return job.ended is not None and clock.age_seconds(job.ended) > KEEP_SECONDS


# Errors


def _envelope(refusal: Refusal) -> Response:
    other = "invalid_request_error" if refusal.status < 500 else "api_error"
    error = {"type": refusal.kind or ERROR_TYPES.get(refusal.status, other), "message": str(refusal)}
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return _numbered(document({"type": "error", "error": error}, refusal.status, headers))


@blueprint.after_request
def _numbered(answer: Response) -> Response:
    """Add the request id that every response of the vendor has."""
    answer.headers.setdefault("x-request-id", uuid.uuid4().hex)
    return answer


ENVELOPES[PATHS] = _envelope
