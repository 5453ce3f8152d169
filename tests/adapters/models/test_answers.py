from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.answers import checked, in_batches, plain_labels
from holdfast.core.errors import ModelError
from holdfast.core.subject import ModelInfo, RawPredictions

INFO = ModelInfo(format="callable", description="", capabilities=frozenset({"query", "scores"}), n_outputs=2)


def raw(scores: object = None, labels: object = None) -> RawPredictions:
    return RawPredictions(
        labels=None if labels is None else np.asarray(labels), scores=None if scores is None else np.asarray(scores)
    )


def test_nan_score_names_the_first_bad_row() -> None:
    with pytest.raises(ModelError, match=r"got \[nan 0.5\] in row 12\n"):
        checked(raw([[0.5, 0.5]] * 2 + [[np.nan, 0.5]]), n_rows=3, info=INFO, first_row=10)


def test_infinite_value_names_the_first_bad_row() -> None:
    with pytest.raises(ModelError, match="got inf in row 1"):
        checked(raw(labels=[0.0, np.inf]), n_rows=2, info=INFO)


@pytest.mark.parametrize("scores", [[[0.5, 0.5]], [[0.2, 0.3, 0.5]] * 2, [0.5, 0.5], [[[0.5, 0.5]]] * 2])
def test_scores_of_another_shape_say_which(scores: object) -> None:
    with pytest.raises(ModelError, match=r"expected scores of shape \(2, 2\).*got shape"):
        checked(raw(scores), n_rows=2, info=INFO)


@pytest.mark.parametrize("labels", [[1], [[1, 0], [0, 1]]])
def test_labels_of_another_shape_say_which(labels: object) -> None:
    with pytest.raises(ModelError, match=r"expected one answer per row, shape \(2,\)"):
        checked(raw(labels=labels), n_rows=2, info=INFO)


@pytest.mark.parametrize("scores", [[[1.2, -0.2]], [[0.5, 0.4]]])
def test_scores_that_are_no_probabilities_are_refused(scores: object) -> None:
    with pytest.raises(ModelError, match="expected class probabilities"):
        checked(raw(scores), n_rows=1, info=INFO)


def test_rounding_below_zero_is_clipped() -> None:
    scores = checked(raw([[1.0000001, -0.0000001]]), n_rows=1, info=INFO).scores
    assert scores is not None
    np.testing.assert_array_equal(scores, [[1.0, 0.0]])


def test_neither_labels_nor_scores_is_refused() -> None:
    with pytest.raises(ModelError, match="got neither"):
        checked(raw(), n_rows=1, info=INFO)


def test_batches_give_the_same_answer_as_one() -> None:
    X = pl.DataFrame({"a": np.linspace(0, 1, 10)})

    def ask(batch: pl.DataFrame) -> RawPredictions:
        p = batch["a"].to_numpy()
        return raw(np.column_stack([1 - p, p]), p > 0.5)

    whole, parts = (in_batches(ask, X, info=lambda: INFO, rows=rows) for rows in (10, 3))
    np.testing.assert_array_equal(parts.scores, whole.scores)
    np.testing.assert_array_equal(parts.labels, whole.labels)


def test_bad_row_of_a_later_batch_has_its_position_in_the_table() -> None:
    X = pl.DataFrame({"a": [0.0, 1.0, 2.0, np.nan]})
    with pytest.raises(ModelError, match="in row 3"):
        in_batches(lambda batch: raw(labels=batch["a"].to_numpy()), X, info=lambda: INFO, rows=2)


def test_empty_frame_is_answered_without_asking() -> None:
    answer = in_batches(lambda batch: pytest.fail("asked"), pl.DataFrame({"a": []}), info=lambda: INFO, rows=2)
    assert answer.scores is not None
    assert answer.scores.shape == (0, 2)


@pytest.mark.parametrize(
    ("values", "kind"), [([1, 2], "i"), ([True, False], "b"), (["a", "bc"], "U"), ([1.5, 2.0], "f"), ([[1], [2]], "i")]
)
@pytest.mark.parametrize("as_objects", [False, True])
def test_labels_keep_their_kind(values: list, kind: str, as_objects: bool) -> None:
    labels = plain_labels(np.array(values, dtype=object if as_objects else None))
    assert labels.dtype.kind == kind
    assert labels.tolist() == np.ravel(values).tolist()


def test_labels_of_several_kinds_are_refused() -> None:
    with pytest.raises(ModelError, match="got int, str"):
        plain_labels(np.array([1, "a"], dtype=object))
