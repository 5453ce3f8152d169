from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from holdfast.adapters.tables.batches import open_batches
from holdfast.adapters.tables.vectors import as_matrix, without_vectors
from holdfast.core.errors import InputError

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
PANDAS = pd.DataFrame({"x": [1, 2, 3], "e": [np.array(row) for row in ROWS]})
FRAMES = {
    "lists": pl.DataFrame({"x": [1, 2, 3], "e": ROWS}),
    "arrays": pl.DataFrame({"x": [1, 2, 3], "e": pl.Series(np.array(ROWS, dtype=np.float32))}),
    "pyarrow": pa.table({"x": [1, 2, 3], "e": ROWS}),
    "pandas": PANDAS,
}


@pytest.mark.parametrize("kind", FRAMES)
def test_vectors_are_set_apart(kind: str) -> None:
    rows = open_batches(FRAMES[kind], name="table", vectors=True)
    assert (rows.columns, rows.vectors, rows.n_rows) == (("x",), ("e",), 3)
    column = pl.concat(list(rows.spread_vectors("e", 100)))
    assert as_matrix(column, source="table").rows.tolist() == ROWS


def test_vectors_of_a_folder_of_parquet_files_are_read_in_runs(tmp_path: object) -> None:
    folder = str(tmp_path)
    for part in range(3):
        values = np.arange(200.0).reshape(100, 2) + 1000 * part
        pl.DataFrame({"e": pl.Series(values), "x": range(100)}).write_parquet(f"{folder}/{part}.parquet")
    rows = open_batches(folder, name="table", vectors=True)
    assert rows.vectors == ("e",)
    whole = as_matrix(pl.concat(list(rows.spread_vectors("e", 1000))), source="table").rows
    assert whole.shape == (300, 2)
    some = as_matrix(pl.concat(list(rows.spread_vectors("e", 40))), source="table").rows
    assert some.shape[0] == 40
    assert {tuple(row) for row in some.tolist()} <= {tuple(row) for row in whole.tolist()}


def test_where_no_vectors_are_wanted_they_are_refused() -> None:
    with pytest.raises(InputError, match="nested"):
        open_batches(FRAMES["lists"], name="table")


def test_texts_in_lists_are_no_vectors() -> None:
    frame = pl.DataFrame({"e": [["a"], ["b"]]})
    assert without_vectors(frame)[1] == {}
    assert without_vectors(pd.DataFrame({"e": [["a"], ["b"]]}))[1] == {}


def test_vectors_of_other_lengths_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="column 'e' of t, got lengths 1, 2"):
        as_matrix(pl.Series("e", [[1.0], [1.0, 2.0]]), source="t")


def test_rows_without_a_whole_vector_are_counted() -> None:
    found = as_matrix(pl.Series("e", [[1.0, 2.0], None, [np.nan, 1.0], [None, 1.0]]), source="t")
    assert (found.rows.tolist(), found.n_missing) == ([[1.0, 2.0]], 3)
    assert as_matrix(pl.Series("e", [None, None], dtype=pl.List(pl.Float64)), source="t").n_missing == 2
