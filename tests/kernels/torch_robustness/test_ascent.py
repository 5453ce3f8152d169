from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.torch_robustness.ascent import ascend, checkpoints  # noqa: E402
from holdfast.kernels.torch_robustness.asking import Aim, Asked  # noqa: E402
from holdfast.kernels.torch_robustness.balls import balls  # noqa: E402
from holdfast.kernels.torch_robustness.found import Found  # noqa: E402


def test_checkpoints_of_a_hundred_steps_are_those_of_the_paper() -> None:
    assert checkpoints(100, "linf") == [22, 41, 57, 70, 80, 87, 93, 99]


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_finds_the_top_of_a_concave_hill(norm: str) -> None:
    # The margin is -1 - |x - top|^2: never above zero, highest at the top, which lies inside.
    top = torch.tensor([[0.55, 0.45, 0.5, 0.52]])

    def forward(x: object) -> object:
        return torch.stack([1 + ((x - top) ** 2).sum(1), torch.zeros(len(x))], 1)  # type: ignore[operator,arg-type]

    ball = balls(np.full((3, 4), 0.5), norm=norm, eps=0.3, low=0, high=1, device="cpu", dtype=torch.float32)  # type: ignore[arg-type]
    found = Found(Asked(forward, n_points=3), ball, torch.zeros(3, dtype=torch.int64))  # type: ignore[arg-type]
    summit = ascend(found, torch.arange(3), Aim("margin", found.y), ball.centre, iterations=50)
    assert (summit.value > -1 - 4e-3).all()
    assert np.isinf(found.distance).all()
    assert found.asked.backwards.tolist() == [51] * 3


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_a_widened_climb_goes_beyond_the_ball_but_keeps_no_flip_there(norm: str) -> None:
    # The answer changes at 0.7 of the first column; points at 0.5 and 0.65 may move by 0.1.
    def forward(x: object) -> object:
        return torch.stack([torch.full((len(x),), 0.7), x[:, 0]], 1)  # type: ignore[arg-type,index]

    X = np.full((2, 4), 0.5)
    X[1, 0] = 0.65
    ball = balls(X, norm=norm, eps=0.1, low=0, high=1, device="cpu", dtype=torch.float32)  # type: ignore[arg-type]
    found = Found(Asked(forward, n_points=2), ball, torch.zeros(2, dtype=torch.int64))  # type: ignore[arg-type]
    aim = Aim("margin", found.y)
    wide = ascend(found, torch.arange(2), aim, ball.centre, iterations=10, widened=3.0)
    assert wide.x[0, 0] > 0.79
    assert np.isinf(found.distance[0])
    again = ascend(found, torch.arange(2), aim, wide.x, iterations=10)
    assert 0.59 < again.x[0, 0] < 0.601
    assert np.isinf(found.distance[0])
    assert found.distance[1] <= 0.1
