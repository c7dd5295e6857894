"""What the benchmarks share: alternating rounds, medians, ratios, one table. Absolute times drift; ratios of one run hold."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tenxsom.cli.run import table  # noqa: E402


def environment(**settings: str) -> dict[str, str]:
    """The environment for a measured process: this one's, with compiled modules kept, as on any machine that runs it twice."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | settings


def peak_megabytes(command: Sequence[str], **settings: str) -> float:
    """The largest memory of a process. A small process starts it: Linux counts the memory of the one that forks as well."""
    words = [sys.executable, "-S", "-E", "-c", _PEAK, *command]
    measured = subprocess.run(words, env=environment(**settings), check=True, stdout=subprocess.PIPE, text=True)
    return int(measured.stdout) / 1024


_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def seconds_of(work: Callable[[], object]) -> float:
    """How long `work` takes, on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternate(rounds: int, *works: Callable[[], float]) -> list[list[float]]:
    """Each work's figure in `rounds` rounds, the works taking turns (A B A B …) after one round that is not counted."""
    for work in works:
        work()
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for figures, work in zip(taken, works, strict=True):
            figures.append(work())
    return taken


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours ÷ theirs, pair by pair."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def verdict(title: str, rows: Sequence[tuple[str, float, str, float]]) -> int:
    """Print the ratios with their limits; returns 0 if all are kept, 1 otherwise. A row: what, ratio, `≤` or `≥`, limit."""
    lines, failed = [], 0
    for what, ratio, relation, limit in rows:
        kept = ratio <= limit if relation == "≤" else ratio >= limit
        failed += not kept
        lines.append((what, f"{ratio:.2f}", f"{relation} {limit:g}", "kept" if kept else "MISSED"))
    print(f"\n{title}\n\n" + table(("WHAT", "RATIO", "LIMIT", ""), lines, right=(1,)))
    return 1 if failed else 0
