"""The neural network in an ONNX graph, as plain data.

The graph is run on made-up rows with everything inside it as an output. What does not depend on the rows (weights, and
the chains of operators that exporters write to compute a shape) is taken as it came out; of what does, the shape is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_steps import WRITERS, Sight, write
from holdfast.adapters.models.onnx_trees import TreeNode, nodes_of, outputs_of, with_outputs
from holdfast.core.network import NetworkLink, RawNetwork
from holdfast.kernels.formats.protobuf import fields, text

Array = NDArray[Any]
MODEL_OPSETS, OPSET_DOMAIN, OPSET_VERSION = 8, 1, 2
# these give away nothing of their input but its shape
OF_SHAPES = ("Shape", "Size")
BATCHES = (2, 3)


LAYERS = frozenset({"Gemm", "MatMul", "Conv"})


def operators_between(data: bytes, *, given: str, output: str) -> frozenset[str]:
    """Name the operators between the input and the output of a graph."""
    return frozenset(node.operator for node in _path(list(nodes_of(data)), given=given, output=output))


def unknown_among(operators: frozenset[str]) -> tuple[str, ...]:
    """Name the operators that are not known here."""
    return tuple(sorted(operators - WRITERS.keys()))


def read_network(
    data: bytes,
    *,
    given: str,
    output: str,
    link: NetworkLink,
    row: tuple[int, ...],
    dtype: Any,
    open_session: Callable[[bytes], Any],
    batch: int | None = None,
) -> RawNetwork:
    """Read the network between one input and one output of a model.

    Parameters
    ----------
    given, output
        Their names.
    link
        What the output is; a softmax or sigmoid at the end is left out, and then it is what stands in front of that.
    row, dtype, batch
        Shape of one row, type of its numbers, and how many rows there are, where the graph fixes that.
    open_session
        From the bytes of a model to an inference session.

    Raises
    ------
    NotRun
        When an operator is not known, or is used in a way that mixes rows.
    """
    nodes = _path(list(nodes_of(data)), given=given, output=output)
    unknown = unknown_among(frozenset(node.operator for node in nodes))
    if unknown:
        raise no_network(f"it uses {', '.join(unknown)}, which {'is' if len(unknown) == 1 else 'are'} not known here")
    moving = {given, *(name for node in nodes for name in node.outputs)}
    asked = sorted({name for node in nodes for name in (*node.inputs, *node.outputs) if name and name != given})
    session = open_session(with_outputs(data, set(asked) - outputs_of(data)))
    rng = np.random.default_rng(0)
    batches = [rng.random((n, *row)).astype(dtype) for n in ((batch, batch) if batch else BATCHES)]
    first, second = ({given: rows, **_run(session, given, asked, rows)} for rows in batches)
    settled = {name: _settled(first[name], second[name]) for name in asked if name not in moving}
    sight = Sight(
        opset=_opset(data),
        still={name: value for name, value in settled.items() if value is not None},
        shapes={name: value.shape for name, value in first.items() if name in moving},
        names={given: "input"},
    )
    for node in nodes:
        write(sight, node)
    return sight.script.finished(sight.names[output], shape=sight.shapes[output][1:], row=row, link=link)


def _path(nodes: Sequence[TreeNode], *, given: str, output: str) -> list[TreeNode]:
    """Return the operators that the output depends on and that depend on the input's values, in order."""
    moving, on_the_way = {given}, []
    for node in nodes:
        if node.operator not in OF_SHAPES and moving.intersection(node.inputs):
            moving.update(node.outputs)
            on_the_way.append(node)
    wanted, path = {output}, []
    for node in reversed(on_the_way):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            path.append(node)
    return path[::-1]


def _run(session: Any, given: str, asked: Sequence[str], rows: Array) -> dict[str, Array]:
    try:
        found = session.run(list(asked), {given: rows})
    except Exception as error:  # onnxruntime raises a class of its own for each status code
        raise no_network(f"it fails on made-up rows: {' '.join(str(error).split())[:300]}") from None
    return {name: np.asarray(value) for name, value in zip(asked, found, strict=True)}


def _settled(first: Array, second: Array) -> Array | None:
    """Return what is the same for all rows; what is repeated for each of them, such as a token, comes once."""
    if first.shape == second.shape and np.array_equal(first, second):
        return first
    is_repeated = first.ndim and first.shape[1:] == second.shape[1:] and first.size
    if is_repeated and (first == first[:1]).all() and (second == first[:1]).all():
        return first[:1]
    return None


def _opset(data: bytes) -> int:
    for field in fields(memoryview(data)):
        if field.number == MODEL_OPSETS and isinstance(field.value, memoryview):
            stated = {part.number: part.value for part in fields(field.value)}
            version = stated.get(OPSET_VERSION, 0)
            if text(stated.get(OPSET_DOMAIN, 0)) in ("", "ai.onnx") and isinstance(version, int):
                return version
    return 1
