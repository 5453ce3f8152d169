"""How far rows are from the nearest row of another table, and rows that no table would hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Cells = Mapping[str, NDArray[Any]]
CELLS = 4_000_000
"""Pairs of rows that are compared at a time."""
SPREAD = (0.05, 0.95)


def nearest_distance(reference: Cells, rows: Cells) -> Numbers:
    """Return the distance of each row to the nearest row of a reference table.

    Parameters
    ----------
    reference, rows : mapping of column name to ndarray, shape (n_reference,) and (n_rows,)
        The same columns: floats with NaN for missing, or objects with None for missing.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Gower's distance, from 0 (the same row) to 1: the mean over columns of 1 for another category or a cell that is
        missing on one side only, and of the difference of numbers in units of the range between the 5 % and 95 %
        quantiles of the reference, at most 1.

    References
    ----------
    Gower (1971), A general coefficient of similarity and some of its properties, Biometrics 27.

    Examples
    --------
    >>> known = {"a": np.array([0.0, 1.0]), "b": np.array(["x", "y"], dtype=object)}
    >>> nearest_distance(known, {"a": np.array([1.0, 9.0]), "b": np.array(["y", "z"], dtype=object)}).tolist()
    [0.0, 1.0]
    """
    pairs = [_comparable(reference[name], rows[name]) for name in reference]
    n_reference, n_rows = pairs[0][0].size, pairs[0][1].size
    nearest = np.empty(n_rows)
    step = max(1, CELLS // max(n_reference, 1))
    for start in range(0, n_rows, step):
        part = slice(start, start + step)
        total = np.zeros((min(step, n_rows - start), n_reference), dtype=np.float32)
        for known, new, is_number in pairs:
            a, b = new[part, None], known[None, :]
            apart = np.abs(a - b) if is_number else (a != b).astype(np.float32)
            np.nan_to_num(apart, copy=False, nan=1.0)
            if is_number:
                apart[np.isnan(new[part])[:, None] & np.isnan(known)[None, :]] = 0.0
            total += np.minimum(apart, 1.0)
        nearest[part] = total.min(axis=1) / len(pairs)
    return nearest


def invented_rows(rows: Cells, *, rng: np.random.Generator, stretch: float = 3.0) -> dict[str, NDArray[Any]]:
    """Return rows that cannot be: each column shuffled by itself, numbers three times as far from their median.

    Parameters
    ----------
    rows : mapping of column name to ndarray, shape (n_rows,)
        As above.
    rng : numpy.random.Generator
        Shuffles.
    stretch : float, default 3.0
        How much further numbers are moved from their median. Missing cells and categories stay what they are.
    """
    made: dict[str, NDArray[Any]] = {}
    for name, values in rows.items():
        mixed = rng.permutation(values)
        if mixed.dtype != object and np.isfinite(mixed).any():
            middle = float(np.median(mixed[np.isfinite(mixed)]))
            mixed = middle + stretch * (mixed - middle)
        made[name] = mixed
    return made


def _comparable(known: NDArray[Any], new: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    if known.dtype == object:
        levels = {level: code for code, level in enumerate(dict.fromkeys(known.tolist()))}
        codes = [np.array([levels.get(v, -1) for v in values.tolist()], dtype=np.float32) for values in (known, new)]
        return codes[0], codes[1], False
    finite = known[np.isfinite(known)]
    low, high = np.quantile(finite, SPREAD) if finite.size else (0.0, 1.0)
    unit = high - low if high > low else max(float(np.ptp(finite)), 1e-12) if finite.size else 1.0
    scaled = [np.clip((values - low) / unit, -1e6, 1e6).astype(np.float32) for values in (known, new)]
    return scaled[0], scaled[1], True
