"""The compiled loop against the plain definition; what is made of its counters is tested beside `NumberCounts`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.drift.grid import number_grid
from holdfast.kernels.drift.number_counts import NumberCounts

ANY = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=150)


@settings(deadline=None)
@given(ANY, ANY)
def test_every_number_falls_into_the_cell_of_its_definition(sample: list[float], values: list[float]) -> None:
    column = NumberCounts(number_grid(sample, n_cells=8))
    column.update(values)
    x = np.array(values, dtype=float)
    x = x[~np.isnan(x)]
    expected = np.bincount(np.searchsorted(column.grid.edges, x), minlength=column.grid.n_cells)
    assert column.counts.tolist() == expected.tolist()
    assert column.n_missing == len(values) - x.size


@pytest.mark.parametrize("draw", ["normal", "lognormal", "standard_cauchy"])
def test_many_numbers_fall_into_their_cells(draw: str) -> None:
    rng = np.random.default_rng(0)
    x = getattr(rng, draw)(size=50_000)
    column = NumberCounts(number_grid(x[:5000]))
    column.update(x)
    expected = np.bincount(np.searchsorted(column.grid.edges, x), minlength=column.grid.n_cells)
    assert np.array_equal(column.counts, expected)


def test_both_zeros_are_one_value() -> None:
    column = NumberCounts(number_grid([0.0, 1.0]))
    column.update([0.0, -0.0])
    assert column.distinct.items() == {0.0: 2}


@pytest.mark.parametrize("n_values", [10, 5000, 60_000])
def test_rows_without_a_number_are_missing_wherever_the_table_of_values_fills_up(n_values: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, n_values, 60_000) + 0.5
    x[rng.random(x.size) < 0.3] = np.nan
    column = NumberCounts(number_grid(x[:2000]))
    column.update(x)
    present = x[~np.isnan(x)]
    values, counts = np.unique(present, return_counts=True)
    assert (column.n, column.n_missing) == (present.size, x.size - present.size)
    assert column.mean == pytest.approx(present.mean(), rel=1e-14)
    known = dict(zip(values.tolist(), counts.tolist(), strict=True))
    assert all(known[value] == count for value, count in column.distinct.items().items())
    assert column.distinct.is_complete == (values.size < 1024)
