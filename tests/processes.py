"""Other processes for tests: real ones, started from a few lines of Python, that end with the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests import forked

ROOT = Path(__file__).resolve().parent.parent


def in_a_shell(before: str, *command: str) -> list[str]:
    """Return a command that a shell becomes after it has run `before`, which changes limits or open files of the process itself.

    Code between fork and exec in a process with threads (`preexec_fn`) may wait for ever for a lock that another thread held.
    """
    return ["sh", "-c", f'{before} && exec "$@"', "sh", *command]


def start(lines: str, *arguments: object) -> subprocess.Popen[str]:
    """Start Python on these lines, with the arguments in sys.argv[1:] and both pipes in our hands."""
    command = [sys.executable, "-c", lines, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def running(lines: str, *arguments: object, count: int = 1) -> Iterator[list[subprocess.Popen[str]]]:
    """So many of them, ended at the end of the block whatever happens."""
    processes = [start(lines, *arguments) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """The next line that the process prints; waits for it."""
    return (process.stdout.readline() if process.stdout else "").strip()


def tell(process: subprocess.Popen[str], line: str = "go") -> None:
    """Say something to a process that reads its standard input."""
    if process.stdin:
        process.stdin.write(line + "\n")
        process.stdin.flush()


def race(lines: str, *arguments: object, count: int = 2) -> list[str]:
    """Let so many processes do the same at the same moment; returns everything that each has printed.

    Each prints one line when it is ready, and begins when it reads one.
    """
    with ExitStack() as stack:
        racers = [stack.enter_context(closing(forked.Lines(lines, *arguments))) for _ in range(count)]
        for racer in racers:
            assert racer.said() == "ready"
        for racer in racers:
            racer.tell("go")
        ended = [racer.ended(60) for racer in racers]
    assert [code for code, _ in ended] == [0] * count
    return [output for _, output in ended]
