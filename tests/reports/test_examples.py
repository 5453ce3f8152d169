"""Examples are text from the evidence: a few, short, escaped, and none from outside the audit's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from holdfast.core.finding import Finding
from holdfast.reports.examples import LONGEST, MOST_COLUMNS, MOST_EXAMPLES, Cell, read_examples

FINDING = Finding(check="robustness.evasion", title="Evasion", state="measured")


def finding_with(path: str) -> Finding:
    return replace(FINDING, evidence={"examples": path})


def test_a_few_rows_are_read_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"row": range(9), "what_changes": ["x" * 900, None] + ["<b>"] * 7})
    frame.write_parquet(tmp_path / "examples.parquet")
    found = read_examples(str(tmp_path), finding_with("examples.parquet"))
    assert found is not None
    assert found.columns == ("row", "what changes")
    assert len(found.rows) == MOST_EXAMPLES
    assert len(found.rows[0][1].text) == LONGEST
    assert found.rows[1] == (Cell("1"), Cell(""))


def test_changed_rows_are_shown_before_and_after_with_marked_cells(tmp_path: Path) -> None:
    lines = {
        "row": [7, 7], "answer": ["no", "no"], "answer_after": ["yes", "yes"], "column": ["pay", "age"],
        "before": ["1", "30"], "after": ["2", "30"], "is_changed": [True, False],
    }  # fmt: skip
    pl.DataFrame(lines).write_parquet(tmp_path / "examples.parquet")
    found = read_examples(str(tmp_path), finding_with("examples.parquet"))
    assert found is not None
    assert found.columns == ("row", "", "pay", "age", "answer")
    assert found.rows == (
        (Cell("7"), Cell("before"), Cell("1"), Cell("30"), Cell("no")),
        (Cell(""), Cell("after"), Cell("2", True), Cell("30"), Cell("yes", True)),
    )


def test_columns_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    n = MOST_COLUMNS + 3
    lines = {
        "row": [7] * n, "answer": ["no"] * n, "answer_after": ["yes"] * n, "column": [f"c{i}" for i in range(n)],
        "before": ["1"] * n, "after": ["2"] * n, "is_changed": [True] * n,
    }  # fmt: skip
    pl.DataFrame(lines).write_parquet(tmp_path / "examples.parquet")
    found = read_examples(str(tmp_path), finding_with("examples.parquet"))
    assert found is not None
    assert (len(found.columns), found.n_left_out) == (MOST_COLUMNS + 3, 3)


def test_a_finding_without_examples_has_none(tmp_path: Path) -> None:
    assert read_examples(str(tmp_path), FINDING) is None
    assert read_examples(str(tmp_path), finding_with("gone.parquet")) is None


def test_nothing_is_read_from_outside_the_folder(tmp_path: Path) -> None:
    pl.DataFrame({"row": [1]}).write_parquet(tmp_path / "secret.parquet")
    (tmp_path / "audit").mkdir()
    assert read_examples(str(tmp_path / "audit"), finding_with("../secret.parquet")) is None
