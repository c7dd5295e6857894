"""Finds known English words in a sound with pocketsphinx, where it is installed (`pip install pocketsphinx`).

Its own model is in the wheel. Facts measured with voices whose word times are known: starts are 40 to 50 ms off on average.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from tenxsom.media.speech_file import Sound, resampled
from tenxsom.voices.base import WordTime

_RATE = 16_000
_FRAME_SECONDS = 0.01
_BEFORE_SECONDS, _AFTER_SECONDS = 0.2, 0.3
"""Silence around the sound, which the recogniser needs."""
_NOISE = 2e-4
"""A trace of noise: digital silence is no speech that the model knows."""


def aligned(sound: Sound, words: Sequence[str]) -> list[WordTime]:
    """Return the times of the words; empty where the recogniser is missing, does not know a word, or does not find them all."""
    spoken = [_plain(word) for word in words]
    if not is_installed() or not spoken or not all(spoken):
        return []
    decoder = _decoder()
    if not all(decoder.lookup_word(part) for word in spoken for part in word.split()):
        return []
    found = list(_found(decoder, _prepared(sound), " ".join(spoken)))
    return _grouped(words, spoken, found)


@cache
def is_installed() -> bool:
    """Return whether pocketsphinx is there."""
    return find_spec("pocketsphinx") is not None


def _decoder() -> Any:
    from pocketsphinx import Decoder

    return Decoder(lm=None, samprate=_RATE, loglevel="FATAL")


def _prepared(sound: Sound) -> bytes:
    samples = resampled(sound, _RATE).samples
    padded = np.pad(samples, (round(_BEFORE_SECONDS * _RATE), round(_AFTER_SECONDS * _RATE)))
    noisy = padded + np.random.default_rng(0).normal(0, _NOISE, len(padded))
    return bytes((np.clip(noisy, -1, 1) * 32767).astype("<i2").tobytes())


def _found(decoder: Any, data: bytes, text: str) -> Iterator[WordTime]:
    decoder.set_align_text(text)
    decoder.start_utt()
    decoder.process_raw(data, full_utt=True)
    decoder.end_utt()
    for each in decoder.seg() or ():
        word = re.sub(r"\(\d+\)$", "", each.word)
        if not word.startswith("<") and not word.startswith("["):
            start = each.start_frame * _FRAME_SECONDS - _BEFORE_SECONDS
            yield WordTime(word, max(0.0, start), max(0.0, (each.end_frame + 1) * _FRAME_SECONDS - _BEFORE_SECONDS))


def _grouped(words: Sequence[str], spoken: Sequence[str], found: Sequence[WordTime]) -> list[WordTime]:
    """Return one time for each word, which may have been aligned in several parts; empty if they are not the same words."""
    if [each.text for each in found] != " ".join(spoken).split():
        return []
    result, at = [], 0
    for word, plain in zip(words, spoken, strict=True):
        parts = found[at : at + len(plain.split())]
        result.append(WordTime(word, parts[0].start, parts[-1].end))
        at += len(parts)
    return result


def _plain(word: str) -> str:
    """Return a word as the dictionary writes it: small letters and apostrophes; "" where digits must be read aloud."""
    text = word.lower().replace("’", "'")
    return "" if re.search(r"[^\x00-\x7f–—“”‘’…]|\d", text) else " ".join(re.findall(r"[a-z]+(?:'[a-z]+)*", text))
