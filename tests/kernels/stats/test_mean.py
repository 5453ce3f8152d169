import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, quantile_test, ttest_1samp

from holdfast.kernels.stats.mean import mean_t, quantile_interval

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60)
LEVELS = st.floats(0.5, 0.999)


# Known answers


def test_mean_of_three_numbers() -> None:
    # t quantile 4.302653 times 1 / sqrt(3).
    np.testing.assert_allclose(mean_t([1.0, 2.0, 3.0]), (2.0, 2.0 - 2.4841377, 2.0 + 2.4841377), rtol=1e-7)


def test_median_of_ten_lies_between_ranks_two_and_nine() -> None:
    # P(Binomial(10, 1/2) <= 1) = 0.0107 and P(<= 2) = 0.0547.
    assert quantile_interval(np.arange(1, 11), 0.5) == (5.0, 2.0, 9.0)


def test_upper_end_of_a_high_percentile_needs_enough_rows() -> None:
    # The maximum exceeds the 99th percentile with probability 1 - 0.99^n, above 0.975 from 368 rows on.
    assert quantile_interval(np.arange(367), 0.99).high == np.inf
    assert quantile_interval(np.arange(368), 0.99).high == 367.0


# Reference


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_mean_agrees_with_scipy(level: float) -> None:
    x = np.random.default_rng(0).gamma(2.0, size=37)
    reference = ttest_1samp(x, 0.0).confidence_interval(level)
    np.testing.assert_allclose(mean_t(x, level=level)[1:], (reference.low, reference.high), rtol=1e-12)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [30, 201])
def test_quantile_ends_agree_with_scipy_one_sided_tests(q: float, n: int) -> None:
    x = np.random.default_rng(1).normal(size=n)
    estimate = quantile_interval(x, q, level=0.9)
    lower = quantile_test(x, p=q, alternative="greater").confidence_interval(0.95).low
    upper = quantile_test(x, p=q, alternative="less").confidence_interval(0.95).high
    assert (estimate.low, estimate.high) == (
        -np.inf if np.isnan(lower) else lower,
        np.inf if np.isnan(upper) else upper,
    )


# Properties


@given(SAMPLES, LEVELS)
def test_mean_lies_inside_its_interval(x: list[float], level: float) -> None:
    value, low, high = mean_t(x, level=level)
    assert low <= value <= high


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=60), st.randoms())
def test_order_of_rows_does_not_matter(x: list[int], random) -> None:
    shuffled = random.sample(x, len(x))
    np.testing.assert_allclose(mean_t(shuffled), mean_t(x), rtol=1e-9, atol=1e-9)
    assert quantile_interval(shuffled, 0.7) == quantile_interval(x, 0.7)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=60))
def test_mean_moves_and_scales_with_the_data(x: list[int]) -> None:
    value, low, high = mean_t(x)
    np.testing.assert_allclose(mean_t(5.0 - 2.0 * np.array(x)), (5 - 2 * value, 5 - 2 * high, 5 - 2 * low), atol=1e-7)


@given(SAMPLES, st.floats(0.001, 0.999), LEVELS)
def test_quantile_lies_inside_its_interval_and_is_an_observation(x: list[float], q: float, level: float) -> None:
    value, low, high = quantile_interval(x, q, level=level)
    assert low <= value <= high
    assert value in x
    assert low in {-np.inf, *x}
    assert high in {np.inf, *x}


@given(SAMPLES)
def test_quantile_ends_grow_with_the_level_of_the_quantile(x: list[float]) -> None:
    estimate = quantile_interval(x, np.linspace(0.01, 0.99, 33))
    assert (estimate.low[1:] >= estimate.low[:-1]).all()
    assert (estimate.high[1:] >= estimate.high[:-1]).all()


# Coverage


@pytest.mark.parametrize("n", [5, 40, 400])
def test_quantile_interval_covers_at_least_at_level(n: int) -> None:
    """For continuous data the coverage is a sum of binomial probabilities, computed exactly."""
    q = np.linspace(0.005, 0.995, 199)
    ranks = quantile_interval(np.arange(1.0, n + 1.0), q)
    covers = binom.cdf(np.minimum(ranks.high, n + 1) - 1, n, q) - binom.cdf(np.maximum(ranks.low, 0) - 1, n, q)
    assert covers.min() >= 0.95 - 1e-9


def test_quantile_interval_covers_discrete_values() -> None:
    rng = np.random.default_rng(2)
    x = rng.poisson(3.0, size=(500, 60))  # median 3
    estimates = np.array([quantile_interval(row, 0.5) for row in x])
    misses = int((~((estimates[:, 1] <= 3) & (estimates[:, 2] >= 3))).sum())
    assert misses <= binom.isf(1e-9, 500, 0.05)


@pytest.mark.parametrize("n", [3, 20])
def test_mean_interval_covers_at_level_for_gaussian_values(n: int) -> None:
    x = np.random.default_rng(3).normal(5.0, 2.0, size=(2000, n))
    estimates = np.array([mean_t(row) for row in x])
    misses = int((~((estimates[:, 1] <= 5.0) & (estimates[:, 2] >= 5.0))).sum())
    assert binom.ppf(1e-9, 2000, 0.05) <= misses <= binom.isf(1e-9, 2000, 0.05)


# Edges


def test_no_rows_know_nothing() -> None:
    for estimate in (mean_t([]), quantile_interval([], 0.5)):
        assert np.isnan(estimate.value)
        assert (estimate.low, estimate.high) == (-np.inf, np.inf)


def test_one_row_has_no_ends() -> None:
    assert mean_t([3.0]) == (3.0, -np.inf, np.inf)
    assert quantile_interval([3.0], 0.5) == (3.0, -np.inf, np.inf)


def test_equal_rows_have_no_width_even_where_their_sum_rounds() -> None:
    value, low, high = mean_t([0.1] * 7)
    assert low == value == high
    assert quantile_interval([0.1] * 7, 0.5) == (0.1, 0.1, 0.1)


def test_large_offset_keeps_the_width() -> None:
    x = np.array([0.0, 1.0, 2.0, 5.0])
    assert np.isclose(np.ptp(mean_t(x + 1e9)[1:]), np.ptp(mean_t(x)[1:]), rtol=1e-6)


def test_float32_is_computed_in_float64() -> None:
    x = np.full(100_000, 0.1, dtype=np.float32)
    assert mean_t(x).value == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_quantile_takes_requests_that_timed_out() -> None:
    estimate = quantile_interval([*range(100), *[np.inf] * 100], 0.4)
    assert estimate.high < estimate.value + 20
    assert quantile_interval([1.0, np.inf, np.inf], 0.9).value == np.inf


def test_huge_sample_is_fast_and_exact() -> None:
    n = 1_000_000
    estimate = quantile_interval(np.arange(1.0, n + 1.0), [0.5, 0.99])
    np.testing.assert_array_equal(estimate.low, binom.ppf(0.025, n, [0.5, 0.99]))
    np.testing.assert_array_equal(estimate.high, binom.ppf(0.975, n, [0.5, 0.99]) + 1)


@pytest.mark.parametrize("kernel", [mean_t, lambda x: quantile_interval(x, 0.5)])
def test_nan_is_refused(kernel) -> None:
    with pytest.raises(ValueError, match=r"values\[1\]=nan"):
        kernel([1.0, np.nan])


@pytest.mark.parametrize("q", [0.0, 1.0, 99.0, np.nan])
def test_quantile_level_outside_the_open_unit_interval_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="quantile levels"):
        quantile_interval([1.0, 2.0], q)
