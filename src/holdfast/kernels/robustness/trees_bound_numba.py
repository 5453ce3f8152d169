"""How high the score can become inside a part of a box: leaves that remain, and a bound that adds up conflicts.

Every tree alone would take its best leaf. Where the best leaves of two trees want different cells of one column, at
least one tree must give way: for each cell of a column, the *loss* of a tree is what its best leaf there falls short of
its best leaf anywhere. The losses of all trees are added cell by cell, and the least sum over the cells of a column
cannot be avoided. Before the next column is looked at, what a tree has lost in this one is taken out of its leaves, so
that nothing counts twice and the unavoidable losses of all columns may be subtracted together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled, inlined
from holdfast.kernels.robustness.trees_box_numba import COLUMN, HIGH, LOW, MASK, N_COLUMNS, N_LEAVES, N_TREES, Box


class Parts(NamedTuple):
    """A stack of parts of a box; the first axis is the position in the stack."""

    alive: NDArray[np.bool_]
    """Cells that remain, shape ``(depth, n_cells)``."""
    low: NDArray[np.int32]
    """First cell that remains of each column."""
    high: NDArray[np.int32]
    """Last cell that remains."""
    leaf: NDArray[np.int32]
    """Leaves that remain, tree after tree."""
    first_leaf: NDArray[np.int32]
    """Where in ``leaf`` each tree that still has several leaves begins."""
    n_trees: NDArray[np.int32]
    base: NDArray[np.float64]
    """Sum of the trees of which one leaf remains."""


class Desk(NamedTuple):
    """Working space of a search in one box; shapes by cell, column or leaf of the box."""

    loss: NDArray[np.float64]
    """By cell: what all trees together lose there."""
    fall: NDArray[np.float64]
    """By cell: what one tree loses there."""
    potential: NDArray[np.float64]
    """By leaf: its value and what its tree has lost already."""
    rank: NDArray[np.int64]
    """By column: its turn."""
    turn: NDArray[np.int64]
    """Columns of one tree in their turn."""
    is_used: NDArray[np.bool_]
    """By column: whether the tree depends on it."""
    least: NDArray[np.float64]
    """By column: the loss that cannot be avoided."""
    rest: NDArray[np.float64]
    """By column: the least loss when trees of several columns lose nothing."""
    pick: NDArray[np.int64]
    """By column: the cell chosen."""
    row: NDArray[np.float64]
    """By cell."""


def new_parts(box: Box, depth: int) -> Parts:
    """Make room for a stack of parts."""
    n_columns, n_cells, n_leaves, n_trees = box.column.size, box.cell.size, box.value.size, box.first_leaf.size
    return Parts(
        np.zeros((depth, n_cells), dtype=np.bool_),
        np.zeros((depth, n_columns), dtype=np.int32),
        np.zeros((depth, n_columns), dtype=np.int32),
        np.zeros((depth, n_leaves), dtype=np.int32),
        np.zeros((depth, n_trees), dtype=np.int32),
        np.zeros(depth, dtype=np.int32),
        np.zeros(depth),
    )


def new_desk(box: Box) -> Desk:
    """Make room to work on a box."""
    n_columns, n_cells = box.column.size, box.cell.size
    return Desk(
        np.zeros(n_cells),
        np.zeros(n_cells),
        np.zeros(box.value.size),
        np.zeros(n_columns, dtype=np.int64),
        np.zeros(n_columns, dtype=np.int64),
        np.zeros(n_columns, dtype=np.bool_),
        np.zeros(n_columns),
        np.zeros(n_columns),
        np.zeros(n_columns, dtype=np.int64),
        np.zeros(n_cells),
    )


@compiled
def open_part(box: Box, cap: float, parts: Parts) -> None:
    """Put the cells of cost up to ``cap`` on the stack as its only part."""
    for j in range(box.size[N_COLUMNS]):
        parts.low[0, j], parts.high[0, j] = box.first_cell[j], box.first_cell[j + 1] - 1
        for cell in range(box.first_cell[j], box.first_cell[j + 1]):
            parts.alive[0, cell] = box.cost[cell] <= cap
    parts.n_trees[0], parts.base[0] = box.size[N_TREES], box.base[0]
    for tree in range(box.size[N_TREES] + 1):
        parts.first_leaf[0, tree] = box.first_leaf[tree]
    for leaf in range(box.size[N_LEAVES]):
        parts.leaf[0, leaf] = leaf


@inlined
def _meets(
    limits: NDArray[np.int32], mask: NDArray[np.bool_], i: int, low: int, high: int, alive: NDArray[np.bool_]
) -> bool:
    """Tell whether a cell that remains belongs to the leaf."""
    found = False
    for cell in range(low, high + 1):
        found = found or (alive[cell] and mask[limits[i, MASK] + cell])
    return found


@inlined
def swaps_forced(box: Box, alive: NDArray[np.bool_]) -> int:
    """Return how many categories have changed in every row of a part."""
    forced = 0
    for j in range(box.size[N_COLUMNS]):
        forced += int(box.is_category[j] and not alive[box.home[j]])
    return forced


@inlined
def _keep_categories(box: Box, max_swaps: int, alive: NDArray[np.bool_]) -> bool:
    """Where no more changes of categories are allowed, keep the others as they are; False if there are too many."""
    forced = swaps_forced(box, alive)
    if forced == max_swaps:
        for j in range(box.size[N_COLUMNS]):
            if box.is_category[j] and alive[box.home[j]]:
                for cell in range(box.first_cell[j], box.first_cell[j + 1]):
                    alive[cell] = cell == box.home[j]
    return bool(forced <= max_swaps)


@compiled
def drop_leaves(box: Box, max_swaps: int, parts: Parts, t: int) -> bool:
    """Narrow the columns to the cells that remain and drop the leaves outside; False where a column has no cell."""
    low, high, alive = parts.low[t], parts.high[t], parts.alive[t]
    if not _keep_categories(box, max_swaps, alive):
        return False
    for j in range(box.size[N_COLUMNS]):
        while low[j] <= high[j] and not alive[low[j]]:
            low[j] += 1
        while low[j] <= high[j] and not alive[high[j]]:
            high[j] -= 1
        if low[j] > high[j]:
            return False
    first_limit, limits, mask = box.first_limit, box.limits, box.mask
    kept, n_trees, start = 0, 0, 0
    leaves, first_leaf = parts.leaf[t], parts.first_leaf[t]
    for tree in range(parts.n_trees[t]):
        end, before = first_leaf[tree + 1], kept
        for at in range(start, end):
            leaf, is_inside = leaves[at], True
            for i in range(first_limit[leaf], first_limit[leaf + 1]):
                j = limits[i, COLUMN]
                if limits[i, LOW] > high[j] or limits[i, HIGH] < low[j]:
                    is_inside = False
                elif limits[i, MASK] >= 0:
                    is_inside = _meets(limits, mask, i, low[j], high[j], alive)
                if not is_inside:
                    break
            if is_inside:
                leaves[kept] = leaf
                kept += 1
        start = end
        if kept == before + 1:
            kept = before
            parts.base[t] += box.value[leaves[before]]
        else:
            n_trees += 1
            first_leaf[n_trees] = kept
    parts.n_trees[t] = n_trees
    return True


@inlined
def limit_in(first_limit: NDArray[np.int32], limits: NDArray[np.int32], leaf: int, column: int) -> int:
    """Return the limit of a leaf in a column, -1 without one."""
    for i in range(first_limit[leaf], first_limit[leaf + 1]):
        if limits[i, COLUMN] == column:
            return i
    return -1


@inlined
def _best_by_cell(
    first_limit: NDArray[np.int32],
    limits: NDArray[np.int32],
    mask: NDArray[np.bool_],
    leaf: NDArray[np.int32],
    start: int,
    end: int,
    column: int,
    low: int,
    high: int,
    potential: NDArray[np.float64],
    best: NDArray[np.float64],
) -> float:
    """Write the best leaf limited to each cell of a column; return the best that is not limited in it."""
    anywhere = -np.inf
    for cell in range(low, high + 1):
        best[cell] = -np.inf
    for at in range(start, end):
        i = limit_in(first_limit, limits, leaf[at], column)
        if i < 0:
            anywhere = max(anywhere, potential[at])
            continue
        for cell in range(max(low, limits[i, LOW]), min(high, limits[i, HIGH]) + 1):
            if potential[at] > best[cell] and (limits[i, MASK] < 0 or mask[limits[i, MASK] + cell]):
                best[cell] = potential[at]
    return anywhere


@inlined
def _raise_leaves(
    first_limit: NDArray[np.int32],
    limits: NDArray[np.int32],
    mask: NDArray[np.bool_],
    leaf: NDArray[np.int32],
    start: int,
    end: int,
    column: int,
    low: int,
    high: int,
    potential: NDArray[np.float64],
    fall: NDArray[np.float64],
    alive: NDArray[np.bool_],
) -> None:
    """Take out of the leaves what their tree has lost in a column: a leaf keeps the most it could still reach."""
    for at in range(start, end):
        i, most, first, last = limit_in(first_limit, limits, leaf[at], column), 0.0, low, high
        if i >= 0:
            first, last = max(low, limits[i, LOW]), min(high, limits[i, HIGH])
        for cell in range(first, last + 1):
            if alive[cell] and fall[cell] > most and (i < 0 or limits[i, MASK] < 0 or mask[limits[i, MASK] + cell]):
                most = fall[cell]
        potential[at] += most


@compiled
def add_losses(box: Box, parts: Parts, t: int, desk: Desk, shares: bool) -> float:
    """Write the losses of part ``t`` to the desk and return the sum of the best leaves.

    A loss is at least the negative gain of its cell. With ``shares``, what a tree loses in one column is taken out
    before the next, in the order of ``rank``, so that the losses of columns may be added; without, each column has the
    whole loss and stands alone.
    """
    low, high, alive, leaf, first_leaf = parts.low[t], parts.high[t], parts.alive[t], parts.leaf[t], parts.first_leaf[t]
    value, first_limit, limits, mask = box.value, box.first_limit, box.limits, box.mask
    loss, fall, potential, turn = desk.loss, desk.fall, desk.potential, desk.turn
    rank, is_used = desk.rank, desk.is_used
    for j in range(box.size[N_COLUMNS]):
        for cell in range(low[j], high[j] + 1):
            loss[cell] = -box.gain[cell]
    total = float(parts.base[t])
    for tree in range(parts.n_trees[t]):
        start, end = first_leaf[tree], first_leaf[tree + 1]
        best, n_turns = -np.inf, 0
        for at in range(start, end):
            potential[at] = value[leaf[at]]
            best = max(best, potential[at])
            for i in range(first_limit[leaf[at]], first_limit[leaf[at] + 1]):
                j = limits[i, COLUMN]
                if not is_used[j] and (limits[i, LOW] > low[j] or limits[i, HIGH] < high[j] or limits[i, MASK] >= 0):
                    is_used[j] = True
                    p = n_turns
                    while p > 0 and rank[turn[p - 1]] > rank[j]:
                        turn[p] = turn[p - 1]
                        p -= 1
                    turn[p] = j
                    n_turns += 1
        total += best
        for k in range(n_turns):
            j = turn[k]
            is_used[j] = False
            anywhere = _best_by_cell(first_limit, limits, mask, leaf, start, end, j, low[j], high[j], potential, fall)
            if anywhere >= best:
                continue
            worst = 0.0
            for cell in range(low[j], high[j] + 1):
                fall[cell] = best - max(fall[cell], anywhere)
                if alive[cell]:
                    loss[cell] += fall[cell]
                    worst = max(worst, fall[cell])
            if shares and worst > 0.0 and k + 1 < n_turns:
                _raise_leaves(first_limit, limits, mask, leaf, start, end, j, low[j], high[j], potential, fall, alive)
    return total
