"""Random numbers that belong to a point: the same whatever other points are in the batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class PointStreams:
    """One independent stream of uniform numbers for each point.

    Parameters
    ----------
    seed : int
        Between 0 and 2**64 - 1.
    ids : ndarray of int64, shape (n_points,)
        What identifies a point; points with the same id draw the same numbers.

    Notes
    -----
    SplitMix64 in counter mode: the k-th number of a point is the mixed sum of its own start and k times the golden
    gamma, so that a draw needs no state but the count of those before.

    References
    ----------
    Steele, G. L., Lea, D. and Flood, C. H. (2014). Fast splittable pseudorandom number generators. OOPSLA, section 4.

    Examples
    --------
    >>> PointStreams(0, np.array([7, 8])).uniform(np.array([1]), 2).round(3)
    array([[0.978, 0.286]])
    """

    def __init__(self, seed: int, ids: NDArray[np.int64]) -> None:
        self.start = _mix(_mix(np.array([seed], dtype=np.uint64) + GOLDEN) ^ _mix(ids.astype(np.uint64) + GOLDEN))
        self.drawn = np.zeros(ids.size, dtype=np.uint64)

    def uniform(self, rows: NDArray[np.int64], *shape: int) -> NDArray[np.float64]:
        """Draw numbers in [0, 1) for some points, shape ``(n_rows, *shape)``; a point appears once in `rows`."""
        size = int(np.prod(shape, dtype=np.int64))
        count = self.drawn[rows][:, None] + np.arange(1, size + 1, dtype=np.uint64)
        self.drawn[rows] += np.uint64(size)
        bits = _mix(np.asarray(self.start[rows][:, None] + count * GOLDEN, dtype=np.uint64))
        return np.asarray((bits >> np.uint64(11)) * 2.0**-53, dtype=np.float64).reshape(rows.size, *shape)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64; wraps around on purpose."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)
