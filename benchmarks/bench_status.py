"""`manage_jobs.py status` over a queue of 10,000 jobs, against what every reader does: os.scandir and json.loads of the same files.

Both in this process, taking turns: what the command does beyond its start, from the first name to the finished text. Limits: 1.6
times as long as the bare loop; 250 MB for the whole command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_tick import waiting_job
from harness import ROOT, alternate, environment, median, peak_megabytes, ratios, seconds_of, verdict

from tenxsom.app import App
from tenxsom.cli import operate, status_screen
from tenxsom.pipeline.queue_view import Wanted
from tenxsom.settings import load

JOBS, ROUNDS = 10_000, 7


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        pending = home / "pending_video_jobs"
        pending.mkdir()
        for number in range(JOBS):
            job = waiting_job(f"job-{number:05}")
            (pending / f"{job.content_id}.json").write_bytes(job.as_json())
        with App(load({"TENXSOM_HOME": str(home)})) as app:
            shown = status_screen.text(operate.current(app, Wanted()))
            if shown.count("asked again") != JOBS:
                raise SystemExit("The screen does not show every job; the figure would mean nothing.")
            ours, bare = alternate(
                ROUNDS,
                lambda: seconds_of(lambda: status_screen.text(operate.current(app, Wanted()))),
                lambda: seconds_of(lambda: bare_loop(pending)),
            )
        command = [sys.executable, str(ROOT / "manage_jobs.py"), "status"]
        settings = {"TENXSOM_HOME": str(home)}
        whole = seconds_of(lambda: subprocess.run(command, env=environment(**settings), check=True, stdout=subprocess.DEVNULL))
        memory = peak_megabytes(command, **settings)
    print(f"The whole command, with its start: {whole:.2f} s, {memory:.0f} MB; the bare loop alone: {median(bare):.2f} s")
    rows = [
        ("of scandir and json.loads", median(ratios(ours, bare)), "≤", 1.6),
        ("memory, in 250 MB", memory / 250, "≤", 1.0),
    ]
    return verdict(f"Status over {JOBS} jobs", rows)


def bare_loop(pending: Path) -> int:
    read = 0
    with os.scandir(pending) as entries:
        for entry in entries:
            if entry.name.endswith(".json"):
                with open(entry.path, "rb") as file:
                    read += bool(json.loads(file.read()))
    return read


if __name__ == "__main__":
    sys.exit(main())
