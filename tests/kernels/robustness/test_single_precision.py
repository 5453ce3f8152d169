from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.kernels.robustness.single_precision import at_most, below

DOUBLES = st.floats(allow_nan=False, width=64)
SINGLES = st.floats(allow_nan=False, width=32).filter(lambda x: x != -np.inf)
LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)


def rounded(x: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(x))


def neighbours(x: float) -> list[float]:
    return [float(np.nextafter(x, -np.inf)), x, float(np.nextafter(x, np.inf))]


@given(DOUBLES)
@example(0.0)
@example(-0.0)
@example(LARGEST)
@example(-LARGEST)
@example(1e39)
@example(-1e39)
@example(SMALLEST)
@example(-SMALLEST)
@example(SMALLEST / 2)
@example(np.inf)
@example(-np.inf)
def test_the_cut_is_where_rounding_passes_the_threshold(threshold: float) -> None:
    cut = float(at_most(np.array([threshold]))[0])
    for x in neighbours(cut):
        assert (x <= cut) == (rounded(x) <= threshold)


@given(SINGLES)
@example(0.0)
@example(-0.0)
@example(LARGEST)
@example(-LARGEST)
@example(SMALLEST)
@example(-SMALLEST)
@example(np.inf)
def test_the_strict_cut_is_where_rounding_reaches_the_threshold(threshold: float) -> None:
    cut = float(below(np.array([threshold]))[0])
    for x in neighbours(cut):
        assert (x <= cut) == (rounded(x) < threshold)


@given(DOUBLES, DOUBLES)
def test_both_comparisons_agree_anywhere(x: float, threshold: float) -> None:
    assert (x <= at_most(np.array([threshold]))[0]) == (rounded(x) <= threshold)
    if threshold != -np.inf:
        assert (x <= below(np.array([threshold]))[0]) == (rounded(x) < threshold)


@pytest.mark.parametrize(("threshold", "cut"), [(1.0, 1 + 2.0**-24), (1 + 2.0**-23, 1 + 1.5 * 2.0**-23 - 2.0**-52)])
def test_a_tie_goes_to_the_even_neighbour(threshold: float, cut: float) -> None:
    assert at_most(np.array([threshold]))[0] == cut


def test_nothing_finite_lies_below_minus_infinity() -> None:
    assert below(np.array([-np.inf]))[0] == -np.inf
