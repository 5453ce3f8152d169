from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.models.network_arrays import checked, from_message, to_message
from holdfast.adapters.models.opening import open_model, wrap_model
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.network import RawNetwork, Step
from tests.onnx_graphs import small_cnn


def network(**changes: Any) -> RawNetwork:
    fields: dict[str, Any] = {
        "steps": (
            Step(op="Gemm", inputs=("input", "w", "b"), output="h"),
            Step(op="LeakyRelu", inputs=("h",), output="r", attributes={"alpha": 0.25}),
            Step(op="Gather", inputs=("r", "places"), output="y", attributes={"axis": 1}),
        ),
        "constants": {
            "w": np.arange(6, dtype=np.float32).reshape(2, 3),
            "places": np.array([2, 0]),
            "b": np.float32([1, 2, 3]),
            "unused": np.zeros((0, 4), dtype=np.float32),
        },
        "input_shape": (2,),
        "output": "y",
        "link": "logits",
    }
    return RawNetwork(**(fields | changes))


def assert_equal(first: RawNetwork, second: RawNetwork) -> None:
    assert replace(first, constants={}) == replace(second, constants={})
    assert first.constants.keys() == second.constants.keys()
    for name, value in first.constants.items():
        assert value.dtype == second.constants[name].dtype
        np.testing.assert_array_equal(value, second.constants[name])


def test_a_network_survives_the_message() -> None:
    header, parts = to_message(network())
    assert_equal(from_message(json.loads(json.dumps(header)), parts), network())


def test_a_network_that_a_child_read_is_the_one_that_is_in_the_file() -> None:
    data = small_cnn("Softmax")
    with_child = open_model(data, name="cnn.onnx", digest="sha256:0")
    try:
        assert "gradients" in with_child.info.capabilities
        found = with_child.network()
    finally:
        with_child.close()
    from holdfast.adapters.models.onnx import load

    assert_equal(found, load(data).network())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": ()}, "not what its last step computes"),
        ({"output": "r"}, "not what its last step computes"),
        ({"steps": (Step(op="Relu", inputs=("later",), output="y"),)}, "'later', which nothing computes"),
        ({"steps": (Step(op="Relu", inputs=("input",), output="w"),)}, "computed twice"),
        ({"steps": (Step(op="Relu", inputs=(), output="y"),)}, "takes nothing"),
        ({"constants": {"w": np.float32([np.nan]), "b": np.float32([0]), "places": np.array([0])}}, "infinite"),
        ({"input_shape": ()}, "shape"),
        ({"input_shape": (0,)}, "shape"),
        ({"input_shape": (1 << 20, 1 << 20)}, "shape"),
    ],
)
def test_what_is_no_network_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        checked(network(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"link": "eval"},
        {"link": []},
        {"steps": 7},
        {"steps": [["Relu", ["input"], "y"]]},
        {"steps": [["Re lu", ["input"], "y", {}]]},
        {"steps": [["Relu", "input", "y", {}]]},
        {"steps": [["Relu", ["input"], "y", []]]},
        {"steps": [["Relu", ["input"], "y", {"alpha": None}]]},
        {"steps": [["Relu", ["input"], "y", {"alpha": float("inf")}]]},
        {"steps": [["Relu", ["input"], "y", {"axes": [1] * 1000}]]},
        {"steps": [["Relu", ["input"], "y", {"axis": 1 << 60}]]},
        {"steps": [["Relu", ["input"], "y" * 1000, {}]]},
        {"input_shape": [2.0]},
        {"input_shape": [1] * 9},
        {"input_shape": [-2]},
        {"output": 3},
        {"constants": {"w": ["f", [2, 3]]}},
        {"constants": {"w": ["f", [1 << 30, 1 << 30]]}},
        {"constants": {"w": ["q", [2, 3]]}},
        {"constants": {"w": ["f", [-2, 3]]}},
        {"constants": [1, 2]},
        {"constants": None},
    ],
    ids=str,
)
def test_a_header_with_other_words_is_refused(changes: dict[str, Any]) -> None:
    header, parts = to_message(network())
    with pytest.raises(ModelError, match="the model's "):
        from_message(header | changes, parts)


def test_arrays_of_another_kind_are_refused() -> None:
    header, parts = to_message(network())
    for wrong in ([], parts[:1], parts[::-1], [*parts, parts[0]], [b"no array", parts[1]]):
        with pytest.raises(ModelError, match="sent"):
            from_message(header, wrong)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_messages_with_changed_bytes_are_networks_or_refused(data: st.DataObject) -> None:
    header, parts = to_message(network())
    whole = [json.dumps({key: header[key] for key in header if key != "ok"}).encode(), *parts]
    part = data.draw(st.integers(0, len(whole) - 1))
    body = bytearray(whole[part])
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(32, 126))
    whole[part] = bytes(body)
    try:
        found = from_message(json.loads(whole[0]), whole[1:])
    except (ModelError, json.JSONDecodeError):
        return
    known = {"input", *found.constants}
    for step in found.steps:
        assert known.issuperset(step.inputs)
        known.add(step.output)
    assert found.output in known


def test_a_model_of_another_kind_has_no_network() -> None:
    with pytest.raises(NotRun, match="no neural network"):
        wrap_model(lambda X: np.zeros(len(X))).network()
