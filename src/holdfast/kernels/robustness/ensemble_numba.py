"""Scores of many rows under a sum of decision trees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import entrance


@entrance
def add_leaves(
    column: NDArray[np.int32],
    threshold: NDArray[np.float64],
    levels: NDArray[np.int32],
    missing_left: NDArray[np.bool_],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    value: NDArray[np.float64],
    roots: NDArray[np.int32],
    level_sets: NDArray[np.bool_],
    X: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Add to ``out`` the leaf of every tree for every row, tree after tree."""
    n_levels = level_sets.shape[1]
    for i in range(X.shape[0]):
        for root in roots:
            node = root
            while column[node] >= 0:
                x, chosen = X[i, column[node]], levels[node]
                if np.isnan(x) or (chosen >= 0 and not 0 <= x < n_levels):
                    goes_left = missing_left[node]
                elif chosen >= 0:
                    goes_left = level_sets[chosen, int(x)]
                else:
                    goes_left = x <= threshold[node]
                node = left[node] if goes_left else right[node]
            for k in range(out.shape[1]):
                out[i, k] += value[node, k]
