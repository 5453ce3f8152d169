"""Rows that a graph moves to another axis, joins with others or drops: each is still treated by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import NodeProto

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.core.errors import NotRun
from tests.onnx_graphs import model, node, weights

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")

from tests.adapters.models.read_networks import assert_answers_alike  # noqa: E402  (needs torch)

W = {"w": weights(8, 12), "v": weights(12, 3), "flat": np.array([-1, 12]), "one": np.array([1])}
CUBE, TABLE = np.array([-1, 4, 3]), np.array([-1, 3])
# what stands between a layer of 12 features h and o, of which there are as many
LAYOUTS: list[tuple[str, list[NodeProto], dict[str, Any]]] = [
    ("rows behind a sequence", [
        node("Reshape", "h cube", "c"), node("Transpose", "c", "t", perm=[1, 0, 2]), node("MatMul", "t m", "p"),
        node("Softmax", "p", "s", axis=0), node("Transpose", "s", "u", perm=[1, 0, 2]), node("Reshape", "u flat", "o")],
     {"m": weights(3, 3)}),
    ("rows joined with windows", [
        node("Reshape", "h table", "c"), node("Gemm", "c m b", "p"), node("LayerNormalization", "p b", "n"),
        node("Reshape", "n flat", "o")], {"m": weights(3, 3), "b": weights(3)}),
    ("heads in the axis of the rows", [
        node("Reshape", "h cube", "c"), node("Transpose", "c", "t", perm=[1, 0, 2]), node("Reshape", "t heads", "q"),
        node("Transpose", "q", "k", perm=[1, 0, 2]), node("Transpose", "k", "l", perm=[0, 2, 1]),
        node("MatMul", "k l", "a"), node("Softmax", "a", "p", axis=-1), node("MatMul", "p k", "r"),
        node("Transpose", "r", "u", perm=[1, 0, 2]), node("Reshape", "u back", "x2"),
        node("Transpose", "x2", "y2", perm=[1, 0, 2]), node("Reshape", "y2 flat", "o")],
     {"heads": np.array([4, -1, 1]), "back": np.array([4, -1, 3])}),
    ("rows last", [
        node("Transpose", "h", "t", perm=[1, 0]), node("Mul", "t column", "c"), node("Concat", "c c", "d", axis=0),
        node("Slice", "d four sixteen zero", "e"), node("Transpose", "e", "o", perm=[1, 0])],
     {"column": weights(12, 1), "four": np.array([4]), "sixteen": np.array([16]), "zero": np.array([0])}),
    ("one number for each row", [
        node("ReduceMax", "h", "m", axes=[1], keepdims=0), node("Unsqueeze", "m one", "c"),
        node("Sub", "h c", "o")], {}),
    ("a column chosen by one number", [
        node("Gather", "h place", "g", axis=1), node("Unsqueeze", "g one", "c"), node("Mul", "h c", "o")],
     {"place": np.array(5)}),
    ("a token for each row", [
        node("Reshape", "h cube", "c"), node("Shape", "h", "s"), node("Slice", "s zero one", "n"),
        node("Concat", "n ones", "z", axis=0), node("Expand", "token z", "k"), node("Concat", "k c", "d", axis=1),
        node("Slice", "d zero four one", "e"), node("Reshape", "e flat", "o")],
     {"zero": np.array([0]), "four": np.array([4]), "ones": np.array([1, 1]), "token": weights(1, 1, 3)}),
]  # fmt: skip


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize(("nodes", "constants"), [each[1:] for each in LAYOUTS], ids=[each[0] for each in LAYOUTS])
def test_rows_come_first_whatever_the_graph_does_with_them(
    nodes: list[NodeProto], constants: dict[str, Any], batch: int | str
) -> None:
    whole = [node("MatMul", "x w", "h"), *nodes, node("MatMul", "o v", "y")]
    data = model(whole, row=[8], constants={**W, "cube": CUBE, "table": TABLE, **constants}, width=3, batch=batch)
    assert_answers_alike(data, row=(8,))


def test_a_graph_for_several_rows_at_a_time_is_read_while_they_stay_first() -> None:
    nodes = [node("MatMul", "x w", "h"), node("Add", "h shift", "a"), node("MatMul", "a v", "y")]
    shift = np.repeat(weights(1, 12), 4, axis=0)
    data = model(nodes, row=[8], constants={**W, "shift": shift}, batch=4, width=3)
    assert_answers_alike(data, row=(8,), n_rows=6)
    opened = HeldModel(load(model(nodes, row=[8], constants={**W, "shift": weights(4, 12)}, batch=4)), batch_rows=9)
    with pytest.raises(NotRun, match="another for each of its 4 rows"):
        opened.network()
    turned = [node("MatMul", "x w", "h"), node("Transpose", "h", "t"), node("Transpose", "t", "o"),
              node("MatMul", "o v", "y")]  # fmt: skip
    opened = HeldModel(load(model(turned, row=[8], constants=W, batch=4)), batch_rows=9)
    with pytest.raises(NotRun, match="takes 4 rows at a time"):
        opened.network()


def test_half_precision_is_read_and_said() -> None:
    halves = {name: np.asarray(value, dtype=np.float16) for name, value in (("w", W["w"]), ("v", W["v"]))}
    nodes = [node("Cast", "x", "c", to=10), node("MatMul", "c w", "h"), node("Relu", "h", "o"),
             node("MatMul", "o v", "z"), node("Cast", "z", "y", to=1)]  # fmt: skip
    network = assert_answers_alike(model(nodes, row=[8], constants=halves, width=3), row=(8,), atol=2e-3)
    assert network.steps[0].op == "Cast"
    assert network.steps[0].attributes == {"to": 10}


def test_numbers_without_end_in_a_mask_become_the_largest_there_are() -> None:
    mask = np.where(np.arange(12) < 5, 0, -np.inf).astype(np.float32)
    nodes = [node("MatMul", "x w", "h"), node("Add", "h mask", "m"), node("Softmax", "m", "o", axis=-1),
             node("MatMul", "o v", "y")]  # fmt: skip
    assert_answers_alike(model(nodes, row=[8], constants={**W, "mask": mask}, width=3), row=(8,))
