from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from holdfast.kernels.robustness.label_search import LabelSearch
from holdfast.kernels.robustness.starts import Starts
from holdfast.kernels.robustness.threat import Threat
from tests.kernels.robustness.test_candidates import search

Labels = Callable[[np.ndarray], np.ndarray]


def distances(X: np.ndarray, predict: Labels, threat: Threat) -> np.ndarray:
    made = search(X.tolist(), predict, threat)
    made.y = predict(X)
    donors = np.random.default_rng(9).uniform(-8, 8, (200, X.shape[1]))
    LabelSearch(made, Starts(made, donors, predict(donors))).run()
    return made.radius


@pytest.mark.parametrize(("norm", "dual", "worst"), [("linf", 1.0, 1.02), ("l2", 2.0, 1.1), ("l1", np.inf, 1.05)])
def test_the_distance_to_a_plane_is_nearly_the_exact_one(norm: str, dual: float, worst: float) -> None:
    rng = np.random.default_rng(0)
    w, X = rng.normal(size=6), rng.normal(size=(60, 6))
    found = distances(X, lambda Z: (Z @ w > 0).astype(np.int64), Threat(np.inf, 0, 1500, norm))  # type: ignore[arg-type]
    exact = np.abs(X @ w) / np.linalg.norm(w, dual)
    assert (found >= exact * (1 - 1e-9)).all()
    assert np.median(found / exact) < worst


def test_one_column_that_decides_is_found_among_many() -> None:
    X = np.random.default_rng(1).uniform(-1, 1, (30, 100))
    found = distances(X, lambda Z: (Z[:, 17] > 2).astype(np.int64), Threat(np.inf, 0, 800))
    assert found == pytest.approx(2 - X[:, 17], rel=0.01)


def test_two_columns_that_must_move_together_are_found() -> None:
    X = np.random.default_rng(2).uniform(-1, 1, (30, 5))
    found = distances(X, lambda Z: ((Z[:, 1] > 2) & (Z[:, 3] < -2)).astype(np.int64), Threat(np.inf, 0, 800))
    assert found == pytest.approx(np.maximum(2 - X[:, 1], 2 + X[:, 3]), rel=0.01)


def test_a_model_that_never_changes_its_mind_is_left_after_some_tries() -> None:
    X = np.random.default_rng(3).uniform(-1, 1, (4, 3))
    made = search(X.tolist(), threat=Threat(1.0, 0, 10**6))
    LabelSearch(made, Starts(made, X + 3, np.ones(4, dtype=np.int64))).run()
    assert made.done.all()
    assert made.used.max() < 10**4
