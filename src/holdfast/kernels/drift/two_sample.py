"""Whether two samples of one column come from one distribution, and how far apart they are: on cells, or exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from holdfast.kernels.drift.merging_numba import largest_distance
from holdfast.kernels.stats.inputs import check_level
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
FEWEST_EXPECTED = 5.0
SMALL, LARGE, FAR = 200, 5_000, 1.2


class TwoSampleTest(NamedTuple):
    """Result of a test that two samples come from one distribution."""

    statistic: float
    """Kolmogorov-Smirnov: the largest distance of the distribution functions. Chi-square: the sum."""
    p_value: float
    effect: IntervalEstimate[float]
    """Share of rows that would have to move for the two to be alike, at least: 0 alike, 1 nothing in common."""


def ks_on_cells(reference: ArrayLike, current: ArrayLike, *, level: float = 0.95) -> TwoSampleTest | None:
    """Compare two columns of numbers by their counts on the same cells.

    The distance is looked at between cells only, so that it is at most that of the values themselves and the p-value at
    least theirs: what the cells hide can hide drift, never invent it. The interval allows for what may lie inside the
    cells.

    Parameters
    ----------
    reference, current : array-like of int, shape (n_cells,)
        Counts, cells in rising order.
    level : float, default 0.95
        Confidence level of the interval.

    Returns
    -------
    TwoSampleTest or None
        None where a side is empty.

    Raises
    ------
    ValueError
        If shapes differ or a count is negative.

    Notes
    -----
    The p-value is scipy's for the two-sided statistic at the effective size ``n m / (n + m)``. The interval is
    ``D -+ k sqrt(1 / n + 1 / m)`` with ``k`` the quantile of the Kolmogorov distribution: the difference of the two
    errors lies within that band all along, whatever the distributions (Massart 1990 for each; van der Vaart, Wellner
    1996, section 3.7).

    Examples
    --------
    >>> ks_on_cells([50, 50], [80, 20]).statistic.__round__(3)
    0.3
    """
    a, b = _counts(reference, current)
    if not a.sum() or not b.sum():
        return None
    lowest, highest = _reach(a, b)
    return _ks_result(float(lowest.max(initial=0.0)), float(highest.max()), int(a.sum()), int(b.sum()), level=level)


def _ks_result(statistic: float, most: float, n: int, m: int, *, level: float = 0.95) -> TwoSampleTest:
    """Return the test for a distance that is known to lie between two values."""
    check_level(level)
    p_value = _ks_tail(statistic, max(round(n * m / (n + m)), 1))
    half = float(special.kolmogi(1.0 - level)) * np.sqrt(1.0 / n + 1.0 / m)
    effect = IntervalEstimate(statistic, float(max(statistic - half, 0.0)), float(min(most + half, 1.0)))
    return TwoSampleTest(statistic, min(max(p_value, 0.0), 1.0), effect)


def _ks_tail(statistic: float, size: int) -> float:
    """Return the chance of a two-sided distance at least as large, 5 in 10,000 of it apart from scipy's ``kstwo``.

    Loading scipy's distributions takes a second, which only small samples spend. From ``FAR`` on it is twice the
    one-sided chance less that at twice the distance, which follows the limiting series term by term; nearer, and above
    ``LARGE``, where p of 1e-8 is 5 in 1,000 apart, Kolmogorov's limit with two corrections (Vrbik 2018, Small-sample
    corrections to Kolmogorov-Smirnov test statistic).
    """
    if size < SMALL:
        from scipy.stats import kstwo

        return float(kstwo.sf(statistic, size))
    z = float(np.sqrt(size)) * statistic
    if z >= FAR and size <= LARGE:
        return 2.0 * float(special.smirnov(size, statistic) - special.smirnov(size, min(2.0 * statistic, 1.0)))
    return float(special.kolmogorov(z + 1.0 / (6.0 * np.sqrt(size)) + (z - 1.0) / (4.0 * size)))


def ks_exact(reference: ArrayLike, current: ArrayLike, *, level: float = 0.95) -> TwoSampleTest | None:
    """Compare two columns of numbers by their values.

    Parameters
    ----------
    reference, current : array-like, shapes (n_reference,) and (n_current,)
        Numbers; NaN is left out, infinities are numbers.
    level : float, default 0.95

    Returns
    -------
    TwoSampleTest or None
        As `ks_on_cells`; None where a side is empty.

    Examples
    --------
    >>> ks_exact([1, 2, 3, 4], [3, 4, 5, 6]).statistic
    0.5
    """
    first, second = (_sorted(side) for side in (reference, current))
    if not first.size or not second.size:
        return None
    statistic = float(largest_distance(first, second))
    return _ks_result(statistic, statistic, first.size, second.size, level=level)


def _sorted(values: ArrayLike) -> Floats:
    x = np.sort(np.asarray(values, dtype=np.float64).ravel())
    return x[: np.searchsorted(x, np.nan)]


def chi_square(reference: ArrayLike, current: ArrayLike, *, level: float = 0.95) -> TwoSampleTest | None:
    """Compare two columns of categories by their counts.

    Categories expected fewer than five times on a side are joined first, so that the approximation holds.

    Parameters
    ----------
    reference, current : array-like of int, shape (n_categories,)
    level : float, default 0.95

    Returns
    -------
    TwoSampleTest or None
        The effect is the total variation distance of all categories. None where a side is empty.

    Raises
    ------
    ValueError
        As `ks_on_cells`.

    Notes
    -----
    By chance the distance of equal samples is above 0, by at most the sum of the mean errors of the shares; the lower
    end allows for that. One row moves it by at most ``1 / n``, so that its variance is at most ``1 / 4n + 1 / 4m``
    (Boucheron, Lugosi, Massart 2013, Corollary 3.2).

    Examples
    --------
    >>> round(chi_square([50, 50], [80, 20]).statistic, 2)
    19.78
    """
    check_level(level)
    a, b = _counts(reference, current)
    n, m = int(a.sum()), int(b.sum())
    if not n or not m:
        return None
    statistic, p_value = _pearson(a, b)
    p, q = a / n, b / m
    pooled = (a + b) / (n + m)
    distance = float(np.abs(p - q).sum()) / 2.0
    by_chance = float(np.sqrt(2.0 / np.pi * pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sum()) / 2.0
    half = float(special.ndtri(0.5 + level / 2.0)) * 0.5 * np.sqrt(1.0 / n + 1.0 / m)
    low = max(distance - by_chance - half, 0.0)
    return TwoSampleTest(statistic, p_value, IntervalEstimate(distance, float(low), float(min(distance + half, 1.0))))


def _pearson(a: Integers, b: Integers) -> tuple[float, float]:
    """Pearson's statistic of two rows of counts, rare categories joined."""
    n, m = a.sum(), b.sum()
    is_rare = (a + b) * (min(n, m) / (n + m)) < FEWEST_EXPECTED
    table = np.array([a[~is_rare], b[~is_rare]], dtype=np.float64)
    if is_rare.any() and (a + b)[is_rare].sum():
        table = np.column_stack([table, [a[is_rare].sum(), b[is_rare].sum()]])
    if table.shape[1] < 2:
        return 0.0, 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, float(special.chdtrc(table.shape[1] - 1, statistic))


def _reach(a: Integers, b: Integers) -> tuple[Floats, Floats]:
    """Return for each cell the distance at its upper end, and the largest that it can hide inside."""
    f, g = np.cumsum(a) / a.sum(), np.cumsum(b) / b.sum()
    before_f, before_g = np.concatenate([[0.0], f[:-1]]), np.concatenate([[0.0], g[:-1]])
    ends = np.abs(f - g)
    inside = np.maximum(f - before_g, g - before_f)
    # A cell that one side leaves empty holds nothing that its ends do not show.
    one_sided = (a == 0) | (b == 0)
    inside[one_sided] = np.maximum(ends, np.abs(before_f - before_g))[one_sided]
    return ends, np.maximum(inside, ends)


def _counts(reference: ArrayLike, current: ArrayLike) -> tuple[Integers, Integers]:
    a, b = np.asarray(reference, dtype=np.int64), np.asarray(current, dtype=np.int64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"expected counts on the same cells, got shapes {a.shape} and {b.shape}")
    if min(a.min(initial=0), b.min(initial=0)) < 0:
        raise ValueError("expected counts of zero or more, got a negative one")
    return a, b
