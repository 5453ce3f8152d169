import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.stats.clustered_shares import clustered_share
from holdfast.kernels.stats.proportions import clopper_pearson

CLUSTERS = st.lists(
    st.integers(0, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=40
)


def test_clusters_of_one_with_many_successes_give_the_exact_binomial_interval() -> None:
    """Trials that are clusters of their own: the effective size is the number of trials, up to n / (n - 1)."""
    found = clustered_share([1] * 40 + [0] * 60, [1] * 100)
    exact = clopper_pearson(40, 100)
    assert found.value == 0.4
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.003)


def test_without_any_success_the_clusters_are_what_counts() -> None:
    found = clustered_share([0] * 20, [50] * 20)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(clopper_pearson(0, 20).high)


def test_clusters_that_agree_within_widen_the_interval() -> None:
    alike = clustered_share([10, 0] * 20, [10] * 40)
    mixed = clustered_share([5] * 40, [10] * 40)
    assert alike.high - alike.low > mixed.high - mixed.low


@given(CLUSTERS)
def test_order_does_not_count_and_the_share_lies_inside(clusters: list[tuple[int, int]]) -> None:
    shuffled = sorted(clusters)
    one, other = (clustered_share(*zip(*each, strict=True)) for each in (clusters, shuffled))
    assert one == pytest.approx(other, nan_ok=True)
    if sum(n for _, n in clusters):
        assert 0.0 <= one.low <= one.value <= one.high <= 1.0


@given(CLUSTERS)
def test_failures_mirror_successes(clusters: list[tuple[int, int]]) -> None:
    s, n = (list(column) for column in zip(*clusters, strict=True))
    one, other = clustered_share(s, n), clustered_share([b - a for a, b in clusters], n)
    if sum(n):
        assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)


def test_one_cluster_says_nothing_and_none_has_no_share() -> None:
    assert clustered_share([3], [9])[1:] == (0.0, 1.0)
    assert math.isnan(clustered_share([], []).value)
    assert clustered_share([0, 3], [0, 9])[1:] == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials"), [([2], [1]), ([1, 1], [1]), ([-1], [3])])
def test_impossible_counts_are_refused(successes: list[int], trials: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        clustered_share(successes, trials)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "clusters", "correlation"),
    [(0.03, 100, 0.3), (0.03, 60, 0.6), (0.1, 60, 0.9), (0.01, 150, 0.5), (0.005, 100, 0.3), (0.3, 30, 0.5)],
)
def test_the_interval_holds_the_share_as_often_as_it_says(share: float, clusters: int, correlation: float) -> None:
    rng = np.random.default_rng(5)
    weight = (1 - correlation) / correlation
    hits = 0
    for _ in range(2000):
        n = rng.integers(1, 20, clusters)
        s = rng.binomial(n, rng.beta(share * weight, (1 - share) * weight, clusters))
        found = clustered_share(s, n)
        hits += found.low <= share <= found.high
    assert hits / 2000 >= 0.935  # three standard errors below 0.95
