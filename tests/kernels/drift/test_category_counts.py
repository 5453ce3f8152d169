from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.drift.category_counts import CategoryCounts, common_categories
from holdfast.kernels.drift.grid import number_grid

PARTS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "cc", "ddd", ""]), st.integers(1, 5)), max_size=4)
LENGTHS = number_grid([0, 1, 2, 3])


def counted(*parts: dict[str, int]) -> CategoryCounts:
    column = CategoryCounts(("a", "b"), LENGTHS)
    for part in parts:
        column.update(part, n_missing=1)
    return column


def test_what_is_no_category_is_counted_and_named() -> None:
    column = counted({"a": 2, "ddd": 3})
    assert (column.counts.tolist(), column.n_other, column.n, column.n_missing) == ([2, 0], 3, 5, 1)
    assert column.others == {"ddd": 3}
    assert column.lengths.mean == pytest.approx(11 / 5)


@settings(deadline=None)
@given(PARTS)
def test_parts_merge_to_the_whole(parts: list[dict[str, int]]) -> None:
    merged = counted()
    for part in reversed(parts):
        merged.merge(counted(part))
    whole = counted(*parts)
    assert merged.state() == whole.state()
    assert whole.n == sum(sum(part.values()) for part in parts)


@settings(deadline=None)
@given(PARTS)
def test_a_state_is_taken_up(parts: list[dict[str, int]]) -> None:
    column = counted(*parts)
    assert CategoryCounts.from_state(("a", "b"), LENGTHS, column.state()).state() == column.state()


def test_a_hundred_thousand_unseen_categories_are_counted_in_little_room() -> None:
    column = CategoryCounts(("a",), LENGTHS)
    column.update({f"new {place}": 1 for place in range(100_000)}, n_missing=0)
    assert column.n_other == 100_000
    assert column.distinct.n_distinct == pytest.approx(100_000, rel=0.15)
    assert len(column.others) <= 1024


def test_names_and_prose_are_not_kept() -> None:
    column = CategoryCounts((), LENGTHS)
    column.update({"Ada": 1}, n_missing=0)
    assert "Ada" not in str(column.state())
    assert column.others == {}


def test_the_most_frequent_are_chosen_and_ties_go_by_name() -> None:
    assert common_categories(Counter("bbbaac"), most=2) == ("a", "b")
    assert common_categories({"x": 1, "d": 1, "m": 1}, most=2) == ("d", "m")


def test_other_categories_are_refused() -> None:
    with pytest.raises(ValueError, match="same categories"):
        counted().merge(CategoryCounts(("a",), LENGTHS))
    with pytest.raises(ValueError, match="2 categories, got 1"):
        CategoryCounts.from_state(("a", "b"), LENGTHS, {"counts": np.array([1])})
