"""The accounts and the scheduler of the API."""

from __future__ import annotations

from typing import Any

from flask import Response

from tenxsom import clock
from tenxsom_studio import ids, orders
from tenxsom_studio.answers import Refusal, document
from tenxsom_studio.context import api, known_accounts, read_body, studio
from tenxsom_studio.records import Account, Job

# Scheduler


@api.get("/scheduler")
def scheduler() -> Response:
    return document([_scheduled(job) for job in studio().world.executing() if job.tracked])


@api.get("/scheduler/available")
def scheduler_available() -> Response:
    executing = [job for job in studio().world.executing() if job.tracked]
    available = []
    for account in studio().world.accounts().values():
        busy = sum(job.email == account.email for job in executing)
        free = max(0, account.max_jobs - busy)
        available.append({"email": account.email, "maxJobs": account.max_jobs, "executing": busy, "available": free})
    return document({"executing": [_scheduled(job) for job in executing], "available": available})


@api.delete("/scheduler/<path:jobId>")
def unschedule(jobId: str) -> Response:  # noqa: N803  (the documentation's name)
    return document(_scheduled(studio().jobs.untrack(studio().jobs.find(ids.key_of_job(jobId), jobId))))


def _scheduled(job: Job) -> dict[str, Any]:
    minutes, seconds = divmod(int(clock.age_seconds(job.created)), 60)
    entry = {"jobId": job.id, "email": job.email, "started": job.created, "elapsed": f"{minutes:02}:{seconds:02}"}
    return entry | {"replyUrl": job.reply_url, "replyRef": job.reply_ref}


# Accounts


@api.get("/accounts")
def accounts() -> Response:
    return document({email: _configuration(account) for email, account in known_accounts().items()})


@api.get("/accounts/<email>")
def oneaccount_for(email: str) -> Response:
    account = known_accounts().get(email)
    if account is None:
        raise Refusal(404, f"Account {email} not found")
    charges = studio().charges()
    latest = int(clock.parse(charges[-1]["time"]).timestamp() * 1000) if charges else 0
    balance = {"balance": {"LTXStudio_token": max(0, 100_000 - len(charges))}, "latestCreatedAtMs": {"LTXStudio_token": latest}}
    return document(_configuration(account) | balance)


@api.post("/accounts")
def addaccount_for() -> Response:
    """Link an account. The studio stores only the e-mail address from `lt_id`, and nothing else of the cookie."""
    body = read_body()
    cookie = dict(part.strip().partition("=")[::2] for part in (orders.text(body, "cookie", 20_000) or "").split(";"))
    missing = [name for name in ("lt_token", "lt_refresh_token") if not cookie.get(name)]
    if missing:
        raise Refusal(400, f"Missing required cookie fields: {' | '.join(missing)}")
    email = cookie.get("lt_id", "") if "@" in cookie.get("lt_id", "") else Account().email
    account = Account(email, orders.integer(body, "maxJobs", 1, 100) or 20, clock.stamp())
    studio().world.save_account(account)
    return document(_configuration(account))


def _configuration(account: Account) -> dict[str, Any]:
    moment = clock.parse(account.updated) if account.updated else clock.now()
    cookie = {"lt_id": "…", "lt_token": "…secured…", "lt_refresh_token": "…secured…"}
    updated = {"updated": int(moment.timestamp() * 1000), "updatedUTC": clock.stamp(moment)}
    return {"email": account.email, "cookie": cookie, "maxJobs": account.max_jobs} | updated
