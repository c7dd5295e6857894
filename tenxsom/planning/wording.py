"""Fills the variants of an archetype for a film whose user wrote no words but a title: spoken fillers, lines, pictures.

Every choice follows from the content id, so that the same id has the same words on every machine, and another id has others.
Fillers of the channel's recent films are never used again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from tenxsom.planning.archetypes import RETIRED_SLOTS, Archetype, SegmentTemplate, slots_of
from tenxsom.planning.choosing import BREATH, Decks, Draft, joined
from tenxsom.planning.english import capitalised, count_words
from tenxsom.planning.pacing import Placement
from tenxsom.planning.prompts import Wishes
from tenxsom.planning.titles import Title
from tenxsom.text import shortened

Variant = TypeVar("Variant")

MAX_CUE_CHARACTERS = 600
MAX_SCREEN_WORDS = 8
MAX_SCREEN_HEADLINE_WORDS = 12
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Writer:
    """Writes the fillers and the pictures of one video, in order."""

    def __init__(
        self,
        archetype: Archetype,
        title: Title,
        wishes: Wishes,
        *,
        content_id: str,
        style: str = "",
        recent: Collection[str] = (),
    ) -> None:
        """`recent` are the fillers of the channel's recent films (`Blueprint.fillers`), which are not used again."""
        self.archetype = archetype
        self.style = style
        self.fillers: list[str] = []
        """The templates of the sentences that were used and are not the user's."""
        self._title = title
        self._wishes = wishes
        self._recent = frozenset(recent)
        self._decks = Decks(f"{content_id}\n{archetype.name}")

    def spoken(self, place: Placement) -> Draft | None:
        """Return the spoken words of a segment; they fit its duration if any variant does. None if all variants are used up."""
        budget = place.duration * self.archetype.words_per_second
        return self._chosen(place, "spoken", place.template.spoken, lambda ladder: self._climb(ladder, place, budget), budget)

    def on_screen(self, place: Placement) -> Draft | None:
        """Return one short line for a segment without spoken words; None if all variants are used up."""
        budget = min(MAX_SCREEN_WORDS, max(3.0, place.duration * 2.5))
        return self._chosen(place, "screen", place.template.screen, lambda line: self._line(line, place, budget))

    def hook(self, seconds: float) -> Draft | None:
        """Return the archetype's first words, with the title, as many as can be spoken in `seconds`; None where none can."""
        return self._framing(self.archetype.segments[0], seconds)

    def ending(self, seconds: float) -> Draft | None:
        """Return the archetype's last words, as many as can be spoken in `seconds`; None where none can."""
        return self._framing(self.archetype.segments[-1], seconds)

    def _framing(self, template: SegmentTemplate, seconds: float) -> Draft | None:
        before = list(self.fillers)
        draft = self.spoken(Placement(template, 1, 1, seconds))
        if draft and draft.words > seconds * self.archetype.words_per_second * BREATH:
            self.fillers = before
            return None
        return draft

    def _chosen(
        self,
        place: Placement,
        channel: str,
        variants: Sequence[Variant],
        fill: Callable[[Variant], Draft | None],
        budget: float = 0.0,
    ) -> Draft | None:
        deck = f"{place.template.kind}/{channel}"
        try:
            chosen, _ = self._decks.choose(deck, len(variants), lambda i: fill(variants[i]), budget)
        except KeyError:
            return None
        self.fillers += chosen.fillers
        return chosen

    def chance(self, purpose: str) -> float:
        """Return a number from 0 to 1 that follows from the content id."""
        return self._decks.lot(purpose, 1)[0]

    def picture(self, place: Placement, words: Draft, directed: str = "") -> str:
        """Return the visual cue: the scene that the user directs, else one of the archetype's, and the look of all cues."""
        look = self.archetype.visual
        optional = {
            "look": f"Palette of {look.palette}; {look.light}; {look.lens}.",
            "style": f"Style: {self.style}." if self.style else "",
            "wish": f"{capitalised(self._wishes.look[0])}." if self._wishes.look else "",
        }
        kept = {"scene": f"{capitalised(directed or self._scene(place, words))}."}
        for part, text in optional.items():
            if text and sum(map(len, kept.values())) + len(kept) + len(text) <= MAX_CUE_CHARACTERS:
                kept[part] = text
        return " ".join(kept[part] for part in ("scene", "look", "style", "wish") if part in kept)

    def description(self) -> str:
        """Return the description of the published video: a template, then the user's first sentences."""
        texts, name = self.archetype.descriptions, self._title.name
        values = {"headline": self._title.headlines[0], "name": name or ""}
        usable = [text for text in texts if name or "{name}" not in text] or ["{headline}"]
        opening, _ = self._decks.choose("description", len(usable), lambda i: Draft(_put(usable[i], values)))
        return shortened(" ".join([opening.text, *self._wishes.said[:2]]), 2000)

    def _scene(self, place: Placement, words: Draft) -> str:
        """Return the picture of the words, if they have one; else that of the video's thread; else a random one."""
        template, kinds = place.template, self.archetype.segments
        scenes = template.visual
        thread = int(self._decks.lot("thread", 1)[0] * min(len(segment.visual) for segment in kinds))
        threaded = self.archetype.one_thread or template.kind in (kinds[0].kind, kinds[-1].kind)
        paired = 0 <= words.variant < template.pairs

        def seen(index: int) -> Draft | None:
            free = index >= template.pairs or template.pairs == len(scenes)
            if index != words.variant if paired else not free:
                return None
            return Draft(scenes[index].replace("{subject}", self._title.subject), lacks=int(threaded and index != thread))

        return self._decks.choose(f"{template.kind}/visual", len(scenes), seen)[0].text

    def _line(self, template: str, place: Placement, budget: float) -> Draft | None:
        """Return a line for the screen. The line of the opening contains the title or the name."""
        shows_title = "{headline}" in template or "{name}" in template
        if place.template.priority == 1 and not shows_title:
            return None
        room = min(MAX_SCREEN_HEADLINE_WORDS, max(4.0, place.duration * 3)) if "{headline}" in template else budget
        draft = self._fill(template, place, room)
        if draft is None:
            return None
        whole = draft.text if re.search(r"[.!?] ", draft.text) else draft.text.removesuffix(".")
        return replace(draft, text=capitalised(whole), lacks=draft.lacks + max(0, draft.words - int(room)))

    def _climb(self, ladder: Sequence[str], place: Placement, budget: float) -> Draft | None:
        """Return the first sentence and as many more as fit; None if the first cannot be used."""
        parts: list[Draft] = []
        for step, sentence in enumerate(ladder):
            room = budget * BREATH - sum(part.words for part in parts)
            filled = self._fill(sentence, place, room)
            if filled is None and step == 0:
                return None
            if filled is None:
                continue
            if step and filled.words > room:
                break
            parts.append(filled)
        return joined(parts)

    def _fill(self, template: str, place: Placement, room: float) -> Draft | None:
        """Return the template with its slots filled; None if a name or a number is missing, or if it is not new."""
        if template in self._recent or template in self.fillers:
            return None
        left = room - _own_words(template)
        values: dict[str, str] = {}
        for slot in slots_of(template):
            value = None if slot in RETIRED_SLOTS else self._plain_value(slot, place, left)
            if not value:
                return None
            values[slot] = capitalised(value) if slot[0].isupper() else value
        text = _put(template, values)
        cut = count_words(self._title.headlines[0]) - count_words(values["headline"]) if "headline" in values else 0
        fillers = () if template == "{headline}" else (template,)
        return Draft(text, count_words(text), fillers, max(0, cut))

    def _plain_value(self, slot: str, place: Placement, room: float) -> str | None:
        if slot == "headline":
            return self._title.headline(max(3.0, room))
        if slot.lower() == "topic":
            return self._title.name or self.archetype.stand_in
        if slot == "name":
            return self._title.name
        promised = self._title.count
        countable = place.of > 1 and not (promised and place.of > promised)
        return (_NUMBERS[place.number] if place.number < len(_NUMBERS) else str(place.number)) if countable else None


@lru_cache(maxsize=2048)
def _own_words(template: str) -> int:
    return count_words(re.sub(r"\{\w+\}", "", template))


def _put(template: str, values: dict[str, str]) -> str:
    """Return the template with its values; where a value ends with a closing mark, the template's mark is dropped."""
    if not values:
        return template
    text = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)
    return re.sub(r"([.!?…。！？؟।॥።။។])[.,;:](?=\s|$)", r"\1", text)
