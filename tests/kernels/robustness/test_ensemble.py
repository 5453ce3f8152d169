from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.robustness.ensemble import Ensemble, check_ensemble, labels_of, scores
from tests.kernels.robustness.random_trees import random_ensemble, random_points


def walk(ensemble: Ensemble, x: np.ndarray) -> np.ndarray:
    total = ensemble.base.copy()
    for root in ensemble.roots.tolist():
        node = root
        while ensemble.column[node] >= 0:
            value, chosen = x[ensemble.column[node]], ensemble.levels[node]
            if np.isnan(value) or (chosen >= 0 and not 0 <= value < ensemble.level_sets.shape[1]):
                goes_left = ensemble.missing_left[node]
            else:
                goes_left = (
                    ensemble.level_sets[chosen, int(value)] if chosen >= 0 else value <= ensemble.threshold[node]
                )
            node = int(ensemble.left[node] if goes_left else ensemble.right[node])
        total = total + ensemble.value[node]
    return total


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_scores_are_those_of_a_walk_down_each_tree(seed: int, n_outputs: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng, n_outputs=n_outputs)
    X = random_points(rng, ensemble, 6)
    X[0, 0], X[1, 3], X[2, 3] = np.nan, -1.0, 99.0
    check_ensemble(ensemble)
    np.testing.assert_array_equal(scores(ensemble, X), [walk(ensemble, x) for x in X])


def test_one_margin_above_zero_is_class_one_and_ties_go_to_the_first_class() -> None:
    assert labels_of(np.array([[-1.0], [0.0], [1e-300]])).tolist() == [0, 0, 1]
    assert labels_of(np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0]])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("threshold", lambda a: a[:-1], "nodes in 'threshold'"),
        ("threshold", lambda a: np.full_like(a, np.nan), "got NaN"),
        ("left", lambda a: np.where(a >= 0, 1, a), "reached twice or never"),
        ("value", lambda a: np.full_like(a, np.inf), "finite values"),
        ("value", lambda a: a[:, 0], "shapes"),
        ("column", lambda a: np.where(a >= 0, 9, a), "columns below 4"),
        ("levels", lambda a: np.where(a >= 0, 99, a), "sets below 6"),
        ("levels", lambda a: np.where(np.arange(a.size) == 0, 0, -1), "both in columns"),
    ],
)
def test_arrays_that_are_not_trees_are_refused(field: str, change: object, message: str) -> None:
    ensemble = random_ensemble(np.random.default_rng(3), n_categories=1)
    assert callable(change)
    broken = ensemble._replace(**{field: change(getattr(ensemble, field))})
    with pytest.raises(ValueError, match=message):
        check_ensemble(broken)


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="expected rows of 4 columns"):
        scores(random_ensemble(np.random.default_rng(0)), np.zeros((1, 3)))
