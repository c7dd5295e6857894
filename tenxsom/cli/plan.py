"""The command behind claude_video_service.py: prints the blueprint of a definition, or checks whether Claude can plan."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Sequence

from tenxsom import settings
from tenxsom.cli import run
from tenxsom.errors import BadDefinition, BadInput
from tenxsom.model import money
from tenxsom.model.blueprint import Blueprint, PlannerRecord
from tenxsom.model.definition import JobDefinition, parse_definition
from tenxsom.pipeline.inputs import read_input
from tenxsom.pipeline.planner import ClaudeVideoService
from tenxsom.planning.claude_check import CheckResult
from tenxsom.planning.script import script_problems
from tenxsom.store.templates import Templates

DESCRIPTION = """\
Turn a job definition into a blueprint, with Claude on Vertex AI or from the local archetype templates.

Claude plans when VERTEX_AI_PROJECT_ID is set. When it cannot, for whatever reason, the local templates do, and the blueprint
says why. Exit codes: 0 done; 1 there is no plan for this definition; 2 bad input or configuration; 75 interrupted."""

EXAMPLES = (
    ("--local jobs/lake.json", "plan from the templates, free of charge"),
    ("--json jobs/lake.json > lake.blueprint.json", "keep the plan, to edit it"),
    ("--check", "whether Claude on Vertex AI is set up; free of charge"),
)


def main(argv: Sequence[str] | None = None, prog: str = "claude_video_service.py") -> int:
    """Run the command. Returns the exit code; results go to stdout, everything else to stderr."""
    return run.run("plan", command_line(prog), _plan, argv)


def _plan(arguments: argparse.Namespace, configuration: settings.Settings) -> run.Result:
    templates = Templates(configuration.home, settings.ROOT)
    service = ClaudeVideoService(configuration, templates, arguments.local)
    if arguments.check:
        return _check_result(service.check())
    if not arguments.job:
        raise BadInput("JOB is missing: name a job definition, or - for standard input. See claude_video_service.py --help.")
    vocabulary = templates.vocabulary(settings.SERVICES)
    definition = parse_definition(read_input(arguments.job), arguments.job, vocabulary)
    if problems := script_problems(definition, vocabulary.longest.get(definition.platform)):
        raise BadDefinition(arguments.job, problems)
    blueprint = service.plan(definition)
    return run.Result(0, lambda: {"blueprint": blueprint.as_dict()}, "\n".join(_plan_lines(definition, blueprint)))


def command_line(prog: str) -> argparse.ArgumentParser:
    parser = run.command_line(prog, DESCRIPTION, EXAMPLES)
    parser.add_argument("job", metavar="JOB", nargs="?", help="a job definition: a JSON file, or - for standard input")
    parser.add_argument("--local", action="store_true", help="plan from the local templates, whatever is configured")
    parser.add_argument("--check", action="store_true", help="look whether Claude on Vertex AI is set up; plans nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON document, also for errors")
    return parser


def _check_result(results: Sequence[CheckResult]) -> run.Result:
    indent = max(len(result.name) for result in results) + 4
    lines = []
    for result in results:
        start = f"{'✓' if result.ok else '✗'} {result.name}"
        lines.append(_wrapped(result.message, start.ljust(indent), indent))
        if result.remedy:
            lines.append(_wrapped(result.remedy, "→ ".rjust(indent), indent))
    exit_code = 0 if all(result.ok for result in results) else 2
    return run.Result(exit_code, lambda: {"checks": [result._asdict() for result in results]}, "\n".join(lines))


def _plan_lines(definition: JobDefinition, blueprint: Blueprint) -> Iterator[str]:
    """Yield the plan as text: title, planner, look, then the segments as a table."""
    plan = blueprint.video_plan
    yield plan.title
    seconds = sum(segment.duration for segment in plan.script_segments)
    yield _wrapped(f"{blueprint.content_id} · {blueprint.archetype} · {definition.platform} · {blueprint.language} · {seconds:g} s")
    yield _wrapped(_planner_line(blueprint.planner))
    for name, text in (("Look", plan.visual_style), ("Voice", plan.voice), ("Music", plan.music), ("Tags", ", ".join(plan.tags))):
        if text:
            yield _wrapped(text, f"{name:<8}", 8)
    yield ""
    rows = [(segment.time, segment.segment_type, segment.content, segment.visual_cue) for segment in plan.script_segments]
    yield run.table(("TIME", "PART", "WORDS", "PICTURE"), rows, width=_width(), leading=1)
    yield ""
    for warning in blueprint.warnings:
        yield _wrapped(warning, "Note: ", 6)


def _planner_line(planner: PlannerRecord) -> str:
    asked = any(planner.usage.values())
    tokens = f"{planner.usage.get('input_tokens', 0):,} tokens in, {planner.usage.get('output_tokens', 0):,} out"
    price = f"{money.shown(money.usd(planner.cost_usd))}, {tokens}, requests: {planner.requests}, {planner.seconds:.1f} s"
    if planner.is_a_service:
        return f"Planned {planner.words}: {price}"
    reason = f" No planning service was used: {planner.reason}" if planner.reason else ""
    return f"Planned {planner.words}.{reason}{f' Spent on asking: {price}' if asked else ''}"


def _wrapped(text: str, start: str = "", indent: int = 0) -> str:
    """Wrap a text to the terminal's width without breaking words: a broken address cannot be copied."""
    lines = textwrap.TextWrapper(_width(), break_long_words=False, break_on_hyphens=False)
    lines.initial_indent, lines.subsequent_indent = start, " " * indent
    return lines.fill(text)


def _width() -> int:
    return max(60, min(shutil.get_terminal_size((100, 24)).columns, 160))
