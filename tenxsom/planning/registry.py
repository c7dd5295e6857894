"""The planning services by name, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import urlsplit

from tenxsom.errors import BadSettings
from tenxsom.google.credentials import GenAiSettings
from tenxsom.planning import claude_messages, vertex_gemini
from tenxsom.planning.anthropic_api import DEFAULT_MODEL as DEFAULT_CLAUDE
from tenxsom.planning.anthropic_api import AnthropicApi, AnthropicSettings
from tenxsom.planning.model_service import ModelService, PriceEntry
from tenxsom.planning.openai_compatible import OpenAiCompatible, OpenAiSettings
from tenxsom.planning.vertex_claude import ClaudeSettings, VertexClaude
from tenxsom.planning.vertex_gemini import DEFAULT_MODEL as DEFAULT_GEMINI
from tenxsom.planning.vertex_gemini import VertexGemini
from tenxsom.setting_groups import SettingsGroup, setting
from tenxsom.setting_values import choice, is_this_machine

if TYPE_CHECKING:
    from tenxsom.planning.claude_check import CheckResult

LOCAL = "local"
AUTO = "auto"
PLANNERS = ("vertex_claude", "anthropic", "vertex_gemini", "openai_compatible", LOCAL)


class PlannerChoiceSettings(SettingsGroup):
    """Settings of who plans."""

    section: ClassVar[str] = "Planning"

    planner_service: Annotated[str, choice(AUTO, *PLANNERS)] = setting(
        AUTO,
        "Who plans",
        allowed="`auto`, `vertex_claude`, `anthropic`, `vertex_gemini`, `openai_compatible`, `local`",
        comment=(
            "auto, vertex_claude, anthropic, vertex_gemini, openai_compatible or local. auto: the first of vertex_claude, "
            "anthropic and openai_compatible that is set up, else local; Gemini plans only when it is named."
        ),
    )
    planner_model: str | None = setting(
        None,
        "The model that plans, except for Claude on Vertex AI",
        allowed="a model of the planning service; `claude-haiku-5-5` (anthropic) and `gemini-3.8-flash` (vertex_gemini) if empty",
        comment=(
            "The model of anthropic, vertex_gemini or openai_compatible, for example claude-haiku-5-5, gemini-3.8-flash or "
            "qwen3:8b; empty: a cheap current one, where there is a default."
        ),
    )


class PlannerSettings(PlannerChoiceSettings, AnthropicSettings, OpenAiSettings, ClaudeSettings, GenAiSettings):
    """The settings of all planning services."""


def chosen(settings: PlannerSettings) -> str:
    """Return the planner of these settings. Raises BadSettings when the named one is not set up."""
    if settings.planner_service != AUTO:
        if what := missing(settings.planner_service, settings):
            raise BadSettings(f"PLANNER_SERVICE is {settings.planner_service}, which needs {what}; put it into production.env.")
        return settings.planner_service
    candidates = ("vertex_claude", "anthropic", "openai_compatible")
    started = {"openai_compatible": settings.planner_base_url}
    usable = [name for name in candidates if not missing(name, settings)]
    if not usable and started["openai_compatible"]:
        raise BadSettings("PLANNER_BASE_URL is set, and PLANNER_MODEL is not; name the model that plans.")
    return next(iter(usable), LOCAL)


def missing(name: str, settings: PlannerSettings) -> str:
    """Return the settings that a planner still needs; empty if none."""
    needed: dict[str, Mapping[str, object]] = {
        "vertex_claude": {"VERTEX_AI_PROJECT_ID": settings.vertex_ai_project_id},
        "anthropic": {"ANTHROPIC_API_KEY": settings.anthropic_api_key},
        "vertex_gemini": {"VERTEX_AI_PROJECT_ID": settings.vertex_ai_project_id},
        "openai_compatible": {"PLANNER_BASE_URL": settings.planner_base_url, "PLANNER_MODEL": settings.planner_model},
    }
    return " and ".join(setting for setting, value in needed.get(name, {}).items() if not value)


def prices() -> dict[str, PriceEntry]:
    """Return the published prices of the models that plan, the entries of `planners` in templates/prices.json."""
    return claude_messages.PRICES | vertex_gemini.PRICES


def open_service(name: str, settings: PlannerSettings, written: Mapping[str, Any]) -> ModelService:
    """Return a planning service, whose connections are opened on first use.

    `written` is templates/prices.json, which overrides the published prices of the models that it names.
    """
    prices_here = {**written, "planners": prices() | written.get("planners", {})}
    network: dict[str, Any] = {"proxies": settings.proxies, "ca_file": settings.tls_ca_file}
    if name == "vertex_claude":
        return VertexClaude(
            settings.vertex_ai_project_id or "",
            settings.vertex_ai_location,
            settings.vertex_ai_claude_model_id,
            credentials_file=settings.google_application_credentials,
            base_url=settings.vertex_ai_base_url,
            prices=prices_here,
            **network,
        )
    if name == "anthropic" and settings.anthropic_api_key:
        model = settings.planner_model or DEFAULT_CLAUDE
        return AnthropicApi(settings.anthropic_api_key, model, base_url=settings.anthropic_base_url, prices=prices_here, **network)
    if name == "vertex_gemini":
        return _gemini(settings, prices_here)
    if name == "openai_compatible":
        return _openai_compatible(settings, prices_here, network)
    raise BadSettings(f"{name} is no planning service that is set up; see PLANNER_SERVICE in docs/reference/settings.md.")


def is_rehearsal(name: str, settings: PlannerSettings) -> bool:
    """Return whether a planner's address is not the vendor's own, so that its plans cost nothing."""
    addresses = {
        "vertex_claude": (settings.vertex_ai_base_url, "googleapis.com"),
        "vertex_gemini": (settings.vertex_genai_base_url, "googleapis.com"),
        "anthropic": (settings.anthropic_base_url, "anthropic.com"),
    }
    address, domain = addresses.get(name, (None, ""))
    host = (urlsplit(address).hostname or "").rstrip(".") if address else domain
    return host != domain and not host.endswith(f".{domain}")


def address(name: str, settings: PlannerSettings) -> str | None:
    """Return the base address of a planning service that is set up; None for the local one, or one with checks of its own."""
    addresses = {
        "vertex_gemini": settings.vertex_genai_base_url or "https://aiplatform.googleapis.com",
        "anthropic": settings.anthropic_base_url,
        "openai_compatible": settings.planner_base_url,
    }
    return addresses.get(name)


def checks(name: str, settings: PlannerSettings, timeout: float) -> list[CheckResult]:
    """Return the results of a planning service's own checks, free of charge; empty for one without. Raises nothing."""
    if name != "vertex_claude":
        return []
    from tenxsom.planning.claude_check import check_claude

    return check_claude(settings, timeout)


def _gemini(settings: PlannerSettings, prices: Mapping[str, Any]) -> ModelService:
    from tenxsom.google.genai import open_genai

    location = settings.vertex_ai_location
    return VertexGemini(
        lambda: open_genai("vertex_gemini", settings, location), settings.planner_model or DEFAULT_GEMINI, location, prices
    )


def _openai_compatible(settings: PlannerSettings, prices: Mapping[str, Any], network: Mapping[str, Any]) -> ModelService:
    from tenxsom.http.client import HttpClient

    address, key = str(settings.planner_base_url), settings.planner_api_key
    headers = {"Authorization": f"Bearer {key.reveal()}"} if key else {}
    client = HttpClient(address, headers=headers, name="The planning server", pool_size=4, **network)
    is_free = is_this_machine(urlsplit(address).hostname or "")
    return OpenAiCompatible(client, settings.planner_model or "", is_free=is_free, prices=prices)
