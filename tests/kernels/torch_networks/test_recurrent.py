"""Recurrent layers: the states that onnxruntime computes, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")

from holdfast.kernels.torch_networks.recurrent import RECURRENT  # noqa: E402  (needs torch)

Array = NDArray[Any]
LENGTH, WIDTH, HIDDEN, ROWS = 5, 3, 4, 2
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def weights_of(op: str, direction: str) -> list[Array]:
    rng, n = np.random.default_rng(0), 2 if direction == "bidirectional" else 1
    shapes = [(n, GATES[op] * HIDDEN, WIDTH), (n, GATES[op] * HIDDEN, HIDDEN), (n, 2 * GATES[op] * HIDDEN)]
    shapes += [(n, ROWS, HIDDEN)] * (2 if op == "LSTM" else 1)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def by_onnxruntime(op: str, x: Array, weights: list[Array], given: dict[str, Any]) -> list[Array]:
    """All states, the last ones, and the last cells where there are some."""
    names = ["w", "r", "b", *("start", "cell")[: len(weights) - 3]]
    outputs = ["y", "last", "cells"] if op == "LSTM" else ["y", "last"]
    node = helper.make_node(op, ["x", "w", "r", "b", "", *names[3:]], outputs, hidden_size=HIDDEN, **given)
    graph = helper.make_graph(
        [node], "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in zip(names, weights, strict=True)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    return [np.asarray(each) for each in ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})]


def computed(op: str, x: Array, weights: list[Array], given: dict[str, Any]) -> Array:
    """States of two rows that hold one sequence each; theirs come first, in the standard they are the third axis."""
    start = [torch.tensor(each.swapaxes(0, 1)[:, :, None]) for each in weights[3:]]
    rows = torch.tensor(x.swapaxes(0, 1)[:, :, None])
    found = RECURRENT[op]({"hidden_size": HIDDEN, **given}, rows, *map(torch.tensor, weights[:3]), *start)
    return np.asarray(found[:, :, :, 0].permute(1, 2, 0, 3))


CASES = [
    *(("LSTM", {"direction": each}) for each in ("forward", "reverse", "bidirectional")),
    *(("GRU", {"direction": "bidirectional", "linear_before_reset": each}) for each in (0, 1)),
    ("RNN", {"direction": "bidirectional"}),
]


@pytest.mark.parametrize(("op", "given"), CASES)
def test_states_are_those_of_onnxruntime(op: str, given: dict[str, Any]) -> None:
    x = np.random.default_rng(1).normal(size=(LENGTH, ROWS, WIDTH)).astype(np.float32)
    weights = weights_of(op, given["direction"])
    expected = by_onnxruntime(op, x, weights, given)
    np.testing.assert_allclose(computed(op, x, weights, given), expected[0], rtol=1e-4, atol=1e-5)
    if op == "LSTM":
        cells = computed(op, x, weights, {**given, "cell": 1})
        last = {"forward": [-1], "reverse": [0], "bidirectional": [-1, 0]}[given["direction"]]
        at_end = np.stack([cells[at, i] for i, at in enumerate(last)])
        np.testing.assert_allclose(at_end, expected[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", RECURRENT)
def test_gradients_are_those_of_differences(op: str) -> None:
    given = [torch.tensor(each, dtype=torch.float64) for each in weights_of(op, "bidirectional")]
    start = [each.swapaxes(0, 1)[:, :, None] for each in given[3:]]
    x = torch.tensor(np.random.default_rng(2).normal(size=(ROWS, 2, 1, WIDTH)), requires_grad=True)
    attributes = {"hidden_size": HIDDEN, "direction": "bidirectional"}
    assert torch.autograd.gradcheck(lambda x: RECURRENT[op](attributes, x, *given[:3], *start), (x,), fast_mode=True)
