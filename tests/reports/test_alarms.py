"""Alarms over time, written for people."""

from __future__ import annotations

from dataclasses import replace

from holdfast.core.alarm import AlarmReport, ColumnAlarm, WatchedColumn, Window
from holdfast.reports.alarms import headline, render_alarms_html, render_alarms_text

ALARM = ColumnAlarm(
    column="<b>price</b>",
    what="location",
    window=1,
    raised="2026-01-19",
    since="2026-01-12",
    since_low="2026-01-05",
    since_high="2026-01-12",
    since_window=1,
    since_low_window=0,
    since_high_window=1,
    log10_evidence=2.0,
    unit="chance that a row is larger than one of the reference",
    size=0.6,
    low=0.55,
    high=0.65,
    level=0.95,
    before=1.0,
    after=1.5,
)
REPORT = AlarmReport(
    reference="ref.csv",
    current="cur.csv",
    budget=0.05,
    windows_per_year=52,
    log10_threshold=1.6,
    windows=(
        Window(begin="2026-01-05", end="2026-01-12", rows=5),
        Window(begin="2026-01-12", end="2026-01-19", rows=6),
    ),
    columns=(
        WatchedColumn(name="<b>price</b>", kind="numbers", log10_evidence=(0.0, 2.0)),
        WatchedColumn(name="age", kind="numbers", log10_evidence=(0.0, -0.1)),
    ),
    alarms=(ALARM,),
    not_watched=(("gone", "it vanished: only the reference has it"),),
    assumptions=("rows are independent",),
    notes=(),
)


def test_text_says_what_when_and_how_much() -> None:
    text = render_alarms_text(REPORT)
    assert "1 alarm: <b>price</b>." in text
    assert "changed since 2026-01-12 (likely 2026-01-05 to 2026-01-12)" in text
    assert "0.6 (0.55 to 0.65, 95 %); median 1, then 1.5" in text
    assert "gone: it vanished" in text
    assert "rows are independent" in text


def test_page_stands_alone_and_escapes_names() -> None:
    page = render_alarms_html(REPORT)
    assert page.count('class="chart"') == 2
    assert "<b>price" not in page
    assert "<script" not in page
    assert page == render_alarms_html(REPORT)


def test_quiet_report_draws_the_evidence_only() -> None:
    quiet = replace(REPORT, alarms=())
    assert headline(quiet).startswith("No alarm")
    assert render_alarms_html(quiet).count('class="chart"') == 1


def test_size_that_cannot_be_told_is_said() -> None:
    unknown = replace(REPORT, alarms=(replace(ALARM, size=None, low=None, high=None, before=None, after=None),))
    assert "could not be estimated" in render_alarms_text(unknown)


def test_numbers_may_be_times() -> None:
    windows = tuple(Window(begin=f"{place}", end=f"{place + 1}", rows=1) for place in (0, 1))
    assert render_alarms_html(replace(REPORT, windows=windows)).count('class="chart"') == 2
