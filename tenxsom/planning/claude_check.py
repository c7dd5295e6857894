"""Checks whether Claude on Vertex AI is set up: credentials, project, region, model. Free of charge; nothing is planned."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tenxsom.errors import AccountError, BadSettings, NotSent, PlanFailed, TenxsomError
from tenxsom.google import credentials as google_credentials
from tenxsom.planning.model_garden import model_state
from tenxsom.planning.vertex_claude import ClaudeSettings

_PROJECT = re.compile(r"([a-z][a-z0-9.-]{1,61}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{6,20}")
"""A project's id (of a domain's project, too) or its number: https://cloud.google.com/resource-manager/docs/creating-managing-projects"""

_SHARED = ("global", "us", "eu")


class CheckResult(NamedTuple):
    """The result of one check. `message` says what was found; `remedy` what to do where `ok` is false."""

    name: str
    ok: bool
    message: str
    remedy: str = ""


def check_claude(settings: ClaudeSettings, timeout: float = 15.0) -> list[CheckResult]:
    """Check everything that planning with Claude needs, in the order in which to fix it. Raises nothing.

    `timeout` bounds each call to Google, in seconds.
    """
    credentials, first = _credentials(settings, timeout)
    results = [
        first,
        _project(settings.vertex_ai_project_id),
        region_check(settings.vertex_ai_location, settings.vertex_ai_claude_model_id),
    ]
    return [*results, _model(settings, credentials if results[1].ok else None, timeout)]


def region_check(location: str, model: str) -> CheckResult:
    """Check that the location serves the model. Regions serve Sonnet 4.6 and earlier; newer models need a shared location.

    https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai
    """
    if location in _SHARED:
        extra = "" if location == "global" else ", which costs a tenth more than global"
        return CheckResult("region", True, f"{location}{extra}")
    if not re.fullmatch(r"[a-z]+-[a-z]+\d{1,2}", location):
        return CheckResult(
            "region", False, f"{location} is no Google Cloud location.", "Set VERTEX_AI_LOCATION to global, us or eu."
        )
    version = re.match(r"claude-[a-z]+-(\d+)(?:-(\d{1,2}))?(?!\d)", model)
    if version and (int(version[1]), int(version[2] or 0)) > (4, 6):
        return CheckResult("region", False, f"{location} does not serve {model}.", "Set VERTEX_AI_LOCATION to global, us or eu.")
    return CheckResult("region", True, f"{location}, which costs a tenth more than global")


def _credentials(settings: ClaudeSettings, timeout: float) -> tuple[Any, CheckResult]:
    file = settings.google_application_credentials
    try:
        credentials = google_credentials.load(file)
        session = google_credentials.token_session(settings.proxies, settings.tls_ca_file)
        google_credentials.refresh(credentials, timeout, session)
    except (AccountError, NotSent, BadSettings) as failure:
        return None, _problem("credentials", failure)
    kind = "a service account" if hasattr(credentials, "service_account_email") else "a personal login"
    return credentials, CheckResult("credentials", True, f"{kind}{f' from {file}' if file else ''}, accepted by Google")


def _project(project: str | None) -> CheckResult:
    if not project:
        message = "VERTEX_AI_PROJECT_ID is not set; plans come from the local templates."
        return CheckResult("project", False, message, "Set it to the id of your Google Cloud project to plan with Claude.")
    if not _PROJECT.fullmatch(project):
        message = f"{project[:60]!r} is no project id."
        return CheckResult("project", False, message, "Copy the id, not the name, from `gcloud projects list`.")
    return CheckResult("project", True, project)


def _model(settings: ClaudeSettings, credentials: Any, timeout: float) -> CheckResult:
    model = settings.vertex_ai_claude_model_id
    if credentials is None:
        return CheckResult("model", False, f"{model} was not looked up.", "Put right what stands above, then check again.")
    base = settings.vertex_ai_base_url
    endpoint = base.removesuffix("/v1") if base else None
    project, location = settings.vertex_ai_project_id or "", settings.vertex_ai_location
    try:
        state = model_state(
            project,
            location,
            model,
            credentials,
            endpoint=endpoint,
            timeout=timeout,
            proxies=settings.proxies,
            ca_file=settings.tls_ca_file,
        )
    except (PlanFailed, BadSettings) as failure:
        return _problem("model", failure)
    return CheckResult("model", True, state.message) if state.found else _problem("model", PlanFailed(state.message))


def _problem(name: str, failure: TenxsomError) -> CheckResult:
    """Return a failed check whose message is the error and whose remedy is its second half."""
    text = str(failure)
    for mark in ("; ", ". "):
        what, found, remedy = text.partition(mark)
        if found:
            return CheckResult(name, False, what.rstrip(".") + ".", remedy[:1].upper() + remedy[1:])
    return CheckResult(name, False, text)
