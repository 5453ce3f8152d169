from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from holdfast.kernels.drift.merging_numba import largest_distance

VALUES = st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(allow_nan=False)), min_size=1, max_size=40)


@given(VALUES, VALUES)
def test_the_distance_is_scipys(a: list[float], b: list[float]) -> None:
    x, y = np.sort(np.array(a)), np.sort(np.array(b))
    at = np.concatenate([x, y])
    gap = np.searchsorted(x, at, side="right") / x.size - np.searchsorted(y, at, side="right") / y.size
    assert largest_distance(x, y) == pytest.approx(np.abs(gap).max())
    assert largest_distance(x, y) == largest_distance(y, x)


def test_many_ties_are_stepped_over_together() -> None:
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.integers(0, 30, 5000) * 1.0), np.sort(rng.integers(2, 30, 3000) * 1.0)
    assert largest_distance(x, y) == pytest.approx(ks_2samp(x, y).statistic)
