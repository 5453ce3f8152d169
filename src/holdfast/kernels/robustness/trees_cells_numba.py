"""What one point may move to: its own cell of each column, and the value and price of every other cell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled
from holdfast.kernels.robustness.forest import Forest

# Sums of costs in different orders differ by less than this part of them.
ROUNDING = 1e-13


class Rules(NamedTuple):
    """What an attacker may do to the columns."""

    scale: NDArray[np.float64]
    """Shape ``(n_columns,)``: one unit of distance of a number, 0 where it may not move."""
    swap_cost: NDArray[np.float64]
    """Shape ``(n_columns,)``: distance that a change of a category counts, inf where it may not change."""
    is_whole: NDArray[np.bool_]
    """Shape ``(n_columns,)``."""
    allowed: NDArray[np.bool_]
    """Levels a category may change to, shape ``(n_columns, n_levels)``."""
    power: float
    """Costs are distances to this power: 2 for L2, else 1."""
    is_sum: bool
    """Whether the costs of the columns are added (L1, L2) or the largest counts (Linf)."""
    max_swaps: int
    """Largest number of categories that change."""


class Cells(NamedTuple):
    """Every cell of every column as seen from one point."""

    cost: NDArray[np.float64]
    """Shape ``(n_cells,)``; 0 for the cell of the point, inf where it may not go."""
    value: NDArray[np.float64]
    """The value in the cell that is closest to the point; for a category its lowest level that is allowed."""
    home: NDArray[np.int32]
    """Position of the point's cell in its column, shape ``(n_columns,)``; -1 where the cell is missing."""
    first: NDArray[np.int32]
    """Lowest cell in the column the point can reach."""
    last: NDArray[np.int32]
    """Highest cell it can reach."""
    start: NDArray[np.int64]
    """First cell of each column, shape ``(n_columns + 1,)``."""


def new_cells(forest: Forest) -> Cells:
    """Make room for the cells of a point."""
    n_cells, d = int(forest.first_cell[-1]), forest.is_category.size
    first, last, home = (np.zeros(d, dtype=np.int32) for _ in range(3))
    return Cells(np.zeros(n_cells), np.zeros(n_cells), home, first, last, forest.first_cell)


@compiled
def _see_numbers(
    cuts: NDArray[np.float64],
    x: float,
    home: int,
    rules: Rules,
    j: int,
    low: float,
    high: float,
    cells: Cells,
    at: int,
) -> None:
    for cell in range(home - 1, -1, -1):
        value = np.floor(cuts[cell]) if rules.is_whole[j] else cuts[cell]
        if value < low:
            break
        if cell == 0 or value > cuts[cell - 1]:
            cells.value[at + cell] = value
            cells.cost[at + cell] = ((x - value) / rules.scale[j]) ** rules.power
            cells.first[j] = cell
    for cell in range(home + 1, cuts.shape[0] + 1):
        value = np.floor(cuts[cell - 1]) + 1.0 if rules.is_whole[j] else np.nextafter(cuts[cell - 1], np.inf)
        if value > high:
            break
        if cell == cuts.shape[0] or value <= cuts[cell]:
            cells.value[at + cell] = value
            cells.cost[at + cell] = ((value - x) / rules.scale[j]) ** rules.power
            cells.last[j] = cell


@compiled
def see_cells(
    forest: Forest,
    rules: Rules,
    x: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    cells: Cells,
) -> None:
    """Write the cells as one point sees them; ``low`` and ``high`` are the valid range of each column."""
    for cell in range(cells.cost.shape[0]):
        cells.cost[cell] = np.inf
    for j in range(x.shape[0]):
        at = forest.first_cell[j]
        if np.isnan(x[j]) or (forest.is_category[j] and not 0 <= x[j] < forest.cell_of_level.shape[1]):
            cells.home[j] = -1
        elif forest.is_category[j]:
            home = forest.cell_of_level[j, int(x[j])]
            cells.home[j], cells.first[j], cells.last[j] = home, 0, forest.first_cell[j + 1] - at - 1
            for level in range(forest.cell_of_level.shape[1] - 1, -1, -1):
                if rules.allowed[j, level]:
                    cells.value[at + forest.cell_of_level[j, level]] = level
                    cells.cost[at + forest.cell_of_level[j, level]] = rules.swap_cost[j] ** rules.power
        else:
            cuts = forest.cuts[forest.first_cut[j] : forest.first_cut[j + 1]]
            home = np.searchsorted(cuts, x[j])
            cells.home[j] = cells.first[j] = cells.last[j] = home
            if rules.scale[j] > 0:
                _see_numbers(cuts, x[j], home, rules, j, min(low[j], x[j]), max(high[j], x[j]), cells, at)
        if cells.home[j] >= 0:
            cells.cost[at + cells.home[j]] = 0.0
            cells.value[at + cells.home[j]] = x[j]
