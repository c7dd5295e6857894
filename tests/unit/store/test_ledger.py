"""The ledger: spent + reserved + unknown never pass the budget, to the cent, with processes that race or crash."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenxsom import atomic, clock, locks
from tenxsom.errors import DiskError, DiskRefused, Interrupted, LockIsHeld, OverBudget
from tenxsom.model import money
from tenxsom.store.base import RELEASED, RESERVED, SPENT, UNKNOWN, Purchase
from tenxsom.store.files import ledger as ledgers
from tenxsom.store.files import tally
from tenxsom.store.files.ledger import FileLedger
from tests.broken_stat import break_stat
from tests.processes import race, running, said


def purchase(reference: str = "r1", usd: str = "0.10") -> Purchase:
    return Purchase(reference, "lake", "useapi_ltx", "request_video", 0, Decimal(usd))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """A clock that stands still; change its only entry to move it."""
    moment = [datetime(2026, 11, 22, 23, 59, 58, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


def entries(path: Path) -> list[tuple[str, str, str]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["day"], line["reference"], line["entry"]) for line in lines]


def entry_of(ledger: FileLedger, reference: str, since: str | None = None) -> str | None:
    line = ledger.last(reference, since)
    return line["entry"] if line else None


def total(ledger: FileLedger) -> str:
    return money.text(ledger.total(clock.day()))


def last(ledger: FileLedger, reference: str) -> dict[str, Any]:
    line = ledger.last(reference)
    assert line is not None
    return line


# the budget


def test_what_is_of_no_use_without_a_further_purchase_is_reserved_together_with_it(path):
    ledger = FileLedger(path, Decimal("0.30"))
    ledger.reserve(purchase("still", "0.05"), purchase("clip", "0.20"))
    assert total(ledger) == "0.25"
    with pytest.raises(OverBudget, match=r"\$0\.01 for request_video and \$0\.05 for request_video would pass"):
        ledger.reserve(purchase("still 2", "0.01"), purchase("clip 2", "0.05"))
    assert total(ledger) == "0.25"
    ledger.reserve(purchase("clip", "0.25"))  # its turn has come, and its price has changed meanwhile
    assert total(ledger) == "0.3"


def test_a_pair_that_was_reserved_before_a_crash_costs_nothing_more_when_it_is_reserved_again(path):
    ledger = FileLedger(path, Decimal("0.30"))
    for _ in range(3):
        ledger.reserve(purchase("still", "0.05"), purchase("clip", "0.25"))
    assert total(ledger) == "0.3"


RACE_OF_PAIRS = """
import os, sys
from decimal import Decimal
from pathlib import Path
from tenxsom.errors import OverBudget
from tenxsom.store.base import Purchase
from tenxsom.store.files.ledger import FileLedger
ledger = FileLedger(Path(sys.argv[1]), Decimal("2.00"))
print("ready", flush=True)
sys.stdin.readline()
for number in range(4):
    still, clip = (Purchase(f"{os.getpid()}.{number}.{step}", "lake", "a", step, 0, Decimal(usd)) for step, usd in
                   (("request_image", "0.10"), ("request_video", "0.50")))
    try:
        ledger.reserve(still, clip)
    except OverBudget:
        continue
"""


@pytest.mark.slow
@pytest.mark.case
def test_processes_that_order_stills_side_by_side_never_leave_one_without_its_clip(path):
    race(RACE_OF_PAIRS, path, count=6)
    steps = [line["step"] for line in FileLedger(path).lines()]
    assert (steps.count("request_image"), steps.count("request_video")) == (3, 3)  # 0.60 a pair, of 2.00


def test_tenths_add_up_exactly(path):
    ledger = FileLedger(path, Decimal("1"))
    for number in range(10):
        ledger.reserve(purchase(f"r{number}"))
    assert ledger.total(clock.day()) == Decimal("1")
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("more", "0.000001"))


@given(some.lists(some.decimals(0, 5, places=6), max_size=8), some.decimals(0, 20, places=2))
def test_no_order_of_purchases_passes_the_budget(tmp_path_factory, prices, budget):
    ledger = FileLedger(tmp_path_factory.mktemp("ledger") / "l", budget)
    for number, price in enumerate(prices):
        before = ledger.total(clock.day())
        try:
            ledger.reserve(purchase(f"r{number}", str(price)))
            assert ledger.total(clock.day()) == before + price <= budget
        except OverBudget:
            assert before + price > budget


def test_without_a_budget_everything_is_booked_and_nothing_is_refused(path):
    ledger = FileLedger(path)
    ledger.reserve(purchase(usd="1000000"))
    assert total(ledger) == "1000000"


def test_a_budget_of_nothing_still_lets_what_is_free_pass(path):
    ledger = FileLedger(path, Decimal(0))
    ledger.reserve(purchase(usd="0"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("r2", "0.000001"))


RACE = """
import os, sys, time
from decimal import Decimal
from pathlib import Path
from tenxsom.errors import OverBudget
from tenxsom.store.files import ledger as ledgers
from tenxsom.store.files import tally
from tenxsom.store.base import Purchase, RELEASED, SPENT, UNKNOWN
from tenxsom.store.files.ledger import FileLedger
ledger = FileLedger(Path(sys.argv[1]), Decimal("2.00"))
checked = ledger._check
def check_slowly(*arguments):
    checked(*arguments)
    time.sleep(0.002)  # a process that is not kept out comes in now
ledger._check = check_slowly
print("ready", flush=True)
sys.stdin.readline()
for number in range(9):
    mine = Purchase(f"{os.getpid()}.{number}", "lake", "useapi_ltx", "request_video", 0, Decimal("0.07"))
    try:
        ledger.reserve(mine)
    except OverBudget:
        continue
    ledger.settle(mine, (SPENT, UNKNOWN, RELEASED)[number % 3])
"""


def test_eight_racing_processes_hold_the_budget_at_every_moment(path):
    race(RACE, path, count=8)
    held: dict[str, Decimal] = {}
    highest = Decimal(0)
    for line in FileLedger(path).lines():
        held[line["reference"]] = Decimal(0) if line["entry"] == RELEASED else Decimal(line["usd"])
        highest = max(highest, sum(held.values(), Decimal(0)))
    assert highest == Decimal("1.96")  # they want 3.36; one more clip of seven cents would pass 2.00
    assert FileLedger(path).total(clock.day()) == sum(held.values(), Decimal(0))


# what counts


def test_what_is_released_can_be_spent_by_another(path):
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    ledger.settle(purchase(), RELEASED)
    ledger.reserve(purchase("r2"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("r3"))


def test_an_unknown_call_that_turns_out_to_be_spent_counts_once(path):
    ledger = FileLedger(path, Decimal("0.10"))
    for entry in (UNKNOWN, SPENT, SPENT):
        ledger.settle(purchase(), entry)
    assert total(ledger) == "0.1"


def test_a_cost_without_a_reservation_counts_as_well(path):
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.settle(purchase("planning", "0.04"), SPENT)
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("clip", "0.07"))


def test_the_last_line_of_a_reference_is_what_the_ledger_knows_of_it(path):
    ledger = FileLedger(path)
    assert ledger.last("r1") is None
    ledger.reserve(purchase())
    ledger.reserve(purchase("r10"))
    ledger.settle(purchase(), SPENT, job_id="v1")
    first = last(ledger, "r1")
    assert (first["entry"], first["job_id"]) == (SPENT, "v1")
    assert last(ledger, "r10")["entry"] == RESERVED


@pytest.mark.parametrize("block", [1, 7, 100, 300, 4096])
def test_the_last_line_is_found_wherever_the_ledgers_blocks_begin(path, monkeypatch, block):
    monkeypatch.setattr(tally, "BLOCK_BYTES", block)
    ledger = FileLedger(path)
    for number in range(8):
        ledger.reserve(purchase(f"r{number}"))
    for number in (2, 5):
        ledger.settle(purchase(f"r{number}"), SPENT, job_id=f"v{number}")
    path.write_bytes(path.read_bytes() + b'{"reference":"r5","entry":"spe')  # a crash cut it short
    assert [last(ledger, f"r{number}")["entry"] for number in range(8)] == [
        SPENT if number in (2, 5) else RESERVED for number in range(8)
    ]
    assert last(ledger, "r5")["job_id"] == "v5"
    assert ledger.last("r8") is None


# midnight


def test_a_new_day_has_a_new_budget(path, calendar):
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    calendar[0] += timedelta(seconds=3)
    ledger.reserve(purchase("r2"))
    assert (ledger.total("2026-11-22"), ledger.total("2026-11-23")) == (Decimal("0.10"), Decimal("0.10"))


def test_a_call_belongs_to_the_day_it_was_reserved_on(path, calendar):
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    calendar[0] += timedelta(seconds=3)
    ledger.settle(purchase(), SPENT)
    assert entries(path) == [("2026-11-22", "r1", RESERVED), ("2026-11-22", "r1", SPENT)]
    assert ledger.total("2026-11-23") == 0


def test_money_released_after_midnight_is_free_on_its_own_day_only(path, calendar):
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    calendar[0] += timedelta(seconds=3)
    ledger.reserve(purchase("r2"))
    ledger.settle(purchase(), RELEASED)
    assert (ledger.total("2026-11-22"), ledger.total("2026-11-23")) == (Decimal(0), Decimal("0.10"))


# broken lines

GARBAGE = [
    b"", b"   ", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe\x00", b"[" * 100_000, b"{}", b"x" * 100_000,
    b'{"usd":"1"}',
    b'{"day":"%D","entry":"spent","reference":"g","usd":"NaN"}', b'{"day":"%D","entry":"spent","reference":"g","usd":"Infinity"}',
    b'{"day":"%D","entry":"spent","reference":"g","usd":NaN}', b'{"day":"%D","entry":"spent","reference":"g","usd":"-5"}',
    b'{"day":"%D","entry":"spent","reference":"g","usd":"1e999999"}', b'{"day":"%D","entry":"spent","reference":"g","usd":null}',
    b'{"day":"%D","entry":"spent","reference":"g","usd":[1]}', b'{"day":"%D","entry":"spent","reference":["g"],"usd":"5"}',
    b'{"day":"%D","entry":5,"reference":"g","usd":"5"}', b'{"day":["%D"],"entry":"spent","reference":"g","usd":"5"}',
    b'{"day":"%D","entry":"spent","reference":"g","usd":"five"}', b'{"day":"%D","entry":"spent","usd":"5"}',
]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_a_line_that_cannot_be_read_is_skipped_and_the_others_count(path, caplog, garbage):
    ledger = FileLedger(path, Decimal("0.25"))
    ledger.reserve(purchase())
    with path.open("ab") as file:
        file.write(garbage.replace(b"%D", clock.day().encode()) + b"\n")
    ledger.reserve(purchase("r2"))
    assert total(ledger) == "0.2"
    assert len(list(ledger.lines())) == 2
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("r3"))
    assert ("cannot be read" in caplog.text) == bool(garbage.strip())


@pytest.mark.parametrize("kept", range(1, 130, 8))
def test_a_line_that_a_crash_cut_short_spoils_only_itself(path, kept):
    ledger = FileLedger(path, Decimal("0.30"))
    ledger.reserve(purchase())
    whole = path.read_bytes()
    path.write_bytes(whole + whole.replace(b"r1", b"r2")[:kept])
    ledger.reserve(purchase("r3"))
    assert {line["reference"] for line in ledger.lines()} == {"r1", "r3"}


def test_a_ledger_that_was_edited_by_hand_still_counts(path):
    path.write_text(json.dumps({"usd": 0.1, "day": clock.day(), "reference": "by hand", "entry": "spent"}, indent=None) + "\n")
    assert FileLedger(path).total(clock.day()) == Decimal("0.1")


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_reservation_that_could_not_be_written_is_none(path, monkeypatch, call):
    ledger = FileLedger(path, Decimal("0.10"))
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        broken.setattr(os, call, fail)
        with pytest.raises(DiskError):
            ledger.reserve(purchase())
    assert total(ledger) == "0"
    ledger.reserve(purchase("r2"))


# money


@pytest.mark.parametrize(("amount", "text", "shown"), [
    ("0", "0", "$0.00"), ("0.10", "0.1", "$0.10"), ("1E+2", "100", "$100.00"), ("0.000001", "0.000001", "$0.0000"),
    ("12.3456", "12.3456", "$12.3456"), ("-0", "0", "$0.00"), ("1000000", "1000000", "$1000000.00"),
])  # fmt: skip
def test_an_amount_is_written_in_plain_digits_and_shown_in_dollars(amount, text, shown):
    assert money.text(Decimal(amount)) == text
    assert money.shown(abs(Decimal(amount))) == shown


@given(some.decimals(0, 10**9, places=6))
def test_an_amount_survives_being_written(amount):
    assert money.stored(money.text(amount)) == amount


def test_a_float_means_what_it_looks_like():
    assert money.usd(0.1) + money.usd(0.2) == Decimal("0.3")


@pytest.mark.parametrize("value", ["", "x", None, "NaN", "sNaN", "inf", "-1", "1e12", [], {}, True])
def test_what_is_no_amount_is_refused(value):
    with pytest.raises(ValueError, match="no amount of money"):
        money.stored(value)


def test_a_clip_costs_its_seconds_and_its_call_rounded_up_to_a_millionth():
    prices = {"services": {"a": {"image_usd": "0.01", "clip_usd": "0.02", "clip_second_usd": "0.0333333"}}}
    assert money.clip_price(prices, "a", "", "", 3) == Decimal("0.12")
    assert money.clip_price(prices, "a", "", "", 2.5) == Decimal("0.103334")


def test_a_clip_of_a_model_costs_what_that_model_costs_in_that_resolution():
    prices = {"services": {"a": {"clip_usd": "0", "models": {"fast": {"720p": "0.03", "1080p": "0.06"}}}}}
    assert money.clip_price(prices, "a", "fast", "1080p", 6) == Decimal("0.36")
    with pytest.raises(KeyError):
        money.clip_price(prices, "a", "fast", "4K", 6)


@pytest.mark.parametrize(("source", "cost"), [("flux", "0.01"), ("vertex_image", "0.04"), ("own_picture", "0"), ("none", "0")])
def test_a_still_costs_what_its_source_charges(source, cost):
    prices = {
        "services": {"a": {"image_usd": "0.01"}},
        "stills": {"vertex_image": {"models": {"painter": {"image_usd": "0.04"}}}},
    }
    assert money.still_price(prices, source, "a", "painter") == Decimal(cost)


def test_what_other_processes_append_counts_at_once_and_is_read_once(tmp_path):
    ours, theirs = FileLedger(tmp_path / "ledger.jsonl", Decimal(1)), FileLedger(tmp_path / "ledger.jsonl", Decimal(1))
    for number in range(3):
        theirs.reserve(purchase(f"a{number}", "0.30"))
        assert ours.total(clock.day()) == Decimal("0.30") * (number + 1)
    theirs.settle(purchase("a0", "0.30"), RELEASED)
    ours.reserve(purchase("b", "0.40"))
    with pytest.raises(OverBudget):
        theirs.reserve(purchase("c", "0.01"))


def test_a_ledger_that_was_put_in_the_place_of_another_is_read_anew(tmp_path):
    ledger = FileLedger(tmp_path / "ledger.jsonl")
    ledger.reserve(purchase("a", "0.30"))
    assert ledger.total(clock.day()) == Decimal("0.30")
    (tmp_path / "ledger.jsonl").write_bytes(b"")
    assert ledger.total(clock.day()) == 0


# one file, however it is called


def test_a_ledger_that_is_reached_by_a_link_is_the_same_ledger(tmp_path):
    (tmp_path / "purse").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "other").symlink_to(tmp_path / "home", target_is_directory=True)
    real, link = tmp_path / "purse" / "real.jsonl", tmp_path / "home" / "ledger.jsonl"
    real.touch()
    link.symlink_to("../purse/real.jsonl")
    FileLedger(link, Decimal("0.10")).reserve(purchase("a"))
    with pytest.raises(OverBudget):
        FileLedger(tmp_path / "other" / "ledger.jsonl", Decimal("0.10")).reserve(purchase("b"))
    assert total(FileLedger(real)) == "0.1"
    assert link.is_symlink()


@pytest.mark.case
@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_processes_that_share_a_ledger_by_links_never_pass_the_budget_together(tmp_path, link):
    homes = [tmp_path / name for name in ("a", "b", "c")]
    for home in homes:
        home.mkdir()
    (homes[0] / "ledger.jsonl").touch()
    for home in homes[1:]:
        link(homes[0] / "ledger.jsonl", home / "ledger.jsonl")
    race(
        RACE.replace("sys.argv[1]", f"['{homes[0]}', '{homes[1]}', '{homes[2]}'][os.getpid() % 3] + '/ledger.jsonl'"),
        tmp_path,
        count=6,
    )
    raw = (homes[0] / "ledger.jsonl").read_bytes()
    lines = list(FileLedger(homes[0] / "ledger.jsonl").lines())
    assert len(lines) == raw.count(b"\n")  # none was written over another
    held: dict[str, Decimal] = {}
    for line in lines:
        held[line["reference"]] = Decimal(0) if line["entry"] == RELEASED else Decimal(line["usd"])
        assert sum(held.values(), Decimal(0)) <= Decimal("2.00")
    assert len(lines) > 50


def test_a_ledger_that_was_replaced_while_a_process_runs_is_locked_and_read_under_its_new_inode(path, tmp_path):
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.reserve(purchase("a"))
    (tmp_path / "new").write_bytes(b"")
    os.replace(tmp_path / "new", path)
    ledger.reserve(purchase("b"))
    with pytest.raises(OverBudget):
        FileLedger(path, Decimal("0.10")).reserve(purchase("c"))


def test_a_ledger_is_its_owners_alone(path):
    path.touch(0o644)
    FileLedger(path).reserve(purchase())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_pipe_in_the_ledgers_place_is_told_and_not_waited_for(path):
    os.mkfifo(path)
    for ask in (lambda: FileLedger(path).reserve(purchase()), lambda: total(FileLedger(path)), lambda: FileLedger(path).mark()):
        with pytest.raises(DiskRefused, match="A pipe, a socket or a device is in its place"):
            ask()


def test_a_ledger_that_a_group_shares_stays_the_groups(path):
    path.touch()
    path.chmod(0o664)
    FileLedger(path).reserve(purchase())
    assert path.stat().st_mode & 0o777 == 0o660


HOLDING = """
import sys, time
from pathlib import Path
from tenxsom.locks import hold_file
with hold_file(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_ledger_that_another_process_never_lets_go_is_waited_for_with_a_limit(path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.2)
    with running(HOLDING, path) as (holder,):
        assert said(holder) == "ready"
        with pytest.raises(LockIsHeld, match="too long"):
            FileLedger(path).reserve(purchase())
        clock.request_stop()
        try:
            with pytest.raises(Interrupted):
                FileLedger(path).reserve(purchase())
        finally:
            clock.forget_stop()
        holder.kill()
        holder.wait()
    FileLedger(path).reserve(purchase())  # the death of its holder frees it


# a ledger of many years


@pytest.fixture
def small_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "CHECKPOINT_BYTES", 2000)


def years(path: Path, days: int, jobs: int = 3) -> None:
    """Write what so many past days have left, as this program and its earlier versions wrote it."""
    first = datetime(2020, 1, 1, tzinfo=UTC)
    with path.open("w") as file:
        for number in range(days * jobs):
            day = (first + timedelta(days=number // jobs)).date().isoformat()
            for entry in (RESERVED, SPENT):
                head = {"time": f"{day}T10:00:00.000Z", "day": day, "entry": entry, "reference": f"tx-{number}.0.request_video.1"}
                rest = {"content_id": f"v{number}", "service": "ltx_api", "step": "request_video", "clip": 0, "usd": "0.1"}
                file.write(json.dumps(head | rest, separators=(",", ":")) + "\n")


@pytest.mark.case
@pytest.mark.usefixtures("small_checkpoints")
def test_with_a_checkpoint_only_what_came_after_it_is_read(path, monkeypatch):
    years(path, 200)
    assert FileLedger(path).total("2020-01-05") == Decimal("0.3")
    read = []
    real = tally.Tally.read_on

    def read_on(self: tally.Tally, file: Any) -> None:
        before = self.read_bytes
        real(self, file)
        read.append(self.read_bytes - before)

    monkeypatch.setattr(tally.Tally, "read_on", read_on)
    FileLedger(path, Decimal("0.15")).reserve(purchase("today"))
    assert sum(read) == 0
    with pytest.raises(OverBudget):
        FileLedger(path, Decimal("0.15")).reserve(purchase("more"))
    assert 0 < sum(read) < 1000  # today's line
    assert FileLedger(path).total("2020-01-05") == Decimal("0.3")


def test_what_is_kept_in_memory_and_in_the_checkpoint_does_not_grow_with_the_ledger(path, monkeypatch):
    monkeypatch.setattr(ledgers, "CHECKPOINT_BYTES", 1)
    kept, saved = [], []
    for days in (10, 1000):
        years(path, days)
        ledger = FileLedger(path)
        ledger.total("2020-01-01")
        kept.append(len(ledger._tally.calls))
        saved.append(len(path.with_name(".ledger.jsonl.sums").read_bytes()))
    assert kept[1] == kept[0] <= 3 * tally.RECENT_DAYS
    assert saved[1] < saved[0] + 1000 * 30  # one short sum a day


@pytest.mark.usefixtures("small_checkpoints")
def test_a_call_that_was_open_at_the_checkpoint_is_settled_on_its_own_day(path, calendar):
    ledger = FileLedger(path)
    ledger.reserve(purchase("open", "0.50"))
    for number in range(40):
        calendar[0] += timedelta(hours=12)
        ledger.reserve(purchase(f"r{number}"))
        ledger.settle(purchase(f"r{number}"), SPENT)
    again = FileLedger(path)
    assert (again.total("2026-11-22"), path.with_name(".ledger.jsonl.sums").exists()) == (Decimal("0.50"), True)
    again.settle(purchase("open", "0.50"), RELEASED)
    assert FileLedger(path).total("2026-11-22") == 0
    assert entries(path)[-1] == ("2026-11-22", "open", RELEASED)


CHECKPOINTS = [
    b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"version":1}', b'{"version":2,"bytes":0}',
    b'{"version":1,"bytes":-5,"fingerprint":""}', b'{"version":1,"bytes":1e9,"fingerprint":""}',
    b'{"version":1,"bytes":99999999,"fingerprint":"","days":[],"sums":[],"calls":{}}',
    b'{"version":1,"bytes":1' + b"0" * 30 + b',"fingerprint":"00","days":[],"sums":[],"calls":{}}',
    b'{"version":1,"bytes":10,"fingerprint":"00","days":[],"sums":[],"calls":{}}',
]  # fmt: skip


@pytest.mark.parametrize("garbage", CHECKPOINTS, ids=range(len(CHECKPOINTS)))
def test_a_checkpoint_that_cannot_be_used_is_made_anew(path, garbage):
    ledger = FileLedger(path, Decimal("0.25"))
    ledger.reserve(purchase())
    path.with_name(".ledger.jsonl.sums").write_bytes(garbage)
    again = FileLedger(path, Decimal("0.25"))
    assert total(again) == "0.1"
    again.reserve(purchase("r2"))
    with pytest.raises(OverBudget):
        again.reserve(purchase("r3"))


@pytest.mark.parametrize("value", ["NaN", "-1", None, "x", []])
@pytest.mark.usefixtures("small_checkpoints")
def test_a_checkpoint_with_a_sum_that_is_none_is_made_anew(path, value):
    years(path, 20)
    FileLedger(path).total("2020-01-01")
    checkpoint = path.with_name(".ledger.jsonl.sums")
    head, *folded = checkpoint.read_bytes().split(b"\n")
    document = json.loads(head)
    document["sums"][0][2] = value
    checkpoint.write_bytes(b"\n".join([json.dumps(document).encode(), *folded]))
    assert FileLedger(path).total("2020-01-01") == Decimal("0.3")


@pytest.mark.parametrize("line", [1, 2])
@pytest.mark.usefixtures("small_checkpoints")
def test_a_checkpoint_whose_folded_days_or_calls_were_changed_is_made_anew(path, line):
    years(path, 20)
    FileLedger(path).total("2020-01-01")
    checkpoint = path.with_name(".ledger.jsonl.sums")
    lines = checkpoint.read_bytes().split(b"\n")
    lines[line] = lines[line].replace(b"0.3", b"0.9").replace(b"0.1", b"0.9")
    checkpoint.write_bytes(b"\n".join(lines))
    assert FileLedger(path).total("2020-01-01") == Decimal("0.3")


@pytest.mark.usefixtures("small_checkpoints")
def test_a_closed_call_of_the_checkpoint_counts_once_when_its_line_is_repeated(path):
    years(path, 20)
    FileLedger(path).total("2020-01-01")
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[-1] + "\n")
    assert FileLedger(path).total("2020-01-20") == Decimal("0.3")
    again = FileLedger(path)
    again.settle(purchase("tx-59.0.request_video.1"), RELEASED)
    assert FileLedger(path).total("2020-01-20") == again.total("2020-01-20") == Decimal("0.2")
    assert FileLedger(path).total("2020-01-03") == Decimal("0.3")


@pytest.mark.usefixtures("small_checkpoints")
def test_a_ledger_whose_old_lines_were_taken_out_is_added_up_anew(path):
    years(path, 20)
    assert FileLedger(path).total("2020-01-01") == Decimal("0.3")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[60:]))
    assert FileLedger(path).total("2020-01-01") == 0
    assert FileLedger(path).total("2020-01-15") == Decimal("0.3")


@pytest.mark.usefixtures("small_checkpoints")
def test_a_checkpoint_that_cannot_be_saved_costs_no_promise(path, monkeypatch):
    years(path, 20)

    def fail(*_: Any) -> None:
        raise DiskError("full")

    monkeypatch.setattr(atomic, "write", fail)
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("r2"))


def test_a_reference_is_looked_for_only_after_the_mark_of_its_job(path, monkeypatch):
    years(path, 50)
    ledger = FileLedger(path)
    mark = ledger.mark()
    monkeypatch.setattr(tally, "BLOCK_BYTES", 500)
    seen = []
    real = tally.lines_from_the_end

    def lines_from_the_end(file: Any, text: bytes, start: int) -> Any:
        seen.append(start)
        return real(file, text, start)

    monkeypatch.setattr(ledgers, "lines_from_the_end", lines_from_the_end)
    assert ledger.last("tx-new.0.request_video.1", mark) is None
    ledger.reserve(purchase("tx-new.0.request_video.1"))
    assert entry_of(ledger, "tx-new.0.request_video.1", mark) == RESERVED
    assert set(seen) == {path.stat().st_size - len(path.read_bytes().splitlines(keepends=True)[-1])}


@pytest.mark.parametrize("mark", [None, "", "x", "5", "5:", ":", "-5:x", "99999999:x", "100:" + "0" * 32])
def test_a_mark_that_means_nothing_has_everything_read(path, mark):
    ledger = FileLedger(path)
    ledger.reserve(purchase())
    assert entry_of(ledger, "r1", mark) == RESERVED


def test_a_mark_of_a_ledger_that_did_not_only_grow_has_everything_read(path):
    years(path, 5)
    ledger = FileLedger(path)
    mark = ledger.mark()
    ledger.reserve(purchase())
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[-1:]) + b" " * path.stat().st_size)
    assert entry_of(ledger, "r1", mark) == RESERVED


# rehearsals


def test_a_rehearsal_has_a_budget_of_its_own_and_says_so_in_the_ledger(path):
    ledger = FileLedger(path, Decimal("0.10"))
    rehearsal = purchase("rehearsed")._replace(rehearsal=True)
    ledger.reserve(rehearsal)
    ledger.settle(rehearsal, SPENT)
    ledger.reserve(purchase("real"))
    with pytest.raises(OverBudget, match="budget for rehearsals"):
        ledger.reserve(purchase("rehearsed 2")._replace(rehearsal=True))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("real 2"))
    assert [line.get("rehearsal") for line in ledger.lines()] == [True, True, None]
    assert (total(ledger), ledger.total(clock.day(), rehearsal=True)) == ("0.1", Decimal("0.10"))
    assert total(FileLedger(path)) == "0.1"  # another process reads it like that, too


def test_a_rehearsed_still_of_a_real_clip_takes_from_both_budgets(path):
    ledger = FileLedger(path, Decimal("0.10"))
    ledger.reserve(purchase("still", "0.10")._replace(rehearsal=True), purchase("clip", "0.10"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("still 2", "0.01")._replace(rehearsal=True), purchase("clip 2", "0"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("still 2", "0")._replace(rehearsal=True), purchase("clip 2", "0.01"))


def test_what_was_rehearsed_before_it_was_marked_stays_as_it_is(path):
    ledger = FileLedger(path)
    ledger.reserve(purchase("old", "0.04"))
    ledger.settle(purchase("old", "0.04")._replace(service="local_studio"), SPENT)
    assert total(ledger) == "0.04"


def test_todays_totals_are_the_same_where_nobody_can_lock_the_ledger(path, monkeypatch):
    ledger = FileLedger(path)
    for number, entry in enumerate((None, SPENT, SPENT, UNKNOWN, RELEASED)):
        ledger.reserve(each := purchase(f"r{number}", f"0.{number + 1}"))
        if entry:
            ledger.settle(each, entry)
    locked = ledger.totals(clock.day())

    def refuse(_: FileLedger) -> None:
        raise DiskRefused("a disk that is read-only")

    monkeypatch.setattr(FileLedger, "_locked", refuse)
    assert ledger.totals(clock.day()) == locked
    assert locked == (Decimal("0.5"), Decimal("0.1"), Decimal("0.4"))


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO], ids=os.strerror)
@pytest.mark.parametrize(
    "look",
    [
        lambda ledger: ledger.total(clock.day()),
        lambda ledger: ledger.totals(clock.day()),
        lambda ledger: ledger.last("r1"),
        lambda ledger: ledger.mark(),
        lambda ledger: list(ledger.lines()),
        lambda ledger: ledger.compact(()),
        lambda ledger: ledger.reserve(purchase("r2")),
    ],
    ids=["total", "totals", "last", "mark", "lines", "compact", "reserve"],
)
def test_a_ledger_that_does_not_answer_is_not_an_empty_one(path, monkeypatch, number, look):
    FileLedger(path).reserve(purchase())
    break_stat(monkeypatch, path, number)
    with pytest.raises(DiskError, match=os.strerror(number)):
        look(FileLedger(path))
