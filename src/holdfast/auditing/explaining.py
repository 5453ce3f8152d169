"""Say which rows became more or less common between two tables, and which of them hold the drift of a column."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.tables.batches import RowBatches
    from holdfast.kernels.drift.comparison import Explained

SPREAD_ROWS, MOST_ROWS = 100_000, 20_000
MOST_COLUMNS, MOST_LEVELS, N_QUANTILES = 40, 20, 5
MOST_LISTED = 6
SEED = 0


class _Column(NamedTuple):
    name: str
    codes: NDArray[np.int64]
    descriptions: list[str]
    values: NDArray[Any]


def explain_drift(
    reference: RowBatches,
    current: RowBatches,
    *,
    columns: Sequence[str],
    drifted: Sequence[str],
    alpha: float,
    least_effect: float,
    level: float,
) -> Explained:
    """Look for rows that explain the drift of two tables, among at most 20,000 rows of each.

    Parameters
    ----------
    reference, current
        Tables at hand.
    columns
        What may describe rows: numbers and categories that both tables hold; the first forty are looked at.
    drifted
        Columns whose drift is to be explained.
    alpha
        Chance that any rows are listed where the tables are alike.
    least_effect
        Share of rows that matters.
    level
        Confidence level of the intervals.
    """
    import numpy as np

    from holdfast.kernels.drift.comparison import Explained
    from holdfast.kernels.drift.explaining import distinct_shifts, held_drift, shifted_slices

    rng = np.random.default_rng(SEED)
    frames = [_drawn(rows, columns, rng) for rows in (reference, current)]
    is_current = np.repeat([False, True], [frame.height for frame in frames])
    built = [_column(name, *(frame[name] for frame in frames)) for name in columns[:MOST_COLUMNS]]
    built = [column for column in built if column.codes.min() < column.codes.max()]
    if not built:
        return Explained((), ())
    codes = np.column_stack([column.codes for column in built])
    found = shifted_slices(codes, is_current, alpha=alpha, least_effect=least_effect, level=level)
    held = [
        held_drift(column.name, place, column.values, found, codes, is_current, alpha=alpha, level=level)
        for place, column in enumerate(built)
        if column.name in drifted
    ]

    def described(items: Sequence[tuple[int, int]]) -> str:
        return " and ".join(built[place].descriptions[code] for place, code in items)

    return Explained(
        tuple((described(part.items), part) for part in distinct_shifts(found, codes, most=MOST_LISTED)),
        tuple((described(each.part.items), each) for each in held if each is not None),
    )


def _drawn(rows: RowBatches, columns: Sequence[str], rng: np.random.Generator) -> pl.DataFrame:
    import polars as pl

    frame = pl.concat(list(rows.spread(SPREAD_ROWS)), how="diagonal_relaxed").select(columns)
    return frame.select(pl.all().gather(rng.permutation(frame.height)[:MOST_ROWS].tolist()))


def _column(name: str, first: pl.Series, second: pl.Series) -> _Column:
    """Cut the rows of both tables at once, so that the parts do not depend on which table a row is of."""
    import numpy as np
    import polars as pl

    from holdfast.auditing.profiling import as_numbers
    from holdfast.kernels.performance.levels import frequent_levels, quantile_bins

    if first.dtype.is_numeric():
        values = np.concatenate([as_numbers(first), as_numbers(second)])
        if not np.isfinite(values).any():
            return _Column(name, np.zeros(values.size, dtype=np.int64), [f"{name} is missing"], values)
        bins = quantile_bins(values, N_QUANTILES)
        shown = [f"{start:.6g}" for start in bins.starts.tolist()]
        if bins.is_few or len(shown) < 3:
            words = [f"{name} = {start}" if bins.is_few else f"{name} from {start}" for start in shown]
        else:
            inner = [f"{name} from {low} to below {high}" for low, high in pairwise(shown[1:])]
            words = [f"{name} below {shown[1]}", *inner, f"{name} from {shown[-1]}"]
        return _Column(name, bins.codes, [*words, f"{name} is missing"], values)
    texts = [*first.cast(pl.String).to_list(), *second.cast(pl.String).to_list()]
    codes, levels, _ = frequent_levels(texts, MOST_LEVELS)
    words = [f"{name} = {level}" for level in levels]
    return _Column(name, codes, [*words, f"{name} is a rarer value", f"{name} is missing"], codes)
