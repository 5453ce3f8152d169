"""Estimated performance for people: lines of text, and one page with the pictures."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from holdfast.core.finding import Chart, Finding
from holdfast.reports.charts import chart_svg
from holdfast.reports.text import printable

if TYPE_CHECKING:
    import polars as pl

SHORT = ("auc", "accuracy", "mae")
COLUMNS = ("period", "standing", "cases", "estimated", "interval", "labels", "with labels", "interval", "range")
STYLE = """
:root{color-scheme:light dark;--ink:#1c2530;--muted:#56616f;--line:#e2e6eb;--paper:#fdfdfc;--bad:#a3275a}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--muted:#a3adb8;--line:#39424d;--paper:#14181d;--bad:#f08fb4;
--s1:#7fb2f0;--s2:#f0a070;--s3:#78cfa8;--s4:#c0a0f0}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:2rem auto;padding:0 1rem}
svg{width:100%;height:auto;max-width:44rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
td,th{padding:.2rem .6rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
.assume{border-left:4px solid var(--s2,#b4521a);padding:.2rem 1rem}.bad{color:var(--bad);font-weight:600}
.quiet{color:var(--muted)}
"""


def estimate_rows(periods: pl.DataFrame, metric: str, *, has_time: bool) -> list[tuple[str, ...]]:
    """Write the figures of one metric, one row for each period, as texts under ``COLUMNS``."""
    rows: list[tuple[str, ...]] = []
    for row in periods.filter(periods["metric"] == metric).rows(named=True):
        has_labels = _is_number(row["restated"])
        words = [] if row["standing"] in ("within", "unknown") else [f"{row['standing']} than the range"]
        words += ["assumption violated"] if row["is_refuted"] else []
        rows.append(
            (
                _moment(row["start"]) if has_time else str(row["period"] + 1),
                ", ".join(words),
                f"{row['n']:,}",
                _number(row["estimate"]),
                _ends(row["low"], row["high"]),
                f"{row['n_labelled']:,}",
                _number(row["restated"]) if has_labels else "",
                _ends(row["restated_low"], row["restated_high"]) if has_labels else "",
                _ends(row["range_low"], row["range_high"]),
            )
        )
    return rows


def estimate_text(
    finding: Finding, periods: pl.DataFrame, decay: pl.DataFrame, *, notes: Sequence[str], has_time: bool
) -> str:
    """Write the estimates as text: figures with their assumption, then the main metric period by period."""
    lines = ["assumes: " + printable(text) for text in finding.assumptions]
    lines += ["note: " + printable(text) for text in notes] + [""]
    lines += [f"  {measurement.plain}" for measurement in finding.measurements if measurement.plain]
    metric = next(name for name in SHORT if name in periods["metric"])
    rows = [COLUMNS, *estimate_rows(periods, metric, has_time=has_time)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    lines += ["", f"{metric} by period"]
    for row in rows:
        lines.append("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    lines += _alarm_lines(decay)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def estimate_html(
    finding: Finding,
    periods: pl.DataFrame,
    decay: pl.DataFrame,
    *,
    drawn: Sequence[tuple[Chart, pl.DataFrame]],
    notes: Sequence[str],
    has_time: bool,
    name: str,
) -> str:
    """Write one self-contained page with the pictures: works offline, without scripts."""
    said = "".join(f"<li>{_safe(m.plain)}</li>" for m in finding.measurements if m.plain)
    assumed = "".join(f"<p>{_safe(text)}</p>" for text in finding.assumptions)
    pictures = "".join(
        f"<h2>{_safe(chart.title)}</h2>{chart_svg(chart, table)}<p class=quiet>{_safe(chart.caption)}</p>"
        f"{_table(estimate_rows(periods, chart.table.removesuffix('_over_time'), has_time=has_time))}"
        for chart, table in drawn
    )
    alarms = "".join(f"<li>{_safe(line)}</li>" for line in _alarm_lines(decay))
    remarks = "".join(f"<p class=quiet>{_safe(note)}</p>" for note in notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>Estimated performance: {_safe(name)}</title><style>{STYLE}</style></head><body>'
        f"<p class=quiet>Holdfast</p><h1>Estimated performance of {_safe(name)}</h1><ul>{said}</ul>"
        f'<div class="assume"><b>This assumes</b>{assumed}</div>{remarks}{pictures}'
        f"{f'<h2>Silent decay</h2><ul>{alarms}</ul>' if alarms else ''}</body></html>\n"
    )


def _alarm_lines(decay: pl.DataFrame) -> list[str]:
    """One line for each period with an alarm."""
    found: dict[int, list[str]] = {}
    for row in decay.filter(decay["is_alarm"]).rows(named=True):
        said = f"{row['statistic']} {_number(row['current'])} instead of {_number(row['reference'])}"
        found.setdefault(row["period"], []).append(said)
    return [f"alarm in period {period + 1}: expected error of {', '.join(said)}" for period, said in found.items()]


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{_safe(name)}</th>" for name in COLUMNS)
    lines = []
    for period, standing, *rest in rows:
        cells = "".join(f"<td>{_safe(cell)}</td>" for cell in rest)
        lines.append(f'<tr><td>{_safe(period)}</td><td class="bad">{_safe(standing)}</td>{cells}</tr>')
    body = "".join(lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _safe(text: str) -> str:
    return html.escape(printable(text))


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _number(value: Any) -> str:
    return f"{value:.4g}" if _is_number(value) else "none"


def _ends(low: Any, high: Any) -> str:
    return f"{_number(low)} to {_number(high)}"


def _moment(seconds: float) -> str:
    """A time of the calendar where it can be one since 1971, a number otherwise."""
    if 3.2e7 < seconds < 1e11:
        when = datetime.fromtimestamp(seconds, UTC)
        return when.strftime("%Y-%m-%d" if seconds % 86400 == 0 else "%Y-%m-%d %H:%M")
    return f"{seconds:.6g}"
