"""From the user's table to what a framework takes, with every mismatch named."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

SHOWN = 12


def select(X: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Take the columns a model names, in its order; columns it does not name are left out.

    Raises
    ------
    InputError
        Listing the columns that are missing and those the model does not know.
    """
    missing = [name for name in names if name not in X.columns]
    if not missing:
        return X.select(names)
    extra = [name for name in X.columns if name not in names]
    raise InputError(
        f"the model expects columns that the table does not have: missing {_listed(missing)}; "
        f"in the table but unknown to the model: {_listed(extra) if extra else 'none'}",
        hint=f"{missing[0]!r}: {did_you_mean(missing[0], extra)}"
        if extra
        else "give the table the model was trained for",
    )


def require_width(X: pl.DataFrame, width: int) -> None:
    """Refuse a table whose number of columns is not that of a model without column names."""
    if X.width != width:
        raise InputError(
            f"the model takes {width} columns (it states no names), the table has {X.width}: {_listed(X.columns)}",
            hint="leave out columns that are no inputs: id, time, group or `ignore` in holdfast.yaml",
        )


def numeric_matrix(X: pl.DataFrame) -> NDArray[np.float64]:
    """Turn numbers and truth values into ``(n_samples, n_features)`` float64, null as NaN.

    Raises
    ------
    InputError
        Naming the columns that hold something else.
    """
    import polars as pl

    others = [f"{name} ({dtype})" for name, dtype in X.schema.items() if not is_number(dtype)]
    if others:
        raise InputError(
            f"the model takes one matrix of numbers, but these columns are not numeric: {_listed(others)}",
            hint="give a model that takes the columns by name (a pipeline), or a table with encoded columns",
        )
    return np.ascontiguousarray(X.cast(pl.Float64).to_numpy(), dtype=np.float64)


def category_codes(column: pl.Series, categories: Sequence[Any]) -> pl.Series:
    """Replace values by their position among ``categories``; missing and unknown values become null."""
    import polars as pl

    if any(isinstance(category, str) for category in categories):
        column = column.cast(pl.String)
    values = pl.Series(categories, dtype=column.dtype, strict=False)
    return column.replace_strict(values, pl.Series(range(len(categories))), default=None, return_dtype=pl.Float64)


def frame_with_categories(X: pl.DataFrame, categories: Mapping[str, Sequence[Any]]) -> Any:
    """Make a pandas frame of numbers and of pandas categories, as boosting libraries are trained on."""
    import pandas as pd

    found: dict[str, Any] = {}
    for name in X.columns:
        if name in categories:
            codes: Any = category_codes(X[name], categories[name]).fill_null(-1).to_numpy().astype(np.int64)
            levels: Any = list(categories[name])
            found[name] = pd.Categorical.from_codes(codes, categories=levels)
        else:
            found[name] = numeric_matrix(X.select(name))[:, 0]
    return pd.DataFrame(found)


def is_number(dtype: pl.DataType) -> bool:
    """Whether a column holds numbers, truth values, or nothing at all."""
    return dtype.is_numeric() or dtype.base_type().__name__ in ("Boolean", "Null")


def object_matrix(X: pl.DataFrame) -> NDArray[np.object_]:
    """Turn columns of mixed kinds into ``(n_samples, n_features)`` objects, null as NaN."""
    matrix = np.empty((X.height, X.width), dtype=object)
    for position, name in enumerate(X.columns):
        matrix[:, position] = _pandas_values(X[name])
    return matrix


def frame_like_read(X: pl.DataFrame) -> Any:
    """Give the frame a model trained on frames expects: pandas where it is installed, polars otherwise."""
    return pandas_frame(X) if importlib.util.find_spec("pandas") else X


def pandas_frame(X: pl.DataFrame) -> Any:
    """Turn a table into the pandas frame that ``pandas.read_csv`` would have given: missing cells are NaN."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(_pandas_values(X[name])) for name in X.columns})


def _pandas_values(column: pl.Series) -> NDArray[Any]:
    import polars as pl

    if column.dtype == pl.Null:
        return np.full(len(column), np.nan)
    if column.dtype.is_temporal() and column.dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Datetime("ns")).to_numpy()
    if column.dtype.is_numeric() or (column.dtype == pl.Boolean and not column.null_count()):
        return column.to_numpy().copy()
    values = (column if column.dtype == pl.Boolean else column.cast(pl.String)).to_numpy().astype(object)
    if column.null_count():
        values[column.is_null().to_numpy()] = np.nan
    return values


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
