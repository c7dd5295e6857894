"""Makes a film from its order in one pass: decodes the clips, fits them, lays the overlays over them, and encodes all once.

Memory is constant in the length of the film: clips, overlays and sound are read while the film is encoded.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import chain, islice, pairwise, repeat
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4, told_as_broken
from tenxsom.media.film.fit import Fitter
from tenxsom.media.film.order import FilmOrder, Shot
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.join_encode import at_rate
from tenxsom.media.layers import Layer, layer_of
from tenxsom.media.video_file import writable

_CROSSFADE_SECONDS = Fraction(3, 10)
_Frames = Iterator[av.VideoFrame]


def assemble(order: FilmOrder, target: Path, deadline: clock.Deadline | None = None) -> None:
    """Write the film to `target` (MP4, index at the front), exactly as long as ordered.

    A clip that is shorter than its shot holds its last picture. Raises BrokenMedia when a clip or the sound cannot be read,
    OSError when `target` cannot be written, TryAgainLater when `deadline` is reached, Interrupted when a stop is requested,
    ValueError for an order that makes no film.
    """
    order.check()
    overlays = _Overlays(order)
    with told_as_broken("The film cannot be assembled"), new_mp4(target) as output:
        writer = Mp4Writer(output, order.width, order.height, order.fps, has_sound=order.sound is not None)
        with closing(_sound_of(order)) as sound:
            for index, frame in enumerate(_drawable(_pictures(order, deadline))):
                overlays.draw(index, frame)
                writer.frame(frame)
                writer.sound(next(sound))
        writer.finish()


def _pictures(order: FilmOrder, deadline: clock.Deadline | None) -> _Frames:
    """Yield the frames of the film, without overlays."""
    slots = _slots(order)
    longest_fade = round(_CROSSFADE_SECONDS * order.fps) if order.transition == "crossfade" else 0
    frames = _frames_of(slots[0].shot, order, deadline)
    for slot, following in pairwise(slots):
        after, fade = _frames_of(following.shot, order, deadline), min(longest_fade, slot.frames // 3)
        yield from islice(frames, slot.frames - fade)
        for step in range(fade):
            yield _blended(next(frames), next(after), (step + 1) / (fade + 1))
        frames = after
    yield from islice(frames, slots[-1].frames)


class _Slot(NamedTuple):
    """A shot and the number of its frames in the film."""

    shot: Shot
    frames: int


def _slots(order: FilmOrder) -> list[_Slot]:
    """Return the shots that have frames; the last one reaches to the end of the film."""
    ends = [*(min(order.frame_at(shot.end), order.frames) for shot in order.shots[:-1]), order.frames]
    slots = [_Slot(shot, end - begin) for shot, begin, end in zip(order.shots, [0, *ends], ends, strict=False)]
    return [slot for slot in slots if slot.frames > 0]


def _frames_of(shot: Shot, order: FilmOrder, deadline: clock.Deadline | None) -> _Frames:
    """Yield the frames of a shot's clip in the size of the film, and the last one for ever."""
    fitter = Fitter(order.width, order.height)
    source: av.VideoFrame | None = None
    shown: av.VideoFrame | None = None
    for frame in at_rate(shot.clip, order.fps, deadline, shot.offset):
        if shown is None or frame is not source:
            source, shown = frame, fitter.fit(frame)
        yield shown
    if shown is None:
        raise BrokenMedia(f"{shot.clip.name} has a picture track without pictures.")
    yield from repeat(shown)


def _drawable(frames: _Frames) -> _Frames:
    """Yield frames that can be drawn on: one that is shown again is copied first."""
    for frame, following in pairwise(chain(frames, (None,))):
        if frame is None:
            return
        if frame is following:
            yield _copy(frame)
        else:
            frame.make_writable()
            yield frame


def _copy(frame: av.VideoFrame) -> av.VideoFrame:
    copied = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for to, plane in zip(writable(copied), writable(frame), strict=True):
        to[:] = plane
    return copied


def _blended(one: av.VideoFrame, other: av.VideoFrame, share: float) -> av.VideoFrame:
    """Return a mixture of two frames, with `share` of the other one."""
    weight = np.uint16(round(share * 256))
    result = av.VideoFrame(one.width, one.height, one.format.name)
    for to, first, second in zip(writable(result), writable(one), writable(other), strict=True):
        mixed = np.multiply(first, 256 - weight, dtype=np.uint16)
        mixed += np.multiply(second, weight, dtype=np.uint16)
        mixed += 128
        mixed >>= 8
        to[:] = mixed
    return result


class _Overlays:
    """The overlays of a film, each drawn when the film reaches its start and forgotten at its end."""

    def __init__(self, order: FilmOrder) -> None:
        self._size, self._fps = (order.width, order.height), order.fps
        self._coming: Iterator[Overlay] = iter(order.overlays)
        self._next = next(self._coming, None)
        self._shown: list[tuple[Overlay, Layer]] = []

    def draw(self, index: int, frame: av.VideoFrame) -> None:
        """Draw on the frame of this number what lies over it."""
        moment = float((index + Fraction(1, 2)) / self._fps)  # the middle of the frame, so that times round to the nearest frame
        self._shown = [(overlay, layer) for overlay, layer in self._shown if overlay.end > moment]
        while self._next is not None and self._next.start <= moment:
            if self._next.end > moment:
                layer = layer_of(self._next.picture(), self._next.left, self._next.top, *self._size)
                self._shown.append((self._next, layer))
            self._next = next(self._coming, None)
        planes = writable(frame) if self._shown else []
        for overlay, layer in self._shown:
            layer.put(planes, overlay.strength(moment))


def _sound_of(order: FilmOrder) -> Generator[NDArray[np.float32], None, None]:
    """Yield the sound of each frame of the film, 48 kHz stereo, with silence where the file is over."""
    ends = [round(index / order.fps * RATE) for index in range(order.frames + 1)]
    if order.sound is None:
        yield from repeat(np.zeros((2, 0), np.float32), order.frames)
        return
    with av.open(str(order.sound), metadata_errors="replace") as container:
        parts, waiting = _decoded_sound(container), np.zeros((2, 0), np.float32)
        for begin, end in pairwise(ends):
            while waiting.shape[1] < end - begin:
                part = next(parts, None)
                waiting = np.concatenate([waiting, np.zeros((2, end - begin), np.float32) if part is None else part], axis=1)
            yield waiting[:, : end - begin]
            waiting = waiting[:, end - begin :]


def _decoded_sound(container: InputContainer) -> Iterator[NDArray[np.float32]]:
    resampler = av.AudioResampler("fltp", "stereo", RATE)
    frames: Iterable[av.AudioFrame | None] = chain(container.decode(audio=0), (None,))
    for frame in frames:
        for part in resampler.resample(frame):
            yield part.to_ndarray().astype(np.float32, copy=False)
