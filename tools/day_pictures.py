#!/usr/bin/env python3
"""Draw a day as pictures: a batch of twenty films from a table, made by the scripts against the local studio.

    day_pictures.py        writes docs/pictures/day-*.svg; takes some minutes

One film is refused by the service, the answer to one paid call is lost, and the day's budget is reached. The pictures are what the
scripts print on a terminal of 118 columns, and what a chat would show of the messages that arrive. The studio plays Vertex AI's
contract over a socket, so nothing is paid.
"""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tenxsom import clock  # noqa: E402
from tenxsom.program import typed  # noqa: E402
from tenxsom_studio.server import running  # noqa: E402
from tests.belt import PLAIN_FILMS  # noqa: E402
from tests.hooks import Receiver, receiving  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
TABLE = "templates/batches/kitchen_week.csv"
COLUMNS = 118
BUDGET_USD = "6.40"  # sixteen films of four seconds at ten cents a second

ON_THEIR_WAY = ("accepted", "submitting", "waiting")

FAULTS = """[
  {"on": "POST *:predictLongRunning", "skip": 8, "times": 1, "do": "accept_then_drop"},
  {"on": "POST *:predictLongRunning", "skip": 4, "times": 1, "do": "fail",
   "message": "The prompt was refused by the safety filters."}
]"""

THEME = TerminalTheme(
    (24, 27, 36),
    (220, 223, 230),
    [
        (40, 44, 56),
        (232, 104, 104),
        (126, 200, 132),
        (230, 184, 96),
        (110, 164, 240),
        (200, 140, 230),
        (96, 200, 200),
        (220, 223, 230),
    ],
    [
        (96, 104, 124),
        (240, 130, 130),
        (150, 220, 156),
        (245, 205, 130),
        (140, 188, 255),
        (220, 165, 245),
        (130, 220, 220),
        (255, 255, 255),
    ],
)
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's picture of a terminal, without the font that it fetches from another host."""


class Day:
    """A home in a folder of its own, and the scripts in it, as a person at a terminal sees them."""

    def __init__(self, home: Path, url: str, notified: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._home = home
        self._environment = {
            **kept,
            **PLAIN_FILMS,
            "HOME": str(home),
            "TENXSOM_HOME": str(home),
            "COLUMNS": str(COLUMNS),
            "LINES": "60",
            "TERM": "xterm-256color",
            "LOG_LEVEL": "ERROR",
            "VIDEO_SERVICE": "vertex_veo",
            "VERTEX_AI_PROJECT_ID": "a-project",
            "VERTEX_GENAI_BASE_URL": url,
            "PLANNER_SERVICE": "local",
            "DAILY_BUDGET_USD": BUDGET_USD,
            "NOTIFY_URLS": notified,
            "NOTIFY_ON": "failed,needs_decision,budget_reached",
            "NO_GCE_CHECK": "true",
        }

    def screen(self, *words: str) -> str:
        """Run a script at a terminal; return what it prints to stdout."""
        ours, theirs = pty.openpty()
        command = [sys.executable, *words]
        with subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=theirs, stderr=subprocess.DEVNULL) as process:
            os.close(theirs)
            printed = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        if process.returncode not in (0, 1, 3):
            raise SystemExit(f"{' '.join(words)} ended with {process.returncode}:\n{printed.decode()}")
        return printed.decode().replace("\r\n", "\n").replace(str(self._home), "/srv/tenxsom").rstrip("\n")

    def collect(self) -> None:
        """Tick until what can end has ended: the rest waits for money, or for somebody."""
        deadline = clock.Deadline(1200)
        states = self._home / "pending_video_jobs"
        while any(json.loads(file.read_bytes())["state"] in ON_THEIR_WAY for file in states.glob("*.json")):
            deadline.check("The day")
            self.screen("poll_video_status.py")
            clock.sleep(1)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


def terminal(command: str, printed: str) -> Group:
    """Return a screen: the command that was typed, and what it printed, folded where a terminal's line ends."""
    lines = [line[at : at + COLUMNS] for line in printed.split("\n") for at in range(0, max(1, len(line)), COLUMNS)]
    shown = Text("\n".join(lines), no_wrap=True, overflow="ignore")
    return Group(Text.assemble(("$ ", "bright_green"), (typed(command), "bold")), shown)


def chat(receiver: Receiver) -> Group:
    """Return the messages that arrived, as a chat shows them: title, then text."""
    cards = []
    for arrived in receiver.arrived:
        message = arrived.document
        style = {"failure": "red", "warning": "yellow"}.get(str(message["type"]), "blue")
        cards.append(
            Panel(Text(str(message["message"])), title=Text(str(message["title"]), "bold"), title_align="left", border_style=style)
        )
    return Group(*(Padding(card, (0, 0, 1, 0)) for card in cards))


def draw(name: str, title: str, shown: Group) -> None:
    """Write a picture, as wide as a terminal and as high as what it shows."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(shown)
    svg = console.export_svg(title=title, theme=THEME, code_format=SVG, unique_id=f"day-{name}")
    (PICTURES / f"day-{name}.svg").write_text(svg, encoding="utf-8")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, receiving() as receiver:
        home, world = Path(folder) / "home", Path(folder) / "studio"
        home.mkdir()
        world.mkdir()
        (world / "scale").write_text("0.2")
        (world / "faults.json").write_text(FAULTS)
        with running(world) as studio:
            day = Day(home, studio.url, receiver.url.replace("http", "json"))
            submit = ["master_orchestrator_v3.py", TABLE]
            draw("1-batch", "morning: a table of twenty films", terminal(" ".join(submit), day.screen(*submit)))
            day.collect()
            status = ["manage_jobs.py", "status"]
            draw("2-status", "noon: what waits for you", terminal(" ".join(status), day.screen(*status)))
            draw("3-told", "what the phone showed meanwhile", chat(receiver))
            costs = ["manage_jobs.py", "costs", "--since", "today", "--by", "tag"]
            draw("4-costs", "evening: the bill", terminal(" ".join(costs), day.screen(*costs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
