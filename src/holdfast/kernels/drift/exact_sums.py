"""Sums of floating point numbers that do not depend on the order, so that parts merge to the same bits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.counting_numba import LOW_BITS

Integers = NDArray[np.int64]
N_EXPONENTS = 2047
SMALLEST_EXPONENT = -1074


def empty_halves() -> Integers:
    """Return counters for one sum, shape (2, 2047)."""
    return np.zeros((2, N_EXPONENTS), dtype=np.int64)


def whole_sum(halves: Integers) -> int:
    """Return a sum as a whole number of ``2 ** -1074``, the smallest positive double."""
    total = 0
    for exponent in np.flatnonzero(halves.any(axis=0)).tolist():
        part = int(halves[0, exponent]) + (int(halves[1, exponent]) << LOW_BITS)
        total += part << (exponent - 1)
    return total


def as_fraction(whole: int) -> Fraction:
    """Return the exact value of a sum that `whole_sum` gave."""
    return Fraction(whole, 1 << -SMALLEST_EXPONENT)
