"""Reads a service's response and maps its status to one of our errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from typing import Any
from urllib.parse import quote, unquote

from requests.structures import CaseInsensitiveDict

from tenxsom import clock
from tenxsom.errors import (
    AccountError,
    FreeLimit,
    NotFound,
    RateLimited,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
    ServiceRefused,
    SubmitUnclear,
    TenxsomError,
)
from tenxsom.http.paid import MAX_BODY_BYTES
from tenxsom.log import mask_emails

LONGEST_RETRY_AFTER_SECONDS = 3600.0
"""The longest Retry-After that is honoured: a longer one is taken for a mistake of the service."""

EXCERPT_BYTES = 4096
"""How much of the response to a paid call is kept."""

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NO_LETTER = re.compile(r"[^A-Za-z]")
_ENVELOPES = ("data", "result", "results", "response", "job", "task", "item", "items", "generation", "payload", "body")
STATUS_FIELDS = ("status", "state", "jobStatus", "taskStatus", "jobState", "taskState", "phase")
"""The fields where vendors put the status of a job, in any spelling (`job_status`, `JobStatus`)."""
_ID_NAME = re.compile(r"(.*[a-z0-9_-])?(id|Id|ID|uuid|name|reference)")
_MOST_IDS = 20

_ACCOUNT = {401, 402, 403, 412, 596}  # 596 is UseAPI's own: the linked account is in error
_GONE = {404, 410}
_MAYBE_ACCEPTED = {302, 303}
"""Redirects with which servers also answer a POST that they have accepted (RFC 9110 §15.4.3 and §15.4.4)."""
_BUSY = {429, 503, 529}  # 529 is "overloaded"
_LONGEST_TEXT = 300
_SETTLE = "nobody knows whether it was accepted, so look there and settle it with `manage_jobs.py resolve`."
_NO_JSON = object()


class Answer:
    """A complete response: status, headers (case-insensitive), body. `service` and `paid` shape the messages of `json`.

    `secrets` are texts that must not appear in any message, even if the service repeats them. The repr shows no content.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        service: str = "The service",
        *,
        paid: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = CaseInsensitiveDict(headers)
        self.body = body
        self.service = service
        self.paid = paid
        self.secrets = _every_spelling(secrets)

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.body)} bytes>"

    @cached_property
    def _content(self) -> Any:
        """The parsed body without our secrets; _NO_JSON for a body that is not JSON.

        Letters in another encoding than UTF-8 are replaced in the response to a free call, which would be as unreadable next time.
        """
        content = _parsed(self.body, self.secrets)
        if content is _NO_JSON and not self.paid:
            return _parsed(self.body.decode("utf-8", "replace").encode(), self.secrets)
        return content

    def json(self) -> Any:
        """Return the body as JSON, with our secrets masked, even where the service repeats them in an id or a link.

        Raises ServiceDown for a body that is not JSON; for a paid call SubmitUnclear, because it may have been accepted.
        """
        if self._content is not _NO_JSON:
            return self._content
        if self.paid:
            raise self.unclear("it is no JSON")
        raise ServiceDown(f"{self.service} answered {self.status} with something that is no JSON; it will be asked again.")

    def unclear(self, why: str) -> SubmitUnclear:
        """Return the error for a response that leaves open whether a paid call was accepted. The error keeps an excerpt of it."""
        said = self.presentable(self.body[:EXCERPT_BYTES].decode("utf-8", "replace")) or "nothing"
        return SubmitUnclear(
            f"{self.service} answered a paid call with {self.status}, and {why}; {_SETTLE} It said: {said}", answer=self.excerpt()
        )

    def excerpt(self) -> dict[str, Any]:
        """Return what is kept of the response to a paid call: its status, its first 4 KB without secrets, every id in it, and the
        address that it points to.
        """
        text, place = self.body[:EXCERPT_BYTES].decode("utf-8", "replace"), self.header("Location")[:500]
        ids = _ids_in(self._content)
        return {"status": self.status, "text": _without(text, self.secrets), "ids": [*ids, *([place] if place else [])]}

    def file(self) -> bytes:
        """Return the body for a file, with our secrets masked: an error page may come in place of a sound, and repeat them."""
        body = self.body
        for secret in self.secrets:
            body = body.replace(secret.encode(), b"***")
        return body

    def header(self, name: str) -> str:
        """Return a header with our secrets masked; empty without it."""
        return _without(self.headers.get(name, ""), self.secrets)

    def error_text(self) -> str:
        """Return the service's own error message: one line, at most 300 characters, no e-mail address; "" where there is none.

        Understands `{"error": "…"}`, `{"error": {"message": "…"}}`, `{"message": "…"}`, `{"detail": …}`, HTML's title, plain text.
        """
        if self._content is not _NO_JSON:
            return self.presentable(_from_envelope(self._content))
        return self.presentable(_from_page(self.body, self.headers.get("Content-Type", "")))

    def subject(self) -> str | None:
        """Return the id of the job that a 2xx describes (`jobId`, else `id` or `name`); None where it names no job.

        `job_id` and `JobID` are other spellings of it.
        """
        content = self._content if 200 <= self.status <= 299 else None
        named = [field(level, name) for level in reversed(_levels(content)) for name in ("jobId", "id", "name")]
        return next((unquote(text) for text in named if isinstance(text, str) and text), None)

    def job(self) -> Any:
        """Return the part of the JSON body that describes a job: the body itself, or what an envelope such as `{"data": {…}}` or a
        list of one contains. Raises like `json`.
        """
        return _levels(self.json())[-1]

    def is_about(self, ids: Collection[str]) -> bool:
        """Return False where the response names a job that is not among `ids`. True without ids, and where it names no job."""
        subject = self.subject() if ids else None
        return subject is None or subject in {unquote(known) for known in ids}

    def presentable(self, text: str) -> str:
        """Return a text of the service as messages, logs and reports may show it: one short line, no secret, no e-mail address."""
        text = mask_emails(_without(text[:8192], self.secrets))
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"

    def retry_after(self) -> float | None:
        """Return the seconds to wait: from the header (seconds or a date) or UseAPI's `retryAfter`; None if none are named."""
        header = self.headers.get("Retry-After", "").strip()
        seconds = float(header) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", header) else self._seconds_until(_moment(header))
        if seconds is None:
            stated = inside(self._content, "retryAfter")
            seconds = self._seconds_until(_moment(stated) if isinstance(stated, str) else None)
        return None if seconds is None else min(max(0.0, seconds), LONGEST_RETRY_AFTER_SECONDS)

    def _seconds_until(self, moment: datetime | None) -> float | None:
        """Return the seconds until a moment, by the service's clock (its Date header) where there is one, else by ours."""
        if moment is None:
            return None
        return (moment - (_moment(self.headers.get("Date", "")) or clock.now())).total_seconds()


def is_final(status: int) -> bool:
    """Return whether an immediate retry would get the same status."""
    return status == 596 or (200 <= status < 500 and status not in (408, 429))


def raise_for_answer(answer: Answer) -> None:
    """Return for a 2xx; otherwise raise the error that the status means for a free or a paid call.

    | status | free | paid |
    |---|---|---|
    | 401, 402, 403, 412, 596 | AccountError | AccountError |
    | 404, 410 | NotFound | NotFound |
    | 429; 529 in the service's own words (a JSON object) | ServiceBusy | ServiceBusy |
    | 503, any other 529 | ServiceClosed | ServiceClosed |
    | 302, 303 | ServiceRefused | SubmitUnclear: servers redirect to the result of what they have accepted |
    | 408, every other 5xx, any unknown status | ServiceDown | SubmitUnclear |
    | every other 3xx and 4xx | ServiceRefused | ServiceRefused |

    Sources: https://www.useapi.net/docs (codes per page), RFC 9110 §15.
    """
    if not 200 <= answer.status <= 299:
        error = _meaning(answer)
        error.answer = answer.excerpt() if answer.paid else None
        raise error


def _meaning(answer: Answer) -> TenxsomError:
    status, name, said = answer.status, answer.service, answer.error_text()
    details = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status in _ACCOUNT:
        return AccountError(f"{name} refuses the account ({details}); check its token, its plan and its credits.", status)
    if status in _GONE:
        return NotFound(f"{name} does not have what was asked for ({details}); it never existed, or it has expired.", status)
    if status in _BUSY:
        return _busy(answer, details)
    if answer.paid and (status in _MAYBE_ACCEPTED or _is_trouble(status)):
        return SubmitUnclear(f"{name} failed over a paid call ({details}); {_SETTLE}")
    if _is_trouble(status):
        return ServiceDown(f"{name} is in trouble ({details}); it will be tried again.", answer.retry_after())
    if status < 400:
        return ServiceRefused(f"{name} points to another address ({details}), which is never followed; check its base URL.", status)
    return ServiceRefused(f"{name} refuses this request ({details}); change what it complains about.", status)


def _is_trouble(status: int) -> bool:
    return status < 200 or status == 408 or status >= 500


def _ids_in(content: Any, depth: int = 4) -> list[str]:
    """Collect the ids in a JSON document at any depth: short texts and integers under names such as `id` and `jobId`."""
    if depth == 0 or not isinstance(content, dict | list):
        return []
    found: list[str] = []
    for name, value in content.items() if isinstance(content, dict) else (("", item) for item in content[:_MOST_IDS]):
        if isinstance(value, dict | list):
            found += _ids_in(value, depth - 1)
        elif _ID_NAME.fullmatch(str(name)) and (type(value) is int or (isinstance(value, str) and 0 < len(value) <= 500)):
            found.append(str(value))
    return found[:_MOST_IDS]


def usable_id(value: Any) -> str | None:
    """Return an id that a service names; None for anything but a text, and for one that no address can hold (a half surrogate)."""
    return value if isinstance(value, str) and value and not _HALF_A_PAIR.search(value) else None


def field(document: Any, *names: str) -> Any:
    """Return the first of these fields that an object, or the only one of a list, has. None without one.

    Any spelling counts: `job_id` and `JobID` are `jobId`.
    """
    document = alone(document)
    if not isinstance(document, dict):
        return None
    fields = {_folded(key): value for key, value in reversed(document.items())}
    return next((fields[_folded(name)] for name in names if fields.get(_folded(name)) is not None), None)


def alone(value: Any) -> Any:
    """Return the only item of a list of one, which vendors send in place of the item; anything else as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def inside(document: Any, *keys: str) -> Any:
    """Return a value inside nested objects; None where a level is missing or not an object."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _folded(name: str) -> str:
    return _NO_LETTER.sub("", name).casefold()


def _levels(content: Any, most: int = 4) -> list[Any]:
    """Return a document, and what is inside its envelopes, down to the object that has a status; the document alone without one."""
    inner = alone(content) if isinstance(content, list) else None
    if isinstance(content, dict) and field(content, *STATUS_FIELDS) is None:
        inner = field(content, *_ENVELOPES)
    deeper = _levels(inner, most - 1) if most and isinstance(inner, dict | list) else []
    return [content, *(deeper if deeper and field(deeper[-1], *STATUS_FIELDS) is not None else [])]


def check_answers(ask: Callable[[], Answer]) -> None:
    """Send a free request to see whether a service responds. Any status of its own counts, a 404 or a rate limit too.

    Raises ServiceDown without a response, or with a gateway's; AccountError when the account is refused.
    """
    try:
        raise_for_answer(ask())
    except AccountError:
        raise
    except (FreeLimit, ServiceBusy, ServiceRefused):
        pass


def _busy(answer: Answer, details: str) -> ServiceBusy:
    """Return the error for 429, 503 and 529. A limit (429) is a certain refusal; a 503 is not: a gateway also sends one after
    the service behind it has accepted the request.

    A gateway (https://www.envoyproxy.io/docs/envoy/latest/faq/debugging/why_is_envoy_sending_internal_responses) cannot know
    that a service is overloaded; a 529 in a JSON object is the service's own word. The LTX API tells by `error.type` whether a
    429 limits the rate of requests or the number of concurrent jobs. Both: https://docs.ltx.io/errors
    """
    name, pause = answer.service, answer.retry_after()
    if answer.status == 429 and inside(answer._content, "error", "type") == "rate_limit_error":
        return RateLimited(f"{name} asks for a pause ({details}); nothing was accepted, it will be tried again.", pause)
    if answer.status == 429 or (answer.status == 529 and isinstance(answer._content, dict)):
        return ServiceBusy(f"{name} is too busy ({details}); nothing was accepted, it will be tried again.", pause)
    return ServiceClosed(f"{name} is not available ({details}).", pause)


def unclear(name: str, reason: str) -> SubmitUnclear:
    """Return the error for a paid call that was sent and got no usable response."""
    return SubmitUnclear(f"{name} was sent a paid call and gave no usable answer ({reason}); {_SETTLE}")


def _parsed(body: bytes, secrets: tuple[str, ...]) -> Any:
    """Parse a body as JSON and mask the secrets. Returns _NO_JSON for a body that is not JSON, too long or nested too deeply."""
    if len(body) > MAX_BODY_BYTES:
        return _NO_JSON
    try:
        content = json.loads(body)
        return _masked(content, secrets) if secrets else content
    except (ValueError, RecursionError):
        return _NO_JSON


def _from_envelope(content: Any) -> str:
    """Return the error message in a JSON error object: the first text under the usual keys, outermost first."""
    for _ in range(4):
        if isinstance(content, list):
            content = content[0] if content else ""
        if not isinstance(content, dict):
            break
        values = [content.get(key) for key in ("error", "message", "detail", "msg")]
        content = next((value for value in values if value and isinstance(value, str | dict | list)), "")
    return content if isinstance(content, str) else ""


def _from_page(body: bytes, content_type: str) -> str:
    import html  # its table of entities is not small

    page = body[:65_536].decode("utf-8", "replace")
    small = page.lower()
    start = small.find("<title")
    if start >= 0:
        start = small.find(">", start) + 1
        end = small.find("</title", start)
        return html.unescape(page[start:end]) if 0 < start <= end else ""
    return page if content_type.lower().startswith("text/plain") else ""


@cache
def _every_spelling(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the secrets, and their percent-encoded forms."""
    spelt = [text for secret in secrets for text in (secret, quote(secret, safe=""), quote(secret, safe="").lower())]
    return tuple(dict.fromkeys(spelt))


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _masked(content: Any, secrets: tuple[str, ...]) -> Any:
    """Return the document with secrets masked in every text."""
    if isinstance(content, str):
        return _without(content, secrets)
    if isinstance(content, list):
        return [_masked(item, secrets) for item in content]
    if isinstance(content, dict):
        return {_without(key, secrets): _masked(value, secrets) for key, value in content.items()}
    return content


def _moment(text: str) -> datetime | None:
    """Parse an HTTP date or ISO 8601; None for anything else."""
    try:
        moment = clock.parse(text) if text[:1].isdigit() else parsedate_to_datetime(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
