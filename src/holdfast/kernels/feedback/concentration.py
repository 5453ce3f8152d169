"""Whether decisions gather on ever fewer groups, items or places."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson
from holdfast.kernels.stats.trend import sen_slope


class Concentration(NamedTuple):
    """How selections are spread over groups, period by period.

    Attributes
    ----------
    counts
        ``(n_periods, n_groups)`` int64: selections.
    share
        Estimates of shape ``(n_periods, n_groups)``: share of a period's selections that a group got, with
        Clopper-Pearson intervals.
    herfindahl
        ``(n_periods,)``: probability that two selections of the period went to one group, from 0 (each to another) to 1
        (all to one); NaN with fewer than two.
    gini, entropy
        ``(n_periods,)``: Gini coefficient of the counts; Shannon entropy of the shares over its largest value. Both in
        [0, 1], and both, unlike ``herfindahl``, biased where counts are small.
    change
        Change of ``herfindahl`` from the first to the last period, along a straight line.
    """

    counts: NDArray[np.int64]
    share: IntervalEstimate[NDArray[np.float64]]
    herfindahl: NDArray[np.float64]
    gini: NDArray[np.float64]
    entropy: NDArray[np.float64]
    change: IntervalEstimate[float]


def concentration(is_selected: ArrayLike, group: ArrayLike, period: ArrayLike, *, level: float = 0.95) -> Concentration:
    """Measure how selections are spread over groups, and whether that changes over time.

    Parameters
    ----------
    is_selected : array-like of bool, shape (n_cases,)
    group, period : array-like of int, shape (n_cases,)
        Codes from 0; periods follow each other at equal distance.
    level : float, default 0.95

    Returns
    -------
    Concentration
        With fewer than two periods that have two selections, ``change`` is NaN within (-inf, inf).

    Raises
    ------
    ValueError
        If lengths differ or a code is below 0.

    Notes
    -----
    ``herfindahl`` is the Herfindahl-Hirschman index without the bias of small counts: the sum of n_g (n_g - 1), divided
    by N (N - 1). It has the same expectation in a period of few selections as in one of many, so that growing volume
    alone makes no trend. The interval of ``change`` is Sen's. Where allocation is fixed, whatever its shares, periods
    are alike and it leaves 0 out with probability 1 - `level` at most. Selections that gather for reasons outside the
    system (what is offered changes) are a trend too.

    References
    ----------
    Hirschman (1964), The paternity of an index, American Economic Review 54; Simpson (1949), Nature 163: the unbiased
    form. Sen (1968), JASA 63.

    Examples
    --------
    >>> concentration([True] * 4, [0, 1, 0, 0], [0, 0, 1, 1]).herfindahl.tolist()
    [0.0, 1.0]
    """
    check_level(level)
    chosen = np.asarray(is_selected, dtype=np.bool_)
    groups, periods = np.asarray(group, dtype=np.int64), np.asarray(period, dtype=np.int64)
    if not chosen.shape == groups.shape == periods.shape or chosen.ndim != 1 or chosen.size == 0:
        raise ValueError(f"expected vectors of one length, got {chosen.shape}, {groups.shape}, {periods.shape}")
    if groups.min() < 0 or periods.min() < 0:
        raise ValueError("expected codes of groups and periods from 0")
    counts = np.zeros((int(periods.max()) + 1, int(groups.max()) + 1), dtype=np.int64)
    np.add.at(counts, (periods[chosen], groups[chosen]), 1)
    total = counts.sum(axis=1)
    pairs = np.maximum(total * (total - 1), 1)
    index = np.where(total > 1, (counts * (counts - 1)).sum(axis=1) / pairs, np.nan)
    known = np.flatnonzero(~np.isnan(index))
    steps = counts.shape[0] - 1
    slope = sen_slope(index[known], level=level)  # periods without two selections are left out
    shares = clopper_pearson(counts, np.broadcast_to(total[:, None], counts.shape), level=level)
    return Concentration(
        counts, shares, index, _gini(counts), _entropy(counts), IntervalEstimate(*(steps * end for end in slope))
    )


def _gini(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    ranks = 2 * np.arange(1, counts.shape[1] + 1) - counts.shape[1] - 1
    total = np.maximum(counts.sum(axis=1), 1)
    return np.asarray((np.sort(counts, axis=1) @ ranks) / (total * counts.shape[1]), dtype=np.float64)


def _entropy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    bits = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    return np.asarray(bits / np.log(counts.shape[1]) if counts.shape[1] > 1 else bits, dtype=np.float64)
