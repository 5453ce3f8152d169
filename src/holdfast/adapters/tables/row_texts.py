"""Each row of a table as one text that no other row has, whatever the table was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

LARGEST_WHOLE = 2.0**53


def row_texts(frame: pl.DataFrame, columns: list[str] | None = None) -> list[bytes]:
    """Write rows so that equal texts mean equal cells.

    The order of the columns does not count, nor whether a column of whole numbers was read as ``1`` or ``1.0``.

    Parameters
    ----------
    frame : polars.DataFrame
        Of the types that :func:`holdfast.adapters.tables.reading.read_table` gives.
    columns : list of str, optional
        Those to write; all otherwise.

    Returns
    -------
    list of bytes
        UTF-8: each cell as a letter for its kind, its length in bytes and its text; ``-`` for a missing one.

    Examples
    --------
    >>> import polars as pl
    >>> row_texts(pl.DataFrame({"b": ["x", None], "a": [1.0, 0.5]}))
    [b'n1:1s1:x', b'f19:4602678819172646912-']
    """
    import polars as pl

    names = sorted(frame.columns if columns is None else columns)
    if not names:
        return [b""] * frame.height
    cells = pl.DataFrame([_cells(frame[name]).alias(str(place)) for place, name in enumerate(names)])
    joined = cells.select(pl.concat_str(pl.all()))
    return [text.encode("utf-8") for text in joined.to_series().to_list()]


def _cells(column: pl.Series) -> pl.Series:
    import polars as pl

    if column.dtype.is_float():
        return _floats(column)
    if column.dtype.is_integer():
        kind, text = "n", column.cast(pl.String)
    elif column.dtype == pl.Boolean:
        kind, text = "b", column.cast(pl.Int8).cast(pl.String)
    elif column.dtype.is_temporal():
        instants = column.dt.cast_time_unit("us") if column.dtype == pl.Datetime else column
        kind, text = ("d" if column.dtype == pl.Date else "t"), instants.to_physical().cast(pl.String)
    else:
        kind, text = "s", column.cast(pl.String)
    return _written(pl.Series([kind], dtype=pl.String).new_from_index(0, len(text)), text)


def _floats(column: pl.Series) -> pl.Series:
    """Write whole numbers as such, and the bits of others; NaN has one form."""
    import polars as pl

    values = column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0
    values[np.isnan(values)] = np.nan
    is_whole = np.isfinite(values) & (np.abs(values) <= LARGEST_WHOLE) & (np.trunc(values) == values)
    whole = np.where(is_whole, values, 0.0).astype(np.int64)
    numbers = np.where(is_whole, whole, values.view(np.int64))
    text = pl.Series(numbers).cast(pl.String).to_frame("text").with_columns(missing=column.is_null())
    texts = text.select(pl.when(~pl.col("missing")).then(pl.col("text"))).to_series()
    return _written(pl.Series(np.where(is_whole, "n", "f")), texts)


def _written(kind: pl.Series, text: pl.Series) -> pl.Series:
    import polars as pl

    length = pl.col("text").str.len_bytes().cast(pl.String)
    written = pl.concat_str("kind", length, pl.lit(":"), "text").fill_null("-")
    return pl.DataFrame({"kind": kind, "text": text}).select(written).to_series()
