"""Opening files where others can put theirs: no pipe is waited for, and no link is written through."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tenxsom import safe_files
from tenxsom.disk import disk_errors
from tenxsom.errors import DiskRefused
from tenxsom.http.part import PartFile
from tenxsom.media.encode import new_mp4
from tenxsom.media.refit import crop_picture
from tenxsom.store.files.artifacts import FileArtifacts

SECRET = b"LTX_API_KEY=never-touch-this\n"


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file of the operator's, which is as it was at the end of every test."""
    path = tmp_path / "operators.env"
    path.write_bytes(SECRET)
    yield path
    assert path.read_bytes() == SECRET


def link(place: Path, secret: Path) -> None:
    place.symlink_to(secret)


def relative_link(place: Path, secret: Path) -> None:
    place.symlink_to(secret.name)


def link_to_nothing(place: Path, secret: Path) -> None:
    place.symlink_to(secret.with_name("not-there"))


def hard_link(place: Path, secret: Path) -> None:
    place.hardlink_to(secret)


def pipe(place: Path, secret: Path) -> None:
    os.mkfifo(place)


def waiting_socket(place: Path, secret: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))


PLANTED = [link, relative_link, link_to_nothing, hard_link, pipe, waiting_socket]


def through_a_download(place: Path) -> None:
    with PartFile(place) as part:
        part.write(b"the clip")
        part.sha256()


def through_a_picture(place: Path) -> None:
    Image.new("RGB", (64, 32)).save(place.with_name("wide.png"))
    with disk_errors(place):
        assert crop_picture(place.with_name("wide.png"), place, "1:1")


def through_a_video(place: Path) -> None:
    with disk_errors(place), new_mp4(place) as container:
        container.add_stream("libx264", rate=24).width = 64


def through_a_copy(place: Path) -> None:
    place.with_name("tune.mp3").write_bytes(b"the tune")
    with disk_errors(place):
        safe_files.copy_file(place.with_name("tune.mp3"), place)
    assert place.read_bytes() == b"the tune"


def through_music_that_was_ordered(place: Path) -> None:
    with disk_errors(place):
        safe_files.write_file(place, b"the music")
    assert place.read_bytes() == b"the music"


WRITERS = [through_a_download, through_a_picture, through_a_video, through_a_copy, through_music_that_was_ordered]


@pytest.mark.case
@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("write", WRITERS)
def test_what_is_planted_under_a_name_of_ours_is_replaced_and_never_written_through(tmp_path, secret, plant, write):
    place = tmp_path / "lake.mp4.part"
    plant(place, secret)
    write(place)
    assert place.is_file()
    assert not place.is_symlink()
    assert place.stat().st_nlink == 1
    assert not (tmp_path / "not-there").exists()


@pytest.mark.parametrize("write", WRITERS)
def test_a_device_is_neither_written_to_nor_removed(tmp_path, write):
    place = tmp_path / "lake.mp4.part"
    try:
        os.mknod(place, 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device needs root")
    with pytest.raises(DiskRefused, match="a device is in its place"):
        write(place)
    assert place.is_char_device()


def test_a_folder_under_a_name_of_ours_is_named_and_left_alone(tmp_path):
    place = tmp_path / "lake.mp4.part"
    place.mkdir()
    with pytest.raises(DiskRefused, match="Move that folder away"):
        through_a_download(place)
    assert place.is_dir()


def test_a_part_of_ours_is_carried_on_with(tmp_path):
    place = tmp_path / "lake.mp4.part"
    place.write_bytes(b"half")
    descriptor = safe_files.open_own(place)
    assert os.read(descriptor, 10) == b"half"
    os.close(descriptor)


@pytest.mark.case
@pytest.mark.parametrize("plant", [pipe, waiting_socket])
def test_a_pipe_is_never_waited_for(tmp_path, secret, plant: Callable[[Path, Path], None]):
    plant(tmp_path / "cover.png", secret)
    with pytest.raises(OSError):  # a socket cannot be opened at all
        safe_files.read_file(tmp_path / "cover.png", 100)


@pytest.mark.parametrize("place", ["/dev/zero", "/", "/proc/self/mem"])
def test_only_an_ordinary_file_is_read(place):
    with pytest.raises(OSError):
        safe_files.read_file(place, 100)


def test_no_more_is_read_than_asked_for(tmp_path, secret):
    assert safe_files.read_file(secret, 4) == SECRET[:4]


def test_a_pipe_in_the_place_of_a_report_stops_no_tick(tmp_path):
    artifacts = FileArtifacts(tmp_path)
    os.mkfifo(tmp_path / "lake_completion_report.json")
    with pytest.raises(Exception, match="no ordinary file"):
        artifacts.final_report("lake")
    assert artifacts.owner_of("job-1") is None
