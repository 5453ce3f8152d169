from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, norm

from holdfast.kernels.fairness.score_distance import largest_distance, rates_at_cuts

CASES = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 2)), min_size=1, max_size=60)


def test_distance_of_two_groups_is_that_of_kolmogorov_and_smirnov() -> None:
    rng = np.random.default_rng(0)
    score, group = rng.normal(size=600), rng.integers(0, 2, 600)
    score[group == 1] += 0.3
    found = largest_distance(score, group, n_groups=2)
    reference = ks_2samp(score[group == 0], score[group == 1])
    assert found is not None
    assert found.estimate.value == pytest.approx(reference.statistic)
    assert (found.highest, found.lowest) == (1, 0)


@given(CASES)
def test_no_cut_off_makes_a_larger_gap(cases: list[tuple[int, int]]) -> None:
    score, group = map(np.array, zip(*cases, strict=True))
    found = largest_distance(score, group, n_groups=3)
    above, rows = rates_at_cuts(score, group, np.arange(-1, 7), n_groups=3)
    used = rows > 0
    if found is None:
        assert used.sum() < 2
        return
    shares = above[:, used] / rows[used]
    assert found.estimate.value == pytest.approx((shares.max(axis=1) - shares.min(axis=1)).max())
    assert 0.0 <= found.estimate.low <= found.estimate.value <= found.estimate.high <= 1.0


@given(CASES)
def test_only_the_order_of_scores_matters(cases: list[tuple[int, int]]) -> None:
    score, group = map(np.array, zip(*cases, strict=True))
    first = largest_distance(score, group, n_groups=3)
    second = largest_distance(np.exp(score / 2.0), group, n_groups=3)
    assert (first is None) == (second is None)
    assert first is None or first.estimate == second.estimate  # type: ignore[union-attr]


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_interval_contains_the_true_distance(shift: float) -> None:
    rng, hits = np.random.default_rng(0), 0
    truth = 2 * norm.cdf(shift / 2) - 1
    group = np.repeat([0, 1, 2], [300, 100, 100])
    for _ in range(200):
        found = largest_distance(rng.normal(size=500) + shift * (group == 2), group, n_groups=3)
        assert found is not None
        hits += found.estimate.low <= truth <= found.estimate.high
    assert hits / 200 >= 0.95


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="same number"):
        largest_distance([1.0], [0, 1], n_groups=2)
