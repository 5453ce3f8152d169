"""Operators as exporters write them: what is read of each computes what onnxruntime computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, helper

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.onnx_writers import WRITERS
from holdfast.adapters.models.opening import HeldModel
from holdfast.core.errors import NotRun
from tests.onnx_graphs import model, node, weights

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")

from tests.adapters.models.read_networks import assert_scores_alike  # noqa: E402  (needs torch)

Case = tuple[str, tuple[int, ...], list[NodeProto], dict[str, Any]]
ROW, IMAGE = (6,), (4, 5, 6)
GROUPED = {"s2": np.float32([1, 2]), "b2": np.float32([0.5, -1]), "s4": weights(4), "b4": weights(4, seed=1)}


def ml(op: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), domain="ai.onnx.ml", **attributes)


def sized(scales: tuple[float, ...], **given: Any) -> list[NodeProto]:
    return [node("Resize", "x _ scales", "o", **given)]


FUNCTIONS = (
    "Mish",
    "Softsign",
    "Celu",
    "ThresholdedRelu",
    "Selu",
    "Sin",
    "Cos",
    "Atan",
    "Tanh",
    "Erf",
    "HardSwish",
    "Softplus",
    "Exp",
    "Abs",
    "Neg",
    "Sign",
    "Round",
    "Floor",
    "Ceil",
    "Relu",
    "Sigmoid",
    "Reciprocal",
    "Elu",
    "LeakyRelu",
    "HardSigmoid",
    "Gelu",
)
CASES: list[Case] = [
    *((op, ROW, [node(op, "x", "o")], {}) for op in FUNCTIONS),
    ("shrink", ROW, [node("Shrink", "x", "o", lambd=0.7, bias=0.2)], {}),
    ("celu of another width", ROW, [node("Celu", "x", "o", alpha=0.4)], {}),
    ("where", ROW, [node("Greater", "x half", "g"), node("Where", "g half x", "o")], {"half": np.float32(0.5)}),
    ("logic", ROW, [
        node("Less", "x half", "a"), node("GreaterOrEqual", "x low", "b"), node("And", "a b", "c"),
        node("Not", "a", "d"),
        node("LessOrEqual", "x low", "p"), node("Equal", "p b", "q"), node("Or", "d q", "u"),
        node("Xor", "c u", "e"), node("Or", "e c", "f"), node("Cast", "f", "o", to=1)],
     {"half": np.float32(0.5), "low": np.float32(-1)}),
    ("missing numbers", ROW, [
        node("Log", "x", "l"), node("IsNaN", "l", "m"), node("Where", "m half x", "o")], {"half": np.float32(0.5)}),
    ("larger of two", ROW, [node("Neg", "x", "n"), node("Max", "x n shift", "m"), node("Min", "m x", "o")],
     {"shift": weights(6)}),
    ("mean of two", ROW, [node("Neg", "x", "n"), node("Mean", "x n shift", "o")], {"shift": weights(6)}),
    ("whole numbers", ROW, [
        node("Mul", "x ten", "t"), node("Cast", "t", "i", to=7),
        node("Div", "i three", "d"), node("Mod", "i three", "m"),
        node("Add", "d m", "s"), node("Cast", "s", "o", to=1)], {"ten": np.float32(10), "three": np.array(3)}),
    ("product of rows", ROW, [
        node("Reshape", "x two", "r"), node("Transpose", "r", "t", perm=[0, 2, 1]), node("Einsum", "r t", "o",
        equation="nij,njk->nik")], {"two": np.array([0, 2, 3])}),
    ("sum by letters", ROW, [node("Reshape", "x two", "r"), node("Einsum", "r w", "o", equation="...ij,jk")],
     {"two": np.array([0, 2, 3]), "w": weights(3, 2)}),
    ("weights of the row, one at a time", ROW, [
        node("Reshape", "x three", "t"), node("Squeeze", "t zero", "q"), node("Gemm", "q q c", "g", transA=1, alpha=0.5,
        beta=2.0), node("Unsqueeze", "g zero", "o")],
     {"three": np.array([0, 2, 3]), "zero": np.array([0]), "c": weights(3, 3)}),
    ("a vector", ROW, [node("MatMul", "x v", "m"), node("Unsqueeze", "m one", "o")],
     {"v": weights(6), "one": np.array([1])}),
    ("transposed convolution", IMAGE, [
        node("ConvTranspose", "x w b", "o", strides=[2, 1], pads=[1, 0, 0, 1], output_padding=[1, 0], group=2)],
     {"w": weights(4, 3, 3, 2), "b": weights(6)}),
    *((f"transposed convolution, {pad}", IMAGE, [node("ConvTranspose", "x w", "o", strides=[2, 2], auto_pad=pad)],
       {"w": weights(4, 2, 3, 3)}) for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")),
    ("transposed convolution of a stated size", IMAGE, [
        node("ConvTranspose", "x w", "o", strides=[2, 2], output_shape=[10, 12])], {"w": weights(4, 2, 3, 3)}),
    ("convolution over three axes", (1, 4, 5, 6), [
        node("Conv", "x w", "c", pads=[1, 0, 1, 1, 0, 0]), node("MaxPool", "c", "p", kernel_shape=[2, 2, 2]),
        node("GlobalMaxPool", "p", "o")], {"w": weights(2, 1, 3, 2, 2)}),
    ("local response", IMAGE, [node("LRN", "x", "o", size=3, alpha=0.2)], {}),
    ("group norm", IMAGE, [node("GroupNormalization", "x s4 b4", "o", num_groups=2)], GROUPED),
    ("group norm of version 18", IMAGE, [node("GroupNormalization", "x s2 b2", "o", num_groups=2)], GROUPED),
    ("instance norm", IMAGE, [node("InstanceNormalization", "x s4 b4", "o")], GROUPED),
    ("root mean square", IMAGE, [
        node("Mul", "x x", "q"), node("ReduceMean", "q last", "m"), node("Sqrt", "m", "r"), node("Div", "x r", "o")],
     {"last": np.array([-1])}),
    ("swish of version 24", ROW, [node("Swish", "x", "o", alpha=1.5)], {}),
    ("root mean square of version 24", ROW, [node("RMSNormalization", "x w", "o")], {"w": weights(6)}),
    ("upsampled, of version 9", IMAGE, [node("Upsample", "x scales", "o", mode="nearest")],
     {"scales": np.float32([1, 1, 2, 3])}),
    ("logarithms", IMAGE, [node("LogSoftmax", "x", "o", axis=1)], {}),
    ("place of the smallest", IMAGE, [node("ArgMin", "x", "a", axis=2), node("Cast", "a", "o", to=1)], {}),
    ("mean and variance", IMAGE, [node("MeanVarianceNormalization", "x", "o", axes=[2, 3])], {}),
    *((f"length {p}", IMAGE, [node("LpNormalization", "x", "o", axis=2, p=p)], {}) for p in (1, 2)),
    *((op, IMAGE, [node("Abs", "x", "a"), node(op, "a axes", "o", keepdims=0)], {"axes": np.array([1, -1])})
      for op in ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp", "ReduceProd",
                 "ReduceMax", "ReduceMin")),
    ("turned round", IMAGE, [node("Slice", "x start end axis step", "o")],
     {"start": np.array([-1, 3]), "end": np.array([-99, 0]), "axis": np.array([3, 2]), "step": np.array([-1, -2])}),
    ("rolled", IMAGE, [
        node("Slice", "x two far three", "a"),
        node("Slice", "x zero two three", "b"), node("Concat", "a b", "o", axis=-1)],
     {"two": np.array([2]), "far": np.array([2**62]), "three": np.array([3]), "zero": np.array([0])}),
    *((f"padding by {mode}", IMAGE, [node("Pad", "x pads", "o", mode=mode)],
       {"pads": np.array([0, 0, 1, 2, 0, 1, 0, 3])})
      for mode in ("constant", "edge", "reflect", "wrap")),
    ("padding that cuts off", IMAGE, [node("Pad", "x pads", "o")], {"pads": np.array([0, 0, 1, -2, 0, 0, -1, 0])}),
    ("expand", IMAGE, [node("GlobalAveragePool", "x", "g"), node("Expand", "g wanted", "o")],
     {"wanted": np.array([1, 4, 2, 3])}),
    ("tile", IMAGE, [node("Tile", "x times", "o")], {"times": np.array([1, 2, 1, 3])}),
    ("lower half", IMAGE, [node("Trilu", "x one", "o", upper=0)], {"one": np.array(1)}),
    ("depth to space", (8, 2, 3), [
        node("DepthToSpace", "x", "a", blocksize=2), node("SpaceToDepth", "a", "b", blocksize=2),
        node("DepthToSpace", "b", "o", blocksize=2, mode="CRD")], {}),
    ("sums so far", IMAGE, [node("CumSum", "x axis", "o", reverse=1)], {"axis": np.array(2)}),
    ("places of many axes, one at a time", ROW, [node("Reshape", "x two", "r"), node("GatherND", "r at", "o")],
     {"two": np.array([1, 2, 3]), "at": np.array([[[0, 1, 2], [0, 0, 1]]])}),
    ("overwritten places, one at a time", ROW, [
        node("ScatterND", "x at new", "s"), node("ScatterElements", "s col new2", "o", axis=1)],
     {"at": np.array([[0, 1], [0, 4]]), "new": np.float32([7, 8]), "col": np.array([[5, 0]]),
      "new2": np.float32([[3, 4]])}),
    ("largest", ROW, [node("TopK", "x two", "v i"), node("Cast", "i", "f", to=1), node("Concat", "v f", "o", axis=1)],
     {"two": np.array([2])}),
    ("place of the largest", ROW, [
        node("ArgMax", "x", "m", axis=1, keepdims=0), node("Cast", "m", "f", to=1), node("Unsqueeze", "f one", "c"),
        node("Sub", "x c", "o")], {"one": np.array([1])}),
    ("chosen by what comes in", ROW, [
        node("TopK", "x two", "v i"), node("GatherElements", "x i", "g", axis=1), node("Mul", "g v", "o")],
     {"two": np.array([2])}),
    ("quantised", ROW, [node("QuantizeLinear", "x scale zero", "q"), node("DequantizeLinear", "q scale zero", "o")],
     {"scale": np.float32(0.05), "zero": np.uint8(100)}),
    ("quantised by channel", IMAGE, [
        node("QuantizeLinear", "x scale zero", "q", axis=1), node("DequantizeLinear", "q scale zero", "o", axis=1)],
     {"scale": np.float32([0.05, 0.2, 0.01, 0.1]), "zero": np.int8([0, 3, -5, 1])}),
    ("scaled", ROW, [ml("Scaler", "x", "o", offset=[0.5] * 6, scale=[2.0] * 6)], {}),
    ("binarised", ROW, [ml("Binarizer", "x", "o", threshold=0.5)], {}),
    ("normalised", ROW, [ml("Normalizer", "x", "n", norm="L2"), ml("Normalizer", "n", "o", norm="L1")], {}),
    ("imputed", ROW, [ml("Imputer", "x", "o", imputed_value_floats=[float(i) for i in range(6)])], {}),
    ("columns chosen", ROW, [ml("ArrayFeatureExtractor", "x at", "o")], {"at": np.array([4, 0, 0])}),
]  # fmt: skip


BATCHES = [1 if each[0].endswith("one at a time") else "n" for each in CASES]
OPSETS = [int(each[0].partition("version ")[2] or 21) for each in CASES]


@pytest.mark.parametrize(
    ("row", "nodes", "constants", "batch", "opset"),
    [(*each[1:], *settings) for each, *settings in zip(CASES, BATCHES, OPSETS, strict=True)],
    ids=[each[0] for each in CASES],
)
def test_what_is_read_is_what_onnxruntime_computes(
    row: tuple[int, ...], nodes: list[NodeProto], constants: dict[str, Any], batch: int | str, opset: int
) -> None:
    nodes = [*nodes, node("Flatten", "o", "y")]
    assert_scores_alike(model(nodes, row=row, constants=constants, opset=opset, batch=batch), row=row)


RESIZED = [
    *((mode, {"mode": "nearest", "coordinate_transformation_mode": mode, "nearest_mode": nearest})
      for mode in ("asymmetric", "half_pixel")
      for nearest in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")),
    *((mode, {"mode": kind, "coordinate_transformation_mode": mode})
      for mode in ("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric")
      for kind in ("linear", "cubic")),
    ("weights outside", {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5}),
]  # fmt: skip


@pytest.mark.parametrize("given", [each[1] for each in RESIZED], ids=[str(each[1]) for each in RESIZED])
def test_changes_of_size_are_those_of_onnxruntime(given: dict[str, Any]) -> None:
    for scales in ((1, 1, 2, 1.5), (1, 1, 0.6, 1)):
        nodes = [node("Resize", "x _ scales", "o", **given), node("Flatten", "o", "y")]
        assert_scores_alike(model(nodes, row=IMAGE, constants={"scales": np.float32(scales)}, opset=19), row=IMAGE)


def test_a_stated_size_is_resized_to() -> None:
    nodes = [node("Resize", "x _ _ sizes", "o", mode="linear"), node("Flatten", "o", "y")]
    assert_scores_alike(model(nodes, row=IMAGE, constants={"sizes": np.array([1, 4, 8, 9])}, batch=1), row=IMAGE)


@pytest.mark.parametrize(
    ("op", "direction"), [("LSTM", "bidirectional"), ("GRU", "reverse"), ("GRU", "bidirectional"), ("RNN", "forward")]
)
def test_recurrent_layers_are_read(op: str, direction: str) -> None:
    n, gates = 2 if direction == "bidirectional" else 1, {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    layer = node(op, "t w r b", "s last", hidden_size=3, direction=direction)
    nodes = [
        node("Transpose", "x", "t", perm=[1, 0, 2]),
        layer,
        node("Transpose", "last", "l", perm=[1, 0, 2]),
        node("Flatten", "l", "f"),
        node("ReduceMean", "s axes", "m", keepdims=0),
        node("Concat", "f m", "y", axis=1),
    ]
    constants = {"w": weights(n, gates * 3, 4), "r": weights(n, gates * 3, 3), "b": weights(n, gates * 6)}
    data = model(nodes, row=(5, 4), constants={**constants, "axes": np.array([0, 1])}, opset=20)
    assert_scores_alike(data, row=(5, 4))


def test_codes_are_looked_up_and_spread_beside_numbers() -> None:
    nodes = [
        node("Gather", "x zero", "c", axis=1),
        node("Cast", "c", "i", to=7),
        node("Gather", "table i", "e"),
        node("OneHot", "i depth ends", "h"),
        ml("OneHotEncoder", "x", "k", cats_int64s=[0, 2], zeros=1),
        node("Flatten", "k", "f"),
        node("Concat", "x e h f", "y", axis=1),
    ]
    constants = {"zero": np.array(0), "table": weights(3, 2), "depth": np.array(3), "ends": np.float32([-1, 2])}
    network = assert_scores_alike(model(nodes, row=(2,), constants=constants), row=(2,), whole=True)
    assert "Embedding" in network.operators


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([node("Resize", "x _ scales", "o", mode="linear", antialias=1)], "antialiasing"),
        (
            [node("Resize", "x _ scales", "o", mode="cubic", coordinate_transformation_mode="tf_crop_and_resize")],
            "by tf_",
        ),
        ([node("ScatterND", "x at new", "o", reduction="add")], "ScatterND that adds"),
        ([node("ArgMax", "x", "a", axis=2, select_last_index=1), node("Cast", "a", "o", to=1)], "last of equals"),
    ],
)
def test_what_is_not_known_of_an_operator_is_named(nodes: list[NodeProto], said: str) -> None:
    constants = {"scales": np.float32([1, 1, 0.5, 1]), "at": np.array([[0, 0]]), "new": np.zeros((1, 5, 6), np.float32)}
    data = model([*nodes, node("Flatten", "o", "y")], row=IMAGE, constants=constants, opset=18)
    with pytest.raises(NotRun, match=said):
        HeldModel(load(data), batch_rows=9).network()


def test_the_guide_lists_every_operator() -> None:
    guide = Path("docs/guides/networks.md").read_text(encoding="utf-8")
    assert not [op for op in WRITERS if f"`{op}`" not in guide]


def test_every_operator_has_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_onnx_*.py"))
    tests += Path("tests/onnx_graphs.py").read_text(encoding="utf-8")
    untested = [op for op in WRITERS if f'"{op}"' not in tests]
    assert not untested
