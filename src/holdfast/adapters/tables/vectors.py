"""Columns that hold a vector in each row, as embeddings: told from plain columns, and read as one matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl


class Vectors(NamedTuple):
    """Vectors of one column.

    Attributes
    ----------
    rows
        ``(n, length)`` float64, finite.
    n_missing
        Rows without a vector, or with a number in it that is missing or not finite.
    """

    rows: NDArray[np.float64]
    n_missing: int


def is_vector(dtype: pl.DataType) -> bool:
    """Whether cells of this type are lists of numbers."""
    import polars as pl

    inner = getattr(dtype, "inner", None)
    return isinstance(dtype, pl.List | pl.Array) and inner is not None and inner.is_numeric()


def without_vectors(source: Any) -> tuple[Any, dict[str, pl.Series]]:
    """Take the columns of vectors out of a frame of polars, pyarrow or pandas; anything else is returned as it is."""
    import polars as pl
    from narwhals import dependencies

    if dependencies.is_pandas_dataframe(source):
        lists = [name for name in source.columns if source[name].dtype == object and _holds_vectors(source[name])]
        taken = {
            str(name): pl.Series(
                str(name), [_as_list(cell) for cell in source[name].tolist()], dtype=pl.List(pl.Float64)
            )
            for name in lists
        }
        return (source.drop(columns=lists) if lists else source), taken
    if dependencies.is_pyarrow_table(source):
        source = pl.DataFrame(source)
    if not dependencies.is_polars_dataframe(source):
        return source, {}
    names = [name for name, dtype in source.schema.items() if is_vector(dtype)]
    return (source.drop(names) if names else source), {name: source[name] for name in names}


def as_matrix(column: pl.Series, *, source: str) -> Vectors:
    """Read a column of vectors.

    Raises
    ------
    InputError
        When its vectors are of different lengths, or of none.
    """
    import polars as pl

    lists = column.cast(pl.List(pl.Float64)).drop_nulls()
    lengths = lists.list.len().unique().sort().to_list()
    if len(lengths) > 1 or lengths == [0]:
        raise InputError(
            f"expected vectors of one length in column {column.name!r} of {source}, got lengths "
            f"{', '.join(map(str, lengths[:5]))}{' and more' if len(lengths) > 5 else ''}",
            hint="embed all rows by one model, or drop the column",
        )
    if not lengths:
        return Vectors(np.empty((0, 0)), column.len())
    flat = lists.explode().fill_null(float("nan")).to_numpy()
    rows = np.asarray(flat, dtype=np.float64).reshape(lists.len(), lengths[0])
    kept = rows[np.isfinite(rows).all(axis=1)]
    return Vectors(kept, column.len() - len(kept))


def _holds_vectors(column: Any) -> bool:
    first = next((cell for cell in column.tolist() if _as_list(cell) is not None), None)
    numbers = _as_list(first) or []
    return bool(numbers) and all(isinstance(number, int | float | np.number) for number in numbers)


def _as_list(cell: Any) -> list[Any] | None:
    if isinstance(cell, np.ndarray) and cell.ndim == 1:
        return list(cell.tolist())
    return list(cell) if isinstance(cell, list | tuple) else None
