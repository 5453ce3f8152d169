"""Which rows of a table lie, unchanged, among rows that a model keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Dense rows are written out in blocks of at most this many numbers.
_BLOCK = 1 << 22


class EqualRows(NamedTuple):
    """Rows that two matrices share."""

    is_stored: NDArray[np.bool_]
    """Whether each row of the table is among the stored ones, shape ``(n_rows,)``."""
    n_equal: int
    """How many stored rows equal a row of the table, counted with repetitions."""


def equal_rows(stored: Any, table: Any) -> EqualRows:
    """Find the rows of a table that are kept unchanged.

    Parameters
    ----------
    stored : ndarray or scipy sparse matrix of numbers, shape (n_stored, n_features)
        Rows that a model keeps.
    table : ndarray or scipy sparse matrix of numbers, shape (n_rows, n_features)
        Rows to look for.

    Returns
    -------
    EqualRows
        All false and 0 where either is empty.

    Raises
    ------
    ValueError
        If the numbers of columns differ.

    Notes
    -----
    Rows are compared in single precision, in which some models keep them: two numbers are equal when they round to
    the same one, and NaN equals NaN. Cost O((n_stored + n_rows) n_features).

    Examples
    --------
    >>> equal_rows(np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    EqualRows(is_stored=array([ True, False]), n_equal=2)
    """
    if stored.shape[1] != table.shape[1]:
        raise ValueError(f"expected rows of one width, got {stored.shape[1]} stored columns and {table.shape[1]}")
    kept, looked_for = _contents(stored), _contents(table)
    among_kept, among_table = set(kept), set(looked_for)
    is_stored = np.array([content in among_kept for content in looked_for], dtype=bool)
    return EqualRows(is_stored, sum(content in among_table for content in kept))


def _contents(rows: Any) -> list[bytes]:
    """Write each row as bytes that equal rows share."""
    step = max(1, _BLOCK // max(1, rows.shape[1]))
    return [
        content for start in range(0, rows.shape[0], step) for content in _block_contents(rows[start : start + step])
    ]


def _block_contents(rows: Any) -> list[bytes]:
    dense = rows.toarray() if hasattr(rows, "toarray") else rows
    with np.errstate(over="ignore"):
        single = np.asarray(dense, dtype=np.float32)
    # There are two zeros and many NaN: one of each is left.
    plain = np.ascontiguousarray(np.where(np.isnan(single), np.float32(np.nan), single + np.float32(0.0)))
    return [row.tobytes() for row in plain]
