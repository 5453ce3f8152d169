"""The columns of the user's table as a composition asks about them: numbers within a range, and lists of levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LARGEST_WHOLE = 2.0**53
MOST_SEEN = 1 << 14


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column of numbers.

    Attributes
    ----------
    sample
        Numbers that occur in it, shape ``(n,)``; NaN is passed over.
    low, high
        The range in which answers must be right, ends included; finite.
    is_whole
        Whether only whole numbers can be asked about.
    can_miss
        Whether a missing cell (NaN) can be asked about.
    turns
        Numbers at which what is asked may jump or turn: all of them are asked about; ``None`` where that is not known,
        then all of ``sample`` is.
    """

    sample: NDArray[np.float64]
    low: float
    high: float
    is_whole: bool = False
    can_miss: bool = False
    turns: NDArray[np.float64] | None = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"expected a finite range with low <= high, got [{self.low}, {self.high}]")
        if self.is_whole and max(abs(self.low), abs(self.high)) > LARGEST_WHOLE:
            raise ValueError(f"expected whole numbers of at most 2**53, got [{self.low}, {self.high}]")

    def grid(self, size: int) -> NDArray[np.float64]:
        """Return about ``size`` numbers of the range and the turns, growing: all whole ones where they are few."""
        low, high = (np.ceil(self.low), np.floor(self.high)) if self.is_whole else (self.low, self.high)
        if self.lists_all(size):
            return np.arange(low, high + 1)
        seen = np.unique(self.sample[(self.sample >= low) & (self.sample <= high)])
        most = MOST_SEEN if self.turns is None else size // 2
        if seen.size > most:
            seen = seen[np.linspace(0, seen.size - 1, most).round().astype(np.int64)]
        share = np.linspace(0, 1, max(size - seen.size, size // 2))
        even = low * (1 - share) + high * share
        turns = np.zeros(0) if self.turns is None else self.turns
        turns = np.concatenate([np.floor(turns), np.ceil(turns)]) if self.is_whole else turns
        turns = turns[(turns >= low) & (turns <= high)]
        points = np.concatenate([[low, high], seen, np.clip(even, low, high)])
        return np.unique(np.concatenate([np.round(points) if self.is_whole else points, turns]))

    def lists_all(self, size: int) -> bool:
        """Whether the grid of that size holds every number that the column can."""
        return self.is_whole and bool(np.floor(self.high) - np.ceil(self.low) < size)


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """A column of categories: its levels as objects, shape ``(n_levels,)``, and whether a cell (``None``) can miss."""

    levels: NDArray[np.object_]
    can_miss: bool = False

    def __post_init__(self) -> None:
        if not self.levels.size or len(set(self.levels.tolist())) != self.levels.size:
            raise ValueError(f"expected one or more distinct levels, got {self.levels.tolist()[:8]}")


UserColumn = NumberColumn | CategoryColumn


def grid_of(column: UserColumn, size: int) -> NDArray[np.generic]:
    """Return the cells to ask about: numbers of the range, or all levels; a missing cell stands last where it can."""
    if isinstance(column, CategoryColumn):
        return np.append(column.levels, [None]) if column.can_miss else column.levels
    numbers = column.grid(size)
    return np.append(numbers, np.nan) if column.can_miss else numbers


def encoded(columns: Mapping[str, UserColumn], cells: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
    """Write rows as a matrix: numbers as they are, NaN where missing; categories as positions of their levels.

    Parameters
    ----------
    columns
        The columns of the matrix, in order.
    cells
        Arrays of shape ``(n_rows,)``: float64 for numbers, objects for categories.

    Returns
    -------
    NDArray
        Shape ``(n_rows, n_columns)``; -1 for a missing category or one that is no level.

    Examples
    --------
    >>> both = {"x": NumberColumn(np.zeros(1), 0, 1), "c": CategoryColumn(np.array(["a", "b"], dtype=object))}
    >>> encoded(both, {"x": np.array([0.5, np.nan]), "c": np.array(["b", None], dtype=object)}).tolist()
    [[0.5, 1.0], [nan, -1.0]]
    """
    coded = []
    for name, column in columns.items():
        if isinstance(column, NumberColumn):
            coded.append(cells[name].astype(np.float64))
        else:
            position = {level: code for code, level in enumerate(column.levels.tolist())}
            coded.append(np.array([position.get(cell, -1) for cell in cells[name].tolist()], dtype=np.float64))
    return np.column_stack(coded)
