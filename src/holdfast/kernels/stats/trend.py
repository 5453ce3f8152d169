"""Whether a short series rises or falls, without assuming how its values are distributed."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

MOST_VALUES = 500


def sen_slope(values: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate the slope of a series per step, the median of the slopes between all pairs, with Sen's interval.

    Parameters
    ----------
    values : array-like, shape (n_steps,)
        Finite values at equally spaced times, at most 500.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        Unit of `values` per step. The interval leaves 0 out exactly when the two-sided Mann-Kendall test does. Fewer
        values than can tell at this level (5 at 0.95): (-inf, inf); fewer than two: NaN.

    Raises
    ------
    ValueError
        If a value is not finite or there are more than 500.

    Notes
    -----
    Exact for independent errors of one distribution around a straight line, conservative with ties. Errors that follow
    each other make the interval too narrow. Cost O(n_steps ** 2).

    References
    ----------
    Sen, P. K. (1968). Estimates of the regression coefficient based on Kendall's tau. JASA 63, section 4.

    Examples
    --------
    >>> sen_slope([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    IntervalEstimate(value=1.0, low=1.0, high=1.0)
    """
    check_level(level)
    x = float_vector(values, name="values")
    if x.size > MOST_VALUES:
        raise ValueError(f"expected at most {MOST_VALUES} values, got {x.size}; use longer steps")
    if x.size < 2:
        return IntervalEstimate(np.nan, -np.inf, np.inf)
    later, earlier = np.tril_indices(x.size, -1)
    slopes = np.sort((x[later] - x[earlier]) / (later - earlier))
    cut = _pairs_outside(x.size, (1.0 - level) / 2.0)
    middle = float(np.median(slopes))
    if cut == 0:
        return IntervalEstimate(middle, -np.inf, np.inf)
    return IntervalEstimate(middle, float(slopes[cut - 1]), float(slopes[slopes.size - cut]))


def _pairs_outside(n: int, tail: float) -> int:
    """Return the largest c with P(at most c - 1 of all pairs are in the wrong order by chance) <= tail; 0 for none."""
    return int(np.searchsorted(np.cumsum(_inversions(n)), tail, side="right"))


@cache
def _inversions(n: int) -> NDArray[np.float64]:
    """Return the distribution of the number of pairs out of order in a random order of n values."""
    found = np.ones(1)
    for size in range(2, n + 1):
        found = np.convolve(found, np.full(size, 1.0 / size))
    return found
