"""Tables that are already in memory: frames of pandas, polars and pyarrow through narwhals, and numpy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.tables.names import check_names
from holdfast.adapters.tables.objects import column_of_objects
from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def from_memory(source: Any) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    """Turn a frame or an array into a polars frame.

    Returns
    -------
    tuple of polars.DataFrame, str and tuple of str
        The table, what it came from in words, and what was assumed.

    Raises
    ------
    InputError
        When it is neither a frame nor an array, or its columns have no names of their own.
    """
    from narwhals import dependencies

    if isinstance(source, np.ndarray):
        return _from_array(source)
    if dependencies.is_polars_dataframe(source):
        return source, "a polars frame", ()
    if dependencies.is_into_dataframe(source):
        return _from_frame(source)
    hint = "give a path to a CSV or Parquet file, a frame of pandas, polars or pyarrow, or a numpy array"
    if dependencies.is_polars_lazyframe(source):
        hint = "collect the lazy frame first"
    raise InputError(f"expected a table, got {type(source).__module__}.{type(source).__qualname__}", hint=hint)


def _from_array(array: NDArray[Any]) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    import polars as pl

    label = f"a numpy array of shape {array.shape}"
    if array.dtype.names:
        if array.ndim != 1:
            raise InputError(f"expected a structured array with one dimension, got {label}")
        named = {name: array[name] for name in array.dtype.names}
    elif 1 <= array.ndim <= 4:
        columns = array.reshape(len(array), -1) if array.size else array.reshape(len(array), *array.shape[1:] or (1,))
        named = {f"x{i}": columns[:, i] for i in range(columns.shape[1])}
    else:
        raise InputError(f"expected an array of rows and columns, got {label}", hint="reshape it to (rows, columns)")
    check_names(list(named), source=label)
    built = [_array_column(name, values, source=label) for name, values in named.items()]
    frame = pl.DataFrame([column for column, _ in built])
    notes = tuple(note for _, column_notes in built for note in column_notes)
    laid_out = ", pixels of an image one after the other" if array.ndim > 2 else ""
    called = f"the columns of {label} were called x0 to x{frame.width - 1}{laid_out}"
    unnamed = () if array.dtype.names else (called,)
    return frame, label, (*unnamed, *notes)


def _array_column(name: str, values: NDArray[Any], *, source: str) -> tuple[pl.Series, tuple[str, ...]]:
    import polars as pl

    if isinstance(values, np.ma.MaskedArray) or values.dtype.kind not in "biufMm":
        return column_of_objects(name, values.tolist(), source=source)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    if values.dtype.kind in "Mm":
        values = values.astype(f"{values.dtype.name.partition('[')[0]}[us]")
    return pl.Series(name, np.ascontiguousarray(values), nan_to_null=values.dtype.kind == "f"), ()


def _from_frame(source: Any) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    import narwhals as nw
    import polars as pl
    from narwhals import dependencies

    label = f"a {type(source).__module__.partition('.')[0]} frame"
    if dependencies.is_pyarrow_table(source):
        check_names(source.column_names, source=label)
        return pl.DataFrame(source), label, ()
    names = [str(name) for name in source.columns]
    check_names(names, source=label)
    notes: list[str] = []
    if dependencies.is_pandas_dataframe(source):
        notes.extend(_index_note(source))
        source = source.copy(deep=False)
        source.columns = names
    frame = nw.from_native(source, eager_only=True)
    columns = []
    for name in names:
        column, column_notes = _frame_column(frame[name], source=label)
        columns.append(column)
        notes.extend(column_notes)
    return pl.DataFrame(columns), label, tuple(notes)


def _index_note(source: Any) -> list[str]:
    index = source.index
    plain = index.nlevels == 1 and index.name is None and index.dtype.kind in "iu"
    return [] if plain else ["the index of the pandas frame was dropped; reset it to keep it as a column"]


def _frame_column(column: Any, *, source: str) -> tuple[pl.Series, tuple[str, ...]]:
    """Build a column without pyarrow: polars asks for it when given a pandas frame."""
    import narwhals as nw
    import polars as pl

    dtype = column.dtype
    if isinstance(dtype, (nw.Datetime, nw.Duration)):
        zone = getattr(dtype, "time_zone", None)
        instants = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zone else column
        series = pl.Series(column.name, instants.to_numpy())
        return (series.dt.replace_time_zone("UTC") if zone else series), ()
    is_plain = (dtype.is_numeric() and not isinstance(dtype, nw.Decimal)) or isinstance(dtype, nw.Boolean)
    if is_plain and (isinstance(dtype, (nw.Float32, nw.Float64)) or not column.is_null().any()):
        return _array_column(column.name, column.to_numpy(), source=source)
    return column_of_objects(column.name, column.to_list(), source=source)
