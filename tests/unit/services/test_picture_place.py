"""Where a picture of the user's own may lie: definitions may not read everything that the program can."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from tenxsom.errors import BrokenMedia, NotFound
from tenxsom.services.images.picture_place import find_picture, read_picture

SECRET = "LTX_API_KEY=canary-of-the-test"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The folder of a definition, with a picture in it; beside it another one, and a secret."""
    for folder in ("desk", "album", "elsewhere"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (32, 32)).save(tmp_path / folder / "lake.png")
    (tmp_path / "elsewhere" / "keys.env").write_text(SECRET)
    return tmp_path / "desk"


def found(desk: Path, place: str, *more: Path, private: tuple[Path, ...] = ()) -> Path:
    return find_picture(place, (desk, *more), private)


@pytest.mark.case
@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"GIF89a", "is a GIF;"),
        (b"BM\x36\x10", "is a BMP picture;"),
        (b"II*\0\x08", "is a TIFF or raw picture;"),
        (b"8BPS\0\1", "is a Photoshop document;"),
        (b'\n<svg xmlns="http://www.w3.org/2000/svg">', "is an SVG drawing;"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "is an AVIF picture;"),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "is a video;"),
        (b"LTX_API_KEY=canary", "is no picture;"),
    ],
)
def test_a_picture_of_another_kind_is_named_by_its_kind(desk, start, kind):
    (desk / "lake.png").write_bytes(start + bytes(100))
    with pytest.raises(BrokenMedia, match=kind) as told:
        read_picture(desk / "lake.png")
    assert "canary" not in str(told.value)


@pytest.mark.parametrize("place", ["lake.png", "./lake.png", "../desk/lake.png"])
def test_a_picture_beside_the_definition_is_found(desk, place):
    assert found(desk, place) == desk / "lake.png"
    assert found(desk, str(desk / "lake.png")) == desk / "lake.png"


@pytest.mark.parametrize(
    "place", ["../elsewhere/lake.png", "/etc/hostname", "~/lake.png", "../../../../../etc/passwd", "~no-such-user/x"]
)
def test_a_picture_anywhere_else_is_refused(desk, place):
    with pytest.raises(BrokenMedia):
        found(desk, place)


def test_a_folder_of_the_settings_is_allowed_too(desk):
    album = desk.parent / "album"
    assert found(desk, str(album / "lake.png"), album) == album / "lake.png"
    with pytest.raises(BrokenMedia, match="START_IMAGE_FOLDERS"):
        found(desk, "../elsewhere/lake.png", album)


def test_a_link_counts_as_what_it_leads_to(desk):
    (desk / "out.png").symlink_to(desk.parent / "elsewhere" / "lake.png")
    (desk / "in.png").symlink_to(desk / "lake.png")
    (desk / "up").symlink_to(desk.parent / "elsewhere")
    for place in ("out.png", "up/lake.png"):
        with pytest.raises(BrokenMedia, match="outside"):
            found(desk, place)
    assert found(desk, "in.png") == desk / "lake.png"


def test_a_link_in_a_circle_is_refused_or_not_there(desk):
    (desk / "round.png").symlink_to(desk / "round.png")
    with pytest.raises((BrokenMedia, NotFound)):
        read_picture(found(desk, "round.png"))


def test_the_programs_own_files_are_no_pictures(desk):
    for name in ("state/lake.json", "production.env"):
        with pytest.raises(BrokenMedia, match="own"):
            found(desk, name, private=(desk / "state", desk / "production.env"))


def test_no_refusal_quotes_what_is_in_a_file(desk):
    (desk / "keys.png").write_text(SECRET)
    with pytest.raises(BrokenMedia) as caught:
        read_picture(desk / "keys.png")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("place", ["pipe", "folder", "nothing"])
def test_only_an_ordinary_file_is_read_and_nothing_is_waited_for(desk, place):
    os.mkfifo(desk / "pipe")
    (desk / "folder").mkdir()
    with pytest.raises(NotFound):
        read_picture(desk / place)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/stdin"])
def test_a_device_is_no_picture(device):
    with pytest.raises((NotFound, BrokenMedia)):
        read_picture(Path(device))


def test_a_picture_that_became_a_link_after_it_was_accepted_is_not_read(desk):
    path = found(desk, "lake.png")
    path.unlink()
    path.symlink_to(desk.parent / "elsewhere" / "lake.png")
    with pytest.raises(NotFound, match="has become a link"):
        read_picture(path)


def test_a_picture_that_is_larger_than_any_service_takes_is_refused(desk, monkeypatch):
    monkeypatch.setattr("tenxsom.services.images.picture_place.MAX_BYTES", 10)
    with pytest.raises(BrokenMedia, match="larger than"):
        read_picture(desk / "lake.png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_a_kind_that_services_take_is_read_whole(desk, form):
    Image.new("RGB", (8, 8)).save(desk / "mine", format=form)
    assert read_picture(desk / "mine") == (desk / "mine").read_bytes()
