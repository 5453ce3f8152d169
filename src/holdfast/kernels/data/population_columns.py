"""Bring the columns of tables and of a population to the same categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.data.population import assign_ranges, read_ranges
from holdfast.kernels.data.raking import Margin, margin
from holdfast.kernels.fairness.grouping import cut_numbers

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Cells = NDArray[Any]

FEW_VALUES, N_PARTS = 10, 5


class PopulationColumn(NamedTuple):
    """A column as categories."""

    name: str
    labels: list[str]
    rows: dict[str, Codes]
    """Category of each row, by table; -1 for a row of none."""
    shares: Floats | None
    """Share of each category in the population, ``None`` where that is unknown."""
    people: Codes
    """Category of each row of the reference table; empty without one."""


def population_column(
    name: str,
    cells: Mapping[str, Cells],
    *,
    stated: Mapping[str, float] | None = None,
    people: Cells | None = None,
    weights: Floats | None = None,
) -> PopulationColumn:
    """Bring a column to the categories that are stated, else to those of a reference table, else to its own.

    Parameters
    ----------
    name : str
    cells : mapping of str to ndarray, shape (n_samples,)
        By table: numbers as float64, NaN for missing; else objects, ``None`` for missing.
    stated : mapping of str to float, optional
        Share by category, or by range of numbers; see `read_ranges`.
    people, weights : ndarray, shape (n_reference,), optional
        The column in a reference table, and how many people each of its rows stands for.

    Returns
    -------
    PopulationColumn
        Numbers of more than ten different values are cut into five parts of about equal weight, where no ranges are
        stated.

    Raises
    ------
    ValueError
        If stated labels of a column of numbers cannot be read.

    Examples
    --------
    >>> found = population_column("age", {"test": np.array([17.0, 40.0])}, stated={"<18": 1, "18+": 3})
    >>> found.rows["test"], found.shares
    (array([0, 1]), array([0.25, 0.75]))
    """
    source = people if people is not None else next(iter(cells.values()))
    is_number = any(part.dtype.kind == "f" for part in cells.values())
    if (
        stated is None
        and is_number
        and source.dtype.kind == "f"
        and np.unique(source[~np.isnan(source)]).size > FEW_VALUES
    ):
        edges = weighted_cuts(source, np.ones(source.size) if weights is None else weights)
        cut = cut_numbers(source, edges=edges)
        labels, own = cut.names, cut.group
        rows = {key: cut_numbers(_numbers(part), edges=edges).group for key, part in cells.items()}
    else:
        labels = list(stated) if stated is not None else _labels(source)
        rows = {
            key: _positions(part, labels) if not is_number else _ranged(part, labels) for key, part in cells.items()
        }
        own = _positions(source, labels) if source.dtype.kind != "f" else _ranged(source, labels)
    if stated is not None:
        shares = np.array(list(stated.values()), dtype=np.float64)
        return PopulationColumn(name, labels, rows, shares / shares.sum(), np.zeros(0, dtype=np.int64))
    if people is None or weights is None:
        return PopulationColumn(name, labels, rows, None, np.zeros(0, dtype=np.int64))
    total = np.bincount(own[own >= 0], weights=weights[own >= 0], minlength=len(labels))
    return PopulationColumn(name, labels, rows, total / total.sum() if total.sum() > 0 else None, own)


def weighted_cuts(values: Floats, weights: Floats, *, n_parts: int = N_PARTS) -> list[float]:
    """Find the numbers at which parts of about equal weight begin.

    Parameters
    ----------
    values, weights : ndarray of float64, shape (n_samples,)
        Values that are NaN or infinite, and weights of zero, do not count.
    n_parts : int, default 5

    Returns
    -------
    list of float
        Rising, without the smallest value; fewer than ``n_parts - 1`` where numbers are tied, none where all are equal.

    Examples
    --------
    >>> weighted_cuts(np.arange(10.0), np.ones(10))
    [2.0, 4.0, 6.0, 8.0]
    """
    known = np.isfinite(values) & (weights > 0)
    if not known.any():
        return []
    order = np.argsort(values[known], kind="stable")
    ranks = np.cumsum(weights[known][order])
    at = np.searchsorted(ranks, ranks[-1] * np.arange(1, n_parts) / n_parts, side="right")
    cuts = np.unique(values[known][order][np.minimum(at, ranks.size - 1)])
    return [float(cut) for cut in cuts if cut > values[known].min()]


def crossed(codes: Sequence[Codes], sizes: Sequence[int]) -> Codes:
    """Number the combinations of several columns.

    Parameters
    ----------
    codes : sequence of ndarray of int64, shape (n_samples,)
        Category of each row in each column, -1 for none.
    sizes : sequence of int
        Categories of each column.

    Returns
    -------
    ndarray of int64, shape (n_samples,)
        From 0 to below the product of the sizes; -1 where any is -1.

    Examples
    --------
    >>> crossed([np.array([0, 1, -1]), np.array([2, 0, 1])], [2, 3])
    array([ 2,  3, -1])
    """
    flat = np.ravel_multi_index(tuple(np.maximum(code, 0) for code in codes), tuple(sizes))
    return np.where(np.all([code >= 0 for code in codes], axis=0), flat, -1).astype(np.int64)


def joint_shares(columns: Sequence[PopulationColumn], weights: Floats | None) -> Floats | None:
    """Return the share of each combination in the population: as counted, or by independence where that is not known.

    Parameters
    ----------
    columns : sequence of PopulationColumn
    weights : ndarray, shape (n_reference,), or None
        Of the reference table; ``None`` where only shares are stated.

    Returns
    -------
    ndarray of float64, shape (n_combinations,), or None
        In the numbering of `crossed`. ``None`` without a population.
    """
    sizes = [len(column.labels) for column in columns]
    if weights is not None:
        code = crossed([column.people for column in columns], sizes)
        total = np.bincount(code[code >= 0], weights=weights[code >= 0], minlength=int(np.prod(sizes)))
        return np.asarray(total / total.sum()) if total.sum() > 0 else None
    shares = np.ones(1)
    for column in columns:
        if column.shares is None:
            return None
        shares = np.multiply.outer(shares, column.shares).ravel()
    return shares


def margins_of(
    columns: Sequence[PopulationColumn], table: str, weights: Floats | None, *, most_cells: int = 10_000
) -> tuple[list[Margin], list[Codes]]:
    """Choose what to weight a table to: all columns crossed, or each alone.

    Parameters
    ----------
    columns : sequence of PopulationColumn
        With shares, and rows of the table.
    table : str
    weights : ndarray, shape (n_reference,), or None
        Of the reference table; ``None`` where only shares are stated.
    most_cells : int, default 10000

    Returns
    -------
    tuple of lists
        Margins, and the category of each row of the reference table in each. Columns are crossed where the population
        tells how often each combination occurs and none of them is rare or absent in the table.
    """
    sizes = [len(column.labels) for column in columns]
    if weights is not None and len(columns) > 1 and np.prod([float(size) for size in sizes]) <= most_cells:
        shares = joint_shares(columns, weights)
        whole = None if shares is None else margin(crossed([column.rows[table] for column in columns], sizes), shares)
        if (
            whole is not None
            and shares is not None
            and whole.uncovered == 0
            and whole.shares.size == (shares > 0).sum()
        ):
            return [whole], [crossed([column.people for column in columns], sizes)]
    known = [column for column in columns if column.shares is not None]
    return [margin(each.rows[table], each.shares) for each in known if each.shares is not None], [
        each.people for each in known if weights is not None
    ]


def _numbers(cells: Cells) -> Floats:
    if cells.dtype.kind == "f":
        return np.asarray(cells, dtype=np.float64)
    return np.array([_number(cell) for cell in cells.tolist()], dtype=np.float64)


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan


def _ranged(cells: Cells, labels: Sequence[str]) -> Codes:
    return assign_ranges(_numbers(cells), read_ranges(labels))


def _labels(cells: Cells) -> list[str]:
    if cells.dtype.kind == "f":
        return [f"{value:.15g}" for value in np.unique(cells[np.isfinite(cells)]).tolist()]
    return sorted({_text(cell) for cell in cells.tolist() if cell is not None})


def _positions(cells: Cells, labels: Sequence[str]) -> Codes:
    place = {label.strip(): index for index, label in enumerate(labels)}
    return np.array([-1 if cell is None else place.get(_text(cell), -1) for cell in cells.tolist()], dtype=np.int64)


def _text(cell: object) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell).strip()
