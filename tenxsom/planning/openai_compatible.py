"""Plans with any server that has OpenAI's `POST /v1/chat/completions`: Ollama, LM Studio, vLLM, a gateway, OpenAI itself.

A server on this machine is free. `response_format` with a JSON Schema is OpenAI's
(https://platform.openai.com/docs/guides/structured-outputs); Ollama has it (https://docs.ollama.com/api/openai-compatibility), and
LM Studio (https://lmstudio.ai/docs/developer/openai-compat/structured-output). A server that refuses it is asked without.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from tenxsom import clock
from tenxsom.errors import AccountError, NotFound, NotSent, PlanFailed, ServiceBusy, ServiceDown, ServiceRefused, TenxsomError
from tenxsom.http.answer import Answer
from tenxsom.http.client import HttpClient
from tenxsom.model import money
from tenxsom.planning.model_service import AnswerUnusable, Bill, ServiceName, Turn, free_form_rules, pause_before_retry, time_left
from tenxsom.setting_groups import NetworkSettings, SecretText, WebAddress, setting

log = logging.getLogger(__name__)

_PATH = "/chat/completions"


class OpenAiSettings(NetworkSettings):
    """A server with OpenAI's chat completions."""

    section: ClassVar[str] = ""

    planner_base_url: WebAddress | None = setting(
        None,
        "A server with OpenAI's `/v1/chat/completions` that plans (Ollama, LM Studio, a gateway)",
        allowed="as `USEAPI_BASE_URL`; ends in `/v1`, such as `http://localhost:11434/v1`",
        comment="A server with OpenAI's /v1/chat/completions, for example http://localhost:11434/v1 (free on this machine).",
    )
    planner_api_key: SecretText | None = setting(
        None,
        "Your key of that server, if it wants one",
        allowed="one line of printable characters",
        comment="Your key of that server, if it wants one. Or put it into a file: PLANNER_API_KEY_FILE.",
    )


class OpenAiCompatible:
    """One model of a server. `is_free`: the server is on this machine, and its plans cost nothing."""

    name: ServiceName = "openai_compatible"
    title = "The server at PLANNER_BASE_URL"
    stronger = "set PLANNER_MODEL to a stronger model"

    def __init__(self, client: HttpClient, model: str, *, is_free: bool, prices: Mapping[str, Any]) -> None:
        self.model = model
        self._client, self._is_free, self._prices = client, is_free, prices
        self._structured = True

    def answer(self, system: str, talk: Sequence[Turn], schema: dict[str, Any], bill: Bill, deadline: clock.Deadline) -> str:
        """Return the text of one complete response. Transient errors are retried, unless their Retry-After is too long."""
        tries = 0
        while True:
            tries += 1
            try:
                return self._read(self._request(system, talk, schema, bill, deadline), bill)
            except (ServiceBusy, ServiceDown, NotSent) as error:
                asked = None if error.retry_after is None else str(int(error.retry_after))
                pause = pause_before_retry(None, asked, tries, deadline)
                if pause is None:
                    raise PlanFailed(f"{self.title} has no plan: {error}") from None
                clock.sleep(pause)
            except (NotFound, AccountError) as error:
                raise PlanFailed(self._refusal(error)) from None
            except ServiceRefused as error:
                if not self._structured or error.status not in (400, 404, 415, 422, 501):
                    raise PlanFailed(self._refusal(error)) from None
                log.warning("%s refuses a JSON Schema; the plan is asked for without it.", self.title)
                self._structured, tries = False, 0

    def cost(self, usage: Mapping[str, int]) -> Decimal | None:
        """Return what `usage` costs in US dollars; None where the model's price is unknown."""
        return money.ZERO if self._is_free else money.planner_cost(self._prices, self.model, usage)

    def warnings(self) -> list[str]:
        """Return that the server knows no JSON Schema, where that is so."""
        return [] if self._structured else [f"{self.title} knows no JSON Schema, so the plan was made without one."]

    def _request(self, system: str, talk: Sequence[Turn], schema: dict[str, Any], bill: Bill, deadline: clock.Deadline) -> Answer:
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        rules = system if self._structured else system + free_form_rules(schema)
        body: dict[str, Any] = {"model": self.model, "messages": [{"role": "system", "content": rules}, *talk], "stream": False}
        if self._structured:
            body["response_format"] = form
        bill.requests += 1
        return self._client.post(_PATH, json=body, timeout=time_left(deadline, self.title))

    def _read(self, answer: Answer, bill: Bill) -> str:
        """Return the text of a response. Raises AnswerUnusable for one that was refused, cut, or is none."""
        bill.answers += 1
        document = answer.json()
        try:
            chosen = document["choices"][0]
            message, reason, usage = chosen["message"], chosen.get("finish_reason"), document.get("usage") or {}
            text, refusal = message.get("content"), message.get("refusal")
        except (LookupError, TypeError, AttributeError):
            raise AnswerUnusable(f"{self.title} answered with no message; check PLANNER_BASE_URL, which ends with /v1.") from None
        bill.add({"input_tokens": usage.get("prompt_tokens"), "output_tokens": usage.get("completion_tokens")})
        if refusal or reason == "content_filter":
            raise AnswerUnusable(
                f"{self.model} declines to plan this content; change the title or the prompt of the job definition."
            )
        if reason == "length":
            raise AnswerUnusable(f"The plan of {self.model} was cut off; give the server a larger context, or shorten the prompt.")
        if not isinstance(text, str):
            raise AnswerUnusable(f"{self.title} answered with no text; check that PLANNER_MODEL ({self.model}) is a chat model.")
        return text

    def _refusal(self, error: TenxsomError) -> str:
        if isinstance(error, NotFound):
            return f"{self.title} does not know {self.model} or the address ({error}) Check PLANNER_MODEL and PLANNER_BASE_URL."
        if isinstance(error, AccountError):
            return f"{self.title} does not accept the key ({error}) Check PLANNER_API_KEY."
        return f"{self.title} refuses the request ({error}) Check PLANNER_MODEL (it is {self.model})."
