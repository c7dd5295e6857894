"""Joining clips: copied where they are alike, encoded where they are not, and always in step."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tenxsom import clock
from tenxsom.errors import BrokenMedia, TryAgainLater
from tenxsom.media.check import check_video
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4
from tenxsom.media.join import join_clips
from tenxsom.media.thumbnail import make_thumbnail
from tenxsom_studio.painting.clip import ClipOrder, render_clip
from tenxsom_studio.painting.paint import paint
from tests.odd_videos import hide_beginning, turn, write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("join")
    for index, prompt in enumerate(("mountains", "ocean")):
        paint(prompt, 200, 112, index).save(path / f"{index}.png")
    render_clip(path / "0.png", path / "a.mp4", ClipOrder(160, 90, 2, seed=1))
    render_clip(path / "1.png", path / "b.mp4", ClipOrder(160, 90, 1.5, seed=2))
    render_clip(path / "1.png", path / "tall.mp4", ClipOrder(90, 160, 1, seed=3))
    render_clip(path / "1.png", path / "silent.mp4", ClipOrder(160, 90, 1, seed=4, sound=False))
    render_clip(path / "1.png", path / "fast.mp4", ClipOrder(160, 90, 1, fps=30, seed=5))
    return path


def tracks(path: Path) -> dict[str, list[tuple[Fraction, Fraction]]]:
    """Presentation and decoding times of every packet."""
    found: dict[str, list[tuple[Fraction, Fraction]]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is not None and packet.dts is not None:
                found.setdefault(packet.stream.type, []).append((packet.pts * packet.time_base, packet.dts * packet.time_base))
    return found


def pictures(path: Path) -> list[bytes]:
    """Every picture of a video, decoded."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


def flash_and_beep(path: Path, seconds: float, at: float) -> None:
    """A clip that is dark and silent but for a white flash with a click at one moment."""
    with new_mp4(path) as output:
        writer = Mp4Writer(output, 160, 90, Fraction(24), has_sound=True)
        for index in range(round(seconds * 24)):
            level = 235 if index in {round(at * 24), round(at * 24) + 1} else 20
            writer.frame(av.VideoFrame.from_ndarray(np.full((90, 160, 3), level, np.uint8)).reformat(format="yuv420p"))
        beep = np.zeros((2, round(seconds * RATE)), np.float32)
        beep[:, round(at * RATE) : round(at * RATE) + 2000] = np.sin(np.arange(2000) * 0.2) * 0.7
        writer.sound(beep)
        writer.finish()


def flashes_and_beeps(path: Path) -> tuple[list[float], list[float]]:
    """Where the flashes and the clicks of a joined video begin, in seconds."""
    with av.open(str(path)) as container:
        bright = [(float(frame.time), frame.to_ndarray(format="gray").mean() > 120) for frame in container.decode(video=0)]
    flashes = [now[0] for before, now in zip([(0.0, False), *bright], bright, strict=False) if now[1] and not before[1]]
    beeps, last = [], -1.0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            for place in np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.3):
                moment = float(frame.time or 0) + int(place) / RATE
                if moment - last > 0.3:
                    beeps.append(moment)
                last = moment
    return flashes, beeps


def test_clips_that_are_alike_are_copied_bit_by_bit(folder: Path, tmp_path: Path) -> None:
    assert join_clips([folder / "a.mp4", folder / "b.mp4", folder / "a.mp4"], tmp_path / "joined.mp4.part") == "copied"
    facts = check_video(tmp_path / "joined.mp4.part")
    assert (facts.frames, facts.seconds, facts.audio_codec) == (48 + 36 + 48, 5.5, "aac")


def test_copied_packets_are_those_that_a_player_reads(folder: Path, tmp_path: Path) -> None:
    """Clips are opened by their headers alone, which must change neither a time nor a byte."""
    join_clips([folder / "a.mp4"] * 2, tmp_path / "joined.mp4")
    once, twice = packets_of(folder / "a.mp4"), packets_of(tmp_path / "joined.mp4")
    length = once[-1][1] - once[0][1] + once[-1][2]
    assert twice[: len(once)] == once
    assert [(pts - length, dts - length, *rest) for pts, dts, *rest in twice[len(once) :]] == once


def packets_of(path: Path) -> list[tuple[int, int, int, bytes]]:
    """The packets of the pictures: presentation and decoding time, duration, content."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return [(packet.pts or 0, packet.dts or 0, packet.duration or 0, bytes(packet)) for packet in packets]


@pytest.mark.parametrize("odd", ["turned", "hidden", "matroska"])
def test_one_odd_clip_among_equal_ones_is_noticed(tmp_path: Path, odd: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=1, size=(160, 160))
    if odd == "turned":
        other = turn(clip, tmp_path / "other.mp4", -1, 0, 0, -1)
    elif odd == "hidden":
        other = hide_beginning(clip, tmp_path / "other.mp4", 0.25)
    else:
        other = write_clip(tmp_path / "other.mkv", seconds=1, size=(160, 160), container="matroska")
    assert join_clips([clip, clip, other, clip], tmp_path / "film.mp4") == "encoded"
    assert check_video(tmp_path / "film.mp4").seconds == pytest.approx(3.75 if odd == "hidden" else 4, abs=0.05)


def test_one_clip_is_copied(folder: Path, tmp_path: Path) -> None:
    assert join_clips([folder / "a.mp4"], tmp_path / "joined.mp4") == "copied"
    assert check_video(tmp_path / "joined.mp4").frames == 48


@pytest.mark.case
def test_a_clip_in_matroska_whose_pictures_refer_to_later_ones_is_copied_whole(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", container="matroska", codec_options={"preset": "medium"})
    assert join_clips([clip, clip], tmp_path / "joined.mp4") == "copied"
    facts = check_video(tmp_path / "joined.mp4")
    assert facts.frames == 2 * 72
    assert facts.seconds == pytest.approx(6, abs=0.01)
    assert pictures(tmp_path / "joined.mp4") == 2 * pictures(clip)
    assert all(
        earlier < later for times in tracks(tmp_path / "joined.mp4").values() for (_, earlier), (_, later) in pairwise(times)
    )


def test_silent_clips_are_copied_too(folder: Path, tmp_path: Path) -> None:
    assert join_clips([folder / "silent.mp4"] * 3, tmp_path / "joined.mp4") == "copied"
    assert check_video(tmp_path / "joined.mp4").frames == 72


@pytest.mark.parametrize("other", ["tall", "silent"])
def test_clips_that_differ_are_encoded_and_their_lengths_add_up(folder: Path, tmp_path: Path, other: str) -> None:
    assert join_clips([folder / "a.mp4", folder / f"{other}.mp4", folder / "b.mp4"], tmp_path / "joined.mp4") == "encoded"
    facts = check_video(tmp_path / "joined.mp4")
    assert (facts.width, facts.height, facts.frames, facts.audio_codec) == (160, 90, 48 + 24 + 36, "aac")
    assert facts.seconds == pytest.approx(4.5, abs=0.01)


def test_a_clip_of_another_rate_keeps_its_length(folder: Path, tmp_path: Path) -> None:
    assert join_clips([folder / "a.mp4", folder / "fast.mp4"], tmp_path / "joined.mp4") == "encoded"
    assert check_video(tmp_path / "joined.mp4").frames == 48 + 24


def test_a_clip_of_another_shape_is_fitted_between_black_bars(folder: Path, tmp_path: Path) -> None:
    join_clips([folder / "a.mp4", folder / "tall.mp4"], tmp_path / "joined.mp4")
    with av.open(str(tmp_path / "joined.mp4")) as container:
        picture = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][60]
    assert picture[:, :40].max() < 40
    assert picture[:, -40:].max() < 40
    assert picture[:, 60:100].std() > 5


def test_sound_stands_still_where_a_clip_has_none(folder: Path, tmp_path: Path) -> None:
    join_clips([folder / "a.mp4", folder / "silent.mp4"], tmp_path / "joined.mp4")
    with av.open(str(tmp_path / "joined.mp4")) as container:
        heard = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert heard.shape[1] == pytest.approx(3 * RATE, abs=2048)
    assert np.abs(heard[:, RATE // 2 : RATE]).max() > 0.02
    assert np.abs(heard[:, 2 * RATE + 3000 : 3 * RATE]).max() < 0.005


@pytest.mark.parametrize("names", [("a", "b", "a", "b"), ("a", "tall", "silent")])
def test_times_rise_strictly_and_the_index_comes_first(folder: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    join_clips([folder / f"{name}.mp4" for name in names], tmp_path / "joined.mp4")
    for packets in tracks(tmp_path / "joined.mp4").values():
        decoding = [dts for _, dts in packets]
        assert all(after > before for before, after in pairwise(decoding))
        assert len({pts for pts, _ in packets}) == len(packets)
    data = (tmp_path / "joined.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("how", ["copied", "encoded"])
@pytest.mark.slow
def test_sound_and_picture_stay_together_over_many_clips(folder: Path, tmp_path: Path, how: str) -> None:
    """Twelve clips whose length is no multiple of a sound block: an error of half a block each would add up to 0.13 s."""
    flash_and_beep(tmp_path / "one.mp4", 1.25, 0.5)
    clips = [tmp_path / "one.mp4"] * 12 + ([folder / "tall.mp4"] if how == "encoded" else [])
    assert join_clips(clips, tmp_path / "joined.mp4") == how
    flashes, beeps = flashes_and_beeps(tmp_path / "joined.mp4")
    assert [round(flash, 2) for flash in flashes] == [round(0.5 + 1.25 * index, 2) for index in range(12)]
    assert len(beeps) >= 12
    assert max(abs(flash - beep) for flash, beep in zip(flashes, beeps, strict=False)) < 0.03


def test_blocks_of_copied_sound_follow_each_other_without_gaps(folder: Path, tmp_path: Path) -> None:
    """Players that ignore time stamps and just play block after block must stay in step too."""
    flash_and_beep(tmp_path / "one.mp4", 1.25, 0.5)
    join_clips([tmp_path / "one.mp4"] * 12, tmp_path / "joined.mp4")
    times = [pts * RATE for pts, _ in tracks(tmp_path / "joined.mp4")["audio"]]
    assert {after - before for before, after in pairwise(times)} == {1024}


@pytest.mark.case
@pytest.mark.parametrize("options", [{"movflags": "frag_keyframe+empty_moov+default_base_moof"}, {"use_editlist": "0"}], ids=str)
@pytest.mark.parametrize("how", ["copied", "encoded"])
def test_a_clip_without_an_edit_list_keeps_its_sound_and_stays_in_step(
    folder: Path, tmp_path: Path, options: dict[str, str], how: str
) -> None:
    """Its first picture is two frames late, as others refer to later ones, and its first block of sound is stretched."""
    flash_and_beep(tmp_path / "one.mp4", 1.25, 0.5)
    written_anew(tmp_path / "one.mp4", tmp_path / "streamed.mp4", options)
    clips = [tmp_path / "streamed.mp4"] * 2 + ([folder / "tall.mp4"] if how == "encoded" else [])
    assert join_clips(clips, tmp_path / "joined.mp4") == how
    flashes, beeps = flashes_and_beeps(tmp_path / "joined.mp4")
    assert [round(flash, 2) for flash in flashes] == [0.5, 1.75]
    assert max(abs(flash - beep) for flash, beep in zip(flashes, beeps, strict=False)) < 0.03
    assert len(tracks(tmp_path / "joined.mp4")["audio"]) >= 2.5 * RATE / 1024 - 2, "no block of sound is left out"


def written_anew(clip: Path, target: Path, options: dict[str, str]) -> None:
    """Write the packets of a clip to another MP4, as a program does that sends it out while it is made."""
    with av.open(str(clip)) as source, av.open(str(target), "w", format="mp4", options=options) as output:
        copies = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)


def test_a_broken_clip_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes((folder / "a.mp4").read_bytes()[:200])
    with pytest.raises(BrokenMedia, match=r"broken\.mp4"):
        join_clips([folder / "a.mp4", tmp_path / "broken.mp4"], tmp_path / "joined.mp4")


def test_nothing_to_join_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clips"):
        join_clips([], tmp_path / "joined.mp4")


# clips of uncommon make


def shown(path: Path) -> list[np.ndarray]:
    """The frames of a film as they are stored, which for a film of ours is how they are seen."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def plays_everywhere(path: Path) -> bool:
    """H.264 of eight bits in 4:2:0, upright, at a constant rate, with AAC sound or none."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frame = next(container.decode(video))
        sound = [track.codec_context.name for track in container.streams.audio]
        rates = {video.average_rate, video.base_rate}
        return (video.codec_context.name, video.codec_context.pix_fmt, frame.rotation, len(rates), sound in ([], ["aac"])) == (
            "h264",
            "yuv420p",
            0,
            1,
            True,
        )


def test_turned_clips_join_upright(tmp_path: Path) -> None:
    write_clip(tmp_path / "lying.mp4", seconds=1, marker=(-1, 1))
    turn(tmp_path / "lying.mp4", tmp_path / "turned.mp4", 0, 1, -1, 0)
    write_clip(tmp_path / "upright.mp4", seconds=1, size=(90, 160), marker=(1, 1))
    clips = [tmp_path / "turned.mp4", tmp_path / "upright.mp4", tmp_path / "turned.mp4"]
    assert join_clips(clips, tmp_path / "film.mp4") == "encoded"
    facts = check_video(tmp_path / "film.mp4")
    assert (facts.width, facts.height, facts.seconds, facts.rotation) == (90, 160, 3.0, 0)
    frames = shown(tmp_path / "film.mp4")
    assert frames[12][5, 5] > 150, "what lay at the bottom left is at the top left"
    assert frames[36][150, 80] > 150
    assert plays_everywhere(tmp_path / "film.mp4")


def test_clips_that_are_turned_alike_are_not_copied(tmp_path: Path) -> None:
    turn(write_clip(tmp_path / "clip.mp4", seconds=1), tmp_path / "clip.mp4", 0, 1, -1, 0)
    assert join_clips([tmp_path / "clip.mp4"] * 2, tmp_path / "film.mp4") == "encoded"
    assert check_video(tmp_path / "film.mp4").width == 90


def test_what_an_edit_list_hides_does_not_come_back_in_the_film(tmp_path: Path) -> None:
    hide_beginning(write_clip(tmp_path / "clip.mp4", seconds=2), tmp_path / "clip.mp4", 0.5)
    assert join_clips([tmp_path / "clip.mp4"] * 2, tmp_path / "film.mp4") == "encoded"
    facts = check_video(tmp_path / "film.mp4")
    assert (facts.seconds, facts.frames) == (3.0, 72)


def test_clips_that_not_everything_plays_are_encoded(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none"}
    write_clip(tmp_path / "clip.mp4", seconds=1, codec="libx265", pixels="yuv420p10le", codec_options=options)
    assert join_clips([tmp_path / "clip.mp4"] * 2, tmp_path / "film.mp4") == "encoded"
    assert plays_everywhere(tmp_path / "film.mp4")


def test_all_kinds_join_to_a_film_that_plays_everywhere(tmp_path: Path) -> None:
    clips = [
        write_clip(tmp_path / "plain.mp4", seconds=1),
        write_clip(tmp_path / "fast.mp4", seconds=1, fps=60, sound_seconds=0),
        write_clip(tmp_path / "slow.mp4", seconds=1, fps=15, size=(320, 180)),
        write_clip(tmp_path / "variable.mp4", seconds=1, times=[*range(12), 13, 16, 20, 23]),
        write_clip(tmp_path / "held.mp4", seconds=0.5, last_held=0.5 + 1 / 24, sound_seconds=0),
        write_clip(tmp_path / "long_sound.mp4", seconds=1, sound_seconds=3),
        write_clip(tmp_path / "fragments.mp4", seconds=1, container_options={"movflags": "frag_keyframe+empty_moov"}),
        turn(write_clip(tmp_path / "turned.mp4", seconds=1, size=(90, 160)), tmp_path / "turned.mp4", 0, -1, 1, 0),
    ]
    assert join_clips(clips, tmp_path / "film.mp4") == "encoded"
    facts = check_video(tmp_path / "film.mp4")
    assert (facts.width, facts.height, facts.fps, facts.audio_codec) == (160, 90, 24.0, "aac")
    assert facts.seconds == pytest.approx(8, abs=0.1)
    assert plays_everywhere(tmp_path / "film.mp4")


@pytest.mark.case
@pytest.mark.parametrize(
    ("pixels", "colours"),
    [("yuvj420p", "range=pc:colormatrix=bt709"), ("yuv420p", "colormatrix=bt470bg")],
    ids=["levels of a photo", "BT.601"],
)
def test_a_clip_of_other_levels_or_colours_looks_in_the_film_as_it_did(tmp_path: Path, pixels: str, colours: str) -> None:
    options = {"x264-params": colours, "crf": "4"}
    odd = write_clip(tmp_path / "odd.mp4", seconds=0.5, size=(64, 36), pixels=pixels, codec_options=options, textured=True)
    plain = write_clip(tmp_path / "plain.mp4", seconds=0.5, size=(64, 36))
    assert join_clips([plain, odd], tmp_path / "film.mp4") == "encoded"
    with av.open(str(odd)) as source, av.open(str(tmp_path / "film.mp4")) as film:
        before = next(source.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        frame = list(film.decode(video=0))[12]
        assert (frame.color_range, frame.colorspace) == (1, 1)
        after = frame.to_ndarray(format="rgb24", src_colorspace="ITU709").astype(int)
    assert np.abs(after - before).mean() < 4


@pytest.mark.parametrize("colours", ["colormatrix=YCgCo", "colormatrix=chroma-derived-c", "colormatrix=bt2020c"])
def test_colours_that_swscale_cannot_convert_join_and_give_a_thumbnail(tmp_path: Path, colours: str) -> None:
    """They pass every check of a clip, because they can be decoded and played."""
    rare = write_clip(tmp_path / "rare.mp4", seconds=0.5, size=(32, 18), codec_options={"x264-params": colours})
    plain = write_clip(tmp_path / "plain.mp4", seconds=0.5, size=(64, 36))
    assert join_clips([plain, rare], tmp_path / "film.mp4") == "encoded"
    assert check_video(tmp_path / "film.mp4").frames == 24
    make_thumbnail(rare, tmp_path / "thumb.jpg")
    assert (tmp_path / "thumb.jpg").stat().st_size


def test_a_picture_that_is_held_moves_on_at_the_next_clip(tmp_path: Path) -> None:
    write_clip(tmp_path / "held.mp4", seconds=0.5, last_held=1.5 + 1 / 24, sound_seconds=0)
    assert join_clips([tmp_path / "held.mp4"] * 2, tmp_path / "film.mp4") == "copied"
    assert check_video(tmp_path / "film.mp4").seconds == pytest.approx(4, abs=0.01)


def test_joining_ends_with_its_tick(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(TryAgainLater, match="ran out of time"):
        join_clips([folder / "a.mp4", folder / "tall.mp4"], tmp_path / "film.mp4", clock.Deadline(0))
