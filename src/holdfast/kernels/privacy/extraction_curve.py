"""How well copies of a model agree with it, over the number of rows asked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.stats.proportions import clopper_pearson

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


class Reached(NamedTuple):
    """The number of queries at which copies reach an agreement."""

    queries: int
    """First checkpoint at which the agreement is shown."""
    low: int
    """First checkpoint at which it cannot be excluded."""


def agreement(copied: NDArray[np.generic], answered: NDArray[np.generic], *, tolerance: float) -> NDArray[np.bool_]:
    """Tell which answers of a copy are those of the model.

    Parameters
    ----------
    copied, answered : ndarray, shape (n_rows,)
        Labels as whole numbers, or values, of the copy and of the model.
    tolerance : float
        Largest difference of two values that count as the same, in units of the answer; 0 for labels.

    Examples
    --------
    >>> agreement(np.array([1.0, 2.0]), np.array([1.05, 2.5]), tolerance=0.1).tolist()
    [True, False]
    """
    return np.asarray(np.abs(copied.astype(np.float64) - answered.astype(np.float64)) <= tolerance)


def hardest_rows(scores: Floats, *, share: float) -> NDArray[np.bool_]:
    """Mark the rows about which a model is least sure.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_rows, n_classes)
        Two or more classes.
    share : float
        Share of rows to mark, in (0, 1]; at least one row.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
        Rows with the smallest difference of the two largest scores.

    Examples
    --------
    >>> hardest_rows(np.array([[0.9, 0.1], [0.45, 0.55]]), share=0.5).tolist()
    [False, True]
    """
    largest = np.sort(scores, axis=1)[:, -2:]
    order = np.argsort(largest[:, 1] - largest[:, 0], kind="stable")
    is_hard = np.zeros(len(scores), dtype=np.bool_)
    is_hard[order[: max(round(share * len(scores)), 1)]] = True
    return is_hard


def best_so_far(queries: Positions, agreed: Floats, *, checkpoints: Positions) -> Positions:
    """Choose, at each checkpoint, the copy that agrees best among those that did not cost more.

    Parameters
    ----------
    queries : ndarray of int64, shape (n_copies,)
        Rows asked for each copy.
    agreed : ndarray of float64, shape (n_copies,)
        Agreement of each copy, measured on other rows than those the chosen one is reported on.
    checkpoints : ndarray of int64, shape (n_checkpoints,)
        Numbers of queries; each at least that of one copy.

    Returns
    -------
    ndarray of int64, shape (n_checkpoints,)
        Positions of copies; of equal ones the cheapest.

    Examples
    --------
    >>> best_so_far(np.array([10, 20, 20]), np.array([0.8, 0.7, 0.9]), checkpoints=np.array([10, 20]))
    array([0, 2])
    """
    order = np.lexsort((queries, -agreed))
    return np.array([next(k for k in order if queries[k] <= limit) for limit in checkpoints], dtype=np.int64)


def queries_to_reach(
    checkpoints: Positions, agreed: Positions, *, n: int, target: float, level: float
) -> Reached | None:
    """Find the number of queries at which the agreement is shown to reach a target.

    Parameters
    ----------
    checkpoints : ndarray of int64, shape (n_checkpoints,)
        Numbers of queries, ascending.
    agreed : ndarray of int64, shape (n_checkpoints,)
        Rows, out of `n`, on which the copy at each checkpoint agrees with the model.
    n : int
        Rows it was tried on.
    target : float
        Agreement to reach, in (0, 1).
    level : float
        Confidence level inside (0, 1) of all checkpoints at once.

    Returns
    -------
    Reached or None
        ``None`` where no checkpoint shows it.

    Notes
    -----
    Clopper-Pearson intervals at ``1 - (1 - level) / n_checkpoints`` (Bonferroni), so that looking at several
    checkpoints does not make one of them pass by luck. Between checkpoints nothing was tried: the true number lies
    after the checkpoint before `low`.

    Examples
    --------
    >>> queries_to_reach(np.array([50, 100]), np.array([900, 990]), n=1000, target=0.95, level=0.95)
    Reached(queries=100, low=100)
    """
    bounds = clopper_pearson(agreed, n, level=1.0 - (1.0 - level) / len(checkpoints))
    is_shown = bounds.low >= target
    if not is_shown.any():
        return None
    return Reached(int(checkpoints[is_shown.argmax()]), int(checkpoints[(bounds.high >= target).argmax()]))
