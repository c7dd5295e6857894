"""Which letters can be drawn, and how a line of several scripts is put in order."""

from __future__ import annotations

import pytest

from tenxsom.media import fonts
from tenxsom.media.fonts import letters_without_glyph, what_cannot_be_drawn
from tenxsom.media.lettering import Lettering, visual_runs
from tests.scripts_of_the_world import EMOJI, SENTENCES


@pytest.mark.parametrize("text", [*SENTENCES.values(), *EMOJI], ids=[*SENTENCES, *EMOJI])
def test_the_fonts_at_hand_have_the_letters_of_the_worlds_scripts(text: str) -> None:
    assert letters_without_glyph([text]) == []
    assert what_cannot_be_drawn([text]) is None


@pytest.mark.parametrize("letter", ["𓀀", "ᠮ", "\U0010fffd", "𒀀", "\u0378"])
def test_a_letter_that_no_font_has_is_named_once(letter: str) -> None:
    assert letters_without_glyph([f"a{letter}b", f"{letter}c"]) == [letter]
    assert letter in (what_cannot_be_drawn([f"a{letter}b"]) or "")


@pytest.mark.parametrize("text", ["", " ", "\u200b\u200d\ufe0f\u2060", "\u3000\u00a0", "a\x00b\r\n", "\ud800"])
def test_what_is_not_drawn_needs_no_glyph(text: str) -> None:
    assert what_cannot_be_drawn([text]) is None


def test_a_mark_that_no_font_has_with_its_letter_is_named_with_it() -> None:
    assert letters_without_glyph(["ก\u1dc0"]) == ["ก\u1dc0"]


@pytest.mark.case
def test_without_the_east_asian_font_its_letters_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    others = tuple(face for face in fonts.faces() if "CJK" not in face.path.name)
    monkeypatch.setattr(fonts, "faces", lambda: others)
    assert letters_without_glyph(["潮 tide 潮汐"]) == ["潮", "汐"]


def test_only_so_many_letters_are_named_in_a_sentence() -> None:
    sentence = what_cannot_be_drawn(["".join(chr(0x13000 + number) for number in range(40))]) or ""
    assert sentence.endswith("𓀋 …")


@pytest.mark.parametrize(("text", "names"), [("مرحبا", "Arabic"), ("नमस्ते שלום", "Devanagari, Hebrew")])
def test_where_letters_cannot_be_joined_that_is_told(monkeypatch: pytest.MonkeyPatch, text: str, names: str) -> None:
    monkeypatch.setattr(fonts, "can_join", lambda: False)
    assert f"the letters of {names} here" in (what_cannot_be_drawn([text]) or "")
    assert what_cannot_be_drawn(["plain"]) is None


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("abc", ["abc"]),
        ("מזל", ["מזל"]),
        ("say שלום now", ["say ", "שלום", " now"]),
        ("שלום GPT-5 עולם", ["עולם", " ", "GPT-5", " ", "שלום"]),
        ("שלום 2026 עולם", ["עולם", " 2026 ", "שלום"]),
        ("潮 tide", ["潮", " tide"]),
    ],
)
def test_runs_stand_in_the_order_in_which_they_are_seen(line: str, seen: list[str]) -> None:
    assert "".join(run.text for run in visual_runs((line,))).replace(" ", "") == "".join(seen).replace(" ", "")


def test_han_characters_follow_the_language_of_their_line() -> None:
    numbers = [visual_runs((line,))[0].face.number for line in ("骨", "骨は", "骨의")]
    assert len(set(numbers)) == 3


@pytest.mark.parametrize("text", [*SENTENCES.values(), "", "\u202ex", "a\ud800"])
def test_every_line_has_a_width(text: str) -> None:
    assert Lettering(20).width(text) >= 0
