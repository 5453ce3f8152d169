"""Find rows that are the same but for a few cells, where what they agree in is too rare for coincidence."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.data.near_duplicates import Twins, cell_words, exact_copies

BLOCKS = 6
MOST_NEXT = 20
CELLS = 150_000_000
"""Comparisons of cells that are affordable in all."""
BEYOND = (5.0, 10.0, 15.0, 20.0, 25.0)
"""Bits by which what agrees has to be rarer than one in the size of the reference table; the first that serves."""
BY_COINCIDENCE = 0.01
"""Share of reference rows that may have such a twin among the others."""


class AlteredTwins(NamedTuple):
    """What each row has beside it, and how rare what agrees has to be."""

    twins: Twins
    least_bits: float
    """Sum of -log2 of the shares of the values that agree, at least."""


def several_cells_apart(
    codes: NDArray[np.int64],
    is_reference: NDArray[np.bool_],
    *,
    most: int = 3,
    rng: np.random.Generator,
) -> AlteredTwins:
    """Count the reference rows that differ from each row in two cells or a few more, and agree in rare ones.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_samples, n_columns)
        Cells numbered alike over all rows; three columns or more.
    is_reference : ndarray of bool, shape (n_samples,)
        Rows of the reference table.
    most : int, default 3
        Largest number of cells that differ, from 2 to 5.
    rng : numpy.random.Generator
        Orders rows of one key.

    Returns
    -------
    AlteredTwins
        Over all rows; positions count all rows.

    Notes
    -----
    What agrees is rare by the sum of -log2 of the shares of its values. Were columns independent, a row would find
    ``n_reference / 2 ** bits`` twins by coincidence; as they are not, the smallest limit of five is taken at which at
    most one in a hundred reference rows has such a twin among the others (the largest one where there is none).

    Columns are dealt into six blocks of about equal surprise. Two rows that differ in at most ``most`` cells agree
    after some ``most`` blocks are left out, and so have one of the ``comb(6, most)`` keys in common. Of the rows that
    share a key, which stand in random order, each is compared with the next 20 (fewer in large tables): in keys that
    more rows share, pairs can be missed. What is found is compared cell by cell, so nothing is found wrongly.

    References
    ----------
    Manku, G., Jain, A. and Das Sarma, A. (2007). Detecting near-duplicates for web crawling. WWW, section 3.
    Fellegi, I. and Sunter, A. (1969). A theory for record linkage. JASA 64, 1183-1210: rare agreements weigh more.

    Examples
    --------
    >>> codes = np.array([[1, 1, 1, 1], [1, 1, 2, 2], [3, 4, 5, 6]])
    >>> everyone, rng = np.array([True] * 3), np.random.default_rng(0)
    >>> several_cells_apart(codes, everyone, rng=rng).twins.degree  # too few rows for anything to be rare
    array([0, 0, 0])
    """
    n, width = codes.shape
    if width < 3 or not 2 <= most < BLOCKS:
        raise ValueError(f"expected three columns or more and 2 to 5 cells that differ, got {width} and most={most}")
    numbers = [np.unique(column, return_inverse=True)[1].reshape(-1) for column in codes.T]
    surprise = np.column_stack([-np.log2(np.bincount(own, minlength=1)[own] / n) for own in numbers])
    small = np.column_stack(numbers).astype(np.int32)
    keys = list(_keys([cell_words(own, place) for place, own in enumerate(numbers)], surprise.sum(axis=0), most))
    n_next = int(np.clip(CELLS // max(len(keys) * n * width, 1), 1, MOST_NEXT))
    limits = np.log2(max(int(is_reference.sum()), 1)) + np.array(BEYOND)
    may = np.flatnonzero(surprise.sum(axis=1) >= limits[0])
    pairs, bits = [np.empty(0, dtype=np.int64)], [np.empty(0)]
    for key in keys:
        order = rng.permutation(may)
        order = order[np.argsort(key[order], kind="stable")]
        for back in range(1, min(n_next, order.size - 1) + 1):
            same = key[order[back:]] == key[order[:-back]]
            if not same.any():
                break
            one, other = order[:-back][same], order[back:][same]
            kept = is_reference[one] | is_reference[other]
            one, other = one[kept], other[kept]
            differs = small[one] != small[other]
            n_apart = differs.sum(axis=1)
            near = (n_apart >= 2) & (n_apart <= most)
            one, other, differs = one[near], other[near], differs[near]
            agreed = np.where(differs, 0.0, surprise[one]).sum(axis=1)
            rare = agreed >= limits[0]
            pairs.append(np.minimum(one, other)[rare] * n + np.maximum(one, other)[rare])
            bits.append(agreed[rare])
    distinct, places = np.unique(np.concatenate(pairs), return_index=True)
    agreed, copies = np.concatenate(bits)[places], exact_copies(codes, is_reference)
    asked = is_reference & (copies == 0)
    for limit in limits.tolist():
        twins = _counted(distinct[agreed >= limit], is_reference, copies)
        if (twins.degree[asked] > 0).sum() <= BY_COINCIDENCE * asked.sum():
            break
    return AlteredTwins(twins, limit)


def _keys(words: list[NDArray[np.uint64]], surprise: NDArray[np.float64], most: int) -> list[NDArray[np.uint64]]:
    """One key for each choice of blocks that are left out; the rarest columns are dealt first."""
    block = np.empty(len(words), dtype=np.int64)
    block[np.argsort(-surprise, kind="stable")] = np.arange(len(words)) % BLOCKS
    n = words[0].size
    sums = [np.zeros(n, dtype=np.uint64) for _ in range(BLOCKS)]
    for place, word in zip(block.tolist(), words, strict=True):
        sums[place] = sums[place] + word
    kept = combinations(range(BLOCKS), BLOCKS - most)
    return [np.sum([sums[place] for place in places], axis=0, dtype=np.uint64) for places in kept]


def _counted(pairs: NDArray[np.int64], is_reference: NDArray[np.bool_], copies: NDArray[np.int64]) -> Twins:
    n = is_reference.size
    ends = np.divmod(pairs, max(n, 1))
    row, other = np.concatenate(ends), np.concatenate(ends[::-1])
    counts = is_reference[other]
    row, other = row[counts], other[counts]
    first = np.full(n, -1, dtype=np.int64)
    first[row[::-1]] = other[::-1]
    return Twins(np.bincount(row, minlength=n), first, copies)


def altered_copies(
    codes: NDArray[np.int64], *, most: int = 3, n_copies: int = 500, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Copy rows and change two cells or a few more in each: what a search for such copies is tried on.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_samples, n_columns)
        Cells numbered alike over all rows.
    most : int, default 3
        Largest number of cells that are changed; from 2 on, each number is as likely.
    n_copies : int, default 500
        How many rows are drawn.
    rng : numpy.random.Generator
        Draws rows, cells, and the rows whose cells are put there.

    Returns
    -------
    ndarray of int64, shape (n_copies, n_columns)
        A new value can happen to be the old one.

    Examples
    --------
    >>> codes = np.arange(40).reshape(10, 4)
    >>> copies = altered_copies(codes, n_copies=3, rng=np.random.default_rng(0))
    >>> [int((codes == copy).sum(axis=1).max()) for copy in copies]
    [2, 2, 2]
    """
    n, width = codes.shape
    copies = codes[rng.integers(n, size=n_copies)]
    donors = codes[rng.integers(n, size=n_copies)]
    changed = rng.integers(2, most + 1, size=n_copies)
    ranks = rng.random((n_copies, width)).argsort(axis=1).argsort(axis=1)
    return np.where(ranks < changed[:, None], donors, copies)
