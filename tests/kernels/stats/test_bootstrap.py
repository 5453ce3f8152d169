import time

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holdfast.kernels.stats.bootstrap import (
    bootstrap_interval,
    bootstrap_mean,
    bootstrap_replicates,
    jackknife_replicates,
    multinomial_bootstrap,
)
from holdfast.kernels.stats.mean import mean_t

TABLES = arrays(
    np.int64, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 2)), elements=st.integers(0, 50)
)
REPLICATES = arrays(np.float64, st.tuples(st.integers(40, 80), st.integers(1, 3)), elements=st.floats(-1e3, 1e3))


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _mean(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=1)


# Known answers


def test_replicates_of_a_mean_have_its_mean_and_standard_error() -> None:
    x = np.arange(20.0)
    replicates = bootstrap_replicates(_mean, x, n_resamples=20_000, rng=_rng())
    error = x.std() / np.sqrt(20)
    # Six standard errors of a mean, and of a standard deviation, of 20,000 draws.
    assert abs(replicates.mean() - x.mean()) < 6 * error / np.sqrt(20_000)
    assert abs(replicates.std() / error - 1.0) < 6 / np.sqrt(40_000)


def test_percentile_takes_quantiles_of_the_replicates() -> None:
    value, low, high = bootstrap_interval(2.0, np.linspace(1.0, 3.0, 101), level=0.9)
    np.testing.assert_allclose((value, low, high), (2.0, 1.1, 2.9))


def test_tables_have_multinomial_probabilities() -> None:
    drawn = multinomial_bootstrap([2, 1], n_resamples=20_000, rng=_rng())[:, 0]
    expected = scipy.stats.binom.pmf(np.arange(4), 3, 2 / 3) * 20_000
    assert scipy.stats.chisquare(np.bincount(drawn, minlength=4), expected).pvalue > 1e-6


def test_jackknife_leaves_each_row_out() -> None:
    x = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(jackknife_replicates(_mean, x, batch=2), [4.0, 3.5, 1.5])


# Reference


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_interval_agrees_with_scipy_on_the_same_replicates(method: str, level: float) -> None:
    x = _rng(1).exponential(size=30)
    reference = scipy.stats.bootstrap(
        (x,), np.var, confidence_level=level, n_resamples=999, method=method, vectorized=True
    )
    jackknife = jackknife_replicates(lambda rows: rows.var(axis=1), x)
    estimate = bootstrap_interval(
        x.var(), reference.bootstrap_distribution, level=level, method=method, jackknife=jackknife
    )
    np.testing.assert_allclose(estimate[1:], reference.confidence_interval, rtol=1e-9)


def test_several_statistics_at_once_agree_with_one_by_one() -> None:
    x = _rng(3).gamma(1.0, size=(40, 2, 3))
    replicates = bootstrap_replicates(_mean, x, n_resamples=200, rng=_rng())
    jackknife = jackknife_replicates(_mean, x)
    together = bootstrap_interval(x.mean(axis=0), replicates, method="bca", jackknife=jackknife)
    assert together.low.shape == (2, 3)
    alone = bootstrap_interval(x[:, 1, 2].mean(), replicates[:, 1, 2], method="bca", jackknife=jackknife[:, 1, 2])
    np.testing.assert_allclose((together.low[1, 2], together.high[1, 2]), alone[1:])


def test_counts_and_rows_have_the_same_distribution() -> None:
    """Accuracy of a group of random size: by resampling rows, and by resampling the table of counts."""
    group, is_right = np.repeat([0, 0, 1, 1], [8, 4, 20, 8]), np.repeat([1, 0, 1, 0], [8, 4, 20, 8])

    def accuracy(g: np.ndarray, r: np.ndarray) -> np.ndarray:
        return ((g == 0) & (r == 1)).sum(axis=1) / (g == 0).sum(axis=1)

    by_rows = bootstrap_replicates(accuracy, group, is_right, n_resamples=4000, rng=_rng(4))
    tables = multinomial_bootstrap([[4, 8], [8, 20]], n_resamples=4000, rng=_rng(5))
    by_counts = tables[:, 0, 1] / tables[:, 0].sum(axis=1)
    assert scipy.stats.ks_2samp(by_rows, by_counts).pvalue > 1e-6


# Properties


@given(TABLES, st.sets(st.integers(0, 2)))
@settings(max_examples=50)
def test_tables_keep_their_total_margins_and_empty_cells(table: np.ndarray, fixed: set[int]) -> None:
    drawn = multinomial_bootstrap(table, n_resamples=5, rng=_rng(), fixed_axes=tuple(fixed))
    others = tuple(axis for axis in range(3) if axis not in fixed)
    expected = table.sum(axis=others)
    assert drawn.shape == (5, *table.shape)
    assert (drawn >= 0).all()
    assert (drawn.sum(axis=tuple(axis + 1 for axis in others)) == expected).all()
    assert (drawn[:, table == 0] == 0).all()


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_replicates_do_not_depend_on_the_batch(batch: int) -> None:
    x = _rng().normal(size=11)
    expected = bootstrap_replicates(_mean, x, n_resamples=30, rng=_rng(9))
    np.testing.assert_array_equal(bootstrap_replicates(_mean, x, n_resamples=30, rng=_rng(9), batch=batch), expected)


def test_rows_of_several_arrays_stay_together() -> None:
    x = np.arange(10.0)
    gap = bootstrap_replicates(lambda a, b: np.abs(a - b).max(axis=1), x, x + 1.0, n_resamples=20, rng=_rng())
    np.testing.assert_array_equal(gap, 1.0)


@given(REPLICATES, st.floats(0.1, 0.95), st.sampled_from(["percentile", "bca"]))
@settings(max_examples=50)
def test_ends_are_ordered_inside_the_replicates(replicates: np.ndarray, level: float, method: str) -> None:
    value, jackknife = np.median(replicates, axis=0), replicates[:25]
    estimate = bootstrap_interval(value, replicates, level=level, method=method, jackknife=jackknife)
    assert (estimate.low <= estimate.high).all()
    assert (replicates.min(axis=0) <= estimate.low).all()
    assert (estimate.high <= replicates.max(axis=0)).all()


@given(REPLICATES)
@settings(max_examples=50)
def test_higher_level_widens_and_order_of_replicates_does_not_matter(replicates: np.ndarray) -> None:
    value = replicates[0]
    narrow, wide = bootstrap_interval(value, replicates, level=0.8), bootstrap_interval(value, replicates[::-1])
    assert (wide.low <= narrow.low).all()
    assert (narrow.high <= wide.high).all()


def test_bca_without_bias_and_skew_is_percentile() -> None:
    replicates = np.linspace(-1.0, 1.0, 201)
    symmetric = bootstrap_interval(0.0, replicates, method="bca", jackknife=[-1.0, 0.0, 1.0])
    np.testing.assert_allclose(symmetric, bootstrap_interval(0.0, replicates), atol=1e-12)


def test_bca_follows_a_monotone_scale() -> None:
    """Levels depend on the replicates by order only; the jackknife is that of the same scale to first order."""
    replicates = _rng().normal(size=999)
    jackknife = _rng(1).normal(size=50)
    plain = bootstrap_interval(0.1, replicates, method="bca", jackknife=jackknife)
    scaled = bootstrap_interval(0.7, 5.0 * replicates + 0.2, method="bca", jackknife=5.0 * jackknife + 0.2)
    np.testing.assert_allclose(scaled, 5.0 * np.array(plain) + 0.2)


# Coverage


def _misses(draw, truth: float, *, n_rows: int, n_runs: int, method: str) -> int:
    rng = _rng(11)
    estimates = np.array(
        [bootstrap_mean(draw(rng, n_rows), n_resamples=999, rng=rng, method=method) for _ in range(n_runs)]
    )
    return int((~((estimates[:, 1] <= truth) & (truth <= estimates[:, 2]))).sum())


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_mean_interval_covers_near_level(method: str) -> None:
    misses = _misses(lambda rng, n: rng.normal(size=n), 0.0, n_rows=50, n_runs=400, method=method)
    assert scipy.stats.binom.ppf(1e-6, 400, 0.04) <= misses <= scipy.stats.binom.isf(1e-6, 400, 0.07)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_mean_interval_of_skewed_values_covers_near_level(method: str) -> None:
    misses = _misses(lambda rng, n: rng.exponential(size=n), 1.0, n_rows=200, n_runs=3000, method=method)
    assert scipy.stats.binom.ppf(1e-6, 3000, 0.04) <= misses <= scipy.stats.binom.isf(1e-6, 3000, 0.07)


@pytest.mark.slow
def test_bca_covers_a_variance_better_than_percentile() -> None:
    rng = _rng(12)
    misses = {"percentile": 0, "bca": 0}
    for _ in range(1500):
        x = rng.normal(size=40)
        replicates = bootstrap_replicates(lambda rows: rows.var(axis=1, ddof=1), x, n_resamples=999, rng=rng)
        jackknife = jackknife_replicates(lambda rows: rows.var(axis=1, ddof=1), x)
        for method in misses:
            estimate = bootstrap_interval(x.var(ddof=1), replicates, method=method, jackknife=jackknife)
            misses[method] += not estimate.low <= 1.0 <= estimate.high
    assert misses["bca"] < misses["percentile"]
    assert misses["bca"] <= scipy.stats.binom.isf(1e-6, 1500, 0.10)


# Edges


def test_mean_of_few_distinct_values_agrees_with_the_normal_limit() -> None:
    x = np.repeat([0.0, 1.0], [30_000, 70_000])
    estimate = bootstrap_mean(x, n_resamples=5000, rng=_rng())
    assert estimate.value == 0.7
    np.testing.assert_allclose(estimate, mean_t(x), atol=5e-4)


def test_a_hundred_thousand_rows_behind_a_table_cost_nothing() -> None:
    start = time.perf_counter()
    tables = multinomial_bootstrap([[40_000, 10_000], [5_000, 45_000]], n_resamples=10_000, rng=_rng())
    assert time.perf_counter() - start < 60
    assert (tables.sum(axis=(1, 2)) == 100_000).all()


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_equal_rows_have_no_width(method: str) -> None:
    estimate = bootstrap_mean([0.1] * 6, n_resamples=100, rng=_rng(), method=method)
    np.testing.assert_allclose(estimate, (0.1, 0.1, 0.1), rtol=1e-12)


def test_too_few_rows_for_spread_have_no_ends() -> None:
    assert bootstrap_mean([3.0], n_resamples=100, rng=_rng()) == (3.0, -np.inf, np.inf)
    value, low, high = bootstrap_mean([], n_resamples=100, rng=_rng())
    assert np.isnan(value)
    assert (low, high) == (-np.inf, np.inf)


def test_bca_with_the_value_beyond_all_replicates_stays_finite() -> None:
    _, low, high = bootstrap_interval(9.0, np.linspace(0.0, 1.0, 100), method="bca", jackknife=[1.0, 2.0, 4.0])
    assert 0.9 < low <= high <= 1.0


def test_empty_table_stays_empty() -> None:
    assert not multinomial_bootstrap([[0, 0], [0, 0]], n_resamples=3, rng=_rng(), fixed_axes=(0,)).any()


def test_float32_replicates_and_values_are_computed_in_float64() -> None:
    estimate = bootstrap_interval(np.float32(0.5), np.linspace(0.0, 1.0, 101, dtype=np.float32))
    assert type(estimate.low) is float
    assert estimate.low == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": 0.0, "replicates": np.zeros(39)}, "got 39 at level=0.95"),
        ({"values": 0.0, "replicates": np.full(100, np.nan)}, "replicates with nan"),
        ({"values": np.nan, "replicates": np.zeros(100)}, "values with nan"),
        ({"values": [0.0, 1.0], "replicates": np.zeros(100)}, r"replicates of shape \(n, 2\)"),
        ({"values": 0.0, "replicates": np.zeros(100), "method": "bca"}, "jackknife=None"),
        ({"values": 0.0, "replicates": np.zeros(100), "method": "basic"}, "method='basic'"),
    ],
)
def test_intervals_refuse_what_they_cannot_use(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(**arguments)


@pytest.mark.parametrize("resample", [bootstrap_replicates, lambda f, *data, **_: jackknife_replicates(f, *data)])
def test_replicates_refuse_what_they_cannot_use(resample) -> None:
    options = {"n_resamples": 5, "rng": _rng()}
    with pytest.raises(ValueError, match="data without any"):
        resample(_mean, np.array([]), **options)
    with pytest.raises(ValueError, match=r"data\[0\] with 2, data\[1\] with 3"):
        resample(_mean, np.zeros(2), np.zeros(3), **options)
    with pytest.raises(ValueError, match=r"statistic of shape \(\)"):
        resample(np.mean, np.zeros(4), **options)


def test_counts_and_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match="counts with -1"):
        multinomial_bootstrap([-1], n_resamples=1, rng=_rng())
    with pytest.raises(ValueError, match="n_resamples=0"):
        multinomial_bootstrap([1], n_resamples=0, rng=_rng())
    with pytest.raises(ValueError, match=r"counts of shape \(0,\)"):
        multinomial_bootstrap([], n_resamples=1, rng=_rng())
    with pytest.raises(ValueError, match="got 1 row"):
        jackknife_replicates(_mean, np.array([1.0]))
