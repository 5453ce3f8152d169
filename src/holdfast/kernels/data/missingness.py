"""Whether cells are missing at random: does their absence go with what stands in other columns?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import chdtrc

FEWEST_EXPECTED = 5.0
FEW_VALUES, N_PARTS = 10, 5


class Dependence(NamedTuple):
    """How the absence of each of several columns goes with one other column."""

    p_value: NDArray[np.float64]
    """Shape (n_columns,); of a chi-square test of independence, NaN where there was too little to test."""
    level: NDArray[np.int64]
    """The level of the other column whose rows stand out most; -1 where nothing was tested."""
    counts: NDArray[np.int64]
    """Shape (n_columns, 4): missing cells and rows of that level, and of all others that were tested."""


def levels_of(cells: NDArray[Any], *, max_levels: int = 50) -> tuple[NDArray[np.int64], list[str]]:
    """Bring a column to a few levels.

    Parameters
    ----------
    cells : ndarray, shape (n_samples,)
        Numbers as float64, NaN for missing; else objects, ``None`` for missing.
    max_levels : int, default 50
        Levels of objects that are told apart, the most frequent first; the others become one.

    Returns
    -------
    tuple of ndarray of int64, shape (n_samples,), and list of str
        Level of each row, -1 for missing, and the names. Numbers of more than ten different values are cut at fifths.

    Examples
    --------
    >>> levels_of(np.array(["a", None, "b", "a"], dtype=object))
    (array([ 0, -1,  1,  0]), ['a', 'b'])
    """
    if cells.dtype.kind != "f":
        texts = np.array(["" if cell is None else str(cell) for cell in cells.tolist()])
        known = np.array([cell is not None for cell in cells.tolist()], dtype=np.bool_)
        names, place, counts = np.unique(texts[known], return_inverse=True, return_counts=True)
        kept = np.argsort(-counts, kind="stable")[:max_levels]
        rank = np.full(names.size, kept.size, dtype=np.int64)
        rank[kept] = np.arange(kept.size)
        codes = np.full(cells.size, -1, dtype=np.int64)
        codes[known] = rank[place.ravel()]
        return codes, [*(str(names[at]) for at in kept), *(["a rarer value"] if names.size > kept.size else [])]
    known = np.isfinite(cells)
    distinct = np.unique(cells[known])
    if distinct.size <= FEW_VALUES:
        codes = np.where(known, np.searchsorted(distinct, cells), -1)
        return codes.astype(np.int64), [f"{value:g}" for value in distinct]
    cuts = np.unique(np.quantile(cells[known], np.arange(1, N_PARTS) / N_PARTS, method="higher"))
    edges = cuts[cuts > distinct[0]]
    codes = np.where(known, np.searchsorted(edges, cells, side="right"), -1)
    ends = [f"{edge:g}" for edge in edges]
    inner = [f"{low} to below {high}" for low, high in pairwise(ends)]
    return codes.astype(np.int64), [f"below {ends[0]}", *inner, f"{ends[-1]} or above"] if ends else ["any"]


def absence_dependence(is_missing: ArrayLike, codes: ArrayLike) -> Dependence:
    """Test whether the absence of cells depends on another column.

    Parameters
    ----------
    is_missing : array-like of bool, shape (n_samples, n_columns)
    codes : array-like of int, shape (n_samples,)
        Levels of the other column, from 0; -1 where it is itself missing: such rows are left out, for cells that are
        always missing together say nothing about why.

    Returns
    -------
    Dependence

    Notes
    -----
    Pearson's chi-square on a table of two columns. Levels with fewer than five expected cells on either side are joined
    to one first. Approximate; the error rate over many tests is the caller's to control.

    References
    ----------
    Little, R. J. A. (1988). A test of missing completely at random for multivariate data with missing values. JASA 83,
    1198-1202 (of which this is a part: it tests one column at a time, so that the columns can be named).

    Examples
    --------
    >>> absent = np.array([[True]] * 30 + [[False]] * 70)
    >>> float(absence_dependence(absent, [0] * 50 + [1] * 50).p_value[0]) < 1e-9
    True
    """
    absent, code = np.asarray(is_missing, dtype=np.bool_), np.asarray(codes, dtype=np.int64)
    known = np.flatnonzero(code >= 0)
    n, n_columns = known.size, absent.shape[1]
    if n == 0:
        nothing = np.zeros((n_columns, 4), dtype=np.int64)
        return Dependence(np.full(n_columns, np.nan), np.full(n_columns, -1), nothing)
    size = np.bincount(code[known]).astype(np.float64)
    chosen = csr_array((np.ones(n), (code[known], np.arange(n))), shape=(size.size, n))
    missing = np.asarray(chosen @ absent[known].astype(np.float64))
    results = [_tested(missing[:, column], size) for column in range(n_columns)]
    p_value, level, counts = zip(*results, strict=True)
    return Dependence(np.array(p_value), np.array(level, dtype=np.int64), np.array(counts, dtype=np.int64))


def _tested(missing: NDArray[np.float64], size: NDArray[np.float64]) -> tuple[float, int, tuple[int, ...]]:
    """Test one column; return the p-value, the level that stands out, and the counts in it and elsewhere."""
    nothing = (float("nan"), -1, (0, 0, 0, 0))
    n, total = size.sum(), missing.sum()
    rarer = min(total, n - total) / n
    is_small = size * rarer < FEWEST_EXPECTED
    own = np.flatnonzero(~is_small)
    a, m = missing[own], size[own]
    if size[is_small].sum() * rarer >= FEWEST_EXPECTED:
        a, m = np.append(a, missing[is_small].sum()), np.append(m, size[is_small].sum())
    if m.size < 2 or not own.size or not 0.0 < a.sum() < m.sum():
        return nothing
    share = a.sum() / m.sum()
    squares = (a - m * share) ** 2 / (m * share * (1.0 - share))
    at = int(np.argmax(squares[: own.size]))
    counts = (a[at], m[at], a.sum() - a[at], m.sum() - m[at])
    return float(chdtrc(m.size - 1, squares.sum())), int(own[at]), tuple(round(float(count)) for count in counts)
