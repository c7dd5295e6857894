"""What a file is by its first bytes: a video, a picture, or something else that is named."""

from __future__ import annotations

import pytest

from tenxsom.media.first_bytes import is_heic, picture_problem, video_problem


@pytest.mark.case
@pytest.mark.parametrize(
    "start",
    [
        b"\0\0\0\x18ftypmp42",
        b"\0\0\0\x08wide",
        b"\0\0\0\x20ftypqt  ",
        b"\0\x10\0\0mdat",
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81",
        b"\0\0\0\x18styp",
    ],
    ids=["mp4", "quicktime", "mov", "pictures first", "webm", "fragment"],
)
def test_whatever_players_play_begins_like_a_video(start: bytes) -> None:
    assert video_problem(start + bytes(100)) is None


@pytest.mark.case
@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"#EXTM3U\n#EXT-X-VERSION:3", "a playlist"),
        (b"PK\x03\x04", "a zip archive"),
        (b"GIF89a", "a GIF"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"RIFF\x24\0\0\0AVI LIST", "an AVI file"),
        (b"\x47\x40\x11\x10\0", "an MPEG transport stream"),
    ],
)
def test_what_is_sent_instead_of_a_video_is_named(start: bytes, kind: str) -> None:
    assert kind in str(video_problem(start + bytes(100)))


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])
def test_a_photo_of_every_heif_brand_is_a_picture(brand: bytes) -> None:
    start = b"\0\0\0\x18ftyp" + brand + bytes(100)
    assert is_heic(start)
    assert picture_problem(start) is None


@pytest.mark.parametrize("start", [b"\0\0\0\x18ftypisom", b"\0\0\0\x18ftypavif", b"RIFF\x24\0\0\0AVI ", b"GIF89a", b"", b"<html>"])
def test_what_is_no_picture_is_told(start: bytes) -> None:
    assert "does not begin like a PNG" in str(picture_problem(start))
