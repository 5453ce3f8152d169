"""The digest of a table's content: what must change it and what must not."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.tables.digest import table_digest
from holdfast.adapters.tables.reading import read_table

MIXED = pl.DataFrame(
    {
        "whole": [1, -2, 3],
        "number": [0.1, None, -1e300],
        "text": ["é", None, "x,\ny"],
        "truth": [True, False, None],
        "day": ["2024-01-02", None, "2024-12-31"],
    }
).with_columns(pl.col("day").str.to_date())


def test_digest_is_the_one_of_the_documented_bytes() -> None:
    frame = pl.DataFrame({"n": [1.5, None, -0.0], "t": ["é", "", None]})
    header = b'{"columns":[["n","float"],["t","text"]],"format":"table 1","rows":3}'
    number = bytes([0b0100_0000]) + struct.pack("<3d", 1.5, 0.0, 0.0)
    text = bytes([0b0010_0000]) + struct.pack("<3q", 2, 0, 0) + "é".encode()
    expected = hashlib.sha256(struct.pack("<q", len(header)) + header + number + text).hexdigest()
    assert table_digest(frame) == f"sha256:{expected}"


def test_digest_is_pinned_across_versions() -> None:
    assert table_digest(MIXED) == "sha256:ba2e46c72814dcb23a52d4e4a2d54dc78cd6e9d332add3acde0b3f213aa4f9ec"


def test_same_table_from_any_source_has_the_same_digest(tmp_path: Path) -> None:
    MIXED.write_csv(tmp_path / "t.csv")
    MIXED.write_parquet(tmp_path / "t.parquet")
    pandas = pd.DataFrame({name: pd.Series(MIXED[name].to_list(), dtype=object) for name in MIXED.columns})
    pandas["whole"], pandas["number"] = pandas["whole"].astype("int32"), pandas["number"].astype("float64")
    sources = [tmp_path / "t.csv", tmp_path / "t.parquet", pandas, MIXED.to_arrow(), MIXED]
    assert {read_table(source, name="test").digest for source in sources} == {table_digest(MIXED)}


@pytest.mark.parametrize(
    "same",
    [
        pl.concat([MIXED[:1], MIXED[1:]], rechunk=False),
        MIXED.with_columns(pl.col("whole").cast(pl.Int16)),
        MIXED.with_columns(pl.col("text").cast(pl.Categorical)),
        MIXED.with_columns(pl.col("text").cast(pl.Enum(["x,\ny", "é"]))),
    ],
    ids=["chunks", "width of integers", "categorical", "enumeration"],
)
def test_storage_does_not_enter(same: pl.DataFrame) -> None:
    assert table_digest(same) == table_digest(MIXED)


@pytest.mark.parametrize(
    "other",
    [
        MIXED.rename({"whole": "hole"}),
        MIXED.select(reversed(MIXED.columns)),
        MIXED.reverse(),
        MIXED[:2],
        MIXED.with_columns(pl.col("whole").cast(pl.Float64)),
        MIXED.with_columns(pl.col("whole") + 1),
        MIXED.with_columns(pl.col("number").fill_null(0.0)),
        MIXED.with_columns(pl.col("text").fill_null("")),
        MIXED.with_columns(pl.col("truth").fill_null(False)),
        MIXED.with_columns(pl.col("day").cast(pl.Datetime("us"))),
    ],
    ids=[
        "name",
        "column order",
        "row order",
        "rows",
        "kind",
        "value",
        "null number",
        "null text",
        "null truth",
        "time",
    ],
)
def test_any_change_of_content_enters(other: pl.DataFrame) -> None:
    assert table_digest(other) != table_digest(MIXED)


def test_cells_do_not_run_into_each_other() -> None:
    assert table_digest(pl.DataFrame({"a": ["xy", "z"]})) != table_digest(pl.DataFrame({"a": ["x", "yz"]}))


def test_negative_zero_and_every_nan_have_one_form() -> None:
    odd = np.array([-0.0, np.nan, 1.0])
    odd[1:2].view(np.uint64)[0] |= 0x1234
    assert table_digest(pl.DataFrame({"a": odd})) == table_digest(pl.DataFrame({"a": [0.0, float("nan"), 1.0]}))


def test_column_without_values_has_no_type() -> None:
    digests = {
        table_digest(pl.DataFrame({"a": pl.Series([None, None], dtype=t)})) for t in (pl.String, pl.Float64, pl.Null)
    }
    assert len(digests) == 1


def test_time_zone_enters_as_an_instant() -> None:
    naive = pl.DataFrame({"t": ["2024-01-02 03:04:05"]}).with_columns(pl.col("t").str.to_datetime())
    zoned = naive.with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    berlin = zoned.with_columns(pl.col("t").dt.convert_time_zone("Europe/Berlin").dt.cast_time_unit("ns"))
    assert table_digest(zoned) == table_digest(berlin) != table_digest(naive)


def test_nested_column_is_an_error() -> None:
    with pytest.raises(ValueError, match="'a' of type List"):
        table_digest(pl.DataFrame({"a": [[1]]}))


def test_empty_tables_differ_by_their_columns() -> None:
    assert table_digest(pl.DataFrame({"a": []})) != table_digest(pl.DataFrame({"b": []}))


def test_digest_is_the_same_in_another_process() -> None:
    code = (
        "import polars as pl; from holdfast.adapters.tables.digest import table_digest\n"
        "print(table_digest(pl.DataFrame({'a': ['x', None]})))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert printed == table_digest(pl.DataFrame({"a": ["x", None]}))


@given(
    rows=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text()), max_size=20),
    cut=st.integers(0, 20),
)
def test_digest_does_not_depend_on_chunks(rows: list[tuple[int, float, str]], cut: int) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Float64, "c": pl.String}, orient="row")
    assert table_digest(pl.concat([frame[:cut], frame[cut:]], rechunk=False)) == table_digest(frame)
