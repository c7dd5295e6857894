"""Fonts made for tests: of squares, and of coloured pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable
from fontTools.ttLib.tables.BitmapGlyphMetrics import SmallGlyphMetrics
from fontTools.ttLib.tables.C_B_D_T_ import cbdt_bitmap_format_17
from fontTools.ttLib.tables.E_B_L_C_ import BitmapSizeTable, SbitLineMetrics, Strike, eblc_index_sub_table_1
from PIL import Image

from tenxsom.media.fonts import Face

STRIKE = 64
"""The size of the pictures of a font made here, in pixels."""
PICTURE_COLOUR = (200, 0, 90)


def make_font(path: Path, letters: str) -> Face:
    """A TrueType font whose letters are squares."""
    pen = TTGlyphPen(None)
    pen.moveTo((50, 0))
    for point in ((50, 700), (650, 700), (650, 0)):
        pen.lineTo(point)
    pen.closePath()
    builder = _begun([".notdef", "square"], {ord(letter): "square" for letter in letters}, advance=700)
    builder.setupGlyf({name: pen.glyph() for name in (".notdef", "square")})
    builder.save(path)
    return Face(path)


def make_colour_font(path: Path, letters: str) -> Face:
    """A font whose letters are coloured pictures (CBDT), as Noto Color Emoji is on most Linux systems."""
    names = [f"picture{number}" for number in range(len(letters))]
    builder = _begun([".notdef", *names], {ord(letter): name for letter, name in zip(letters, names, strict=True)}, advance=1250)
    data, places = newTable("CBDT"), newTable("CBLC")
    data.version = places.version = 3.0
    data.strikeData = [{name: _picture(builder.font) for name in names}]
    places.strikes = [_strike(builder.font, names)]
    builder.font["CBDT"], builder.font["CBLC"] = data, places
    builder.save(path)
    return Face(path, 0, STRIKE)


def _begun(names: list[str], letters: Mapping[int, str], advance: int) -> FontBuilder:
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(letters)
    builder.setupHorizontalMetrics(dict.fromkeys(names, (advance, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Made", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    return builder


def _picture(font: Any) -> Any:
    png = io.BytesIO()
    Image.new("RGBA", (STRIKE, STRIKE), (*PICTURE_COLOUR, 255)).save(png, "PNG")
    glyph, metrics = cbdt_bitmap_format_17(b"", font), SmallGlyphMetrics()
    metrics.height = metrics.width = metrics.Advance = STRIKE
    metrics.BearingX, metrics.BearingY = 0, STRIKE * 4 // 5
    glyph.metrics, glyph.imageData = metrics, png.getvalue()
    return glyph


def _strike(font: Any, names: list[str]) -> Any:
    strike, size, index = Strike(), BitmapSizeTable(), eblc_index_sub_table_1(b"", font)
    size.colorRef, size.bitDepth, size.flags = 0, 32, 1
    size.ppemX = size.ppemY = STRIKE
    size.startGlyphIndex, size.endGlyphIndex = 1, len(names)
    size.hori, size.vert = _line_metrics(), _line_metrics()
    index.names, index.firstGlyphIndex, index.lastGlyphIndex = names, 1, len(names)
    index.imageFormat, index.indexFormat, index.imageDataOffset = 17, 1, 0
    strike.bitmapSizeTable, strike.indexSubTables = size, [index]
    return strike


def _line_metrics() -> Any:
    metrics = SbitLineMetrics()
    names = "caretSlopeNumerator caretSlopeDenominator caretOffset minOriginSB minAdvanceSB maxBeforeBL minAfterBL pad1 pad2"
    for name in names.split():
        setattr(metrics, name, 0)
    metrics.ascender, metrics.descender, metrics.widthMax = STRIKE * 4 // 5, -STRIKE // 5, STRIKE
    return metrics
