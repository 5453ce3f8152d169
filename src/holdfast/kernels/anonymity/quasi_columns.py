"""Quasi-identifiers as numbers that can be cut, and boxes of them written for people."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.anonymity.equivalence_classes import codes_of
from holdfast.kernels.anonymity.mondrian import Boxes

Floats = NDArray[np.float64]
MOST_NAMES = 6
ANY, MISSING, UP_TO = "*", "missing", " to "


class QuasiColumn(NamedTuple):
    """A column that can be cut.

    values: float64, shape (n_rows,), finite: numbers as they are, missing ones just below the smallest; of categories
    their rank by frequency, so that rare ones are joined with rare ones. names: categories by rank, None for numbers.
    missing: the number that stands for a missing one, None where there is none.
    """

    values: Floats
    names: tuple[str, ...] | None
    missing: float | None = None


def quasi_column(cells: NDArray[Any]) -> QuasiColumn:
    """Prepare a column for :func:`holdfast.kernels.anonymity.mondrian.mondrian`.

    Parameters
    ----------
    cells : ndarray, shape (n_rows,)
        Numbers (NaN for missing), or objects (``None`` for missing).

    Raises
    ------
    ValueError
        If a number is infinite.

    Examples
    --------
    >>> quasi_column(np.array(["b", "a", "b"], dtype=object))
    QuasiColumn(values=array([0., 1., 0.]), names=('b', 'a'), missing=None)
    """
    if cells.dtype.kind in "fiu":
        values = cells.astype(np.float64)
        is_missing = np.isnan(values)
        if np.isinf(values).any():
            raise ValueError("expected finite numbers, got an infinite one; replace it by a missing cell")
        if not is_missing.any():
            return QuasiColumn(values, None)
        known = values[~is_missing]
        missing = float(np.nextafter(known.min(), -np.inf)) if known.size else 0.0
        return QuasiColumn(np.where(is_missing, missing, values), None, missing)
    codes = codes_of(cells)
    first = np.unique(codes, return_index=True)[1]
    names = np.array([MISSING if cells[at] is None else str(cells[at]) for at in first], dtype=object)
    order = np.argsort(-np.bincount(codes), kind="stable")
    rank = np.argsort(order, kind="stable")
    return QuasiColumn(rank[codes].astype(np.float64), tuple(names[order].tolist()))


def written_boxes(column: QuasiColumn, boxes: Boxes, at: int) -> list[str | float | None]:
    """Write what each class's rows have in one column: a number or a name where all agree, else a range or names.

    Parameters
    ----------
    column : QuasiColumn
    boxes : Boxes
    at : int
        Its position among the columns that were cut.

    Returns
    -------
    list, length n_classes
        Ranges as ``17 to 23``; names joined by ``|``, at most six, and ``*`` for more, or for all there are.
    """
    if column.names is None:
        return [_range(column, low, high) for low, high in zip(boxes.low[:, at], boxes.high[:, at], strict=True)]
    ranks = column.values.astype(np.int64)
    present: list[set[int]] = [set() for _ in boxes.classes.sizes]
    for one, rank in {*zip(boxes.classes.of_row.tolist(), ranks.tolist(), strict=True)}:
        present[one].add(rank)
    names = column.names
    return [
        ANY if len(held) > MOST_NAMES or 1 < len(held) == len(names) else "|".join(names[rank] for rank in sorted(held))
        for held in present
    ]


def _range(column: QuasiColumn, low: float, high: float) -> str | float | None:
    if low == column.missing:
        return None if high == low else f"{MISSING} or up to {high:.15g}"
    return float(low) if low == high else f"{low:.15g}{UP_TO}{high:.15g}"
