"""Plans and translates with any planning service: one brief, one answer, the same checks for all of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from tenxsom import clock
from tenxsom.errors import AccountError, NotSent, PlanFailed
from tenxsom.google.credentials import quoted
from tenxsom.model import money
from tenxsom.model.blueprint import Blueprint, PlannerRecord
from tenxsom.model.definition import JobDefinition
from tenxsom.planning.archetypes import Archetype
from tenxsom.planning.brief import director_brief, order, repair_order
from tenxsom.planning.local import narration_language
from tenxsom.planning.model_service import (
    MAX_TOKENS,
    MOST_PROMPT_TOKENS,
    AnswerUnusable,
    Bill,
    ModelService,
    ServiceFailed,
    Turn,
    within,
)
from tenxsom.planning.plan_answer import AnswerRefused, answer_schema, read_answer
from tenxsom.planning.script import Part, script_parts
from tenxsom.planning.speaking import spoken_seconds
from tenxsom.planning.translation import read_translation, translation_brief, translation_order, translation_schema

log = logging.getLogger(__name__)
Read = TypeVar("Read")


class ModelPlanner:
    """Plans videos with one planning service. Reusable. `platforms` gives platform name → aspect ratio."""

    def __init__(self, service: ModelService, platforms: Mapping[str, str] | None = None, deadline_seconds: float = 60.0) -> None:
        self.service = service
        self._platforms, self._seconds = platforms or {}, deadline_seconds

    def plan(self, definition: JobDefinition, archetype: Archetype) -> Blueprint:
        """Plan the video of `definition`; all requests together take at most `deadline_seconds`.

        A script's words are the user's in any case: where the service changed them, they are put back, with a warning.
        Raises ServiceFailed (a PlanFailed) with the reason, the remedy and the cost.
        """
        shape = definition.aspect_ratio or self._platforms.get(definition.platform, "16:9")
        parts = _script_of(definition, archetype)
        read, record, warnings = self._asked(
            director_brief(definition, archetype, shape, parts),
            order(definition, parts),
            answer_schema(),
            lambda text: read_answer(text, definition, parts, archetype.words_per_second),
        )
        return Blueprint(
            content_id=definition.content_id,
            archetype=definition.archetype,
            language=narration_language(definition) if parts else definition.language,
            planner=record,
            video_plan=read.video_plan,
            warnings=read.warnings + warnings,
        )

    def translate(self, blueprint: Blueprint, language: str) -> Blueprint:
        """Return the blueprint with its words in another language: the same segments, pictures and lengths.

        Raises ServiceFailed (a PlanFailed) with the reason, the remedy and the cost.
        """
        plan, record, warnings = self._asked(
            translation_brief(blueprint, language),
            translation_order(blueprint),
            translation_schema(),
            lambda text: read_translation(text, blueprint, language),
        )
        changes = {"language": language, "planner": record, "video_plan": plan, "warnings": warnings, "fillers": []}
        return blueprint.model_copy(update=changes)

    def most_usd(self) -> Decimal:
        """Return the highest cost of one plan: two responses of the maximum length. 0 where the model's price is unknown."""
        usage = {"input_tokens": MOST_PROMPT_TOKENS, "output_tokens": MAX_TOKENS}
        return 2 * (self.service.cost(usage) or money.ZERO)

    def has_price(self) -> bool:
        """Return whether the model's price is known."""
        return self.service.cost({"input_tokens": 1}) is not None

    def _asked(
        self, system: str, request: str, schema: dict[str, Any], read: Callable[[str], Read]
    ) -> tuple[Read, PlannerRecord, list[str]]:
        """Return what `read` makes of the service's response, the record, and warnings. Raises ServiceFailed."""
        bill, deadline = Bill(), clock.Deadline(self._seconds)
        ask = partial(self.service.answer, system, schema=schema, bill=bill, deadline=deadline)
        try:
            found = within(deadline, self.service.title, lambda: self._converse(ask, request, read))
        except (PlanFailed, AccountError, NotSent) as failure:  # the latter two come from credentials and connections
            record = self._record(bill, deadline)
            raise ServiceFailed(str(failure), record, self._warnings(bill), isinstance(failure, AnswerUnusable)) from None
        return found, self._record(bill, deadline), self._warnings(bill)

    def _converse(self, ask: Callable[[Sequence[Turn]], str], request: str, read: Callable[[str], Read]) -> Read:
        """Request the answer; if it breaks our rules, send the problems back once and request another."""
        talk: list[Turn] = [{"role": "user", "content": request}]
        text = ask(talk)
        try:
            return read(text)
        except AnswerRefused as refused:
            log.info("An answer of %s broke rules and is sent back once: %s", self.service.title, refused)
            talk += [
                {"role": "assistant", "content": text or "(nothing)"},
                {"role": "user", "content": repair_order(refused.problems)},
            ]
        text = ask(talk)
        try:
            return read(text)
        except AnswerRefused as refused:
            raise AnswerUnusable(
                f"The plan of {self.service.title} still breaks the rules after it was sent back ({quoted(refused)}); "
                f"simplify the prompt, or {self.service.stronger}."
            ) from None

    def _record(self, bill: Bill, deadline: clock.Deadline) -> PlannerRecord:
        cost = self.service.cost(bill.usage)
        return PlannerRecord(
            name=self.service.name,
            model=self.service.model,
            usage=dict(bill.usage),
            cost_usd=money.text(cost or money.ZERO),
            seconds=round(self._seconds - deadline.left(), 3),
            requests=bill.requests,
        )

    def _warnings(self, bill: Bill) -> list[str]:
        if not bill.answers:
            return []
        unknown = f"The price of {self.service.model} is unknown; add it to templates/prices.json to have its cost counted."
        return [*([] if self.has_price() else [unknown]), *self.service.warnings()]


def _script_of(definition: JobDefinition, archetype: Archetype) -> Sequence[Part]:
    """Return the parts of the user's script; empty without one."""
    if definition.script is None:
        return []
    return script_parts(definition.script, lambda text: spoken_seconds(text, archetype.words_per_second))
