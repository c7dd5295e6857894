"""Checks in Google's Model Garden whether a Claude model still exists: a retired model returns 404.

google-cloud-aiplatform takes about a second to import, so it is imported on first use. Its REST transport is used because it
works with web proxies, and with the same kind of stub as the planner.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom.errors import PlanFailed
from tenxsom.google.credentials import quoted
from tenxsom.http.connections import Adapter, proxies_of
from tenxsom.http.proxies import proxy_for

CURRENT_MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5")
"""The replacements of retired models (https://platform.claude.com/docs/en/about-claude/model-deprecations, November 2026)."""

_ENDPOINT = "https://us-central1-aiplatform.googleapis.com"
"""The location of the catalogue, which is the same for all locations; Google's own library reads it there, too."""


class ModelState(NamedTuple):
    """Model Garden's information about a model. A listed model is not necessarily enabled for a project."""

    found: bool
    launch_stage: str
    message: str


def model_state(
    project: str,
    location: str,
    model: str,
    credentials: Any,
    *,
    endpoint: str | None = None,
    timeout: float = 15.0,
    proxies: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
) -> ModelState:
    """Return whether Model Garden lists `model` (with its `@version`, if any). Free of charge; needs refreshed credentials.

    `endpoint` is another base address, without /v1; `timeout` is in seconds. Raises PlanFailed, with a remedy, without a
    response. API: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/publishers.models/get
    """
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    # Errors below Google's own layer are not wrapped: requests' errors are OSErrors, broken JSON is a ValueError.
    troubles: tuple[type[Exception], ...] = (exceptions.GoogleAPIError, GoogleAuthError, OSError, ValueError)
    client = _client(project, credentials, endpoint or _ENDPOINT)
    _use_our_network(client.transport._session, endpoint or _ENDPOINT, proxies or {}, ca_file)
    try:
        found = client.get_publisher_model(name=f"publishers/anthropic/models/{model}", retry=None, timeout=timeout)
    except exceptions.NotFound:
        return ModelState(False, "", f"{model} is not in Model Garden: it was retired, or never was. {advice(location)}")
    except exceptions.Forbidden as error:
        raise PlanFailed(
            f"Google does not let these credentials look into Model Garden ({quoted(error.message)}); give them the role "
            f"roles/aiplatform.user in project {project} and enable aiplatform.googleapis.com there."
        ) from None
    except troubles as error:
        raise PlanFailed(f"Model Garden gives no answer ({quoted(error)}); try again later.") from None
    finally:
        client.transport.close()
    stage = found.launch_stage.name.removeprefix("LAUNCH_STAGE_")
    return ModelState(True, stage, f"{model} is in Model Garden (launch stage: {stage}).")


def advice(location: str) -> str:
    """Return the remedy for a model that does not exist."""
    where = "" if location in ("global", "us", "eu") else " with VERTEX_AI_LOCATION=global"
    return f"Set VERTEX_AI_CLAUDE_MODEL_ID to {' or '.join(CURRENT_MODELS)}{where}, and enable it in Model Garden."


def _client(project: str, credentials: Any, endpoint: str) -> Any:
    """Return a client with the current token, which avoids Google's look-ups for service accounts."""
    from google.api_core.client_options import ClientOptions
    from google.cloud.aiplatform_v1.services.model_garden_service import ModelGardenServiceClient
    from google.oauth2.credentials import Credentials as TokenCredentials

    # A user's login belongs to no project, so the request must name the project of the quota. A service account belongs to
    # one, and would need another permission (serviceusage.services.use) to name it.
    quota = None if hasattr(credentials, "service_account_email") else credentials.quota_project_id or project
    token = TokenCredentials(credentials.token, quota_project_id=quota)  # type: ignore[no-untyped-call]
    return ModelGardenServiceClient(credentials=token, transport="rest", client_options=ClientOptions(api_endpoint=endpoint))


def _use_our_network(session: Any, endpoint: str, proxies: Mapping[str, str], ca_file: Path | None) -> None:
    """Give the library's session our proxy and authorities; it would take those of the process's environment."""
    session.trust_env = False
    session.proxies = proxies_of(proxy_for(endpoint, proxies))
    session.mount("https://", Adapter(ca_file=ca_file))
