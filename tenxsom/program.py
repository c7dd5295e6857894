"""Where this installation lies, and what its commands are called: scripts in the repository, subcommands where it is installed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from shlex import quote
from typing import Any

PACKAGE = Path(__file__).resolve().parent

IS_INSTALLED = (PACKAGE / "templates").is_dir()
"""Whether this is an installed wheel, in which the templates are a part of the package. In the repository they stand beside it."""

ROOT = PACKAGE if IS_INSTALLED else PACKAGE.parent
"""The folder with the program's own templates."""

COMMANDS = {
    "master_orchestrator_v3.py": "tenxsom submit",
    "poll_video_status.py": "tenxsom collect",
    "claude_video_service.py": "tenxsom plan",
    "production_video_generator.py": "tenxsom make",
    "manage_jobs.py": "tenxsom jobs",
}
"""The five scripts, and the commands that stand for them."""

_SCRIPT = re.compile(rf"(python[0-9.]*\s+)?(?<![\w/~.-])({'|'.join(map(re.escape, COMMANDS))})(?![\w~-])")

_USERS_OWN = frozenset(("blueprint", "content_id", "definition", "definitions", "narration", "prompt", "title"))
"""Fields with texts of users and their plans: a plan that is kept is made into a film, and its words are spoken."""


def typed(text: str, is_installed: bool = IS_INSTALLED) -> str:
    """Return a text for people with each script's name as this installation's user types it, once however often it is called.

    Sentences name the scripts, also those in states and reports, which scripts and an installed command may share. In the
    repository Python runs a script; a Python without the packages says which one has them.
    """
    return _SCRIPT.sub(lambda found: COMMANDS[found[2]] if is_installed else f"{found[1] or 'python3 '}{found[2]}", text)


def typed_document(value: Any) -> Any:
    """Return a JSON document with the scripts in its sentences as `typed` names them; what users wrote stays as it is."""
    if isinstance(value, str):
        return typed(value)
    if isinstance(value, dict):
        return {name: each if name in _USERS_OWN else typed_document(each) for name, each in value.items()}
    return [typed_document(each) for each in value] if isinstance(value, list | tuple) else value


def default_home() -> Path:
    """Return the folder of jobs and films without TENXSOM_HOME: the repository's root, or `tenxsom-ai` in the user's home.

    Never the current folder: cron, a shell and a service start in three places, and a job would have three ledgers. Raises
    RuntimeError when this user has no home.
    """
    return Path.home() / "tenxsom-ai" if IS_INSTALLED else ROOT


def crontab_line(home: Path) -> str:
    """Return the line for `crontab -e` that runs this installation's ticks over a home, every two minutes."""
    scripted = (sys.executable, str(ROOT / "poll_video_status.py"))
    tick = (str(Path(sys.prefix) / "bin" / "tenxsom"), "collect") if IS_INSTALLED else scripted
    where = "" if home == default_home() else f"TENXSOM_HOME={quote(str(home))} "
    command = f"{where}{' '.join(map(quote, tick))} --patience 30 >> {quote(str(home / 'poll.log'))} 2>&1"
    return "*/2 * * * * " + command.replace("%", r"\%")  # to cron a plain % ends the command
