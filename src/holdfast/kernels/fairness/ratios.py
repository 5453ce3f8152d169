"""The smallest ratio of a rate between two groups, with an interval that equal groups do not violate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, count_array
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson, wilson

Limits = IntervalEstimate[NDArray[np.float64]]


class SmallestRatio(NamedTuple):
    """The smallest ratio of one group's rate to another's."""

    estimate: IntervalEstimate[float]
    lowest: int
    """Group with the lower rate."""
    highest: int


def smallest_rate_ratio(successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> SmallestRatio | None:
    """Estimate the smallest ratio of a rate between two groups (disparate impact).

    Parameters
    ----------
    successes, trials : array-like of int, shape (n_groups,)
        Counts of each group; a group without trials has no part.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    SmallestRatio or None
        In [0, 1], larger is better, 1 for equal groups; the four-fifths rule asks for 0.8. None where fewer than two
        groups have trials, or no group has a success: nothing can be divided then.

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or exceeds its trials.

    Notes
    -----
    The value is Fairlearn's ``demographic_parity_ratio`` for selection rates, and AIF360's disparate impact for two
    groups. The observed minimum is biased downwards; the interval is not: its upper end is the smallest upper end over
    all ordered pairs, corrected for their number (exact intervals of the two rates), at most 1; its lower end is the
    smallest lower end over all pairs without that correction. The limits of a ratio of two independent rates are those
    of the method of variance estimates recovery. Cost O(n_groups ** 2).

    References
    ----------
    Donner, A. and Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal mean and standard
    deviation. Statistical Methods in Medical Research 21, 347-359 (the ratio of two estimates).
    Feldman, M. et al. (2015). Certifying and removing disparate impact. KDD.

    Examples
    --------
    >>> ratio = smallest_rate_ratio([30, 60], [100, 100])
    >>> round(ratio.estimate.value, 2), round(ratio.estimate.low, 2), round(ratio.estimate.high, 2), ratio.lowest
    (0.5, 0.35, 0.71, 0)
    """
    check_level(level)
    s, n = count_array(successes, name="successes"), count_array(trials, name="trials")
    if s.shape != n.shape or s.ndim != 1:
        raise ValueError(f"expected two vectors of one length, got {s.shape} and {n.shape}")
    used = n > 0
    if used.sum() < 2 or not s[used].any():
        return None
    first, second = np.nonzero(used[:, None] & used[None, :] & ~np.eye(n.size, dtype=np.bool_))
    plain = wilson(s, n, level=level)
    corrected = clopper_pearson(s, n, level=1.0 - 2.0 * (1.0 - level) / first.size)
    ratio = _ratio(plain.value[first], plain.value[second])
    at = int(np.argmin(ratio))
    low = float(_limits(plain, first, second)[0].min())
    high = min(float(_limits(corrected, first, second)[1].min()), 1.0)
    value = float(ratio[at])
    return SmallestRatio(IntervalEstimate(value, min(low, value), max(high, value)), int(first[at]), int(second[at]))


def _limits(
    rates: Limits, first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits of the ratio of two rates; an end that the data cannot bound is 0 or infinite."""
    p1, l1, u1 = (part[first] for part in rates)
    p2, l2, u2 = (part[second] for part in rates)
    product = p1 * p2
    below = product - np.sqrt(np.maximum(product**2 - l1 * u2 * (2.0 * p1 - l1) * (2.0 * p2 - u2), 0.0))
    above = product + np.sqrt(np.maximum(product**2 - u1 * l2 * (2.0 * p1 - u1) * (2.0 * p2 - l2), 0.0))
    under, over = u2 * (2.0 * p2 - u2), l2 * (2.0 * p2 - l2)
    # Where 2 p - u is not positive, the denominator may be as large as its upper end while the square is lost: the
    # plain quotient of the ends is wider and always valid.
    low = np.where(under > 0.0, _ratio(below, under), _ratio(l1, u2))
    high = np.where(over > 0.0, _ratio(above, over), np.inf)
    return np.maximum(np.minimum(low, _ratio(p1, p2)), 0.0), np.maximum(high, _ratio(p1, p2))


def _ratio(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient; two rates of zero are equal."""
    return np.where(second > 0.0, first / np.where(second > 0.0, second, 1.0), np.where(first > 0.0, np.inf, 1.0))
