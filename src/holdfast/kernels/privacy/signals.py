"""What a model's answer says about how well it knows a record: a confidence in [0, 1] and scales to compare it on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

CLIP = 1e-2


def true_class_confidence(scores: ArrayLike, y_true: ArrayLike) -> NDArray[np.float64]:
    """Return the probability that the model gives to the true class.

    Parameters
    ----------
    scores : array-like, shape (n_samples, n_classes)
        Class probabilities.
    y_true : array-like of int, shape (n_samples,)
        True classes as column positions.

    Returns
    -------
    ndarray, shape (n_samples,)
        In [0, 1], larger where the model is surer of the truth. Sums that are off by rounding are clipped.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a score is not finite.
    """
    table, true = np.asarray(scores, dtype=np.float64), np.asarray(y_true)
    if table.ndim != 2 or true.shape != table.shape[:1]:
        raise ValueError(f"expected one row of scores for each true class, got {table.shape} and {true.shape}")
    chosen: NDArray[np.float64] = table[np.arange(true.size), true]
    if not np.isfinite(chosen).all():
        raise ValueError("expected finite scores")
    return np.asarray(np.clip(chosen, 0.0, 1.0))


def closeness(values: ArrayLike, y_true: ArrayLike, *, scale: float) -> NDArray[np.float64]:
    """Return how close a regression model comes to the truth, as the height of a Gaussian relative to its peak.

    Parameters
    ----------
    values, y_true : array-like, shape (n_samples,)
        Answers of the model, and the truth.
    scale : float
        Standard deviation of the Gaussian in the unit of the target, greater than 0: a typical error on new rows.

    Returns
    -------
    ndarray, shape (n_samples,)
        In [0, 1]; 1 for an answer without error.

    Raises
    ------
    ValueError
        If the scale is not positive.
    """
    if not scale > 0:
        raise ValueError(f"expected a positive scale, got {scale}")
    error = (np.asarray(values, dtype=np.float64) - np.asarray(y_true, dtype=np.float64)) / scale
    return np.asarray(np.exp(-0.5 * error**2))


def error_scale(values: ArrayLike, y_true: ArrayLike) -> float:
    """Return a typical error of a regression model, robust against a few large ones and never 0.

    Returns
    -------
    float
        Median absolute error over 0.6745, which estimates the standard deviation of Gaussian errors.
    """
    true = np.asarray(y_true, dtype=np.float64)
    error = np.abs(np.asarray(values, dtype=np.float64) - true)
    return max(float(np.median(error)) / 0.6745, 1e-9 * (1.0 + float(np.abs(true).max())))


def answer_confidence(
    labels: NDArray[np.generic], scores: NDArray[np.float64] | None, y_true: NDArray[np.generic], *, scale: float | None
) -> NDArray[np.float64]:
    """Return the confidence in the truth of whatever kind of answer there is.

    Parameters
    ----------
    labels : ndarray, shape (n_samples,)
        Answered classes as positions, or values.
    scores : ndarray, shape (n_samples, n_classes), or None
        Class probabilities, where the attacker sees them.
    y_true : ndarray, shape (n_samples,)
        True classes as positions, or values.
    scale : float or None
        For values a typical error (`error_scale`), for classes None.

    Returns
    -------
    ndarray, shape (n_samples,)
        `closeness` of values, `true_class_confidence` of scores, and of labels 1 where they are right and 0 elsewhere.
    """
    if scale is not None:
        return closeness(labels.astype(np.float64), y_true.astype(np.float64), scale=scale)
    if scores is not None:
        return true_class_confidence(scores, y_true.astype(np.int64))
    return np.asarray(labels == y_true).astype(np.float64)


def logit(confidence: ArrayLike, *, clip: float = CLIP) -> NDArray[np.float64]:
    """Return log odds of confidences, which are kept ``clip`` away from 0 and 1.

    Clipping matters for models that answer 0 or 1: a forest of 100 trees knows nothing below 0.01, and its log odds
    there would be noise without limit.
    """
    p = np.clip(np.asarray(confidence, dtype=np.float64), clip, 1.0 - clip)
    return np.asarray(np.log(p / (1.0 - p)))


def arcsine(confidence: ArrayLike) -> NDArray[np.float64]:
    """Return ``arcsin(sqrt(p))``, in [0, pi / 2], on which the noise of a share is the same everywhere."""
    return np.asarray(np.arcsin(np.sqrt(np.clip(np.asarray(confidence, dtype=np.float64), 0.0, 1.0))))
