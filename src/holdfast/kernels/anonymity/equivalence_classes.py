"""Rows that agree in all quasi-identifiers: the classes within which a person cannot be told from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
# A table of all combinations is counted directly while it is at most so many times as long as the rows are many.
_DENSE = 8


class Classes(NamedTuple):
    """Equivalence classes of a table.

    of_row: int64, shape (n_rows,), the class of each row. sizes: int64, shape (n_classes,), at least 1 each.
    """

    of_row: Codes
    sizes: Codes


def codes_of(values: NDArray[Any]) -> Codes:
    """Number the distinct values of a column in their order; missing ones (``None``, NaN) are one value, the first.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
        Numbers, or objects that print differently when they differ.

    Returns
    -------
    ndarray of int64, shape (n_rows,)
        From 0 to ``n_distinct - 1``.

    Examples
    --------
    >>> codes_of(np.array(["b", None, "a", "b"], dtype=object))
    array([2, 0, 1, 2])
    """
    if values.dtype.kind == "f":
        is_missing = np.isnan(values)
        distinct, codes = np.unique(np.where(is_missing, 0.0, values), return_inverse=True)
        if not is_missing.any():
            return np.asarray(codes, dtype=np.int64)
        return _dense(np.where(is_missing, 0, codes + 1), distinct.size + 1)
    if values.dtype.kind in "iub":
        return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)
    cells = values.tolist()
    distinct_cells = set(cells)
    has_missing = None in distinct_cells
    distinct_cells.discard(None)
    order: dict[Any, int] = {value: at + has_missing for at, value in enumerate(sorted(distinct_cells, key=_in_order))}
    order[None] = 0
    return np.fromiter((order[cell] for cell in cells), np.int64, len(cells))


def _in_order(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def equivalence_classes(columns: Sequence[Codes], *, start: Classes | None = None) -> Classes:
    """Group rows that agree in all columns.

    Parameters
    ----------
    columns : sequence of ndarray of int64, shape (n_rows,)
        Codes, zero or more (see :func:`codes_of`).
    start : Classes, optional
        Classes to refine; all rows are one class otherwise.

    Returns
    -------
    Classes
        In the order of the codes, first column first.

    Raises
    ------
    ValueError
        If there is neither a column nor a start, or the columns differ in length.

    Notes
    -----
    Codes are combined into one number (mixed radix), which is counted directly where its range is short and sorted
    otherwise: once, and once more each time that the range leaves 62 bits.

    Examples
    --------
    >>> equivalence_classes([np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])]).sizes
    array([2, 1, 1])
    """
    if start is None and not columns:
        raise ValueError("expected at least one column to group by, got none")
    lengths = {len(column) for column in columns} | ({len(start.of_row)} if start else set())
    if len(lengths) > 1:
        raise ValueError(f"expected columns of one length, got {sorted(lengths)}")
    if start is not None:
        combined, span = start.of_row, len(start.sizes)
    else:
        combined, span = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        width = int(column.max(initial=0)) + 1
        if span * width > 2**62:
            combined = _dense(combined, span)
            span = int(combined.max(initial=0)) + 1
        combined, span = combined * width + column, span * width
    of_row = _dense(combined, span)
    return Classes(of_row, np.bincount(of_row))


def _dense(numbers: Codes, span: int) -> Codes:
    """Replace numbers below ``span`` by their ranks among those that occur."""
    if span <= max(_DENSE * numbers.size, 1024):
        occurs = np.zeros(span, dtype=bool)
        occurs[numbers] = True
        rank = np.cumsum(occurs) - 1
        return np.asarray(rank[numbers], dtype=np.int64)
    return np.asarray(np.unique(numbers, return_inverse=True)[1], dtype=np.int64)
