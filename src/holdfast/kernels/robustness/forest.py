"""An ensemble over cells: between two thresholds that follow one another, and among levels no split tells apart, its
scores are constant, so that a search only ever compares cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.ensemble import Ensemble

# Relative to the largest sum of scores: many times what double precision loses.
ROUNDING = 1e-13


class Forest(NamedTuple):
    """An ensemble whose splits name cells; the cells of column ``j`` are ``first_cell[j]`` to ``first_cell[j + 1]``.

    Cell ``c`` of a numeric column holds the values above its cut ``c - 1`` up to and including cut ``c``.
    """

    column: NDArray[np.int32]
    """As in the ensemble, shape ``(n_nodes,)``."""
    cut: NDArray[np.int32]
    """At a numeric split the last cell that goes left; at a categorical one the row of ``sets``."""
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    """Leaves with one score per class, shape ``(n_nodes, n_classes)``: one margin is the score of class 1."""
    roots: NDArray[np.int32]
    base: NDArray[np.float64]
    """Shape ``(n_classes,)``."""
    is_category: NDArray[np.bool_]
    """Shape ``(n_columns,)``."""
    cuts: NDArray[np.float64]
    """Thresholds, sorted, each once: of column ``j`` those from ``first_cut[j]`` to ``first_cut[j + 1]``."""
    first_cut: NDArray[np.int64]
    first_cell: NDArray[np.int64]
    sets: NDArray[np.bool_]
    """Which cells of its column each set holds, shape ``(n_sets, most cells)``."""
    cell_of_level: NDArray[np.int32]
    """Cell of each level in its column, shape ``(n_columns, n_levels)``; 0 in numeric columns."""
    depth: int
    """Of the deepest leaf."""
    rounding: float
    """Differences of scores below this are rounding errors of the sums."""


def forest_of(ensemble: Ensemble) -> Forest:
    """Find the cells of an ensemble.

    Parameters
    ----------
    ensemble : Ensemble
        Checked by :func:`holdfast.kernels.robustness.ensemble.check_ensemble`.
    """
    d, n_levels = ensemble.n_columns, ensemble.level_sets.shape[1]
    inner = ensemble.column >= 0
    is_set = inner & (ensemble.levels >= 0)
    cut = np.zeros(ensemble.column.shape[0], dtype=np.int32)
    is_category = np.zeros(d, dtype=np.bool_)
    is_category[ensemble.column[is_set]] = True
    cell_of_level = np.zeros((d, n_levels), dtype=np.int32)
    cuts, sets, n_cells = [], [np.zeros((0, n_levels), dtype=np.bool_)], np.ones(d, dtype=np.int64)
    n_sets = 0
    for j in range(d):
        nodes = np.flatnonzero(inner & (ensemble.column == j))
        if is_category[j]:
            used, at = np.unique(ensemble.levels[nodes], return_inverse=True)
            cells, cell_of_level[j] = np.unique(ensemble.level_sets[used], axis=1, return_inverse=True)
            n_cells[j] = cells.shape[1]
            cut[nodes] = n_sets + at
            sets.append(np.pad(cells, ((0, 0), (0, n_levels - cells.shape[1]))))
            n_sets += used.size
            cuts.append(np.zeros(0))
        else:
            own, cut[nodes] = np.unique(ensemble.threshold[nodes], return_inverse=True)
            n_cells[j] = own.size + 1
            cuts.append(own)
    value, base = ensemble.value, ensemble.base
    if base.size == 1:
        value, base = np.column_stack([np.zeros_like(value), value]), np.concatenate([[0.0], base])
    largest = np.abs(base).max() + ensemble.roots.size * np.abs(np.where(inner[:, None], 0.0, value)).max(initial=0.0)
    return Forest(
        ensemble.column.astype(np.int32),
        cut,
        ensemble.missing_left.astype(np.bool_),
        ensemble.left.astype(np.int32),
        ensemble.right.astype(np.int32),
        np.ascontiguousarray(value, dtype=np.float64),
        ensemble.roots.astype(np.int32),
        base.astype(np.float64),
        is_category,
        np.concatenate(cuts) if cuts else np.zeros(0),
        _starts([own.size for own in cuts]),
        _starts(n_cells.tolist()),
        np.concatenate(sets),
        cell_of_level,
        _depth_of(ensemble),
        ROUNDING * float(largest),
    )


def _starts(sizes: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def _depth_of(ensemble: Ensemble) -> int:
    nodes, depth = ensemble.roots, 0
    while True:
        nodes = nodes[ensemble.column[nodes] >= 0]
        if nodes.size == 0:
            return depth
        nodes, depth = np.concatenate([ensemble.left[nodes], ensemble.right[nodes]]), depth + 1
