"""Plans with Claude on Vertex AI. The only file that uses the `anthropic` library, which takes a second to import.

Facts about the interface: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai and
https://platform.claude.com/docs/en/build-with-claude/structured-outputs (November 2026).
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from tenxsom import clock
from tenxsom.errors import AccountError, NotSent, PlanFailed
from tenxsom.google import credentials as google_credentials
from tenxsom.google.credentials import GoogleSettings
from tenxsom.http.errors import proxy_name
from tenxsom.http.proxies import proxy_for
from tenxsom.http.tls import tls_context
from tenxsom.model import money
from tenxsom.model.blueprint import Blueprint, PlannerRecord
from tenxsom.model.definition import JobDefinition
from tenxsom.planning.archetypes import Archetype
from tenxsom.planning.claude_answer import AnswerRefused, ReadPlan, answer_schema, read_answer
from tenxsom.planning.claude_brief import director_brief, free_form_rules, order, repair_order
from tenxsom.planning.claude_errors import (
    AnswerUnusable,
    ClaudeFailed,
    error_sentence,
    is_about_structured_outputs,
    refuse_impossible_names,
    stop_sentence,
)
from tenxsom.setting_groups import WebAddress, setting


class ClaudeSettings(GoogleSettings):
    """Claude on Vertex AI."""

    section: ClassVar[str] = ""

    vertex_ai_location: str = setting(
        "global",
        "Vertex AI region; current Claude models need global, us or eu",
        allowed="`global`, `us`, `eu`, or a region; regions serve older models only",
        comment="Region; current Claude models are served in global, us and eu.",
    )
    vertex_ai_claude_model_id: str = setting(
        "claude-haiku-5-5",
        "The Claude model that plans",
        allowed="a model id of Vertex AI, such as `claude-haiku-5-5` or `claude-haiku-4-5@20251001`",
        comment="The Claude model that plans; `claude_video_service.py --check` says whether it still exists.",
    )
    vertex_ai_base_url: WebAddress | None = setting(
        None,
        "Another address for Vertex AI (a private endpoint, a stub), ending in /v1",
        allowed="as `USEAPI_BASE_URL`; ends in `/v1`",
        comment="Another address for Vertex AI, ending in /v1: a private endpoint, or a stub on this machine.",
    )


log = logging.getLogger(__name__)
Result = TypeVar("Result")

MAX_TOKENS = 16_000
"""Enough for 60 segments and for a model's thinking; the library requires streaming above 21,333."""
MOST_PROMPT_TOKENS = 40_000
"""More than the longest request, which contains a refused plan."""

_TRIES = 2
"""Requests for one response. The local planner can replace a plan, so a busy service is not waited for longer."""
_PAUSE_SECONDS = 1.0
_LEAST_SECONDS = 5.0
"""The least remaining time for another attempt."""

_STOP_CHECK_SECONDS = 0.25

_USAGE = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class VertexClaude:
    """Plans videos with one Claude model in one project. Reusable; keeps its connection.

    `base_url` is another address of the service, ending in /v1; `platforms` gives platform name → aspect ratio.
    """

    def __init__(
        self,
        project: str,
        location: str,
        model: str,
        *,
        credentials_file: Path | None = None,
        base_url: str | None = None,
        prices: Mapping[str, Any],
        platforms: Mapping[str, str] | None = None,
        deadline_seconds: float = 60.0,
        proxies: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._project, self._location, self._model = project.strip(), location, model
        self._credentials_file, self._base_url = credentials_file, base_url
        self._prices, self._platforms, self._seconds = prices, platforms or {}, deadline_seconds
        self._proxies, self._ca_file = dict(proxies or {}), ca_file
        self._credentials: Any = None
        self._client: Any = None
        self._structured = True

    def plan(self, definition: JobDefinition, archetype: Archetype) -> Blueprint:
        """Plan the video of `definition`; all requests together take at most `deadline_seconds`.

        Raises ClaudeFailed (a PlanFailed) with the reason, the remedy and the cost.
        """
        bill, deadline = _Bill(), clock.Deadline(self._seconds)
        try:
            read = _within(deadline, lambda: self._converse(definition, archetype, bill, deadline))
        except (PlanFailed, AccountError, NotSent) as failure:  # the latter two come from the credentials
            record = self._record(bill, deadline)
            raise ClaudeFailed(str(failure), record, self._warnings(bill), isinstance(failure, AnswerUnusable)) from None
        return Blueprint(
            content_id=definition.content_id,
            archetype=definition.archetype,
            language=definition.language,
            planner=self._record(bill, deadline),
            video_plan=read.video_plan,
            warnings=read.warnings + self._warnings(bill),
        )

    def most_usd(self) -> Decimal:
        """Return the highest cost of one plan: two responses of the maximum length. 0 where the model's price is unknown."""
        usage = {"input_tokens": MOST_PROMPT_TOKENS, "output_tokens": MAX_TOKENS}
        return 2 * (money.planner_cost(self._prices, self._model, usage, self._location) or money.ZERO)

    def _converse(self, definition: JobDefinition, archetype: Archetype, bill: _Bill, deadline: clock.Deadline) -> ReadPlan:
        """Request the plan; if it breaks our rules, send the problems to Claude once and request another."""
        self._connect()
        shape = definition.aspect_ratio or self._platforms.get(definition.platform, "16:9")
        system = director_brief(definition, archetype, shape)
        talk: list[dict[str, Any]] = [{"role": "user", "content": order(definition)}]
        text = self._ask(system, talk, bill, deadline)
        try:
            return read_answer(text, definition.target_duration)
        except AnswerRefused as refused:
            log.info("Claude's plan broke rules and is sent back once: %s", refused)
            talk += [
                {"role": "assistant", "content": text or "(nothing)"},
                {"role": "user", "content": repair_order(refused.problems)},
            ]
        text = self._ask(system, talk, bill, deadline)
        try:
            return read_answer(text, definition.target_duration)
        except AnswerRefused as refused:
            raise AnswerUnusable(
                f"Claude's plan still breaks the rules after it was sent back ({google_credentials.quoted(refused)}); "
                "simplify the prompt, or set VERTEX_AI_CLAUDE_MODEL_ID to a stronger model such as claude-sonnet-5-5."
            ) from None

    def _ask(self, system: str, talk: list[dict[str, Any]], bill: _Bill, deadline: clock.Deadline) -> str:
        """Return the text of one complete response. Transient errors are retried, unless their Retry-After is too long."""
        import anthropic

        tries = 0
        while True:
            tries += 1
            try:
                return _text_of(self._request(system, talk, bill, deadline), self._model)
            except anthropic.APIError as error:
                if self._structured and is_about_structured_outputs(error):
                    log.warning(
                        "Structured outputs are not allowed for project %s; the plan is asked for without them.", self._project
                    )
                    self._structured, tries = False, 0
                    continue
                pause = _pause_before_retry(error, tries, deadline)
                if pause is None:
                    named, token = (self._project, self._location, self._model), self._credentials.token
                    raise PlanFailed(error_sentence(error, *named, token, proxy=self._proxy())) from None
                clock.sleep(pause)

    def _request(self, system: str, talk: list[dict[str, Any]], bill: _Bill, deadline: clock.Deadline) -> dict[str, Any]:
        import anthropic

        session = None if self._credentials.valid else google_credentials.token_session(self._proxies, self._ca_file)
        google_credentials.refresh(self._credentials, _left(deadline), session)
        wanted: dict[str, Any] = {"system": system + free_form_rules(answer_schema())}
        if self._structured:
            output = {"format": {"type": "json_schema", "schema": answer_schema()}}
            wanted = {"system": system, "output_config": output}
        left = _left(deadline)
        timeout = anthropic.Timeout(left, connect=min(5.0, left))
        bill.requests += 1
        message = self._client.messages.create(model=self._model, max_tokens=MAX_TOKENS, messages=talk, timeout=timeout, **wanted)
        bill.answers += 1
        document = message.to_dict() if isinstance(message, anthropic.types.Message) else {}
        bill.add(document.get("usage"))
        return document

    def _connect(self) -> None:
        refuse_impossible_names(self._project, self._location, self._model)
        if self._client is None:
            import anthropic

            self._credentials = google_credentials.load(self._credentials_file)
            self._client = anthropic.AnthropicVertex(
                region=self._location,
                project_id=self._project,
                credentials=self._credentials,
                base_url=self._address(),
                max_retries=0,  # the library honours a `retry-after` of days; our own retries respect the deadline
                http_client=self._http_client(),
            )
            weakref.finalize(self, self._client.close)  # the library closes only clients that it has made itself

    def _http_client(self) -> Any:
        """Return the library's HTTP client with our proxy and authorities; by itself it would take those of the environment."""
        import anthropic

        proxy = self._proxy()
        try:
            return anthropic.DefaultHttpxClient(
                verify=tls_context(self._ca_file), proxy=proxy, trust_env=False, follow_redirects=False
            )
        except ImportError:
            raise PlanFailed(
                f"The proxy {proxy_name(proxy or '')} speaks SOCKS, for which Claude's library needs one more package:"
                " pip install 'httpx2[socks]'."
            ) from None

    def _proxy(self) -> str | None:
        """Return the proxy to Vertex AI, or None."""
        return proxy_for(self._address(), self._proxies)

    def _address(self) -> str:
        """Return the address explicitly: the library would take one from the environment (ANTHROPIC_VERTEX_BASE_URL)."""
        return self._base_url or f"{google_credentials.vertex_address(self._location)}/v1"

    def _record(self, bill: _Bill, deadline: clock.Deadline) -> PlannerRecord:
        cost = money.planner_cost(self._prices, self._model, bill.usage, self._location)
        return PlannerRecord(
            name="claude_on_vertex",
            model=self._model,
            usage=dict(bill.usage),
            cost_usd=money.text(cost or money.ZERO),
            seconds=round(self._seconds - deadline.left(), 3),
            requests=bill.requests,
        )

    def _warnings(self, bill: _Bill) -> list[str]:
        warnings = []
        if bill.answers and money.planner_cost(self._prices, self._model, bill.usage) is None:
            warnings.append(f"The price of {self._model} is unknown; add it to templates/prices.json to have its cost counted.")
        if bill.answers and not self._structured:
            warnings.append(
                "Structured outputs are switched off for this project, so the plan was made without them; allow "
                f"publishers/anthropic/models/{self._model}:structured_outputs in the organization policy "
                "constraints/vertexai.allowedPartnerModelFeatures."
            )
        return warnings


class _Bill:
    """The usage of one plan's requests so far; written by the requesting thread, read by the waiting one."""

    def __init__(self) -> None:
        self.requests = 0
        self.answers = 0
        self.usage = dict.fromkeys(_USAGE, 0)

    def add(self, usage: Any) -> None:
        for name in _USAGE:
            tokens = usage.get(name) if isinstance(usage, dict) else None
            self.usage[name] += tokens if isinstance(tokens, int) else 0


def _within(deadline: clock.Deadline, work: Callable[[], Result]) -> Result:
    """Return the result of `work`; raise PlanFailed when the deadline passes first.

    The library's timeouts bound silence, not duration: name look-ups have none, and a server may send a byte per second. So the
    work runs in a daemon thread, which is abandoned at the deadline and ends by its own timeouts. A stop request (TERM, INT)
    does not wait for it either: the next run plans again.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - carried over to the waiting thread, which lets it pass
            future.set_exception(error)

    threading.Thread(target=run, name="claude-planner", daemon=True).start()
    while not deadline.passed():
        wait([future], timeout=min(deadline.left(), _STOP_CHECK_SECONDS))
        if future.done():
            return future.result()
        clock.check_stop()
    raise PlanFailed(_OUT_OF_TIME)


_OUT_OF_TIME = (
    "Claude on Vertex AI gave no plan in the time it has; try again later, or choose a faster model (VERTEX_AI_CLAUDE_MODEL_ID)."
)


def _left(deadline: clock.Deadline) -> float:
    left = deadline.left()
    if left <= 0:
        raise PlanFailed(_OUT_OF_TIME)
    return left


def _text_of(message: dict[str, Any], model: str) -> str:
    """Return the text of a complete response. Raises AnswerUnusable for a response that ended in any other way."""
    if message.get("stop_reason") != "end_turn":
        raise AnswerUnusable(stop_sentence(message.get("stop_reason"), model, MAX_TOKENS))
    return "".join(block.get("text") or "" for block in message.get("content") or [] if block.get("type") == "text")


def _pause_before_retry(error: Any, tries: int, deadline: clock.Deadline) -> float | None:
    """Return the seconds before another attempt; None for no further attempt."""
    status = getattr(error, "status_code", None)
    passing = status in (408, 429) or (status or 0) >= 500 or type(error).__name__ == "APIConnectionError"
    if not passing or tries >= _TRIES:
        return None
    asked = error.response.headers.get("retry-after", "0") if status else "0"
    if not asked.isdigit():  # a date means a long pause
        return None
    pause = max(_PAUSE_SECONDS, float(asked))
    return pause if pause + _LEAST_SECONDS <= deadline.left() else None
