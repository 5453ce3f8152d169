"""A digest of what a table holds, whatever it was read from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.core.canonical import canonical_json

if TYPE_CHECKING:
    import polars as pl


def table_digest(frame: pl.DataFrame) -> str:
    """Digest names, types, missing cells and values of a table.

    Chunks, file format and library version do not enter. Whole numbers count as Int64, other numbers as Float64,
    categories as text; -0.0 equals 0.0, and NaN has one form. A column without any value has no type: a text file
    cannot tell which it would have.

    Parameters
    ----------
    frame : polars.DataFrame

    Returns
    -------
    str
        ``sha256:`` and 64 hexadecimal digits.

    Raises
    ------
    ValueError
        For a column type that tables do not have (nested, binary).

    Notes
    -----
    A header in canonical JSON, then for each column the bits of its null mask and its values in little-endian order,
    nulls as zeros. Text: the length of each cell in bytes of UTF-8, then all cells joined.

    Examples
    --------
    >>> import polars as pl
    >>> table_digest(pl.DataFrame({"a": [1, 2]})) == table_digest(pl.DataFrame({"a": [1, 2]}, schema={"a": pl.Int8}))
    True
    """
    kinds = [_kind(column) for column in frame.iter_columns()]
    digest = hashlib.sha256()
    header = canonical_json(
        {"format": "table 1", "rows": frame.height, "columns": list(zip(frame.columns, kinds, strict=True))}
    )
    digest.update(len(header).to_bytes(8, "little") + header)
    for column, kind in zip(frame.iter_columns(), kinds, strict=True):
        if kind != "no value":
            digest.update(np.packbits(column.is_null().to_numpy()).data)
            for part in _parts(column, kind):
                digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def _kind(column: pl.Series) -> str:
    import polars as pl

    dtype = column.dtype
    if column.null_count() == len(column):
        return "no value"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    if isinstance(dtype, pl.Datetime):
        return "instant" if dtype.time_zone else "datetime"
    for kind, dtypes in (
        ("boolean", (pl.Boolean,)),
        ("date", (pl.Date,)),
        ("text", (pl.String, pl.Categorical, pl.Enum)),
    ):
        if dtype in dtypes:
            return kind
    raise ValueError(f"expected a plain column to digest, got {column.name!r} of type {dtype}")


def _parts(column: pl.Series, kind: str) -> list[Any]:
    import polars as pl

    if kind == "text":
        cells = column.cast(pl.String).fill_null("")
        return [_little(cells.str.len_bytes().to_numpy(), "<i8"), cells.str.join("").item().encode("utf-8")]
    if kind == "float":
        return [_little(_one_form(column.cast(pl.Float64).fill_null(0.0).to_numpy()), "<f8")]
    if kind == "boolean":
        return [np.packbits(column.fill_null(False).to_numpy()).data]
    if kind in ("datetime", "instant"):
        column = column.dt.cast_time_unit("us")
    return [_little(column.to_physical().cast(pl.Int64).fill_null(0).to_numpy(), "<i8")]


def _one_form(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Adding zero turns -0.0 into 0.0 and leaves everything else.
    normal = values + 0.0
    normal[np.isnan(normal)] = np.nan
    return normal


def _little(values: NDArray[Any], dtype: str) -> memoryview:
    return np.ascontiguousarray(values.astype(dtype, copy=False)).data.cast("B")
