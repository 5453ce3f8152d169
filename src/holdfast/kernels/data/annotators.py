"""Which class is right where several annotators disagree, and how often each of them is right.

Every annotator has a confusion matrix of his own: of a true class *k* he makes class *j* in a share
``confusion[k, j]`` of rows. The matrices and the true classes are fitted together by EM; a model's probabilities, where
there are any, say beforehand how probable each class is in each row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.mean import mean_t
from holdfast.kernels.stats.proportions import clopper_pearson

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

MOST_ROUNDS, FEW_ROUNDS, SETTLED = 200, 30, 1e-5
SMOOTHING = 1.0
"""Rows that each true class of each annotator is given beforehand, of somebody who is right in a share START."""
START = 0.7
GROUPS = 20
NEAR_END = 1e-4


@dataclass(frozen=True, slots=True)
class Annotated:
    """What is known of rows that several annotators have labelled.

    Attributes
    ----------
    posterior
        ``(n, n_classes)`` float64: probability of each class, given all labels of the row.
    confusion
        ``(n_annotators, n_classes, n_classes)`` float64: share of the rows of a true class (row) that each annotator
        gives each class (column).
    accuracy
        For each annotator, the share of his labels that are right, with its interval over samples of rows.
    agreement
        Krippendorff's alpha for nominal labels: 1 when all agree, 0 as by chance.
    """

    posterior: Numbers
    confusion: Numbers
    accuracy: tuple[IntervalEstimate[float], ...]
    agreement: IntervalEstimate[float]


def judge_annotators(
    labels: ArrayLike, n_classes: int, *, rng: np.random.Generator, prior: Numbers | None = None, level: float = 0.95
) -> Annotated:
    """Estimate true classes and annotators together.

    Parameters
    ----------
    labels : array-like of int, shape (n, n_annotators)
        Class that each annotator gives each row, -1 where he gives none.
    n_classes : int
        Two or more.
    rng : numpy.random.Generator
        Draws the groups of the jackknife.
    prior : ndarray of float64, shape (n, n_classes), optional
        Probabilities of a model that learned from none of these labels. The share of each class otherwise.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    Annotated

    Raises
    ------
    ValueError
        For labels outside -1 to n_classes - 1, fewer than 20 rows, an annotator without labels, or probabilities that
        do not fit.

    Notes
    -----
    Two annotators without a model leave open who of them is right: their accuracies are then held together by the
    start (0.7) alone. Annotators who make the same errors together are taken for right. Intervals by a delete-a-group
    jackknife over rows, 20 groups, all refitted; those of accuracies are at least Clopper and Pearson's.

    References
    ----------
    Dawid, A. P. and Skene, A. M. (1979). Maximum likelihood estimation of observer error-rates using the EM algorithm.
    Applied Statistics 28, 20-28.
    Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of Pennsylvania.

    Examples
    --------
    >>> truth = np.arange(60) % 2
    >>> labels = np.column_stack([truth, truth, np.where(np.arange(60) % 6 == 0, 1 - truth, truth)])
    >>> found = judge_annotators(labels, 2, rng=np.random.default_rng(0))
    >>> (found.posterior.argmax(axis=1) == truth).all(), round(found.accuracy[2].value, 2)
    (np.True_, 0.83)
    """
    check_level(level)
    table = _checked(labels, n_classes)
    known = None if prior is None else _probabilities(prior, table.shape[0], n_classes)
    posterior, confusion = _fit(table, n_classes, known)
    group = rng.permutation(np.arange(table.shape[0]) % GROUPS)
    whole = _summary(table, posterior, n_classes)
    without = []
    for left_out in range(GROUPS):
        kept = group != left_out
        part = None if known is None else known[kept]
        without.append(_summary(table[kept], _fit(table[kept], n_classes, part, start=confusion)[0], n_classes))
    parts = np.array(without).T
    labelled = (table >= 0).sum(axis=0).tolist()
    accuracy = [
        _at_least_binomial(_jackknife(one, others, level, is_share=True), n, level)
        for one, others, n in zip(whole[1:], parts[1:], labelled, strict=True)
    ]
    return Annotated(posterior, confusion, tuple(accuracy), _jackknife(whole[0], parts[0], level, is_share=False))


def _checked(labels: ArrayLike, n_classes: int) -> Places:
    table = np.asarray(labels)
    if table.ndim != 2 or table.dtype.kind not in "iu" or n_classes < 2:
        raise ValueError(
            f"expected whole numbers of shape (n, n_annotators) and two classes or more, got {table.dtype}, "
            f"{table.shape} and {n_classes} classes"
        )
    if table.shape[0] < GROUPS:
        raise ValueError(f"expected {GROUPS} rows or more, got {table.shape[0]}")
    if table.min() < -1 or table.max() >= n_classes:
        raise ValueError(f"expected labels from -1 to {n_classes - 1}, got {table.min()} to {table.max()}")
    empty = np.flatnonzero((table < 0).all(axis=0))
    if empty.size:
        raise ValueError(f"expected labels of every annotator, got none of number {empty[0]}")
    return table.astype(np.int64)


def _probabilities(prior: Numbers, n: int, n_classes: int) -> Numbers:
    p = np.asarray(prior, dtype=np.float64)
    if (
        p.shape != (n, n_classes)
        or not np.isfinite(p).all()
        or p.min() < 0.0
        or not np.allclose(p.sum(1), 1, atol=1e-3)
    ):
        raise ValueError(f"expected probabilities of shape {(n, n_classes)} that sum to one, got shape {p.shape}")
    return np.maximum(p, 1e-6)


def _fit(
    table: Places, n_classes: int, prior: Numbers | None, *, start: Numbers | None = None
) -> tuple[Numbers, Numbers]:
    """EM from the votes, or from the confusion matrices of a larger table."""
    given = [(column[:, None] == np.arange(n_classes)).astype(np.float64) for column in table.T]
    beforehand = [SMOOTHING * _smoothing(one) for one in given]
    votes = np.sum(given, axis=0) + (0.1 / n_classes if prior is None else prior)
    posterior = votes / votes.sum(axis=1, keepdims=True)
    confusion = _confusion(posterior, given, beforehand) if start is None else start
    for _ in range(MOST_ROUNDS if start is None else FEW_ROUNDS):
        before, posterior = posterior, _posterior(posterior.mean(axis=0) if prior is None else prior, given, confusion)
        confusion = _confusion(posterior, given, beforehand)
        if np.abs(posterior - before).max() < SETTLED:
            break
    return posterior, confusion


def _posterior(beforehand: Numbers, given: list[Numbers], confusion: Numbers) -> Numbers:
    logs = np.log(np.maximum(beforehand, 1e-12)) + np.zeros_like(given[0])
    for one, matrix in zip(given, confusion, strict=True):
        logs += one @ np.log(matrix).T
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _confusion(posterior: Numbers, given: list[Numbers], beforehand: list[Numbers]) -> Numbers:
    counts = np.stack([posterior.T @ one + before for one, before in zip(given, beforehand, strict=True)])
    return np.asarray(counts / counts.sum(axis=2, keepdims=True))


def _smoothing(given: Numbers) -> Numbers:
    """Confusion of somebody who is right in a share START of rows, and else spreads labels as this annotator does."""
    n_classes = given.shape[1]
    habit = (given.sum(axis=0) + 1.0) / (given.sum() + n_classes)
    return np.asarray(START * np.eye(n_classes) + (1.0 - START) * habit)


def _summary(table: Places, posterior: Numbers, n_classes: int) -> Numbers:
    """Krippendorff's alpha, then the accuracy of each annotator."""
    rows = np.arange(table.shape[0])
    right = np.where(table >= 0, posterior[rows[:, None], np.maximum(table, 0)], 0.0)
    labelled = (table >= 0).sum(axis=0)
    accuracy = right.sum(axis=0) / np.maximum(labelled, 1)
    return np.concatenate([[_alpha(table, n_classes)], accuracy])


def _alpha(table: Places, n_classes: int) -> float:
    counts = np.stack([(table == label).sum(axis=1) for label in range(n_classes)], axis=1).astype(np.float64)
    m = counts.sum(axis=1)
    counts, m = counts[m > 1], m[m > 1]
    if not m.size:
        return float("nan")
    observed = float(((m**2 - (counts**2).sum(axis=1)) / (m - 1)).sum())
    totals, n = counts.sum(axis=0), m.sum()
    expected = float((n**2 - (totals**2).sum()) / (n - 1))
    return 1.0 - observed / expected if expected > 0.0 else 1.0


def _jackknife(value: float, without: Numbers, level: float, *, is_share: bool) -> IntervalEstimate[float]:
    """Interval from the values without each group; shares on the scale of log odds, for they are skewed near 1."""
    if not np.isfinite(value):
        return IntervalEstimate(float("nan"), -1.0, 1.0)
    whole, parts = (_log_odds(value), _log_odds(without)) if is_share else (value, without)
    ends = mean_t(GROUPS * whole - (GROUPS - 1) * parts, level=level)
    first, last = (1.0 / (1.0 + np.exp(-np.array(ends[1:])))).tolist() if is_share else ends[1:]
    return IntervalEstimate(float(value), min(first, float(value)), min(max(last, float(value)), 1.0))


def _at_least_binomial(found: IntervalEstimate[float], n: int, level: float) -> IntervalEstimate[float]:
    """Widen to what so many labels would leave open if it were known which are right (such as none of them wrong)."""
    exact = clopper_pearson(round(found.value * n), n, level=level)
    return IntervalEstimate(found.value, min(found.low, exact.low), max(found.high, exact.high))


def _log_odds(share: Numbers | float) -> Numbers:
    inside = np.clip(share, NEAR_END, 1.0 - NEAR_END)
    return np.log(inside / (1.0 - inside))
