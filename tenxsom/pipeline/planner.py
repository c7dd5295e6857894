"""Plans a job with Claude on Vertex AI where available, else with the archetype's templates."""

from __future__ import annotations

import logging
from decimal import Decimal

from tenxsom import clock, settings
from tenxsom.errors import BadSettings, PlanFailed
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition
from tenxsom.planning.archetypes import Archetype, parse_archetype
from tenxsom.planning.claude_check import CheckResult, check_claude
from tenxsom.planning.claude_errors import ClaudeFailed
from tenxsom.planning.local import plan_locally
from tenxsom.planning.vertex_claude import VertexClaude
from tenxsom.store.templates import Templates

logger = logging.getLogger("tenxsom.plan")

FAILURES_BEFORE_REST = 2
REST_SECONDS = 300.0
"""Consecutive failures after which Claude is not called for a while: 200 jobs must not wait a minute each."""


class ClaudeVideoService:
    """Makes blueprints with Claude where available, else with the archetype's templates."""

    def __init__(self, configuration: settings.Settings, templates: Templates, local_only: bool = False) -> None:
        self._settings, self._templates = configuration, templates
        self._local_only = local_only or not configuration.vertex_ai_project_id
        self._claude: VertexClaude | None = None
        self._failures = 0
        self._rest = clock.Deadline(0)

    def plan(self, definition: JobDefinition) -> Blueprint:
        """Return the blueprint of a video. After an error of Claude the plan is local, and `planner.reason` is the error.

        Raises PlanFailed only if the definition cannot be planned at all, BadSettings if its archetype's file is broken.
        """
        archetype = parse_archetype(self._templates.archetype_file(definition.archetype), definition.archetype)
        if self._local_only:
            return plan_locally(definition, archetype)
        if not self._rest.passed():
            return plan_locally(definition, archetype, "Claude failed several times in a row and is left alone for some minutes.")
        try:
            blueprint = self._planner().plan(definition, archetype)
        except PlanFailed as failure:
            return self._plan_without_claude(definition, archetype, failure)
        self._failures = 0
        return blueprint

    def most_usd(self) -> Decimal:
        """Return the highest cost of one plan in US dollars; 0 for local plans, and where the model's price is unknown."""
        if self._local_only or not self._rest.passed():
            return Decimal(0)
        return self._planner().most_usd()

    def check_price(self) -> None:
        """Raise BadSettings when templates/prices.json has no price for the planning model, which a budget needs."""
        model = self._settings.vertex_ai_claude_model_id
        if not self._local_only and model not in self._templates.prices.get("planners", {}):
            raise BadSettings(f"templates/prices.json has no price for the planner {model}, so no budget can be kept; add it.")

    def check(self) -> list[CheckResult]:
        """Check what planning with Claude needs: credentials, project, region, model."""
        return check_claude(self._settings)

    def _planner(self) -> VertexClaude:
        if self._claude is None:
            chosen = self._settings
            self._claude = VertexClaude(
                chosen.vertex_ai_project_id or "",
                chosen.vertex_ai_location,
                chosen.vertex_ai_claude_model_id,
                credentials_file=chosen.google_application_credentials,
                base_url=chosen.vertex_ai_base_url,
                prices=self._templates.prices,
                platforms=self._templates.vocabulary(()).platforms,
                proxies=chosen.proxies,
                ca_file=chosen.tls_ca_file,
            )
        return self._claude

    def _plan_without_claude(self, definition: JobDefinition, archetype: Archetype, failure: PlanFailed) -> Blueprint:
        """Return the local plan, with the reason, and with the cost of Claude's failed attempts."""
        reason = str(failure)
        logger.warning("%s Planning from the local templates.", reason, extra={"content_id": definition.content_id})
        blueprint = plan_locally(definition, archetype, reason)
        if not isinstance(failure, ClaudeFailed):
            return blueprint
        self._failures = 0 if failure.about_the_job else self._failures + 1
        if self._failures >= FAILURES_BEFORE_REST:
            self._rest = clock.Deadline(REST_SECONDS)
        spent = failure.record.model_dump(exclude={"name", "reason"})
        planner = blueprint.planner.model_copy(update={**spent, "reason": reason})
        return blueprint.model_copy(update={"planner": planner, "warnings": [*blueprint.warnings, *failure.warnings]})
