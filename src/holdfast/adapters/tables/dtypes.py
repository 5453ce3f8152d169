"""The few column types that a table has inside Holdfast: Int64, Float64, String, Boolean, Date and Datetime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.adapters.tables.names import listed
from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def canonical_frame(frame: pl.DataFrame, *, source: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Bring every column to a canonical type; missing is null everywhere, NaN included.

    Returns
    -------
    tuple of polars.DataFrame and tuple of str
        The table, and what was changed beyond the width of a number.

    Raises
    ------
    InputError
        For nested, binary and object columns, by name.
    """
    _refuse_nested(frame, source=source)
    columns: list[pl.Series] = []
    changed: dict[str, list[str]] = {}
    for column in frame.iter_columns():
        canonical, change = _canonical(column)
        columns.append(canonical)
        if change:
            changed.setdefault(change, []).append(column.name)
    infinite = [column.name for column in columns if column.dtype.is_float() and column.is_infinite().any()]
    if infinite:
        changed["infinite values were kept as they are in"] = infinite
    return frame.select(columns), tuple(f"{change} {listed(names)}" for change, names in changed.items())


def countable_frame(frame: pl.DataFrame, *, source: str) -> pl.DataFrame:
    """Bring every column to a canonical type, but for floating point, which keeps its width and its NaN.

    Raises
    ------
    InputError
        As `canonical_frame`.
    """
    _refuse_nested(frame, source=source)
    return frame.select(
        [column if column.dtype.is_float() else _canonical(column)[0] for column in frame.iter_columns()]
    )


def _canonical(column: pl.Series) -> tuple[pl.Series, str]:
    import polars as pl

    dtype = column.dtype
    if dtype in (pl.Boolean, pl.String, pl.Date):
        return column, ""
    if dtype.is_integer():
        return _integer(column)
    if dtype.is_float():
        number = column.cast(pl.Float64)
        has_nan = bool(number.is_nan().any())
        return (number.fill_nan(None), "NaN was read as a missing value in") if has_nan else (number, "")
    if dtype == pl.Null or dtype.is_decimal():
        return column.cast(pl.Float64), "" if dtype == pl.Null else "decimal numbers became floating point in"
    if isinstance(dtype, pl.Datetime):
        instant = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
        return instant.dt.cast_time_unit("us"), ""
    if dtype == pl.Duration:
        return column.dt.cast_time_unit("us").cast(pl.Int64) / 1e6, "durations became seconds in"
    return column.cast(pl.String), "times of day became text in" if dtype == pl.Time else ""


def _integer(column: pl.Series) -> tuple[pl.Series, str]:
    import polars as pl

    whole = column.cast(pl.Int64, strict=False)
    if whole.null_count() == column.null_count():
        return whole, ""
    return column.cast(pl.Float64), "whole numbers beyond 64 bits became floating point in"


def _refuse_nested(frame: pl.DataFrame, *, source: str) -> None:
    import polars as pl

    bad = {name: dtype for name, dtype in frame.schema.items() if dtype.is_nested() or dtype in (pl.Binary, pl.Object)}
    if bad:
        shown = [f"{name!r} ({dtype})" for name, dtype in list(bad.items())[:5]]
        raise InputError(
            f"expected plain columns in {source}, got nested or binary ones: {', '.join(shown)}",
            hint="unpack them into plain columns, or drop them",
        )
