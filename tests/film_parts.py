"""Clips, sounds and frames for tests of films."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenxsom.media.encode import RATE, Mp4Writer, new_mp4
from tests.made_once import made_once

TALL = (160, 284)


@made_once
def grey_clip(path: Path, levels: Sequence[int], size: tuple[int, int] = TALL, fps: int = 24) -> Path:
    """A silent clip whose frames are evenly grey, each with its own level of 0 to 255."""
    with new_mp4(path) as output:
        writer = Mp4Writer(output, *size, Fraction(fps), has_sound=False)
        for level in levels:
            grey = np.full((size[1], size[0], 3), level, np.uint8)
            writer.frame(av.VideoFrame.from_ndarray(grey).reformat(format="yuv420p", dst_colorspace="ITU709"))
        writer.finish()
    return path


@made_once
def tone_file(path: Path, seconds: float, clicks: Sequence[float] = ()) -> Path:
    """A WAV file of a soft tone, with a loud click at some moments."""
    moments = np.arange(round(seconds * RATE)) / RATE
    samples = 0.1 * np.sin(2 * np.pi * 330 * moments)
    for click in clicks:
        samples[round(click * RATE) : round(click * RATE) + 480] = 0.9
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.repeat((samples * 32767).astype("<i2"), 2).tobytes())
    return path


def plate(colour: tuple[int, int, int, int], size: tuple[int, int] = (40, 20)) -> Callable[[], Image.Image]:
    """What draws a picture of one colour."""
    return lambda: Image.new("RGBA", size, colour)


def shown(film: Path) -> list[NDArray[np.uint8]]:
    """The frames of a film in RGB."""
    with av.open(str(film)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def levels_of(film: Path) -> list[int]:
    """The brightness of each frame in its middle."""
    return [int(frame[frame.shape[0] // 2 - 8 :][:16, 72:88].mean()) for frame in shown(film)]


def heard(film: Path) -> NDArray[np.float32]:
    """The sound of a film, shape (channels, samples)."""
    with av.open(str(film)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
