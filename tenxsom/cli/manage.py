"""The command behind manage_jobs.py: one function per subcommand."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence

from tenxsom.app import App
from tenxsom.cli import fleet, job_screen, operate, render, run
from tenxsom.errors import BadInput
from tenxsom.model.definition import definition_schema
from tenxsom.pipeline.operations import JobManager
from tenxsom.settings import Settings

STUDIO_ADDRESSES = """\
The studio answers at {url}
  USEAPI_BASE_URL={url}/v1
  LTX_API_BASE_URL={url}
  VERTEX_GENAI_BASE_URL={url}"""


EXAMPLES = (
    ("status", "what is on its way, what waits for you, what has ended"),
    ("costs --since 7d", "what the last week has cost"),
    ("resolve lake --never-sent", "decide about a paid call of unknown outcome"),
)


def main(argv: Sequence[str] | None = None, prog: str = "manage_jobs.py") -> int:
    return run.run("manage", command_line(prog)[0], manage, argv)


def command_line(prog: str) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser, and those of its subcommands by name."""
    parser = run.command_line(prog, "Look at jobs, and decide what is left to people.", EXAMPLES)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    made = {
        **operate.add_commands(commands),
        **fleet.add_commands(commands),
        "show": commands.add_parser("show", help="everything about one job"),
        "retry": commands.add_parser("retry", help="make what a failed job misses once more"),
        "cancel": commands.add_parser("cancel", help="order nothing further for a job"),
        "resolve": commands.add_parser("resolve", help="decide about an unclear paid call"),
        "translate": commands.add_parser("translate", help="make a finished film in another language, over the same clips"),
        "schema": commands.add_parser("schema", help="the JSON Schema of job definitions"),
        "studio": commands.add_parser("studio", help="serve the local studio to other programs"),
        "dashboard": commands.add_parser("dashboard", help="serve pages to look at, and an API, until interrupted"),
    }
    for name, command in made.items():
        command.add_argument("--json", action="store_true", help="print one JSON document")
        if name not in (*operate.COMMANDS, *fleet.COMMANDS, "schema", "studio", "dashboard"):
            command.add_argument("content_id", metavar="CONTENT_ID")
    made["retry"].add_argument("--yes", action="store_true", help="do it; without this the price is only named")
    made["translate"].add_argument("--language", metavar="TAG", required=True, help="the language, such as de or pt-BR")
    made["resolve"].add_argument("--clip", metavar="NUMBER", type=int, help="which clip, if several are unclear (from 1)")
    decision = made["resolve"].add_mutually_exclusive_group(required=True)
    decision.add_argument("--adopt", metavar="JOB_ID", help="it was accepted: this is the service's id")
    decision.add_argument("--never-sent", action="store_true", help="the service never got it: order it again")
    decision.add_argument("--write-off", action="store_true", help="give it up: count it as spent, fail the clip")
    decision.add_argument("--take-as-is", action="store_true", help="take a clip that was refused, or is too short, as it is")
    made["studio"].add_argument(
        "--port",
        metavar="NUMBER",
        type=run.port,
        default=8765,
        help="where to listen on this machine (default: 8765)",
    )
    made["dashboard"].add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen (default: this machine only)"
    )
    made["dashboard"].add_argument(
        "--port", metavar="NUMBER", type=run.port, default=8766, help="the port to listen on (default: 8766)"
    )
    return parser, made


def manage(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    if alone := fleet.COMMANDS.get(arguments.command):
        return alone(arguments, settings)
    return _managed(arguments, settings)


def _managed(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    """Run a command that needs the jobs."""
    with App(settings) as app:
        if command := operate.COMMANDS.get(arguments.command):
            return command(app, arguments)
        manager = app.manager()
        if arguments.command == "studio":
            return serve_studio(settings, arguments.port)
        if arguments.command == "dashboard":
            return serve_dashboard(app, arguments.host, arguments.port)
        if arguments.command == "schema":
            return render.raw(definition_schema(app.vocabulary))
        if arguments.command == "show":
            return job_screen.job(*manager.show(arguments.content_id))
        if arguments.command == "retry":
            return retry(manager, arguments)
        if arguments.command == "translate":
            source = app.reassembler().kept_job(arguments.content_id)
            made = app.orchestrator().translate(source, arguments.language)
            return render.job_results([app.results.of(made)])
        sentence = (
            manager.cancel(arguments.content_id)
            if arguments.command == "cancel"
            else manager.resolve(
                arguments.content_id,
                arguments.clip,
                adopt=arguments.adopt,
                never_sent=arguments.never_sent,
                take_as_is=arguments.take_as_is,
            )
        )
        return render.sentence(arguments.content_id, sentence)


def serve_studio(settings: Settings, port: int) -> run.Result:
    """Serve the local studio on a port, with the same data as in process, for rehearsals with any HTTP client."""
    from tenxsom_studio.server import serve

    try:
        serve(settings.studio_folder, port=port, ready=lambda url: run.notice(STUDIO_ADDRESSES.format(url=url)))
    except OSError as error:
        raise BadInput(f"Port {port} cannot be used ({error.strerror}); choose another with --port.") from error
    return render.sentence("", "The studio has ended.")


def serve_dashboard(app: App, host: str, port: int) -> run.Result:
    """Serve the dashboard until a stop. Raises BadInput where its packages are not installed, or it cannot listen."""
    missing = [name for name in ("starlette", "uvicorn", "fastapi", "zipstream") if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(
            f"The dashboard needs packages that are not installed here ({', '.join(missing)});"
            " get them: pip install fastapi uvicorn httptools zipstream-ng."
        )
    from tenxsom.dashboard.server import serve

    serve(app, host, port, ready=lambda address: run.notice(f"The dashboard is at {address} (Ctrl-C ends it)."))
    return render.sentence("", "The dashboard has ended.")


def retry(manager: JobManager, arguments: argparse.Namespace) -> run.Result:
    """Show the price of a retry; with --yes, retry."""
    job, cost = manager.retry_cost(arguments.content_id)
    if not arguments.yes:
        return render.sentence(job.content_id, f"{cost}. Run it again with --yes to do that; nothing has happened yet.")
    manager.retry(job)
    return render.sentence(job.content_id, f"{cost}. It is on the queue again; the next tick goes on with it.")
