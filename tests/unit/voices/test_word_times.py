"""When each written word is spoken: matched by order, found by pauses, in any script."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenxsom.media.speech_file import Sound, write_wav
from tenxsom.text import spoken_words
from tenxsom.voices import alignment, word_times
from tenxsom.voices.base import PAUSES, READING, SERVER, Speech, WordTime
from tests.voices import babble, words_with_pauses


def heard(*words: str) -> list[WordTime]:
    return [WordTime(word, float(number), number + 0.9) for number, word in enumerate(words)]


def test_words_that_are_the_same_keep_their_times() -> None:
    found = word_times.matched(["Rain,", "again!"], heard("rain", "again"), 3)
    assert found == [WordTime("Rain,", 0, 0.9), WordTime("again!", 1, 1.9)]


def test_a_number_has_the_time_of_the_words_that_it_is_read_as() -> None:
    found = word_times.matched(
        ["It", "cost", "$9.99", "then."], heard("it", "cost", "nine", "dollars", "ninety", "nine", "then"), 9
    )
    assert found[2] == WordTime("$9.99", 2, 5.9)
    assert found[3] == WordTime("then.", 6, 6.9)


def test_words_that_were_not_heard_have_no_time_of_their_own_and_lie_where_they_belong() -> None:
    found = word_times.matched(["One", "(maybe)", "two"], heard("one", "two"), 5)
    assert [word.text for word in found] == ["One", "(maybe)", "two"]
    assert found[0].end <= found[1].start <= found[1].end <= found[2].start


def test_more_words_than_are_written_belong_to_the_word_before_them() -> None:
    found = word_times.matched(["Chapter", "IV"], heard("chapter", "iv", "the", "fourth"), 9)
    assert found[1].end == 3.9


def test_a_server_that_hears_nothing_usable_still_gives_every_word_a_place() -> None:
    found = word_times.matched(["Ice", "floats"], heard("xx"), 2)
    assert [word.text for word in found] == ["Ice", "floats"]


def test_pauses_show_where_the_commas_are() -> None:
    text = "Ice floats, because it is lighter than water. Fish are glad."
    sound, starts = words_with_pauses([(0.8, 0.3), (1.9, 0.5), (0.8, 0.0)])
    words = word_times.by_pauses(spoken_words(text), sound, 0.0, sound.seconds)
    begin = {word.text: word.start for word in words}
    assert begin["because"] == pytest.approx(starts[1], abs=0.05)
    assert begin["Fish"] == pytest.approx(starts[2], abs=0.05)


def test_a_pause_inside_a_clause_does_not_move_the_comma() -> None:
    text = "A river never sleeps, it only whispers."
    sound, starts = words_with_pauses([(0.5, 0.15), (0.9, 0.4), (1.2, 0.0)])
    words = word_times.by_pauses(spoken_words(text), sound, 0.0, sound.seconds)
    assert next(word.start for word in words if word.text == "it") == pytest.approx(starts[2], abs=0.06)


def test_the_times_of_the_server_come_before_all_others() -> None:
    sound = babble(2.0)
    speech = Speech(write_wav(sound), words=(WordTime("Ice", 0.1, 0.6), WordTime("melts", 0.7, 1.4)), timing=SERVER)
    words, timing = word_times.word_times(speech, sound, "Ice melts.", "Ice melts.", "en")
    assert timing == SERVER
    assert [word.start for word in words] == [0.1, 0.7]


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("雨が降ると、土の匂いがする。", "ja", 4),
        ("为什么天空是蓝色的？", "zh", 3),
        ("ทำไมท้องฟ้าเป็นสีฟ้า", "th", 3),
        ("आसमान नीला क्यों है?", "hi", 4),
        ("لماذا السماء زرقاء؟", "ar", 3),
        ("Warum ist der Himmel blau?", "de", 5),
    ],
)
def test_words_are_found_in_every_script(text: str, language: str, words: int) -> None:
    sound = babble(3.0)
    found, timing = word_times.word_times(Speech(b""), sound, text, text, language)
    assert timing == PAUSES
    assert len(found) >= words
    assert "".join(word.text for word in found).replace(" ", "") == text.replace(" ", "")
    assert all(word.end > word.start for word in found)


def test_a_text_without_a_voice_is_read_at_an_even_speed() -> None:
    words, timing = word_times.reading_times("Slow rivers carve deep valleys.", 4.0)
    assert timing == READING
    assert (words[0].start, words[-1].end) == (0.0, 4.0)


@given(st.text(max_size=60), st.floats(0.05, 5), st.lists(st.tuples(st.text(max_size=8), st.floats(), st.floats()), max_size=12))
def test_no_text_and_no_answer_of_a_server_break_the_order(text: str, seconds: float, told: list[tuple[str, float, float]]) -> None:
    sound = Sound(np.full(round(seconds * 8000), 0.1, np.float32), 8000)
    for speech in (Speech(b""), Speech(b"", words=tuple(WordTime(*each) for each in told), timing=SERVER)):
        words, _ = word_times.word_times(speech, sound, text, text, "xx")
        moments = [moment for word in words for moment in (word.start, word.end)]
        assert moments == sorted(moments)
        assert all(0 <= moment <= sound.seconds + 1e-3 for moment in moments)
        assert len(words) == len(spoken_words(text))


@pytest.mark.slow
@pytest.mark.skipif(not alignment.is_installed(), reason="pocketsphinx is not installed (pip install pocketsphinx)")
def test_a_recogniser_finds_known_english_words_where_the_voice_says_them() -> None:
    hibari = pytest.importorskip("tenxsom.voices.hibari")
    if not hibari._is_installed():
        pytest.skip("hibari-tts is not installed (pip install -r requirements-voice.txt)")
    text = "Salt keeps fish for winters. It draws the water out, and nothing that rots can live without water."
    speech = hibari.HibariVoice().say(hibari.Line(text))
    sound = word_times_sound(speech)
    found = alignment.aligned(sound, text.split())
    own = word_times.matched(text.split(), speech.words, sound.seconds)
    assert len(found) == len(own)
    assert np.mean([abs(a.start - b.start) for a, b in zip(found, own, strict=True)]) < 0.1


def word_times_sound(speech: Speech) -> Sound:
    from tenxsom.media.speech_file import read_speech

    return read_speech(speech.audio)


@pytest.mark.skipif(not alignment.is_installed(), reason="pocketsphinx is not installed (pip install pocketsphinx)")
@pytest.mark.parametrize("words", [["7:30"], ["zxqvbn"], ["Größe"], ["…"], []])
def test_a_recogniser_that_cannot_know_a_word_says_nothing(words: list[str]) -> None:
    assert alignment.aligned(babble(1.0), words) == []


@pytest.mark.skipif(not alignment.is_installed(), reason="pocketsphinx is not installed (pip install pocketsphinx)")
def test_a_sound_without_those_words_is_not_aligned_to_them_or_at_least_in_order() -> None:
    found = alignment.aligned(babble(1.5), ["water", "runs", "down", "the", "hill"])
    assert [each.start for each in found] == sorted(each.start for each in found)
