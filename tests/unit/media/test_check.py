"""What counts as a whole video, a whole picture, and a good thumbnail."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tenxsom.errors import BrokenMedia
from tenxsom.media import video_check
from tenxsom.media.check import check_picture, check_video
from tenxsom.media.thumbnail import make_thumbnail
from tenxsom_studio.painting.clip import ClipOrder, render_clip
from tenxsom_studio.painting.paint import paint


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
    facts = check_video(clip, at_least_seconds=3)
    assert facts.as_dict() == {
        "seconds": 3.0,
        "width": 320,
        "height": 180,
        "fps": 24.0,
        "video_codec": "h264",
        "audio_codec": "aac",
        "frames": 72,
        "size_bytes": clip.stat().st_size,
    }
    json.dumps(facts.as_dict())


@pytest.mark.parametrize(("codec", "container"), [("libvpx-vp9", "webm"), ("mpeg4", "mov"), ("libx264", "matroska")])
def test_other_containers_and_codecs_are_videos_too(tmp_path: Path, codec: str, container: str) -> None:
    write_video(tmp_path / "clip", codec, container)
    facts = check_video(tmp_path / "clip", at_least_seconds=1)
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


def test_a_long_video_is_judged_by_its_key_frames_and_its_end(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_check, "_DECODE_ALL_PIXELS", 0)
    assert check_video(clip, 3).frames == 72
    data = bytearray(clip.read_bytes())
    data[-12_000:-200] = bytes(11_800)
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


@pytest.mark.parametrize(("ordered", "is_fine"), [(2.9, True), (3.0, True), (3.4, True), (3.6, False), (5.0, False)])
def test_a_clip_may_be_half_a_second_short(clip: Path, ordered: float, is_fine: bool) -> None:
    if is_fine:
        assert check_video(clip, ordered).seconds == 3.0
    else:
        with pytest.raises(BrokenMedia, match="were ordered"):
            check_video(clip, ordered)


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
    with pytest.raises(BrokenMedia, match="50 million"):
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
