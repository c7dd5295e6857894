#!/usr/bin/env python3
"""Collect: one tick checks every due job, downloads what is finished, verifies it, reports it and empties the queue.

    poll_video_status.py [--watch SECONDS] [--time-limit SECONDS] [--patience MINUTES] [--json] [CONTENT_ID ...]

Made for cron: ticks that overlap share the work, a tick over an empty queue costs next to nothing, and nothing that goes wrong
here ever fails a paid clip or makes it again. Exit codes: docs/reference/commands.md.
"""

import os
import stat
import sys
import time


def home_folder() -> str:
    """Return TENXSOM_HOME, by default the folder of this script."""
    return os.environ.get("TENXSOM_HOME", "").strip() or os.path.dirname(os.path.abspath(__file__))


def queue_is_empty() -> bool:
    """Return whether the folder of pending jobs exists and holds none; False when anything is unusual.

    Runs before any import of the package: most ticks of a quiet night find an empty folder and end here.
    """
    home = home_folder()
    folder = os.path.join(home, "pending_video_jobs")
    if not os.path.isabs(home):
        return False
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    if any(name.endswith((".json", ".moved")) for name in names):
        return False
    note_the_tick(folder)
    return True


def note_the_tick(folder: str) -> None:
    """Note that a tick has run, as `tenxsom.pipeline.last_tick` does; a tick that cannot note it goes on."""
    try:
        with open(os.path.join(folder, ".last_tick"), "wb") as file:
            os.utime(file.fileno())
    except OSError:
        pass


def is_observed() -> bool:
    """Return whether a tick over an empty folder has something to do: a dead-man's switch or metrics to tell, messages to
    deliver, or a queue that is in a database.
    """
    names = ("HEALTHCHECK_URL", "METRICS_FILE", "QUEUE_URL")
    if any(os.environ.get(name) or os.environ.get(f"{name}_FILE") for name in names):
        return True
    try:
        if any(name.endswith(".json") and name[0] != "." for name in os.listdir(os.path.join(home_folder(), ".outbox"))):
            return True
    except OSError:
        pass  # nothing was ever told
    try:
        with open(os.path.join(home_folder(), "production.env"), "rb") as file:
            lines = file.read(1_048_576).splitlines()
    except OSError:
        return False  # no settings, or unreadable ones, which a tick over jobs reports
    written = [line for line in lines if not line.lstrip().startswith(b"#") and not line.rstrip().endswith(b"=")]
    return any(name.encode() in line for name in names for line in written)


def what_is_told() -> str:
    """Return what a tick over an empty folder prints: with its time where it goes to a file, as every line of a log has it."""
    try:
        is_file = stat.S_ISREG(os.fstat(1).st_mode)
    except OSError:
        is_file = False  # standard output is closed
    milliseconds = time.time_ns() // 1_000_000
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{f'{at}.{milliseconds % 1000:03}Z ' if is_file else ''}No pending video jobs."


IS_PLAIN_TICK = len(sys.argv) == 1 or (len(sys.argv) == 3 and sys.argv[1] == "--patience")

if __name__ == "__main__" and IS_PLAIN_TICK and queue_is_empty() and not is_observed():
    try:
        print(what_is_told(), flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a full disk, a closed pipe: not worth an exit code
    sys.exit(0)

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom.cli.collect import main
from tenxsom.pipeline.poller import VideoStatusPoller

__all__ = ["VideoStatusPoller", "main", "queue_is_empty"]

if __name__ == "__main__":
    sys.exit(main())
