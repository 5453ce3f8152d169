from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.robustness.streams import PointStreams  # noqa: E402
from holdfast.kernels.torch_robustness.asking import Asked  # noqa: E402
from holdfast.kernels.torch_robustness.balls import balls  # noqa: E402
from holdfast.kernels.torch_robustness.found import Found  # noqa: E402
from holdfast.kernels.torch_robustness.squares import wander  # noqa: E402

torch.set_num_threads(1)


@pytest.mark.parametrize("shape", [(2, 6, 6), (12,)])
@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_comes_close_to_the_summit_of_a_linear_function_without_slopes(norm: str, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    w = torch.as_tensor(generator.normal(size=shape)).double()
    X = np.full((2, *shape), 0.5)
    eps = {"linf": 0.1, "l2": 0.3, "l1": 1.0}[norm]

    def forward(x: object) -> object:
        gain = ((x - 0.5) * w).flatten(1).sum(1)  # type: ignore[operator]
        return torch.stack([torch.full_like(gain, 100.0), gain], 1)

    ball = balls(X, norm=norm, eps=eps, low=0, high=1, device="cpu", dtype=torch.float64)  # type: ignore[arg-type]
    found = Found(Asked(forward, n_points=2, dtype=torch.float64), ball, torch.zeros(2, dtype=torch.int64))  # type: ignore[arg-type]
    value = wander(found, torch.arange(2), PointStreams(0, np.arange(2)), queries=150)
    most = float(((ball.summit(w.expand(2, *shape)) - ball.centre) * w)[0].sum())
    least = {"linf": 0.75, "l2": 0.4, "l1": 0.25}[norm]
    assert (value + 100 > least * most).all()
    assert (value + 100 <= most * (1 + 1e-6)).all()
    assert (found.asked.forwards == 150).all()
    assert (found.asked.backwards == 0).all()
