"""A classifier that tells rows of two tables apart: boosted trees on columns cut at their quantiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.boosting_numba import DEPTH, N_BINS, NO_CUT, RIDGE, ask_trees, grow_trees

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Places = NDArray[np.int32]
Coder = Callable[[Floats], NDArray[np.int64]]
N_TREES, RATE = 100, 0.05
MOST_ROWS_A_SIDE, SHARE_A_SIDE = 80, 0.1
"""Either side of a split is worth at least so many undecided rows, or that share of few rows: differences between two
tables are faint, and small leaves follow chance."""
N_BEST, N_OTHERS = 64, 64
"""Of a wide table each tree looks at the columns that split the rows best by themselves, and at others drawn anew."""


@dataclass(frozen=True, slots=True)
class BoostedTrees:
    """Trees that give each row a score, larger for the current table.

    Attributes
    ----------
    coders
        By column that a tree splits on, from numbers to codes.
    columns
        ``(n_trees, 2 ** DEPTH - 1)``: places among these.
    cuts, leaves
        See `grow_trees`.
    prior
        Log odds before the first tree.
    """

    coders: dict[int, Coder]
    columns: Places
    cuts: Codes
    leaves: Floats
    prior: float

    def __call__(self, rows: Floats) -> Floats:
        """Return log odds, shape (n,), of rows, shape (n, n_columns)."""
        return self._sum(self._by_tree(self._coded(rows)))

    def shuffled(self, rows: Floats, order: NDArray[np.int64]) -> Iterator[tuple[int, Floats]]:
        """Yield each column that a tree splits on, and the log odds where its cells are those of the rows in an order.

        Only trees that split on the column are asked again.
        """
        codes = self._coded(rows)
        values = self._by_tree(codes)
        is_split = self.cuts < NO_CUT
        for place, column in enumerate(self.coders):
            trees = np.flatnonzero((is_split & (self.columns == place)).any(axis=1)).astype(np.int32)
            kept, before = codes[place].copy(), values[trees]
            codes[place] = kept[order]
            ask_trees(codes, trees, self.columns, self.cuts, self.leaves, values)
            yield column, self._sum(values)
            codes[place], values[trees] = kept, before

    def _coded(self, rows: Floats) -> Codes:
        return np.array([coder(rows[:, column]) for column, coder in self.coders.items()], dtype=np.uint8)

    def _by_tree(self, codes: Codes) -> Floats:
        values = np.empty((len(self.cuts), codes.shape[1]))
        ask_trees(codes, np.arange(len(self.cuts), dtype=np.int32), self.columns, self.cuts, self.leaves, values)
        return values

    def _sum(self, values: Floats) -> Floats:
        return np.asarray(self.prior + values.sum(axis=0))


def boosted_trees(X: Floats, is_current: NDArray[np.bool_], is_code: Sequence[bool]) -> BoostedTrees:
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
    BoostedTrees

    Raises
    ------
    ValueError
        If shapes do not agree.

    Notes
    -----
    Time grows with rows times columns up to ``N_BEST + N_OTHERS`` columns, and little beyond. There the columns are
    sampled tree by tree (Friedman 2002, Stochastic gradient boosting; Breiman 2001, Random forests).

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
    codes = np.array([coder(column) for coder, column in zip(coders, X.T, strict=True)], dtype=np.uint8)
    n, inner, width = is_current.size, 2**DEPTH - 1, 2 ** (DEPTH - 1)
    columns, cuts = np.zeros((N_TREES, inner), dtype=np.int32), np.zeros((N_TREES, inner), dtype=np.uint8)
    leaves = np.zeros((N_TREES, 2**DEPTH))
    share = np.clip(is_current.mean(), 1e-6, 1.0 - 1e-6)
    prior = float(np.log(share / (1.0 - share)))
    least = min(MOST_ROWS_A_SIDE, SHARE_A_SIDE * n) / 4.0
    grow_trees(
        codes, is_current.astype(np.uint8), _looked_at(codes, is_current), RATE, least, columns, cuts, leaves,
        np.full(n, prior), np.empty((2, n)), np.empty(n, dtype=np.uint8), np.empty((width, N_BINS, 2)),
        np.empty(width),
    )  # fmt: skip
    # A node without a split names column 0, which is therefore kept.
    used, places = np.unique(np.append(columns, 0), return_inverse=True)
    columns = places[:-1].reshape(columns.shape).astype(np.int32)
    return BoostedTrees({place: coders[place] for place in used.tolist()}, columns, cuts, leaves, prior)


def _looked_at(codes: Codes, is_current: NDArray[np.bool_]) -> Places:
    """Choose the columns that each tree may split on, ``(N_TREES, n)``: all, or the best and some of the others."""
    n_columns = len(codes)
    if n_columns <= N_BEST + N_OTHERS:
        return np.tile(np.arange(n_columns, dtype=np.int32), (N_TREES, 1))
    order = np.argsort([-_gain(column, is_current) for column in codes], kind="stable").astype(np.int32)
    rng = np.random.default_rng(n_columns)  # a fixed schedule: which columns come together says nothing of the rows
    others = [rng.choice(order[N_BEST:], N_OTHERS, replace=False) for _ in range(N_TREES)]
    return np.sort(np.column_stack([np.tile(order[:N_BEST], (N_TREES, 1)), others]), axis=1)


def _gain(codes: Codes, is_current: NDArray[np.bool_]) -> float:
    """How much the best split by one column explains, before any tree."""
    weights = np.bincount(codes, minlength=N_BINS)
    slopes = np.bincount(codes, weights=is_current, minlength=N_BINS) - is_current.mean() * weights
    left, light = np.cumsum(slopes)[:-1], np.cumsum(weights)[:-1]
    sides = left**2 / (light + RIDGE) + left**2 / (codes.size - light + RIDGE)
    return float(sides.max())


def _by_quantile(column: Floats) -> Coder:
    """Number the cells between quantiles, missing first."""
    known = np.sort(column[~np.isnan(column)])
    edges = np.unique(known[np.arange(1, N_BINS - 1) * known.size // (N_BINS - 1)]) if known.size else known
    return lambda values: np.where(np.isnan(values), 0, np.searchsorted(edges, values, side="right") + 1)


def _by_share(column: Floats, is_current: NDArray[np.bool_]) -> Coder:
    """Number categories by the share of their rows that are current, missing among them."""
    code = np.where(np.isnan(column), N_BINS - 1, column).astype(np.int64)
    n, current = (np.bincount(code, weights=weight, minlength=N_BINS) for weight in (None, is_current))
    # Drawn to the share of all rows by as many rows as one: what was never seen lies there.
    share = (current + is_current.mean()) / (n + 1.0)
    place = np.empty(N_BINS, dtype=np.int64)
    place[np.argsort(share, kind="stable")] = np.arange(N_BINS)
    return lambda values: place[np.where(np.isnan(values), N_BINS - 1, values).astype(np.int64)]
