"""Bring changed rows back to where the relations between their columns hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.cells import CellCoding
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

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]
Number = Callable[[Floats], Floats]

PASSES = 3
UNKNOWN = -2.0
NUDGE = 1e-12


class Bounds(NamedTuple):
    """Where the cells of candidate rows may lie; equal ends for a number that must stay, shape ``(n, n_columns)``."""

    low: Floats
    high: Floats


class Repair:
    """The relations of one problem, bound to the columns of its matrix.

    Parameters
    ----------
    relations : sequence of Relation
    coding : CellCoding
        How the columns are written as a matrix.
    is_whole : ndarray of bool, shape (n_columns,)
        Whether a column of the matrix holds whole numbers.
    n_levels : ndarray of int64, shape (n_columns,)
        Number of levels a category may take; 0 for the others.

    Notes
    -----
    A comparison that does not hold is solved for the one number whose move is smallest, where it is affine in it; an
    implication by its consequence; ``follows`` by its table. What cannot be solved puts back the cells it speaks of.
    Three rounds over all relations; rows in which some still does not hold are reported as such.

    Examples
    --------
    >>> from holdfast.kernels.robustness.relations import parse_relation
    >>> coding = CellCoding({"loan": np.array([9.0]), "income": np.array([2.0])}, {})
    >>> repair = Repair([parse_relation("loan <= 5 * income")], coding, np.zeros(3, bool), np.zeros(3, np.int64))
    >>> before, after = np.array([[0.0, 9.0, 2.0]]), np.array([[0.0, 14.0, 2.0]])
    >>> repair(before, after, Bounds(before, before + [0, 9, 0]))
    (array([[ 0., 10.,  2.]]), array([ True]))
    """

    def __init__(
        self,
        relations: Sequence[Relation],
        coding: CellCoding,
        is_whole: Rows,
        n_levels: NDArray[np.int64],
    ) -> None:
        self.cells = _Cells(coding)
        self.is_whole, self.n_levels = is_whole, n_levels
        self.relations = [relation.tree for relation in relations]
        self.columns = [self.cells.columns(relation) for relation in relations]

    def __call__(self, origin: Floats, rows: Floats, bounds: Bounds) -> tuple[Floats, Rows]:
        """Mend rows, shape (n, n_columns), that came from `origin`; tell in which all relations hold."""
        mended = rows.copy()
        for _ in range(PASSES):
            broken = [~self._holds(k, mended) for k in range(len(self.relations))]
            if not any(bad.any() for bad in broken):
                return mended, np.ones(len(rows), dtype=np.bool_)
            for k in range(len(self.relations)):
                at = np.flatnonzero(~self._holds(k, mended))
                if at.size:
                    part = Bounds(bounds.low[at], bounds.high[at])
                    mended[at] = self._mend_or_restore(k, origin[at], mended[at], part)
        holds = [self._holds(k, mended) for k in range(len(self.relations))]
        return mended, np.all(holds, axis=0)

    def _holds(self, k: int, rows: Floats) -> Rows:
        with np.errstate(all="ignore"):
            return self.cells.missing(self.columns[k], rows) | self.cells.truth(self.relations[k], rows)

    def _mend_or_restore(self, k: int, origin: Floats, rows: Floats, bounds: Bounds) -> Floats:
        with np.errstate(all="ignore"):
            mended = self._mend(self.relations[k], rows, bounds)
        still = ~self._holds(k, mended)
        mended[np.ix_(still, self.columns[k])] = origin[np.ix_(still, self.columns[k])]
        return mended

    def _mend(self, node: Statement, rows: Floats, bounds: Bounds) -> Floats:
        match node:
            case Comparison():
                return self._mend_comparison(node, rows, bounds)
            case Logic("->", _, right):
                return self._mend(right, rows, bounds)
            case Logic("and", left, right):
                return self._mend(right, self._mend(left, rows, bounds), bounds)
            case Logic("or", left, right):
                first = self._mend(left, rows, bounds)
                done = self.cells.truth(left, first)[:, None]
                return np.where(done, first, self._mend(right, rows, bounds))
            case Follows():
                return self._mend_follows(node, rows, bounds)
        return rows

    def _mend_comparison(self, node: Comparison, rows: Floats, bounds: Bounds) -> Floats:
        """Move the one cell for which the smallest move makes the comparison true."""
        best, least = rows.copy(), np.full(len(rows), np.inf)
        for name in dict.fromkeys(_numbers_in(node)):
            j = self.cells.index.get(name, 0)
            if name in self.cells.members or not (bounds.low[:, j] < bounds.high[:, j]).any():
                continue
            for values in self._solutions(node, name, j, rows):
                tried = rows.copy()
                tried[:, j] = np.clip(values, bounds.low[:, j], bounds.high[:, j])
                width = np.maximum(bounds.high[:, j] - bounds.low[:, j], 1e-300)
                move = np.abs(tried[:, j] - rows[:, j]) / np.where(np.isfinite(width), width, 1.0)
                better = self.cells.truth(node, tried) & (move < least) & ~np.isnan(values)
                best[better], least[better] = tried[better], move[better]
        return self._with_levels(node, best, least)

    def _with_levels(self, node: Comparison, rows: Floats, least: Floats) -> Floats:
        """Set a category to the level it should be."""
        if isinstance(node.left, Column) and isinstance(node.right, Constant) and node.operator == "==":
            j = self.cells.index.get(node.left.name, 0)
            code = self.cells.code(node.left.name, node.right.value) if j else UNKNOWN
            able = np.isinf(least) & (0 <= code < self.n_levels[j])
            rows[able, j] = code
        return rows

    def _solutions(self, node: Comparison, name: str, j: int, rows: Floats) -> Iterator[Floats]:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if side == Column(name) and node.operator in ("==", "<=", ">="):
                value = self.cells.value(other)(rows)
                yield from (np.floor(value), np.ceil(value)) if self.is_whole[j] else (value,)
        left, right = self.cells.value(node.left), self.cells.value(node.right)
        gaps = []
        for at in (0.0, 1.0, 2.0):
            probe = rows.copy()
            probe[:, j] = at
            gaps.append(left(probe) - right(probe))
        slope = gaps[1] - gaps[0]
        size = np.abs(gaps[0]) + np.abs(gaps[1]) + np.abs(gaps[2])
        affine = (np.abs(gaps[2] - 2 * gaps[1] + gaps[0]) <= 1e-9 * size) & (slope != 0)
        root = np.where(affine, -gaps[0] / np.where(slope == 0, 1.0, slope), np.nan)
        step = np.where(self.is_whole[j], 1.0, NUDGE * np.maximum(np.abs(root), 1e-3))
        for base in (np.floor(root), np.ceil(root)) if self.is_whole[j] else (root,):
            yield from (base, base - step, base + step)

    def _mend_follows(self, node: Follows, rows: Floats, bounds: Bounds) -> Floats:
        j, mended = self.cells.index[node.column], rows.copy()
        wanted = self.cells.followed(node, rows)
        free = (bounds.low[:, j] <= wanted) & (wanted <= bounds.high[:, j])
        able = ((wanted >= 0) & (wanted < self.n_levels[j])) if node.column in self.cells.coding.levels else free
        mended[able, j] = wanted[able]
        return mended


class _Cells:
    """Values and truth of parsed relations on the rows of a matrix."""

    def __init__(self, coding: CellCoding) -> None:
        self.coding = coding
        self.index = {name: j for j, name in enumerate(coding.names, start=1)}
        self.members = {
            name: (self.index[group], float(k))
            for group, names in coding.groups.items()
            for k, name in enumerate(names)
        }

    def columns(self, relation: Relation) -> NDArray[np.int64]:
        """Positions of the columns a relation speaks of."""
        places = [self.members[name][0] if name in self.members else self.index[name] for name in relation.columns]
        return np.unique(np.array(places, dtype=np.int64))

    def missing(self, columns: NDArray[np.int64], rows: Floats) -> Rows:
        """Rows in which a cell of these columns is missing."""
        coded = [name in self.coding.levels or name in self.coding.groups for name in ("", *self.coding.names)]
        cells = rows[:, columns]
        return np.asarray((np.isnan(cells) | ((cells == -1) & np.array(coded)[columns])).any(axis=1))

    def code(self, name: str, value: float | str | bool) -> float:
        """Position of a level of a category column; -2 for a value that is none."""
        for k, level in enumerate(self.coding.levels.get(name, np.zeros(0, dtype=object)).tolist()):
            if level == value:
                return float(k)
        return UNKNOWN

    def value(self, node: Value) -> Number:
        match node:
            case Column(name) if name in self.members:
                j, k = self.members[name]
                return lambda rows: (rows[:, j] == k).astype(np.float64)
            case Column(name) if name in self.coding.levels:
                return self._level_value(name)
            case Column(name):
                at = self.index[name]
                return lambda rows: rows[:, at]
            case Constant(value):
                number = float(value) if not isinstance(value, str) else np.nan
                return lambda rows: np.full(len(rows), number)
            case Arithmetic(operator, left, right):
                first, second = self.value(left), self.value(right)
                if operator == "/":
                    return lambda rows: _ratio(first(rows), second(rows))
                combine = {"+": np.add, "-": np.subtract, "*": np.multiply}[operator]
                return lambda rows: np.asarray(combine(first(rows), second(rows)), dtype=np.float64)

    def _level_value(self, name: str) -> Number:
        """Truth values and numbers that are coded as levels, read as numbers."""
        levels = [float(v) if isinstance(v, bool | int | float) else np.nan for v in self.coding.levels[name].tolist()]
        table, j = np.array([*levels, np.nan]), self.index[name]
        return lambda rows: table[np.clip(rows[:, j], -1, len(levels)).astype(np.int64)]

    def truth(self, node: Statement, rows: Floats) -> Rows:
        match node:
            case Comparison():
                return self._compared(node, rows)
            case Membership(column, values):
                equal = [Comparison("==", column, Constant(value)) for value in values]
                return np.asarray(np.any([self._compared(one, rows) for one in equal], axis=0), dtype=np.bool_)
            case Negation(inner):
                return ~self.truth(inner, rows)
            case Logic("and", left, right):
                return self.truth(left, rows) & self.truth(right, rows)
            case Logic("or", left, right):
                return self.truth(left, rows) | self.truth(right, rows)
            case Logic(_, left, right):
                return ~self.truth(left, rows) | self.truth(right, rows)
            case Follows():
                wanted = self.followed(node, rows)
                return np.asarray(np.isnan(wanted) | (wanted == rows[:, self.index[node.column]]), dtype=np.bool_)

    def _compared(self, node: Comparison, rows: Floats) -> Rows:
        left, right = (self._side(node.left, node.right), self._side(node.right, node.left))
        x, z = left(rows), right(rows)
        compare = {"<=": np.less_equal, "<": np.less, ">=": np.greater_equal, ">": np.greater, "==": np.equal}
        if node.operator == "!=":
            return np.asarray((x != z) & ~np.isnan(x) & ~np.isnan(z), dtype=np.bool_)
        return np.asarray(compare[node.operator](x, z), dtype=np.bool_)

    def _side(self, node: Value, other: Value) -> Number:
        """One side of a comparison; beside a text, or another category, categories are compared by their codes."""
        if isinstance(node, Constant) and isinstance(node.value, str) and isinstance(other, Column):
            code = self.code(other.name, node.value)
            return lambda rows: np.full(len(rows), code)
        is_text = isinstance(other, Constant) and isinstance(other.value, str)
        both = isinstance(other, Column) and other.name in self.coding.levels
        if isinstance(node, Column) and node.name in self.coding.levels and (is_text or both):
            j = self.index[node.name]
            if is_text or not isinstance(other, Column):
                return lambda rows: rows[:, j]
            first, second = sorted((node.name, other.name))
            codes = [self.code(first, level) for level in self.coding.levels[node.name].tolist()]
            table = np.array([*codes, -3.0 if node.name == second else -4.0])
            return lambda rows: table[np.clip(rows[:, j], -1, len(codes)).astype(np.int64)]
        return self.value(node)

    def followed(self, node: Follows, rows: Floats) -> Floats:
        """What a column should hold by the level of another; NaN where the table does not say."""
        if node.table is None:
            raise ValueError(f"expected the table of '{node.column} follows {node.of}' to be learnt from rows first")
        is_coded, wanted = node.of in self.coding.levels, np.full(len(rows), np.nan)
        given = rows[:, self.index[node.of]]
        for level, value in node.table:
            result = self.code(node.column, value) if node.column in self.coding.levels else float(value)
            wanted[given == (self.code(node.of, level) if is_coded else level)] = result
        return wanted


def _ratio(x: Floats, z: Floats) -> Floats:
    """A ratio, unknown where it divides by zero."""
    return np.divide(x, z, out=np.full_like(x, np.nan), where=z != 0)


def _numbers_in(node: Value | Comparison) -> Iterator[str]:
    match node:
        case Column(name):
            yield name
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from _numbers_in(left)
            yield from _numbers_in(right)
