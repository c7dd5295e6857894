"""Sounds for tests: tones, something like speech, files in any container, and the level of a tone in a recording."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from tenxsom.media.sound.reading import read_sound

RATE = 48_000
Samples = NDArray[np.float32]


def tone(seconds: float, hertz: float = 1000.0, dbfs: float = -20.0) -> Samples:
    """A sine in both channels; `dbfs` is its peak."""
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


def speech(seconds: float, dbfs: float = -20.0, hertz: float = 140.0) -> Samples:
    """Something like speech: syllables of harmonics, four a second."""
    moment = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * hertz * (moment + 0.02 * np.sin(2 * np.pi * 0.9 * moment))
    wave = sum(np.sin(k * phase + k * k) / k for k in range(1, 24)) * np.sin(np.pi * 4 * moment) ** 2
    return np.stack([wave, wave]).astype(np.float32) * np.float32(10 ** (dbfs / 20) / np.abs(wave).max())


def silence(seconds: float) -> Samples:
    return np.zeros((2, round(seconds * RATE)), np.float32)


def joined(*parts: Samples) -> Samples:
    return np.concatenate(parts, axis=1)


def write(
    path: Path, samples: Samples, codec: str = "", rate: int = RATE, layout: str = "stereo", skip: Iterable[range] = ()
) -> Path:
    """Write samples in the container of the path's suffix; blocks of 1024 whose number is in `skip` leave a gap."""
    codec = {".wav": "pcm_s16le", ".mp3": "libmp3lame", ".ogg": "libopus", ".flac": "flac"}.get(path.suffix, "aac")
    left_out = {number for each in skip for number in each}
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        resampler = av.AudioResampler(stream.codec_context.format or "fltp", layout, rate, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        for number, part in enumerate([*resampler.resample(frame), *resampler.resample(None)]):
            if number not in left_out:
                output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return path


def read(path: Path) -> Samples:
    return np.concatenate([np.zeros((2, 0), np.float32), *read_sound(path)], axis=1)


def level(samples: Samples, hertz: float, start: float, end: float) -> float:
    """The level of a tone in dBFS between two moments (seconds)."""
    part = samples[0, round(start * RATE) : round(end * RATE)] * np.hanning(round(end * RATE) - round(start * RATE))
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(part)) / RATE)
    return float(20 * np.log10(max(abs((part * wave).sum()) * 4 / len(part), 1e-9)))


def loudest(samples: Samples, start: float, end: float) -> float:
    """The peak in dBFS between two moments (seconds)."""
    return float(20 * np.log10(max(np.abs(samples[:, round(start * RATE) : round(end * RATE)]).max(initial=0), 1e-9)))
