from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.stats.trend import sen_slope


def test_a_straight_line_has_its_slope() -> None:
    assert sen_slope(3.0 + 0.5 * np.arange(8)) == pytest.approx((0.5, 0.5, 0.5))


def kendall(x: np.ndarray) -> float:
    later, earlier = np.tril_indices(x.size, -1)
    return float(np.sign(x[later] - x[earlier]).sum())


def test_the_interval_leaves_zero_out_when_the_mann_kendall_test_does() -> None:
    rng = np.random.default_rng(0)
    every = np.array([kendall(np.array(order)) for order in permutations(range(7))])
    for _ in range(200):
        x = rng.normal(size=7)
        found = sen_slope(x)
        p = 2.0 * float(np.mean(every >= abs(kendall(x))))
        assert (found.low > 0 or found.high < 0) == (p <= 0.05)


def test_scipy_agrees_on_the_slope() -> None:
    from scipy.stats import theilslopes

    x = np.random.default_rng(1).normal(size=30)
    assert sen_slope(x).value == pytest.approx(theilslopes(x).slope)


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=20), st.floats(0.1, 10.0))
def test_scaling_the_values_scales_the_slope(values: list[float], factor: float) -> None:
    first, second = sen_slope(values), sen_slope(np.array(values) * factor)
    assert second == pytest.approx([factor * end for end in first], rel=1e-6, abs=1e-6)


def test_too_few_values_tell_nothing() -> None:
    assert sen_slope([1.0, 2.0, 3.0, 4.0])[1:] == (-np.inf, np.inf)
    assert np.isnan(sen_slope([1.0]).value)


def test_too_many_values_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 500"):
        sen_slope(np.zeros(501))


@pytest.mark.slow
def test_a_series_without_trend_is_called_one_at_most_once_in_twenty() -> None:
    rng = np.random.default_rng(2)
    found = [sen_slope(rng.standard_t(2, size=12)) for _ in range(4000)]
    alarms = sum(each.low > 0 or each.high < 0 for each in found)
    assert alarms <= 4000 * 0.05 + 4 * np.sqrt(4000 * 0.05 * 0.95)
