"""Lines about a step lie on their side of it everywhere between its bounds, and touch it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.relaxations import (  # noqa: E402  (needs torch)
    bend_lines,
    maximum,
    maximum_choices,
    tanh_lines,
)
from holdfast.kernels.torch_certificates.windows import windows_of  # noqa: E402

ENDS = st.tuples(st.floats(-30, 30), st.floats(0, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(deadline=None, max_examples=40)
@given(ends=ENDS, slope=st.sampled_from([0.0, 0.1, 1.0, None]))
def test_lines_lie_below_and_above(ends: tuple[float, float], slope: float | None) -> None:
    low, high = (torch.tensor([end], dtype=torch.float64) for end in ends)
    lines = tanh_lines(low, high) if slope is None else bend_lines(low, high, slope)
    x = torch.linspace(*ends, 301, dtype=torch.float64)
    y = torch.tanh(x) if slope is None else torch.where(x > 0, x, slope * x)
    below = lines.low_slope * x + lines.low_shift
    above = lines.high_slope * x + lines.high_shift
    rounding = 1e-12 * (1 + x.abs().max())
    assert (below <= y + rounding).all()
    assert (above >= y - rounding).all()


def test_lines_touch_the_curve() -> None:
    low, high = (torch.tensor([end], dtype=torch.float64) for end in (-1.5, 2.0))
    x = torch.linspace(-1.5, 2.0, 20001, dtype=torch.float64)
    for lines, y in ((bend_lines(low, high, 0.0), x.clamp(min=0)), (tanh_lines(low, high), torch.tanh(x))):
        assert (y - lines.low_slope * x - lines.low_shift).min() < 1e-5
        assert (lines.high_slope * x + lines.high_shift - y).min() < 1e-5


def test_a_bend_that_is_not_reached_is_exact() -> None:
    low = torch.tensor([0.0, -3.0, 1.0, -2.0], dtype=torch.float64)
    high = torch.tensor([2.0, -1.0, 1.0, 0.0], dtype=torch.float64)
    lines = bend_lines(low, high, 0.2)
    assert lines.low_slope.tolist() == lines.high_slope.tolist() == [1.0, 0.2, 1.0, 0.2]
    assert lines.low_shift.tolist() == lines.high_shift.tolist() == [0.0] * 4


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_choices_about_a_maximum_lie_below_and_above(seed: int) -> None:
    rng = np.random.default_rng(seed)
    windows = torch.tensor(
        windows_of({"kernel_shape": (2, 2), "strides": (2, 1), "pads": (1, 0, 0, 1)}, (3, 3)), dtype=torch.int64
    )
    low = torch.tensor(rng.normal(size=(2, 2, 3, 3)))
    high = low + torch.tensor(rng.exponential(size=low.shape) * rng.integers(0, 2, low.shape))
    chosen = maximum_choices(low, high, windows)
    for _ in range(25):
        x = low + torch.tensor(rng.choice([0.0, 0.5, 1.0, rng.random()], low.shape)) * (high - low)
        y, flat = maximum(x, windows), x.flatten(2)
        assert (flat.gather(2, chosen.low_at) <= y).all()
        assert (chosen.high_slope * flat.gather(2, chosen.high_at) + chosen.high_shift >= y - 1e-12).all()
