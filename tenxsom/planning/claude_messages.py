"""Asks Claude for an answer in JSON. The only file that uses the `anthropic` library, which takes a second to import.

Facts about the interface: https://platform.claude.com/docs/en/build-with-claude/structured-outputs and
https://platform.claude.com/docs/en/api/errors (November 2026).
"""

from __future__ import annotations

import logging
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tenxsom import clock
from tenxsom.errors import PlanFailed
from tenxsom.http.errors import proxy_name
from tenxsom.http.proxies import proxy_for
from tenxsom.http.tls import tls_context
from tenxsom.model import money
from tenxsom.planning.claude_errors import is_about_structured_outputs, stop_sentence
from tenxsom.planning.model_service import (
    MAX_TOKENS,
    AnswerUnusable,
    Bill,
    PriceEntry,
    ServiceName,
    Turn,
    free_form_rules,
    pause_before_retry,
    time_left,
)

log = logging.getLogger(__name__)

_LIST = "https://platform.claude.com/docs/en/about-claude/pricing"
PRICES: dict[str, PriceEntry] = {
    "claude-haiku-5-5": {
        "input_usd": "0.10",
        "output_usd": "0.50",
        "cache_read_usd": "0.01",
        "cache_write_usd": "0.125",
        "long_prompt": {"above_tokens": 100000, "input_usd": "0.50", "output_usd": "2.50"},
        "source": _LIST,
    },
    "claude-sonnet-5-5": {
        "input_usd": "2",
        "output_usd": "10",
        "cache_read_usd": "0.20",
        "cache_write_usd": "2.50",
        "source": _LIST,
    },
    "claude-sonnet-4-6": {"input_usd": "3", "output_usd": "15", "source": _LIST},
    "claude-haiku-4-5@20251001": {"input_usd": "1", "output_usd": "5", "source": _LIST},
}
"""US dollars per million tokens, wherever Claude is served; regional endpoints cost a tenth more (`money.planner_cost`)."""


class ClaudeMessages(ABC):
    """Claude, wherever it is served. Reusable; keeps its connection."""

    name: ServiceName
    title: str
    stronger: str
    region = "global"
    """The location of its price."""

    def __init__(
        self, model: str, address: str, *, prices: Mapping[str, Any], proxies: Mapping[str, str] | None, ca_file: Path | None
    ) -> None:
        self.model = model
        self._address, self._prices = address, prices
        self._proxies, self._ca_file = dict(proxies or {}), ca_file
        self._structured = True
        self._client: Any = None
        self._lock = threading.Lock()

    def answer(self, system: str, talk: Sequence[Turn], schema: dict[str, Any], bill: Bill, deadline: clock.Deadline) -> str:
        """Return the text of one complete response. Transient errors are retried, unless their Retry-After is too long."""
        self.connect()
        import anthropic

        tries = 0
        while True:
            tries += 1
            try:
                text = _text_of(self._request(system, talk, schema, bill, deadline), self.model, self.not_claude())
                secret = self.secret()
                return text.replace(secret, "***") if secret else text
            except anthropic.APIError as error:
                if self._structured and is_about_structured_outputs(error):
                    log.warning("Structured outputs are not allowed by %s; the plan is asked for without them.", self.title)
                    self._structured, tries = False, 0
                    continue
                status = getattr(error, "status_code", None)
                response = getattr(error, "response", None)
                passing = status is not None or type(error).__name__ in ("APIConnectionError", "APITimeoutError")
                retry_after = response.headers.get("retry-after") if status is not None and response is not None else None
                pause = pause_before_retry(status, retry_after, tries, deadline) if passing else None
                if pause is None:
                    raise PlanFailed(self.error_sentence(error)) from None
                clock.sleep(pause)

    def cost(self, usage: Mapping[str, int]) -> Decimal | None:
        """Return what `usage` costs in US dollars; None where the model's price is unknown."""
        return money.planner_cost(self._prices, self.model, usage, self.region)

    def warnings(self) -> list[str]:
        """Return that structured outputs are switched off, where they are."""
        return [] if self._structured else [self.unstructured_warning()]

    # what differs between the places where Claude is served

    @abstractmethod
    def new_client(self) -> Any:
        """Return a client of the library. Raises PlanFailed or AccountError with the remedy."""

    def connect(self) -> None:
        """Open the client once."""
        with self._lock:
            if self._client is None:
                self._client = self.new_client()
                weakref.finalize(self, self._client.close)  # the library closes only clients that it has made itself

    def prepare(self, deadline: clock.Deadline) -> None:  # noqa: B027  (only Vertex needs a step here)
        """Do what is needed before each request."""

    @abstractmethod
    def secret(self) -> str | None:
        """Return the key or token of the requests, which is masked where a response repeats it."""

    @abstractmethod
    def error_sentence(self, error: Any) -> str:
        """Return the sentence for an error of the library."""

    @abstractmethod
    def unstructured_warning(self) -> str:
        """Return the warning of a plan that is made without structured outputs."""

    @abstractmethod
    def not_claude(self) -> str:
        """Return the sentence for a response that is none of Claude's."""

    def proxy(self) -> str | None:
        """Return the proxy to the service, or None."""
        return proxy_for(self._address, self._proxies)

    def http_client(self) -> Any:
        """Return the library's HTTP client with our proxy and authorities; by itself it would take those of the environment."""
        import anthropic

        proxy = self.proxy()
        try:
            return anthropic.DefaultHttpxClient(
                verify=tls_context(self._ca_file), proxy=proxy, trust_env=False, follow_redirects=False
            )
        except ImportError:
            raise PlanFailed(
                f"The proxy {proxy_name(proxy or '')} speaks SOCKS, for which Claude's library needs one more package:"
                " pip install 'httpx2[socks]'."
            ) from None

    def _request(
        self, system: str, talk: Sequence[Turn], schema: dict[str, Any], bill: Bill, deadline: clock.Deadline
    ) -> dict[str, Any]:
        import anthropic

        self.prepare(deadline)
        wanted: dict[str, Any] = {"system": system + free_form_rules(schema)}
        if self._structured:
            wanted = {"system": system, "output_config": {"format": {"type": "json_schema", "schema": schema}}}
        left = time_left(deadline, self.title)
        timeout = anthropic.Timeout(left, connect=min(5.0, left))
        bill.requests += 1
        message = self._client.messages.create(model=self.model, max_tokens=MAX_TOKENS, messages=talk, timeout=timeout, **wanted)
        bill.answers += 1
        document = message.to_dict() if isinstance(message, anthropic.types.Message) else {}
        bill.add(document.get("usage"))
        return document


def _text_of(message: dict[str, Any], model: str, not_claude: str) -> str:
    """Return the text of a complete response. Raises AnswerUnusable for a response that ended in any other way."""
    reason = message.get("stop_reason")
    if reason != "end_turn":
        raise AnswerUnusable(stop_sentence(reason, model, MAX_TOKENS) if isinstance(reason, str) else not_claude)
    return "".join(block.get("text") or "" for block in message.get("content") or [] if block.get("type") == "text")
