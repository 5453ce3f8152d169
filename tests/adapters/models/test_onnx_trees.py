from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from holdfast.adapters.models.onnx_trees import find_trees, with_outputs

FLOATS = [0.5, -1.25, 3.0]
INTEGERS = [0, 1, 127, 128, -1, 2**62, -(2**63)]


def tree_model(n_trees: int = 1, **attributes: object) -> bytes:
    nodes = [
        helper.make_node("TreeEnsembleRegressor", ["X"], [f"Y{i}"], domain="ai.onnx.ml", **attributes)
        for i in range(n_trees)
    ]
    nodes.append(helper.make_node("Sigmoid", ["Y0"], ["Z"]))
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])]
    outputs = [helper.make_tensor_value_info("Z", TensorProto.FLOAT, [None, 1])]
    return helper.make_model(helper.make_graph(nodes, "graph", inputs, outputs)).SerializeToString()


def read(**attributes: object):
    node = find_trees(tree_model(**attributes))
    assert node is not None
    return node


def test_the_operator_its_input_and_what_follows_are_found() -> None:
    node = read()
    assert (node.operator, node.source, node.outputs, node.after) == (
        "TreeEnsembleRegressor",
        "X",
        ("Y0",),
        {"Sigmoid"},
    )


@pytest.mark.parametrize("n_trees", [0, 2])
def test_other_graphs_have_no_trees(n_trees: int) -> None:
    assert find_trees(tree_model(n_trees)) is None


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_integers_are_read_as_written(values: list[int]) -> None:
    attribute = AttributeProto(name="numbers", type=AttributeProto.INTS, ints=values)
    assert read_attribute(attribute).integers("numbers").tolist() == values


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_floats_are_read_as_written(values: list[float]) -> None:
    attribute = AttributeProto(name="numbers", type=AttributeProto.FLOATS, floats=values)
    assert read_attribute(attribute).floats("numbers").tolist() == values


def read_attribute(attribute: AttributeProto):
    model = helper.make_model(helper.make_graph([helper.make_node("TreeEnsemble", ["X"], ["Y"])], "graph", [], []))
    model.graph.node[0].attribute.append(attribute)
    node = find_trees(model.SerializeToString())
    assert node is not None
    return node


def packed(number: int, content: bytes) -> AttributeProto:
    """An attribute whose numbers are packed, as other writers do."""
    attribute = AttributeProto(name="numbers")
    attribute.MergeFromString(bytes([number << 3 | 2, len(content)]) + content)
    return attribute


def test_packed_numbers_are_read() -> None:
    assert read_attribute(packed(7, np.array(FLOATS, "<f4").tobytes())).floats("numbers").tolist() == FLOATS
    assert read_attribute(packed(8, bytes([1, 0x80, 1]))).integers("numbers").tolist() == [1, 128]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("raw", [True, False])
def test_tensors_are_read(kind: type, raw: bool) -> None:
    values = np.array([0, 1, 250], dtype=kind)
    tensor = numpy_helper.from_array(values)
    if not raw:
        tensor = helper.make_tensor("t", helper.np_dtype_to_tensor_dtype(values.dtype), [3], values.tolist())
    attribute = AttributeProto(name="numbers_as_tensor", type=AttributeProto.TENSOR, t=tensor)
    assert read_attribute(attribute).floats("numbers").tolist() == [0, 1, 250]


def test_words_and_lists_of_words_are_read() -> None:
    node = read(nodes_modes=["LEAF", "BRANCH_LEQ"], post_transform="SOFTMAX", n_targets=3)
    assert node.strings("nodes_modes") == ["LEAF", "BRANCH_LEQ"]
    assert (node.word("post_transform", "NONE"), node.word("other", "NONE")) == ("SOFTMAX", "NONE")
    assert (node.integer("n_targets", 1), node.integer("other", 1)) == (3, 1)


def test_an_added_output_is_computed() -> None:
    nodes = [helper.make_node("Abs", ["X"], ["inside"]), helper.make_node("Neg", ["inside"], ["Y"])]
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None])]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None])]
    graph = helper.make_graph(nodes, "graph", inputs, outputs)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    session = onnxruntime.InferenceSession(with_outputs(data, ["inside"]), providers=["CPUExecutionProvider"])
    found = session.run(["Y", "inside"], {"X": np.array([-2.0], np.float32)})
    assert [part.tolist() for part in found] == [[-2.0], [2.0]]
