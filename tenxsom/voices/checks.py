"""Checks that a voice has said its line: the sound is not empty, not silent, not cut off, and not that of another language.

A service may answer with an empty file, with half of one, or read Chinese letters as English names; length and level tell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tenxsom.media.speech_file import Samples, Sound
from tenxsom.voices.syllables import syllables

QUIETEST_DBFS = -50.0
"""The level below which a recording counts as silence."""
FEWEST_A_SECOND, MOST_A_SECOND = 1.9, 9.5
"""Syllables a second, which are 1.5 to 6 English words; people read 4 to 6 syllables a second."""
SLACK_SECONDS = 1.2
"""What a line may take beside its syllables, for breath."""

_SILENCE_DB = 45.0
_ABRUPT_DB = 3.0
_END_SECONDS = 0.015


def problem(sound: Sound, text: str, speed: float = 1.0) -> str | None:
    """Return what is wrong with the sound of a text, as the end of a sentence; None if it may well be that text."""
    if not len(sound.samples):
        return "it is empty"
    level = level_dbfs(sound)
    if level < QUIETEST_DBFS:
        return f"it is silent ({level:.0f} dBFS)"
    start, end = bounds(sound)
    spoken, expected = (end - start) / sound.rate, syllables(text)
    if spoken < expected / (MOST_A_SECOND * speed) - 0.1:
        return f"it is cut off or leaves words out ({spoken:.1f} seconds for about {expected:.0f} syllables)"
    if spoken > expected / (FEWEST_A_SECOND * speed) + SLACK_SECONDS:
        return (
            f"it is far too long for its text ({spoken:.1f} seconds for about {expected:.0f} syllables), as a voice of another"
            " language is"
        )
    if _ends_abruptly(sound):
        return "it ends in the middle of a sound, so it is cut off"
    return None


def level_dbfs(sound: Sound) -> float:
    """Return the level of the loudest tenth of a second, in dBFS; -120 for silence."""
    return float(np.max(levels(sound.samples, max(1, sound.rate // 10)), initial=-120.0))


def bounds(sound: Sound) -> tuple[int, int]:
    """Return the sample of the first sound, and the one after the last; silence is 45 dB below the loudest part."""
    window = max(1, sound.rate // 100)
    heard = np.flatnonzero(levels(sound.samples, window) > max(level_dbfs(sound) - _SILENCE_DB, -70.0))
    if not len(heard):
        return 0, 0
    return int(heard[0]) * window, min(len(sound.samples), (int(heard[-1]) + 1) * window)


def levels(samples: Samples, window: int) -> NDArray[np.float64]:
    """Return the level of every window of samples, in dBFS; a window that is not full counts as padded with silence."""
    padded = np.pad(samples, (0, -len(samples) % window)).reshape(-1, window)
    power: NDArray[np.float64] = np.mean(np.square(padded, dtype=np.float64), axis=1)
    return 10 * np.log10(np.maximum(power, 1e-12))


def _ends_abruptly(sound: Sound) -> bool:
    """Return whether the last moment is as loud as the speech before it: voices fade out, cut streams do not."""
    window = max(1, round(sound.rate * _END_SECONDS))
    if len(sound.samples) < 10 * window:
        return False
    speech = levels(sound.samples, max(1, sound.rate // 10))
    usual = float(np.median(speech[speech > level_dbfs(sound) - 25.0]))
    return float(levels(sound.samples[-window:], window)[0]) > usual - _ABRUPT_DB
