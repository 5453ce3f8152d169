from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.drift.exact_sums import as_fraction, empty_halves, whole_sum
from holdfast.kernels.drift.grid import NumberGrid
from holdfast.kernels.drift.number_counts import NumberCounts

# Squares of these neither overflow nor lose their last bits to the smallest number.
FINITE = st.floats(-1e150, 1e150).filter(lambda x: x == 0 or abs(x) > 1e-100)


def test_no_numbers_sum_to_zero() -> None:
    assert whole_sum(empty_halves()) == 0


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
