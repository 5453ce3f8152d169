"""Hold the shares of categories in a table against those of a population, and say which cells can bear a claim."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, count_array, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson, newcombe_difference

Floats = NDArray[np.float64]


class Differences(NamedTuple):
    """Categories of one column: their shares in the table, and how far these are from the population's."""

    share: IntervalEstimate[Floats]
    """Share in the table, with Clopper and Pearson's interval for each category alone."""
    difference: IntervalEstimate[Floats]
    """Standardised difference, table minus population; 0 and [0, 0] for a share of 0 or 1 in the population."""


def share_differences(
    counts: ArrayLike, shares: ArrayLike, *, level: float = 0.95, n_intervals: int = 1, n_reference: int | None = None
) -> Differences:
    """Estimate how far the categories of a column are from their shares in the population.

    Parameters
    ----------
    counts : array-like of int, shape (n_categories,)
        Rows of each category.
    shares : array-like, shape (n_categories,)
        Shares in the population, summing to one.
    level : float, default 0.95
        Confidence level inside (0, 1), for all `n_intervals` differences together.
    n_intervals : int, default 1
        Differences that are estimated in all, over all columns (Bonferroni).
    n_reference : int, optional
        Rows of the reference table that the shares were counted in; the population itself otherwise.

    Returns
    -------
    Differences
        Differences in standard deviations of the population, ``(p - q) / sqrt(q (1 - q))``: unlike differences of
        shares they do not shrink with the category. Without rows NaN and open ends.

    Notes
    -----
    Exact (Clopper-Pearson) for known shares; Newcombe's interval where they were counted, standardised with the
    share as counted.

    References
    ----------
    Austin, P. C. (2009). Using the standardized difference to compare the prevalence of a binary variable between two
    groups in observational research. Communications in Statistics 38, 1228-1234.

    Examples
    --------
    >>> share_differences([330, 670], [0.5, 0.5]).difference.value.round(2)
    array([-0.34,  0.34])
    """
    check_level(level)
    count, q = count_array(counts, name="counts"), float_vector(shares, name="shares")
    total = np.full(count.shape, count.sum())
    alone = clopper_pearson(count, total, level=level)
    each = 1.0 - (1.0 - level) / max(1, n_intervals)
    if n_reference is None:
        together = clopper_pearson(count, total, level=each)
        ends = (together.value - q, together.low - q, together.high - q)
    else:
        hits = np.rint(q * n_reference).astype(np.int64)
        gap = newcombe_difference(count, total, hits, np.full(hits.shape, n_reference), level=each)
        ends = (gap.value, gap.low, gap.high)
    deviation = np.sqrt(np.clip(q * (1.0 - q), 0.0, None))
    scaled = [np.divide(end, deviation, out=np.zeros(q.size), where=deviation > 0) for end in ends]
    return Differences(alone, IntervalEstimate(*scaled))


def largest_difference(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[int, IntervalEstimate[float]]:
    """Return which of several differences is the largest in size, and an interval for the largest true size.

    Parameters
    ----------
    value, low, high : array-like, shape (n_differences,)
        Differences whose intervals hold together.

    Returns
    -------
    tuple of int and IntervalEstimate
        Position, and size of zero or more. The interval covers the largest true size whenever all intervals hold.

    Examples
    --------
    >>> largest_difference([0.1, -0.5], [0.0, -0.7], [0.2, -0.3])
    (1, IntervalEstimate(value=0.5, low=0.3, high=0.7))
    """
    middle, least, most = (np.asarray(each, dtype=np.float64) for each in (value, low, high))
    size = np.abs(middle)
    at = int(np.argmax(size))
    below = np.maximum(np.maximum(least, -most), 0.0)
    above = np.maximum(np.abs(least), np.abs(most))
    return at, IntervalEstimate(float(size[at]), float(below.max()), float(above.max()))


def reachable_half_width(rows: ArrayLike, *, level: float = 0.95) -> Floats:
    """Return how far from its estimate a share may be that is measured on so many rows, at worst.

    Parameters
    ----------
    rows : array-like of int, any shape
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    ndarray of float64
        Half the width of Clopper and Pearson's interval for a half of the rows; 0.5, which says nothing, without any.

    Examples
    --------
    >>> reachable_half_width([0, 10, 100]).round(3)
    array([0.5  , 0.313, 0.102])
    """
    n = np.atleast_1d(count_array(rows, name="rows"))
    distinct, place = np.unique(n, return_inverse=True)
    estimate = clopper_pearson(distinct // 2, distinct, level=level)
    return np.asarray(((estimate.high - estimate.low) / 2.0)[place].reshape(n.shape))


def rows_for_half_width(half_width: float, *, level: float = 0.95) -> int:
    """Return how many rows it takes for a share to be known this closely, whatever it is.

    Parameters
    ----------
    half_width : float
        Inside (0, 0.5).
    level : float, default 0.95

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If `half_width` is not inside (0, 0.5).

    Examples
    --------
    >>> rows_for_half_width(0.1)
    104
    """
    if not 0.0 < half_width < 0.5:
        raise ValueError(f"expected a half-width inside (0, 0.5), got {half_width!r}; write ten points as 0.1")
    low, high = 1, 2
    while float(reachable_half_width([high], level=level)[0]) > half_width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if float(reachable_half_width([middle], level=level)[0]) <= half_width else (middle, high)
        )
    return high
