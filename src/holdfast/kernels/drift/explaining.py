"""Which parts of a table became more or less common, and in which of them the drift of another column lies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.two_sample import TwoSampleTest, chi_square, ks_exact
from holdfast.kernels.performance.slices import Items, Slice, distinct_slices, slice_members
from holdfast.kernels.stats.exact_shares import exact_share_test, share_changes
from holdfast.kernels.stats.interval import IntervalEstimate

Integers = NDArray[np.int64]
FEWEST_ROWS = 10
MAX_OVERLAP, WORTH = 0.8, 1.05
MOST_TRIED, MOST_SHARE = 20, 0.5
HALF = 0.5


class SliceShift(NamedTuple):
    """A part of a table that holds another share of the rows than before.

    Attributes
    ----------
    items
        Pairs of column and level, one or two.
    rows, n
        Rows of the part, and all rows, in the reference and in the current table.
    change
        Share of the current table less that of the reference; the intervals of all parts looked at hold together.
    adjusted
        Fisher's p-value, times twice the number of parts of as many columns.
    """

    items: Items
    rows: tuple[int, int]
    n: tuple[int, int]
    change: IntervalEstimate[float]
    adjusted: float


class HeldDrift(NamedTuple):
    """A part of a table without which a column moves by less than half as far.

    Attributes
    ----------
    column
        The column that drifts.
    part
        Where its drift lies.
    whole, without
        How far it moves in all rows, and in the rows outside of the part.
    is_gone
        Whether no drift of the column is shown outside.
    """

    column: str
    part: SliceShift
    whole: IntervalEstimate[float]
    without: IntervalEstimate[float]
    is_gone: bool


def shifted_slices(
    codes: Integers,
    is_current: NDArray[np.bool_],
    *,
    alpha: float = 0.05,
    least_effect: float = 0.0,
    level: float = 0.95,
) -> list[SliceShift]:
    """Find the values of one column, or of two at once, that became more or less common.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_samples, n_columns)
        Levels of each column, counted from 0. They must not depend on which table a row is of.
    is_current : ndarray of bool, shape (n_samples,)
    alpha : float, default 0.05
        Chance that any part is returned where the tables are alike.
    least_effect : float, default 0.0
        Smallest change of a share that matters.
    level : float, default 0.95
        Confidence level of all intervals together.

    Returns
    -------
    list of SliceShift
        By falling size of the change. Two columns only where they change more than each of them.

    Notes
    -----
    Fisher's exact test for each part, times the number of parts, half of alpha for one column and half for two. Parts
    in fewer than ten rows of both tables are not looked at (Tarone 1990). Cost O(n * n_columns ** 2).
    """
    n, m = int((~is_current).sum()), int(is_current.sum())
    if not n or not m:
        return []
    singles = [((column,), _counted(codes[:, [column]], is_current)) for column in range(codes.shape[1])]
    pairs = [(pair, _counted(codes[:, list(pair)], is_current)) for pair in combinations(range(codes.shape[1]), 2)]
    found = []
    for family in (singles, pairs):
        if not family:
            continue
        ends = np.cumsum([len(counts) for _, (_, counts) in family])
        n_tests = int(ends[-1])
        both = np.concatenate([counts for _, (_, counts) in family])
        every = np.minimum(exact_share_test(both[:, 0], n, both[:, 1], m) * 2.0 * n_tests, 1.0)
        for (columns, (levels, counts)), p in zip(family, np.split(every, ends[:-1]), strict=True):
            for place in np.flatnonzero(p <= alpha):
                a, b = (int(count) for count in counts[place])
                parts = share_changes([a], n, [b], m, level=level, n_together=2 * n_tests)
                change = IntervalEstimate(*(float(part[0]) for part in parts))
                items = tuple(zip(columns, levels[place].tolist(), strict=True))
                if max(change.low, -change.high) >= least_effect:
                    found.append(SliceShift(items, (a, b), (n, m), change, float(p[place])))
    size = {part.items: abs(part.change.value) for part in found}
    kept = [
        part
        for part in found
        if len(part.items) == 1 or size[part.items] > WORTH * max(size.get((item,), 0.0) for item in part.items)
    ]
    return sorted(kept, key=lambda part: (-size[part.items], part.items))


def distinct_shifts(found: Sequence[SliceShift], codes: Integers, *, most: int) -> list[SliceShift]:
    """Keep the largest changes, none of them nearly the rows of another, or all but these."""
    by_items = {part.items: part for part in found}
    ordered = [Slice(part.items, sum(part.rows), 0.0, abs(part.change.value)) for part in found]
    kept: list[SliceShift] = []
    for part in distinct_slices(ordered, codes, max_overlap=MAX_OVERLAP, n_slices=3 * most, worth=WORTH):
        rows = slice_members(codes, part.items)
        others = (slice_members(codes, other.items) for other in kept)
        if not any((rows == ~other).all() for other in others):
            kept.append(by_items[part.items])
    return kept[:most]


def held_drift(
    name: str,
    column: int,
    values: NDArray[np.float64] | Integers,
    found: Sequence[SliceShift],
    codes: Integers,
    is_current: NDArray[np.bool_],
    *,
    alpha: float = 0.05,
    level: float = 0.95,
) -> HeldDrift | None:
    """Find the part without which a column moves least.

    Parameters
    ----------
    name : str
        Of the column that drifts.
    column : int
        Its place in ``codes``; parts described by it explain nothing.
    values : ndarray, shape (n_samples,)
        Its numbers as float64, or its categories as whole numbers.
    found : sequence of SliceShift
        Parts to try: the first twenty that hold at most half of the rows of each table.
    codes, is_current
        As for `shifted_slices`.
    alpha, level : float

    Returns
    -------
    HeldDrift or None
        None where every part leaves half of the movement or more, or that is not sure: the upper end without the part
        must lie below the value of all rows.
    """
    whole = _compared(values, is_current, level)
    if whole is None:
        return None
    best: HeldDrift | None = None
    tried = [
        part
        for part in found
        if all(place != column for place, _ in part.items)
        and all(rows <= MOST_SHARE * n for rows, n in zip(part.rows, part.n, strict=True))
    ][:MOST_TRIED]
    for part in tried:
        outside = ~slice_members(codes, part.items)
        rest = _compared(values[outside], is_current[outside], level)
        if rest is None or rest.effect.value >= HALF * whole.effect.value or rest.effect.high >= whole.effect.value:
            continue
        if best is None or rest.effect.value < best.without.value:
            best = HeldDrift(name, part, whole.effect, rest.effect, rest.p_value > alpha)
    return best


def _compared(
    values: NDArray[np.float64] | Integers, is_current: NDArray[np.bool_], level: float
) -> TwoSampleTest | None:
    if values.dtype.kind == "f":
        return ks_exact(values[~is_current], values[is_current], level=level)
    most = int(values.max(initial=0)) + 1
    sides = (np.bincount(values[part], minlength=most) for part in (~is_current, is_current))
    return chi_square(*sides, level=level)


def _counted(codes: Integers, is_current: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Count the rows of both tables at each combination of levels that enough rows have."""
    width = codes.max(axis=0, initial=0) + 1
    flat = codes[:, 0] if codes.shape[1] == 1 else codes[:, 0] * width[1] + codes[:, 1]
    cells = int(np.prod(width))
    counts = np.column_stack([np.bincount(flat[part], minlength=cells) for part in (~is_current, is_current)])
    used = np.flatnonzero(counts.sum(axis=1) >= FEWEST_ROWS)
    levels = used[:, None] if codes.shape[1] == 1 else np.column_stack([used // width[1], used % width[1]])
    return levels.astype(np.int64), counts[used].astype(np.int64)
