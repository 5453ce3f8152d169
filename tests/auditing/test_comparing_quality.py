from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from holdfast.auditing.comparing_quality import compare_quality
from holdfast.core.errors import InputError

RNG = np.random.default_rng(3)
X = RNG.normal(size=(400, 2))
Y = (X[:, 0] + 0.3 * RNG.normal(size=400) > 0).astype(int)
BEFORE = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y})
BLIND = BEFORE.with_columns(a=pl.lit(0.0))
MODEL = LogisticRegression().fit(BEFORE.select("a", "b").to_pandas(), Y)


def test_a_table_that_did_not_change_costs_nothing() -> None:
    accuracy, auc = compare_quality(MODEL, BEFORE, BEFORE, "y")
    assert (accuracy.metric, auc.metric) == ("accuracy", "AUC")
    assert accuracy.before == accuracy.after
    assert accuracy.difference == 0.0
    assert accuracy.low <= 0.0 <= accuracy.high
    assert auc.low <= 0.0 <= auc.high


@pytest.mark.parametrize("retrain", [False, True])
def test_a_column_that_is_lost_costs_what_it_was_worth(retrain: bool) -> None:
    accuracy, auc = compare_quality(MODEL, BEFORE, BLIND, "y", retrain=retrain)
    assert accuracy.n == 400
    assert accuracy.is_retrained == retrain
    assert accuracy.before > 0.85
    assert accuracy.difference == pytest.approx(accuracy.after - accuracy.before)
    assert accuracy.high < -0.2
    assert auc.high < -0.2


def test_errors_of_regression_grow() -> None:
    y = 2.0 * X[:, 0] + 0.1 * RNG.normal(size=400)
    model = LinearRegression().fit(BEFORE.select("a", "b").to_pandas(), y)
    [change] = compare_quality(model, BEFORE.with_columns(y=y), BLIND.with_columns(y=y), "y")
    assert change.metric == "mean absolute error"
    assert change.low > 0.5
    assert change.after - change.before == pytest.approx(change.difference)


@pytest.mark.parametrize(
    ("after", "target", "said"),
    [
        (BEFORE.head(300), "y", "expected the same 20 rows or more in both tables, got 400 and 300"),
        (BEFORE.with_columns(y=1 - pl.col("y")), "y", "the outcomes in 'y' differ"),
        (BEFORE, "z", "no column 'z' in the original table"),
        (BEFORE.with_columns(a=pl.lit("[A_1]")), "y", "the model cannot use the transformed table"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused(after: pl.DataFrame, target: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare_quality(MODEL, BEFORE, after, target)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a model file, found none"):
        compare_quality(tmp_path / "m.onnx", BEFORE, BEFORE, "y")
