"""Two audits compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.core.measurement import Measurement
from holdfast.core.record import Audit
from holdfast.reports.diff import DiffRow, diff_rows, render_diff


def with_ece(audit: Audit, **numbers: Any) -> Audit:
    """The audit with another calibration error."""
    first, *others = audit.findings.findings
    ece = replace(first.measurements[0], **numbers)
    finding = replace(first, measurements=(ece, *first.measurements[1:]))
    return replace(audit, findings=replace(audit.findings, findings=(finding, *others)))


def ece_row(before: Audit, after: Audit) -> DiffRow:
    return next(
        row
        for row in diff_rows(before, after)
        if row.id == "performance.calibration.ece" and row.subject == "measurement"
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "change"),
    [
        (0.0712, 0.0655, 0.0771, "same"),
        (0.068, 0.06, 0.075, "overlap"),
        (0.03, 0.02, 0.04, "better"),
        (0.1, 0.09, 0.11, "worse"),
        (0.03, None, 0.04, "better"),
        (0.03, 0.02, None, "overlap"),
    ],
)
def test_intervals_decide_whether_a_number_moved(
    audit: Audit, value: float, low: float | None, high: float | None, change: str
) -> None:
    assert ece_row(audit, with_ece(audit, value=value, low=low, high=high)).change == change


def test_number_without_interval_differs_and_claims_no_more(audit: Audit) -> None:
    bare = with_ece(audit, value=0.03, low=None, high=None, level=None, method=None, no_interval_reason="all rows")
    assert ece_row(audit, bare).change == "differs"


def test_an_audit_does_not_differ_from_itself(audit: Audit) -> None:
    assert {row.change for row in diff_rows(audit, audit)} == {"same"}
    assert "are the same in both" in render_diff(audit, audit)


def test_changed_inputs_verdicts_and_checks_are_listed(audit: Audit) -> None:
    subject = replace(audit.findings.subject, model_digest="sha256:" + "99" * 32)
    verdicts = (replace(audit.decision.verdicts[0], verdict="fail"), *audit.decision.verdicts[1:])
    findings = replace(audit.findings, subject=subject, findings=audit.findings.findings[:-1])
    after = replace(audit, findings=findings, decision=replace(audit.decision, verdicts=verdicts))
    rows = {
        (row.subject, row.id): (row.before, row.after, row.change)
        for row in diff_rows(audit, after)
        if row.change != "same"
    }
    assert rows == {
        ("input", "model"): ("3f3f3f3f3f3f", "999999999999", "differs"),
        ("check", "data.duplicates"): ("error", "", "vanished"),
        ("verdict", "performance.predictive.accuracy"): ("pass", "fail", "differs"),
    }


def test_new_measurements_appear(audit: Audit) -> None:
    first, *others = audit.findings.findings
    extra = Measurement(id="performance.calibration.x", name="New", value=1, no_interval_reason="a count")
    grown = replace(first, measurements=(*first.measurements, extra))
    after = replace(audit, findings=replace(audit.findings, findings=(grown, *others)))
    assert [row.name for row in diff_rows(audit, after) if row.change == "appeared"] == ["New"]


def test_text_names_the_better_number(audit: Audit) -> None:
    written = render_diff(audit, with_ece(audit, value=0.03, low=0.02, high=0.04))
    assert "7.1 % (6.6 to 7.7 %) -> 3.0 % (2.0 to 4.0 %)  better, intervals apart" in written
