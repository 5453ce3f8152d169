from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from holdfast.kernels.robustness.score_search import ScoreSearch
from holdfast.kernels.robustness.starts import Starts
from holdfast.kernels.robustness.threat import Threat
from tests.kernels.robustness.test_candidates import search
from tests.kernels.robustness.test_label_search import distances as by_labels

Scores = Callable[[np.ndarray], np.ndarray]


def distances(X: np.ndarray, predict: Scores, threat: Threat, donors: np.ndarray | None = None) -> np.ndarray:
    made = search(X.tolist(), predict, threat)
    made.y = predict(X).argmax(axis=1)
    donors = np.random.default_rng(9).uniform(-8, 8, (200, X.shape[1])) if donors is None else donors
    starts = Starts(made, donors, predict(donors).argmax(axis=1) if len(donors) else np.zeros(0, dtype=np.int64))
    starts.try_other_rows()
    ScoreSearch(made, starts).run()
    return made.radius


def linear(w: np.ndarray) -> Scores:
    return lambda Z: np.column_stack([-(Z @ w), Z @ w])


def test_the_distance_to_a_plane_is_nearly_the_exact_one() -> None:
    rng = np.random.default_rng(0)
    w, X = rng.normal(size=6), rng.normal(size=(60, 6))
    found, exact = distances(X, linear(w), Threat(np.inf, 0, 1000)), np.abs(X @ w) / np.abs(w).sum()
    assert (found >= exact * (1 - 1e-9)).all()
    assert np.median(found / exact) < 1.01


def test_scores_bring_flips_closer_than_labels_at_equal_queries() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 8))
    y = (np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + X[:, 3] > 0).astype(int)
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(X, y)
    scored = distances(X[:60], model.predict_proba, Threat(np.inf, 0, 600), X)
    labelled = by_labels(X[:60], lambda Z: model.predict_proba(Z).argmax(axis=1), Threat(np.inf, 0, 600))
    assert scored.mean() < labelled.mean()


def test_a_flip_is_found_without_other_rows_by_going_downhill() -> None:
    X = np.full((5, 40), 0.1)
    w = np.linspace(-1, 1.5, 40)
    found = distances(X, linear(w), Threat(0.2, 0, 2000), np.zeros((0, 40)))
    assert np.isfinite(found).all()
    assert found == pytest.approx((X @ w) / np.abs(w).sum(), rel=0.05)


def test_three_classes_are_told_apart_by_the_second_best() -> None:
    X = np.random.default_rng(4).normal(size=(40, 2))
    found = distances(X, lambda Z: np.column_stack([Z[:, 0], Z[:, 1], -Z[:, 0]]), Threat(np.inf, 0, 600))
    scores = np.sort(np.column_stack([X[:, 0], X[:, 1], -X[:, 0]]), axis=1)
    best = np.column_stack([X[:, 0], X[:, 1], -X[:, 0]]).argmax(axis=1)
    to_y = np.abs(X[:, 1] - np.abs(X[:, 0])) / 2
    exact = np.where(best == 1, to_y, np.minimum(to_y, np.abs(X[:, 0])))
    assert scores.shape == (40, 3)
    assert np.median(found / exact) < 1.02
