"""Rows of a table with numbers and categories as a matrix of floats that a search can work on, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits
from holdfast.kernels.robustness.relations import Relation


@dataclass(frozen=True, slots=True)
class CellCoding:
    """The coding of the cells that may change, and of those that relations speak of.

    The first column of a matrix holds the position of the point a row belongs to: cells that keep their value, and
    categories without a known level, are taken from there.

    Attributes
    ----------
    points
        Columns of the points by name, each of shape ``(n_points,)``: float64 with NaN for missing numbers, or objects
        with ``None`` for missing categories.
    levels
        Levels of each category column, as objects of shape ``(n_levels,)``. The other columns are numbers.
    groups
        One-hot columns by the name of their group; a group is one column of the matrix, behind the others, and holds
        the position of the 1.
    """

    points: Mapping[str, NDArray[np.generic]]
    levels: Mapping[str, NDArray[np.object_]]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the matrix behind the first: single columns, then groups."""
        hot = {name for group in self.groups.values() for name in group}
        return (*(name for name in self.points if name not in hot), *self.groups)

    def encode(self, columns: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
        """Write rows as a matrix: numbers as they are, categories as positions of their levels.

        Returns
        -------
        NDArray
            Shape ``(n_rows, 1 + n_columns)``; -1 for a missing category and for a group that is not one-hot, the number
            of levels for an unknown one.

        Examples
        --------
        >>> coding = CellCoding({"x": np.array([0.5])}, {"c": np.array(["a", "b"], dtype=object)})
        >>> coding = CellCoding({"x": np.array([0.5]), "c": np.array(["b"], dtype=object)}, coding.levels)
        >>> coding.encode(coding.points)
        array([[0. , 0.5, 1. ]])
        """
        n = len(next(iter(columns.values())))
        coded = [np.arange(n, dtype=np.float64)]
        for name in self.names:
            if name in self.groups:
                coded.append(_hot([columns[member] for member in self.groups[name]]))
            elif name in self.levels:
                coded.append(self._codes(name, columns[name]))
            else:
                coded.append(columns[name].astype(np.float64))
        return np.column_stack(coded)

    def decode(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
        """Turn matrix rows back into columns, of the kinds that ``points`` has."""
        at = rows[:, 0].astype(np.int64)
        decoded: dict[str, NDArray[np.generic]] = {}
        for j, name in enumerate(self.names, start=1):
            if name in self.groups:
                decoded |= self._members(self.groups[name], rows[:, j], at)
            elif name in self.levels:
                codes, levels = rows[:, j].astype(np.int64), self.levels[name]
                known = (codes >= 0) & (codes < levels.size)
                decoded[name] = np.where(known, levels[np.where(known, codes, 0)], self.points[name][at])
            else:
                decoded[name] = rows[:, j]
        return {name: decoded[name] for name in self.points}

    def _codes(self, name: str, values: NDArray[np.generic]) -> NDArray[np.float64]:
        position = {level: index for index, level in enumerate(self.levels[name].tolist())} | {None: -1}
        return np.array([position.get(value, len(position) - 1) for value in values.tolist()], dtype=np.float64)

    def _members(
        self, members: tuple[str, ...], codes: NDArray[np.float64], at: NDArray[np.int64]
    ) -> dict[str, NDArray[np.generic]]:
        cells: dict[str, NDArray[np.generic]] = {}
        for k, name in enumerate(members):
            own, hot = self.points[name][at], codes == k
            cells[name] = np.where(codes >= 0, hot if own.dtype == object else hot.astype(np.float64), own)
        return cells


def coding_of(
    points: Mapping[str, NDArray[np.generic]],
    limits: Mapping[str, NumericLimits | CategoryLimits],
    *,
    relations: Sequence[Relation] = (),
    one_hot: Sequence[Sequence[str]] = (),
) -> CellCoding:
    """Code the columns that may change; the levels of a category column are those its limits allow, sorted.

    Parameters
    ----------
    points
        Columns of the points by name, as :class:`CellCoding` has them.
    limits
        Rules by column; columns without one are left out, unless a relation or a group names them.
    relations, one_hot
        Relations between columns, and groups of one-hot columns.

    Notes
    -----
    A category that relations speak of has levels beyond the allowed ones: those of the points, behind the allowed.
    """
    named = dict.fromkeys(name for relation in relations for name in relation.columns)
    hot = dict.fromkeys(name for group in one_hot for name in group)
    kept = [
        *(name for name in limits if name not in hot),
        *(name for name in named if name not in limits and name not in hot),
        *hot,
    ]
    levels: dict[str, NDArray[np.object_]] = {}
    for name in kept:
        rule, values = limits.get(name), points[name]
        if name in hot or isinstance(rule, NumericLimits) or (rule is None and values.dtype != object):
            continue
        allowed = sorted(rule.levels) if isinstance(rule, CategoryLimits) else []
        others = sorted({v for v in values.tolist() if v is not None} - set(allowed), key=str) if name in named else []
        levels[name] = np.array([*allowed, *others], dtype=object)
    groups = {"|".join(group): tuple(group) for group in one_hot}
    return CellCoding({name: points[name] for name in kept}, levels, groups)


def _hot(members: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
    """Position of the 1 in each row, -1 where the row is not one-hot."""
    cells = np.array([[np.nan if v is None else float(v) for v in column.tolist()] for column in members])
    valid = ((cells == 0) | (cells == 1)).all(axis=0) & (cells.sum(axis=0) == 1)
    return np.where(valid, cells.argmax(axis=0), -1.0)
