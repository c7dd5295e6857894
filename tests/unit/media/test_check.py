"""What counts as a whole video, a whole picture, and a good thumbnail."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tenxsom import clock
from tenxsom.errors import BrokenMedia, Interrupted, TryAgainLater
from tenxsom.media.check import check_picture, check_video
from tenxsom.media.thumbnail import make_thumbnail
from tenxsom_studio.painting.clip import ClipOrder, render_clip
from tenxsom_studio.painting.paint import paint
from tests.odd_videos import hide_beginning, payload, turn, write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    paint("city skyline", 320, 180, 1).save(folder / "still.png")
    render_clip(folder / "still.png", folder / "clip.mp4", ClipOrder(320, 180, 3, seed=1))
    return folder / "clip.mp4"


def write_video(path: Path, codec: str, container: str, count: int = 24) -> None:
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=24)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(count):
            picture = np.full((64, 96, 3), index * 8 % 255, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        output.mux(stream.encode())


def test_the_facts_of_a_good_clip(clip: Path) -> None:
    facts = check_video(clip)
    assert facts.as_dict() == {
        "seconds": 3.0,
        "width": 320,
        "height": 180,
        "fps": 24.0,
        "video_codec": "h264",
        "audio_codec": "aac",
        "frames": 72,
        "size_bytes": clip.stat().st_size,
        "rotation": 0,
        "file_seconds": pytest.approx(3.0, abs=0.03),
    }
    json.dumps(facts.as_dict())


@pytest.mark.parametrize(("codec", "container"), [("libvpx-vp9", "webm"), ("mpeg4", "mov"), ("libx264", "matroska")])
def test_other_containers_and_codecs_are_videos_too(tmp_path: Path, codec: str, container: str) -> None:
    write_video(tmp_path / "clip", codec, container)
    facts = check_video(tmp_path / "clip")
    assert (facts.frames, facts.audio_codec) == (24, None)
    assert facts.seconds == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.99, 0.999])
def test_a_truncated_video_is_refused(clip: Path, tmp_path: Path, share: float) -> None:
    whole = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BrokenMedia, match=r"cut\.mp4"):
        check_video(tmp_path / "cut.mp4")


@pytest.mark.parametrize("missing", [1, 2, 7, 8, 9, 100, 1000])
def test_a_video_that_lacks_its_last_bytes_is_refused(clip: Path, tmp_path: Path, missing: int) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:-missing])
    with pytest.raises(BrokenMedia, match="cut off"):
        check_video(tmp_path / "cut.mp4")


def test_a_video_cut_exactly_between_two_parts_is_refused(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    start, cuts = 0, []
    while start < len(data):
        start += int.from_bytes(data[start : start + 4], "big")
        cuts.append(start)
    for cut in cuts[:-1]:
        (tmp_path / "cut.mp4").write_bytes(data[:cut])
        with pytest.raises(BrokenMedia):
            check_video(tmp_path / "cut.mp4")


def test_a_video_whose_index_never_arrived_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", "libx264", "mp4")
    data = (tmp_path / "clip.mp4").read_bytes()
    (tmp_path / "clip.mp4").write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(BrokenMedia, match="index"):
        check_video(tmp_path / "clip.mp4")


def test_a_truncated_webm_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.webm", "libvpx-vp9", "webm", count=96)
    data = (tmp_path / "clip.webm").read_bytes()
    (tmp_path / "clip.webm").write_bytes(data[: len(data) // 3])
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "clip.webm")


@pytest.mark.case
@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_hole_of_zeros_is_refused(clip: Path, tmp_path: Path, place: float) -> None:
    """What a disk or a resumed download leaves: the right length, the wrong bytes."""
    data = bytearray(clip.read_bytes())
    media = data.index(b"mdat")
    at = media + int((len(data) - media) * place)
    data[at : at + 20_000] = bytes(len(data[at : at + 20_000]))
    (tmp_path / "hole.mp4").write_bytes(data)
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "hole.mp4")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>403</title>", "HTML"),
        (b"\n  <?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b'{"error": "expired"}', "JSON"),
        (b"\x00" * 5000, "not a playable video"),
        (b"Link expired, please ask again.", "plain text"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(BrokenMedia, match=reason) as caught:
        check_video(tmp_path / "clip.mp4")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_an_error_page_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"<html><body>Link expired</body></html>")
    with pytest.raises(BrokenMedia, match="Link expired"):
        check_video(tmp_path / "clip.mp4")


def test_a_missing_file_is_broken_media(tmp_path: Path) -> None:
    for check in (check_video, check_picture):
        with pytest.raises(BrokenMedia, match="cannot be read"):
            check(tmp_path / "nothing")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "clip.mp4"), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(BrokenMedia, match="no picture track"):
        check_video(tmp_path / "clip.mp4")


def test_nothing_is_printed_about_a_broken_video(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 9000] = os.urandom(9000)
    (tmp_path / "bad.mp4").write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from tenxsom.media.check import check_video\n"
        "try: check_video(Path(sys.argv[1]))\n"
        "except Exception: pass"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "bad.mp4")], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


# Kinds that players play, and kinds that they cannot


GOOD: dict[str, tuple[Callable[[Path], Path], float]] = {
    "a plain one": (write_clip, 3.0),
    "without sound": (lambda path: write_clip(path, sound_seconds=0), 3.0),
    "sound that is longer": (lambda path: write_clip(path, sound_seconds=5), 3.0),
    "sound that is shorter": (lambda path: write_clip(path, sound_seconds=1), 3.0),
    "23.976 frames a second": (lambda path: write_clip(path, fps=Fraction(24000, 1001)), 3.0),
    "60 frames a second": (lambda path: write_clip(path, fps=60), 3.0),
    "a variable rate": (lambda path: write_clip(path, times=[*range(36), *range(36, 72, 4), 71]), 3.0),
    "a held last picture": (lambda path: write_clip(path, seconds=1, sound_seconds=3, last_held=2 + 1 / 24), 3.0),
    "pictures that refer to later ones": (lambda path: write_clip(path, codec_options={"preset": "medium", "bf": "3"}), 3.0),
    "ten bits in HEVC": (
        lambda path: write_clip(path, codec="libx265", pixels="yuv420p10le", codec_options={"x265-params": "log-level=none"}),
        3.0,
    ),
    "colours in full": (lambda path: write_clip(path, pixels="yuv444p"), 3.0),
    "fragments": (
        lambda path: write_clip(path, container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
        3.0,
    ),
    "interlaced": (
        lambda path: write_clip(path, codec_options={"x264-params": "interlaced=1:tff=1"}, size=(160, 96)),
        3.0,
    ),
    "sides that are no multiples of 16": (lambda path: write_clip(path, size=(162, 94)), 3.0),
    "a matroska file": (lambda path: write_clip(path, container="matroska", sound_seconds=5), 3.0),
    "a webm file with longer sound": (lambda path: write_clip(path, codec="libvpx-vp9", container="webm", sound_seconds=4), 3.0),
    "zeros behind the last box": (lambda path: appended(write_clip(path), bytes(512)), 3.0),
    "three bytes behind the last box": (lambda path: appended(write_clip(path), b"abc"), 3.0),
    "text behind the last box": (lambda path: appended(write_clip(path), b"<!-- from the cache of a proxy -->"), 3.0),
    "an edit list that hides the beginning": (lambda path: hide_beginning(write_clip(path, seconds=3.5), path, 0.5), 3.0),
}


def appended(path: Path, more: bytes) -> Path:
    path.write_bytes(path.read_bytes() + more)
    return path


@pytest.mark.case
@pytest.mark.parametrize("kind", GOOD)
def test_what_players_play_is_good(tmp_path: Path, kind: str) -> None:
    make, seconds = GOOD[kind]
    facts = check_video(make(tmp_path / "clip.mp4"))
    assert facts.seconds == pytest.approx(seconds, abs=0.1)
    make_thumbnail(tmp_path / "clip.mp4", tmp_path / "thumb.jpg")
    assert check_picture(tmp_path / "thumb.jpg").width == facts.width


TURNS = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]


@pytest.mark.case
@pytest.mark.parametrize("matrix", TURNS, ids=str)
def test_a_clip_that_is_marked_to_be_turned_is_seen_upright(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = matrix
    corner = (-1, 1)
    write_clip(tmp_path / "clip.mp4", seconds=1, marker=corner)
    turn(tmp_path / "clip.mp4", tmp_path / "clip.mp4", a, b, c, d)
    facts = check_video(tmp_path / "clip.mp4")
    assert (facts.width, facts.height) == ((160, 90) if a else (90, 160))
    make_thumbnail(tmp_path / "clip.mp4", tmp_path / "thumb.jpg")
    with Image.open(tmp_path / "thumb.jpg") as picture:
        assert picture.size == (facts.width, facts.height)
        seen = (a * corner[0] + c * corner[1], b * corner[0] + d * corner[1])
        for across in (-1, 1):
            for down in (-1, 1):
                place = (picture.width // 2 + across * picture.width * 3 // 7, picture.height // 2 + down * picture.height * 3 // 7)
                assert (np.asarray(picture.convert("L"))[place[1], place[0]] > 150) == ((across, down) == seen)


@pytest.fixture(scope="module")
def large_clip(folder: Path) -> Path:
    """So many pixels that looking at key frames alone would be tempting; one key frame every two seconds."""
    options = {"x264-params": "bframes=0:scenecut=0:keyint=48", "crf": "26"}
    return write_clip(folder / "large.mp4", seconds=8, size=(1280, 720), codec_options=options, textured=True)


@pytest.mark.slow
@pytest.mark.parametrize("place", [0.1, 0.35, 0.6, 0.9])
def test_a_broken_sector_anywhere_in_a_large_clip_is_refused(large_clip: Path, tmp_path: Path, place: float) -> None:
    data = bytearray(large_clip.read_bytes())
    packets = payload(large_clip, "video")
    at, size = packets[int(len(packets) * place)]
    assert size > 8192
    data[at + 3000 : at + 3000 + 4096] = bytes(4096)
    (tmp_path / "clip.mp4").write_bytes(data)
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "clip.mp4")


def test_sound_that_is_noise_is_refused(tmp_path: Path) -> None:
    data = bytearray(write_clip(tmp_path / "clip.mp4").read_bytes())
    for at, size in payload(tmp_path / "clip.mp4", "audio")[1:]:
        data[at : at + size] = os.urandom(size)
    (tmp_path / "clip.mp4").write_bytes(data)
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "clip.mp4")


@pytest.mark.parametrize("fragmented", [False, True])
def test_media_that_are_all_zeros_are_refused(tmp_path: Path, fragmented: bool) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"} if fragmented else {}
    data = bytearray(write_clip(tmp_path / "clip.mp4", container_options=options).read_bytes())
    for kind in ("video", "audio"):
        for at, size in payload(tmp_path / "clip.mp4", kind):
            data[at : at + size] = bytes(size)
    (tmp_path / "clip.mp4").write_bytes(data)
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "clip.mp4")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_fragmented_video_is_refused(tmp_path: Path, share: float) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    data = write_clip(tmp_path / "clip.mp4", container_options=options, codec_options={"g": "12"}).read_bytes()
    (tmp_path / "clip.mp4").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "clip.mp4")


def test_a_video_whose_pictures_were_cut_off_behind_a_corrected_box_is_refused(tmp_path: Path) -> None:
    """The boxes are whole, the index promises more than there is."""
    data = bytearray(write_clip(tmp_path / "clip.mp4", container_options={"movflags": "faststart"}).read_bytes())
    media = data.find(b"mdat") - 4
    cut = media + (len(data) - media) // 2
    data[media : media + 4] = (cut - media).to_bytes(4, "big")
    (tmp_path / "clip.mp4").write_bytes(data[:cut])
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "clip.mp4")


def test_pictures_that_are_too_large_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", seconds=1)
    assert check_video(tmp_path / "clip.mp4", max_pixels=160 * 90).width == 160
    with pytest.raises(BrokenMedia, match="MAX_VIDEO_PIXELS"):
        check_video(tmp_path / "clip.mp4", max_pixels=160 * 90 - 1)


@pytest.mark.case
@pytest.mark.slow
def test_a_bomb_of_pictures_is_refused_with_little_memory(tmp_path: Path) -> None:
    """Each picture, a PNG within the MP4, would take 432 MB."""
    side = 12_000
    packed = zlib.compressobj(9)
    body = b"".join(packed.compress(bytes(1 + side * 3)) for _ in range(side)) + packed.flush()
    picture = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")):
        picture += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    with av.open(str(tmp_path / "clip.mp4"), "w", format="mp4") as output:
        track = output.add_stream("png", rate=1)
        track.width = track.height = side
        track.pix_fmt = "rgb24"
        packet = av.Packet(picture)
        packet.stream, packet.pts, packet.dts, packet.duration, packet.is_keyframe = track, 0, 0, 1, True
        packet.time_base = Fraction(1, 1)
        output.mux(packet)
    code = (
        "import sys; from pathlib import Path; from tenxsom.media.check import check_video\n"
        "try: check_video(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "clip.mp4")], capture_output=True, check=True, text=True)
    sentence, kilobytes = done.stdout.splitlines()
    assert "MAX_VIDEO_PIXELS" in sentence
    assert int(kilobytes) < 200_000


def test_a_playlist_that_names_other_files_is_not_followed(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "clip.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#é\n#EXTINF:3,\n{clip}\n#EXT-X-ENDLIST\n")
    with pytest.raises(BrokenMedia):
        check_video(tmp_path / "clip.mp4")


def test_a_look_that_runs_out_of_time_says_nothing_about_the_video(clip: Path) -> None:
    with pytest.raises(TryAgainLater, match="ran out of time"):
        check_video(clip, deadline=clock.Deadline(0))
    assert check_video(clip, deadline=clock.Deadline(60)).frames == 72


def test_a_stop_request_ends_a_look(clip: Path) -> None:
    clock.request_stop()
    try:
        with pytest.raises(Interrupted):
            check_video(clip)
    finally:
        clock.forget_stop()


@pytest.mark.slow
def test_garbled_videos_are_broken_media_and_nothing_else(clip: Path, tmp_path: Path) -> None:
    """Mutations of the header and of the rest: a video, or one sentence."""
    whole, dice = clip.read_bytes(), random.Random(7)
    refused = []
    for _ in range(120):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 3, 20])):
            data[dice.randrange(min(len(data), dice.choice([64, 6000, len(data)])))] = dice.randrange(256)
        (tmp_path / "clip.mp4").write_bytes(data)
        try:
            check_video(tmp_path / "clip.mp4")
        except BrokenMedia as error:
            refused.append(str(error))
    assert refused
    assert not [sentence for sentence in refused if "\n" in sentence]


# pictures


@pytest.mark.parametrize(("kind", "mime_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_a_picture_of_an_accepted_kind_is_described(tmp_path: Path, kind: str, mime_type: str) -> None:
    path = tmp_path / "picture.bin"
    paint("ocean", 200, 120, 1).save(path, format=kind)
    facts = check_picture(path)
    assert (facts.mime_type, facts.width, facts.height, facts.size_bytes) == (mime_type, 200, 120, path.stat().st_size)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_a_picture_of_another_kind_is_refused(tmp_path: Path, kind: str) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "picture.png", format=kind)
    with pytest.raises(BrokenMedia, match="PNG, JPEG or WEBP"):
        check_picture(tmp_path / "picture.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_a_truncated_picture_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "picture"
    paint("ocean", 200, 120, 1).save(path, format=kind)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(BrokenMedia, match="picture"):
        check_picture(path)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b'{"error": 1}', b"plain words"])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "picture.png").write_bytes(content)
    with pytest.raises(BrokenMedia, match=r"picture\.png"):
        check_picture(tmp_path / "picture.png")


@pytest.mark.parametrize("size", [(8_000, 7_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(bytes(1000))) + part(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(BrokenMedia, match="52 million"):
        check_picture(tmp_path / "bomb.png")


# thumbnails


def test_a_thumbnail_is_a_jpeg_of_the_asked_size_whatever_its_suffix(clip: Path, tmp_path: Path) -> None:
    make_thumbnail(clip, tmp_path / "thumb.jpg.part", longest_side=200)
    facts = check_picture(tmp_path / "thumb.jpg.part")
    assert (facts.mime_type, facts.width) == ("image/jpeg", 200)


def test_a_thumbnail_is_never_larger_than_the_video(clip: Path, tmp_path: Path) -> None:
    make_thumbnail(clip, tmp_path / "thumb.jpg")
    assert check_picture(tmp_path / "thumb.jpg").width == 320


def test_a_thumbnail_avoids_black_frames(tmp_path: Path) -> None:
    """Black for the first 40 frames of 48: only the last of the looked-at moments shows anything."""
    bright = np.asarray(paint("city", 96, 64, 1))
    with av.open(str(tmp_path / "clip.mp4"), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(48):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(bright if index >= 40 else bright * 0)))
        output.mux(stream.encode())
    make_thumbnail(tmp_path / "clip.mp4", tmp_path / "thumb.jpg")
    assert np.asarray(Image.open(tmp_path / "thumb.jpg")).std() > 10


def test_no_thumbnail_comes_from_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"nothing to see")
    with pytest.raises(BrokenMedia, match="thumbnail"):
        make_thumbnail(tmp_path / "clip.mp4", tmp_path / "thumb.jpg")
