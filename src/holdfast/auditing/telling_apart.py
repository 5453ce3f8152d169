"""Draw rows of two tables and look at them with all columns together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.tables.batches import RowBatches
    from holdfast.kernels.drift.comparison import Apart

SPREAD_ROWS, MOST_ROWS = 100_000, 10_000
SEED = 0


def tell_tables_apart(
    reference: RowBatches,
    current: RowBatches,
    *,
    ignore: Sequence[str],
    alpha: float,
    least_effect: float,
    level: float,
) -> Apart | None:
    """Compare rows of two tables with all columns together; ``None`` with too few rows or columns."""
    import numpy as np

    from holdfast.kernels.drift.boosting import boosted_trees
    from holdfast.kernels.drift.telling_apart import tell_apart

    rng = np.random.default_rng(SEED)
    first, second = (_cells(rows, ignore, rng) for rows in (reference, current))
    return tell_apart(first, second, fit=boosted_trees, rng=rng, alpha=alpha, least_effect=least_effect, level=level)


def _cells(rows: RowBatches, ignore: Sequence[str], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Draw rows without order from runs spread over a table; instants, which tell tables apart by nature, stay out."""
    import polars as pl

    from holdfast.auditing.profiling import as_numbers

    frame = pl.concat(list(rows.spread(SPREAD_ROWS)), how="diagonal_relaxed")
    kept = frame.select(pl.all().gather(rng.permutation(frame.height)[:MOST_ROWS].tolist()))
    columns = [column for column in kept.iter_columns() if column.name not in ignore and not column.dtype.is_temporal()]
    return {column.name: as_numbers(column) if column.dtype.is_numeric() else _texts(column) for column in columns}


def _texts(column: pl.Series) -> NDArray[Any]:
    import polars as pl

    return column.cast(pl.String).to_numpy().astype(object)
