"""Sounds and voices for tests."""

from __future__ import annotations

import numpy as np

from tenxsom.media.speech_file import Sound


def babble(seconds: float, rate: int = 24_000, level: float = 0.3) -> Sound:
    """A sound like speech: four syllables a second of a buzz, each swelling and fading, silent at both ends."""
    at = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 140 * harmonic * at) / harmonic for harmonic in range(1, 9))
    swell = np.clip(np.sin(np.pi * 4 * at), 0, None) ** 0.7 if seconds < 1 else np.abs(np.sin(np.pi * 4 * at)) ** 0.7
    ends = np.minimum(1, np.minimum(at, seconds - at) * 50)
    return Sound((buzz / 2.7 * swell * ends * level).astype(np.float32), rate)


def words_with_pauses(syllables_and_pauses: list[tuple[float, float]], rate: int = 24_000) -> tuple[Sound, list[float]]:
    """A sound with a burst for every (seconds, pause behind it), and when each burst begins."""
    parts, starts, at = [], [], 0.0
    for seconds, pause in syllables_and_pauses:
        starts.append(at)
        burst = babble(max(seconds, 0.05), rate).samples + 0.02
        parts += [burst.astype(np.float32), np.zeros(round(pause * rate), np.float32)]
        at += len(burst) / rate + round(pause * rate) / rate
    return Sound(np.concatenate(parts), rate), starts
