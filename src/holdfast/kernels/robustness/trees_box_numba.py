"""The part of a forest that a point can reach at some cost: few cells of few columns, few leaves of few trees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled, inlined
from holdfast.kernels.robustness.forest import Forest
from holdfast.kernels.robustness.trees_cells_numba import Cells

N_COLUMNS, N_CELLS, N_TREES, N_LEAVES, N_LIMITS, N_MASKS, WORK, MOST_WORK = range(8)
COLUMN, LOW, HIGH, MASK = range(4)


class Box(NamedTuple):
    """Buffers of a box; ``size`` says how much of each is in use.

    Cells are numbered through, column after column. A *limit* says to which cells of one column a leaf belongs; a
    leaf has one for each column in which it does not span the whole box.
    """

    size: NDArray[np.int64]
    """Numbers of columns that can move, their cells, trees with several leaves, leaves, limits and mask cells; the work
    done for a point, and the most that may be done."""
    column: NDArray[np.int32]
    """Column of the table."""
    first_cell: NDArray[np.int32]
    home: NDArray[np.int32]
    """The cell of the point in each column."""
    is_category: NDArray[np.bool_]
    cell: NDArray[np.int32]
    """Cell of the forest."""
    cost: NDArray[np.float64]
    gain: NDArray[np.float64]
    """Sum, for each cell, of the trees that depend on its column alone."""
    base: NDArray[np.float64]
    """Sum of the trees that do not depend on anything that can move, shape ``(1,)``."""
    first_leaf: NDArray[np.int32]
    """Of each tree."""
    value: NDArray[np.float64]
    first_limit: NDArray[np.int32]
    """Of each leaf."""
    limits: NDArray[np.int32]
    """Column, first cell, last cell and, for a category, the place in ``mask`` that cell 0 of the box would have, -1
    for a number; shape ``(n_limits, 4)``."""
    mask: NDArray[np.bool_]
    span: NDArray[np.int32]
    """Lowest and highest cell in reach of each column of the table and its number in the box, -1 where it cannot move;
    shape ``(3, n_columns)``."""
    trail: NDArray[np.int32]
    """Working space of a walk down a tree, shape ``(5, depth)``."""
    merged: NDArray[np.int32]
    """By cell: the cell that took it in, where cells that no leaf tells apart were made one."""


def new_box(forest: Forest, n_leaves: int, n_limits: int, n_masks: int) -> Box:
    """Make room for a box."""
    d, n_cells, n_trees = forest.is_category.size, int(forest.first_cell[-1]), forest.roots.size
    i4, f8 = np.int32, np.float64
    return Box(
        np.zeros(8, dtype=np.int64),
        np.zeros(d, dtype=i4),
        np.zeros(d + 1, dtype=i4),
        np.zeros(d, dtype=i4),
        np.zeros(d, dtype=np.bool_),
        np.zeros(n_cells, dtype=i4),
        np.zeros(n_cells, dtype=f8),
        np.zeros(n_cells, dtype=f8),
        np.zeros(1, dtype=f8),
        np.zeros(n_trees + 1, dtype=i4),
        np.zeros(n_leaves + 1, dtype=f8),
        np.zeros(n_leaves + 2, dtype=i4),
        np.zeros((n_limits, 4), dtype=i4),
        np.zeros(n_masks, dtype=np.bool_),
        np.zeros((3, d), dtype=i4),
        np.zeros((5, forest.depth + 2), dtype=i4),
        np.zeros(n_cells, dtype=i4),
    )


@compiled
def _find_columns(forest: Forest, cells: Cells, cap: float, box: Box) -> None:
    low, high, own = box.span[0], box.span[1], box.span[2]
    n_columns = n_cells = 0
    for j in range(own.shape[0]):
        home = low[j] = high[j] = cells.home[j]
        own[j] = -1
        if home < 0:
            continue
        at = forest.first_cell[j]
        for cell in range(home - 1, cells.first[j] - 1, -1):
            if cells.cost[at + cell] <= cap:
                low[j] = cell
            elif cells.cost[at + cell] < np.inf:
                break
        for cell in range(home + 1, cells.last[j] + 1):
            if cells.cost[at + cell] <= cap:
                high[j] = cell
            elif cells.cost[at + cell] < np.inf:
                break
        if low[j] == high[j]:
            continue
        if forest.is_category[j]:
            low[j], high[j] = 0, forest.first_cell[j + 1] - at - 1
        own[j], box.column[n_columns], box.is_category[n_columns] = n_columns, j, forest.is_category[j]
        box.first_cell[n_columns], box.home[n_columns] = n_cells, n_cells + home - low[j]
        for cell in range(at + low[j], at + high[j] + 1):
            box.cell[n_cells], box.cost[n_cells], box.gain[n_cells] = cell, cells.cost[cell], 0.0
            n_cells += 1
        n_columns += 1
    box.first_cell[n_columns] = n_cells
    box.size[N_COLUMNS], box.size[N_CELLS] = n_columns, n_cells


@inlined
def holds(limits: NDArray[np.int32], mask: NDArray[np.bool_], limit: int, cell: int) -> bool:
    """Tell whether a cell of the limit's column belongs to the leaf."""
    return bool(
        limits[limit, LOW] <= cell <= limits[limit, HIGH]
        and (limits[limit, MASK] < 0 or mask[limits[limit, MASK] + cell])
    )


@inlined
def _close_tree(box: Box, start: int) -> None:
    """End a tree: one leaf goes into the base, leaves limited in the same one column go into its gains."""
    end, limit = box.size[N_LEAVES], box.first_limit[start]
    if end == start + 1:
        box.base[0] += box.value[start]
        box.size[N_LEAVES], box.size[N_LIMITS] = start, limit
        return
    column = box.limits[limit, COLUMN]
    for leaf in range(start, end):
        i = box.first_limit[leaf]
        if box.first_limit[leaf + 1] != i + 1 or box.limits[i, COLUMN] != column:
            box.size[N_TREES] += 1
            box.first_leaf[box.size[N_TREES]] = end
            return
    for leaf in range(start, end):
        i = box.first_limit[leaf]
        for cell in range(box.limits[i, LOW], box.limits[i, HIGH] + 1):
            if holds(box.limits, box.mask, i, cell):
                box.gain[cell] += box.value[leaf]
    box.size[N_LEAVES], box.size[N_LIMITS] = start, limit


@inlined
def _add_leaf(forest: Forest, value: float, n_branches: int, box: Box) -> bool:
    """Write a leaf and its limits, unless its path contradicts itself; False where there is no room."""
    leaf, start, end, n_masks = box.size[N_LEAVES], box.size[N_LIMITS], box.size[N_LIMITS], box.size[N_MASKS]
    low, own, branch, went_right = box.span[0], box.span[2], box.trail[2], box.trail[3]
    if leaf + 1 >= box.value.shape[0] or end + n_branches > box.limits.shape[0]:
        return False
    for p in range(n_branches):
        table_column, cut = forest.column[branch[p]], forest.cut[branch[p]]
        j = own[table_column]
        first, n_cells = box.first_cell[j], box.first_cell[j + 1] - box.first_cell[j]
        i = start
        while i < end and box.limits[i, COLUMN] != j:
            i += 1
        if i == end:
            end += 1
            box.limits[i, COLUMN], box.limits[i, LOW], box.limits[i, HIGH] = j, first, first + n_cells - 1
            box.limits[i, MASK] = -1
            if box.is_category[j]:
                if n_masks + n_cells > box.mask.shape[0]:
                    return False
                box.limits[i, MASK] = n_masks - first
                for at in range(n_masks, n_masks + n_cells):
                    box.mask[at] = True
                n_masks += n_cells
        if box.is_category[j]:
            is_empty = True
            for cell in range(n_cells):
                at = box.limits[i, MASK] + first + cell
                box.mask[at] = box.mask[at] and forest.sets[cut, cell] != (went_right[p] == 1)
                is_empty = is_empty and not box.mask[at]
            if is_empty:
                return True
        elif went_right[p] == 1:
            box.limits[i, LOW] = max(box.limits[i, LOW], first + cut + 1 - low[table_column])
        else:
            box.limits[i, HIGH] = min(box.limits[i, HIGH], first + cut - low[table_column])
        if box.limits[i, LOW] > box.limits[i, HIGH]:
            return True
    box.value[leaf] = value
    box.first_limit[leaf + 1] = end
    box.size[N_LEAVES], box.size[N_LIMITS], box.size[N_MASKS] = leaf + 1, end, n_masks
    return True


@inlined
def _is_away(forest: Forest, cells: Cells, node: int, went_right: int) -> bool:
    """Tell whether a branch leads to where the category of the point must have changed."""
    j = forest.column[node]
    return bool(forest.is_category[j] and forest.sets[forest.cut[node], cells.home[j]] == (went_right == 1))


@inlined
def _swaps_on_way(forest: Forest, cells: Cells, n_branches: int, box: Box) -> int:
    """Write and return how many categories must have changed to come past the last branch."""
    branch, went_right, swaps = box.trail[2], box.trail[3], box.trail[4]
    last = n_branches - 1
    known = swaps[last - 1] if last > 0 else 0
    if _is_away(forest, cells, branch[last], went_right[last]):
        is_new = True
        for p in range(last):
            same = forest.column[branch[p]] == forest.column[branch[last]]
            is_new = is_new and not (same and _is_away(forest, cells, branch[p], went_right[p]))
        known += int(is_new)
    swaps[last] = known
    return int(known)


@compiled
def _merge_cells(box: Box) -> None:
    """Make numeric cells that no leaf tells apart one, with the price of the cheapest."""
    merged, limits, n_cells, n = box.merged, box.limits, box.size[N_CELLS], 0
    for cell in range(n_cells):
        merged[cell] = 0
    for i in range(box.size[N_LIMITS]):
        merged[limits[i, LOW]] = 1
        if limits[i, HIGH] + 1 < n_cells:
            merged[limits[i, HIGH] + 1] = 1
    for j in range(box.size[N_COLUMNS]):
        start, first = box.first_cell[j], n
        for cell in range(start, box.first_cell[j + 1]):
            is_first = cell == start or box.is_category[j] or merged[cell] == 1
            if is_first or box.gain[cell] != box.gain[cell - 1]:
                box.cell[n], box.cost[n], box.gain[n] = box.cell[cell], box.cost[cell], box.gain[cell]
                n += 1
            elif box.cost[cell] < box.cost[n - 1]:
                box.cell[n - 1], box.cost[n - 1] = box.cell[cell], box.cost[cell]
            merged[cell] = n - 1
        box.first_cell[j], box.home[j] = first, merged[box.home[j]]
    box.first_cell[box.size[N_COLUMNS]] = box.size[N_CELLS] = n
    for i in range(box.size[N_LIMITS]):
        low = limits[i, LOW]
        if limits[i, MASK] >= 0:
            limits[i, MASK] += low - merged[low]
        limits[i, LOW], limits[i, HIGH] = merged[low], merged[limits[i, HIGH]]


@compiled
def fill_box(forest: Forest, cells: Cells, cap: float, max_swaps: int, y: int, target: int, box: Box) -> bool:
    """Fill the box of all cells of cost up to ``cap``; scores are those of ``target`` less those of ``y``.

    Leaves that take more changes of categories than ``max_swaps`` are left out. Returns False where the buffers are
    too small.
    """
    _find_columns(forest, cells, cap, box)
    low, high, own = box.span[0], box.span[1], box.span[2]
    pending, depth, branch, went_right = box.trail[0], box.trail[1], box.trail[2], box.trail[3]
    box.size[N_TREES] = box.size[N_LEAVES] = box.size[N_LIMITS] = 0
    box.size[N_MASKS] = box.size[N_CELLS]
    box.base[0] = forest.base[target] - forest.base[y]
    for root in forest.roots:
        n_pending, start = 1, box.size[N_LEAVES]
        pending[0], depth[0] = root, 0
        while n_pending > 0:
            n_pending -= 1
            node, n_branches = pending[n_pending], depth[n_pending]
            if n_branches > 0:
                went_right[n_branches - 1] = 1
                if _swaps_on_way(forest, cells, n_branches, box) > max_swaps:
                    continue
            is_allowed = True
            box.size[WORK] += 1
            while forest.column[node] >= 0:
                j, cut, home = forest.column[node], forest.cut[node], cells.home[forest.column[node]]
                if home < 0:
                    goes_left = forest.missing_left[node]
                elif own[j] < 0:
                    goes_left = forest.sets[cut, home] if forest.is_category[j] else home <= cut
                elif forest.is_category[j] or low[j] <= cut < high[j]:
                    branch[n_branches], went_right[n_branches] = node, 0
                    n_branches += 1
                    pending[n_pending], depth[n_pending] = forest.right[node], n_branches
                    n_pending += 1
                    goes_left = True
                    if _swaps_on_way(forest, cells, n_branches, box) > max_swaps:
                        is_allowed = False
                        break
                else:
                    goes_left = high[j] <= cut
                node = forest.left[node] if goes_left else forest.right[node]
            if not is_allowed:
                continue
            value = forest.value[node, target] - forest.value[node, y]
            if not _add_leaf(forest, value, n_branches, box):
                return False
        _close_tree(box, start)
    _merge_cells(box)
    return True
