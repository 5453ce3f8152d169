"""Texts and identifiers of ONNX models are read."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from holdfast.kernels.personal_data.onnx_texts import onnx_passages


def model() -> bytes:
    node = helper.make_node(
        "CategoryMapper",
        ["mail"],
        ["code"],
        name="mapper",
        domain="ai.onnx.ml",
        cats_strings=["jane.roe@example.org", "b@example.org"],
        cats_int64s=[48221234567, 3],
    )
    words = helper.make_tensor("words", TensorProto.STRING, [1], [b"Jane Roe"])
    numbers = numpy_helper.from_array(np.array([0.5, 44051401359.0]), "cuts")
    given = helper.make_tensor_value_info("mail", TensorProto.STRING, [None])
    made = helper.make_tensor_value_info("code", TensorProto.INT64, [None])
    graph = helper.make_graph([node], "g", [given], [made], [words, numbers])
    built = helper.make_model(graph, producer_name="made by /home/jroe/train.py")
    built.metadata_props.append(onnx.StringStringEntryProto(key="author", value="c@example.org"))
    return bytes(built.SerializeToString())


def test_names_categories_tensors_and_metadata_are_read() -> None:
    found = {passage.text: passage.place.part for passage in onnx_passages(memoryview(model()))}
    wanted = {
        "jane.roe@example.org", "b@example.org", "48221234567", "Jane Roe", "44051401359", "mail", "c@example.org",
        "made by /home/jroe/train.py",
    }  # fmt: skip
    assert wanted <= found.keys()
    assert "3" not in found
    assert found["jane.roe@example.org"] == "g mapper cats_strings"


def test_names_of_operators_are_no_texts_of_people() -> None:
    assert not {"ai.onnx.ml", "CategoryMapper"} & {passage.text for passage in onnx_passages(memoryview(model()))}


def test_a_broken_model_is_read_as_far_as_it_goes() -> None:
    notes: list[str] = []
    list(onnx_passages(memoryview(model()[:-5]), notes=notes))
    assert "is broken" in notes[0]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    list(onnx_passages(memoryview(data), notes=[]))
