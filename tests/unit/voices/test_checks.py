"""A voice that sent nothing, half of it, or the wrong language is noticed by length and level."""

from __future__ import annotations

import numpy as np
import pytest

from tenxsom.media.speech_file import Sound
from tenxsom.voices.checks import bounds, level_dbfs, problem
from tenxsom.voices.syllables import syllables
from tests.voices import babble

TEXT = "Glass is a liquid that forgot how to flow. It only looks as if it had made up its mind."


def test_a_sound_of_the_right_length_and_level_is_accepted() -> None:
    assert problem(babble(6.0), TEXT) is None


def test_an_empty_sound_is_noticed() -> None:
    assert problem(Sound(np.zeros(0, np.float32), 24_000), TEXT) == "it is empty"


def test_silence_of_the_right_length_is_noticed() -> None:
    assert "silent" in str(problem(Sound(np.zeros(24_000 * 6, np.float32), 24_000), TEXT))
    quiet = babble(6.0)
    assert "silent" in str(problem(quiet._replace(samples=quiet.samples * np.float32(0.004)), TEXT))


@pytest.mark.parametrize("seconds", [0.4, 1.0, 1.8])
def test_a_sound_that_is_too_short_for_its_text_is_noticed(seconds: float) -> None:
    assert "cut off" in str(problem(babble(seconds), TEXT))


@pytest.mark.parametrize("seconds", [18.0, 40.0])
def test_a_sound_that_is_far_too_long_for_its_text_is_noticed(seconds: float) -> None:
    assert "too long" in str(problem(babble(seconds), TEXT))


def test_a_sound_that_ends_in_the_middle_of_a_word_is_noticed_although_its_length_is_plausible() -> None:
    whole = babble(8.0)
    loud = int(np.argmax(np.convolve(np.abs(whole.samples[100_000:150_000]), np.ones(400), "same"))) + 100_000
    cut = whole._replace(samples=whole.samples[: loud + 200])
    assert "middle of a sound" in str(problem(cut, TEXT))


def test_silence_around_the_speech_does_not_count() -> None:
    spoken = babble(1.5)
    padded = spoken._replace(samples=np.pad(spoken.samples, 24_000 * 3))
    assert "cut off" in str(problem(padded, TEXT))
    start, end = bounds(padded)
    assert start == pytest.approx(24_000 * 3, abs=500)
    assert end == pytest.approx(24_000 * 4.5, abs=500)


def test_a_faster_voice_may_be_shorter() -> None:
    sound = babble(2.2)
    assert problem(sound, TEXT) is not None
    assert problem(sound, TEXT, speed=1.25) is None


def test_the_level_of_silence_is_a_number() -> None:
    assert level_dbfs(Sound(np.zeros(0, np.float32), 24_000)) == -120.0


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("… – !", 0, 0),
        ("Hello", 2, 2),
        ("A stone makes rings in the lake.", 7, 9),
        ("Donaudampfschifffahrt", 5, 7),
        ("Почему трава зелёная?", 8, 10),
        ("天空为什么是蓝色的", 9, 9),
        ("そらはなぜあおいのか", 6, 11),
        ("하늘은 왜 파란가", 7, 7),
        ("لماذا السماء زرقاء", 6, 12),
        ("आसमान नीला क्यों है", 5, 10),
        ("ทำไมท้องฟ้าเป็นสีฟ้า", 6, 14),
        ("1,250 times", 6, 9),
        ("NASA", 4, 4),
    ],
)
def test_syllables_are_counted_in_every_script(text: str, least: float, most: float) -> None:
    assert least <= syllables(text) <= most
