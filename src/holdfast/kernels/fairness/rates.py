"""Rates of a yes-or-no answer within groups, as counts: what the metrics of fairness are made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson


class GroupRate(NamedTuple):
    """A rate in each group, as whole numbers; both fields ``(n_groups,)``."""

    successes: NDArray[np.int64]
    trials: NDArray[np.int64]


def confusion_counts(
    selected: ArrayLike, deserving: ArrayLike, group: ArrayLike, *, n_groups: int
) -> NDArray[np.int64]:
    """Count people by group, recorded outcome and answer.

    Parameters
    ----------
    selected : array-like of bool, shape (n_samples,)
        Who gets the favourable answer.
    deserving : array-like of bool, shape (n_samples,)
        Whose recorded outcome is the favourable one.
    group : array-like of int, shape (n_samples,)
        Group of each row; negative for rows that belong to none.
    n_groups : int

    Returns
    -------
    ndarray of int64, shape (n_groups, 2, 2)
        Group, outcome, answer; all counts that the rates need.

    Examples
    --------
    >>> confusion_counts([1, 0, 1], [1, 1, 0], [0, 0, 0], n_groups=1).tolist()
    [[[0, 1], [1, 1]]]
    """
    answer, outcome = np.asarray(selected, dtype=np.int64), np.asarray(deserving, dtype=np.int64)
    place = np.asarray(group, dtype=np.int64)
    if not answer.shape == outcome.shape == place.shape or answer.ndim != 1:
        raise ValueError(f"expected three vectors of one length, got {answer.shape}, {outcome.shape} and {place.shape}")
    code = (place * 4 + outcome * 2 + answer)[place >= 0]
    return np.bincount(code, minlength=4 * n_groups).reshape(n_groups, 2, 2).astype(np.int64)


def selection_rate(selected: ArrayLike, group: ArrayLike, *, n_groups: int) -> GroupRate:
    """Count who gets the favourable answer in each group, where no outcome is known.

    Examples
    --------
    >>> selection_rate([1, 0, 1], [0, 0, 1], n_groups=2)
    GroupRate(successes=array([1, 1]), trials=array([2, 1]))
    """
    place = np.asarray(group, dtype=np.int64)
    answer = np.asarray(selected, dtype=np.bool_)
    hits = np.bincount(place[(place >= 0) & answer], minlength=n_groups)
    return GroupRate(hits.astype(np.int64), np.bincount(place[place >= 0], minlength=n_groups).astype(np.int64))


def group_rates(counts: NDArray[np.int64]) -> dict[str, GroupRate]:
    """Return the rates of each group.

    Parameters
    ----------
    counts : ndarray of int, shape (n_groups, 2, 2)
        As `confusion_counts` gives them.

    Returns
    -------
    dict of str to GroupRate
        ``selection_rate``, ``true_positive_rate``, ``false_positive_rate``, ``true_negative_rate``,
        ``false_negative_rate``, ``precision``, ``negative_predictive_value`` and ``accuracy``: the rates of Fairlearn's
        MetricFrame and AIF360's ClassificationMetric.

    Examples
    --------
    >>> rates = group_rates(np.array([[[50, 10], [5, 35]]]))
    >>> {name: int(rate.successes[0]) for name, rate in rates.items()}["precision"]
    35
    """
    tn, fp, fn, tp = counts[:, 0, 0], counts[:, 0, 1], counts[:, 1, 0], counts[:, 1, 1]
    return {
        "selection_rate": GroupRate(tp + fp, tp + fp + fn + tn),
        "true_positive_rate": GroupRate(tp, tp + fn),
        "false_positive_rate": GroupRate(fp, fp + tn),
        "true_negative_rate": GroupRate(tn, fp + tn),
        "false_negative_rate": GroupRate(fn, tp + fn),
        "precision": GroupRate(tp, tp + fp),
        "negative_predictive_value": GroupRate(tn, tn + fn),
        "accuracy": GroupRate(tp + tn, tp + fp + fn + tn),
    }


def average_odds(first: GroupRate, second: GroupRate, *, level: float) -> IntervalEstimate[NDArray[np.float64]]:
    """Estimate the mean of two rates over different people in each group, such as those of equalised odds.

    Parameters
    ----------
    first, second : GroupRate
        Rates that share no row: the true-positive and the false-positive rate.
    level : float
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        Each ``(n_groups,)``; NaN and [0, 1] where a rate has no trials. AIF360's average odds difference is the
        difference of this between two groups.

    References
    ----------
    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures. Statistics in Medicine
    27, 1693-1702 (limits of the sum of two independent estimates).

    Examples
    --------
    >>> hits, alarms = GroupRate(np.array([8]), np.array([10])), GroupRate(np.array([2]), np.array([10]))
    >>> average_odds(hits, alarms, level=0.95).value
    array([0.5])
    """
    a, b = (clopper_pearson(rate.successes, rate.trials, level=level) for rate in (first, second))
    mean = (a.value + b.value) / 2.0
    low = mean - np.hypot(a.value - a.low, b.value - b.low) / 2.0
    high = mean + np.hypot(a.high - a.value, b.high - b.value) / 2.0
    unknown = np.isnan(mean)
    return IntervalEstimate(mean, np.where(unknown, 0.0, low), np.where(unknown, 1.0, high))
