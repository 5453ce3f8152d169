import pickle

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier

from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.onnx_model import walk_onnx

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])
WEIGHTS = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "w")


def model(*nodes: onnx.NodeProto, initializers: tuple[TensorProto, ...] = (), **options: object) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Relu", ["x"], ["y"])], "g", [X], [Y], list(initializers)
    )
    return helper.make_model(graph, **options)


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="w", dims=[2, 3], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def walk_bytes(data: bytes, members: int = 100_000):  # type: ignore[no-untyped-def]
    return walk_onnx(memoryview(data), Place(("m.onnx",), 0, len(data)), Budget(0, 0, members, lambda: False))


def found(proto: onnx.ModelProto) -> set[str]:
    return {f"{one.kind} {one.rule}" for one in walk_bytes(proto.SerializeToString()).observations}


def test_ordinary_model_passes(scan_file) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(model(initializers=(WEIGHTS,)).SerializeToString())
    assert (result.verdict, result.format) == ("pass", "onnx")


def test_converted_forest_passes(scan_file) -> None:  # type: ignore[no-untyped-def]
    rows = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    forest = RandomForestClassifier(20, random_state=0).fit(rows, rows[:, 0] > 0)
    assert scan_file(to_onnx(forest, rows[:1]).SerializeToString()).verdict == "pass"


@pytest.mark.parametrize("domain", ["evil", "com.evil", "ai.onnx.contrib", "AI.ONNX", "com.microsoft.extensions"])
def test_operator_of_a_foreign_domain_is_unknown(domain: str) -> None:
    assert "unknown onnx.custom-operator" in found(model(helper.make_node("Relu", ["x"], ["y"], domain=domain)))


@pytest.mark.parametrize("operator", ["EPContext", "PythonOp", "Whatever"])
def test_extension_that_is_not_known_is_unknown(operator: str) -> None:
    assert "unknown onnx.custom-operator" in found(
        model(helper.make_node(operator, ["x"], ["y"], domain="com.microsoft"))
    )


def test_operator_of_a_later_version_is_not_examined() -> None:
    assert "not_examined onnx.unknown-operator" in found(model(helper.make_node("FromTheFuture", ["x"], ["y"])))


def test_operator_in_a_subgraph_is_seen() -> None:
    inner = helper.make_graph([helper.make_node("Do", [], ["z"], domain="evil")], "inner", [], [])
    outer = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    assert "unknown onnx.custom-operator" in found(model(outer))


def test_functions_of_the_model_itself_are_known_and_their_content_is_judged() -> None:
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    good = helper.make_function("local", "F", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], opset)
    bad = helper.make_function("local", "F", ["x"], ["y"], [helper.make_node("Do", ["x"], ["y"], domain="evil")], opset)
    call = helper.make_node("F", ["x"], ["y"], domain="local")
    assert found(model(call, functions=[good], opset_imports=opset)) == set()
    assert found(model(call, functions=[bad], opset_imports=opset)) == {"unknown onnx.custom-operator"}


def test_first_of_two_domains_counts_too() -> None:
    """Protobuf takes the last value of a field that stands twice; another reader may take the first."""
    node = helper.make_node("Relu", ["x"], ["y"], domain="evil").SerializeToString() + b"\x3a\x00"
    graph = b"\x0a" + bytes([len(node)]) + node
    data = b"\x08\x08\x3a" + bytes([len(graph)]) + graph
    assert any(one.rule == "onnx.custom-operator" for one in walk_bytes(data).observations)


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../../x", "a/../../x", "C:\\x", "..\\x", "file:///etc/passwd", "a\0b"]
)
def test_external_path_that_leaves_the_folder_is_suspicious(location: str) -> None:
    assert "suspicious onnx.external-path" in found(model(initializers=(external(location),)))


def test_external_data_beside_the_model_are_not_examined(scan_file) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(model(initializers=(external("weights.bin"),)).SerializeToString())
    assert result.verdict == "not_examined"
    assert result.observations[0].detail == "weights.bin"


def test_external_path_in_an_attribute_of_a_subgraph_is_seen() -> None:
    inner = helper.make_graph([helper.make_node("Constant", [], ["z"], value=external("/etc/passwd"))], "inner", [], [])
    assert "suspicious onnx.external-path" in found(model(helper.make_node("Loop", ["x"], ["y"], body=inner)))


@pytest.mark.parametrize("dims", [[-1], [1 << 40, 1 << 40], [1] * 100])
def test_absurd_shape_is_suspicious(dims: list[int]) -> None:
    tensor = TensorProto(name="w", dims=dims, data_type=1, raw_data=bytes(4))
    assert "suspicious onnx.shape" in found(model(initializers=(tensor,)))


def test_size_that_does_not_fit_the_shape_is_malformed() -> None:
    tensor = TensorProto(name="w", dims=[3], data_type=1, raw_data=bytes(8))
    assert "malformed onnx.tensor-size" in found(model(initializers=(tensor,)))


def test_pickle_in_an_attribute_is_suspicious() -> None:
    payload = pickle.dumps({"a": [1, 2, 3], "b": "text"})
    node = helper.make_node("Relu", ["x"], ["y"])
    node.attribute.append(onnx.AttributeProto(name="blob", s=payload, type=onnx.AttributeProto.STRING))
    assert "suspicious payload.hidden" in found(model(node))


def test_program_in_weights_is_suspicious() -> None:
    tensor = TensorProto(name="w", dims=[64], data_type=TensorProto.UINT8, raw_data=b"\x7fELF" + bytes(60))
    assert "suspicious payload.hidden" in found(model(initializers=(tensor,)))


def test_unknown_field_is_not_examined() -> None:
    data = model().SerializeToString() + b"\xfa\x3e\x03abc"
    assert {one.rule for one in walk_bytes(data).observations} == {"onnx.unknown-field"}


def test_secret_in_the_metadata_is_found() -> None:
    proto = model()
    proto.metadata_props.add(key="note", value="key AKIAQ3EGRIHZL6YPDWXT")
    assert "secret secret.aws-access-key" in found(proto)


def test_deep_nesting_ends_at_the_limit() -> None:
    body = b""
    for _ in range(300):
        body = b"\x32" + varint(len(body)) + body  # graph of an attribute
        body = b"\x2a" + varint(len(body)) + body  # attribute of a node
        body = b"\x0a" + varint(len(body)) + body  # node of a graph
    walked = walk_bytes(b"\x08\x08\x3a" + varint(len(body)) + body)
    assert any(one.rule == "limit.depth" for one in walked.observations)


def test_millions_of_empty_nodes_end_at_the_limit() -> None:
    graph = b"\x0a\x00" * 1_000_000
    walked = walk_bytes(b"\x08\x08\x3a" + varint(len(graph)) + graph, members=1000)
    assert any(one.rule == "limit.members" for one in walked.observations)


def varint(value: int) -> bytes:
    result = b""
    while value >= 0x80:
        result += bytes([value & 0x7F | 0x80])
        value >>= 7
    return result + bytes([value])


@settings(max_examples=200)
@given(st.data())
def test_any_damage_is_walked(draw: st.DataObject) -> None:
    data = bytearray(model(initializers=(WEIGHTS, external("../x"))).SerializeToString())
    for _ in range(draw.draw(st.integers(1, 5))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    walk_bytes(bytes(data[: draw.draw(st.integers(0, len(data)))]))
