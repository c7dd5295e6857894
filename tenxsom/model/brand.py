"""A brand kit: what makes the films of a channel look and sound alike. One file in templates/brands/ for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tenxsom.errors import BadDefinition, Problem
from tenxsom.model.choices import CaptionStyle, is_sound_file
from tenxsom.model.definition import AS_OBJECT, AS_TEXT, Voice
from tenxsom.model.problems import sentence_of
from tenxsom.model.stored import shown
from tenxsom.spelling import did_you_mean
from tenxsom.text import is_blank

Place = Literal["top_left", "top", "top_right", "bottom_left", "bottom", "bottom_right"]
Rgb = tuple[int, int, int]


def _colour(text: str) -> str:
    if not re.fullmatch(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", text):
        raise ValueError(f"{shown(text)} is no colour; write it as #RRGGBB, such as #FFCB40")
    return text


def _line(text: str) -> str:
    if is_blank(text) or re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text):
        raise ValueError("it must be one line of visible text")
    return text


Colour = Annotated[str, AfterValidator(_colour)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_line)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_line)]


def rgb(colour: str) -> Rgb:
    """Return red, green and blue (0 to 255) of a colour such as #FFCB40 or #FC4."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Plate(_Part):
    """A rounded rectangle behind the logo, so that it is seen on any picture."""

    colour: Colour = "#0A0E18"
    opacity: float = Field(default=0.6, ge=0, le=1)


class Logo(_Part):
    """The mark in a corner of the picture: a picture file, else the brand's name in small letters."""

    file: FileName | None = Field(default=None, description="A PNG, JPEG or WEBP picture; transparent parts stay so.")
    place: Place = Field(default="top_left", description="Its corner. Upright films have it at the top: captions are below.")
    width: float = Field(default=0.16, ge=0.02, le=0.6, description="Its width as a share of the picture's shorter side.")
    opacity: float = Field(default=1.0, gt=0, le=1)
    plate: Plate | None = Field(default=None, description="What lies behind it; a name without a picture always has one.")


class Colours(_Part):
    ink: Colour = Field(default="#FFFFFF", description="Letters.")
    accent: Colour = Field(default="#FFCB40", description="The spoken word, and the bar under titles.")
    dark: Colour = Field(default="#0A0E18", description="The ground of cards.")


class Fonts(_Part):
    """Font files; without one, the font that comes with the program. Missing letters come from the bundled fonts."""

    captions: FileName | None = None
    titles: FileName | None = None


class Ending(_Part):
    """What a film begins or ends with: a video file, or a card with a text over the darkened picture."""

    file: FileName | None = Field(default=None, description="A video; it is shown whole, with its own sound.")
    text: Line | None = Field(default=None, description="The card's text; {title} stands for the film's title.")
    seconds: float = Field(default=2.4, ge=0.5, le=15, description="How long the card is shown.")
    shade: float = Field(default=0.78, ge=0, le=1, description="How dark the picture behind the card is; 1 hides it.")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.file is None) == (self.text is None):
            raise ValueError("it must have either a file or a text")
        return self


class ThumbnailLook(_Part):
    """How the title stands on the thumbnail."""

    place: Literal["top", "middle", "bottom"] = "middle"
    shade: float = Field(default=0.35, ge=0, le=0.9, description="How much the picture is darkened behind the title.")
    size: float = Field(default=0.12, ge=0.03, le=0.3, description="The height of the letters as a share of the shorter side.")
    capitals: bool = False
    name: bool = Field(default=True, description="Whether the brand's name stands under the title.")


class Brand(_Part):
    """A brand kit. File names are relative to the folder of its own file."""

    name: Line | None = Field(default=None, description="The channel's name, as viewers read it.")
    logo: Logo | None = None
    colours: Colours = Colours()
    fonts: Fonts = Fonts()
    caption_style: CaptionStyle | None = None
    voice: Voice | None = None
    music: FileName | None = Field(default=None, description="auto, none, lyria, or a sound file.")
    intro: Ending | None = None
    outro: Ending | None = None
    end_text: Line | None = Field(default=None, description="A line at the end of the film, such as where to find more.")
    thumbnail: ThumbnailLook = ThumbnailLook()

    @model_validator(mode="after")
    def _logo_has_something_to_show(self) -> Self:
        if self.logo is not None and self.logo.file is None and self.name is None:
            raise ValueError("a logo needs a file, or the brand a name")
        return self

    @property
    def music_file(self) -> Path | None:
        """Return the brand's sound file; None where `music` is not set or names no file."""
        return Path(self.music) if self.music and is_sound_file(self.music) else None

    def in_folder(self, folder: Path) -> Brand:
        """Return the brand with its file names as absolute paths."""
        return self.with_files(lambda name: str(folder / name))

    def files(self) -> set[str]:
        """Return the names of all its files."""
        found: set[str] = set()

        def noted(name: str) -> str:
            found.add(name)
            return name

        self.with_files(noted)
        return found

    def with_files(self, place_of: Callable[[str], str]) -> Brand:
        """Return the brand with other names of its files: what `place_of` says of each."""

        def place(name: str | None) -> str | None:
            return place_of(name) if name else None

        def placed(part: Any) -> Any:
            return part.model_copy(update={"file": place(part.file)}) if part else None

        fonts = Fonts(captions=place(self.fonts.captions), titles=place(self.fonts.titles))
        music = place(self.music) if self.music_file else self.music
        files = {"logo": placed(self.logo), "intro": placed(self.intro), "outro": placed(self.outro)}
        return self.model_copy(update={**files, "fonts": fonts, "music": music})


def check_brand(document: dict[str, Any], source: str) -> Brand:
    """Return the brand kit of a document. Raises BadDefinition with all its problems, whose paths begin with `brand`."""
    try:
        return Brand.model_validate(document)
    except ValidationError as error:
        raise BadDefinition(source, [_problem(detail) for detail in error.errors(include_url=False)]) from None


def _problem(detail: Any) -> Problem:
    parts = [str(part) for part in detail["loc"] if part not in (AS_TEXT, AS_OBJECT)]
    path = ".".join(["brand", *parts])
    if detail["type"] == "extra_forbidden":
        return Problem(path, f"there is no such field.{did_you_mean(parts[-1], _fields_of(parts[:-1]))}")
    return Problem(path, sentence_of(detail))


def _fields_of(parts: list[str]) -> list[str]:
    """Return the names of the fields of the part at a path."""
    inner: dict[str, type[BaseModel]] = {
        "logo": Logo,
        "colours": Colours,
        "fonts": Fonts,
        "intro": Ending,
        "outro": Ending,
        "thumbnail": ThumbnailLook,
        "plate": Plate,
    }
    return list(inner.get(parts[-1], Brand).model_fields) if parts else list(Brand.model_fields)
