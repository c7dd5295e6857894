"""The commands of many machines: the tables of the database that QUEUE_URL names."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from tenxsom.cli import run
from tenxsom.errors import BadSettings
from tenxsom.setting_values import database_address
from tenxsom.settings import Settings

Subparsers = Any
"""argparse's `_SubParsersAction`, whose type is private."""


def add_commands(commands: Subparsers) -> dict[str, argparse.ArgumentParser]:
    """Add the parsers of the commands; return them by name."""
    database = commands.add_parser("database", help="the tables of the database of QUEUE_URL: init, upgrade, status")
    database.add_argument(
        "action",
        metavar="ACTION",
        choices=("init", "upgrade", "status"),
        help="init: make the tables; upgrade: bring them up to date, or make them; status: what is there",
    )
    migrate = commands.add_parser("migrate", help="move jobs, money and reports into a database, or back into files")
    migrate.add_argument("--to", metavar="PLACE", required=True, help="postgresql://user@host:5432/name, or files")
    migrate.add_argument("--dry-run", action="store_true", help="only show what would be moved")
    return {"database": database, "migrate": migrate}


def database(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    """Make the tables, bring them up to date, or say what is there."""
    if settings.queue_url is None:
        raise BadSettings("QUEUE_URL names no database: queue, money and reports are files of this machine.")
    from tenxsom.store.postgres.schema import Schema
    from tenxsom.store.postgres.session import Session

    session = Session(settings.queue_url.reveal(), checks_schema=False)
    try:
        schema = Schema(session)
        found = {"init": schema.init, "upgrade": schema.upgrade, "status": schema.status}[arguments.action]()
    finally:
        session.close()
    is_ready = found.version == found.wanted
    version = "there are no tables yet" if found.version is None else f"the tables are of version {found.version}"
    remedy = "init" if found.version is None else "upgrade"
    advice = "" if is_ready else f" Version {found.wanted} is needed; run: manage_jobs.py database {remedy}"
    return run.Result(0 if is_ready else 2, found._asdict, f"{found.place}: {version}.{advice}")


def migrate(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    """Move everything to a database, or back to files; jobs may be on their way. Killed anywhere, the same command goes on."""
    is_back = arguments.to == "files"
    if is_back and settings.queue_url is None:
        raise BadSettings("QUEUE_URL names no database to move from; set it to the one that the queue is in.")
    address = settings.queue_url.reveal() if is_back and settings.queue_url else _database_address(arguments.to)
    from tenxsom.store.postgres.moving import Files, Mover
    from tenxsom.store.postgres.session import Session

    session = Session(address, checks_schema=False)
    try:
        files = Files(settings.pending_folder, settings.completed_folder, settings.ledger_file, settings.spool_file)
        mover = Mover(files, session)
        done = (mover.to_files if is_back else mover.to_database)(dry_run=arguments.dry_run)
    finally:
        session.close()
    what = f"{done.jobs} jobs, {done.reports} reports, {done.set_aside} states set aside, {done.lines} movements of money"
    then = "remove QUEUE_URL from the settings" if is_back else "set QUEUE_URL to it on every machine"
    told = f"would move to {done.place}; nothing has happened yet." if arguments.dry_run else f"are at {done.place} now; {then}."
    return run.Result(0, lambda: {**done._asdict(), "dry_run": arguments.dry_run}, f"{what} {told}")


def _database_address(text: str) -> str:
    try:
        found = database_address(text)
    except ValueError as error:
        raise BadSettings(f"--to {error}.") from None
    if found is None:
        raise BadSettings("--to names no database.")
    return found.reveal()


COMMANDS: dict[str, Callable[[argparse.Namespace, Settings], run.Result]] = {"database": database, "migrate": migrate}
