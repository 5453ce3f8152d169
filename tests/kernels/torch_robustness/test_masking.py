from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from holdfast.kernels.torch_robustness.masking import Masking, diagnose  # noqa: E402
from tests.kernels.torch_robustness.networks import small_cnn  # noqa: E402

torch.set_num_threads(1)


def points(n: int = 12) -> np.ndarray:
    return np.random.default_rng(1).uniform(0.2, 0.8, size=(n, 1, 8, 8)).astype(np.float32)


def diagnosed(forward: Any, **options: Any) -> Masking:
    X = points()
    with torch.no_grad():
        y = small_cnn(0)(torch.as_tensor(X)).argmax(1).numpy()
    return diagnose(forward, X, y, norm="linf", eps=0.02, low=0, high=1, seed=0, **options)


def test_an_ordinary_network_gives_no_sign() -> None:
    found = diagnosed(small_cnn(0))
    assert not found.is_suspected
    assert found.samples == 1
    assert len(found.points) == 12
    assert not found.without_slope.any()


def test_rounded_inputs_have_no_slope() -> None:
    network = small_cnn(0)
    found = diagnosed(lambda x: network((x * 64).round() / 64))
    assert found.without_slope.all()
    assert any("cannot be differentiated" in words for words in found.said)


def test_a_slope_that_points_elsewhere_is_found_by_the_loss_and_by_asking() -> None:
    network = small_cnn(0)
    # The value is the network's, the slope that of a turned copy of the input.
    found = diagnosed(lambda x: network(x.detach() + (x - x.detach()).flip(3).roll(3, 2) * -1.0))
    assert found.does_not_rise.mean() > 0.2
    assert any("random directions" in words for words in found.said)


def test_random_answers_are_noticed_and_say_how_often_to_ask() -> None:
    network = small_cnn(0)
    torch.manual_seed(0)
    found = diagnosed(lambda x: network(x) + 0.05 * torch.randn(len(x), 4))
    assert found.answers_vary
    assert 4 <= found.samples <= 64
    assert any("at random" in words for words in found.said)


def test_a_network_in_training_mode_leaks_between_rows() -> None:
    network = small_cnn(0)
    found = diagnosed(lambda x: network(x) + 0.5 * torch.cumsum(network(x), 0) / len(x))
    assert found.depends_on_neighbours


def test_inputs_made_on_another_network_are_tried() -> None:
    network = small_cnn(0)
    hidden = diagnosed(lambda x: network((x * 256).round() / 256), other=network)
    assert hidden.transfers is not None
    plain = diagnosed(network, other=network)
    assert plain.transfers is not None
    assert not plain.transfers.any()


def test_without_rightly_answered_points_there_is_nothing_to_say() -> None:
    found = diagnose(small_cnn(0), points(0), np.zeros(0), norm="l2", eps=1.0, low=0, high=1, seed=0)
    assert not found.is_suspected
    assert found.points.size == 0
