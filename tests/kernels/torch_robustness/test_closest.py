from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.torch_robustness.closest import closest  # noqa: E402
from tests.kernels.torch_robustness.networks import linear, slack, small_cnn  # noqa: E402

torch.set_num_threads(1)
NORMS = ("linf", "l2", "l1")


@pytest.mark.parametrize("norm", NORMS)
def test_on_a_linear_network_the_distance_is_the_smallest_there_is(norm: str) -> None:
    forward, W, b = linear(0, n_features=20, n_classes=4)
    X = np.random.default_rng(1).uniform(size=(12, 20))
    y = (X @ W + b).argmax(1)
    found = closest(forward, X, y, norm=norm, low=0, high=1, iterations=30, walks=10, dtype=torch.float64)  # type: ignore[arg-type]
    assert np.isfinite(found.distance).all()
    for x, label, distance in zip(X, y, found.distance, strict=True):
        one = x[None], np.array([label])
        assert slack(W, b, *one, distance * 0.97, norm)[0] < 0
        assert slack(W, b, *one, distance * 1.0001, norm)[0] > 0


@pytest.mark.parametrize("norm", NORMS)
def test_every_flip_flips_in_the_range_at_its_distance(norm: str) -> None:
    forward = small_cnn(0)
    X = np.random.default_rng(1).uniform(size=(10, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        y = forward(torch.as_tensor(X)).argmax(1).numpy()
    y[0] = (y[0] + 1) % 4
    found = closest(forward, X, y, norm=norm, low=0, high=1, iterations=10, walks=4, targets=2)  # type: ignore[arg-type]
    with torch.no_grad():
        now = forward(torch.as_tensor(found.adversarial)).argmax(1).numpy()
    assert (now[np.isfinite(found.distance)] != y[np.isfinite(found.distance)]).all()
    assert found.distance[0] == 0
    assert found.adversarial.min() >= 0
    assert found.adversarial.max() <= 1
    length = np.linalg.norm(
        (found.adversarial.astype(np.float64) - X).reshape(10, -1), ord={"linf": np.inf, "l2": 2, "l1": 1}[norm], axis=1
    )
    assert np.allclose(length, found.distance)
    curve = found.robust_share(np.array([0, length.max() + 1]))
    assert curve.tolist() == [0.9, 0.0]


def test_where_nothing_flips_the_distance_is_infinite() -> None:
    X = np.full((3, 4), 0.5)
    found = closest(
        lambda x: torch.stack([x.sum(1) * 0 + 1, x.sum(1) * 0], 1), X, np.zeros(3), norm="l2", low=0, high=1
    )
    assert np.isinf(found.distance).all()
    assert closest(small_cnn(0), np.zeros((0, 1, 8, 8)), np.zeros(0), norm="l2", low=0, high=1).distance.size == 0
