"""Rows of a network's table with other categories, where these are one-hot columns, the most promising first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# For rows and their labels, shape ``(n, n_columns)`` and ``(n,)``: how far the own class leads, each ``(n,)``.
Promise = Callable[[Floats, NDArray[np.int64]], "Lead"]


class Lead(NamedTuple):
    """How far the score of the own class lies before the best other one, each of shape ``(n,)``."""

    now: Floats
    """Of the row as it is; below zero where it is flipped."""
    then: Floats
    """About what is left when its numbers move as far as they may along the slope."""


def groups_among(names: Sequence[str], one_hot: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], ...]:
    """Return places of the columns of each one-hot group that is wholly among the names.

    Examples
    --------
    >>> groups_among(["a", "red", "blue"], [["blue", "red"], ["x", "a"]])
    (array([2, 1]),)
    """
    place = {name: at for at, name in enumerate(names)}
    return tuple(np.array([place[name] for name in group]) for group in one_hot if group and place.keys() >= set(group))


def promising(
    rows: Floats, exact: Floats, y: NDArray[np.int64], groups: Sequence[NDArray[np.int64]], *, lead: Promise, most: int
) -> tuple[Floats, Floats]:
    """Find, for each row, the changes of one more category that leave the own class least.

    Parameters
    ----------
    rows
        Shape ``(n, n_starts, n_columns)``: the row itself, or ways in which some of its categories were changed.
    exact
        The rows before any change, ``(n, n_columns)``; a group that differs from them is not changed again.
    y
        Labels, ``(n,)``.
    groups
        Places of the columns of each one-hot group; one of which not exactly one column is 1 stays as it is.
    lead
        Judges rows.
    most
        How many are kept of each row.

    Returns
    -------
    tuple of ndarray
        Changed rows ``(n, k, n_columns)``, flipped ones first, then in the order of what is left along the slope, ties
        by column; and how far the own class leads in each, ``(n, k)``, inf where there is no further change.
    """
    n, n_starts, d = rows.shape
    tried = [(start, group, to) for start in range(n_starts) for group in groups for to in group]
    now, rank = np.full((2, n, len(tried)), np.inf)
    for at, (start, group, to) in enumerate(tried):
        can = np.flatnonzero(_may_swap(rows[:, start], exact, group, to))
        if can.size:
            found = lead(_swapped(rows[can, start], group, to), y[can])
            now[can, at] = found.now
            # a row that is flipped comes before all that may yet be
            rank[can, at] = np.where(found.now < 0, -np.inf, found.then)
    best = np.argsort(rank, axis=1, kind="stable")[:, :most]
    kept = np.take_along_axis(now, best, axis=1)
    changed = np.empty((n, best.shape[1], d))
    for row, column in np.ndindex(best.shape):
        start, group, to = tried[best[row, column]]
        changed[row, column] = rows[row, start]
        if np.isfinite(kept[row, column]):
            changed[row, column] = _swapped(rows[row, start][None], group, to)[0]
    return changed, kept


def _may_swap(rows: Floats, exact: Floats, group: NDArray[np.int64], to: int) -> NDArray[np.bool_]:
    """Tell the rows in which the 1 of a group is elsewhere, and where it was in the beginning."""
    own = rows[:, group]
    is_valid = (((own == 0) | (own == 1)).all(axis=1)) & (own.sum(axis=1) == 1)
    return np.asarray(is_valid & (rows[:, to] == 0) & (own == exact[:, group]).all(axis=1))


def _swapped(rows: Floats, group: NDArray[np.int64], to: int) -> Floats:
    changed = rows.copy()
    changed[:, group] = 0.0
    changed[:, to] = 1.0
    return changed
