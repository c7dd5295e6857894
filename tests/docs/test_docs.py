"""The documentation under test: whatever a user can type, set or read is written down, and what is written down is so."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import tenxsom
from tenxsom import clock, program, settings
from tenxsom.cli import commands
from tenxsom.errors import TenxsomError
from tenxsom.model.blueprint import PlannerRecord
from tenxsom.model.clip import Clip, Intent, Step
from tenxsom.model.definition import JobDefinition, parse_definition
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.narration import Narration, SpokenSegment
from tenxsom.model.parts import MediaFacts
from tenxsom.model.sound_order import SoundOrder
from tenxsom.pipeline import reports
from tenxsom.pipeline.results import JobResult
from tenxsom.pipeline.sources import sources
from tenxsom.store.base import RELEASED, RESERVED, SPENT, UNKNOWN, Purchase
from tenxsom.store.files.ledger import FileLedger
from tenxsom.store.templates import Templates
from tenxsom_studio.faults import MOMENTS
from tests.belt import with_small_pictures
from tests.states import new_clip, new_job
from tools import architecture_picture, docs_tables, requirements

ROOT = settings.ROOT
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference"
SCRIPTS = (
    "master_orchestrator_v3",
    "claude_video_service",
    "production_video_generator",
    "poll_video_status",
    "manage_jobs",
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(path: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}$\n(.*?)(?=^#{{1,2}} |\Z)", text_of(path), re.MULTILINE | re.DOTALL)
    assert found, f"{path.name} has no heading {heading!r}"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row in a text, without headers and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.match(r"^\|[-| :]+\|$", line)]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code_words(text: str) -> set[str]:
    """Everything that stands in backticks, in lines."""
    return set(re.findall(r"`([^`\n]+)`", text))


# commands


def help_text(script: str, *words: str) -> str:
    capture = pytest.MonkeyPatch()
    written: list[str] = []
    try:
        capture.setattr("argparse.ArgumentParser.print_help", lambda parser, file=None: written.append(parser.format_help()))
        with pytest.raises(SystemExit) as ended:
            import_module(script).main([*words, "--help"])
    finally:
        capture.undo()
    assert not ended.value.code
    return written[0]


def flags(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - {"--help"}


def flags_of(script: str) -> set[str]:
    if script != "manage_jobs":
        return flags(help_text(script))
    return set().union(*(flags(help_text(script, command)) for command in commands_of_manage_jobs()))


def commands_of_manage_jobs() -> set[str]:
    return set(re.findall(r"^    (\w+)(?: |$)", help_text("manage_jobs"), re.MULTILINE))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_flag_of_a_script_is_documented_and_no_other(script: str) -> None:
    under_heading = section(REFERENCE / "commands.md", f"{script}.py")
    documented = set().union(*(flags(row[0]) for row in rows(under_heading)))
    assert documented == flags_of(script)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_flag_stands_in_the_scripts_own_usage_lines(script: str) -> None:
    details = {"--clip"}  # only for jobs with several unclear calls; its own message asks for it
    assert flags_of(script) - details <= flags(import_module(script).__doc__ or "")


def test_every_command_of_manage_jobs_is_documented_and_no_other() -> None:
    page = section(REFERENCE / "commands.md", "manage_jobs.py")
    assert set(re.findall(r"^manage_jobs\.py (\w+)", page, re.MULTILINE)) == commands_of_manage_jobs()
    assert {row[0].strip("`").split()[0] for row in rows(page)[1:]} - {"--json"} == commands_of_manage_jobs()


def test_every_command_of_tenxsom_is_documented_and_no_other() -> None:
    table = rows(section(REFERENCE / "commands.md", "tenxsom"))[1:]
    assert [row[0].strip("`").removeprefix("tenxsom ") for row in table] == [*commands.COMMANDS]
    stands_for = {row[0].strip("`"): row[1].strip("`") for row in table}
    assert {script: command for command, script in stands_for.items() if script in program.COMMANDS} == program.COMMANDS


def test_the_first_pages_show_every_script_with_a_call() -> None:
    for script in SCRIPTS:
        assert any(f".venv/bin/python {script}.py" in shown.command for page in FIRST_PAGES for shown in marked_steps(page)), script


def test_every_field_of_a_job_in_the_json_document_is_documented() -> None:
    documented = code_words(section(REFERENCE / "commands.md", "The `--json` document"))
    assert set(JobResult._fields) <= documented


# settings


@pytest.mark.parametrize("document", ["docs/reference/settings.md", "production.env.example"])
def test_the_tables_of_settings_are_those_of_the_program(document: str) -> None:
    assert docs_tables.documents()[ROOT / document] == text_of(ROOT / document), "run: make docs-tables"


def test_every_secret_may_lie_in_a_file_and_the_reference_says_so() -> None:
    for setting in settings.SETTINGS:
        if setting.is_secret:
            assert f"{setting.name}_FILE" in code_words(section(REFERENCE / "settings.md", "Secrets"))


def test_production_env_example_changes_nothing_when_it_is_copied_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "production.env").write_bytes((ROOT / "production.env.example").read_bytes())
    assert settings.load({"TENXSOM_HOME": str(tmp_path)}) == settings.Settings(home=tmp_path)


# exit codes, states, fields


def exit_codes() -> set[int]:
    found, waiting = {0}, [TenxsomError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.exit_code)
        waiting += kind.__subclasses__()
    return found


def test_the_reference_lists_exactly_the_exit_codes() -> None:
    assert {int(row[0].strip("`")) for row in rows(section(REFERENCE / "commands.md", "Exit codes"))[1:]} == exit_codes()


def test_every_state_is_documented() -> None:
    states = {state.value for state in JobState}
    table = section(REFERENCE / "state-and-reports.md", "States of a job")
    assert {row[0].strip("`") for row in rows(table)[1:]} == states


def test_every_step_of_a_clip_is_documented() -> None:
    assert {step.value for step in Step} <= code_words(section(REFERENCE / "state-and-reports.md", "The state file"))


@pytest.mark.parametrize("record", [VideoJob, Clip, Intent, Narration, SpokenSegment, SoundOrder])
def test_every_field_of_a_state_file_is_documented(record: Any) -> None:
    assert {*record.model_fields} <= code_words(section(REFERENCE / "state-and-reports.md", "The state file"))


def test_every_field_of_the_definition_is_documented_and_no_other() -> None:
    documented = {row[0].strip("`") for row in rows(section(REFERENCE / "job-definition.md", "The job definition"))[1:]}
    assert documented == set(JobDefinition.model_fields)


def test_every_archetype_and_every_platform_is_documented_and_no_other() -> None:
    templates = Templates(ROOT, ROOT)
    page = REFERENCE / "job-definition.md"
    assert [row[0].strip("`") for row in rows(section(page, "Archetypes"))[1:]] == templates.archetype_names
    shapes = {(name, row[0]) for row in rows(section(page, "Platforms and shapes"))[1:] for name in re.findall(r"`(\w+)`", row[1])}
    assert shapes == {(name, entry["aspect_ratio"]) for name, entry in templates.platforms.items()}


def test_every_kind_of_scripted_fault_is_documented_and_no_other() -> None:
    table = section(REFERENCE / "local-studio.md", "Scripted faults")
    assert {row[0].strip("`") for row in rows(table)[1:]} == set(MOMENTS)


def test_every_planning_model_in_the_price_list_that_is_current_is_documented() -> None:
    models = Templates(ROOT, ROOT).prices["planners"]
    page = text_of(ROOT / "docs" / "how-to" / "plan-with-claude.md")
    assert {"claude-haiku-5-5", "claude-sonnet-5-5"} <= set(models)
    assert settings.Settings.model_fields["vertex_ai_claude_model_id"].default in models
    for model in ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-sonnet-4-6"):
        row = next(row for row in rows(page) if row[0].startswith(f"`{model}`"))
        price = models[model]
        assert row[1].startswith(f"{price['input_usd']} / {price['output_usd']}")


# files


def test_every_link_and_picture_leads_somewhere() -> None:
    missing = []
    for page in PAGES:
        prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
        targets = re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r"(?:src|srcset|href)=\"([^\"]+)\"", prose)
        for target in targets:
            if re.match(r"[a-z]+:", target):
                assert target.startswith("https://"), target
                continue
            path, _, anchor = target.partition("#")
            goal = page.parent / path if path else page
            if not goal.exists() or (anchor and anchor not in anchors(goal)):
                missing.append(f"{page.relative_to(ROOT)}: {target}")
    assert missing == []


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [README]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = re.findall(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)", text_of(page))
        waiting += [goal for target in targets if (goal := (page.parent / target).resolve()).exists()]
    assert set(PAGES) <= reached


@pytest.mark.slow
def test_the_site_is_made_without_a_warning_and_every_page_is_in_its_navigation(tmp_path: Path) -> None:
    """Strict: a link or an anchor that leads nowhere, and a page that no menu names, are errors."""
    pytest.importorskip("material", reason="mkdocs-material is not installed (requirements-dev.txt)")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    own = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = (tmp_path / "site" / "index.html").read_text()
    pages = [page for page in PAGES if ROOT / "docs" in page.parents]
    assert [page for page in pages if f'href="{page.relative_to(ROOT / "docs").with_suffix(".html")}"' not in shown] == []
    foreign = re.findall(r"(?:src|<link[^>]* href)=\"(https?://[^\"]+)", shown)
    assert foreign == [], "a page fetches nothing from other hosts"


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    named = set(re.findall(r": (\S+\.md)$", text_of(ROOT / "mkdocs.yml"), re.MULTILINE))
    assert named == {"index.md", "changelog.md", "contributing.md"} | {
        page.relative_to(ROOT / "docs").as_posix() for page in PAGES if ROOT / "docs" in page.parents
    }


def test_the_readme_fits_into_two_screens() -> None:
    text = re.sub(r"^## A day in pictures$.*?(?=^## )", "", text_of(README), flags=re.MULTILINE | re.DOTALL)
    assert len(text.splitlines()) <= 120


def test_the_pictures_fetch_nothing_from_other_hosts() -> None:
    for picture in (ROOT / "docs" / "pictures").glob("*.svg"):
        assert not re.search(r"url\([\"']?https?:|(?:href|src)=\"https?:", text_of(picture)), picture.name


def test_the_readmes_crontab_line_is_that_of_the_example() -> None:
    (line,) = [line for line in text_of(ROOT / "crontab.example").splitlines() if line.startswith("*/2")]
    assert f"\n{line}\n" in text_of(README)


def test_the_picture_of_the_architecture_is_drawn_from_todays_imports() -> None:
    assert architecture_picture.picture() == text_of(architecture_picture.PICTURE), "run: make pictures"


def test_pictures_stay_small() -> None:
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    assert len(pictures) >= 2
    assert [picture.name for picture in pictures if picture.stat().st_size >= 400_000] == []


def test_the_readme_names_the_two_commands_and_the_makefile_has_them() -> None:
    for command in ("make demo", "make test"):
        assert re.search(rf"^{command}\b", text_of(README), re.MULTILINE)
        assert re.search(rf"^{command.split()[1]}:", text_of(ROOT / "Makefile"), re.MULTILINE)


def test_every_make_command_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text_of(page), re.MULTILINE)) <= targets, page.name


def test_the_changelog_has_this_version() -> None:
    assert re.search(
        rf"^## \[{re.escape(tenxsom.__version__)}\] - \d{{4}}-\d\d-\d\d$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE
    )


def test_the_crontab_collects_every_two_minutes_by_absolute_paths_and_without_a_secret() -> None:
    lines = [line for line in text_of(ROOT / "crontab.example").splitlines() if line and not line.startswith("#")]
    (job,) = [line for line in lines if line.startswith("*")]
    assert job.startswith(
        "*/2 * * * * /path/to/tenxsom-ai/.venv/bin/python /path/to/tenxsom-ai/poll_video_status.py --patience 30 "
    )
    assert re.search(r">> /\S+ 2>&1$", job)
    assert not any(setting.name in text_of(ROOT / "crontab.example") for setting in settings.SETTINGS if setting.is_secret)
    assert not re.search(r"token|password|Bearer", text_of(ROOT / "crontab.example"), re.IGNORECASE)


def test_the_requirements_are_those_of_pyproject_where_each_stands_once() -> None:
    assert {path: text_of(path) for path in requirements.documents()} == requirements.documents(), "run: make requirements"


def test_every_package_of_the_requirements_has_its_reason_and_every_extra() -> None:
    lines = [line for line in text_of(ROOT / "requirements.txt").splitlines() if line and not line.startswith("#")]
    required = {re.split(r"[<>=\[]", line)[0] for line in lines}
    assert all(re.search(r">=\d.*,<\d", line) for line in lines)
    extras = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    assert {row[0].strip("`") for row in rows(text_of(REFERENCE / "packages.md"))} - {"package", "extra"} == required | {*extras}


# templates


def test_the_committed_schema_is_what_the_command_prints(tmp_path: Path) -> None:
    assert run(tmp_path, ".venv/bin/python manage_jobs.py schema") == text_of(ROOT / "templates" / "job_definition.schema.json")


@pytest.mark.parametrize("example", sorted((ROOT / "templates" / "jobs").glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_valid(example: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    vocabulary = Templates(ROOT, ROOT).vocabulary(settings.SERVICES)
    parse_definition(example.read_bytes(), example.name, vocabulary)
    jsonschema.validate(json.loads(example.read_bytes()), json.loads(text_of(ROOT / "templates" / "job_definition.schema.json")))


@pytest.mark.parametrize("table", sorted((ROOT / "templates" / "batches").iterdir()), ids=lambda path: path.name)
def test_every_row_of_an_example_batch_is_a_valid_definition_with_an_id_of_its_own(table: Path) -> None:
    vocabulary = Templates(ROOT, ROOT).vocabulary(settings.SERVICES)
    films = [parse_definition(source.read(), source.name, vocabulary) for source in sources([str(table)])]
    assert len({film.content_id for film in films}) == len(films) == 20


def test_the_examples_have_every_shape_and_an_id_of_their_own() -> None:
    vocabulary = Templates(ROOT, ROOT).vocabulary(settings.SERVICES)
    files = sorted((ROOT / "templates" / "jobs").glob("*.json"))
    definitions = [parse_definition(file.read_bytes(), file.name, vocabulary) for file in files]
    assert {definition.shape(vocabulary) for definition in definitions} == {"16:9", "9:16", "1:1"}
    assert len({definition.content_id for definition in definitions}) == len(definitions)


# the commands of the first pages, as a person would type them

FIRST_PAGES = (README, ROOT / "docs" / "tutorials" / "first-film.md")


class Shown(NamedTuple):
    """A command of a marked block, and what the page says it prints."""

    command: str
    output: str


def marked_steps(page: Path) -> Iterator[Shown]:
    """The commands in a page's blocks that are marked `<!-- runs -->`, in order."""
    for block in re.findall(r"<!-- runs -->\n+```console\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", re.sub(r" ?\\?\n> +", " ", block), flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield Shown(command.strip(), output.rstrip())


def run(home: Path, command: str) -> str:
    """Run a command as the page has it, on a machine of its own: no settings, no account, a home of its own."""
    own = {"PATH": os.environ.get("PATH", ""), "TENXSOM_HOME": str(home), "HOME": str(home), "COLUMNS": "100"}
    line = command.replace(".venv/bin/python", shlex.quote(sys.executable)).replace(
        " completed_videos/", f" {home}/completed_videos/"
    )
    done = subprocess.run(line, shell=True, cwd=ROOT, env=own, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_as_cron_would(home: Path, command: str) -> str:
    """Repeat a tick until the queue is empty; what the last one printed. The page shows that one."""
    deadline = clock.Deadline(60)
    while True:
        printed = run(home, command)
        if not list((home / "pending_video_jobs").glob("*.json")):
            return printed
        deadline.check("Waiting for the example video")
        clock.sleep(0.3)


def shape_of(output: str) -> list[str]:
    """The output without what differs from run to run: places, numbers, the widths of columns."""
    text = re.sub(r"\S*/(pending_video_jobs|completed_videos)/", r"\1/", output)
    text = re.sub(r"─+|[ \t]+", " ", re.sub(r"\d+(\.\d+)?", "#", text))
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.slow
@pytest.mark.parametrize("page", FIRST_PAGES, ids=lambda page: page.stem)
def test_a_first_pages_commands_run_and_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    with_small_pictures(tmp_path)  # what is printed is the same
    for shown in marked_steps(page):
        collects = "poll_video_status.py" in shown.command
        printed = (run_as_cron_would if collects else run)(tmp_path, shown.command)
        lines = iter(shape_of(printed))
        for line in shape_of(shown.output):  # a page may leave lines out, marked by an ellipsis; what it shows comes in this order
            assert line == "…" or line in lines, f"{shown.command}\n{page.name} shows: {line}\nprinted:\n{printed}"


@pytest.mark.slow
def test_the_readmes_prices_are_those_of_a_dry_run(tmp_path: Path) -> None:
    estimated = run(tmp_path, ".venv/bin/python master_orchestrator_v3.py --dry-run templates/jobs/explainer_9x16.json")
    table = rows(section(README, "What it costs"))[1:]
    told = {re.search(r"`(\w+)`", service)[1]: price for service, price, _ in table}  # type: ignore[index]
    assert {name for name in told if name != "local_studio"} == {"ltx_api", "vertex_veo"}
    for service, price in told.items():
        (offer,) = re.findall(rf"^{service}  .*(\$\d+\.\d\d)", estimated, re.MULTILINE)
        assert price.startswith("nothing" if service == "local_studio" else offer)


# reports


def keys_of(report: dict[str, Any]) -> set[str]:
    """The names in a report that this program chose: not those inside what the user or the planner wrote."""
    found = set(report)
    for name in ("times", "cost", "media", "files", "planner"):
        found |= set(report.get(name, {}))
    for name in ("steps", "clips"):
        found |= {key for entry in report[name] for key in entry}
    return found | {key for entry in report["cost"]["items"] for key in entry}


PLAN = {
    "planner": PlannerRecord().model_dump(),
    "video_plan": {
        "title": "X",
        "script_segments": [{"segment_type": "hook", "content": "Words.", "visual_cue": "A lake", "duration": 5.0}],
    },
}


def ended_job() -> VideoJob:
    job = new_job("x", clips=[new_clip()], blueprint=PLAN)
    job.spend = [{"reference": "tx-1.0.request_image.1", "step": "request_image", "clip": 0, "usd": "0.1", "entry": "spent"}]
    job.record("accepted", "for local_studio")
    return job


def test_every_field_of_a_report_is_documented() -> None:
    facts = MediaFacts(**{name: field.default for name, field in MediaFacts.model_fields.items()})
    files = dict.fromkeys(("video", "thumbnail", "subtitles", "blueprint", "clip_1"), "")
    documented = code_words(section(REFERENCE / "state-and-reports.md", "The reports"))
    assert keys_of(reports.completion_report(ended_job(), facts, files)) <= documented
    assert keys_of(reports.failure_report(ended_job(), "it was not there", files)) <= documented


def test_the_reports_have_exactly_the_documented_fields() -> None:
    table = rows(section(REFERENCE / "state-and-reports.md", "The reports"))[1:]
    documented = set().union(*(code_words(row[0]) for row in table))
    written = {
        *reports.completion_report(ended_job(), MediaFacts(), {}),
        *reports.failure_report(ended_job(), "it was not there", {}),
    }
    assert documented == written


def test_every_field_and_every_entry_of_the_ledger_is_documented(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "ledger.jsonl")
    ledger.reserve(Purchase("tx-1.0.request_image.1", "x", "local_studio", "request_image", 0, Decimal("0.1")))
    (line,) = ledger.lines()
    documented = code_words(section(REFERENCE / "state-and-reports.md", "The ledger"))
    assert {*line, RESERVED, SPENT, RELEASED, UNKNOWN} <= documented
