"""The compiled pass over the words of a batch: where each begins, its shape, and what the lexicons know about it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled, entrance, inlined
from holdfast.kernels.personal_data.lexicon import (
    ALONE,
    AMPERSAND,
    APOSTROPHE,
    BEGINS_PHRASE,
    CAPITALISED,
    COLON,
    COMMA,
    DOT,
    END,
    ENDING_LENGTHS,
    ENDING_SEED,
    FLAGS,
    GAP,
    HYPHEN,
    INITIAL,
    LENGTH,
    LONGEST_GAP,
    LONGEST_PHRASE,
    LOWER,
    NEWLINE,
    NUMBER,
    OTHER_SHAPE,
    PRIME,
    QUOTE,
    RECORD,
    SEED,
    SHAPE,
    SHORTEST_WITH_ENDING,
    SLASH,
    SPACE,
    START,
    STRANGE,
    UPPER,
)

# Kinds of bytes.
IS_LOWER, IS_UPPER, IS_DIGIT = 1, 2, 3
KIND = np.zeros(256, np.uint8)
KIND[ord("a") : ord("z") + 1] = IS_LOWER
KIND[ord("A") : ord("Z") + 1] = IS_UPPER
KIND[ord("0") : ord("9") + 1] = IS_DIGIT
KIND[0xFF], KIND[0xFE] = IS_LOWER, IS_UPPER
LOWERED = np.arange(256, dtype=np.uint8)
LOWERED[ord("A") : ord("Z") + 1] += 32
GAP_BIT = np.full(256, STRANGE, np.int16)
for _byte, _bit in (
    (0, RECORD), (9, SPACE), (32, SPACE), (10, NEWLINE), (13, NEWLINE), (45, HYPHEN), (39, APOSTROPHE), (46, DOT),
    (44, COMMA), (38, AMPERSAND), (58, COLON), (47, SLASH), (34, QUOTE),
):  # fmt: skip
    GAP_BIT[_byte] = _bit
OFFSET, MULTIPLIER, FROM_THE_END = np.uint64(SEED), np.uint64(PRIME), np.uint64(ENDING_SEED)
SHORTEST_ENDING, LONGEST_ENDING = ENDING_LENGTHS.start, ENDING_LENGTHS.stop - 1
JOINING = SPACE | HYPHEN | APOSTROPHE | DOT | SLASH | NEWLINE

Codes = NDArray[np.uint8]


@entrance
def count_words(codes: Codes) -> int:
    """Count the runs of letters and digits."""
    n = 0
    inside = False
    for i in range(codes.size):
        here = KIND[codes[i]] != 0
        if here and not inside:
            n += 1
        inside = here
    return n


@inlined
def step(value: np.uint64, byte: np.uint8) -> np.uint64:
    """Hash one more byte."""
    return (value ^ np.uint64(byte)) * MULTIPLIER


@inlined
def known_bits(keys: NDArray[np.uint64], values: NDArray[np.int64], value: np.uint64) -> np.int64:
    """What is known about the word with a hash."""
    last = np.uint64(keys.size - 1)
    if value == np.uint64(0):
        value = np.uint64(1)
    at = value & last
    while keys[at] != np.uint64(0):
        if keys[at] == value:
            found: np.int64 = values[at]
            return found
        at = (at + np.uint64(1)) & last
    return np.int64(0)


@compiled
def shape_of(codes: Codes, start: int, end: int, n_upper: int, n_digits: int) -> int:
    """The shape of a word from its letters."""
    if KIND[codes[start]] == IS_DIGIT:
        lettered = n_digits == end - start - 1 and KIND[codes[end - 1]] != IS_DIGIT and LOWERED[codes[end - 1]] != 115
        return NUMBER if n_digits == end - start or lettered else OTHER_SHAPE
    if n_digits > 0:
        return OTHER_SHAPE
    if n_upper == 0:
        return LOWER
    if n_upper == end - start:
        return INITIAL if end - start == 1 else UPPER
    if KIND[codes[start]] != IS_UPPER:
        return OTHER_SHAPE
    if n_upper == 1:
        return CAPITALISED
    if n_upper == 2 and end - start >= 5:
        first, second = codes[start], codes[start + 1]
        joined = (
            (first == 77 and (second == 99 or second == 97))  # Mc, Ma
            or ((first == 68 or first == 76) and second == 101)  # De, Le
            or (first == 68 and second == 105)  # Di
            or (first == 76 and second == 97)  # La
            or (first == 70 and second == 105)  # Fi
        )
        if joined:
            for inner in (start + 2, start + 3):
                if KIND[codes[inner]] == IS_UPPER and end - inner >= 3:
                    return CAPITALISED
    return OTHER_SHAPE


@compiled
def ending_bits(codes: Codes, keys: NDArray[np.uint64], values: NDArray[np.int64], start: int, end: int) -> np.int64:
    """What the last letters of a word say about it."""
    bits = np.int64(0)
    value = FROM_THE_END
    for size in range(1, min(LONGEST_ENDING, end - start - 1) + 1):
        value = step(value, LOWERED[codes[end - size]])
        if size >= SHORTEST_ENDING:
            bits |= known_bits(keys, values, value)
    return bits


@compiled
def phrase_bits(
    codes: Codes,
    keys: NDArray[np.uint64],
    values: NDArray[np.int64],
    start: int,
    bits: np.int64,
    end: int,
    value: np.uint64,
) -> tuple[np.int64, int]:
    """Follow the phrases that begin with a word; gives the bits of the longest and how many words it has."""
    best, length, n_words = bits, 0, 1
    if bits & ~BEGINS_PHRASE:
        length = 1
    here = bits
    at = end
    while here & BEGINS_PHRASE and n_words < LONGEST_PHRASE:
        gap = 0
        begin = at
        while at < codes.size and KIND[codes[at]] == 0 and at - begin <= LONGEST_GAP:
            gap |= GAP_BIT[codes[at]]
            at += 1
        if at == codes.size or at - begin > LONGEST_GAP or (gap & ~JOINING) != 0 or gap == DOT | NEWLINE:
            break
        value = step(value, np.uint8(32))
        while at < codes.size and KIND[codes[at]] != 0:
            value = step(value, LOWERED[codes[at]])
            at += 1
        n_words += 1
        here = known_bits(keys, values, value)
        if here & ~BEGINS_PHRASE:
            best, length = here, n_words
    return best, length


@entrance
def look_up(
    codes: Codes,
    keys: NDArray[np.uint64],
    values: NDArray[np.int64],
    words: NDArray[np.int64],
) -> None:
    """Write, for each word, where it stands, what is known about it, its shape, and what stands before it."""
    n = 0
    i = 0
    gap = RECORD
    while i < codes.size:
        if KIND[codes[i]] == 0:
            gap |= GAP_BIT[codes[i]]
            i += 1
            continue
        start = i
        value = OFFSET
        n_upper = 0
        n_digits = 0
        while i < codes.size:
            kind = KIND[codes[i]]
            if kind == 0:
                break
            n_upper += kind == IS_UPPER
            n_digits += kind == IS_DIGIT
            value = step(value, LOWERED[codes[i]])
            i += 1
        bits = known_bits(keys, values, value)
        shape = shape_of(codes, start, i, n_upper, n_digits)
        best, length = bits, int(bits != 0)
        if bits & BEGINS_PHRASE:
            best, length = phrase_bits(codes, keys, values, start, bits, i, value)
        elif bits == 0 and shape in (CAPITALISED, UPPER) and i - start >= SHORTEST_WITH_ENDING:
            bits = ending_bits(codes, keys, values, start, i)
            best = bits
        words[n, START], words[n, END], words[n, FLAGS], words[n, ALONE] = start, i, best, bits
        words[n, LENGTH], words[n, SHAPE], words[n, GAP] = length, shape, gap
        n += 1
        gap = 0
