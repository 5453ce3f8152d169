"""Columns of Python objects, as pandas and numpy hold text, dates and nullable numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def column_of_objects(name: str, values: Sequence[Any], *, source: str) -> tuple[pl.Series, tuple[str, ...]]:
    """Build a column from Python objects; None, NaN and the null objects of pandas are missing.

    One kind of object makes a column of that kind, whole numbers among others make floats, and anything mixed with text
    makes text, with a note that names the first such row.

    Raises
    ------
    InputError
        For lists, arrays, mappings and other objects that are no plain value.
    """
    import polars as pl

    present = [None if _is_missing(value) else value for value in values]
    kinds = {_kind(value, name, source=source) for value in present if value is not None}
    if kinds <= {"integer", "number"}:
        plain = [None if value is None else (int(value) if kinds == {"integer"} else float(value)) for value in present]
        return pl.Series(name, plain, dtype=_whole_type(plain) if kinds == {"integer"} else pl.Float64), ()
    if kinds == {"boolean"}:
        return pl.Series(name, [None if value is None else bool(value) for value in present], dtype=pl.Boolean), ()
    if kinds in ({"date"}, {"datetime"}):
        return pl.Series(name, present), ()
    column = pl.Series(name, [None if value is None else str(value) for value in present], dtype=pl.String)
    if kinds == {"text"}:
        return column, ()
    row = next(i for i, value in enumerate(present) if value is not None and not isinstance(value, str))
    mixed = ", ".join(sorted(kinds))
    return column, (f"column {name!r} mixes {mixed} and was made text: data row {row + 1} holds {present[row]!r:.40}",)


def _whole_type(values: Sequence[int | float | None]) -> Any:
    import polars as pl

    present = [value for value in values if value is not None]
    fits = not present or (min(present) >= -(2**63) and max(present) < 2**63)
    return pl.Int64 if fits else pl.Float64


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and value != value


def _kind(value: Any, name: str, *, source: str) -> str:
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return "boolean"
    for kind, types in (
        ("text", str),
        ("integer", Integral),
        ("number", (Real, Decimal)),
        ("datetime", datetime),
        ("date", date),
    ):
        if isinstance(value, types):
            return kind
    raise InputError(
        f"expected plain values in column {name!r} of {source}, got {type(value).__name__}: {value!r:.60}",
        hint="turn it into numbers, text, dates or truth values, or drop the column",
    )
