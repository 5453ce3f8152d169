"""One look at every number of a batch: its cell, its moments and its value, all in counters that add up exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.compiled_numba import entrance, inlined

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bits = NDArray[np.uint64]

# Places of the counters in a tally.
MISSING, BELOW_ALL, ABOVE_ALL, OVERFLOWS = range(4)
N_TALLIES = 4
LOW_BITS = 26
"""A mantissa of 53 bits is added as two halves: 2 ** 36 numbers fit before a counter of 64 bits could overflow."""


@inlined
def mixed(value: np.uint64) -> np.uint64:
    """Scramble 64 bits, one to one (Steele, Lea, Flood 2014, SplitMix64)."""
    h = value + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h = h ^ (h >> np.uint64(31))
    return h if h else np.uint64(1)


@inlined
def add_exactly(bits: np.uint64, halves: Integers) -> None:
    """Add a finite number, given as its bits, to a sum kept by exponent."""
    exponent = np.int64((bits >> np.uint64(52)) & np.uint64(0x7FF))
    mantissa = np.int64(bits & np.uint64(0xFFFFFFFFFFFFF))
    if exponent:
        mantissa |= np.int64(1) << np.int64(52)
    else:
        exponent = np.int64(1)
    sign = -1 if bits >> np.uint64(63) else 1
    halves[0, exponent] += sign * (mantissa & ((np.int64(1) << np.int64(LOW_BITS)) - 1))
    halves[1, exponent] += sign * (mantissa >> np.int64(LOW_BITS))


@entrance
def count_numbers(
    x: Floats,
    start: int,
    edges: Floats,
    first: NDArray[np.int32],
    steps: Floats,
    counts: Integers,
    tallies: Integers,
    ends: Floats,
    sums: Integers,
    squares: Integers,
    scratch: Floats,
    scratch_bits: Bits,
    hashes: Bits,
    kept: Floats,
    times: Integers,
    used: Integers,
    largest: Bits,
) -> int:
    """Count numbers from ``start`` on until the table of values is full; return where it stopped.

    ``steps`` holds per_unit, shift and centre; ``ends`` the smallest and largest value; ``largest`` the largest hash
    whose value is kept; ``hashes``, ``kept`` and ``times`` are an open table of a power of two, 0 for an empty place.
    """
    n_edges, last_bucket, mask = edges.size, np.float64(first.size - 2), np.uint64(hashes.size - 1)
    per_unit, shift, centre, limit, room = steps[0], steps[1], steps[2], largest[0], hashes.size // 2
    for i in range(start, x.size):
        value = x[i] + 0.0
        if value != value:
            tallies[MISSING] += 1
            continue
        scratch[0] = value
        h = mixed(scratch_bits[0])
        if h <= limit:
            place = h & mask
            while hashes[place] != h and hashes[place] != 0:
                place = (place + np.uint64(1)) & mask
            if hashes[place] == 0:
                if used[0] >= room:
                    return i
                hashes[place] = h
                kept[place] = value
                used[0] += 1
            times[place] += 1
        ends[0] = min(ends[0], value)
        ends[1] = max(ends[1], value)
        if n_edges == 0 or value <= edges[0]:
            cell = np.int64(0)
        elif value > edges[n_edges - 1]:
            cell = np.int64(n_edges)
        else:
            bucket = int(min(max(value * per_unit - shift, 0.0), last_bucket))
            cell, high = np.int64(first[bucket]), np.int64(first[bucket + 1])
            # With no edge or one in the bucket, which is usual, a comparison is enough and nothing need be guessed.
            while high - cell > 1:
                middle = (cell + high) >> 1
                if value > edges[middle]:
                    cell = middle + 1
                else:
                    high = middle
            cell += value > edges[cell]
        counts[cell] += 1
        if value == np.inf:
            tallies[ABOVE_ALL] += 1
            continue
        if value == -np.inf:
            tallies[BELOW_ALL] += 1
            continue
        scratch[0] = value - centre
        square = scratch[0] * scratch[0]
        if square == np.inf or not np.isfinite(scratch[0]):
            tallies[OVERFLOWS] += 1
            continue
        add_exactly(scratch_bits[0], sums)
        scratch[0] = square
        add_exactly(scratch_bits[0], squares)
    return x.size
