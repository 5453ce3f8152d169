"""Many networks computed as one: what each computes alone, what is trained, how it begins."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from holdfast.core.network import RawNetwork, Step

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not trained side by side")

from holdfast.kernels.torch_networks.forward import NetworkError, as_function  # noqa: E402  (needs torch)
from holdfast.kernels.torch_privacy.batched_network import (  # noqa: E402
    initial_weights,
    parameters_of,
    side_by_side,
)


def f32(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def convolutional() -> RawNetwork:
    """Scaling, two convolutions (one with groups), what is left of normalisation, a pool, two layers, no bias once."""
    steps = (
        Step(op="Sub", inputs=("input", "mean"), output="s"),
        Step(op="Conv", inputs=("s", "W1", "b1"), output="c1", attributes={"strides": (2, 2), "pads": (1, 1, 1, 1)}),
        Step(op="Mul", inputs=("c1", "scale"), output="m"),
        Step(op="Add", inputs=("m", "shift"), output="n"),
        Step(op="Relu", inputs=("n",), output="r1"),
        Step(op="Conv", inputs=("r1", "W2"), output="c2", attributes={"group": 2, "pads": (0, 0, 1, 1)}),
        Step(op="Add", inputs=("c2", "b2"), output="a2"),
        Step(op="LeakyRelu", inputs=("a2",), output="r2", attributes={"alpha": 0.1}),
        Step(op="MaxPool", inputs=("r2",), output="p", attributes={"kernel_shape": (2, 2), "strides": (2, 2)}),
        Step(op="Flatten", inputs=("p",), output="f"),
        Step(op="MatMul", inputs=("f", "W3"), output="d"),
        Step(op="Mul", inputs=("d", "half"), output="h"),
        Step(op="Gemm", inputs=("h", "W4", "b4"), output="z"),
    )
    constants = {
        "mean": f32(1, 8, 8), "W1": f32(4, 1, 3, 3), "b1": f32(4), "scale": f32(4, 1, 1), "shift": f32(1, 4, 1, 1),
        "W2": f32(6, 2, 2, 2), "b2": f32(6, 1, 1), "W3": f32(24, 5), "half": np.float32(0.5), "W4": f32(5, 3),
        "b4": f32(3),
    }  # fmt: skip
    return RawNetwork(steps=steps, constants=constants, input_shape=(1, 8, 8), output="z", link="logits")


def test_each_network_answers_as_if_it_were_alone() -> None:
    network = convolutional()
    rng = np.random.default_rng(0)
    names = parameters_of(network)
    weights = {name: rng.normal(size=(3, *names[name].shape)).astype(np.float32) for name in names}
    x = rng.normal(size=(3, 5, 1, 8, 8)).astype(np.float32)

    together = side_by_side(network)({k: torch.as_tensor(v) for k, v in weights.items()}, torch.as_tensor(x)).scores

    assert together.shape == (3, 5, 3)
    for i in range(3):
        own = {**network.constants, **{name: value[i] for name, value in weights.items()}}
        alone = as_function(dataclasses.replace(network, constants=own))(torch.as_tensor(x[i]))
        torch.testing.assert_close(together[i], alone, rtol=1e-4, atol=1e-4)


def test_weights_biases_and_rests_of_normalisation_are_trained_and_the_scaling_of_inputs_is_not() -> None:
    found = parameters_of(convolutional())

    assert list(found) == ["W1", "b1", "scale", "shift", "W2", "b2", "W3", "W4", "b4"]
    assert (found["W1"].fan_in, found["W2"].fan_in, found["b2"].fan_in, found["W4"].fan_out) == (9, 8, 8, 3)
    assert (found["scale"].fan_in, found["scale"].start, found["shift"].start) == (0, 1.0, 0.0)


def test_weights_begin_within_the_limit_of_the_rule_and_follow_from_the_generator_alone() -> None:
    found = parameters_of(convolutional())
    first = initial_weights(found, [np.random.default_rng(s) for s in (1, 2)])
    second = initial_weights(found, [np.random.default_rng(2)], rule="lecun")
    glorot = initial_weights(found, [np.random.default_rng(2)], rule="glorot")

    assert all(np.array_equal(first[name][1], second[name][0]) for name in found)
    assert 0.9 / 24**0.5 < np.abs(first["W3"]).max() <= 1 / 24**0.5
    assert 0.9 * (6 / 29) ** 0.5 < np.abs(glorot["W3"]).max() <= (6 / 29) ** 0.5
    assert (first["scale"] == 1).all()
    assert (first["shift"] == 0).all()


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((Step(op="Relu", inputs=("input",), output="z"),), "no layer with weights"),
        ((Step(op="Gemm", inputs=("input", "input"), output="z"),), "are no constants"),
        (
            (Step(op="Gemm", inputs=("input", "W"), output="h"), Step(op="Div", inputs=("h", "W"), output="z")),
            r"'z' \(Div\).*cannot be trained",
        ),
        (
            (Step(op="Embedding", inputs=("input", "W"), output="h"), Step(op="Gemm", inputs=("h", "W"), output="z")),
            r"'h' \(Embedding\) are not trained here",
        ),
    ],
)
def test_an_architecture_of_which_training_is_not_known_is_refused(steps: tuple[Step, ...], message: str) -> None:
    constants = {"W": f32(2, 2)}
    network = RawNetwork(steps=steps, constants=constants, input_shape=(2, 2), output="z", link="logits")
    with pytest.raises(NetworkError, match=message):
        parameters_of(network)
