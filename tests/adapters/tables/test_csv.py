"""Text tables: layout, encoding, types of columns, and rows that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.tables.csv import parse_csv
from holdfast.adapters.tables.reading import read_table
from holdfast.core.errors import InputError
from holdfast.core.subject import Table

DATA = Path(__file__).parents[4] / "shared" / "data"
Read = Callable[[str | bytes], Table]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(content: str | bytes) -> Table:
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, name="test")

    return write_and_read


def _values(table: Table) -> dict[str, list[object]]:
    return table.frame.to_dict(as_series=False)


def _said(table: Table, words: str) -> bool:
    return any(words in note for note in table.notes)


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_delimiter_is_guessed_and_said(read: Read, delimiter: str, name: str) -> None:
    table = read("a,b\n1,x y\n2,z\n".replace(",", delimiter))
    assert _values(table) == {"a": [1, 2], "b": ["x y", "z"]}
    assert _said(table, f"separated by {name}")


def test_delimiter_inside_quotes_is_text(read: Read) -> None:
    assert _values(read('a,b\n"x, y",2\n"say ""so""",3\n')) == {"a": ["x, y", 'say "so"'], "b": [2, 3]}


def test_semicolons_between_decimal_commas_are_the_delimiter(read: Read) -> None:
    table = read("1,5;2,25\n3,0;4\n")
    assert _values(table) == {"x0": [1.5, 3.0], "x1": [2.25, 4.0]}
    assert _said(table, "decimal mark in 'x0', 'x1'")


def test_single_column_is_a_table(read: Read) -> None:
    assert _values(read("a\n1\n\n3\n")) == {"a": [1, None, 3]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\nc,d\n", ["a", "b"]),
        ("5.1,setosa\n4.9,virginica\n", ["x0", "x1"]),
        ("1,2\n3,4\n", ["x0", "x1"]),
        ("0\n1\n0\n", ["x0"]),
        ("0,1,2\n5,6,7\n", ["0", "1", "2"]),
        ("id,2019,2020\n7,1.5,2.5\n", ["id", "2019", "2020"]),
        ("?,1\nx,2\n", ["x0", "x1"]),
    ],
)
def test_header_is_recognised(read: Read, text: str, names: list[str]) -> None:
    assert read(text).frame.columns == names


def test_missing_header_is_said(read: Read) -> None:
    assert _said(read("1,2\n3,4\n"), "no header line")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "byte-order mark"),
        ("utf-16", "UTF-16"),
        ("cp1252", "Windows-1252 because"),
        ("latin-1", "Windows-1252 because"),
    ],
)
def test_encoding_is_guessed_and_said(read: Read, encoding: str, said: str) -> None:
    table = read("naïve,b\ncafé,1\n".encode(encoding))
    assert _values(table) == {"naïve": ["café"], "b": [1]}
    assert _said(table, said)


def test_bytes_that_windows_does_not_define_are_latin_1(read: Read) -> None:
    assert _said(read(b"a,b\n\x81\xe9,1\n"), "Latin-1")


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_of_every_system_are_read(read: Read, end: str) -> None:
    assert _values(read(f"a,b{end}1,x{end}2,y{end}")) == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize(
    "text", ["a,b\n1,x\n\n2,y\n\n\n", "\na,b\n1,x\n2,y\n", "a,b\n1,x\n  \n2,y", "a,b\r\n1,x\r\n\r\n2,y\r\n"]
)
def test_blank_lines_are_no_rows(read: Read, text: str) -> None:
    assert _values(read(text)) == {"a": [1, 2], "b": ["x", "y"]}


def test_row_of_empty_cells_is_a_row(read: Read) -> None:
    assert _values(read("a,b\n1,2\n,\n3,4\n")) == {"a": [1, None, 3], "b": [2, None, 4]}


def test_quoted_line_break_is_text(read: Read) -> None:
    assert _values(read('a,b\n"x\ny",1\n')) == {"a": ["x\ny"], "b": [1]}


@pytest.mark.parametrize(
    ("text", "line", "expected", "found"),
    [
        ("a,b\n1,2\n3\n", 3, 2, 1),
        ("a,b\n1,2,3\n", 2, 2, 3),
        ("a,b\n1,2,\n", 2, 2, 3),
        ("a,b\n1,2,", 2, 2, 3),
        ('a,b\n"x\ny\nz",2\n1\n', 5, 2, 1),
        ("a,b\r\n1,2\r\n\r\n3\r\n", 4, 2, 1),
        ("a\nhello, world\n", 2, 1, 2),
    ],
)
def test_ragged_row_is_named_by_line_and_fields(read: Read, text: str, line: int, expected: int, found: int) -> None:
    with pytest.raises(InputError, match=rf"line {line}: expected {expected} fields? as in the header, got {found}"):
        read(text)


def test_ragged_row_far_down_is_found_behind_missing_last_cells(read: Read) -> None:
    lines = ["a,b,c"] + ["1,2,"] * 5000 + ["1,2"] + ["1,2,3"] * 10
    with pytest.raises(InputError, match="line 5002: expected 3 fields as in the header, got 2"):
        read("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "line"), [('a,b\n1,2\n"x,2\n3,4\n', 3), ('a,b\nx,"2\n3,4\n', 2), ('a,b\nx,"2\n' + "3,4\n" * 50_000, 2)]
)
def test_quotation_that_never_closes_is_found_where_it_opens(read: Read, text: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"line {line}: .*never closed"):
        read(text)


def test_stray_quotation_marks_are_kept(read: Read) -> None:
    assert _values(read("size,n\n5'10\",1\n6'0\",2\n")) == {"size": ["5'10\"", "6'0\""], "n": [1, 2]}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \n"])
def test_file_without_content_is_an_error(read: Read, content: bytes) -> None:
    with pytest.raises(InputError, match="empty file"):
        read(content)


@pytest.mark.parametrize("text", ["a,b\n", "a,b"])
def test_header_alone_is_a_table_without_rows(read: Read, text: str) -> None:
    assert read(text).frame.shape == (0, 2)


def test_repeated_names_are_refused_by_name(read: Read) -> None:
    with pytest.raises(InputError, match="'a' in columns 1, 3"):
        read("a,b,a\n1,2,3\n")


def test_names_that_differ_only_in_blanks_are_refused(read: Read) -> None:
    with pytest.raises(InputError, match="'a' in columns 1, 2"):
        read("a, a\n1,2\n")


def test_blanks_around_names_are_dropped_and_said(read: Read) -> None:
    table = read("a, b \n1,2\n")
    assert table.frame.columns == ["a", "b"]
    assert _said(table, "blanks around column names were dropped: 'b'")


def test_column_without_a_name_is_called_by_its_position(read: Read) -> None:
    table = read(",a\n0,x\n1,y\n")
    assert table.frame.columns == ["column_1", "a"]
    assert _said(table, "'column_1'")


def test_control_character_in_a_name_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"without control characters .* got 'a\\nb' \(column 1\)"):
        read('"a\nb",c\n1,2\n')


def test_markup_in_names_and_cells_is_kept_as_it_is(read: Read) -> None:
    assert _values(read("<script>x</script>,b\n<b>,1\n")) == {"<script>x</script>": ["<b>"], "b": [1]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,\x002\n", "zero byte in line 2"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x1f\x8brest", "gzip"),
        (b"\xff\xfea", "not valid UTF-16"),
    ],
)
def test_binary_file_is_refused(read: Read, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(content)


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "-2", "+3"], pl.Int64, [1, -2, 3]),
        (["1", "2.5", "1e3"], pl.Float64, [1.0, 2.5, 1000.0]),
        ([" 1", "2 "], pl.Int64, [1, 2]),
        (["true", "FALSE", "True"], pl.Boolean, [True, False, True]),
        (["00123", "10001"], pl.String, ["00123", "10001"]),
        (["0", "0.5", "-0.25"], pl.Float64, [0.0, 0.5, -0.25]),
        (["1_000", "2"], pl.String, ["1_000", "2"]),
        (["yes", "no"], pl.String, ["yes", "no"]),
        (["2024-01-02", "2024-12-31"], pl.Date, [date(2024, 1, 2), date(2024, 12, 31)]),
        (["2024-01-02", "2024-13-31"], pl.String, ["2024-01-02", "2024-13-31"]),
        (["01/02/2024", "03/04/2024"], pl.String, ["01/02/2024", "03/04/2024"]),
        (
            ["2024-01-02T03:04", "2024-01-02 05:06"],
            pl.Datetime("us"),
            [datetime(2024, 1, 2, 3, 4), datetime(2024, 1, 2, 5, 6)],
        ),
        (
            ["2024-01-02T03:04:05Z", "2024-01-02 03:04:05.5+01:00"],
            pl.Datetime("us", "UTC"),
            [datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2024, 1, 2, 2, 4, 5, 500_000, tzinfo=UTC)],
        ),
    ],
)
def test_column_gets_the_type_that_fits_all_cells(
    read: Read, cells: list[str], dtype: pl.DataType, values: list[object]
) -> None:
    table = read("k,v\n" + "".join(f"r,{cell}\n" for cell in cells))
    assert table.frame["v"].dtype == dtype
    assert table.frame["v"].to_list() == values


def test_one_word_in_the_last_row_makes_a_column_text_and_is_named(read: Read) -> None:
    table = read("k,v\n" + "".join(f"r,{i}\n" for i in range(20_000)) + "r,abc\n")
    assert table.frame["v"].dtype == pl.String
    assert _said(
        table, "column 'v' is text because not all of its cells are numbers (100% are): data row 20001 holds 'abc'"
    )


@pytest.mark.parametrize("word", ["", "  ", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A", "<NA>"])
@pytest.mark.parametrize("others", [("1", "2"), ("x", "y"), ("true", "false")])
def test_empty_cells_and_words_for_missing_are_missing_in_every_column(
    read: Read, word: str, others: tuple[str, str]
) -> None:
    values = read(f"k,v\nr,{others[0]}\nr,{word}\nr,{others[1]}\n").frame["v"].to_list()
    assert [value is None for value in values] == [False, True, False]


@pytest.mark.parametrize("word", ["?", "None", "none", "NONE"])
def test_doubtful_word_is_missing_among_numbers(read: Read, word: str) -> None:
    table = read(f"k,v\nr,1\nr,{word}\nr,3\n")
    assert table.frame["v"].to_list() == [1, None, 3]
    assert _said(table, f"words read as missing values in 'v' (1 x {word})")


@pytest.mark.parametrize("word", ["?", "None", "none", "NONE"])
def test_doubtful_word_is_a_category_among_text_and_said(read: Read, word: str) -> None:
    table = read(f"k,v\nr,guarantor\nr,{word}\nr,{word}\n")
    assert table.frame["v"].to_list() == ["guarantor", word, word]
    assert _said(table, f"kept as a category of text, though they may mean a missing value, in 'v' (2 x {word})")


def test_column_of_doubtful_words_alone_is_text(read: Read) -> None:
    assert read("k,v\nr,none\nr,none\n").frame["v"].to_list() == ["none", "none"]


def test_column_without_any_value_is_numeric_and_said(read: Read) -> None:
    table = read("k,v\nr,\nr,NA\n")
    assert table.frame["v"].dtype == pl.Float64
    assert _said(table, "without any value were taken as numeric: 'v'")


def test_infinite_values_stay_and_are_said(read: Read) -> None:
    table = read("k,v\nr,inf\nr,-inf\nr,1\n")
    assert table.frame["v"].to_list() == [float("inf"), float("-inf"), 1.0]
    assert _said(table, "infinite values were kept as they are in 'v'")


def test_whole_numbers_beyond_64_bits_become_floats_and_are_said(read: Read) -> None:
    table = read("k,v\nr,99999999999999999999\nr,1\n")
    assert table.frame["v"].to_list() == [1e20, 1.0]
    assert _said(table, "beyond 64 bits became floating point in 'v'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a;b\n1,234;x\n5,678;y\n", "may separate thousands or decimals: 'a'"),
        ("a;b\n1,5;2.5\n3,5;4.5\n", "other columns use a decimal point, not a comma: 'a'"),
    ],
)
def test_comma_that_may_mean_two_things_leaves_text(read: Read, text: str, said: str) -> None:
    table = read(text)
    assert table.frame["a"].dtype == pl.String
    assert _said(table, said)


def test_quoted_decimal_commas_between_commas_stay_text(read: Read) -> None:
    assert read('a,b\n"1,5",x\n"2,5",y\n').frame["a"].to_list() == ["1,5", "2,5"]


def test_blanks_before_text_stay_and_are_said(read: Read) -> None:
    table = read("age, work\n39, State-gov\n50, Private\n")
    assert _values(table) == {"age": [39, 50], "work": [" State-gov", " Private"]}
    assert _said(table, "begins with a blank in every cell, which was kept, in 'work'")


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=("Cs",)), max_size=8)


@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=12))
def test_quoted_text_survives(rows: list[tuple[str, str]]) -> None:
    frame = pl.DataFrame({"k": ["w" + a for a, _ in rows], "v": ["w" + b for _, b in rows]})
    text = frame.write_csv(quote_style="always")
    assert parse_csv(text.encode(), source="t")[0].equals(frame)


@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_table_or_a_plain_error(data: bytes) -> None:
    try:
        frame, _ = parse_csv(data, source="t")
    except InputError:
        return
    assert frame.width >= 1


@given(text=st.text(st.sampled_from('a1,;"\n\r\t |?.-N'), max_size=60))
def test_any_layout_gives_a_table_or_a_plain_error(text: str) -> None:
    try:
        frame, _ = parse_csv(text.encode(), source="t")
    except InputError:
        return
    assert frame.width >= 1


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data beside the repository")
def test_adult_is_read_with_the_types_of_its_columns() -> None:
    table = read_table(DATA / "adult_train.csv", name="train")
    text = {name for name, dtype in table.frame.schema.items() if dtype == pl.String}
    assert table.frame.shape == (32_561, 15)
    assert len(text) == 9
    assert table.frame["workclass"].null_count() == 1836
