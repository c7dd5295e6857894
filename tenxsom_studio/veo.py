"""Veo on Vertex AI: orders become long-running operations, and clips are in the response or in Cloud Storage.

    POST …/publishers/google/models/{model}:predictLongRunning      an operation's name; ten at a time, the next one is 429
    POST …/publishers/google/models/{model}:fetchPredictOperation   its state
    GET  /storage/v1/b/{bucket}/o/{object}, /download/storage/…     a clip whose order named a storageUri; alt=media for its bytes

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation and
https://cloud.google.com/storage/docs/json_api/v1/objects/get. A `fail` rule with the type `filtered` lets Google's filters keep a
clip back; a number as its type is the code of a failed operation (3 is INVALID_ARGUMENT).
"""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, Response, g, request

from tenxsom_studio import api, ids, veo_orders, vertex
from tenxsom_studio.answers import Refusal, document
from tenxsom_studio.context import studio
from tenxsom_studio.records import Account, Asset, Job
from tenxsom_studio.veo_orders import MODELS, NAME

PATHS = r"/v1beta1/.*:(?:predictLongRunning|fetchPredictOperation)$|/storage/v1/b/|/download/storage/v1/b/"
"""The pattern of this API's paths."""

ACCOUNT = Account(NAME, max_jobs=10)
FILTERED = "filtered"
"""The kind of failure that is a successful operation without a clip."""

blueprint = Blueprint("veo", __name__)


# Ordering


@blueprint.post(f"{vertex.MODELS}:predictLongRunning")
def submit(project: str, location: str, model: str) -> Response:
    vertex.check_model(MODELS, project, location, model)
    studio().world.prune()
    order, folder = veo_orders.order(vertex.read_body(), model, studio().world)
    studio().jobs.let_end(NAME)
    doom = studio().faults.take(g.call, "accepting")
    fate = {"doomed": api.message_of(doom), "failure": api.type_of(doom)} if doom else {}
    details = {"model": vertex.resource(project, location, model), "folder": folder or ""}
    try:
        job = studio().jobs.accept("video", order, ACCOUNT, ACCOUNT.max_jobs, service=NAME, tracked=False, details=details, **fate)
    except Refusal as refusal:
        text = f"Quota exceeded for {ACCOUNT.max_jobs} concurrent long-running requests. Please wait and try again."
        raise Refusal(refusal.status, text, refusal.retry_after) from refusal
    studio().jobs.check(job)  # starts its rendering
    answer = document({"name": _name(job)})
    fault = studio().faults.take(g.call, "accepted")
    return api.after_accepting(fault, answer) if fault else answer


# Asking


@blueprint.post(f"{vertex.MODELS}:fetchPredictOperation")
def check(project: str, location: str, model: str) -> Response:
    name = vertex.read_body().get("operationName")
    job = _job_of(str(name).rpartition("/operations/")[2])
    if job is None or name != _name(job) or job.details["model"] != vertex.resource(project, location, model):
        raise Refusal(404, f"Operation `{name}` was not found.")
    fault = studio().faults.take(g.call, "checking")
    if fault and fault.do == "unknown_status":
        return document({"name": name, "metadata": {"state": fault.details.get("type", "UNDER_REVIEW")}})
    job = studio().jobs.fail(job, api.message_of(fault), api.type_of(fault)) if fault else studio().jobs.check(job)
    operation = _operation(job)
    if job.stage == "complete" and studio().faults.take(g.call, "complete"):
        operation["response"] = {}
    return document(operation)


def _operation(job: Job) -> dict[str, Any]:
    if not job.is_over:
        return {"name": _name(job)}
    done: dict[str, Any] = {"name": _name(job), "done": True}
    if job.stage == "failed" and job.failure != FILTERED:
        code = int(job.failure) if job.failure.isdecimal() else 3
        return done | {"error": {"code": code, "message": job.message}}
    kind = {"@type": "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"}
    if job.stage == "failed":
        return done | {"response": kind | {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [job.message]}}
    return done | {"response": kind | {"raiMediaFilteredCount": 0, "videos": [_video(job) | {"mimeType": "video/mp4"}]}}


def _video(job: Job) -> dict[str, str]:
    clip = studio().world.media(_clip(job))
    if job.details["folder"]:
        return {"gcsUri": f"{job.details['folder']}/{_object(job)}"}
    return {"bytesBase64Encoded": base64.b64encode(clip.read_bytes()).decode()}


def _job_of(uuid: str) -> Job | None:
    key = ids.key_of_uuid(uuid)
    job = studio().world.load_job(key) if key else None
    return job if job and job.service == NAME else None


def _clip(job: Job) -> Asset:
    asset = studio().world.load_asset(job.key)
    if asset is None or not studio().world.media(asset).exists():
        raise Refusal(404, "The operation's video has expired.")
    return asset


def _name(job: Job) -> str:
    return f"{job.details['model']}/operations/{job.id}"


def _object(job: Job) -> str:
    return f"{job.id}/sample_0.mp4"


# Cloud Storage


@blueprint.get("/storage/v1/b/<bucket>/o/<path:name>")
@blueprint.get("/download/storage/v1/b/<bucket>/o/<path:name>")
def get_object(bucket: str, name: str) -> Response:
    """Return a clip's description, or its bytes with alt=media."""
    job = _job_of(name.removesuffix("/sample_0.mp4").rpartition("/")[2])
    if job is None or f"gs://{bucket}/{name}" != f"{job.details['folder']}/{_object(job)}" or job.stage != "complete":
        raise Refusal(404, f"No such object: {bucket}/{name}")
    asset = _clip(job)
    if request.args.get("alt") == "media":
        return studio().storage.deliver(g.call, asset)
    size = studio().world.media(asset).stat().st_size
    about = {"kind": "storage#object", "name": name, "bucket": bucket, "size": str(size), "contentType": asset.mime_type}
    return document(about)
