"""What is wrong with a film that can be decoded: black and frozen stretches."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest

from tenxsom import clock
from tenxsom.errors import BrokenMedia, GoesOn, OutOfTime
from tenxsom.media.captions.look import Box
from tenxsom.media.encode import Mp4Writer, new_mp4
from tenxsom.media.film.assemble import assemble
from tenxsom.media.film.order import FilmOrder, Shot
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.film.verify import FilmCheck, Span, check_film
from tenxsom.media.video_file import writable
from tenxsom.model.film import CheckedStretch
from tests.film_parts import TALL, grey_clip, plate, tone_file
from tests.odd_videos import write_clip

SMALL = (80, 142)

MOVING = [60 + number * 7 % 120 for number in range(96)]


def test_a_film_that_moves_has_no_warning(tmp_path: Path) -> None:
    assert check_film(grey_clip(tmp_path / "film.mp4", MOVING)).warnings == []


def test_a_slow_move_is_no_standstill(tmp_path: Path) -> None:
    """A gentle fade: two levels of brightness a second."""
    assert check_film(grey_clip(tmp_path / "film.mp4", [60 + number // 6 for number in range(96)])).warnings == []


def test_a_camera_that_comes_to_rest_is_no_standstill(tmp_path: Path) -> None:
    """Little of the picture still moves, by a pixel every half second."""
    grain = np.random.default_rng(5).integers(90, 150, (24, 120), np.uint8)
    with new_mp4(tmp_path / "film.mp4") as output:
        writer = Mp4Writer(output, 320, 320, Fraction(24), has_sound=False)
        for number in range(72):
            frame = av.VideoFrame(320, 320, "yuv420p")
            for plane, level in zip(writable(frame), (110, 128, 128), strict=True):
                plane[:] = level
            writable(frame)[0][40:64, 40 + number // 12 : 160 + number // 12] = grain
            writer.frame(frame)
        writer.finish()
    assert check_film(tmp_path / "film.mp4").warnings == []


def test_a_black_stretch_is_told_with_its_place(tmp_path: Path) -> None:
    film = grey_clip(tmp_path / "film.mp4", [*MOVING[:48], *[0] * 24, *MOVING[:24]])
    assert check_film(film).warnings == ["The picture is black from 2.0 s to 3.0 s."]


def test_a_film_that_ends_in_black_is_told(tmp_path: Path) -> None:
    film = grey_clip(tmp_path / "film.mp4", [*MOVING[:48], *[0] * 48])
    assert check_film(film).warnings == ["The picture is black from 2.0 s to 4.0 s."]


def test_a_short_fade_through_black_is_no_warning(tmp_path: Path) -> None:
    assert check_film(grey_clip(tmp_path / "film.mp4", [*MOVING[:48], *[0] * 8, *MOVING[:48]])).warnings == []


def test_a_frozen_stretch_is_told_once_across_its_key_frames(tmp_path: Path) -> None:
    """Key frames come every two seconds, and each repaints the picture a little differently."""
    clip = write_clip(tmp_path / "clip.mp4", seconds=1, size=TALL, textured=True)
    assemble(FilmOrder([Shot(clip, 0, 7)], *TALL, Fraction(24), 7.0), tmp_path / "film.mp4")
    (warning,) = check_film(tmp_path / "film.mp4").warnings
    assert re.fullmatch(r"The picture stands still from [12]\.\d s to 7\.0 s\.", warning)


def test_words_that_change_do_not_hide_that_the_picture_stands_still(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=0.5, size=TALL, textured=True)
    colours = [(255, 255, 255, 255), (0, 0, 0, 255)] * 8
    words = [Overlay(place / 4, (place + 1) / 4, 40, 180, plate(colour, (60, 30))) for place, colour in enumerate(colours)]
    assemble(FilmOrder([Shot(clip, 0, 4)], *TALL, Fraction(24), 4.0, overlays=words), tmp_path / "film.mp4")
    assert check_film(tmp_path / "film.mp4").warnings == []
    assert len(check_film(tmp_path / "film.mp4", captions=Box(30, 170, 130, 220)).warnings) == 1


def test_a_black_picture_under_words_is_black(tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "clip.mp4", [0] * 48)
    words = [Overlay(0, 2, 40, 180, plate((255, 255, 255, 255), (90, 30)))]
    assemble(FilmOrder([Shot(clip, 0, 2)], *TALL, Fraction(24), 2.0, overlays=words), tmp_path / "film.mp4")
    found = check_film(tmp_path / "film.mp4", captions=Box(30, 170, 140, 220)).warnings
    assert found == ["The picture is black from 0.0 s to 2.0 s."]


def test_a_card_may_stand_still(tmp_path: Path) -> None:
    film = grey_clip(tmp_path / "film.mp4", [*MOVING[:48], *[120] * 48])
    assert check_film(film).warnings == ["The picture stands still from 2.0 s to 4.0 s."]
    assert check_film(film, cards=[Span(1.9, 4)]).warnings == []


def test_the_facts_are_those_of_the_check_of_clips(tmp_path: Path) -> None:
    facts = check_film(grey_clip(tmp_path / "film.mp4", MOVING)).facts
    assert (facts.frames, facts.seconds, facts.width, facts.height) == (96, 4.0, *TALL)


@pytest.mark.parametrize("damage", ["cut", "holes"])
def test_a_film_that_cannot_be_decoded_is_refused(tmp_path: Path, damage: str) -> None:
    film = write_clip(tmp_path / "film.mp4", seconds=3, textured=True)
    data = bytearray(film.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    else:
        middle = len(data) // 2
        data[middle : middle + 400] = np.random.default_rng(1).bytes(400)
    film.write_bytes(data)
    with pytest.raises(BrokenMedia):
        check_film(film)


def test_a_check_ends_with_its_tick(tmp_path: Path) -> None:
    with pytest.raises(OutOfTime):
        check_film(grey_clip(tmp_path / "film.mp4", MOVING), deadline=clock.Deadline(0))


# in parts


def in_parts(film: Path, deadline: clock.Deadline) -> tuple[FilmCheck, int]:
    """Check a film in ticks; return what was found, and how many parts it took."""
    kept: list[CheckedStretch] = []
    for parts in count(1):
        last = CheckedStretch.from_dict(kept[-1].as_dict()) if kept else None
        try:
            return check_film(film, deadline=deadline, checked=last, keep=kept.append), parts
        except GoesOn:
            assert parts < 50
    raise AssertionError


@pytest.mark.parametrize(
    "levels",
    [
        [*MOVING, *MOVING],
        [*MOVING[:84], *[0] * 24, *MOVING[:84]],
        [*MOVING[:80], *[120] * 40, *MOVING[:72]],
        [*MOVING[:48], *[120] * 144],
        [*MOVING[:90], *[0] * 13, *MOVING[:89]],
    ],
    ids=["moving", "black over a key frame", "frozen over a key frame", "frozen to the end", "black just long enough"],
)
@pytest.mark.slow
def test_a_film_that_is_checked_in_parts_is_found_as_it_is_at_once(tmp_path: Path, levels: list[int]) -> None:
    film = film_with_sound(tmp_path, levels)
    at_once = check_film(film)
    found, parts = in_parts(film, clock.Deadline(0))
    assert parts in (3, 4)
    assert found.facts == at_once.facts
    assert [re.sub(r"[\d.]+", "", each) for each in found.warnings] == [re.sub(r"[\d.]+", "", each) for each in at_once.warnings]
    times = [[float(number) for number in re.findall(r"[\d]+\.\d", " ".join(each.warnings))] for each in (found, at_once)]
    assert times[0] == pytest.approx(times[1], abs=0.11)


@pytest.mark.parametrize("at", [0.3, 0.9])
@pytest.mark.slow
def test_damage_is_found_in_whichever_part_it_is(tmp_path: Path, at: float) -> None:
    film = film_with_sound(tmp_path, [*MOVING, *MOVING], textured=True)
    data = bytearray(film.read_bytes())
    place = round(len(data) * at)
    data[place : place + 400] = np.random.default_rng(1).bytes(400)
    film.write_bytes(data)
    with pytest.raises(BrokenMedia):
        in_parts(film, clock.Deadline(0))


@pytest.mark.slow
def test_another_film_is_checked_from_its_beginning(tmp_path: Path) -> None:
    kept: list[CheckedStretch] = []
    with pytest.raises(GoesOn):
        check_film(film_with_sound(tmp_path, [*MOVING, *MOVING]), deadline=clock.Deadline(0), keep=kept.append)
    assert 48 <= kept[-1].frames < 96
    other = film_with_sound(tmp_path, [0] * 192)
    assert check_film(other, checked=kept[-1], keep=kept.append).warnings == ["The picture is black from 0.0 s to 8.0 s."]


def film_with_sound(tmp_path: Path, levels: list[int], *, textured: bool = False) -> Path:
    seconds = len(levels) / 24
    clip = (
        write_clip(tmp_path / "c.mp4", seconds=seconds, size=SMALL, textured=True)
        if textured
        else grey_clip(tmp_path / "c.mp4", levels, SMALL)
    )
    sound = tone_file(tmp_path / "sound.wav", seconds)
    assemble(FilmOrder([Shot(clip, 0, seconds)], *SMALL, Fraction(24), seconds, sound=sound), tmp_path / "film.mp4")
    return tmp_path / "film.mp4"
