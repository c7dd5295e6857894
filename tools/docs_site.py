"""What mkdocs is told beside mkdocs.yml: the pages at the repository's root join the site, and links to its other files work there.

README.md becomes the first page. A link from a page to a file outside docs/ (an example, a unit of systemd's) leads to a copy of
that file in the site. So the pages are written for people who read them in the repository, and need no second form.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""The pages at the repository's root, and what they are called in the site."""
COPIES = "files"
"""The folder of the site with copies of the repository's files that are no pages."""
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the root's pages, and every file outside docs/ that a page links to."""
    for name, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    texts = {_place(file): Path(str(file.abs_src_path)).read_text(encoding="utf-8") for file in files.documentation_pages()}
    linked = {_goal(place, link[2]) for place, text in texts.items() for link in _LINK.finditer(text)}
    for goal in sorted(goal for goal in linked if goal and goal not in ROOT_PAGES and not goal.startswith("docs/")):
        if (ROOT / goal).is_file():
            files.append(File.generated(config, f"{COPIES}/{goal}", abs_src_path=str(ROOT / goal)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Rewrite the links that leave docs/, or come into it from the root."""
    place, here = _place(page.file), posixpath.dirname(page.file.src_uri)

    def rewritten(link: re.Match[str]) -> str:
        goal = _goal(place, link[2])
        if not goal or (goal.startswith("docs/") and place.startswith("docs/")):
            return link[0]
        inside = goal.removeprefix("docs/") if goal.startswith("docs/") else ROOT_PAGES.get(goal, f"{COPIES}/{goal}")
        return f"{link[1]}{posixpath.relpath(inside, here or '.')}{link[3]}"

    return _LINK.sub(rewritten, markdown)


def _place(file: File) -> str:
    """Return where in the repository a page of the site stands."""
    at_root = {page: name for name, page in ROOT_PAGES.items()}
    return at_root.get(file.src_uri, f"docs/{file.src_uri}")


def _goal(place: str, link: str) -> str:
    """Return the repository's file that a page's link leads to; empty for an address elsewhere."""
    if re.match(r"[a-z]+:", link):
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), link))
