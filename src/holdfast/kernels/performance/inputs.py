"""Check labels and scores once, at the top, with one wording."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import count_array


def score_matrix(y_score: ArrayLike) -> NDArray[np.float64]:
    """Return scores as a finite float64 matrix.

    Parameters
    ----------
    y_score : array-like, shape (n_samples, n_classes)

    Returns
    -------
    ndarray of float64, shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If the shape is not two-dimensional or a score is NaN or infinite.

    Examples
    --------
    >>> score_matrix([[0, 1]]).tolist()
    [[0.0, 1.0]]
    """
    scores = np.asarray(y_score, dtype=np.float64)
    if scores.ndim != 2:
        raise ValueError(
            f"expected scores of shape (n_samples, n_classes), got {scores.shape}; pass one column for each class"
        )
    invalid = ~np.isfinite(scores).all(axis=1)
    if invalid.any():
        row = int(np.argmax(invalid))
        raise ValueError(
            f"expected finite scores, got y_score[{row}]={scores[row].tolist()[:5]} ({invalid.sum()} rows)"
        )
    return scores


def class_positions(labels: ArrayLike, *, n_classes: int, name: str) -> NDArray[np.int64]:
    """Return class labels as a vector of positions.

    Parameters
    ----------
    labels : array-like of int, shape (n_samples,)
        Positions 0 to ``n_classes - 1``; may be empty.
    n_classes : int
    name : str
        Argument name for the message.

    Returns
    -------
    ndarray of int64, shape (n_samples,)

    Raises
    ------
    ValueError
        If a label is no position or the shape is not one-dimensional.

    Examples
    --------
    >>> class_positions([0, 1], n_classes=2, name="y_true").tolist()
    [0, 1]
    """
    positions = count_array(labels, name=name) if np.size(labels) else np.zeros(0, dtype=np.int64)
    if positions.ndim != 1 or (positions >= n_classes).any():
        raise ValueError(
            f"expected a vector of classes 0 to {n_classes - 1}, got {name} of shape {positions.shape} "
            f"with a largest value of {positions.max()}; encode labels as positions first"
        )
    return positions
