"""Maps the status words of all vendors, in any spelling and case, to running, ready or failed.

The words come from the status pages of many vendors, because vendors add words that their own pages do not list:

- `active` `completed` `failed`: https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId
- `pending` `processing` `completed` `failed`: https://docs.ltx.io/async-jobs
- `starting` `processing` `succeeded` `failed` `canceled` `aborted`: https://replicate.com/docs/reference/http#predictions.get
- `IN_QUEUE` `IN_PROGRESS` `COMPLETED`: https://docs.fal.ai/model-endpoints/queue
- `PENDING` `THROTTLED` `RUNNING` `SUCCEEDED` `FAILED` `CANCELLED`: https://docs.dev.runwayml.com/api/
- `JOB_STATE_SUCCEEDED` and similar: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/JobState
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from tenxsom.http.answer import STATUS_FIELDS, Answer, alone, field
from tenxsom.services.base import GenerationState, GenerationStatus

NO_REASON = "the service gave no reason"

_RUNNING = """
    accepted active assigned canceling cancelling created delayed generating inprogress inqueue moderating new paused pending
    preparing processing progress queued queuing rendering retrying running scheduled started starting submitted throttled uploading
    waiting working
"""
_READY = """
    available complete completed done finished generated ok published ready rendered success successful successfully succeed
    succeeded
"""
_OVER = """
    abandoned aborted banned blocked canceled cancelled censored crashed dead declined denied discarded errored evicted expired
    failed filtered flagged halted interrupted killed lost moderated orphaned preempted prohibited refunded refused rejected
    terminated voided
"""
"""Words for a failure also inside longer ones: `cancelled_by_user`, `content_moderated`."""
_FAILED = """
    abort cancel deadlineexceeded deleted disallowed error exception fail failure fatal forbidden invalid moderationfailed nsfw
    removed revoked stopped timedout timeout unsafe unsuccessful violated violation
"""
_BEFORE_THE_END = {"pending", "queued", "retrying", "waiting"}
"""A phrase that begins with one of these tells what comes next, not what has happened: `pending_cancel`, `retrying_error`."""
_NEGATIONS = {"no", "non", "not", "without"}
_PREPOSITIONS = {"after", "because", "by", "due", "during", "for", "on", "since", "to", "while", "with"}
"""What stands behind one of these is about something else: `retrying_after_error`, `completed_with_warnings`."""
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""The words in a name of any spelling: `TIMED_OUT`, `timed-out`, `TimedOut`."""
_MEANINGS = (
    dict.fromkeys(_RUNNING.split(), GenerationState.RUNNING)
    | dict.fromkeys(_READY.split(), GenerationState.READY)
    | dict.fromkeys((_OVER + _FAILED).split(), GenerationState.FAILED)
)
_PREFIXES = ("jobstate", "taskstatus", "jobstatus", "taskstate", "status", "state", "job", "task", "generation", "video")
_SENTENCES = (
    "error", "errors", "errorMessage", "failureReason", "failure", "failReason", "message", "statusMessage", "statusMsg", "failMsg",
    "reason", "detail", "details", "description", "msg", "moderation", "statusReason",
)  # fmt: skip
"""The fields where vendors put the reason of a failure, the most specific first."""


def meaning(word: Any) -> GenerationState | None:
    """Return what a status word means; None for an unknown word, and for a value that is not a word."""
    if not isinstance(word, str):
        return None
    parts = _parts(word)
    return _meaning_in_the_table("".join(parts)) or _meaning_of_a_phrase(parts)


def _parts(word: str) -> list[str]:
    """Return the words of a name, also of one in full-width letters."""
    return [part.casefold() for part in _PARTS.findall(unicodedata.normalize("NFKC", word))]


def _meaning_in_the_table(letters: str) -> GenerationState | None:
    candidates = [letters, *(letters.removeprefix(prefix) for prefix in _PREFIXES)]
    return next((_MEANINGS[candidate] for candidate in candidates if candidate in _MEANINGS), None)


def _meaning_of_a_phrase(parts: Sequence[str]) -> GenerationState | None:
    """Return what several words mean together: `CONTENT_POLICY_VIOLATION`, `completed_with_warnings`, `waiting_for_worker`."""
    if not parts or _NEGATIONS & {*parts}:
        return None
    head = next((number for number, part in enumerate(parts) if number and part in _PREPOSITIONS), len(parts))
    ends, last = {parts[0], parts[-1]}, parts[head - 1]
    if ends & {*_OVER.split()} or (last in _FAILED.split() and parts[0] not in _BEFORE_THE_END):
        return GenerationState.FAILED
    if {*_RUNNING.split()} & {*parts}:
        return GenerationState.RUNNING
    if ends & {*_READY.split()}:
        return GenerationState.READY
    return GenerationState.FAILED if ends & {*_FAILED.split()} else None


def status_in(job: Any) -> Any:
    """Return what a vendor's object says about the status of its job: a word, or an object that contains it."""
    return alone(field(job, *STATUS_FIELDS))


def word_in(status: Any) -> Any:
    """Return the status word in `status_in`'s result."""
    return field(status, "type", *STATUS_FIELDS, "value", "code", "name") if isinstance(status, dict) else status


def reason_in(document: Any) -> str:
    """Return the vendor's reason for a failure from anywhere in a status document; empty without one."""
    if isinstance(document, str):
        return document.strip()
    if isinstance(document, list):
        return "; ".join(filter(None, map(reason_in, document[:3])))
    if not isinstance(document, dict):
        return ""
    found = [told for key in _SENTENCES if (told := _with_its_type(field(document, key)))]
    return next((told for told in found if " " in told), found[0] if found else "")  # a sentence says more than a code


def read_status(answer: Answer, word: Any, *, url: Any, about: Sequence[Any], percent: Any = None) -> GenerationStatus:
    """Return the status for a vendor's word. `about` are the parts of the response that may contain the reason of a failure.

    A finished job without a URL, which comes a little later as a rule, and an unknown word count as running, with a message: the
    job's deadline ends the wait. An unknown word beside the URL of the result counts as ready, because the file shows whether it is
    one.
    """
    progress, url = meaning(word), alone(url)
    if progress is GenerationState.FAILED:
        reason = answer.presentable(next(filter(None, map(reason_in, about)), ""))
        return GenerationStatus(
            GenerationState.FAILED, message=_failure(answer.presentable(str(word)), reason), explained=bool(reason)
        )
    is_there = progress is GenerationState.READY or (progress is None and not _is_negated(word))
    if is_there and isinstance(url, str) and url:
        return GenerationStatus(GenerationState.READY, url=url)
    known = type(percent) in (int, float)
    return GenerationStatus(
        GenerationState.RUNNING,
        percent=min(100.0, max(0.0, percent)) if known else None,
        message="" if progress is GenerationState.RUNNING else _said(answer, word),
        unknown="" if progress else _said(answer, word),
    )


def _is_negated(word: Any) -> bool:
    return isinstance(word, str) and not _NEGATIONS.isdisjoint(_parts(word))


def _failure(word: str, reason: str) -> str:
    if word.casefold() in ("failed", "failure", "error"):
        return reason or NO_REASON
    return f"{word}: {reason}" if reason else f"{word}; {NO_REASON}"


def _said(answer: Answer, word: Any) -> str:
    """Describe a status that is none of a job on its way, with the response around it."""
    text = answer.presentable(answer.body[:2000].decode("utf-8", "replace"))
    return f"{answer.presentable(str(word))!r} in {text}"


def _with_its_type(value: Any) -> str:
    """Return a message, after the kind of failure where the vendor names one: `content_filtered_error: Rejected`."""
    if not isinstance(value, dict):
        return reason_in(value)
    kinds = (field(value, key) for key in ("type", "code", "name"))
    kind = next((kind for kind in kinds if isinstance(kind, str) and kind), "")
    return ": ".join(filter(None, ("" if _meaning_in_the_table(kind.casefold()) else kind, reason_in(value))))
