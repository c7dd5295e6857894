"""Finds the installed font that has a letter: Inter first, then Noto for the other scripts, symbols and emoji.

All fonts come as Python packages under the SIL Open Font License. Chinese, Japanese and Korean are the largest; without their
package everything else works, and `letters_without_glyph` returns the letters that are missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tenxsom.text import graphemes, one_line

_SHOWN_AT_MOST = 12
_JOINED_SCRIPTS = frozenset(
    (
        *("ARABIC", "SYRIAC", "HEBREW", "DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER", "MALAYALAM"),
        *("MYANMAR", "ORIYA", "SINHALA", "TAMIL", "TELUGU"),
    )
)
"""Scripts with joined letters, or written from right to left: HarfBuzz and FriBiDi draw them."""


class Face(NamedTuple):
    """A font file and the index of a font in it."""

    path: Path
    number: int = 0


@lru_cache(maxsize=1)
def faces() -> tuple[Face, ...]:
    """Return the installed fonts, in the order of the search for a letter."""
    inter = _folder("fontpkg_inter") / "files" / "Inter[opsz,wght].ttf"
    noto = _folder("manimgx_fonts")
    first = [inter, noto / "NotoSans[wght].ttf"]
    last = [noto / "NotoSansSymbols[wght].ttf", noto / "NotoEmoji[wght].ttf"]
    scripts = sorted(path for path in noto.glob("NotoSans*.ttf") if path not in (*first, *last) and "Italic" not in path.name)
    east_asian = [Face(_folder("manimgx_fonts_cjk") / "NotoSansCJK-VF.otf.ttc", _SIMPLIFIED)]
    found = [*map(Face, (*first, *scripts)), *east_asian, *map(Face, last)]
    return tuple(face for face in found if face.path.is_file())


_JAPANESE, _KOREAN, _SIMPLIFIED = 0, 1, 2


def face_of(letter: str) -> Face | None:
    """Return the first font that has a whole grapheme cluster, else the first that has its base; else None."""
    needed = [ord(character) for character in letter if _is_drawn(character)]
    if not needed:
        return None
    whole = next((face for face in faces() if all(code in _coverage(face) for code in needed)), None)
    return whole or next((face for face in faces() if needed[0] in _coverage(face)), None)


def has_glyph(letter: str) -> bool:
    """Return whether a font has every part of a grapheme cluster; an invisible one (a blank, a joiner) needs no font."""
    needed = [ord(character) for character in letter if _is_drawn(character)]
    return not needed or any(all(code in _coverage(face) for code in needed) for face in faces())


def in_the_language_of(face: Face, text: str) -> Face:
    """Return the face for the Han characters of a text's language: Japanese with kana, Korean with hangul, else Chinese."""
    if not face.path.name.endswith(".ttc"):
        return face
    if any("\u3041" <= letter <= "\u30ff" for letter in text):
        return face._replace(number=_JAPANESE)
    return face._replace(number=_KOREAN) if any("\uac00" <= letter <= "\ud7a3" for letter in text) else face


def letters_without_glyph(texts: Iterable[str]) -> list[str]:
    """Return the letters (grapheme clusters) of the texts that no installed font can draw, in their order, each once."""
    letters = dict.fromkeys(letter for text in texts for letter in graphemes(one_line(text)))
    return [letter for letter in letters if not (letter.isascii() or has_glyph(letter))]


def what_cannot_be_drawn(texts: Iterable[str]) -> str | None:
    """Return one sentence about the letters that captions cannot show correctly; None when there are none."""
    texts = list(texts)
    if missing := letters_without_glyph(texts):
        shown = " ".join(missing[:_SHOWN_AT_MOST]) + (" …" if len(missing) > _SHOWN_AT_MOST else "")
        return f"The captions in the picture cannot show these letters, which no font here has, and draw boxes instead: {shown}"
    if not can_join() and (
        joined := {script for text in texts for letter in text if (script := _script(letter)) in _JOINED_SCRIPTS}
    ):
        names = ", ".join(sorted(script.title() for script in joined))
        return f"The captions in the picture cannot join the letters of {names} here: install FriBiDi (Debian: libfribidi0)."
    return None


def _is_drawn(character: str) -> bool:
    """Return whether a character needs a glyph: blanks, formatting characters and variation selectors do not."""
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return not is_selector and unicodedata.category(character) not in ("Zs", "Zl", "Zp", "Cc", "Cf")


@lru_cache(maxsize=64)
def _coverage(face: Face) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(face.path, fontNumber=face.number, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


@lru_cache(maxsize=1)
def can_join() -> bool:
    """Return whether Pillow can join and order letters: its wheel contains HarfBuzz, the system must have FriBiDi."""
    from PIL import features

    return bool(features.check("raqm") and features.check("fribidi"))


def _script(letter: str) -> str:
    return "" if letter.isascii() else unicodedata.name(letter, "").split(" ", 1)[0]


def _folder(package: str) -> Path:
    """Return the folder of a font package; the folder does not exist when the package is not installed."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent") / package
