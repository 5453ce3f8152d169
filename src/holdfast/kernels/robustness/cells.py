"""Rows of a table with numbers and categories as a matrix of floats that a search can work on, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits


@dataclass(frozen=True, slots=True)
class CellCoding:
    """The coding of the cells that may change.

    The first column of a matrix holds the position of the point a row belongs to: cells that keep their value, and
    categories without a known level, are taken from there.

    Attributes
    ----------
    points
        Columns of the points by name, each of shape ``(n_points,)``: float64 with NaN for missing numbers, or objects
        with ``None`` for missing categories.
    levels
        Levels of each category column, as objects of shape ``(n_levels,)``. The other columns are numbers.
    """

    points: Mapping[str, NDArray[np.generic]]
    levels: Mapping[str, NDArray[np.object_]]

    def encode(self, columns: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
        """Write rows as a matrix: numbers as they are, categories as positions of their levels.

        Returns
        -------
        NDArray
            Shape ``(n_rows, 1 + n_columns)``; -1 for a missing category, the number of levels for an unknown one.

        Examples
        --------
        >>> coding = CellCoding({"x": np.array([0.5])}, {"c": np.array(["a", "b"], dtype=object)})
        >>> coding = CellCoding({"x": np.array([0.5]), "c": np.array(["b"], dtype=object)}, coding.levels)
        >>> coding.encode(coding.points)
        array([[0. , 0.5, 1. ]])
        """
        n = len(next(iter(columns.values())))
        coded = [np.arange(n, dtype=np.float64)]
        for name in self.points:
            values = columns[name]
            coded.append(self._codes(name, values) if name in self.levels else values.astype(np.float64))
        return np.column_stack(coded)

    def decode(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
        """Turn matrix rows back into columns, of the kinds that ``points`` has."""
        at = rows[:, 0].astype(np.int64)
        decoded: dict[str, NDArray[np.generic]] = {}
        for j, name in enumerate(self.points, start=1):
            if name not in self.levels:
                decoded[name] = rows[:, j]
                continue
            codes, levels = rows[:, j].astype(np.int64), self.levels[name]
            known = (codes >= 0) & (codes < levels.size)
            decoded[name] = np.where(known, levels[np.where(known, codes, 0)], self.points[name][at])
        return decoded

    def _codes(self, name: str, values: NDArray[np.generic]) -> NDArray[np.float64]:
        position = {level: index for index, level in enumerate(self.levels[name].tolist())} | {None: -1}
        return np.array([position.get(value, len(position) - 1) for value in values.tolist()], dtype=np.float64)


def coding_of(
    points: Mapping[str, NDArray[np.generic]], limits: Mapping[str, NumericLimits | CategoryLimits]
) -> CellCoding:
    """Code the columns that may change; the levels of a category column are those its limits allow, sorted.

    Parameters
    ----------
    points
        Columns of the points by name, as :class:`CellCoding` has them.
    limits
        Rules by column; columns without one are left out.
    """
    levels = {
        name: np.array(sorted(rule.levels), dtype=object)
        for name, rule in limits.items()
        if isinstance(rule, CategoryLimits)
    }
    return CellCoding({name: points[name] for name in limits}, levels)
