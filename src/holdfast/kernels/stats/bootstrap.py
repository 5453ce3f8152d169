"""Bootstrap replicates of a statistic, and intervals from replicates.

The unit of resampling is the row; rows that belong together (one patient, one session) must be summarised first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from holdfast.kernels.stats.inputs import (
    Number,
    Numbers,
    check_choice,
    check_level,
    check_same_length,
    count_array,
    float_vector,
)
from holdfast.kernels.stats.interval import IntervalEstimate, interval_estimate

Method: TypeAlias = Literal["percentile", "bca"]
Statistic: TypeAlias = Callable[..., NDArray[Any]]

# Cells of one resampled array that are in memory at once.
_BATCH_CELLS = 1 << 20
# Drawing the count of one distinct value costs about as much as drawing this many rows.
_ROWS_PER_COUNT = 8


def bootstrap_replicates(
    statistic: Statistic, *data: NDArray[Any], n_resamples: int, rng: np.random.Generator, batch: int | None = None
) -> NDArray[np.float64]:
    """Compute a statistic on samples of rows drawn with replacement.

    Parameters
    ----------
    statistic : callable
        Vectorised: called with one resampled array per data array, each of shape ``(batch, n_samples, ...)``; returns
        an array of shape ``(batch, ...)``.
    *data : ndarray, shape (n_samples, ...)
        One or more arrays with the same rows; rows stay together.
    n_resamples : int
        Number of replicates.
    rng : numpy.random.Generator
    batch : int, optional
        Replicates per call of `statistic`. By default as many as keep about a million rows in memory. The replicates do
        not depend on it.

    Returns
    -------
    ndarray of float64, shape (n_resamples, ...)

    Raises
    ------
    ValueError
        If there is no data, the lengths differ, or `statistic` does not return one result per replicate.

    Notes
    -----
    Cost O(n_resamples * n_samples). For metrics that depend on counts only, `multinomial_bootstrap` draws from the same
    distribution at a cost that does not grow with the rows.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 6.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bootstrap_replicates(lambda x: np.median(x, axis=1), np.arange(9.0), n_resamples=100, rng=rng).shape
    (100,)
    """
    n_samples = _n_rows(data)
    _check_positive(n_resamples, name="n_resamples")
    size = batch or max(1, _BATCH_CELLS // n_samples)
    _check_positive(size, name="batch")
    parts = []
    for start in range(0, n_resamples, size):
        rows = rng.integers(n_samples, size=(min(size, n_resamples - start), n_samples))
        parts.append(_evaluate(statistic, data, rows))
    return np.concatenate(parts)


def jackknife_replicates(statistic: Statistic, *data: NDArray[Any], batch: int | None = None) -> NDArray[np.float64]:
    """Compute a statistic with each row left out in turn.

    Parameters
    ----------
    statistic : callable
        As for `bootstrap_replicates`; it sees arrays of shape ``(batch, n_samples - 1, ...)``.
    *data : ndarray, shape (n_samples, ...)
        One or more arrays with the same two or more rows.
    batch : int, optional
        Replicates per call of `statistic`; by default as many as keep about a million rows in memory.

    Returns
    -------
    ndarray of float64, shape (n_samples, ...)
        Row i is the statistic without row i.

    Raises
    ------
    ValueError
        If there are fewer than two rows, the lengths differ, or `statistic` does not return one result per replicate.

    Notes
    -----
    Cost O(n_samples ** 2).

    Examples
    --------
    >>> jackknife_replicates(lambda x: x.mean(axis=1), np.array([1.0, 2.0, 3.0]))
    array([2.5, 2. , 1.5])
    """
    n_samples = _n_rows(data)
    if n_samples < 2:
        raise ValueError("expected two or more rows to leave one out, got 1 row in data; use more rows")
    size = batch or max(1, _BATCH_CELLS // n_samples)
    _check_positive(size, name="batch")
    kept = np.arange(n_samples - 1)
    parts = []
    for start in range(0, n_samples, size):
        left_out = np.arange(start, min(start + size, n_samples))
        parts.append(_evaluate(statistic, data, kept + (kept >= left_out[:, None])))
    return np.concatenate(parts)


def multinomial_bootstrap(
    counts: ArrayLike, *, n_resamples: int, rng: np.random.Generator, fixed_axes: tuple[int, ...] = ()
) -> NDArray[np.int64]:
    """Draw the tables of counts that resampling the rows behind a table would give.

    For any metric that is a function of counts (accuracy per group, selection rates, a confusion matrix) this is the
    exact bootstrap of the rows, at a cost that does not grow with their number.

    Parameters
    ----------
    counts : array-like of int, any shape with one or more axes
        Table of counts; each row of the data belongs to one cell.
    n_resamples : int
        Number of replicates.
    rng : numpy.random.Generator
    fixed_axes : tuple of int, default ()
        Axes whose margin is kept: rows are resampled within each of their levels (groups, true classes), so that no
        level that has rows can become empty. By default only the total is kept.

    Returns
    -------
    ndarray of int64, shape (n_resamples, *counts.shape)
        Tables of the same total; all zero for an empty table.

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or an axis does not exist.

    Notes
    -----
    Cost O(n_resamples * cells). Cells without rows stay empty, as in every bootstrap.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap, sections 6.2 and 8.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tables = multinomial_bootstrap([[50, 10], [5, 35]], n_resamples=3, rng=rng, fixed_axes=(0,))
    >>> tables.sum(axis=2).tolist()
    [[60, 40], [60, 40], [60, 40]]
    """
    table = count_array(counts, name="counts")
    _check_positive(n_resamples, name="n_resamples")
    if table.ndim == 0 or table.size == 0:
        raise ValueError(f"expected a table with one or more cells, got counts of shape {table.shape}; pass an array")
    fixed = np.unique(np.arange(table.ndim)[list(fixed_axes)])
    order = np.concatenate((fixed, np.setdiff1d(np.arange(table.ndim), fixed)))
    arranged = table.transpose(order)
    strata = arranged.reshape(int(np.prod(arranged.shape[: fixed.size])), -1)
    totals = strata.sum(axis=1)
    shares = strata / np.maximum(totals, 1)[:, None]
    drawn = rng.multinomial(totals, shares, size=(n_resamples, totals.size))
    replicates = drawn.reshape(n_resamples, *arranged.shape)
    return replicates.transpose(0, *(np.argsort(order) + 1)).astype(np.int64, copy=False)


@overload
def bootstrap_interval(
    values: Number,
    replicates: ArrayLike,
    *,
    level: float = 0.95,
    method: Method = "percentile",
    jackknife: ArrayLike | None = None,
) -> IntervalEstimate[float]: ...
@overload
def bootstrap_interval(
    values: Numbers,
    replicates: ArrayLike,
    *,
    level: float = 0.95,
    method: Method = "percentile",
    jackknife: ArrayLike | None = None,
) -> IntervalEstimate[NDArray[np.float64]]: ...
def bootstrap_interval(
    values: Number | Numbers,
    replicates: ArrayLike,
    *,
    level: float = 0.95,
    method: Method = "percentile",
    jackknife: ArrayLike | None = None,
) -> IntervalEstimate[float] | IntervalEstimate[NDArray[np.float64]]:
    """Build intervals from the bootstrap replicates of one or more statistics.

    Parameters
    ----------
    values : float or array-like of float, any shape
        The statistic on the data as observed.
    replicates : array-like, shape (n_resamples, *values.shape)
        The statistic on resampled data; at least ``2 / (1 - level)`` replicates.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side, for each statistic separately.
    method : {"percentile", "bca"}, default "percentile"
        "percentile" takes quantiles of the replicates. "bca" corrects their levels for bias and acceleration.
    jackknife : array-like, shape (n_samples, *values.shape), optional
        The statistic with each row left out, for the acceleration of "bca" (see `jackknife_replicates`).

    Returns
    -------
    IntervalEstimate
        Unit of `values`; floats for a scalar. Replicates that are all equal give an interval without width, which says
        that resampling shows no spread, not that there is none.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, shapes do not match, replicates are too few, or "bca" lacks the jackknife.

    Notes
    -----
    Approximate: the percentile interval is too short in small samples. The observed value can lie outside of it where
    the statistic is biased. Replicates that are undefined (a group without rows) are refused rather than dropped,
    because dropping them conditions the interval; keep groups with `fixed_axes` of `multinomial_bootstrap`.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. JASA 82, 171-185.
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap, equations 14.9 to 14.15.

    Examples
    --------
    >>> estimate = bootstrap_interval(2.0, np.linspace(1.0, 3.0, 101), level=0.9)
    >>> round(estimate.low, 3), round(estimate.high, 3)
    (1.1, 2.9)
    """
    check_level(level)
    check_choice(method, ("percentile", "bca"), name="method")
    observed = _finite(values, name="values")
    drawn = _finite(replicates, name="replicates", shape=observed.shape)
    if drawn.shape[0] * (1.0 - level) < 2.0 - 1e-9:
        raise ValueError(
            f"expected at least 2 / (1 - level) replicates, got {drawn.shape[0]} at level={level}; draw more resamples"
        )
    tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0]).reshape(2, *(1,) * observed.ndim)
    levels = np.broadcast_to(tails, (2, *observed.shape))
    if method == "bca":
        if jackknife is None:
            raise ValueError(
                "expected leave-one-out values for method='bca', got jackknife=None; pass jackknife_replicates"
            )
        levels = _bca_levels(observed, drawn, _finite(jackknife, name="jackknife", shape=observed.shape), tails)
    low, high = _quantiles(drawn, levels)
    return interval_estimate(observed, low, high)


def bootstrap_mean(
    values: ArrayLike,
    *,
    n_resamples: int,
    rng: np.random.Generator,
    level: float = 0.95,
    method: Method = "percentile",
) -> IntervalEstimate[float]:
    """Estimate a mean with a bootstrap interval.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Independent finite observations.
    n_resamples : int
        Number of replicates, at least ``2 / (1 - level)``.
    rng : numpy.random.Generator
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.
    method : {"percentile", "bca"}, default "percentile"
        See `bootstrap_interval`.

    Returns
    -------
    IntervalEstimate
        Unit of `values`. Empty: NaN and (-inf, inf). One row: its value and (-inf, inf). All equal: no width.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or replicates are too few.

    Notes
    -----
    With few distinct values (labels, ratings) the counts of the values are resampled: the same distribution at a cost
    that does not grow with the rows. Simulated coverage at 95 %, Gaussian and exponential values: 0.93 and 0.90 to 0.91
    at 20 rows, 0.94 and 0.93 at 50, 0.94 both at 200, for either method; `mean_t` comes closer to nominal.

    References
    ----------
    See `bootstrap_interval`.

    Examples
    --------
    >>> estimate = bootstrap_mean([0, 1] * 50, n_resamples=2000, rng=np.random.default_rng(0))
    >>> estimate.value, 0.38 <= estimate.low <= 0.42, 0.58 <= estimate.high <= 0.62
    (0.5, True, True)
    """
    check_level(level)
    x = float_vector(values, name="values")
    if x.size < 2:
        return IntervalEstimate(float(x[0]) if x.size else np.nan, -np.inf, np.inf)
    distinct, counts = np.unique(x, return_counts=True)
    if distinct.size * _ROWS_PER_COUNT <= x.size:
        replicates = multinomial_bootstrap(counts, n_resamples=n_resamples, rng=rng) @ distinct / x.size
        mean = float(counts @ distinct) / x.size
    else:
        replicates = bootstrap_replicates(lambda rows: rows.mean(axis=1), x, n_resamples=n_resamples, rng=rng)
        mean = float(x.mean())
    jackknife = mean + (mean - x) / (x.size - 1)
    return bootstrap_interval(mean, replicates, level=level, method=method, jackknife=jackknife)


def _bca_levels(
    observed: NDArray[np.float64],
    replicates: NDArray[np.float64],
    jackknife: NDArray[np.float64],
    tails: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Corrected quantile levels, shape (2, *observed.shape)."""
    share_below = (replicates < observed).mean(axis=0) + 0.5 * (replicates == observed).mean(axis=0)
    # An observed value beyond all replicates counts as half a replicate from the end, which keeps the bias finite.
    margin = 0.5 / replicates.shape[0]
    bias = ndtri(np.clip(share_below, margin, 1.0 - margin))
    deviation = jackknife.mean(axis=0) - jackknife
    largest = np.abs(deviation).max(axis=0)
    deviation = deviation / np.where(largest > 0.0, largest, 1.0)
    squares = (deviation**2).sum(axis=0)
    acceleration = (deviation**3).sum(axis=0) / (6.0 * np.where(squares > 0.0, squares, 1.0) ** 1.5)
    shifted = bias + ndtri(tails)
    shrink = 1.0 - acceleration * shifted
    # Beyond the pole of the correction the level is its limit there, 0 or 1.
    corrected = bias + shifted / np.where(shrink > 0.0, shrink, np.finfo(np.float64).tiny ** 0.5)
    return np.asarray(ndtr(corrected))


def _quantiles(replicates: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles along the first axis at levels of their own per statistic, linear between order statistics."""
    ordered = np.sort(replicates, axis=0)
    position = levels * (ordered.shape[0] - 1)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, ordered.shape[0] - 1)
    lower, upper = np.take_along_axis(ordered, below, axis=0), np.take_along_axis(ordered, above, axis=0)
    return np.asarray(lower + (position - below) * (upper - lower))


def _evaluate(statistic: Statistic, data: tuple[NDArray[Any], ...], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.asarray(statistic(*(array[rows] for array in data)), dtype=np.float64)
    if result.ndim == 0 or result.shape[0] != rows.shape[0]:
        raise ValueError(
            f"expected one result for each of {rows.shape[0]} replicates, got statistic of shape {result.shape}; "
            "reduce over axis 1 and keep axis 0"
        )
    return result


def _n_rows(data: tuple[NDArray[Any], ...]) -> int:
    if not data or data[0].shape[0] == 0:
        raise ValueError("expected one or more arrays with rows, got data without any; a bootstrap needs observations")
    check_same_length(*(len(array) for array in data), names=[f"data[{i}]" for i in range(len(data))])
    return int(data[0].shape[0])


def _finite(values: ArrayLike, *, name: str, shape: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """Finite float64 array; with a shape, one whose rows have it."""
    array = np.asarray(values, dtype=np.float64)
    if shape is not None and (array.ndim == 0 or array.shape[1:] != shape or array.shape[0] == 0):
        raise ValueError(f"expected {name} of shape (n, {', '.join(map(str, shape))}), got {array.shape}; match values")
    invalid = ~np.isfinite(array)
    if invalid.any():
        raise ValueError(
            f"expected finite numbers, got {name} with {array[invalid][0]} ({int(invalid.sum())} such); "
            "for groups that become empty keep their sizes with fixed_axes of multinomial_bootstrap"
        )
    return array


def _check_positive(number: int, *, name: str) -> None:
    if number < 1:
        raise ValueError(f"expected one or more, got {name}={number}; pass a positive whole number")
