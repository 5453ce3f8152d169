"""Count tables on the cells of a profile, a few rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from holdfast.adapters.tables.batches import Part, RowBatches
    from holdfast.kernels.drift.profile import Batch, Plan, Profile

SAMPLE_ROWS = 200_000


def plan_for(rows: RowBatches) -> Plan:
    """Fix the cells by rows spread over the table."""
    import polars as pl

    from holdfast.kernels.drift.profile import plan_profile

    parts = list(rows.spread(SAMPLE_ROWS))
    if not parts:
        raise InputError(f"expected rows in {rows.label}, got none", hint="profile a table that holds some")
    sample = pl.concat(parts, how="diagonal_relaxed")
    if not sample.height:
        raise InputError(f"expected rows in {rows.label}, got none", hint="profile a table that holds some")
    times = [name for name, dtype in sample.schema.items() if dtype.is_temporal()]
    return plan_profile(as_batch(sample), times=times)


def count(part: Part, profile: Profile, *, start: int = 0, stop: int | None = None) -> None:
    """Count rows of a part on the cells of a profile: all, or those from ``start`` to before ``stop``."""
    for frame in part.strips(start=start, stop=stop):
        profile.update_columns(as_batch(frame), n_rows=frame.height)
    profile.end_rows(part.columns, n_rows=(part.n_rows if stop is None else min(stop, part.n_rows)) - start)


def as_batch(frame: pl.DataFrame) -> Batch:
    """Hand a frame of canonical types to the kernels: numbers and instants as numbers, the rest as counted texts."""
    import polars as pl

    from holdfast.kernels.drift.profile import Numbers, Texts

    batch: dict[str, Numbers | Texts] = {}
    for column in frame.iter_columns():
        if column.dtype.is_numeric() or column.dtype.is_temporal():
            batch[column.name] = Numbers(as_numbers(column))
            continue
        counted = column.drop_nulls().cast(pl.String).to_frame("text").group_by("text").len()
        texts, times = counted.get_columns()
        batch[column.name] = Texts(dict(zip(texts.to_list(), times.to_list(), strict=True)), column.null_count())
    return batch


def as_numbers(column: pl.Series) -> Any:
    """Return a column of numbers or instants as float64, NaN for missing, instants as seconds since 1970."""
    import numpy as np
    import polars as pl

    if column.dtype.is_temporal():
        column = column.cast(pl.Datetime("us")).cast(pl.Int64) / 1e6
    # Put together while it is narrow: what lies in one piece is handed on without a copy.
    return column.rechunk().cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64, copy=False)
