"""Cells are read as they are written, behind the names of their columns."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from holdfast.adapters.surfaces.tables import HEADER, csv_passages, parquet_passages
from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.passages import Passage, Place


def read(text: str, *columns: str) -> tuple[list[Passage], list[str]]:
    notes: list[str] = []
    found = csv_passages(io.BytesIO(text.encode()), columns, notes, source="a.csv")
    return [one for one in found if one.place.part != HEADER], notes


def test_cells_keep_their_zeros_and_have_a_row_a_line_and_a_column() -> None:
    found, _ = read('name,zip\n"Ro,\ne",00123\nBo,\n')
    assert found == [
        Passage("Ro,\ne", Place(1, 2, "name"), "name: "),
        Passage("00123", Place(1, 2, "zip"), "zip: "),
        Passage("Bo", Place(2, 4, "name"), "name: "),
    ]


def test_whole_numbers_beside_gaps_are_read_without_their_point() -> None:
    found, _ = read("tel,x\n24428557.0,1.5\n,v2.0\n")
    assert [one.text for one in found] == ["24428557", "1.5", "v2.0"]


def test_an_id_column_names_the_record() -> None:
    assert [one.place.record for one in read("id,t\nk7,x\n,y\n", "t")[0]] == ["k7", 2]


def test_rows_of_another_length_are_read_too() -> None:
    found, _ = read("a,b\n1,2,extra\n3\n")
    assert [(one.text, one.place.part) for one in found] == [("1", "a"), ("2", "b"), ("extra", "field 3"), ("3", "a")]


def test_columns_that_are_not_there_are_named() -> None:
    with pytest.raises(InputError, match=r"expected the column 'zpi' in a\.csv") as error:
        read("name,zip\nx,1\n", "zpi")
    assert error.value.hint == "did you mean 'zip'?"


def test_behind_a_quotation_mark_that_never_closes_all_is_read() -> None:
    text = 'a,b\n1,2\n3,"never\n' + "".join(f"row {i},x\n" for i in range(20_000))
    found, notes = read(text)
    assert "".join(one.text for one in found).count("row ") == 20_000
    assert "from line 3 on it was read as text" in notes[0]


def test_nothing_gives_nothing() -> None:
    assert read("") == ([], [])
    assert read("\n\n")[0] == []


def test_parquet_is_read_with_lists_structures_and_numbers(tmp_path: Path) -> None:
    frame = pl.DataFrame({
        "id": ["k1", "k2"], "tel": [48221234567.0, None], "tags": [["x", "y"], []], "who": [{"name": "Jo"}, None],
        "raw": [b"z", b""], "n": [7, 8],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "a.parquet")
    read = parquet_passages(tmp_path / "a.parquet", ["tel", "tags", "who", "raw"])
    found = [one for one in read if one.place.part != HEADER]
    assert [(one.text, one.place.record, one.place.part) for one in found] == [
        ("48221234567", "k1", "tel"),
        ("x", "k1", "tags[0]"),
        ("y", "k1", "tags[1]"),
        ("Jo", "k1", "who.name"),
        ("z", "k1", "raw"),
        ("", "k2", "raw"),
    ]
    assert {one.place.part for one in parquet_passages(tmp_path / "a.parquet", [])} == {
        "id", "tel", "raw", "n", "tags[0]", "tags[1]", "who.name", HEADER,
    }  # fmt: skip


def test_damaged_parquet_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(InputError, match="damaged Parquet"):
        list(parquet_passages(tmp_path / "a.parquet", []))


def test_a_first_line_taken_for_names_is_looked_at_too() -> None:
    found = csv_passages(io.BytesIO(b"jane.roe@example.org,x\nbo@example.org,y\n"), [], [], source="a.csv")
    assert [one.text for one in found] == ["jane.roe@example.org", "x", "bo@example.org", "y"]


@pytest.mark.parametrize("text", ["a\r\0", 'a,"b', "a\rb\rjane,c", 'a"'])
def test_what_is_no_table_is_read_all_the_same(text: str) -> None:
    found = list(csv_passages(io.BytesIO(text.encode()), [], [], source="a.csv"))
    shown = "".join(one.text for one in found)
    assert all(letter in shown for letter in text if letter.isalpha())
