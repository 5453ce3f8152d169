"""Drop rows through decision trees, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import entrance


@entrance
def drop_rows(
    column: NDArray[np.int32],
    threshold: NDArray[np.float64],
    levels: NDArray[np.int32],
    missing_left: NDArray[np.bool_],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    level_sets: NDArray[np.bool_],
    roots: NDArray[np.int32],
    X: NDArray[np.float64],
    count: NDArray[np.int64],
    last: NDArray[np.int64],
) -> None:
    """Count the rows that end in each leaf, and write which came last; the rules are those of :func:`occupancy`."""
    beyond = level_sets.shape[1] - 1
    for root in roots:
        for row in range(X.shape[0]):
            node = root
            while column[node] >= 0:
                value = X[row, column[node]]
                if np.isnan(value):
                    goes_left = missing_left[node]
                elif levels[node] >= 0:
                    code = np.int64(value) if -1.0 < value < beyond else beyond
                    goes_left = level_sets[levels[node], code]
                else:
                    goes_left = value <= threshold[node]
                node = left[node] if goes_left else right[node]
            count[node] += 1
            last[node] = row
