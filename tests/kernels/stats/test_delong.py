import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, brunnermunzel, mannwhitneyu, norm

from holdfast.kernels.stats.delong import auc_delong, auc_difference

# Few distinct scores, so that ties and degenerate orders occur.
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9)), max_size=40)


def _columns(rows: list[tuple[bool, int, int]]) -> np.ndarray:
    return np.array(rows, dtype=float).reshape(-1, 3).T


def _comparisons(y: np.ndarray, score: np.ndarray) -> np.ndarray:
    """All pairs at once, shape (n_positive, n_negative): 1 where right, 1/2 where tied."""
    return (np.sign(score[y == 1][:, None] - score[y == 0]) + 1.0) / 2.0


def _variance(kernel: np.ndarray) -> float:
    return sum(kernel.mean(axis=i).var(ddof=1) / kernel.shape[1 - i] for i in (0, 1))


# Known answers


def test_area_by_hand() -> None:
    # Of the pairs, 3 are right and 1 tied: (3 + 1/2) / 4.
    assert auc_delong([0, 0, 1, 1], [1.0, 2.0, 2.0, 3.0]).value == 0.875


def test_perfect_order_has_the_exact_binomial_limit_of_its_disjoint_pairs() -> None:
    y, score = [0] * 50 + [1] * 20, np.arange(70.0)
    assert auc_delong(y, score) == pytest.approx((1.0, 0.025 ** (1 / 20), 1.0))
    assert auc_delong(y, -score) == pytest.approx((0.0, 0.0, 1.0 - 0.025 ** (1 / 20)))


def test_tied_scores_are_chance_with_width() -> None:
    value, low, high = auc_delong([0, 1] * 50, np.zeros(100))
    # KL(1/2, a) = -log(4 a (1 - a)) / 2 = log(40) / 50.
    assert value == 0.5
    assert 4.0 * low * (1.0 - low) == pytest.approx(np.exp(-2.0 * np.log(40.0) / 50.0))
    assert low + high == pytest.approx(1.0)


def test_equal_orders_differ_on_few_pairs_at_most() -> None:
    y, score = [0, 1] * 50, np.random.default_rng(0).normal(size=100)
    half = 1.0 - 0.05 ** (1 / 50)
    assert auc_difference(y, score, np.exp(score)) == pytest.approx((0.0, -half, half))


def test_perfect_against_reversed_is_one() -> None:
    y, score = [0] * 20 + [1] * 20, np.arange(40.0)
    assert auc_difference(y, score, -score) == pytest.approx((1.0, 2.0 * 0.025 ** (1 / 20) - 1.0, 1.0))


# Reference


@pytest.mark.parametrize("n_distinct", [5, 10**6])
def test_area_agrees_with_mann_whitney(n_distinct: int) -> None:
    rng = np.random.default_rng(0)
    y, score = rng.random(300) < 0.3, rng.integers(n_distinct, size=300)
    reference = mannwhitneyu(score[y], score[~y]).statistic / (y.sum() * (~y).sum())
    assert auc_delong(y, score).value == pytest.approx(reference, rel=1e-12)


@pytest.mark.parametrize("n_distinct", [5, 10**6])
def test_intervals_agree_with_all_pairs(n_distinct: int) -> None:
    """The standard error from all pairs; the quantile from Brunner and Munzel's test, which has the same one."""
    rng = np.random.default_rng(1)
    y = (rng.random(80) < 0.4).astype(float)
    a, b = rng.integers(n_distinct, size=(2, 80)) + 0.3 * n_distinct * y
    pairs = _comparisons(y, a)
    auc = pairs.mean()
    test = brunnermunzel(a[y == 0], a[y == 1])
    assert test.statistic == pytest.approx((auc - 0.5) / np.sqrt(_variance(pairs)))
    # The p-value of that test is the level at which the linear interval starts to exclude 1/2.
    level = 1.0 - test.pvalue
    _, low, high = auc_delong(y, a, level=level)
    logit = np.log(auc / (1 - auc))
    half = (auc - 0.5) / (auc * (1 - auc))
    np.testing.assert_allclose((low, high), 1.0 / (1.0 + np.exp(-(logit + np.array([-half, half])))), rtol=1e-6)
    difference = _comparisons(y, a) - _comparisons(y, b)
    estimate = auc_difference(y, a, b)
    assert estimate.value == pytest.approx(difference.mean())
    t_quantile = (estimate.high - estimate.value) / np.sqrt(_variance(difference))
    assert 1.96 < t_quantile < 2.1


# Properties


@given(ROWS, st.floats(0.5, 0.999))
def test_estimates_lie_inside_their_intervals_inside_the_range(rows, level: float) -> None:
    y, a, b = _columns(rows)
    area, difference = auc_delong(y, a, level=level), auc_difference(y, a, b, level=level)
    if 0 < y.sum() < y.size:
        assert 0.0 <= area.low <= area.value <= area.high <= 1.0
        assert -1.0 <= difference.low <= difference.value <= difference.high <= 1.0
        assert area.low < area.high
        assert difference.low < difference.high
        assert difference.value == pytest.approx(area.value - auc_delong(y, b).value)
    else:
        assert (area.low, area.high, difference.low, difference.high) == (0.0, 1.0, -1.0, 1.0)


@given(ROWS)
def test_reversing_the_scores_or_the_classes_mirrors_the_area(rows) -> None:
    y, a, _ = _columns(rows)
    value, low, high = auc_delong(y, a)
    mirrored = (1.0 - value, 1.0 - high, 1.0 - low)
    np.testing.assert_allclose(auc_delong(y, -a), mirrored, atol=1e-9)
    np.testing.assert_allclose(auc_delong(1.0 - y, a), mirrored, atol=1e-9)


@given(ROWS, st.randoms())
def test_order_of_rows_and_monotone_scales_do_not_matter(rows, random) -> None:
    y, a, b = _columns(rows)
    shuffled = _columns(random.sample(rows, len(rows)))
    np.testing.assert_allclose(auc_delong(shuffled[0], np.exp(shuffled[1])), auc_delong(y, a), atol=1e-9)
    np.testing.assert_allclose(auc_difference(*shuffled), auc_difference(y, a, b), atol=1e-9)


@given(ROWS)
def test_swapping_the_models_mirrors_the_difference(rows) -> None:
    value, low, high = auc_difference(*_columns(rows))
    y, a, b = _columns(rows)
    np.testing.assert_allclose(auc_difference(y, b, a), (-value, -high, -low), atol=1e-9)


# Coverage


def _misses(n_positive: int, n_negative: int, area: float, *, n_runs: int) -> int:
    """Gaussian scores whose true area is `area`."""
    rng = np.random.default_rng(7)
    y = np.repeat([1.0, 0.0], [n_positive, n_negative])
    scores = rng.normal(size=(n_runs, y.size)) + np.sqrt(2.0) * norm.ppf(area) * y
    estimates = np.array([auc_delong(y, row) for row in scores])
    return int((~((estimates[:, 1] <= area) & (area <= estimates[:, 2]))).sum())


@pytest.mark.parametrize(
    ("n_positive", "n_negative", "area", "least", "most"),
    [(30, 30, 0.75, 0.94, 0.98), (100, 100, 0.9, 0.935, 0.97), (20, 20, 0.99, 0.94, 1.0), (10, 300, 0.9, 0.89, 0.97)],
)
def test_area_interval_covers_near_level(
    n_positive: int, n_negative: int, area: float, least: float, most: float
) -> None:
    misses = _misses(n_positive, n_negative, area, n_runs=1000)
    assert binom.ppf(1e-6, 1000, 1.0 - most) <= misses <= binom.isf(1e-6, 1000, 1.0 - least)


@pytest.mark.slow
@pytest.mark.parametrize("area", [0.5, 0.75, 0.9, 0.95])
def test_area_interval_covers_near_level_in_a_large_simulation(area: float) -> None:
    misses = _misses(60, 60, area, n_runs=20_000)
    assert binom.ppf(1e-6, 20_000, 0.03) <= misses <= binom.isf(1e-6, 20_000, 0.06)


@pytest.mark.parametrize("n_rows", [15, 60])
def test_difference_interval_covers_near_level(n_rows: int) -> None:
    rng = np.random.default_rng(8)
    y = np.repeat([1.0, 0.0], n_rows)
    shared, own_a, own_b = rng.normal(size=(3, 1000, 2 * n_rows))
    a, b = 0.7 * shared + np.sqrt(0.51) * own_a + 1.5 * y, 0.7 * shared + np.sqrt(0.51) * own_b + y
    truth = norm.cdf(1.5 / np.sqrt(2.0)) - norm.cdf(1.0 / np.sqrt(2.0))
    estimates = np.array([auc_difference(y, *scores) for scores in zip(a, b, strict=True)])
    misses = int((~((estimates[:, 1] <= truth) & (truth <= estimates[:, 2]))).sum())
    assert binom.ppf(1e-6, 1000, 0.03) <= misses <= binom.isf(1e-6, 1000, 0.06)


# Edges


@pytest.mark.parametrize("y", [[], [0.0, 0.0], [1.0]])
def test_without_two_classes_nothing_is_known(y: list[float]) -> None:
    area, difference = auc_delong(y, np.ones(len(y))), auc_difference(y, np.ones(len(y)), np.ones(len(y)))
    assert np.isnan((area.value, difference.value)).all()
    assert (area.low, area.high, difference.low, difference.high) == (0.0, 1.0, -1.0, 1.0)


def test_single_positive_keeps_an_honest_width() -> None:
    value, low, high = auc_delong([1, *[0] * 99], [0.5, *np.linspace(0.0, 1.0, 99)])
    assert low < 0.05 < value < 0.95 < high


def test_infinite_scores_and_float32_are_ranked() -> None:
    y = np.array([0, 1, 0, 1, 1], dtype=np.int8)
    scores = np.array([-np.inf, np.inf, 0.5, 0.4, 0.9], dtype=np.float32)
    assert auc_delong(y, scores) == auc_delong(y, [0, 4, 2, 1, 3])


def test_many_rows_cost_a_sort() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(200_000) < 0.5
    start = time.perf_counter()
    estimate = auc_delong(y, rng.normal(size=y.size) + y)
    assert time.perf_counter() - start < 60
    assert estimate.low < norm.cdf(1.0 / np.sqrt(2.0)) < estimate.high


@pytest.mark.parametrize(
    ("y", "score", "message"),
    [([0, 2], [0.1, 0.2], "y_true with 2"), ([0, 1], [0.1, np.nan], r"score.*\[1\]=nan"), ([0, 1], [0.1], "with 1")],
)
def test_invalid_inputs_are_refused(y: list[int], score: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        auc_delong(y, score)
    with pytest.raises(ValueError, match=message):
        auc_difference(y, score, score)
