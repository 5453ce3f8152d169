"""Numbers around which a map of one column may jump or turn, to the last bit, so that a grid of them misses nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.split_tracing import between

Floats = NDArray[np.float64]
# Maps are followed up to here; the squares and cubes of larger numbers leave the range of doubles.
LARGEST = 2.0**60


def neighbourhood(values: Floats) -> Floats:
    """Return numbers with their neighbours among the doubles and among the numbers of single precision.

    A map that jumps at one of the values is constant, or monotone, between any two that are returned, also where the
    column is rounded to single precision first.

    Examples
    --------
    >>> neighbourhood(np.array([1.0])).size, bool((np.diff(neighbourhood(np.array([1.0]))) > 0).all())
    (5, True)
    """
    wide = np.asarray(values, dtype=np.float64)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    single = [narrow, np.nextafter(narrow, np.float32(-np.inf)), np.nextafter(narrow, np.float32(np.inf))]
    double = [wide, np.nextafter(wide, -np.inf), np.nextafter(wide, np.inf)]
    found = np.unique(np.concatenate([*double, *(part.astype(np.float64) for part in single)]))
    return np.asarray(found[np.isfinite(found)])


def crossings(along: Callable[[Floats], Floats], edges: Floats, *, turns: Floats) -> Floats:
    """Find the numbers where a map passes edges: of each crossing the last number before and the first one behind.

    Parameters
    ----------
    along
        The map, element by element; monotone between neighbouring ``turns``.
    edges
        Numbers among what the map returns, shape ``(n_edges,)``.
    turns
        Where the map may change direction or jump, shape ``(n_turns,)``.

    Returns
    -------
    NDArray
        Growing; for each edge both where the map reaches it and where it leaves it behind.

    Notes
    -----
    One question for all edges and pieces halves all that is open: at most 64 + 2 of them.

    Examples
    --------
    >>> crossings(lambda x: x * x, np.array([4.0]), turns=np.zeros(1))[[1, -2]].tolist()
    [-2.0, 2.0]
    """
    ends = np.unique(np.concatenate([[-LARGEST, LARGEST], turns[np.abs(turns) < LARGEST]]))
    at_ends = along(ends)
    levels = np.unique(np.concatenate([edges, np.nextafter(edges, np.inf)]))
    passed = at_ends[:, None] >= levels[None]
    piece, level = np.nonzero(passed[1:] != passed[:-1])
    low, high, starts = ends[piece], ends[piece + 1], passed[piece, level]
    while True:
        open_ = np.flatnonzero(np.nextafter(low, np.inf) < high)
        if not open_.size:
            return np.unique(np.concatenate([low, high]))
        middle = between(low[open_], high[open_])
        stays = (along(middle) >= levels[level[open_]]) == starts[open_]
        low[open_] = np.where(stays, middle, low[open_])
        high[open_] = np.where(stays, high[open_], middle)
