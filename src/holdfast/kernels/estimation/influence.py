"""Metrics of a classifier under probabilities of the outcomes, and how much each case moves them.

A metric of cases whose outcomes are unknown is the same formula with each outcome replaced by its probabilities. What
one case adds, for each outcome that it may turn out to have, gives its error, its range in the past, its correction by
labels and the cases worth a label: all from one table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.performance.metrics import LARGEST_LOG_LOSS, SMALLEST_SCORE

Numbers = NDArray[np.float64]
Metric = Literal["accuracy", "auc", "brier", "log_loss", "precision", "recall", "f1"]
METRICS: tuple[Metric, ...] = get_args(Metric)
LARGEST: dict[Metric, float] = {metric: LARGEST_LOG_LOSS if metric == "log_loss" else 1.0 for metric in METRICS}
IS_LOSS = frozenset({"brier", "log_loss", "mae", "rmse"})


class Influence(NamedTuple):
    """A metric and what each case does to it."""

    value: float
    """The metric; NaN where it does not exist, as recall without any positive."""
    rows: Numbers
    """Shape ``(n, n_classes)``: how far the metric is moved by a case with that outcome, times the number of cases."""


class _OneClass(NamedTuple):
    """A metric of one class against the rest, and the influence of each case if it is of the class, and if not."""

    value: float
    if_so: Numbers
    if_not: Numbers


def influence(
    metric: Metric, p: Numbers, score: Numbers, predicted: NDArray[np.int64], count: Numbers, *, positive: int = 1
) -> Influence:
    """Compute a metric where outcomes are known by their probabilities only.

    Parameters
    ----------
    metric : {"accuracy", "auc", "brier", "log_loss", "precision", "recall", "f1"}
        With two classes the last three and ``auc`` are those of the positive class, with more the mean over classes of
        each against the rest (of those for which it exists).
    p : ndarray, shape (n, n_classes)
        Probability of each outcome; rows of zeros and a one for outcomes that are known.
    score : ndarray, shape (n, n_classes)
        What the model states.
    predicted : ndarray of int64, shape (n,)
        What the model decides.
    count : ndarray, shape (n,)
        How many cases a row stands for.
    positive : int, default 1
        Column of the positive class, of two.

    Returns
    -------
    Influence
        Rows have mean zero over cases and their outcomes; all zero where the value is NaN.

    Notes
    -----
    Each metric is a ratio of sums over cases or pairs; the influence is its derivative with respect to the weight of a
    case (Hampel 1974), so that ``rows[j, a] - rows[j, b]`` over n is what it matters whether case j turns out a or b. A
    case is not compared with itself in the area under the curve. Cost O(n log n).

    References
    ----------
    Hampel, F. R. (1974). The influence curve and its role in robust estimation. JASA 69, 383-393.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> found = influence("accuracy", p, p, np.array([0, 1]), np.ones(2))
    >>> round(found.value, 3), found.rows.round(2).tolist()
    (0.85, [[0.15, -0.85], [-0.85, 0.15]])
    """
    n = float(count.sum())
    if n == 0.0:
        return Influence(np.nan, np.zeros_like(p))
    if metric in ("accuracy", "brier", "log_loss"):
        losses = _losses(metric, score, predicted)
        value = float(count @ (p * losses).sum(axis=1)) / n
        return Influence(value, losses - value)
    judged = [positive] if p.shape[1] == 2 else range(p.shape[1])
    parts: list[tuple[int, _OneClass]] = []
    for at in judged:
        is_auc = metric == "auc"
        found = _auc(p[:, at], score[:, at], count) if is_auc else _rate(metric, p[:, at], predicted == at, count)
        if found is not None:
            parts.append((at, found))
    rows = np.zeros_like(p)
    if not parts:
        return Influence(np.nan, rows)
    for at, one in parts:
        rows += one.if_not[:, None] / len(parts)
        rows[:, at] += (one.if_so - one.if_not) / len(parts)
    return Influence(float(np.mean([one.value for _, one in parts])), rows)


def label_variance(rows: Numbers, p: Numbers) -> Numbers:
    """Compute the variance of each case's influence over its possible outcomes.

    Parameters
    ----------
    rows, p : ndarray, shape (n, n_classes)

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> label_variance(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]))
    array([0.25])
    """
    mean = (rows * p).sum(axis=1)
    return np.asarray(np.maximum((rows**2 * p).sum(axis=1) - mean**2, 0.0))


def _losses(metric: Metric, score: Numbers, predicted: NDArray[np.int64]) -> Numbers:
    if metric == "accuracy":
        return np.asarray(predicted[:, None] == np.arange(score.shape[1]), dtype=np.float64)
    if metric == "log_loss":
        return -np.log(np.clip(score, SMALLEST_SCORE, 1.0))
    # Half the squared distance from the outcome: (sum s^2 - 2 s_k + 1) / 2.
    return np.asarray((score**2).sum(axis=1, keepdims=True) / 2.0 - score + 0.5)


def _rate(metric: Metric, p: Numbers, chosen: NDArray[np.bool_], count: Numbers) -> _OneClass | None:
    """Ratios of expected counts: hits over the chosen, over the positives, or over the mean of both."""
    selected = np.asarray(chosen, dtype=np.float64)
    on_chosen, on_positive = {"precision": (1.0, 0.0), "recall": (0.0, 1.0), "f1": (0.5, 0.5)}[metric]
    below = float(count @ (on_chosen * selected + on_positive * p))
    if below <= 0.0:
        return None
    value = float(count @ (selected * p)) / below
    scale = float(count.sum()) / below
    if_so = scale * (selected - value * (on_chosen * selected + on_positive))
    return _OneClass(value, np.asarray(if_so), np.asarray(-scale * value * on_chosen * selected))


def _auc(p: Numbers, score: Numbers, count: Numbers) -> _OneClass | None:
    """Expected pairs in the right order over expected pairs, ties half; no case is paired with itself."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    tie = np.repeat(np.arange(starts.size), np.diff(np.append(starts, ranked.size)))
    true, false = (count * p)[order], (count * (1.0 - p))[order]
    n_true, n_false = float(true.sum()), float(false.sum())
    with_self = float(count @ (p * (1.0 - p)))
    pairs = n_true * n_false - with_self
    if pairs <= 1e-9 * max(n_true * n_false, 1.0) or not n_true * n_false > 0.0:
        return None
    true_tied, false_tied = np.add.reduceat(true, starts), np.add.reduceat(false, starts)
    false_below = (np.cumsum(false_tied) - false_tied / 2.0)[tie]
    true_above = (n_true - np.cumsum(true_tied) + true_tied / 2.0)[tie]
    value = (float(true @ false_below) - with_self / 2.0) / pairs
    value = min(max(value, 0.0), 1.0)
    if_so, if_not = np.empty_like(p), np.empty_like(p)
    if_so[order], if_not[order] = false_below / n_false - value, true_above / n_true - value
    n = float(count.sum())
    return _OneClass(value, if_so * (n / n_true), if_not * (n / n_false))
