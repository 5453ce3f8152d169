"""Quasi-identifiers as numbers that can be cut, and boxes written for people."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.anonymity.mondrian import mondrian
from holdfast.kernels.anonymity.quasi_columns import quasi_column, written_boxes


def test_numbers_stay_and_missing_ones_lie_just_below() -> None:
    column = quasi_column(np.array([3.0, np.nan, 1.0]))
    assert column.names is None
    assert column.missing is not None
    assert column.missing < 1.0
    assert column.values[[0, 2]].tolist() == [3.0, 1.0]
    assert column.values[1] == pytest.approx(1.0)


def test_categories_are_ranked_by_frequency() -> None:
    column = quasi_column(np.array(["rare", "often", None, "often"], dtype=object))
    assert column.names == ("often", "missing", "rare")
    assert column.values.tolist() == [2.0, 0.0, 1.0, 0.0]


def test_boxes_are_written_as_ranges_and_names() -> None:
    ages = quasi_column(np.array([18.0, 21.0, 60.0, 60.0]))
    towns = quasi_column(np.array(["x", "y", "z", "z"], dtype=object))
    boxes = mondrian([ages.values, towns.values], is_category=[False, True], k=2)
    assert sorted(map(str, written_boxes(ages, boxes, 0))) == ["18 to 21", "60.0"]
    assert sorted(map(str, written_boxes(towns, boxes, 1))) == ["x|y", "z"]


def test_all_names_or_too_many_are_any() -> None:
    towns = quasi_column(np.array([f"t{at}" for at in range(10)], dtype=object))
    assert written_boxes(towns, mondrian([towns.values], is_category=[True], k=10), 0) == ["*"]
    assert written_boxes(towns, mondrian([towns.values], is_category=[True], k=4), 0)[0].count("|") == 4


def test_missing_numbers_are_written_as_such() -> None:
    column = quasi_column(np.array([np.nan, np.nan, 5.0, 6.0]))
    assert written_boxes(column, mondrian([column.values], is_category=[False], k=2), 0) == [None, "5 to 6"]
    whole = quasi_column(np.array([np.nan, 5.0]))
    assert written_boxes(whole, mondrian([whole.values], is_category=[False], k=2), 0) == ["missing or up to 5"]


def test_infinite_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="expected finite numbers"):
        quasi_column(np.array([1.0, np.inf]))
