"""Runs scripts and lines as processes that do not load the program anew: each is forked from one that has it loaded.

A start of Python takes longer than most of what tests let a script do. What begins before the script is loaded (Python's own
settings, the look at an empty queue) is tested with `Belt.start`. What a failing test leaves running is told to end with pytest
(`daemon`), which would wait for it otherwise.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

LOADED = ("submit", "collect", "operate", "plan", "render")
_context = multiprocessing.get_context("forkserver")
ON_FIRST_USE = (
    "anthropic", "av", "google.auth", "tenxsom.google.credentials", "tenxsom.media.check", "tenxsom.media.join",
    "tenxsom.media.subtitles", "tenxsom.media.thumbnail", "tenxsom.pipeline.film_subtitles", "tenxsom.store.files.till",
    "tenxsom_studio.server", "tenxsom_studio.painting.paint",
)  # fmt: skip
"""What most scripts import while they work, each anew if the process that they are forked from had not."""
_context.set_forkserver_preload(
    ["tenxsom.bytecode", *(f"tenxsom.cli.{name}" for name in LOADED), "tenxsom.pipeline.orchestrator", *ON_FIRST_USE]
)


class Forked:
    """A script that runs, with what `subprocess.Popen` calls by the same names."""

    def __init__(self, script: Path, arguments: Sequence[str], environment: Mapping[str, str], stdin: str | None = None) -> None:
        self._name, self._folder = script.name, TemporaryDirectory()
        self._said: tuple[str, str] | None = None
        self.returncode: int | None = None
        """The exit code, negative for a signal; None until somebody has seen the end."""
        streams = [os.path.join(self._folder.name, name) for name in ("in", "out", "err")]
        for path, text in zip(streams, (stdin or "", "", ""), strict=True):
            Path(path).write_text(text, encoding="utf-8")
        self._written = [Path(path) for path in streams[1:]]
        self._process = _context.Process(target=_be, args=(str(script), list(arguments), dict(environment), streams), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """The number of the process; a kill of it is a kill of the script."""
        return self._process.pid or 0

    def poll(self) -> int | None:
        """Look whether it has ended."""
        self.returncode = self._process.exitcode
        return self.returncode

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end, and return its output and errors. Raises TimeoutError after `timeout` seconds, and ends it."""
        self._process.join(timeout)
        if self.poll() is None:
            self._process.kill()
            self._process.join()
            self._folder.cleanup()
            raise TimeoutError(f"{self._name} did not end within {timeout} seconds")
        if self._said is None:
            out, err = (path.read_text(encoding="utf-8") for path in self._written)
            self._said = out, err
            self._folder.cleanup()
        return self._said


def run(
    script: Path, arguments: Sequence[str], environment: Mapping[str, str], stdin: str | None, timeout: float
) -> tuple[int, str, str]:
    """Run a script to its end, and return its exit code (negative for a signal), output and errors."""
    process = Forked(script, arguments, environment, stdin)
    out, err = process.communicate(timeout)
    assert process.returncode is not None
    return process.returncode, out, err


def _be(script: str, arguments: list[str], environment: dict[str, str], streams: list[str]) -> None:
    """Be the script: its environment, folder, streams and arguments, and nothing of the process that was forked."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir("/")
    for number, path in enumerate(streams):
        file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    # They stay open for the life of the process.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


class Lines:
    """Some lines of Python that run in another process, with the arguments in sys.argv[1:], as `python -c` runs them."""

    def __init__(self, lines: str, *arguments: object) -> None:
        listens, told = _context.Pipe(duplex=False)
        heard, says = _context.Pipe(duplex=False)
        given = ["-c", *map(str, arguments)]
        self._process = _context.Process(target=_execute, args=(lines, given, dict(os.environ), listens, says), daemon=True)
        self._process.start()
        listens.close()
        says.close()
        self._told, self._heard = (open(os.dup(end.fileno()), mode) for end, mode in ((told, "w"), (heard, "r")))  # noqa: SIM115
        told.close()
        heard.close()

    def said(self) -> str:
        """The next line that the process prints; waits for it."""
        return self._heard.readline().strip()

    def tell(self, line: str) -> None:
        """Say something to a process that reads its standard input."""
        self._told.write(line + "\n")
        self._told.flush()

    def ended(self, timeout: float) -> tuple[int | None, str]:
        """The exit code, None if the process does not end in time, and what it printed since."""
        self._process.join(timeout)
        code = self._process.exitcode
        return code, "" if code is None else self._heard.read()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._told.close()
        self._heard.close()


def _execute(lines: str, arguments: list[str], environment: dict[str, str], stdin: Connection, stdout: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(stdin.fileno(), 0)
    os.dup2(stdout.fileno(), 1)
    stdin.close()
    stdout.close()
    # They stay open for the life of the process.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = arguments
    exec(compile(lines, "<lines>", "exec"), {"__name__": "__main__"})
    sys.stdout.flush()
