"""Write the cells of a table as a matrix that any learner takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_LEVELS = 200


def encoded(columns: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Number the levels of categories by how often they occur; numbers stay.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n_rows,)
        Floats with NaN for missing, or objects with None for missing.

    Returns
    -------
    matrix : ndarray, shape (n_rows, n_columns)
        Of a category the number of its level, the most frequent 0 and all from the 200th on 199; NaN for missing.
    is_category : ndarray of bool, shape (n_columns,)

    Examples
    --------
    >>> matrix, is_category = encoded({"a": np.array([1.5, 2.0]), "b": np.array(["x", None], dtype=object)})
    >>> matrix.tolist(), is_category.tolist()
    ([[1.5, 0.0], [2.0, nan]], [False, True])
    """
    parts = [_codes(values) if values.dtype == object else values.astype(np.float64) for values in columns.values()]
    is_category = np.array([values.dtype == object for values in columns.values()], dtype=np.bool_)
    return np.column_stack(parts), is_category


def _codes(values: NDArray[np.object_]) -> NDArray[np.float64]:
    present = np.array([value is not None for value in values], dtype=np.bool_)
    codes = np.full(values.size, np.nan)
    if present.any():
        _, level, counts = np.unique(values[present].astype(str), return_inverse=True, return_counts=True)
        rank = np.empty(counts.size, dtype=np.int64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
        codes[present] = np.minimum(rank[level.ravel()], MOST_LEVELS - 1)
    return codes
