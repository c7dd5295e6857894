"""Fills the variants of an archetype for one video: spoken words, lines on the screen, pictures.

Every choice follows from the content id, so that the same id has the same words on every machine, and another id has others.
Facts and details of the prompt are used once each, in their written order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from tenxsom.planning.archetypes import Archetype, slots_of
from tenxsom.planning.choosing import BREATH, Decks, Draft, joined
from tenxsom.planning.english import capitalised, count_words
from tenxsom.planning.pacing import Placement
from tenxsom.planning.prompts import Wishes, shorter_fact
from tenxsom.planning.titles import Title
from tenxsom.text import shortened

MAX_CUE_CHARACTERS = 600
MAX_SCREEN_WORDS = 8
MAX_SCREEN_HEADLINE_WORDS = 12
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Writer:
    """Writes the segments of one video, in order."""

    reused = False
    """Whether a spoken text was used twice, because the video is longer than all variants."""

    def __init__(self, archetype: Archetype, title: Title, wishes: Wishes, content_id: str, style: str = "") -> None:
        self.archetype = archetype
        self.style = style
        self._title = title
        self._wishes = wishes
        self._used: set[str] = set()
        self._decks = Decks(f"{content_id}\n{archetype.name}")

    def spoken(self, place: Placement, to_come: int) -> Draft:
        """Return the spoken words of a segment; they fit its duration if any variant does.

        `to_come` is the number of segments after this one, for which facts are reserved.
        """
        budget = place.duration * self.archetype.words_per_second
        ladders = place.template.spoken
        deck = f"{place.template.kind}/spoken"
        chosen, times = self._decks.choose(deck, len(ladders), lambda i: self._climb(ladders[i], place, budget), budget)
        if to_come and place.template.priority != 1:
            chosen = self._with_more_facts(chosen, budget, to_come - 1)
        self.reused = self.reused or times > 0
        self._used.update(chosen.facts, chosen.details)
        return chosen

    def on_screen(self, place: Placement) -> Draft:
        """Return one short line for a segment without spoken words."""
        lines = place.template.screen
        budget = min(MAX_SCREEN_WORDS, max(3.0, place.duration * 2.5))
        chosen, _ = self._decks.choose(f"{place.template.kind}/screen", len(lines), lambda i: self._line(lines[i], place, budget))
        self._used.update(chosen.facts, chosen.details)
        return chosen

    def picture(self, place: Placement, words: Draft) -> str:
        """Return the visual cue: a scene, the part of the prompt that it illustrates, and the look of all cues."""
        look = self.archetype.visual
        optional = {
            "look": f"Palette of {look.palette}; {look.light}; {look.lens}.",
            "style": f"Style: {self.style}." if self.style else "",
            "wish": f"{capitalised(self._wishes.look[0])}." if self._wishes.look else "",
            "echo": _echo(words),
        }
        kept = {"scene": f"{capitalised(self._scene(place, words))}."}
        for part, text in optional.items():
            if text and sum(map(len, kept.values())) + len(kept) + len(text) <= MAX_CUE_CHARACTERS:
                kept[part] = text
        return " ".join(kept[part] for part in ("scene", "echo", "look", "style", "wish") if part in kept)

    def description(self) -> str:
        """Return the description of the published video: a template, then the facts of the prompt."""
        texts, name = self.archetype.descriptions, self._title.name
        values = {"headline": self._title.headlines[0], "name": name or ""}
        usable = [text for text in texts if name or "{name}" not in text] or ["{headline}"]
        opening, _ = self._decks.choose("description", len(usable), lambda i: Draft(_put(usable[i], values)))
        return shortened(" ".join([opening.text, *self._wishes.facts[:2]]), 2000)

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
        """Return the first sentence and as many more as fit; None if a value for the first is missing."""
        parts: list[Draft] = []
        for step, sentence in enumerate(ladder):
            room = budget * BREATH - sum(part.words for part in parts)
            used = {item for part in parts for item in (*part.facts, *part.details)}
            filled = self._fill(sentence, place, room, used)
            if filled is None and step == 0:
                return None
            if filled is None:
                continue
            if step and filled.words > room:
                break
            parts.append(filled)
        return joined(parts)

    def _fill(self, template: str, place: Placement, room: float, used: set[str] | None = None) -> Draft | None:
        """Return the template with its slots filled; None if a fact, a detail, a name or a number for it is missing."""
        used = self._used | (used or set())
        left = room - _own_words(template)
        values: dict[str, str] = {}
        facts: tuple[str, ...] = ()
        details: tuple[str, ...] = ()
        for slot in slots_of(template):
            if slot == "fact":
                found = next(self._fitting_facts(left, used), None)
                value, facts = found or (None, facts)
            elif slot.lower() == "detail":
                value = next(
                    (point for point in self._wishes.points if point not in used and count_words(point) <= max(left, 2)), None
                )
                details = (value,) if value else details
            else:
                value = self._plain_value(slot, place, left)
            if not value:
                return None
            values[slot] = capitalised(value) if slot[0].isupper() else value
        text = _put(template, values)
        cut = count_words(self._title.headlines[0]) - count_words(values["headline"]) if "headline" in values else 0
        return Draft(text, count_words(text), facts, details, max(0, cut))

    def _fitting_facts(self, room: float, used: set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield unused facts of at most `room` words, whole or shortened to the main clause, each with its original."""
        for fact in self._wishes.facts:
            if fact not in used:
                for form in (fact, shorter_fact(fact)):
                    if form and count_words(form) <= room:
                        yield form, (fact,)
                        break

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

    def _with_more_facts(self, draft: Draft, budget: float, spared: int) -> Draft:
        """Return the draft with further facts while there is time; `spared` facts are reserved for later segments."""
        while True:
            used = self._used | set(draft.facts)
            if sum(fact not in used for fact in self._wishes.facts) <= spared:
                return draft
            found = next(self._fitting_facts(budget * BREATH - draft.words, used), None)
            if found is None:
                return draft
            draft = joined([draft, Draft(found[0], count_words(found[0]), found[1])])


@lru_cache(maxsize=2048)
def _own_words(template: str) -> int:
    return count_words(re.sub(r"\{\w+\}", "", template))


def _put(template: str, values: dict[str, str]) -> str:
    """Return the template with its values; where a value ends with a closing mark, the template's mark is dropped."""
    if not values:
        return template
    text = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)
    return re.sub(r"([.!?…。！？؟।॥።။។])[.,;:](?=\s|$)", r"\1", text)


def _echo(words: Draft) -> str:
    """Return the part of the prompt in this segment's words, for its picture."""
    said = words.facts[:1] or words.details[:1]
    return f"Illustrating: {said[0].rstrip('.!?…')}." if said and len(said[0]) <= 120 else ""
