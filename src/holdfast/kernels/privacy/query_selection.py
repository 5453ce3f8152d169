"""Choose the rows whose answers teach a copy of a model most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
Learned = TypeVar("Learned")

# Of the rows with the least certain answers, this many times those needed are spread out.
_SHORTLIST = 4


def choose_queries(
    points: Floats, *, asked: Positions, uncertainty: Floats, n: int, uncertain_share: float, rng: np.random.Generator
) -> Positions:
    """Choose rows that are new: some of them uncertain and far apart, the others at random.

    Parameters
    ----------
    points : ndarray of float64, shape (n_points, n_inputs)
        Rows as the inputs of a linear model, so that distances mean something.
    asked : ndarray of int64, shape (n_asked,)
        Positions of rows asked before; they are not chosen again.
    uncertainty : ndarray of float64, shape (n_points,)
        How unsure the copy is of each row, larger for less sure.
    n : int
        Rows to choose; all that are left where there are fewer.
    uncertain_share : float
        Share, in [0, 1], that is chosen for uncertainty; the random others keep the copy right everywhere.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int64, shape (at most n,)
        Positions of different rows.

    Notes
    -----
    Of the least certain rows, four times those needed, farthest-first traversal (k-center) takes rows that do not
    repeat each other. Cost O(n * n_inputs) for each uncertain row chosen.

    References
    ----------
    Pal, S. et al. (2020). ActiveThief: model extraction using active learning and unannotated public data. AAAI.
    Sener, O. and Savarese, S. (2018). Active learning for convolutional neural networks: a core-set approach. ICLR.

    Examples
    --------
    >>> choose_queries(
    ...     np.array([[0.0], [1.0], [2.0]]), asked=np.array([0]), uncertainty=np.array([0.0, 0.1, 0.9]), n=1,
    ...     uncertain_share=1.0, rng=np.random.default_rng(0),
    ... )
    array([2])
    """
    if not 0.0 <= uncertain_share <= 1.0:
        raise ValueError(f"expected uncertain_share in [0, 1], got {uncertain_share}")
    open_rows = np.setdiff1d(np.arange(len(points)), asked)
    open_rows = rng.permutation(open_rows)
    n_uncertain = min(round(n * uncertain_share), open_rows.size)
    shortlist = open_rows[np.argsort(-uncertainty[open_rows], kind="stable")[: _SHORTLIST * n_uncertain]]
    uncertain = shortlist[farthest_first(points[shortlist], n_uncertain)]
    others = open_rows[~np.isin(open_rows, uncertain)][: n - n_uncertain]
    return np.concatenate([uncertain, others])


def learn_at_marks(
    points: Floats,
    answer: Callable[[Positions], Floats],
    learn: Callable[[Positions, Floats], tuple[Learned, Floats]],
    *,
    marks: Iterable[int],
    uncertain_share: float,
    rng: np.random.Generator,
) -> Iterator[tuple[int, Learned]]:
    """Learn at each of some numbers of questions, on rows at random at first and then also on those least certain.

    Parameters
    ----------
    points : ndarray of float64, shape (n_points, n_inputs)
        Rows that may be asked, so that distances mean something.
    answer : callable
        Maps positions of rows to answers, ``(n_rows, n_outputs)``.
    learn : callable
        Given the positions and answers of all rows asked, returns what was learned, and how unsure it is of every row.
    marks : iterable of int
        Numbers of questions, ascending, at most ``n_points``.
    uncertain_share, rng
        As in `choose_queries`.

    Yields
    ------
    tuple
        The number of questions, and what was learned from them.
    """
    rows, doubt = np.zeros(0, dtype=np.int64), np.zeros(len(points))
    answers: Floats | None = None
    for mark in marks:
        share = uncertain_share if rows.size else 0.0
        new = choose_queries(points, asked=rows, uncertainty=doubt, n=mark - rows.size, uncertain_share=share, rng=rng)
        rows, more = np.concatenate([rows, new]), answer(new)
        answers = more if answers is None else np.concatenate([answers, more])
        learned, doubt = learn(rows, answers)
        yield mark, learned


def farthest_first(points: Floats, n: int) -> Positions:
    """Take points, each the farthest from those taken before.

    Parameters
    ----------
    points : ndarray of float64, shape (n_points, n_inputs)
    n : int
        Points to take, at most ``n_points``.

    Returns
    -------
    ndarray of int64, shape (n,)
        Positions, the first point first. No choice of `n` points has half the largest distance from a point to the
        nearest taken one, or less than that.

    References
    ----------
    Gonzalez, T. F. (1985). Clustering to minimize the maximum intercluster distance. Theoretical Computer Science 38,
    293-306.

    Examples
    --------
    >>> farthest_first(np.array([[0.0], [1.0], [5.0]]), 2)
    array([0, 2])
    """
    taken = np.zeros(n, dtype=np.int64)
    distance = np.full(len(points), np.inf)
    for k in range(1, n):
        distance = np.minimum(distance, ((points - points[taken[k - 1]]) ** 2).sum(axis=1))
        distance[taken[:k]] = -1.0
        taken[k] = int(distance.argmax())
    return taken
