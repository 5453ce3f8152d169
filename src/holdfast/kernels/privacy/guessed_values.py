"""The values that an attribute is guessed among: levels as they are, or groups of numbers with a few cells of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Where in a group of numbers the cells lie that are tried for it.
WITHIN_GROUP = (1 / 4, 3 / 4)


class GuessedValues(NamedTuple):
    """What an attacker chooses from."""

    candidates: tuple[Any, ...]
    """Cells that are tried, numbers or others."""
    group: NDArray[np.int64]
    """Which value each of them stands for, shape ``(n_candidates,)``."""
    edges: NDArray[np.float64] | None
    """Numbers that open a group, in order; ``None`` when values are guessed as they are."""
    n_left_out: int
    """Levels that are not guessed, because others are more frequent or because only one row has them."""

    def of(self, cells: NDArray[Any]) -> NDArray[np.int64]:
        """Return the value of each cell, -1 where it is missing or not guessed."""
        if self.edges is None:
            return self.candidate_of(cells)
        numbers = cells.astype(np.float64)
        return np.where(np.isnan(numbers), -1, np.searchsorted(self.edges, numbers, side="right"))

    def candidate_of(self, cells: NDArray[Any]) -> NDArray[np.int64]:
        """Return which candidate each cell is, -1 where it is none."""
        place = {cell: candidate for candidate, cell in enumerate(self.candidates)}
        return np.array([place.get(cell, -1) for cell in cells.tolist()], dtype=np.int64)


def guessed_values(cells: NDArray[Any], *, most_values: int = 10, n_quantiles: int = 4) -> GuessedValues | None:
    """Find the values that an attribute can be guessed among.

    Parameters
    ----------
    cells : ndarray, shape (n_rows,)
        float64 with NaN for missing cells, or objects with None.
    most_values : int
        Numbers with more distinct values than this are guessed as groups; of other levels only so many are guessed.
    n_quantiles : int
        Groups of about equal size that numbers are cut into, at values that occur.

    Returns
    -------
    GuessedValues or None
        ``None`` where there are fewer than two values to choose from; a level needs two rows.

    Examples
    --------
    >>> guessed_values(np.array(["f", "m", "m", "f", None], dtype=object)).candidates
    ('f', 'm')
    >>> guessed_values(np.arange(100.0)).edges
    array([24., 49., 74.])
    """
    if cells.dtype.kind == "f":
        cells = cells[np.isfinite(cells)]
        if np.unique(cells).size > most_values:
            return _groups(cells, n_quantiles)
    counts = Counter(cell for cell in cells.tolist() if cell is not None)
    frequent = [cell for cell, count in counts.most_common(most_values) if count >= 2]
    if len(frequent) < 2:
        return None
    return GuessedValues(tuple(frequent), np.arange(len(frequent)), None, len(counts) - len(frequent))


def answers_to_candidates(
    ask: Callable[[NDArray[np.int64], int | None], NDArray[np.float64]],
    own: NDArray[np.int64],
    n_candidates: int,
    *,
    as_they_are: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Ask about each person with each candidate in turn, but about nobody twice as they are.

    Parameters
    ----------
    ask : callable
        Given positions of people and a candidate (``None``: as they are), returns a number for each.
    own : ndarray of int64, shape (n_people,)
        The candidate that a person has, -1 for none of them.
    n_candidates : int
        Number of candidates.
    as_they_are : ndarray, shape (n_people,)
        What is known about people as they are, NaN for those not asked about yet.

    Returns
    -------
    ndarray, shape (n_people, n_candidates)
        In column ``own`` the answers about people as they are.

    Examples
    --------
    >>> known = np.array([7.0, np.nan])
    >>> answers_to_candidates(lambda people, cell: 10.0 * people, np.array([0, -1]), 2, as_they_are=known)
    array([[ 7.,  0.],
           [10., 10.]])
    """
    answers = np.empty((own.size, n_candidates))
    unknown = np.flatnonzero((own >= 0) & np.isnan(as_they_are))
    known = as_they_are.copy()
    known[unknown] = ask(unknown, None) if unknown.size else 0.0
    for candidate in range(n_candidates):
        answers[:, candidate] = known
        others = np.flatnonzero(own != candidate)
        if others.size:
            answers[others, candidate] = ask(others, candidate)
    return answers


def _groups(cells: NDArray[np.float64], n_quantiles: int) -> GuessedValues | None:
    edges = np.unique(np.quantile(cells, np.arange(1, n_quantiles) / n_quantiles, method="inverted_cdf"))
    edges = edges[edges > cells.min()]
    if edges.size == 0:
        return None
    value = np.searchsorted(edges, cells, side="right")
    tried = [
        np.unique(np.quantile(cells[value == place], WITHIN_GROUP, method="inverted_cdf"))
        for place in range(edges.size + 1)
    ]
    group = np.repeat(np.arange(len(tried)), [cells_of_group.size for cells_of_group in tried])
    return GuessedValues(tuple(np.concatenate(tried).tolist()), group, edges, 0)
