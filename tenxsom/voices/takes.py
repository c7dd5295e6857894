"""Makes a segment of a narration from what a voice said: checked, without the silence around it, with the times of its words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tenxsom.errors import BrokenMedia
from tenxsom.media.speech_file import Sound, read_speech, write_wav
from tenxsom.voices import checks
from tenxsom.voices.base import Speech, WordTime
from tenxsom.voices.word_times import word_times

_BEFORE_SECONDS, _AFTER_SECONDS = 0.03, 0.08
"""The silence that is left before the first sound and after the last."""
_FADE_SECONDS = 0.005


class Take(NamedTuple):
    """A segment that can be used: its WAV, its length, the times of its written words, and how they were found."""

    wav: bytes
    seconds: float
    words: list[WordTime]
    timing: str


def take_from(speech: Speech, text: str, said: str, language: str, speed: float) -> Take | str:
    """Return the take of a written `text`, which the voice was given as `said`; or what is wrong with it, as part of a sentence."""
    if speech.complaint:
        return speech.complaint
    try:
        sound = read_speech(speech.audio, speech.mime_type)
    except BrokenMedia as error:
        return str(error).rstrip(".")
    if complaint := checks.problem(sound, said, speed):
        return complaint
    words, timing = word_times(speech, sound, text, said, language)
    trimmed, offset = _trimmed(sound)
    shifted = [WordTime(word.text, *(_within(moment - offset, trimmed.seconds) for moment in word[1:])) for word in words]
    return Take(write_wav(trimmed), trimmed.seconds, shifted, timing)


def _trimmed(sound: Sound) -> tuple[Sound, float]:
    """Return the sound without the silence around it, with soft ends, and the seconds that were taken from its beginning."""
    first, last = checks.bounds(sound)
    start = max(0, first - round(_BEFORE_SECONDS * sound.rate))
    end = min(len(sound.samples), last + round(_AFTER_SECONDS * sound.rate))
    samples = sound.samples[start:end].copy()
    fade = min(len(samples) // 2, round(_FADE_SECONDS * sound.rate))
    samples[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    samples[len(samples) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return Sound(samples, sound.rate), start / sound.rate


def _within(moment: float, seconds: float) -> float:
    return round(min(max(0.0, moment), seconds), 3)
