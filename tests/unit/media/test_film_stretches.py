"""A film that is encoded in stretches, whatever ends each of them early, is the film that is encoded at once."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tenxsom import clock
from tenxsom.errors import BrokenMedia, GoesOn, Interrupted
from tenxsom.media.check import check_video
from tenxsom.media.encode import RATE
from tenxsom.media.film import assemble as assembly
from tenxsom.media.film import stretches
from tenxsom.media.film.assemble import assemble
from tenxsom.media.film.order import FilmOrder, Shot, Transition
from tenxsom.media.film.overlay import Overlay
from tests.film_parts import TALL, grey_clip, heard, shown, tone_file

CLICKS = (0.25, 1.0, 1.85, 2.2)
SECONDS, FRAMES = 2.5, 60


class Over(clock.Deadline):
    """A deadline that has passed after some looks at it, whatever the time is."""

    def __init__(self, looks: int = 0) -> None:
        super().__init__(1e9)
        self._looks = looks

    def left(self) -> float:
        self._looks -= 1
        return 0.0 if self._looks < 0 else 1e9


class Kept:
    """Stretches in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lengths: list[int] = []

    @property
    def frames(self) -> int:
        return sum(self.lengths)

    def keep(self, written: Path, frames: int) -> None:
        written.rename(self._folder / f"{len(self.lengths)}.mp4")
        self.lengths.append(frames)

    def files(self) -> list[Path]:
        return [self._folder / f"{index}.mp4" for index in range(len(self.lengths))]


@pytest.fixture
def parts(tmp_path: Path) -> list[Shot]:
    """Clips whose every picture has its own level, one of them at half the rate, one shorter than its shot, one from its middle."""
    rising = grey_clip(tmp_path / "rising.mp4", [30 + number * 67 % 180 for number in range(48)])
    slow = grey_clip(tmp_path / "slow.mp4", [30 + number * 83 % 180 for number in range(15)], fps=12)
    short = grey_clip(tmp_path / "short.mp4", [60, 90, 120, 150])
    return [Shot(rising, 0, 0.7), Shot(slow, 0.7, 1.45), Shot(short, 1.45, 1.85), Shot(rising, 1.85, SECONDS, 0.75)]


def words(drawn: list[int]) -> Iterator[Overlay]:
    def draw(number: int) -> Image.Image:
        drawn.append(number)
        return Image.new("RGBA", (60, 30), (255, 30 * (number % 8), 40, 255))

    for number in range(12):
        yield Overlay(0.2 * number, 0.2 * number + 0.185, 10, 20 + 8 * number, partial(draw, number), fade=0.05)


def order(tmp_path: Path, parts: list[Shot], transition: Transition = "crossfade", fps: Fraction = Fraction(24)) -> FilmOrder:
    sound = tone_file(tmp_path / "sound.wav", SECONDS, CLICKS)
    return FilmOrder(parts, *TALL, fps, SECONDS, transition, words([]), sound)


def in_ticks(film: FilmOrder, target: Path, kept: Kept, looks: int = 0) -> int:
    """Assemble a film in ticks that are each over after so many looks at the time; return how many it takes."""
    for ticks in count(1):
        is_encoded = kept.frames == film.frames
        try:
            assemble(film._replace(overlays=words([])), target, None if is_encoded else Over(looks), kept)
        except GoesOn:
            assert ticks < 500
        else:
            return ticks
    raise AssertionError


@pytest.fixture
def frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "LEAST_SECONDS", 0)


@pytest.mark.usefixtures("frame_by_frame")
@pytest.mark.parametrize(
    ("transition", "looks"),
    [
        ("crossfade", 9),
        ("cut", 16),
        pytest.param("cut", 0, marks=pytest.mark.slow),  # interrupted after each picture
        pytest.param("crossfade", 0, marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_a_film_that_is_interrupted_again_and_again_is_the_uninterrupted_film(
    tmp_path: Path, parts: list[Shot], transition: Transition, looks: int
) -> None:
    film, kept = order(tmp_path, parts, transition), Kept(tmp_path)
    assemble(film, tmp_path / "whole.mp4")
    ticks = in_ticks(film, tmp_path / "film.mp4", kept, looks)
    assert ticks > FRAMES / (looks + 2)
    whole, joined = shown(tmp_path / "whole.mp4"), shown(tmp_path / "film.mp4")
    assert len(joined) == len(whole) == FRAMES
    differences = [np.abs(one.astype(int) - other).mean() for one, other in zip(whole, joined, strict=True)]
    assert max(differences) < 5, differences
    facts = check_video(tmp_path / "film.mp4")
    assert (facts.frames, facts.seconds, facts.fps) == (FRAMES, SECONDS, 24.0)


@pytest.mark.usefixtures("frame_by_frame")
def test_its_pictures_come_at_their_times_and_its_sound_stays_in_sync(tmp_path: Path, parts: list[Shot]) -> None:
    film = order(tmp_path, parts, fps=Fraction(24000, 1001))
    in_ticks(film, tmp_path / "film.mp4", Kept(tmp_path), 12)
    with av.open(str(tmp_path / "film.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([number * 1001 / 24000 for number in range(FRAMES)], abs=1e-4)
    loud = np.abs(heard(tmp_path / "film.mp4")[0])
    for click in CLICKS:
        near = loud[round((click - 0.1) * RATE) : round((click + 0.1) * RATE)]
        assert np.argmax(near > 0.5) == pytest.approx(0.1 * RATE, abs=300)
    assert loud.size == pytest.approx(SECONDS * RATE, abs=1200)


@pytest.mark.usefixtures("frame_by_frame")
def test_a_joined_film_begins_at_once_and_has_its_colours(tmp_path: Path, parts: list[Shot]) -> None:
    in_ticks(order(tmp_path, parts), tmp_path / "film.mp4", Kept(tmp_path), 20)
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "film.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert [stream.type for stream in container.streams] == ["video", "audio"]


def test_every_tick_adds_some_seconds_even_if_it_has_no_time(tmp_path: Path, parts: list[Shot]) -> None:
    kept = Kept(tmp_path)
    assert in_ticks(order(tmp_path, parts), tmp_path / "film.mp4", kept) == 3, "two stretches, and their joining"
    assert kept.lengths == [48, 12]


def test_a_short_film_with_time_is_written_at_once(tmp_path: Path, parts: list[Shot]) -> None:
    kept = Kept(tmp_path)
    assemble(order(tmp_path, parts), tmp_path / "film.mp4", None, kept)
    assert kept.lengths == []
    facts = check_video(tmp_path / "film.mp4")
    assert (facts.frames, facts.seconds, facts.audio_codec) == (FRAMES, SECONDS, "aac")


def test_a_stop_costs_one_stretch(tmp_path: Path, parts: list[Shot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "STRETCH_SECONDS", 0.5)
    kept, film = Kept(tmp_path), order(tmp_path, parts)

    def stopping() -> Iterator[Overlay]:
        yield Overlay(0, 0.1, 0, 0, lambda: Image.new("RGBA", (8, 8)))
        yield Overlay(1.75, 1.8, 0, 0, stop)

    def stop() -> Image.Image:
        clock.request_stop()
        return Image.new("RGBA", (8, 8))

    try:
        with pytest.raises(Interrupted):
            assemble(film._replace(overlays=stopping()), tmp_path / "film.mp4", None, kept)
    finally:
        clock.forget_stop()
    assert kept.lengths == [12, 12, 12]
    drawn: list[int] = []
    assemble(film._replace(overlays=words(drawn)), tmp_path / "film.mp4", None, kept)
    assert kept.lengths == [12, 12, 12, 12, 12]
    assert min(drawn) == 7, "what lies before the last stretch is drawn again"
    assert len(shown(tmp_path / "film.mp4")) == FRAMES


def test_a_stretch_that_is_cut_off_is_no_part_of_a_film(tmp_path: Path, parts: list[Shot]) -> None:
    kept, film = Kept(tmp_path), order(tmp_path, parts)
    with pytest.raises(GoesOn):
        assemble(film, tmp_path / "film.mp4", Over(), kept)
    whole = kept.files()[0].read_bytes()
    kept.files()[0].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BrokenMedia):
        in_ticks(film, tmp_path / "film.mp4", kept)


def test_stretches_of_another_size_are_not_joined(tmp_path: Path, parts: list[Shot]) -> None:
    kept, film = Kept(tmp_path), order(tmp_path, parts)
    with pytest.raises(GoesOn):
        assemble(film, tmp_path / "film.mp4", Over(), kept)
    with pytest.raises(BrokenMedia, match=r"1\.mp4 does not fit the other stretches"):
        in_ticks(film._replace(width=120), tmp_path / "film.mp4", kept)
