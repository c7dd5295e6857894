"""Plans with Gemini on Vertex AI, through google-genai.

Facts about the interface: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/control-generated-output
(structured output), https://ai.google.dev/gemini-api/docs/pricing (November 2026).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tenxsom import clock
from tenxsom.errors import AccountError, NotFound, NotSent, PlanFailed, ServiceBusy, ServiceDown, TenxsomError
from tenxsom.model import money
from tenxsom.planning.model_service import (
    MAX_TOKENS,
    AnswerUnusable,
    Bill,
    PriceEntry,
    ServiceName,
    Turn,
    pause_before_retry,
    time_left,
)

if TYPE_CHECKING:
    from tenxsom.google.genai import GenAi

DEFAULT_MODEL = "gemini-3.8-flash"
PRICES: dict[str, PriceEntry] = {
    "gemini-3.8-flash": {
        "input_usd": "1.50",
        "output_usd": "7.50",
        "cache_read_usd": "0.15",
        "note": "The list price from 1 January 2027; until then Google charges half of it.",
        "source": "https://ai.google.dev/gemini-api/docs/pricing",
    }
}
"""US dollars per million tokens."""
_REFUSALS = ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "LANGUAGE")


class VertexGemini:
    """One Gemini model in one project on Vertex AI. `open_client` opens it on first use."""

    name: ServiceName = "gemini_on_vertex"
    title = "Gemini on Vertex AI"
    stronger = "set PLANNER_MODEL to a stronger Gemini model"

    def __init__(self, open_client: Callable[[], GenAi], model: str, location: str, prices: Mapping[str, Any]) -> None:
        self.model = model
        self._open, self._location, self._prices = open_client, location, prices
        self._client: GenAi | None = None

    def answer(self, system: str, talk: Sequence[Turn], schema: dict[str, Any], bill: Bill, deadline: clock.Deadline) -> str:
        """Return the text of one complete response. Transient errors are retried, unless their Retry-After is too long."""
        if self._client is None:
            self._client = self._open()
        tries = 0
        while True:
            tries += 1
            left = time_left(deadline, self.title)
            bill.requests += 1
            try:
                written = self._client.write(self.model, system, talk, schema, max_tokens=MAX_TOKENS, seconds=left)
            except (AccountError, NotSent):
                raise
            except TenxsomError as error:
                pause = _pause(error, tries, deadline)
                if pause is None:
                    raise PlanFailed(self._sentence(error)) from None
                clock.sleep(pause)
                continue
            bill.answers += 1
            bill.add(written.usage)
            if written.text is None or written.reason != "STOP":
                raise AnswerUnusable(self._reason_sentence(written.reason))
            return written.text

    def cost(self, usage: Mapping[str, int]) -> Decimal | None:
        """Return what `usage` costs in US dollars; None where the model's price is unknown."""
        return money.planner_cost(self._prices, self.model, usage, self._location)

    def warnings(self) -> list[str]:
        """Return nothing: every current Gemini model has structured output."""
        return []

    def _sentence(self, error: TenxsomError) -> str:
        if isinstance(error, NotFound):
            return (
                f"{self.model} is retired, or not offered in {self._location} ({error}); set PLANNER_MODEL to a current one "
                f"such as {DEFAULT_MODEL}."
            )
        if isinstance(error, ServiceBusy):
            return f"The quota of {self.model} is used up ({error}); wait, or raise it under IAM & Admin > Quotas."
        return f"{self.title} has no plan: {error}"

    def _reason_sentence(self, reason: str) -> str:
        if reason == "MAX_TOKENS":
            return f"Gemini's plan was cut off at {MAX_TOKENS:,} tokens; ask for a shorter video or shorten the prompt."
        if re.search("|".join(_REFUSALS), reason):
            return f"Gemini declines to plan this content ({reason}); change the title or the prompt of the job definition."
        return f"{self.model} ended its answer in an unexpected way ({reason}); try again, or choose another model."


def _pause(error: TenxsomError, tries: int, deadline: clock.Deadline) -> float | None:
    if not isinstance(error, ServiceBusy | ServiceDown):
        return None
    asked = error.retry_after
    return pause_before_retry(None, None if asked is None else str(int(asked)), tries, deadline)
