from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.feedback.periods import cut_periods


def test_few_times_are_a_period_each() -> None:
    assert cut_periods([30.0, 10.0, 30.0, 20.0], most=3).tolist() == [2, 0, 2, 1]


def test_many_times_are_parts_of_equal_length() -> None:
    assert cut_periods(np.arange(100.0), most=4).tolist() == np.repeat([0, 1, 2, 3], [25, 25, 25, 25]).tolist()


def test_order_and_unit_do_not_matter() -> None:
    times = np.random.default_rng(0).normal(size=50)
    order = np.random.default_rng(1).permutation(50)
    assert (cut_periods(times, most=7)[order] == cut_periods(times[order] * 60.0 + 5.0, most=7)).all()


def test_one_time_is_one_period() -> None:
    assert cut_periods([5.0, 5.0], most=10).tolist() == [0, 0]


@pytest.mark.parametrize("times", [[], [float("nan")], [float("inf")]])
def test_times_that_are_none_are_refused(times: list[float]) -> None:
    with pytest.raises(ValueError):
        cut_periods(times, most=3)
