#!/usr/bin/env python3
"""Write the tables of settings from the program's own declarations.

    docs_tables.py [--check]      write them; with --check, exit 1 when a committed one is out of date

docs/reference/settings.md: name, default, meaning, and allowed values. production.env.example: everything, with comments.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tenxsom.settings import SETTINGS, Setting  # noqa: E402
from tools.generated import write_or_check  # noqa: E402

HOME_MEANING = "Where `production.env` and the state folders lie; set in the environment, never the current directory"
EXAMPLE_HEAD = """\
# Settings of TenxSOM AI. Copy this file to production.env, fill in what you have, and make it yours alone: chmod 600 production.env
# An empty value means "not set". The environment wins over this file. Lines of your own for other programs are left alone,
# but a misspelt name of one of these is refused. Allowed values: docs/reference/settings.md
"""


def default_of(setting: Setting) -> str:
    """Return a default as it is written in a file of settings; empty where there is none."""
    default = setting.default
    if isinstance(default, tuple):
        return ",".join(default)
    return "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def meanings_table() -> str:
    rows = [f"| `TENXSOM_HOME` | the repository's root; `~/tenxsom-ai` where it is installed | {HOME_MEANING} |"]
    rows += [f"| `{each.name}` | {f'`{default_of(each)}`' if default_of(each) else '–'} | {each.meaning} |" for each in SETTINGS]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows])


def allowed_table() -> str:
    rows = ["| `TENXSOM_HOME` | an absolute path of a folder that exists |"]
    rows += [f"| `{each.name}` | {each.allowed} |" for each in SETTINGS]
    return "\n".join(["| name | allowed |", "|---|---|", *rows])


def example() -> str:
    parts = [EXAMPLE_HEAD]
    group = None
    for setting in SETTINGS:
        if setting.group is not group and setting.group.section:
            parts.append(f"\n# --- {setting.group.section} ---\n")
        group = setting.group
        comment = textwrap.fill(setting.comment, 130, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append(f"{comment}\n{setting.name}={default_of(setting)}\n")
    return "".join(parts)


def with_table(text: str, table: str) -> str:
    """Return a page with its table of the same heading row replaced by `table`."""
    heading = re.escape(table.split("\n", 1)[0])
    found = re.search(rf"^{heading}\n(?:\|.*\n)+", text, re.MULTILINE)
    if not found:
        raise SystemExit(f"No table begins with: {heading}")
    return f"{text[: found.start()]}{table}\n{text[found.end() :]}"


def documents() -> dict[Path, str]:
    """Return every document that holds such a table, as it should be."""
    reference = ROOT / "docs" / "reference" / "settings.md"
    return {
        reference: with_table(with_table(reference.read_text(encoding="utf-8"), meanings_table()), allowed_table()),
        ROOT / "production.env.example": example(),
    }


def main(arguments: list[str]) -> int:
    return write_or_check(documents(), arguments, "make docs-tables")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
