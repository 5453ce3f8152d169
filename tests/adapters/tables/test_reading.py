"""Tables from paths, frames and arrays."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from holdfast.adapters.tables.reading import read_table
from holdfast.core.errors import InputError
from holdfast.core.subject import Table


def _said(table: Table, words: str) -> bool:
    return any(words in note for note in table.notes)


def _of(**columns: object) -> Table:
    return read_table(pl.DataFrame(columns), name="test")


def test_missing_file_names_the_closest_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "adult_train.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"did you mean 'adult_train\.csv'"):
        read_table(tmp_path / "adult_trian.csv", name="train")


def test_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        read_table(tmp_path / "nowhere" / "t.csv", name="train")


def test_folder_is_an_error_that_lists_its_files(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"got a folder: .*\n\nhint: .*'t\.csv'"):
        read_table(tmp_path, name="train")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_file_without_permission_is_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        read_table(path, name="train")


def test_path_with_a_zero_byte_is_a_plain_error() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_table("bad\0path.csv", name="train")


@pytest.mark.parametrize(("name", "said"), [("t.json", "JSON"), ("t.pkl", "pickle")])
def test_file_of_another_format_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_text("[1]")
    with pytest.raises(InputError, match=f"got .*{said}"):
        read_table(tmp_path / name, name="train")


def test_path_and_name_stand_in_the_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    table = read_table(str(path), name="train")
    assert (table.name, table.source) == ("train", str(path))


@pytest.mark.parametrize("name", ["t.parquet", "t.pq", "t.csv"])
def test_parquet_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / name)
    table = read_table(tmp_path / name, name="train")
    assert table.frame.rows() == [(1,)]
    assert _said(table, "read as Parquet")


def test_parquet_cut_short_is_said(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-5])
    with pytest.raises(InputError, match="cut short"):
        read_table(tmp_path / "t.parquet", name="train")


def test_damaged_parquet_is_a_plain_error(tmp_path: Path) -> None:
    pl.DataFrame({"a": range(1000)}).write_parquet(tmp_path / "t.parquet")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[-60:-8] = b"\xff" * 52
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputError, match="damaged Parquet"):
        read_table(tmp_path / "t.parquet", name="train")


def test_nested_columns_of_parquet_are_refused_by_name(tmp_path: Path) -> None:
    pl.DataFrame({"ok": [1], "tags": [["x"]], "raw": [b"x"]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"'tags' \(List\(String\)\), 'raw' \(Binary\)"):
        read_table(tmp_path / "t.parquet", name="train")


@pytest.mark.parametrize(
    ("column", "dtype", "values"),
    [
        (pl.Series([1, 2], dtype=pl.UInt8), pl.Int64, [1, 2]),
        (pl.Series([0.5, 2], dtype=pl.Float32), pl.Float64, [0.5, 2.0]),
        (pl.Series(["x", None], dtype=pl.Categorical), pl.String, ["x", None]),
        (pl.Series(["x", None], dtype=pl.Enum(["x"])), pl.String, ["x", None]),
        (pl.Series([Decimal("1.25"), None]), pl.Float64, [1.25, None]),
        (pl.Series([2**63, 1], dtype=pl.UInt64), pl.Float64, [2.0**63, 1.0]),
        (pl.Series([None, None]), pl.Float64, [None, None]),
        (pl.Series([float("nan"), 1.0]), pl.Float64, [None, 1.0]),
        (pl.Series([timedelta(seconds=90), None]), pl.Float64, [90.0, None]),
        (pl.Series([time(1, 2, 3)] * 2), pl.String, ["01:02:03"] * 2),
        (pl.Series([datetime(2024, 1, 2)], dtype=pl.Datetime("ns")), pl.Datetime("us"), [datetime(2024, 1, 2)]),
    ],
)
def test_column_comes_in_a_canonical_type(column: pl.Series, dtype: pl.DataType, values: list[object]) -> None:
    canonical = _of(a=column).frame["a"]
    assert (canonical.dtype, canonical.to_list()) == (dtype, values)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pl.Series([2**63, 1], dtype=pl.UInt64), "beyond 64 bits became floating point in 'a'"),
        (pl.Series([float("nan"), 1.0]), "NaN was read as a missing value in 'a'"),
        (pl.Series([float("inf"), 1.0]), "infinite values were kept as they are in 'a'"),
        (pl.Series([timedelta(seconds=90)]), "durations became seconds in 'a'"),
    ],
)
def test_change_of_values_is_said(column: pl.Series, said: str) -> None:
    assert _said(_of(a=column), said)


def test_zoned_times_become_instants_in_utc() -> None:
    berlin = pl.Series([datetime(2024, 1, 2, 3, tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin")
    column = _of(a=berlin).frame["a"]
    assert column.dtype == pl.Datetime("us", "UTC")
    assert column[0] == datetime(2024, 1, 2, 3, tzinfo=UTC)


PANDAS = pd.DataFrame(
    {
        "whole": [1, 2],
        "number": [0.5, np.nan],
        "text": ["x", None],
        "category": pd.Categorical(["u", None]),
        "nullable": pd.array([3, None], dtype="Int64"),
        "truth": pd.array([True, None], dtype="boolean"),
        "day": pd.to_datetime(["2024-01-02", None]),
        "instant": pd.to_datetime(["2024-01-02 03:00", None]).tz_localize("Europe/Berlin"),
        "mixed": [1, "one"],
        "object": pd.Series([1.5, None], dtype=object),
    }
)
PANDAS_TYPES = {
    "whole": pl.Int64,
    "number": pl.Float64,
    "text": pl.String,
    "category": pl.String,
    "nullable": pl.Int64,
    "truth": pl.Boolean,
    "day": pl.Datetime("us"),
    "instant": pl.Datetime("us", "UTC"),
    "mixed": pl.String,
    "object": pl.Float64,
}
PANDAS_ROWS = [
    (1, 0.5, "x", "u", 3, True, datetime(2024, 1, 2), datetime(2024, 1, 2, 2, tzinfo=UTC), "1", 1.5),
    (2, None, None, None, None, None, None, None, "one", None),
]


def test_pandas_frame_comes_in_canonical_types() -> None:
    frame = read_table(PANDAS, name="test").frame
    assert dict(frame.schema) == PANDAS_TYPES
    assert frame.rows() == PANDAS_ROWS


def test_pandas_frame_needs_no_pyarrow() -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import pandas as pd; from holdfast.adapters.tables.reading import read_table\n"
        "f = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pd.to_datetime(['2024-01-02', None])})\n"
        "print(read_table(f, name='test').frame.rows())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert printed == "[(1, 'x', datetime.datetime(2024, 1, 2, 0, 0)), (2, None, None)]"


def test_mixed_objects_become_text_and_the_row_is_named() -> None:
    assert _said(
        read_table(PANDAS, name="test"), "column 'mixed' mixes integer, text and was made text: data row 1 holds 1"
    )


def test_users_frame_is_left_alone() -> None:
    frame = pd.DataFrame({0: [1], 1: ["x"]})
    assert read_table(frame, name="test").frame.columns == ["0", "1"]
    assert list(frame.columns) == [0, 1]


@pytest.mark.parametrize(("index", "dropped"), [([0, 1], False), ([5, 3], False), (["p", "q"], True)])
def test_dropped_index_is_said(index: list[object], dropped: bool) -> None:
    assert _said(read_table(pd.DataFrame({"a": [1, 2]}, index=index), name="test"), "index") is dropped


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
def test_repeated_names_of_pandas_are_refused(names: list[object]) -> None:
    with pytest.raises(InputError, match="in columns 1, 2"):
        read_table(pd.DataFrame([[1, 2]], columns=names), name="test")


def test_pandas_objects_that_are_no_values_are_refused() -> None:
    with pytest.raises(InputError, match="plain values in column 'a' of a pandas frame, got dict"):
        read_table(pd.DataFrame({"a": [{"x": 1}]}), name="test")


def test_pyarrow_table_is_read() -> None:
    arrow = pa.table({"a": pa.array([1, None], pa.int8()), "b": pa.array(["x", "y"]).dictionary_encode()})
    table = read_table(arrow, name="test")
    assert table.frame.rows() == [(1, "x"), (None, "y")]
    assert table.source == "a pyarrow frame"


def test_pyarrow_names_may_not_repeat() -> None:
    with pytest.raises(InputError, match="'a' in columns 1, 2"):
        read_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), name="test")


@pytest.mark.parametrize(
    ("array", "rows"),
    [
        (np.arange(4, dtype=np.int8).reshape(2, 2), [(0, 1), (2, 3)]),
        (np.array([1.5, np.nan], dtype=np.float16), [(1.5,), (None,)]),
        (np.array([["x", "y"]]), [("x", "y")]),
        (np.array([[1, "x"], [None, 2.5]], dtype=object), [(1, "x"), (None, "2.5")]),
        (np.array([True, False]), [(True,), (False,)]),
        (np.array(["2024-01-02", "NaT"], dtype="datetime64[D]"), [(datetime(2024, 1, 2),), (None,)]),
        (np.ma.masked_array([1, 2], mask=[False, True]), [(1,), (None,)]),
        (np.zeros((0, 2)), []),
    ],
)
def test_array_is_read_by_columns(array: np.ndarray, rows: list[tuple[object, ...]]) -> None:
    table = read_table(array, name="test")
    assert table.frame.rows() == rows
    assert table.frame.columns == [f"x{i}" for i in range(table.frame.width)]
    assert _said(table, "were called x0 to")


def test_structured_array_keeps_its_names() -> None:
    array = np.array([(1, "x")], dtype=[("a", "i4"), ("b", "U3")])
    frame = read_table(array, name="test").frame
    assert (frame.columns, frame.rows()) == (["a", "b"], [(1, "x")])


def test_an_array_of_images_becomes_pixels_row_by_row() -> None:
    table = read_table(np.arange(24).reshape(2, 2, 3, 2), name="test")
    assert (table.frame.width, table.frame.row(1)) == (12, tuple(range(12, 24)))
    assert any("pixels" in note for note in table.notes)


@pytest.mark.parametrize("array", [np.zeros((2, 1, 1, 1, 2)), np.array(1.0)])
def test_array_without_rows_and_columns_is_refused(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="rows and columns"):
        read_table(array, name="test")


@pytest.mark.parametrize("array", [np.array([1 + 2j]), np.array([b"x"])])
def test_array_of_values_that_no_table_has_is_refused(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="plain values in column 'x0'"):
        read_table(array, name="test")


@pytest.mark.parametrize("source", [pl.DataFrame(), pd.DataFrame(index=[0]), np.zeros((3, 0))])
def test_table_without_columns_is_refused(source: object) -> None:
    with pytest.raises(InputError, match="at least one column"):
        read_table(source, name="test")


@pytest.mark.parametrize(
    ("source", "hint"), [([1, 2], "give a path"), (None, "give a path"), (pl.LazyFrame({"a": [1]}), "collect")]
)
def test_what_is_no_table_is_refused_with_the_next_step(source: object, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        read_table(source, name="test")


def test_control_character_in_a_frames_name_is_refused() -> None:
    with pytest.raises(InputError, match="control characters"):
        _of(**{"a\tb": [1]})


def test_reading_polars_loads_no_pandas() -> None:
    code = (
        "import sys, polars as pl; from holdfast.adapters.tables.reading import read_table\n"
        "read_table(pl.DataFrame({'a': [1]}), name='test')\n"
        "print(sorted({'pandas', 'pyarrow', 'sklearn'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert printed == "[]"
