"""Makes a film from its order in one pass: decodes the clips, fits them, lays the overlays over them, and encodes all once.

A film that is longer than a stretch is encoded stretch by stretch, and its stretches are joined without another encode, so that
whatever ends the program costs a stretch at most.
Memory is constant in the length of the film: clips, overlays and sound are read while the film is encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
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
from tenxsom.errors import BrokenMedia, GoesOn, OutOfTime
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4, told_as_broken
from tenxsom.media.film.fit import Fitter
from tenxsom.media.film.order import FilmOrder, Shot
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.film.stretches import LEAST_SECONDS, WORK_SECONDS, Stretches, join_stretches, next_length
from tenxsom.media.join_encode import at_rate
from tenxsom.media.layers import Layer, layer_of
from tenxsom.media.video_file import writable

_CROSSFADE_SECONDS = Fraction(3, 10)
_Frames = Iterator[av.VideoFrame]


def assemble(order: FilmOrder, target: Path, deadline: clock.Deadline | None = None, stretches: Stretches | None = None) -> None:
    """Write the film to `target` (MP4, index at the front), exactly as long as ordered.

    What is encoded is kept in `stretches` (without them it is lost when the work ends early), and the next call goes on after
    them. A clip that is shorter than its shot holds its last picture. Raises BrokenMedia when a clip or the sound cannot be read,
    OSError when `target` cannot be written, Interrupted when a stop is requested, ValueError for an order that makes no film.
    After `deadline` it raises GoesOn when at least one stretch was added, which is always so with `stretches` until all are there,
    else OutOfTime.
    """
    order.check()
    begin = stretches.frames if stretches else 0
    with told_as_broken("The film cannot be assembled"):
        if stretches is None:
            _Encoding(order).write(target, order.frames, _checks(deadline))
        elif not _encode_in_stretches(order, target, deadline, stretches):
            _join(stretches, order, target, deadline, is_new=stretches.frames > begin)


def _checks(deadline: clock.Deadline | None) -> Callable[[int], bool]:
    """Return what raises OutOfTime after a deadline, asked after each frame."""

    def is_enough(_: int) -> bool:
        if deadline:
            deadline.check("Encoding the film")
        return False

    return is_enough


def _encode_in_stretches(order: FilmOrder, target: Path, deadline: clock.Deadline | None, stretches: Stretches) -> bool:
    """Encode the stretches that are missing; return whether `target` is the whole film, because one was enough for it."""
    encoding, least = _Encoding(order, stretches.frames), round(LEAST_SECONDS * order.fps)
    while encoding.at < order.frames:
        limit = clock.Deadline(WORK_SECONDS)

        def is_enough(frames: int, limit: clock.Deadline = limit) -> bool:
            return frames >= least and (limit.passed() or (deadline is not None and deadline.passed()))

        frames = encoding.write(target, next_length(order, encoding.at), is_enough)
        if frames == order.frames:
            return True
        stretches.keep(target, frames)
        if deadline and deadline.passed():
            raise GoesOn(f"{stretches.frames} of {order.frames} frames of the film are encoded; the next tick goes on from there.")
    return False


def _join(stretches: Stretches, order: FilmOrder, target: Path, deadline: clock.Deadline | None, *, is_new: bool) -> None:
    """Join the stretches. Raises OutOfTime; GoesOn when the last of them `is_new`, so that the tick has advanced."""
    try:
        with closing(_sound_of(order)) as sound:
            join_stretches(stretches, order, sound, target, deadline)
    except OutOfTime:
        if not is_new:
            raise
        raise GoesOn("The whole film is encoded; the next tick joins its stretches.") from None


class _Encoding:
    """The encoding of a film, or of the rest of one from the frame `at` on."""

    def __init__(self, order: FilmOrder, at: int = 0) -> None:
        self._order = order
        self._frames = _drawable(_pictures(order, at))
        self._overlays = _Overlays(order)
        self.at = at

    def write(self, target: Path, most: int, is_enough: Callable[[int], bool]) -> int:
        """Write the next frames to an MP4, at most so many, or fewer after `is_enough` of their number; return how many.

        A film that is wanted as a whole has its sound, too.
        """
        order, begin, is_whole = self._order, self.at, most == self._order.frames
        with new_mp4(target) as output, closing(_sound_of(order)) as sound:
            writer = Mp4Writer(output, order.width, order.height, order.fps, has_sound=is_whole and order.sound is not None)
            for frame in islice(self._frames, most):
                clock.check_stop()
                self._overlays.draw(self.at, frame)
                writer.frame(frame)
                if is_whole:
                    writer.sound(next(sound))
                self.at += 1
                if is_enough(self.at - begin):
                    break
            writer.finish()
        return self.at - begin


def _pictures(order: FilmOrder, begin: int) -> _Frames:
    """Yield the frames of the film from one of them on, without overlays."""
    slots, at = [slot for slot in _slots(order) if slot.end > begin], begin
    frames = _frames_of(slots[0], order, begin) if slots else iter(())
    for slot, following in pairwise(slots):
        after = _frames_of(following, order, begin)
        while at < slot.end:
            faded = at - (slot.end - slot.fade) + 1
            yield _blended(next(frames), next(after), faded / (slot.fade + 1)) if faded > 0 else next(frames)
            at += 1
        frames = after
    yield from islice(frames, order.frames - at)


class _Slot(NamedTuple):
    """A shot and its frames in the film."""

    shot: Shot
    begin: int
    """The first frame of its clip, which is mixed with the shot before during a crossfade."""
    end: int
    fade: int
    """How many of its last frames are mixed with the next shot."""


def _slots(order: FilmOrder) -> list[_Slot]:
    """Return the shots that have frames; the last one reaches to the end of the film."""
    longest_fade = round(_CROSSFADE_SECONDS * order.fps) if order.transition == "crossfade" else 0
    ends = [*(min(order.frame_at(shot.end), order.frames) for shot in order.shots[:-1]), order.frames]
    slots, fade = list[_Slot](), 0
    for shot, begin, end in zip(order.shots, [0, *ends], ends, strict=False):
        if end > begin:
            begin_of_clip, fade = begin - fade, min(longest_fade, (end - begin) // 3)
            slots.append(_Slot(shot, begin_of_clip, end, fade))
    return slots


def _frames_of(slot: _Slot, order: FilmOrder, begin: int) -> _Frames:
    """Yield the frames of a shot's clip in the size of the film, and the last one for ever; from frame `begin` of the film on."""
    shot, fitter = slot.shot, Fitter(order.width, order.height)
    offset = (round(shot.offset * order.fps) + max(0, begin - slot.begin)) / order.fps
    source: av.VideoFrame | None = None
    shown: av.VideoFrame | None = None
    for frame in at_rate(shot.clip, order.fps, begin=float(offset)):
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
