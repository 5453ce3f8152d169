from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.opening import predictions_model
from holdfast.core.errors import InputError, NotRun

TABLE = pl.DataFrame({"x": [1, 2, 3], "p": [0.1, 0.5, 0.9], "q": [0.9, 0.5, 0.1], "label": ["no", "no", "yes"]})


def test_one_score_column_is_the_probability_of_the_positive_class() -> None:
    answer = predictions_model(TABLE, labels=None, scores=["p"]).predict(TABLE.select("x"))
    np.testing.assert_allclose(answer.scores, [[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    assert answer.labels is None


def test_labels_and_scores_are_given_together() -> None:
    model = predictions_model(TABLE, labels="label", scores=["q", "p"])
    assert model.info.capabilities == {"labels", "scores"}
    assert model.predict(TABLE).labels.tolist() == ["no", "no", "yes"]


def test_predictions_cannot_be_queried() -> None:
    assert "query" not in predictions_model(TABLE, labels=None, scores=["p"]).info.capabilities


@pytest.mark.parametrize("other", [TABLE.head(2), TABLE.reverse()])
def test_other_rows_or_order_are_not_answered(other: pl.DataFrame) -> None:
    with pytest.raises(NotRun, match="other rows than its own"):
        predictions_model(TABLE, labels=None, scores=["p"]).predict(other)


@pytest.mark.parametrize("bad", [1.5, -0.1, float("nan"), float("inf"), None])
def test_score_that_is_no_probability_names_its_row(bad: float | None) -> None:
    frame = pl.DataFrame({"p": [0.5, bad]})
    with pytest.raises(InputError, match=r"'p', got .* in row 1"):
        predictions_model(frame, labels=None, scores=["p"])


def test_scores_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(InputError, match=r"sum to 1 in each row, got 0\.2 in row 0"):
        predictions_model(TABLE.with_columns(q=pl.col("p")), labels=None, scores=["p", "q"])


def test_missing_column_names_the_closest() -> None:
    with pytest.raises(InputError, match="no column 'labels'") as caught:
        predictions_model(TABLE, labels="labels", scores=[])
    assert "'label'" in caught.value.hint


def test_missing_prediction_names_its_row() -> None:
    with pytest.raises(InputError, match="no prediction in row 1"):
        predictions_model(pl.DataFrame({"label": ["a", None]}), labels="label", scores=[])


def test_text_as_score_is_refused() -> None:
    with pytest.raises(InputError, match="expected numbers in the score column 'label'"):
        predictions_model(TABLE, labels=None, scores=["label"])


def test_neither_labels_nor_scores_is_refused() -> None:
    with pytest.raises(InputError, match="got neither"):
        predictions_model(TABLE, labels=None, scores=[])


@pytest.mark.parametrize(
    ("values", "kind"), [([1.5, 2.0], "values"), ([1.0, 0.0], "labels"), ([1, 0], "labels"), ([True, False], "labels")]
)
def test_fractions_are_values_and_all_else_labels(values: list, kind: str) -> None:
    assert predictions_model(pl.DataFrame({"y": values}), labels="y", scores=[]).info.capabilities == {kind}
