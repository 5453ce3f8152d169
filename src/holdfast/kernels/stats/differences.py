"""The difference of two quantities that were estimated from samples without a common row."""

from __future__ import annotations

import math

from holdfast.kernels.stats.interval import IntervalEstimate


def independent_difference(first: IntervalEstimate[float], second: IntervalEstimate[float]) -> IntervalEstimate[float]:
    """Estimate first minus second from two independent estimates and their intervals.

    Parameters
    ----------
    first, second : IntervalEstimate
        Of one level, half of the rest on each side, each with its value inside; an end may be infinite.

    Returns
    -------
    IntervalEstimate
        Of the level of the two. NaN and (-inf, inf) where either value is NaN.

    Notes
    -----
    The method of variance estimates recovery (MOVER): near an end of its interval, the spread of an estimate is what
    the distance to that end says. Approximate; keeps the skewness of the two intervals, and is Newcombe's interval when
    they are Wilson's.

    References
    ----------
    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures: a general approach.
    Statistics in Medicine 27, 1693-1702, equation 3.

    Examples
    --------
    >>> independent_difference(IntervalEstimate(0.5, 0.2, 0.9), IntervalEstimate(0.1, 0.0, 0.5)).low
    -0.09999999999999998
    """
    difference = first.value - second.value
    if math.isnan(difference):
        return IntervalEstimate(math.nan, -math.inf, math.inf)
    low = difference - math.hypot(first.value - first.low, second.high - second.value)
    high = difference + math.hypot(first.high - first.value, second.value - second.low)
    return IntervalEstimate(difference, low, high)
