"""Plans with Claude on Vertex AI.

Facts about the interface: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai (November 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tenxsom import clock
from tenxsom.google import credentials as google_credentials
from tenxsom.google.credentials import GoogleSettings
from tenxsom.planning.claude_errors import NOT_VERTEX, error_sentence, refuse_impossible_names
from tenxsom.planning.claude_messages import ClaudeMessages
from tenxsom.planning.model_service import ServiceName, time_left
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


class VertexClaude(ClaudeMessages):
    """One Claude model in one project on Vertex AI. `base_url` is another address of the service, ending in /v1."""

    name: ServiceName = "claude_on_vertex"
    title = "Claude on Vertex AI"
    stronger = "set VERTEX_AI_CLAUDE_MODEL_ID to a stronger model such as claude-sonnet-5-5"

    def __init__(
        self,
        project: str,
        location: str,
        model: str,
        *,
        credentials_file: Path | None = None,
        base_url: str | None = None,
        prices: Mapping[str, Any],
        proxies: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        # The address is explicit: the library would take one from the environment (ANTHROPIC_VERTEX_BASE_URL).
        address = base_url or f"{google_credentials.vertex_address(location)}/v1"
        super().__init__(model, address, prices=prices, proxies=proxies, ca_file=ca_file)
        self.region = location
        self._project, self._location, self._credentials_file = project.strip(), location, credentials_file
        self._credentials: Any = None

    def new_client(self) -> Any:
        refuse_impossible_names(self._project, self._location, self.model)
        import anthropic

        self._credentials = google_credentials.load(self._credentials_file)
        return anthropic.AnthropicVertex(
            region=self._location,
            project_id=self._project,
            credentials=self._credentials,
            base_url=self._address,
            max_retries=0,  # the library honours a `retry-after` of days; our own retries respect the deadline
            http_client=self.http_client(),
        )

    def prepare(self, deadline: clock.Deadline) -> None:
        """Refresh the credentials, whose library knows no deadline of ours."""
        session = None if self._credentials.valid else google_credentials.token_session(self._proxies, self._ca_file)
        google_credentials.refresh(self._credentials, time_left(deadline, self.title), session)

    def secret(self) -> str | None:
        token = self._credentials.token
        return str(token) if token else None

    def error_sentence(self, error: Any) -> str:
        return error_sentence(error, self._project, self._location, self.model, self._credentials.token, proxy=self.proxy())

    def unstructured_warning(self) -> str:
        return (
            "Structured outputs are switched off for this project, so the plan was made without them; allow "
            f"publishers/anthropic/models/{self.model}:structured_outputs in the organization policy "
            "constraints/vertexai.allowedPartnerModelFeatures."
        )

    def not_claude(self) -> str:
        return NOT_VERTEX
