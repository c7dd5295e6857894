"""The commands of many machines: the tables of the database that QUEUE_URL names."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from tenxsom.cli import run
from tenxsom.errors import BadSettings
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
        help="init: make the tables; upgrade: bring them up to date; status: what is there",
    )
    return {"database": database}


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


COMMANDS: dict[str, Callable[[argparse.Namespace, Settings], run.Result]] = {"database": database}
