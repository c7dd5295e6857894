"""Verifies a finished film: every picture and the sound are decoded once, and black or frozen stretches are found meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av

from tenxsom import clock
from tenxsom.media.captions.look import Box
from tenxsom.media.check import VideoFacts, check_video
from tenxsom.media.filters import Chain
from tenxsom.media.video_file import MAX_PIXELS
from tenxsom.model.film import CheckedStretch, FoundSpan

BLACK_SECONDS = 0.5
FROZEN_SECONDS = 1.5
"""The shortest black and frozen stretches that are told."""
_STILL = -60
"""A picture whose points differ by less, on average, from those before stands still: a quarter of a level (dB, 0 is 255 levels).

A held picture differs by nothing between two key frames. The slowest camera, just before it comes to rest, differs by more.
"""
_SHORT_SIDE = 135
"""How many points of the shorter side are looked at: an eighth of those of a film in HD."""
_JOIN_SECONDS = 0.1
"""Frozen stretches this near to each other are one: a key frame between them changes the picture a little."""
_BLACK, _FROZEN = "black", "frozen"
_EVENTS = {
    "lavfi.black_start": (_BLACK, True),
    "lavfi.black_end": (_BLACK, False),
    "lavfi.freezedetect.freeze_start": (_FROZEN, True),
    "lavfi.freezedetect.freeze_end": (_FROZEN, False),
}
"""What the filters write on frames (https://ffmpeg.org/ffmpeg-filters.html, blackdetect and freezedetect)."""


class Span(NamedTuple):
    """A stretch of a film, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


class FilmCheck(NamedTuple):
    """The facts of a film, and one sentence for each black or frozen stretch."""

    facts: VideoFacts
    warnings: list[str]


def check_film(
    path: Path,
    *,
    max_pixels: int = MAX_PIXELS,
    deadline: clock.Deadline | None = None,
    captions: Box | None = None,
    cards: Sequence[Span] = (),
    checked: CheckedStretch | None = None,
    keep: Callable[[CheckedStretch], None] | None = None,
) -> FilmCheck:
    """Decode a whole film of this program once; return its facts and its warnings.

    Words that change do not hide that the picture behind them stands still: the part where `captions` are is not looked at.
    During `cards` the picture may stand still. `checked` and `keep` are those of `check_video`. Raises BrokenMedia, OutOfTime,
    GoesOn and Interrupted as it does.
    """
    watch = _Watch(captions, checked)

    def keep_all(part: CheckedStretch) -> None:
        if keep is not None:
            keep(part.model_copy(update={"spans": watch.spans(part.end - part.begin)}))

    facts = check_video(
        path,
        max_pixels=max_pixels,
        deadline=deadline,
        look=watch.look,
        is_own=True,
        checked=checked,
        keep=keep_all if keep is not None else None,
    )
    return FilmCheck(facts, list(watch.warnings(facts.seconds, cards)))


class _Watch:
    """Finds black and frozen stretches in pictures that it is shown one after the other."""

    def __init__(self, captions: Box | None, checked: CheckedStretch | None = None) -> None:
        self._captions = captions
        self._chain: Chain | None = None
        self._start = checked.begin if checked else None
        self._open: dict[str, float] = {}
        self._found: dict[str, list[Span]] = {_BLACK: [], _FROZEN: []}
        for span in checked.spans if checked else ():
            self._found[span.kind].append(Span(span.start, span.end))

    def look(self, frame: av.VideoFrame) -> None:
        """Look at the next picture. What the filters cannot read is no reason to refuse a film that can be decoded."""
        self._start = float(frame.time or 0) if self._start is None else self._start
        self._chain = self._chain or _detectors(frame.width, frame.height, self._captions)
        try:
            events = self._chain(frame).metadata
        except av.FFmpegError:
            return
        for name, text in events.items():
            if name in _EVENTS:
                self._note(*_EVENTS[name], float(text) - self._start)

    def _note(self, kind: str, begins: bool, moment: float) -> None:
        if begins:
            self._open[kind] = moment
        elif kind in self._open:
            self._found[kind].append(Span(self._open.pop(kind), moment))

    def spans(self, seconds: float) -> list[FoundSpan]:
        """Return what was found in the first `seconds`; what is not over ends there."""
        ended = [FoundSpan(kind=kind, start=span.start, end=span.end) for kind, spans in self._found.items() for span in spans]
        return ended + [FoundSpan(kind=kind, start=start, end=seconds) for kind, start in self._open.items()]

    def warnings(self, seconds: float, cards: Sequence[Span]) -> Iterator[str]:
        """Yield the sentences, for a film of so many seconds."""
        found = self.spans(seconds)
        black, frozen = (_joined([Span(each.start, each.end) for each in found if each.kind == kind]) for kind in (_BLACK, _FROZEN))
        black = [span for span in black if span.seconds >= BLACK_SECONDS]
        for span in black:
            yield f"The picture is black from {_times(span)}."
        for span in frozen:
            if _outside(span, [*black, *cards]) >= FROZEN_SECONDS:
                yield f"The picture stands still from {_times(span)}."


def _detectors(width: int, height: int, captions: Box | None) -> Chain:
    """Return the filters for pictures of a size: every eighth point of a large one is enough, and captions are painted black."""
    step = max(1, min(width, height) // _SHORT_SIDE)
    steps = [f"scale={-(-width // step)}:{-(-height // step)}:flags=neighbor"]
    if captions is not None:
        left, top, right, bottom = (
            captions.left // step,
            captions.top // step,
            -(-captions.right // step),
            -(-captions.bottom // step),
        )
        steps.append(f"drawbox=x={left}:y={top}:w={right - left}:h={bottom - top}:color=black:t=fill")
    return Chain(*steps, f"blackdetect=d={BLACK_SECONDS}:pix_th=0.1", f"freezedetect=n={_STILL}dB:d={FROZEN_SECONDS}")


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start - joined[-1].end <= _JOIN_SECONDS:
            last = joined.pop()
            span = Span(last.start, max(last.end, span.end))  # noqa: PLW2901  (the joined one takes its place)
        joined.append(span)
    return joined


def _outside(span: Span, others: Sequence[Span]) -> float:
    """Return the seconds of a stretch that lie in none of the others, which do not overlap."""
    return span.seconds - sum(max(0.0, min(span.end, other.end) - max(span.start, other.start)) for other in others)


def _times(span: Span) -> str:
    return f"{span.start:.1f} s to {span.end:.1f} s"
