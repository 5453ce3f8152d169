"""The threat to rows of a table as boxes of numbers that a network is given: what is allowed lies in one of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits
from holdfast.kernels.robustness.limits import Rules

Cells = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]
# Ends are moved outwards by this part, so that rounding shuts out no allowed cell.
OUTWARDS = 1e-9
# One box for each choice of categories, up to so many; beyond that one box for all.
MOST_BOXES = 64


class Boxes(NamedTuple):
    """Boxes about points; several for a point whose categories may change."""

    owner: NDArray[np.int64]
    """Which point each box is of, ``(n_boxes,)``."""
    low: Floats
    high: Floats
    point: Floats
    """``(n_boxes, n_columns)``, as are the two before: ends of the box, and the point itself."""
    scale: Floats
    """Unit of each column, ``(n_columns,)``; 0 for one that has no part in the distance."""
    covered: NDArray[np.bool_]
    """Whether the boxes speak of all that may happen to a point, ``(n_points,)``."""


class _Choice(NamedTuple):
    """Columns that change together: each option is one value for each of them."""

    columns: tuple[int, ...]
    options: tuple[tuple[float, ...], ...]
    cost: float


def matrix_of(rows: Cells, names: Sequence[str]) -> Floats:
    """Return columns of numbers and truth values as the network is given them, ``(n, n_columns)``."""
    return np.stack([rows[name].astype(np.float64) for name in names], axis=1)


def boxes_about(rows: Cells, names: Sequence[str], rules: Rules) -> Boxes:
    """Put boxes about rows that hold every change that the rules allow.

    Relations are left out, and a ball lies in its box: the boxes may hold more.

    Parameters
    ----------
    rows
        By column, each ``(n,)``: numbers, or objects of truth values.
    names
        The network's columns in order.
    rules
        The threat.

    Notes
    -----
    Whole numbers are bounded by whole numbers, and may be anything between. A row with a missing or infinite number, or
    a group that is not one-hot, is not covered.
    """
    exact = matrix_of(rows, names)
    finite = np.isfinite(exact)
    exact = np.where(finite, exact, 0.0)
    low, high, scale = _numbers(exact, names, rules)
    choices = _choices(names, rules)
    budget = rules.budget.categories
    cheapest = min((each.cost for each in choices), default=np.inf)
    n_changes = len(choices) if cheapest <= 0 else int(min(budget / cheapest, len(choices))) if choices else 0
    owner, lows, highs = [], [], []
    for cells in _combined(choices, n_changes):
        below, above = low.copy(), high.copy()
        for column, (least, most) in cells.items():
            below[:, column], above[:, column] = least, most
        owner.append(np.arange(len(exact)))
        lows.append(below)
        highs.append(above)
    at = np.concatenate(owner)
    covered = finite.all(axis=1) & _is_one_hot(rows, rules, len(exact))
    return Boxes(at, np.concatenate(lows), np.concatenate(highs), exact[at], scale, covered)


def _numbers(exact: Floats, names: Sequence[str], rules: Rules) -> tuple[Floats, Floats, Floats]:
    """Ends and units of numbers; a cell outside its range may move towards it."""
    low, high, scale = exact.copy(), exact.copy(), np.zeros(len(names))
    distance = rules.budget.distance
    for j, name in enumerate(names):
        rule, x = rules.limits.get(name), exact[:, j]
        if isinstance(rule, CategoryLimits) and rule.is_derived:
            low[:, j], high[:, j] = 0.0, 1.0
        if not isinstance(rule, NumericLimits):
            continue
        low[:, j] = x if rule.direction > 0 else np.minimum(rule.low, x)
        high[:, j] = x if rule.direction < 0 else np.maximum(rule.high, x)
        if rule.is_derived or rule.cost <= 0 or np.isinf(distance):
            continue
        scale[j] = rule.scale / rule.cost
        # in every norm each single move is at most the distance
        reach = distance * scale[j] * (1 + OUTWARDS) + OUTWARDS * np.abs(x)
        ends = x - reach, x + reach
        if rule.is_whole:
            ends = np.minimum(np.ceil(ends[0]), x), np.maximum(np.floor(ends[1]), x)
        low[:, j], high[:, j] = np.maximum(low[:, j], ends[0]), np.minimum(high[:, j], ends[1])
    return low, high, scale


def _choices(names: Sequence[str], rules: Rules) -> list[_Choice]:
    place = {name: j for j, name in enumerate(names)}
    found = []
    for group in rules.one_hot:
        n = len(group)
        hot = tuple(tuple(float(i == k) for i in range(n)) for k in range(n))
        found.append(_Choice(tuple(place[name] for name in group), hot, 1.0))
    for name, rule in rules.limits.items():
        if isinstance(rule, CategoryLimits) and not rule.is_derived:
            found.append(_Choice((place[name],), tuple((float(level),) for level in sorted(rule.levels)), rule.cost))
    return found


def _combined(choices: list[_Choice], n_changes: int) -> list[dict[int, tuple[float, float]]]:
    """Ends of the cells of categories, for each box; the row's own values are among them, so fewer changes are, too."""
    if not choices or not n_changes:
        return [{}]
    chosen = [
        tuple(zip(some, options, strict=True))
        for some in itertools.combinations(choices, n_changes)
        for options in itertools.islice(itertools.product(*(each.options for each in some)), MOST_BOXES + 1)
    ][: MOST_BOXES + 1]
    if len(chosen) > MOST_BOXES:
        widest = {}
        for each in choices:
            for j, values in zip(each.columns, zip(*each.options, strict=True), strict=True):
                widest[j] = (min(values), max(values))
        return [widest]
    return [
        {j: (value, value) for each, option in some for j, value in zip(each.columns, option, strict=True)}
        for some in chosen
    ]


def _is_one_hot(rows: Cells, rules: Rules, n: int) -> NDArray[np.bool_]:
    valid = np.ones(n, dtype=np.bool_)
    for group in rules.one_hot:
        cells = matrix_of(rows, group)
        valid &= ((cells == 0) | (cells == 1)).all(axis=1) & (cells.sum(axis=1) == 1)
    return valid
