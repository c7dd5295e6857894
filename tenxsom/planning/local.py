"""Plans without Claude: makes a blueprint from an archetype's variants, free of charge and reproducibly."""

from __future__ import annotations

import re

from tenxsom.model.blueprint import Blueprint, PlannerRecord, Segment, VideoPlan, with_times
from tenxsom.model.definition import JobDefinition
from tenxsom.planning.archetypes import Archetype
from tenxsom.planning.english import NO_KEYWORDS, bare_words, count_words
from tenxsom.planning.pacing import COMFORTABLE_SECONDS, Placement, arrange
from tenxsom.planning.prompts import Wishes, read_prompt
from tenxsom.planning.titles import Title, read_title, tidy
from tenxsom.planning.wording import Writer
from tenxsom.text import shortened

MAX_TAGS = 15


def plan_locally(definition: JobDefinition, archetype: Archetype, reason: str | None = None) -> Blueprint:
    """Return the blueprint of `definition`, from the variants of `archetype`.

    `reason` is why Claude was asked and has no plan; it becomes a warning. The durations add up to `target_duration` exactly.
    Reproducible: the blueprint depends only on the definition and the archetype's file.
    """
    title, wishes = read_title(definition.title), read_prompt(definition.prompt)
    writer = Writer(archetype, title, wishes, definition.content_id, _bare(definition.style))
    places = arrange(archetype, definition.target_duration, _opening_seconds(definition, archetype, title), title.count)
    segments = [_segment(writer, place, definition.narration, len(places) - index - 1) for index, place in enumerate(places)]
    plan = VideoPlan(
        title=" ".join(definition.title.split()) or title.headlines[0],
        description=writer.description(),
        tags=_tags(title, archetype),
        voice=_voice(archetype, wishes),
        visual_style=_visual_style(archetype, wishes, writer.style),
        music=archetype.music,
        script_segments=with_times(segments),
    )
    return Blueprint(
        content_id=definition.content_id,
        archetype=archetype.name,
        language=definition.language if _is_english(definition) else "en",
        planner=PlannerRecord(name="archetype_templates", reason=reason),
        video_plan=plan,
        warnings=_warnings(definition, writer, reason),
    )


def _segment(writer: Writer, place: Placement, narration: bool, to_come: int) -> Segment:
    words = writer.spoken(place, to_come) if narration else writer.on_screen(place)
    cue = writer.picture(place, words)
    return Segment(segment_type=place.segment_type, content=words.text, visual_cue=cue, duration=place.duration)


def _opening_seconds(definition: JobDefinition, archetype: Archetype, title: Title) -> float:
    """Return the time for speaking the title, at most a quarter of the video; a longer title is cut."""
    if not definition.narration:
        return 0.0
    needed = count_words(title.headlines[0]) / archetype.words_per_second
    return min(needed, max(6.0, definition.target_duration / 4), COMFORTABLE_SECONDS)


def _tags(title: Title, archetype: Archetype) -> list[str]:
    """Return keywords without hashes: the topic, the archetype's own, then the words of the title."""
    bare_name = re.sub(r"^(?:an?|the) ", "", title.name.lower()) if title.name else ""
    name = [bare_name] if 0 < len(bare_name) <= 30 else []
    words = [word.lower() for word in bare_words(title.headlines[0])]
    keywords = [word for word in words if len(word) >= 3 and len(word) <= 30 and word not in NO_KEYWORDS and not word.isdigit()]
    return list(dict.fromkeys([*name, *archetype.tags, *keywords]))[:MAX_TAGS]


def _voice(archetype: Archetype, wishes: Wishes) -> str:
    return shortened(" ".join([archetype.voice, *(f"{wish}." for wish in wishes.voice)]), 300)


def _visual_style(archetype: Archetype, wishes: Wishes, style: str) -> str:
    look = archetype.visual
    parts = [f"Palette of {look.palette}", look.light, look.lens, look.camera, *([style] if style else []), *wishes.look]
    return shortened("; ".join(parts), 500)


def _warnings(definition: JobDefinition, writer: Writer, reason: str | None) -> list[str]:
    warnings = [f"Planned from the local {writer.archetype.name} templates instead of by Claude: {reason}"] if reason else []
    if not _is_english(definition):
        warnings.append(f"The local templates write English; the definition asks for {definition.language}.")
    if writer.reused:
        warnings.append("The video is longer than the templates' texts last; some are used more than once.")
    return warnings


def _is_english(definition: JobDefinition) -> bool:
    return definition.language.lower().split("-")[0] == "en"


def _bare(text: str | None) -> str:
    return tidy(text or "").rstrip(" .;,")
