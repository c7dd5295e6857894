"""The command behind production_video_generator.py: submits a definition with an existing blueprint."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tenxsom.app import App
from tenxsom.cli import render, run
from tenxsom.errors import BadInput
from tenxsom.model.blueprint import Blueprint, parse_blueprint
from tenxsom.pipeline.approval import LENGTH_TOLERANCE_SECONDS
from tenxsom.pipeline.clips import check_feasible
from tenxsom.pipeline.inputs import read_input
from tenxsom.settings import Settings

CHANGES_OF_A_FILM = {
    "captions": "burned, srt, both, track, true or false",
    "caption_style": "word_box, word_colour, line or none",
    "brand": "a brand kit",
    "music": "auto or none",
    "title": "the title at the beginning and on cards",
    "thumbnail_title": "the title on the thumbnail",
    "aspect_ratio": "16:9, 9:16 or 1:1",
    "transition": "cut or crossfade",
    "clip_sound": "duck, keep or mute",
}
"""The options that change a film that is made again, with their values."""


EXAMPLES = (
    ("jobs/lake.json --blueprint lake.blueprint.json", "make a plan of yours"),
    ("--reassemble lake --aspect-ratio 1:1", "the finished film once more, as a square"),
)


def main(argv: Sequence[str] | None = None, prog: str = "production_video_generator.py") -> int:
    return run.run("generate", command_line(prog), generate, argv)


def command_line(prog: str) -> argparse.ArgumentParser:
    description = "Submit a definition with a blueprint that exists already, or make a finished film again, free of charge."
    parser = run.command_line(prog, description, EXAMPLES)
    parser.add_argument("job", metavar="JOB", nargs="?", help="the job definition: a file, or - for standard input")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--blueprint", metavar="FILE", help="the blueprint to make")
    wanted.add_argument("--reassemble", metavar="ID", help="make the film of this finished job again from its kept clips and voice")
    for name, meaning in CHANGES_OF_A_FILM.items():
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=f"with --reassemble: {meaning}")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def generate(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    changes = {name: value for name in CHANGES_OF_A_FILM if (value := getattr(arguments, name)) is not None}
    if arguments.reassemble is not None:
        if arguments.job is not None:
            raise BadInput("--reassemble takes no definition: it changes the film of the job that it names.")
        return reassemble(arguments.reassemble, changes, settings)
    if arguments.job is None:
        raise BadInput("--blueprint needs a job definition: a file, or - for standard input.")
    if changes:
        raise BadInput(f"--{next(iter(changes)).replace('_', '-')} only goes with --reassemble; write it into the definition.")
    return submit(arguments, settings)


def reassemble(content_id: str, changes: dict[str, str], settings: Settings) -> run.Result:
    """Make a finished film again with other words, music, brand or shape."""
    switches = {"true": True, "false": False}
    values = {name: switches.get(value, value) if name == "captions" else value for name, value in changes.items()}
    with App(settings) as app:
        app.reassembler().reassemble(content_id, values)
        return render.job_results([app.results.of(content_id)])


def submit(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    """Accept the definition with the given blueprint and submit it, exactly as the orchestrator does after planning."""
    with App(settings) as app:
        orchestrator = app.orchestrator()
        definitions = orchestrator.read([arguments.job])
        blueprint = parse_blueprint(read_input(arguments.blueprint), arguments.blueprint)
        check_length(definitions[0].definition.target_duration, blueprint.seconds)
        order = definitions[0]
        planned = order.definition.model_copy(update={"target_duration": blueprint.seconds})
        check_feasible(planned, order.shape, order.route, arguments.blueprint)
        check_unplanned(app, order.definition.content_id, blueprint)
        return render.job_results(orchestrator.submit_all(definitions, blueprint=blueprint))


def check_length(asked: float, planned: float) -> None:
    """Raise BadInput when a blueprint has another duration: the video would be too short, or too expensive."""
    if abs(asked - planned) > LENGTH_TOLERANCE_SECONDS:
        raise BadInput(
            f"The blueprint lasts {planned:g} seconds, but the definition's target_duration is {asked:g}; change one of them."
        )


def check_unplanned(app: App, content_id: str, blueprint: Blueprint) -> None:
    """Raise BadInput when the job is on its way with another blueprint, with which it would silently continue."""
    job = app.store.load(content_id)
    if job and job.blueprint and job.blueprint.as_dict() != blueprint.as_dict():
        raise BadInput(
            f"{content_id} is on its way by another blueprint, and stays so; cancel it (manage_jobs.py cancel {content_id}) to make"
            " this one instead, or call it by another content_id."
        )
