from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.drift.word_counts import (
    FEWEST_ROWS,
    N_CELLS,
    WordCounts,
    cell_of,
    common_words,
    rows_with_words,
    words_of,
)

TEXTS = st.text(st.sampled_from("ab c"), max_size=12)
PARTS = st.lists(st.dictionaries(TEXTS, st.integers(1, 5)), max_size=4)


def counted(*parts: dict[str, int]) -> WordCounts:
    words = WordCounts(["a", "b"])
    for part in parts:
        words.update(part)
    return words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't pay_me 20,5 EUR!", {"don", "t", "pay", "me", "20", "5", "eur"}),
        ("Størrelse", {"størrelse"}),
        ("cafe\u0301", {"caf\u00e9"}),
        ("返金 して", {"返", "金", "し", "て"}),
        ("  ", set()),
    ],
)
def test_words_are_runs_of_letters_and_digits(text: str, words: set[str]) -> None:
    assert words_of(text) == words


def test_cells_are_the_same_everywhere() -> None:
    assert [cell_of(word) for word in ("refund", "größe", "")] == [1138, 244, 1764]


def test_a_row_counts_once_for_each_word() -> None:
    words = counted({"a a a": 3, "b a": 1, "": 2})
    assert words.by_name.tolist() == [4, 1]
    assert words.cells[cell_of("a")] == 4
    assert words.cells.sum() == 5


def test_two_words_of_one_cell_count_a_row_once() -> None:
    first = "word0"
    second = next(f"word{n}" for n in range(1, 10**6) if cell_of(f"word{n}") == cell_of(first))
    assert counted({f"{first} {second}": 2}).cells[cell_of(first)] == 2


@given(PARTS)
def test_parts_merge_to_the_whole_to_the_last_bit(parts: list[dict[str, int]]) -> None:
    merged = counted()
    for part in reversed(parts):
        merged.merge(counted(part))
    assert json.dumps(merged.state()) == json.dumps(counted(*parts).state())


@given(PARTS)
def test_a_state_is_taken_up(parts: list[dict[str, int]]) -> None:
    words = counted(*parts)
    assert WordCounts.from_state(("a", "b"), words.state(), n_rows=100).state() == words.state()


@pytest.mark.parametrize(
    "change", [{"cells": [0]}, {"by_name": [1, 2, 3]}, {"by_name": [-1, 0]}, {"cells": [101] + [0] * (N_CELLS - 1)}]
)
def test_a_damaged_state_is_refused(change: dict[str, list[int]]) -> None:
    with pytest.raises(ValueError, match="expected"):
        WordCounts.from_state(("a", "b"), counted().state() | change, n_rows=100)


def test_other_lists_are_not_merged() -> None:
    with pytest.raises(ValueError, match="same words"):
        counted().merge(WordCounts(["a"]))


def test_rare_words_are_not_listed() -> None:
    texts = {f"thanks Ada{number}": 1 for number in range(FEWEST_ROWS)} | {"hello": FEWEST_ROWS - 1}
    assert common_words(texts) == ("thanks",)
    assert common_words({f"id{number}": 1 for number in range(1000)}) == ()
    many = {" ".join(f"w{number}" for number in range(500)): FEWEST_ROWS}
    assert len(common_words(many)) == 200


def test_words_of_some_cells_are_counted_by_name() -> None:
    texts = {"late parcel": 3, "parcel parcel": 2}
    assert rows_with_words(texts) == {"late": 3, "parcel": 5}
    assert rows_with_words(texts, cells={cell_of("late")}) == {"late": 3}


def test_whatever_a_text_holds_is_counted() -> None:
    words = counted({"\ud800 \x00 a": 1, "a" * 100_000: 1})
    assert words.by_name.tolist() == [1, 0]
    assert np.all(words.cells >= 0)
