"""Judge reconstructed inputs: are they nearer to the rows a model was trained on than to others of the same class?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Numbers = NDArray[np.float64]
Classes = NDArray[np.int64]


def class_means(rows: Numbers, y: Classes, *, n_classes: int) -> Numbers:
    """Average the rows of each class; NaN for a class without rows.

    Parameters
    ----------
    rows : ndarray, shape (n, n_columns)
    y : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray, shape (n_classes, n_columns)
    """
    is_of = (y[:, None] == np.arange(n_classes)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(is_of.T @ rows / is_of.sum(axis=0)[:, None])


def nearness(rows: Numbers, y: Classes, points: Numbers, others: Numbers, *, unit: Numbers) -> Numbers:
    """Say how much nearer each row lies to its class's point than to another point for the class.

    Parameters
    ----------
    rows : ndarray, shape (n, n_columns)
    y : ndarray of int64, shape (n,)
        Class of each row.
    points, others : ndarray, shape (n_classes, n_columns)
    unit : ndarray, shape (n_columns,)
        Unit of each column; 0 leaves it out.

    Returns
    -------
    ndarray, shape (n,)
        Distance to the other point less distance to the point, Euclidean, in units: above 0 where the point is nearer.

    Examples
    --------
    >>> rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    >>> nearness(rows, np.array([0, 0]), np.zeros((1, 2)), np.array([[3.0, 4.0]]), unit=np.ones(2)).tolist()
    [5.0, -5.0]
    """
    weight = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
    return np.asarray(_distance(rows, others[y], weight) - _distance(rows, points[y], weight))


def _distance(rows: Numbers, points: Numbers, weight: Numbers) -> Numbers:
    return np.asarray(np.sqrt((((rows - points) * weight) ** 2).sum(axis=1)))


def ranks_within(scores: Numbers, y: Classes) -> Numbers:
    """Replace scores by their rank among those of the same class, between 0 and 1.

    So that classes of different spread, and of different share among members and others, can be looked at together:
    where members and others of each class are alike, so are their ranks.

    Examples
    --------
    >>> ranks_within(np.array([5.0, 7.0, 100.0, 300.0]), np.array([0, 0, 1, 1])).tolist()
    [0.25, 0.75, 0.25, 0.75]
    """
    ranked = np.empty(scores.size)
    for each in np.unique(y):
        is_own = y == each
        ranked[is_own] = (rankdata(scores[is_own]) - 0.5) / is_own.sum()
    return ranked


def best_likenesses(
    rows: Numbers, y: Classes, points: Numbers, others: Numbers, *, unit: Numbers
) -> tuple[NDArray[np.int64], Numbers]:
    """Find the row of each class that its point comes nearest to, the best likeness first.

    Parameters
    ----------
    rows, y, points, others, unit
        As for :func:`nearness`.

    Returns
    -------
    ndarray of int64, ndarray
        Positions of rows, one of each class that has any, and the ratio of their distances to the point and to the
        other point: below 1 the point is the better likeness. Sorted by this ratio.

    Examples
    --------
    >>> rows = np.array([[1.0], [4.0], [10.0]])
    >>> at, ratio = best_likenesses(rows, np.array([0, 0, 1]), np.array([[2.0], [9.0]]), np.zeros((2, 1)),
    ...                             unit=np.ones(1))
    >>> at.tolist(), ratio.tolist()
    ([2, 0], [0.1, 1.0])
    """
    weight = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
    distance = _distance(rows, points[y], weight)
    order = np.lexsort((distance, y))
    at = order[np.unique(y[order], return_index=True)[1]]
    ratio = distance[at] / np.maximum(_distance(rows[at], others[y[at]], weight), 1e-300)
    best = np.argsort(ratio, kind="stable")
    return at[best], np.asarray(ratio[best])
