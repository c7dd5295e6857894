"""The command behind production_video_generator.py: submits a definition with an existing blueprint."""

from __future__ import annotations

import argparse

from tenxsom.app import App
from tenxsom.cli import render, run
from tenxsom.errors import BadInput
from tenxsom.model.blueprint import Blueprint, parse_blueprint
from tenxsom.pipeline.clips import check_feasible
from tenxsom.pipeline.inputs import read_input
from tenxsom.settings import Settings


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="production_video_generator.py", description="Submit a definition with a blueprint that exists already."
    )
    parser.add_argument("job", metavar="JOB", help="the job definition: a file, or - for standard input")
    parser.add_argument("--blueprint", metavar="FILE", required=True, help="the blueprint to make")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return run.run("generate", parser, submit, argv)


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
    if abs(asked - planned) > 0.5:
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
