"""The command `tenxsom completion`: prints what makes a shell complete the commands, their options and their values."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from shlex import quote

from tenxsom.cli import commands, run
from tenxsom.settings import Settings

SHELLS = ("bash", "zsh", "fish")
FILES = ("JOB", "FILE", "DEF")
"""What is a file's name, among the names of options' values."""

EXAMPLES = (
    ("bash > ~/.local/share/bash-completion/completions/tenxsom", "for bash"),
    ("zsh > ~/.zfunc/_tenxsom", "for zsh, with `fpath+=~/.zfunc` before compinit in ~/.zshrc"),
    ("fish > ~/.config/fish/completions/tenxsom.fish", "for fish"),
)


def main(argv: Sequence[str] | None = None, prog: str = "tenxsom completion") -> int:
    return run.run("completion", command_line(prog), show, argv)


def command_line(prog: str) -> argparse.ArgumentParser:
    parser = run.command_line(prog, "Print a script for your shell; keep it where the shell looks for such scripts.", EXAMPLES)
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def show(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    """Return the shell's script, made by shtab of every subcommand's parser."""
    import shtab

    parser = commands.command_line()
    jobs = shtab.cmd(f"ls {quote(str(settings.pending_folder))} 2>/dev/null | sed -n s/.json//p")
    for each in _parsers_of(parser):
        for action in each._actions:
            if action.metavar in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar == "CONTENT_ID":
                action.complete = jobs  # type: ignore[attr-defined]
    script = shtab.complete(parser, arguments.shell)
    return run.Result(0, lambda: {"script": script}, script, is_json=True)


def _parsers_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its subcommands, and of theirs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _parsers_of(each)
