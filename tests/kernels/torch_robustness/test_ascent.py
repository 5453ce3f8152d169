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
