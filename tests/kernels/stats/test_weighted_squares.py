from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.stats.weighted_squares import weighted_square_limits

CASES = {
    "nothing": np.zeros(10),
    "one off": np.append(0.1, np.zeros(9)),
    "all a little off": np.full(10, 0.02),
}


@pytest.mark.parametrize("case", CASES)
def test_limits_contain_the_truth(case: str) -> None:
    rng, delta, hits = np.random.default_rng(0), CASES[case], 0
    weight, error = np.full(10, 0.1), np.linspace(0.01, 0.04, 10)
    for _ in range(400):
        low, high = weighted_square_limits(weight, delta + error * rng.normal(size=10), error, level=0.95)
        assert 0.0 <= low <= high <= 1.0
        hits += low <= weight @ delta**2 <= high
    assert hits / 400 > 0.93


def test_large_distances_are_bounded_from_below() -> None:
    low, high = weighted_square_limits(np.full(4, 0.25), np.full(4, 0.3), np.full(4, 0.01), level=0.95)
    assert 0.08 < low < 0.09 < high < 0.1
