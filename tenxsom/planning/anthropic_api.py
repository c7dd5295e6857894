"""Plans with Claude by Anthropic's own API.

Facts about the interface: https://platform.claude.com/docs/en/api/errors and
https://platform.claude.com/docs/en/about-claude/pricing (November 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tenxsom.google.credentials import quoted
from tenxsom.http.errors import describe_error
from tenxsom.planning.claude_errors import vendor_message
from tenxsom.planning.claude_messages import ClaudeMessages
from tenxsom.planning.model_service import ServiceName
from tenxsom.setting_groups import NetworkSettings, SecretText, WebAddress, setting
from tenxsom.setting_values import Secret

DEFAULT_MODEL = "claude-haiku-5-5"


class AnthropicSettings(NetworkSettings):
    """Anthropic's own API."""

    section: ClassVar[str] = ""

    anthropic_api_key: SecretText | None = setting(
        None,
        "Your key of Anthropic's API, which plans with Claude",
        allowed="one line of printable characters",
        comment="Your key of Anthropic's own API, to plan without Google. Or put it into a file: ANTHROPIC_API_KEY_FILE.",
    )
    anthropic_base_url: WebAddress = setting(
        "https://api.anthropic.com",
        "Where Anthropic's API is served",
        allowed="as `USEAPI_BASE_URL`",
        comment="Where Anthropic's API is served: a gateway, or a stub on this machine.",
    )


class AnthropicApi(ClaudeMessages):
    """One Claude model by Anthropic's API."""

    name: ServiceName = "anthropic"
    title = "Claude (Anthropic API)"
    stronger = "set PLANNER_MODEL to a stronger model such as claude-sonnet-5-5"

    def __init__(
        self,
        key: Secret,
        model: str,
        *,
        base_url: str,
        prices: Mapping[str, Any],
        proxies: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        super().__init__(model, base_url, prices=prices, proxies=proxies, ca_file=ca_file)
        self._key = key

    def new_client(self) -> Any:
        import anthropic

        return anthropic.Anthropic(
            api_key=self._key.reveal(),
            base_url=self._address,  # the library would take one from the environment (ANTHROPIC_BASE_URL)
            max_retries=0,  # the library honours a `retry-after` of days; our own retries respect the deadline
            http_client=self.http_client(),
        )

    def secret(self) -> str | None:
        return self._key.reveal()

    def error_sentence(self, error: Any) -> str:
        status = getattr(error, "status_code", None)
        if status is None:
            words = describe_error(error.__cause__ or error, self.proxy())
            return f"Anthropic's API cannot be reached ({quoted(words, self._key.reveal())}); check this machine's network."
        said = quoted(vendor_message(error), self._key.reveal())
        known = {
            400: f"Anthropic's API refuses the request ({said}); check PLANNER_MODEL ({self.model}) and the account's credit.",
            401: f"Anthropic's API does not accept ANTHROPIC_API_KEY ({said}); copy a valid key from its console.",
            402: f"Anthropic's API wants its bill paid first ({said}); look into its console.",
            403: f"The key may not use {self.model} ({said}); give its workspace access in Anthropic's console.",
            404: f"{self.model} is not there ({said}): it was retired, or never was. Set PLANNER_MODEL to {DEFAULT_MODEL}.",
            413: "The request is too large for Anthropic's API; shorten the prompt of the job definition.",
            429: f"The rate limit of the Anthropic account is used up ({said}); wait, or raise it in its console.",
        }
        if status >= 500:
            return f"Anthropic's API is out of order or overloaded (HTTP {status}: {said}); try again later."
        return known.get(status, f"Anthropic's API refuses the request (HTTP {status}: {said}).")

    def unstructured_warning(self) -> str:
        return f"{self.model} has no structured outputs, so the plan was made without them; set PLANNER_MODEL to {DEFAULT_MODEL}."

    def not_claude(self) -> str:
        return "Something that is not Anthropic's API answered; check ANTHROPIC_BASE_URL and the network's proxy."
