"""Small random ensembles over numeric and category columns, and their closest flips by trying every cell."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.ensemble import Ensemble, labels_of, scores
from holdfast.kernels.robustness.trees import Reach

N_LEVELS = 4


def random_ensemble(
    rng: np.random.Generator,
    *,
    n_columns: int = 4,
    n_categories: int = 1,
    n_trees: int = 5,
    depth: int = 3,
    n_outputs: int = 1,
) -> Ensemble:
    """Draw complete trees; the last columns are categories. Leaves are multiples of 1/8, so that ties occur."""
    per_tree = 2 ** (depth + 1) - 1
    n = n_trees * per_tree
    at = np.tile(np.arange(per_tree), n_trees)
    offset = np.repeat(np.arange(n_trees) * per_tree, per_tree)
    inner = at < 2**depth - 1
    column = np.where(inner, rng.integers(0, n_columns, n), -1)
    is_set = inner & (column >= n_columns - n_categories)
    sets = rng.random((6, N_LEVELS)) < 0.5
    threshold = np.round(rng.normal(size=n), 1)
    return Ensemble(
        column.astype(np.int32),
        np.where(rng.random(n) < 0.5, threshold, threshold.astype(np.float32).astype(np.float64)),
        np.where(is_set, rng.integers(0, 6, n), -1).astype(np.int32),
        rng.random(n) < 0.5,
        np.where(inner, offset + 2 * at + 1, -1).astype(np.int32),
        np.where(inner, offset + 2 * at + 2, -1).astype(np.int32),
        np.where(inner[:, None], 0.0, rng.integers(-16, 17, (n, n_outputs)) / 8),
        (np.arange(n_trees) * per_tree).astype(np.int32),
        np.zeros(n_outputs),
        sets,
        n_columns,
    )


def random_points(
    rng: np.random.Generator, ensemble: Ensemble, n: int, *, n_categories: int = 1
) -> NDArray[np.float64]:
    X = np.round(rng.normal(size=(n, ensemble.n_columns)), 2)
    X[:, ensemble.n_columns - n_categories :] = rng.integers(0, N_LEVELS, (n, n_categories))
    return X


def free_reach(n_columns: int, *, n_categories: int = 1, max_swaps: int = 9) -> Reach:
    """Every column may move anywhere; a swap counts 0.5."""
    is_category = np.arange(n_columns) >= n_columns - n_categories
    return Reach(
        scale=np.where(is_category, 0.0, 1.0),
        low=np.full(n_columns, -np.inf),
        high=np.full(n_columns, np.inf),
        is_whole=np.zeros(n_columns, dtype=np.bool_),
        direction=np.zeros(n_columns, dtype=np.int8),
        swap_cost=np.where(is_category, 0.5, np.inf),
        allowed=np.repeat(is_category[:, None], N_LEVELS, axis=1),
        max_swaps=max_swaps,
    )


def closest_by_trying(ensemble: Ensemble, x: NDArray[np.float64], y: int, reach: Reach, norm: str) -> float:
    """Return the distance of the closest flip over all combinations of cells, by the scores alone."""
    choices = [_choices(ensemble, x, j, reach) for j in range(ensemble.n_columns)]
    rows = np.array(list(itertools.product(*[[value for value, _ in choice] for choice in choices])))
    costs = np.array(list(itertools.product(*[[cost for _, cost in choice] for choice in choices])))
    swaps = ((rows != x) & ~np.isnan(x) & (reach.scale == 0)).sum(axis=1)
    flips = (labels_of(scores(ensemble, rows)) != y) & (swaps <= reach.max_swaps)
    if norm == "linf":
        distance = costs.max(axis=1)
    else:
        distance = costs.sum(axis=1) if norm == "l1" else np.sqrt((costs**2).sum(axis=1))
    return float(distance[flips].min(initial=np.inf))


def _choices(ensemble: Ensemble, x: NDArray[np.float64], j: int, reach: Reach) -> list[tuple[float, float]]:
    own = [(float(x[j]), 0.0)]
    if np.isnan(x[j]):
        return own
    if reach.scale[j] == 0:
        levels = [level for level in range(N_LEVELS) if reach.allowed[j, level] and level != x[j]]
        return own + [(float(level), float(reach.swap_cost[j])) for level in levels if reach.swap_cost[j] < np.inf]
    values: list[float] = []
    for cut in np.unique(ensemble.threshold[ensemble.column == j]).tolist():
        values += [cut, float(np.nextafter(cut, np.inf))]
    if reach.is_whole[j]:
        values = [v for value in values for v in (float(np.floor(value)), float(np.floor(value)) + 1.0)]
    low, high = min(reach.low[j], x[j]), max(reach.high[j], x[j])
    low, high = (x[j], high) if reach.direction[j] > 0 else (low, x[j]) if reach.direction[j] < 0 else (low, high)
    return own + [(value, abs(value - float(x[j])) / float(reach.scale[j])) for value in values if low <= value <= high]
