"""Metrics of a classifier from its confusion matrix and its scores, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.performance.inputs import class_positions, score_matrix
from holdfast.kernels.stats.inputs import check_level, check_same_length, count_array, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.mean import mean_t
from holdfast.kernels.stats.proportions import clopper_pearson

ConfusionMetric = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# Scores of exactly 0 for the true class would make the logarithm infinite; scikit-learn clips at the same place.
SMALLEST_SCORE = float(np.finfo(np.float64).eps)
LARGEST_LOG_LOSS = -float(np.log(SMALLEST_SCORE))
# Cells of resampled confusion matrices in memory at once.
_BATCH_CELLS = 1 << 21
_SMOOTHING = 0.5


class ClassRates(NamedTuple):
    """Rates per class with exact binomial limits, each ``(n_classes,)``; NaN where there is nothing to divide by."""

    precision: NDArray[np.float64]
    precision_low: NDArray[np.float64]
    precision_high: NDArray[np.float64]
    recall: NDArray[np.float64]
    recall_low: NDArray[np.float64]
    recall_high: NDArray[np.float64]
    f1: NDArray[np.float64]
    n_true: NDArray[np.int64]
    n_predicted: NDArray[np.int64]


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, *, n_classes: int) -> NDArray[np.int64]:
    """Count rows by true and predicted class.

    Parameters
    ----------
    y_true, y_pred : array-like of int, shape (n_samples,)
        Classes as positions 0 to ``n_classes - 1``.
    n_classes : int
        Number of classes, one or more.

    Returns
    -------
    ndarray of int64, shape (n_classes, n_classes)
        True classes in rows, predicted ones in columns; all zero for empty input.

    Raises
    ------
    ValueError
        If a class is out of range, not a whole number, or the lengths differ.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1], [0, 1, 0], n_classes=2).tolist()
    [[1, 0], [1, 1]]
    """
    true = class_positions(y_true, n_classes=n_classes, name="y_true")
    predicted = class_positions(y_pred, n_classes=n_classes, name="y_pred")
    check_same_length(true.size, predicted.size, names=("y_true", "y_pred"))
    cells = np.bincount(true * n_classes + predicted, minlength=n_classes * n_classes)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def balanced_accuracy(counts: ArrayLike) -> NDArray[np.float64]:
    """Average the recall over the classes that occur.

    Parameters
    ----------
    counts : array-like, shape (..., n_classes, n_classes)
        Confusion matrices, true classes in rows.

    Returns
    -------
    ndarray of float64, shape (...)
        Share in [0, 1], larger is better; NaN without rows.

    References
    ----------
    Brodersen, K. H. et al. (2010). The balanced accuracy and its posterior distribution. ICPR, 3121-3124.

    Examples
    --------
    >>> float(balanced_accuracy([[90, 10], [5, 5]]))
    0.7
    """
    table = np.asarray(counts, dtype=np.float64)
    return _mean_where_finite(_divide(np.diagonal(table, axis1=-2, axis2=-1), table.sum(axis=-1)))


def macro_f1(counts: ArrayLike) -> NDArray[np.float64]:
    """Average the F1 score over the classes that occur or are predicted.

    Parameters
    ----------
    counts : array-like, shape (..., n_classes, n_classes)
        Confusion matrices, true classes in rows.

    Returns
    -------
    ndarray of float64, shape (...)
        Share in [0, 1], larger is better; NaN without rows.

    Notes
    -----
    F1 of a class is ``2 TP / (2 TP + FP + FN)``.

    References
    ----------
    Opitz, J. and Burst, S. (2019). Macro F1 and macro F1. arXiv:1911.03347 (the average of scores, as here).

    Examples
    --------
    >>> round(float(macro_f1([[90, 10], [5, 5]])), 4)
    0.6615
    """
    table = np.asarray(counts, dtype=np.float64)
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    return _mean_where_finite(_divide(2.0 * hits, table.sum(axis=-1) + table.sum(axis=-2)))


def class_rates(counts: ArrayLike, *, level: float = 0.95) -> ClassRates:
    """Compute precision, recall and F1 of each class.

    Parameters
    ----------
    counts : array-like of int, shape (n_classes, n_classes)
        Confusion matrix, true classes in rows.
    level : float, default 0.95
        Confidence level of the Clopper-Pearson intervals, inside (0, 1).

    Returns
    -------
    ClassRates
        Precision is NaN for a class never predicted, recall for one that never occurs; their limits are 0 and 1 then.

    Examples
    --------
    >>> class_rates([[90, 10], [5, 5]]).recall.tolist()
    [0.9, 0.5]
    """
    table = count_array(counts, name="counts")
    hits, n_true, n_predicted = np.diagonal(table), table.sum(axis=1), table.sum(axis=0)
    precision = clopper_pearson(hits, n_predicted, level=level)
    recall = clopper_pearson(hits, n_true, level=level)
    return ClassRates(*precision, *recall, _divide(2.0 * hits, n_true + n_predicted), n_true, n_predicted)


def confusion_interval(
    metric: ConfusionMetric, counts: ArrayLike, *, rng: np.random.Generator, n_resamples: int, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate a metric of the confusion matrix with a smoothed multinomial bootstrap.

    Parameters
    ----------
    metric : callable
        Maps confusion matrices, shape ``(batch, n_classes, n_classes)``, to ``(batch,)`` in [0, 1], as `macro_f1`;
        must not depend on the scale of the matrix.
    counts : array-like of int, shape (n_classes, n_classes)
        Confusion matrix, true classes in rows.
    rng : numpy.random.Generator
    n_resamples : int
        Number of replicates, at least ``2 / (1 - level)``.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        The metric on the matrix as observed, in [0, 1]; the interval always holds it. Without rows: NaN and [0, 1].

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or replicates are too few.

    Notes
    -----
    A plain bootstrap of a classifier that made no error has no spread and claims certainty. Here half a row is added to
    the errors of each true class, shares are drawn from the Dirichlet distribution of the counts (the bootstrap's
    large-sample distribution), and the draws are shifted by what the addition moved the metric. Approximate: short
    where classes have a handful of rows. Cost O(n_resamples * n_classes ** 2).

    References
    ----------
    Rubin, D. B. (1981). The Bayesian bootstrap. Annals of Statistics 9, 130-134.
    Goutte, C. and Gaussier, E. (2005). A probabilistic interpretation of precision, recall and F-score. ECIR, 345-359.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> estimate = confusion_interval(balanced_accuracy, [[50, 0], [0, 50]], rng=rng, n_resamples=1000)
    >>> estimate.value, 0.94 < estimate.low < 0.99
    (1.0, True)
    """
    check_level(level)
    table = count_array(counts, name="counts")
    if n_resamples * (1.0 - level) < 2.0 - 1e-9:
        raise ValueError(
            f"expected at least 2 / (1 - level) replicates, got n_resamples={n_resamples} at level={level}"
        )
    if table.sum() == 0:
        return IntervalEstimate(np.nan, 0.0, 1.0)
    wrong = ~np.eye(table.shape[0], dtype=np.bool_) & (table.sum(axis=1, keepdims=True) > 0)
    shape = table + wrong * (_SMOOTHING / max(table.shape[0] - 1, 1))
    size = max(1, _BATCH_CELLS // table.size)
    batches = [min(size, n_resamples - start) for start in range(0, n_resamples, size)]
    drawn = np.concatenate([metric(rng.standard_gamma(shape, size=(batch, *shape.shape))) for batch in batches])
    value, smoothed = metric(np.stack((table, shape)))
    low, high = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0]) + (value - smoothed)
    return IntervalEstimate(float(value), float(min(max(low, 0.0), value)), float(max(min(high, 1.0), value)))


def log_losses(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.float64]:
    """Compute the logarithmic loss of each row, in nats.

    Parameters
    ----------
    y_true : array-like of int, shape (n_samples,)
        Classes as column positions of `y_score`.
    y_score : array-like, shape (n_samples, n_classes)
        Class probabilities; rows are divided by their sums.

    Returns
    -------
    ndarray of float64, shape (n_samples,)
        Zero or more, smaller is better; at most 36.05, where the score of the true class is clipped.

    Raises
    ------
    ValueError
        If a score is negative, NaN or infinite, a row sums to zero, or shapes do not fit.

    Examples
    --------
    >>> log_losses([0], [[0.5, 0.5]]).round(4).tolist()
    [0.6931]
    """
    true, scores = _scored(y_true, y_score)
    return -np.log(np.clip(scores[np.arange(true.size), true], SMALLEST_SCORE, 1.0))


def brier_losses(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.float64]:
    """Compute half the squared distance of each row's probabilities from its outcome.

    Parameters
    ----------
    y_true : array-like of int, shape (n_samples,)
        Classes as column positions of `y_score`.
    y_score : array-like, shape (n_samples, n_classes)
        Class probabilities; rows are divided by their sums.

    Returns
    -------
    ndarray of float64, shape (n_samples,)
        In [0, 1], smaller is better. With two classes, ``(p - y) ** 2`` of either.

    Raises
    ------
    ValueError
        As `log_losses`.

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly Weather Review 78, 1-3.

    Examples
    --------
    >>> brier_losses([1, 0], [[0.2, 0.8], [0.4, 0.6]]).round(2).tolist()
    [0.04, 0.36]
    """
    true, scores = _scored(y_true, y_score)
    distance = scores.copy()
    distance[np.arange(true.size), true] -= 1.0
    return np.asarray(0.5 * np.einsum("ij,ij->i", distance, distance))


def mean_loss(losses: ArrayLike, *, largest: float, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate the mean of losses that lie between 0 and a known bound.

    Parameters
    ----------
    losses : array-like, shape (n_samples,)
        Losses in [0, `largest`].
    largest : float
        The largest value a loss can take.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Ends in [0, `largest`]. Empty: NaN and the whole range.

    Raises
    ------
    ValueError
        If a loss is NaN, infinite or out of range.

    Notes
    -----
    Student's t interval, which is approximate for skewed losses. Where all losses are equal, it has no width; there the
    share of rows that could differ is bounded by the exact binomial limit of none in n, at the worst loss for each end.

    Examples
    --------
    >>> estimate = mean_loss([0.0] * 100, largest=1.0)
    >>> estimate.low, round(estimate.high, 4)
    (0.0, 0.0362)
    """
    values = float_vector(losses, name="losses")
    if values.size and not (values.min() >= 0.0 and values.max() <= largest):
        raise ValueError(f"expected losses in [0, {largest}], got values from {values.min()} to {values.max()}")
    if values.size == 0:
        return IntervalEstimate(np.nan, 0.0, largest)
    value = float(values.mean())
    if values.min() == values.max():
        unseen = clopper_pearson(0, values.size, level=level).high
        return IntervalEstimate(value, value * (1.0 - unseen), value + (largest - value) * unseen)
    estimate = mean_t(values, level=level)
    return IntervalEstimate(value, max(estimate.low, 0.0), min(estimate.high, largest))


def _scored(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    scores = score_matrix(y_score)
    true = class_positions(y_true, n_classes=scores.shape[1], name="y_true")
    check_same_length(true.size, scores.shape[0], names=("y_true", "y_score"))
    sums = scores.sum(axis=1, keepdims=True)
    if (scores < 0.0).any() or (sums <= 0.0).any():
        row = int(np.argmax((scores < 0.0).any(axis=1) | (sums[:, 0] <= 0.0)))
        raise ValueError(f"expected probabilities, got y_score[{row}]={scores[row].tolist()[:5]}; pass no margins")
    return true, scores / sums


def _divide(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    empty = denominator == 0
    return np.where(empty, np.nan, numerator / np.where(empty, 1, denominator))


def _mean_where_finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))
