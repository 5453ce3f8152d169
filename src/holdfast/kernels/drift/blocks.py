"""Rows that depend on their neighbours in time, made into fewer that hardly do: one for each block."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


def block_medians(values: ArrayLike, blocks: ArrayLike) -> Numbers:
    """Return the median of each block, in order of the blocks.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        NaN for missing; infinities are values.
    blocks : array-like of int, shape (n,)
        Block of each row.

    Returns
    -------
    ndarray of float64, shape (n_blocks,)
        Lower median of the values that are there, NaN where a block has none.

    Notes
    -----
    Whole blocks, not rows, then have to be independent, and blocks of the reference have to be alike those of the
    stream in length.

    Examples
    --------
    >>> block_medians([1.0, 5.0, 2.0, np.nan], [0, 0, 0, 1]).tolist()
    [2.0, nan]
    """
    rows, block = np.asarray(values, dtype=np.float64), np.asarray(blocks)
    if rows.ndim != 1 or rows.shape != block.shape:
        raise ValueError(f"expected the block of each row, got shapes {rows.shape} and {block.shape}")
    order = np.lexsort((rows, block))  # NaN last within each block
    _, first, inverse = np.unique(block[order], return_index=True, return_inverse=True)
    present = np.bincount(inverse, weights=~np.isnan(rows[order]), minlength=first.size).astype(np.int64)
    middle = first + np.maximum(present - 1, 0) // 2
    return np.asarray(rows[order][middle])


def one_of_each_block(blocks: ArrayLike, *, rng: np.random.Generator) -> Places:
    """Return the position of one row of each block, drawn at random, in order of the blocks.

    Examples
    --------
    >>> one_of_each_block([3, 3, 5], rng=np.random.default_rng(0)).tolist()
    [0, 2]
    """
    block = np.asarray(blocks)
    order = rng.permutation(block.size)
    _, first = np.unique(block[order], return_index=True)
    return np.asarray(order[first], dtype=np.int64)
