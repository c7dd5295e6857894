"""Plans without a planning service, free of charge and reproducibly.

The narration is the user's own words: the script, else the sentences of the prompt, whole and in order, in their language. An
archetype adds its last words to a prompt, and fills a film for which there is only a title; both only in its own language.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from tenxsom.model.blueprint import Blueprint, PlannerRecord, Segment, VideoPlan, share_out, with_times
from tenxsom.model.definition import JobDefinition
from tenxsom.model.narration import quiet_notes
from tenxsom.planning.archetypes import Archetype
from tenxsom.planning.choosing import Draft
from tenxsom.planning.cues import SHOTS, CueWriter, tags_of
from tenxsom.planning.english import NO_KEYWORDS, bare_words, count_words
from tenxsom.planning.languages import UNKNOWN, fits, is_same, language_of
from tenxsom.planning.pacing import COMFORTABLE_SECONDS, Placement, arrange
from tenxsom.planning.prompts import Wishes, read_prompt
from tenxsom.planning.script import Part
from tenxsom.planning.telling import Telling, condensed, durations, of_prompt, of_script
from tenxsom.planning.titles import Title, read_title, tidy
from tenxsom.planning.wording import Writer
from tenxsom.text import shortened

MAX_TAGS = 15
LEAST_ENDING_SECONDS = 2.0
LEAST_HOOK_SECONDS, MOST_HOOK_SECONDS = 1.5, 3.0
"""The time for words of the archetype beside the title: a hook is short."""


def plan_locally(
    definition: JobDefinition, archetype: Archetype, reason: str | None = None, recent: Collection[str] = ()
) -> Blueprint:
    """Return the blueprint of `definition`, from the user's own words and the variants of `archetype`.

    `reason` is why a planning service was asked and has no plan; it becomes a warning. `recent` are the fillers of the channel's
    recent films (`Blueprint.fillers`). The durations add up to `target_duration` exactly; with `length: at_least` a longer script
    makes a longer film. Reproducible: the blueprint depends only on the arguments.
    """
    return _LocalPlan(definition, archetype, recent).blueprint(reason)


def narration_language(definition: JobDefinition) -> str:
    """Return the language of the user's words: the definition's, unless they are evidently in another one."""
    return _understood(definition)[0]


def _understood(definition: JobDefinition) -> tuple[str, Wishes]:
    """Return the language of the words to be spoken, and the sorted prompt, whose directions may be in another language."""
    script, field = definition.script, definition.language
    wishes = read_prompt(definition.prompt, field)
    written = script if isinstance(script, str) else "\n".join(part.text for part in script or [])
    language = language_of(written or "\n".join(wishes.said) or definition.title, field)
    return language, wishes if is_same(language, field) else read_prompt(definition.prompt, language)


class _LocalPlan:
    """One plan in the making."""

    def __init__(self, definition: JobDefinition, archetype: Archetype, recent: Collection[str]) -> None:
        self._definition, self._archetype = definition, archetype
        self._title = read_title(definition.title)
        self._language, self._wishes = _understood(definition)
        if definition.script is not None:  # the script is what is said; a prompt beside it directs
            self._wishes = self._directions_only(self._wishes)
        style = tidy(definition.style or "").rstrip(" .;,")
        self._writer = Writer(archetype, self._title, self._wishes, content_id=definition.content_id, style=style, recent=recent)
        self._is_framed = is_same(archetype.language, self._language)
        self._warnings: list[str] = []

    def blueprint(self, reason: str | None) -> Blueprint:
        """Return the whole plan."""
        has_words = self._definition.script is not None or self._wishes.said or self._wishes.last_words
        segments = self._own_segments() if has_words or not self._is_framed else self._filled_segments()
        archetype, wishes = self._archetype, self._wishes
        plan = VideoPlan(
            title=" ".join(self._definition.title.split()) or self._title.headlines[0],
            description=self._description(segments),
            tags=self._tags(segments),
            voice=_with_wishes(archetype.voice, wishes.voice, 300),
            visual_style=_visual_style(archetype, wishes, self._writer.style),
            music=_with_wishes(archetype.music, wishes.music, 300),
            script_segments=with_times(segments),
        )
        return Blueprint(
            content_id=self._definition.content_id,
            archetype=archetype.name,
            language=self._language,
            planner=PlannerRecord(name="archetype_templates", reason=reason),
            video_plan=plan,
            warnings=[*_reason_warning(archetype, reason), *self._unplanned(), *self._warnings],
            fillers=self._writer.fillers,
        )

    def _own_segments(self) -> list[Segment]:
        """Return the segments of the user's words, or of the title alone where the archetype speaks another language."""
        definition, pace = self._definition, self._archetype.words_per_second
        if definition.script is not None:
            telling = of_script(definition, pace)
        else:
            telling = of_prompt(definition, self._wishes, self._title, self._language, pace)
        total = definition.target_duration if definition.length == "exact" else max(definition.target_duration, telling.seconds)
        telling = condensed(telling, total, pace)
        telling = self._with_hook(telling, total)
        ending = self._ending(telling, total)
        self._note_what_is_left_out(telling, total, ending)
        parts = [*telling.parts, *([Part(ending, about=self._title.subject)] if ending else [])]
        types = _types(self._archetype, len(parts), has_ending=bool(ending))
        return [
            Segment(segment_type=kind, content=part.text, visual_cue=cue, duration=seconds)
            for part, kind, cue, seconds in zip(parts, types, self._cues(parts), durations(parts, total, pace), strict=True)
        ]

    def _with_hook(self, telling: Telling, total: float) -> Telling:
        """Return the telling with the archetype's hook around the title, where there is time for it."""
        first = telling.parts[0].text
        spare = total - telling.seconds - LEAST_ENDING_SECONDS
        is_title = telling.has_hook and first == self._title.headlines[0]
        if not (is_title and self._is_framed and self._definition.narration) or telling.left_out or spare < LEAST_HOOK_SECONDS:
            return telling
        pace = self._archetype.words_per_second
        draft = self._writer.hook(count_words(first) / pace + min(spare, MOST_HOOK_SECONDS))
        if draft is None or first not in draft.text:
            return telling
        parts = [Part(draft.text, about=self._title.subject), *telling.parts[1:]]
        return telling._replace(parts=parts, seconds=telling.seconds + (draft.words - count_words(first)) / pace)

    def _ending(self, telling: Telling, total: float) -> str:
        """Return the archetype's last words, where there is time for them and the user directs no other ending."""
        left = total - telling.seconds
        is_wanted = self._definition.script is None and self._definition.narration and self._is_framed
        has_own = self._wishes.ending or self._wishes.last_words
        if not is_wanted or has_own or telling.left_out or left < LEAST_ENDING_SECONDS:
            return ""
        draft = self._writer.ending(left)
        return draft.text if draft else ""

    def _cues(self, parts: Sequence[Part]) -> list[str]:
        """Return one cue for each part; a direction for the opening or the ending is the picture there."""
        wishes, last = self._wishes, len(parts) - 1
        first_shot = int(self._writer.chance("shots") * len(SHOTS))
        writer = CueWriter(
            self._archetype,
            wishes,
            topic=self._title.subject,
            language=self._language,
            style=self._writer.style,
            first_shot=first_shot,
        )
        directed = {0: wishes.opening, last: wishes.ending or (wishes.opening if not last else "")}
        return [writer.cue(part.about or part.text, part.visual or directed.get(index, "")) for index, part in enumerate(parts)]

    def _filled_segments(self) -> list[Segment]:
        """Return the segments of a film for which there is only a title, in the archetype's language: its own texts fill it."""
        definition, archetype = self._definition, self._archetype
        opening = _opening_seconds(definition, archetype, self._title)
        places = arrange(archetype, definition.target_duration, opening, self._title.count)
        kept = [(place, words) for place in places if (words := self._words(place))]
        if len(kept) < len(places):
            self._warnings.append(
                f"The {archetype.name} templates have no more lines that this film and the channel's recent ones did not use; "
                "write a script or a prompt."
            )
        kept = kept or [(places[0], Draft(self._title.headlines[0]))]
        seconds = share_out([place.duration for place, _ in kept], definition.target_duration) if len(kept) < len(places) else None
        return [
            Segment(
                segment_type=place.segment_type,
                content=words.text,
                visual_cue=self._writer.picture(place, words, self._directed(index, len(kept))),
                duration=seconds[index] if seconds else place.duration,
            )
            for index, (place, words) in enumerate(kept)
        ]

    def _words(self, place: Placement) -> Draft | None:
        return self._writer.spoken(place) if self._definition.narration else self._writer.on_screen(place)

    def _directed(self, index: int, count: int) -> str:
        """Return the picture that the user wants for the first or the last segment."""
        if index == count - 1 and self._wishes.ending:
            return self._wishes.ending
        return self._wishes.opening if index == 0 else ""

    def _description(self, segments: Sequence[Segment]) -> str:
        if self._is_framed:
            return self._writer.description()
        return shortened(" ".join(dict.fromkeys([self._title.headlines[0], *(part.content for part in segments[:3])])), 2000)

    def _tags(self, segments: Sequence[Segment]) -> list[str]:
        """Return keywords without hashes: the topic and the archetype's own, then words of the title and of the user's text."""
        texts = [self._title.headlines[0], *self._wishes.said, *(part.content for part in segments if not self._writer.fillers)]
        own = tags_of(texts, self._language, MAX_TAGS)
        if not self._is_framed:
            return own
        return list(dict.fromkeys([*_title_tags(self._title)[:1], *self._archetype.tags, *_title_tags(self._title), *own]))[
            :MAX_TAGS
        ]

    def _note_what_is_left_out(self, telling: Telling, total: float, ending: str) -> None:
        left_out, count = telling.left_out, len(self._wishes.said)
        if left_out:
            self._warnings.append(
                f"{len(left_out)} of your {count} points did not fit into {total:g} s: {_quotes(left_out)}. "
                "Raise target_duration, or say less."
            )
        spoken = telling.seconds + (count_words(ending) / self._archetype.words_per_second if ending else 0)
        if self._definition.narration:
            self._warnings += quiet_notes(spoken, total, is_estimate=True)

    def _unplanned(self) -> list[str]:
        """Return one sentence about what was not planned as one might expect, and one about the directions that are not spoken."""
        definition, wishes, language = self._definition, self._wishes, self._language
        reasons = []
        if not is_same(language, definition.language):
            seen = "in a language that is not known here" if language == UNKNOWN else f"in {language}"
            said = f"though the definition says {definition.language}; they are spoken unchanged"
            reasons.append(f"your words seem to be {seen}, {said}")
        if not self._is_framed and definition.script is None:
            missing = "ending of theirs" if wishes.said else "words but its title"
            reasons.append(f"the {self._archetype.name} templates have no texts in {language}, so the film has no {missing}")
        if definition.script is None and not fits(self._title.headlines[0], language) and wishes.said:
            reasons.append("the title is in another language than the words, so it is not spoken")
        if wishes.unwritten:
            reasons.append(f"only a planning service can write what these ask for: {_quotes(wishes.unwritten)}")
        sentences = [f"Planned without a planning service: {'; '.join(reasons)}."] if reasons else []
        if wishes.directions:
            sentences.append(f"Taken as directions, and not spoken: {_quotes(wishes.directions)}.")
        return sentences

    @staticmethod
    def _directions_only(wishes: Wishes) -> Wishes:
        """Return the wishes of a prompt beside a script: none of its sentences is spoken."""
        unwritten = (*wishes.unwritten, *wishes.said)
        return Wishes(
            look=wishes.look,
            voice=wishes.voice,
            music=wishes.music,
            opening=wishes.opening,
            ending=wishes.ending,
            directions=wishes.directions,
            unwritten=unwritten,
        )


def _types(archetype: Archetype, count: int, *, has_ending: bool) -> list[str]:
    """Return the types of segments: the archetype's kinds in their order, spread over the user's parts."""
    kinds = [segment.kind for segment in archetype.segments]
    closes = has_ending or count > 2
    between = count - 1 - int(closes)
    middle = kinds[1:-1] or kinds[1:]
    spread = [middle[index * len(middle) // between] for index in range(between)]
    types = [kinds[0], *spread, *([kinds[-1]] if closes and count > 1 else [])]
    return [f"{kind}_{types[: index + 1].count(kind)}" if types.count(kind) > 1 else kind for index, kind in enumerate(types)]


def _opening_seconds(definition: JobDefinition, archetype: Archetype, title: Title) -> float:
    """Return the time for speaking the title, at most a quarter of the video; a longer title is cut."""
    if not definition.narration:
        return 0.0
    needed = count_words(title.headlines[0]) / archetype.words_per_second
    return min(needed, max(6.0, definition.target_duration / 4), COMFORTABLE_SECONDS)


def _title_tags(title: Title) -> list[str]:
    bare_name = re.sub(r"^(?:an?|the) ", "", title.name.lower()) if title.name else ""
    name = [bare_name] if 0 < len(bare_name) <= 30 else []
    words = [word.lower() for word in bare_words(title.headlines[0])]
    return name + [word for word in words if 3 <= len(word) <= 30 and word not in NO_KEYWORDS and not word.isdigit()]


def _with_wishes(text: str, wishes: Sequence[str], most: int) -> str:
    return shortened(" ".join([text, *(f"{wish}." for wish in wishes)]), most)


def _visual_style(archetype: Archetype, wishes: Wishes, style: str) -> str:
    look = archetype.visual
    parts = [f"Palette of {look.palette}", look.light, look.lens, look.camera, *([style] if style else []), *wishes.look]
    return shortened("; ".join(parts), 500)


def _reason_warning(archetype: Archetype, reason: str | None) -> list[str]:
    return [f"Planned locally, with the {archetype.name} templates, instead of by a planning service: {reason}"] if reason else []


def _quotes(texts: Sequence[str]) -> str:
    return ", ".join(f"“{text}”" for text in texts)
