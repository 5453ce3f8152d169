from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.torch_robustness.asking import Asked  # noqa: E402
from holdfast.kernels.torch_robustness.balls import balls  # noqa: E402
from holdfast.kernels.torch_robustness.found import Found  # noqa: E402


def test_only_flips_inside_that_are_closer_and_confirmed_are_kept() -> None:
    calls = []

    def forward(x: object) -> object:
        calls.append(len(x))  # type: ignore[arg-type]
        return torch.tensor([[0.0, 1.0]]).expand(len(x), 2)  # type: ignore[arg-type]

    X = np.full((3, 2), 0.5)
    ball = balls(X, norm="linf", eps=0.2, low=0, high=1, device="cpu", dtype=torch.float64)
    found = Found(Asked(forward, n_points=3), ball, torch.tensor([0, 0, 1]))  # type: ignore[arg-type]
    found.name = "first"
    flips = torch.tensor([[0.0, 1.0]]).expand(3, 2)
    x = torch.tensor([[0.6, 0.5], [0.9, 0.5], [0.6, 0.5]], dtype=torch.float64)
    found.keep(torch.tensor([0, 1, 2, 0]), torch.cat([x, x[:1] + 0.02]), torch.cat([flips, flips[:1]]))
    assert found.is_open(torch.tensor([2, 0])).tolist() == [True, False]
    assert found.open().tolist() == [1, 2]
    found.name = "second"
    found.keep(torch.tensor([0]), x[:1] + 0.05, flips[:1])
    assert found.distance[0] == pytest.approx(0.1)
    assert found.stage[0] == "first"
    found.keep(torch.tensor([0]), x[:1] - 0.05, flips[:1])
    assert found.distance[0] == pytest.approx(0.05)
    assert found.stage.tolist() == ["second", "", ""]


def test_a_flip_that_is_not_repeated_is_not_kept() -> None:
    ball = balls(np.zeros((1, 1)), norm="l2", eps=1, low=0, high=1, device="cpu", dtype=torch.float32)
    found = Found(Asked(lambda x: torch.tensor([[1.0, 0.0]]).expand(len(x), 2), n_points=1), ball, torch.tensor([0]))
    found.keep(torch.tensor([0]), torch.ones(1, 1) / 2, torch.tensor([[0.0, 1.0]]))
    assert np.isinf(found.distance).all()
