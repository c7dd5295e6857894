"""Cuts a job: decides what its film is like, when it says what, and which clips it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from tenxsom.errors import BadInput
from tenxsom.model import money
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.brand import Brand
from tenxsom.model.clip import Clip
from tenxsom.model.definition import JobDefinition, VoiceChoice, check_definition
from tenxsom.model.film import FilmPlan, PlannedShot, PlannedVoice
from tenxsom.model.job import VideoJob
from tenxsom.model.money import usd
from tenxsom.model.narration import Narration, SpokenSegment, SpokenWord, quiet_notes
from tenxsom.model.sound_order import SoundStep
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline import captions, clips, timeline
from tenxsom.pipeline.brand_kits import NO_BRAND, BrandKits, ChosenBrand
from tenxsom.pipeline.clips import FilmClip, clips_of_film, made_seconds
from tenxsom.pipeline.prices import Prices
from tenxsom.pipeline.routing import Route
from tenxsom.pipeline.spend import spent_usd
from tenxsom.pipeline.timeline import Break, Speech, WordTime
from tenxsom.planning.archetypes import parse_archetype
from tenxsom.services.music.registry import AUTO, MUSIC
from tenxsom.services.music.registry import NONE as NO_MUSIC
from tenxsom.settings import Settings
from tenxsom.store.templates import Templates
from tenxsom.text import shortened
from tenxsom.voices.registry import candidates, wish_for

VERTICAL = "9:16"
CROSSFADE_SECONDS = 0.3
"""How long two pictures are mixed in a crossfade."""

VIEWS = ("Close-up", "From another angle", "A detail", "From further away")
"""How the picture of a segment is seen in its second clip, its third, and so on."""

PriceOf = Callable[[float], Decimal]
"""The price of a clip of so many seconds, with its start frame."""


def chosen_film(definition: JobDefinition, settings: Settings, shape: str, chosen: ChosenBrand = NO_BRAND) -> FilmPlan:
    """Return what the film of a definition is like, without its times: as it says, else its brand, else the settings."""
    brand = chosen.kit
    captions = settings.captions if definition.captions is True else definition.captions or "none"
    if (definition.caption_style or (brand.caption_style if brand else None)) == "none":
        captions = {"both": "srt", "burned": "none"}.get(captions, captions)
    own = definition.music or (brand.music if brand else None) or "auto"
    wanted = settings.music_service if own == AUTO else own
    is_named = wanted in (NO_MUSIC, *MUSIC)
    music = wanted if is_named else "bed" if wanted == AUTO else "file" if definition.music else "brand"
    return FilmPlan(
        title=definition.title,
        thumbnail_title=definition.thumbnail_title or "",
        aspect_ratio=shape,
        platform=definition.platform,
        language=definition.language,
        captions=captions,
        caption_style=definition.caption_style,
        brand=chosen.name,
        music=music,
        clip_sound=definition.clip_sound,
        transition=definition.transition,
    )


def is_made(film: FilmPlan, *, speaks: bool) -> bool:
    """Return whether a film is more than its clips in a row. `speaks` tells whether a voice is heard."""
    is_plain = film.captions in ("srt", "none") and film.music == "none" and not film.brand
    return speaks or not is_plain or film.transition != "cut" or film.clip_sound == "mute"


def _is_too_long(clip: Clip) -> bool:
    return not clip.trim and clip.seconds > clip.asked_seconds + 0.01


class Ends(NamedTuple):
    """How long a brand's own beginning and end last, in seconds: as files, which are shown beside the film, or as cards in it."""

    files: tuple[float, float] = (0.0, 0.0)
    cards: tuple[float, float] = (0.0, 0.0)


NO_ENDS = Ends()


def _ends_of(brand: Brand | None) -> Ends:
    """Return how long a brand's beginning and end last. Raises BrokenMedia for a file that is no video."""
    from tenxsom.media.film.brand import seconds_of

    if brand is None:
        return NO_ENDS
    found = [(ending, seconds_of(ending)) for ending in (brand.intro, brand.outro)]
    files = [seconds if ending and ending.file else 0.0 for ending, seconds in found]
    cards = [0.0 if ending and ending.file else seconds for ending, seconds in found]
    return Ends((files[0], files[1]), (cards[0], cards[1]))


class Cutter:
    """Cuts jobs into clips."""

    def __init__(self, settings: Settings, templates: Templates, brands: BrandKits, prices: Prices, vocabulary: Vocabulary) -> None:
        self._settings = settings
        self._templates = templates
        self._brands = brands
        self._prices = prices
        self._vocabulary = vocabulary

    def cut(self, job: VideoJob, route: Route) -> None:
        """Set the clips of a planned job, and how its film is put together. Raises BadInput when it cannot be made."""
        if job.blueprint is None:
            raise BadInput(f"{job.content_id} has no plan yet; it cannot be cut into clips.")
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        shape = definition.shape(self._vocabulary)
        film = job.film or chosen_film(definition, self._settings, shape, self._brands.of(job))
        film.mood = film.mood or self._mood(definition)
        if not is_made(film, speaks=self._speaks(job, definition)):
            joined = clips.clips_for(definition, job.blueprint, shape, route)
            if definition.length == "at_least" or not any(_is_too_long(clip) for clip in joined):
                job.clips, job.film = joined, None
                return
        price_of, most = partial(self._prices.of_seconds, route), self._most_usd(job, film)
        ends = self._ends_of(job)
        job.film, job.clips = cut_film(
            film, definition, job.blueprint, job.narration, route, ends=ends, price_of=price_of, most_usd=most
        )

    def differences(self, job: VideoJob) -> list[str]:
        """Return sentences about what the film of a cut job does not say or show as it should."""
        if job.film is None or job.blueprint is None:
            return []
        found = _unsaid(job.film, job.narration)
        if job.film.is_burned:
            brand = self._brands.of(job).kit
            texts = [job.film.title, *(segment.content for segment in job.blueprint.video_plan.script_segments)]
            found += filter(None, [captions.undrawable(texts, captions.chosen_font(brand, self._settings.caption_font))])
        return found

    def alternatives(self, job: VideoJob, route: Route) -> str | None:
        """Return a sentence about the price of a job as one picture and as a cut film; None where it is no choice, or free."""
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        if job.film is None or job.blueprint is None or definition.clips != "auto" or len(job.clips) < 2:
            return None
        price_of, one = partial(self._prices.of_seconds, route), definition.model_copy(update={"clips": "single"})
        whole = self._prices.of_job(job)
        cut = f"cut into {len(job.clips)} pictures it costs {money.shown(whole)}"
        try:
            ends = self._ends_of(job)
            single = cut_film(job.film, one, job.blueprint, job.narration, route, ends=ends, price_of=price_of)[1][0]
        except BadInput:
            longest = route.capabilities.durations[-1]
            return f"As one picture it cannot be made by {route.service}, whose clips have {longest:g} s at most; {cut}."
        price = price_of(single.seconds)
        return f"As one picture (clips: single) it costs {money.shown(price)}; {cut}." if price or whole else None

    def cut_over(self, job: VideoJob) -> None:
        """Set how the film of a job is put together that has its clips from another one."""
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        job.film = chosen_film(definition, self._settings, definition.shape(self._vocabulary), self._brands.of(job))
        job.film.mood = self._mood(definition)
        if job.blueprint:
            job.film.title = job.blueprint.video_plan.title
        self.recut(job)

    def recut(self, job: VideoJob) -> None:
        """Put the film of a job together anew from the clips that it has, which are shown in their order."""
        if job.blueprint is None or job.film is None:
            raise BadInput(f"{job.content_id} has no plan of its film; it cannot be made from its clips.")
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        job.film = cut_over(job.film, definition, job.blueprint, job.narration, job.clips, ends=self._ends_of(job))

    def _ends_of(self, job: VideoJob) -> Ends:
        return _ends_of(self._brands.of(job).kit)

    def _mood(self, definition: JobDefinition) -> str:
        """Return the mood of the music: that of the archetype."""
        return parse_archetype(self._templates.archetype_file(definition.archetype), definition.archetype).mood

    def _speaks(self, job: VideoJob, definition: JobDefinition) -> bool:
        """Return whether a voice is heard; before the voice is made, whether there is one for the language."""
        if job.narration is not None:
            return not job.narration.is_silent
        wish = wish_for(plain_voice(definition.voice) or brand_voice(self._brands.of(job)), self._settings)
        return definition.narration and bool(candidates(wish, definition.language, self._settings))

    def _most_usd(self, job: VideoJob, film: FilmPlan) -> Decimal | None:
        """Return what the clips of a job may cost beside its paid music; None without a limit."""
        cap = job.definition.max_cost_usd
        limits = [] if cap is None else [usd(cap) - spent_usd(job)]
        limits += [] if self._settings.daily_budget_usd is None else [self._settings.daily_budget_usd]
        most = min(limits, default=None)
        is_to_be_paid = film.music in MUSIC and not any(order.kind == SoundStep.COMPOSE for order in job.sounds)
        return most if most is None or not is_to_be_paid else most - self._prices.of_music(film.music)


def brand_voice(brand: ChosenBrand) -> str | dict[str, Any] | None:
    """Return the voice of a brand, as plain data."""
    return plain_voice(brand.kit.voice) if brand.kit else None


def plain_voice(voice: str | VoiceChoice | None) -> str | dict[str, Any] | None:
    """Return a voice that a definition or a brand asks for, as plain data."""
    return voice.model_dump(exclude_none=True) if isinstance(voice, VoiceChoice) else voice


def cut_film(
    film: FilmPlan,
    definition: JobDefinition,
    blueprint: Blueprint,
    narration: Narration | None,
    route: Route,
    *,
    ends: Ends = NO_ENDS,
    price_of: PriceOf,
    most_usd: Decimal | None = None,
) -> tuple[FilmPlan, list[Clip]]:
    """Return the plan with its times, and the clips that it needs on a route.

    With `clips: auto` a vertical film has a picture every few seconds, as far as `most_usd` allows. Raises BadInput when one
    clip is asked for and none is that long.
    """
    told = _told(definition, blueprint, narration, ends)
    durations, more = route.capabilities.durations, CROSSFADE_SECONDS if film.transition == "crossfade" else 0.0
    if definition.clips == "single" and told.seconds > durations[-1] + 1e-6:
        raise BadInput(f"The film lasts {told.seconds:g} seconds, but a single clip here has {durations[-1]:g} at most.")

    def price(cuts: Sequence[float]) -> Decimal:
        return sum((price_of(made_seconds(span, durations)) for span in _spans(cuts, more)), Decimal(0))

    ways = [_cuts(way, told, durations, more) for way in _ways(definition.clips, film.aspect_ratio)]
    cuts = timeline.cheapest(ways, price, Decimal("Infinity") if most_usd is None else most_usd)
    shots = _shots(cuts, told.words)
    made = clips_of_film(definition, route, film.aspect_ratio, _clips(shots, blueprint, told.words, more))
    return _timed(film, told, shots, ends), made


def cut_over(
    film: FilmPlan,
    definition: JobDefinition,
    blueprint: Blueprint,
    narration: Narration | None,
    made: Sequence[Clip],
    *,
    ends: Ends = NO_ENDS,
) -> FilmPlan:
    """Return the plan with its times, for clips that are made already: each is shown once, no longer than it is if possible."""
    told, more = _told(definition, blueprint, narration, ends), CROSSFADE_SECONDS if film.transition == "crossfade" else 0.0
    lengths = [clip.delivered_seconds or clip.seconds for clip in made]
    return _timed(film, told, _shots(timeline.cuts_over(told.breaks, told.seconds, lengths, more), told.words), ends)


def _timed(film: FilmPlan, told: _Told, shots: Sequence[PlannedShot], ends: Ends) -> FilmPlan:
    """Return the plan with the times of what is seen and heard, after the brand's own beginning."""
    begin = ends.files[0]
    voices = [PlannedVoice(segment=s.segment, start=begin + s.start, seconds=s.seconds, speed=s.speed) for s in told.speeches]
    shown = [shot.model_copy(update={"start": begin + shot.start, "end": begin + shot.end}) for shot in shots]
    times = {"seconds": round(begin + told.seconds + ends.files[1], 4), "begin": begin, "end": round(begin + told.seconds, 4)}
    return film.model_copy(update={**times, "shots": shown, "voices": voices})


class _Told:
    """What a film says, and when."""

    def __init__(self, seconds: float, words: Sequence[WordTime], speeches: Sequence[Speech] = ()) -> None:
        self.seconds, self.words, self.speeches = seconds, words, speeches
        self.breaks: list[Break] = timeline.breaks_of(words, seconds)


def _told(definition: JobDefinition, blueprint: Blueprint, narration: Narration | None, ends: Ends) -> _Told:
    """Return what is said between the brand's own files, and when."""
    planned = [segment.duration for segment in blueprint.video_plan.script_segments]
    whole = blueprint.seconds if blueprint.planner.name == "given" else definition.target_duration
    target = max(1.0, whole - sum(ends.files))
    parts = parts_of(blueprint, narration)
    if narration is None or narration.is_silent:
        is_longer = definition.length == "at_least" and blueprint.seconds > whole
        target = blueprint.seconds if is_longer else target  # a longer script makes a longer film, read or heard
        return _Told(target, timeline.shown_words(parts, planned, target))
    exact, by_plan = definition.length == "exact", definition.pace == "plan"
    schedule = timeline.speech_times(parts, planned, target, exact=exact, keep_plan=by_plan, cards=ends.cards)
    return _Told(schedule.seconds, timeline.heard_words(schedule.speeches, parts), schedule.speeches)


def parts_of(blueprint: Blueprint, narration: Narration | None) -> list[SpokenSegment]:
    """Return the spoken segments, or how long it takes to read them where nothing is spoken."""
    from tenxsom.voices.word_times import reading_times

    if narration and narration.segments:
        return narration.segments
    parts = []
    for index, segment in enumerate(blueprint.video_plan.script_segments):
        words, timing = reading_times(segment.content, segment.duration)
        times = [SpokenWord(text=word.text, start=word.start, end=word.end) for word in words]
        parts.append(SpokenSegment(index=index, text=segment.content, seconds=segment.duration, words=times, timing=timing))
    return parts


def words_of(film: FilmPlan, blueprint: Blueprint, narration: Narration | None) -> list[WordTime]:
    """Return every word of a planned film, with its times."""
    parts = parts_of(blueprint, narration)
    if film.voices:
        return timeline.heard_words([Speech(v.segment, v.start, v.seconds, v.speed) for v in film.voices], parts)
    planned = [segment.duration for segment in blueprint.video_plan.script_segments]
    shown = timeline.shown_words(parts, planned, (film.end or film.seconds) - film.begin)
    return [word._replace(start=film.begin + word.start, end=film.begin + word.end) for word in shown]


def _unsaid(film: FilmPlan, narration: Narration | None) -> list[str]:
    """Return sentences about what the film does not say, and about a voice that is hurried."""
    if not film.voices or narration is None:
        return []
    parts, heard = narration.segments, {voice.segment: voice for voice in film.voices}
    missing = [part.text for part in parts if part.index not in heard or heard[part.index].seconds < part.seconds - 0.01]
    sentences = []
    if missing:
        what = f"{len(missing)} of {len(parts)} segments" if len(parts) > 1 else "the end of the text"
        sentences.append(
            f"The voice takes longer than {film.seconds:g} s: {what} could not be said completely, beginning with"
            f" “{shortened(missing[0], 60)}”. Make target_duration longer, the script shorter, or length at_least."
        )
    if (fastest := max(voice.speed for voice in film.voices)) > 1.01:
        sentences.append(f"The voice is played up to {fastest:.2f} times as fast, so that it fits into {film.seconds:g} s.")
    return sentences


def measured_quiet(film: FilmPlan | None) -> list[str]:
    """Return the note about a film that is mostly without words, by its real voice; none without a voice."""
    if film is None or not film.voices:
        return []
    return quiet_notes(sum(voice.seconds / voice.speed for voice in film.voices), film.seconds)


def _ways(mode: str, shape: str) -> list[str]:
    """Return the ways to cut, the wanted one first, the cheaper ones after it."""
    if mode in ("single", "storyboard"):
        return [mode]
    return ["brisk", "calm", "few"] if shape == VERTICAL else ["few"]


def _cuts(way: str, told: _Told, durations: Sequence[float], more: float) -> list[float]:
    """Return the moments at which the picture changes, the end of the film last."""
    if way == "single":
        return [told.seconds]
    if way == "storyboard":
        return timeline.cuts_at_segments(told.breaks, told.seconds, durations, more)
    wanted = {"brisk": timeline.BRISK, "calm": timeline.CALM}.get(way, timeline.FEW)
    return timeline.choose_cuts(told.breaks, told.seconds, durations, wanted, more)


def _spans(cuts: Sequence[float], more: float) -> list[float]:
    """Return how long the clip of each picture must be."""
    return [end - start + (more if start else 0.0) for start, end in pairwise([0.0, *cuts])]


def _shots(cuts: Sequence[float], words: Sequence[WordTime]) -> list[PlannedShot]:
    shots = []
    for index, (start, end) in enumerate(pairwise([0.0, *cuts])):
        told = sorted({word.segment for word in words if start <= (word.start + word.end) / 2 < end})
        shots.append(PlannedShot(clip=index, start=round(start, 4), end=round(end, 4), segments=told))
    return shots


def _clips(shots: Sequence[PlannedShot], blueprint: Blueprint, words: Sequence[WordTime], more: float) -> list[FilmClip]:
    """Return what each clip shows: the picture of its segments, seen anew where a segment has several clips."""
    segments, found, seen = blueprint.video_plan.script_segments, list[FilmClip](), Counter[int]()
    shown = 0
    for shot in shots:
        told = shot.segments or [shown]
        shown = told[-1]
        text = " ".join(word.text for word in words if shot.start <= word.start < shot.end)
        view = VIEWS[(seen[told[0]] - 1) % len(VIEWS)] if seen[told[0]] else ""
        seen.update(told)
        cues = [segments[index].visual_cue.strip() for index in told]
        found.append(FilmClip(shot.end - shot.start + (more if shot.start else 0.0), cues, view, text))
    return found
