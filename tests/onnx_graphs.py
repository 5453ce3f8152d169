"""Small ONNX graphs for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

Array = NDArray[Any]


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """One operator; names are separated by blanks, and ``_`` stands for an input that is left out."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), **attributes)


def model(
    nodes: Sequence[NodeProto],
    *,
    row: Sequence[int | str | None],
    constants: Mapping[str, Array] | None = None,
    output: str = "y",
    opset: int = 17,
    batch: int | str | None = "n",
    width: int | None = None,
) -> bytes:
    """A model from ``x`` of the shape ``(n, *row)`` to one output of floats."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *row])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None if width is None else [batch, width])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def weights(*shape: int, seed: int = 0) -> Array:
    """Small random weights."""
    return (np.random.default_rng(seed).normal(size=shape) / 2).astype(np.float32)


def small_cnn(*after: str, classes: int = 3) -> bytes:
    """A convolution with batch normalisation, a pool and a layer over images ``(1, 6, 6)``, followed by operators."""
    last = "logits"
    nodes = [
        node("Conv", "x w b", "c", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c scale shift mean variance", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "p", "f"),
        node("Gemm", "f v u", "logits", transB=1),
    ]
    for position, op in enumerate(after):
        nodes.append(node(op, last, f"a{position}"))
        last = f"a{position}"
    constants = {
        "w": weights(2, 1, 3, 3), "b": weights(2, seed=1), "scale": weights(2, seed=2), "shift": weights(2, seed=3),
        "mean": weights(2, seed=4), "variance": np.float32([0.5, 2]), "v": weights(classes, 18, seed=5),
        "u": weights(classes, seed=6),
    }  # fmt: skip
    return model(nodes, row=[1, 6, 6], constants=constants, output=last, width=classes)
