"""The create and status calls of the vendor's API: https://useapi.net/docs/api-ltxstudio-v1/

`replyUrl` is stored and shown, but never called: the vendor does not guarantee delivery, so a client must poll anyway.
"""

from __future__ import annotations

from typing import Any

from flask import Response, g

from tenxsom import clock
from tenxsom.errors import Interrupted
from tenxsom_studio import ids, orders
from tenxsom_studio.answers import Refusal, cut, document, error, page
from tenxsom_studio.context import account_for, api, read_body, studio
from tenxsom_studio.faults import Rule
from tenxsom_studio.records import Asset, Job, Kind, Order

# Creating


@api.post("/images/flux-create")
@api.post("/images/create")
def create_image() -> Response:
    body = read_body()
    return _create("image", body, orders.image_order(body, studio().world))


@api.post("/videos/ltx-create")
def create_video() -> Response:
    body = read_body()
    return _create("video", body, orders.video_order(body, studio().world))


def _create(kind: Kind, body: orders.Body, order: Order) -> Response:
    account = account_for(orders.text(body, "email"))
    max_jobs = orders.integer(body, "maxJobs", 1, 100) or account.max_jobs
    attempts = orders.integer(body, "pollForResult", 1, 20) or 0
    reply = {"reply_ref": orders.text(body, "replyRef"), "reply_url": orders.text(body, "replyUrl")}
    studio().world.prune()
    doom = studio().faults.take(g.call, "accepting")
    doomed = message_of(doom) if doom else None
    job = studio().jobs.accept(kind, order, account, max_jobs, doomed=doomed, **reply)
    if fault := studio().faults.take(g.call, "accepted"):
        return after_accepting(fault, document({"jobId": "lost"}))
    return _wait_for(job, attempts) if attempts else document({"jobId": job.id, "generationId": ids.generation_id(job.key)})


def _wait_for(job: Job, attempts: int) -> Response:
    """Handle `pollForResult`: check the job up to `attempts` times, about 3 s apart, and return its current status."""
    for attempt in range(attempts):
        try:
            clock.sleep(studio().poll_pace_seconds if attempt else 0)
        except Interrupted:
            break  # the job is accepted; the response must say so
        job = studio().jobs.check(job)
        if job.is_over:
            break
    return document(_status(job))


def after_accepting(fault: Rule, answer: Response) -> Response:
    """Return a response without the id of accepted and charged work: without its body, cut, or another one."""
    if fault.do == "no_job_id":
        return document({}, answer.status_code)
    if fault.do == "accept_then_drop":
        return cut(answer, 4)
    return scripted(fault, 502)


# Checking


@api.get("/assets/<path:jobId>")
def check(jobId: str) -> Response:  # noqa: N803  (the documentation's name: fault rules use it)
    return _check(studio().jobs.find(ids.key_of_job(jobId), jobId))


@api.get("/generations/<path:id>")
def check_generation(id: str) -> Response:  # noqa: A002  (the specification's name)
    """Serve the specification's status call, only if a rule says so: the vendor does not document it."""
    if not studio().faults.take(g.call, "generation"):
        raise Refusal(404, "Not found")
    return _check(studio().jobs.find(ids.key_of_generation(id) or ids.key_of_job(id)))


def _check(job: Job) -> Response:
    fault = studio().faults.take(g.call, "checking")
    if fault and fault.do == "unknown_status":
        return document({"status": {"type": fault.details.get("type", "under_review")}, "jobId": job.id, "code": 200})
    job = studio().jobs.fail(job, message_of(fault)) if fault else studio().jobs.check(job)
    if job.stage == "complete" and studio().faults.take(g.call, "complete"):
        job.stage = "announced"
    return document(_status(job))


def _status(job: Job) -> dict[str, Any]:
    status: dict[str, Any] = {"type": "completed", "progress": 100}
    match job.stage:
        case "accepted" | "active":
            status = {"type": "active", "progress": studio().world.progress(job.key) if job.kind == "video" else 50}
        case "failed":
            status = {"type": "failed", "message": job.message}
        case "complete":
            status["artifact"] = studio().storage.signed(_result(job))
    reply = {"replyRef": job.reply_ref, "replyUrl": job.reply_url}
    return {"status": status, "jobId": job.id} | {name: value for name, value in reply.items() if value is not None} | {"code": 200}


def _result(job: Job) -> Asset:
    asset = studio().world.load_asset(job.key)
    if asset is None or not studio().world.media(asset).exists():
        raise Refusal(404, "Job not found or has expired.")
    return asset


# Scripted answers


def scripted(fault: Rule, default_status: int) -> Response:
    """Return the response of a rule."""
    status = int(fault.details.get("status", default_status))
    if fault.details.get("html", status == 522):
        answer = page(status, f"{status}: out of order")
    elif "body" in fault.details:
        body = fault.details["body"]
        answer = Response(body, status) if isinstance(body, str) else document(body, status)
    else:
        wait = fault.details.get("retry_after", 1 if status == 429 else None)
        answer = error(status, message_of(fault), wait, fault.details.get("type", ""))
    answer.headers.update(fault.details.get("headers", {}))
    return answer


def type_of(fault: Rule) -> str:
    """Return the type of a rule's error or failure; empty without one."""
    return str(fault.details.get("type", ""))


def message_of(fault: Rule) -> str:
    return str(fault.details.get("message", "Something went wrong while generating. (Ordered by faults.json.)"))
