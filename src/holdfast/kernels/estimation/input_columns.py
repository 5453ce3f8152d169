"""Columns of two tables as one kind of numbers, for models that tell the tables apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]
Cells = Mapping[str, NDArray[np.generic]]
MOST_LEVELS = 12
RAREST = 0.005


def input_columns(reference: Cells, tables: Sequence[Cells]) -> tuple[Numbers, list[Numbers]]:
    """Write columns as numbers, in the same way for all tables.

    Parameters
    ----------
    reference : mapping of str to ndarray, shape (n_reference,)
        Numbers with NaN for missing, or objects with ``None``; it decides how each column is written.
    tables : sequence of the same
        With the same columns.

    Returns
    -------
    tuple of ndarray and list of ndarray, shape (n, n_columns)
        Of a number itself, cut to the reference's range of 98 % widened by half, with its mean where it is missing, and
        whether it is missing, if that occurs. Of other columns one indicator for each of the 12 most frequent levels
        but the first that half a percent or more of the reference has.

    Examples
    --------
    >>> past = {"age": np.array([1.0, np.nan]), "sex": np.array(["f", "m"], dtype=object)}
    >>> input_columns(past, [past])[0].tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    whole: list[list[Numbers]] = [[] for _ in range(1 + len(tables))]
    for name, column in reference.items():
        columns = [column, *(table[name] for table in tables)]
        for place, written in zip(whole, _written(columns), strict=True):
            place += written
    sizes = [next(iter(cells.values())).size if cells else 0 for cells in (reference, *tables)]
    found = [np.column_stack(some) if some else np.zeros((n, 0)) for some, n in zip(whole, sizes, strict=True)]
    return found[0], found[1:]


def group_codes(reference: NDArray[np.generic], current: NDArray[np.generic]) -> tuple[Codes, Codes, int]:
    """Number the groups of the reference.

    Parameters
    ----------
    reference : ndarray, shape (n_reference,)
    current : ndarray, shape (n,)

    Returns
    -------
    tuple of ndarray, ndarray and int
        Group of each case, -1 for one that the reference does not hold, and the number of groups.

    Examples
    --------
    >>> group_codes(np.array(["b", "a"]), np.array(["a", "c"]))
    (array([1, 0]), array([ 0, -1]), 2)
    """
    names, of = np.unique([str(cell) for cell in reference], return_inverse=True)
    position = {name: at for at, name in enumerate(names.tolist())}
    codes = [position.get(str(cell), -1) for cell in current]
    return of.astype(np.int64), np.array(codes, dtype=np.int64), names.size


def _written(columns: Sequence[NDArray[np.generic]]) -> list[list[Numbers]]:
    if columns[0].dtype.kind == "f":
        numbers = [np.asarray(column, dtype=np.float64) for column in columns]
        known = numbers[0][np.isfinite(numbers[0])]
        low, high = np.quantile(known, [0.01, 0.99]) if known.size else (0.0, 0.0)
        margin = (high - low) / 2.0
        mean = float(np.clip(known, low - margin, high + margin).mean()) if known.size else 0.0
        has_gaps = any(np.isnan(each).any() for each in numbers)
        return [
            [
                np.where(np.isnan(each), mean, np.clip(each, low - margin, high + margin)),
                *([np.isnan(each).astype(np.float64)] if has_gaps else []),
            ]
            for each in numbers
        ]
    texts = [np.array([str(cell) for cell in column], dtype=object) for column in columns]
    levels, counts = np.unique(texts[0].astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[: MOST_LEVELS + 1][1:]
    kept = [levels[at] for at in order if counts[at] >= RAREST * counts.sum()]
    return [[np.asarray(text == level, dtype=np.float64) for level in kept] for text in texts]
