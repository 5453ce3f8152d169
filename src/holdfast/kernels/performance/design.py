"""Turn columns of a table into the inputs of a linear model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Numbers further than this many standard deviations from the median are drawn in, so that one cell cannot rule a fit.
_FARTHEST = 1e3


def linear_designs(
    train: Sequence[NDArray[Any]], test: Sequence[NDArray[Any]], *, levels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Encode the columns of two tables by what is known from the first.

    Parameters
    ----------
    train, test : sequence of ndarray, each (n_rows,)
        The same columns of both tables. Columns of a numeric type in `train` are numbers (in `test` too), NaN or
        infinite where missing; others are categories: strings, None where missing.
    levels : int
        Levels of a category that get a column, the most frequent first and then in sorted order.

    Returns
    -------
    tuple of two ndarray of float64, shape (n_rows, n_inputs)
        Numbers filled with the median, centred on it and divided by the standard deviation; categories as 0 and 1.

    Raises
    ------
    ValueError
        If there are no columns, or their numbers differ.

    Examples
    --------
    >>> train = [np.array([1.0, 3.0]), np.array(["a", "b"], dtype=object)]
    >>> linear_designs(train, [np.array([np.nan]), np.array(["b"], dtype=object)], levels=5)[1]
    array([[0., 0., 1.]])
    """
    blocks: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for first, second in zip(train, test, strict=True):
        blocks.append(_standardised(first, second) if first.dtype.kind in "fiu" else _indicators(first, second, levels))
    if not blocks:
        raise ValueError("expected one or more columns, got none; a linear model needs inputs")
    return np.column_stack([block[0] for block in blocks]), np.column_stack([block[1] for block in blocks])


def _standardised(train: NDArray[Any], test: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = (np.where(np.isfinite(column), column, np.nan).astype(np.float64) for column in (train, test))
    known = first[~np.isnan(first)]
    centre, spread = (float(np.median(known)), float(known.std())) if known.size else (0.0, 0.0)
    scale = spread if spread > 0.0 else 1.0
    filled = (np.where(np.isnan(column), 0.0, (column - centre) / scale) for column in (first, second))
    one, two = (np.clip(column, -_FARTHEST, _FARTHEST)[:, None] for column in filled)
    return one, two


def _indicators(
    train: NDArray[Any], test: NDArray[Any], levels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    distinct, counts = np.unique([str(level) for level in train if level is not None], return_counts=True)
    frequent = distinct[np.argsort(-counts, kind="stable")[:levels]]
    place = {str(level): index for index, level in enumerate(frequent)}
    first, second = (np.array([place.get(level, -1) for level in column], dtype=np.int64) for column in (train, test))
    columns = np.arange(frequent.size)
    return (first[:, None] == columns).astype(np.float64), (second[:, None] == columns).astype(np.float64)
