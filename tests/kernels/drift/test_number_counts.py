from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.drift.grid import number_grid
from holdfast.kernels.drift.number_counts import NumberCounts

NUMBERS = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), max_size=60)


def counted(x: object, sample: object = (1.0, 2.0, 3.0)) -> NumberCounts:
    column = NumberCounts(number_grid(sample))
    column.update(x)
    return column


def test_moments_and_extremes_are_numpys() -> None:
    x = np.random.default_rng(0).gamma(2, 3, 5000) + 1e6
    column = counted(x, x)
    assert column.mean == pytest.approx(x.mean(), rel=1e-15)
    assert column.sd == pytest.approx(x.std(ddof=1), rel=1e-12)
    assert (column.minimum, column.maximum, column.n) == (x.min(), x.max(), 5000)


def test_quantiles_are_at_most_a_cell_off() -> None:
    x = np.random.default_rng(0).normal(size=100_000)
    shares = [0.0, 0.01, 0.25, 0.5, 0.99, 1.0]
    found = counted(x, x).quantiles(shares)
    below = (x[:, None] <= found).mean(axis=0)
    assert np.abs(below - shares).max() < 1.5 / 1024


@settings(max_examples=40, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_split_in_any_order_merges_to_the_same_bits(parts: list[list[float]], random: object) -> None:
    whole = counted([x for part in parts for x in part])
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    merged = counted(shuffled[0])
    for part in shuffled[1:]:
        merged.merge(counted(part))
    assert merged.state() == whole.state()
    assert repr((merged.mean, merged.sd)) == repr((whole.mean, whole.sd))


@settings(max_examples=40, deadline=None)
@given(NUMBERS, NUMBERS)
def test_a_state_is_taken_up_where_it_was_left(first: list[float], second: list[float]) -> None:
    whole = counted([*first, *second])
    before = counted(first)
    resumed = NumberCounts.from_state(before.grid, before.state())  # type: ignore[arg-type]
    resumed.update(second)
    assert resumed.state() == whole.state()


def test_nothing_is_counted_as_nothing() -> None:
    column = counted([])
    assert column.n == column.n_missing == 0
    assert all(math.isnan(value) for value in (column.mean, column.sd, column.minimum, column.quantiles(0.5)))


def test_infinities_are_numbers_and_no_moments() -> None:
    column = counted([math.inf, -math.inf, 1.0, 3.0])
    assert (column.n, column.mean, column.n_infinite) == (4, 2.0, (1, 1))


def test_squares_that_overflow_leave_the_moments_unknown() -> None:
    assert math.isnan(counted([1e200, 1.0]).mean)


def test_another_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="same grid"):
        counted([1.0]).merge(counted([1.0], (1.0, 5.0)))


def test_a_state_of_other_cells_is_refused() -> None:
    column = counted([1.0])
    state = column.state() | {"counts": [1]}
    with pytest.raises(ValueError, match="counts of zero or more"):
        NumberCounts.from_state(column.grid, state)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(NUMBERS, NUMBERS)
def test_what_was_counted_stays_when_the_room_is_given_back(first: list[float], second: list[float]) -> None:
    whole, column = counted([*first, *second]), counted(first)
    before = column.state()
    column.settle()
    assert column.state() == before
    column.update(second)
    column.settle()
    assert column.state() == whole.state()


def test_more_values_than_are_kept_stay_the_same_when_the_room_is_given_back() -> None:
    x = np.random.default_rng(0).normal(size=20_000)
    column = NumberCounts(number_grid(x))
    for part in np.split(x, 4):
        column.update(part)
        column.settle()
    assert column.state() == counted(x, x).state()
