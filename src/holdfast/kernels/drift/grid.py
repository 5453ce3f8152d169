"""Cells that stay fixed while tables are counted: cut at quantiles of a reference, so that counts of parts add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
N_CELLS = 1024
N_BUCKETS = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class NumberGrid:
    """Cells of a column of numbers.

    Attributes
    ----------
    edges
        ``(n_edges,)``, rising, finite. Cell ``i`` holds ``edges[i - 1] < x <= edges[i]``; the last one, of index
        ``n_edges``, what is larger than all edges.
    centre
        What moments are taken about: near the middle, so that squares do not cancel.
    """

    edges: Floats
    centre: float

    @property
    def n_cells(self) -> int:
        """Number of cells, one more than edges."""
        return int(self.edges.size) + 1

    def is_same(self, other: NumberGrid) -> bool:
        """Whether counts on both may be added."""
        return self.centre == other.centre and np.array_equal(self.edges, other.edges)


def number_grid(sample: ArrayLike, *, n_cells: int = N_CELLS) -> NumberGrid:
    """Cut at quantiles of a sample.

    A value that fills a cell alone gets a cell of its own, so that what is common is told from what lies beside it.

    Parameters
    ----------
    sample : array-like, shape (n_samples,)
        Any numbers; NaN and infinities are left out. May be empty.
    n_cells : int, default 1024
        About how many cells; fewer where values repeat.

    Returns
    -------
    NumberGrid
        Without edges, one cell for all, where the sample holds no number.

    Raises
    ------
    ValueError
        With fewer than two cells.

    Examples
    --------
    >>> number_grid([1, 2, 3, 4], n_cells=2).edges
    array([2.])
    """
    if n_cells < 2:
        raise ValueError(f"expected two cells or more, got {n_cells}")
    x = np.asarray(sample, dtype=np.float64).ravel()
    x = np.sort(x[np.isfinite(x)]) + 0.0
    if not x.size:
        return NumberGrid(np.empty(0), 0.0)
    starts = np.flatnonzero(np.concatenate([[True], x[1:] != x[:-1]]))
    values, counts = x[starts], np.diff(starts, append=x.size)
    if values.size <= n_cells // 2:
        own = values
        cuts = values
    else:
        place = np.ceil(np.arange(1, n_cells) * (x.size / n_cells)).astype(np.int64) - 1
        cuts = x[place]
        own = values[counts * n_cells >= x.size]
    # The number just below a common value closes the cell before it.
    with np.errstate(over="ignore"):
        below = np.nextafter(own, -np.inf)  # an infinity below the least number
    edges = np.unique(np.concatenate([cuts, own, below[np.isfinite(below)]]))
    return NumberGrid(edges, float(x[x.size // 2]))


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Where to search for the cell of a number: equal steps over most edges, each with its range of edges.

    Attributes
    ----------
    first
        ``(N_BUCKETS + 1,)`` int32: edges before a bucket.
    per_unit, shift
        Bucket of ``x``: the whole part of ``x * per_unit - shift``. Both 0 where steps cannot be told apart.
    """

    first: NDArray[np.int32]
    per_unit: float
    shift: float


def buckets(grid: NumberGrid) -> Buckets:
    """Prepare the search for cells.

    The bucket never falls as ``x`` grows, whatever is rounded: edges of lower buckets are below ``x``, those of higher
    ones above it, and what a bucket leaves open is searched exactly.
    """
    per_unit = shift = 0.0
    if grid.edges.size > 1:
        # Far tails share the outer buckets, so that the others stay narrow.
        tail = grid.edges.size // 64
        low, high = float(grid.edges[tail]), float(grid.edges[-1 - tail])
        with np.errstate(all="ignore"):
            per_unit = float(np.float64(N_BUCKETS - 1) / 2.0 / (high / 2.0 - low / 2.0))
            shift = float(np.float64(low) * per_unit)
        if not (np.isfinite(per_unit) and np.isfinite(shift)):
            per_unit = shift = 0.0
    place = np.clip(grid.edges * per_unit - shift, 0, N_BUCKETS - 1).astype(np.int64)
    first = np.zeros(N_BUCKETS + 1, dtype=np.int32)
    np.cumsum(np.bincount(place, minlength=N_BUCKETS), out=first[1:])
    return Buckets(first, per_unit, shift)
