"""Subtitles: cues that can be read, in any script, and the SubRip files made of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenxsom.media.subtitles import LINE_COLUMNS, Cue, Setting, set_cues, to_srt
from tenxsom.text import columns, graphemes, is_blank
from tests.scripts_of_the_world import SENTENCES, any_text

TIMES = re.compile(r"(\d\d):(\d\d):(\d\d),(\d{3}) --> (\d\d):(\d\d):(\d\d),(\d{3})")
LEAST = 5 / 6
thorough = settings(max_examples=3000) if os.environ.get("CRASH_POINTS") == "all" else settings()


def blocks(text: str) -> list[tuple[int, int, list[str]]]:
    """Start and end in milliseconds, and the lines, of every cue."""
    found = []
    for number, block in enumerate(text.strip().split("\n\n") if text else [], 1):
        head, times, *lines = block.split("\n")
        assert head == str(number)
        a, b, c, d, e, f, g, h = (int(part) for part in TIMES.fullmatch(times).groups())  # type: ignore[union-attr]
        found.append((((a * 60 + b) * 60 + c) * 1000 + d, ((e * 60 + f) * 60 + g) * 1000 + h, lines))
    return found


def set_text(text: str, seconds: float = 6.0) -> list[Cue]:
    return set_cues([Cue(0, seconds, text)], 0, seconds)


def lines_of(cues: Sequence[Cue]) -> list[str]:
    return [line for cue in cues for line in cue.text.split("\n")]


def letters(text: str) -> str:
    """The text without its blanks: line breaks take some of them away, and may never add one."""
    return "".join(letter for letter in text if not letter.isspace())


# the file


def test_a_cue_is_written_as_players_expect_it() -> None:
    assert to_srt([Cue(0.5, 3723.0625, "Hello there.")]) == "1\n00:00:00,500 --> 01:02:03,062\nHello there.\n\n"


def test_cues_are_numbered_from_one() -> None:
    found = re.findall(r"^(\d+)$", to_srt([Cue(0, 1, "a"), Cue(1, 2, "b"), Cue(2, 3, "c")]), re.MULTILINE)
    assert found == ["1", "2", "3"]


def test_nothing_gives_an_empty_file() -> None:
    assert to_srt([]) == ""


def test_a_cue_without_words_or_without_time_is_left_out() -> None:
    assert to_srt([Cue(0, 1, "  \n "), Cue(2, 2, "now"), Cue(3, 2, "back")]) == ""


def test_the_sign_between_times_cannot_come_from_a_text() -> None:
    assert to_srt(set_text("a --> b")).count("-->") == 1


@pytest.mark.parametrize("text", ["\ud83d alone", "a\x00b\x1b[31mc", "one\u2028two\u2029three\x85four", "\ufeffmark"])
def test_what_no_file_can_hold_is_not_in_it(text: str) -> None:
    written = to_srt(set_text(text)).encode()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f]", written)
    assert len(blocks(written.decode())) == 1


def test_subtitles_need_none_of_the_heavy_libraries() -> None:
    code = "import sys, tenxsom.media.subtitles; sys.exit(bool({'numpy', 'PIL', 'av'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# lines


def test_two_lines_are_about_equally_long() -> None:
    (cue,) = set_text("A sentence that does not fit on one single line.")
    one, two = cue.text.split("\n")
    assert abs(len(one) - len(two)) < 12


@pytest.mark.case
@pytest.mark.parametrize("length", range(1, 46))
def test_words_that_fill_two_lines_to_the_last_column_are_set(length: int) -> None:
    words = [("abcdefghijklmnopqrstuvwxyz" * 2)[:length]] * 40
    cues = set_text(" ".join(words), 60)
    assert letters("".join(lines_of(cues))) == "".join(words)
    assert max(map(columns, lines_of(cues))) <= LINE_COLUMNS


@pytest.mark.case
def test_every_two_lines_of_ordinary_prose_are_set() -> None:
    prose = SENTENCES["English"] * 3
    for start in range(len(prose) - 200):
        cues = set_text(prose[start : start + 200], 12)
        assert letters("".join(lines_of(cues))) == letters(prose[start : start + 200])


@pytest.mark.case
@pytest.mark.parametrize("language", ["Chinese", "Japanese", "Thai", "Khmer", "Burmese", "Lao"])
def test_a_language_without_blanks_gets_none(language: str) -> None:
    text = letters(SENTENCES[language]) * 2
    lines = lines_of(set_text(text, 20))
    assert "".join(lines) == text
    assert max(map(columns, lines)) <= LINE_COLUMNS


def test_a_wide_letter_takes_two_columns_and_a_mark_none() -> None:
    assert (columns("潮"), columns("ｗ"), columns("e\u0301"), columns("نُ"), columns("👨‍👩‍👧‍👦"), columns("ab c")) == (
        2,
        2,
        1,
        1,
        2,
        4,
    )


@pytest.mark.parametrize("language", ["Chinese", "Japanese"])
def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one(language: str) -> None:
    text = SENTENCES[language] * 6
    for shift in range(20):
        lines = lines_of(set_text(text[shift:], 60))
        assert not [line for line in lines[1:] if line[0] in "、。，！？」』）ー々ゃゅょっ"]
        assert not [line for line in lines if line[-1] in "「『（"]


@pytest.mark.parametrize("text", ["👨‍👩‍👧‍👦" * 60, "e\u0301" * 200, "क्षि" * 80, "🇩🇪" * 60, "ก็" * 90, "ភ្នំ" * 60])
def test_a_letter_of_several_characters_is_never_cut(text: str) -> None:
    letter = graphemes(text)[0]
    lines = lines_of(set_text(text, 20))
    assert "".join(lines) == text
    assert all(line.startswith(letter) and len(line) % len(letter) == 0 for line in lines)


def test_a_letter_that_is_wider_than_a_line_stands_on_one_of_its_own() -> None:
    wide = "ᄀ" * 24
    assert columns(wide) == 48
    assert wide in lines_of(set_text(f"Light hangs in the lamp, and nobody asks. {wide}", 1))


def test_an_address_breaks_behind_its_slashes() -> None:
    lines = lines_of(set_text("https://example.org/" + "harbour/" * 12, 12))
    assert len(lines) > 2
    assert all(line.endswith("/") for line in lines)


def test_japanese_breaks_between_phrases() -> None:
    lines = lines_of(set_text("灯台守は百段の冷たい階段をゆっくりと上り、誰も待っていない船のために明かりをともしました。", 12))
    assert all(line.endswith(("、", "。", "に", "を", "は", "り", "と", "い")) for line in lines)


# cues


def test_a_long_text_becomes_several_cues_that_share_its_time_by_length() -> None:
    text = "one two three four five six seven eight nine ten " * 6
    found = blocks(to_srt(set_cues([Cue(10, 22, text)], 10, 22)))
    assert len(found) >= 3
    assert (found[0][0], found[-1][1]) == (10_000, 22_000)
    assert all(after[0] == before[1] for before, after in pairwise(found))
    shares = [(end - start) / sum(len(line) for line in lines) for start, end, lines in found]
    assert max(shares) < 1.15 * min(shares)


def test_cues_end_with_sentences_and_clauses_where_they_can() -> None:
    text = "The tide went out in the night, and nobody saw it go. Small crabs came up to look for supper. Then the light turned."
    assert [cue.text.replace("\n", " ") for cue in set_text(text, 9)] == [
        "The tide went out in the night, and nobody saw it go.",
        "Small crabs came up to look for supper.",
        "Then the light turned.",
    ]


def test_cues_that_would_be_too_short_to_read_share_one() -> None:
    assert [cue.text for cue in set_text("Stop. Look. Listen. Then cross the quiet road.", 1.2)] == [
        "Stop. Look. Listen.\nThen cross the quiet road."
    ]


def test_a_short_cue_takes_the_free_time_behind_it_and_then_before_it() -> None:
    behind, before = Cue(0, 0.2, "Now."), Cue(5.7, 6, "Then.")
    assert [(cue.start, cue.end) for cue in set_cues([behind, before], 0, 6)] == [(0, 0.834), (5.166, 6)]


def test_a_short_cue_without_room_shares_with_its_shorter_neighbour() -> None:
    cues = set_cues([Cue(0, 2, "One."), Cue(2, 2.4, "Two."), Cue(2.4, 3.4, "Three.")], 0, 3.4)
    assert [(cue.start, cue.end, cue.text) for cue in cues] == [(0, 2, "One."), (2, 3.4, "Two. Three.")]


def test_words_that_share_a_cue_get_a_blank_between_them_only_where_their_language_writes_one() -> None:
    assert [cue.text for cue in set_cues([Cue(0, 0.5, "潮が引く。"), Cue(0.5, 1, "蟹が出る。")], 0, 1)] == ["潮が引く。蟹が出る。"]
    assert [cue.text for cue in set_cues([Cue(0, 0.5, "물이 빠진다."), Cue(0.5, 1, "게가 나온다.")], 0, 1)] == [
        "물이 빠진다. 게가 나온다."
    ]


def test_more_words_than_two_lines_can_show_in_the_time_get_more_lines_and_not_less_time() -> None:
    (cue,) = set_text("word " * 60, 1)
    assert len(cue.text.split("\n")) > 2
    assert (cue.start, cue.end) == (0, 1)


def test_words_stay_in_the_clip_as_it_was_delivered() -> None:
    cues = set_cues([Cue(0, 3, "First."), Cue(3, 9, "Second.")], 0, 2.5)
    assert cues[-1].end <= 2.5
    assert letters("".join(lines_of(cues))) == "First.Second."


def test_a_clip_without_time_has_no_cues() -> None:
    assert set_cues([Cue(0, 3, "words")], 4, 4) == []
    assert set_cues([Cue(0, 3, "words")], 4, 3) == []


def test_a_narrow_line_is_kept_in_any_measure() -> None:
    cues = set_cues([Cue(0, 30, SENTENCES["Russian"])], 0, 30, Setting(width=100, lines=3, measure=lambda text: 9 * columns(text)))
    assert max(9 * columns(line) for line in lines_of(cues)) <= 100


# any text at all


moments = st.floats(0, 40, allow_nan=False)


@thorough
@given(st.lists(st.tuples(moments, moments, any_text(400)), max_size=6), st.floats(0, 5), st.floats(0.01, 60))
def test_any_words_become_cues_that_can_be_read(script: list[tuple[float, float, str]], start: float, length: float) -> None:
    cues = set_cues([Cue(*part) for part in script], start, start + length)
    assert [line for line in lines_of(cues) if columns(line) > LINE_COLUMNS and len(graphemes(line)) > 1] == []
    assert all(start - 0.001 <= cue.start < cue.end <= start + length + 0.001 for cue in cues)
    assert all(after.start >= before.end for before, after in pairwise(cues))
    if length >= LEAST + 0.002:
        assert all(cue.end - cue.start >= LEAST for cue in cues)
    assert len(blocks(to_srt(cues))) == len(cues)
    assert not [line for line in lines_of(cues) if line != line.strip() or not line]


@thorough
@given(any_text(600), st.floats(1, 60))
def test_no_letter_is_lost_and_none_is_added(text: str, seconds: float) -> None:
    kept = [
        letter for letter in text.replace("-->", "→") if unicodedata.category(letter) not in ("Cc", "Cs") and letter != "\ufeff"
    ]
    shown = "".join(lines_of(set_text(text, seconds)))
    expected = letters("".join(kept))
    if any(unicodedata.category(letter) not in ("Cf", "Zs", "Zl", "Zp") for letter in expected):
        assert letters(shown).replace("\ufffd", "") == expected.replace("\ufffd", "")
    else:
        assert is_blank(shown.replace("\ufffd", ""))  # what stands for half a surrogate pair


@thorough
@given(any_text(500))
def test_a_text_with_time_enough_has_two_lines_a_cue(text: str) -> None:
    assert all(len(cue.text.split("\n")) <= 2 for cue in set_text(text, 600))


@pytest.mark.case
@pytest.mark.parametrize(
    ("language", "text", "torn"),
    [
        ("en", "They asked the keeper of the island whether he could see the lights of the small harbour from the top.", "the of"),
        (
            "de",
            "Der Wächter des alten Leuchtturms ließ seinen einzigen Mantel an dem Haken in der Halle und ging hinaus in den Sturm.",
            "der des an dem in seinen und den",
        ),
        (
            "fr",
            "Le gardien du vieux phare laissa son seul manteau au crochet dans le couloir et il sortit dans la tempête.",
            "le du son au dans la et",
        ),
    ],
)
def test_no_line_ends_with_a_word_that_belongs_to_the_next_one(language: str, text: str, torn: str) -> None:
    cues = set_cues([Cue(0, 7, text)], 0, 7, Setting(language=language))
    assert len(cues) > 1
    for line in "\n".join(cue.text for cue in cues).splitlines():
        assert line.split()[-1].lower() not in torn.split(), line
