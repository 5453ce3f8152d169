"""Rows that agree in all quasi-identifiers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.anonymity.equivalence_classes import codes_of, equivalence_classes


def test_missing_cells_are_one_value_of_their_own() -> None:
    assert codes_of(np.array([2.0, np.nan, 1.0, np.nan])).tolist() == [2, 0, 1, 0]
    assert codes_of(np.array(["b", None, "a", None], dtype=object)).tolist() == [2, 0, 1, 0]


def test_a_number_that_is_zero_is_not_missing() -> None:
    assert codes_of(np.array([0.0, np.nan])).tolist() == [1, 0]


def test_codes_follow_the_order_of_the_values() -> None:
    assert codes_of(np.array([30, -5, 7])).tolist() == [2, 0, 1]
    assert codes_of(np.array([True, False])).tolist() == [1, 0]


@given(rows=st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_classes_are_those_of_a_counter(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    found = equivalence_classes(columns)
    assert sorted(Counter(rows).values()) == sorted(found.sizes.tolist())
    assert len({(row, at) for row, at in zip(rows, found.of_row.tolist(), strict=True)}) == len(found.sizes)


def test_refining_classes_equals_grouping_by_all_columns() -> None:
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, 9, 500) for _ in range(4)]
    whole, step = equivalence_classes(columns), equivalence_classes(columns[:2])
    assert (equivalence_classes(columns[2:], start=step).of_row == whole.of_row).all()


def test_codes_beyond_62_bits_together_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 2**40, 50) for _ in range(3)]
    columns = [np.concatenate([column, column]) for column in columns]
    assert equivalence_classes(columns).sizes.tolist() == [2] * 50


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one length, got \[2, 3\]"):
        equivalence_classes([np.zeros(2, np.int64), np.zeros(3, np.int64)])
    with pytest.raises(ValueError, match="at least one column"):
        equivalence_classes([])
