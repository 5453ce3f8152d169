"""Sums of decision trees as flat arrays: what every boosted model and forest becomes before it is attacked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.ensemble_numba import add_leaves


class Ensemble(NamedTuple):
    """Trees over the columns of a table; a leaf is a node whose ``column`` is -1."""

    column: NDArray[np.int32]
    """Column of the split of each node, shape ``(n_nodes,)``; -1 in a leaf."""
    threshold: NDArray[np.float64]
    """A row goes left where ``x <= threshold``; only read at numeric splits."""
    levels: NDArray[np.int32]
    """Row of ``level_sets`` of a categorical split: a row goes left where its level is in the set; -1 at the others."""
    missing_left: NDArray[np.bool_]
    """Whether missing values (NaN, and levels that are negative or unknown) go left."""
    left: NDArray[np.int32]
    """Left child, -1 in a leaf."""
    right: NDArray[np.int32]
    """Right child, -1 in a leaf."""
    value: NDArray[np.float64]
    """Values of the leaves, shape ``(n_nodes, n_outputs)``; not read elsewhere."""
    roots: NDArray[np.int32]
    """First node of each tree, shape ``(n_trees,)``."""
    base: NDArray[np.float64]
    """Scores before any tree, shape ``(n_outputs,)``."""
    level_sets: NDArray[np.bool_]
    """Sets of levels, shape ``(n_sets, max_levels)``."""
    n_columns: int
    """Number of columns of the table."""


def check_ensemble(ensemble: Ensemble) -> None:
    """Refuse arrays that are not trees.

    Raises
    ------
    ValueError
        If shapes disagree, a child lies outside or is reached twice, a threshold is NaN, a leaf is not finite, or a
        column is split both by thresholds and by sets of levels.
    """
    n = ensemble.column.shape[0]
    for name in ("threshold", "levels", "missing_left", "left", "right", "value"):
        if getattr(ensemble, name).shape[0] != n:
            raise ValueError(f"expected {n} nodes in {name!r} as in 'column', got {getattr(ensemble, name).shape[0]}")
    if ensemble.value.ndim != 2 or ensemble.base.shape != ensemble.value.shape[1:]:
        raise ValueError(
            f"expected shapes (n_nodes, n_outputs) of 'value' and (n_outputs,) of 'base', "
            f"got {ensemble.value.shape} and {ensemble.base.shape}"
        )
    inner = ensemble.column >= 0
    if np.any(ensemble.column >= ensemble.n_columns):
        raise ValueError(f"expected columns below {ensemble.n_columns}, got {int(ensemble.column.max())}")
    reached = np.concatenate([ensemble.roots, ensemble.left[inner], ensemble.right[inner]])
    if reached.size != n or np.any(np.sort(reached) != np.arange(n)):
        raise ValueError("expected every node to be a root or the child of one node, got nodes reached twice or never")
    parents = np.flatnonzero(inner)
    if np.any(ensemble.left[inner] <= parents) or np.any(ensemble.right[inner] <= parents):
        raise ValueError("expected children behind their parent in the arrays, got a child in front of it")
    is_set = inner & (ensemble.levels >= 0)
    if np.any(ensemble.levels[is_set] >= ensemble.level_sets.shape[0]):
        raise ValueError(f"expected sets below {ensemble.level_sets.shape[0]}, got {int(ensemble.levels.max())}")
    if np.any(np.isnan(ensemble.threshold[inner & ~is_set])):
        raise ValueError("expected thresholds that are numbers, got NaN")
    if not (np.all(np.isfinite(ensemble.value[~inner])) and np.all(np.isfinite(ensemble.base))):
        raise ValueError("expected finite values in the leaves and the base, got NaN or infinity")
    mixed = np.intersect1d(ensemble.column[is_set], ensemble.column[inner & ~is_set])
    if mixed.size:
        raise ValueError(f"expected each column split by thresholds or by levels, got both in columns {mixed.tolist()}")


def scores(ensemble: Ensemble, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of rows: the base plus the leaf of each tree, added in the order of the trees.

    Parameters
    ----------
    ensemble : Ensemble
    X : ndarray of float64, shape (n_samples, n_columns)
        Categories as level numbers; NaN, negative and unknown levels count as missing.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_outputs)

    Examples
    --------
    >>> leaf, none = np.zeros((3, 1)), np.full(3, -1, dtype=np.int32)
    >>> leaf[1:, 0] = -1.0, 2.0
    >>> column = np.array([0, -1, -1], dtype=np.int32)
    >>> children = np.array([1, -1, -1], dtype=np.int32), np.array([2, -1, -1], dtype=np.int32)
    >>> stump = Ensemble(
    ...     column, np.full(3, 0.5), none, np.zeros(3, dtype=np.bool_), *children, leaf, np.zeros(1, dtype=np.int32),
    ...     np.zeros(1), np.zeros((0, 1), dtype=np.bool_), 1,
    ... )
    >>> scores(stump, np.array([[0.5], [0.6]])).ravel().tolist()
    [-1.0, 2.0]
    """
    if X.ndim != 2 or X.shape[1] != ensemble.n_columns:
        raise ValueError(f"expected rows of {ensemble.n_columns} columns in `X`, got shape {X.shape}")
    out = np.repeat(ensemble.base[None].astype(np.float64), X.shape[0], axis=0)
    add_leaves(*ensemble[:8], ensemble.level_sets, np.ascontiguousarray(X, dtype=np.float64), out)
    return out


def labels_of(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the class of each row of scores: of one margin whether it is above 0, of several the first largest.

    Examples
    --------
    >>> labels_of(np.array([[0.0], [0.1]])), labels_of(np.array([[1.0, 1.0], [0.0, 2.0]]))
    (array([0, 1]), array([0, 1]))
    """
    return (score[:, 0] > 0).astype(np.int64) if score.shape[1] == 1 else np.argmax(score, axis=1)
