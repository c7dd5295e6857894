"""Maps the errors of Claude on Vertex AI to one sentence with its remedy.

Recognises errors by their status and attributes, so that only the planner needs the vendor's library. Statuses:
https://platform.claude.com/docs/en/api/errors and https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors.
"""

from __future__ import annotations

import re
from typing import Any

from tenxsom.errors import PlanFailed
from tenxsom.google.credentials import REMEDY, quoted
from tenxsom.http.errors import proxy_name
from tenxsom.planning.model_garden import advice


def refuse_impossible_names(project: str, location: str, model: str) -> None:
    """Raise PlanFailed for a name that is not valid in Vertex AI's address; the location is part of the host name."""
    if not project:
        raise PlanFailed("VERTEX_AI_PROJECT_ID is not set; set it to the id of your Google Cloud project.")
    for setting, value, form in (
        ("VERTEX_AI_PROJECT_ID", project, r"[A-Za-z0-9][A-Za-z0-9.:-]*"),
        ("VERTEX_AI_LOCATION", location, r"[a-z0-9-]+"),
        ("VERTEX_AI_CLAUDE_MODEL_ID", model, r"[A-Za-z0-9][A-Za-z0-9._@-]*"),
    ):
        if not re.fullmatch(form, value):
            raise PlanFailed(f"{setting} is {value[:60]!r}, which no address can hold; see production.env.example for an example.")


def error_sentence(error: Any, project: str, location: str, model: str, token: str | None, *, proxy: str | None = None) -> str:
    """Return the sentence for an error of the `anthropic` library; `token` is masked where the service repeats it.

    `proxy` is the proxy that was used.
    """
    said = quoted(vendor_message(error), token)
    status = getattr(error, "status_code", None)
    if status is None:
        through = f", through the proxy {proxy_name(proxy)}" if proxy else ""
        remedy = f"check this machine's network and VERTEX_AI_LOCATION (it is {location})"
        return f"Vertex AI cannot be reached ({said}{through}); {remedy}."
    known = {
        400: f"Vertex AI refuses the request ({said}); check VERTEX_AI_CLAUDE_MODEL_ID (it is {model}).",
        401: f"Vertex AI does not accept the credentials ({said}); {REMEDY}.",
        402: f"Google wants a billing account ({said}); link one to project {project}.",
        403: f"The credentials may not use {model} in project {project} ({said}); give them the role roles/aiplatform.user, enable "
        "aiplatform.googleapis.com, and enable the model in Model Garden.",
        404: f"{model} is not there in {location} for project {project} ({said}): it was retired, or is not enabled. "
        f"{advice(location)}",
        408: f"Vertex AI took too long ({said}); try again later.",
        413: "The request is too large for Vertex AI; shorten the prompt of the job definition.",
        429: f"The quota of project {project} for {model} in {location} is used up ({said}); wait, or raise it under "
        "IAM & Admin > Quotas.",
    }
    if status >= 500:
        return f"Vertex AI is out of order or overloaded (HTTP {status}: {said}); try again later."
    return known.get(status, f"Vertex AI refuses the request (HTTP {status}: {said}); see the status page of Google Cloud.")


def stop_sentence(reason: str, model: str, max_tokens: int) -> str:
    """Return the sentence for an incomplete response (https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons)."""
    sentences = {
        "refusal": "Claude declines to plan this content; change the title or the prompt of the job definition.",
        "max_tokens": f"Claude's plan was cut off at {max_tokens:,} tokens; ask for a shorter video or shorten the prompt.",
        "model_context_window_exceeded": "The request is too long for the model; shorten the prompt of the job definition.",
    }
    unknown = f"{model} ended its answer in an unexpected way (stop_reason {quoted(reason)}); try again, or choose another model."
    return sentences.get(reason, unknown)


def is_about_structured_outputs(error: Any) -> bool:
    """Return whether the service refuses structured outputs as such: Google's organization policy forbids them by default.

    https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/structured_outputs; older models answer
    "output_config: Extra inputs are not permitted" (https://github.com/anthropics/anthropic-sdk-python/issues/1188).
    """
    if getattr(error, "status_code", None) not in (400, 403, 412):
        return False
    said = vendor_message(error).lower()
    return any(word in said for word in ("structured_output", "structured output", "allowedpartnermodelfeatures", "output_config"))


def vendor_message(error: Any) -> str:
    """Return the vendor's message, from a body in Anthropic's or in Google's form, else the library's."""
    body = getattr(error, "body", None)
    if isinstance(body, list) and body:
        body = body[0]
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    if isinstance(message, str) and message.strip():
        return message
    cause = error.__cause__
    return str(cause if cause is not None and str(cause) else getattr(error, "message", error))


NOT_VERTEX = "Something that is not Vertex AI answered; check VERTEX_AI_BASE_URL and the network's proxy."
