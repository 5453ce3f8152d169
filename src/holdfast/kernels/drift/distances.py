"""How far apart two columns are, in units the field knows: PSI, Jensen-Shannon, Wasserstein; each with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from holdfast.kernels.drift.two_sample import Integers
from holdfast.kernels.stats.inputs import check_level
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
PSI_CELLS = 10
CLOSE = 1e-10


def psi(reference: ArrayLike, current: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float] | None:
    """Estimate the population stability index: the Jeffreys divergence of two distributions on cells, in nats.

    Read in practice as: below 0.1 stable, above 0.25 shifted. An empty cell counts as half a row; where
    one side has none, there is no upper end.

    Parameters
    ----------
    reference, current : array-like of int, shape (n_cells,)
        Counts on the same cells.
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate or None
        None where a side is empty. The value is the plain one, above 0 by chance; the interval allows for that.

    Notes
    -----
    ``psi / (1 / n + 1 / m)`` is about noncentral chi-square with one degree of freedom fewer than cells (Yurdakul,
    Naranjo 2020, Statistical properties of the population stability index); its noncentrality is turned back. Where the
    two are far apart its variance is the larger of that and the delta method's.
    """
    found = _divergence(reference, current, _jeffreys, _jeffreys_slopes, scale=1.0, level=level)
    a, b = np.asarray(reference), np.asarray(current)
    if found is not None and ((a == 0) != (b == 0)).any():
        return IntervalEstimate(found.value, found.low, math.inf)
    return found


def jensen_shannon(reference: ArrayLike, current: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float] | None:
    """Estimate the Jensen-Shannon divergence of two distributions on cells, in bits: 0 alike, 1 nothing in common.

    Parameters and result as `psi` (Lin 1991, Divergence measures based on the Shannon entropy).
    """
    found = _divergence(reference, current, _jensen_shannon, _jensen_shannon_slopes, scale=8.0, level=level)
    if found is None:
        return None
    return IntervalEstimate(*(min(part / math.log(2.0), 1.0) for part in found))


def wasserstein(
    reference: ArrayLike, current: ArrayLike, points: ArrayLike, *, sds: tuple[float, float], level: float = 0.95
) -> IntervalEstimate[float] | None:
    """Estimate how far numbers have moved on average, in the unit of the numbers (Wasserstein-1 distance).

    Parameters
    ----------
    reference, current : array-like of int, shape (n_cells,)
        Counts, cells in rising order.
    points : array-like, shape (n_cells,)
        Where the rows of each cell are taken to lie, rising; upper ends move none by more than a cell.
    sds : tuple of float
        Standard deviations of the two samples.
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate or None
        None where a side is empty or a number is not finite.

    Notes
    -----
    Chance adds at most the integral of the mean error of the distribution functions. Moving one row by ``d`` changes
    the distance by at most ``d / n``, so that its variance is at most ``sd ** 2 / n`` on each side (Efron, Stein 1981).
    """
    check_level(level)
    a, b = np.asarray(reference, dtype=np.int64), np.asarray(current, dtype=np.int64)
    x = np.asarray(points, dtype=np.float64)
    n, m = int(a.sum()), int(b.sum())
    if not n or not m or not np.isfinite(x).all() or not np.isfinite(sds).all():
        return None
    f, g, widths = np.cumsum(a)[:-1] / n, np.cumsum(b)[:-1] / m, np.diff(x)
    distance = float(np.abs(f - g) @ widths)
    pooled = np.cumsum(a + b)[:-1] / (n + m)
    by_chance = float(np.sqrt(2.0 / np.pi * pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)) @ widths)
    half = float(special.ndtri(0.5 + level / 2.0)) * math.sqrt(sds[0] ** 2 / n + sds[1] ** 2 / m)
    return IntervalEstimate(distance, max(distance - by_chance - half, 0.0), distance + half)


def coarse(reference: ArrayLike, current: ArrayLike, *, n_cells: int = PSI_CELLS) -> tuple[Integers, Integers]:
    """Join neighbouring cells to a few that hold about equal shares of the reference.

    Parameters
    ----------
    reference, current : array-like of int, shape (n_cells,)
    n_cells : int, default 10

    Returns
    -------
    tuple of ndarray of int64, shape (at most n_cells,)
    """
    a, b = np.asarray(reference, dtype=np.int64), np.asarray(current, dtype=np.int64)
    if not a.sum():
        return a[:0], b[:0]
    middle = (np.cumsum(a) - a / 2.0) / a.sum()
    place = np.minimum((middle * n_cells).astype(np.int64), n_cells - 1)
    joined = [np.bincount(place, weights=side, minlength=n_cells).astype(np.int64) for side in (a, b)]
    is_used = joined[0] + joined[1] > 0
    return joined[0][is_used], joined[1][is_used]


def _divergence(
    reference: ArrayLike,
    current: ArrayLike,
    value: Callable[[Floats, Floats], float],
    slopes: Callable[[Floats, Floats], tuple[Floats, Floats]],
    *,
    scale: float,
    level: float,
) -> IntervalEstimate[float] | None:
    check_level(level)
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if not a.sum() or not b.sum():
        return None
    is_used = a + b > 0
    n, m = a.sum(), b.sum()
    p, q = (np.maximum(side[is_used], 0.5) for side in (a, b))
    p, q = p / p.sum(), q / q.sum()
    plain, size = value(p, q), 1.0 / (1.0 / n + 1.0 / m)
    freedom = p.size - 1
    if not freedom:
        return IntervalEstimate(0.0, 0.0, 0.0)
    low, high = _noncentral(scale * plain * size, freedom, level)
    # Far apart, the divergence is more variable than the chi-square of the same mean.
    on_p, on_q = slopes(p, q)
    variance = (p @ on_p**2 - (p @ on_p) ** 2) / n + (q @ on_q**2 - (q @ on_q) ** 2) / m
    half = float(special.ndtri(0.5 + level / 2.0)) * math.sqrt(max(float(variance), 0.0))
    bias = freedom / (scale * size)
    low, high = low / (scale * size), high / (scale * size)
    return IntervalEstimate(
        plain, min(plain, low, max(plain - bias - half, 0.0)), max(high, plain - bias + half, plain if high else 0.0)
    )


def _noncentral(statistic: float, freedom: int, level: float) -> tuple[float, float]:
    """Return the noncentralities at which a chi-square of this size is not yet extreme."""
    tail = 0.5 - level / 2.0

    def noncentrality(share: float) -> float:
        if special.chdtr(freedom, statistic) <= share:
            return 0.0
        lower, upper = 0.0, statistic + 1.0
        while special.chndtr(statistic, freedom, upper) > share:
            lower, upper = upper, 2.0 * upper
        while upper - lower > CLOSE * upper:
            middle = 0.5 * (lower + upper)
            if special.chndtr(statistic, freedom, middle) > share:
                lower = middle
            else:
                upper = middle
        return upper

    return noncentrality(1.0 - tail), noncentrality(tail)


def _jeffreys(p: Floats, q: Floats) -> float:
    return float(((p - q) * np.log(p / q)).sum())


def _jeffreys_slopes(p: Floats, q: Floats) -> tuple[Floats, Floats]:
    return np.log(p / q) + 1.0 - q / p, np.log(q / p) + 1.0 - p / q


def _jensen_shannon(p: Floats, q: Floats) -> float:
    middle = (p + q) / 2.0
    return float((p * np.log(p / middle) + q * np.log(q / middle)).sum() / 2.0)


def _jensen_shannon_slopes(p: Floats, q: Floats) -> tuple[Floats, Floats]:
    middle = (p + q) / 2.0
    return np.log(p / middle) / 2.0, np.log(q / middle) / 2.0
