"""The command `tenxsom`: every script, and the most used commands of an operator, as subcommands of one program.

`tenxsom submit` is master_orchestrator_v3.py: the same code and the same options. A subcommand is one line of COMMANDS.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import tenxsom
from tenxsom.cli import run
from tenxsom.settings import Settings

PROG = "tenxsom"


class Command(NamedTuple):
    """A subcommand: the module with its `main(argv, prog)` and `command_line(prog)`, and what it does."""

    module: str
    help: str
    word: str | None = None
    """The subcommand of that module which it stands for, such as `doctor` of manage_jobs.py."""

    def run(self, name: str, argv: Sequence[str]) -> int:
        """Run it as its script would be run; return the exit code."""
        main = import_module(self.module).main
        code: int = main([self.word, *argv], PROG) if self.word else main(argv, f"{PROG} {name}")
        return code

    def parser(self, name: str) -> argparse.ArgumentParser:
        """Return its parser, for the completion of its options."""
        made = import_module(self.module).command_line(PROG if self.word else f"{PROG} {name}")
        parser, words = made if isinstance(made, tuple) else (made, {})
        found: argparse.ArgumentParser = words[self.word] if self.word else parser
        return found


COMMANDS = {
    "demo": Command("tenxsom.cli.demo", "make an example film: no account, free of charge"),
    "submit": Command("tenxsom.cli.submit", "turn job definitions into video jobs on their way"),
    "collect": Command("tenxsom.cli.collect", "one tick: download, verify and report what is finished; made for cron"),
    "worker": Command("tenxsom.cli.worker", "work on due jobs until stopped, in place of a tick every two minutes"),
    "plan": Command("tenxsom.cli.plan", "print the blueprint of a job definition"),
    "make": Command("tenxsom.cli.generate", "make a plan of yours, or a finished film once more"),
    "jobs": Command("tenxsom.cli.manage", "look at jobs, and decide what is left to people"),
    "new": Command("tenxsom.cli.manage", "write a definition, or a batch from a table", "new"),
    "status": Command("tenxsom.cli.manage", "what is on its way, what waits for you, what has ended", "status"),
    "costs": Command("tenxsom.cli.manage", "what was spent, on what, against the budget", "costs"),
    "doctor": Command("tenxsom.cli.manage", "look whether this installation is fit to run, free of charge", "doctor"),
    "dashboard": Command("tenxsom.cli.manage", "serve pages to look at, and an API, until interrupted", "dashboard"),
    "completion": Command("tenxsom.cli.completion", "print what makes your shell complete these commands"),
}

EXAMPLES = (
    ("demo", "make a first film, without any account"),
    ("submit --dry-run jobs/", "what the films of a folder would cost; nothing is ordered"),
    ("submit jobs/lake.json", "order a film; `tenxsom collect`, run by cron, brings it home"),
    ("status", "what is on its way, and what waits for you"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tenxsom`; return the exit code of the subcommand."""
    name, *words = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if command := COMMANDS.get(name):
        return command.run(name, words)
    return run.run(PROG, _names(), _refuse, [name, *words])


def command_line() -> argparse.ArgumentParser:
    """Return the whole parser, with the options of every subcommand."""
    parser, commands = _head()
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help, parents=[command.parser(name)], add_help=False)
    return parser


def _names() -> argparse.ArgumentParser:
    """Return a parser that knows the subcommands by name only: no module of theirs is imported."""
    parser, commands = _head()
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help)
    return parser


def _head() -> tuple[argparse.ArgumentParser, argparse._SubParsersAction[argparse.ArgumentParser]]:
    description = "Turn one-page content specifications into finished films, unattended, and pay for every clip once."
    parser = run.command_line(PROG, description, EXAMPLES)
    parser.add_argument("--version", action="version", version=f"{PROG} {tenxsom.__version__}")
    return parser, parser.add_subparsers(dest="command", metavar="COMMAND", required=True)


def _refuse(arguments: argparse.Namespace, _: Settings) -> run.Result:
    raise AssertionError(f"{arguments.command} is a command, which has been run")
