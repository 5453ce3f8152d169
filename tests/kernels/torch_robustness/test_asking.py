from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.torch_robustness.asking import Aim, Asked, leaves  # noqa: E402

LOGITS = [[3.0, 1.0, 0.0, -1.0], [0.0, 2.0, 1.0, 1.0]]


def test_aims_have_their_values() -> None:
    logits, y = torch.tensor(LOGITS), torch.tensor([0, 0])
    assert Aim("margin", y).value(logits).tolist() == [-2, 2]
    assert Aim("margin", y, torch.tensor([3, 2])).value(logits).tolist() == [-4, 1]
    assert Aim("dlr", y).value(logits).tolist() == pytest.approx([-2 / 3, 2 / 1])
    # Targeted: over the largest minus the mean of the third and the fourth.
    assert Aim("dlr", y, torch.tensor([1, 1])).value(logits).tolist() == pytest.approx([-2 / 3.5, 2 / 1.5])
    entropy = torch.nn.functional.cross_entropy(logits, y, reduction="none")
    assert Aim("ce", y).value(logits).tolist() == pytest.approx(entropy.tolist())


def test_slopes_are_those_of_the_aim_and_everything_is_counted() -> None:
    asked = Asked(lambda x: x * torch.tensor([1.0, 2.0]), n_points=5, chunk=8)
    x, points = torch.ones(11, 2), torch.tensor([0] * 3 + [4] * 8)
    slope = asked.slope(x, points, Aim("margin", torch.zeros(11, dtype=torch.int64)))
    asked.logits(x[:2], points[:2])
    assert slope.gradient.tolist() == [[-1.0, 2.0]] * 11
    assert slope.value.tolist() == [1.0] * 11
    assert asked.forwards.tolist() == [5, 0, 0, 0, 8]
    assert asked.backwards.tolist() == [3, 0, 0, 0, 8]


def test_a_stand_in_gives_the_slope_and_the_network_the_answer() -> None:
    asked = Asked(lambda x: (8 * x).round() / 8, n_points=1, slopes_from=lambda x: x)
    x = torch.full((1, 2), 0.3)
    slope = asked.slope(x, torch.tensor([0]), Aim("margin", torch.tensor([0])))
    assert slope.gradient.tolist() == [[-1.0, 1.0]]
    assert slope.logits.tolist() == [[0.25, 0.25]]


def test_random_answers_are_averaged() -> None:
    torch.manual_seed(0)
    asked = Asked(lambda x: x + torch.randn_like(x), n_points=1, samples=400)
    answer = asked.logits(torch.zeros(1, 2), torch.tensor([0]))
    assert answer.abs().max() < 0.25
    assert asked.forwards[0] == 400


def test_memory_that_never_suffices_is_an_error() -> None:
    def starved(x: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes")

    with pytest.raises(RuntimeError, match="not enough memory"):
        Asked(starved, n_points=1).logits(torch.zeros(20, 2), torch.zeros(20, dtype=torch.int64))  # type: ignore[arg-type]


def test_ties_are_the_first_class_and_nan_is_no_answer() -> None:
    logits = torch.tensor([[1.0, 1.0], [1.0, 2.0], [np.nan, 2.0]])
    assert leaves(logits, torch.zeros(3, dtype=torch.int64)).tolist() == [False, True, False]


def test_of_two_classes_the_ratio_of_logits_is_their_margin() -> None:
    logits = torch.tensor([[2.0, 0.5], [-1.0, 3.0]], requires_grad=True)
    value = Aim("dlr", torch.tensor([0, 0])).value(logits)
    assert value.tolist() == [-1.5, 4.0]
    (slope,) = torch.autograd.grad(value.sum(), logits)
    assert slope.tolist() == [[-1, 1], [-1, 1]]
