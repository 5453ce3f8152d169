"""A folder of Parquet files as one table, with what makes parts differ: an empty one, columns that come and go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl


def write_parts(folder: Path, *, seed: int, shift: float = 0.0, n_parts: int = 4, n_rows: int = 3000) -> Path:
    """Write the parts; the last has no rows, the first no city, the second texts where the others have numbers."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(n_parts):
        n = n_rows + 100 * number
        frame = pl.DataFrame(
            {
                "income": rng.lognormal(shift, 0.5, n),
                "age": rng.integers(18, 80, n),
                "city": rng.choice(["Oslo", "Bergen", "Bodø"], n),
                "note": [f"note {place % 2000}" for place in range(n)],
                "mixed": rng.integers(0, 9, n),
            }
        )
        frame = frame.drop("city") if number == 0 else frame
        frame = frame.with_columns(pl.col("mixed").cast(pl.String)) if number == 1 else frame
        (frame[:0] if number == n_parts - 1 else frame).write_parquet(folder / f"{number}.parquet")
    return folder
