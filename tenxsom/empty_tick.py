"""A tick over an empty queue, which most ticks of a quiet night are: it ends before anything else is imported."""

import os
import stat
import sys
import time

LAST_TICK = ".last_tick"
"""The file in the folder of pending jobs whose time is that of the last tick."""


def ran_empty_tick(arguments: list[str], default_home: str) -> bool:
    """Run the tick of a command line if it is a plain one and the queue is empty; return whether it ran."""
    is_plain = not arguments or (len(arguments) == 2 and arguments[0] == "--patience")
    home = os.environ.get("TENXSOM_HOME", "").strip() or default_home
    if not is_plain or not queue_is_empty(home) or is_observed(home):
        return False
    note(os.path.join(home, "pending_video_jobs"))
    try:
        print(as_log("No pending video jobs."), flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a full disk, a closed pipe: not worth an exit code
    return True


def as_log(text: str, at: str = "") -> str:
    """Return the text as lines of a log: where standard output goes to a file, as cron appends it, each line has its time.

    `at` is the time, where another clock counts than this machine's.
    """
    try:
        is_file = stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        is_file = False  # standard output is closed, or a stream inside another program
    if not is_file:
        return text
    milliseconds = time.time_ns() // 1_000_000
    at = at or f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(milliseconds // 1000))}.{milliseconds % 1000:03}Z"
    return "\n".join(f"{at} {line}" if line else "" for line in text.split("\n"))


def queue_is_empty(home: str) -> bool:
    """Return whether the folder of pending jobs exists and holds none; False when anything is unusual."""
    try:
        names = os.listdir(os.path.join(home, "pending_video_jobs"))
    except OSError:
        return False
    return os.path.isabs(home) and not any(name.endswith((".json", ".moved")) for name in names)


def is_observed(home: str) -> bool:
    """Return whether a tick over an empty folder has something to do: a dead-man's switch or metrics to tell, messages to
    deliver, or a queue that is in a database.
    """
    names = ("HEALTHCHECK_URL", "METRICS_FILE", "QUEUE_URL")
    if any(os.environ.get(name) or os.environ.get(f"{name}_FILE") for name in names):
        return True
    try:
        if any(name.endswith(".json") and name[0] != "." for name in os.listdir(os.path.join(home, ".outbox"))):
            return True
    except OSError:
        pass  # nothing was ever told
    try:
        with open(os.path.join(home, "production.env"), "rb") as file:
            lines = file.read(1_048_576).splitlines()
    except OSError:
        return False  # no settings, or unreadable ones, which a tick over jobs reports
    written = [line for line in lines if not line.lstrip().startswith(b"#") and not line.rstrip().endswith(b"=")]
    return any(name.encode() in line for name in names for line in written)


def note(folder: str | os.PathLike[str]) -> None:
    """Note that a tick has run; a tick that cannot note it goes on."""
    try:
        descriptor = os.open(os.path.join(folder, LAST_TICK), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        try:
            os.utime(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        pass
