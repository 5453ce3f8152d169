from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn, encoded, grid_of

LEVELS = np.array(["a", "b"], dtype=object)


def test_all_whole_numbers_of_a_short_range_are_asked_about() -> None:
    column = NumberColumn(np.array([2.0, 7.0]), -0.5, 9.5, is_whole=True)
    assert column.grid(20).tolist() == list(range(10))


def test_the_grid_holds_the_ends_and_what_was_seen() -> None:
    grid = NumberColumn(np.array([0.25, np.nan, 99.0]), 0.0, 1.0).grid(8)
    assert {0.0, 0.25, 1.0} <= set(grid.tolist())
    assert (np.diff(grid) > 0).all()
    assert grid.size <= 10


def test_a_long_range_of_whole_numbers_is_asked_about_in_part() -> None:
    grid = NumberColumn(np.arange(5000.0), 0.0, 1e6, is_whole=True).grid(64)
    assert (grid == np.round(grid)).all()
    assert grid.size <= 68


@pytest.mark.parametrize("column", [NumberColumn(np.zeros(1), 0, 1, can_miss=True), CategoryColumn(LEVELS, True)])
def test_the_missing_cell_stands_last(column) -> None:
    last = grid_of(column, 4)[-1]
    assert last is None or np.isnan(last)


def test_unknown_levels_are_coded_as_missing() -> None:
    cells = {"c": np.array(["b", "z", None, "a"], dtype=object)}
    assert encoded({"c": CategoryColumn(LEVELS)}, cells)[:, 0].tolist() == [1, -1, -1, 0]


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (0.0, np.inf), (np.nan, 1.0)])
def test_a_range_without_numbers_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="finite range"):
        NumberColumn(np.zeros(1), low, high)


def test_whole_numbers_that_doubles_do_not_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="2\\*\\*53"):
        NumberColumn(np.zeros(1), 0.0, 1e17, is_whole=True)


@pytest.mark.parametrize("levels", [[], ["a", "a"]])
def test_levels_are_distinct(levels: list[str]) -> None:
    with pytest.raises(ValueError, match="distinct levels"):
        CategoryColumn(np.array(levels, dtype=object))
