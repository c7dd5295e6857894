"""The outbox: messages survive, are delivered by one process at a time, and are not sent again once they are delivered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenxsom.store.files import outbox
from tenxsom.store.files.outbox import FileOutbox
from tests.crash.deaths import Blow, Death, struck
from tests.processes import running, said


@pytest.fixture
def box(tmp_path: Path) -> FileOutbox:
    return FileOutbox(tmp_path / "box")


def test_messages_are_kept_for_the_owner_alone_and_the_oldest_comes_first(box, tmp_path):
    for number, name in enumerate(("b", "a", "c")):
        box.put(name, name.encode())
        os.utime(tmp_path / "box" / f"{name}.json", (number, number))
    assert FileOutbox(tmp_path / "box").messages() == [("b", b"b"), ("a", b"a"), ("c", b"c")]
    assert (tmp_path / "box").stat().st_mode & 0o077 == 0
    assert (tmp_path / "box" / "a.json").stat().st_mode & 0o077 == 0


def test_a_delivered_message_is_not_stored_again(box):
    box.put("a", b"1")
    with box.deliver() as alone:
        assert alone
        box.remove("a")
    box.put("a", b"1")
    assert box.messages() == []


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("how", ["before", "after"])
def test_a_death_while_a_delivered_message_is_removed_leaves_it_whole_or_gone(box, tmp_path, at, how):
    box.put("a", b"1")
    with pytest.raises(Death), struck(Blow(at, how)), box.deliver():
        box.remove("a")
    left = FileOutbox(tmp_path / "box").messages()
    assert left == ([("a", b"1")] if (at, how) == (1, "before") else [])


DELIVER = """
import sys
from pathlib import Path
from tenxsom.store.files.outbox import FileOutbox

with FileOutbox(Path(sys.argv[1])).deliver() as alone:
    print("alone" if alone else "not alone", flush=True)
    sys.stdin.readline()
"""


def test_one_process_delivers_at_a_time_and_its_death_frees_the_others(box, tmp_path):
    with running(DELIVER, tmp_path / "box") as (other,):
        assert said(other) == "alone"
        with box.deliver() as alone:
            assert not alone
        other.kill()
        other.wait()
        with box.deliver() as alone:
            assert alone


def test_the_ids_of_delivered_messages_are_bounded(box, tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "MOST_DELIVERED", 5)
    with box.deliver():
        for number in range(40):
            box.remove(f"m{number}")
    kept = (tmp_path / "box" / ".delivered").read_text().split()
    assert len(kept) <= 10
    assert kept[-1] == "m39"


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "x" * 81])
def test_an_id_that_could_lead_elsewhere_is_refused(box, name):
    with pytest.raises(ValueError, match="no id of a message"):
        box.put(name, b"")


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff\xfe"])
def test_a_memory_that_cannot_be_read_is_empty_and_said(box, tmp_path, caplog, data):
    box.remember({"x": 1})
    assert box.memory() == {"x": 1}
    (tmp_path / "box" / ".memory").write_bytes(data)
    assert box.memory() == {}
    assert "cannot be read" in caplog.text
