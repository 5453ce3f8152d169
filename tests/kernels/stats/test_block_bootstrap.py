from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.stats.block_bootstrap import block_total


def test_equal_values_have_no_spread() -> None:
    assert block_total(np.full(50, 0.1), rng=np.random.default_rng(0)) == pytest.approx((5.0, 5.0, 5.0))


def test_independent_values_have_the_error_of_their_sum() -> None:
    x = np.random.default_rng(0).normal(size=4000)
    found = block_total(x, rng=np.random.default_rng(1), block=1)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.sqrt(4000), rel=0.06)


def test_dependent_values_have_a_wider_interval() -> None:
    x = np.repeat(np.random.default_rng(0).normal(size=50), 8)
    single, blocks = (block_total(x, rng=np.random.default_rng(1), block=size) for size in (1, 16))
    assert blocks.high - blocks.low > 1.5 * (single.high - single.low)


def test_a_constant_moves_the_total_only() -> None:
    x = np.random.default_rng(0).normal(size=60)
    first, second = (block_total(x + shift, rng=np.random.default_rng(1)) for shift in (0.0, 3.0))
    assert second == pytest.approx([end + 180.0 for end in first])


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0]])
def test_few_values_tell_nothing(values: list[float]) -> None:
    assert block_total(values, rng=np.random.default_rng(0)) == (sum(values), -np.inf, np.inf)


@pytest.mark.parametrize(("values", "block"), [([1.0, float("nan")], 1), ([1.0, 2.0], 0)])
def test_bad_input_is_refused(values: list[float], block: int) -> None:
    with pytest.raises(ValueError):
        block_total(values, rng=np.random.default_rng(0), block=block)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "autocorrelation"), [(30, 0.0), (60, 0.3), (200, 0.3)])
def test_intervals_hold_the_truth_in_95_of_100_series(n: int, autocorrelation: float) -> None:
    rng, series = np.random.default_rng(0), 600
    hits = 0
    for _ in range(series):
        x, noise = np.zeros(n + 50), rng.normal(size=n + 50)
        for at in range(1, n + 50):
            x[at] = autocorrelation * x[at - 1] + noise[at]
        found = block_total(x[50:], rng=rng, n_resamples=400)
        hits += found.low <= 0.0 <= found.high
    assert hits >= series * 0.95 - 4 * np.sqrt(series * 0.95 * 0.05)
