import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.parquet_file import walk_parquet

FRAME = pd.DataFrame({"a": np.arange(500), "b": np.linspace(0, 1, 500), "c": ["x", "y"] * 250})
TABLE = pa.Table.from_pandas(FRAME)


def written(table: pa.Table = TABLE, **options: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "none", "use_dictionary": False},
        {"row_group_size": 90, "write_page_index": True},
        {"version": "1.0", "data_page_version": "2.0"},
    ],
)
def test_every_byte_of_an_ordinary_table_is_accounted_for(scan_file, options) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(written(**options))
    assert (result.format, result.verdict) == ("parquet", "pass")


def test_copies_of_the_facts_behind_columns_are_known(scan_file) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    pl.DataFrame({"a": range(500), "b": ["x", "y"] * 250}).write_parquet(buffer)
    assert scan_file(buffer.getvalue()).verdict == "pass"


def test_bytes_hidden_before_the_footer_are_a_gap(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    data = written()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    assert "suspicious ledger.gap" in rules(scan_file(data[:-footer] + b"hidden" * 9 + data[-footer:]))


@pytest.mark.parametrize("cut", [1, 9, 200])
def test_cut_file_is_not_clean(scan_file, cut) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(written()[:-cut]).verdict == "not_examined"


def test_type_that_is_a_pickle_executes(walk, rules) -> None:  # type: ignore[no-untyped-def]
    kind = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": "a pickle"}
    table = pa.table([pa.array([1, 2])], schema=pa.schema([pa.field("a", pa.int64(), metadata=kind)]))
    assert "executes parquet.pickled-type" in rules(walk(walk_parquet, written(table)))


def test_pickle_among_the_remarks_is_reported(walk, rules) -> None:  # type: ignore[no-untyped-def]
    table = TABLE.replace_schema_metadata({"note": b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."})
    assert "suspicious payload.hidden" in rules(walk(walk_parquet, written(table)))


def test_column_in_another_file_is_suspicious(tmp_path, walk, rules) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "part.parquet"
    collected: list[pq.FileMetaData] = []
    pq.write_table(TABLE, path, metadata_collector=collected)
    metadata = pq.read_metadata(path)
    metadata.set_file_path("../elsewhere.parquet")
    metadata.write_metadata_file(tmp_path / "_metadata")
    assert "suspicious parquet.other-file" in rules(walk(walk_parquet, (tmp_path / "_metadata").read_bytes()))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_footer_is_read_or_reported(footer: bytes, stated: int) -> None:
    data = b"PAR1" + footer + stated.to_bytes(4, "little") + b"PAR1"
    budget = Budget(1 << 20, 10_000, 100, lambda: False)
    assert walk_parquet(memoryview(data), Place(("f",), 0, len(data)), budget).format == "parquet"
