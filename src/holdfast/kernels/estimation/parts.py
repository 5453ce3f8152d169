"""Cut a table into periods."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.stats.inputs import float_vector

Numbers = NDArray[np.float64]
Positions = NDArray[np.int64]
MOST_PERIODS = 2000
FEWEST_CASES = 50
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "": 1.0}


class Parts(NamedTuple):
    """Periods of a table."""

    of: NDArray[np.int64]
    """Shape ``(n,)``: period of each case."""
    starts: Numbers
    """Shape ``(n_periods,)``: first moment of each, or the position of its first case where there is no time."""
    ends: Numbers
    """Shape ``(n_periods,)``: last moment of each, or the position of its last case."""


def moments(cells: NDArray[np.generic]) -> Numbers:
    """Read times as seconds since 1970; numbers stay what they are.

    Parameters
    ----------
    cells : ndarray, shape (n,)
        Numbers, or objects: dates, times, or texts in the form of ISO 8601. Times without a zone count as UTC.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If a cell is empty or no time.

    Examples
    --------
    >>> moments(np.array(["1970-01-02", "1970-01-01T01:00:00+01:00"], dtype=object)).tolist()
    [86400.0, 0.0]
    """
    if cells.dtype.kind == "f":
        return float_vector(cells, name="time")
    return np.array([_seconds(cell, row) for row, cell in enumerate(cells.tolist())], dtype=np.float64)


def duration(text: str) -> float | None:
    """Read a length of time such as ``7d``, in seconds; a number without a unit is one of the time column's own.

    Parameters
    ----------
    text : str
        A number and one of ``s``, ``m``, ``h``, ``d``, ``w``.

    Returns
    -------
    float or None
        ``None`` for an empty text.

    Raises
    ------
    ValueError
        If it is no such text, or not above zero.

    Examples
    --------
    >>> duration("2d")
    172800.0
    """
    if not text:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", text)
    if not match or float(match[1]) <= 0.0:
        raise ValueError(f"expected a length of time such as 7d, 12h or 2w, got {text!r}")
    return float(match[1]) * SECONDS[match[2]]


def split_periods(moment: Numbers | None, n: int, *, periods: int, every: float | None = None) -> Parts:
    """Cut cases into periods of equal size, or of equal length in time.

    Parameters
    ----------
    moment : ndarray, shape (n,), optional
        When each case was, in any order; the order of the table otherwise.
    n : int
        Number of cases.
    periods : int
        How many of equal size; fewer where they would hold under 50 cases.
    every : float, optional
        Length of a period in the unit of `moment`, counted from zero; periods without a case are left out.

    Returns
    -------
    Parts
        In order of time. Cases of one moment stay together.

    Raises
    ------
    ValueError
        If `every` is given without moments, gives more than 2,000 periods, or `periods` is below one.

    Examples
    --------
    >>> split_periods(np.array([3.0, 1.0, 8.0]), 3, periods=1, every=5.0).of.tolist()
    [0, 0, 1]
    """
    if periods < 1:
        raise ValueError(f"expected one period or more, got {periods}")
    if every is not None:
        if moment is None:
            raise ValueError("expected a time column to cut periods by length, got none")
        number = np.floor(moment / every)
        found, of = np.unique(number, return_inverse=True)
        if found.size > MOST_PERIODS:
            raise ValueError(f"expected at most {MOST_PERIODS} periods, got {found.size}; take longer ones")
        of = of.astype(np.int64)
    else:
        count = max(1, min(periods, n // FEWEST_CASES))
        if moment is None:
            of = np.arange(n) * count // max(n, 1)
        else:
            _, place, size = np.unique(moment, return_inverse=True, return_counts=True)
            middle = np.cumsum(size) - size / 2.0
            of = np.minimum((middle * count / max(n, 1)).astype(np.int64), count - 1)[place]
            _, of = np.unique(of, return_inverse=True)
        of = np.asarray(of, dtype=np.int64)
    when = np.arange(n, dtype=np.float64) if moment is None else moment
    n_parts = int(of.max(initial=-1)) + 1
    starts, ends = np.full(n_parts, np.inf), np.full(n_parts, -np.inf)
    np.minimum.at(starts, of, when)
    np.maximum.at(ends, of, when)
    return Parts(of, starts, ends)


def among(
    rows: Positions, n: int, known: Positions, outcome: NDArray[Any], probability: Numbers | None = None
) -> tuple[Positions, NDArray[Any], Numbers | None]:
    """Return what is known of some cases, by their place among these.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_rows,)
        Positions of the cases, of `n`.
    n : int
    known : ndarray of int64, shape (n_known,)
        Positions of the cases of which something is known.
    outcome : ndarray, shape (n_known,)
    probability : ndarray, shape (n_known,), optional

    Returns
    -------
    tuple
        Places in `rows`, outcomes and probabilities of the known cases among them.

    Examples
    --------
    >>> among(np.array([2, 4]), 5, np.array([0, 4]), np.array([7, 8]))
    (array([1]), array([8]), None)
    """
    place = np.full(n, -1, dtype=np.int64)
    place[rows] = np.arange(rows.size)
    inside = place[known] >= 0
    return place[known[inside]], outcome[inside], None if probability is None else probability[inside]


def _seconds(cell: object, row: int) -> float:
    when = cell
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when.strip())
        except ValueError:
            raise ValueError(f"expected a time such as 2026-03-01 or 2026-03-01T12:00:00+01:00, got {cell!r}") from None
    if isinstance(when, datetime):
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    if isinstance(when, date):
        return datetime(when.year, when.month, when.day, tzinfo=UTC).timestamp()
    raise ValueError(f"expected a time in every row, got {cell!r} in row {row}")
