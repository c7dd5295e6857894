"""Encodes frames and sound into an MP4 that plays everywhere (H.264 4:2:0, AAC stereo, index at the front)."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tenxsom.errors import BrokenMedia
from tenxsom.safe_files import writing

av.logging.set_level(None)

_AAC_SAMPLES = 1024
_FRAMES_AHEAD = 8
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EFBIG, errno.ENOENT}
"""FFmpeg's errors about the disk; every other one is about a clip."""
BT709 = 1
"""FFmpeg's number for BT.709, the same for primaries, transfer and matrix."""


ENCODER = f"PyAV {av.__version__}"
"""What encodes: pictures of two versions may not share a track."""


RATE = 48_000
"""Samples of sound per second."""


class SoundTrack:
    """Encodes sound in chunks of any size into a track of an MP4."""

    def __init__(self, container: av.container.OutputContainer) -> None:
        self._container = container
        self._audio: AudioStream = container.add_stream("aac", rate=RATE, layout="stereo")
        self._audio.bit_rate = 160_000
        self._samples = 0
        self._waiting: NDArray[np.float32] = np.zeros((2, 0), np.float32)

    def write(self, samples: NDArray[np.float32]) -> None:
        """Write the next chunk, shape (2, n)."""
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        whole = self._waiting.shape[1] // _AAC_SAMPLES * _AAC_SAMPLES
        for start in range(0, whole, _AAC_SAMPLES):
            self._encode(self._waiting[:, start : start + _AAC_SAMPLES])
        self._waiting = self._waiting[:, whole:]

    def finish(self) -> None:
        """Flush the encoder and write its last packets."""
        if self._waiting.shape[1]:
            self._encode(self._waiting)
        self._container.mux(self._audio.encode(None))

    def _encode(self, samples: NDArray[np.float32]) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._samples, Fraction(1, RATE)
        self._samples += frame.samples
        self._container.mux(self._audio.encode(frame))


class Mp4Writer:
    """Writes an MP4 from frames and sound in chunks of any size; sound is muxed up to the time of the last frame."""

    def __init__(
        self,
        container: av.container.OutputContainer,
        width: int,
        height: int,
        fps: Fraction,
        has_sound: bool,
        *,
        preset: str = "veryfast",
    ) -> None:
        """`preset` is x264's: how much time it takes to make the file small."""
        self._container, self._fps = container, fps
        self._video: VideoStream = container.add_stream("libx264", rate=fps, options={"preset": preset, "crf": "20"})
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        context = self._video.codec_context
        context.gop_size = max(1, round(fps * 2))
        context.color_range = 1
        context.colorspace = context.color_primaries = context.color_trc = BT709
        self._sound = SoundTrack(container) if has_sound else None
        self.frames = 0

    def frame(self, frame: av.VideoFrame) -> None:
        """Write the next picture."""
        frame.pts, frame.time_base = self.frames, 1 / self._fps
        frame.pict_type = PictureType.NONE  # the encoder places its own key frames
        self.frames += 1
        self._container.mux(self._video.encode(frame))

    def sound(self, samples: NDArray[np.float32]) -> None:
        """Write the next chunk of sound, shape (2, n)."""
        if self._sound:
            self._sound.write(samples)

    def finish(self) -> None:
        """Flush the encoders and write their last packets."""
        if self._sound:
            self._sound.finish()
        self._container.mux(self._video.encode(None))


@contextmanager
def new_mp4(target: Path) -> Iterator[av.container.OutputContainer]:
    """Open an MP4 container over `target`, whatever its suffix, with the index at the front."""
    with writing(target) as name, av.open(name, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        yield container


@contextmanager
def told_as_broken(trouble: str) -> Iterator[None]:
    """Raise BrokenMedia, whose message begins with `trouble`, for errors of FFmpeg; errors of the disk stay OSError."""
    try:
        yield
    except av.FFmpegError as error:
        if error.errno in _DISK_ERRORS:
            raise
        raise BrokenMedia(f"{trouble}: {error.strerror} ({error.filename or 'unknown file'}).") from error


def made_ahead(make: Callable[[int], av.VideoFrame], count: int) -> Generator[av.VideoFrame, None, None]:
    """Yield the frames 0..count-1 in order; a thread makes them a few ahead of the caller."""
    waiting: deque[Future[av.VideoFrame]] = deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix="frames")
    try:
        for index in range(count):
            waiting.append(pool.submit(make, index))
            if len(waiting) > _FRAMES_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
