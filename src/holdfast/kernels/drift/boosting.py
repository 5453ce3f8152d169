"""A classifier that tells rows of two tables apart: boosted trees on columns cut at their quantiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.boosting_numba import DEPTH, N_BINS, ask_trees, grow_trees

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
N_TREES, RATE = 100, 0.05
MOST_ROWS_A_SIDE, SHARE_A_SIDE = 80, 0.1
"""Either side of a split is worth at least so many undecided rows, or that share of few rows: differences between two
tables are faint, and small leaves follow chance."""


def boosted_trees(X: Floats, is_current: NDArray[np.bool_], is_code: Sequence[bool]) -> Callable[[Floats], Floats]:
    """Fit boosted trees that give each row a score, larger for the current table.

    Parameters
    ----------
    X : ndarray, shape (n_rows, n_columns)
        NaN for missing: a value of its own below all others.
    is_current : ndarray of bool, shape (n_rows,)
    is_code : sequence of bool, length n_columns
        Which columns hold codes of categories, whole numbers from 0 to 254. They are put in the order of how often
        their rows are current, in which the best split of two groups cuts once (Fisher 1958, JASA 53; Breiman et al.
        1984, section 4.2.2). A category that was not fitted on stands in the middle.

    Returns
    -------
    callable
        From rows, shape (n, n_columns), to log odds, shape (n,).

    Raises
    ------
    ValueError
        If shapes do not agree.

    Examples
    --------
    >>> x = np.linspace(0, 1, 200)[:, None]
    >>> ask = boosted_trees(x, x[:, 0] > 0.5, [False])
    >>> bool(ask(np.array([[0.9]]))[0] > 0 > ask(np.array([[0.1]]))[0])
    True
    """
    if X.ndim != 2 or is_current.shape != (X.shape[0],) or len(is_code) != X.shape[1]:
        raise ValueError(f"expected rows, a side of each and a kind of each column, got {X.shape}, {is_current.shape}")
    coders = [
        _by_share(column, is_current) if code else _by_quantile(column)
        for column, code in zip(X.T, is_code, strict=True)
    ]

    def coded(rows: Floats) -> Codes:
        return np.array([coder(column) for coder, column in zip(coders, rows.T, strict=True)], dtype=np.uint8)

    n, inner, width = is_current.size, 2**DEPTH - 1, 2 ** (DEPTH - 1)
    columns, cuts = np.zeros((N_TREES, inner), dtype=np.int32), np.zeros((N_TREES, inner), dtype=np.uint8)
    leaves = np.zeros((N_TREES, 2**DEPTH))
    share = np.clip(is_current.mean(), 1e-6, 1.0 - 1e-6)
    prior = float(np.log(share / (1.0 - share)))
    least = min(MOST_ROWS_A_SIDE, SHARE_A_SIDE * n) / 4.0
    grow_trees(
        coded(X), is_current.astype(np.uint8), RATE, least, columns, cuts, leaves, np.full(n, prior), np.empty((2, n)),
        np.empty(n, dtype=np.uint8), np.empty((width, N_BINS, 2)), np.empty(width),
    )  # fmt: skip

    def ask(rows: Floats) -> Floats:
        score = np.full(len(rows), prior)
        ask_trees(coded(rows), columns, cuts, leaves, score)
        return score

    return ask


def _by_quantile(column: Floats) -> Callable[[Floats], NDArray[np.int64]]:
    """Number the cells between quantiles, missing first."""
    known = np.sort(column[~np.isnan(column)])
    edges = np.unique(known[np.arange(1, N_BINS - 1) * known.size // (N_BINS - 1)]) if known.size else known
    return lambda values: np.where(np.isnan(values), 0, np.searchsorted(edges, values, side="right") + 1)


def _by_share(column: Floats, is_current: NDArray[np.bool_]) -> Callable[[Floats], NDArray[np.int64]]:
    """Number categories by the share of their rows that are current, missing among them."""
    code = np.where(np.isnan(column), N_BINS - 1, column).astype(np.int64)
    n, current = (np.bincount(code, weights=weight, minlength=N_BINS) for weight in (None, is_current))
    # Drawn to the share of all rows by as many rows as one: what was never seen lies there.
    share = (current + is_current.mean()) / (n + 1.0)
    place = np.empty(N_BINS, dtype=np.int64)
    place[np.argsort(share, kind="stable")] = np.arange(N_BINS)
    return lambda values: place[np.where(np.isnan(values), N_BINS - 1, values).astype(np.int64)]
