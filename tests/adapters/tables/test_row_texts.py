"""Texts of rows are equal where cells are, and nowhere else."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.tables.row_texts import row_texts

CELLS = st.one_of(st.none(), st.text(alphabet="ab:0123456789-sn", max_size=6))


def test_known_texts() -> None:
    frame = pl.DataFrame(
        {
            "a": [1, None],
            "b": [0.5, 2.0],
            "c": ["é", ""],
            "d": [True, False],
            "e": [date(1970, 1, 2), None],
            "f": [datetime(1970, 1, 1, 0, 0, 1), None],
        }
    )
    assert row_texts(frame) == [
        "n1:1f19:4602678819172646912s2:éb1:1d1:1t7:1000000".encode(),
        b"-n1:2s0:b1:0--",
    ]


def test_columns_in_another_order_and_whole_numbers_as_decimals_are_the_same() -> None:
    first = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    second = pl.DataFrame({"b": ["x", "y"], "a": [1.0, 2.0]})
    assert row_texts(first) == row_texts(second)


def test_zero_has_one_sign_and_nan_one_form() -> None:
    texts = row_texts(pl.DataFrame({"a": [0.0, -0.0, float("nan"), -float("nan"), float("inf")]}))
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]
    assert len(set(texts)) == 3


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12))
def test_rows_have_one_text_exactly_when_their_cells_are_equal(rows: list[tuple[str | None, str | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    texts = row_texts(frame)
    for k, row in enumerate(rows):
        assert [text == texts[k] for text in texts] == [other == row for other in rows]


def test_a_table_without_rows_has_no_texts() -> None:
    assert row_texts(pl.DataFrame({"a": []}, schema={"a": pl.Int64})) == []
