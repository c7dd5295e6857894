"""The queue as a folder: accepted means safe, one owner, no half files, and nothing is ever lost."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tenxsom import atomic, clock
from tenxsom.errors import (
    BadInput,
    BrokenState,
    DiskError,
    NewerState,
    RevisionIsStale,
    SetAside,
    TenxsomError,
    UnexpectedError,
)
from tenxsom.model.clip import Intent, Step
from tenxsom.model.job import JobState, VideoJob
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.store.files.state_file import MAX_STATE_BYTES
from tests.states import new_clip, new_job

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def store(tmp_path: Path) -> FileJobStore:
    (tmp_path / "pending").mkdir()
    return FileJobStore(tmp_path / "pending")


def put(store: FileJobStore, job: VideoJob) -> Path:
    with store.accept(job) as claim:
        assert claim
    return store.path(job.content_id)


def quarantined(store: FileJobStore) -> list[str]:
    folder = store.folder / "quarantine"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# accepting


def test_an_accepted_job_is_on_the_disk_before_the_block_begins(store):
    with store.accept(new_job()) as claim:
        assert json.loads(store.path("lake").read_bytes())["content_id"] == "lake"
        assert claim.job.content_id == "lake"


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_job_that_could_not_be_written_is_not_accepted_and_left_nothing(store, monkeypatch, call):
    with monkeypatch.context() as broken:

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        broken.setattr(os, call, fail)
        with pytest.raises(DiskError), store.accept(new_job()):
            raise AssertionError
    assert store.ids() == []
    assert [path.name for path in store.folder.iterdir()] == [".locks"]


# claiming


def test_only_state_files_are_listed(store):
    put(store, new_job())
    for name in (".lake.json.1-ab-0.tmp", ".hidden.json", "notes.txt", "lake.json~"):
        (store.folder / name).touch()
    (store.folder / "quarantine").mkdir()
    assert store.ids() == ["lake"]


HOSTILE = ["", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "x\0", "x" * 251, "ü" * 126]


@pytest.mark.parametrize("content_id", HOSTILE)
def test_an_id_that_leads_out_of_the_folder_is_refused_and_touches_nothing(store, tmp_path, content_id):
    (tmp_path / "x.json").write_text("somebody else's")
    for use in (store.claim, lambda name: store.accept(new_job(name))):
        with pytest.raises(BadInput), use(content_id):
            raise AssertionError
    with pytest.raises(BadInput):
        store.load(content_id)
    assert (tmp_path / "x.json").read_text() == "somebody else's"
    assert quarantined(store) == []


# saving


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"The lake", b"The sea!"))


def edited_without_a_trace(path: Path) -> None:
    facts = path.stat()
    edited(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("meddle", [edited, edited_without_a_trace, emptied, Path.unlink])
def test_a_save_over_what_somebody_else_did_meanwhile_is_refused(store, meddle):
    path = put(store, new_job())
    with store.claim("lake") as claim:
        claim.save()
        meddle(path)
        left = path.read_bytes() if path.exists() else None
        with pytest.raises(RevisionIsStale) as caught:
            claim.save()
    assert caught.value.exit_code == 75
    assert (path.read_bytes() if path.exists() else None) == left


def test_somebody_who_replaces_the_file_right_after_a_save_is_noticed_too(store, monkeypatch):
    path = put(store, new_job())
    with store.claim("lake") as claim:
        real = atomic.write

        def write_and_lose(target: str, data: bytes, **options: bool) -> None:
            real(target, data, **options)
            edited(Path(target))

        with monkeypatch.context() as meddling:
            meddling.setattr(atomic, "write", write_and_lose)
            claim.save()
        with pytest.raises(RevisionIsStale):
            claim.save()
    assert b"The sea!" in path.read_bytes()


@pytest.mark.parametrize("durable", [True, False])
def test_a_job_is_always_whole_on_the_disk_and_its_name_waits_for_the_disk_where_it_must(store, monkeypatch, durable):
    path = put(store, new_job())
    synced: list[str] = []
    with store.claim("lake") as claim, monkeypatch.context() as watching:
        watching.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
        claim.save(durable=durable)
    names = [Path(name).suffix for name in synced]
    assert names == ([".tmp", ""] if durable else [".tmp"])
    assert json.loads(path.read_bytes())["revision"] == claim.job.revision


def test_a_file_that_was_restored_as_it_was_is_no_reason_to_refuse_a_save(store):
    path = put(store, new_job())
    with store.claim("lake") as claim:
        shutil.copy(path, path.with_name("backup"))
        path.with_name("backup").replace(path)
        claim.save()
    assert store.load("lake").revision == 2


def test_after_a_save_that_failed_the_old_state_is_whole_and_the_next_save_works(store, monkeypatch):
    path = put(store, new_job())
    before = path.read_bytes()
    with store.claim("lake") as claim:
        claim.job.title = "new"
        with monkeypatch.context() as broken:

            def fail(*_: object) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            broken.setattr(os, "write", fail)
            with pytest.raises(DiskError):
                claim.save()
        assert path.read_bytes() == before
        claim.save()
    assert store.load("lake").title == "new"


def test_a_folder_that_cannot_be_synced_does_not_lock_the_owner_out(store, monkeypatch):
    put(store, new_job())

    def fail(_folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with store.claim("lake") as claim:
        with monkeypatch.context() as broken:
            broken.setattr(atomic, "sync_folder", fail)
            with pytest.raises(DiskError):
                claim.save()
        claim.save()
    assert store.load("lake").revision == 3


def test_a_text_that_utf_8_cannot_hold_is_saved_and_read_back(store):
    put(store, new_job())
    with store.claim("lake") as claim:
        claim.job.error = "the service said \ud800 ü"
        claim.save()
    assert store.load("lake").error == "the service said \ud800 ü"
    store.path("lake").read_text(encoding="utf-8")


def test_there_is_room_only_when_every_folder_takes_a_write(tmp_path, monkeypatch):
    for name in ("pending", "completed"):
        (tmp_path / name).mkdir()
    store = FileJobStore(tmp_path / "pending", also_writable=(tmp_path / "completed",))
    store.check_room()
    (tmp_path / "completed").rmdir()
    with pytest.raises(DiskError):
        store.check_room()


def test_temporary_files_of_processes_killed_long_ago_are_swept_at_the_start(store):
    leftover = store.folder / ".lake.json.1-ab-0.tmp"
    leftover.touch()
    os.utime(leftover, (0, 0))
    FileJobStore(store.folder)
    assert not leftover.exists()


# files that cannot be used


def state(**changes: Any) -> dict[str, Any]:
    return {**new_job().as_dict(), **changes}


def with_clip(**changes: Any) -> dict[str, Any]:
    return state(clips=[{**new_clip().as_dict(), **changes}])


INTENT = {"step": "request_image", "attempt": 1, "reference": "r", "usd": "1", "at": "2026-11-22T00:00:00Z"}
BROKEN_DOCUMENTS: dict[str, Any] = {
    "a list": [], "a text": "x", "null": None, "an empty object": {}, "another object": {"name": "package", "version": "1"},
    "version 0": state(schema_version=0), "version true": state(schema_version=True), "version null": state(schema_version=None),
    "version text": state(schema_version="3"), "version 1.5": state(schema_version=1.5),
    "another id": state(content_id="sea"), "no id": state(content_id=None), "id in a list": state(content_id=["lake"]),
    "no time": state(submit_time="soon"), "time as number": state(submit_time=5), "clips as text": state(clips="x"),
    "clips null": state(clips=None), "clips of numbers": state(clips=[1]), "revision text": state(revision="5"),
    "history text": state(history="x"), "history entry": state(history=[{"event": "accepted"}]),
    "spend": state(spend=[{"usd": "1"}]),
    "spend not a number": state(spend=[{"reference": "r", "entry": "spent", "usd": "NaN"}]),
    "spend negative": state(spend=[{"reference": "r", "entry": "spent", "usd": "-1"}]), "definition list": state(definition=[]),
    "warnings": state(warnings=[1]), "title": state(title=None), "cancelled": state(cancelled="no"),
    "unknown step": with_clip(step="banana"), "step null": with_clip(step=None), "due text": with_clip(next_check_at="tomorrow"),
    "due number": with_clip(next_check_at=5), "index": with_clip(index=3), "seconds": with_clip(seconds=0),
    "seconds NaN": with_clip(seconds=float("nan")), "asked": with_clip(asked_seconds=-1),
    "seconds beyond all floats": with_clip(seconds=10**400),
    "attempts": with_clip(attempts={"x": "y"}),
    "awaits without id": with_clip(step="await_video"), "awaits null": with_clip(step="await_video", video={"job_id": None}),
    "fetches without url": with_clip(step="fetch_image", image={"job_id": "i"}), "no asset": with_clip(step="request_video"),
    "unknown clip field only": state(clips=[{"x": 1}]), "intent text": with_clip(intent="x"), "intent empty": with_clip(intent={}),
    "intent price": with_clip(intent={**INTENT, "usd": "free"}), "intent price NaN": with_clip(intent={**INTENT, "usd": "NaN"}),
    "missing field": {name: value for name, value in state().items() if name != "service"},
}  # fmt: skip

BROKEN_FILES = {name: json.dumps(document).encode() for name, document in BROKEN_DOCUMENTS.items()} | {
    "empty": b"", "half": json.dumps(state()).encode()[:200], "no utf-8": b'{"x": "\xff"}', "binary": bytes(range(256)),
    "zeros": b"\0" * 4096, "endless nesting": b"[" * 200_000, "long number": b'{"schema_version": ' + b"9" * 5000 + b"}",
    "two documents": b"{}{}", "huge": b" " * (MAX_STATE_BYTES + 1),
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_file_that_cannot_be_used_is_set_aside_whole_with_its_reason(store, data):
    store.path("lake").write_bytes(data)
    put(store, new_job("sea"))
    with pytest.raises(BrokenState):
        store.load("lake")
    with pytest.raises(SetAside, match="move it back") as caught, store.claim("lake"):
        raise AssertionError
    assert caught.value.exit_code == 3
    assert (store.folder / "quarantine" / "lake.json").read_bytes() == data
    reason = (store.folder / "quarantine" / "lake.json.why.txt").read_text()
    assert reason.startswith("lake.json was moved here because it")
    assert len(reason) < 400
    assert store.ids() == ["sea"]


def test_a_second_broken_file_of_the_same_name_is_kept_beside_the_first(store):
    for text in ("one", "two"):
        store.path("lake").write_text(text)
        with pytest.raises(SetAside), store.claim("lake"):
            raise AssertionError
    assert quarantined(store) == ["lake.json", "lake.json.why.txt", "lake.json~2", "lake.json~2.why.txt"]
    assert store.set_aside() == ["lake", "lake~2"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_at_all_is_set_aside_without_waiting_for_it(store, make):
    make(store.path("lake"))
    with pytest.raises(SetAside), store.claim("lake"):
        raise AssertionError
    assert quarantined(store) == ["lake.json", "lake.json.why.txt"]


def test_a_file_name_that_is_no_utf_8_is_set_aside_like_any_other(store, caplog):
    caplog.set_level(logging.CRITICAL)  # test runners that send captured logs between processes stumble over such a name
    name = os.fsdecode(b"\xff\xfe")
    (store.folder / f"{name}.json").write_text("x")
    assert store.ids() == [name]
    with pytest.raises(SetAside), store.claim(name):
        raise AssertionError
    assert store.ids() == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EAGAIN])
def test_a_disk_that_cannot_be_read_is_no_reason_to_set_a_file_aside(store, monkeypatch, number):
    put(store, new_job())
    with monkeypatch.context() as broken:

        def fail(*_: object) -> bytes:
            raise OSError(number, os.strerror(number))

        broken.setattr(os, "read", fail)
        with pytest.raises(DiskError), store.claim("lake"):
            raise AssertionError
    assert store.load("lake").content_id == "lake"
    assert quarantined(store) == []


@pytest.mark.parametrize("rest", [{}, {"clips": "in a new way"}, {"anything": [1, 2]}])
def test_a_file_of_a_newer_version_is_left_alone_with_a_clear_message(store, caplog, rest):
    data = json.dumps({"schema_version": 3, "content_id": "lake", **rest}).encode()
    store.path("lake").write_bytes(data)
    with store.claim("lake") as claim:
        assert claim is None
    assert "newer version" in caplog.text
    with pytest.raises(NewerState, match="update this installation"):
        store.load("lake")
    assert store.path("lake").read_bytes() == data
    assert quarantined(store) == []


# errors of ours while a file is read


@pytest.fixture
def broken_loads(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Reading any job ends in an error that no code expects."""

    def fail(*_: object) -> VideoJob:
        raise TypeError("'NoneType' object is not subscriptable")

    monkeypatch.setattr(VideoJob, "from_dict", fail)
    return monkeypatch


def load_in_vain(store: FileJobStore) -> TenxsomError:
    with pytest.raises(TenxsomError) as caught, store.claim("lake"):
        raise AssertionError
    return caught.value


def test_a_file_that_an_error_of_ours_makes_unreadable_stays_and_is_told_with_its_place(store, broken_loads):
    put(store, new_job())
    data = store.path("lake").read_bytes()
    first, second = load_in_vain(store), load_in_vain(FileJobStore(store.folder))
    assert (first.exit_code, second.exit_code) == (75, 3)
    assert "TypeError: 'NoneType' object is not subscriptable (" in str(second)
    with pytest.raises(BrokenState, match="please report it"):
        store.load("lake")
    assert store.path("lake").read_bytes() == data
    assert store.set_aside() == []
    broken_loads.undo()
    with store.claim("lake") as claim:
        assert claim.job.content_id == "lake"
    assert quarantined(store) == []


def test_a_file_that_stays_unreadable_for_a_day_is_set_aside_whole(store, broken_loads):
    put(store, new_job())
    data, now = store.path("lake").read_bytes(), clock.now()
    for hours in range(24):
        broken_loads.setattr(clock, "now", lambda hours=hours: now + timedelta(hours=hours))
        assert isinstance(load_in_vain(store), UnexpectedError)
    broken_loads.setattr(clock, "now", lambda: now + timedelta(hours=25))
    assert isinstance(load_in_vain(store), SetAside)
    assert store.ids() == []
    assert (store.folder / "quarantine" / "lake.json").read_bytes() == data
    assert "TypeError" in (store.folder / "quarantine" / "lake.json.why.txt").read_text()
    assert quarantined(store) == ["lake.json", "lake.json.why.txt"]


def test_a_long_sleep_alone_sets_nothing_aside(store, broken_loads):
    put(store, new_job())
    now = clock.now()
    load_in_vain(store)
    broken_loads.setattr(clock, "now", lambda: now + timedelta(days=3))
    assert isinstance(load_in_vain(store), UnexpectedError)


def test_a_state_that_was_saved_in_between_has_all_its_loads_again(store, broken_loads):
    put(store, new_job())
    assert load_in_vain(store).exit_code == 75
    os.utime(store.path("lake"), (1, 1))
    assert load_in_vain(store).exit_code == 75


def test_a_state_that_exhausts_the_stack_is_one_of_these(store, monkeypatch):
    put(store, new_job())

    def deep(document: object) -> VideoJob:  # one named argument: CPython 3.13.0 does not count calls with `*_`
        return deep(document)

    monkeypatch.setattr(VideoJob, "from_dict", deep)
    assert "RecursionError" in str(load_in_vain(store))
    assert store.ids() == ["lake"]


# fields of others


def test_unknown_fields_survive_a_rewrite_at_every_level(store):
    intent = {**INTENT, "noted": {"by": "me"}}
    document = with_clip(intent=intent, colour="blue", extra="word")
    document |= {"campaign": {"id": 7, "ü": [None]}, "extra": {"of": "mine"}}
    store.path("lake").write_text(json.dumps(document))
    with store.claim("lake") as claim:
        claim.job.record("seen")
        claim.save()
    after = json.loads(store.path("lake").read_bytes())
    assert after["campaign"] == {"id": 7, "ü": [None]}
    assert after["extra"] == {"of": "mine"}
    assert (after["clips"][0]["colour"], after["clips"][0]["extra"]) == ("blue", "word")
    assert after["clips"][0]["intent"] == {**intent, "unclear": None, "doubt": None}


@pytest.mark.parametrize("size", [20_000, 32_768, 100_000])
def test_a_long_state_is_read_whole(store, size):
    put(store, new_job(title="x" * size))
    with store.claim("lake") as claim:
        assert claim.job.title == "x" * size
        claim.save()


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, -(2**70), 10**30, 0.12345678901234567, 1e300])
def test_a_number_of_any_length_survives(store, number):
    put(store, new_job(extra={"note": [{"x": number}]}))
    for _ in range(2):
        with store.claim("lake") as claim:
            assert repr(claim.job.extra["note"][0]["x"]) == repr(number)
            claim.save()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_in_json_becomes_null_and_costs_no_job(store, number):
    put(store, new_job(extra={"note": number}))
    assert store.load("lake").extra["note"] is None


def test_what_is_no_json_is_a_mistake_that_is_told(store):
    with pytest.raises(TypeError):
        new_job(extra={"note": ValueError("left in a job")}).as_json()


def test_deep_nesting_does_not_make_a_state_too_large_to_be_read(store):
    deep: Any = list(range(100_000))
    for _ in range(60):
        deep = [deep]
    put(store, new_job(extra={"note": deep}))
    with store.claim("lake") as claim:
        claim.save()
    assert store.path("lake").stat().st_size < 1_000_000
    assert store.load("lake").extra["note"] == deep


def test_a_state_is_readable_for_people(store):
    path = put(store, new_job(title="Der „See“"))
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


def test_what_is_saved_is_what_is_read(store):
    job = new_job(
        clips=[
            new_clip(
                intent=Intent(step="request_image", attempt=2, reference="r", usd="0.25", at=clock.stamp(), unclear="timed out")
            ),
            new_clip(1),
        ]
    )
    job.record("accepted", "for local_studio", usd="1")
    put(store, job)
    assert store.load("lake").as_dict() == job.as_dict()


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -1, 0.0, 1.5, "", 'ü "\n\u2028', [], {}, [[], {}, None], {"a": {"b": [0, False]}}]
)
def test_a_value_of_any_kind_is_written_as_it_is(value):
    job = new_job(clips=[new_clip()], extra={"note": value})
    assert json.loads(job.as_json()) == job.as_dict()
    assert repr(json.loads(job.as_json())["note"]) == repr(value)


# files of other versions


def golden(folder: str) -> list[Path]:
    found = sorted((GOLDEN / folder).glob("*.json"))
    assert found
    return found


@pytest.fixture
def filled(store: FileJobStore) -> Callable[[Path], str]:
    def fill(path: Path) -> str:
        shutil.copy(path, store.folder / path.name)
        return path.stem

    return fill


@pytest.mark.parametrize("path", golden("original"), ids=lambda path: path.stem)
def test_a_state_file_of_the_original_system_waits_for_its_paid_clip(store, filled, path):
    original = json.loads(path.read_bytes())
    with store.claim(filled(path)) as claim:
        job = claim.job
        assert (job.state, job.service, job.job_id) == (JobState.WAITING, "useapi_ltx", original["job_id"])
        (clip,) = job.clips
        assert (clip.step, clip.video.job_id, clip.intent) == (Step.AWAIT_VIDEO, original["job_id"], None)
        assert clip.is_due()
        assert clip.seconds > 0
        assert clock.parse(job.submit_time).year == 2025
        assert job.title
        claim.save()
    assert store.load(path.stem).as_dict() == job.as_dict()
    assert quarantined(store) == []


@pytest.mark.parametrize("path", golden("original"), ids=lambda path: path.stem)
def test_nothing_that_the_original_system_wrote_is_lost_by_a_rewrite(store, filled, path):
    original = json.loads(path.read_bytes())
    with store.claim(filled(path)) as claim:
        claim.save()
    after = json.loads(store.path(path.stem).read_bytes())
    kept = {
        **after["original"],
        **{name: value for name, value in after.items() if name in original and name not in after["original"]},
    }
    assert kept == original


def test_the_times_of_the_original_system_are_understood(store, filled):
    times = {path.stem: store.load(filled(path)).submit_time for path in golden("original")}
    assert times["LAKE_001"] == "2025-08-08T14:03:27.481Z"
    assert times["epoch_seconds"] == "2025-08-08T14:03:27.480Z"
    assert times["with_offset"] == "2025-08-08T14:03:27.000Z"
    assert times["My first video"] == "2025-08-08T14:03:27.000Z"


def test_two_original_jobs_are_two_runs_and_one_read_twice_is_one(store, filled):
    runs = {path.stem: store.load(filled(path)).run_id for path in golden("original")}
    assert len(set(runs.values())) == len(runs)
    assert store.load("bare").run_id == runs["bare"]


@pytest.mark.parametrize("job_id", [None, "", 5, ["x"]])
def test_an_original_file_without_the_services_id_is_set_aside(store, job_id):
    store.path("lake").write_text(json.dumps({"job_id": job_id, "submit_time": "2025-08-08T14:03:27Z"}))
    with pytest.raises(SetAside), store.claim("lake"):
        raise AssertionError
    assert quarantined(store) == ["lake.json", "lake.json.why.txt"]


@pytest.mark.parametrize("moment", ["soon", None, 1e30, "9999-99-99", [1]])
def test_an_original_file_without_a_time_is_set_aside(store, moment):
    store.path("lake").write_text(json.dumps({"job_id": "j", "submit_time": moment}))
    with pytest.raises(BrokenState, match="is no time"):
        store.load("lake")


def what_it_said(after: Any, before: Any) -> Any:
    """The fields of a document that an earlier one has, at every level: later versions add others."""
    if isinstance(before, dict):
        return {name: what_it_said(after[name], value) for name, value in before.items()}
    return after


@pytest.mark.parametrize("path", golden("v1"), ids=lambda path: path.stem)
def test_a_state_file_of_version_1_keeps_all_it_says_and_becomes_one_of_version_2(store, filled, path):
    before = json.loads(path.read_bytes())
    with store.claim(filled(path)) as claim:
        claim.save()
    after = json.loads(store.path(path.stem).read_bytes())
    clips, old_clips = after.pop("clips"), before.pop("clips")
    assert {name: after[name] for name in before} == before | {"revision": before["revision"] + 1, "schema_version": 2}
    assert [what_it_said(clip, old) for clip, old in zip(clips, old_clips, strict=True)] == old_clips


@pytest.mark.parametrize("path", golden("v2"), ids=lambda path: path.stem)
def test_a_state_file_of_version_2_keeps_all_it_says(store, filled, path):
    before = json.loads(path.read_bytes())
    with store.claim(filled(path)) as claim:
        claim.save()
    after = json.loads(store.path(path.stem).read_bytes())
    clips, old_clips = after.pop("clips"), before.pop("clips")
    assert {name: after[name] for name in before} == before | {"revision": before["revision"] + 1}
    assert [what_it_said(clip, old) for clip, old in zip(clips, old_clips, strict=True)] == old_clips


def test_a_quiet_queue_is_not_listed_again_and_a_file_that_was_edited_in_its_place_is_seen_later(tmp_path, monkeypatch):
    store = FileJobStore(tmp_path)
    with store.accept(new_job("lake")):
        pass
    os.utime(tmp_path, (1, 1))  # nothing has changed for long
    first = store.marks()
    assert store.marks() is first
    (tmp_path / "lake.json").write_text("{")
    assert store.marks() is first
    later = clock.monotonic() + 10
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert store.marks() != first
