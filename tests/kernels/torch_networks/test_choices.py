"""Operators that compare and choose: what onnxruntime answers, and slopes of what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")

from holdfast.kernels.torch_networks.choices import CHOICES  # noqa: E402  (needs torch)

Array = NDArray[Any]


def by_onnxruntime(op: str, inputs: list[Array], attributes: Mapping[str, Any], *, made: str = "y") -> Array:
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(op, names, made.split(), **attributes)
    values = [helper.make_empty_tensor_value_info("y")]
    constants = [numpy_helper.from_array(value, name) for name, value in zip(names, inputs, strict=True)]
    graph = helper.make_graph([node], "one", [], values, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return np.asarray(ort.InferenceSession(model.SerializeToString()).run(None, {})[0])


def computed(op: str, inputs: list[Array], attributes: Mapping[str, Any]) -> Array:
    found = CHOICES[op](attributes, *(torch.tensor(each.astype(np.float32)) for each in inputs))
    assert found.dtype == torch.float32
    return np.asarray(found)


RNG = np.random.default_rng(0)
NUMBERS = [RNG.integers(-2, 3, (4, 5)).astype(np.float32) for _ in range(2)]
TRUTHS = [each > 0 for each in NUMBERS]


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        *((op, NUMBERS) for op in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min")),
        *((op, TRUTHS) for op in ("And", "Or", "Xor")),
        ("Not", TRUTHS[:1]),
        ("Where", [TRUTHS[0], *NUMBERS]),
        ("IsNaN", [np.where(TRUTHS[0], np.nan, NUMBERS[0]).astype(np.float32)]),
    ],
)
def test_comparison_is_that_of_onnxruntime(op: str, inputs: list[Array]) -> None:
    np.testing.assert_array_equal(computed(op, inputs, {}), by_onnxruntime(op, inputs, {}))


@pytest.mark.parametrize("fmod", [0, 1])
def test_remainder_is_that_of_onnxruntime(fmod: int) -> None:
    inputs, given = [RNG.integers(-9, 10, 40), np.tile(np.array([3, -3, 4, -5]), 10)], {"fmod": fmod}
    np.testing.assert_array_equal(computed("Mod", inputs, given), by_onnxruntime("Mod", inputs, given))


def test_places_along_an_axis_are_those_of_onnxruntime() -> None:
    inputs = [NUMBERS[0], RNG.integers(-5, 5, (4, 3))]
    expected = by_onnxruntime("GatherElements", inputs, {"axis": 1})
    np.testing.assert_array_equal(computed("GatherElements", inputs, {"axis": 1}), expected)


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("places", [0, 1])
def test_largest_numbers_are_those_of_onnxruntime(largest: int, places: int) -> None:
    x = RNG.permutation(60).astype(np.float32).reshape(3, 4, 5)
    expected = by_onnxruntime("TopK", [x, np.array([2])], {"axis": 1, "largest": largest}, made=("y z", "z y")[places])
    given = {"axis": 1, "largest": largest, "k": 2, "places": places}
    np.testing.assert_array_equal(computed("TopK", [x], given), expected)


def test_rows_of_a_table_are_looked_up_and_a_wrong_code_reads_nothing_outside_it() -> None:
    table = RNG.random((5, 3)).astype(np.float32)
    codes = np.array([[0, 4], [2, -1], [7, np.nan]])
    found = computed("Embedding", [codes, table], {})
    np.testing.assert_array_equal(found, table[[[0, 4], [2, 4], [2, 0]]])


def test_quantised_numbers_are_those_of_onnxruntime_and_their_slopes_those_without_rounding() -> None:
    x, scale, zero = RNG.normal(0, 30, 200).astype(np.float32), np.float32(0.25), np.uint8(100)
    given = {"low": 0, "high": 255}
    expected = by_onnxruntime("QuantizeLinear", [x, scale, zero], {})
    np.testing.assert_array_equal(computed("QuantizeLinear", [x, scale, zero], given), expected)
    moved = torch.tensor(x, requires_grad=True)
    found = CHOICES["QuantizeLinear"](given, moved, torch.tensor(scale), torch.tensor(100.0))
    (slope,) = torch.autograd.grad(found.sum(), moved)
    inside, outside = (expected > 0) & (expected < 255), (x / scale < -101) | (x / scale > 156)
    assert (np.asarray(slope)[inside] == 4).all()
    assert (np.asarray(slope)[outside] == 0).all()
    assert inside.any()
    assert outside.any()


@pytest.mark.parametrize("op", ["Round", "Floor", "Ceil", "Sign"])
def test_steps_are_those_of_onnxruntime_and_their_slopes_those_of_what_was_cut(op: str) -> None:
    x = np.array([-np.inf, -2.5, -1.5, -0.6, -0.0, 0.3, 0.5, 1.0, 1.5, 7.2, np.inf], dtype=np.float32)
    np.testing.assert_array_equal(computed(op, [x], {}), by_onnxruntime(op, [x], {}))
    moved = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad((3 * CHOICES[op]({}, moved)).sum(), moved)
    np.testing.assert_array_equal(slope, np.where(np.abs(x) <= 1, 3, 0) if op == "Sign" else np.full(len(x), 3))


def test_slopes_are_those_of_what_was_chosen() -> None:
    x = torch.tensor([[1.0, 3.0], [2.0, -4.0]], requires_grad=True)
    chosen = CHOICES["Where"]({}, CHOICES["Greater"]({}, x, torch.tensor(0.0)), x, 2 * x)
    (slope,) = torch.autograd.grad(chosen.sum(), x)
    assert slope.tolist() == [[1, 1], [1, 2]]
