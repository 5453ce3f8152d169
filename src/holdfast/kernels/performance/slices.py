"""Find the parts of a table where losses are highest, exactly, and confirm them on other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappush, heappushpop
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom
from scipy.stats import t as student_t

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.multiplicity import holm
from holdfast.kernels.stats.proportions import clopper_pearson

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


class Confirmation(NamedTuple):
    """Slices against the rest on rows that had no part in finding them; each field ``(n_slices,)``."""

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    rest: NDArray[np.float64]
    gap: NDArray[np.float64]
    low: NDArray[np.float64]
    """Lower end of the gap's interval; the intervals of all slices hold together with probability `level`."""
    high: NDArray[np.float64]
    p_value: NDArray[np.float64]
    """One-sided, that the slice's loss is not above the rest's."""
    adjusted_p_value: NDArray[np.float64]


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


def search_slices(
    codes: ArrayLike, losses: ArrayLike, *, min_size: int, n_slices: int, n_paired: int | None = None
) -> list[Slice]:
    """Find the slices of one or two columns with the largest standardised excess of loss.

    Exact unless `n_paired` is given: the result is that of scoring every slice; what a bound shows to be out of reach
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
    n_paired : int, optional
        Columns that are paired with each other at most, those first whose own worst level scores highest; all columns
        otherwise. A pair of columns neither of which stands out by itself may then be missed.

    Returns
    -------
    list of Slice
        By falling score; only slices with more loss than average. Empty when all losses are equal.

    Raises
    ------
    ValueError
        If a loss is negative or not finite, a code is below -1, or shapes do not fit.

    Notes
    -----
    The score of s rows with sum e is ``(e - s m) / (sd sqrt(s (1 - s / n)))`` with m and sd of all losses: the deviate
    of a random sample of s rows. Columns are paired in the order of their bounds; a pair whose bound is below the last
    slice kept ends the search. Cost at worst O(n * n_columns ** 2).

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
    if min_size < 1 or n_slices < 1:
        raise ValueError(f"expected positive numbers, got min_size={min_size}, n_slices={n_slices}")
    if values.size < 2 or values.min() == values.max():
        return []
    scorer = _Scorer(values.size, float(values.mean()), float(values.std()), float(values.max()), min_size)
    best: list[_Entry] = []
    bounds: list[NDArray[np.float64]] = []
    highest = np.full(table.shape[1], -np.inf)
    for column in range(table.shape[1]):
        n, total = _count(table[:, column], values)
        bounds.append(scorer.bound(n, total))
        scores = scorer.score(n, total)
        highest[column] = scores.max(initial=-np.inf)
        _keep(best, n_slices, scores[:, None], n[:, None], total[:, None], (column,))
    paired = sorted(np.argsort(-highest, kind="stable")[:n_paired].tolist())
    for reach, pair in _by_bound(bounds, paired):
        if reach <= _floor(best, n_slices):
            break
        _score_pair(best, n_slices, table, values, scorer, bounds, pair)
    return [
        Slice(tuple((-column, -level) for column, level in items), n, total, score)
        for score, _, items, n, total in sorted(best, reverse=True)
    ]


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
    slices: Sequence[Slice], codes: NDArray[np.int64], *, max_overlap: float, n_slices: int
) -> list[Slice]:
    """Drop slices that are nearly the same rows as a better one.

    Parameters
    ----------
    slices : sequence of Slice
        By falling score.
    codes : ndarray of int, shape (n_samples, n_columns)
    max_overlap : float
        Largest share of common rows, common over all rows of either (Jaccard), in [0, 1].
    n_slices : int
        Number of slices to keep at most.

    Returns
    -------
    list of Slice

    Examples
    --------
    >>> codes = np.array([[0, 0], [1, 1]] * 5)
    >>> twins = [Slice(((0, 1),), 5, 5.0, 3.0), Slice(((1, 1),), 5, 5.0, 3.0)]
    >>> len(distinct_slices(twins, codes, max_overlap=0.8, n_slices=5))
    1
    """
    kept: list[Slice] = []
    members: list[NDArray[np.bool_]] = []
    for candidate in slices:
        rows = slice_members(codes, candidate.items)
        shared = [int((rows & other).sum()) for other in members]
        if all(both <= max_overlap * (candidate.n + other.n - both) for both, other in zip(shared, kept, strict=True)):
            kept.append(candidate)
            members.append(rows)
        if len(kept) == n_slices:
            break
    return kept


def confirm_slices(losses: ArrayLike, members: ArrayLike, *, level: float = 0.95) -> Confirmation:
    """Test on fresh rows whether each slice has a higher loss than the rest.

    Parameters
    ----------
    losses : array-like, shape (n_samples,)
        Losses of rows that had no part in finding the slices.
    members : array-like of bool, shape (n_slices, n_samples)
        Rows of each slice.
    level : float, default 0.95
        Confidence level of all intervals together, inside (0, 1).

    Returns
    -------
    Confirmation
        Without rows in a slice, or without a rest: gap NaN, interval from -inf to inf (-1 to 1 for losses of 0 and 1)
        and a p-value of 1.

    Raises
    ------
    ValueError
        If a loss is not finite or shapes do not fit.

    Notes
    -----
    Losses of 0 and 1: Fisher's exact test, and the difference of two exact (Clopper-Pearson) intervals. Other losses:
    Welch's test and interval; for losses skewed to the right the one-sided test errs on the safe side, because a high
    mean comes with a high variance. p-values are adjusted after Holm, intervals after Bonferroni.

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. JRSS 98, 39-82.
    Welch, B. L. (1947). The generalization of Student's problem when several different population variances are
    involved. Biometrika 34, 28-35.

    Examples
    --------
    >>> found = confirm_slices([1, 1, 1, 0, 0, 0, 0, 0], [[True] * 4 + [False] * 4])
    >>> found.gap.tolist(), found.p_value.round(4).tolist()
    ([0.75], [0.0714])
    """
    check_level(level)
    values = float_vector(losses, name="losses")
    inside = np.atleast_2d(np.asarray(members, dtype=np.bool_))
    check_same_length(values.size, inside.shape[1], names=("losses", "members"))
    each = 1.0 - (1.0 - level) / max(inside.shape[0], 1)
    is_binary = bool(np.isin(values, (0.0, 1.0)).all())
    n, total = inside.sum(axis=1), inside @ values
    n_rest, total_rest = values.size - n, values.sum() - total
    mean, rest = _ratio(total, n), _ratio(total_rest, n_rest)
    if is_binary:
        p, low, high = _exact(total, n, total_rest, n_rest, each)
    else:
        squares = inside @ values**2
        variance = _variance(squares, mean, n)
        variance_rest = _variance((values**2).sum() - squares, rest, n_rest)
        p, low, high = _welch(
            mean - rest, variance / np.maximum(n, 1), variance_rest / np.maximum(n_rest, 1), n, n_rest, each
        )
    return Confirmation(n, mean, rest, mean - rest, low, high, p, holm(p))


def _exact(
    total: NDArray[np.float64],
    n: NDArray[np.int64],
    total_rest: NDArray[np.float64],
    n_rest: NDArray[np.int64],
    level: float,
) -> tuple[NDArray[np.float64], ...]:
    hits, hits_rest = np.rint(total).astype(np.int64), np.rint(total_rest).astype(np.int64)
    p = np.clip(hypergeom.sf(hits - 1, n + n_rest, hits + hits_rest, n), 0.0, 1.0)
    # Half of the error rate for each of the two shares: exact whatever the sizes. Newcombe's intervals, fine at 95 %,
    # exclude equality far too often at the levels that a correction for many slices asks for.
    each = 0.5 * (1.0 + level)
    inside, outside = clopper_pearson(hits, n, level=each), clopper_pearson(hits_rest, n_rest, level=each)
    return p, inside.low - outside.high, inside.high - outside.low


def _welch(
    gap: NDArray[np.float64],
    error: NDArray[np.float64],
    error_rest: NDArray[np.float64],
    n: NDArray[np.int64],
    n_rest: NDArray[np.int64],
    level: float,
) -> tuple[NDArray[np.float64], ...]:
    known = (n > 1) & (n_rest > 1) & (error + error_rest > 0.0)
    spread = np.where(known, error + error_rest, 1.0)
    freedom = spread**2 / np.where(
        known, error**2 / np.maximum(n - 1, 1) + error_rest**2 / np.maximum(n_rest - 1, 1), 1.0
    )
    p = np.where(known, student_t.sf(np.where(known, gap, 0.0) / np.sqrt(spread), freedom), 1.0)
    half = student_t.isf((1.0 - level) / 2.0, freedom) * np.sqrt(spread)
    return p, np.where(known, gap - half, -np.inf), np.where(known, gap + half, np.inf)


def _variance(squares: NDArray[np.float64], mean: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.maximum(squares - n * np.nan_to_num(mean) ** 2, 0.0) / np.maximum(n - 1, 1)


def _ratio(total: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(n == 0, np.nan, total / np.maximum(n, 1))


def _score_pair(
    best: list[_Entry],
    n_slices: int,
    table: NDArray[np.int64],
    values: NDArray[np.float64],
    scorer: _Scorer,
    bounds: list[NDArray[np.float64]],
    pair: tuple[int, int],
) -> None:
    first, second = (_reachable(table[:, column], bounds[column], _floor(best, n_slices)) for column in pair)
    rows = (first >= 0) & (second >= 0)
    width = bounds[pair[1]].size
    cells = bounds[pair[0]].size * width
    n, total = _count(first[rows] * width + second[rows], values[rows], n_levels=cells)
    shape = (-1, width)
    _keep(best, n_slices, scorer.score(n, total).reshape(shape), n.reshape(shape), total.reshape(shape), pair)


def _reachable(codes: NDArray[np.int64], bounds: NDArray[np.float64], floor: float) -> NDArray[np.int64]:
    """Replace levels whose parts cannot reach the floor by -1."""
    kept = np.append(np.where(bounds > floor, np.arange(bounds.size), -1), -1)
    return np.asarray(kept[codes])


def _count(
    codes: NDArray[np.int64], values: NDArray[np.float64], *, n_levels: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = codes >= 0
    if not known.all():
        codes, values = codes[known], values[known]
    n = np.bincount(codes, minlength=n_levels).astype(np.float64)
    return n, np.bincount(codes, weights=values, minlength=n_levels).astype(np.float64)


def _by_bound(bounds: list[NDArray[np.float64]], columns: list[int]) -> Iterator[tuple[float, tuple[int, int]]]:
    tops = [float(bound.max(initial=-np.inf)) for bound in bounds]
    pairs = ((min(tops[i], tops[j]), (i, j)) for i, j in combinations(columns, 2))
    return iter(sorted(pairs, key=lambda entry: (-entry[0], entry[1])))


def _floor(best: list[_Entry], n_slices: int) -> float:
    return best[0][0] if len(best) == n_slices else 0.0


def _keep(
    best: list[_Entry],
    n_slices: int,
    scores: NDArray[np.float64],
    n: NDArray[np.float64],
    total: NDArray[np.float64],
    columns: tuple[int, ...],
) -> None:
    """Put slices above the floor into the heap of the best."""
    for cell in np.argwhere(scores > _floor(best, n_slices)):
        at = tuple(cell)
        levels = cell[: len(columns)]
        items = tuple((-column, -int(level)) for column, level in zip(columns, levels, strict=True))
        entry = (float(scores[at]), -len(items), items, int(n[at]), float(total[at]))
        if len(best) < n_slices:
            heappush(best, entry)
        else:
            heappushpop(best, entry)


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
