"""What is cut off or damaged between the parts of a file: FFmpeg goes on with the next part, and pictures are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom.errors import BrokenMedia
from tenxsom.media import video_parts
from tenxsom.media.video_check import check_video
from tests.odd_videos import payload, write_clip

WEBM = {"known": {}, "unknown": {"live": "1"}}
"""The ways to write the length of a WebM's segment: a stream that goes out while it is made does not know it."""
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


CLUSTER = b"\x1f\x43\xb6\x75"


def webm(path: Path, length: str, **options: str) -> Path:
    fast, made = {"deadline": "realtime", "cpu-used": "8"}, WEBM[length] | options
    return write_clip(path, seconds=1, codec="libvpx", container="webm", codec_options=fast, container_options=made)


def fragmented(path: Path) -> tuple[Path, bytearray, int]:
    """A clip of six fragments, half a second each, its bytes, and where the second fragment begins."""
    clip = write_clip(path, container_options=FRAGMENTS, codec_options={"g": "12"})
    data = bytearray(clip.read_bytes())
    return clip, data, data.index(b"moof", data.index(b"moof") + 4) - 4


def box(name: bytes, content: bytes, length: int | None = None) -> bytes:
    return (8 + len(content) if length is None else length).to_bytes(4, "big") + name + content


@pytest.mark.case
@pytest.mark.parametrize("length", WEBM)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_webm_that_was_cut_off_is_refused(tmp_path: Path, length: str, share: float) -> None:
    clip = webm(tmp_path / "clip.webm", length)
    packets = payload(clip, "video")
    at, size = packets[int(len(packets) * share)]
    clip.write_bytes(clip.read_bytes()[: at + size // 2])
    with pytest.raises(BrokenMedia, match=r"clip\.webm was cut off: .* the file ends at"):
        check_video(clip)


@pytest.mark.parametrize("length", WEBM)
def test_a_webm_with_a_hole_between_its_parts_is_refused(tmp_path: Path, length: str) -> None:
    clip = webm(tmp_path / "clip.webm", length)
    packets, data = payload(clip, "video"), bytearray(clip.read_bytes())
    at, _ = packets[len(packets) // 2]
    data[at - 20 : at + 20] = bytes(40)
    clip.write_bytes(data)
    with pytest.raises(BrokenMedia, match="damaged"):
        check_video(clip)


@pytest.mark.parametrize(
    ("length", "more"),
    [
        ("known", b"<!-- from a cache -->"),
        ("known", b"\x1f\x43\xb6\x75" * 2000),
        ("unknown", b"<!-- from a cache -->"),
        ("unknown", bytes(9000)),
    ],
)
def test_what_is_appended_to_a_whole_webm_is_no_damage(tmp_path: Path, length: str, more: bytes) -> None:
    clip = webm(tmp_path / "clip.webm", length)
    clip.write_bytes(clip.read_bytes() + more)
    assert check_video(clip).frames == 24


def test_a_cluster_behind_a_hole_near_the_end_of_a_webm_is_missed(tmp_path: Path) -> None:
    clip = webm(tmp_path / "clip.webm", "unknown", cluster_time_limit="100")
    data = bytearray(clip.read_bytes())
    last = data.rindex(CLUSTER)
    before = data.rindex(CLUSTER, 0, last)
    assert len(data) - before < video_parts._APPENDED_BYTES
    data[before : before + 30] = bytes(30)
    clip.write_bytes(data)
    with pytest.raises(BrokenMedia, match=rf"damaged at byte {before:,}"):
        check_video(clip)


@pytest.mark.case
def test_fragments_behind_a_hole_are_missed(tmp_path: Path) -> None:
    """The first fragment alone would be a whole video, of half a second."""
    clip, data, second = fragmented(tmp_path / "clip.mp4")
    data[second : second + 200] = bytes(200)
    clip.write_bytes(data)
    with pytest.raises(BrokenMedia, match=rf"damaged at byte {second:,}: .* no part are followed by more fragments"):
        check_video(clip)


@pytest.mark.parametrize("names", [[b"meco"], [b"imda"], [b"abcd"], [b"abcd", b"efgh"], [b"abcd"] * 40])
def test_boxes_of_other_names_between_fragments_are_no_damage(tmp_path: Path, names: list[bytes]) -> None:
    clip, data, second = fragmented(tmp_path / "clip.mp4")
    index = data.rindex(b"mfra") - 4
    between, last = (b"".join(box(name, content) for name in names) for content in (bytes(16), bytes(8) + b"moof\0\0\0\x10mfhd"))
    clip.write_bytes(data[:second] + between + data[second:index] + last)
    assert check_video(clip).frames == 72


def test_fragments_behind_more_boxes_of_other_names_than_are_looked_at_are_missed(tmp_path: Path) -> None:
    clip, data, second = fragmented(tmp_path / "clip.mp4")
    clip.write_bytes(data[:second] + box(b"abcd", b"") * (video_parts._MOST_OTHERS + 1) + data[second:])
    with pytest.raises(BrokenMedia, match=rf"damaged at byte {second:,}"):
        check_video(clip)


@pytest.mark.parametrize(
    "other",
    [
        box(b"abcd", bytes(16), 23),
        box(b"abcd", bytes(16), 0),
        box(b"ab\0d", bytes(16)),
        box(b"abcd", bytes(16), 2**31),
        box(b"abcd", b"\xff" * 8, 1),
        box(b"abcd", bytes(16)) + bytes(24),
        box(b"abcd", bytes(16)) + box(b"efgh", bytes(16), 23),
        box(b"abcd", bytes(16)) + box(b"trun", bytes(16)),
    ],
    ids=[
        "a wrong length",
        "no length",
        "no name",
        "past the end",
        "past all ends",
        "a hole behind it",
        "a wrong one behind it",
        "a rest behind it",
    ],
)
def test_fragments_behind_bytes_that_only_look_like_a_box_are_missed(tmp_path: Path, other: bytes) -> None:
    clip, data, second = fragmented(tmp_path / "clip.mp4")
    clip.write_bytes(data[:second] + other + data[second:])
    with pytest.raises(BrokenMedia, match=rf"damaged at byte {second:,}"):
        check_video(clip)


@pytest.mark.parametrize("first_left", [b"moof", b"mfhd", b"traf", b"tfdt", b"trun"])
def test_the_rest_of_a_fragment_with_a_hole_is_no_box(tmp_path: Path, first_left: bytes) -> None:
    """What is left of it ends where its pictures begin, as a box of another name would."""
    clip, data, second = fragmented(tmp_path / "clip.mp4")
    left = data.rindex(first_left, second, data.index(b"mdat", second)) - 4
    rest = data[left:].replace(b"moof", b"xoof", 1) if first_left == b"moof" else data[left:]
    clip.write_bytes(data[:second] + rest)
    with pytest.raises(BrokenMedia, match=rf"damaged at byte {second:,}"):
        check_video(clip)


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_file_of_endless_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    clip = webm(tmp_path / "clip.webm", "unknown") if kind == "webm" else write_clip(tmp_path / "clip.mp4", seconds=1)
    clip.write_bytes(clip.read_bytes() + {"mp4": b"\0\0\0\x08free", "webm": b"\xec\x80"}[kind] * 300)
    assert check_video(clip).frames == 24
    monkeypatch.setattr(video_parts, "_MOST_PARTS", 200)
    with pytest.raises(BrokenMedia, match="more than 200 parts"):
        check_video(clip)
