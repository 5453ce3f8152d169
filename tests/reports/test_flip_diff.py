"""Two attacks on the same rows compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdfast.core.record import Audit
from holdfast.kernels.stats.paired import mcnemar_exact, paired_proportion_difference
from holdfast.reports.diff import render_diff
from holdfast.reports.flip_diff import FlipDifference, flip_difference, render_flips

CHECK = "robustness.evasion"
PATH = f"evidence/{CHECK}/points.parquet"


def attacked(audit: Audit, folder: Path, flipped: list[bool], *, first: int = 0, proved: bool = False) -> Audit:
    """The audit with an attack on as many rows of the test table, in a folder of its own."""
    (folder / PATH).parent.mkdir(parents=True)
    bounds = pl.Series([0.1 if proved else None] * len(flipped), dtype=pl.Float64)
    rows = pl.int_range(first, first + len(flipped), eager=True)
    pl.DataFrame({"row": rows, "success": flipped, "lower_bound": bounds}).write_parquet(folder / PATH)
    findings = [
        replace(finding, evidence={"points": PATH}) if finding.check == CHECK else finding
        for finding in audit.findings.findings
    ]
    return replace(audit, findings=replace(audit.findings, findings=tuple(findings)), folder=str(folder))


def with_subject(audit: Audit, **changes: Any) -> Audit:
    subject = replace(audit.findings.subject, **changes)
    return replace(audit, findings=replace(audit.findings, subject=subject))


def compared(before: Audit, after: Audit) -> FlipDifference:
    found = flip_difference(before, after)
    assert found is not None
    return found


@pytest.fixture
def pair(audit: Audit, tmp_path: Path) -> tuple[Audit, Audit]:
    """Of 100 rows, 40 flip in both, 20 only before and 5 only after."""
    before = [True] * 60 + [False] * 40
    after = [True] * 40 + [False] * 20 + [True] * 5 + [False] * 35
    return attacked(audit, tmp_path / "a", before), attacked(audit, tmp_path / "b", after)


def test_the_numbers_are_those_of_the_paired_kernels(pair: tuple[Audit, Audit]) -> None:
    found = compared(*pair)
    assert (found.n, found.flipped_before, found.flipped_after) == (100, 60, 45)
    assert (found.difference, found.low, found.high) == paired_proportion_difference(20, 5, 100, level=0.95)
    assert found.p_value == mcnemar_exact(20, 5)


def test_the_model_flipped_less_often_is_named(pair: tuple[Audit, Audit]) -> None:
    before, after = pair
    assert render_flips(compared(before, after)).endswith("the later model is harder to flip")
    assert render_flips(compared(after, before)).endswith("the earlier model is harder to flip")


def test_the_text_shows_both_shares_interval_and_p_value(pair: tuple[Audit, Audit]) -> None:
    text = render_diff(*pair)
    assert "Rows attacked in both audits" in text
    assert "100 rows were attacked in both" in text
    assert "60.0 % flipped -> 45.0 %, a difference of -15.0 points (-24.9 to -5.6), p = 0.0041" in text


def test_the_same_flips_cannot_tell(pair: tuple[Audit, Audit]) -> None:
    assert render_flips(compared(pair[0], pair[0])).endswith("this cannot tell which model is harder to flip")


def test_only_rows_attacked_in_both_count(audit: Audit, tmp_path: Path) -> None:
    before = attacked(audit, tmp_path / "a", [True] * 10)
    after = attacked(audit, tmp_path / "b", [False] * 10, first=6)
    assert (compared(before, after).n, compared(before, after).flipped_before) == (4, 4)


def test_no_common_row_is_no_comparison(audit: Audit, tmp_path: Path) -> None:
    before = attacked(audit, tmp_path / "a", [True] * 5)
    assert flip_difference(before, attacked(audit, tmp_path / "b", [True] * 5, first=5)) is None


def test_another_test_table_is_no_comparison(pair: tuple[Audit, Audit]) -> None:
    tables = pair[1].findings.subject.tables
    other = {**tables, "test": replace(tables["test"], digest="sha256:" + "00" * 32)}
    after = with_subject(pair[1], tables=other)
    assert flip_difference(pair[0], after) is None
    assert "Rows attacked in both" not in render_diff(pair[0], after)


def test_an_audit_without_the_attack_is_no_comparison(audit: Audit, pair: tuple[Audit, Audit]) -> None:
    assert flip_difference(pair[0], audit) is None


@pytest.mark.parametrize("body", [b"", b"PAR1 and no more"])
def test_damaged_evidence_is_no_comparison(pair: tuple[Audit, Audit], body: bytes) -> None:
    (Path(pair[1].folder) / PATH).write_bytes(body)
    assert flip_difference(*pair) is None


def test_evidence_outside_the_folder_is_not_read(pair: tuple[Audit, Audit]) -> None:
    inner = Path(pair[1].folder) / "inner"
    inner.mkdir()
    findings = [
        replace(finding, evidence={"points": f"../{PATH}"}) if finding.check == CHECK else finding
        for finding in pair[1].findings.findings
    ]
    after = replace(pair[1], findings=replace(pair[1].findings, findings=tuple(findings)), folder=str(inner))
    assert flip_difference(pair[0], after) is None


def weaker_threat(audit: Audit) -> Audit:
    deployment = replace(audit.findings.subject.deployment, threat="measurement")
    return with_subject(audit, deployment=deployment)


def other_training(audit: Audit) -> Audit:
    tables = audit.findings.subject.tables
    other = replace(tables["train"], digest="sha256:" + "11" * 32)
    return with_subject(audit, tables={**tables, "train": other})


def less_effort(audit: Audit) -> Audit:
    return replace(audit, run=replace(audit.run, effort="quick"))


def other_distance(audit: Audit) -> Audit:
    findings = [
        replace(finding, parameters={**finding.parameters, "distance": 0.01}) if finding.check == CHECK else finding
        for finding in audit.findings.findings
    ]
    return replace(audit, findings=replace(audit.findings, findings=tuple(findings)))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (weaker_threat, "threat"),
        (other_training, "the training table"),
        (less_effort, "effort"),
        (other_distance, "distance"),
    ],
)
def test_unlike_attacks_say_nothing_about_the_models(pair: tuple[Audit, Audit], change: Any, named: str) -> None:
    text = render_flips(compared(pair[0], change(pair[1])))
    assert f"the attacks differed in {named}" in text
    assert text.endswith("this cannot tell which model is harder to flip")


def test_a_search_of_trees_is_not_compared_with_one_by_questions(audit: Audit, tmp_path: Path) -> None:
    before = attacked(audit, tmp_path / "a", [True] * 50, proved=True)
    after = attacked(audit, tmp_path / "b", [False] * 50)
    assert "the attacks differed in kind" in render_flips(compared(before, after))
