"""Films: shots on a time line, overlays, sound, and exactly the ordered length."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tenxsom import clock
from tenxsom.errors import BrokenMedia, TryAgainLater
from tenxsom.media.check import check_video
from tenxsom.media.encode import RATE
from tenxsom.media.film.assemble import assemble
from tenxsom.media.film.fit import Fitter
from tenxsom.media.film.order import FilmOrder, Shot
from tenxsom.media.film.overlay import Overlay
from tests.film_parts import TALL, grey_clip, heard, levels_of, plate, shown, tone_file
from tests.odd_videos import write_clip

YELLOW, WHITE = (255, 203, 64, 255), (255, 255, 255, 255)


def order(shots: list[Shot], seconds: float, **more: Any) -> FilmOrder:
    return FilmOrder(shots, *TALL, Fraction(24), seconds, **more)


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    return grey_clip(tmp_path / "dark.mp4", [40] * 48)


@pytest.fixture
def light(tmp_path: Path) -> Path:
    return grey_clip(tmp_path / "light.mp4", [200] * 48)


# length and cuts


def test_a_film_is_exactly_as_long_as_ordered(tmp_path: Path, dark: Path, light: Path) -> None:
    shots = [Shot(dark, 0, 1.37), Shot(light, 1.37, 3.0)]
    assemble(order(shots, 3.0, sound=tone_file(tmp_path / "a.wav", 2.2)), tmp_path / "film.mp4")
    facts = check_video(tmp_path / "film.mp4")
    assert (facts.frames, facts.seconds, facts.width, facts.height, facts.fps) == (72, 3.0, *TALL, 24.0)
    assert heard(tmp_path / "film.mp4").shape[1] == pytest.approx(3 * RATE, abs=1024)


def test_a_cut_is_on_the_nearest_frame(tmp_path: Path, dark: Path, light: Path) -> None:
    assemble(order([Shot(dark, 0, 0.51), Shot(light, 0.51, 1.0)], 1.0), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert max(levels[:12]) < 60
    assert min(levels[12:]) > 180


def test_a_clip_that_is_too_short_holds_its_last_picture(tmp_path: Path, light: Path) -> None:
    short = grey_clip(tmp_path / "short.mp4", [30, 60, 90, 120])
    assemble(order([Shot(short, 0, 0.5), Shot(light, 0.5, 1)], 1.0), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert levels[3:12] == pytest.approx([120] * 9, abs=6)
    assert len(levels) == 24


def test_a_clip_that_is_too_long_is_cut(tmp_path: Path, dark: Path, light: Path) -> None:
    assemble(order([Shot(dark, 0, 0.25), Shot(light, 0.25, 0.5)], 0.5), tmp_path / "film.mp4")
    assert [level > 120 for level in levels_of(tmp_path / "film.mp4")] == [False] * 6 + [True] * 6


@pytest.mark.parametrize("offset", [0.0, 0.5, 1.25, 3.0])
def test_a_shot_begins_at_its_moment_of_the_clip(tmp_path: Path, offset: float) -> None:
    """Later moments are searched for by key frame, so the picture must be the same as without the search."""
    clip = grey_clip(tmp_path / "rising.mp4", [20 + 2 * number for number in range(96)])
    assemble(order([Shot(clip, 0, 0.5, offset)], 0.5), tmp_path / "film.mp4")
    first = 20 + 2 * round(offset * 24)
    assert levels_of(tmp_path / "film.mp4") == pytest.approx([first + 2 * number for number in range(12)], abs=3)


def test_a_moment_after_the_end_of_a_clip_is_its_last_picture(tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "clip.mp4", [40] * 47 + [180])
    assemble(order([Shot(clip, 0, 0.5, 9.0)], 0.5), tmp_path / "film.mp4")
    assert levels_of(tmp_path / "film.mp4") == pytest.approx([180] * 12, abs=6)


def test_one_clip_can_be_shown_in_several_shots(tmp_path: Path, light: Path) -> None:
    clip = grey_clip(tmp_path / "rising.mp4", [20 + 2 * number for number in range(96)])
    shots = [Shot(clip, 0, 0.5), Shot(light, 0.5, 1), Shot(clip, 1, 1.5, 2.0)]
    assemble(order(shots, 1.5), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert (levels[0], levels[12], levels[24]) == pytest.approx((20, 200, 116), abs=4)


def test_a_crossfade_passes_through_the_middle_and_costs_no_time(tmp_path: Path, dark: Path, light: Path) -> None:
    shots = [Shot(dark, 0, 1), Shot(light, 1, 2)]
    assemble(order(shots, 2.0, transition="crossfade"), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert len(levels) == 48
    assert levels[16] < 60
    assert levels[24] > 180
    assert levels[16:25] == sorted(levels[16:25])
    assert any(90 < level < 150 for level in levels)


def test_a_shot_that_is_shorter_than_a_frame_is_left_out(tmp_path: Path, dark: Path, light: Path) -> None:
    shots = [Shot(dark, 0, 0.5), Shot(light, 0.5, 0.51), Shot(dark, 0.51, 1)]
    assemble(order(shots, 1.0, transition="crossfade"), tmp_path / "film.mp4")
    assert max(levels_of(tmp_path / "film.mp4")) < 60


def test_a_clip_of_another_rate_keeps_its_pace(tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "slow.mp4", [40] * 12 + [200] * 12, fps=12)
    assemble(order([Shot(clip, 0, 2)], 2.0), tmp_path / "film.mp4")
    assert [level > 120 for level in levels_of(tmp_path / "film.mp4")] == [False] * 24 + [True] * 24


# overlays


@pytest.mark.case
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_a_clip_of_a_variable_rate_shows_each_picture_at_its_time(tmp_path: Path, offset: float) -> None:
    """As phones record: every picture is shown until the next one, however long that is;."""
    times = [*range(12), 13, 16, 20, 23, 24, 30, 31, 32, *range(33, 72, 3)]
    clip = write_with_times(tmp_path / "variable.mp4", times)
    seconds = 3.0 - offset
    assemble(order([Shot(clip, 0, seconds, offset)], seconds), tmp_path / "film.mp4")
    expected = [max(time for time in times if time <= number + offset * 24) for number in range(round(seconds * 24))]
    levels = levels_of(tmp_path / "film.mp4")
    assert levels == pytest.approx([40 + 2 * time for time in expected], abs=2)


def write_with_times(path: Path, times: list[int]) -> Path:
    """A clip whose pictures have their own times, in 24ths of a second; the level of each is 40 and twice its time."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=24, options={"crf": "5", "bf": "0"})
        video.width, video.height, video.pix_fmt, video.time_base = *TALL, "yuv420p", Fraction(1, 24)
        video.codec_context.time_base = Fraction(1, 24)
        for time in times:
            grey = np.full((TALL[1], TALL[0], 3), 40 + 2 * time, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey).reformat(format="yuv420p", dst_colorspace="ITU709")
            frame.pts, frame.time_base = time, Fraction(1, 24)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def test_an_overlay_is_seen_from_its_start_to_its_end(tmp_path: Path, dark: Path) -> None:
    overlay = Overlay(0.5, 1.0, 60, 132, plate(WHITE))
    assemble(order([Shot(dark, 0, 1.5)], 1.5, overlays=[overlay]), tmp_path / "film.mp4")
    assert [level > 200 for level in levels_of(tmp_path / "film.mp4")] == [False] * 12 + [True] * 12 + [False] * 12


def test_an_overlay_leaves_nothing_behind_on_a_picture_that_is_held(tmp_path: Path) -> None:
    """A held or repeated picture is one object for the decoder, on which an overlay must not stay."""
    still = grey_clip(tmp_path / "still.mp4", [40] * 3, fps=6)
    overlay = Overlay(0.25, 0.3, 60, 132, plate((255, 255, 255, 128)))
    assemble(order([Shot(still, 0, 1)], 1.0, overlays=[overlay]), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert levels[6] == pytest.approx(147, abs=8)
    assert max(levels[:6] + levels[7:]) < 55


def test_an_overlay_has_its_colour_and_its_place(tmp_path: Path, dark: Path) -> None:
    overlays = [Overlay(0, 1, 20, 31, plate(YELLOW)), Overlay(0, 1, 101, 200, plate((0, 90, 255, 255)))]
    assemble(order([Shot(dark, 0, 1)], 1.0, overlays=overlays), tmp_path / "film.mp4")
    frame = shown(tmp_path / "film.mp4")[12].astype(int)
    assert frame[36:46, 26:54].mean(axis=(0, 1)) == pytest.approx(YELLOW[:3], abs=8)
    assert frame[206:214, 107:135].mean(axis=(0, 1)) == pytest.approx((0, 90, 255), abs=8)
    assert frame[100:180].max() < 60


def test_later_overlays_lie_over_earlier_ones(tmp_path: Path, dark: Path) -> None:
    overlays = [Overlay(0, 1, 60, 132, plate(WHITE)), Overlay(0.5, 1, 60, 132, plate((0, 0, 0, 255)))]
    assemble(order([Shot(dark, 0, 1)], 1.0, overlays=overlays), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert min(levels[:12]) > 200
    assert max(levels[12:]) < 30


def test_an_overlay_fades_in_and_out(tmp_path: Path, dark: Path) -> None:
    overlay = Overlay(0.5, 1.5, 0, 0, plate(WHITE, TALL), fade=0.25)
    assemble(order([Shot(dark, 0, 2)], 2.0, overlays=[overlay]), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert levels[11:19] == sorted(levels[11:19])
    assert levels[30:38] == sorted(levels[30:38], reverse=True)
    assert (levels[12] < 80, levels[36] < 60, min(levels[19:29]) > 245) == (True, True, True)


@pytest.mark.parametrize(("left", "top"), [(-25, -5), (141, 275), (-500, 0), (0, 5000), (13, 277)])
def test_an_overlay_may_lie_partly_or_wholly_outside(tmp_path: Path, dark: Path, left: int, top: int) -> None:
    assemble(order([Shot(dark, 0, 0.25)], 0.25, overlays=[Overlay(0, 1, left, top, plate(WHITE))]), tmp_path / "film.mp4")
    seen = shown(tmp_path / "film.mp4")[3][:, :, 0] > 180
    expected = np.zeros(TALL[::-1], bool)
    expected[max(top, 0) : max(top + 20, 0), max(left, 0) : max(left + 40, 0)] = True
    assert np.abs(seen.sum() - expected.sum()) <= 70
    assert (seen & expected).sum() >= 0.8 * expected.sum()


def test_an_invisible_overlay_changes_nothing(tmp_path: Path, dark: Path) -> None:
    overlay = Overlay(0, 1, 60, 132, plate((255, 255, 255, 0)))
    assemble(order([Shot(dark, 0, 0.25)], 0.25, overlays=[overlay]), tmp_path / "film.mp4")
    assert max(levels_of(tmp_path / "film.mp4")) < 50


def test_pictures_are_drawn_once_and_only_when_they_are_shown(tmp_path: Path, dark: Path) -> None:
    """Overlays come from a generator; a caption for each word of a long film must not be in memory at once."""
    drawn: list[int] = []

    def captions() -> Iterator[Overlay]:
        for number in range(40):
            assert len(drawn) >= number - 2, "overlays are read ahead of the film"
            yield Overlay(number / 20, (number + 1) / 20, 60, 132, partial(drawing, number))

    def drawing(number: int) -> Image.Image:
        drawn.append(number)
        return Image.new("RGBA", (40, 20), WHITE)

    assemble(order([Shot(dark, 0, 2)], 2.0, overlays=captions()), tmp_path / "film.mp4")
    assert drawn == list(range(40))


@pytest.mark.slow
def test_frames_are_not_collected_in_memory(tmp_path: Path, dark: Path) -> None:
    alive: list[int] = []

    def count() -> Image.Image:
        alive.append(sum(type(each).__name__ == "VideoFrame" for each in gc.get_objects()))
        return Image.new("RGBA", (8, 8), WHITE)

    overlays = [Overlay(second / 4, second / 4 + 0.1, 0, 0, count) for second in range(16)]
    gc.disable()
    try:
        assemble(order([Shot(dark, 0, 2), Shot(dark, 2, 4)], 4.0, overlays=overlays), tmp_path / "film.mp4")
    finally:
        gc.enable()
    assert len(alive) == 16
    assert max(alive) < alive[0] + 12


# sound


def test_sound_and_picture_are_in_step(tmp_path: Path, dark: Path, light: Path) -> None:
    shots = [Shot(dark, 0, 1), Shot(light, 1, 1.5), Shot(dark, 1.5, 3)]
    assemble(order(shots, 3.0, sound=tone_file(tmp_path / "a.wav", 3, clicks=[1.0])), tmp_path / "film.mp4")
    flash = next(index for index, level in enumerate(levels_of(tmp_path / "film.mp4")) if level > 120) / 24
    click = float(np.flatnonzero(np.abs(heard(tmp_path / "film.mp4")[0]) > 0.5)[0]) / RATE
    assert click == pytest.approx(flash, abs=0.03)


def test_sound_that_is_too_short_ends_in_silence(tmp_path: Path, dark: Path) -> None:
    assemble(order([Shot(dark, 0, 2)], 2.0, sound=tone_file(tmp_path / "a.wav", 1)), tmp_path / "film.mp4")
    sound = heard(tmp_path / "film.mp4")
    assert np.abs(sound[:, RATE // 2 : RATE - 2000]).max() > 0.05
    assert np.abs(sound[:, RATE + 4000 :]).max() < 0.005


def test_a_film_without_sound_has_no_sound_track(tmp_path: Path, dark: Path) -> None:
    assemble(order([Shot(dark, 0, 1)], 1.0), tmp_path / "film.mp4")
    assert check_video(tmp_path / "film.mp4").audio_codec is None


# shapes and colours


def test_a_wide_clip_is_whole_in_a_tall_film_before_a_blurred_background(tmp_path: Path) -> None:
    wide = write_clip(tmp_path / "wide.mp4", seconds=0.5, size=(320, 180), marker=(1, -1))
    assemble(order([Shot(wide, 0, 0.5)], 0.5), tmp_path / "film.mp4")
    frame = shown(tmp_path / "film.mp4")[6].mean(axis=2)
    assert frame[100:115, 125:158].min() > 150, "the corner of the clip is in the picture"
    assert frame[190:].std() < 30, "the background is soft"
    assert frame.min() > 3


def test_a_clip_of_nearly_the_same_shape_fills_the_film(tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "other.mp4", [120] * 12, size=(200, 320))
    assemble(order([Shot(clip, 0, 0.5)], 0.5), tmp_path / "film.mp4")
    frame = shown(tmp_path / "film.mp4")[6]
    assert frame.min() > 110
    assert frame.max() < 130


def test_a_wide_clip_is_cropped_to_a_square(tmp_path: Path) -> None:
    wide = write_clip(tmp_path / "wide.mp4", seconds=0.5, size=(320, 180), marker=(1, -1))
    assemble(FilmOrder([Shot(wide, 0, 0.5)], 160, 160, Fraction(24), 0.5), tmp_path / "film.mp4")
    frame = shown(tmp_path / "film.mp4")[6].mean(axis=2)
    assert frame[:35, 155:].min() > 150
    assert frame[60:].max() < 60


def test_a_clip_of_full_range_keeps_its_levels(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "full.mp4", seconds=0.5, size=TALL, pixels="yuvj420p", marker=(1, -1))
    assemble(order([Shot(clip, 0, 0.5)], 0.5), tmp_path / "film.mp4")
    frame = shown(tmp_path / "film.mp4")[6].mean(axis=2)
    assert frame[20, 150] == pytest.approx(235, abs=6)
    assert frame[200, 50] == pytest.approx(40, abs=6)


def test_a_film_plays_everywhere(tmp_path: Path, dark: Path) -> None:
    assemble(order([Shot(dark, 0, 1)], 1.0, sound=tone_file(tmp_path / "a.wav", 1)), tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as container:
        video = container.streams.video[0]
        frame = next(container.decode(video))
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
        assert container.streams.audio[0].codec_context.name == "aac"
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.slow
@pytest.mark.case
@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_a_clip_of_a_phone_in_hdr_has_the_light_of_other_clips(tmp_path: Path, transfer: int) -> None:
    """Taken as they stand, its levels give a pale picture: white would be a light grey."""
    white, grey = {16: (0.58, 0.376), 18: (0.75, 0.38)}[transfer]
    with av.open(str(tmp_path / "clip.mp4"), "w") as output:
        video = output.add_stream("libx264", rate=24, options={"crf": "10"})
        video.width, video.height, video.pix_fmt = *TALL, "yuv420p10le"
        context = video.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 9, 9, transfer
        for number in range(12):
            frame = av.VideoFrame(*TALL, "yuv420p10le")
            for plane, level in zip(frame.planes, (64 + 876 * (grey if number < 6 else white), 512, 512), strict=True):
                np.frombuffer(memoryview(plane), np.uint16)[:] = round(level)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    assemble(order([Shot(tmp_path / "clip.mp4", 0, 0.5)], 0.5), tmp_path / "film.mp4")
    levels = levels_of(tmp_path / "film.mp4")
    assert levels[2] == pytest.approx(107, abs=12)
    assert levels[10] >= 245


# trouble


def test_a_broken_clip_is_named(tmp_path: Path, dark: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(dark.read_bytes()[:300])
    with pytest.raises(BrokenMedia, match=r"broken\.mp4"):
        assemble(order([Shot(dark, 0, 0.5), Shot(tmp_path / "broken.mp4", 0.5, 1)], 1.0), tmp_path / "film.mp4")


def test_a_sound_file_that_is_none_is_named(tmp_path: Path, dark: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF0000WAVE")
    with pytest.raises(BrokenMedia, match=r"broken\.wav"):
        assemble(order([Shot(dark, 0, 1)], 1.0, sound=tmp_path / "broken.wav"), tmp_path / "film.mp4")


def test_assembling_ends_with_its_tick(tmp_path: Path, dark: Path) -> None:
    with pytest.raises(TryAgainLater, match="ran out of time"):
        assemble(order([Shot(dark, 0, 1)], 1.0), tmp_path / "film.mp4", clock.Deadline(0))


@pytest.mark.parametrize(
    ("ends", "seconds", "why"),
    [([(0, 0.4), (0.6, 1)], 1.0, "gaps"), ([(0.5, 1)], 1.0, "gaps"), ([], 1.0, "at least one shot"), ([(0, 1)], 0.0, "one frame")],
)
def test_an_order_that_makes_no_film_is_a_mistake_of_the_caller(
    tmp_path: Path, dark: Path, ends: list[tuple[float, float]], seconds: float, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        assemble(order([Shot(dark, *each) for each in ends], seconds), tmp_path / "film.mp4")


def test_a_target_that_cannot_be_written_is_an_error_of_the_disk(tmp_path: Path, dark: Path) -> None:
    with pytest.raises(OSError):
        assemble(order([Shot(dark, 0, 0.25)], 0.25), tmp_path / "nowhere" / "film.mp4")


def test_a_clip_that_would_be_a_line_in_its_film_is_cropped() -> None:
    line = av.VideoFrame.from_ndarray(np.full((20, 3000, 3), 90, np.uint8)).reformat(format="yuv420p")
    line.pts, line.time_base = 0, Fraction(1, 24)
    fitted = Fitter(36, 20).fit(line)
    assert (fitted.width, fitted.height) == (36, 20)
