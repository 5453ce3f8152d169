"""The score of one choice of cells in a part of a box, and the climb to a better one column by column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled, inlined
from holdfast.kernels.robustness.trees_bound_numba import Parts, limit_in
from holdfast.kernels.robustness.trees_box_numba import COLUMN, HIGH, LOW, N_COLUMNS, Box, holds
from holdfast.kernels.robustness.trees_cells_numba import ROUNDING, Rules


@inlined
def _fits(
    first_limit: NDArray[np.int32],
    limits: NDArray[np.int32],
    mask: NDArray[np.bool_],
    leaf: int,
    pick: NDArray[np.int64],
    but: int,
) -> bool:
    """Tell whether the cells picked lie in a leaf, whatever the cell of column ``but``."""
    for i in range(first_limit[leaf], first_limit[leaf + 1]):
        j = limits[i, COLUMN]
        if j != but and not holds(limits, mask, i, pick[j]):
            return False
    return True


@inlined
def score_of(box: Box, parts: Parts, t: int, pick: NDArray[np.int64]) -> float:
    """Return the score of the cells picked, one of each column, inside part ``t``."""
    total = float(parts.base[t])
    for j in range(box.size[N_COLUMNS]):
        total += box.gain[pick[j]]
    value, first_limit, limits, mask = box.value, box.first_limit, box.limits, box.mask
    leaf, first_leaf, nowhere = parts.leaf[t], parts.first_leaf[t], int(np.int64(-1))
    for tree in range(parts.n_trees[t]):
        for at in range(first_leaf[tree], first_leaf[tree + 1]):
            if _fits(first_limit, limits, mask, leaf[at], pick, nowhere):
                total += value[leaf[at]]
                break
    return total


@inlined
def spent(box: Box, rules: Rules, pick: NDArray[np.int64]) -> tuple[float, int]:
    """Return the cost of the cells picked and how many categories they change."""
    cost, swaps = 0.0, 0
    for j in range(box.size[N_COLUMNS]):
        own = box.cost[pick[j]]
        cost = cost + own if rules.is_sum else max(cost, own)
        if box.is_category[j] and pick[j] != box.home[j]:
            swaps += 1
    return cost, swaps


@inlined
def _score_row(box: Box, parts: Parts, t: int, column: int, pick: NDArray[np.int64], row: NDArray[np.float64]) -> None:
    """Write, for each cell of a column, the sum of the trees that depend on it, the other columns as picked."""
    value, first_limit, limits, mask = box.value, box.first_limit, box.limits, box.mask
    leaf, first_leaf = parts.leaf[t], parts.first_leaf[t]
    low, high = parts.low[t, column], parts.high[t, column]
    for cell in range(low, high + 1):
        row[cell] = box.gain[cell]
    for tree in range(parts.n_trees[t]):
        for at in range(first_leaf[tree], first_leaf[tree + 1]):
            if not _fits(first_limit, limits, mask, leaf[at], pick, column):
                continue
            i = limit_in(first_limit, limits, leaf[at], column)
            if i < 0:
                break
            for cell in range(max(low, limits[i, LOW]), min(high, limits[i, HIGH]) + 1):
                if holds(limits, mask, i, cell):
                    row[cell] += value[leaf[at]]


@compiled
def climb(
    box: Box, rules: Rules, cap: float, parts: Parts, t: int, pick: NDArray[np.int64], row: NDArray[np.float64]
) -> float:
    """Move one column after the other to its best cell, at a cost up to ``cap``, until none improves the score."""
    score, since, j, n_columns = score_of(box, parts, t, pick), 0, int(np.int64(0)), box.size[N_COLUMNS]
    while since < n_columns:
        low, high = parts.low[t, j], parts.high[t, j]
        if low < high:
            _score_row(box, parts, t, j, pick, row)
            cost, swaps = spent(box, rules, pick)
            room = cap * (1.0 - ROUNDING) - cost + box.cost[pick[j]] if rules.is_sum else cap
            can_swap = not box.is_category[j] or pick[j] != box.home[j] or swaps < rules.max_swaps
            best, top = pick[j], row[pick[j]] + 1e-12
            for cell in range(low, high + 1):
                allowed = parts.alive[t, cell] and box.cost[cell] <= room and (can_swap or cell == box.home[j])
                if allowed and row[cell] > top:
                    best, top = cell, row[cell]
            if best != pick[j]:
                score += row[best] - row[pick[j]]
                pick[j] = best
                since = 0
        since += 1
        j = (j + 1) % n_columns
    return score_of(box, parts, t, pick)
