"""Intervals for a mean and for quantiles of a sample."""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtrit

from holdfast.kernels.stats.bisection import boundary
from holdfast.kernels.stats.inputs import Number, Numbers, check_level, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate, interval_estimate


def mean_t(values: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate a mean with Student's t interval.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Independent finite observations.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Unit of `values`. Empty: NaN and (-inf, inf). One row: its value and (-inf, inf). All equal: an interval without
        width, which says that the sample shows no spread, not that the population has none.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the array is not one-dimensional.

    Notes
    -----
    Exact for Gaussian values; for others approximate, worst for skewed values and small samples (simulated coverage at
    95 % for exponential values: 0.92 at 20 rows, 0.94 at 200). For values with known
    bounds, such as rates near 0, prefer `clopper_pearson`.

    References
    ----------
    Student (1908). The probable error of a mean. Biometrika 6, 1-25.

    Examples
    --------
    >>> estimate = mean_t([1.0, 2.0, 3.0])
    >>> estimate.value, round(estimate.low, 3), round(estimate.high, 3)
    (2.0, -0.484, 4.484)
    """
    check_level(level)
    x = float_vector(values, name="values")
    if x.size == 0:
        return IntervalEstimate(np.nan, -np.inf, np.inf)
    mean = float(x.mean())
    if x.size == 1:
        return IntervalEstimate(mean, -np.inf, np.inf)
    # The sum of equal numbers may round; a sample without spread must report none.
    spread = 0.0 if x.min() == x.max() else float(x.std(ddof=1))
    half = float(stdtrit(x.size - 1, 0.5 + level / 2.0)) * spread / float(np.sqrt(x.size))
    return IntervalEstimate(mean, mean - half, mean + half)


@overload
def quantile_interval(values: ArrayLike, q: Number, *, level: float = 0.95) -> IntervalEstimate[float]: ...
@overload
def quantile_interval(
    values: ArrayLike, q: Numbers, *, level: float = 0.95
) -> IntervalEstimate[NDArray[np.float64]]: ...
def quantile_interval(
    values: ArrayLike, q: Number | Numbers, *, level: float = 0.95
) -> IntervalEstimate[float] | IntervalEstimate[NDArray[np.float64]]:
    """Estimate quantiles with exact order-statistic intervals.

    Covers the true quantile with probability `level` or more for every distribution, ties included.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Independent observations, such as latencies in seconds. Infinite values are valid (a request that timed out).
    q : float or array-like of float, any shape
        Quantile levels inside (0, 1); 0.99 asks for the 99th percentile.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side, for each quantile separately.

    Returns
    -------
    IntervalEstimate
        Unit of `values`, shape of `q`. Every finite number is an observed value (the smallest with at least a share `q`
        of the sample at or below it). An end beyond the extreme observations is -inf or inf: the sample is too small to
        bound it. Empty: NaN and (-inf, inf).

    Raises
    ------
    ValueError
        If a value is NaN or a quantile level is not inside (0, 1).

    Notes
    -----
    With B ~ Binomial(n, q), the lower end is the order statistic of the largest rank l with P(B < l) <= (1 - level)/2,
    the upper end that of the smallest rank u with P(B >= u) <= (1 - level)/2. Cost O(n log n).

    References
    ----------
    Conover, W. J. (1999). Practical Nonparametric Statistics, 3rd ed., section 3.2.

    Examples
    --------
    >>> quantile_interval(range(1, 101), [0.5, 0.99]).high
    array([61., inf])
    """
    check_level(level)
    x = np.sort(float_vector(np.asarray(values), name="values", allow_infinite=True))
    p = np.asarray(q, dtype=np.float64)
    if not ((p > 0.0) & (p < 1.0)).all():
        raise ValueError(f"expected quantile levels inside (0, 1), got q={q!r}; write the 99th percentile as 0.99")
    if x.size == 0:
        nothing = np.full(p.shape, np.nan)
        return interval_estimate(nothing, np.full(p.shape, -np.inf), np.full(p.shape, np.inf))
    tail = (1.0 - level) / 2.0
    padded = np.concatenate(([-np.inf], x, [np.inf]))  # rank r at position r
    low = padded[_binomial_quantile(tail, x.size, p)]
    high = padded[_binomial_quantile(1.0 - tail, x.size, p) + 1]
    return interval_estimate(np.quantile(x, p, method="inverted_cdf"), low, high)


def _binomial_quantile(probability: float, n: int, p: NDArray[np.float64]) -> NDArray[np.int64]:
    """Smallest k with P(Binomial(n, p) <= k) >= probability."""

    def reaches(k: NDArray[np.float64]) -> NDArray[np.bool_]:
        whole = np.floor(k)
        return np.where(whole < 0, 0.0, bdtr(np.maximum(whole, 0.0), n, p)) >= probability

    # The answer lies just outside the part where the probability is not yet reached.
    start = np.full(p.shape, -1.0)
    found = boundary(lambda k: ~reaches(k), inside=start, outside=np.full(p.shape, float(n)))
    return np.floor(found).astype(np.int64)
