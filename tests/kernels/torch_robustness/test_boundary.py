from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.torch_robustness.asking import Aim, Asked  # noqa: E402
from holdfast.kernels.torch_robustness.balls import balls, reach  # noqa: E402
from holdfast.kernels.torch_robustness.boundary import walk  # noqa: E402
from holdfast.kernels.torch_robustness.found import Found  # noqa: E402
from tests.kernels.torch_robustness.networks import linear, most_gained  # noqa: E402


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_the_shortest_move_to_a_plane_gains_just_what_is_needed(norm: str) -> None:
    generator = np.random.default_rng(0)
    X, w = generator.uniform(size=(30, 8)), generator.normal(size=(30, 8))
    ball = balls(X, norm=norm, eps=np.inf, low=0, high=1, device="cpu", dtype=torch.float64)  # type: ignore[arg-type]
    need = torch.as_tensor(
        generator.uniform(0.1, 0.9, 30) * [most_gained(a, x, 0, 1, 9, norm) for a, x in zip(w, X, strict=True)]
    )
    for sign in (1.0, -1.0):
        move = reach(torch.as_tensor(sign * w), sign * need, ball.centre, ball).numpy()
        assert np.allclose((w * move).sum(1), need)
        length = np.linalg.norm(move, ord={"linf": np.inf, "l2": 2, "l1": 1}[norm], axis=1)
        for a, x, size, gain in zip(w, X, length, need.tolist(), strict=True):
            assert most_gained(a, x, 0, 1, size * 0.999, norm) < gain <= most_gained(a, x, 0, 1, size * 1.001, norm)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_a_walk_comes_to_the_closest_place_of_a_plane(norm: str) -> None:
    forward, W, b = linear(2, n_features=10, n_classes=2)
    X = np.random.default_rng(1).uniform(0.3, 0.7, size=(8, 10))
    y = (X @ W + b).argmax(1)
    ball = balls(X, norm=norm, eps=np.inf, low=0, high=1, device="cpu", dtype=torch.float64)  # type: ignore[arg-type]
    found = Found(Asked(forward, n_points=8, dtype=torch.float64), ball, torch.as_tensor(y), seeks_closest=True)
    points = torch.arange(8)
    walk(found, points, Aim("margin", found.y, 1 - found.y), ball.centre, iterations=20)
    for x, label, distance in zip(X, y, found.distance, strict=True):
        w, gap = W[:, 1 - label] - W[:, label], (x @ W + b)[label] - (x @ W + b)[1 - label]
        assert most_gained(w, x, 0, 1, distance * 0.98, norm) < gap < most_gained(w, x, 0, 1, distance * 1.0001, norm)
