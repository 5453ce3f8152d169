"""The largest distance of two distribution functions, by one walk through both sorted samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import entrance


@entrance
def largest_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the Kolmogorov-Smirnov distance of two sorted samples without NaN; both hold a number or more."""
    i, j, n, m, largest = 0, 0, a.size, b.size, 0.0
    while i < n and j < m:
        x, y = a[i], b[j]
        value = min(x, y)
        i += x <= y
        j += y <= x
        # What is equal on one side is stepped over before both are compared.
        if (i == n or a[i] > value) and (j == m or b[j] > value):
            largest = max(largest, abs(i / n - j / m))
        else:
            while i < n and a[i] == value:
                i += 1
            while j < m and b[j] == value:
                j += 1
            largest = max(largest, abs(i / n - j / m))
    return largest
