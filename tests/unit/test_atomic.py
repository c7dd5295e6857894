"""Files that are whole or not there, whatever the disk does."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors, make_folder
from tenxsom.errors import DiskError
from tests.processes import race, running, said

DISK_ERRORS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EMFILE, errno.ENOMEM, errno.ESTALE]


def fail(monkeypatch: pytest.MonkeyPatch, call: str, number: int = errno.ENOSPC, after: int = 0) -> None:
    """Let the operating system's `call` fail after it has worked `after` times."""
    real, done = getattr(os, call), [0]

    def failing(*arguments: Any, **named: Any) -> Any:
        done[0] += 1
        if done[0] > after:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **named)

    monkeypatch.setattr(os, call, failing)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def short_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the operating system take 7 bytes at a time, as it may at any time."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:7])))


# write


def test_write_makes_a_file_and_replaces_it(tmp_path):
    path = tmp_path / "x.json"
    atomic.write(path, b"first")
    atomic.write(path, b"2")
    assert path.read_bytes() == b"2"
    assert names(tmp_path) == ["x.json"]


@pytest.mark.parametrize("size", [0, 1, 7, 5003])
@pytest.mark.usefixtures("short_writes")
def test_short_writes_are_carried_on_until_everything_is_written(tmp_path, size):
    atomic.write(tmp_path / "x", b"x" * size)
    assert (tmp_path / "x").read_bytes() == b"x" * size


def test_a_reader_sees_the_old_file_or_the_new_one_and_never_a_part_of_either(tmp_path):
    path, stop = tmp_path / "x", threading.Event()
    contents = [bytes([65 + number]) * 100_000 for number in range(8)]
    atomic.write(path, contents[0])
    seen: set[bytes] = set()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for content in contents * 5:
        atomic.write(path, content)
    stop.set()
    for reader in readers:
        reader.join()
    assert seen <= set(contents)


def noted(steps: list[str], call: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, with its name written down before it is called."""

    def call_it(*arguments: Any, **options: Any) -> Any:
        steps.append(call)
        return real(*arguments, **options)

    return call_it


def test_the_new_content_and_its_name_are_on_the_disk_when_write_returns(tmp_path, monkeypatch):
    steps: list[str] = []
    for call in ("write", "fsync", "replace", "open"):
        monkeypatch.setattr(os, call, noted(steps, call, getattr(os, call)))
    atomic.write(tmp_path / "x", b"data")
    assert steps == ["open", "write", "fsync", "replace", "open", "fsync"]


@pytest.mark.parametrize("number", DISK_ERRORS)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_broken_disk_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path, monkeypatch, call, number):
    path = tmp_path / "x"
    atomic.write(path, b"old")
    with monkeypatch.context() as broken:
        fail(broken, call, number)
        with pytest.raises(DiskError) as caught:
            atomic.write(path, b"new")
    assert caught.value.exit_code == (3 if number == errno.EROFS else 75)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_a_disk_that_fills_up_in_the_middle_leaves_no_half_file(tmp_path, monkeypatch, short_writes):
    atomic.write(tmp_path / "x", b"old")
    with monkeypatch.context() as broken:
        fail(broken, "write", errno.ENOSPC, after=3)
        with pytest.raises(DiskError):
            atomic.write(tmp_path / "x", b"new" * 100)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_a_stop_in_the_middle_leaves_no_temporary_file(tmp_path, monkeypatch):
    def stopped(_descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", stopped)
        with pytest.raises(KeyboardInterrupt):
            atomic.write(tmp_path / "x", b"new")
    assert names(tmp_path) == []


@pytest.mark.parametrize("target", ["nowhere/x", "file/x", "folder"])
def test_a_place_where_nothing_can_be_written_is_a_disk_error_and_no_crash(tmp_path, target):
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(DiskError):
        atomic.write(tmp_path / target, b"x")
    assert names(tmp_path) == ["file", "folder"]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    for name in ("x" * 255, "ü" * 127):
        atomic.write(tmp_path / name, b"x")
        assert (tmp_path / name).read_bytes() == b"x"


# create


@pytest.fixture(params=["hard links", "EPERM", "EOPNOTSUPP", "EMLINK", "nothing but rename"])
def way(request, monkeypatch):
    """How a new file gets its name: by a hard link, or without one, as exFAT, SMB and some FUSE file systems have none."""
    if request.param != "hard links":
        number = getattr(errno, request.param, errno.EPERM)

        def no_links(*_: Any, **__: Any) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "link", no_links)
    if request.param == "nothing but rename":
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    return request.param


@pytest.mark.usefixtures("way")
def test_create_never_overwrites(tmp_path):
    assert atomic.create(tmp_path / "x", b"first")
    assert not atomic.create(tmp_path / "x", b"second")
    assert (tmp_path / "x").read_bytes() == b"first"
    assert names(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_a_link_that_leads_nowhere_takes_its_name_too(tmp_path):
    (tmp_path / "x").symlink_to(tmp_path / "nowhere")
    assert not atomic.create(tmp_path / "x", b"data")
    assert (tmp_path / "x").is_symlink()


@pytest.mark.usefixtures("way")
def test_a_created_file_is_readable_by_the_same_people_as_one_that_was_written(tmp_path):
    atomic.create(tmp_path / "x", b"data")
    atomic.write(tmp_path / "y", b"data")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


CREATE = """
import os, sys
from pathlib import Path
from tenxsom import atomic
print("ready", flush=True)
sys.stdin.readline()
for number in range(60):
    if atomic.create(Path(sys.argv[1]) / str(number), str(os.getpid()).encode()):
        print(number, os.getpid())
"""


NO_LINKS = """
import errno, os
def no_links(*_, **__):
    raise PermissionError(errno.EPERM, "Operation not permitted")
os.link = no_links
"""


@pytest.mark.parametrize("disk", ["", NO_LINKS], ids=["hard_links", "no_hard_links"])
def test_of_several_processes_exactly_one_creates_a_file_and_all_of_it(tmp_path, disk):
    won = [line.split() for output in race(disk + CREATE, tmp_path, count=3) for line in output.splitlines()]
    assert sorted(int(number) for number, _ in won) == list(range(60))
    assert dict(won) == {path.name: path.read_text() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("call", ["open", "write", "fsync", "link"])
def test_a_file_that_could_not_be_created_is_not_there_and_left_nothing(tmp_path, monkeypatch, call):
    with monkeypatch.context() as broken:
        fail(broken, call)
        with pytest.raises(DiskError):
            atomic.create(tmp_path / "x", b"data")
    assert names(tmp_path) == []


# append


def test_appended_lines_follow_one_another(tmp_path):
    for line in (b"one", b"two"):
        atomic.append(tmp_path / "x", line)
    assert (tmp_path / "x").read_bytes() == b"one\ntwo\n"


def test_append_closes_a_line_that_a_crash_left_torn(tmp_path):
    (tmp_path / "x").write_bytes(b'one\n{"torn')
    atomic.append(tmp_path / "x", b"two")
    assert (tmp_path / "x").read_bytes() == b'one\n{"torn\ntwo\n'


@pytest.mark.parametrize("number", DISK_ERRORS)
@pytest.mark.parametrize(("call", "after"), [("write", 0), ("write", 2), ("fsync", 0)])
def test_a_line_that_could_not_be_written_whole_is_taken_back(tmp_path, monkeypatch, short_writes, call, after, number):
    (tmp_path / "x").write_bytes(b"one\n")
    with monkeypatch.context() as broken:
        fail(broken, call, number, after)
        with pytest.raises(DiskError):
            atomic.append(tmp_path / "x", b"a line of more than twenty-one bytes")
    assert (tmp_path / "x").read_bytes() == b"one\n"


def test_the_name_of_a_new_file_is_on_the_disk_before_its_first_line_counts(tmp_path, monkeypatch):
    with monkeypatch.context() as broken:
        fail(broken, "fsync")
        with pytest.raises(DiskError):
            atomic.append(tmp_path / "x", b"one")
    assert (tmp_path / "x").read_bytes() == b""
    atomic.append(tmp_path / "x", b"one")
    assert (tmp_path / "x").read_bytes() == b"one\n"


# what each error means


@pytest.mark.parametrize(
    ("number", "code", "remedy"),
    [
        (errno.EACCES, 3, rf"user {os.geteuid()}, who runs this"),
        (errno.EPERM, 3, "chown"),
        (errno.EROFS, 3, "Mount the disk for writing"),
        (errno.ENOLCK, 3, "gives no locks"),
        (errno.EOPNOTSUPP, 3, "on a disk of this machine"),
        (errno.ENAMETOOLONG, 3, "a shorter content_id"),
        (errno.ELOOP, 3, "Remove the link"),
        (errno.EFBIG, 3, "ulimit -f"),
        (errno.ENXIO, 3, "Remove it"),
        (errno.ENOSPC, 75, "Free some room"),
        (errno.EDQUOT, 75, "quota"),
        (errno.EMFILE, 75, "ulimit -n"),
        (errno.ENFILE, 75, "whole machine"),
        (errno.EIO, 75, "Look at the disk"),
        (errno.ESTALE, 75, "Mount it anew"),
        (errno.ENODEV, 75, "Free or repair the disk"),
    ],
)
def test_each_error_of_a_disk_has_its_exit_code_and_its_remedy(tmp_path, number, code, remedy):
    with pytest.raises(DiskError, match=remedy) as caught, disk_errors(tmp_path / "lake.json", "read"):
        raise OSError(number, os.strerror(number))
    assert caught.value.exit_code == code
    assert str(caught.value).startswith(f"Cannot read {tmp_path}/lake.json: {os.strerror(number)}. ")
    assert "goes on by itself" in str(caught.value)


# publish, remove, move_aside


def test_publish_gives_a_finished_file_its_name_and_replaces_an_older_one(tmp_path):
    (tmp_path / "x.part").write_bytes(b"new")
    (tmp_path / "x").write_bytes(b"old")
    atomic.publish(tmp_path / "x.part", tmp_path / "x")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"new"}


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_file_that_could_not_be_published_is_still_there(tmp_path, monkeypatch, call):
    (tmp_path / "x.part").write_bytes(b"new")
    with monkeypatch.context() as broken:
        fail(broken, call)
        with pytest.raises(DiskError):
            atomic.publish(tmp_path / "x.part", tmp_path / "x")
    assert names(tmp_path) == ["x.part"]


def test_remove_is_content_with_a_file_that_is_not_there(tmp_path):
    (tmp_path / "x").touch()
    atomic.remove(tmp_path / "x")
    atomic.remove(tmp_path / "x")
    assert names(tmp_path) == []


def test_what_is_moved_aside_keeps_its_content_and_gets_its_reason(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff{")
    target = atomic.move_aside(tmp_path / "x.json", tmp_path / "quarantine", "it is broken: \udcff")
    assert target == tmp_path / "quarantine" / "x.json"
    assert target.read_bytes() == b"\xff{"
    assert (tmp_path / "quarantine" / "x.json.why.txt").read_text() == "it is broken: \\udcff\n"
    assert names(tmp_path) == ["quarantine"]


def test_moving_aside_never_overwrites(tmp_path):
    contents = []
    for number in range(4):
        (tmp_path / "x.json").write_text(str(number))
        contents.append(atomic.move_aside(tmp_path / "x.json", tmp_path / "q", f"reason {number}").read_text())
    assert contents == ["0", "1", "2", "3"]
    assert len(names(tmp_path / "q")) == 8


MOVE = """
import os, sys
from pathlib import Path
from tenxsom import atomic
mine = Path(sys.argv[1]) / str(os.getpid())
mine.mkdir()
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    (mine / "x.json").write_text(f"{os.getpid()} {number}")
    atomic.move_aside(mine / "x.json", Path(sys.argv[1]) / "q", f"{os.getpid()} {number}")
"""


def test_files_of_one_name_from_several_processes_are_all_kept_with_their_own_reasons(tmp_path):
    race(MOVE, tmp_path, count=3)
    kept = [path for path in (tmp_path / "q").iterdir() if not path.name.endswith(".why.txt")]
    assert len({path.read_text() for path in kept}) == 60
    assert all(path.with_name(path.name + ".why.txt").read_text() == path.read_text() + "\n" for path in kept)


def test_a_folder_can_be_moved_aside_like_a_file(tmp_path):
    (tmp_path / "x.json").mkdir()
    (tmp_path / "x.json" / "inner").touch()
    assert names(atomic.move_aside(tmp_path / "x.json", tmp_path / "q", "a folder")) == ["inner"]


# room


def test_room_is_checked_with_a_real_write_that_leaves_nothing(tmp_path, monkeypatch):
    atomic.check_writable(tmp_path, 1)
    with monkeypatch.context() as broken:
        fail(broken, "fsync", errno.EIO)
        with pytest.raises(DiskError):
            atomic.check_writable(tmp_path, 1)
    assert names(tmp_path) == []


def test_too_little_room_is_said_with_what_is_there_and_what_is_needed(tmp_path):
    with pytest.raises(DiskError, match=r"Only \d+ MB are free .* less than 1000000000000 MB"):
        atomic.check_writable(tmp_path, 10**18)


def test_a_file_in_the_place_of_a_folder_is_a_disk_error(tmp_path):
    (tmp_path / "folder").touch()
    with pytest.raises(DiskError):
        make_folder(tmp_path / "folder")


# many at once


def test_a_draft_that_is_not_put_in_place_leaves_nothing(tmp_path):
    atomic.write(tmp_path / "x", b"old")
    with atomic.Draft(tmp_path / "x", b"new") as draft:
        draft.sync()
        assert (tmp_path / "x").read_bytes() == b"old"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"old"}


FORK = """
import os, sys
from pathlib import Path
from tenxsom.atomic import Draft
child = os.fork()
if child:
    os.waitpid(child, 0)
print(Draft(Path(sys.argv[1]) / "x", b"data").temporary.split(".")[-2], flush=True)
os._exit(0)
"""


def test_a_forked_child_uses_other_temporary_names_than_its_parent(tmp_path):
    with running(FORK, tmp_path) as (parent,):
        lives = {said(parent).split("-")[1] for _ in range(2)}
    assert len(lives) == 2


# what a killed process leaves


def test_temporary_files_of_killed_processes_are_swept_and_nothing_else(tmp_path):
    old, young = clock.now().timestamp() - 2 * atomic.ABANDONED_AFTER_SECONDS, clock.now().timestamp()
    for name, moment in ((".x.1-ab-0.tmp", old), (".x.2-cd-0.tmp", young), ("x.json", old), ("x.tmp", old), (".locks", old)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (moment, moment))
    atomic.sweep(tmp_path)
    assert names(tmp_path) == [".locks", ".x.2-cd-0.tmp", "x.json", "x.tmp"]


def test_sweeping_a_folder_that_is_not_there_is_no_error(tmp_path):
    atomic.sweep(tmp_path / "nowhere")


KILLED = """
import os, signal, sys
from pathlib import Path
from tenxsom import atomic
real, left = os.write, [int(sys.argv[2])]
def write(descriptor, data):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(descriptor, bytes(data[:4]))
os.write = write
atomic.write(Path(sys.argv[1]), b"new content")
"""


@pytest.mark.parametrize("writes", [0, 2])
def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file(tmp_path, writes):
    atomic.write(tmp_path / "x.json", b"old")
    with running(KILLED, tmp_path / "x.json", writes) as (killed,):
        assert killed.wait(timeout=60) == -9
    assert (tmp_path / "x.json").read_bytes() == b"old"
    assert [name for name in names(tmp_path) if not name.endswith(atomic.TEMPORARY_SUFFIX)] == ["x.json"]
