from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.fairness.group_gaps import largest_estimate_gap
from holdfast.kernels.fairness.group_scores import auc_by_group, mean_by_group
from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.stats.mean import mean_t


def cases(n: int = 1200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = rng.integers(-1, 3, n)
    y = rng.random(n) < 0.4
    return y, rng.normal(size=n) + y, group


def test_groups_are_judged_by_themselves() -> None:
    y, score, group = cases()
    areas = auc_by_group(y, score, group, n_groups=3)
    means, gap = mean_by_group(score, group, n_groups=3)
    for at in range(3):
        rows = group == at
        assert (areas.value[at], areas.low[at], areas.high[at]) == pytest.approx(auc_delong(y[rows], score[rows]))
        assert (means.value[at], means.low[at], means.high[at]) == pytest.approx(mean_t(score[rows]))
    assert gap is not None
    assert gap.estimate.value == pytest.approx(means.value.max() - means.value.min())


def test_areas_agree_with_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    y, score, group = cases()
    theirs = [roc_auc_score(y[group == at], score[group == at]) for at in range(3)]
    assert auc_by_group(y, score, group, n_groups=3).value == pytest.approx(theirs)


def test_a_group_with_one_outcome_or_no_rows_is_unknown() -> None:
    areas = auc_by_group([1, 1, 0, 1], [1.0, 2, 3, 4], [0, 0, 1, 1], n_groups=3)
    assert np.isnan(areas.value[[0, 2]]).all()
    assert (areas.low[0], areas.high[0]) == (0.0, 1.0)
    means, _ = mean_by_group([1.0, 2.0], [0, 0], n_groups=2)
    assert np.isnan(means.value[1])


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="same number of rows"):
        auc_by_group([1, 0], [1.0], [0, 0], n_groups=1)


def covered(repeats: int, shift: float) -> float:
    rng, hits = np.random.default_rng(0), 0
    from scipy.stats import norm

    truths = norm.cdf(np.array([1.0, 1.0, 1.0 + shift]) / np.sqrt(2))
    truth = truths.max() - truths.min()
    for _ in range(repeats):
        group = np.repeat([0, 1, 2], [400, 150, 60])
        y = rng.random(group.size) < 0.4
        score = rng.normal(size=group.size) + y * np.where(group == 2, 1.0 + shift, 1.0)

        def areas(level: float, y=y, score=score, group=group):
            return auc_by_group(y, score, group, n_groups=3, level=level)

        gap = largest_estimate_gap(areas)
        assert gap is not None
        hits += gap.estimate.low <= truth <= gap.estimate.high
    return hits / repeats


@pytest.mark.parametrize("shift", [0.0, -0.8])
def test_interval_of_the_gap_contains_the_truth(shift: float) -> None:
    assert covered(150, shift) > 0.89


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, -0.8])
def test_interval_of_the_gap_contains_the_truth_95_percent(shift: float) -> None:
    assert covered(2000, shift) > 0.935
