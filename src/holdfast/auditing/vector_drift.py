"""Compare columns of vectors of two tables that are at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from holdfast.adapters.tables.batches import RowBatches
    from holdfast.adapters.tables.vectors import Vectors
    from holdfast.kernels.drift.columns import SchemaChange
    from holdfast.kernels.drift.vectors import VectorDrift

SPREAD_ROWS, MOST_ROWS = 40_000, 5_000
FEWEST_PERMUTATIONS, MOST_PERMUTATIONS = 999, 9_999
SEED = 0


def drift_of_vectors(
    reference: RowBatches, current: RowBatches, *, ignore: Sequence[str], n_tests: int, alpha: float, level: float
) -> dict[str, VectorDrift]:
    """Compare the columns of vectors that both tables hold, by at most 5,000 rows of each.

    Raises
    ------
    InputError
        When the vectors of a column are of different lengths.
    """
    import numpy as np

    from holdfast.kernels.drift.vectors import VectorDrift, compare_vectors

    # Enough permutations that the smallest p-value is significant among all tests of the table.
    wanted = math.ceil(4.0 * max(n_tests, 1) / alpha)
    n_permutations = min(max(wanted, FEWEST_PERMUTATIONS), MOST_PERMUTATIONS)
    found = {}
    for name in reference.vectors:
        if name in ignore or name not in current.vectors:
            continue
        rng = np.random.default_rng(SEED)
        a, b = (_drawn(rows, name, rng) for rows in (reference, current))
        if a.rows.size and b.rows.size and a.rows.shape[1] != b.rows.shape[1]:
            raise InputError(
                f"expected vectors of one length in column {name!r}, got {a.rows.shape[1]} numbers in "
                f"{reference.label} and {b.rows.shape[1]} in {current.label}",
                hint="embed both tables by one model, or leave the column out with --ignore",
            )
        test = None
        if a.rows.size and b.rows.size:
            test = compare_vectors(a.rows, b.rows, rng=rng, n_permutations=n_permutations, level=level)
        length = max(a.rows.shape[1], b.rows.shape[1])
        found[name] = VectorDrift(test, length, (len(a.rows), len(b.rows)), (a.n_missing, b.n_missing))
    return found


def changed_vectors(reference: RowBatches, current: RowBatches, *, ignore: Sequence[str]) -> list[SchemaChange]:
    """Say which columns hold vectors in one table only."""
    from holdfast.kernels.drift.columns import SchemaChange

    gone = [name for name in reference.vectors if name not in current.vectors and name not in ignore]
    new = [name for name in current.vectors if name not in reference.vectors and name not in ignore]
    changes = [SchemaChange(column=name, change="held vectors, and holds none any more") for name in gone]
    return changes + [SchemaChange(column=name, change="holds vectors now") for name in new]


def _drawn(rows: RowBatches, name: str, rng: np.random.Generator) -> Vectors:
    import polars as pl

    from holdfast.adapters.tables.vectors import as_matrix

    column = pl.concat([part.cast(pl.List(pl.Float64)) for part in rows.spread_vectors(name, SPREAD_ROWS)])
    order = rng.permutation(column.len())[:MOST_ROWS]
    return as_matrix(column.gather(order.tolist()), source=rows.label)
