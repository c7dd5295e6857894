"""Plots as SVG, and the page of costs: one file that needs no network, no script and no other file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from html import escape

from tenxsom.model import money
from tenxsom.pipeline.money_report import Costs

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#5b5b5b")
"""Colours that people with any colour vision tell apart (Okabe and Ito, https://jfly.uni-koeln.de/color/)."""

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 860, 300, 70, 40, 16
MOST_DAYS = 400
"""The most days with a bar of their own; a longer period is drawn by months."""
MOST_BARS = 40
_LABELS = 12

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; background: #fff }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
td, th {{ padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; text-align: left }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums }}
svg {{ max-width: 100%; height: auto }} svg text {{ font: 12px system-ui, sans-serif; fill: #444 }}
.total {{ font-size: 2rem; margin: 0 }} .note {{ color: #666 }}
@media (prefers-color-scheme: dark) {{
body {{ color: #ddd; background: #181818 }} td, th {{ border-color: #444 }} svg text {{ fill: #bbb }} .note {{ color: #999 }} }}
</style></head><body>
<h1>{title}</h1>
<p class="total">{total}</p>
<p class="note">{note}</p>
{parts}
</body></html>
"""


def page(by_group: Sequence[Costs], made_at: str) -> str:
    """Return the page: the cost of each day by service, then a plot and a table for each group."""
    first = by_group[0]
    kind = "Costs of rehearsals, which nobody bills" if first.rehearsal else "Costs"
    title = f"{kind} since {first.since}"
    budget = f" The budget is {money.shown(first.budget_usd)} a day." if first.budget_usd is not None else ""
    note = f"US dollars; days are UTC. Spent, reserved and unclear calls count.{budget} Made at {made_at}."
    parts = [f"<h2>Each day, by service</h2>{days(first.series, first.budget_usd)}"]
    for costs in by_group:
        if costs.by != "day":
            parts.append(f"<h2>By {escape(costs.by)}</h2>{bars([(row.key, row.usd) for row in costs.rows])}{_table(costs)}")
    return _PAGE.format(title=escape(title), total=money.shown(first.total_usd), note=escape(note), parts="\n".join(parts))


def days(series: Mapping[str, Mapping[str, Decimal]], budget: Decimal | None) -> str:
    """Return stacked bars: one for each day (or month, in a long period), divided by service, with the budget as a line."""
    if not series:
        return "<p>Nothing was spent.</p>"
    columns = _filled(series)
    is_daily = len(next(iter(columns))) == 10
    services = sorted({name for of_day in series.values() for name in of_day})
    line = budget if is_daily else None
    most = _round_up(max([*(sum(parts.values(), Decimal(0)) for parts in columns.values()), line or Decimal(0)]))
    step = (WIDTH - LEFT) / len(columns)
    drawn = [_scale(most)]
    for number, (day, parts) in enumerate(columns.items()):
        drawn += _stack(LEFT + number * step, step, day, [(name, parts.get(name, Decimal(0))) for name in services], most)
        if number % max(1, math.ceil(len(columns) / _LABELS)) == 0:
            drawn.append(f'<text x="{LEFT + number * step:.1f}" y="{HEIGHT - BOTTOM + 18}">{day[5:] if is_daily else day}</text>')
    if line:
        y = _y(line, most)
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#c00" stroke-dasharray="6 4"/>')
        drawn.append(f'<text x="{WIDTH}" y="{y - 4:.1f}" text-anchor="end">budget {money.shown(line)}</text>')
    return _svg(HEIGHT + 22 * math.ceil(len(services) / 4), "Costs of each day by service", [*drawn, *_legend(services)])


def bars(rows: Sequence[tuple[str, Decimal]]) -> str:
    """Return horizontal bars, one for each row, with their amounts."""
    shown = rows[:MOST_BARS]
    most = max((usd for _, usd in shown), default=Decimal(0))
    left, right = 220, 110
    drawn = []
    for number, (key, usd) in enumerate(shown):
        y = number * 26 + 4
        across = float(usd / most) * (WIDTH - left - right) if most else 0.0
        drawn.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(key[:34])}</text>')
        drawn.append(f'<rect x="{left}" y="{y}" width="{across:.1f}" height="20" rx="2" fill="{COLOURS[0]}"/>')
        drawn.append(f'<text x="{left + across + 6:.1f}" y="{y + 15}">{money.shown(usd)}</text>')
    return _svg(len(shown) * 26 + 8, "Costs by group", drawn) if shown else "<p>Nothing was spent.</p>"


def _filled(series: Mapping[str, Mapping[str, Decimal]]) -> dict[str, Mapping[str, Decimal]]:
    """Return the days from the first to the last one, those without costs too; of a long period the months."""
    try:
        first, last = date.fromisoformat(min(series)), date.fromisoformat(max(series))
    except ValueError:  # another program wrote a day into the ledger
        return dict(sorted(series.items()))
    count = (last - first).days + 1
    if count <= MOST_DAYS:
        return {day: series.get(day, {}) for day in ((first + timedelta(number)).isoformat() for number in range(count))}
    months: dict[str, dict[str, Decimal]] = {}
    for day, parts in sorted(series.items()):
        month = months.setdefault(day[:7], {})
        for service, usd in parts.items():
            month[service] = month.get(service, Decimal(0)) + usd
    return {**months}


def _stack(x: float, step: float, day: str, parts: Sequence[tuple[str, Decimal]], most: Decimal) -> list[str]:
    """Return the bar of a day, one part above the other."""
    drawn, below = [], Decimal(0)
    for number, (service, usd) in enumerate(parts):
        if usd:
            top, foot = _y(below + usd, most), _y(below, most)
            size = f'width="{max(0.5, step * 0.8):.1f}" height="{foot - top:.1f}" fill="{COLOURS[number % len(COLOURS)]}"'
            title = escape(f"{day}, {service}: {money.shown(usd)}")
            drawn.append(f'<rect x="{x:.1f}" y="{top:.1f}" {size}><title>{title}</title></rect>')
            below += usd
    return drawn


def _scale(most: Decimal) -> str:
    lines = []
    for number in range(5):
        usd = most * number / 4
        y = _y(usd, most)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8884"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{money.shown(usd)}</text>')
    return "".join(lines)


def _legend(services: Sequence[str]) -> list[str]:
    drawn = []
    for number, service in enumerate(services):
        x, y = LEFT + (number % 4) * 195, HEIGHT + 22 * (number // 4)
        drawn.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{COLOURS[number % len(COLOURS)]}"/>')
        drawn.append(f'<text x="{x + 18}" y="{y + 11}">{escape(service[:24])}</text>')
    return drawn


def _svg(height: int, label: str, drawn: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" aria-label="{label}">'
    )
    return f"{head}{''.join(drawn)}</svg>"


def _y(usd: Decimal, most: Decimal) -> float:
    return HEIGHT - BOTTOM - (float(usd / most) if most else 0.0) * (HEIGHT - BOTTOM - TOP)


def _round_up(usd: Decimal) -> Decimal:
    """Return the next amount of one digit and a half: 1, 2, 2.5, 4, 5, 8, 10 and so on."""
    if usd <= 0:
        return Decimal(1)
    unit = Decimal(10) ** usd.adjusted()
    return next(
        unit * step for step in map(Decimal, ("1", "1.2", "1.6", "2", "2.4", "3.2", "4", "6", "8", "10")) if unit * step >= usd
    )


def _table(costs: Costs) -> str:
    cells = [
        f"<tr><td>{escape(row.key)}</td><td class=n>{row.calls}</td><td class=n>{money.shown(row.usd)}</td></tr>"
        for row in costs.rows
    ]
    head = f"<tr><th>{escape(costs.by)}</th><th class=n>calls</th><th class=n>cost</th></tr>"
    return f"<table>{head}{''.join(cells)}</table>"
