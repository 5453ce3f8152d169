"""Metrics under probabilities of the outcomes, and what each case does to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from holdfast.kernels.estimation.influence import METRICS, Metric, influence, label_variance


def drawn(n: int, k: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.dirichlet(np.ones(k), n).round(2)
    score = (score + 0.01) / (score + 0.01).sum(axis=1, keepdims=True)
    p = rng.dirichlet(np.ones(k), n)
    return p, score, score.argmax(axis=1), np.ones(n)


def reference(metric: Metric, y: np.ndarray, score: np.ndarray, predicted: np.ndarray) -> float:
    binary = score.shape[1] == 2
    average = {"average": "binary" if binary else "macro", "zero_division": 0}
    match metric:
        case "accuracy":
            return float(sk.accuracy_score(y, predicted))
        case "auc":
            return float(sk.roc_auc_score(y, score[:, 1] if binary else score, multi_class="ovr"))
        case "brier":
            return float(((score - np.eye(score.shape[1])[y]) ** 2).sum(axis=1).mean() / 2)
        case "log_loss":
            return float(sk.log_loss(y, score))
        case "precision":
            return float(sk.precision_score(y, predicted, **average))
        case "recall":
            return float(sk.recall_score(y, predicted, **average))
        case "f1":
            return float(sk.f1_score(y, predicted, **average))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [2, 4])
def test_known_outcomes_give_the_metric_of_scikit_learn(metric: Metric, k: int) -> None:
    _, score, predicted, count = drawn(300, k)
    y = np.random.default_rng(1).integers(0, k, 300)
    found = influence(metric, np.eye(k)[y], score, predicted, count)
    assert found.value == pytest.approx(reference(metric, y, score, predicted), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_probabilities_give_about_the_mean_over_outcomes_and_its_variance(metric: Metric, k: int) -> None:
    p, score, predicted, count = drawn(400, k, seed=3)
    found = influence(metric, p, score, predicted, count)
    rng = np.random.default_rng(4)
    seen = [
        reference(metric, (rng.random((400, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1), score, predicted)
        for _ in range(600)
    ]
    sd = np.sqrt(label_variance(found.rows, p).sum()) / 400
    assert abs(np.mean(seen) - found.value) < 5 * sd / np.sqrt(600) + 0.02 * sd
    assert np.std(seen) == pytest.approx(sd, rel=0.15)


@pytest.mark.parametrize("metric", METRICS)
def test_influence_is_the_derivative_by_the_weight_of_a_case(metric: Metric) -> None:
    _, score, predicted, count = drawn(50, seed=5)
    hard = np.eye(2)[np.random.default_rng(6).integers(0, 2, 50)]
    found = influence(metric, hard, score, predicted, count)
    heavier = count.copy()
    heavier[7] += 1e-6
    slope = (influence(metric, hard, score, predicted, heavier).value - found.value) / 1e-6 * 50
    assert slope == pytest.approx((found.rows[7] * hard[7]).sum(), abs=1e-3)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_have_mean_zero(metric: Metric) -> None:
    p, score, predicted, count = drawn(200, 3, seed=7)
    found = influence(metric, p, score, predicted, count)
    # Cases are not compared with themselves, which moves the mean of an AUC by the order of one case.
    assert abs((found.rows * p).sum() / 200) < (0.02 if metric == "auc" else 1e-12)


@given(st.integers(0, 10**6), st.sampled_from(METRICS))
def test_order_and_grouping_of_cases_do_not_matter(seed: int, metric: Metric) -> None:
    p, score, predicted, count = drawn(30, seed=seed)
    p = np.eye(2)[(p[:, 1] > 0.5).astype(int)]
    whole = influence(metric, p, score, predicted, count).value
    order = np.random.default_rng(seed).permutation(30)
    again = influence(metric, p[order], score[order], predicted[order], count).value
    twice = influence(metric, p, score, predicted, 2 * count).value
    assert whole == pytest.approx(again, nan_ok=True)
    assert whole == pytest.approx(twice, nan_ok=True)


@pytest.mark.parametrize("metric", METRICS)
def test_no_case_gives_no_value(metric: Metric) -> None:
    empty = np.zeros((0, 2))
    assert np.isnan(influence(metric, empty, empty, np.zeros(0, dtype=np.int64), np.zeros(0)).value)


@pytest.mark.parametrize("metric", ["auc", "recall"])
def test_one_class_has_no_such_metric(metric: Metric) -> None:
    _, score, predicted, count = drawn(20)
    found = influence(metric, np.tile([1.0, 0.0], (20, 1)), score, predicted, count)
    assert np.isnan(found.value)
    assert not found.rows.any()
