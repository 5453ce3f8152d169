"""Splits whose left side is several intervals of one number, as nested splits at single thresholds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Nested(NamedTuple):
    """Nodes in which every split has one cut; children stand behind their parents, and may be shared.

    ``source`` holds the node each came from, ``start`` where the nodes of each former node begin.
    """

    source: NDArray[np.int64]
    cut: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    start: NDArray[np.int64]


def nested(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    *,
    cuts: NDArray[np.float64],
    n_cuts: NDArray[np.int64],
    lowest_left: NDArray[np.bool_],
    missing_left: NDArray[np.bool_],
) -> Nested:
    """Write each split as a chain of splits ``x <= cut``.

    Parameters
    ----------
    left, right
        Children of each node, shape ``(n_nodes,)``, behind their parents; -1 in a leaf.
    cuts
        The cuts of all nodes, one node behind the other, growing within a node: the side changes above each.
    n_cuts
        Number of cuts of each node, at least one; in a leaf, one that is not used.
    lowest_left
        Whether numbers up to the first cut go left.
    missing_left
        Whether missing numbers go left.

    Examples
    --------
    >>> children = np.array([1, -1, -1], dtype=np.int32), np.array([2, -1, -1], dtype=np.int32)
    >>> no, cuts = np.zeros(3, dtype=bool), np.array([1.0, 2.0, np.nan, np.nan])
    >>> inside = nested(*children, cuts=cuts, n_cuts=np.array([2, 1, 1]), lowest_left=no, missing_left=no)
    >>> inside.left.tolist(), inside.right.tolist()
    ([3, 2, -1, -1], [1, 3, -1, -1])
    """
    end = np.cumsum(n_cuts)
    start = end - n_cuts
    source = np.repeat(np.arange(left.size), n_cuts)
    position = np.arange(source.size) - start[source]
    is_last, is_leaf = position + 1 == n_cuts[source], left[source] < 0
    goes_left = lowest_left[source] ^ (position % 2 == 1)
    near = np.where(goes_left, start[left[source]], start[right[source]])
    far = np.where(goes_left, start[right[source]], start[left[source]])
    beyond = np.where(is_last, far, np.arange(source.size) + 1)
    # a missing number leaves the chain at its first split, or at its second where its side lies there
    missing_near = np.where(position == 0, missing_left[source] == lowest_left[source], True)
    return Nested(
        source,
        np.where(is_leaf, 0.0, cuts),
        missing_near & ~is_leaf,
        np.where(is_leaf, -1, near).astype(np.int32),
        np.where(is_leaf, -1, beyond).astype(np.int32),
        start,
    )
