"""Cuts a blueprint into clips: number, duration, words and picture of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from tenxsom.errors import BadDefinition, BadInput, Problem
from tenxsom.model.blueprint import Blueprint, Segment
from tenxsom.model.clip import Clip
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import Cue, Still
from tenxsom.pipeline.routing import Route, route_of
from tenxsom.services.base import Capabilities
from tenxsom.text import in_parts, shortened

SEEDS = 2**31
"""The limit of seeds; the clips of a job count up from the definition's seed, modulo this limit."""


def clips_for(definition: JobDefinition, blueprint: Blueprint, shape: str, route: Route) -> list[Clip]:
    """Return the clips of a blueprint on a route, in order, without any call.

    Raises BadInput when one clip is requested and the blueprint, which may be the user's, is longer than any clip.
    """
    segments = blueprint.video_plan.script_segments
    capabilities, trims = route.capabilities, definition.fit == "trim"
    total = sum(segment.duration for segment in segments)
    if is_one_clip(definition, capabilities, total):
        if total > capabilities.durations[-1] + 1e-9:
            raise BadInput(
                f"The blueprint lasts {total:g} seconds, but a single clip here has {capabilities.durations[-1]:g} at most."
            )
        parts = [(list(segments), total)]
    else:
        pieces = [piece for segment in segments for piece in _pieces(segment, capabilities.durations[-1])]
        together = _grouped(pieces, capabilities) if definition.clips == "auto" else [[piece] for piece in pieces]
        parts = [(group, sum(piece.duration for piece in group)) for group in together]
    clips = []
    for index, (group, asked) in enumerate(parts):
        prompt, picture = _moving_prompt(group), group[0].visual_cue.strip()
        clip = _clip(definition, route, shape, index=index, asked=asked, prompt=prompt, picture=picture)
        clip.trim = trims and clip.seconds > asked + 1e-9
        clip.cues = _cues(group, 1.0 if clip.trim else clip.seconds / asked)
        clips.append(clip)
    return clips


class FilmClip(NamedTuple):
    """What a clip of a planned film shows, and for how long."""

    seconds: float
    cues: Sequence[str]
    """The pictures of its segments, in order."""
    view: str
    """How a picture that was seen before is seen now; empty for a new one."""
    text: str
    """The words that are told meanwhile."""


def clips_of_film(definition: JobDefinition, route: Route, shape: str, parts: Sequence[FilmClip]) -> list[Clip]:
    """Return the clips of a planned film on a route, without any call. They come without captions: the film has them."""
    clips = []
    for index, part in enumerate(parts):
        view = f"{part.view}: " if part.view else ""
        about = f" Illustrating: {part.text}" if part.view and part.text else ""
        first, moving = f"{view}{part.cues[0]}{about}", f"{view}{' Then: '.join(part.cues)}{about}"
        clip = _clip(definition, route, shape, index=index, asked=part.seconds, prompt=moving, picture=first)
        clip.trim = definition.fit == "trim" and clip.seconds > part.seconds + 1e-9
        clips.append(clip)
    return clips


def _clip(definition: JobDefinition, route: Route, shape: str, *, index: int, asked: float, prompt: str, picture: str) -> Clip:
    """Return a clip at its first step; `picture` is what its start frame shows."""
    capabilities = route.capabilities
    made_shape = made_aspect_ratio(shape, capabilities)
    clip = Clip(
        index=index,
        prompt=shortened(prompt, capabilities.prompt_limit),
        image_prompt=shortened(picture, capabilities.prompt_limit),
        asked_seconds=round(asked, 3),
        seconds=made_seconds(asked, capabilities.durations),
        aspect_ratio=made_shape,
        asked_aspect_ratio=None if shape == made_shape else shape,
        service=route.service,
        model=route.variant.model,
        resolution=route.variant.resolution,
        start_frame=route.start_frame,
        seed=None if definition.seed is None else (definition.seed + index) % SEEDS,
        style=definition.style,
    )
    begin(clip, route.start_image)
    return clip


def picture_number(clips: Sequence[Clip], index: int) -> int:
    """Return which picture of its film a clip has: neighbours whose plan shows the same picture have the same number."""
    told = sorted((clip for clip in clips if clip.index <= index), key=lambda clip: clip.index)
    return sum(before.image_prompt != after.image_prompt for before, after in pairwise(told))


def begin(clip: Clip, start_image: str | None) -> None:
    """Set a clip to its first step, with the data of that step."""
    clip.step = clip.first_step
    if start_image:
        clip.image = Still(job_id=start_image, url=start_image)


def is_one_clip(definition: JobDefinition, capabilities: Capabilities, seconds: float) -> bool:
    """Return whether a plan becomes one clip: on request, or with `auto` if the service can make one of that duration."""
    mode = definition.clips
    return mode == "single" or (mode == "auto" and seconds <= capabilities.durations[-1] + 1e-9)


def check_feasible(
    definition: JobDefinition,
    shape: str,
    route: Route,
    source: str,
    *,
    platform_seconds: float | None = None,
    also: Iterable[Problem] = (),
) -> None:
    """Raise BadDefinition when the service cannot make the video or its script does not fit, before anything is planned or paid.

    `platform_seconds` is the longest film that the platform takes, `also` are other problems of the definition.
    """
    from tenxsom.planning.script import script_problems  # a tick judges no script

    if problems := [*obstacles(definition, shape, route), *script_problems(definition, platform_seconds), *also]:
        raise BadDefinition(source, problems)


def obstacles(definition: JobDefinition, shape: str, route: Route) -> list[Problem]:
    """Return the reasons why a route cannot make a definition; empty when it can."""
    service, capabilities, problems = route.service, route.capabilities, []
    longest = capabilities.durations[-1]
    if definition.clips == "single" and definition.target_duration > longest:
        advice = f"shorten it, or let clips be auto or storyboard, which joins several clips (this service makes up to {longest:g})"
        problems.append(
            Problem(
                "target_duration",
                f"{definition.target_duration:g} seconds are too long for a single clip of {service}: {advice}",
            )
        )
    if made_aspect_ratio(shape, capabilities) not in capabilities.aspect_ratios:
        problems.append(Problem("aspect_ratio", f"{service} cannot make {shape}; it makes {', '.join(capabilities.aspect_ratios)}"))
    return problems


def differences(job: VideoJob) -> list[str]:
    """Return sentences about the differences between the request and the ordered clips, and how they are handled."""
    sentences = []
    asked, made = sum(clip.asked_seconds for clip in job.clips), sum(clip.seconds for clip in job.clips)
    if job.film:
        asked = job.film.seconds
    if made > asked and (job.film or any(clip.trim for clip in job.clips)):
        sentences.append(f"{made:g} seconds are made and cut to {asked:g}: {job.service} makes clips of certain lengths only.")
    elif made > asked:
        sentences.append(
            f"{made:g} seconds are made where {asked:g} were asked for: {job.service} makes clips of certain lengths only."
        )
    shapes = {(clip.aspect_ratio, clip.asked_aspect_ratio) for clip in job.clips if clip.asked_aspect_ratio}
    sentences += [f"{job.service} makes no {asked}: {made} is made and cut in the middle." for made, asked in sorted(shapes)]
    if route_of(job).capabilities.shows_script:
        from tenxsom.media.fonts import what_cannot_be_drawn  # a tick draws nothing

        sentences += filter(None, [what_cannot_be_drawn(cue.text for clip in job.clips for cue in clip.cues)])
    return sentences


def made_aspect_ratio(shape: str, capabilities: Capabilities) -> str:
    """Return the aspect ratio to order: a square is cropped from another one where the service makes no squares."""
    if shape == "1:1" and shape not in capabilities.aspect_ratios and "16:9" in capabilities.aspect_ratios:
        return "16:9"
    return shape


def made_seconds(asked: float, durations: Sequence[float]) -> float:
    """Return the shortest duration on offer that is not shorter than `asked`, else the longest."""
    return next((length for length in durations if length >= asked - 1e-9), durations[-1])


def _pieces(segment: Segment, longest: float) -> list[Segment]:
    """Divide a segment that is longer than any clip into equal pieces; its words are divided after sentences and clauses."""
    count = max(1, math.ceil(segment.duration / longest - 1e-9))
    duration = segment.duration / count
    return [segment.model_copy(update={"duration": duration, "content": words}) for words in in_parts(segment.content, count)]


def _grouped(pieces: Sequence[Segment], capabilities: Capabilities) -> list[list[Segment]]:
    """Group neighbours that are shorter than the service's shortest clip into one clip, which costs less."""
    groups: list[list[Segment]] = [[]]
    for piece in pieces:
        seconds = sum(other.duration for other in groups[-1])
        if groups[-1] and (seconds >= capabilities.durations[0] or seconds + piece.duration > capabilities.durations[-1]):
            groups.append([])
        groups[-1].append(piece)
    return groups


def _moving_prompt(segments: Sequence[Segment]) -> str:
    """Return the prompt of one visual cue, or of several in sequence, because one clip shows them all."""
    cues = [segment.visual_cue.strip() for segment in segments]
    return cues[0] if len(cues) == 1 else " Then: ".join(cues)


def _cues(segments: Sequence[Segment], stretch: float) -> list[Cue]:
    """Return the captions with their times in the clip, stretched to the ordered duration."""
    cues, start = [], 0.0
    for segment in segments:
        end = start + segment.duration * stretch
        if segment.content:
            cues.append(Cue(start=round(start, 3), end=round(end, 3), text=segment.content))
        start = end
    return cues
