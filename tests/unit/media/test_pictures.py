"""Pictures of cameras and telephones as start frames: upright, plain, and never another exception than ours."""

from __future__ import annotations

import io
import random
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tenxsom.errors import BrokenMedia
from tenxsom.media.check import check_picture, open_picture
from tenxsom.media.refit import crop_picture

ORIENTATION = 0x0112


def halves(width: int = 160, height: int = 90, mode: str = "RGB") -> Image.Image:
    """Dark on the left, light on the right, with a light line at the top."""
    levels = np.where(np.arange(width) < width // 2, 40, 200).astype(np.uint8)
    lines = np.broadcast_to(levels, (height, width)).copy()
    lines[: height // 6] = 250
    return Image.fromarray(lines).convert(mode)


def saved(picture: Image.Image, path: Path, kind: str, **options: Any) -> Path:
    picture.save(path, kind, **options)
    return path


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.case
def test_a_jpeg_with_a_second_picture_in_it_is_a_jpeg(tmp_path: Path) -> None:
    path = saved(halves(), tmp_path / "photo.jpg", "MPO", save_all=True, append_images=[halves(40, 30)])
    facts = check_picture(path)
    assert (facts.mime_type, facts.width, facts.height) == ("image/jpeg", 160, 90)
    assert crop_picture(path, tmp_path / "plain.jpg", "16:9") == "written as JPEG"
    with Image.open(tmp_path / "plain.jpg") as plain:
        assert (plain.format, plain.size, getattr(plain, "n_frames", 1)) == ("JPEG", (160, 90), 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_upright_wherever_it_is_looked_at(tmp_path: Path, kind: str, orientation: int) -> None:
    upright = halves()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpositions of Pillow that each orientation undoes
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    path = saved(stored, tmp_path / "photo", kind, exif=turned(orientation))
    assert (check_picture(path).width, check_picture(path).height) == (160, 90)
    seen = np.asarray(open_picture(path).convert("L"))
    assert [int(seen[place]) // 50 for place in ((5, 80), (60, 20), (60, 140))] == [5, 0, 4]
    done = crop_picture(path, tmp_path / "plain", "16:9")
    assert done == (None if orientation == 1 else "turned upright")
    if done:
        with Image.open(tmp_path / "plain") as plain:
            assert ORIENTATION not in plain.getexif()
            assert [int(np.asarray(plain.convert("L"))[place]) // 50 for place in ((5, 80), (60, 20), (60, 140))] == [5, 0, 4]


@pytest.mark.parametrize(
    ("mode", "kind", "told", "plain_mode"),
    [
        ("1", "PNG", "converted from 1 to L", "L"),
        ("L", "PNG", None, "L"),
        ("LA", "PNG", "converted from LA to RGBA", "RGBA"),
        ("P", "PNG", "converted from P to RGB", "RGB"),
        ("RGBA", "WEBP", None, "RGBA"),
        ("CMYK", "JPEG", "converted from CMYK to RGB", "RGB"),
        ("YCbCr", "JPEG", None, "RGB"),
    ],
)
def test_every_kind_of_colour_becomes_one_that_services_read(
    tmp_path: Path, mode: str, kind: str, told: str | None, plain_mode: str
) -> None:
    path = saved(halves().convert(mode), tmp_path / "photo", kind)
    assert crop_picture(path, tmp_path / "plain", "16:9") == told
    if told:
        with Image.open(tmp_path / "plain") as plain:
            assert plain.mode == plain_mode
            seen = np.asarray(plain.convert("RGB").convert("L"))
            assert abs(int(seen[60, 20]) - 40) < 45
            assert abs(int(seen[60, 140]) - 200) < 56


def test_sixteen_bits_become_eight_of_the_same_brightness(tmp_path: Path) -> None:
    deep = Image.fromarray(np.asarray(halves(mode="L")).astype(np.uint16) * 257)
    path = saved(deep, tmp_path / "photo.png", "PNG")
    assert str(crop_picture(path, tmp_path / "plain.png", "16:9")).startswith("converted from I;16")
    seen = np.asarray(Image.open(tmp_path / "plain.png"))
    assert [int(seen[place]) for place in ((60, 20), (60, 140))] == [pytest.approx(40, abs=1), pytest.approx(200, abs=1)]


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_of_an_animated_picture_the_first_one_counts(tmp_path: Path, kind: str) -> None:
    frames = [halves(), Image.new("RGB", (160, 90), "red")]
    path = saved(frames[0], tmp_path / "photo", kind, save_all=True, append_images=frames[1:])
    assert crop_picture(path, tmp_path / "plain", "16:9") == "reduced to its first picture"
    with Image.open(tmp_path / "plain") as plain:
        assert getattr(plain, "n_frames", 1) == 1
        assert plain.convert("L").getpixel((140, 60)) == pytest.approx(200, abs=6)


def test_a_picture_of_its_own_shape_is_kept_whole_where_no_shape_is_asked_for(tmp_path: Path) -> None:
    path = saved(halves(90, 160), tmp_path / "photo.jpg", "JPEG", exif=turned(6))
    assert crop_picture(path, tmp_path / "plain.jpg", None) == "turned upright"
    assert check_picture(tmp_path / "plain.jpg").width == 160


def test_garbled_exif_data_leave_a_picture_as_it_is_stored(tmp_path: Path) -> None:
    path = saved(halves(), tmp_path / "photo.jpg", "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40))
    assert check_picture(path).width == 160
    assert crop_picture(path, tmp_path / "plain.jpg", "16:9") is None


def test_a_photo_of_a_phone_of_50_megapixels_is_a_start_picture(tmp_path: Path) -> None:
    facts = check_picture(saved(Image.new("1", (8192, 6144)), tmp_path / "photo.png", "PNG", compress_level=1))
    assert (facts.width, facts.height) == (8192, 6144)


# HEIC


def heic(path: Path, picture: Image.Image, **options: Any) -> Path:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra `heic` is not installed")
    pillow_heif.register_heif_opener()
    return saved(picture, path, "HEIF", **options)


def test_a_heic_photo_is_a_start_picture_and_becomes_a_jpeg(tmp_path: Path) -> None:
    path = heic(tmp_path / "IMG_0001.HEIC", halves(320, 180), quality=90)
    assert check_picture(path).mime_type == "image/heic"
    assert crop_picture(path, tmp_path / "plain", "16:9") == "written as JPEG"
    assert check_picture(tmp_path / "plain").mime_type == "image/jpeg"


def test_a_truncated_heic_photo_is_refused(tmp_path: Path) -> None:
    path = heic(tmp_path / "IMG_0001.HEIC", halves(320, 180), quality=90)
    for share in (0.1, 0.5, 0.9):
        (tmp_path / "cut.heic").write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(BrokenMedia) as caught:
            check_picture(tmp_path / "cut.heic")
        assert "\n" not in str(caught.value), "libheif ends its own sentence with a line break"


def test_a_heic_photo_without_the_extra_is_named_by_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "IMG_0001.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(BrokenMedia, match=r"is a HEIC photo; install the extra `heic`.*pip install pillow-heif"):
        check_picture(tmp_path / "IMG_0001.HEIC")


# nothing else than our own errors


def png(width: int, height: int, more: bytes = b"") -> bytes:
    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + more + part(b"IDAT", zlib.compress(bytes(100))) + part(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [png(0, 0), png(40_000, 40_000), png(2**31 - 1, 2**31 - 1), b"GIF89a" + bytes(100), bytes(1000), b"\xff\xd8\xff" + bytes(50)],
    ids=["no size", "a bomb", "an absurd size", "a GIF", "zeros", "a JPEG of zeros"],
)
def test_what_is_no_picture_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo").write_bytes(content)
    with pytest.raises(BrokenMedia) as caught:
        check_picture(tmp_path / "photo")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_thousand_garbled_pictures_raise_nothing_else(tmp_path: Path) -> None:
    samples, dice = [], random.Random(11)
    for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"):
        for kind in ("PNG", "JPEG", "WEBP", "MPO", "HEIF"):
            out = io.BytesIO()
            try:
                Image.new(mode, (64, 48)).save(out, kind, exif=turned(6))
            except (OSError, KeyError, ValueError):
                continue  # not every kind of colour goes into every kind of file
            samples.append(out.getvalue())
    assert len(samples) > 10
    refused = 0
    for _ in range(1000):
        data = bytearray(dice.choice(samples))
        for _ in range(dice.choice([1, 2, 5, 30])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / "photo").write_bytes(data[: dice.choice([len(data), dice.randrange(len(data))])])
        try:
            check_picture(tmp_path / "photo")
            crop_picture(tmp_path / "photo", tmp_path / "plain", "1:1")
        except BrokenMedia:
            refused += 1
    assert 100 < refused < 1000
