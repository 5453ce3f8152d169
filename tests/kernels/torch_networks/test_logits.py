"""Scores as log odds, whatever the network gives itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast.core.network import NetworkLink, RawNetwork, Step

torch = pytest.importorskip("torch", reason="needs the extra torch")

ROWS = [[0.3, -2.0], [40.0, -60.0], [0.0, 0.0]]


def network(*operators: str, link: NetworkLink, width: int = 2) -> RawNetwork:
    weights = np.eye(2, dtype=np.float32)[:, :width]
    steps = [Step(op="Gemm", inputs=("input", "weights"), output="0")]
    steps += [Step(op=op, inputs=(str(k),), output=str(k + 1)) for k, op in enumerate(operators)]
    return RawNetwork(
        steps=tuple(steps), constants={"weights": weights}, input_shape=(2,), output=steps[-1].output, link=link
    )


def logits(found: RawNetwork) -> Any:
    from holdfast.kernels.torch_networks.logits import as_logits

    rows = torch.tensor(ROWS, requires_grad=True)
    scores = as_logits(found)(rows)
    scores.sum().backward()
    assert torch.isfinite(rows.grad).all()
    return scores.detach().numpy()


def test_logits_come_as_they_are() -> None:
    np.testing.assert_allclose(logits(network(link="logits")), np.float32(ROWS))


def test_probabilities_come_as_logarithms_that_order_classes_alike() -> None:
    found = logits(network("Softmax", link="probabilities"))
    np.testing.assert_allclose(found[0], np.log(np.exp([0.3, -2.0]) / np.exp([0.3, -2.0]).sum()), rtol=1e-5)
    assert np.isfinite(found).all()
    assert found[1].argmax() == 0


def test_one_probability_comes_as_log_odds_of_the_second_class() -> None:
    found = logits(network("Sigmoid", link="probability", width=1))
    np.testing.assert_allclose(found[[0, 2], 0], [0.3, 0.0], atol=1e-6)
    assert found[1, 0] > 10


def test_a_regression_has_no_classes() -> None:
    from holdfast.kernels.torch_networks.logits import as_logits

    with pytest.raises(ValueError, match="network of a classifier, got one of a regression"):
        as_logits(network(link="values"))
