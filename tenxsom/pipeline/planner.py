"""Plans a job with a planning service where one is set up, else from the user's own words and the archetype's templates."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from decimal import Decimal
from functools import partial

from tenxsom import clock, settings
from tenxsom.errors import BadSettings, PlanFailed
from tenxsom.model import money
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition
from tenxsom.planning import registry
from tenxsom.planning.archetypes import Archetype, parse_archetype
from tenxsom.planning.claude_check import CheckResult, check_claude
from tenxsom.planning.local import plan_locally
from tenxsom.planning.model_planner import ModelPlanner
from tenxsom.planning.model_service import ServiceFailed
from tenxsom.store.base import Channels
from tenxsom.store.templates import Templates

logger = logging.getLogger("tenxsom.plan")

FAILURES_BEFORE_REST = 2
REST_SECONDS = 300.0
"""Consecutive failures after which the service is not called for a while: 200 jobs must not wait a minute each."""

PlanWithFillers = Callable[[Collection[str]], Blueprint]
"""Plans a film without the given fillers, which are those of its channel's recent films."""


class ClaudeVideoService:
    """Makes blueprints with a planning service where one is set up, else locally."""

    def __init__(
        self,
        configuration: settings.Settings,
        templates: Templates,
        local_only: bool = False,
        channels: Channels | None = None,
    ) -> None:
        """`channels` remembers the fillers of each channel's films; without it nothing is noted.

        Raises BadSettings when the planning service that the settings name is not set up.
        """
        self._settings, self._templates = configuration, templates
        self._name = registry.LOCAL if local_only else registry.chosen(configuration)
        self._channels = channels
        self._opened: ModelPlanner | None = None
        self._failures = 0
        self._rest = clock.Deadline(0)

    def plan(self, definition: JobDefinition) -> Blueprint:
        """Return the blueprint of a video. After an error of the service the plan is local, and `planner.reason` is the error.

        Raises PlanFailed only if the definition cannot be planned at all, BadSettings if its archetype's file is broken.
        """
        archetype = parse_archetype(self._templates.archetype_file(definition.archetype), definition.archetype)
        if self._name == registry.LOCAL:
            return self._locally(definition, archetype)
        if not self._rest.passed():
            reason = f"{self._planner().service.title} failed several times in a row and is left alone for some minutes."
            return self._locally(definition, archetype, reason)
        try:
            blueprint = self._planner().plan(definition, archetype)
        except PlanFailed as failure:
            return self._after_a_failure(definition, archetype, failure)
        self._failures = 0
        return blueprint

    def translate(self, blueprint: Blueprint, language: str) -> Blueprint:
        """Return a blueprint with its words in another language.

        Raises BadSettings without a planning service, because nothing else can translate, and ServiceFailed (a PlanFailed) with the
        reason and the cost when the service has no translation.
        """
        self.check_translates()
        return self._planner().translate(blueprint, language)

    def check_translates(self) -> None:
        """Raise BadSettings without a planning service."""
        if self._name == registry.LOCAL:
            raise BadSettings(
                "Only a planning service can translate, and none is set up: set VERTEX_AI_PROJECT_ID, ANTHROPIC_API_KEY, or "
                "PLANNER_BASE_URL and PLANNER_MODEL (a free model on this machine will do); see docs/how-to/plan-with-claude.md."
            )

    def most_usd(self) -> Decimal:
        """Return the highest cost of one plan in US dollars; 0 for local plans, and where the model's price is unknown."""
        if self._name == registry.LOCAL or not self._rest.passed():
            return Decimal(0)
        return self._planner().most_usd()

    def announcement(self) -> str | None:
        """Return a sentence about who plans a job that is submitted, and what that costs at most; None where plans are local.

        An estimate is planned locally whatever the settings say, and needs no credentials.
        """
        try:
            name = registry.chosen(self._settings)
        except BadSettings as error:
            return str(error)
        if name == registry.LOCAL:
            return None
        planner = self._opened_as(name)
        price = f"for at most {money.shown(planner.most_usd())}" if planner.has_price() else "at a price that is not known here"
        return (
            f"This estimate is planned locally; submitting it plans with {planner.service.model} ({name}), {price}."
            " PLANNER_SERVICE=local plans for nothing."
        )

    def check_price(self) -> None:
        """Raise BadSettings when templates/prices.json has no price for the planning model, which a budget needs."""
        if self._name != registry.LOCAL and not self._planner().has_price():
            model = self._planner().service.model
            raise BadSettings(f"templates/prices.json has no price for the planner {model}, so no budget can be kept; add it.")

    def check(self) -> list[CheckResult]:
        """Check what planning with Claude on Vertex AI needs: credentials, project, region, model."""
        return check_claude(self._settings)

    def _planner(self) -> ModelPlanner:
        if self._opened is None:
            self._opened = self._opened_as(self._name)
        return self._opened

    def _opened_as(self, name: str) -> ModelPlanner:
        service = registry.open_service(name, self._settings, self._templates.prices)
        return ModelPlanner(service, self._templates.vocabulary(()).platforms)

    def _locally(self, definition: JobDefinition, archetype: Archetype, reason: str | None = None) -> Blueprint:
        plan: PlanWithFillers = partial(plan_locally, definition, archetype, reason)
        if self._channels is None:
            return plan(())
        channel = f"{definition.platform}.{definition.archetype}"
        return self._channels.planned(channel, definition.content_id, plan, lambda blueprint: blueprint.fillers)

    def _after_a_failure(self, definition: JobDefinition, archetype: Archetype, failure: PlanFailed) -> Blueprint:
        """Return the local plan, with the reason, and with the cost of the service's failed attempts."""
        reason = str(failure)
        logger.warning("%s Planning locally.", reason, extra={"content_id": definition.content_id})
        blueprint = self._locally(definition, archetype, reason)
        if not isinstance(failure, ServiceFailed):
            return blueprint
        self._failures = 0 if failure.about_the_job else self._failures + 1
        if self._failures >= FAILURES_BEFORE_REST:
            self._rest = clock.Deadline(REST_SECONDS)
        spent = failure.record.model_dump(exclude={"name", "reason"})
        planner = blueprint.planner.model_copy(update={**spent, "reason": reason})
        return blueprint.model_copy(update={"planner": planner, "warnings": [*blueprint.warnings, *failure.warnings]})
