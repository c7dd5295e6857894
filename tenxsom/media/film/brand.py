"""Draws a brand kit into a film: logo, cards and end text, as overlays; and checks the files that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import av
from PIL import Image, ImageDraw

from tenxsom.errors import BadInput, BrokenMedia, Problem
from tenxsom.media.captions.look import Box
from tenxsom.media.check import check_video, open_picture
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.film.titles import Room, TextBlock, TextLook, bar, text_block
from tenxsom.media.fonts import Face, face_in, letters_without_glyph
from tenxsom.media.lettering import Lettering
from tenxsom.media.sound.reading import open_sound
from tenxsom.media.video_check import refuse_what_is_no_media
from tenxsom.model.brand import Brand, Ending, Logo, Plate, rgb

_FADE_SECONDS = 0.3
_END_TEXT_SECONDS = 2.5
"""How long the end text of a brand without an outro stands over the last picture."""
_HIDING = 0.6
"""Above this shade a card's ground is dark enough for letters without an edge."""
_SMOOTHING = 4


def seconds_of(ending: Ending | None) -> float:
    """Return how long an intro or outro lasts: its file's length, or the card's seconds. Raises BrokenMedia."""
    if ending is None:
        return 0.0
    if not ending.file:
        return ending.seconds
    refuse_what_is_no_media(Path(ending.file), "a video", quotes=False)
    return check_video(Path(ending.file)).seconds


def title_font(brand: Brand) -> Face | None:
    """Return the font of titles. Raises BadInput for a file that is none."""
    return face_in(Path(brand.fonts.titles)) if brand.fonts.titles else None


def caption_font(brand: Brand) -> Face | None:
    """Return the font of captions. Raises BadInput for a file that is none."""
    return face_in(Path(brand.fonts.captions)) if brand.fonts.captions else None


def brand_overlays(
    brand: Brand, *, title: str, language: str, width: int, height: int, box: Box, begin: float, end: float
) -> list[Overlay]:
    """Return what a brand shows in a film, in the order of its start.

    `box` is the part of the picture that nothing of a platform covers. `begin` and `end` are where the film proper begins and
    ends, in seconds: before and after it are the files of an intro and an outro. Cards lie inside it, at its ends.
    """
    drawing = _Drawing(brand, title, language, (width, height), box)
    intro = brand.intro.seconds if brand.intro and not brand.intro.file else 0.0
    outro = brand.outro.seconds if brand.outro and not brand.outro.file else 0.0
    found = []
    if brand.logo is not None and end - outro > begin + intro:
        found.append(drawing.logo(brand.logo, begin + intro, end - outro))
    if brand.intro is not None and intro:
        found.append(drawing.card(brand.intro, begin, begin + intro))
    if brand.outro is not None and outro:
        found.append(drawing.card(brand.outro, max(begin, end - outro), end, brand.end_text))
    elif brand.end_text:
        found.append(drawing.end_text(brand.end_text, max(begin, end - _END_TEXT_SECONDS), end))
    return sorted(found, key=lambda overlay: overlay.start)


def problems_of_files(brand: Brand, texts: Sequence[str] = ()) -> list[Problem]:
    """Return what is wrong with the files that a brand names, and with its letters, all together.

    `texts` are other texts that its fonts must be able to draw, such as the title of a film.
    """
    return list(_problems_of_files(brand, texts))


def _problems_of_files(brand: Brand, texts: Sequence[str]) -> Iterator[Problem]:
    if brand.logo is not None and brand.logo.file:
        try:
            refuse_what_is_no_media(Path(brand.logo.file), "a picture", quotes=False)
            open_picture(Path(brand.logo.file))
        except BrokenMedia as error:
            yield Problem("brand.logo.file", f"{error} Name a PNG, JPEG or WEBP picture")
    for name in ("captions", "titles"):
        if file := getattr(brand.fonts, name):
            try:
                face_in(Path(file))
            except BadInput as error:
                yield Problem(f"brand.fonts.{name}", str(error).rstrip("."))
    for name in ("intro", "outro"):
        ending: Ending | None = getattr(brand, name)
        if ending is not None and ending.file:
            try:
                seconds_of(ending)
            except BrokenMedia as error:
                yield Problem(f"brand.{name}.file", f"{error} Name a video, such as an MP4")
    if brand.music_file is not None and (why := _why_no_sound(brand.music_file)):
        yield Problem("brand.music", f"{brand.music_file.name} {why}; name a sound file, auto, none or lyria")
    yield from _problems_of_letters(brand, texts)
    yield from _problems_of_slots(brand)


def _problems_of_slots(brand: Brand) -> Iterator[Problem]:
    """Yield words in braces that stand for nothing: they would be shown on a card as they are."""
    for name in ("intro", "outro"):
        ending: Ending | None = getattr(brand, name)
        for word in re.findall(r"\{(\w+)\}", (ending.text if ending else None) or ""):
            if word != "title":
                yield Problem(f"brand.{name}.text", f"{{{word}}} stands for nothing; only {{title}} does, for the film's title")


def _problems_of_letters(brand: Brand, texts: Sequence[str]) -> Iterator[Problem]:
    own = {
        "brand.name": brand.name,
        "brand.end_text": brand.end_text,
        "brand.intro.text": brand.intro.text if brand.intro else None,
        "brand.outro.text": brand.outro.text if brand.outro else None,
    }
    for path, text in [*own.items(), *(("title", text) for text in texts)]:
        if text and (missing := letters_without_glyph([text])):
            yield Problem(path, f"no font here has these letters: {' '.join(missing[:12])}; use others, or install a font")


def _why_no_sound(file: Path) -> str | None:
    """Return why a file cannot be used as music, as the rest of a sentence; None if it can."""
    try:
        with open_sound(file) as container:
            if not container.streams.audio:
                return "has no sound in it"
            next(container.decode(audio=0))
    except (av.FFmpegError, BrokenMedia, StopIteration) as error:
        return "is not there" if isinstance(error, FileNotFoundError) else "cannot be decoded"
    return None


class _Drawing:
    """Draws the parts of one brand for one film."""

    def __init__(self, brand: Brand, title: str, language: str, size: tuple[int, int], box: Box) -> None:
        self._brand, self._title, self._language, self._size, self._box = brand, title, language, size, box
        self._unit = min(size)
        self._font = title_font(brand)

    def logo(self, logo: Logo, start: float, end: float) -> Overlay:
        """Return the logo in its corner of the box."""
        picture = _with_plate(self._mark(logo), logo.plate, self._unit)
        if logo.opacity < 1:
            picture.putalpha(picture.getchannel("A").point(lambda alpha: round(alpha * logo.opacity)))
        left, top = self._corner(logo, picture.size)
        return Overlay(start, end, left, top, lambda: picture, _FADE_SECONDS if start > 0 else 0.0)

    def _mark(self, logo: Logo) -> Image.Image:
        """Return the logo's picture in its size, or the brand's name in small letters on a plate."""
        wide = max(2, round(self._unit * logo.width))
        if logo.file is None:
            return self._name()
        picture = open_picture(Path(logo.file)).convert("RGBA")
        tall = max(1, round(picture.height * wide / picture.width))
        most = round((self._box.bottom - self._box.top) * 0.3)
        if tall > most:
            wide, tall = max(1, round(wide * most / tall)), most
        return picture.resize((wide, tall), Image.Resampling.LANCZOS)

    def _name(self) -> Image.Image:
        """Return the brand's name behind a dot in its colour."""
        type_ = Lettering(max(9, round(self._unit * 0.03)), 700, self._font)
        size, name = type_.size, self._brand.name or ""
        sheet = Image.new("RGBA", (round(type_.width(name) + size * 2.4), round(size * 1.9)), (0, 0, 0, 0))
        _rounded(sheet, (0, 0, *sheet.size), sheet.height / 2, (*rgb(self._brand.colours.dark), 160))
        middle, dot = sheet.height / 2, size * 0.28
        ImageDraw.Draw(sheet).ellipse(
            (size * 0.95 - dot, middle - dot, size * 0.95 + dot, middle + dot), fill=(*rgb(self._brand.colours.accent), 255)
        )
        type_.draw(ImageDraw.Draw(sheet), size * 1.5, middle + size * 0.36, name, (*rgb(self._brand.colours.ink), 255))
        return sheet

    def _corner(self, logo: Logo, size: tuple[int, int]) -> tuple[int, int]:
        """Return where a logo of a size lies: in its corner of the box; at its top in upright films, whose captions are below."""
        box, (wide, tall) = self._box, size
        across = logo.place.rpartition("_")[2] if "_" in logo.place else "middle"
        left = {"left": box.left, "right": box.right - wide, "middle": (self._size[0] - wide) // 2}[across]
        at_bottom = logo.place.startswith("bottom") and self._size[0] >= self._size[1]
        return left, box.bottom - tall if at_bottom else box.top

    def card(self, ending: Ending, start: float, end: float, line: str | None = None) -> Overlay:
        """Return a card: its text, the brand's name and a line over the darkened picture."""
        fade = min(_FADE_SECONDS, (end - start) / 3)
        return Overlay(start, end + fade, 0, 0, partial(self._card, ending, line), fade)  # it stays whole to the end

    def _card(self, ending: Ending, line: str | None) -> Image.Image:
        colours = self._brand.colours
        sheet = Image.new("RGBA", self._size, (*rgb(colours.dark), round(ending.shade * 255)))
        text = (ending.text or "").replace("{title}", self._title)
        look = TextLook(round(self._unit * 0.12), ink=rgb(colours.ink), font=self._font, outlined=ending.shade < _HIDING)
        block = self._block(text, look, 0.5)
        small = look._replace(size=round(self._unit * 0.042), weight=700)
        others = [self._block(each, small, 0.15) for each in (self._brand.name, line) if each]
        between = round(self._unit * 0.03)
        height = block.height + round(block.size * 0.5) + sum(other.height + between for other in others)
        middle, y = self._size[0] / 2, max(float(self._box.top), (self._size[1] - height) / 2)
        block.draw(sheet, middle, y)
        y += block.height
        y += bar(sheet, middle, y, block.size, rgb(colours.accent))
        for other in others:
            other.draw(sheet, middle, y + between)
            y += other.height + between
        return sheet

    def end_text(self, text: str, start: float, end: float) -> Overlay:
        """Return the end text on a plate at the top of the box."""
        look = TextLook(round(self._unit * 0.05), 750, rgb(self._brand.colours.ink), self._font, outlined=False)
        block = self._block(text, look, 0.25)
        pad = round(block.size * 0.7)
        size = (round(block.width) + 2 * pad, block.height + 2 * pad)
        fade = min(_FADE_SECONDS, (end - start) / 3)
        left = (self._size[0] - size[0]) // 2
        top = self._box.top + round((self._box.bottom - self._box.top) * 0.2)
        return Overlay(start, end + fade, left, top, partial(self._plated, block, size, pad), fade)

    def _plated(self, block: TextBlock, size: tuple[int, int], pad: int) -> Image.Image:
        sheet = Image.new("RGBA", size, (0, 0, 0, 0))
        _rounded(sheet, (0, 0, *size), pad * 0.8, (*rgb(self._brand.colours.dark), 190))
        block.draw(sheet, size[0] / 2, pad)
        return sheet

    def _block(self, text: str, look: TextLook, share: float) -> TextBlock:
        """Return a text for a share of the picture's height, within the box and centred in the picture."""
        middle = self._size[0] / 2
        width = 2 * max(min(middle - self._box.left, self._box.right - middle), self._size[0] * 0.3)
        return text_block(text, self._language, look, Room(width, self._size[1] * share))


def _with_plate(picture: Image.Image, plate: Plate | None, unit: int) -> Image.Image:
    """Return the picture on a rounded plate, if there is one."""
    if plate is None:
        return picture
    pad = max(2, round(unit * 0.016))
    sheet = Image.new("RGBA", (picture.width + 2 * pad, picture.height + 2 * pad), (0, 0, 0, 0))
    _rounded(sheet, (0, 0, *sheet.size), pad * 1.2, (*rgb(plate.colour), round(plate.opacity * 255)))
    sheet.alpha_composite(picture, (pad, pad))
    return sheet


def _rounded(sheet: Image.Image, box: tuple[int, int, int, int], radius: float, colour: tuple[int, int, int, int]) -> None:
    """Fill a rounded rectangle with smooth corners."""
    wide, tall = box[2] - box[0], box[3] - box[1]
    mask = Image.new("L", (wide * _SMOOTHING, tall * _SMOOTHING))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * _SMOOTHING, fill=255)
    sheet.paste(colour, (box[0], box[1]), mask.resize((wide, tall), Image.Resampling.LANCZOS))
