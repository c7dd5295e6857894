"""Which letters can be drawn, and how a line of several scripts is put in order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenxsom.errors import BadInput
from tenxsom.media import fonts
from tenxsom.media.fonts import face_in, face_of, letters_without_glyph, what_cannot_be_drawn, why_not_burned
from tenxsom.media.lettering import Lettering, visual_runs
from tests.made_fonts import STRIKE, make_colour_font, make_font
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


@pytest.mark.parametrize(("text", "names"), [("مرحبا", "Arabic"), ("नमस्ते שלום", "Devanagari, Hebrew"), ("ߒߞߏ", "Nko")])
def test_where_letters_cannot_be_joined_that_is_told(monkeypatch: pytest.MonkeyPatch, text: str, names: str) -> None:
    monkeypatch.setattr(fonts, "can_join", lambda: False)
    assert f"the letters of {names} here" in (what_cannot_be_drawn([text]) or "")
    assert "install FriBiDi" in (fonts.why_not_burned([text]) or "")
    assert what_cannot_be_drawn(["plain"]) is None


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("abc", ["abc"]),
        ("מזל", ["מזל"]),
        ("say שלום now", ["say ", "שלום", " now"]),
        ("שלום GPT-5 עולם", ["עולם", " ", "GPT-5", " ", "שלום"]),
        ("שלום 2026 עולם", ["עולם", " 2026 ", "שלום"]),
        ("שלום (world) end", ["end", ")", "world", "(", "שלום"]),
        ("say (שלום) end", ["say (", "שלום", ") end"]),
        ("潮 tide", ["潮", " tide"]),
    ],
)
def test_runs_stand_in_the_order_in_which_they_are_seen(line: str, seen: list[str]) -> None:
    assert "".join(run.text for run in visual_runs((line,))).replace(" ", "") == "".join(seen).replace(" ", "")


@pytest.mark.case
def test_a_letter_with_a_tower_of_marks_covers_no_picture() -> None:
    letter = "Z" + "\u0301\u0302\u0316" * 60
    type_ = Lettering(40)
    (run,) = type_.runs((letter,))
    assert sum(type_.extent(run)) < 40 * 5
    for plain in ("กำ้", "नमस्ते", "שָׁלוֹם", "བསྒྲུབས", "👨‍👩‍👧‍👦"):
        assert "".join(run.text for run in type_.runs((plain,))) in (plain, plain[::-1])


def test_han_characters_follow_the_language_of_their_line() -> None:
    numbers = [visual_runs((line,))[0].face.number for line in ("骨", "骨は", "骨의")]
    assert len(set(numbers)) == 3


@pytest.mark.parametrize("text", [*SENTENCES.values(), "", "\u202ex", "a\ud800"])
def test_every_line_has_a_width(text: str) -> None:
    assert Lettering(20).width(text) >= 0


# fonts of the user and of the system

NO_BUNDLED_FONT_HAS_IT = "\U00100041"
"""A letter of a private area: of nobody's but the font of these tests."""


def test_the_users_font_is_used_for_the_letters_that_it_has(tmp_path: Path) -> None:
    font = make_font(tmp_path / "squares.ttf", "AB")
    assert face_of("A", font) == font
    assert face_of("é", font) == face_of("é")
    assert face_of("A") != font
    assert Lettering(100, font=font).width("A") == pytest.approx(70)
    assert Lettering(100, font=font).width("é") == Lettering(100).width("é")


def test_a_letter_that_only_the_users_font_has_can_be_burned(tmp_path: Path) -> None:
    font = make_font(tmp_path / "squares.ttf", NO_BUNDLED_FONT_HAS_IT)
    assert why_not_burned([NO_BUNDLED_FONT_HAS_IT], font) is None
    assert NO_BUNDLED_FONT_HAS_IT in (why_not_burned([NO_BUNDLED_FONT_HAS_IT]) or "")


def test_a_text_that_cannot_be_burned_is_told_with_its_letters_and_the_remedy() -> None:
    sentence = why_not_burned(["plain", "with 𒀀 and 𓀀", "潮 🔥 ok"]) or ""
    assert "𒀀 𓀀." in sentence
    assert "CAPTION_FONT" in sentence
    assert '"captions": "srt"' in sentence


@pytest.mark.parametrize("text", [*SENTENCES.values(), *EMOJI, ""])
def test_the_worlds_scripts_can_be_burned(text: str) -> None:
    assert why_not_burned([text]) is None


@pytest.mark.parametrize("content", [b"", b"no font at all", b"\x00\x01\x00\x00" + bytes(200)])
def test_a_file_that_is_no_font_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "font.ttf").write_bytes(content)
    with pytest.raises(BadInput, match=r"font\.ttf cannot be used as a font"):
        face_in(tmp_path / "font.ttf")


def test_a_font_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        face_in(tmp_path / "font.ttf")


def test_a_font_without_letters_is_refused(tmp_path: Path) -> None:
    make_font(tmp_path / "empty.ttf", "")
    with pytest.raises(BadInput, match="no letters"):
        face_in(tmp_path / "empty.ttf")


def test_a_font_that_can_be_used_is_returned(tmp_path: Path) -> None:
    font = make_font(tmp_path / "squares.ttf", "AB")
    assert face_in(font.path) == font


def of_the_system(folder: Path, code: str) -> list[str]:
    """What a program prints where `folder` has the only fonts of the system; fontconfig reads its configuration once."""
    pytest.importorskip("fontconfig")
    (folder / "fonts.conf").write_text(f"<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>")
    setting = {**os.environ, "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    done = subprocess.run([sys.executable, "-c", code], env=setting, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.slow
def test_a_letter_that_only_a_font_of_the_system_has_is_found_there(tmp_path: Path) -> None:
    font = make_font(tmp_path / "squares.ttf", NO_BUNDLED_FONT_HAS_IT)
    code = f"from tenxsom.media.fonts import face_of; print(face_of({NO_BUNDLED_FONT_HAS_IT!r}).path, face_of('𓀀'))"
    assert of_the_system(tmp_path, code) == [str(font.path), "None"]


def test_coloured_emoji_of_the_system_are_found(tmp_path: Path) -> None:
    font = make_colour_font(tmp_path / "emoji.ttf", "😀🔥")
    code = "from tenxsom.media.fonts import colour_face_of as of; print(of('🔥').path, of('🔥').strike, of('🍞'), of('a'), of('☀'))"
    assert of_the_system(tmp_path, code) == [str(font.path), str(STRIKE), "None", "None", "None"]


def test_without_the_extra_no_font_of_the_system_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "find_spec", lambda _: None)
    fonts._system_face.cache_clear()
    assert face_of(NO_BUNDLED_FONT_HAS_IT) is None
    fonts._system_face.cache_clear()
