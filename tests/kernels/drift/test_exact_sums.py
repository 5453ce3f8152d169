from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.drift.exact_sums import as_fraction, empty_halves, whole_sum
from holdfast.kernels.drift.grid import NumberGrid
from holdfast.kernels.drift.number_counts import NumberCounts

# Squares of these neither overflow nor lose their last bits to the smallest number.
FINITE = st.floats(-1e150, 1e150).filter(lambda x: x == 0 or abs(x) > 1e-100)


def test_no_numbers_sum_to_zero() -> None:
    assert whole_sum(empty_halves()) == 0


@settings(deadline=None)
@given(st.lists(FINITE, max_size=60))
def test_sums_are_those_of_exact_arithmetic(values: list[float]) -> None:
    column = NumberCounts(NumberGrid(np.empty(0), 0.0))
    column.update(values)
    total, squares = (as_fraction(whole) for whole in column.whole_sums)
    assert total == sum((Fraction(x) for x in values), Fraction(0))
    assert squares == sum((Fraction(x * x) for x in values), Fraction(0))


def test_the_smallest_numbers_are_not_lost() -> None:
    column = NumberCounts(NumberGrid(np.empty(0), 0.0))
    column.update([5e-324, 1e300, -1e300, 5e-324])
    assert as_fraction(column.whole_sums[0]) == Fraction(2, 2**1074)


@pytest.mark.parametrize("power", [-160, -145, -60, -1, 0, 40, 140])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_whole_blocks_are_summed_exactly_at_any_scale(power: int, spread: float) -> None:
    rng = np.random.default_rng(abs(power))
    x = np.clip(rng.normal(size=2500) * np.exp(rng.normal(0, spread, 2500)) * 10.0**power, -1e150, 1e150)
    x[::7] = rng.integers(-5, 5, x[::7].size)
    column = NumberCounts(NumberGrid(np.empty(0), 0.25))
    column.update(x)
    d = x - 0.25
    expected = [sum(map(Fraction, each.tolist()), Fraction(0)) for each in (d, d * d)]
    assert [as_fraction(whole) for whole in column.whole_sums] == expected


def test_numbers_of_one_value_sum_to_it() -> None:
    column = NumberCounts(NumberGrid(np.empty(0), 3.0))
    column.update(np.full(2000, 3.0))
    assert column.whole_sums == [0, 0]
    assert (column.mean, column.sd) == (3.0, 0.0)
