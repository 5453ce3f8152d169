import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from holdfast.kernels.performance.auc import macro_auc
from holdfast.kernels.stats.delong import auc_delong


def draw(rng, n, shares=(0.6, 0.3, 0.1), shift=1.2):
    y = rng.choice(len(shares), p=shares, size=n)
    scores = rng.normal(size=(n, len(shares)))
    scores[np.arange(n), y] += shift
    return y, scores


@pytest.mark.parametrize("decimals", [0, 8])
def test_value_is_scikit_learns_one_versus_rest_average(decimals):
    y, scores = draw(np.random.default_rng(0), 500)
    scores = scores.round(decimals)
    # Scikit-learn's own average wants rows that add up to one, which scores need not.
    expected = np.mean([roc_auc_score(y == label, scores[:, label]) for label in range(3)])
    assert macro_auc(y, scores).value == pytest.approx(expected, abs=1e-12)


def test_two_classes_with_mirrored_scores_agree_with_delong():
    rng = np.random.default_rng(1)
    y = rng.integers(2, size=400)
    score = rng.normal(size=400) + y
    ours = macro_auc(y, np.column_stack((-score, score)))
    theirs = auc_delong(y, score)
    assert ours.value == pytest.approx(theirs.value)
    assert ours.low == pytest.approx(theirs.low, abs=2e-3)
    assert ours.high == pytest.approx(theirs.high, abs=2e-3)


def test_a_perfect_order_is_not_certain():
    y = np.arange(60) % 3
    estimate = macro_auc(y, np.eye(3)[y] + np.linspace(0, 0.1, 60)[:, None])
    assert estimate.value == 1.0
    assert 0.5 < estimate.low < 1.0
    assert estimate.high == 1.0


def test_constant_scores_are_no_better_than_chance():
    estimate = macro_auc([0, 1, 2] * 10, np.ones((30, 3)))
    assert estimate.value == 0.5
    assert estimate.low < 0.5 < estimate.high


def test_a_class_that_never_occurs_is_left_out():
    y, scores = draw(np.random.default_rng(2), 200, shares=(0.5, 0.5, 0.0))
    expected = np.mean([roc_auc_score(y == label, scores[:, label]) for label in range(2)])
    assert macro_auc(y, scores).value == pytest.approx(expected)


@pytest.mark.parametrize("y", [[], [0, 0]])
def test_fewer_than_two_classes_have_no_area(y):
    estimate = macro_auc(y, np.ones((len(y), 3)))
    assert np.isnan(estimate.value)
    assert estimate[1:] == (0.0, 1.0)


def test_row_order_does_not_matter():
    rng = np.random.default_rng(3)
    y, scores = draw(rng, 100)
    order = rng.permutation(100)
    assert macro_auc(y[order], scores[order]) == pytest.approx(macro_auc(y, scores))


def test_nan_is_refused():
    with pytest.raises(ValueError, match="finite"):
        macro_auc([0, 1], [[np.nan, 1.0], [0.0, 1.0]])


def coverage(n, repeats):
    rng = np.random.default_rng(0)
    truth = macro_auc(*draw(rng, 200_000)).value
    estimates = [macro_auc(*draw(rng, n)) for _ in range(repeats)]
    return np.mean([e.low <= truth <= e.high for e in estimates])


def test_interval_contains_the_truth():
    assert coverage(400, 200) > 0.88


@pytest.mark.slow
def test_interval_contains_the_truth_95_percent():
    assert 0.93 < coverage(400, 3000) < 0.975
