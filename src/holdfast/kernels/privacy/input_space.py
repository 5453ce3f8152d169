"""What an attacker knows about the inputs of a model: the range of each number and the levels of each category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Share of missing cells in drawn rows, for numbers that are sometimes missing.
_MISSING = 0.1


@dataclass(frozen=True, slots=True)
class InputSpace:
    """The columns of a table as a matrix of codes: numbers as they are, categories as positions of their levels.

    Attributes
    ----------
    levels
        Levels of each category column by name, sorted, ``None`` last where cells are missing; ``None`` in place of an
        array for a number.
    low, high, centre, unit
        Range, median and standard deviation of each number, shape ``(n_columns,)``; 1 for a unit of zero.
    is_whole, has_missing
        Which numbers are whole, and which are sometimes missing, shape ``(n_columns,)``.
    """

    levels: Mapping[str, NDArray[np.object_] | None]
    low: Floats
    high: Floats
    centre: Floats
    unit: Floats
    is_whole: NDArray[np.bool_]
    has_missing: NDArray[np.bool_]

    @property
    def is_category(self) -> NDArray[np.bool_]:
        """Which columns hold positions of levels, shape ``(n_columns,)``."""
        return np.array([levels is not None for levels in self.levels.values()], dtype=np.bool_)

    def encode(self, cells: Mapping[str, NDArray[Any]]) -> Floats:
        """Write rows as codes, shape ``(n_rows, n_columns)``: NaN for a missing number, -1 for an unknown level."""
        return np.column_stack([_codes(cells[name], levels) for name, levels in self.levels.items()])

    def decode(self, X: Floats) -> dict[str, NDArray[Any]]:
        """Turn codes back into columns by name."""
        return {
            name: X[:, j] if levels is None else levels[X[:, j].astype(np.int64)]
            for j, (name, levels) in enumerate(self.levels.items())
        }

    def draw(self, n: int, rng: np.random.Generator, *, reach: float = np.inf) -> Floats:
        """Draw rows column by column: numbers uniform in their range, levels equally often.

        Parameters
        ----------
        n : int
            Rows to draw.
        rng : numpy.random.Generator
            Source of randomness.
        reach : float, default inf
            Farthest distance of a number from its median, in standard deviations.
        """
        # A whole number has to reach its neighbours, else it would never vary.
        far = np.where(self.is_whole, np.maximum(reach * self.unit, 1.0), reach * self.unit)
        low, high = np.maximum(self.low, self.centre - far), np.minimum(self.high, self.centre + far)
        X: Floats = low + rng.random((n, low.size)) * (high - low)
        X[:, self.is_whole] = np.clip(np.round(X), self.low, self.high)[:, self.is_whole]
        X[(rng.random(X.shape) < _MISSING) & self.has_missing] = np.nan
        for j, levels in enumerate(self.levels.values()):
            if levels is not None:
                X[:, j] = rng.integers(0, levels.size, n)
        return X

    def design(self, X: Floats, *, farthest: float = np.inf, most_levels: int | None = None) -> Floats:
        """Write codes as the inputs of a linear model, with a first column of ones.

        Parameters
        ----------
        X : ndarray of float64, shape (n_rows, n_columns)
            Codes.
        farthest : float, default inf
            Numbers further than this from the median, in standard deviations, are drawn in.
        most_levels : int, optional
            Categories with more levels get no columns.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_inputs)
            A number has one column in standard deviations from its median, 0 where missing, and one that says
            whether it is missing, if it ever is. A category has one column of 0 and 1 for each level.
        """
        blocks = [np.ones((len(X), 1))]
        for j, levels in enumerate(self.levels.values()):
            if levels is None:
                number = (X[:, j] - self.centre[j]) / self.unit[j]
                blocks.append(np.where(np.isfinite(number), np.clip(number, -farthest, farthest), 0.0)[:, None])
                if self.has_missing[j]:
                    blocks.append(~np.isfinite(number)[:, None])
            elif most_levels is None or levels.size <= most_levels:
                blocks.append(X[:, j, None] == np.arange(levels.size))
        return np.column_stack(blocks).astype(np.float64)

    def levels_of(self, X: Floats, *, most_levels: int) -> list[NDArray[np.bool_]]:
        """Write categories with at most so many levels as one column for each level, shape ``(n_rows, n_levels)``."""
        return [
            X[:, j, None] == np.arange(levels.size)
            for j, levels in enumerate(self.levels.values())
            if levels is not None and levels.size <= most_levels
        ]


def space_of(cells: Mapping[str, NDArray[Any]], *, whole: frozenset[str] = frozenset()) -> InputSpace:
    """Read ranges and levels from rows.

    Parameters
    ----------
    cells : mapping of str to ndarray, each (n_rows,)
        Columns by name: float64 with NaN for missing, or objects with ``None`` for missing. One row or more.
    whole : frozenset of str, optional
        Numbers that take whole values only.

    Raises
    ------
    ValueError
        If there is no column.

    Examples
    --------
    >>> space = space_of({"age": np.array([30.0, 50.0]), "job": np.array(["cook", None], dtype=object)})
    >>> space.encode({"age": np.array([40.0]), "job": np.array(["cook"], dtype=object)})
    array([[40.,  0.]])
    """
    if not cells:
        raise ValueError("expected one or more columns, got none; a model without inputs cannot be asked")
    levels = {name: _levels(column) if column.dtype == object else None for name, column in cells.items()}
    numbers = [np.zeros(1) if levels[name] is not None else column for name, column in cells.items()]
    known = [column[np.isfinite(column)] for column in numbers]
    known = [column if column.size else np.zeros(1) for column in known]
    return InputSpace(
        levels=levels,
        low=np.array([column.min() for column in known]),
        high=np.array([column.max() for column in known]),
        centre=np.array([np.median(column) for column in known]),
        unit=np.array([float(column.std()) or 1.0 for column in known]),
        is_whole=np.array([name in whole for name in cells]),
        has_missing=np.array([not np.isfinite(column).all() for column in numbers]),
    )


def _levels(column: NDArray[Any]) -> NDArray[np.object_]:
    known = sorted(
        {value for value in column.tolist() if value is not None}, key=lambda value: (str(value), repr(value))
    )
    return np.array([*known, *([None] if None in column.tolist() else [])], dtype=object)


def _codes(column: NDArray[Any], levels: NDArray[np.object_] | None) -> Floats:
    if levels is None:
        return column.astype(np.float64)
    position = {level: index for index, level in enumerate(levels.tolist())}
    return np.array([position.get(value, -1) for value in column.tolist()], dtype=np.float64)
