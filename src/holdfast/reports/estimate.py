"""Estimated performance for people: lines of text, and one page with the pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from holdfast.core.finding import Chart, Finding
from holdfast.reports.text import printable

if TYPE_CHECKING:
    import polars as pl

SHORT = ("auc", "accuracy", "mae")
COLUMNS = ("period", "standing", "cases", "estimated", "interval", "labels", "with labels", "interval", "range")


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
    from holdfast.reports.page import Page, PageTable, render_page

    tables = [
        PageTable(
            heading=chart.title,
            columns=COLUMNS,
            rows=estimate_rows(periods, chart.table.removesuffix("_over_time"), has_time=has_time),
        )
        for chart, _ in drawn
    ]
    alarms = [(line,) for line in _alarm_lines(decay)]
    return render_page(
        Page(
            kind="Holdfast estimate",
            title=name,
            meta=f"{periods['period'].n_unique()} periods",
            verdict="Estimated performance",
            sentences=[measurement.plain for measurement in finding.measurements if measurement.plain],
            tables=[*tables, PageTable(heading="Silent decay", columns=("Alarm",), rows=alarms)],
            charts=drawn,
            assumptions=[*finding.assumptions, *notes],
        )
    )


def _alarm_lines(decay: pl.DataFrame) -> list[str]:
    """One line for each period with an alarm."""
    found: dict[int, list[str]] = {}
    for row in decay.filter(decay["is_alarm"]).rows(named=True):
        said = f"{row['statistic']} {_number(row['current'])} instead of {_number(row['reference'])}"
        found.setdefault(row["period"], []).append(said)
    return [f"alarm in period {period + 1}: expected error of {', '.join(said)}" for period, said in found.items()]


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
