"""Which single column of a table each feature of a pipeline follows, found by asking the pipeline itself.

All columns vary at once, each through its own grid and in its own random order, several times. A feature follows a
column if rows that agree in that column agree in the feature, in whatever else they differ. Cost: a few grids of rows
through the pipeline, whatever the number of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.user_columns import CategoryColumn, UserColumn, grid_of

Features = Callable[[Mapping[str, NDArray[np.generic]]], NDArray[np.float64]]
PASSES = 3
SCREENED_ROWS = 64
ASKED_ALONE = 32
CELLS_AT_A_TIME = 1 << 24
SHOWN = 3
MOST_LEVELS = 100_000


class NotComposable(ValueError):
    """The trees cannot be written as splits on the user's columns; the text says which feature, and why."""


class FeatureTrace(NamedTuple):
    """One feature along the grid of the column it follows (-1: it follows none); ``missing`` is NaN where none can."""

    column: int
    values: NDArray[np.float64]
    missing: float


class Pipeline:
    """The pipeline in front of the trees, asked in bounded parts and only for the features that are used."""

    def __init__(
        self, features: Features, columns: Mapping[str, UserColumn], *, used: NDArray[np.int64], n_features: int
    ) -> None:
        self.names = tuple(columns)
        self.columns = tuple(columns.values())
        self.used = used
        self.n_asked = 0
        self._features = features
        self._n_features = n_features

    def ask(self, cells: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
        """Return the used features of rows that are given as one array per column."""
        n_rows = len(cells[0])
        step = max(1, CELLS_AT_A_TIME // max(1, self._n_features))
        parts = [self._part([column[start : start + step] for column in cells]) for start in range(0, n_rows, step)]
        self.n_asked += n_rows
        return np.concatenate(parts)

    def _part(self, cells: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
        found = self._features(dict(zip(self.names, cells, strict=True)))
        if found.shape != (len(cells[0]), self._n_features):
            raise ValueError(f"expected features of shape {(len(cells[0]), self._n_features)}, got {found.shape}")
        return found[:, self.used]


def grids_of(columns: Sequence[UserColumn], *, size: int) -> list[NDArray[np.generic]]:
    """Return the cells to ask about, column by column.

    Raises
    ------
    NotComposable
        For a column with more than a hundred thousand levels: free text rather than a category.
    """
    for column in columns:
        if isinstance(column, CategoryColumn) and column.levels.size > MOST_LEVELS:
            raise NotComposable(f"a column has {column.levels.size} levels, more than {MOST_LEVELS} are no category")
    return [grid_of(column, size) for column in columns]


def trace_features(
    pipeline: Pipeline, grids: Sequence[NDArray[np.generic]], *, rng: np.random.Generator
) -> list[FeatureTrace]:
    """Find the column that each used feature follows, and its values along that column's grid.

    Raises
    ------
    NotComposable
        Naming the features that follow two or more columns, and those columns.
    """
    n_rows = max(len(grid) for grid in grids)
    orders = [[rng.permutation(np.resize(np.arange(len(grid)), n_rows)) for grid in grids] for _ in range(PASSES)]
    seen = [pipeline.ask([grid[at] for grid, at in zip(grids, order, strict=True)]) for order in orders]
    is_constant = np.logical_and.reduce([_same(part, seen[0][:1]).all(axis=0) for part in seen])
    owners = _owners(seen, orders, np.flatnonzero(~is_constant))
    _settle(owners, pipeline, grids)
    traces = []
    for feature, owner in enumerate(owners):
        column = owner[0] if owner else -1
        traces.append(_trace(seen[0][:, feature], column, orders[0], pipeline.columns, grids))
    return traces


def _owners(
    seen: Sequence[NDArray[np.float64]], orders: Sequence[Sequence[NDArray[np.int64]]], moving: NDArray[np.int64]
) -> list[list[int]]:
    """Return the columns that each feature may follow; none for a constant one, [-1] where nothing fits."""
    owners: list[list[int]] = [[] for _ in range(seen[0].shape[1])]
    for column in range(len(orders[0])):
        row_of = np.empty(int(orders[0][column].max()) + 1, dtype=np.int64)
        row_of[orders[0][column]] = np.arange(len(orders[0][column]))
        follow = moving
        for part, order in zip((seen[1][:SCREENED_ROWS], *seen), (orders[1], *orders), strict=True):
            twins = seen[0][row_of[order[column][: len(part)]]][:, follow]
            follow = follow[_same(part[:, follow], twins).all(axis=0)]
        for feature in follow.tolist():
            owners[feature].append(column)
    for feature in moving.tolist():
        owners[feature] = owners[feature] or [-1]
    return owners


def _settle(owners: list[list[int]], pipeline: Pipeline, grids: Sequence[NDArray[np.generic]]) -> None:
    """Ask one column at a time where a feature seems to follow several columns or none; refuse what does."""
    unclear = [feature for feature, owner in enumerate(owners) if owner == [-1] or len(owner) > 1]
    if not unclear:
        return
    moves = _moved_alone(pipeline, grids, unclear)
    refused = []
    for place, feature in enumerate(unclear):
        movers = np.flatnonzero(moves[:, place]).tolist()
        if len(movers) == 1 and movers[0] in owners[feature]:
            owners[feature] = movers
        else:
            names = ", ".join(repr(pipeline.names[column]) for column in movers[:SHOWN])
            more = f" and {len(movers) - SHOWN} more" if len(movers) > SHOWN else ""
            refused.append(
                f"feature {pipeline.used[feature]} follows the columns {names}{more}"
                if movers
                else f"feature {pipeline.used[feature]} follows no single column"
            )
    if refused:
        more = f" (and {len(refused) - SHOWN} more such features)" if len(refused) > SHOWN else ""
        raise NotComposable("; ".join(refused[:SHOWN]) + more)


def _moved_alone(pipeline: Pipeline, grids: Sequence[NDArray[np.generic]], features: list[int]) -> NDArray[np.bool_]:
    """Whether each feature moves, ``(n_columns, n_features)``, when a column changes in two otherwise fixed rows."""
    n = len(grids)
    moved = np.zeros((n, len(features)), dtype=bool)
    for share in (0.3, 0.6):
        for column, grid in enumerate(grids):
            steps = np.unique(np.linspace(0, len(grid) - 1, ASKED_ALONE).round().astype(np.int64))
            fixed = [np.repeat(other[[int(share * (len(other) - 1))]], steps.size) for other in grids]
            fixed[column] = grid[steps]
            found = pipeline.ask(fixed)[:, features]
            moved[column] |= ~_same(found, found[:1]).all(axis=0)
    return moved


def _trace(
    seen: NDArray[np.float64],
    column: int,
    order: Sequence[NDArray[np.int64]],
    columns: Sequence[UserColumn],
    grids: Sequence[NDArray[np.generic]],
) -> FeatureTrace:
    if column < 0:
        return FeatureTrace(-1, seen[:1], float(seen[0]))
    values = np.empty(len(grids[column]))
    values[order[column]] = seen
    return (
        FeatureTrace(column, values[:-1], float(values[-1]))
        if columns[column].can_miss
        else FeatureTrace(column, values, np.nan)
    )


def _same(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((first == second) | (np.isnan(first) & np.isnan(second)))
