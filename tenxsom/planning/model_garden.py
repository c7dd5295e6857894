"""Asks Google's Model Garden whether a Claude model still exists: models are retired, and a retired one answers 404.

google-cloud-aiplatform costs about a second, so it is imported on first use. The REST transport is used because it passes
through web proxies, and through the same kind of stub as the planner.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tenxsom.errors import PlanFailed
from tenxsom.google.credentials import quoted

CURRENT_MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5")
"""What to use instead of a retired model (https://platform.claude.com/docs/en/about-claude/model-deprecations, November 2026)."""

_ENDPOINT = "https://us-central1-aiplatform.googleapis.com"
"""The catalogue is the same for all locations; Google's own library reads it in us-central1, whatever location it works in."""


class ModelState(NamedTuple):
    """What Model Garden says about a model. Being listed does not yet mean being enabled for a project."""

    found: bool
    launch_stage: str
    message: str


def model_state(
    project: str, location: str, model: str, credentials: Any, *, endpoint: str | None = None, timeout: float = 15.0
) -> ModelState:
    """Whether Model Garden lists `model` (with its `@version`, where it has one). Free of charge; needs refreshed credentials.

    `endpoint` is another base address, without /v1; `timeout` is in seconds. Raises PlanFailed, with a remedy, when there
    is no answer. API: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/publishers.models/get
    """
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    # What fails below Google's own layer comes through as it is: requests' errors are OSErrors, broken JSON is a ValueError.
    troubles: tuple[type[Exception], ...] = (exceptions.GoogleAPIError, GoogleAuthError, OSError, ValueError)
    client = _client(project, credentials, endpoint or _ENDPOINT)
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
    """The remedy for a model that is not there."""
    where = "" if location in ("global", "us", "eu") else " with VERTEX_AI_LOCATION=global"
    return f"Set VERTEX_AI_CLAUDE_MODEL_ID to {' or '.join(CURRENT_MODELS)}{where}, and enable it in Model Garden."


def _client(project: str, credentials: Any, endpoint: str) -> Any:
    """A client that works with the token the credentials hold now, which spares it Google's look-ups for service accounts."""
    from google.api_core.client_options import ClientOptions
    from google.cloud.aiplatform_v1.services.model_garden_service import ModelGardenServiceClient
    from google.oauth2.credentials import Credentials as TokenCredentials

    # A person's own login belongs to no project, so Google must be told whose quota to use. A service account belongs to one,
    # and would need a further permission (serviceusage.services.use) to name it.
    quota = None if hasattr(credentials, "service_account_email") else credentials.quota_project_id or project
    token = TokenCredentials(credentials.token, quota_project_id=quota)  # type: ignore[no-untyped-call]
    return ModelGardenServiceClient(credentials=token, transport="rest", client_options=ClientOptions(api_endpoint=endpoint))
