"""Text as people read it: clusters, columns, places where a line may break."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenxsom.text import Break, columns, graphemes, in_parts, is_blank, joined, one_line, shortened, spoken_words, units
from tests.scripts_of_the_world import SENTENCES, any_text


def pieces(text: str, width: float = 42) -> list[str]:
    return [unit.text for unit in units(text, width)]


def bare(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None)
@given(any_text(300).map(one_line), st.integers(1, 60))
def test_the_units_of_a_text_are_the_text(text: str, width: int) -> None:
    found = units(text, width)
    assert "".join(unit.text for unit in found) == text
    assert [letter for piece in found for letter in graphemes(piece.text)] == graphemes(text)


def blanks(text: str) -> set[int]:
    """After how many letters there is a blank."""
    return {len(bare(text[:index])) for index, letter in enumerate(text) if letter.isspace()}


@settings(deadline=None)
@given(any_text(120).map(one_line))
def test_spoken_words_put_together_are_the_text_without_a_blank_that_nobody_wrote(text: str) -> None:
    together = reduce(joined, spoken_words(text), "")
    assert bare(together) == bare(text)
    assert blanks(together) <= blanks(text)


def test_words_of_two_scripts_that_touch_stay_together() -> None:
    assert spoken_words("我用iPhone拍照") == ["我", "用iPhone拍", "照"]
    assert spoken_words("ถามว่าทำไม-->The end")[-2:] == ["ทำไม-->The", "end"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Stop. (Go on.) Then, well; no: yes — so", [4, 2, 4, 3, 3, 3, 2, 3, 4]),
        ("潮が引く。蟹が出る、と", [2, 4, 2, 3, 4]),
        ("At 3.14 or 12:30, e.g. 5–6", [2, 2, 2, 3, 2, 4]),
        ("Am 3. Mai, d. h. bald. Gut", [2, 2, 3, 2, 2, 4, 4]),
        ("이것은 꿈. 그리고", [2, 4, 4]),
    ],
)
def test_a_break_is_as_good_as_the_sense_that_ends_there(text: str, expected: list[int]) -> None:
    found = units(text, 42)
    assert [int(unit.after) for unit in found][-1] == Break.SENTENCE
    assert [int(unit.after) for unit in found if unit.after != Break.ALLOWED] == expected, found


@pytest.mark.parametrize("text", ["don't", "3.14", "$5.00", "12:30", "x=y&z", "“quoted”", "(so)", "10\u00a0kg", "100%"])
def test_what_belongs_together_is_one_unit(text: str) -> None:
    assert pieces(text) == [text]


def test_a_french_mark_stays_with_its_word_across_the_blank() -> None:
    assert pieces("Où va donc ce nuage ? Loin !") == ["Où ", "va ", "donc ", "ce ", "nuage ? ", "Loin !"]


@pytest.mark.parametrize("language", ["Thai", "Japanese"])
def test_a_language_without_blanks_breaks_between_phrases(language: str) -> None:
    found = pieces(SENTENCES[language].strip())
    assert len(found) > 5
    assert max(map(columns, found)) <= 21


@pytest.mark.parametrize("text", ["မြန်မာနိုင်ငံ" * 6, "ក្រុងភ្នំពេញ" * 6, "เมืองไทย" * 12, "ปัจจุบันนี้จะทำอะไร" * 4])
def test_no_syllable_is_cut(text: str) -> None:
    for width in range(4, 30):
        starts_and_ends = [(piece[0], piece[-1]) for piece in pieces(text, width)]
        assert not [1 for first, _ in starts_and_ends if first in "ะาำ်"]
        assert not [1 for _, last in starts_and_ends if last in "เแโใไ្"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  a\tb\r\nc\u2028d ", "a b c d"),
        ("a\x00b\x1b[0m", "ab[0m"),
        ("\ud83d", "\ufffd"),
        ("\ufeffa", "a"),
        ("ten\u00a0kg", "ten\u00a0kg"),
        ("東京　駅", "東京　駅"),
    ],
)
def test_a_text_on_one_line_keeps_the_blanks_of_its_language(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "blank"), [("", True), ("\u200b\u200f\u00a0", True), ("🔥", False), ("\u0301", False), (".", False)]
)
def test_a_text_is_blank_if_nothing_of_it_can_be_seen(text: str, blank: bool) -> None:
    assert is_blank(text) is blank


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("One.", "Two.", "One. Two."),
        ("一。", "二。", "一。二。"),
        ("AI", "は", "AI は"),
        ("", "x", "x"),
        ("하나", "둘", "하나 둘"),
        ("ก", "ข", "กข"),
    ],
)
def test_two_texts_are_joined_as_their_language_does(first: str, second: str, both: str) -> None:
    assert joined(first, second) == both


@settings(deadline=None)
@given(any_text(400).map(one_line), st.integers(1, 120))
def test_a_shortened_text_is_the_beginning_of_the_whole(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    assert short == text or text.startswith(short.removesuffix("…"))


@settings(deadline=None)
@given(any_text(600).map(one_line), st.integers(1, 8))
def test_the_parts_of_a_text_are_the_text(text: str, count: int) -> None:
    parts = in_parts(text, count)
    assert len(parts) == count
    assert bare("".join(parts)) == bare(text)
    assert "" not in parts[: sum(1 for part in parts if part)]
