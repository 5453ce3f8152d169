"""Who ends in which leaf of decision trees: leaves with one person in them speak about that person."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.leaves_numba import drop_rows


class Trees(Protocol):
    """Decision trees as arrays over all nodes; see ``holdfast.core.subject.RawTrees`` for each of them."""

    @property
    def column(self) -> NDArray[np.int32]: ...
    @property
    def threshold(self) -> NDArray[np.float64]: ...
    @property
    def levels(self) -> NDArray[np.int32]: ...
    @property
    def missing_left(self) -> NDArray[np.bool_]: ...
    @property
    def left(self) -> NDArray[np.int32]: ...
    @property
    def right(self) -> NDArray[np.int32]: ...
    @property
    def level_sets(self) -> NDArray[np.bool_]: ...
    @property
    def roots(self) -> NDArray[np.int32]: ...
    @property
    def n_columns(self) -> int: ...


class Occupancy(NamedTuple):
    """How the rows of a table spread over the leaves of some trees."""

    leaf: NDArray[np.int64]
    """Nodes in which at least one row ends, shape ``(n_occupied,)``."""
    n_rows: NDArray[np.int64]
    """Rows in each of them."""
    last: NDArray[np.int64]
    """Position of the last row in each of them: of the only one, where there is one."""


def occupancy(trees: Trees, X: NDArray[np.float64], *, max_trees: int) -> Occupancy:
    """Drop rows through trees and count them where they end.

    Parameters
    ----------
    trees : Trees
        Checked: children stand behind their parents and every index is within bounds.
    X : ndarray of float64, shape (n_rows, n_columns)
        What the trees are given. A number of at most the threshold goes left, NaN where the node says; codes of
        categories are cut to whole numbers and go left if they are in the set of the node, codes without a place there
        as its last place says.
    max_trees : int
        Only the first so many trees are used.

    Returns
    -------
    Occupancy
        Empty without rows.

    Raises
    ------
    ValueError
        If `X` has another number of columns than the trees.

    Notes
    -----
    Cost O(n_rows * n_trees * depth).
    """
    if X.ndim != 2 or X.shape[1] != trees.n_columns:
        raise ValueError(f"expected rows of {trees.n_columns} columns, got X of shape {X.shape}")
    count, last = np.zeros(trees.column.size, dtype=np.int64), np.full(trees.column.size, -1, dtype=np.int64)
    level_sets = trees.level_sets if trees.level_sets.size else np.zeros((1, 1), dtype=np.bool_)
    drop_rows(
        trees.column,
        trees.threshold,
        trees.levels,
        trees.missing_left,
        trees.left,
        trees.right,
        level_sets,
        trees.roots[:max_trees],
        np.ascontiguousarray(X, dtype=np.float64),
        count,
        last,
    )
    leaf = np.flatnonzero(count)
    return Occupancy(leaf, count[leaf], last[leaf])


def named_class(value: NDArray[np.float64], *, whole: float) -> NDArray[np.int64]:
    """Read which class a leaf names, where it names a single one.

    Parameters
    ----------
    value : ndarray of float64, shape (n_leaves, n_classes) or (n_leaves, 1)
        What a leaf gives to each class; a single column is what it gives to the second of two.
    whole : float
        What a leaf gives away in all: 1 in a single tree, 1 / n_trees where trees are averaged.

    Returns
    -------
    ndarray of int64, shape (n_leaves,)
        Position of the class that gets the whole, -1 where classes share it.

    Examples
    --------
    >>> named_class(np.array([[0.1, 0.0], [0.05, 0.05], [0.0, 0.1]]), whole=0.1)
    array([ 0, -1,  1])
    """
    shares = np.column_stack([whole - value[:, 0], value[:, 0]]) if value.shape[1] == 1 else value
    is_whole = shares > whole * (1.0 - 1e-9)
    return np.where(is_whole.any(axis=1), is_whole.argmax(axis=1), -1)
