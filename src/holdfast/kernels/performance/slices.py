"""Find the parts of a table where losses are highest, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush, heappushpop
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_same_length, float_vector

Items = tuple[tuple[int, int], ...]
# Score, negated number of items, negated items, size, sum: at equal scores, the simpler and earlier slice is larger.
_Entry = tuple[float, int, Items, int, float]


class Slice(NamedTuple):
    """A part of a table: all rows with the given level in each of the given columns."""

    items: Items
    """Pairs of column and level, in order of the columns."""
    n: int
    total: float
    """Sum of the losses of its rows."""
    score: float
    """Excess of that sum over what as many random rows would have, in standard deviations."""


class _Scorer(NamedTuple):
    n: int
    mean: float
    sd: float
    largest: float
    min_size: int

    def score(self, n: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised excess; -inf for slices that are too small or hold every row."""
        fits = (n >= self.min_size) & (n < self.n)
        size = np.where(fits, n, 1.0)
        scored = (total - size * self.mean) / (self.sd * np.sqrt(size * (1.0 - size / max(self.n, 2))))
        return np.where(fits, scored, -np.inf)

    def bound(self, n: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Largest score of any part of slices with these sizes and sums.

        A part of s rows has a sum of at most min(total, s * largest). Its score rises with s up to total / largest and
        falls after that, so that the best size is known.
        """
        size = np.clip(np.ceil(total / self.largest), self.min_size, np.maximum(n, self.min_size))
        lower = np.clip(np.floor(total / self.largest), self.min_size, np.maximum(n, self.min_size))
        best = np.maximum(
            self._free_score(size, np.minimum(total, size * self.largest)),
            self._free_score(lower, np.minimum(total, lower * self.largest)),
        )
        return np.where(n >= self.min_size, best, -np.inf)

    def _free_score(self, n: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
        size = np.minimum(n, self.n - 1.0)
        return np.asarray((total - size * self.mean) / (self.sd * np.sqrt(size * (1.0 - size / self.n))))


class _Best:
    """The slices with the highest scores so far."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.heap: list[_Entry] = []

    @property
    def floor(self) -> float:
        """Score that a slice must exceed to be kept."""
        return self.heap[0][0] if len(self.heap) == self.size else 0.0

    def offer(self, items: Items, n: float, total: float, score: float) -> None:
        if score > self.floor:
            negated = tuple((-column, -level) for column, level in sorted(items))
            entry = (score, -len(items), negated, int(n), total)
            (heappush if len(self.heap) < self.size else heappushpop)(self.heap, entry)

    def slices(self) -> list[Slice]:
        return [
            Slice(tuple((-column, -level) for column, level in items), n, total, score)
            for score, _, items, n, total in sorted(self.heap, reverse=True)
        ]


class _Part(NamedTuple):
    """A slice whose parts may be better than itself; places are columns of `_Table.cells`."""

    bound: float
    places: tuple[int, ...]
    cells: tuple[int, ...]
    n: float


class _Table(NamedTuple):
    """The columns that are combined, best first, and their levels numbered through."""

    cells: NDArray[np.int32]
    """Shape (n_samples, n_combined); the number of cells for what belongs to no slice."""
    by_column: NDArray[np.int32]
    """The same, each column in one piece."""
    starts: NDArray[np.int64]
    """First cell of each column, and the number of cells."""
    columns: list[int]
    """Column of `codes` behind each."""
    n: NDArray[np.float64]
    """Rows of each cell."""
    bound: NDArray[np.float64]
    rows: list[NDArray[np.int64]]
    """Rows of each cell."""
    losses: NDArray[np.float64]

    def members(self, part: _Part) -> NDArray[np.int64]:
        first, *others = sorted(zip(part.cells, part.places, strict=True), key=lambda pair: self.n[pair[0]])
        rows = self.rows[first[0]]
        for cell, place in others:
            rows = rows[self.by_column[place][rows] == cell]
        return rows

    def tally(
        self, rows: NDArray[np.int64], start: int, losses: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Number of rows, or sum of their losses, in each cell of the columns from `start` on."""
        cells = self.cells[rows, start:]
        weights = None if losses is None else np.repeat(losses, cells.shape[1])
        return np.bincount(cells.ravel(), weights, minlength=self.starts[-1] + 1)[:-1].astype(np.float64)


def search_slices(
    codes: ArrayLike,
    losses: ArrayLike,
    *,
    min_size: int,
    n_slices: int,
    max_columns: int = 3,
    n_combined: int | None = None,
) -> list[Slice]:
    """Find the slices of a few columns with the largest standardised excess of loss.

    Exact unless `n_combined` is given: the result is that of scoring every slice; what a bound shows to be out of reach
    is not counted.

    Parameters
    ----------
    codes : array-like of int, shape (n_samples, n_columns)
        Levels of each column, counted from 0; -1 belongs to no slice.
    losses : array-like, shape (n_samples,)
        Losses of zero or more, such as 1 for a wrong answer.
    min_size : int
        Smallest number of rows of a slice, one or more.
    n_slices : int
        Number of slices to return at most, one or more.
    max_columns : int, default 3
        Most columns that describe a slice, one or more.
    n_combined : int, optional
        Columns that are combined with each other at most, those first whose own worst level scores highest; all columns
        otherwise. A combination of columns none of which stands out by itself may then be missed.

    Returns
    -------
    list of Slice
        By falling score; only slices with more loss than average. Empty when all losses are equal.

    Raises
    ------
    ValueError
        If a loss is negative or not finite, a code is below -1, a number is not positive, or shapes do not fit.

    Notes
    -----
    The score of s rows with sum e is ``(e - s m) / (sd sqrt(s (1 - s / n)))`` with m and sd of all losses: the deviate
    of a random sample of s rows. Slices are refined by one column at a time, those with the highest bound first, so
    that the first bound below the last slice kept ends a round. Sums of refinements are counted over the rows with a
    loss; sizes only where the sum can reach the best. Cost at worst O(n * n_columns ** max_columns).

    References
    ----------
    Sagadeeva, S. and Boehm, M. (2021). SliceLine: fast, linear-algebra-based slice finding for ML model debugging.
    SIGMOD, 2290-2299 (pruning by size and by an upper bound of the score, sections 3 and 4).

    Examples
    --------
    >>> codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10)
    >>> losses = (codes == 1).all(axis=1)
    >>> search_slices(codes, losses, min_size=5, n_slices=1)[0].items
    ((0, 1), (1, 1))
    """
    table, values = _checked(codes, losses)
    if min(min_size, n_slices, max_columns) < 1:
        numbers = f"min_size={min_size}, n_slices={n_slices}, max_columns={max_columns}"
        raise ValueError(f"expected positive numbers, got {numbers}")
    if values.size < 2 or values.min() == values.max():
        return []
    best = _Best(n_slices)
    scorer = _Scorer(values.size, float(values.mean()), float(values.std()), float(values.max()), min_size)
    counts = [_count(column, values) for column in table.T]
    scores = [scorer.score(n, total) for n, total in counts]
    for column, (n, total) in enumerate(counts):
        for level in np.flatnonzero(scores[column] > best.floor):
            best.offer(((column, int(level)),), n[level], float(total[level]), float(scores[column][level]))
    highest = np.array([scored.max(initial=-np.inf) for scored in scores])
    combined = _combined(table, values, scorer, counts, np.argsort(-highest, kind="stable")[:n_combined].tolist())
    parts = [
        _Part(float(combined.bound[cell]), (place,), (cell,), combined.n[cell])
        for place in range(len(combined.columns))
        for cell in range(combined.starts[place], combined.starts[place + 1])
    ]
    for width in range(2, max_columns + 1):
        children: list[_Part] = []
        for part in sorted(parts, key=lambda part: (-part.bound, part.cells)):
            if part.bound <= best.floor:
                break
            children += _refine(part, combined, scorer, best, keeps=width < max_columns)
        parts = children
    return best.slices()


def slice_members(codes: NDArray[np.int64], items: Items) -> NDArray[np.bool_]:
    """Tell which rows belong to a slice.

    Parameters
    ----------
    codes : ndarray of int, shape (n_samples, n_columns)
    items : tuple of (column, level)
        See `Slice`; without items every row belongs.

    Returns
    -------
    ndarray of bool, shape (n_samples,)

    Examples
    --------
    >>> slice_members(np.array([[0, 1], [1, 1]]), ((0, 1), (1, 1))).tolist()
    [False, True]
    """
    members = np.ones(codes.shape[0], dtype=np.bool_)
    for column, level in items:
        members &= codes[:, column] == level
    return members


def distinct_slices(
    slices: Sequence[Slice], codes: NDArray[np.int64], *, max_overlap: float, n_slices: int, worth: float = 1.05
) -> list[Slice]:
    """Drop slices that are nearly the same rows as a better or simpler one.

    Parameters
    ----------
    slices : sequence of Slice
        By falling score.
    codes : ndarray of int, shape (n_samples, n_columns)
    max_overlap : float
        Largest share of common rows, common over all rows of either (Jaccard), in [0, 1].
    n_slices : int
        Number of slices to keep at most.
    worth : float, default 1.05
        Factor by which each further column must raise the score to come first: the best of many refinements of a slice
        scores higher than the slice by chance alone.

    Returns
    -------
    list of Slice
        By falling score, divided by `worth` for each column.

    Examples
    --------
    >>> codes = np.array([[0, 0], [1, 1]] * 5)
    >>> twins = [Slice(((0, 1),), 5, 5.0, 3.0), Slice(((1, 1),), 5, 5.0, 3.0)]
    >>> len(distinct_slices(twins, codes, max_overlap=0.8, n_slices=5))
    1
    """
    kept: list[Slice] = []
    members: list[NDArray[np.bool_]] = []
    for candidate in sorted(slices, key=lambda part: -part.score / worth ** len(part.items)):
        rows = slice_members(codes, candidate.items)
        shared = [int((rows & other).sum()) for other in members]
        if all(both <= max_overlap * (candidate.n + other.n - both) for both, other in zip(shared, kept, strict=True)):
            kept.append(candidate)
            members.append(rows)
        if len(kept) == n_slices:
            break
    return kept


def _combined(
    table: NDArray[np.int64],
    values: NDArray[np.float64],
    scorer: _Scorer,
    counts: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    columns: list[int],
) -> _Table:
    starts = np.cumsum([0, *(counts[column][0].size for column in columns)])
    codes = table[:, columns]
    cells = np.where(codes < 0, starts[-1], codes + starts[:-1]).astype(np.int32)
    by_column = np.ascontiguousarray(cells.T)
    n = np.concatenate([np.empty(0), *(counts[column][0] for column in columns)])
    total = np.concatenate([np.empty(0), *(counts[column][1] for column in columns)])
    ordered = [np.argsort(column, kind="stable") for column in by_column]
    ends = [np.cumsum(counts[column][0]).astype(np.int64) for column in columns]
    rows = [part for order, end in zip(ordered, ends, strict=True) for part in np.split(order, end)[:-1]]
    return _Table(cells, by_column, starts, columns, n, scorer.bound(n, total), rows, values)


def _refine(part: _Part, table: _Table, scorer: _Scorer, best: _Best, *, keeps: bool) -> list[_Part]:
    """Score the slices with one column more, and return those whose own parts may be better."""
    start = part.places[-1] + 1
    n_cells = int(table.starts[-1])
    later = np.arange(n_cells) >= table.starts[start]
    rows = table.members(part)
    heavy = rows[table.losses[rows] > 0.0]
    total = table.tally(heavy, start, table.losses[heavy])
    size = np.minimum(table.n, part.n)
    reaches = later & (table.bound > best.floor) & (total > 0.0)
    reaches[reaches] = scorer.bound(size[reaches], total[reaches]) > best.floor
    cells, sums = np.flatnonzero(reaches), total[reaches]
    if not cells.size:
        return []
    n = table.tally(rows, start)[reaches]
    places = np.searchsorted(table.starts, cells, side="right") - 1
    scores, bounds = scorer.score(n, sums), scorer.bound(n, sums)
    children = []
    for i in np.flatnonzero(bounds > best.floor):
        child = _Part(float(bounds[i]), (*part.places, int(places[i])), (*part.cells, int(cells[i])), float(n[i]))
        if keeps:
            children.append(child)
        if scores[i] > best.floor:
            pairs = zip(child.places, child.cells, strict=True)
            items = tuple((table.columns[at], number - int(table.starts[at])) for at, number in pairs)
            best.offer(items, n[i], float(sums[i]), float(scores[i]))
    return children


def _count(codes: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = codes >= 0
    if not known.all():
        codes, values = codes[known], values[known]
    return np.bincount(codes).astype(np.float64), np.bincount(codes, weights=values).astype(np.float64)


def _checked(codes: ArrayLike, losses: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    values = float_vector(losses, name="losses")
    table = np.asarray(codes)
    if table.ndim != 2 or table.dtype.kind not in "iu":
        raise ValueError(
            f"expected codes of shape (n_samples, n_columns) and a whole type, got {table.shape}, {table.dtype}"
        )
    check_same_length(values.size, table.shape[0], names=("losses", "codes"))
    if values.size and values.min() < 0.0:
        raise ValueError(
            f"expected losses of zero or more, got {values.min()}; pass sizes of errors, not signed errors"
        )
    if table.size and table.min() < -1:
        raise ValueError(f"expected codes of -1 or more, got {table.min()}; count levels from 0")
    return table.astype(np.int64), values
