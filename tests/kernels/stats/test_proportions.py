import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from holdfast.kernels.stats.proportions import clopper_pearson, newcombe_difference, wilson

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVELS = st.floats(0.5, 0.999)


# Known answers


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 857-872."""
    estimate = wilson(successes, trials)
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_gives_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 857-872."""
    estimate = clopper_pearson(successes, trials)
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_gives_published_intervals(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 873-890, method 10."""
    estimate = newcombe_difference(*counts)
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (low, high)


def test_upper_limit_without_success_has_its_closed_form() -> None:
    n = np.array([1, 10, 1000])
    np.testing.assert_allclose(clopper_pearson(0, n, alternative="less").high, 1.0 - 0.05 ** (1.0 / n), rtol=1e-12)


def test_one_sided_intervals_are_open_at_the_other_end() -> None:
    assert clopper_pearson(3, 10, alternative="less").low == 0.0
    assert clopper_pearson(3, 10, alternative="greater").high == 1.0


# Reference


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(("kernel", "method"), [(clopper_pearson, "beta"), (wilson, "wilson")])
def test_agrees_with_statsmodels(kernel, method: str, level: float) -> None:
    s, n = np.meshgrid([0, 1, 2, 50, 99, 100], [100, 1000, 10**6])
    low, high = proportion_confint(s, n, alpha=1.0 - level, method=method)
    estimate = kernel(s, n, level=level)
    np.testing.assert_allclose(estimate.low, low, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(estimate.high, high, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("successes", [0, 7, 30])
def test_clopper_pearson_agrees_with_scipy_on_each_side(alternative: str, successes: int) -> None:
    reference = binomtest(successes, 30, alternative=alternative).proportion_ci(0.9)
    estimate = clopper_pearson(successes, 30, level=0.9, alternative=alternative)
    np.testing.assert_allclose(estimate[1:], (reference.low, reference.high), rtol=1e-9)


def test_newcombe_agrees_with_statsmodels() -> None:
    reference = confint_proportions_2indep(17, 40, 30, 90, method="newcomb", compare="diff", alpha=0.1)
    np.testing.assert_allclose(newcombe_difference(17, 40, 30, 90, level=0.9)[1:], reference, rtol=1e-12)


# Properties


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
@given(counts=COUNTS, level=LEVELS)
def test_estimate_lies_inside_the_interval_inside_the_range(kernel, counts: tuple[int, int], level: float) -> None:
    value, low, high = kernel(*counts, level=level)
    assert 0.0 <= low <= value <= high <= 1.0


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
@given(counts=COUNTS)
def test_swapping_success_and_failure_mirrors_the_interval(kernel, counts: tuple[int, int]) -> None:
    s, n = counts
    estimate, mirrored = kernel(s, n), kernel(n - s, n)
    assert np.allclose((mirrored.low, mirrored.high), (1.0 - estimate.high, 1.0 - estimate.low), atol=1e-12)


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
@given(n=st.integers(1, 300), level=LEVELS)
def test_ends_grow_with_successes(kernel, n: int, level: float) -> None:
    estimate = kernel(np.arange(n + 1), n, level=level)
    assert (np.diff(estimate.low) > 0).all()
    assert (np.diff(estimate.high) > 0).all()


@given(counts=COUNTS)
def test_higher_level_widens(counts: tuple[int, int]) -> None:
    narrow, wide = clopper_pearson(*counts, level=0.8), clopper_pearson(*counts, level=0.95)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@given(first=COUNTS, second=COUNTS, level=LEVELS)
def test_difference_lies_inside_and_changes_sign_with_the_order(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    estimate = newcombe_difference(*first, *second, level=level)
    swapped = newcombe_difference(*second, *first, level=level)
    assert -1.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    assert np.allclose(swapped, (-estimate.value, -estimate.high, -estimate.low))


# Coverage, computed exactly by summing over all outcomes

P = np.linspace(0.001, 0.999, 999)[:, None]


def _coverage(estimate, n: int) -> np.ndarray:
    return (binom.pmf(np.arange(n + 1), n, P) * ((estimate.low <= P) & (estimate.high >= P))).sum(axis=1)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("n", [1, 5, 20, 100])
def test_clopper_pearson_covers_at_least_at_level_everywhere(n: int, alternative: str) -> None:
    coverage = _coverage(clopper_pearson(np.arange(n + 1), n, alternative=alternative), n)
    assert coverage.min() >= 0.95 - 1e-9


@pytest.mark.parametrize("n", [10, 20, 100])
def test_wilson_covers_at_level_on_average(n: int) -> None:
    coverage = _coverage(wilson(np.arange(n + 1), n), n)
    assert 0.945 <= coverage.mean() <= 0.96
    assert coverage[(P[:, 0] > 0.1) & (P[:, 0] < 0.9)].min() > 0.9


@pytest.mark.parametrize(("n1", "n2"), [(10, 10), (20, 30), (50, 100)])
def test_newcombe_covers_at_level_on_average(n1: int, n2: int) -> None:
    s1, s2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)
    estimate = newcombe_difference(*np.broadcast_arrays(s1, n1, s2, n2))
    p1, p2 = np.random.default_rng(0).random((2, 300, 1, 1))
    weights = binom.pmf(s1, n1, p1) * binom.pmf(s2, n2, p2)
    coverage = (weights * ((estimate.low <= p1 - p2) & (p1 - p2 <= estimate.high))).sum(axis=(1, 2))
    assert 0.945 <= coverage.mean() <= 0.96
    assert coverage.min() > 0.87


# Edges


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
def test_no_trials_know_nothing(kernel) -> None:
    estimate = kernel([0, 1], [0, 2])
    assert np.isnan(estimate.value[0])
    assert (estimate.low[0], estimate.high[0]) == (0.0, 1.0)
    assert estimate.value[1] == 0.5


def test_difference_without_trials_knows_nothing() -> None:
    value, low, high = newcombe_difference(0, 0, 3, 4)
    assert np.isnan(value)
    assert (low, high) == (-1.0, 1.0)


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
def test_scalars_give_floats_and_arrays_broadcast(kernel) -> None:
    assert all(type(field) is float for field in kernel(1, 3))
    assert kernel(np.ones((2, 1), dtype=np.uint8), np.array([3, 4], dtype=np.float32)).low.shape == (2, 2)


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
def test_empty_arrays_give_empty_arrays(kernel) -> None:
    assert kernel([], []).high.shape == (0,)


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
def test_huge_samples_are_narrow(kernel) -> None:
    value, low, high = kernel(10**11, 10**12)
    assert low < value < high
    assert high - low < 2e-6


@pytest.mark.parametrize("kernel", [clopper_pearson, wilson])
@pytest.mark.parametrize(
    ("successes", "trials", "message"),
    [(5, 4, "got 5 of 4"), (-1, 4, "with -1"), (0.5, 4, "with 0.5"), (np.nan, 4, "with nan")],
)
def test_impossible_counts_are_refused(kernel, successes: float, trials: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernel(successes, trials)


def test_unknown_alternative_is_refused() -> None:
    with pytest.raises(ValueError, match="alternative='lower'"):
        clopper_pearson(1, 2, alternative="lower")  # type: ignore[call-overload]
