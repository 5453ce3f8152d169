"""The column that says when a row came: read, ordered, cut into windows, and divided into seasons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdfast.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from holdfast.core.subject import Table

SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
YEAR_S = 365.25 * 86_400
SPAN = re.compile(r"^(?P<number>\d+(\.\d+)?)\s*(?P<unit>s|min|h|d|w)?$")
SEASONS = {"hour": 24, "weekday": 7, "month": 12}
MOST_WINDOWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When rows came.

    Attributes
    ----------
    values
        ``(n,)`` float64: seconds since 1970 in UTC, or numbers as they stand; rising.
    rows
        ``(n,)`` int64: positions in the table, in this order; rows of one time stay as they stood.
    is_clock
        Whether they are dates and times, not numbers.
    notes
        What was found.
    """

    values: NDArray[np.float64]
    rows: NDArray[np.int64]
    is_clock: bool
    notes: tuple[str, ...]

    def written(self, value: float) -> str:
        """Write a moment as ISO 8601, or the number."""
        if not self.is_clock:
            return f"{value:.10g}"
        moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(value))
        return moment.strftime("%Y-%m-%d" if value % 86_400 == 0 else "%Y-%m-%d %H:%M:%S")


def read_times(table: Table, column: str) -> Times:
    """Read the times of a table's rows and put them in order.

    Raises
    ------
    InputError
        When there is no such column, or a cell of it is neither a number nor an ISO 8601 date or time, or times with a
        zone stand beside times without.
    """
    if column not in table.frame.columns:
        raise InputError(
            f"{table.source} has no column {column!r} for the time", hint=did_you_mean(column, table.frame.columns)
        )
    series = table.frame.get_column(column)
    values = _seconds(series, table.source)
    present = np.flatnonzero(~np.isnan(values))
    if not present.size:
        raise InputError(f"the column {column!r} of {table.source} holds no time")
    found = values[present]
    order = np.argsort(found, kind="stable")
    notes = []
    if present.size < values.size:
        notes.append(f"{values.size - present.size:,} rows of {table.source} without a time were left out")
    late = int((np.diff(found) < 0).sum())
    if late:
        notes.append(f"rows of {table.source} were put in order of time: {late:,} came before the row above them")
    equal = int((np.diff(found[order]) == 0).sum())
    if equal:
        notes.append(f"rows of {table.source} with the time of the row before: {equal:,}; they keep their order")
    return Times(values=found[order], rows=present[order], is_clock=not series.dtype.is_numeric(), notes=tuple(notes))


def _seconds(series: pl.Series, source: str) -> NDArray[np.float64]:
    import polars as pl

    if series.dtype.is_numeric():
        numbers = series.cast(pl.Float64)
        endless = numbers.is_infinite().fill_null(False)
        if endless.any():
            raise InputError(f"expected finite times in {series.name!r} of {source}, got an infinite one")
        return numbers.fill_null(float("nan")).to_numpy()
    if series.dtype == pl.Date:
        return series.cast(pl.Float64).fill_null(float("nan")).to_numpy() * 86_400.0
    if isinstance(series.dtype, pl.Datetime):
        return series.dt.epoch("us").cast(pl.Float64).fill_null(float("nan")).to_numpy() / 1e6
    if series.dtype == pl.String:
        return np.array(_parsed(series.to_list(), series.name, source))
    raise InputError(f"expected times in {series.name!r} of {source}, got {series.dtype}")


def _parsed(cells: list[str | None], column: str, source: str) -> list[float]:
    seconds: list[float] = []
    zoned: dict[bool, int] = {}
    for row, cell in enumerate(cells):
        if cell is None:
            seconds.append(float("nan"))
            continue
        try:
            moment = datetime.fromisoformat(cell.strip())
        except ValueError:
            raise InputError(
                f"expected ISO 8601 dates and times in {column!r} of {source}, got {cell!r:.60} in data row {row + 1}",
                hint="write times as 2026-11-30T12:00:00+00:00, and leave cells empty where the time is not known",
            ) from None
        zoned.setdefault(moment.tzinfo is not None, row)
        seconds.append((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if len(zoned) == 2:
        raise InputError(
            f"expected times with a zone in all rows of {column!r} of {source} or in none: data row "
            f"{zoned[True] + 1} has one, data row {zoned[False] + 1} has none",
            hint="add the offset, such as +01:00, to every time",
        )
    return seconds


def read_span(text: str, *, is_clock: bool, option: str) -> float:
    """Read a length of time such as ``7d`` in seconds, or a plain number where times are numbers.

    Examples
    --------
    >>> read_span("7d", is_clock=True, option="--every")
    604800.0
    """
    match = SPAN.match(text.strip())
    known = ", ".join(SECONDS)
    if match is None or float(match["number"]) <= 0.0:
        raise InputError(f"expected a length of time such as 7d for {option}, got {text!r}", hint=f"units: {known}")
    if is_clock and match["unit"] is None:
        raise InputError(f"expected a unit in {option} {text}, because the times are dates", hint=f"units: {known}")
    if not is_clock and match["unit"] is not None:
        raise InputError(
            f"expected a plain number for {option}, because the times are numbers, got {text!r}",
            hint="give the length in the unit of the time column",
        )
    return float(match["number"]) * (SECONDS[match["unit"]] if match["unit"] else 1)


def numbered(times: Times, length: float, origin: float, *, option: str) -> NDArray[np.int64]:
    """Return the window of each row, ``(n,)`` int64, from 0 where `origin` lies.

    Raises
    ------
    InputError
        When there are more than 20,000 windows.
    """
    windows = np.floor((times.values - origin) / length)
    count = float(windows[-1] - windows[0]) + 1
    if count > MOST_WINDOWS:
        raise InputError(
            f"expected at most {MOST_WINDOWS:,} windows, got {count:,.0f} of this length",
            hint=f"give a longer {option}, or look for a time far from the others: "
            f"{times.written(times.values[0])} to {times.written(times.values[-1])}",
        )
    return windows.astype(np.int64)


def seasons(values: NDArray[np.float64], season: str) -> NDArray[np.int64]:
    """Return hour of day, day of week (Monday 0) or month (January 0) of moments in UTC, ``(n,)`` int64."""
    seconds = np.floor(values).astype("datetime64[s]")
    if season == "hour":
        return (seconds.astype("datetime64[h]").astype(np.int64)) % 24
    if season == "weekday":
        return (seconds.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return (seconds.astype("datetime64[M]").astype(np.int64)) % 12
