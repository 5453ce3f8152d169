"""Check that changed rows respect what an attacker may do; shares no code with the attacks it judges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class NumericLimits(NamedTuple):
    """What may happen to a numeric column."""

    scale: float
    """Length of one unit of distance, in units of the column."""
    low: float
    """Smallest valid value."""
    high: float
    """Largest valid value."""
    is_whole: bool
    """Whether values are whole numbers."""


class CategoryLimits(NamedTuple):
    """What may happen to a category column."""

    levels: frozenset[Any]
    """The valid values."""


class Budget(NamedTuple):
    """How far an attacker may go in one row."""

    distance: float
    """Largest move of each numeric cell, in units of its scale."""
    categories: int
    """Largest number of category cells that differ."""


def violations(
    original: Mapping[str, NDArray[Any]],
    changed: Mapping[str, NDArray[Any]],
    *,
    limits: Mapping[str, NumericLimits | CategoryLimits],
    budget: Budget,
) -> dict[str, NDArray[np.bool_]]:
    """Find the rows that break a constraint, for each constraint.

    Parameters
    ----------
    original, changed : mapping of column name to ndarray, shape (n_samples,)
        The same columns before and after. Missing cells are None or NaN.
    limits : mapping of column name to NumericLimits or CategoryLimits
        The columns that may change; all others must be the same cell for cell.
    budget : Budget

    Returns
    -------
    dict of str to ndarray of bool, shape (n_samples,)
        True where the row breaks it: ``"immutable"`` (a column without limits or a missing cell changed),
        ``"distance"``, ``"range"`` (a changed cell neither inside the valid range nor closer to it than it was),
        ``"whole"``, ``"levels"`` and ``"categories"``. Comparisons are exact, without tolerance.

    Raises
    ------
    ValueError
        If the columns differ.

    Examples
    --------
    >>> before, after = {"a": np.array([1.0]), "b": np.array([2.0])}, {"a": np.array([1.5]), "b": np.array([2.5])}
    >>> broken = violations(before, after, limits={"a": NumericLimits(1.0, 0.0, 9.0, False)}, budget=Budget(0.25, 0))
    >>> [name for name, rows in broken.items() if rows.any()]
    ['immutable', 'distance']
    """
    if list(original) != list(changed):
        raise ValueError(f"expected the columns {list(original)}, got {list(changed)}")
    n = len(next(iter(original.values()))) if original else 0
    names = ("immutable", "distance", "range", "whole", "levels", "categories")
    broken = {name: np.zeros(n, dtype=np.bool_) for name in names}
    swaps = np.zeros(n, dtype=np.int64)
    for name, before in original.items():
        differs = _differs(before, changed[name])
        rule = limits.get(name)
        if rule is None:
            broken["immutable"] |= differs
        elif isinstance(rule, CategoryLimits):
            broken["immutable"] |= differs & _is_missing(before)
            broken["levels"] |= differs & ~np.array([cell in rule.levels for cell in changed[name]], dtype=np.bool_)
            swaps += differs
        else:
            _judge_numbers(broken, differs, before, changed[name], rule, budget.distance)
    broken["categories"] = swaps > budget.categories
    return broken


def _judge_numbers(
    broken: dict[str, NDArray[np.bool_]],
    differs: NDArray[np.bool_],
    before: NDArray[Any],
    after: NDArray[Any],
    rule: NumericLimits,
    distance: float,
) -> None:
    missing = _is_missing(before) | _is_missing(after)
    broken["immutable"] |= differs & missing
    rows = np.flatnonzero(differs & ~missing)
    x, z = before[rows].astype(np.float64), after[rows].astype(np.float64)
    reach = distance * rule.scale
    broken["distance"][rows] |= (z < x - reach) | (z > x + reach)
    # A row that was outside its range from the start may stay there or come nearer.
    broken["range"][rows] |= (z < np.minimum(rule.low, x)) | (z > np.maximum(rule.high, x))
    if rule.is_whole:
        broken["whole"][rows] |= z != np.floor(z)


def _is_missing(cells: NDArray[Any]) -> NDArray[np.bool_]:
    if cells.dtype == object:
        return np.array([cell is None or cell != cell for cell in cells], dtype=np.bool_)
    if cells.dtype.kind in "mM":
        return np.asarray(np.isnat(cells))
    return np.asarray(np.isnan(cells)) if cells.dtype.kind == "f" else np.zeros(cells.shape, dtype=np.bool_)


def _differs(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    both_missing = _is_missing(before) & _is_missing(after)
    return np.asarray((before != after) & ~both_missing, dtype=np.bool_)
