"""Check that changed rows respect what an attacker may do; shares no code with the attacks it judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.relations import (
    Arithmetic,
    Column,
    Comparison,
    Constant,
    Follows,
    Logic,
    Membership,
    Negation,
    Relation,
    Statement,
    Value,
)

Rows = NDArray[np.bool_]


class NumericLimits(NamedTuple):
    """What may happen to a numeric column."""

    scale: float
    """Length of one unit of distance, in units of the column."""
    low: float
    """Smallest valid value."""
    high: float
    """Largest valid value."""
    is_whole: bool
    """Whether values are whole numbers."""
    direction: Literal[-1, 0, 1] = 0
    """1 if values may only grow, -1 if they may only shrink, 0 for both."""
    cost: float = 1.0
    """Cost of one unit of distance; an expensive column moves less within the same budget."""
    is_derived: bool = False
    """Whether relations settle the value, so that its move costs nothing."""


class CategoryLimits(NamedTuple):
    """What may happen to a category column."""

    levels: frozenset[Any]
    """The valid values."""
    cost: float = 1.0
    """How much of the budget of categories one change uses."""
    is_derived: bool = False
    """Whether relations settle the level, so that its change costs nothing."""


class Budget(NamedTuple):
    """How far an attacker may go in one row."""

    distance: float
    """Largest move of a row, in units of the scales."""
    categories: float
    """Largest number of category cells that differ, each counted with its cost."""
    norm: Literal["linf", "l1", "l2"] = "linf"
    """How the moves of the numeric cells are combined: the largest, their sum, or the root of their squares."""


Limits = Mapping[str, NumericLimits | CategoryLimits]


def violations(
    original: Mapping[str, NDArray[Any]],
    changed: Mapping[str, NDArray[Any]],
    *,
    limits: Limits,
    budget: Budget,
    relations: Sequence[Relation] = (),
    one_hot: Sequence[Sequence[str]] = (),
) -> dict[str, Rows]:
    """Find the rows that break a constraint, for each constraint.

    Parameters
    ----------
    original, changed : mapping of column name to ndarray, shape (n_samples,)
        The same columns before and after. Missing cells are None or NaN.
    limits : mapping of column name to NumericLimits or CategoryLimits
        The columns that may change; all others must be the same cell for cell.
    budget : Budget
    relations : sequence of Relation, optional
        Statements that hold in every changed row; one that speaks of a missing cell holds.
    one_hot : sequence of groups of columns, optional
        Groups of which exactly one column is 1 and the others are 0. They need no limits; moving the 1 counts as one
        change of a category.

    Returns
    -------
    dict of str to ndarray of bool, shape (n_samples,)
        True where the row breaks it: ``"immutable"`` (a column without limits or a missing cell changed),
        ``"distance"``, ``"range"`` (a changed cell neither inside the valid range nor closer to it than it was),
        ``"whole"``, ``"direction"``, ``"levels"``, ``"categories"``, ``"one_hot"``, and the text of each relation.
        Comparisons are exact, without tolerance. A row that did not change breaks nothing.

    Raises
    ------
    ValueError
        If the columns differ, or a relation names a column that is not there.

    Examples
    --------
    >>> before, after = {"a": np.array([1.0]), "b": np.array([2.0])}, {"a": np.array([1.5]), "b": np.array([2.5])}
    >>> broken = violations(before, after, limits={"a": NumericLimits(1.0, 0.0, 9.0, False)}, budget=Budget(0.25, 0))
    >>> [name for name, rows in broken.items() if rows.any()]
    ['immutable', 'distance']
    """
    if list(original) != list(changed):
        raise ValueError(f"expected the columns {list(original)}, got {list(changed)}")
    n = len(next(iter(original.values()))) if original else 0
    judge = _Judge(n, budget)
    hot = {name for group in one_hot for name in group}
    for name, before in original.items():
        if name not in hot:
            judge.column(before, changed[name], limits.get(name))
    for group in one_hot:
        judge.group([original[name] for name in group], [changed[name] for name in group])
    return judge.verdicts() | {
        relation.text: judge.differs & ~holds(relation, changed, n_samples=n) for relation in relations
    }


class _Judge:
    """Rows that break each rule so far, and what each row has spent."""

    def __init__(self, n: int, budget: Budget) -> None:
        names = ("immutable", "distance", "range", "whole", "direction", "levels", "categories", "one_hot")
        self.broken = {name: np.zeros(n, dtype=np.bool_) for name in names}
        self.budget = budget
        self.differs = np.zeros(n, dtype=np.bool_)
        self.swaps, self.sum, self.squares = np.zeros(n), np.zeros(n), np.zeros(n)

    def column(self, before: NDArray[Any], after: NDArray[Any], rule: NumericLimits | CategoryLimits | None) -> None:
        differs = _differs(before, after)
        self.differs |= differs
        if rule is None:
            self.broken["immutable"] |= differs
        elif isinstance(rule, CategoryLimits):
            self.broken["immutable"] |= differs & _is_missing(before)
            self.broken["levels"] |= differs & ~np.array([cell in rule.levels for cell in after], dtype=np.bool_)
            self.swaps += differs * (0.0 if rule.is_derived else rule.cost)
        else:
            missing = _is_missing(before) | _is_missing(after)
            self.broken["immutable"] |= differs & missing
            rows = np.flatnonzero(differs & ~missing)
            self.numbers(rows, before[rows].astype(np.float64), after[rows].astype(np.float64), rule)

    def numbers(self, rows: NDArray[np.intp], x: NDArray[Any], z: NDArray[Any], rule: NumericLimits) -> None:
        # A row that was outside its range from the start may stay there or come nearer.
        self.broken["range"][rows] |= (z < np.minimum(rule.low, x)) | (z > np.maximum(rule.high, x))
        if rule.is_whole:
            self.broken["whole"][rows] |= z != np.floor(z)
        if rule.direction:
            self.broken["direction"][rows] |= (z < x) if rule.direction > 0 else (z > x)
        if rule.is_derived:
            return
        unit = rule.scale / rule.cost
        if self.budget.norm == "linf":
            reach = self.budget.distance * unit
            self.broken["distance"][rows] |= (z < x - reach) | (z > x + reach)
        else:
            moves = np.abs(z - x) / unit
            self.sum[rows] += moves
            self.squares[rows] += moves**2

    def group(self, before: Sequence[NDArray[Any]], after: Sequence[NDArray[Any]]) -> None:
        """Judge one-hot columns as one category."""
        differs = np.any([_differs(x, z) for x, z in zip(before, after, strict=True)], axis=0)
        self.differs |= differs
        self.broken["immutable"] |= differs & np.any([_is_missing(x) for x in before], axis=0)
        cells = np.array([np.where(_is_missing(z), np.nan, z).astype(np.float64) for z in after])
        self.broken["one_hot"] |= differs & ~(((cells == 0) | (cells == 1)).all(axis=0) & (cells.sum(axis=0) == 1))
        self.swaps += differs

    def verdicts(self) -> dict[str, Rows]:
        self.broken["categories"] = self.swaps > self.budget.categories
        spent = {"l1": self.sum, "l2": np.sqrt(self.squares)}.get(self.budget.norm)
        if spent is not None:
            self.broken["distance"] = spent > self.budget.distance
        return self.broken


def unmet(
    columns: Mapping[str, NDArray[Any]],
    *,
    limits: Limits,
    relations: Sequence[Relation] = (),
    one_hot: Sequence[Sequence[str]] = (),
) -> dict[str, NDArray[np.int64]]:
    """Find rows of a table that break the constraints as they stand, before any change.

    Parameters
    ----------
    columns : mapping of column name to ndarray, shape (n_samples,)
    limits, relations, one_hot
        As in :func:`violations`.

    Returns
    -------
    dict of str to ndarray of int64
        Positions of the rows, for each rule that some row breaks: ``"range of a"``, ``"whole numbers in a"``,
        ``"one of a, b"`` or the text of a relation. Empty when the table fulfils everything.

    Examples
    --------
    >>> from holdfast.kernels.robustness.relations import parse_relation
    >>> unmet({"a": np.array([1.0, 5.0]), "b": np.array([3.0, 3.0])}, limits={}, relations=[parse_relation("a <= b")])
    {'a <= b': array([1])}
    """
    n = len(next(iter(columns.values()))) if columns else 0
    found: dict[str, Rows] = {}
    for name, rule in limits.items():
        if isinstance(rule, NumericLimits) and name in columns:
            cells = np.where(_is_missing(columns[name]), np.nan, columns[name]).astype(np.float64)
            found[f"range of {name}"] = (cells < rule.low) | (cells > rule.high)
            if rule.is_whole:
                found[f"whole numbers in {name}"] = np.isfinite(cells) & (cells != np.floor(cells))
    for group in one_hot:
        cells = np.array([np.where(_is_missing(columns[name]), np.nan, columns[name]).astype(float) for name in group])
        is_hot = ((cells == 0) | (cells == 1)).all(axis=0) & (cells.sum(axis=0) == 1)
        found[f"one of {', '.join(group)}"] = ~is_hot & ~np.isnan(cells).any(axis=0)
    for relation in relations:
        found[relation.text] = ~holds(relation, columns, n_samples=n)
    return {name: np.flatnonzero(rows).astype(np.int64) for name, rows in found.items() if rows.any()}


def holds(relation: Relation, columns: Mapping[str, NDArray[Any]], *, n_samples: int) -> Rows:
    """Tell in which rows a relation holds; it holds where a cell that it speaks of is missing.

    Numbers are compared as float64 without tolerance. A division by zero makes a comparison false.

    Examples
    --------
    >>> from holdfast.kernels.robustness.relations import parse_relation
    >>> holds(parse_relation("a / b <= 2"), {"a": np.array([4.0, 5.0]), "b": np.array([2.0, 2.0])}, n_samples=2)
    array([ True, False])
    """
    missing = np.zeros(n_samples, dtype=np.bool_)
    for name in relation.columns:
        if name not in columns:
            raise ValueError(f"expected columns of the table in {relation.text!r}, got {name!r}")
        missing |= _is_missing(columns[name])
    with np.errstate(all="ignore"):
        return missing | _truth(relation.tree, columns, n_samples)


def _truth(node: Statement, columns: Mapping[str, NDArray[Any]], n: int) -> Rows:
    match node:
        case Comparison(operator, left, right):
            return _compared(operator, _cells(left, columns, n), _cells(right, columns, n))
        case Membership(column, values):
            cells = _cells(column, columns, n)
            same = [_compared("==", cells, np.full(n, value, dtype=object)) for value in values]
            return np.asarray(np.any(same, axis=0), dtype=np.bool_)
        case Negation(inner):
            return ~_truth(inner, columns, n)
        case Logic("and", left, right):
            return _truth(left, columns, n) & _truth(right, columns, n)
        case Logic("or", left, right):
            return _truth(left, columns, n) | _truth(right, columns, n)
        case Logic(_, left, right):
            return ~_truth(left, columns, n) | _truth(right, columns, n)
    return _follows(node, columns)


def _follows(node: Follows, columns: Mapping[str, NDArray[Any]]) -> Rows:
    if node.table is None:
        raise ValueError(f"expected the table of '{node.column} follows {node.of}' to be learnt from rows first")
    table = dict(node.table)
    pairs = zip(columns[node.of].tolist(), columns[node.column].tolist(), strict=True)
    return np.array([level not in table or table[level] == value for level, value in pairs], dtype=np.bool_)


def _cells(node: Value, columns: Mapping[str, NDArray[Any]], n: int) -> NDArray[Any]:
    match node:
        case Column(name):
            return columns[name]
        case Constant(value):
            return np.full(n, value, dtype=object if isinstance(value, str) else None)
        case Arithmetic(operator, left, right):
            x, z = _numbers(_cells(left, columns, n)), _numbers(_cells(right, columns, n))
            if operator == "/":
                return np.where(z == 0, np.nan, x / z)
            combine = {"+": np.add, "-": np.subtract, "*": np.multiply}[operator]
            return np.asarray(combine(x, z), dtype=np.float64)


def _compared(operator: str, x: NDArray[Any], z: NDArray[Any]) -> Rows:
    if _is_text(x) or _is_text(z):
        if operator not in ("==", "!="):
            raise ValueError(f"expected == or != between texts, got {operator}")
        same = np.array([a == b for a, b in zip(x.tolist(), z.tolist(), strict=True)], dtype=np.bool_)
        return same if operator == "==" else ~same
    compare = {"<=": np.less_equal, "<": np.less, ">=": np.greater_equal, ">": np.greater, "==": np.equal}
    first, second = _numbers(x), _numbers(z)
    if operator == "!=":
        return np.asarray((first != second) & ~np.isnan(first) & ~np.isnan(second), dtype=np.bool_)
    return np.asarray(compare[operator](first, second), dtype=np.bool_)


def _is_text(cells: NDArray[Any]) -> bool:
    return cells.dtype.kind in "US" or (cells.dtype == object and any(isinstance(cell, str) for cell in cells))


def _numbers(cells: NDArray[Any]) -> NDArray[np.float64]:
    if _is_text(cells):
        raise ValueError("expected numbers in a sum, product or ratio, got texts")
    return np.where(_is_missing(cells), np.nan, cells).astype(np.float64)


def _is_missing(cells: NDArray[Any]) -> Rows:
    if cells.dtype == object:
        return np.array([cell is None or cell != cell for cell in cells], dtype=np.bool_)
    if cells.dtype.kind in "mM":
        return np.asarray(np.isnat(cells))
    return np.isnan(cells).astype(np.bool_) if cells.dtype.kind == "f" else np.zeros(cells.shape, dtype=np.bool_)


def _differs(before: NDArray[Any], after: NDArray[Any]) -> Rows:
    both_missing = _is_missing(before) & _is_missing(after)
    return np.asarray((before != after) & ~both_missing, dtype=np.bool_)
