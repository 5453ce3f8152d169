"""Look at the numbers of a batch: their cells, moments and values, all in counters that add up exactly.

A block of numbers at a time goes through one short loop after the other, while it lies in the nearest cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import entrance, inlined

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bits = NDArray[np.uint64]

# Places of the counters in a tally.
MISSING, BELOW_ALL, ABOVE_ALL, OVERFLOWS = range(4)
N_TALLIES = 4
LOW_BITS = 26
"""A mantissa of 53 bits is added as two halves: 2 ** 36 numbers fit before a counter of 64 bits could overflow."""
BLOCK = 1024
HIGH_BITS, MIDDLE_BITS = 42, 43
"""Bits of a number below the top of its block that the first whole number holds, and the second after it: the sum of a
block of 2 ** 10 stays below 2 ** 53."""
LEAST_TOP, MOST_TOP = 200, 1990


class Workspace(NamedTuple):
    """Room for one block.

    Attributes
    ----------
    block, block_bits
        ``(BLOCK,)``: numbers, and the same memory as bits.
    parts, part_bits
        ``(3, BLOCK)``: numbers cut in three, and the same memory as whole numbers.
    one, one_bits
        ``(1,)``: a number, and the same memory as bits.
    """

    block: Floats
    block_bits: Bits
    parts: Floats
    part_bits: Integers
    one: Floats
    one_bits: Bits


def workspace() -> Workspace:
    """Make room for one block."""
    block, parts, one = np.zeros(BLOCK), np.zeros((3, BLOCK)), np.zeros(1)
    return Workspace(block, block.view(np.uint64), parts, parts.view(np.int64), one, one.view(np.uint64))


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


@inlined
def add_whole(whole: np.int64, exponent: np.int64, halves: Integers) -> None:
    """Add a whole number of units to a sum kept by exponent, the unit given as that of a number it would end."""
    halves[0, exponent] += whole & ((np.int64(1) << np.int64(LOW_BITS)) - 1)
    halves[1, exponent] += whole >> np.int64(LOW_BITS)


@inlined
def add_block(x: Floats, n: int, top: float, halves: Integers, room: Workspace) -> None:
    """Add the first finite numbers of a block, of which ``top`` is the largest size, to a sum kept by exponent.

    Adding ``1.5 * 2 ** 52`` units rounds a number to whole units and leaves their count in its last bits. So each is
    cut without error into a whole number of large units, one of small units and a rest, which is rarely there; whole
    numbers add up without error (Demmel, Nguyen 2015, Parallel reproducible summation, sections 3 and 4).
    """
    if top == 0.0:
        return
    room.one[0] = top
    exponent = np.int64(room.one_bits[0] >> np.uint64(52))
    if exponent < LEAST_TOP or exponent > MOST_TOP:  # a unit would be no double
        for j in range(n):
            room.one[0] = x[j]
            add_exactly(room.one_bits[0], halves)
        return
    large = exponent + 53 - HIGH_BITS
    small = large - MIDDLE_BITS
    room.one_bits[0] = np.uint64(large) << np.uint64(52)
    to_large = 1.5 * room.one[0]
    room.one_bits[0] = np.uint64(small) << np.uint64(52)
    to_small = 1.5 * room.one[0]
    for j in range(n):
        first = x[j] + to_large
        rest = x[j] - (first - to_large)
        second = rest + to_small
        room.parts[0, j] = first
        room.parts[1, j] = second
        room.parts[2, j] = rest - (second - to_small)
    room.one[0] = to_large
    none_large = np.int64(room.one_bits[0])
    room.one[0] = to_small
    none_small = np.int64(room.one_bits[0])
    n_large = n_small = left = np.int64(0)
    for j in range(n):
        n_large += room.part_bits[0, j] - none_large
        n_small += room.part_bits[1, j] - none_small
        left |= room.part_bits[2, j] << np.int64(1)
    add_whole(n_large, large, halves)
    add_whole(n_small, small, halves)
    if left:
        for j in range(n):
            if room.parts[2, j] != 0.0:
                room.one[0] = room.parts[2, j]
                add_exactly(room.one_bits[0], halves)


@inlined
def without_overflow(n: int, centre: float, tallies: Integers, x: Floats) -> int:
    """Take numbers without a finite square of their distance out of a block, and tally them; return how many stay."""
    kept = 0
    for j in range(n):
        distance = x[j] - centre
        if x[j] == np.inf:
            tallies[ABOVE_ALL] += 1
        elif x[j] == -np.inf:
            tallies[BELOW_ALL] += 1
        elif not distance * distance < np.inf:
            tallies[OVERFLOWS] += 1
        else:
            x[kept] = x[j]
            kept += 1
    return kept


@inlined
def add_moments(
    n: int, centre: float, tallies: Integers, sums: Integers, squares: Integers, x: Floats, room: Workspace
) -> None:
    """Add the distances of a block's numbers from the centre, and their squares; the block is used up."""
    top = 0.0
    for j in range(n):
        top = max(top, abs(x[j] - centre))
    if not top * top < np.inf:
        n = without_overflow(n, centre, tallies, x)
        top = 0.0
        for j in range(n):
            top = max(top, abs(x[j] - centre))
    for j in range(n):
        x[j] -= centre
    add_block(x, n, top, sums, room)
    for j in range(n):
        x[j] *= x[j]
    add_block(x, n, top * top, squares, room)


@inlined
def count_cells(n: int, edges: Floats, first: NDArray[np.int32], steps: Floats, counts: Integers, x: Floats) -> None:
    """Count the cells of a block; ``edges`` ends with an infinity, which is no edge."""
    per_unit, shift, last_bucket = steps[0], steps[1], np.float64(first.size - 2)
    one = np.uint64(1)
    for j in range(n):
        value = x[j]
        at = value * per_unit - shift
        at = at if at > 0.0 else 0.0
        bucket = np.uint64(np.int64(at if at < last_bucket else last_bucket))
        cell, high = np.uint64(first[bucket]), np.uint64(first[bucket + one])
        # With no edge or one in the bucket, which is usual, a comparison is enough and nothing need be guessed.
        while high - cell > one:
            middle = (cell + high) >> one
            if value > edges[middle]:
                cell = middle + one
            else:
                high = middle
        counts[cell + np.uint64(value > edges[cell])] += 1


@inlined
def before_number(values: Floats, start: int, n: int) -> int:
    """Return how many rows from ``start`` on stand before the number that follows ``n`` others."""
    length = 0
    while n or values[start + length] != values[start + length]:
        n -= values[start + length] == values[start + length]
        length += 1
    return length


@inlined
def keep_values(
    n: int, hashes: Bits, kept: Floats, times: Integers, used: Integers, largest: Bits, x: Floats, bits: Bits
) -> int:
    """Count the values of a block with small hashes, until the table is full; return how many were looked at."""
    mask, room, limit = np.uint64(hashes.size - 1), hashes.size // 2, largest[0]
    for j in range(n):
        h = mixed(bits[j])
        if h <= limit:
            place = h & mask
            while hashes[place] != h and hashes[place] != 0:
                place = (place + np.uint64(1)) & mask
            if hashes[place] == 0:
                if used[0] >= room:
                    return j
                hashes[place] = h
                kept[place] = x[j]
                used[0] += 1
            times[place] += 1
    return n


@entrance
def count_numbers(
    values: Floats,
    start: int,
    edges: Floats,
    first: NDArray[np.int32],
    steps: Floats,
    counts: Integers,
    tallies: Integers,
    ends: Floats,
    sums: Integers,
    squares: Integers,
    hashes: Bits,
    kept: Floats,
    times: Integers,
    used: Integers,
    largest: Bits,
    room: Workspace,
) -> int:
    """Count numbers from ``start`` on until the table of values is full; return where it stopped.

    ``edges`` ends with an infinity, which is no edge; ``steps`` holds per_unit, shift and centre; ``ends`` the smallest
    and largest value; ``largest`` the largest hash whose value is kept; ``hashes``, ``kept`` and ``times`` are an open
    table of a power of two, 0 for an empty place.
    """
    x = room.block
    while start < values.size:
        length = min(values.size - start, BLOCK)
        n = 0
        for j in range(length):
            # Minus zero becomes zero; NaN is written over.
            x[n] = values[start + j] + 0.0
            n += x[n] == x[n]
        seen = keep_values(n, hashes, kept, times, used, largest, x, room.block_bits)
        is_full = seen < n
        if is_full:
            n, length = seen, before_number(values, start, seen)
        tallies[MISSING] += length - n
        low, high = ends[0], ends[1]
        for j in range(n):
            low, high = min(low, x[j]), max(high, x[j])
        ends[0], ends[1] = low, high
        count_cells(n, edges, first, steps, counts, x)
        add_moments(n, steps[2], tallies, sums, squares, x, room)
        start += length
        if is_full:
            break
    return start
