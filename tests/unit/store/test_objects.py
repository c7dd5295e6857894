"""Files of jobs in an object store: names that nobody else writes, the disk of a process, links, and what the settings may say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tenxsom import clock, settings
from tenxsom.errors import BadSettings, DiskError, DiskRefused
from tenxsom.store.objects.artifacts import ObjectArtifacts
from tenxsom.store.objects.scratch import Scratch
from tests.belt import ROOT
from tests.processes import running, said
from tests.stores import files_in_a_folder, objects, stub_s3
from tests.stub_s3 import SECRET, StubS3

Opener = Callable[..., ObjectArtifacts]


@pytest.fixture
def s3() -> StubS3:
    return stub_s3()


@pytest.fixture
def machine(s3: StubS3, tmp_path: Path) -> Opener:
    """Opens the files of one installation in S3; each call as another machine would."""
    prefix = tmp_path.as_posix().strip("/")
    return lambda **changes: objects(tmp_path, s3.settings(prefix) | changes)


@pytest.fixture
def folder(tmp_path: Path) -> Opener:
    """The same in a folder that machines share."""
    (tmp_path / "bucket").mkdir()
    return lambda **changes: objects(tmp_path, {"MEDIA_URL": f"file://{tmp_path}/bucket", **changes})


def put(artifacts: ObjectArtifacts, name: str, data: bytes) -> None:
    part = artifacts.scratch(name)
    part.write_bytes(data)
    artifacts.publish(part, name)


def keys_of(s3: StubS3, tmp_path: Path) -> list[str]:
    prefix = tmp_path.as_posix().strip("/") + "/"
    return [key.removeprefix(prefix) for key in s3.objects if key.startswith(prefix)]


# names


def test_every_publication_has_a_key_of_its_own_and_the_one_before_is_gone(machine, s3, tmp_path):
    artifacts = machine()
    put(artifacts, "lake.mp4", b"first")
    (first,) = keys_of(s3, tmp_path)
    put(artifacts, "lake.mp4", b"second")
    (second,) = keys_of(s3, tmp_path)
    assert first.startswith("files/lake/lake.mp4/000001-")
    assert second.startswith("files/lake/lake.mp4/000002-")
    assert artifacts.exists("lake.mp4")
    assert artifacts.location("lake.mp4").endswith(second)


def test_who_began_before_another_published_does_not_replace_its_file(machine):
    """The slower of two owners, after a lost connection: its film is left unnamed, and nothing changes for anybody."""
    slow, quick = machine(), machine()
    part = slow.scratch("lake.mp4")
    put(quick, "lake.mp4", b"the film that the report tells of")
    part.write_bytes(b"the same film, encoded once more")
    slow.publish(part, "lake.mp4")
    for each in (slow, quick, machine()):
        assert each.local("lake.mp4").read_bytes() == b"the film that the report tells of"
    assert [name.partition("@")[0] for name, _, _ in machine().scratch_files()] == ["lake.mp4"]


def test_what_does_not_count_is_dropped_and_what_counts_never(machine):
    slow, quick = machine(), machine()
    part = slow.scratch("lake~clip01.mp4")
    put(quick, "lake~clip01.mp4", b"clip")
    part.write_bytes(b"late")
    slow.publish(part, "lake~clip01.mp4")
    pruner = machine()
    ((left, size, _),) = pruner.scratch_files()
    assert size == 4
    pruner.drop_scratch(left)
    assert list(machine().scratch_files()) == []
    current = pruner._current("lake~clip01.mp4")
    assert current is not None
    pruner.drop_scratch(f"lake~clip01.mp4@{current.stem}")
    assert machine().local("lake~clip01.mp4").read_bytes() == b"clip"


def test_a_file_that_was_published_before_a_death_is_not_sent_again(machine, s3):
    put(machine(), "lake~clip01.mp4", b"clip")
    s3.requests.clear()
    put(machine(), "lake~clip01.mp4", b"clip")
    assert not [request for request in s3.requests if request.startswith(("PUT", "POST"))]


def test_a_renamed_file_is_copied_by_the_store_and_a_death_in_between_is_carried_on(machine, s3):
    artifacts = machine()
    put(artifacts, "lake~refused01.mp4", b"clip")
    s3.fails("denied", method="POST", path="?delete")
    with pytest.raises(DiskRefused):
        artifacts.rename("lake~refused01.mp4", "lake.mp4")
    s3.works()
    assert artifacts.exists("lake~refused01.mp4")
    machine().rename("lake~refused01.mp4", "lake.mp4")
    assert machine().local("lake.mp4").read_bytes() == b"clip"
    assert not machine().exists("lake~refused01.mp4")
    assert list(machine().scratch_files()) == []


def test_parts_of_films_are_found_without_looking_at_anything_else(machine, s3, monkeypatch):
    artifacts = machine()
    for name in ("lake~clip01.mp4", "lake~voice-01.wav", "lake.mp4"):
        put(artifacts, name, b"x")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now.replace(year=now.year + 1))
    s3.requests.clear()
    assert machine().parts_older_than(86_400) == ["lake~clip01.mp4", "lake~voice-01.wav"]
    assert all("%2Fparts%2F" in request for request in s3.requests)


def test_a_page_that_looks_for_new_reports_and_notes_reads_nothing_else(machine, s3):
    artifacts = machine()
    put(artifacts, "lake.mp4", b"film")
    artifacts.write("lake~note.json", b"{}")
    artifacts.write("lake_completion_report.json", b"{}")
    s3.requests.clear()
    assert set(machine().marks("_completion_report.json", "_failure_report.json", "~note.json")) == {
        "lake~note.json",
        "lake_completion_report.json",
    }
    assert len(s3.requests) == 1
    assert set(machine().marks(".mp4")) == {"lake.mp4"}


def test_files_of_many_jobs_are_looked_for_in_few_requests(machine, s3, monkeypatch):
    artifacts = machine()
    videos = [f"lake{number}.mp4" for number in range(6)]
    for name in videos:
        put(artifacts, name, b"film")
    s3.requests.clear()
    assert machine().sizes(["lake0.mp4", "lake0.jpg", "lake0.srt"]) == {"lake0.mp4": 4}
    assert len(s3.requests) == 1
    monkeypatch.setattr("tenxsom.store.objects.artifacts.MOST_FOLDERS", 5)
    reader = machine()
    assert set(reader.sizes(videos)) == {*videos}
    assert len(s3.requests) == 2
    assert reader.location("lake3.mp4").endswith(".mp4")
    assert "/000001-" in reader.location("lake3.mp4")


def test_an_object_of_somebody_else_is_no_file_of_ours(folder, tmp_path):
    stray = tmp_path / "bucket" / "files" / "lake" / "lake.mp4" / "notes.mp4"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"mine")
    artifacts = folder()
    assert not artifacts.exists("lake.mp4")
    put(artifacts, "lake.mp4", b"film")
    artifacts.remove("lake.mp4")
    assert stray.read_bytes() == b"mine"


# copies and the disk of a process


def test_a_file_is_fetched_once_by_each_machine_and_not_at_all_by_the_one_that_made_it(machine, s3):
    maker = machine()
    put(maker, "lake~clip01.mp4", b"clip")
    other = machine()
    s3.requests.clear()
    for each in (maker, maker, other, other):
        assert each.local("lake~clip01.mp4").read_bytes() == b"clip"
    fetched = [request for request in s3.requests if request.startswith("GET") and "list-type" not in request]
    assert len(fetched) == 1


def test_a_copy_has_the_same_name_and_time_on_every_machine(machine):
    maker = machine()
    put(maker, "lake.jpg", b"picture")
    mine, theirs = maker.local("lake.jpg"), machine().local("lake.jpg")
    assert mine != theirs
    assert mine.name == theirs.name == "lake.jpg"
    assert mine.stat().st_mtime_ns == theirs.stat().st_mtime_ns


def test_a_copy_of_a_file_that_was_replaced_is_not_used(machine):
    reader = machine()
    put(machine(), "lake.srt", b"first")
    assert reader.local("lake.srt").read_bytes() == b"first"
    put(machine(), "lake.srt", b"second")
    assert reader.local("lake.srt").read_bytes() == b"second"


def test_a_file_that_arrives_damaged_is_not_used(machine, s3, tmp_path):
    put(machine(), "lake.mp4", b"film")
    (key,) = [key for key in s3.objects if key.startswith(tmp_path.as_posix().strip("/"))]
    s3.objects[key] = b"f1lm"
    reader = machine()
    with pytest.raises(DiskError, match="damaged"):
        reader.local("lake.mp4")
    s3.objects[key] = b"film"
    assert reader.local("lake.mp4").read_bytes() == b"film"


def test_what_a_dead_process_was_writing_is_gone_on_with_and_its_copies_are_removed(tmp_path):
    lines = """
import sys
from pathlib import Path
from tenxsom.store.objects.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
scratch.path("lake.mp4").write_bytes(b"half")
(scratch.folder / "copies" / "hill.mp4").mkdir(parents=True)
print(scratch.folder, flush=True)
sys.stdin.readline()
"""
    with running(lines, tmp_path / "scratch") as (owner,):
        theirs = Path(said(owner))
        mine = Scratch(tmp_path / "scratch")
        assert not mine.path("lake.mp4").exists()
        owner.kill()
        owner.wait()
        assert theirs.exists()
        next_one = Scratch(tmp_path / "scratch")
        assert next_one.path("lake.mp4").read_bytes() == b"half"
        assert not theirs.exists()
        assert mine.folder.exists()


def test_a_process_that_ends_leaves_only_what_it_was_writing(tmp_path):
    scratch = Scratch(tmp_path / "scratch")
    assert scratch.folder.exists()
    scratch.close()
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".locks"]
    scratch.path("lake.mp4").write_bytes(b"half")
    scratch.close()
    assert Scratch(tmp_path / "scratch").path("lake.mp4").read_bytes() == b"half"


def test_a_forked_child_has_a_folder_of_its_own(tmp_path):
    lines = """
import os, sys
from pathlib import Path
from tenxsom.store.objects.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
print(scratch.folder, flush=True)
if child := os.fork():
    os.waitpid(child, 0)
else:
    print(scratch.folder, flush=True)
    os._exit(0)
"""
    with running(lines, tmp_path / "scratch") as (parent,):
        folders = parent.communicate(timeout=60)[0].split()
    assert len({*folders}) == 2


def test_copies_that_nothing_asks_for_any_more_are_removed_and_fetched_again_when_something_does(machine, monkeypatch):
    for name in ("lake.jpg", "hill.jpg", "shore.jpg"):
        put(machine(), name, b"picture")
    reader = machine()
    old, used = reader.local("lake.jpg"), reader.local("hill.jpg")
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now + 5 * 3600)
    reader.local("hill.jpg")
    monkeypatch.setattr(clock, "monotonic", lambda: now + 7 * 3600)
    reader.local("shore.jpg")
    assert not old.exists()
    assert used.exists()
    assert reader.local("lake.jpg").read_bytes() == b"picture"


# an installation that had no object store before


@pytest.fixture
def moved(machine, tmp_path: Path) -> ObjectArtifacts:
    """Files in the folder of an installation that has an object store since."""
    folder = files_in_a_folder(tmp_path)
    for name in ("lake.mp4", "lake~clip01.mp4", "lake_completion_report.json"):
        folder.write(name, b"made before")
    return machine()


def test_what_was_made_before_is_found_where_it_was(moved, machine, tmp_path):
    assert moved.files_of("lake") == ["lake~clip01.mp4", "lake.mp4", "lake_completion_report.json"]
    assert moved.sizes(["lake.mp4", "lake.jpg"]) == {"lake.mp4": 11}
    assert moved.local("lake.mp4").read_bytes() == b"made before"
    assert moved.location("lake.mp4") == str(tmp_path / "completed" / "lake.mp4")
    assert moved.link("lake.mp4", 60) is None
    with pytest.raises(FileNotFoundError):
        moved.local("hill.mp4")


def test_what_is_made_anew_goes_to_the_store_and_its_predecessor_goes(moved, machine, tmp_path):
    put(moved, "lake.mp4", b"made anew")
    assert machine().local("lake.mp4").read_bytes() == b"made anew"
    assert not (tmp_path / "completed" / "lake.mp4").exists()


def test_a_run_that_was_made_before_is_set_aside_and_removed(moved, machine, tmp_path):
    put(moved, "lake.jpg", b"made since")
    assert moved.set_aside("lake") == 1
    assert moved.files_of("lake") == []
    assert machine().local("lake~1.mp4").read_bytes() == b"made before"
    assert machine().local("lake~1.jpg").read_bytes() == b"made since"
    put(moved, "lake.mp4", b"x")
    assert moved.set_aside("lake") == 2
    moved.rename("lake~1.mp4", "lake~2.mp4")
    assert machine().local("lake~2.mp4").read_bytes() == b"made before"
    moved.remove("lake~2.mp4")
    assert not machine().exists("lake~2.mp4")


# links


def test_a_link_shows_one_file_for_a_while_and_no_other(machine, s3):
    artifacts = machine()
    put(artifacts, "lake.mp4", b"film")
    link = artifacts.link("lake.mp4", 60)
    assert link is not None
    answer = requests.get(link, timeout=10)
    assert answer.content == b"film"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert 'filename="lake.mp4"' in answer.headers["Content-Disposition"]
    assert requests.get(link.replace("lake.mp4/", "hill.mp4/"), timeout=10).status_code == 403
    assert SECRET not in link
    assert artifacts.link("hill.mp4", 60) is None
    assert artifacts.link("lake_completion_report.json", 60) is None


def test_a_link_leads_to_where_browsers_reach_the_server(machine, s3):
    by_name = s3.url.replace("127.0.0.1", "localhost")
    artifacts = machine(MEDIA_LINKS=by_name)
    put(artifacts, "lake.mp4", b"film")
    link = artifacts.link("lake.mp4", 60)
    assert artifacts.link_origin() == by_name
    assert link is not None
    assert requests.get(link, timeout=10).content == b"film"
    assert requests.get(link.replace("localhost", "127.0.0.1"), timeout=10).status_code == 403


def test_a_server_that_browsers_do_not_reach_has_no_links(machine):
    artifacts = machine(MEDIA_LINKS="none")
    put(artifacts, "lake.mp4", b"film")
    assert artifacts.link("lake.mp4", 60) is None
    assert artifacts.link_origin() is None


def test_a_folder_has_no_links(folder):
    artifacts = folder()
    put(artifacts, "lake.mp4", b"film")
    assert artifacts.link("lake.mp4", 60) is None


# trouble


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are repeated once, at once."""
    backoff = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=2), "base": 2}
    retries = {"max_retries": 1, "retry_timeout": timedelta(seconds=30), "backoff": backoff}
    monkeypatch.setattr("tenxsom.store.objects.bucket._RETRIES", retries)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("denied", "refuses it"),
        ("skewed", r"\(RequestTimeTooSkewed\).* clock"),
        ("region", "region"),
        ("no_bucket", "no such bucket"),
        ("slow_down", "too busy"),
        ("cut", "reached"),
    ],
)
def test_each_trouble_is_one_sentence_and_a_store_that_is_away_is_not_an_empty_one(machine, s3, fault, told, impatient):
    artifacts = machine()
    put(artifacts, "lake.mp4", b"film")
    s3.fails(fault)
    kind = DiskError if fault in ("slow_down", "cut") else DiskRefused
    for look in (
        lambda: artifacts.exists("lake.mp4"),
        lambda: artifacts.files_of("lake"),
        lambda: artifacts.remove("lake.mp4"),
        lambda: machine().local("lake.mp4"),
        lambda: put(artifacts, "hill.mp4", b"film"),
        lambda: machine().check_room(),
    ):
        with pytest.raises(kind, match=told) as raised:
            look()
        assert SECRET not in str(raised.value)
        assert str(raised.value).count("\n") == 0
    s3.works()
    assert artifacts.local("lake.mp4").read_bytes() == b"film"


def test_a_store_that_is_wrong_stops_a_command_at_its_start_and_one_that_is_away_lets_it_wait(machine, s3, impatient):
    s3.fails("no_bucket")
    with pytest.raises(BadSettings):
        machine().check()
    s3.fails("slow_down")
    with pytest.raises(DiskError) as busy:
        machine().check()
    assert busy.value.exit_code == 75
    s3.works()
    artifacts = machine()
    artifacts.check()
    s3.requests.clear()
    artifacts.check_room()
    assert s3.requests == []


def test_a_short_trouble_is_waited_for(machine, s3):
    artifacts = machine()
    for fault, method in (("slow_down", "PUT"), ("cut", "PUT"), ("cut_body", "GET")):
        s3.fails(fault, method=method, times=1)
        put(artifacts, "lake.mp4", fault.encode() * 1000)
        assert machine().local("lake.mp4").read_bytes() == fault.encode() * 1000


def test_a_listing_that_is_cut_off_is_carried_on_after_its_last_key(machine, s3, monkeypatch):
    monkeypatch.setattr("tests.stub_s3.PAGE", 2)
    artifacts = machine()
    names = [f"lake~clip{number:02}.mp4" for number in range(1, 6)]
    for name in names:
        put(artifacts, name, b"x")
    s3.fails("cut_body", method="GET", path="continuation-token", times=2)
    assert machine().files_of("lake") == names


def test_a_folder_that_is_not_there_is_not_an_empty_one(folder, tmp_path):
    artifacts = folder()
    put(artifacts, "lake.mp4", b"film")
    (tmp_path / "bucket").rename(tmp_path / "elsewhere")
    for look in (lambda: artifacts.exists("lake.mp4"), lambda: put(artifacts, "lake.srt", b"1"), lambda: folder().check_room()):
        with pytest.raises(DiskRefused, match="no folder"):
            look()
    (tmp_path / "elsewhere").rename(tmp_path / "bucket")
    assert artifacts.exists("lake.mp4")


def test_the_system_names_what_is_wrong_with_a_folder(folder, tmp_path):
    artifacts = folder()
    (tmp_path / "bucket" / "files").write_bytes(b"a file in the place of a folder")
    with pytest.raises(DiskRefused, match="Move that file away"):
        put(artifacts, "lake.mp4", b"film")


@pytest.mark.slow
def test_an_upload_that_was_killed_leaves_no_file_and_is_made_anew(machine, s3, tmp_path):
    """An upload in parts: its process dies when some of them have arrived."""
    lines = """
import json, sys
from pathlib import Path
from tests.stores import objects
artifacts = objects(Path(sys.argv[1]), json.loads(sys.argv[2]))
part = artifacts.scratch("lake.mp4")
part.write_bytes(b"0123456789abcdef" * 1_000_000)
print("ready", flush=True)
sys.stdin.readline()
artifacts.publish(part, "lake.mp4")
"""
    arrived, go_on = threading.Event(), threading.Event()

    def hold_the_third_part(method: str, path: str) -> None:
        if method == "PUT" and "partNumber=3" in path:
            arrived.set()
            go_on.wait(60)

    s3.fault = hold_the_third_part
    before = set(s3.uploads)
    given = json.dumps(s3.settings(tmp_path.as_posix().strip("/")))
    with running(lines, tmp_path, given) as (owner,):
        assert said(owner) == "ready"
        assert owner.stdin is not None
        owner.stdin.write("\n")
        owner.stdin.flush()
        assert arrived.wait(60)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    go_on.set()
    s3.works()
    assert len(set(s3.uploads) - before) == 1, "its parts are paid for until a lifecycle rule deletes them"
    assert not machine().exists("lake.mp4")
    again = machine()
    put(again, "lake.mp4", b"0123456789abcdef" * 1_000_000)
    assert machine().size("lake.mp4") == 16_000_000
    assert list(machine().scratch_files()) == []


def test_a_copy_into_a_folder_that_was_killed_is_swept(folder, tmp_path):
    artifacts = folder()
    put(artifacts, "lake.mp4", b"film")
    place = tmp_path / "bucket" / "files" / "lake" / "lake.mp4"
    (place / "000002-1795967509852-f51cdcf22be1524a78c227fe7d8cd5b4-27d00fd4.mp4#1").write_bytes(b"ha")
    assert artifacts.local("lake.mp4").read_bytes() == b"film"
    ((left, size, _),) = artifacts.scratch_files()
    assert size == 2
    artifacts.drop_scratch(left)
    assert len(list(place.iterdir())) == 1


# settings


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3:///folder",
        "ftp://bucket/x",
        "bucket/x",
        "file://host/srv",
        "file:///",
        "s3://key:secret@bucket/x",
        "s3://bucket/../other",
        "s3://bucket/x?versionId=1",
        "s3://bucket/a b",
        "s3://bucket//x",
    ],
)
def test_an_address_that_is_none_is_refused_in_one_sentence(address, tmp_path):
    with pytest.raises(BadSettings, match="MEDIA_URL") as refused:
        settings.load({"TENXSOM_HOME": str(tmp_path), "MEDIA_URL": address})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"MEDIA_URL": "az://container/x"},
        {"MEDIA_URL": "s3://bucket/x", "AWS_ACCESS_KEY_ID": "AKIA"},
        {"MEDIA_URL": "s3://bucket/x", "AWS_ENDPOINT_URL": "minio"},
        {"MEDIA_URL": "s3://bucket/x", "AWS_ENDPOINT_URL": "https://user@minio.example"},
    ],
)
def test_keys_that_are_half_there_are_refused(given, tmp_path):
    with pytest.raises(BadSettings):
        settings.load({"TENXSOM_HOME": str(tmp_path), **given})


def test_a_key_that_cannot_be_one_is_refused_without_repeating_it(tmp_path):
    given = {"MEDIA_URL": "az://container/x", "AZURE_STORAGE_ACCOUNT_NAME": "films", "AZURE_STORAGE_ACCOUNT_KEY": "n0t-base64!"}
    with pytest.raises(BadSettings, match="keys of the settings") as refused:
        objects(tmp_path, given).check()
    assert "n0t-base64!" not in str(refused.value)


def test_without_its_package_the_setting_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadSettings, match="pip install 'obstore"):
        settings.load({"TENXSOM_HOME": str(tmp_path), "MEDIA_URL": "s3://bucket/x"})


def test_every_cloud_is_opened_without_a_request(tmp_path):
    for url in ("s3://bucket/x", "gs://bucket/x", "az://container/x"):
        given = {"MEDIA_URL": url, "AZURE_STORAGE_ACCOUNT_NAME": "films", "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0"}
        artifacts = objects(tmp_path, given)
        assert artifacts._bucket.url == url
        assert artifacts.location("lake.mp4") == f"{url}/files/lake/lake.mp4"


@pytest.mark.slow
def test_a_tick_over_plain_files_does_not_load_the_library(tmp_path):
    probe = "import sys; from tenxsom import settings; from tenxsom.app import App; App(settings.load()); print(*sys.modules)"
    environment = {"TENXSOM_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert not {"obstore", "tenxsom.store.objects.bucket", "tenxsom.store.objects.artifacts"} & loaded
