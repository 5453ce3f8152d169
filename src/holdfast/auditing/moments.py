"""Columns of times as numbers on one axis."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

PLAIN = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moments(column: pl.Series, *, where: str) -> NDArray[np.float64]:
    """Return times as float64: seconds since 1970 (UTC) of dates and times, numbers as they are.

    Raises
    ------
    InputError
        When a time is missing, infinite, or cannot be read.
    """
    import numpy as np
    import polars as pl

    if column.null_count():
        raise InputError(
            f"expected a time in every row of {column.name!r} of {where}, {column.null_count()} have none",
            hint="leave those rows out, or say when they were",
        )
    if column.dtype == pl.String:
        column = _read(column, where)
    if column.dtype.is_temporal() and column.dtype not in (pl.Time, pl.Duration):
        microseconds = column.cast(pl.Datetime("us")).cast(pl.Int64)
        return np.asarray(microseconds.to_numpy(), dtype=np.float64) / 1e6
    if not column.dtype.is_numeric():
        raise InputError(
            f"expected dates, times or numbers in {column.name!r} of {where}, got {column.dtype}",
            hint="write times as 2026-03-01 or 2026-03-01T12:00:00Z",
        )
    values = column.cast(pl.Float64).to_numpy()
    if not np.isfinite(values).all():
        raise InputError(f"expected finite times in {column.name!r} of {where}")
    return values


def _read(column: pl.Series, where: str) -> pl.Series:
    """Read text as times; those with an offset are brought to UTC, those without are taken as UTC."""
    import polars as pl

    text = column.str.strip_chars().str.replace(" ", "T", literal=True)
    zoned = text.str.replace("Z$", "+00:00").str.to_datetime("%+", strict=False, time_unit="us", time_zone="UTC")
    plain = [text.str.to_datetime(format, strict=False, time_unit="us") for format in PLAIN]
    dates = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    found = pl.select(pl.coalesce(zoned.dt.replace_time_zone(None), *plain, dates)).to_series()
    if found.null_count():
        bad = column.filter(found.is_null())[0]
        raise InputError(
            f"expected times in {column.name!r} of {where}, got {bad!r}",
            hint="write times as 2026-03-01 or 2026-03-01T12:00:00Z",
        )
    return found.alias(column.name)


def span(text: str, *, what: str, is_clock: bool) -> float:
    """Read a length of time, such as ``7d`` or ``12h``, in seconds; a bare number is in units of the column.

    Raises
    ------
    InputError
        When it is no length above 0, or a clock's length is given for a column of numbers.

    Examples
    --------
    >>> span("7d", what="--every", is_clock=True)
    604800.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", text)
    if not match:
        raise InputError(f"expected a length of time such as 7d, 12h or a number as {what}, got {text!r}")
    if match[2] and not is_clock:
        raise InputError(
            f"{what} is {text}, and the column of times holds numbers",
            hint="give a number in their units, without d or h",
        )
    if is_clock and not match[2]:
        raise InputError(f"{what} is {text}, without a unit", hint="write 7d for seven days, 12h for twelve hours")
    return float(match[1]) * SECONDS.get(match[2], 1)
