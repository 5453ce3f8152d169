from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.drift.grid import N_BUCKETS, buckets, number_grid

FLOATS = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200)


def test_cells_hold_equal_shares_of_a_continuous_sample() -> None:
    x = np.random.default_rng(0).normal(size=100_000)
    grid = number_grid(x, n_cells=100)
    counts = np.bincount(np.searchsorted(grid.edges, x), minlength=grid.n_cells)
    assert grid.n_cells == 100
    assert counts.min() == counts.max() == 1000


def test_a_value_that_repeats_has_a_cell_of_its_own() -> None:
    x = np.concatenate([np.zeros(5000), np.random.default_rng(0).normal(size=5000)])
    grid = number_grid(x, n_cells=64)
    counts = np.bincount(np.searchsorted(grid.edges, x), minlength=grid.n_cells)
    assert counts[np.searchsorted(grid.edges, 0.0)] == 5000


def test_few_values_are_all_told_apart() -> None:
    grid = number_grid([3, 1, 2, 2, 1])
    assert np.searchsorted(grid.edges, [0.5, 1, 1.5, 2, 2.5, 3, 3.5]).tolist() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("sample", [[], [np.nan], [np.inf, -np.inf]])
def test_nothing_to_cut_is_one_cell(sample: list[float]) -> None:
    assert number_grid(sample).n_cells == 1


@given(FLOATS, st.integers(2, 50))
def test_edges_rise_and_are_finite(sample: list[float], n_cells: int) -> None:
    edges = number_grid(sample, n_cells=n_cells).edges
    assert np.isfinite(edges).all()
    assert (np.diff(edges) > 0).all()


@given(FLOATS, FLOATS)
def test_the_bucket_of_a_number_holds_the_edges_around_it(sample: list[float], asked: list[float]) -> None:
    grid = number_grid(sample, n_cells=16)
    search = buckets(grid)
    assert search.first[0] == 0
    assert search.first[-1] == grid.edges.size
    for value in (x for x in asked if np.isfinite(x)):
        with np.errstate(over="ignore"):
            place = int(min(max(value * search.per_unit - search.shift, 0.0), N_BUCKETS - 1.0))
        assert search.first[place] <= np.searchsorted(grid.edges, value) <= search.first[place + 1]


def test_one_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="two cells or more, got 1"):
        number_grid([1.0], n_cells=1)
