"""What is drawn for a film: brand, titles, thumbnail and contact sheet. Pictures are compared by what is where."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tenxsom import clock
from tenxsom.errors import BrokenMedia, OutOfTime
from tenxsom.media.captions.look import Box
from tenxsom.media.encode import Mp4Writer, new_mp4
from tenxsom.media.film.assemble import assemble
from tenxsom.media.film.brand import brand_overlays, problems_of_files, seconds_of
from tenxsom.media.film.order import FilmOrder, Shot
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.film.sheet import contact_sheet
from tenxsom.media.film.thumbnail import make_title_thumbnail
from tenxsom.media.film.titles import Room, TextLook, text_block
from tenxsom.media.moments import pictures_at
from tenxsom.media.sound.reading import open_sound
from tenxsom.media.thumbnail import make_thumbnail
from tenxsom.media.video_file import open_video
from tenxsom.model.brand import Brand, Ending, Fonts, Logo, Plate, ThumbnailLook
from tenxsom.services import local_studio
from tenxsom_studio.painting.caption import badge_layer
from tests.film_parts import TALL, grey_clip, tone_file
from tests.odd_videos import write_clip
from tests.scripts_of_the_world import SENTENCES

UPRIGHT, WIDE = (540, 960), (960, 540)
BOX = {UPRIGHT: Box(60, 144, 444, 624), WIDE: Box(48, 27, 912, 486)}


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """A red square with a transparent edge."""
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    picture.paste((220, 20, 20, 255), (10, 10, 90, 90))
    picture.save(tmp_path / "logo.png")
    return tmp_path / "logo.png"


def overlays(brand: Brand, size: tuple[int, int] = UPRIGHT, seconds: float = 10.0, **more: Any) -> list[Overlay]:
    words: dict[str, Any] = {"title": "Why does bread rise?", "language": "en", "begin": 0.0, "end": seconds} | more
    return brand_overlays(brand, width=size[0], height=size[1], box=BOX[size], **words)


def over(overlay: Overlay, size: tuple[int, int] = UPRIGHT, ground: tuple[int, int, int] = (120, 120, 120)) -> NDArray[np.uint8]:
    """What an overlay looks like in a film."""
    sheet, layer = Image.new("RGBA", size, (*ground, 255)), Image.new("RGBA", size, (0, 0, 0, 0))
    layer.paste(overlay.picture(), (overlay.left, overlay.top))
    sheet.alpha_composite(layer)
    return np.asarray(sheet.convert("RGB"))


def where(mask: NDArray[np.bool_]) -> Box:
    """The rectangle of what is marked."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def is_red(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (picture[:, :, 0] > 180) & (picture[:, :, 1] < 90)


def is_white(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(picture.min(axis=2) > 230)


# brand


@pytest.mark.parametrize(
    ("size", "place", "side", "edge"),
    [
        (UPRIGHT, "top_left", "left", "top"),
        (UPRIGHT, "top_right", "right", "top"),
        (UPRIGHT, "bottom_right", "right", "top"),  # captions are at the bottom of upright films
        (WIDE, "bottom_right", "right", "bottom"),
        (WIDE, "top", "middle", "top"),
        (WIDE, "bottom_left", "left", "bottom"),
    ],
)
def test_a_logo_is_in_its_corner_of_the_safe_area(logo: Path, size: tuple[int, int], place: Any, side: str, edge: str) -> None:
    (overlay,) = overlays(Brand(logo=Logo(file=str(logo), place=place, width=0.2)), size)
    spot, box = where(is_red(over(overlay, size))), BOX[size]
    assert (box.left - 2 <= spot.left, spot.right <= box.right + 2, box.top - 2 <= spot.top, spot.bottom <= box.bottom + 2) == (
        True,
    ) * 4
    assert spot.right - spot.left == pytest.approx(min(size) * 0.2 * 0.8, abs=3)
    middles = {"left": box.left, "middle": size[0] / 2, "right": box.right}
    assert min(middles, key=lambda name: abs(middles[name] - (spot.left + spot.right) / 2)) == side
    assert (spot.top < size[1] / 2) == (edge == "top")


def test_a_logo_stands_on_its_plate(logo: Path) -> None:
    plain, plated = (
        overlays(Brand(logo=Logo(file=str(logo), width=0.2, plate=plate)))[0]
        for plate in (None, Plate(colour="#FFFFFF", opacity=1))
    )
    assert not is_white(over(plain)).any()
    plate, mark = where(is_white(over(plated))), where(is_red(over(plated)))
    assert (plate.left < mark.left, plate.right > mark.right, plate.top < mark.top, plate.bottom > mark.bottom) == (True,) * 4


def test_a_name_stands_for_a_missing_logo_and_is_readable_on_a_pale_sky() -> None:
    (overlay,) = overlays(Brand(name="Kitchen Table Science", logo=Logo()))
    picture = over(overlay, ground=(235, 240, 250))
    spot = picture[overlay.top :, overlay.left :][: overlay.picture().height, : overlay.picture().width]
    assert np.percentile(spot, 20) < 130, "the plate is dark"
    assert is_white(spot).sum() > 100


def test_a_very_tall_logo_takes_no_more_than_its_part_of_the_picture(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 900), (220, 20, 20, 255)).save(tmp_path / "tall.png")
    (overlay,) = overlays(Brand(logo=Logo(file=str(tmp_path / "tall.png"), width=0.6)))
    assert overlay.picture().height <= 0.31 * (BOX[UPRIGHT].bottom - BOX[UPRIGHT].top)


def test_cards_lie_at_the_ends_and_the_logo_between_them(logo: Path) -> None:
    brand = Brand(
        name="Channel", logo=Logo(file=str(logo)), intro=Ending(text="Hello", seconds=1.5), outro=Ending(text="{title}", seconds=2)
    )
    intro, mark, outro = overlays(brand)
    assert (intro.start, mark.start, mark.end, outro.start) == (0, 1.5, 8, 8)
    assert outro.strength(9.99) > 0.99, "it does not fade before the film ends"
    assert [overlay.start for overlay in overlays(brand)] == sorted(overlay.start for overlay in overlays(brand))


def test_a_card_shows_the_title_within_the_safe_area() -> None:
    outro = overlays(Brand(name="Channel", outro=Ending(text="{title}")))[-1]
    short, long = (overlays(Brand(outro=Ending(text="{title}")), title=title)[-1] for title in ("Ja", "Donaudampfschifffahrt " * 5))
    for overlay in (outro, short, long):
        spot = where(is_white(over(overlay, ground=(0, 0, 0))))
        assert spot.left >= 60
        assert spot.right <= 480
        assert spot.bottom <= 720


def test_an_end_text_without_an_outro_stands_over_the_last_picture() -> None:
    (overlay,) = overlays(Brand(end_text="More tomorrow"))
    assert overlay.start == 7.5
    spot = where(is_white(over(overlay)))
    assert spot.top >= BOX[UPRIGHT].top
    assert spot.bottom < 480


def test_a_brand_without_anything_to_show_shows_nothing() -> None:
    assert overlays(Brand(name="Channel")) == []


def test_a_film_that_is_shorter_than_its_cards_has_no_logo_and_no_error(logo: Path) -> None:
    brand = Brand(logo=Logo(file=str(logo)), intro=Ending(text="Hello"), outro=Ending(text="Bye"))
    assert [overlay.start for overlay in overlays(brand, seconds=2.0)] == [0, 0]


def test_an_intro_from_a_file_is_as_long_as_its_file(tmp_path: Path) -> None:
    assert seconds_of(Ending(file=str(write_clip(tmp_path / "intro.mp4", seconds=1.5)))) == 1.5
    assert (seconds_of(Ending(text="Hello", seconds=2)), seconds_of(None)) == (2, 0)


def test_all_files_of_a_brand_are_looked_at_together(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    (tmp_path / "no.ttf").write_bytes(b"\0" * 100)
    (tmp_path / "no.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    silent = write_clip(tmp_path / "silent.mp4", seconds=0.5, sound_seconds=0)
    brand = Brand(
        name="Channel",
        logo=Logo(file=str(tmp_path / "no.png")),
        fonts=Fonts(captions=str(tmp_path / "no.ttf"), titles=str(tmp_path / "missing.ttf")),
        intro=Ending(file=str(tmp_path / "no.mp4")),
        outro=Ending(file=str(tmp_path / "missing.mp4")),
        music=str(silent),
        end_text="\U000f0000",
    )
    found = {problem.path: problem.message for problem in problems_of_files(brand, ["\U000f0001"])}
    assert set(found) == {
        *("brand.logo.file", "brand.fonts.captions", "brand.fonts.titles", "brand.intro.file", "brand.outro.file"),
        *("brand.music", "brand.end_text", "title"),
    }
    assert "no.png" in found["brand.logo.file"]
    assert found["brand.music"].startswith("silent.mp4 has no sound in it")


def test_files_that_can_be_used_are_no_problem(tmp_path: Path, logo: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=0.5)
    brand = Brand(logo=Logo(file=str(logo)), intro=Ending(file=str(clip)), music=str(tone_file(tmp_path / "bed.wav", 1)))
    assert problems_of_files(brand, ["A title"]) == []


FILES_OF_A_BRAND: dict[str, Callable[[str], Brand]] = {
    "brand.logo.file": lambda file: Brand(logo=Logo(file=file)),
    "brand.intro.file": lambda file: Brand(intro=Ending(file=file)),
    "brand.outro.file": lambda file: Brand(outro=Ending(file=file)),
    "brand.fonts.titles": lambda file: Brand(fonts=Fonts(titles=file)),
    "brand.fonts.captions": lambda file: Brand(fonts=Fonts(captions=file)),
    "brand.music": lambda file: Brand(music=file),
}


@pytest.mark.parametrize("place", FILES_OF_A_BRAND)
def test_a_refusal_of_a_brands_file_quotes_nothing_of_it(tmp_path: Path, place: str) -> None:
    (tmp_path / "odd.mp4").write_text("LTX_API_KEY=never-show-this")
    (problem,) = problems_of_files(FILES_OF_A_BRAND[place](str(tmp_path / "odd.mp4")))
    assert problem.path == place
    assert "never-show-this" not in problem.message


def test_an_intro_that_became_text_since_is_not_quoted_either(tmp_path: Path) -> None:
    (tmp_path / "odd.mp4").write_text("LTX_API_KEY=never-show-this")
    with pytest.raises(BrokenMedia, match="plain text, not a video") as refused:
        seconds_of(Ending(file=str(tmp_path / "odd.mp4")))
    assert "never-show-this" not in str(refused.value)


@pytest.mark.parametrize("place", FILES_OF_A_BRAND)
def test_no_pipe_and_no_device_in_place_of_a_brands_file_is_waited_for(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", Path("/dev/zero")):
        (problem,) = problems_of_files(FILES_OF_A_BRAND[place](str(odd)))
        assert problem.path == place


@pytest.mark.parametrize("opened", [open_video, open_sound])
@pytest.mark.parametrize("odd", ["pipe", "/dev/zero"])
def test_a_clip_or_a_sound_that_became_a_pipe_or_a_device_is_broken(
    tmp_path: Path, opened: Callable[[Path], AbstractContextManager[object]], odd: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BrokenMedia, match="no ordinary file"), opened(tmp_path / odd):
        pytest.fail("it was opened")


@pytest.mark.parametrize(("music", "why"), [("gone.mp3", "is not there"), ("text.mp3", "cannot be decoded")])
def test_music_that_cannot_be_played_is_refused(tmp_path: Path, music: str, why: str) -> None:
    (tmp_path / "text.mp3").write_text("la la la")
    (problem,) = problems_of_files(Brand(music=str(tmp_path / music)))
    assert why in problem.message


# titles


@pytest.mark.parametrize("text", [*SENTENCES.values(), "A" * 200, "word " * 60, "x", "👩‍👩‍👧‍👦 family"])
def test_a_title_fits_its_rectangle_and_keeps_every_letter(text: str) -> None:
    block = text_block(text, "en", TextLook(64), Room(400, 400))
    assert block.width <= 402
    assert "".join("".join(block.lines).split()) == "".join(text.split())


def test_a_short_title_has_the_wanted_size_and_a_long_one_a_smaller() -> None:
    short, long = (
        text_block(text, "en", TextLook(64), Room(400, 300)) for text in ("Bread", "Why does the bread that you bake rise so well?")
    )
    assert short.size == 64
    assert long.size < 64
    assert long.height <= 300


# thumbnail


def scene(path: Path, blurred: bool, size: tuple[int, int] = (270, 480)) -> Path:
    """A clip with a pattern, sharp or blurred, and a white mark at the top right as previews have one."""

    noise = Image.fromarray(np.random.default_rng(3).integers(30, 190, (60, 34, 3), np.uint8)).resize(
        size, Image.Resampling.NEAREST
    )
    picture = noise.filter(ImageFilter.GaussianBlur(12)) if blurred else noise
    picture.paste((255, 255, 255), (200, 12, 260, 36))
    with new_mp4(path) as output:
        writer = Mp4Writer(output, *size, Fraction(24), has_sound=False)
        for _ in range(48):
            writer.frame(av.VideoFrame.from_ndarray(np.asarray(picture)).reformat(format="yuv420p", dst_colorspace="ITU709"))
        writer.finish()
    return path


def thumbnail(tmp_path: Path, shots: list[Shot], title: str = "Why?", **more: Any) -> NDArray[np.uint8]:
    words = {"width": 270, "height": 480} | more
    make_title_thumbnail(shots, title, tmp_path / "film.jpg.part", **words)
    with Image.open(tmp_path / "film.jpg.part") as picture:
        assert picture.format == "JPEG"
        return np.asarray(picture.convert("RGB"))


def test_a_thumbnail_has_the_shape_of_the_film_and_the_title_in_its_middle(tmp_path: Path) -> None:
    picture = thumbnail(tmp_path, [Shot(scene(tmp_path / "a.mp4", False), 0, 2)], clear_top=0.09)
    assert picture.shape == (480, 270, 3)
    spot = where(is_white(picture))
    assert spot.top > 150
    assert spot.bottom < 330
    assert abs((spot.left + spot.right) / 2 - 135) < 12


@pytest.mark.parametrize(("place", "least", "most"), [("top", 20, 160), ("bottom", 300, 470)])
def test_a_brand_says_where_the_title_stands(tmp_path: Path, place: Any, least: int, most: int) -> None:
    brand = Brand(name="Channel", thumbnail=ThumbnailLook(place=place, capitals=True))
    picture = thumbnail(tmp_path, [Shot(scene(tmp_path / "a.mp4", True), 0, 2)], brand=brand, clear_top=0.09)
    spot = where(is_white(picture))
    assert spot.top >= least
    assert spot.bottom <= most


def test_the_sharpest_picture_is_taken(tmp_path: Path) -> None:
    shots = [Shot(scene(tmp_path / f"{name}.mp4", name != "b"), start, start + 2) for start, name in ((0, "a"), (2, "b"), (4, "c"))]
    sharp = thumbnail(tmp_path, shots)
    alone = thumbnail(tmp_path, shots[1:2])
    assert np.abs(sharp.astype(int) - alone).mean() < 3


def test_the_mark_of_a_preview_is_not_in_the_thumbnail(tmp_path: Path) -> None:
    shots = [Shot(scene(tmp_path / "a.mp4", True), 0, 2)]
    assert is_white(thumbnail(tmp_path, shots, brand=Brand(thumbnail=ThumbnailLook(shade=0))))[:80].any()
    brand = Brand(thumbnail=ThumbnailLook(shade=0))
    assert not is_white(thumbnail(tmp_path, shots, brand=brand, clear_top=0.09))[:80].any()


@pytest.mark.parametrize("size", [(1080, 1920), (1280, 720), (720, 720), (640, 352)])
def test_the_studio_marks_its_previews_only_where_it_says(size: tuple[int, int]) -> None:
    badge = badge_layer("PREVIEW", *size)
    assert badge is not None
    assert badge.y + badge.planes[0].shape[0] <= local_studio.CAPABILITIES.marked_top * size[1]


def test_a_clip_that_is_gone_does_not_cost_the_thumbnail(tmp_path: Path) -> None:
    good = Shot(scene(tmp_path / "a.mp4", False), 2, 4)
    assert thumbnail(tmp_path, [Shot(tmp_path / "gone.mp4", 0, 2), good]).shape == (480, 270, 3)
    with pytest.raises(BrokenMedia):
        thumbnail(tmp_path, [Shot(tmp_path / "gone.mp4", 0, 2)])


@pytest.mark.slow
def test_a_title_in_any_script_is_on_the_thumbnail(tmp_path: Path) -> None:
    shots = [Shot(grey_clip(tmp_path / "a.mp4", [60] * 24), 0, 1)]
    for text in SENTENCES.values():
        assert is_white(thumbnail(tmp_path, shots, text)).sum() > 200


# moments and contact sheet


def test_pictures_are_those_of_their_moments(tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "rising.mp4", [20 + 2 * number for number in range(96)])
    levels = [frame.to_ndarray(format="rgb24").mean() for frame in pictures_at(clip, [0, 0.5, 1.9, 2.0, 3.3, 99])]
    assert levels == pytest.approx([20, 44, 20 + 2 * 45, 20 + 2 * 48, 20 + 2 * 79, 210], abs=3)


def test_a_key_frame_near_by_is_taken_instead(tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "rising.mp4", [20 + 2 * number for number in range(96)])
    (frame,) = pictures_at(clip, [1.8], tolerance=0.5)
    assert frame.to_ndarray(format="rgb24").mean() == pytest.approx(20 + 2 * 48, abs=3)


@pytest.mark.parametrize(("size", "rows"), [(TALL, 1), ((284, 160), 2), ((160, 160), 2)])
def test_a_contact_sheet_shows_the_film_from_its_first_to_its_last_picture(
    tmp_path: Path, size: tuple[int, int], rows: int
) -> None:
    film = grey_clip(tmp_path / "film.mp4", [30 + 2 * number for number in range(96)], size=size)
    contact_sheet(film, tmp_path / "film_sheet.jpg.part")
    with Image.open(tmp_path / "film_sheet.jpg.part") as picture:
        assert (picture.format, picture.width) == ("JPEG", 1920)
        grey = np.asarray(picture.convert("L")).astype(int)
    columns = 8 // rows
    tall = grey.shape[0] // rows
    cells = [
        grey[row * tall + tall // 2, 1920 * column // columns + 960 // columns] for row in range(rows) for column in range(columns)
    ]
    assert cells[0] == pytest.approx(30, abs=6)
    assert cells[-1] > 190
    assert all(after > before for before, after in pairwise(cells))


def test_a_film_of_one_picture_has_a_contact_sheet(tmp_path: Path) -> None:
    contact_sheet(grey_clip(tmp_path / "film.mp4", [120]), tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.width == 1920


@pytest.mark.parametrize("make", [contact_sheet, partial(make_thumbnail, longest_side=200)], ids=["contact sheet", "thumbnail"])
def test_pictures_of_a_film_are_looked_for_no_longer_than_a_tick_lasts(make: Any, tmp_path: Path) -> None:
    film = grey_clip(tmp_path / "film.mp4", [120] * 48)
    with pytest.raises(OutOfTime):
        make(film, tmp_path / "picture.jpg", deadline=clock.Deadline(0))
    assert not (tmp_path / "picture.jpg").exists()


def test_what_is_no_film_has_no_contact_sheet(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"\0" * 100)
    with pytest.raises(BrokenMedia):
        contact_sheet(tmp_path / "film.mp4", tmp_path / "sheet.jpg")


def test_a_brand_is_seen_in_an_assembled_film(tmp_path: Path, logo: Path) -> None:
    brand = Brand(name="Channel", logo=Logo(file=str(logo), width=0.3), outro=Ending(text="{title}", seconds=0.5, shade=1.0))
    box = Box(10, 30, 150, 200)
    shown = brand_overlays(brand, title="Why?", language="en", width=TALL[0], height=TALL[1], box=box, begin=0, end=1.5)
    clip = grey_clip(tmp_path / "clip.mp4", [120] * 36)
    assemble(FilmOrder([Shot(clip, 0, 1.5)], *TALL, Fraction(24), 1.5, overlays=shown), tmp_path / "film.mp4")
    first, last = (
        np.asarray(frame.to_ndarray(format="rgb24", src_colorspace="ITU709"), np.uint8)
        for frame in pictures_at(tmp_path / "film.mp4", [0.5, 1.45])
    )
    assert where(is_red(first)).top >= 28
    assert not is_red(last).any()
    assert last[5, 5].max() < 40
    assert is_white(last).sum() > 100
