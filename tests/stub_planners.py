"""A stand-in for every planning service on loopback: one scripted answer, spoken in the form of the service that is asked."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.stub_vertex import Call, Reply, StubVertex, message

KEY = "key-that-nobody-may-see"


class Said(NamedTuple):
    """An answer without a vendor: its text, how it ended (`end`, `length`, `refusal`), and its tokens."""

    text: str
    end: str = "end"
    tokens: tuple[int, int] = (1000, 500)


class StubPlanners(StubVertex):
    """Answers Claude on Vertex AI and by Anthropic's API, Gemini on Vertex AI, and OpenAI's chat completions."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Said | Reply] = []

    def say(self, *answers: Said | Reply | dict[str, Any]) -> None:
        """Answer the next calls with these; the last one stays. A plan is an answer with its JSON."""
        self.answers = [Said(json.dumps(each)) if isinstance(each, dict) else each for each in answers]

    def asked(self) -> list[Call]:
        """The requests for an answer."""
        return [call for call in self.calls if _form(call.path)]

    def reply_to(self, call: Call) -> Reply:
        form = _form(call.path)
        if not form:
            return super().reply_to(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Reply) else Reply(form(answer))


def _form(path: str) -> Any:
    endings = {":rawPredict": _claude, "/v1/messages": _claude, ":generateContent": _gemini, "/chat/completions": _openai}
    return next((form for ending, form in endings.items() if path.partition("?")[0].endswith(ending)), None)


def _claude(said: Said) -> dict[str, Any]:
    reasons = {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"}
    return message(said.text, reasons[said.end], said.tokens)


def _gemini(said: Said) -> dict[str, Any]:
    usage = {"promptTokenCount": said.tokens[0], "candidatesTokenCount": said.tokens[1] - 100, "thoughtsTokenCount": 100}
    if said.end == "refusal":
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage}
    reasons = {"end": "STOP", "length": "MAX_TOKENS"}
    parts = [{"text": "thinking about it", "thought": True}, {"text": said.text}]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reasons[said.end]}],
        "usageMetadata": usage,
    }


def _openai(said: Said) -> dict[str, Any]:
    reasons = {"end": "stop", "length": "length", "refusal": "stop"}
    refusal = "I cannot help with that." if said.end == "refusal" else None
    answer = {"role": "assistant", "content": None if refusal else said.text, "refusal": refusal}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "small",
        "choices": [{"index": 0, "message": answer, "finish_reason": reasons[said.end]}],
        "usage": {"prompt_tokens": said.tokens[0], "completion_tokens": said.tokens[1], "total_tokens": sum(said.tokens)},
    }
