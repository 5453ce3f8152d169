"""Networks read from ONNX graphs: what they compute is what onnxruntime computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from onnx import NodeProto
from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.core.errors import InputError, NotRun
from tests.onnx_graphs import model, node, small_cnn, weights

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")

from tests.adapters.models.read_networks import assert_answers_alike, frame_of  # noqa: E402  (needs torch)

INT = np.int64


@pytest.mark.parametrize(
    ("after", "link"), [((), "logits"), (("Softmax",), "logits"), (("Softmax", "Identity"), "logits")]
)
def test_a_convolutional_network_is_read_up_to_its_logits(after: tuple[str, ...], link: str) -> None:
    network = assert_answers_alike(small_cnn(*after), row=(1, 6, 6))
    assert network.link == link
    assert network.operators == {"Conv", "Mul", "Add", "Relu", "MaxPool", "Flatten", "Gemm"}


@pytest.mark.parametrize(("after", "link"), [(("Sigmoid",), "sigmoid"), ((), "values")])
def test_one_column_is_read_in_front_of_its_sigmoid(after: tuple[str, ...], link: str) -> None:
    assert assert_answers_alike(small_cnn(*after, classes=1), row=(1, 6, 6)).link == link


WEIGHTS = {"w": weights(8, 4), "v": weights(3, 8, seed=1)}
ONE = {"one": np.array([1], INT)}
# what stands between a layer of 8 and one of 4 features, whose output is y
INSIDE: list[tuple[str, list[NodeProto], dict[str, Any]]] = [
    ("identity and dropout", [node("Identity", "h", "i"), node("Dropout", "i", "o")], {}),
    ("selu", [node("Selu", "h", "o")], {}),
    ("prelu", [node("PRelu", "h slope", "o")], {"slope": weights(8)}),
    ("elu", [node("Elu", "h", "o", alpha=0.5)], {}),
    ("leaky relu", [node("LeakyRelu", "h", "o", alpha=0.2)], {}),
    ("hard sigmoid", [node("HardSigmoid", "h", "o")], {}),
    ("clip", [node("Clip", "h _ six", "o")], {"six": np.float32(1)}),
    ("minimum", [node("Min", "h six", "o")], {"six": np.float32(1)}),
    ("sum", [node("Sum", "h h h", "o")], {}),
    ("power", [node("Pow", "h two", "o")], {"two": np.array(2, INT)}),
    ("layer norm", [node("LayerNormalization", "h scale shift", "o")], {"scale": weights(8), "shift": weights(8)}),
    ("split", [node("Split", "h parts", "a b", axis=1), node("Concat", "b a", "o", axis=-1)], {"parts": [3, 5]}),
    ("cast", [node("Cast", "h", "d", to=11), node("Cast", "d", "o", to=1)], {}),
    ("mean", [node("ReduceMean", "h", "m", axes=[1]), node("Sub", "h m", "o")], {}),
    ("sum of squares", [node("Mul", "h h", "s"), node("ReduceSum", "s one", "t"), node("Div", "h t", "o")], ONE),
    ("slice", [node("Slice", "h s e one", "a"), node("Slice", "h zero s one", "b"), node("Concat", "a b", "o", axis=1)],
     {**ONE, "s": np.array([-3], INT), "e": np.array([2**63 - 1], INT), "zero": np.array([0], INT)}),
    ("gather", [node("Gather", "h places", "o", axis=-1)], {"places": np.array([7, 6, 5, 4, 3, 2, 1, -8], INT)}),
    ("unsqueeze", [node("Unsqueeze", "h one", "u"), node("Transpose", "u", "t", perm=[0, 2, 1]),
                   node("Squeeze", "t two", "o")], {**ONE, "two": np.array([2], INT)}),
    ("shape that is computed", [
        node("Shape", "h", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n zero1", "n1"),
        node("Concat", "n1 rest", "wanted", axis=0), node("Reshape", "h wanted", "r"),
        node("Softmax", "r", "a", axis=-1), node("Concat", "n1 last", "flat", axis=0), node("Reshape", "a flat", "o")],
     {"zero": np.array(0, INT), "zero1": np.array([0], INT), "rest": np.array([2, 4]), "last": np.array([-1], INT)}),
    ("token for each row", [
        node("Shape", "h", "s"), node("Slice", "s zero one", "n"), node("Concat", "n one", "wanted", axis=0),
        node("Expand", "token wanted", "tokens"), node("Slice", "h one eight one", "rest"),
        node("Concat", "tokens rest", "o", axis=1)],
     {**ONE, "zero": np.array([0], INT), "eight": np.array([8], INT), "token": np.float32([[0.5]])}),
    ("attention", [
        node("Reshape", "h wanted", "r"), node("Transpose", "r", "t", perm=[0, 2, 1]), node("MatMul", "r t", "m"),
        node("Softmax", "m", "a", axis=-1), node("MatMul", "a r", "q"), node("Flatten", "q", "o")],
     {"wanted": np.array([0, 4, 2], INT)}),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "constants"), [each[1:] for each in INSIDE], ids=[each[0] for each in INSIDE])
def test_operators_between_layers_are_read(nodes: list[NodeProto], constants: dict[str, Any]) -> None:
    whole = [node("Gemm", "x w", "h", transB=1), *nodes, node("Gemm", "o v", "y", transB=1)]
    data = model(whole, row=[4], constants={**WEIGHTS, **constants}, width=3)
    assert_answers_alike(data, row=(4,))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("op", ["Conv", "MaxPool", "AveragePool"])
def test_padding_that_is_asked_for_by_name_is_written_out(op: str, auto_pad: str) -> None:
    given = {"auto_pad": auto_pad, "kernel_shape": [3, 2], "strides": [2, 1]}
    nodes = [
        node(op, "x w" if op == "Conv" else "x", "c", **given),
        node("InstanceNormalization", "c one zero", "i"),
        node("Pad", "i pads", "p"),
        node("GlobalAveragePool", "p", "g"),
        node("Flatten", "g", "y"),
    ]
    constants = {"w": weights(2, 2, 3, 2), "one": np.float32([1, 2]), "zero": np.float32([0, 1])}
    constants |= {"pads": np.array([0, 0, 1, 0, 0, 0, 0, 2], INT)}
    assert_answers_alike(model(nodes, row=[2, 5, 4], constants=constants, width=2), row=(2, 5, 4))


def test_a_network_that_fixes_its_number_of_rows_is_read() -> None:
    nodes = [node("Reshape", "x wanted", "f"), node("Gemm", "f w", "y")]
    constants = {"wanted": np.array([1, 12], INT), "w": weights(12, 3)}
    assert_answers_alike(model(nodes, row=[3, 2, 2], constants=constants, batch=1, width=3), row=(3, 2, 2))


def test_an_old_version_of_the_standard_is_read() -> None:
    nodes = [
        node("Gemm", "x w zero", "h", transB=1),
        node("Clip", "h", "c", min=-0.5, max=0.75),
        node("Unsqueeze", "c", "u", axes=[2]),
        node("Pad", "u", "p", pads=[0, 1, 0, 0, 1, 0], value=0.25),
        node("Slice", "p", "s", starts=[1], ends=[9], axes=[1]),
        node("Squeeze", "s", "q", axes=[2]),
        node("Gemm", "q v zero", "z", transB=1, beta=0.0),
        node("Softmax", "z", "y"),
    ]
    constants = {**WEIGHTS, "zero": np.float32(0.5)}
    assert_answers_alike(model(nodes, row=[4], constants=constants, opset=9, width=3), row=(4,))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("zipmap", [True, False])
def test_a_perceptron_of_scikit_learn_is_read(n_classes: int, zipmap: bool, numbers: pl.DataFrame) -> None:
    X = numbers.to_numpy().astype(np.float32)
    y = np.digitize(X[:, 0], [-0.3, 0.4][: n_classes - 1])
    fitted = MLPClassifier((5,), max_iter=30, random_state=0)
    with pytest.warns(match="converge"):
        fitted.fit(X, y)
    data = to_onnx(fitted, X[:1], options={"zipmap": zipmap}).SerializeToString()
    network = assert_answers_alike(data, row=(3,))
    assert network.link == ("sigmoid" if n_classes == 2 else "logits")


def test_a_regression_is_read(numbers: pl.DataFrame) -> None:
    X = numbers.to_numpy().astype(np.float32)
    fitted = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0))
    with pytest.warns(match="converge"):
        fitted.fit(X, X[:, 0] * 3)
    assert assert_answers_alike(to_onnx(fitted, X[:1]).SerializeToString(), row=(3,)).link == "values"


def test_an_unknown_operator_leaves_the_model_a_black_box(numbers: pl.DataFrame) -> None:
    nodes = [node("Gemm", "x w", "h"), node("Hardmax", "h", "c"), node("Softmax", "c", "y")]
    opened = HeldModel(load(model(nodes, row=[3], constants={"w": weights(3, 4)}, width=4)), batch_rows=9)
    assert opened.info.capabilities == {"query", "scores"}
    assert any("Hardmax" in note for note in opened.info.notes)
    with pytest.raises(NotRun, match="no neural network"):
        opened.network()
    assert opened.predict(numbers).scores.shape == (200, 4)  # type: ignore[union-attr]


def test_a_network_that_is_quantised_as_it_runs_is_a_black_box_and_its_operators_are_named() -> None:
    nodes = [
        node("DynamicQuantizeLinear", "x", "q step zero"),
        node("MatMulInteger", "q w zero", "i"),
        node("Cast", "i", "f", to=1),
        node("Mul", "f step", "y"),
    ]
    w = np.random.default_rng(0).integers(0, 9, (3, 4)).astype(np.uint8)
    opened = HeldModel(load(model(nodes, row=[3], constants={"w": w}, width=4)), batch_rows=9)
    assert "gradients" not in opened.info.capabilities
    assert any("DynamicQuantizeLinear, MatMulInteger, not known here" in note for note in opened.info.notes)


def test_a_quantised_sigmoid_still_gives_a_probability() -> None:
    nodes = [node("Gemm", "x w", "z"), node("Sigmoid", "z", "p"), node("QuantizeLinear", "p step zero", "q"),
             node("DequantizeLinear", "q step zero", "y")]  # fmt: skip
    constants = {"w": weights(3, 1), "step": np.float32(1 / 255), "zero": np.uint8(0)}
    opened = HeldModel(load(model(nodes, row=[3], constants=constants, width=1)), batch_rows=9)
    assert opened.network().link == "probability"
    assert "scores" in opened.info.capabilities


def test_logits_behind_a_table_of_codes_are_recognised() -> None:
    nodes = [node("Cast", "x", "i", to=7), node("Gather", "table i", "e"), node("Flatten", "e", "f"),
             node("Gemm", "f w", "y")]  # fmt: skip
    opened = HeldModel(
        load(model(nodes, row=[1], constants={"table": weights(3, 4), "w": weights(4, 3)})), batch_rows=9
    )
    assert opened.network().link == "logits"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([node("Transpose", "x", "t", perm=[1, 0]), node("MatMul", "t x", "y")], "depends on the other rows"),
        ([node("ReduceMean", "x", "m", axes=[0]), node("Sub", "x m", "y")], "ReduceMean runs over the rows"),
        ([node("Slice", "x zero one zero", "f"), node("Sub", "x f", "y")], "depends on the other rows"),
        ([node("Softmax", "x", "y", axis=0)], "Softmax runs over the rows"),
    ],
)
def test_a_graph_in_which_rows_meet_is_refused_with_the_reason(nodes: list[NodeProto], said: str) -> None:
    opened = HeldModel(load(model(nodes, row=[3], constants={"zero": [0], "one": [1]})), batch_rows=9)
    with pytest.raises(NotRun, match=said):
        opened.network()


def test_columns_are_laid_out_in_the_shape_of_the_images() -> None:
    data = small_cnn("Softmax")
    model = load(data)
    rows = np.random.default_rng(0).random((3, 1, 6, 6)).astype(np.float32)
    import onnxruntime

    expected = onnxruntime.InferenceSession(data).run(None, {"x": rows})[0]
    np.testing.assert_allclose(model.answer(frame_of(rows)).scores, expected, atol=1e-6)
    assert any("[1, 6, 6]" in note for note in model.info.notes)
    with pytest.raises(InputError, match="takes 36 columns"):
        model.answer(frame_of(rows[:, :, :5]))


def test_a_shape_that_the_model_leaves_open_is_asked_for() -> None:
    nodes = [node("GlobalAveragePool", "x", "g"), node("Flatten", "g", "f"), node("Gemm", "f w", "y")]
    data = model(nodes, row=[2, "height", "width"], constants={"w": weights(2, 3)}, width=3)
    rows = np.zeros((2, 2, 4, 5), dtype=np.float32)
    with pytest.raises(InputError, match=r"(?s)shape .'n', 2, 'height', 'width'.*image_shape"):
        load(data).answer(frame_of(rows))
    opened = HeldModel(load(data, row_shape=(2, 4, 5)), batch_rows=9)
    assert opened.predict(frame_of(rows)).scores.shape == (2, 3)  # type: ignore[union-attr]
    assert opened.network().input_shape == (2, 4, 5)
    with pytest.raises(InputError, match="one image has the shape"):
        load(data, row_shape=(3, 4, 5))
