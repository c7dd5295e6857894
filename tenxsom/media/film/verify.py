"""Verifies a finished film: every picture and the sound are decoded once, and black or frozen stretches are found meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av

from tenxsom import clock
from tenxsom.media.captions.look import Box
from tenxsom.media.check import VideoFacts, check_video
from tenxsom.media.filters import Chain
from tenxsom.media.video_file import MAX_PIXELS

BLACK_SECONDS = 0.5
FROZEN_SECONDS = 1.5
"""The shortest black and frozen stretches that are told."""
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
) -> FilmCheck:
    """Decode a whole film of this program once; return its facts and its warnings.

    Words that change do not hide that the picture behind them stands still: the part where `captions` are is not looked at.
    During `cards` the picture may stand still. Raises BrokenMedia, TryAgainLater and Interrupted as `check_video` does.
    """
    watch = _Watch(captions)
    facts = check_video(path, max_pixels=max_pixels, deadline=deadline, look=watch.look, is_own=True)
    return FilmCheck(facts, list(watch.warnings(facts.seconds, cards)))


def film_warnings(path: Path, deadline: clock.Deadline | None = None) -> list[str]:
    """Return one sentence for each black or frozen stretch of a film. Raises as `check_film` does."""
    return check_film(path, deadline=deadline).warnings


class _Watch:
    """Finds black and frozen stretches in pictures that it is shown one after the other."""

    def __init__(self, captions: Box | None) -> None:
        self._captions = captions
        self._chain: Chain | None = None
        self._start: float | None = None
        self._open: dict[str, float] = {}
        self._found: dict[str, list[Span]] = {_BLACK: [], _FROZEN: []}

    def look(self, frame: av.VideoFrame) -> None:
        """Look at the next picture. What the filters cannot read is no reason to refuse a film that can be decoded."""
        self._start = float(frame.time or 0) if self._start is None else self._start
        self._chain = self._chain or _detectors(self._captions)
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

    def warnings(self, seconds: float, cards: Sequence[Span]) -> Iterator[str]:
        """Yield the sentences, for a film of so many seconds."""
        for kind, start in self._open.items():
            self._found[kind].append(Span(start, seconds))
        black = [span for span in self._found[_BLACK] if span.seconds >= BLACK_SECONDS]
        for span in black:
            yield f"The picture is black from {_times(span)}."
        for span in _joined(self._found[_FROZEN]):
            if _outside(span, [*black, *cards]) >= FROZEN_SECONDS:
                yield f"The picture stands still from {_times(span)}."


def _detectors(captions: Box | None) -> Chain:
    """Return the filters: a quarter of the size is enough for both, and what captions cover is painted black."""
    steps = ["scale=iw/4:ih/4:flags=neighbor"]
    if captions is not None:
        left, top, right, bottom = (edge // 4 for edge in captions)
        steps.append(f"drawbox=x={left}:y={top}:w={right - left}:h={bottom - top}:color=black:t=fill")
    return Chain(*steps, f"blackdetect=d={BLACK_SECONDS}:pix_th=0.1", f"freezedetect=n=-50dB:d={FROZEN_SECONDS}")


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and span.start - joined[-1].end <= _JOIN_SECONDS:
            span = Span(joined.pop().start, span.end)  # noqa: PLW2901  (the joined one takes its place)
        joined.append(span)
    return joined


def _outside(span: Span, others: Sequence[Span]) -> float:
    """Return the seconds of a stretch that lie in none of the others, which do not overlap."""
    return span.seconds - sum(max(0.0, min(span.end, other.end) - max(span.start, other.start)) for other in others)


def _times(span: Span) -> str:
    return f"{span.start:.1f} s to {span.end:.1f} s"
