"""Subtitles of spoken words: the rules of broadcasters, whatever is said and how fast."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenxsom.media.captions.cues import COLUMNS_PER_SECOND, GAP_SECONDS, LEAST_SECONDS, MOST_SECONDS, spoken_cues, srt, vtt
from tenxsom.media.captions.phrases import TimedWord
from tenxsom.text import columns, is_blank, one_line, spoken_words
from tests.scripts_of_the_world import SENTENCES, any_text
from tests.spoken import spoken
from tests.unit.media.test_subtitles import blocks

PROSE = " ".join([SENTENCES["English"].strip(), "Why? Because.", SENTENCES["English"].strip(), "She smiles."])
A_FRAME = 0.001


def visible(text: str) -> str:
    return "".join(letter for letter in one_line(text) if not (letter.isspace() or is_blank(letter)))


@given(
    st.lists(st.tuples(any_text(60), st.floats(0, 60), st.floats(0.0, 2)), max_size=20),
    st.sampled_from(["en", "th", "he", ""]),
)
def test_no_word_is_lost_and_no_cue_overlaps(words: list[tuple[str, float, float]], language: str) -> None:
    timed = [TimedWord(text, start, start + length) for text, start, length in sorted(words, key=lambda word: word[1])]
    cues = spoken_cues(timed, language, 70)
    expected = "".join(visible(word.text) for word in timed).replace("-->", "→")
    assert "".join(visible(cue.text) for cue in cues).replace("-->", "→") == expected, "an arrow may be cut by a line's end"
    assert not [line for cue in cues for line in cue.text.splitlines() if "-->" in line]
    assert all(0 <= cue.start < cue.end <= 70 for cue in cues)
    assert all(one.end <= other.start + A_FRAME for one, other in pairwise(cues))


@pytest.mark.parametrize("language", SENTENCES)
def test_cues_keep_the_rules_in_every_script(language: str) -> None:
    words = spoken(SENTENCES[language] * 3)
    cues = spoken_cues(words, "", words[-1].end + 2)
    for cue in cues:
        lines = cue.text.split("\n")
        assert len(lines) <= 2
        assert max(map(columns, lines)) <= 42
        assert LEAST_SECONDS - A_FRAME <= cue.end - cue.start <= MOST_SECONDS + A_FRAME


def test_between_two_cues_are_two_frames_or_a_pause_that_does_not_flicker() -> None:
    cues = spoken_cues(spoken(PROSE), "en")
    gaps = [other.start - one.end for one, other in pairwise(cues)]
    assert gaps
    assert all(gap == pytest.approx(GAP_SECONDS, abs=A_FRAME) or gap >= 0.5 for gap in gaps)


def test_a_cue_begins_with_its_first_word_and_outlasts_its_last() -> None:
    words = spoken(PROSE)
    starts = {round(word.start, 3) for word in words}
    cues = spoken_cues(words, "en", words[-1].end + 1)
    for cue in cues:
        assert min(abs(cue.start - start) for start in starts) <= GAP_SECONDS + A_FRAME
    assert cues[-1].end > words[-1].end


def test_a_fast_voice_is_read_at_no_more_than_the_usual_speed_where_there_is_time() -> None:
    words = [TimedWord(word.text, word.start / 2, word.end / 2) for word in spoken("The quickest of talkers stops here.")]
    (cue,) = spoken_cues(words, "en", 30)
    assert columns(cue.text.replace("\n", " ")) / (cue.end - cue.start) <= COLUMNS_PER_SECOND + 0.1


def test_short_cries_share_a_cue() -> None:
    words = [TimedWord("Stop!", 0, 0.3), TimedWord("Now!", 0.35, 0.6), TimedWord("Listen.", 0.65, 1.1)]
    assert [cue.text.replace("\n", " ") for cue in spoken_cues(words, "en", 2)] == ["Stop! Now! Listen."]


def test_words_without_any_time_are_shown_all_the_same() -> None:
    words = [TimedWord(word, 0, 0) for word in PROSE.split()]
    cues = spoken_cues(words, "en", 12)
    assert visible("".join(cue.text for cue in cues)) == visible(PROSE)
    assert cues[-1].end <= 12


def test_a_text_without_blanks_has_none_however_fast_it_is_said() -> None:
    sentence = SENTENCES["Chinese"].strip()
    words = [TimedWord(word, 0.05 * number, 0.05 * (number + 1)) for number, word in enumerate(spoken_words(sentence * 2))]
    assert not [cue.text for cue in spoken_cues(words, "zh", words[-1].end) if " " in cue.text]


def test_a_long_address_stays_whole_however_fast_it_is_said() -> None:
    address = "https://example.org/a/very/long/path/to/the/page?with=query&more=of-it"
    words = [TimedWord("See", 0.0, 0.1), TimedWord(address, 0.1, 0.5), TimedWord("now.", 0.5, 0.7)]
    said = " ".join(cue.text for cue in spoken_cues(words, "en", 0.9))
    assert said.replace("\n", "").count(" ") <= 2
    assert address in said.replace("\n", "")


def test_a_word_that_is_held_for_long_does_not_stay_for_ever() -> None:
    cues = spoken_cues([TimedWord("Ommm", 0, 30), TimedWord("end", 31, 31.5)], "en", 40)
    assert round(cues[0].end - cues[0].start, 2) == MOST_SECONDS


def test_an_srt_file_is_written() -> None:
    found = blocks(srt(spoken("The tide goes out. The boats lie in the mud."), "en"))
    assert [lines for _, _, lines in found] == [["The tide goes out."], ["The boats lie in the mud."]]
    assert found[0][0] == 0


def test_a_webvtt_file_is_written_as_players_expect_it() -> None:
    text = vtt(spoken("Salt & <sand> --> glass."), "en")
    head, block, rest = text.split("\n\n") if text.endswith("\n\n") else (*text.split("\n\n"), "")
    assert head == "WEBVTT"
    times, line = block.strip().split("\n")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}", times)
    assert line == "Salt &amp; &lt;sand&gt; → glass."
    assert rest == ""


def test_without_words_there_is_an_empty_file() -> None:
    assert srt([], "en") == ""
    assert vtt([], "en") == "WEBVTT\n"


def test_subtitles_need_none_of_the_heavy_libraries() -> None:
    code = "import sys, tenxsom.media.captions.cues; sys.exit(bool({'numpy', 'PIL', 'av'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
