from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from holdfast.adapters.models.opening import wrap_model
from holdfast.core.errors import InputError, ModelError


def given(function, frame: pl.DataFrame) -> type:
    """The type that a callable is given."""
    seen: list[type] = []

    def recording(X):
        seen.append(type(X))
        return np.zeros(len(X), dtype=int)

    recording.__annotations__ = getattr(function, "__annotations__", {})
    recording.__signature__ = __import__("inspect").signature(function)
    wrap_model(recording).predict(frame)
    return seen[0]


def annotated_numpy(X: np.ndarray): ...
def annotated_pandas(X: pd.DataFrame): ...
def annotated_polars(X: pl.DataFrame): ...
def plain(X): ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [(annotated_numpy, np.ndarray), (annotated_pandas, pd.DataFrame), (annotated_polars, pl.DataFrame)],
)
def test_annotation_decides_what_is_given(function, expected: type, numbers: pl.DataFrame) -> None:
    assert given(function, numbers) is expected


def test_numbers_come_as_a_matrix_without_annotation(numbers: pl.DataFrame) -> None:
    assert given(plain, numbers) is np.ndarray


def test_mixed_columns_come_as_a_pandas_frame_without_annotation(mixed: pl.DataFrame) -> None:
    assert given(plain, mixed) is pd.DataFrame


@pytest.mark.parametrize(
    ("returned", "capability"),
    [
        (lambda X: np.column_stack([X[:, 0] * 0 + 0.25, X[:, 0] * 0 + 0.75]), "scores"),
        (lambda X: X, "labels"),
        (lambda X: np.where(X[:, 0] > 0, "yes", "no"), "labels"),
        (lambda X: X[:, 0] > 0, "labels"),
        (lambda X: (X[:, 0] > 0).astype(int).tolist(), "labels"),
        (lambda X: 1 / (1 + np.exp(-X[:, :1])), "scores"),
        (lambda X: 10 * X[:, 0], "values"),
    ],
    ids=["probabilities", "raw scores", "text", "truth", "integers", "positive", "values"],
)
def test_first_answer_settles_the_meaning(returned, capability: str, numbers: pl.DataFrame) -> None:
    model = wrap_model(returned)
    model.predict(numbers)
    assert model.info.capabilities == {"query", capability}
    assert model.info.notes


def test_probability_of_the_second_class_becomes_two_columns(numbers: pl.DataFrame) -> None:
    scores = wrap_model(lambda X: np.full(len(X), 0.25)).predict(numbers).scores
    np.testing.assert_array_equal(scores[0], [0.75, 0.25])


def test_answer_that_breaks_the_settled_meaning_is_refused(numbers: pl.DataFrame) -> None:
    model = wrap_model(lambda X: X[:, 0])
    model.predict(pl.DataFrame({"a": [0.1, 0.9]}))
    with pytest.raises(ModelError, match="expected class probabilities"):
        model.predict(numbers)


def test_number_of_answers_must_be_that_of_rows(numbers: pl.DataFrame) -> None:
    with pytest.raises(ModelError, match=r"expected 200 answers .* got shape \(3,\)"):
        wrap_model(lambda X: np.zeros(3)).predict(numbers)


def test_nan_is_refused(numbers: pl.DataFrame) -> None:
    with pytest.raises(ModelError, match="expected finite numbers"):
        wrap_model(lambda X: np.full(len(X), np.nan)).predict(numbers)


def test_error_in_the_callable_is_the_models(numbers: pl.DataFrame) -> None:
    with pytest.raises(ModelError, match="failed with ZeroDivisionError"):
        wrap_model(lambda X: 1 // 0).predict(numbers)


def test_queries_count_rows(numbers: pl.DataFrame) -> None:
    model = wrap_model(lambda X: np.zeros(len(X)))
    model.predict(numbers)
    model.predict(numbers.head(3))
    assert model.queries == 203


def test_callable_has_no_digest_and_says_that_it_is_unconfined() -> None:
    info = wrap_model(lambda X: X).info
    assert info.digest is None
    assert info.confinement["process"].startswith("none")


@pytest.mark.parametrize("thing", [{"model": 1}, 3, "model.onnx"])
def test_what_is_no_model_is_refused(thing: object) -> None:
    with pytest.raises(InputError, match="expected a scikit-learn estimator"):
        wrap_model(thing)


def test_class_instead_of_object_is_refused() -> None:
    with pytest.raises(InputError, match="got the class DataFrame"):
        wrap_model(pl.DataFrame)


def test_position_of_the_largest_score_stands_for_a_class(numbers: pl.DataFrame) -> None:
    model = wrap_model(lambda X: np.column_stack([X[:, 0] * 0, X[:, 0]]))
    model.predict(numbers)
    assert model.info.classes == (0, 1)
    assert model.info.capabilities == {"query", "labels"}
