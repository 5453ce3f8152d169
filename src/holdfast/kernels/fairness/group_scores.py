"""Means and areas under the ROC curve within groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from holdfast.kernels.fairness.group_gaps import LargestGap, largest_mean_gap
from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

Estimates = IntervalEstimate[NDArray[np.float64]]


def auc_by_group(
    outcome: ArrayLike, score: ArrayLike, group: ArrayLike, *, n_groups: int, level: float = 0.95
) -> Estimates:
    """Estimate in each group the chance that a case of the class scores above one that is not.

    Parameters
    ----------
    outcome : array-like of bool, shape (n_samples,)
        Whether each case is of the class.
    score : array-like, shape (n_samples,)
        Larger for cases more likely to be.
    group : array-like of int, shape (n_samples,)
        Group of each row; negative for rows that belong to none.
    n_groups : int
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        Each ``(n_groups,)``, with DeLong's intervals; NaN and [0, 1] for a group without both outcomes.

    Examples
    --------
    >>> auc_by_group([0, 1, 0, 1], [1, 2, 4, 3], [0, 0, 1, 1], n_groups=2).value.tolist()
    [1.0, 0.0]
    """
    y, s, place = np.asarray(outcome), float_vector(score, name="score", allow_infinite=True), np.asarray(group)
    check_same_length(y.size, s.size, place.size, names=("outcome", "score", "group"))
    parts = [auc_delong(y[place == at], s[place == at], level=level) for at in range(n_groups)]
    value, low, high = np.array(parts, dtype=np.float64).reshape(n_groups, 3).T
    return IntervalEstimate(value, low, high)


def mean_by_group(
    values: ArrayLike, group: ArrayLike, *, n_groups: int, level: float = 0.95
) -> tuple[Estimates, LargestGap | None]:
    """Estimate the mean in each group, and the largest difference of two.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
    group : array-like of int, shape (n_samples,)
        Group of each row; negative for rows that belong to none.
    n_groups : int
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    tuple
        Means with Student's t intervals, each ``(n_groups,)``; `largest_mean_gap` of them.

    Examples
    --------
    >>> means, gap = mean_by_group([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], n_groups=2)
    >>> means.value.tolist(), gap.estimate.value
    ([1.5, 3.5], 2.0)
    """
    check_level(level)
    x, place = float_vector(values, name="values"), np.asarray(group, dtype=np.int64)
    check_same_length(x.size, place.size, names=("values", "group"))
    x, place = x[place >= 0], place[place >= 0]
    n = np.bincount(place, minlength=n_groups)
    mean = np.bincount(place, weights=x, minlength=n_groups) / np.maximum(n, 1)
    squares = np.bincount(place, weights=(x - mean[place]) ** 2, minlength=n_groups)
    variance = squares / np.maximum(n - 1, 1)
    half = stdtrit(np.maximum(n - 1, 1), 0.5 + level / 2.0) * np.sqrt(variance / np.maximum(n, 1))
    half = np.where(n > 1, half, np.inf)
    gap = largest_mean_gap(mean, variance, n, level=level)
    value = np.where(n > 0, mean, np.nan)
    return IntervalEstimate(value, mean - half, mean + half), gap
