from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.fairness.shrinkage import posterior_interval, posterior_mean, rate_posterior, worst_shortfall

CELLS = st.lists(st.integers(0, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=8)
SIZES = {
    "six": [2000, 1500, 300, 120, 30, 8],
    "twelve": [900, 800, 300, 200, 100, 60, 30, 20, 10, 6, 3, 1],
    "thirty": list(np.geomspace(1, 800, 30).astype(int)),
    "three": [500, 400, 20],
}


def test_a_large_group_keeps_its_rate_and_a_small_one_is_drawn_to_the_others() -> None:
    mean = posterior_mean(rate_posterior([600, 310, 300, 0], [1000, 1000, 1000, 3]))
    assert mean[0] == pytest.approx(0.6, abs=0.01)
    assert 0.1 < mean[3] < 0.42


def test_where_groups_differ_much_a_small_one_is_drawn_less() -> None:
    alike = posterior_mean(rate_posterior([300, 305, 298, 302, 0], [1000] * 4 + [10]))[-1]
    unlike = posterior_mean(rate_posterior([50, 900, 300, 600, 0], [1000] * 4 + [10]))[-1]
    assert unlike < 0.15 < 0.25 < alike


@settings(deadline=None)
@given(CELLS)
def test_interval_holds_the_mean_and_stays_in_range(cells: list[tuple[int, int]]) -> None:
    s, n = (list(part) for part in zip(*cells, strict=True))
    if not any(n):
        return
    posterior = rate_posterior(s, n)
    low, high = posterior_interval(posterior, level=0.95)
    mean = posterior_mean(posterior)
    assert ((low >= 0) & (low <= mean) & (mean <= high) & (high <= 1)).all()
    found = worst_shortfall(s, n).estimate
    assert 0 <= found.low <= found.value <= found.high <= 1


@settings(deadline=None, max_examples=30)
@given(CELLS, st.randoms())
def test_order_of_groups_does_not_matter(cells: list[tuple[int, int]], random) -> None:
    if not any(n for _, n in cells):
        return
    shuffled = list(cells)
    random.shuffle(shuffled)
    first, second = (worst_shortfall(*map(list, zip(*part, strict=True))).estimate for part in (cells, shuffled))
    assert first == pytest.approx(second)


def test_counting_failures_turns_harm_around() -> None:
    s, n = np.array([300, 320, 10]), np.array([1000, 1000, 60])
    low_harms = worst_shortfall(s, n).estimate
    assert worst_shortfall(n - s, n, harm_is_high=True).estimate == pytest.approx(low_harms, abs=1e-6)


def test_a_harmed_group_is_found() -> None:
    found = worst_shortfall([600, 610, 590, 60], [1000, 1000, 1000, 200])
    assert found.group == 3
    assert found.estimate.low > 0.15


@pytest.mark.parametrize(("s", "n"), [([1, 2], [1]), ([3, 1], [2, 2]), ([0, 0], [0, 0]), ([0.5, 1], [2, 2])])
def test_counts_that_are_none_are_refused(s, n) -> None:
    with pytest.raises(ValueError, match="expected"):
        rate_posterior(s, n)


def simulated(sizes: str, mean: float, size: float, repeats: int) -> tuple[float, float, float]:
    """Return the coverage of the cells' intervals and of the worst shortfall, and the share of tables that accuse."""
    rng = np.random.default_rng(0)
    n, cells, worst, accused = np.array(SIZES[sizes]), [], 0, 0
    for _ in range(repeats):
        truth = np.full(n.size, mean) if np.isinf(size) else rng.beta(mean * size, (1 - mean) * size, n.size)
        found = worst_shortfall(rng.binomial(n, truth), n)
        gap = (n @ truth / n.sum() - truth).max()
        cells.append(((found.rate.low <= truth) & (truth <= found.rate.high)).mean())
        worst += found.estimate.low - 1e-12 <= gap <= found.estimate.high + 1e-12
        accused += found.estimate.low > 0
    return float(np.mean(cells)), worst / repeats, accused / repeats


def test_equal_groups_are_not_accused() -> None:
    assert simulated("twelve", 0.3, np.inf, 150)[2] < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("mean", "size"), [(0.3, np.inf), (0.3, 20), (0.7, 5), (0.3, 200), (0.1, 60)])
def test_intervals_contain_the_truth_95_percent(sizes: str, mean: float, size: float) -> None:
    cells, worst, accused = simulated(sizes, mean, size, 500)
    # Cells of one table are few and share what is learned of their spread: half a point below nominal is allowed.
    assert cells > 0.935
    assert worst > 0.92
    assert not np.isinf(size) or accused < 0.05
