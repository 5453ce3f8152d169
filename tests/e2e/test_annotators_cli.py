from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from holdfast.core.errors import InputError
from holdfast.interfaces.cli.main import app


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=400)
    columns = {}
    for name, right in (("ann", 0.95), ("bo", 0.8), ("cy", 0.7)):
        given = np.where(rng.random(400) < right, truth, 1 - truth)
        columns[name] = [None if rng.random() < 0.2 else ["no", "yes"][value] for value in given]
    path = tmp_path / "notes.csv"
    pl.DataFrame({**columns, "truth": truth}).write_csv(path)
    return path


def run(table: Path, *options: str) -> str:
    columns = [option for name in ("bo", "ann", "cy") for option in ("--column", name)]
    result = CliRunner().invoke(app, ["annotators", str(table), *columns, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_best_annotator_comes_first_and_outcomes_are_settled(table: Path) -> None:
    found = json.loads(run(table, "--format", "json"))
    assert [one["annotator"] for one in found["annotators"]] == ["ann", "bo", "cy"]
    truth = pl.read_csv(table)["truth"]
    right = [(row["suggested"] == "yes") == bool(truth[row["row"]]) for row in found["rows"]]
    assert np.mean(right) > 0.9
    assert found["low"] < found["agreement"] < found["high"]


def test_text_says_how_often_each_is_right(table: Path) -> None:
    text = run(table)
    assert text.splitlines()[1].startswith("ann")
    assert "Krippendorff's alpha" in text
    assert "rows are settled with less than 90 %" in text


def test_csv_has_a_line_for_each_row_the_least_certain_first(table: Path, tmp_path: Path) -> None:
    run(table, "--format", "csv", "--out", str(tmp_path / "settled.csv"))
    settled = pl.read_csv(tmp_path / "settled.csv")
    assert settled.columns == ["row", "suggested", "probability", "labels", "dissent"]
    assert sorted(settled["row"]) == list(range(400))
    assert settled["probability"].is_sorted()


@pytest.mark.parametrize(
    ("columns", "message"),
    [(["ann"], "two annotators"), (["ann", "bob"], "no column 'bob'"), ([], "Missing option")],
)
def test_wrong_columns_are_named(table: Path, columns: list[str], message: str) -> None:
    options = [option for name in columns for option in ("--column", name)]
    result = CliRunner().invoke(app, ["annotators", str(table), *options])
    assert result.exit_code != 0
    assert message in (str(result.exception) if isinstance(result.exception, InputError) else result.output)


@pytest.mark.parametrize(
    ("column", "message"),
    [([None] * 300, "holds no label"), ([str(number) for number in range(300)], "at most 200 classes")],
)
def test_columns_that_hold_no_labels_are_named(tmp_path: Path, column: list[str | None], message: str) -> None:
    path = tmp_path / "notes.csv"
    pl.DataFrame({"a": ["no", "yes"] * 150, "b": column}, schema_overrides={"b": pl.String}).write_csv(path)
    result = CliRunner().invoke(app, ["annotators", str(path), "--column", "a", "--column", "b"])
    assert message in str(result.exception)


def test_probabilities_without_a_class_are_refused(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    pl.DataFrame({"no": [1.0] * 400}).write_csv(path)
    columns = [option for name in ("ann", "bo") for option in ("--column", name)]
    result = CliRunner().invoke(app, ["annotators", str(table), *columns, "--probabilities", str(path)])
    assert "no column of that name" in str(result.exception)
