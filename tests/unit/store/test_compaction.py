"""Summing up a ledger: every day's total stays, every line is kept, and a death at any moment loses nothing."""

from __future__ import annotations

import errno
import gzip
import json
import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenxsom import atomic, clock
from tenxsom.errors import BadInput, DiskError, TryAgainLater
from tenxsom.store.base import RELEASED, RESERVED, SPENT, SUMMED, UNKNOWN, DayTotals, Purchase
from tenxsom.store.files import archives
from tenxsom.store.files.ledger import FileLedger
from tests.broken_stat import break_stat

TODAY = clock.day()


def days_ago(count: int) -> str:
    return (clock.now() - timedelta(days=count)).date().isoformat()


def write(path: Path, *calls: tuple[str, str, str, str], service: str = "maker", step: str = "request_video") -> None:
    """Append lines: reference, day, entry, amount."""
    with path.open("a") as file:
        for reference, day, entry, usd in calls:
            line = {"time": f"{day}T10:00:00.000Z", "day": day, "entry": entry, "reference": reference, "content_id": reference[:4]}
            file.write(json.dumps({**line, "service": service, "step": step, "clip": 0, "usd": usd}, separators=(",", ":")) + "\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spend_ledger.jsonl"


def test_old_settled_calls_become_a_sum_and_their_lines_an_archive(path):
    old = days_ago(40)
    write(
        path,
        ("film1", old, RESERVED, "0.3"),
        ("film1", old, SPENT, "0.3"),
        ("film2", old, SPENT, "0.5"),
        ("film3", TODAY, SPENT, "1"),
    )
    before = path.read_bytes()
    found = FileLedger(path).compact(())
    assert (found.lines, found.days) == (3, 1)
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["entry"], line["usd"]) for line in kept] == [(SUMMED, "0.8"), (SPENT, "1")]
    archived = gzip.decompress(path.with_name(f"spend_ledger-{old[:7]}.jsonl.gz").read_bytes())
    assert before.startswith(archived), "the lines are kept letter for letter"


def test_an_open_call_and_a_job_that_may_go_on_stay_as_they_are(path):
    old = days_ago(90)
    write(path, ("open", old, UNKNOWN, "2"), ("live", old, SPENT, "3"), ("gone", old, SPENT, "4"), ("live", old, SPENT, "3"))
    assert FileLedger(path).compact(["live"]).lines == 1
    assert [line["reference"] for line in map(json.loads, path.read_text().splitlines())][1:] == ["open", "live", "live"]


def test_a_second_compaction_adds_to_the_sums_and_to_the_archives(path):
    old = days_ago(40)
    write(path, ("film1", old, SPENT, "1"))
    FileLedger(path).compact(())
    write(path, ("film2", old, SPENT, "2"))
    FileLedger(path).compact(())
    assert FileLedger(path).total(old) == 3
    (line,) = map(json.loads, path.read_text().splitlines())
    assert (line["usd"], line["calls"]) == ("3", 2)
    assert [line["reference"] for line in FileLedger(path).lines()] == ["film1", "film2"]


AMOUNTS = st.sampled_from(["0.1", "0.25", "3"])
MOVES = st.lists(st.tuples(st.sampled_from([RESERVED, SPENT, RELEASED, UNKNOWN]), AMOUNTS), min_size=1, max_size=3)
CALLS = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 30), MOVES), max_size=10, unique_by=lambda call: call[0])


@given(calls=CALLS, keep=st.sets(st.sampled_from("abcdef"), max_size=2))
def test_no_compaction_changes_the_total_of_any_day(tmp_path_factory, calls, keep):
    path = tmp_path_factory.mktemp("ledger") / "spend_ledger.jsonl"
    path.touch()
    write(path, *((name, days_ago(day), entry, usd) for name, day, moves in calls for entry, usd in moves))
    before = {day: FileLedger(path).total(days_ago(day)) for _, day, _ in calls}
    FileLedger(path).compact(keep)
    assert {day: FileLedger(path).total(days_ago(day)) for _, day, _ in calls} == before
    last = {line["reference"]: (line["entry"], line["usd"]) for line in FileLedger(path).lines()}
    assert last == {name: moves[-1] for name, _, moves in calls}


def test_a_call_of_an_old_state_is_found_in_the_archive(path):
    old = days_ago(60)
    write(path, ("film1", old, SPENT, "1"))
    ledger = FileLedger(path)
    mark = ledger.mark()
    ledger.compact(())
    assert FileLedger(path).last("film1", mark) is None, "a mark of today says that the call was made today or later"
    for earlier in ("", "17:abc", None):
        found = FileLedger(path).last("film1", earlier)
        assert found is not None
        assert found["entry"] == SPENT
    assert FileLedger(path).last("another") is None


def test_a_ledger_with_a_second_name_is_left_alone(path):
    write(path, ("film1", days_ago(60), SPENT, "1"))
    os.link(path, path.with_name("other.jsonl"))
    with pytest.raises(BadInput, match="hard link"):
        FileLedger(path).compact(())
    assert len(path.read_text().splitlines()) == 1


def test_what_is_spent_while_it_is_summed_up_is_kept(path, monkeypatch):
    write(path, ("film1", days_ago(60), SPENT, "1"))
    add = archives.add
    other = FileLedger(path)

    def slow(ledger, lines):
        other.settle(Purchase("film9", "film9", "maker", "request_video", 0, Decimal(7)), SPENT)
        return add(ledger, lines)

    monkeypatch.setattr(archives, "add", slow)
    FileLedger(path).compact(())
    assert FileLedger(path).total(TODAY) == other.total(TODAY) == 7
    assert FileLedger(path).total(days_ago(60)) == 1


def test_of_two_compactions_at_once_the_second_one_changes_nothing(path, monkeypatch):
    write(path, ("film1", days_ago(60), SPENT, "1"))
    add = archives.add

    def late(ledger, lines):
        monkeypatch.setattr(archives, "add", add)
        FileLedger(path).compact(())
        return add(ledger, lines)

    monkeypatch.setattr(archives, "add", late)
    with pytest.raises(TryAgainLater, match="run it again"):
        FileLedger(path).compact(())
    assert FileLedger(path).total(days_ago(60)) == 1
    assert [line["reference"] for line in FileLedger(path).lines()] == ["film1"]


def test_a_death_between_archive_and_ledger_repeats_no_line(path, monkeypatch):
    write(path, ("film1", days_ago(60), SPENT, "1"))
    whole, write_file = path.read_bytes(), atomic.write

    def full_disk(place, data, mode=0o644, sync_names=True):
        if Path(place).suffix == ".jsonl":
            raise DiskError("no room")
        write_file(place, data, mode, sync_names)

    with monkeypatch.context() as broken:
        broken.setattr(atomic, "write", full_disk)
        with pytest.raises(DiskError):
            FileLedger(path).compact(())
    assert path.read_bytes() == whole
    assert len(archives.months(path)) == 1, "the archive was written first"
    FileLedger(path).compact(())
    assert [line["reference"] for line in archives.lines(path)] == ["film1"]
    assert FileLedger(path).total(days_ago(60)) == 1


def test_an_archive_that_is_gone_leaves_the_sums(path):
    old = days_ago(60)
    write(path, ("film1", old, SPENT, "1"))
    FileLedger(path).compact(())
    path.with_name(f"spend_ledger-{old[:7]}.jsonl.gz").unlink()
    assert [(line["entry"], line["usd"]) for line in FileLedger(path).lines()] == [(SUMMED, "1")]
    assert FileLedger(path).total(old) == 1


@pytest.mark.slow
def test_a_torn_archive_is_read_as_far_as_it_goes(path, caplog):
    old = days_ago(60)
    write(path, *((f"film{number}", old, SPENT, "1") for number in range(5000)))
    FileLedger(path).compact(())
    archive = path.with_name(f"spend_ledger-{old[:7]}.jsonl.gz")
    archive.write_bytes(archive.read_bytes()[:-2000])
    assert 0 < len(list(FileLedger(path).lines())) < 5000
    assert "cannot be read to its end" in caplog.text


def test_the_day_is_divided_by_what_became_of_its_calls(path):
    write(path, ("a", TODAY, SPENT, "1"), ("b", TODAY, RESERVED, "2"), ("c", TODAY, UNKNOWN, "4"), ("d", TODAY, RELEASED, "8"))
    assert FileLedger(path).totals(TODAY) == DayTotals(Decimal(1), Decimal(2), Decimal(4))
    assert FileLedger(path).totals(days_ago(1)).used == 0


def test_a_budget_holds_over_a_compaction(path):
    write(path, ("film1", days_ago(9), SPENT, "9"), ("film2", TODAY, SPENT, "9"))
    ledger = FileLedger(path, Decimal(10))
    ledger.compact(())
    with pytest.raises(Exception, match="would pass today's budget"):
        ledger.reserve(Purchase("film3", "film3", "maker", "request_video", 0, Decimal(2)))


def test_an_archive_that_does_not_answer_is_not_replaced_by_the_new_lines_alone(path, monkeypatch):
    write(path, ("film1", days_ago(60), SPENT, "1"))
    FileLedger(path).compact(())
    archive = archives.path_of(path, days_ago(60)[:7])
    whole = archive.read_bytes()
    write(path, ("film2", days_ago(60), SPENT, "1"))
    with monkeypatch.context() as broken:
        break_stat(broken, archive, errno.ESTALE)
        with pytest.raises(DiskError):
            FileLedger(path).compact(())
    assert archive.read_bytes() == whole
