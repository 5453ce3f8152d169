"""Alarms over time, as text for a terminal and as a page with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.core.alarm import AlarmReport, ColumnAlarm
from holdfast.core.finding import Chart
from holdfast.reports.text import format_level, join_words, printable, shorten

if TYPE_CHECKING:
    import polars as pl

MOST_DRAWN = 6
LONGEST = 24
TIMELINE = Chart(
    id="timeline",
    title="When the alarms came, and from when on the change is seen",
    caption="A dot where the alarm was raised; the bar begins where the change may have begun at the earliest.",
    kind="points",
    table="alarms",
    x="alarm",
    y="raised",
    low="since",
    high="raised",
    y_title="number of the window",
)
EVIDENCE = Chart(
    id="evidence",
    title="Evidence of change, window by window",
    caption="Decimal logarithm: so much as 2 arises in at most one of 100 years without change. A column raises "
    "an alarm where its line reaches the level drawn across. Columns with most evidence first.",
    kind="line",
    table="evidence",
    x="window",
    y="evidence",
    series="column",
    x_title="begin of the window",
    y_title="evidence, decimal logarithm",
)


def render_alarms_text(report: AlarmReport) -> str:
    """Write a report as text."""
    lines = [_watched(report), _budget(report), "", headline(report)]
    for alarm in report.alarms:
        lines += ["", f"{printable(alarm.column)}: {printable(alarm.what)}", *(f"  {line}" for line in told(alarm))]
    if report.not_watched:
        lines += ["", "Not watched:"]
        lines += [f"  {printable(name)}: {printable(reason)}" for name, reason in report.not_watched]
    lines += ["", "This leans on:", *(f"  {line}" for line in report.assumptions)]
    if report.notes:
        lines += ["", "Noted:", *(f"  {printable(note)}" for note in report.notes)]
    return "\n".join(lines) + "\n"


def headline(report: AlarmReport) -> str:
    """Say in one sentence what was found."""
    if not report.alarms:
        return "No alarm: nothing that was watched changed beyond what chance does."
    columns = list(dict.fromkeys(shorten(printable(alarm.column), LONGEST) for alarm in report.alarms))
    shown = ", ".join(columns[:8]) + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")
    count = "1 alarm" if len(report.alarms) == 1 else f"{len(report.alarms)} alarms"
    return f"{count}: {shown}."


def told(alarm: ColumnAlarm) -> list[str]:
    """Say when an alarm was raised, from when on the change is seen, and how large it is."""
    size = "could not be estimated" if alarm.size is None else f"{alarm.size:.3g}"
    if alarm.low is not None and alarm.high is not None:
        size += f" ({alarm.low:.3g} to {alarm.high:.3g}, {format_level(alarm.level)})"
    if alarm.before is not None and alarm.after is not None:
        size += f"; {compared(alarm)} {alarm.before:.4g}, then {alarm.after:.4g}"
    return [f"raised {alarm.raised}", f"changed since {_since(alarm)}", f"{printable(alarm.unit)}: {size}"]


def compared(alarm: ColumnAlarm) -> str:
    """Say what stands before and after."""
    words = {"location": "median", "spread": "distance between quartiles"}
    return words.get(alarm.what, "share")


def _watched(report: AlarmReport) -> str:
    columns = len(report.columns)
    rows = sum(window.rows for window in report.windows)
    return (
        f"Watched {columns} {'column' if columns == 1 else 'columns'} in {len(report.windows):,} windows, "
        f"{report.windows[0].begin} to {report.windows[-1].end} ({rows:,} rows)."
    )


def _budget(report: AlarmReport) -> str:
    return (
        f"Budget: any false alarm with a probability of at most {report.budget:.3g} in every "
        f"{report.windows_per_year:,} windows, over everything watched."
    )


def render_alarms_html(report: AlarmReport) -> str:
    """Write a report as one self-contained page without scripts."""
    from holdfast.reports.page import Page, PageTable, render_page

    alarmed = {alarm.column for alarm in report.alarms}
    quiet = [column.name for column in report.columns if column.name not in alarmed]
    alarms = PageTable(
        heading="Alarms",
        columns=("Column", "What changed", "Raised", "Changed since", "How much"),
        rows=[(alarm.column, alarm.what, alarm.raised, _since(alarm), told(alarm)[2]) for alarm in report.alarms],
    )
    unwatched = PageTable(heading="Not watched", columns=("Column", "Why"), rows=list(report.not_watched))
    watched = f"Watched without an alarm: {join_words(quiet, 60)}." if quiet else "Every column raised an alarm."
    return render_page(
        Page(
            kind="Holdfast alarms over time",
            title=report.current,
            meta=f"compared with {report.reference}. {_watched(report)}",
            outcome="fail" if report.alarms else "pass",
            verdict=headline(report),
            sentences=[_budget(report), watched],
            tables=[alarms, unwatched],
            charts=_charts(report),
            assumptions=[_as_sentence(line) for line in (*report.assumptions, *report.notes)],
        )
    )


def _as_sentence(line: str) -> str:
    return f"{line[:1].upper()}{line[1:]}."


def _since(alarm: ColumnAlarm) -> str:
    return f"{alarm.since} (likely {alarm.since_low} to {alarm.since_high})"


def _charts(report: AlarmReport) -> list[tuple[Chart, pl.DataFrame]]:
    import polars as pl

    drawn: list[tuple[Chart, pl.DataFrame]] = []
    if report.alarms:
        table = pl.DataFrame(
            {
                "alarm": [f"{alarm.column}: {alarm.what}" for alarm in report.alarms],
                "raised": [alarm.window + 1 for alarm in report.alarms],
                "since": [alarm.since_low_window + 1 for alarm in report.alarms],
            }
        )
        drawn.append((TIMELINE, table))
    most = sorted(
        (column for column in report.columns if column.log10_evidence),
        key=lambda column: -max(column.log10_evidence),
    )[:MOST_DRAWN]
    if most:
        from dataclasses import replace

        chart = replace(EVIDENCE, reference=report.log10_threshold)
        drawn.append((chart, _evidence(report, [(c.name, c.log10_evidence) for c in most])))
    return drawn


def _evidence(report: AlarmReport, columns: Sequence[tuple[str, Sequence[float]]]) -> pl.DataFrame:
    """Evidence of some columns, long; far beyond the threshold nothing more is to be seen."""
    import polars as pl

    begins = pl.Series("window", [window.begin for window in report.windows])
    moments = begins.str.to_datetime(strict=False, format="%Y-%m-%d %H:%M:%S")
    moments = moments.fill_null(begins.str.to_datetime(strict=False, format="%Y-%m-%d"))
    x = moments if not moments.null_count() else begins.cast(pl.Float64)
    top = 3.0 * report.log10_threshold
    parts = [
        pl.DataFrame(
            {"window": x, "evidence": [min(max(v, -2.0), top) for v in values], "column": [name] * len(values)}
        )
        for name, values in columns
    ]
    return pl.concat(parts)
