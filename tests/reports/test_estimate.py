"""Estimated performance for people."""

from __future__ import annotations

import math

import polars as pl

from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.reports.estimate import COLUMNS, estimate_html, estimate_rows, estimate_text

ROW = {
    "period": 0, "metric": "auc", "n": 1200, "n_labelled": 30, "estimate": 0.8123, "low": 0.8, "high": 0.82,
    "restated": 0.7, "restated_low": 0.65, "restated_high": 0.75, "realised": math.nan, "range_low": 0.79,
    "range_high": 0.84, "standing": "worse", "is_refuted": True, "start": 1767225600.0,
}  # fmt: skip
PERIODS = pl.DataFrame([ROW, {**ROW, "period": 1, "restated": math.nan, "standing": "within", "is_refuted": False}])
DECAY = pl.DataFrame(
    [{"period": 1, "statistic": "mean", "reference": 0.2, "current": 0.3, "z": 5.0, "p_value": 1e-6, "threshold": 0.004,
      "is_alarm": True}]
)  # fmt: skip
FINDING = Finding(
    check="performance.estimated", title="T", state="measured", evidence_codes=("PERF",), seed=1,
    assumptions=("Like <b>means</b> like.",),
    measurements=(Measurement(id="performance.estimated.estimated.auc", name="AUC", value=0.8, low=0.7, high=0.9,
                              level=0.95, method="m", plain="AUC is about 0.8."),),
)  # fmt: skip


def test_rows_say_when_how_much_and_what_failed() -> None:
    first, second = estimate_rows(PERIODS, "auc", has_time=True)
    assert len(first) == len(COLUMNS)
    assert first[:4] == ("2026-01-01", "worse than the range, assumption violated", "1,200", "0.8123")
    assert second[5:8] == ("30", "", "") or second[6] == ""
    assert estimate_rows(PERIODS, "auc", has_time=False)[1][0] == "2"


def test_text_has_the_assumption_first_and_alarms_last() -> None:
    lines = estimate_text(FINDING, PERIODS, DECAY, notes=("One label was left out.",), has_time=False).splitlines()
    assert lines[0] == "assumes: Like <b>means</b> like."
    assert lines[1] == "note: One label was left out."
    assert lines[-1] == "alarm in period 2: expected error of mean 0.3 instead of 0.2"


def test_page_escapes_what_users_wrote() -> None:
    page = estimate_html(FINDING, PERIODS, DECAY, drawn=(), notes=(), has_time=False, name="<script>x</script>.csv")
    assert "<script" not in page
    assert "Like &lt;b&gt;means&lt;/b&gt; like." in page
    assert "alarm in period 2" in page
