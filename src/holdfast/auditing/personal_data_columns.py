"""Say what kind of personal data each column of a table holds, by a sample of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from holdfast.adapters.tables.batches import open_batches
from holdfast.kernels.personal_data.column_types import MOST_ROWS, ColumnType, classify_columns
from holdfast.kernels.personal_data.detector import Detector


def classify_table(path: Path, detector: Detector, *, seed: int = 0, level: float = 0.95) -> Mapping[str, ColumnType]:
    """Classify the columns of a CSV or Parquet table.

    Of a large Parquet table a few thousand rows are read, in runs spread evenly over it.

    Parameters
    ----------
    seed
        Of the sample.
    level
        Confidence level of the intervals.

    Raises
    ------
    InputError
        When it is no table.
    """
    import polars as pl

    frame = pl.concat(list(open_batches(path, name="table").spread(MOST_ROWS)))
    cells = {name: frame[name].to_list() for name in frame.columns}
    return classify_columns(cells, detector=detector, rng=np.random.default_rng(seed), level=level)
