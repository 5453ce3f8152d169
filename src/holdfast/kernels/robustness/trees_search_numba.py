"""Decide whether a score above a cutoff can be had inside a box: a search over its parts that drops cells and parts
whose bound stays below."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.compiled_numba import compiled
from holdfast.kernels.robustness.trees_bound_numba import Desk, Parts, add_losses, drop_leaves, open_part, swaps_forced
from holdfast.kernels.robustness.trees_box_numba import MOST_WORK, N_CELLS, N_COLUMNS, WORK, Box
from holdfast.kernels.robustness.trees_cells_numba import ROUNDING, Rules
from holdfast.kernels.robustness.trees_climb_numba import climb, score_of, spent

REFUTED, FOUND, OPEN = 0, 1, 2
ROUNDS = 4
PRICE_STEPS = 8
# Visits of a leaf and of a cell, as parts of the time that one step down a tree takes.
LEAF_WORK, CELLS_PER_WORK = 2, 8
# With this little room left on the stack, parts are halved.
SPARE = 64


@compiled
def _mend(box: Box, rules: Rules, cap: float, parts: Parts, t: int, desk: Desk) -> bool:
    """Make the cells picked affordable, giving up what brings the least score per cost."""
    if not rules.is_sum:
        return True
    cost, _ = spent(box, rules, desk.pick)
    while cost > cap:
        least, column, to = np.inf, -1, -1
        for j in range(box.size[N_COLUMNS]):
            for cell in range(parts.low[t, j], parts.high[t, j] + 1):
                saved = box.cost[desk.pick[j]] - box.cost[cell]
                if parts.alive[t, cell] and saved > 0.0:
                    ratio = (desk.loss[cell] - desk.loss[desk.pick[j]]) / saved
                    if ratio < least:
                        least, column, to = ratio, j, cell
        if column < 0:
            return False
        desk.pick[column] = to
        cost, _ = spent(box, rules, desk.pick)
    return True


@compiled
def _choose_swap(box: Box, max_swaps: int, parts: Parts, t: int, desk: Desk) -> tuple[int, bool]:
    """Choose the category whose change would lose least, where not all that may change can change; -1 without one."""
    column, stays_first, least, alive, n_open = -1, True, np.inf, parts.alive[t], 0
    for j in range(box.size[N_COLUMNS]):
        if box.is_category[j] and alive[box.home[j]] and parts.low[t, j] < parts.high[t, j]:
            n_open += 1
            away = np.inf
            for cell in range(parts.low[t, j], parts.high[t, j] + 1):
                if alive[cell] and cell != box.home[j]:
                    away = min(away, desk.loss[cell])
            if away - desk.loss[box.home[j]] < least:
                least, column, stays_first = away - desk.loss[box.home[j]], j, away >= desk.loss[box.home[j]]
    if n_open <= max_swaps - swaps_forced(box, alive):
        return -1, True
    return column, stays_first


@compiled
def _halve(box: Box, parts: Parts, t: int) -> tuple[int, int, bool]:
    """Choose the column with the most cells and its middle, so that few parts lie on the stack; -1 without one."""
    column, most = -1, 0
    for j in range(box.size[N_COLUMNS]):
        if parts.high[t, j] - parts.low[t, j] > most:
            column, most = j, parts.high[t, j] - parts.low[t, j]
    return column, (parts.low[t, column] + parts.high[t, column] + 1) // 2 if column >= 0 else -1, True


@compiled
def _choose_split(box: Box, max_swaps: int, parts: Parts, t: int, desk: Desk) -> tuple[int, int, bool]:
    """Choose the column and the first cell of its right part where the losses of the two sides differ most, weighted
    by the number of cells on the worse side; -1 where every column has one cell.

    Where not all categories that may change can change, it is first settled whether one does: the cell is then -1.
    """
    column, left_first = _choose_swap(box, max_swaps, parts, t, desk)
    if column >= 0:
        return column, -1, left_first
    column, at, left_first, top = -1, -1, True, -1.0
    if t >= parts.base.shape[0] - SPARE:
        return _halve(box, parts, t)
    for j in range(box.size[N_COLUMNS]):
        low, high = parts.low[t, j], parts.high[t, j]
        running = np.inf
        for cell in range(low, high + 1):
            if parts.alive[t, cell]:
                running = min(running, desk.loss[cell])
            desk.row[cell] = running
        running, n = np.inf, 0
        for cell in range(high, low, -1):
            if parts.alive[t, cell]:
                running = min(running, desk.loss[cell])
                n += 1
            left = desk.row[cell - 1]
            if n == 0 or left == np.inf:
                continue
            worse = n if running > left else high - low + 1 - n
            score = (abs(running - left) + 1e-3) * worse
            if score > top:
                column, at, left_first, top = j, cell, left <= running, score
    return column, at, left_first


@compiled
def _judge_alone(box: Box, cutoff: float, parts: Parts, t: int, desk: Desk) -> int:
    """Drop cells by the whole loss of their column alone; rank the columns by how much conflict they hold.

    Returns the number of cells dropped, -1 where nothing can remain.
    """
    bound, n_columns = add_losses(box, parts, t, desk, bool(np.bool_(False))), box.size[N_COLUMNS]
    for j in range(n_columns):
        desk.least[j] = desk.rest[j] = np.inf
        for cell in range(parts.low[t, j], parts.high[t, j] + 1):
            if parts.alive[t, cell]:
                desk.least[j] = min(desk.least[j], desk.loss[cell])
                desk.rest[j] = min(desk.rest[j], -box.gain[cell])
        bound -= desk.rest[j]
    dropped = 0
    for j in range(n_columns):
        if bound + desk.rest[j] - desk.least[j] <= cutoff:
            return -1
        for cell in range(parts.low[t, j], parts.high[t, j] + 1):
            if parts.alive[t, cell] and bound + desk.rest[j] - desk.loss[cell] <= cutoff:
                parts.alive[t, cell] = False
                dropped += 1
    for j in range(n_columns):
        desk.rank[j] = 0
        for i in range(n_columns):
            more = (desk.least[i] - desk.rest[i]) - (desk.least[j] - desk.rest[j])
            desk.rank[j] += more > 0 or (more == 0 and i < j)
    return dropped


@compiled
def _pick_cells(box: Box, rules: Rules, price: float, parts: Parts, t: int, desk: Desk) -> float:
    """Pick the cell of least loss in each column, with at most the swaps allowed; return the best swap given up."""
    swaps, spare = 0, 0.0
    for j in range(box.size[N_COLUMNS]):
        desk.least[j] = np.inf
        for cell in range(parts.low[t, j], parts.high[t, j] + 1):
            loss = desk.loss[cell] + price * box.cost[cell]
            if parts.alive[t, cell] and loss < desk.least[j]:
                desk.least[j], desk.pick[j] = loss, cell
        swaps += box.is_category[j] and desk.pick[j] != box.home[j]
    while swaps > rules.max_swaps:
        least, column = np.inf, -1
        for j in range(box.size[N_COLUMNS]):
            home = box.home[j]
            stays = parts.low[t, j] <= home <= parts.high[t, j] and parts.alive[t, home]
            if box.is_category[j] and desk.pick[j] != home and stays:
                benefit = desk.loss[box.home[j]] - desk.least[j]
                if benefit < least:
                    least, column = benefit, j
        if column < 0:
            desk.least[0] = np.inf
            return np.inf
        spare = max(spare, least)
        desk.pick[column], desk.least[column] = box.home[column], desk.loss[box.home[column]]
        swaps -= 1
    return spare


@compiled
def _find_price(box: Box, rules: Rules, cap: float, best: float, parts: Parts, t: int, desk: Desk) -> float:
    """Find what a unit of cost should cost in score, so that the bound with ``price * (cap - cost)`` added is least."""
    low = high = 0.0
    best_price, least_bound = 0.0, np.inf
    price = 0.0
    for _ in range(PRICE_STEPS):
        _pick_cells(box, rules, price, parts, t, desk)
        bound, cost = best + price * cap, 0.0
        for j in range(box.size[N_COLUMNS]):
            bound -= desk.least[j]
            cost += box.cost[desk.pick[j]]
        if bound < least_bound:
            best_price, least_bound = price, bound
        if cost <= cap:
            if price == 0.0:
                return price
            high = price
        else:
            low = price
        if high == 0.0:
            price = 4.0 * low if low > 0.0 else max(bound, 1e-3) / max(cap, 1e-12)
        else:
            price = 0.5 * (low + high)
    return best_price


@compiled
def _judge_together(box: Box, rules: Rules, cap: float, cutoff: float, parts: Parts, t: int, desk: Desk) -> int:
    """Drop cells by the shared losses of all columns and pick the best cell of each."""
    best = add_losses(box, parts, t, desk, bool(np.bool_(True)))
    price, bound, spare = 0.0, best, 0.0
    if rules.is_sum:
        price = _find_price(box, rules, cap, best, parts, t, desk)
    spare = _pick_cells(box, rules, price, parts, t, desk)
    bound = best + price * cap
    for j in range(box.size[N_COLUMNS]):
        bound -= desk.least[j]
    if not bound > cutoff:
        return -1
    dropped = 0
    for j in range(box.size[N_COLUMNS]):
        room = bound + desk.least[j] - cutoff
        for cell in range(parts.low[t, j], parts.high[t, j] + 1):
            # A category that keeps its value leaves its swap to another column.
            extra = spare if box.is_category[j] and cell == box.home[j] else 0.0
            if parts.alive[t, cell] and room + extra <= desk.loss[cell] + price * box.cost[cell]:
                parts.alive[t, cell] = False
                dropped += 1
    return dropped


@compiled
def _cheapest(box: Box, parts: Parts, t: int, column: int) -> float:
    least = np.inf
    for cell in range(parts.low[t, column], parts.high[t, column] + 1):
        if parts.alive[t, cell]:
            least = min(least, box.cost[cell])
    return least


@compiled
def _drop_dear(box: Box, cap: float, parts: Parts, t: int) -> bool:
    """Drop the cells that cost too much beside the cheapest of the other columns."""
    total = 0.0
    for j in range(box.size[N_COLUMNS]):
        total += _cheapest(box, parts, t, j)
    for j in range(box.size[N_COLUMNS]):
        room = cap - total + _cheapest(box, parts, t, j)
        for cell in range(parts.low[t, j], parts.high[t, j] + 1):
            if box.cost[cell] > room + ROUNDING * cap:
                parts.alive[t, cell] = False
    return total <= cap + ROUNDING * cap


@compiled
def _narrow(box: Box, rules: Rules, cap: float, cutoff: float, parts: Parts, t: int, desk: Desk) -> bool:
    """Drop the cells from which the cutoff cannot be passed, until few are left or nothing changes; False if none."""
    for r in range(ROUNDS):
        dropped = 0
        if rules.is_sum and not _drop_dear(box, cap, parts, t):
            return False
        n_trees = parts.n_trees[t]
        box.size[WORK] += LEAF_WORK * parts.first_leaf[t, n_trees] + n_trees * box.size[N_CELLS] // CELLS_PER_WORK
        if not drop_leaves(box, rules.max_swaps, parts, t):
            return False
        if r == 0:
            dropped = _judge_alone(box, cutoff, parts, t, desk)
        if dropped >= 0:
            more = _judge_together(box, rules, cap, cutoff, parts, t, desk)
            dropped = dropped + more if more >= 0 else -1
        if dropped <= 0:
            return dropped == 0
    return True


@compiled
def _split(box: Box, parts: Parts, t: int, column: int, cell: int, left_first: bool) -> None:
    """Leave the worse half of a part in its place and put the better one on top."""
    n_columns, n_cells, n_trees = box.size[N_COLUMNS], box.size[N_CELLS], parts.n_trees[t]
    n_leaves = parts.first_leaf[t, n_trees]
    for i in range(n_cells):
        parts.alive[t + 1, i] = parts.alive[t, i]
    for i in range(n_columns):
        parts.low[t + 1, i], parts.high[t + 1, i] = parts.low[t, i], parts.high[t, i]
    for i in range(n_leaves):
        parts.leaf[t + 1, i] = parts.leaf[t, i]
    for i in range(n_trees + 1):
        parts.first_leaf[t + 1, i] = parts.first_leaf[t, i]
    parts.n_trees[t + 1], parts.base[t + 1] = n_trees, parts.base[t]
    left, right = (t + 1, t) if left_first else (t, t + 1)
    if cell < 0:  # the point's own category on the left, all others on the right
        for i in range(parts.low[t, column], parts.high[t, column] + 1):
            parts.alive[right if i == box.home[column] else left, i] = False
        return
    for i in range(parts.low[t, column], cell):
        parts.alive[right, i] = False
    for i in range(cell, parts.high[t, column] + 1):
        parts.alive[left, i] = False
    parts.high[left, column], parts.low[right, column] = cell - 1, cell


@compiled
def decide(
    box: Box, rules: Rules, cap: float, cutoff: float, max_parts: int, parts: Parts, desk: Desk
) -> tuple[int, int]:
    """Look for cells of cost up to ``cap`` with a score above ``cutoff``.

    Returns whether there are such cells (then ``desk.pick`` holds them), there are none, or ``max_parts`` parts did not
    suffice to tell; and the number of parts looked at.
    """
    open_part(box, cap, parts)
    # Typed, not literal: a literal 0 would have every function compiled once more for it alone.
    t, n_parts = int(np.int64(0)), int(np.int64(0))
    while t >= 0:
        if n_parts == max_parts or box.size[WORK] > box.size[MOST_WORK]:
            return OPEN, max_parts  # without work none of them can be looked at
        n_parts += 1
        if not _narrow(box, rules, cap, cutoff, parts, t, desk):
            t -= 1
            continue
        if _mend(box, rules, cap, parts, t, desk):
            score = score_of(box, parts, t, desk.pick)
            if score <= cutoff and n_parts == 1:
                score = climb(box, rules, cap, parts, t, desk.pick, desk.row)
            if score > cutoff:
                return FOUND, n_parts
        column, cell, left_first = _choose_split(box, rules.max_swaps, parts, t, desk)
        if column < 0:
            t -= 1
        elif t + 1 == parts.base.shape[0]:
            return OPEN, n_parts
        else:
            _split(box, parts, t, column, cell, left_first)
            t += 1
    return REFUTED, n_parts
