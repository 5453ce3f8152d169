from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.kernels.drift.grid import number_grid
from holdfast.kernels.drift.two_sample import LARGE, SMALL, chi_square, ks_exact, ks_on_cells

COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=12)
SAMPLES = st.lists(st.floats(-5, 5).map(lambda x: round(x, 1)), min_size=2, max_size=60)


@given(SAMPLES, SAMPLES)
def test_the_exact_test_is_scipys(a: list[float], b: list[float]) -> None:
    found, known = ks_exact([*a, np.nan], b), stats.ks_2samp(a, b, method="asymp")
    assert found is not None
    assert found.statistic == pytest.approx(known.statistic)
    assert found.p_value == pytest.approx(known.pvalue)


def test_large_samples_have_scipys_p_value_too() -> None:
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.01, 0.03):
        a, b = rng.normal(size=3 * LARGE), rng.normal(shift, 1, 3 * LARGE)
        found = ks_exact(a, b)
        assert found is not None
        assert found.p_value == pytest.approx(stats.ks_2samp(a, b, method="asymp").pvalue, rel=1e-3)


@pytest.mark.parametrize("size", [SMALL - 1, SMALL, 1_000, LARGE, LARGE + 1])
def test_p_values_are_scipys_at_every_size_and_never_rise_with_the_distance(size: int) -> None:
    n = 2 * size  # of each side, so that the effective size is this
    p_values = []
    for apart in np.linspace(0.2, 2.5, 24) / np.sqrt(size):
        moved = round(apart * n)
        found = ks_on_cells([moved, n - moved], [0, n])
        assert found is not None
        assert found.p_value == pytest.approx(stats.kstwo.sf(moved / n, size), rel=5e-3)
        p_values.append(found.p_value)
    assert (np.diff(p_values) <= 0.0).all()


@given(SAMPLES, SAMPLES, st.integers(2, 20))
def test_cells_can_hide_drift_and_never_invent_it(a: list[float], b: list[float], n_cells: int) -> None:
    grid = number_grid(a, n_cells=n_cells)
    sides = [np.bincount(np.searchsorted(grid.edges, x), minlength=grid.n_cells) for x in (a, b)]
    found, exact = ks_on_cells(*sides), ks_exact(a, b)
    assert found is not None
    assert exact is not None
    assert found.statistic <= exact.statistic + 1e-12
    assert found.p_value >= exact.p_value - 1e-12
    assert found.effect.low <= exact.effect.low + 1e-12
    assert found.effect.high >= exact.effect.high - 1e-12


@given(COUNTS)
def test_effects_lie_in_their_intervals_and_sides_can_be_swapped(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    for test in (ks_on_cells, chi_square):
        found, swapped = test(a, b), test(b, a)
        assert (found is None) == (not a.sum() or not b.sum())
        if found is None or swapped is None:
            continue
        assert 0.0 <= found.effect.low <= found.effect.value <= found.effect.high <= 1.0
        assert 0.0 <= found.p_value <= 1.0
        assert found.p_value == pytest.approx(swapped.p_value)
        assert found.effect == pytest.approx(swapped.effect)


def test_chi_square_is_scipys_where_no_category_is_rare() -> None:
    table = np.array([[50, 60, 90], [70, 80, 30]])
    found, known = chi_square(*table), stats.chi2_contingency(table, correction=False)
    assert found is not None
    assert (found.statistic, found.p_value) == pytest.approx((known.statistic, known.pvalue))


def test_a_thousand_rare_categories_raise_no_alarm_of_themselves() -> None:
    rng = np.random.default_rng(0)
    p_values = [chi_square(*rng.multinomial(1000, np.full(1000, 1e-3), 2)).p_value for _ in range(200)]  # type: ignore[union-attr]
    assert np.mean(np.array(p_values) < 0.05) < 0.11


def test_one_category_on_both_sides_is_no_difference() -> None:
    found = chi_square([50, 0], [20, 0])
    assert found is not None
    assert (found.statistic, found.p_value, found.effect.value) == (0.0, 1.0, 0.0)


def test_infinities_are_ordered() -> None:
    found = ks_exact([-np.inf, 0.0], [0.0, np.inf])
    assert found is not None
    assert found.statistic == 0.5


@pytest.mark.parametrize("bad", [([1, 2], [1]), ([-1, 2], [1, 1]), ([[1]], [[1]])])
def test_counts_that_do_not_fit_are_refused(bad: tuple[list[int], list[int]]) -> None:
    with pytest.raises(ValueError, match="expected counts"):
        ks_on_cells(*bad)


CASES = {"alike": 0.0, "near": 0.1, "far": 1.0}


def covered(shift: float, n: int, m: int, repeats: int) -> tuple[float, float, float]:
    """Share of intervals that hold the truth, for KS and total variation, and of p-values below 0.05."""
    rng = np.random.default_rng(0)
    cuts = stats.norm.ppf(np.arange(1, 20) / 20)
    p, q = (np.diff(np.concatenate([[0], stats.norm.cdf(cuts - by), [1]])) for by in (0.0, shift))
    truths = np.abs(np.cumsum(p - q)).max(), np.abs(p - q).sum() / 2
    hits, alarms = np.zeros(2), 0
    for _ in range(repeats):
        a, b = rng.multinomial(n, p), rng.multinomial(m, q)
        found = [ks_on_cells(a, b), chi_square(a, b)]
        hits += [
            each.effect.low - 1e-12 <= truth <= each.effect.high for each, truth in zip(found, truths, strict=True)
        ]  # type: ignore[union-attr]
        alarms += found[1].p_value < 0.05  # type: ignore[union-attr]
    return hits[0] / repeats, hits[1] / repeats, alarms / repeats


@pytest.mark.parametrize("case", CASES)
def test_intervals_contain_the_truth(case: str) -> None:
    assert min(covered(CASES[case], 500, 300, 200)[:2]) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sizes", [(200, 200), (5000, 500)])
def test_intervals_contain_the_truth_95_percent(case: str, sizes: tuple[int, int]) -> None:
    assert min(covered(CASES[case], *sizes, 2000)[:2]) > 0.94


@pytest.mark.slow
def test_alike_samples_raise_false_alarms_at_the_level() -> None:
    assert 0.035 < covered(0.0, 500, 300, 4000)[2] < 0.065
    rng = np.random.default_rng(0)
    alarms = [ks_exact(rng.normal(size=400), rng.normal(size=300)).p_value < 0.05 for _ in range(3000)]  # type: ignore[union-attr]
    assert 0.02 < np.mean(alarms) < 0.06
