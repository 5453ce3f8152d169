from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.data.schema import Range, largest_gap, outside, tolerated_range
from holdfast.kernels.stats.proportions import newcombe_difference

finite = st.floats(-1e9, 1e9, allow_nan=False)


def test_range_is_widened_by_half_its_width() -> None:
    assert tolerated_range([-10.0, 10.0]) == Range(-20.0, 20.0)


def test_positive_values_keep_a_positive_lower_end() -> None:
    assert tolerated_range([1.0, 1000.0]).low == 0.1


def test_negative_values_keep_a_negative_upper_end() -> None:
    assert tolerated_range([-1000.0, -1.0]).high == -0.1


def test_range_of_no_finite_values_is_everything() -> None:
    assert tolerated_range([np.nan, np.inf]) == Range(-np.inf, np.inf)


def test_range_of_a_constant_column_holds_its_value_alone_above() -> None:
    assert tolerated_range([0.0, 0.0]) == Range(0.0, 0.0)


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        tolerated_range([1.0], margin=-0.1)


@given(st.lists(finite, min_size=1))
def test_values_seen_are_never_outside(values: list[float]) -> None:
    assert not outside(values, tolerated_range(values)).any()


@given(st.lists(finite, min_size=1), st.floats(0, 3), st.floats(0, 3))
def test_a_larger_margin_never_narrows(values: list[float], a: float, b: float) -> None:
    narrow, wide = (tolerated_range(values, margin=m) for m in sorted((a, b)))
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


def test_missing_cells_are_not_outside_and_infinite_ones_are() -> None:
    assert outside([np.nan, np.inf, 0.5], Range(0.0, 1.0)).tolist() == [False, True, False]


def test_largest_gap_names_the_column_that_lost_cells() -> None:
    gap = largest_gap([0, 10], 1000, [0, 210], 1000)
    assert gap.column == 1
    assert gap.estimate.value == pytest.approx(0.2)
    assert gap.estimate.low > 0.15


def test_gap_of_one_column_is_newcombes_difference() -> None:
    gap, reference = largest_gap([5], 100, [30], 120), newcombe_difference(30, 120, 5, 100)
    assert tuple(gap.estimate) == pytest.approx(tuple(reference))


def test_gap_is_the_same_whichever_table_lost_cells() -> None:
    one, other = largest_gap([0, 9], 100, [50, 9], 100), largest_gap([50, 9], 100, [0, 9], 100)
    assert tuple(one.estimate) == pytest.approx(tuple(other.estimate))


def test_gap_without_columns_is_zero() -> None:
    assert tuple(largest_gap([], 10, [], 10).estimate) == (0.0, 0.0, 0.0)


def test_gap_without_rows_is_undefined_but_bounded() -> None:
    estimate = largest_gap([0], 10, [0], 0).estimate
    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0.0, 1.0)


def test_clean_tables_show_no_gap_over_many_columns() -> None:
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(300):
        train, test = rng.binomial(2000, 0.05, 30), rng.binomial(1000, 0.05, 30)
        alarms += largest_gap(train, 2000, test, 1000).estimate.low > 0
    # Family-wise 5 %: 15 expected, 31 is four standard errors above.
    assert alarms <= 31


@pytest.mark.parametrize("draw", ["normal", "uniform", "exponential"])
def test_clean_rows_rarely_leave_the_range(draw: str) -> None:
    rng = np.random.default_rng(4)
    share = np.mean([outside(s[300:], tolerated_range(s[:300])).mean() for s in getattr(rng, draw)(size=(100, 600))])
    # A third of the 2 / 301 of an unwidened range.
    assert share < 0.002
