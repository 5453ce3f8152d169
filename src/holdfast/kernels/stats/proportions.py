"""Intervals for proportions and for the difference of two independent proportions."""

from __future__ import annotations

from typing import Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainccinv, betaincinv, ndtri

from holdfast.kernels.stats.inputs import Number, Numbers, check_choice, check_level, count_array
from holdfast.kernels.stats.interval import IntervalEstimate, interval_estimate

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]


@overload
def clopper_pearson(
    successes: Number, trials: Number, *, level: float = 0.95, alternative: Alternative = "two-sided"
) -> IntervalEstimate[float]: ...
@overload
def clopper_pearson(
    successes: Numbers, trials: Number | Numbers, *, level: float = 0.95, alternative: Alternative = "two-sided"
) -> IntervalEstimate[NDArray[np.float64]]: ...
@overload
def clopper_pearson(
    successes: Number, trials: Numbers, *, level: float = 0.95, alternative: Alternative = "two-sided"
) -> IntervalEstimate[NDArray[np.float64]]: ...
def clopper_pearson(
    successes: Number | Numbers,
    trials: Number | Numbers,
    *,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
) -> IntervalEstimate[float] | IntervalEstimate[NDArray[np.float64]]:
    """Estimate proportions with exact binomial intervals.

    The interval covers the true proportion with probability `level` or more at every sample size and proportion.

    Parameters
    ----------
    successes : int or array-like of int, any shape
        Number of successes, between 0 and `trials`; broadcast against `trials`.
    trials : int or array-like of int
        Number of independent trials.
    level : float, default 0.95
        Confidence level inside (0, 1).
    alternative : {"two-sided", "less", "greater"}, default "two-sided"
        Which side is closed by the data, as in ``scipy.stats.binomtest``. "two-sided" spends half of ``1 - level`` on
        each end. "less" gives an upper limit, ``[0, high]``; without any success it is the exact form of the rule of
        three. "greater" gives a lower limit, ``[low, 1]``.

    Returns
    -------
    IntervalEstimate
        Proportions in [0, 1], of the broadcast shape; floats for scalar input. Without trials the value is NaN and the
        interval [0, 1].

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or exceeds its trials.

    Notes
    -----
    The ends are quantiles of Beta(s, n - s + 1) and Beta(s + 1, n - s). Conservative: coverage is mostly above `level`.

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the case of the
    binomial. Biometrika 26, 404-413.

    Examples
    --------
    >>> estimate = clopper_pearson(0, 100, alternative="less")
    >>> round(estimate.high, 4)
    0.0295
    """
    check_level(level)
    check_choice(alternative, ("two-sided", "less", "greater"), name="alternative")
    s, n = _counts(successes, trials)
    tail = (1.0 - level) / (2.0 if alternative == "two-sided" else 1.0)
    low, high = np.zeros(s.shape), np.ones(s.shape)
    if alternative != "less":
        # The clamped shape parameters are placeholders where the end is 0 or 1 by definition.
        low = np.where(s == 0, 0.0, betaincinv(np.maximum(s, 1), n - s + 1, tail))
    if alternative != "greater":
        high = np.where(s == n, 1.0, betainccinv(s + 1, np.maximum(n - s, 1), tail))
    return interval_estimate(_proportion(s, n), low, high)


@overload
def wilson(successes: Number, trials: Number, *, level: float = 0.95) -> IntervalEstimate[float]: ...
@overload
def wilson(
    successes: Numbers, trials: Number | Numbers, *, level: float = 0.95
) -> IntervalEstimate[NDArray[np.float64]]: ...
@overload
def wilson(successes: Number, trials: Numbers, *, level: float = 0.95) -> IntervalEstimate[NDArray[np.float64]]: ...
def wilson(
    successes: Number | Numbers, trials: Number | Numbers, *, level: float = 0.95
) -> IntervalEstimate[float] | IntervalEstimate[NDArray[np.float64]]:
    """Estimate proportions with Wilson's score intervals.

    Shorter than `clopper_pearson`; covers with probability `level` on average over proportions, not at each of them.

    Parameters
    ----------
    successes : int or array-like of int, any shape
        Number of successes, between 0 and `trials`; broadcast against `trials`.
    trials : int or array-like of int
        Number of independent trials.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Proportions in [0, 1], of the broadcast shape; floats for scalar input. Without trials the value is NaN and the
        interval [0, 1].

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or exceeds its trials.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.
    Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion. Statistics in Medicine 17,
    857-872, method 3.

    Examples
    --------
    >>> estimate = wilson([5, 0], 10)
    >>> estimate.low.round(3), estimate.high.round(3)
    (array([0.237, 0.   ]), array([0.763, 0.278]))
    """
    check_level(level)
    s, n = _counts(successes, trials)
    return interval_estimate(_proportion(s, n), *_wilson_limits(s, n, level))


@overload
def newcombe_difference(
    s1: Number, n1: Number, s2: Number, n2: Number, *, level: float = 0.95
) -> IntervalEstimate[float]: ...
@overload
def newcombe_difference(
    s1: Numbers, n1: Number | Numbers, s2: Number | Numbers, n2: Number | Numbers, *, level: float = 0.95
) -> IntervalEstimate[NDArray[np.float64]]: ...
def newcombe_difference(
    s1: Number | Numbers,
    n1: Number | Numbers,
    s2: Number | Numbers,
    n2: Number | Numbers,
    *,
    level: float = 0.95,
) -> IntervalEstimate[float] | IntervalEstimate[NDArray[np.float64]]:
    """Estimate the difference of two independent proportions, first minus second.

    Parameters
    ----------
    s1, n1 : int or array-like of int, any shape
        Successes and trials of the first sample.
    s2, n2 : int or array-like of int
        Successes and trials of the second sample; all four are broadcast.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Differences in [-1, 1], of the broadcast shape; floats for scalar input. Where a sample has no trials the value
        is NaN and the interval [-1, 1].

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or exceeds its trials.

    Notes
    -----
    Square-and-add of Wilson intervals; approximate, without degenerate or overshooting intervals. Samples that share
    rows are not independent: use `holdfast.kernels.stats.paired` for these.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions. Statistics in
    Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> estimate = newcombe_difference(56, 70, 48, 80)
    >>> round(estimate.low, 4), round(estimate.high, 4)
    (0.0524, 0.3339)
    """
    check_level(level)
    first, second = _counts(s1, n1), _counts(s2, n2)
    p1, p2 = _proportion(*first), _proportion(*second)
    low1, high1 = _wilson_limits(*first, level)
    low2, high2 = _wilson_limits(*second, level)
    difference = p1 - p2
    low = difference - np.hypot(p1 - low1, high2 - p2)
    high = difference + np.hypot(high1 - p1, p2 - low2)
    is_undefined = np.isnan(difference)
    return interval_estimate(
        difference,
        np.where(is_undefined, -1.0, np.maximum(low, -1.0)),
        np.where(is_undefined, 1.0, np.minimum(high, 1.0)),
    )


def _counts(successes: Number | Numbers, trials: Number | Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    s, n = np.broadcast_arrays(count_array(successes, name="successes"), count_array(trials, name="trials"))
    if (s > n).any():
        at = np.unravel_index(int(np.argmax(s > n)), s.shape)
        raise ValueError(f"expected successes <= trials, got {s[at]} of {n[at]}; check the order of the arguments")
    return s, n


def _proportion(s: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(n == 0, np.nan, s / np.maximum(n, 1))


def _wilson_limits(
    s: NDArray[np.int64], n: NDArray[np.int64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    z = ndtri(0.5 + level / 2.0)
    p = s / np.maximum(n, 1)
    centre = (s + z * z / 2.0) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(p * (n - s) + z * z / 4.0)
    # At the extremes the ends are exactly 0 and 1; rounding must not move them past the estimate.
    low = np.where(s == 0, 0.0, np.clip(centre - half, 0.0, p))
    high = np.where(s == n, 1.0, np.clip(centre + half, p, 1.0))
    return low, high
