"""Clips and start frames that are cut to fit: the right length, the right middle, sound in step."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tenxsom import clock
from tenxsom.errors import BrokenMedia, TryAgainLater
from tenxsom.media.check import check_picture, check_video
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4
from tenxsom.media.refit import crop_picture, refit
from tests.odd_videos import hide_beginning, turn, write_clip
from tests.unit.media.test_join import flash_and_beep, flashes_and_beeps

BANDS = (40, 90, 140, 190)
"""Brightness of four bands, side by side or one above the other."""


def banded(path: Path, width: int, height: int, seconds: float = 2, fps: Fraction = Fraction(24), sound: bool = True) -> Path:
    """A clip of four bands across its longer side, with a steady tone."""
    across = np.repeat(BANDS, max(width, height) // 4)[None, :]
    picture = np.broadcast_to(across, (height, width)) if width > height else np.broadcast_to(across.T, (height, width))
    with new_mp4(path) as output:
        writer = Mp4Writer(output, width, height, fps, has_sound=sound)
        for _ in range(round(seconds * fps)):
            frame = np.repeat(picture[:, :, None], 3, axis=2).astype(np.uint8)
            writer.frame(av.VideoFrame.from_ndarray(frame).reformat(format="yuv420p"))
        tone = np.sin(np.arange(round(seconds * RATE)) * 0.05).astype(np.float32) * 0.5
        writer.sound(np.stack([tone, tone]))
        writer.finish()
    return path


def frame_of(path: Path, index: int = 10) -> np.ndarray:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][index]


def heard(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def test_a_clip_is_cut_to_an_exact_length_and_loses_its_end(tmp_path: Path) -> None:
    flash_and_beep(tmp_path / "long.mp4", 3, at=0.5)
    said = refit(tmp_path / "long.mp4", tmp_path / "cut.mp4.part", seconds=2, aspect_ratio=None)
    assert said == "trimmed from 3 s to 2 s"
    facts = check_video(tmp_path / "cut.mp4.part")
    assert (facts.frames, facts.seconds, facts.fps, facts.width, facts.height) == (48, 2.0, 24, 160, 90)
    flashes, beeps = flashes_and_beeps(tmp_path / "cut.mp4.part")
    assert flashes == [0.5]
    assert beeps == [pytest.approx(0.5, abs=0.03)]
    assert heard(tmp_path / "cut.mp4.part").shape[1] == pytest.approx(2 * RATE, abs=1024)


def test_what_comes_after_the_cut_is_gone(tmp_path: Path) -> None:
    flash_and_beep(tmp_path / "long.mp4", 3, at=2.5)
    refit(tmp_path / "long.mp4", tmp_path / "cut.mp4", seconds=2, aspect_ratio=None)
    assert flashes_and_beeps(tmp_path / "cut.mp4") == ([], [])


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50)])
def test_the_frame_rate_stays_and_the_length_is_right_to_half_a_frame(tmp_path: Path, fps: Fraction) -> None:
    banded(tmp_path / "clip.mp4", 160, 90, 1.5, fps)
    refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=1, aspect_ratio=None)
    facts = check_video(tmp_path / "cut.mp4")
    assert facts.fps == pytest.approx(float(fps), abs=0.01)
    assert facts.seconds == pytest.approx(1, abs=0.5 / float(fps) + 0.001)


def test_the_roundings_of_many_clips_do_not_add_up(tmp_path: Path) -> None:
    """Ten clips of 12.48 pictures each are a film of 125 pictures, not of 120."""
    banded(tmp_path / "clip.mp4", 160, 90, 1, sound=False)
    frames = 0
    for number in range(10):
        refit(tmp_path / "clip.mp4", tmp_path / f"{number}.mp4", seconds=0.52, aspect_ratio=None, start=number * 0.52)
        frames += check_video(tmp_path / f"{number}.mp4").frames
    assert frames == 125


@pytest.mark.parametrize(
    ("size", "ratio", "cropped"),
    [
        ((1280, 720), "1:1", (720, 720)),
        ((720, 1280), "1:1", (720, 720)),
        ((640, 360), "9:16", (202, 360)),
        ((360, 640), "16:9", (360, 202)),
        ((640, 360), "4:5", (288, 360)),
        ((636, 358), "1:1", (358, 358)),
    ],
    ids=str,
)
def test_a_clip_is_cropped_in_the_middle_to_even_sides(
    tmp_path: Path, size: tuple[int, int], ratio: str, cropped: tuple[int, int]
) -> None:
    banded(tmp_path / "clip.mp4", *size, seconds=0.5)
    said = refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=None, aspect_ratio=ratio)
    assert said == f"cropped from {size[0]}x{size[1]} to {cropped[0]}x{cropped[1]}"
    facts = check_video(tmp_path / "cut.mp4")
    assert (facts.width, facts.height, facts.frames, facts.audio_codec) == (*cropped, 12, "aac")


@pytest.mark.parametrize("size", [(640, 360), (360, 640)], ids=str)
def test_the_middle_is_what_is_left(tmp_path: Path, size: tuple[int, int]) -> None:
    """The outer bands begin 160 pixels from the middle; a square reaches 180 far, so 20 pixels of each are left."""
    banded(tmp_path / "clip.mp4", *size, seconds=0.5)
    refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=None, aspect_ratio="1:1")
    picture = frame_of(tmp_path / "cut.mp4")
    line = picture[180] if size[0] > size[1] else picture[:, 180]
    assert [abs(int(line[place]) - band) < 6 for place, band in zip((8, 100, 260, 352), BANDS, strict=True)] == [True] * 4
    edges = [int(place) for place in np.flatnonzero(np.abs(np.diff(line.astype(int))) > 20)]
    assert [edges[0], edges[-1]] == pytest.approx([19, 340], abs=2)


def test_cutting_and_cropping_go_together_and_the_sound_stays(tmp_path: Path) -> None:
    banded(tmp_path / "clip.mp4", 640, 360, 2)
    said = refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=1.5, aspect_ratio="1:1")
    assert said == "trimmed from 2 s to 1.5 s, cropped from 640x360 to 360x360"
    facts = check_video(tmp_path / "cut.mp4")
    assert (facts.width, facts.height, facts.seconds) == (360, 360, 1.5)
    sound = heard(tmp_path / "cut.mp4")
    assert sound.shape[1] == pytest.approx(1.5 * RATE, abs=1024)
    assert np.abs(sound[:, RATE // 4 : RATE]).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("pictures", "left"), [(2, 2), (1, 1)], ids=["as long as asked", "shorter"])
def test_sound_that_outlasts_what_is_asked_for_is_cut(tmp_path: Path, pictures: int, left: int) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=pictures, sound_seconds=4)
    assert check_video(clip).file_seconds == pytest.approx(4, abs=0.1)
    assert refit(clip, tmp_path / "cut.mp4", seconds=2, aspect_ratio=None) == f"trimmed from 3.99 s to {left} s"
    facts = check_video(tmp_path / "cut.mp4")
    assert facts.seconds == left
    assert facts.file_seconds == pytest.approx(left, abs=0.1)


def test_sound_that_an_encoder_rounds_up_is_not_cut(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=2, sound_seconds=2.1)
    assert refit(clip, tmp_path / "cut.mp4", seconds=2, aspect_ratio=None) == ""


def test_a_silent_clip_stays_silent(tmp_path: Path) -> None:
    banded(tmp_path / "clip.mp4", 160, 90, 1, sound=False)
    refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=0.5, aspect_ratio="1:1")
    facts = check_video(tmp_path / "cut.mp4")
    assert (facts.audio_codec, facts.frames) == (None, 12)


def test_times_rise_strictly_and_the_index_comes_first(tmp_path: Path) -> None:
    banded(tmp_path / "clip.mp4", 160, 90, 1)
    refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=0.75, aspect_ratio="1:1")
    with av.open(str(tmp_path / "cut.mp4")) as container:
        decoding = [packet.dts for packet in container.demux(video=0) if packet.dts is not None]
    assert all(after > before for before, after in pairwise(decoding))
    data = (tmp_path / "cut.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("seconds", "ratio"), [(None, None), (1, None), (1.01, None), (5, None), (None, "16:9"), (1, "16:9"), (9, "320:181")]
)
def test_a_clip_that_fits_is_not_written_anew(tmp_path: Path, seconds: float | None, ratio: str | None) -> None:
    banded(tmp_path / "clip.mp4", 160, 90, 1)
    assert refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=seconds, aspect_ratio=ratio) == ""
    assert not (tmp_path / "cut.mp4").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", b"\0\0\0\x18ftypmp42 and nothing else"])
def test_what_is_no_clip_is_broken_media(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(BrokenMedia, match=r"cannot be cut to fit.*clip\.mp4"):
        refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=1, aspect_ratio=None)


def test_a_target_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    banded(tmp_path / "clip.mp4", 160, 90, 1)
    with pytest.raises(OSError, match="No such file"):
        refit(tmp_path / "clip.mp4", tmp_path / "no folder" / "cut.mp4", seconds=0.5, aspect_ratio=None)


# clips of uncommon make


def test_a_turned_clip_is_cropped_as_it_is_seen(tmp_path: Path) -> None:
    write_clip(tmp_path / "lying.mp4", seconds=1, size=(160, 90), marker=(-1, 1))
    turn(tmp_path / "lying.mp4", tmp_path / "turned.mp4", 0, 1, -1, 0)
    assert refit(tmp_path / "turned.mp4", tmp_path / "cut.mp4", seconds=None, aspect_ratio="1:1") == "cropped from 90x160 to 90x90"
    assert refit(tmp_path / "turned.mp4", tmp_path / "fits.mp4", seconds=None, aspect_ratio="9:16") == ""
    facts = check_video(tmp_path / "cut.mp4")
    assert (facts.width, facts.height, facts.rotation, facts.seconds) == (90, 90, 0, 1.0)
    refit(tmp_path / "turned.mp4", tmp_path / "short.mp4", seconds=0.5, aspect_ratio=None)
    assert frame_of(tmp_path / "short.mp4", 0)[5, 5] > 150, "what lay at the bottom left is at the top left"


def test_a_held_picture_is_held_at_the_rate_of_the_moving_ones(tmp_path: Path) -> None:
    write_clip(tmp_path / "held.mp4", seconds=1, last_held=3 + 1 / 24, sound_seconds=0)
    assert refit(tmp_path / "held.mp4", tmp_path / "cut.mp4", seconds=3, aspect_ratio=None) == "trimmed from 4 s to 3 s"
    facts = check_video(tmp_path / "cut.mp4")
    assert (facts.seconds, facts.fps, facts.frames) == (3.0, 24.0, 72)


def test_what_an_edit_list_hides_counts_for_nothing(tmp_path: Path) -> None:
    hide_beginning(write_clip(tmp_path / "clip.mp4", seconds=2, sound_seconds=1.5), tmp_path / "clip.mp4", 0.5)
    assert refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=1.5, aspect_ratio=None) == ""
    assert refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=1, aspect_ratio=None) == "trimmed from 1.5 s to 1 s"
    assert check_video(tmp_path / "cut.mp4").frames == 24


def test_a_clip_whose_pictures_change_their_size_is_cut_and_cropped(tmp_path: Path) -> None:
    """Streams are recorded like that, where the connection became slower in between."""
    repeated = {"x264-params": "repeat-headers=1"}
    parts = [
        write_clip(tmp_path / f"{size[0]}.mkv", seconds=1, size=size, container="matroska", sound_seconds=0, codec_options=repeated)
        for size in ((160, 90), (96, 54))
    ]
    with av.open(str(tmp_path / "clip.mkv"), "w", format="matroska") as output:
        with av.open(str(parts[0])) as first:
            track = output.add_stream_from_template(first.streams.video[0])
        for seconds, part in enumerate(parts):
            with av.open(str(part)) as source:
                for packet in source.demux():
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + seconds * 1000, packet.dts + seconds * 1000, track
                        output.mux(packet)
    how = refit(tmp_path / "clip.mkv", tmp_path / "fit.mp4", seconds=1.5, aspect_ratio="1:1")
    assert how == "trimmed from 2 s to 1.5 s, cropped from 160x90 to 90x90"
    assert check_video(tmp_path / "fit.mp4").frames == 36


def test_cutting_ends_with_its_tick(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", seconds=1)
    with pytest.raises(TryAgainLater, match="ran out of time"):
        refit(tmp_path / "clip.mp4", tmp_path / "cut.mp4", seconds=0.5, aspect_ratio=None, deadline=clock.Deadline(0))


# Pictures


def bands(width: int, height: int) -> Image.Image:
    across = np.broadcast_to(np.repeat(BANDS, width // 4)[None, :], (height, width))
    return Image.fromarray(across.astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize(("form", "mime_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_a_picture_is_cropped_in_its_own_format(tmp_path: Path, form: str, mime_type: str) -> None:
    bands(640, 360).save(tmp_path / "still", form)
    assert crop_picture(tmp_path / "still", tmp_path / "cut.part", "1:1") == "cropped from 640x360 to 360x360"
    facts = check_picture(tmp_path / "cut.part")
    assert (facts.mime_type, facts.width, facts.height) == (mime_type, 360, 360)
    line = np.asarray(Image.open(tmp_path / "cut.part").convert("L"))[180]
    assert [abs(int(line[place]) - band) < 6 for place, band in zip((8, 100, 260, 352), BANDS, strict=True)] == [True] * 4


@pytest.mark.parametrize(
    ("size", "ratio", "cropped"),
    [
        ((1024, 1024), "16:9", "1024x576"),
        ((1024, 1024), "9:16", "576x1024"),
        ((1000, 1020), "1:1", "1000x1000"),
        ((4, 900), "16:9", "4x2"),
    ],
    ids=str,
)
def test_a_picture_gets_the_largest_middle_of_the_shape(tmp_path: Path, size: tuple[int, int], ratio: str, cropped: str) -> None:
    Image.new("RGB", size).save(tmp_path / "still.png")
    assert str(crop_picture(tmp_path / "still.png", tmp_path / "cut.png", ratio)).endswith(f" to {cropped}")


@pytest.mark.parametrize(
    ("size", "ratio"), [((1600, 900), "16:9"), ((1344, 756), "16:9"), ((1000, 1008), "1:1"), ((9, 16), "9:16")]
)
def test_a_picture_that_fits_to_one_per_cent_is_left_alone(tmp_path: Path, size: tuple[int, int], ratio: str) -> None:
    Image.new("RGB", size).save(tmp_path / "still.png")
    assert crop_picture(tmp_path / "still.png", tmp_path / "cut.png", ratio) is None
    assert not (tmp_path / "cut.png").exists()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_lies_on_its_side_is_judged_and_cut_upright(tmp_path: Path, form: str) -> None:
    orientation = Image.Exif()
    orientation[0x0112] = 6  # a telephone held upright: turn by a quarter to see it right
    bands(640, 360).save(tmp_path / "still", form, exif=orientation)
    assert crop_picture(tmp_path / "still", tmp_path / "fits", "9:16") == "turned upright"
    assert check_picture(tmp_path / "fits").width == 360
    assert crop_picture(tmp_path / "still", tmp_path / "cut", "1:1") == "turned upright, cropped from 360x640 to 360x360"
    cut = Image.open(tmp_path / "cut")
    column = np.asarray(cut.convert("L"))[:, 180]
    assert [abs(int(column[place]) - band) < 6 for place, band in zip((8, 100, 260, 352), BANDS, strict=True)] == [True] * 4
    assert 0x0112 not in cut.getexif()


def test_transparency_and_colour_profile_stay(tmp_path: Path) -> None:
    Image.new("RGBA", (640, 360), (10, 20, 30, 0)).save(tmp_path / "still.png", icc_profile=b"a profile")
    crop_picture(tmp_path / "still.png", tmp_path / "cut.png", "1:1")
    cut = Image.open(tmp_path / "cut.png")
    assert (cut.mode, cut.getpixel((9, 9)), cut.info["icc_profile"]) == ("RGBA", (10, 20, 30, 0), b"a profile")


def test_a_broken_picture_is_broken_media(tmp_path: Path) -> None:
    (tmp_path / "still.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(BrokenMedia):
        crop_picture(tmp_path / "still.png", tmp_path / "cut.png", "1:1")


def test_a_picture_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    Image.new("RGB", (64, 32)).save(tmp_path / "still.png")
    with pytest.raises(OSError, match="No such file"):
        crop_picture(tmp_path / "still.png", tmp_path / "no folder" / "cut.png", "1:1")
