"""The command `tenxsom demo`: makes one of the example films in the local studio, as `make demo` does."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from tenxsom.app import App
from tenxsom.cli import run, submit
from tenxsom.program import ROOT
from tenxsom.services.registry import PREVIEW
from tenxsom.settings import Settings

FOLDER = ROOT / "templates" / "jobs"
FIRST = "explainer_9x16"
FREE = {
    "video_service": PREVIEW,
    "video_service_fallback": (),
    "planner_service": "local",
    "voice_service": "auto",
    "music_service": "auto",
}
"""The settings of a film that costs nothing, whatever production.env says."""

EXAMPLES = (
    ("", "a film of 20 seconds, which speaks, with captions and music"),
    ("tech_news_16x9", "another one"),
)


def main(argv: Sequence[str] | None = None, prog: str = "tenxsom demo") -> int:
    return run.run("demo", command_line(prog), make, argv)


def command_line(prog: str) -> argparse.ArgumentParser:
    parser = run.command_line(prog, "Make an example film in the local studio, once more each time, and wait for it.", EXAMPLES)
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    parser.add_argument("example", metavar="EXAMPLE", nargs="?", default=FIRST, choices=names, help=", ".join(names))
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def make(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    """Submit the example to the local studio, and wait for its film."""
    page = FOLDER / f"{arguments.example}.json"
    run.notice(f"The definition: {page}")
    free = settings.model_copy(update=FREE)
    words = ["--wait", "--service", PREVIEW, str(page), *(["--json"] if arguments.json else [])]
    if not _is_on_its_way_here(page, free):  # one that was interrupted is carried on
        words.append("--again")
    return submit.orchestrate(submit.command_line("tenxsom submit").parse_args(words), free)


def _is_on_its_way_here(page: Path, settings: Settings) -> bool:
    """Return whether the example is being made in the local studio; one that a user ordered from a vendor is the user's own."""
    with App(settings) as app:
        job = app.store.load(str(json.loads(page.read_bytes())["content_id"]))
    return job is not None and job.service == PREVIEW
