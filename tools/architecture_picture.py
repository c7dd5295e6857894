#!/usr/bin/env python3
"""Draw a job's way through the code from the code's own imports: docs/pictures/architecture.svg.

    architecture_picture.py [--check]      write the picture; with --check, exit 1 when the committed one is out of date

Rows are the modules of tenxsom/pipeline/ in the order in which a job meets them. An arc on the left joins a module to each module
of the pipeline that it imports; a dot on the right stands where it imports from a lower package.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
PIPELINE = ROOT / "tenxsom" / "pipeline"

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("accept", ("orchestrator", "intake", "lookup", "routing")),
    ("plan", ("planner", "clips")),
    ("order", ("generator", "steps", "payment")),
    ("collect", ("poller", "visits", "collector", "delivery")),
    ("finish", ("finisher", "film_steps", "reports")),
    ("operate", ("operations",)),
)
"""A job's way: each stage with the modules that it passes."""

PACKAGES = ("planning", "services", "media", "http", "google", "store", "model")
"""What the pipeline stands on, from the top layer down."""

ROW, TOP, ARCS, NAMES, COLUMNS, COLUMN = 30, 104, 210, 226, 412, 78


def imports_of(path: Path) -> Iterator[str]:
    """Yield the whole name of every module of ours that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tenxsom"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("tenxsom"))


def picture() -> str:
    """Return the picture as SVG text."""
    modules = [module for _, stage in STAGES for module in stage]
    imported = {module: sorted(set(imports_of(PIPELINE / f"{module}.py"))) for module in modules}
    packages = [name for name in PACKAGES if any(_uses(targets, name) for targets in imported.values())]
    row = {module: TOP + ROW * number for number, module in enumerate(modules)}
    column = {package: COLUMNS + COLUMN * number for number, package in enumerate(packages)}
    width, height = COLUMNS + COLUMN * len(packages), TOP + ROW * len(modules) + 24
    parts = [_head(width, height, modules)]
    parts += [_stage(name, row[stage[0]], row[stage[-1]], width) for name, stage in STAGES]
    parts += [
        f'  <text class="column" transform="translate({x + 4} {TOP - 26}) rotate(-32)">{package}/</text>'
        f'<line class="guide" x1="{x}" y1="{TOP - 16}" x2="{x}" y2="{height - 24}"/>'
        for package, x in column.items()
    ]
    for module in modules:
        parts.append(f'  <text class="module" x="{NAMES}" y="{row[module] + 5}">{escape(module)}.py</text>')
        targets = imported[module]
        parts += [_arc(row[module], row[other]) for other in modules if other != module and _uses(targets, f"pipeline.{other}")]
        used = [package for package in packages if _uses(targets, package)]
        if used:
            parts.append(f'  <line class="row" x1="{NAMES + 150}" y1="{row[module]}" x2="{column[used[-1]]}" y2="{row[module]}"/>')
        parts += [f'  <circle class="dot" cx="{column[package]}" cy="{row[module]}" r="5.5"/>' for package in used]
    return "\n".join([*parts, "</svg>", ""])


def _uses(targets: list[str], place: str) -> bool:
    return any(f"{target}.".startswith(f"tenxsom.{place}.") for target in targets)


def _arc(start: int, end: int) -> str:
    reach = 18 + abs(end - start) * 0.42
    return f'  <path class="arc" d="M{ARCS},{start} C{ARCS - reach:.0f},{start} {ARCS - reach:.0f},{end} {ARCS},{end}"/>'


def _stage(name: str, first: int, last: int, width: int) -> str:
    return (
        f'  <rect class="stage" x="12" y="{first - 13}" width="{width - 24}" height="{last - first + 26}" rx="6"/>'
        f'<text class="name" x="24" y="{(first + last) // 2 + 5}">{name}</text>'
    )


def _head(width: int, height: int, modules: list[str]) -> str:
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
  role="img" aria-labelledby="name what">
  <title id="name">A job's way through the code</title>
  <desc id="what">The modules of the pipeline in the order in which a job meets them: {", ".join(modules)}.
  Arcs join a module to those of the pipeline that it imports; dots show from which lower packages it imports.</desc>
  <style>
    svg {{ --paper: #ffffff; --edge: #d8dee6; --ink: #16202c; --soft: #4a5869; --stage: #f3f6fb; --arc: #b57a17; --dot: #2f62b5; }}
    @media (prefers-color-scheme: dark) {{
      svg {{
        --paper: #0f151d; --edge: #2a3542; --ink: #edf2f8; --soft: #b3c0cf; --stage: #172130; --arc: #d9a441; --dot: #7fa8ee;
      }}
    }}
    text {{ font-family: "Segoe UI", "Helvetica Neue", Inter, Arial, sans-serif; fill: var(--ink); font-size: 14px; }}
    .paper {{ fill: var(--paper); stroke: var(--edge); }}
    .stage {{ fill: var(--stage); }}
    .name {{ fill: var(--soft); font-style: italic; }}
    .module {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px; }}
    .column {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px; }}
    .guide {{ stroke: var(--edge); }}
    .row {{ stroke: var(--dot); stroke-opacity: 0.35; stroke-width: 1.5; }}
    .arc {{ fill: none; stroke: var(--arc); stroke-width: 1.5; stroke-opacity: 0.8; }}
    .dot {{ fill: var(--dot); }}
  </style>
  <rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>
  <text x="24" y="34">A job's way through tenxsom/pipeline/, drawn from its imports</text>
  <text class="name" x="24" y="56">arcs: imports within the pipeline</text>"""


def main(arguments: list[str]) -> int:
    drawn = picture()
    if "--check" in arguments:
        if not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != drawn:
            print(f"{PICTURE.relative_to(ROOT)} is out of date; run: make pictures", file=sys.stderr)
            return 1
        return 0
    PICTURE.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
