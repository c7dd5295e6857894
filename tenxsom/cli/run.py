"""Runs a command and prints its result as text or JSON. Results go to stdout, everything else to stderr.

A command returns a `Result`; this module prints it as text or as one versioned JSON document, and an error as one sentence with
its exit code. The progress bar is drawn on a terminal only; elsewhere there are plain lines.
"""

import argparse
import contextlib
import io
import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from tenxsom import clock, log, setting_values, settings
from tenxsom.cli.streams import Unfailing, unfailing_output
from tenxsom.errors import BadDefinition, BadInput, BadInputs, TenxsomError, UnexpectedError
from tenxsom.model.stored import encode
from tenxsom.program import typed, typed_document
from tenxsom.text import columns

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.text import Text

JSON_SCHEMA_VERSION = 1
_UNLIMITED_COLUMNS = 100_000


class Result(NamedTuple):
    """The result of a command: its exit code, a document for programs (created only for `--json`), a text for people."""

    exit_code: int
    document: Callable[[], dict[str, Any]]
    text: str
    is_json: bool = False
    """Whether the text for people is for programs, too: JSON or CSV, which are UTF-8."""


Command = Callable[[Any, settings.Settings], Result]
"""A command: takes the parsed arguments and the settings."""


def command_line(prog: str, description: str, examples: Sequence[tuple[str, str]]) -> argparse.ArgumentParser:
    """Return a parser whose help ends with examples: what is typed after the command's name, and what that does."""
    calls = [f"{prog} {words}".rstrip() for words, _ in examples]
    across = max(map(len, calls))
    lines = [f"  {call:<{across}}   {meaning}" for call, (_, meaning) in zip(calls, examples, strict=True)]
    epilog = "\n".join(["examples:", *lines])
    return argparse.ArgumentParser(
        prog, description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def run(name: str, parser: argparse.ArgumentParser, command: Command, argv: Sequence[str] | None = None) -> int:
    """Run a command, print its result, and return the exit code. `--json` also covers bad usage and bad settings."""
    as_json = "--json" in (sys.argv[1:] if argv is None else argv)
    _never_choke()
    with unfailing_output():
        try:
            arguments = _parse(parser, argv)
            as_json = getattr(arguments, "json", as_json)  # argparse also accepts --js
            result = _run_command(command, arguments)
        except TenxsomError as error:
            result = _of_error(error)
            if not as_json:
                notice(f"{parser.prog}: {error}")
        except Exception as error:  # a mistake of ours must not look like a job that has failed for good (exit code 1)
            logging.getLogger(name).exception("Unexpected error")
            result = _of_error(UnexpectedError(f"An unexpected error, please report it: {type(error).__name__}.", repeated=True))
        log.tell_repeats()
        _show(name, result, as_json)
    return result.exit_code


def positive(text: str) -> float:
    """Parse a number of seconds above 0, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def dollars(text: str) -> Decimal:
    """Parse an amount of US dollars, for argparse."""
    try:
        return setting_values.dollars(text.strip().removeprefix("$"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} {error}") from None


def port(text: str) -> int:
    """Parse the number of a TCP port, for argparse."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no port; give a number from 1 to 65535")
    return int(text)


def whole(text: str) -> int:
    """Parse a whole number above 0, for argparse."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 9_999):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to 9999")
    return int(text)


def address(text: str) -> tuple[str, int]:
    """Parse HOST:PORT, for argparse."""
    host, colon, number = text.rpartition(":")
    if not colon or not host:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no HOST:PORT, such as 127.0.0.1:9090")
    return host.strip("[]"), port(number)


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Sequence[int] = (),
    *,
    width: int | None = None,
    leading: int = 0,
) -> str:
    """Return a table without boxes and colours; the columns numbered in `right` are right-aligned.

    In `width` columns (default: those of the terminal, unlimited in a file) long cells are folded. `leading` blank lines stand
    between rows.
    """
    width = width or _width()
    if width == _UNLIMITED_COLUMNS:
        return _unfolded(headers, rows, right, leading)
    from rich.console import Console
    from rich.rule import Rule
    from rich.table import Table

    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for number in range(len(headers)):
        grid.add_column(justify="right" if number in right else "left", overflow="fold")
    grid.add_row(*map(_cell, headers))
    grid.add_row(*(Rule(characters="─", style="") for _ in headers))
    for number, row in enumerate(rows):
        for _ in range(leading if number else 0):
            grid.add_row()
        grid.add_row(*map(_cell, row))
    drawn = io.StringIO()
    Console(file=drawn, width=width, color_system=None).print(grid)
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines())


def _unfolded(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int], leading: int) -> str:
    """Return a table in which no cell is folded: as rich draws it, in a fraction of the time, for ten thousand rows."""
    cells = [[_harmless(cell, one_line=True) for cell in row] for row in (headers, *rows)]
    widths = [[len(cell) if cell.isascii() else columns(cell) for cell in row] for row in cells]
    across = [max(of_column) for of_column in zip(*widths, strict=True)]
    last = len(across) - 1
    lines = []
    for row, taken in zip(cells, widths, strict=True):
        padded = (
            " " * (across[number] - taken[number]) + cell
            if number in right
            else cell + " " * (across[number] - taken[number] if number < last else 0)
            for number, cell in enumerate(row)
        )
        lines.append("  ".join(padded).rstrip())
    body = f"\n{chr(10) * leading}".join(lines[1:])
    return "\n".join([lines[0], "  ".join("─" * most for most in across).rstrip(), *([body] if body else [])])


def notice(sentence: str) -> None:
    """Print a sentence to stderr."""
    print(_harmless(typed(sentence)), file=sys.stderr, flush=True)


class Progress:
    """Shows the progress of the jobs of a run: a bar for each on a terminal, a line at every change elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last: dict[str, str] = {}

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            self._bars = _bars()
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def show(self, name: str, what: str, fraction: float) -> None:
        """Show that job `name` is doing `what` and is complete by `fraction` (0 to 1)."""
        if self._bars:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=1.0, what=what)
            self._bars.update(self._tasks[name], completed=min(1.0, fraction), what=what)
        elif not self._quiet and self._last.get(name) != what:
            notice(f"{name}: {what}")
        self._last[name] = what


def _bars() -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
    return Progress(*columns, console=Console(stderr=True), transient=False)


@contextlib.contextmanager
def redrawn() -> Iterator[Callable[[str], None]]:
    """Yield a function that draws a text in place of the one before; where there is no terminal it prints each text."""
    if not sys.stdout.isatty():
        yield lambda text: print(_typeable(_harmless(typed(text))), end="\n\n", flush=True)
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(), auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        yield lambda text: live.update(Text(_harmless(typed(text)), no_wrap=True, overflow="ellipsis"), refresh=True)


class _BadUsage(BadInput):
    pass


def _parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    def fail(message: str) -> NoReturn:
        raise _BadUsage(f"{message[0].upper()}{message[1:]}. See {parser.prog} --help.")

    for each in (parser, *_commands(parser)):
        each.error = fail  # type: ignore[method-assign]
    return parser.parse_args(argv)


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return the parsers of a script's subcommands, each of which has its own `error` method."""
    choices = (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return [command for named in choices for command in named.values()]


def _never_choke() -> None:
    """Print characters that a terminal cannot encode as escapes, instead of failing after the work is done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _speak_utf_8() -> None:
    """Write UTF-8 to stdout from now on, in any locale: JSON is UTF-8 (RFC 8259, section 8.1).

    Half of a surrogate pair becomes a JSON escape.
    """
    if isinstance(sys.stdout, io.TextIOWrapper | Unfailing):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _run_command(command: Command, arguments: argparse.Namespace) -> Result:
    loaded = _checked(settings.load())
    log.start(loaded.log_level, loaded.log_format, loaded.log_file, loaded.secrets())
    for warning in settings.warnings(loaded):
        notice(f"Warning: {warning}")
    clock.stop_on_signals()
    return command(arguments, loaded)


def _checked(loaded: settings.Settings) -> settings.Settings:
    """Return the settings after checks that need other modules. Raises BadSettings."""
    if loaded.tls_ca_file:
        from tenxsom.http.tls import tls_context

        tls_context(loaded.tls_ca_file)
    if loaded.notify_urls:
        from tenxsom.notify.chat import check

        check(loaded.notify_urls)
    return loaded


def _of_error(error: TenxsomError) -> Result:
    facts: dict[str, Any] = {"kind": type(error).__name__.lstrip("_"), "message": str(error)}
    errors = error.errors if isinstance(error, BadInputs) else [error]
    definitions = [each for each in errors if isinstance(each, BadDefinition)]
    if definitions:
        facts["problems"] = [{"file": each.source, **problem._asdict()} for each in definitions for problem in each.problems]
    return Result(error.exit_code, lambda: {"error": facts}, "")


def _show(command: str, result: Result, as_json: bool) -> None:
    head = {"schema_version": JSON_SCHEMA_VERSION, "command": command, "ok": result.exit_code == 0, "exit_code": result.exit_code}
    text = encode({**head, **typed_document(result.document())}).decode().rstrip("\n") if as_json else result.text
    if not text:
        return
    if as_json or result.is_json:
        _speak_utf_8()
    else:
        text = _typeable(_harmless(typed(text)))
    print(text, flush=True)
    trouble = getattr(sys.stdout, "trouble", None)
    if trouble and not isinstance(trouble, BrokenPipeError):  # the reader of a pipe (head, less) has closed it
        notice(f"The result could not be written to standard output ({trouble}); what was done is done.")


def _typeable(text: str) -> str:
    """Return the text with ASCII for typographic characters that stdout cannot encode; letters are unchanged."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return "".join(sign if _knows(encoding, sign) else _PLAIN.get(sign, sign) for sign in text)


@lru_cache(maxsize=512)
def _knows(encoding: str, sign: str) -> bool:
    try:
        sign.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


_PLAIN = {"─": "-", "–": "-", "—": "-", "×": "x", "…": "...", "→": "->", "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "}


def _harmless(text: str, one_line: bool = False) -> str:
    """Return the text without control characters, which could move the cursor, fake lines or reverse the reading direction.

    Some texts come from services and definitions.
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_ON_ONE_LINE if one_line else _HARMLESS)


_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_HARMLESS: dict[int, str] = {number: " " for number in (*range(32), *range(127, 160)) if number != 10} | dict.fromkeys(
    _DIRECTIONS, ""
)
_ON_ONE_LINE = _HARMLESS | {10: " "}


def _cell(text: str) -> "Text":
    """Return a cell as plain text on one line: brackets and colons in it are no markup."""
    from rich.text import Text

    return Text(_harmless(str(text), one_line=True))


def _width() -> int:
    """Return the columns of the terminal; in a file each row stays one line."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _UNLIMITED_COLUMNS
