"""Find what holds between the columns of a table in all its rows, and is no coincidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

FEWEST_ROWS = 50
FEWEST_VALUES = 10
# How rarely columns that have nothing to do with each other would show any of the relations found.
CHANCE = 1e-6
# Of two numbers drawn from different rows, this share must break the order, or the order says little.
LEAST_BROKEN = 0.02
# A real bound is touched: this many rows come within this share of the larger column's interquartile range.
TOUCHING_ROWS, TOUCHING = 5, 0.05
PREVIEW = 2000


class Dependence(NamedTuple):
    """A column whose value another column settles."""

    column: str
    of: str
    n_levels: int


class Order(NamedTuple):
    """A column that is at most another."""

    low: str
    high: str


def one_hot_groups(columns: Mapping[str, NDArray[Any]]) -> list[tuple[str, ...]]:
    """Find groups of columns of which exactly one is 1 in every row.

    Parameters
    ----------
    columns : mapping of column name to ndarray, shape (n_rows,)
        Columns in the order of the table; those that hold other values than 0 and 1, or only 0, are passed over.

    Returns
    -------
    list of tuples of str
        Groups whose names begin alike first, then groups of columns that stand side by side.

    Examples
    --------
    >>> one_hot_groups({"rents": np.array([1, 0] * 30), "owns": np.array([0, 1] * 30), "age": np.arange(60)})
    [('rents', 'owns')]
    """
    binary = {name: np.asarray(cells == 1) for name, cells in columns.items() if _is_indicator(cells)}
    if not binary or len(next(iter(binary.values()))) < FEWEST_ROWS:
        return []
    alike: dict[str, list[str]] = {}
    for name in binary:
        alike.setdefault(re.split(r"[\W_]+(?=[^\W_]*$)", name)[0], []).append(name)
    found = [tuple(names) for names in alike.values() if len(names) > 1 and _is_partition(binary, names)]
    taken = {name for group in found for name in group}
    rest = [name for name in binary if name not in taken]
    start = 0
    while start < len(rest):
        group = _run(binary, rest[start:])
        found += [group] if group else []
        start += len(group) or 1
    return found


def dependences(codes: Mapping[str, Codes]) -> list[Dependence]:
    """Find columns whose value is settled by the level of another column.

    Parameters
    ----------
    codes : mapping of column name to ndarray of int64, shape (n_rows,)
        Levels as 0, 1, ...; -1 where missing. Of two columns that settle each other, the later one follows.

    Returns
    -------
    list of Dependence
        At most one for each column: the one with the fewest levels.

    Notes
    -----
    If the columns had nothing to do with each other, each row beyond the first of its level would agree with it with
    the frequency of the value. A dependence counts where the product of these frequencies is below one in a million,
    divided by the number of pairs. Quadratic in the number of columns.

    Examples
    --------
    >>> degree = np.arange(60) % 4
    >>> dependences({"degree": degree, "years": degree // 2, "age": np.arange(60) % 7})
    [Dependence(column='years', of='degree', n_levels=4)]
    """
    names = list(codes)
    bound = np.log(CHANCE / max(len(names) * (len(names) - 1), 1))
    found: dict[str, Dependence] = {}
    for place, of in enumerate(names):
        for other, column in enumerate(names):
            if column == of or not _settles(codes[of], codes[column], bound):
                continue
            if other < place and _settles(codes[column], codes[of], bound):
                continue
            new = Dependence(column, of, int(np.unique(codes[of][codes[of] >= 0]).size))
            if column not in found or new.n_levels < found[column].n_levels:
                found[column] = new
    return [found[name] for name in names if name in found]


def orders(numbers: Mapping[str, Floats]) -> list[Order]:
    """Find pairs of columns of numbers of which one is at most the other in every row.

    Parameters
    ----------
    numbers : mapping of column name to ndarray, shape (n_rows,)
        NaN where missing.

    Returns
    -------
    list of Order
        Without those that follow from two others.

    Notes
    -----
    An order counts where both columns have ten values or more; where drawing the two numbers from different rows would
    break it often enough that it cannot hold in all rows by chance; and where several rows touch the bound, which two
    quantities of merely different size do not. Quadratic in the number of columns.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> limit = rng.uniform(0, 9, 200).round(1)
    >>> orders({"used": np.minimum(rng.uniform(0, 9, 200), limit), "limit": limit, "other": rng.uniform(0, 9, 200)})
    [Order(low='used', high='limit')]
    """
    rich = [name for name, cells in numbers.items() if np.unique(cells[~np.isnan(cells)]).size >= FEWEST_VALUES]
    pairs = len(rich) * (len(rich) - 1)
    bounds = {(a, b) for a in rich for b in rich if a != b and _is_bound(numbers[a], numbers[b], pairs)}
    direct = [Order(a, b) for a, b in bounds if not any((a, c) in bounds and (c, b) in bounds for c in rich)]
    return sorted(direct, key=lambda order: (rich.index(order.low), rich.index(order.high)))


def _is_indicator(cells: NDArray[Any]) -> bool:
    if cells.dtype.kind == "O":
        return all(isinstance(cell, bool) for cell in cells.tolist()) and any(cells.tolist())
    return cells.dtype.kind in "biuf" and bool(((cells == 0) | (cells == 1)).all()) and bool((cells == 1).any())


def _is_partition(binary: Mapping[str, NDArray[np.bool_]], names: Sequence[str]) -> bool:
    return bool((np.sum([binary[name] for name in names], axis=0) == 1).all())


def _run(binary: Mapping[str, NDArray[np.bool_]], names: Sequence[str]) -> tuple[str, ...]:
    """The shortest run of columns, from the first on, of which exactly one is 1; empty where there is none."""
    covered = np.zeros(len(binary[names[0]]), dtype=np.bool_)
    for n, name in enumerate(names, start=1):
        if (covered & binary[name]).any():
            return ()
        covered |= binary[name]
        if covered.all():
            return tuple(names[:n]) if n > 1 else ()
    return ()


def _settles(of: Codes, column: Codes, bound: float) -> bool:
    if not _is_function(of[:PREVIEW], column[:PREVIEW]):
        return False
    known = (of >= 0) & (column >= 0)
    levels, values = of[known], column[known]
    if levels.size < FEWEST_ROWS or not _is_function(levels, values):
        return False
    _, first, n_rows = np.unique(levels, return_index=True, return_counts=True)
    _, codes, n_values = np.unique(values, return_inverse=True, return_counts=True)
    log_share = np.log(n_values / values.size)
    return bool((n_rows - 1) @ log_share[codes[first]] <= bound)


def _is_function(of: Codes, column: Codes) -> bool:
    known = (of >= 0) & (column >= 0)
    levels, values = of[known], column[known]
    width = int(values.max(initial=0)) + 1
    return np.unique(levels * width + values).size == np.unique(levels).size


def _is_bound(low: Floats, high: Floats, pairs: int) -> bool:
    if (low > high).any():
        return False
    known = ~np.isnan(low) & ~np.isnan(high)
    a, b = low[known], high[known]
    if a.size < FEWEST_ROWS or np.array_equal(a, b):
        return False
    broken = 1.0 - np.searchsorted(np.sort(a), b, side="right").mean() / a.size
    spread = float(np.subtract(*np.quantile(b, [0.75, 0.25])))
    is_touched = int((b - a <= TOUCHING * spread).sum()) >= TOUCHING_ROWS
    return is_touched and broken >= LEAST_BROKEN and a.size * np.log1p(-min(broken, 0.999)) <= np.log(CHANCE / pairs)
