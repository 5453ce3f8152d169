"""How unequally benefits are spread over people, and how much of that lies between groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, xlogy

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.weighted_squares import weighted_square_limits


class Inequality(NamedTuple):
    """Indices of inequality, 0 where everybody has the same."""

    entropy: IntervalEstimate[float]
    """Generalised entropy with alpha 2: half the squared coefficient of variation."""
    theil: IntervalEstimate[float]
    """Generalised entropy with alpha 1."""


def inequality(benefit: ArrayLike, *, level: float = 0.95) -> Inequality | None:
    """Estimate how unequally a benefit is spread over people.

    Parameters
    ----------
    benefit : array-like, shape (n_samples,)
        Zero or more. Speicher et al. take 1 for a right answer, 2 for a favourable one that is not deserved, and 0 for
        one that is deserved and withheld.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    Inequality or None
        Zero or more; None with fewer than two people or without any benefit.

    Raises
    ------
    ValueError
        If a benefit is negative or not finite.

    Notes
    -----
    Intervals by the delta method, cut at 0. The values are AIF360's ``generalized_entropy_index`` and ``theil_index``.

    References
    ----------
    Speicher, T. et al. (2018). A unified approach to quantifying algorithmic unfairness. KDD, section 3.
    Cowell, F. A. (1989). Sampling variance and decomposable inequality measures. J. Econometrics 42, 27-41.

    Examples
    --------
    >>> found = inequality([1, 1, 1, 1, 2, 0])
    >>> round(found.entropy.value, 3), round(found.theil.value, 3)
    (0.167, 0.231)
    """
    check_level(level)
    b = _benefits(benefit)
    if b.size < 2 or not b.any():
        return None
    mean, squares, logs = float(b.mean()), b**2, xlogy(b, b)
    entropy = (float(squares.mean()) / mean**2 - 1.0) / 2.0
    theil = float(logs.mean()) / mean - float(np.log(mean))
    # First-order effect of each person on the index.
    on_entropy = (squares - squares.mean()) / (2.0 * mean**2) - squares.mean() * (b - mean) / mean**3
    on_theil = (logs - logs.mean()) / mean - logs.mean() * (b - mean) / mean**2 - (b - mean) / mean
    return Inequality(_delta(entropy, on_entropy, level), _delta(theil, on_theil, level))


def between_groups(
    benefit: ArrayLike, group: ArrayLike, *, n_groups: int, level: float = 0.95
) -> IntervalEstimate[float] | None:
    """Estimate the generalised entropy (alpha 2) that is left when everybody gets the mean of the group.

    Parameters
    ----------
    benefit : array-like, shape (n_samples,)
        Zero or more.
    group : array-like of int, shape (n_samples,)
        Group of each row; negative for rows that belong to none.
    n_groups : int
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate or None
        Zero or more, 0 where all groups have the same mean. None with fewer than two groups of two rows, or without any
        benefit in them.

    Raises
    ------
    ValueError
        As `inequality`, or if the lengths differ.

    Notes
    -----
    ``sum_g w_g (mean_g - mean) ** 2 / (2 mean ** 2)``. The value is the plain one, AIF360's
    ``between_group_generalized_entropy_index``, which is above 0 by chance where groups are equal; the interval allows
    for that. It takes the overall mean as known.

    Examples
    --------
    >>> between_groups([1, 1, 1, 1, 0, 0, 2, 0], [0, 0, 0, 0, 1, 1, 1, 1], n_groups=2).value.__round__(4)
    0.0556
    """
    check_level(level)
    b, place = _benefits(benefit), np.asarray(group, dtype=np.int64)
    check_same_length(b.size, place.size, names=("benefit", "group"))
    n = np.bincount(place[place >= 0], minlength=n_groups)
    used = n > 1
    counted = (place >= 0) & used[place]
    b, place = b[counted], place[counted]
    if used.sum() < 2 or not b.any():
        return None
    # The index does not change with the unit: benefits of at most 1 keep the distances below 1.
    scaled = b / b.max()
    means = (np.bincount(place, weights=scaled, minlength=n_groups) / np.maximum(n, 1))[used]
    centred = np.bincount(place, weights=scaled**2, minlength=n_groups)[used] / n[used] - means**2
    # Half a person at each end: a group whose benefits are all equal still has a sampling error.
    error = np.sqrt((np.maximum(centred, 0.0) * n[used] + 0.25) / (n[used] + 1.0) / n[used])
    weight = n[used] / n[used].sum()
    mean = float(weight @ means)
    gap, unit = means - mean, 2.0 * mean**2
    low, high = weighted_square_limits(weight, gap, error, level=level)
    value = float(weight @ gap**2)
    return IntervalEstimate(value / unit, min(low, value) / unit, max(high, value) / unit)


def _benefits(benefit: ArrayLike) -> NDArray[np.float64]:
    b = float_vector(benefit, name="benefit")
    if b.size and b.min() < 0.0:
        raise ValueError(f"expected benefits of zero or more, got benefit with {b.min()}; shift them first")
    return b


def _delta(value: float, effect: NDArray[np.float64], level: float) -> IntervalEstimate[float]:
    half = float(ndtri(0.5 + level / 2.0)) * float(effect.std(ddof=1)) / np.sqrt(effect.size)
    return IntervalEstimate(max(value, 0.0), max(value - half, 0.0), max(value + half, 0.0))
