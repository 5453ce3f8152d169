"""The neural network in an ONNX graph, as plain data.

The graph is run on made-up rows with everything inside it as an output. What does not depend on the rows (weights, and
the chains of operators that exporters write to compute a shape) is taken as it came out; of what does, the shape is.
All of it for a single row, unless the graph fixes another number; whether rows meet shows in its answers to several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_sight import Sight
from holdfast.adapters.models.onnx_trees import TreeNode, nodes_of, outputs_of, with_outputs
from holdfast.adapters.models.onnx_writers import WRITERS, write
from holdfast.core.network import NetworkLink, RawNetwork
from holdfast.kernels.formats.protobuf import fields, text

Array = NDArray[Any]
MODEL_OPSETS, OPSET_DOMAIN, OPSET_VERSION = 8, 1, 2
# these give away nothing of their input but its shape
OF_SHAPES = ("Shape", "Size")
ROWS_TOGETHER = 3
# single precision, summed in another order, as a share of the largest score
TOLERANCE = 1e-3
FLOAT16 = 10
LAYERS = frozenset({
    "Conv", "ConvInteger", "ConvTranspose", "Einsum", "GRU", "Gemm", "LSTM", "MatMul", "MatMulInteger", "QGemm",
    "QLinearConv", "QLinearMatMul", "RNN",
})  # fmt: skip


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
    n_rows = batch or 1
    rows = np.random.default_rng(0).random((n_rows + ROWS_TOGETHER, *row)).astype(dtype)
    first, second = ({given: each, **_run(session, given, asked, each)} for each in (rows[:n_rows], rows[-n_rows:]))
    together = {} if batch else {given: rows[1:], **_run(session, given, asked, rows[1:])}
    sight = Sight(
        opset=_opset(data),
        still={name: first[name] for name in asked if name not in moving and _are_equal(first[name], second[name])},
        shapes={name: value.shape for name, value in first.items() if name in moving},
        types={name: value.dtype.name for name, value in first.items() if name in moving},
        grows={name: _growing(first[name].shape, together[name].shape) for name in moving if name in together},
        names={given: "input"},
        rows=n_rows,
    )
    if any(first[name].dtype == np.float16 for name in moving if name in first):
        # said as a step, for what is proved of single precision does not hold of half
        sight.names[given] = sight.script.step("Cast", "input", name=f"{given}:half", to=FLOAT16)
    for node in nodes:
        write(sight, node)
    if together and not _is_answered_apart(together[output], session, given, output, rows[1:]):
        raise no_network("what it answers to a row depends on the other rows that it is asked about with it")
    return sight.script.finished(sight.names[output], shape=sight.form(output), row=row, link=link)


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


def _are_equal(first: Array, second: Array) -> bool:
    """Tell whether two results are the same; text and what is no number are, too, where they are alike."""
    return first.shape == second.shape and np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def _is_answered_apart(together: Array, session: Any, given: str, output: str, rows: Array) -> bool:
    """Tell whether rows are answered alike in company and alone."""
    alone = [_run(session, given, [output], rows[i : i + 1])[output] for i in range(len(rows))]
    if any(each.shape[:1] != (1,) for each in alone) or together.shape != (len(rows), *alone[0].shape[1:]):
        return False
    expected = np.concatenate(alone).astype(np.float64)
    scale = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)))
    return bool(np.allclose(together, expected, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def _growing(alone: tuple[int, ...], together: tuple[int, ...]) -> int:
    """Find the axis whose length is the number of rows; -1 for none."""
    if len(alone) != len(together):
        return -1
    return next((i for i, pair in enumerate(zip(alone, together, strict=True)) if pair == (1, ROWS_TOGETHER)), -1)


def _opset(data: bytes) -> int:
    for field in fields(memoryview(data)):
        if field.number == MODEL_OPSETS and isinstance(field.value, memoryview):
            stated = {part.number: part.value for part in fields(field.value)}
            version = stated.get(OPSET_VERSION, 0)
            if text(stated.get(OPSET_DOMAIN, 0)) in ("", "ai.onnx") and isinstance(version, int):
                return version
    return 1
