"""The English voice on this machine, against real time. Limit: 20 seconds of speech for every second of processor time.

One round: five segments of a script are spoken, checked, and their words timed, as a job does it; the model is loaded before.
Processor time counts, because it does not depend on what else the machine does.

    python benchmarks/bench_voice.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import sys
import time

from harness import median, verdict

from tenxsom.voices import hibari
from tenxsom.voices.base import Line
from tenxsom.voices.takes import take_from

LIMIT = 20.0
SCRIPT = (
    "A lighthouse does not look for ships. It stands where it is, and lets itself be found.",
    "For two hundred years a keeper climbed these stairs every evening, with oil and a cloth.",
    "The lens weighs two tons, and floats in a ring of mercury, so that a finger can turn it.",
    "Today a small box does the work. It never sleeps, and it has never seen a storm.",
    "But in thick fog, people still write down which light they trusted.",
)


def main(argv: list[str] | None = None) -> int:
    arguments = argparse.ArgumentParser(description="The English voice against real time.")
    arguments.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    rounds = arguments.parse_args(argv).rounds
    if complaint := hibari.missing(None):  # type: ignore[arg-type]  # it needs no settings
        print(f"Not measured: {complaint}.")
        return 0
    voice = hibari.HibariVoice()
    _spoken(voice)
    figures = [_real_time_factor(voice) for _ in range(rounds)]
    return verdict("The English voice", [("hibari, seconds of speech for a second of processor time", median(figures), "≥", LIMIT)])


def _spoken(voice: hibari.HibariVoice) -> float:
    """Speak the script; return its seconds."""
    seconds = 0.0
    for number, text in enumerate(SCRIPT):
        take = take_from(voice.say(Line(text, seed=number)), text, text, "en", 1.0)
        if isinstance(take, str):
            raise SystemExit(f"Segment {number + 1} was not spoken: {take}.")
        seconds += take.seconds
    return seconds


def _real_time_factor(voice: hibari.HibariVoice) -> float:
    start = time.process_time()
    seconds = _spoken(voice)
    return seconds / (time.process_time() - start)


if __name__ == "__main__":
    sys.exit(main())
