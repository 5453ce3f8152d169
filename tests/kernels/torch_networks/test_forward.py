"""Networks as torch functions: each operator against onnxruntime, gradients against differences, bad networks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from holdfast.core.network import RawNetwork, Step

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")

from holdfast.kernels.torch_networks.forward import (  # noqa: E402  (needs torch)
    OPERATORS,
    NetworkError,
    as_function,
    shapes,
)

Array = NDArray[Any]
OPSET = 21


def by_onnxruntime(op: str, x: Array, constants: list[Array], given: Mapping[str, Any]) -> Array:
    """Compute one operator as the standard has it: ``given`` holds its attributes as of opset 21."""
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(op, ["x", *names], ["y"], **given)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in zip(names, constants, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    return np.asarray(ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0])


def network_of(op: str, x: Array, constants: list[Array], attributes: Mapping[str, Any]) -> RawNetwork:
    names = [f"c{i}" for i in range(len(constants))]
    step = Step(op=op, inputs=("input", *names), output="y", attributes=attributes)
    return RawNetwork(
        steps=(step,),
        constants=dict(zip(names, constants, strict=True)),
        input_shape=x.shape[1:],
        output="y",
        link="values",
    )


def computed(op: str, x: Array, constants: list[Array], attributes: Mapping[str, Any]) -> Array:
    network = network_of(op, x, constants, attributes)
    found = as_function(network)(torch.from_numpy(x))
    assert tuple(found.shape[1:]) == shapes(network)["y"]
    return np.asarray(found)


def rows(*shape: int, seed: int = 0, low: float = -3.0, high: float = 3.0) -> Array:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


UNARY = ("Relu", "Sigmoid", "Tanh", "Erf", "HardSwish", "Softplus", "Exp", "Abs", "Neg", "Sign", "Round", "Floor")


@pytest.mark.parametrize("op", [*UNARY, "Ceil", "Sin", "Cos", "Atan", "Identity"])
def test_function_of_one_number_is_that_of_onnxruntime(op: str) -> None:
    x = np.concatenate([rows(4, 3, 5), np.array([-2.5, -1.5, -0.5, 0, 0.5, 1.5, 30, -30] * 15).reshape(8, 3, 5)])
    x = x.astype(np.float32)
    np.testing.assert_allclose(computed(op, x, [], {}), by_onnxruntime(op, x, [], {}), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("op", ["Log", "Sqrt", "Reciprocal"])
def test_function_of_a_positive_number_is_that_of_onnxruntime(op: str) -> None:
    x = rows(4, 6, low=0.01)
    np.testing.assert_allclose(computed(op, x, [], {}), by_onnxruntime(op, x, [], {}), rtol=1e-5)


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("LeakyRelu", {}),
        ("LeakyRelu", {"alpha": 0.3}),
        ("Elu", {}),
        ("Elu", {"alpha": 0.7}),
        ("Gelu", {}),
        ("Gelu", {"approximate": "tanh"}),
        ("HardSigmoid", {}),
        ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}),
        ("Softmax", {}),
        ("Softmax", {"axis": 1}),
        ("LogSoftmax", {"axis": -2}),
        ("GlobalAveragePool", {}),
        ("GlobalMaxPool", {}),
        ("Flatten", {"axis": 1}),
        ("Transpose", {"perm": (0, 3, 1, 2)}),
        ("Concat", {"axis": 2}),
        ("LRN", {"size": 3, "alpha": 0.3, "beta": 0.6, "bias": 1.5}),
        ("Cast", {"to": TensorProto.FLOAT}),
    ],
)
def test_operator_with_attributes_is_that_of_onnxruntime(op: str, attributes: dict[str, Any]) -> None:
    x = rows(3, 2, 4, 5)
    np.testing.assert_allclose(
        computed(op, x, [], attributes), by_onnxruntime(op, x, [], attributes), rtol=1e-5, atol=1e-6
    )


INT = np.int64


PADS = {
    "constant": (0, 0, 1, 2, 0, 1, 0, 3),
    "reflect": (0, 0, 1, 2, 0, 0, 0, 3),
    "edge": (0, 0, 1, 2, 0, 0, 5, 3),
}


@pytest.mark.parametrize(
    ("op", "attributes", "constants", "given"),
    [
        ("Reshape", {"shape": (20, 2)}, [(3, 20, 2)], {}),
        ("Reshape", {"shape": (-1,)}, [(0, -1)], {}),
        ("Unsqueeze", {"axes": (1, 3)}, [(1, 3)], {}),
        ("Unsqueeze", {"axes": (-1, 2)}, [(-1, 2)], {}),
        ("Clip", {"min": -1.0, "max": 0.5}, [-1.0, 0.5], {}),
        ("Clip", {"min": -1.0}, [-1.0], {}),
        ("ReduceMean", {"axes": (2, 3)}, [(2, 3)], {}),
        ("ReduceMean", {"axes": (-1,), "keepdims": 0}, [(-1,)], {"keepdims": 0}),
        ("ReduceSum", {"axes": (1,), "keepdims": 0}, [(1,)], {"keepdims": 0}),
        ("ReduceMax", {"axes": (1, 3)}, [(1, 3)], {}),
        ("ReduceMin", {"axes": (-1,), "keepdims": 0}, [(-1,)], {"keepdims": 0}),
        ("ReduceProd", {"axes": (1, -1), "keepdims": 0}, [(1, -1)], {"keepdims": 0}),
        ("ReduceL2", {"axes": (2,)}, [(2,)], {}),
        ("ReduceLogSumExp", {"axes": (1, 2)}, [(1, 2)], {}),
        ("Expand", {"shape": (2, 4, 5)}, [(3, 2, 4, 5)], {}),
        ("Tile", {"repeats": (2, 1, 3)}, [(1, 2, 1, 3)], {}),
        (
            "Slice",
            {"starts": (1, 0), "ends": (3, 4), "axes": (2, 3), "steps": (1, 2)},
            [(1, 0), (3, 4), (2, 3), (1, 2)],
            {},
        ),
        ("Slice", {"starts": (-2,), "ends": (1000,), "axes": (3,)}, [(-2,), (1000,), (3,)], {}),
        ("Pad", {"pads": PADS["constant"], "value": 0.5}, [PADS["constant"], 0.5], {}),
        ("Pad", {"pads": PADS["reflect"], "mode": "reflect"}, [PADS["reflect"]], {"mode": "reflect"}),
        ("Pad", {"pads": PADS["edge"], "mode": "edge"}, [PADS["edge"]], {"mode": "edge"}),
    ],
)
def test_operator_whose_attributes_the_standard_takes_as_inputs(
    op: str, attributes: dict[str, Any], constants: list[Any], given: dict[str, Any]
) -> None:
    x = rows(3, 2, 4, 5)
    arrays = [np.array(value, INT if isinstance(value, tuple) else np.float32) for value in constants]
    expected = by_onnxruntime(op, x, arrays, given)
    np.testing.assert_allclose(computed(op, x, [], attributes), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("given", [{}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}])
def test_sums_so_far_are_those_of_onnxruntime(given: dict[str, int]) -> None:
    x = rows(3, 2, 4, 5)
    expected = by_onnxruntime("CumSum", x, [np.array(2, INT)], given)
    np.testing.assert_allclose(computed("CumSum", x, [], {"axis": 2, **given}), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("equation", ["abcd,dce->abe", "abcd,cde->aecb", "abcd,bc->ad"])
def test_sums_by_letters_are_those_of_onnxruntime(equation: str) -> None:
    x, sizes = rows(3, 2, 4, 5), dict(zip("abcde", (3, 2, 4, 5, 6), strict=True))
    constant = rows(*(sizes[letter] for letter in equation.split("->")[0].split(",")[1]), seed=1)
    expected = by_onnxruntime("Einsum", x, [constant], {"equation": equation})
    np.testing.assert_allclose(computed("Einsum", x, [constant], {"equation": equation}), expected, rtol=1e-4)


@pytest.mark.parametrize("equation", ["ab,cb->ac", "ab,bc->bc", "ab,cb->ab", "aa,ab->ab", "...,...->..."])
def test_sums_by_letters_that_mix_rows_are_refused(equation: str) -> None:
    steps = (
        Step(op="Neg", inputs=("input",), output="n"),
        Step(op="Einsum", inputs=("input", "n"), output="y", attributes={"equation": equation}),
    )
    with pytest.raises(NetworkError):
        shapes(RawNetwork(steps=steps, constants={}, input_shape=(7919,), output="y", link="values"))


def test_half_precision_is_rounded_to() -> None:
    x = rows(3, 4)
    found = computed("Cast", x, [], {"to": TensorProto.FLOAT16})
    np.testing.assert_array_equal(found, x.astype(np.float16).astype(np.float32))


def test_memory_that_is_exhausted_is_not_taken_for_a_step_that_does_not_fit() -> None:
    """Whoever asks goes on with fewer rows then; what does not fit would not be asked about again."""
    step = Step(op="Tile", inputs=("input",), output="y", attributes={"repeats": (1 << 40,)})
    network = RawNetwork(steps=(step,), constants={}, input_shape=(4,), output="y", link="values")
    with pytest.raises(RuntimeError, match="alloc"):
        as_function(network)(torch.zeros(2, 4))


def test_squeeze_leaves_other_axes_of_length_one() -> None:
    x = rows(3, 1, 4, 1)
    expected = by_onnxruntime("Squeeze", x, [np.array([3], INT)], {})
    np.testing.assert_array_equal(computed("Squeeze", x, [], {"axes": (3,)}), expected)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Pow"])
@pytest.mark.parametrize("shape", [(), (5,), (4, 1), (1, 2, 1, 5)])
def test_arithmetic_with_a_constant_is_that_of_onnxruntime(op: str, shape: tuple[int, ...]) -> None:
    x, constant = rows(3, 2, 4, 5, low=0.1), np.asarray(rows(*shape, seed=1, low=0.5), dtype=np.float32)
    np.testing.assert_allclose(computed(op, x, [constant], {}), by_onnxruntime(op, x, [constant], {}), rtol=1e-5)


@pytest.mark.parametrize("indices", [np.array(1, INT), np.array([2, 0, -1], INT), np.array([[0, 1], [3, 2]], INT)])
def test_gather_is_that_of_onnxruntime(indices: Array) -> None:
    x = rows(3, 4, 5)
    expected = by_onnxruntime("Gather", x, [indices], {"axis": 1})
    np.testing.assert_array_equal(computed("Gather", x, [indices], {"axis": 1}), expected)


def test_products_are_those_of_onnxruntime() -> None:
    x, weight, bias = rows(3, 4), rows(4, 5, seed=1), rows(5, seed=2)
    np.testing.assert_allclose(
        computed("MatMul", x, [weight], {}), by_onnxruntime("MatMul", x, [weight], {}), rtol=1e-5
    )
    np.testing.assert_allclose(
        computed("Gemm", x, [weight, bias], {}), by_onnxruntime("Gemm", x, [weight, bias], {}), rtol=1e-5, atol=1e-6
    )


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 3))

    def each(low: int, high: int) -> st.SearchStrategy[tuple[int, ...]]:
        return st.tuples(*[st.integers(low, high)] * n)

    kernel = draw(each(1, 3))
    return {
        "kernel_shape": kernel,
        "strides": draw(each(1, 3)),
        "dilations": draw(each(1, 2)),
        "pads": tuple(
            min(pad, kernel[i % n] - 1) for i, pad in enumerate(draw(st.tuples(*[st.integers(0, 2)] * 2 * n)))
        ),
    }


SIZES = st.tuples(*[st.integers(6, 9)] * 3)


@settings(max_examples=8, deadline=None)
@given(windows(), SIZES, st.sampled_from([1, 2]), st.booleans())
def test_transposed_convolution_is_that_of_onnxruntime(
    attributes: dict[str, Any], size: tuple[int, ...], group: int, has_bias: bool
) -> None:
    kernel = attributes["kernel_shape"]
    x = rows(2, 4, *(each - 3 for each in size[: len(kernel)]))
    constants = [rows(4, 3, *kernel, seed=1), *([rows(3 * group, seed=2)] if has_bias else [])]
    attributes = {**attributes, "group": group}
    expected = by_onnxruntime("ConvTranspose", x, constants, attributes)
    np.testing.assert_allclose(computed("ConvTranspose", x, constants, attributes), expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(windows(), SIZES, st.sampled_from([1, 2]), st.booleans())
def test_convolution_is_that_of_onnxruntime(
    attributes: dict[str, Any], size: tuple[int, ...], group: int, has_bias: bool
) -> None:
    kernel = attributes["kernel_shape"]
    x = rows(2, 4, *size[: len(kernel)])
    constants = [rows(6, 4 // group, *kernel, seed=1), *([rows(6, seed=2)] if has_bias else [])]
    attributes = {**attributes, "group": group}
    expected = by_onnxruntime("Conv", x, constants, attributes)
    np.testing.assert_allclose(computed("Conv", x, constants, attributes), expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    windows(),
    SIZES,
    st.sampled_from(["Max", "Average", "Counted"]),
    st.booleans(),
)
def test_pooling_is_that_of_onnxruntime(
    attributes: dict[str, Any], size: tuple[int, ...], kind: str, ceil: bool
) -> None:
    x = rows(2, 3, *size[: len(attributes["kernel_shape"])])
    attributes = {**attributes, "ceil_mode": int(ceil)}
    if kind != "Max":
        del attributes["dilations"]
        attributes["count_include_pad"] = int(kind == "Counted")
    op = "MaxPool" if kind == "Max" else "AveragePool"
    found, expected = computed(op, x, [], attributes), by_onnxruntime(op, x, [], attributes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def small_network() -> RawNetwork:
    """A convolution, a pool and a layer on top, with a skip connection."""
    constants = {"w": rows(3, 2, 3, 3, seed=1), "b": rows(3, seed=2), "v": rows(12, 4, seed=3)}
    steps = (
        Step(op="Conv", inputs=("input", "w", "b"), output="c", attributes={"pads": (1, 1, 1, 1)}),
        Step(op="Tanh", inputs=("c",), output="t"),
        Step(op="Add", inputs=("t", "c"), output="s"),
        Step(op="MaxPool", inputs=("s",), output="p", attributes={"kernel_shape": (2, 2), "strides": (2, 2)}),
        Step(op="Flatten", inputs=("p",), output="f"),
        Step(op="Gemm", inputs=("f", "v"), output="scores"),
    )
    return RawNetwork(steps=steps, constants=constants, input_shape=(2, 4, 4), output="scores", link="logits")


def test_gradients_are_those_of_differences() -> None:
    function = as_function(small_network(), dtype=torch.float64)
    x = torch.from_numpy(rows(2, 2, 4, 4).astype(np.float64)).requires_grad_()
    assert torch.autograd.gradcheck(function, (x,))


def test_a_row_is_computed_as_if_it_came_alone() -> None:
    function = as_function(small_network())
    x = torch.from_numpy(rows(8, 2, 4, 4))
    together = function(x)
    alone = torch.cat([function(row[None]) for row in x])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_torch_func_may_transform_it() -> None:
    function = as_function(small_network())
    x = torch.from_numpy(rows(3, 2, 4, 4))
    jacobians = torch.func.vmap(torch.func.jacrev(lambda row: function(row[None])[0]))(x)
    assert jacobians.shape == (3, 4, 2, 4, 4)
    row = x[0].clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(row[None])[0, 2], row)
    torch.testing.assert_close(jacobians[0, 2], slope, rtol=1e-4, atol=1e-5)


def test_weights_given_are_neither_shared_nor_changed() -> None:
    network = small_network()
    before = {name: value.copy() for name, value in network.constants.items()}
    function = as_function(network)
    x = torch.from_numpy(rows(2, 2, 4, 4))
    first = function(x)
    np.asarray(network.constants["b"])[:] = 7
    torch.testing.assert_close(function(x), first)
    assert all((value == before[name]).all() for name, value in network.constants.items() if name != "b")


def test_one_score_becomes_one_column() -> None:
    network = RawNetwork(
        steps=(Step(op="ReduceSum", inputs=("input",), output="y", attributes={"axes": (1,), "keepdims": 0}),),
        constants={},
        input_shape=(3,),
        output="y",
        link="sigmoid",
    )
    assert as_function(network)(torch.ones(2, 3)).tolist() == [[3.0], [3.0]]


def test_an_empty_batch_gives_no_scores() -> None:
    assert tuple(as_function(small_network())(torch.empty(0, 2, 4, 4)).shape) == (0, 4)


def test_an_unknown_operator_is_named() -> None:
    network = network_of("GridSample", rows(2, 3), [], {})
    with pytest.raises(NetworkError, match="GridSample"):
        as_function(network)
    with pytest.raises(NetworkError, match="GridSample"):
        shapes(network)


def test_rows_of_another_shape_are_refused() -> None:
    with pytest.raises(NetworkError, match=r"expected rows of shape \(2, 4, 4\), got \(3, 4, 4\)"):
        as_function(small_network())(torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("op", "constants", "attributes", "said"),
    [
        ("MatMul", [rows(5, 2)], {}, "does not fit"),
        ("Flatten", [rows(2)], {}, "does not fit"),
        ("Conv", [rows(2, 2, 3)], {}, "does not fit"),
        ("Reshape", [], {"shape": (7,)}, "does not fit"),
        ("Reshape", [], {}, "does not fit"),
        ("Transpose", [], {"perm": (1, 0)}, "does not treat each row by itself"),
        ("Softmax", [], {"axis": 0}, "does not treat each row by itself"),
        ("Gather", [np.array([0], INT)], {"axis": 0}, "not supported"),
        ("ReduceMean", [], {"axes": (0,)}, "does not treat each row by itself"),
        ("Pad", [], {"pads": (0, 0, 0, 1 << 30)}, "more than"),
        ("Unsqueeze", [], {"axes": (0,)}, "does not treat each row by itself"),
    ],
)
def test_steps_that_cannot_be_are_found_without_computing(
    op: str, constants: list[Array], attributes: dict[str, Any], said: str
) -> None:
    with pytest.raises(NetworkError, match=said):
        shapes(network_of(op, rows(3, 4), constants, attributes))


def test_rows_that_meet_through_a_broadcast_are_found() -> None:
    steps = (
        Step(op="Unsqueeze", inputs=("input",), output="u", attributes={"axes": (1,)}),
        Step(op="Add", inputs=("input", "u"), output="y"),
    )
    network = RawNetwork(steps=steps, constants={}, input_shape=(4,), output="y", link="values")
    with pytest.raises(NetworkError, match="does not treat each row by itself"):
        shapes(network)


def test_a_result_that_doubles_with_every_step_is_found_in_time() -> None:
    names = ["input", *(f"s{i}" for i in range(80))]
    steps = tuple(
        Step(op="Concat", inputs=(before, before), output=after, attributes={"axis": 1})
        for before, after in itertools.pairwise(names)
    )
    network = RawNetwork(steps=steps, constants={}, input_shape=(4,), output="s79", link="values")
    with pytest.raises(NetworkError, match="more than"):
        shapes(network)


def test_every_operator_is_tested() -> None:
    tests = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    assert set(re.findall(r'"([A-Z]\w+)"', "".join(tests))) >= OPERATORS.keys()
