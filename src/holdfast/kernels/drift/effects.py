"""How large a change of a column is, in units that need no distribution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.stats.differences import independent_difference
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson

Numbers = NDArray[np.float64]


class Effect(NamedTuple):
    """One change.

    Attributes
    ----------
    before, after
        What is compared: medians, spreads or shares.
    size
        In the unit that the function says, with its interval.
    """

    before: float
    after: float
    size: IntervalEstimate[float]


def location_effect(reference: ArrayLike, later: ArrayLike, *, level: float = 0.95) -> Effect:
    """Estimate the chance that a later row is larger than one of the reference (ties half); 0.5 without change.

    `before` and `after` are medians. DeLong's interval. NaN where a side is empty.

    Examples
    --------
    >>> effect = location_effect([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
    >>> effect.before, effect.after, effect.size.value
    (2.5, 4.5, 0.875)
    """
    before, after = _rows(reference), _rows(later)
    labels = np.concatenate([np.zeros(before.size, dtype=np.int64), np.ones(after.size, dtype=np.int64)])
    chance = auc_delong(labels, np.concatenate([before, after]), level=level)
    return Effect(_quantile(before, 0.5), _quantile(after, 0.5), chance)


def spread_effect(reference: ArrayLike, later: ArrayLike, *, level: float = 0.95) -> Effect:
    """Estimate the chance that a later row is further from the reference's median than one of the reference.

    0.5 without change; `before` and `after` are distances between the quartiles.
    """
    before, after = _rows(reference), _rows(later)
    middle = _quantile(before, 0.5)
    middle = middle if np.isfinite(middle) else 0.0
    chance = location_effect(np.abs(before - middle), np.abs(after - middle), level=level).size
    first, second = (_quantile(rows, 0.75) - _quantile(rows, 0.25) for rows in (before, after))
    return Effect(first, second, chance)


def shape_effect(reference: ArrayLike, later: ArrayLike, *, level: float = 0.95) -> Effect:
    """Estimate the largest difference between the cumulative shares of reference and later rows; 0 without change.

    `before` and `after` are the shares where it is largest. The interval is Dvoretzky, Kiefer and Wolfowitz's for both.
    """
    before, after = np.sort(_rows(reference)), np.sort(_rows(later))
    if not before.size or not after.size:
        return Effect(np.nan, np.nan, IntervalEstimate(np.nan, 0.0, 1.0))
    points = np.concatenate([before, after])
    first, second = (np.searchsorted(rows, points, side="right") / rows.size for rows in (before, after))
    place = int(np.abs(second - first).argmax())
    distance = float(abs(second[place] - first[place]))
    reach = float(sum(np.sqrt(np.log(4.0 / (1.0 - level)) / (2.0 * rows.size)) for rows in (before, after)))
    size = IntervalEstimate(distance, max(distance - reach, 0.0), min(distance + reach, 1.0))
    return Effect(float(first[place]), float(second[place]), size)


def share_effect(n_before: int, all_before: int, n_after: int, all_after: int, *, level: float = 0.95) -> Effect:
    """Estimate the difference of two shares, later minus reference.

    Examples
    --------
    >>> share_effect(20, 100, 30, 100).size.value.__round__(2)
    0.1
    """
    first, second = clopper_pearson(n_before, all_before, level=level), clopper_pearson(n_after, all_after, level=level)
    return Effect(first.value, second.value, independent_difference(second, first))


def over_starts(effects: list[Effect], best: int) -> Effect:
    """Return the effect of the most probable start, with an interval that spans those of all likely starts."""
    sizes = [effect.size for effect in effects]
    value = sizes[best].value
    low, high = min(size.low for size in sizes), max(size.high for size in sizes)
    return Effect(effects[best].before, effects[best].after, IntervalEstimate(value, low, high))


def _rows(values: ArrayLike) -> Numbers:
    rows = np.asarray(values, dtype=np.float64)
    return rows[~np.isnan(rows)]


def _quantile(rows: Numbers, share: float) -> float:
    """A quantile that infinities do not turn into NaN."""
    if not rows.size:
        return float("nan")
    if np.isfinite(rows).all():
        return float(np.quantile(rows, share))
    return float(np.quantile(rows, share, method="lower"))
