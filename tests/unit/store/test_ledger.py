"""The ledger: spent + reserved + unknown never pass the budget, to the cent, whoever races or crashes."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tenxsom import clock
from tenxsom.errors import DiskTrouble, OverBudget
from tenxsom.model import money
from tenxsom.store import ledger as ledgers
from tenxsom.store.ledger import RELEASED, RESERVED, SPENT, UNKNOWN, Ledger, Purchase
from tests.processes import race


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


def total(ledger: Ledger) -> str:
    return money.text(ledger.total(clock.day()))


def last(ledger: Ledger, reference: str) -> dict[str, Any]:
    line = ledger.last(reference)
    assert line is not None
    return line


# the budget


def test_what_is_of_no_use_without_a_further_purchase_is_bought_only_if_there_is_money_for_both(path):
    ledger = Ledger(path, Decimal("0.30"))
    ledger.reserve(purchase("r1", "0.05"), Decimal("0.25"))
    assert total(ledger) == "0.05"  # what comes then is not set aside
    with pytest.raises(OverBudget, match=r"\$0\.05 for request_video and \$0\.21 for what follows it would pass"):
        ledger.reserve(purchase("r2", "0.05"), Decimal("0.21"))
    ledger.reserve(purchase("r2", "0.05"), Decimal("0.20"))


def test_a_budget_is_held_to_the_cent(path):
    ledger = Ledger(path, Decimal("0.30"))
    for number in range(3):
        ledger.reserve(purchase(f"r{number}"))
    with pytest.raises(OverBudget) as caught:
        ledger.reserve(purchase("r3", "0.01"))
    assert caught.value.exit_code == 3
    assert "$0.30 of $0.30 are used" in str(caught.value)
    assert total(ledger) == "0.3"


def test_what_is_over_budget_is_not_written(path):
    ledger = Ledger(path, Decimal("0.05"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase())
    assert not path.exists() or path.read_bytes() == b""


def test_tenths_add_up_exactly(path):
    ledger = Ledger(path, Decimal("1"))
    for number in range(10):
        ledger.reserve(purchase(f"r{number}"))
    assert ledger.total(clock.day()) == Decimal("1")
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("more", "0.000001"))


@settings(max_examples=25)
@given(some.lists(some.decimals(0, 5, places=6), max_size=8), some.decimals(0, 20, places=2))
def test_no_order_of_purchases_passes_the_budget(tmp_path_factory, prices, budget):
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "l", budget)
    for number, price in enumerate(prices):
        before = ledger.total(clock.day())
        try:
            ledger.reserve(purchase(f"r{number}", str(price)))
            assert ledger.total(clock.day()) == before + price <= budget
        except OverBudget:
            assert before + price > budget


def test_without_a_budget_everything_is_booked_and_nothing_is_refused(path):
    ledger = Ledger(path)
    ledger.reserve(purchase(usd="1000000"))
    assert total(ledger) == "1000000"


def test_a_budget_of_nothing_still_lets_what_is_free_pass(path):
    ledger = Ledger(path, Decimal(0))
    ledger.reserve(purchase(usd="0"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("r2", "0.000001"))


RACE = """
import os, sys, time
from decimal import Decimal
from pathlib import Path
from tenxsom.errors import OverBudget
from tenxsom.store import ledger as ledgers
from tenxsom.store.ledger import RELEASED, SPENT, UNKNOWN, Ledger, Purchase
ledger = Ledger(Path(sys.argv[1]), Decimal("2.00"))
checked = ledger._check
def check_slowly(*arguments):
    checked(*arguments)
    time.sleep(0.002)  # whoever is not kept out comes in now
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
    for line in Ledger(path).lines():
        held[line["reference"]] = Decimal(0) if line["entry"] == RELEASED else Decimal(line["usd"])
        highest = max(highest, sum(held.values(), Decimal(0)))
    assert highest == Decimal("1.96")  # they want 3.36; one more clip of seven cents would pass 2.00
    assert Ledger(path).total(clock.day()) == sum(held.values(), Decimal(0))


# what counts


def test_reserving_the_same_call_again_costs_nothing_more(path):
    ledger = Ledger(path, Decimal("0.10"))
    for _ in range(3):
        ledger.reserve(purchase())
    assert total(ledger) == "0.1"


@pytest.mark.parametrize(("entry", "counted"), [(SPENT, "0.1"), (UNKNOWN, "0.1"), (RELEASED, "0")])
def test_spent_and_unknown_count_and_released_is_free_again(path, entry, counted):
    ledger = Ledger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    ledger.settle(purchase(), entry)
    assert total(ledger) == counted


def test_what_is_released_can_be_spent_by_another(path):
    ledger = Ledger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    ledger.settle(purchase(), RELEASED)
    ledger.reserve(purchase("r2"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("r3"))


def test_an_unknown_call_that_turns_out_to_be_spent_counts_once(path):
    ledger = Ledger(path, Decimal("0.10"))
    for entry in (UNKNOWN, SPENT, SPENT):
        ledger.settle(purchase(), entry)
    assert total(ledger) == "0.1"


def test_a_cost_without_a_reservation_counts_as_well(path):
    ledger = Ledger(path, Decimal("0.10"))
    ledger.settle(purchase("planning", "0.04"), SPENT)
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("clip", "0.07"))


def test_the_last_line_of_a_reference_is_what_the_ledger_knows_of_it(path):
    ledger = Ledger(path)
    assert ledger.last("r1") is None
    ledger.reserve(purchase())
    ledger.reserve(purchase("r10"))
    ledger.settle(purchase(), SPENT, job_id="v1")
    first = last(ledger, "r1")
    assert (first["entry"], first["job_id"]) == (SPENT, "v1")
    assert last(ledger, "r10")["entry"] == RESERVED


@pytest.mark.parametrize("block", [1, 7, 100, 300, 4096])
def test_the_last_line_is_found_wherever_the_ledgers_blocks_begin(path, monkeypatch, block):
    monkeypatch.setattr(ledgers, "BLOCK_BYTES", block)
    ledger = Ledger(path)
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
    ledger = Ledger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    calendar[0] += timedelta(seconds=3)
    ledger.reserve(purchase("r2"))
    assert (ledger.total("2026-11-22"), ledger.total("2026-11-23")) == (Decimal("0.10"), Decimal("0.10"))


def test_a_call_belongs_to_the_day_it_was_reserved_on(path, calendar):
    ledger = Ledger(path, Decimal("0.10"))
    ledger.reserve(purchase())
    calendar[0] += timedelta(seconds=3)
    ledger.settle(purchase(), SPENT)
    assert entries(path) == [("2026-11-22", "r1", RESERVED), ("2026-11-22", "r1", SPENT)]
    assert ledger.total("2026-11-23") == 0


def test_money_released_after_midnight_is_free_on_its_own_day_only(path, calendar):
    ledger = Ledger(path, Decimal("0.10"))
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
    ledger = Ledger(path, Decimal("0.25"))
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
    ledger = Ledger(path, Decimal("0.30"))
    ledger.reserve(purchase())
    whole = path.read_bytes()
    path.write_bytes(whole + whole.replace(b"r1", b"r2")[:kept])
    ledger.reserve(purchase("r3"))
    assert {line["reference"] for line in ledger.lines()} == {"r1", "r3"}


def test_a_ledger_that_was_edited_by_hand_still_counts(path):
    path.write_text(json.dumps({"usd": 0.1, "day": clock.day(), "reference": "by hand", "entry": "spent"}, indent=None) + "\n")
    assert Ledger(path).total(clock.day()) == Decimal("0.1")


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_reservation_that_could_not_be_written_is_none(path, monkeypatch, call):
    ledger = Ledger(path, Decimal("0.10"))
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        broken.setattr(os, call, fail)
        with pytest.raises(DiskTrouble):
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
    ours, theirs = Ledger(tmp_path / "ledger.jsonl", Decimal(1)), Ledger(tmp_path / "ledger.jsonl", Decimal(1))
    for number in range(3):
        theirs.reserve(purchase(f"a{number}", "0.30"))
        assert ours.total(clock.day()) == Decimal("0.30") * (number + 1)
    theirs.settle(purchase("a0", "0.30"), RELEASED)
    ours.reserve(purchase("b", "0.40"))
    with pytest.raises(OverBudget):
        theirs.reserve(purchase("c", "0.01"))


def test_a_ledger_that_was_put_in_the_place_of_another_is_read_anew(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.reserve(purchase("a", "0.30"))
    assert ledger.total(clock.day()) == Decimal("0.30")
    (tmp_path / "ledger.jsonl").write_bytes(b"")
    assert ledger.total(clock.day()) == 0
