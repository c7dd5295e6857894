"""What a paid call costs with the ledger of ten years at 200 films a day, against an empty one.

A call is what the program does for money around it: reserve, look for an earlier call of the reference, settle; each time with a
ledger that is opened anew, as by another process. The ten years were summed up as `manage_jobs.py ledger compact` does, and once
more they were not. Limits: 1.2 times as long; 60 MB in a process that opens ten years of lines without a checkpoint, and pays.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

from harness import ROOT, alternate, median, peak_megabytes, ratios, seconds_of, verdict

from tenxsom import clock
from tenxsom.store.base import SPENT, SUMMED, Purchase
from tenxsom.store.files.ledger import FileLedger

YEARS, FILMS, CALLS, ROUNDS = 10, 200, 25, 9
SERVICES = ("useapi_ltx", "ltx_api", "planner")
numbers = count()


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty, summed, whole = (folder / kind / "spend_ledger.jsonl" for kind in ("empty", "summed", "whole"))
        for path in (empty, summed, whole):
            path.parent.mkdir()
        empty.touch()
        summed.write_text("".join(summed_years()))
        with whole.open("w") as file:
            file.writelines(whole_years())
        for path in (summed, whole):
            pay(path, 1)  # the first process after a compaction, or an edit, saves the checkpoint
        few, many, every = alternate(ROUNDS, *(lambda path=path: seconds_of(lambda: pay(path)) for path in (empty, summed, whole)))
        command = [sys.executable, "-c", PAY_ONCE, str(ROOT), str(folder / "whole" / "spend_ledger.jsonl")]
        (whole.parent / ".spend_ledger.jsonl.sums").unlink(missing_ok=True)
        memory = peak_megabytes(command)
        lines = sum(1 for _ in whole.open("rb"))
    print(f"{lines:,} lines in ten years; a call with an empty ledger takes {median(few) / CALLS * 1000:.2f} ms")
    rows = [
        ("summed up ÷ empty", median(ratios(many, few)), "≤", 1.2),
        ("every line ÷ empty", median(ratios(every, few)), "≤", 1.2),
        ("memory, in 60 MB", memory / 60, "≤", 1.0),
    ]
    return verdict("A paid call with the ledger of ten years", rows)


PAY_ONCE = """
import sys
sys.path.insert(0, sys.argv[1])
from decimal import Decimal
from pathlib import Path
from tenxsom.store.base import SPENT, Purchase
from tenxsom.store.files.ledger import FileLedger
ledger = FileLedger(Path(sys.argv[2]), Decimal(10**9))
call = Purchase("tx-memory.1", "film", "ltx_api", "request_video", 0, Decimal("0.3"))
mark = ledger.mark()
ledger.reserve(call)
assert ledger.last(call.reference, mark)
ledger.settle(call, SPENT)
"""


def pay(path: Path, calls: int = CALLS) -> None:
    """Pay so many calls, each with the ledger opened anew."""
    for number in range(calls):
        ledger = FileLedger(path, Decimal(10**9))
        call = Purchase(f"tx-bench-{next(numbers)}.1.request_video.{number}", "film", "ltx_api", "request_video", 0, Decimal("0.3"))
        mark = ledger.mark()
        ledger.reserve(call)
        ledger.last(call.reference, mark)
        ledger.settle(call, SPENT)


def days() -> Iterator[str]:
    first = clock.now().date() - timedelta(days=YEARS * 365)
    for number in range(YEARS * 365):
        yield date.fromordinal(first.toordinal() + number).isoformat()


def summed_years() -> Iterator[str]:
    for day in days():
        for service in SERVICES:
            yield line(day, SUMMED, f"summed.{day}.{service}", service, "60", calls=FILMS)


def whole_years() -> Iterator[str]:
    for number, day in enumerate(days()):
        for film in range(FILMS):
            for entry in ("reserved", "spent"):
                yield line(day, entry, f"tx-{number:08}{film:08}.1.request_video.1", "ltx_api", "0.3")


def line(day: str, entry: str, reference: str, service: str, usd: str, **more: int) -> str:
    facts = {"time": f"{day}T10:00:00.000Z", "day": day, "entry": entry, "reference": reference, "content_id": "film"}
    facts |= {"service": service, "step": "request_video"}
    return json.dumps(facts | {"clip": 0, "usd": usd} | more, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    sys.exit(main())
