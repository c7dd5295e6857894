"""Finds the font that has a letter: the user's own, then Inter, then Noto for the other scripts, then a font of the system.

Inter and Noto come as Python packages under the SIL Open Font License. Chinese, Japanese and Korean are the largest; without their
package everything else works, and `letters_without_glyph` returns the letters that are missing. Fonts of the system are found by
fontconfig, where the extra `scripts` is installed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tenxsom.errors import BadInput
from tenxsom.safe_files import read_file
from tenxsom.text import graphemes, one_line

_SHOWN_AT_MOST = 12
_SUFFIXES = frozenset((".ttf", ".otf", ".ttc", ".otc"))
_BOLD = 200
"""fontconfig's number of the weight bold."""
_JOINED_SCRIPTS = frozenset(
    (
        *("ARABIC", "SYRIAC", "HEBREW", "DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER", "MALAYALAM"),
        *(
            "MYANMAR",
            "ORIYA",
            "SINHALA",
            "TAMIL",
            "TELUGU",
            "THAANA",
            "TIBETAN",
            "MONGOLIAN",
            "NKO",
            "ADLAM",
            "JAVANESE",
            "BALINESE",
        ),
    )
)
"""Scripts with joined letters, or written from right to left: HarfBuzz and FriBiDi draw them."""


class Face(NamedTuple):
    """A font file and the index of a font in it."""

    path: Path
    number: int = 0
    strike: int = 0
    """The size in pixels of a font whose letters are coloured pictures; 0 for outlines, which have any size."""


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


def face_of(letter: str, font: Face | None = None) -> Face | None:
    """Return the first font that has a whole grapheme cluster, else the first that has its base; else None.

    `font` is tried first, then the installed packages, then the fonts of the system.
    """
    needed = _drawn(letter)
    if not needed:
        return None
    known = (font, *faces()) if font else faces()
    whole = next((face for face in known if needed <= _coverage(face)), None)
    base = {ord(letter[0])} & needed or needed
    return whole or _system_face(letter) or next((face for face in known if base <= _coverage(face)), None)


def has_glyph(letter: str, font: Face | None = None) -> bool:
    """Return whether a font has every part of a grapheme cluster; an invisible one (a blank, a joiner) needs no font."""
    needed = _drawn(letter)
    face = face_of(letter, font) if needed else None
    return not needed or (face is not None and needed <= _coverage(face))


def _drawn(letter: str) -> frozenset[int]:
    """Return the characters of a grapheme cluster that need a glyph."""
    return frozenset(ord(character) for character in letter if _is_drawn(character))


@lru_cache(maxsize=4096)
def _system_face(letter: str) -> Face | None:
    """Return the system's font that has a whole grapheme cluster, upright and the boldest; None without the extra `scripts`."""
    if find_spec("fontconfig") is None:
        return None
    import fontconfig

    needed = _drawn(letter)
    pattern = f":charset={' '.join(f'{code:x}' for code in sorted(needed))}"
    found = fontconfig.list(pattern, select=("file", "index", "weight", "slant", "color"))
    usable = [each for each in found if Path(each["file"]).suffix.lower() in _SUFFIXES and not each.get("color")]
    usable.sort(key=lambda each: (each.get("slant", 0), abs(each.get("weight", 80) - _BOLD), each["file"]))
    able = (Face(Path(each["file"]), each.get("index", 0) & 0xFFFF) for each in usable)  # the upper half names an instance
    return next((face for face in able if needed <= _coverage(face)), None)


def colour_face_of(letter: str) -> Face | None:
    """Return the system's font of coloured pictures for an emoji; None for another letter, or where there is no such font."""
    wide_symbol = unicodedata.category(letter[0]) == "So" and unicodedata.east_asian_width(letter[0]) == "W"
    if not (wide_symbol or "\ufe0f" in letter or "\U0001f1e6" <= letter[0] <= "\U0001f1ff"):
        return None
    face = _colour_emoji()
    return face if face and _drawn(letter) <= _coverage(face) else None


@lru_cache(maxsize=1)
def _colour_emoji() -> Face | None:
    """Return the system's emoji font whose letters are bitmaps (CBDT), which FreeType draws without further libraries."""
    if find_spec("fontconfig") is None:
        return None
    import fontconfig
    from fontTools.ttLib import TTFont

    for found in sorted(each["file"] for each in fontconfig.list(":color=true:charset=1f600", select=("file",))):
        if Path(found).suffix.lower() in _SUFFIXES:
            with Path(found).open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
                if "CBDT" in font:
                    return Face(Path(found), 0, max(strike.bitmapSizeTable.ppemY for strike in font["CBLC"].strikes))
    return None


def in_the_language_of(face: Face, text: str) -> Face:
    """Return the face for the Han characters of a text's language: Japanese with kana, Korean with hangul, else Chinese."""
    if not face.path.name.endswith(".ttc"):
        return face
    if any("\u3041" <= letter <= "\u30ff" for letter in text):
        return face._replace(number=_JAPANESE)
    return face._replace(number=_KOREAN) if any("\uac00" <= letter <= "\ud7a3" for letter in text) else face


def letters_without_glyph(texts: Iterable[str], font: Face | None = None) -> list[str]:
    """Return the letters (grapheme clusters) of the texts that no font here can draw, in their order, each once."""
    letters = dict.fromkeys(letter for text in texts for letter in graphemes(one_line(text)))
    return [letter for letter in letters if not (letter.isascii() or has_glyph(letter, font))]


def what_cannot_be_drawn(texts: Iterable[str]) -> str | None:
    """Return one sentence about the letters that a preview's captions cannot show correctly; None when there are none."""
    texts = list(texts)
    if missing := letters_without_glyph(texts):
        return "The captions in the picture cannot show these letters, which no font here has, and draw boxes instead: " + _shown(
            missing
        )
    return _what_cannot_be_joined(texts)


def why_not_burned(texts: Iterable[str], font: Face | None = None) -> str | None:
    """Return why texts cannot be burned into a film as captions, with the remedy, as the end of a sentence; None if they can."""
    texts = list(texts)
    if missing := letters_without_glyph(texts, font):
        return (
            f"no font here has these letters of its captions: {_shown(missing)}. Install a font that has them (with the extra "
            'tenxsom-ai[scripts] the fonts of the system are found), name its file in CAPTION_FONT, or write "captions": "srt"'
        )
    return _what_cannot_be_joined(texts)


def face_in(path: Path) -> Face:
    """Return the font of a file. Raises BadInput when it is no font that can be used."""
    from PIL import ImageFont

    face = Face(path)
    try:
        read_file(path, 0)  # a pipe or a device would be waited for
        has_letters = bool(_coverage(face))
        ImageFont.truetype(str(path), 20)
    except Exception as error:  # fontTools raises the errors of many readers; the file is the user's
        raise BadInput(f"{path} cannot be used as a font: {_reason(error)}. Name a TrueType or OpenType file.") from error
    if not has_letters:
        raise BadInput(f"{path} cannot be used as a font: it has no letters. Name a TrueType or OpenType file.")
    return face


def _reason(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else "it is damaged, or of another format"


def _shown(letters: Sequence[str]) -> str:
    return " ".join(letters[:_SHOWN_AT_MOST]) + (" …" if len(letters) > _SHOWN_AT_MOST else "")


def _what_cannot_be_joined(texts: Iterable[str]) -> str | None:
    """Return a sentence about scripts with joined letters where FriBiDi is missing."""
    if can_join():
        return None
    joined = {script for text in texts for letter in text if (script := _script(letter)) in _JOINED_SCRIPTS}
    names = ", ".join(sorted(script.title() for script in joined))
    return (
        f"The captions in the picture cannot join the letters of {names} here: install FriBiDi (Debian: libfribidi0)."
        if names
        else None
    )


def _is_drawn(character: str) -> bool:
    """Return whether a character needs a glyph: blanks, formatting characters and variation selectors do not."""
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return not is_selector and unicodedata.category(character) not in ("Zs", "Zl", "Zp", "Cc", "Cf")


@lru_cache(maxsize=64)
def _coverage(face: Face) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with face.path.open("rb") as file, TTFont(file, fontNumber=face.number, lazy=True) as font:
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
