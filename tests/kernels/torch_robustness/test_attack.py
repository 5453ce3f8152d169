from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.torch_robustness.attack import Attacked, Stage, attack  # noqa: E402
from tests.kernels.torch_robustness.networks import linear, slack, small_cnn  # noqa: E402

NORMS = ("linf", "l2", "l1")
FEW = (
    Stage("margin", 8),
    Stage("targeted", 6, targets=9),
    Stage("targeted again", 6, targets=2, order="by_progress", is_random=True),
)
torch.set_num_threads(1)


def points(n: int = 12, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, size=(n, 1, 8, 8)).astype(np.float32)


def attacked(forward: Any, X: np.ndarray, y: np.ndarray | None = None, **options: Any) -> Attacked:
    if y is None:
        with torch.no_grad():
            y = forward(torch.as_tensor(X)).argmax(1).numpy()
    return attack(
        forward, X, y, **({"norm": "linf", "eps": 0.05, "low": 0.0, "high": 1.0, "seed": 0, "stages": FEW} | options)
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_classes", [2, 12])
def test_on_linear_networks_finds_every_point_within_reach_and_no_other(norm: str, n_classes: int) -> None:
    forward, W, b = linear(0, n_features=30, n_classes=n_classes)
    X = np.random.default_rng(1).uniform(size=(40, 30))
    y = (X @ W + b).argmax(1)
    eps = {"linf": 0.04, "l2": 0.25, "l1": 0.7}[norm] / (1 if n_classes < 12 else 2)
    able = slack(W, b, X, y, eps, norm)
    found = attacked(forward, X, y, norm=norm, eps=eps, dtype=torch.float64)
    assert 0.2 < (able > 0).mean() < 0.8
    clear = np.abs(able) > 2e-3
    assert (found.success == (able > 0))[clear].all()
    assert not found.success[able < 0].any()


@pytest.mark.parametrize("norm", NORMS)
def test_every_flip_lies_in_the_ball_and_the_range_and_flips(norm: str) -> None:
    forward, X = small_cnn(0), points(30)
    X[0, 0, 0, :4] = [0, 1, 0, 1]
    eps = {"linf": 0.06, "l2": 0.4, "l1": 2.0}[norm]
    with torch.no_grad():
        y = forward(torch.as_tensor(X)).argmax(1).numpy()
    found = attacked(forward, X, y, norm=norm, eps=eps)
    moved = (found.adversarial.astype(np.float64) - X).reshape(len(X), -1)
    length = np.linalg.norm(moved, ord={"linf": np.inf, "l2": 2, "l1": 1}[norm], axis=1)
    assert found.success.sum() >= 3
    assert (length <= eps).all()
    assert np.allclose(length[found.success], found.distance[found.success], rtol=1e-9)
    assert found.adversarial.min() >= 0
    assert found.adversarial.max() <= 1
    with torch.no_grad():
        now = forward(torch.as_tensor(found.adversarial)).argmax(1).numpy()
    assert ((now != y) == found.success).all()


def test_in_l1_twenty_steps_flip_what_longer_attacks_flip() -> None:
    # Three longer stages flip 21 of these; a climb that goes back to its best place at every checkpoint flips 17.
    stages = (Stage("margin", 20),)
    found = attacked(small_cnn(0), points(60), norm="l1", eps=2.0, stages=stages)
    assert found.success.sum() >= 20


def test_one_column_is_the_score_of_the_second_class() -> None:
    forward, W, b = linear(3, n_features=20, n_classes=2)
    X = np.random.default_rng(2).uniform(size=(30, 20))
    y = (X @ W + b).argmax(1)
    two = attacked(forward, X, y, eps=0.03, dtype=torch.float64)
    one = attacked(lambda x: forward(x)[:, 1:] - forward(x)[:, :1], X, y, eps=0.03, dtype=torch.float64)
    flat = attacked(lambda x: forward(x)[:, 1] - forward(x)[:, 0], X, y, eps=0.03, dtype=torch.float64)
    assert 0 < two.success.sum() < 30
    assert (two.success == one.success).all()
    assert (two.success == flat.success).all()


@pytest.mark.parametrize("norm", NORMS)
def test_results_depend_on_neither_chunks_nor_neighbours(norm: str) -> None:
    forward, X = small_cnn(1), points(21, seed=4)
    eps = {"linf": 0.04, "l2": 0.3, "l1": 1.5}[norm]
    whole = attacked(forward, X, norm=norm, eps=eps, chunk=64)
    small = attacked(forward, X, norm=norm, eps=eps, chunk=8)
    some = np.array([19, 3, 7])
    alone = attacked(forward, X[some], norm=norm, eps=eps, ids=some)
    assert 0 < whole.success.sum() < 21
    for name in ("success", "adversarial", "distance", "stage", "forwards", "backwards"):
        assert np.array_equal(getattr(whole, name), getattr(small, name)), name
        assert np.array_equal(getattr(whole, name)[some], getattr(alone, name)), name


def test_scarce_memory_means_smaller_chunks_with_the_same_result() -> None:
    forward, X = small_cnn(1), points(21, seed=4)

    def scarce(x: Any) -> Any:
        if len(x) > 16:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(x)

    plain, halved = attacked(forward, X), attacked(scarce, X, _labels(forward, X))
    assert np.array_equal(plain.adversarial, halved.adversarial)
    assert np.array_equal(plain.forwards, halved.forwards)


def _labels(forward: Any, X: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(forward(torch.as_tensor(X)).argmax(1).numpy())


def test_a_seed_reproduces_and_another_starts_elsewhere() -> None:
    forward, X = small_cnn(2), points(16, seed=5)
    first, again = attacked(forward, X, seed=7), attacked(forward, X, seed=7)
    assert np.array_equal(first.adversarial, again.adversarial)
    assert (first.forwards == again.forwards).all()


def no_grad(forward: Any) -> Any:
    def asked(x: Any) -> Any:
        with torch.no_grad():
            return forward(x)

    return asked


def through_numpy(forward: Any) -> Any:
    return lambda x: forward(torch.as_tensor(x.numpy()))


@pytest.mark.parametrize("wrap", [no_grad, through_numpy])
def test_a_network_without_slopes_is_named_as_such(wrap: Any) -> None:
    X = points(4)
    found = attacked(wrap(small_cnn(0)), X, eps=0.02)
    assert (found.without_slope == 1).all()


def test_answers_that_are_no_numbers_are_no_flips_and_are_named() -> None:
    forward, X = small_cnn(0), points(6)
    y = _labels(forward, X)
    found = attacked(lambda x: torch.where(x.flatten(1).std(1)[:, None] > 0, torch.nan, forward(x)), X, y)
    assert not found.success.any()
    assert found.not_finite.all()
    assert (found.adversarial == X).all()


def test_constant_scores_are_never_flipped() -> None:
    found = attacked(lambda x: torch.ones(len(x), 3) * torch.tensor([0.0, 1.0, 0.0]), points(3), np.array([1, 1, 1]))
    assert not found.success.any()
    assert np.isinf(found.distance).all()
    wrong = attacked(lambda x: torch.ones(len(x), 3) * torch.tensor([0.0, 1.0, 0.0]), points(3), np.array([1, 2, 1]))
    assert wrong.distance.tolist() == [np.inf, 0, np.inf]
    assert wrong.stage[1] == "no change"


def test_slopes_of_any_size_have_a_direction() -> None:
    forward, W, b = linear(0, n_features=10, n_classes=3)
    X = np.random.default_rng(0).uniform(size=(10, 10))
    y = (X @ W + b).argmax(1)
    for norm, eps in (("linf", 0.06), ("l2", 0.2), ("l1", 0.5)):
        plain = attacked(forward, X, y, norm=norm, eps=eps, dtype=torch.float64)
        for scale in (1e-25, 1e25):
            scaled = attacked(lambda x, scale=scale: forward(x) * scale, X, y, norm=norm, eps=eps, dtype=torch.float64)
            assert (scaled.success == plain.success).all()


def test_what_cannot_be_attacked_is_refused_in_words() -> None:
    forward, X = small_cnn(0), points(3)
    with pytest.raises(ValueError, match=r"got 2\.5 at \(1, 0, 0, 0\) where 0\.0 to 1\.0 is valid"):
        attacked(forward, np.where(np.arange(3)[:, None, None, None] == 1, 2.5, X).astype(np.float32))
    with pytest.raises(ValueError, match="classes 0 to 3"):
        attacked(forward, X, np.array([0, 4, 1]))
    with pytest.raises(ValueError, match=r"scores of shape \(4, n_classes\)"):
        attacked(lambda x: forward(x)[:, :, None].expand(-1, -1, 2)[:3], X, np.zeros(3, int))


def test_no_points_are_no_work() -> None:
    found = attacked(small_cnn(0), points(0), np.zeros(0, int))
    assert found.success.shape == (0,)
    assert found.forwards.sum() == 0
