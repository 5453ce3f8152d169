"""The cells of a table as JSON values, each column in the type that the endpoint takes."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Literal

from holdfast.adapters.models.columns import is_number
from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Missing = Literal["null", "nan", "refuse"]
WHOLE = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
DECIMAL = {"FP16", "FP32", "FP64", "BF16"}
DATATYPES = WHOLE | DECIMAL | {"BOOL", "BYTES"}


def datatype_of(column: pl.Series) -> str:
    """Choose the tensor type of a column for a server that states none."""
    if column.dtype.base_type().__name__ == "Boolean":
        return "BOOL"
    if column.dtype.is_integer():
        return "INT64"
    return "FP64" if is_number(column.dtype) else "BYTES"


def cells(column: pl.Series, *, missing: Missing, datatype: str | None = None) -> list[Any]:
    """Turn a column into JSON values; missing cells and NaN become ``None``, or the number NaN.

    Parameters
    ----------
    missing
        ``null``, ``nan`` or ``refuse``.
    datatype
        Tensor type of the Open Inference Protocol; the column's own type otherwise.

    Raises
    ------
    InputError
        Naming the column, and the row of a cell that cannot be sent.
    """
    converted = _plain(column if datatype is None else _cast(column, datatype), column.name)
    values = converted.to_list()
    if not converted.null_count():
        return values
    if missing == "refuse":
        raise InputError(
            f"the column {column.name!r} has no value in row {values.index(None)} of the rows asked about",
            hint="fill it, or say with endpoint: {request: {missing: null}} what the endpoint takes for missing",
        )
    filler = math.nan if missing == "nan" and datatype != "BYTES" and is_number(converted.dtype) else None
    return [filler if value is None else value for value in values]


def encoded(document: Any) -> bytes:
    """Write JSON; the number NaN is written as such where it was asked for."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(column: pl.Series, name: str) -> pl.Series:
    """Bring a column to text, numbers or truth values, NaN to null."""
    import polars as pl

    kind = column.dtype.base_type().__name__
    if column.dtype.is_float():
        infinite = column.is_infinite()
        if infinite.any():
            raise InputError(
                f"the column {name!r} is infinite in row {infinite.arg_true()[0]} of the rows asked about, which JSON "
                "cannot say",
                hint="correct that cell",
            )
        return column.fill_nan(None)
    if column.dtype.is_integer() or kind in ("Boolean", "Null", "String"):
        return column
    if kind == "Decimal":
        return column.cast(pl.Float64)
    if column.dtype.is_temporal():
        return column.dt.to_string("iso:strict")
    if kind in ("Categorical", "Enum"):
        return column.cast(pl.String)
    raise InputError(
        f"expected numbers, text, truth values or dates in the column {name!r}, got {column.dtype}",
        hint="leave the column out with deployment.ignore",
    )


def _cast(column: pl.Series, datatype: str) -> pl.Series:
    """Bring a column to a tensor type, refusing what would change a value."""
    import polars as pl

    if datatype == "BYTES":
        return _plain(column, column.name).cast(pl.String)
    if not is_number(column.dtype):
        raise InputError(f"the endpoint takes {datatype} in the column {column.name!r}, which holds {column.dtype}")
    column = column.fill_nan(None) if column.dtype.is_float() else column
    if datatype in DECIMAL:
        return column.cast(pl.Float64)
    wanted = {"BOOL": pl.Boolean, **{name: getattr(pl, name.replace("INT", "Int")) for name in WHOLE}}
    cast = column.cast(wanted[datatype], strict=False)
    changed = (cast.cast(pl.Float64) != column.cast(pl.Float64)).fill_null(False) | (
        cast.is_null() & column.is_not_null()
    )
    if changed.any():
        row = changed.arg_true()[0]
        raise InputError(
            f"the endpoint takes {datatype} in the column {column.name!r}, which holds {column[row]} in row {row} of "
            "the rows asked about",
            hint="correct that cell, or the type that the server states",
        )
    return cast
