"""Which columns, and how few of them, single people out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.anonymity.equivalence_classes import Classes, Codes, equivalence_classes


class ColumnSet(NamedTuple):
    """Columns, by position, and how many rows they single out or leave in a class smaller than k."""

    columns: tuple[int, ...]
    n_unique: int
    n_small: int


class SingledOut(NamedTuple):
    """What few columns give away.

    sets: all sets of columns that were tried, those that single out most first, small sets before large ones.
    fewest: int64, shape (n_rows,), the fewest columns in which a row is unique; 0 where no set tried makes it so.
    score: int64, shape (n_rows,), of the special uniques detection algorithm; larger for rows that are unique in many
    small sets. largest: the size of sets up to which all were tried.
    """

    sets: list[ColumnSet]
    fewest: Codes
    score: Codes
    largest: int


def singled_out(columns: Sequence[Codes], *, k: int = 5, largest: int = 3, most_sets: int = 500) -> SingledOut:
    """Try all sets of few columns: who is unique in which.

    Parameters
    ----------
    columns : sequence of ndarray of int64, shape (n_rows,)
        Codes of the quasi-identifiers (see ``codes_of``); at least one.
    k : int, default 5
        Classes below it are small.
    largest : int, default 3
        Most columns in a set.
    most_sets : int, default 500
        Sizes of sets of which there are more than this left are not begun.

    Returns
    -------
    SingledOut

    Raises
    ------
    ValueError
        If there is no column.

    Notes
    -----
    A row is a minimal sample unique of a set when the set singles it out and none of its subsets does; a row that is
    unique in one with s of m columns scores ``(m - s) (m - s - 1) ... (m - M)`` for the largest size M (Elliot,
    Manning, Ford 2002; Manning, Haglin, Keane 2008, SUDA2). Each set is grouped once, as a refinement of a smaller
    one: the cost is that of as many sorts of the rows as there are sets.
    """
    if not columns:
        raise ValueError("expected at least one column, got none")
    m, n = len(columns), len(columns[0])
    largest = min(largest, m)
    fewest, score = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    tried: list[ColumnSet] = []
    classes: dict[tuple[int, ...], Classes] = {}
    unique: dict[tuple[int, ...], NDArray[np.bool_]] = {}
    size = 0
    while size < largest and len(tried) + comb(m, size + 1) <= max(most_sets, m):
        size += 1
        weight = max(1, prod(m - s for s in range(size, largest)))
        refined: dict[tuple[int, ...], Classes] = {}
        alone: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        for at in combinations(range(m), size):
            found = equivalence_classes([columns[at[-1]]], start=classes.get(at[:-1]))
            of_rows = found.sizes[found.of_row]
            is_alone = of_rows == 1
            tried.append(ColumnSet(at, int(is_alone.sum()), int((of_rows < k).sum())))
            is_minimal = is_alone & ~np.logical_or.reduce(
                [unique[at[:skip] + at[skip + 1 :]] for skip in range(size) if size > 1], initial=False
            )
            fewest[is_minimal & (fewest == 0)] = size
            score += weight * is_minimal
            refined[at], alone[at] = found, is_alone
        classes, unique = refined, alone
    return SingledOut(
        sorted(tried, key=lambda one: (len(one.columns), -one.n_unique, one.columns)), fewest, score, size
    )


def smallest_identifying_set(found: SingledOut, *, share: float) -> ColumnSet | None:
    """Return the smallest set of columns that singles out a share of the rows; of equally small ones the strongest."""
    n = len(found.fewest)
    return next((one for one in found.sets if one.n_unique >= share * n), None)
