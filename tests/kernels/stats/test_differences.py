import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.stats.differences import independent_difference
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.paired import paired_proportion_difference
from holdfast.kernels.stats.proportions import newcombe_difference, wilson

COUNTS = st.tuples(st.integers(0, 50), st.integers(1, 50)).map(lambda pair: (min(pair), max(pair)))


def test_gaussian_intervals_add_in_squares() -> None:
    found = independent_difference(IntervalEstimate(5.0, 2.0, 8.0), IntervalEstimate(1.0, -3.0, 5.0))
    assert found == IntervalEstimate(4.0, -1.0, 9.0)


@given(COUNTS, COUNTS)
def test_with_wilsons_intervals_it_is_newcombes(first: tuple[int, int], second: tuple[int, int]) -> None:
    found = independent_difference(wilson(*first), wilson(*second))
    expected = newcombe_difference(*first, *second)
    clipped = (found.value, max(found.low, -1.0), min(found.high, 1.0))
    np.testing.assert_allclose(clipped, expected, atol=1e-12)


@given(COUNTS, COUNTS)
def test_swapping_the_two_swaps_the_sign(first: tuple[int, int], second: tuple[int, int]) -> None:
    there, back = (
        independent_difference(wilson(*first), wilson(*second)),
        independent_difference(wilson(*second), wilson(*first)),
    )
    np.testing.assert_allclose((back.value, back.low, back.high), (-there.value, -there.high, -there.low), atol=1e-12)


def test_an_open_end_leaves_one_open() -> None:
    found = independent_difference(IntervalEstimate(1.0, -math.inf, math.inf), IntervalEstimate(0.0, -1.0, 1.0))
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_what_does_not_exist_has_no_difference() -> None:
    found = independent_difference(IntervalEstimate(math.nan, -1.0, 1.0), IntervalEstimate(0.0, -1.0, 1.0))
    assert math.isnan(found.value)
    assert (found.low, found.high) == (-math.inf, math.inf)


@pytest.mark.slow
def test_the_difference_of_two_paired_differences_is_covered() -> None:
    """2,000 tables each: coverage of 95 % intervals is within 1.5 points of nominal."""
    rng = np.random.default_rng(3)
    chances = ((0.05, 0.02, 0.93), (0.03, 0.03, 0.94))
    truth = (0.02 - 0.05) - 0.0
    tables = [rng.multinomial(300, p, size=2000) for p in chances]
    covered = 0
    for one, two in zip(*tables, strict=True):
        parts = [paired_proportion_difference(int(t[0]), int(t[1]), 300) for t in (one, two)]
        found = independent_difference(*parts)
        covered += found.low <= truth <= found.high
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)
