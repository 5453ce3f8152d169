"""The largest gap of a rate or a mean between any two groups, with an interval that equal groups do not violate.

The largest of many differences is above zero even where all groups are equal, the more so the more and the smaller the
groups. Resampling repeats that bias; the intervals here do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from holdfast.kernels.stats.inputs import check_level, count_array
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson, newcombe_difference


class LargestGap(NamedTuple):
    """The largest difference between two groups."""

    estimate: IntervalEstimate[float]
    rate: int
    """Which rate (row of the counts) has the largest gap."""
    highest: int
    """Group with the highest rate or mean."""
    lowest: int


def largest_rate_gap(successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> LargestGap | None:
    """Estimate the largest difference of a rate between two groups.

    Parameters
    ----------
    successes : array-like of int, shape (n_rates, n_groups) or (n_groups,)
        Successes of each rate in each group. With several rates (true-positive and false-positive rate for equalised
        odds), the largest gap over all of them is estimated.
    trials : array-like of int, same shape
        Trials; a group without trials has no part in that rate.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    LargestGap or None
        Share in [0, 1], smaller is better, 0 for equal groups. None when no rate has two groups with trials.

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or exceeds its trials.

    Notes
    -----
    The value is the observed difference, which is biased upwards; the interval is not: its lower end is the largest
    lower end over all pairs of groups, corrected for the number of pairs (Bonferroni), and 0 where none is above; it
    combines exact intervals of the two rates by square-and-add, because Newcombe's Wilson intervals are too short at
    such levels in small groups. Its upper end is the largest upper end of Newcombe's interval over all pairs without
    that correction: it is never below that of the pair which truly differs most. Cost O(n_rates * n_groups ** 2).

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions. Statistics in
    Medicine 17, 873-890, method 10.
    Berger, R. L. and Hsu, J. C. (1996). Bioequivalence trials, intersection-union tests and equivalence confidence
    sets. Statistical Science 11, 283-319 (why the upper end needs no correction).

    Examples
    --------
    >>> gap = largest_rate_gap([60, 40, 45], [100, 100, 100])
    >>> round(gap.estimate.value, 2), round(gap.estimate.low, 3), round(gap.estimate.high, 3), gap.highest, gap.lowest
    (0.2, 0.024, 0.328, 0, 1)
    """
    check_level(level)
    s = np.atleast_2d(count_array(successes, name="successes"))
    n = np.atleast_2d(count_array(trials, name="trials"))
    if s.shape != n.shape:
        raise ValueError(f"expected successes and trials of one shape, got {s.shape} and {n.shape}")
    rate, i, j = _ordered_pairs(n > 0)
    if rate.size == 0:
        return None
    counts = (s[rate, i], n[rate, i], s[rate, j], n[rate, j])
    # Each unordered pair stands here twice; one of the two can err on the lower side only.
    low = _corrected_low(*counts, level=1.0 - 2.0 * (1.0 - level) / rate.size)
    plain = newcombe_difference(*counts, level=level)
    at = int(np.argmax(plain.value))
    estimate = IntervalEstimate(float(plain.value[at]), max(float(low.max()), 0.0), float(plain.high.max()))
    return LargestGap(estimate, int(rate[at]), int(i[at]), int(j[at]))


def largest_mean_gap(
    means: ArrayLike, variances: ArrayLike, sizes: ArrayLike, *, level: float = 0.95
) -> LargestGap | None:
    """Estimate the largest difference of a mean between two groups.

    Parameters
    ----------
    means, variances : array-like, shape (n_groups,)
        Mean and unbiased variance of the values in each group; ignored for groups of fewer than two rows.
    sizes : array-like of int, shape (n_groups,)
        Rows of each group.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    LargestGap or None
        In the unit of the means, zero or more. None with fewer than two groups of two rows.

    Raises
    ------
    ValueError
        If a number that is used is NaN or infinite, a variance is negative, or shapes do not fit.

    Notes
    -----
    As `largest_rate_gap`, with Welch's intervals.

    References
    ----------
    Welch, B. L. (1947). The generalization of Student's problem when several different population variances are
    involved. Biometrika 34, 28-35.

    Examples
    --------
    >>> gap = largest_mean_gap([1.0, 2.0], [1.0, 1.0], [50, 50])
    >>> round(gap.estimate.value, 2), round(gap.estimate.low, 2), round(gap.estimate.high, 2)
    (1.0, 0.6, 1.4)
    """
    check_level(level)
    n = count_array(sizes, name="sizes")
    mean, variance = np.asarray(means, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if not n.ndim == mean.ndim == variance.ndim == 1 or not n.size == mean.size == variance.size:
        raise ValueError(f"expected three vectors of one length, got {mean.shape}, {variance.shape} and {n.shape}")
    used = n > 1
    if not np.isfinite(mean[used]).all() or not (np.isfinite(variance[used]) & (variance[used] >= 0.0)).all():
        raise ValueError(
            "expected finite means and variances of zero or more, got others; drop rows without values first"
        )
    _, i, j = _ordered_pairs(used[None])
    if i.size == 0:
        return None
    difference = mean[i] - mean[j]
    spread, freedom = _welch(variance[i] / n[i], variance[j] / n[j], n[i] - 1, n[j] - 1)
    low = difference - stdtrit(freedom, 1.0 - (1.0 - level) / i.size) * spread
    high = difference + stdtrit(freedom, 0.5 + level / 2.0) * spread
    at = int(np.argmax(difference))
    estimate = IntervalEstimate(float(difference[at]), max(float(low.max()), 0.0), float(high.max()))
    return LargestGap(estimate, 0, int(i[at]), int(j[at]))


def largest_estimate_gap(
    estimate: Callable[[float], IntervalEstimate[NDArray[np.float64]]], *, level: float = 0.95
) -> LargestGap | None:
    """Estimate the largest difference between two groups of any quantity that has an interval in each.

    Parameters
    ----------
    estimate : callable
        Returns for a confidence level the quantity in each group, ``(n_groups,)``, from rows that no other group
        shares; a group whose value is NaN has no part.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    LargestGap or None
        In the unit of the quantity, zero or more. None with fewer than two groups.

    Notes
    -----
    As `largest_rate_gap`; the limits of a difference are recovered from those of the two groups.

    References
    ----------
    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures: a general approach.
    Statistics in Medicine 27, 1693-1702.

    Examples
    --------
    >>> from holdfast.kernels.stats.proportions import clopper_pearson
    >>> gap = largest_estimate_gap(lambda level: clopper_pearson([60, 40], [100, 100], level=level))
    >>> round(gap.estimate.value, 2), gap.highest
    (0.2, 0)
    """
    check_level(level)
    plain = estimate(level)
    _, i, j = _ordered_pairs(~np.isnan(plain.value)[None])
    if i.size == 0:
        return None
    corrected = estimate(1.0 - 2.0 * (1.0 - level) / i.size)
    difference = plain.value[i] - plain.value[j]
    low = difference - np.hypot((corrected.value - corrected.low)[i], (corrected.high - corrected.value)[j])
    high = difference + np.hypot((plain.high - plain.value)[i], (plain.value - plain.low)[j])
    at = int(np.argmax(difference))
    found = IntervalEstimate(float(difference[at]), max(float(low.max()), 0.0), float(high.max()))
    return LargestGap(found, 0, int(i[at]), int(j[at]))


def _corrected_low(
    s1: NDArray[np.int64], n1: NDArray[np.int64], s2: NDArray[np.int64], n2: NDArray[np.int64], *, level: float
) -> NDArray[np.float64]:
    first, second = clopper_pearson(s1, n1, level=level), clopper_pearson(s2, n2, level=level)
    return np.asarray(first.value - second.value - np.hypot(first.value - first.low, second.high - second.value))


def _ordered_pairs(used: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """All (rate, first group, second group) with two different groups that are used."""
    both = used[:, :, None] & used[:, None, :] & ~np.eye(used.shape[1], dtype=np.bool_)
    rate, first, second = np.nonzero(both)
    return rate, first, second


def _welch(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    freedom_first: NDArray[np.int64],
    freedom_second: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    total = first + second
    known = total > 0.0
    denominator = first**2 / freedom_first + second**2 / freedom_second
    freedom = np.where(known, total**2 / np.where(known, denominator, 1.0), 1.0)
    return np.sqrt(total), freedom
