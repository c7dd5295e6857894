"""The captions of a job: what keeps its words from being drawn, and how they look in its film."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom.errors import BadInput, Problem
from tenxsom.media.captions.look import ACCENT, WHITE, CaptionLook, caption_look
from tenxsom.media.captions.phrases import TimedWord
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.fonts import Face, face_in, why_not_burned
from tenxsom.model.brand import Brand, rgb
from tenxsom.model.definition import JobDefinition
from tenxsom.model.film import FilmPlan
from tenxsom.model.safe_area import safe_area_of
from tenxsom.settings import Settings

HOOK_SECONDS = 1.5
"""How long the first frame's title stays."""


class FontChoice(NamedTuple):
    """The font of captions, and the setting or field that names it; None where no font of the user's own is named."""

    file: Path | None = None
    named_by: str = ""


def chosen_font(brand: Brand | None, caption_font: Path | None) -> FontChoice:
    """Return the font of captions: the brand's, else CAPTION_FONT's, else none of the user's own."""
    if brand and brand.fonts.captions:
        return FontChoice(Path(brand.fonts.captions), "brand.fonts.captions")
    return FontChoice(caption_font, "CAPTION_FONT") if caption_font else FontChoice()


def film_problems(definition: JobDefinition, settings: Settings, brand: Brand | None = None) -> list[Problem]:
    """Return what keeps the words of a definition's film from being burned, where they are to be."""
    chosen = settings.captions if definition.captions is True else definition.captions
    is_burned = chosen in ("both", "burned") and definition.caption_style != "none"
    return problems(definition, chosen_font(brand, settings.caption_font)) if is_burned else []


def problems(definition: JobDefinition, font: FontChoice) -> list[Problem]:
    """Return what keeps a definition's words from being burned into its film, before anything is planned or paid."""
    try:
        face = _face(font)
    except BadInput as error:
        return [Problem(font.named_by, str(error).rstrip("."))]
    return [Problem(path, why) for path, text in _texts(definition) if (why := why_not_burned([text], face))]


def undrawable(words: Iterable[str], font: FontChoice) -> str | None:
    """Return one sentence about letters of planned words that the captions cannot show; None when there are none.

    Raises BadInput when the font cannot be used.
    """
    why = why_not_burned(words, _face(font))
    return f"Captions show boxes for some letters: {why}." if why else None


def look_of(
    film: FilmPlan, size: tuple[int, int], platform: Mapping[str, Any], brand: Brand | None, font: FontChoice
) -> CaptionLook:
    """Return how a film's captions look: its own style, else its brand's, in the brand's colours, in the platform's safe area.

    Raises BadInput when the font cannot be used.
    """
    style = film.caption_style or (brand.caption_style if brand else None) or "word_box"
    colours = (rgb(brand.colours.ink), rgb(brand.colours.accent)) if brand else (WHITE, ACCENT)
    area = safe_area_of(platform, film.aspect_ratio or f"{size[0]}:{size[1]}")
    return caption_look(*size, area, style=style, ink=colours[0], accent=colours[1], font=_face(font))


def overlays_of(
    film: FilmPlan, words: Sequence[TimedWord], size: tuple[int, int], look: CaptionLook, *, has_hook: bool = True
) -> Iterator[Overlay]:
    """Return what is drawn over a film for its words, in the order of their times: the hook, then the captions.

    A film that begins with a card of its brand has no hook.
    """
    from tenxsom.media.captions.draw import caption_overlays, hook_overlay

    seconds = min(HOOK_SECONDS, film.seconds or HOOK_SECONDS)
    hook = hook_overlay(film.title, film.language, look, *size, seconds=seconds) if has_hook else None
    return chain([hook] if hook else [], caption_overlays(words, film.language, look, *size))


def _face(font: FontChoice) -> Face | None:
    return face_in(font.file) if font.file else None


def _texts(definition: JobDefinition) -> Iterator[tuple[str, str]]:
    """Yield the user's own words that are drawn, each with its path."""
    yield "title", definition.title
    if isinstance(definition.script, str):
        yield "script", definition.script
    elif definition.script:
        yield from ((f"script.{number}.text", segment.text) for number, segment in enumerate(definition.script))
    if definition.thumbnail_title:
        yield "thumbnail_title", definition.thumbnail_title
