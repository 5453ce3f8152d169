from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from holdfast.adapters.tables import batches as module
from holdfast.adapters.tables.batches import in_memory, open_batches
from holdfast.core.errors import InputError

FRAME = pl.DataFrame({"x": range(5000), "c": ["a", None] * 2500, "f": [0.5, float("nan")] * 2500})


@pytest.fixture(params=["file", "folder", "csv", "frame"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    if request.param == "frame":
        return FRAME
    if request.param == "csv":
        FRAME.write_csv(tmp_path / "t.csv")
        return tmp_path / "t.csv"
    if request.param == "file":
        FRAME.write_parquet(tmp_path / "t.parquet", row_group_size=700)
        return tmp_path / "t.parquet"
    (tmp_path / "parts" / "deep").mkdir(parents=True)
    FRAME[:2000].write_parquet(tmp_path / "parts" / "0.parquet")
    FRAME[2000:].write_parquet(tmp_path / "parts" / "deep" / "1.parquet")
    (tmp_path / "parts" / "_SUCCESS").touch()
    (tmp_path / "parts" / ".hidden.parquet").write_bytes(b"junk")
    return tmp_path / "parts"


def test_batches_are_the_rows_in_canonical_types(source: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 3 * 1024)
    rows = open_batches(source, name="table")
    parts = list(rows.batches())
    assert len(parts) >= 5
    whole = pl.concat(parts)
    assert whole.equals(pl.concat(list(in_memory(rows).batches())))
    assert rows.n_rows == whole.height == 5000
    assert whole["x"].to_list() == FRAME["x"].to_list()
    assert whole["f"].null_count() == 2500


def test_some_columns_are_read_alone(source: object) -> None:
    assert pl.concat(list(open_batches(source, name="table").batches(["c"]))).columns == ["c"]


def test_a_sample_is_spread_over_the_table(source: object) -> None:
    rows = open_batches(source, name="table")
    x = pl.concat(list(rows.spread(500, n_runs=10)))["x"]
    assert 450 <= x.len() <= 500
    assert x.min() == 0
    assert x.max() >= 4500
    assert pl.concat(list(rows.spread(10_000))).height == 5000


def test_a_folder_without_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected Parquet files in the folder"):
        open_batches(tmp_path, name="table")


def test_a_part_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="expected a Parquet file, got something else"):
        open_batches(tmp_path, name="table")


def test_a_part_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    raw = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(raw[:-50])
    with pytest.raises(InputError, match="damaged Parquet"):
        list(open_batches(tmp_path / "a.parquet", name="table").batches())
