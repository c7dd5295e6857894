"""A random life of the belt, with deaths and broken disks at every durable point, and what must be true all the while.

The real scripts' classes over the real queue and ledger; only the vendor is of paper, and the video check. More of it:
HYPOTHESIS_PROFILE=long or CRASH_POINTS=all.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tenxsom import clock
from tenxsom.errors import TenxsomError
from tenxsom.model.job import VideoJob
from tenxsom.pipeline.results import JobResult
from tests.belt import definition, unexpected_errors
from tests.crash.deaths import ALL, DEATHS, DISK_TROUBLES, Blow, Death, struck
from tests.crash.paper_vendor import ACCEPTING, CHECKS, REFUSING, PaperVendor, paper_suite

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long" or ALL
IDS: dict[str, dict[str, Any]] = {"lake": {}, "river": {"clips": "storyboard", "target_duration": 8}, "storm": {"clips": "single"}}
PRICE = {"image": Decimal("0.01"), "video": Decimal("0.24")}
BUDGET = Decimal("0.80")
"""Three clips, and the still of a fourth."""
START = datetime(2026, 11, 22, 12, tzinfo=UTC)

ids = st.sampled_from(sorted(IDS))
moods = st.sampled_from(("accept",) * 8 + ACCEPTING + REFUSING)
checks = st.sampled_from(("ready",) * 4 + CHECKS)
blows = st.none() | st.builds(Blow, st.integers(1, 12), st.sampled_from(DEATHS * 2 + DISK_TROUBLES))


class Belt(RuleBasedStateMachine):
    """Whatever people, vendors, disks and kills do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="belt-"))
        prices = {"image_usd": str(PRICE["image"]), "clip_usd": str(PRICE["video"]), "clip_second_usd": "0"}
        (self.home / "templates").mkdir()
        (self.home / "templates" / "prices.json").write_text(json.dumps({"services": {"useapi_ltx": prices}, "planners": {}}))
        self.vendor = PaperVendor()
        self.accepted: set[str] = set()
        self.shift = timedelta()
        ticking = itertools.count()
        self.patches: list[Any] = [
            patch.object(clock, "now", lambda: START + self.shift + timedelta(milliseconds=next(ticking))),
            patch.object(os, "fsync", lambda _: None),  # nobody pulls the plug of this machine
        ]
        for each in self.patches:
            each.start()
        logging.disable()  # thousands of lines that nobody would read
        self.reopen()

    def teardown(self) -> None:
        self.suite.close()
        logging.disable(logging.NOTSET)
        for each in self.patches:
            each.stop()
        shutil.rmtree(self.home)

    def reopen(self) -> None:
        """A new process: nothing of the old one's memory is left."""
        # one thread, so that what is found can be found again
        self.suite = paper_suite(self.home, self.vendor, DAILY_BUDGET_USD=str(BUDGET), POLL_CONCURRENCY="1")

    def struck(self, blow: Blow | None, work: Callable[[], Sequence[JobResult] | None]) -> None:
        """Do something; it may die, be refused or fail. What it must not do is break its promises."""
        with struck(blow) as fate:
            self.vendor.die = fate.die
            try:
                results = work()
            except TenxsomError:
                pass
            except Death:
                pass
            else:  # an error that a tick could not write into the state is told all the same
                assert not any("unexpected error" in result.message for result in results or ())
        if fate.is_dead:
            self.reopen()

    def on_queue(self) -> list[str]:
        return sorted(self.suite.store.ids())

    def jobs(self) -> list[VideoJob]:
        return [job for content_id in self.on_queue() if (job := self.suite.store.load(content_id))]

    def unclear(self) -> list[tuple[str, int, str]]:
        """The open intents: id, clip, our reference."""
        return [(job.content_id, clip.index, clip.intent.reference) for job in self.jobs() for clip in job.clips if clip.intent]

    def failed(self) -> list[str]:
        """The jobs that have ended without a video."""
        reports = {content_id: self.suite.artifacts.final_report(content_id) for content_id in sorted(self.accepted)}
        on_queue = self.on_queue()
        return [name for name, report in reports.items() if report and report["state"] != "completed" and name not in on_queue]

    @initialize()
    def start(self) -> None:
        """One job is there from the beginning, so that short lives are worth something."""
        self.submit("lake", "accept", None, False)

    @rule(content_id=ids, mood=moods, blow=blows, again=st.booleans())
    def submit(self, content_id: str, mood: str, blow: Blow | None, again: bool) -> None:
        """A new job, a second run of one that is on its way, or (`again`) a deliberate second one."""
        self.vendor.mood = mood
        page = definition(content_id, **IDS[content_id])
        again = again and not self.suite.store.load(content_id)
        orchestrator = self.suite.orchestrator(again=again)

        def work() -> Sequence[JobResult]:
            source = self.home / "job.json"
            source.write_text(json.dumps(page))
            results = orchestrator.submit_all(orchestrator.read([str(source)]))
            if any(result.state != "not accepted" for result in results):
                self.accepted.add(content_id)
            return results

        self.struck(blow, work)
        if self.suite.store.load(content_id):
            self.accepted.add(content_id)

    @precondition(lambda self: self.suite.store.ids())
    @rule(mood=moods, check=checks, blow=blows, at_once=st.sampled_from((True, True, False)))
    def tick(self, mood: str, check: str, blow: Blow | None, at_once: bool) -> None:
        self.vendor.mood, self.vendor.check = mood, check
        self.struck(blow, lambda: self.suite.poller().tick(self.on_queue(), at_once))

    @precondition(lambda self: self.suite.store.ids())
    @rule(blow=blows)
    def good_hour(self, blow: Blow | None) -> None:
        """The vendor is well, and several ticks bring everything as far as it goes, unless one of them dies."""
        self.vendor.mood, self.vendor.check = "accept", "ready"
        for _ in range(3):
            self.struck(blow, lambda: self.suite.poller().tick(self.on_queue(), at_once=True))
            blow = None

    @precondition(lambda self: self.unclear())
    @rule(data=st.data(), decision=st.sampled_from(("adopt", "write_off", "never_sent")), blow=blows)
    def decide(self, data: st.DataObject, decision: str, blow: Blow | None) -> None:
        """Somebody looks at the vendor and says what is so; `never sent` only if that is true."""
        content_id, clip, reference = data.draw(st.sampled_from(self.unclear()))
        was_sent = self.vendor.knows(reference)
        if (decision == "never_sent" and was_sent) or (decision == "adopt" and not was_sent):
            decision = "write_off"
        adopted, never_sent = f"job-{reference}" if decision == "adopt" else None, decision == "never_sent"
        manager = self.suite.manager()

        def decide() -> None:
            manager.resolve(content_id, clip + 1, adopt=adopted, never_sent=never_sent)

        self.struck(blow, decide)

    @precondition(lambda self: self.suite.store.ids())
    @rule(data=st.data(), blow=blows)
    def cancel(self, data: st.DataObject, blow: Blow | None) -> None:
        content_id = data.draw(st.sampled_from(self.on_queue()))
        manager = self.suite.manager()

        def cancel() -> None:
            manager.cancel(content_id)

        self.struck(blow, cancel)

    @precondition(lambda self: self.failed())
    @rule(data=st.data(), blow=blows)
    def retry(self, data: st.DataObject, blow: Blow | None) -> None:
        content_id, manager = data.draw(st.sampled_from(self.failed())), self.suite.manager()
        self.struck(blow, lambda: manager.retry(manager.retry_cost(content_id)[0]))

    @rule(remembers=st.booleans())
    def memory(self, remembers: bool) -> None:
        self.vendor.remembers = remembers

    @rule(hours=st.sampled_from((1, 24, 24, -24)))
    def time_passes(self, hours: int) -> None:
        self.shift += timedelta(hours=hours)

    @invariant()
    def every_clip_is_paid_at_most_once(self) -> None:
        calls = Counter(charge["replyRef"].rsplit(".", 1)[0] for charge in self.vendor.charges)
        assert max(calls.values(), default=0) <= 1, calls

    @invariant()
    def an_accepted_job_is_a_state_or_a_report(self) -> None:
        for content_id in self.accepted:
            assert self.suite.store.load(content_id) or self.suite.artifacts.final_report(content_id), f"{content_id} is gone"

    @invariant()
    def no_half_file_is_ever_seen(self) -> None:
        assert set(self.suite.store.ids()) <= set(IDS)
        assert not (self.home / "pending_video_jobs" / "quarantine").exists()
        assert len(self.jobs()) == len(self.suite.store.ids())

    @invariant()
    def no_error_is_unexpected(self) -> None:
        documents = [job.as_dict() for job in self.jobs()]
        documents += [self.suite.artifacts.final_report(content_id) or {} for content_id in self.accepted]
        assert [*chain.from_iterable(map(unexpected_errors, documents))] == []

    @invariant()
    def budgets_are_kept_by_the_ledger_and_in_fact(self) -> None:
        days = {line["day"] for line in self.suite.ledger.lines()}
        assert all(self.suite.ledger.total(day) <= BUDGET for day in days)
        for day in days:
            assert sum(PRICE[charge["kind"]] for charge in self.vendor.charges if charge["day"] == day) <= BUDGET

    @invariant()
    def the_ledger_agrees_with_the_vendor(self) -> None:
        last = {line["reference"]: line["entry"] for line in self.suite.ledger.lines()}
        for charge in self.vendor.charges:
            assert last.get(charge["replyRef"]) in ("reserved", "spent", "unknown"), charge["replyRef"]

    @invariant()
    def the_state_agrees_with_the_vendor(self) -> None:
        for job in self.jobs():
            open_calls = {clip.intent.reference for clip in job.clips if clip.intent}
            for line in job.spend:
                if line["entry"] == "released":
                    assert not self.vendor.knows(line["reference"]), line
                elif line["entry"] == "reserved":
                    assert line["reference"] in open_calls or not self.vendor.knows(line["reference"]), line


TestBelt = pytest.mark.slow(Belt.TestCase)
TestBelt.__doc__ = "A random life of the belt keeps every promise."
TestBelt.settings = settings(
    max_examples=2000 if LONG else 30,
    stateful_step_count=60 if LONG else 30,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
