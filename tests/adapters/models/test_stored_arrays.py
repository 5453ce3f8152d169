"""What a child says it keeps may be hostile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from holdfast.adapters.models import wire
from holdfast.adapters.models.stored_arrays import LONGEST_NAME, checked, from_message, short_names, to_message
from holdfast.core.errors import ModelError
from holdfast.core.subject import Stored, StoredRows, StoredValues

ROWS = StoredRows(holder="SVC", n_rows=3, n_equal=2, is_stored=np.array([True, False, True]))
TERMS = StoredValues(
    holder="OneHotEncoder", column="town", kind="category", names=short_names(["Bonn", "Zug"]), n_rows=np.array([2, 1])
)
NUMBERS = replace(TERMS, kind="number", names=short_names(["minimum"]), n_rows=np.array([-1]))
STORED = Stored(
    rows=(ROWS, replace(ROWS, n_equal=None)),
    values=(TERMS, NUMBERS),
    leaf_rows=np.array([1, 5]),
    forest="all",
    notes=("seen",),
)
NOTHING = Stored(leaf_rows=np.zeros(0, dtype=np.int64))


def received(stored: Stored, *, n_rows: int = 3) -> Stored:
    header, parts = to_message(stored)
    return from_message(header, parts, n_rows=n_rows)


def test_a_message_says_what_was_written() -> None:
    found = received(STORED)
    assert [(part.holder, part.n_rows, part.n_equal) for part in found.rows] == [("SVC", 3, 2), ("SVC", 3, None)]
    assert found.rows[1].is_stored.tolist() == [True, False, True]
    assert [part.names.tolist() for part in found.values] == [["Bonn", "Zug"], ["minimum"]]
    assert [part.n_rows.tolist() for part in found.values] == [[2, 1], [-1]]
    assert (found.leaf_rows.tolist(), found.forest, found.notes) == ([1, 5], "all", ("seen",))


def test_nothing_is_a_message_too() -> None:
    found = received(NOTHING, n_rows=0)
    assert (found.rows, found.values, found.leaf_rows.size) == ((), (), 0)


def test_long_names_are_cut() -> None:
    assert short_names(["x" * 1000])[0] == "x" * LONGEST_NAME


def test_more_parts_than_the_bound_are_left_out_and_said() -> None:
    found = received(replace(STORED, values=(NUMBERS,) * 5000))
    assert len(found.values) == 4096
    assert "4096" in found.notes[-1]


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        (replace(STORED, rows=(replace(ROWS, n_equal=4),)), "rows"),
        (replace(STORED, rows=(replace(ROWS, is_stored=np.ones(2, dtype=bool)),)), "rows"),
        (replace(STORED, values=(replace(TERMS, n_rows=np.array([4, 0])),)), "values"),
        (replace(STORED, values=(replace(TERMS, n_rows=np.array([-2, 0])),)), "values"),
        (replace(STORED, values=(replace(TERMS, kind="secret"),)), "values"),
        (replace(STORED, leaf_rows=np.array([-1])), "leaves"),
        (replace(STORED, forest="dense"), "forest"),
    ],
)
def test_counts_that_cannot_be_are_refused(stored: Stored, what: str) -> None:
    with pytest.raises(ModelError, match=what):
        checked(stored, n_rows=3)


def broken(change: dict[str, Any], arrays: dict[int, np.ndarray]) -> tuple[dict[str, Any], list[bytes]]:
    header, parts = to_message(STORED)
    return header | change, [wire.encode_array(arrays[at]) if at in arrays else part for at, part in enumerate(parts)]


@pytest.mark.parametrize(
    ("change", "arrays"),
    [
        ({"rows": []}, {}),
        ({"rows": [["SVC", -1, 0], ["SVC", 0, 0]]}, {}),
        ({"rows": [["SVC", True, 0], ["SVC", 0, 0]]}, {}),
        ({"rows": 3}, {}),
        ({"rows": [["SVC", 10**300, 0], ["SVC", 0, 0]]}, {}),
        ({"values": [["a", "b", "term", 2**63 - 1]] * 2 + [["a", "b", "term", 5]]}, {}),
        ({"values": [["OneHotEncoder", "town", "category", 7]]}, {}),
        ({"values": [["OneHotEncoder", "town", "category", 10**30]]}, {}),
        ({"values": [[1, "town", "category", 3]]}, {}),
        ({"notes": [3]}, {}),
        ({}, {0: np.zeros((2, 3))}),
        ({}, {1: np.zeros(3)}),
        ({}, {2: np.zeros((3, 1), dtype=np.int64)}),
        ({}, {3: np.array([0.5])}),
    ],
)
def test_messages_of_another_form_are_refused(change: dict[str, Any], arrays: dict[int, np.ndarray]) -> None:
    with pytest.raises(ModelError):
        from_message(*broken(change, arrays), n_rows=3)


def test_a_message_without_its_parts_is_refused() -> None:
    header, parts = to_message(STORED)
    with pytest.raises(ModelError):
        from_message(header, parts[:3], n_rows=3)
    with pytest.raises(ModelError):
        from_message({"ok": True}, parts, n_rows=3)
