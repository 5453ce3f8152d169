from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.performance.abstention import abstention_curve, prediction_sets


@pytest.mark.parametrize("coverage", [0.8, 0.9])
@pytest.mark.parametrize("n", [19, 200])
def test_sets_hold_the_truth_as_often_as_promised(coverage: float, n: int) -> None:
    rng = np.random.default_rng(0)
    hits = total = 0
    for _ in range(400):
        truth = rng.integers(0, 4, n + 50)
        scores = rng.dirichlet(np.ones(4), n + 50)  # a model that knows little; the promise holds whatever it says
        scores[np.arange(n + 50), truth] += 0.3
        sets = prediction_sets(scores[:n], truth[:n], scores[n:], coverage=coverage)
        hits += int(sets[np.arange(50), truth[n:]].sum())
        total += 50
    rate = hits / total
    assert coverage - 0.01 <= rate <= coverage + 1 / (n + 1) + 0.01


def test_too_few_known_cases_promise_nothing_but_everything() -> None:
    assert prediction_sets([[0.9, 0.1]] * 5, [0] * 5, [[0.5, 0.5]], coverage=0.9).all()


def test_curve_is_the_error_of_the_surest() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(1000)
    wrong = rng.random(1000) > confidence
    curve = abstention_curve(confidence, wrong)
    top = np.argsort(-confidence)[:500]
    middle = int(np.searchsorted(curve.answered, 0.5))
    assert curve.error[middle] == wrong[top].mean()
    assert curve.error[-1] == wrong.mean()
    assert (np.diff(curve.error) > 0).mean() > 0.8
    assert ((curve.low <= curve.error) & (curve.error <= curve.high)).all()


def test_cases_with_equal_confidence_are_answered_together() -> None:
    curve = abstention_curve([0.9, 0.5, 0.5, 0.5], [False, True, False, True], points=4)
    assert curve.answered.tolist() == [0.25, 1.0]
    assert curve.error.tolist() == [0.0, 0.5]
