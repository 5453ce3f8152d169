"""The closest flip of each point: boxes grow until one holds a flip, then shrink until none can be closer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled, entrance
from holdfast.kernels.robustness.forest import Forest
from holdfast.kernels.robustness.trees_bound_numba import Desk, Parts
from holdfast.kernels.robustness.trees_box_numba import MOST_WORK, N_COLUMNS, WORK, Box, fill_box
from holdfast.kernels.robustness.trees_cells_numba import ROUNDING, Cells, Rules, see_cells
from holdfast.kernels.robustness.trees_climb_numba import spent
from holdfast.kernels.robustness.trees_search_numba import FOUND, OPEN, REFUTED, decide

FIRST_CELLS = 12
LEAP, STEP = 4.0, 1.5
GLANCE = 24
CLOSE = 1.1
NEAR = 1.01


class Answers(NamedTuple):
    """Results by point."""

    point: NDArray[np.float64]
    cost: NDArray[np.float64]
    """Of the flip found, inf without one."""
    lower: NDArray[np.float64]
    """No flip costs less."""
    n_parts: NDArray[np.int64]
    """Parts of boxes looked at."""
    work: NDArray[np.int64]


class Effort(NamedTuple):
    """What counts as a flip, how far to look and how hard."""

    max_cost: float
    slack: float
    """The other class must win by more than this."""
    max_parts: int
    """For each point."""
    max_work: int
    """For each point: steps down a tree, or what takes as long."""


class Table(NamedTuple):
    """The buffers of one search."""

    cells: Cells
    box: Box
    parts: Parts
    desk: Desk
    best: NDArray[np.int32]
    """The cells of the best flip, one of each column of the table."""
    margins: NDArray[np.float64]
    """By class."""
    nearest: NDArray[np.float64]
    """The least costs of all cells, shape ``(FIRST_CELLS,)``."""


@compiled
def _stay(cells: Cells, best: NDArray[np.int32]) -> None:
    for j in range(best.shape[0]):
        best[j] = cells.home[j]


@compiled
def _add_margins(forest: Forest, cell: NDArray[np.int32], y: int, margins: NDArray[np.float64]) -> None:
    """Write the score of every class less that of ``y`` for a row of cells."""
    for k in range(margins.shape[0]):
        margins[k] = forest.base[k]
    for root in forest.roots:
        node = root
        while forest.column[node] >= 0:
            j, cut = forest.column[node], forest.cut[node]
            if cell[j] < 0:
                goes_left = forest.missing_left[node]
            else:
                goes_left = forest.sets[cut, cell[j]] if forest.is_category[j] else cell[j] <= cut
            node = forest.left[node] if goes_left else forest.right[node]
        for k in range(margins.shape[0]):
            margins[k] += forest.value[node, k]
    own = margins[y]
    for k in range(margins.shape[0]):
        margins[k] -= own


@compiled
def _most_likely(margins: NDArray[np.float64], y: int) -> int:
    """Return the class other than ``y`` with the largest margin."""
    target = 1 if y == 0 else 0
    for k in range(margins.shape[0]):
        if k != y and margins[k] > margins[target]:
            target = k
    return target


@compiled
def _first_caps(cells: Cells, rules: Rules, nearest: NDArray[np.float64]) -> tuple[float, float]:
    """Return the cost that buys a first few cells and the cost that buys all there are."""
    top = 0.0
    for p in range(FIRST_CELLS):
        nearest[p] = np.inf
    for j in range(cells.home.shape[0]):
        most = 0.0
        for c in range(cells.start[j], cells.start[j + 1]):
            cost = cells.cost[c]
            if 0.0 < cost < np.inf:
                most = max(most, cost)
                p = FIRST_CELLS
                while p > 0 and nearest[p - 1] > cost:
                    if p < FIRST_CELLS:
                        nearest[p] = nearest[p - 1]
                    p -= 1
                if p < FIRST_CELLS:
                    nearest[p] = cost
        top = top + most if rules.is_sum else max(top, most)
    return min(nearest[FIRST_CELLS - 1], top), top


@compiled
def _below(cost: float, rules: Rules) -> float:
    """Return the largest cost that is less, beyond the rounding of sums."""
    return float(np.nextafter(cost * (1.0 - 4.0 * ROUNDING) if rules.is_sum else cost, -1.0))


@compiled
def _keep(table: Table, rules: Rules) -> float:
    """Make the cells picked on the desk the best flip; return their cost."""
    box = table.box
    _stay(table.cells, table.best)
    for j in range(box.size[N_COLUMNS]):
        column = box.column[j]
        table.best[column] = box.cell[table.desk.pick[j]] - table.cells.start[column]
    return spent(box, rules, table.desk.pick)[0]


@compiled
def _close_in(
    rules: Rules, limit: float, refuted: float, cost: float, cutoff: float, budget: int, table: Table
) -> tuple[float, float, int]:
    """Bring the flip found and the cost below which there is none together, inside the box as it is."""
    used, verdict = 0, OPEN
    can_halve, is_ceiling_open, undecided = True, cost == np.inf, limit
    while True:
        if verdict == FOUND:
            cost = _keep(table, rules)
            limit = _below(cost, rules)
            undecided, is_ceiling_open = min(undecided, limit), False
        if limit <= refuted or cost == 0.0:
            return cost, cost, used
        if can_halve and limit > CLOSE * refuted:
            cap, share = np.sqrt(limit * refuted) if refuted > 0.0 else 0.5 * limit, GLANCE
        elif not is_ceiling_open:
            cap, share = limit, (budget - used) // 2 + 1
        elif undecided > NEAR * refuted:
            cap, share = 0.5 * (undecided + max(refuted, 0.0)), (budget - used) // 3 + 1
        else:
            return cost, refuted, used
        share = min(share, budget - used)
        if share <= 0:
            return cost, refuted, used
        verdict, n = decide(table.box, rules, cap, cutoff, share, table.parts, table.desk)
        used += n
        if verdict == REFUTED:
            refuted = cap
        elif verdict == OPEN:
            is_ceiling_open = is_ceiling_open or cap == limit
            undecided, can_halve = min(undecided, cap), False


@compiled
def _attack_class(
    forest: Forest,
    rules: Rules,
    classes: tuple[int, int],
    limit: float,
    cutoff: float,
    budget: int,
    table: Table,
) -> tuple[float, float, int]:
    """Find the cheapest cells of cost up to ``limit`` where the second class beats the first by the cutoff.

    Returns their cost, a cost below which there are none (inf where none are within the limit), and the number of
    parts looked at: -1 where the buffers were too small.
    """
    box, cost, refuted, used, growth = table.box, np.inf, -1.0, int(np.int64(0)), LEAP
    cap, top = _first_caps(table.cells, rules, table.nearest)
    limit = min(limit, top)
    while True:
        cap = min(cap, limit)
        if not fill_box(forest, table.cells, cap, rules.max_swaps, classes[0], classes[1], box):
            return np.inf, refuted, -1
        share = min(GLANCE if cap < limit or cost < np.inf else (budget - used) // 2, budget - used)
        verdict, n = decide(box, rules, cap, cutoff, share, table.parts, table.desk)
        used += n
        if verdict == FOUND:
            cost = _keep(table, rules)
            limit = _below(cost, rules)
        refuted = cap if verdict == REFUTED else refuted
        if limit <= refuted or cost == 0.0:
            return cost, cost, used
        if verdict == FOUND and (growth == STEP or refuted <= 0.0):
            break
        if verdict == OPEN and (cap >= limit or cost < np.inf):
            break
        # Leaps are cheap where there is no flip; where there is one, steps from below come close to it.
        growth = STEP if verdict == FOUND else growth
        cap = limit if verdict == OPEN else max(refuted, 0.0) * growth
    if cap < limit and not fill_box(forest, table.cells, limit, rules.max_swaps, classes[0], classes[1], box):
        return np.inf, refuted, -1
    cost, refuted, more = _close_in(rules, limit, refuted, cost, cutoff, budget - used, table)
    return cost, refuted, used + more


@compiled
def _put_back(
    forest: Forest,
    home: NDArray[np.int32],
    best: NDArray[np.int32],
    classes: tuple[int, int],
    cutoff: float,
    margins: NDArray[np.float64],
) -> None:
    """Give back every column that the flip does not need."""
    for j in range(home.shape[0]):
        moved = best[j]
        if moved != home[j]:
            best[j] = home[j]
            _add_margins(forest, best, classes[0], margins)
            if margins[classes[1]] <= cutoff:
                best[j] = moved


@entrance
def attack_points(
    forest: Forest,
    rules: Rules,
    X: NDArray[np.float64],
    y: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    effort: Effort,
    start: int,
    table: Table,
    answers: Answers,
) -> int:
    """Attack points from number ``start`` on; return the number of the first for which the buffers were too small."""
    cells, margins = table.cells, table.margins
    for i in range(start, X.shape[0]):
        table.box.size[WORK], table.box.size[MOST_WORK] = 0, effort.max_work
        see_cells(forest, rules, X[i], low[i], high[i], cells)
        _stay(cells, table.best)
        _add_margins(forest, cells.home, y[i], margins)
        cost, lower, n_parts, flipped_to = np.inf, np.inf, int(np.int64(0)), int(np.int64(-1))
        for _ in range(margins.shape[0] - 1):
            target = _most_likely(margins, y[i])
            cutoff = effort.slack + (forest.rounding if target > y[i] else -forest.rounding)
            if margins[target] > cutoff:
                cost, lower, flipped_to = 0.0, 0.0, int(np.int64(-1))
                _stay(cells, table.best)
                break
            margins[target] = -np.inf
            limit = min(effort.max_cost, _below(cost, rules)) if cost < np.inf else effort.max_cost
            found, below, used = _attack_class(
                forest, rules, (y[i], target), limit, cutoff, effort.max_parts - n_parts, table
            )
            if used < 0:
                return i
            n_parts += used
            lower = min(lower, below)
            if found < cost:
                cost, flipped_to = found, target
        if flipped_to >= 0:
            cutoff = effort.slack + (forest.rounding if flipped_to > y[i] else -forest.rounding)
            _put_back(forest, cells.home, table.best, (y[i], flipped_to), cutoff, margins)
        for j in range(X.shape[1]):
            moved = table.best[j] != cells.home[j]
            answers.point[i, j] = cells.value[forest.first_cell[j] + table.best[j]] if moved else X[i, j]
        answers.cost[i], answers.n_parts[i] = cost, n_parts
        answers.work[i] = table.box.size[WORK]
        answers.lower[i] = min(lower, cost if cost < np.inf else effort.max_cost)
    return len(X)
