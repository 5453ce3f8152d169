"""Compare the values of one table with those another has shown: ranges, levels, missing cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, count_array
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import newcombe_difference

MARGIN = 0.5


class Range(NamedTuple):
    """Ends of the values that are taken as plausible, both included."""

    low: float
    """Lower end, -inf where nothing bounds it."""
    high: float
    """Upper end, inf where nothing bounds it."""


class LargestGap(NamedTuple):
    """The largest difference of missing shares over the columns."""

    column: int
    """Position of the column; -1 without columns."""
    estimate: IntervalEstimate[float]
    """The absolute difference with an interval that holds for all columns at once."""


def tolerated_range(values: ArrayLike, *, margin: float = MARGIN) -> Range:
    """Widen the range that a column has shown by a margin, so that clean data rarely leaves it.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Reference values; NaN and infinities are left out.
    margin : float, default 0.5
        Share of the width (largest minus smallest value) added at each end; zero or more.

    Returns
    -------
    Range
        (-inf, inf) when there is no finite value. For a column of positive values the lower end is at least a tenth of
        the smallest value, and likewise for negative ones: a length in the wrong unit must not hide beside zero.

    Notes
    -----
    Of n draws from one continuous source the next falls outside their range with probability 2 / (n + 1) per column,
    which over 30 columns and 300 rows is a fifth of all rows. Half the width more makes it rare unless tails are heavy.

    Examples
    --------
    >>> tolerated_range([10.0, 20.0])
    Range(low=5.0, high=25.0)
    """
    if margin < 0:
        raise ValueError(f"expected a margin of zero or more, got margin={margin!r}")
    array = np.asarray(values, dtype=np.float64)
    finite = array[np.isfinite(array)]
    if finite.size == 0:
        return Range(-np.inf, np.inf)
    smallest, largest = float(finite.min()), float(finite.max())
    width = margin * (largest - smallest)
    low = smallest - width
    if smallest > 0:
        low = max(low, smallest / 10)
    high = largest + width
    if largest < 0:
        high = min(high, largest / 10)
    return Range(low, high)


def outside(values: ArrayLike, limits: Range) -> NDArray[np.bool_]:
    """Mark the values outside a range; missing ones are not.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Numbers; NaN is a missing cell, infinities are outside every finite end.
    limits : Range

    Returns
    -------
    ndarray of bool, shape (n_samples,)

    Examples
    --------
    >>> outside([1.0, 9.0, float("nan")], Range(0.0, 5.0))
    array([False,  True, False])
    """
    array = np.asarray(values, dtype=np.float64)
    return np.asarray((array < limits.low) | (array > limits.high))


def largest_gap(
    missing_train: ArrayLike, n_train: int, missing_test: ArrayLike, n_test: int, *, level: float = 0.95
) -> LargestGap:
    """Estimate the largest difference in the share of missing cells between two tables.

    Parameters
    ----------
    missing_train, missing_test : array-like of int, shape (n_columns,)
        Missing cells per column.
    n_train, n_test : int
        Rows of the tables.
    level : float, default 0.95
        Confidence level inside (0, 1), for all columns together.

    Returns
    -------
    LargestGap
        The absolute difference in [0, 1]. No columns: position -1, value 0 and [0, 0]. No rows in a table: NaN, [0, 1].

    Notes
    -----
    Newcombe's interval for each column at level ``1 - (1 - level) / n_columns`` (Bonferroni); the largest lower and the
    largest upper end enclose the largest true difference whenever every interval holds.

    Examples
    --------
    >>> largest_gap([0, 0], 1000, [2, 300], 1000).column
    1
    """
    check_level(level)
    first, second = count_array(missing_train, name="missing_train"), count_array(missing_test, name="missing_test")
    if first.size == 0:
        return LargestGap(-1, IntervalEstimate(0.0, 0.0, 0.0))
    each = 1.0 - (1.0 - level) / first.size
    gap = newcombe_difference(second, np.full(second.size, n_test), first, np.full(first.size, n_train), level=each)
    low = np.maximum(np.maximum(gap.low, -gap.high), 0.0)
    high = np.maximum(np.abs(gap.low), np.abs(gap.high))
    size = np.abs(gap.value)
    if np.isnan(size).any():
        return LargestGap(0, IntervalEstimate(float("nan"), 0.0, 1.0))
    column = int(np.argmax(size))
    return LargestGap(column, IntervalEstimate(float(size[column]), float(low.max()), float(high.max())))
