from __future__ import annotations

import numpy as np
import onnxruntime
import polars as pl
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import wrap_model
from holdfast.core.errors import InputError, ModelError


def exported(model, width: int = 3, **options: object) -> bytes:
    return to_onnx(model, np.zeros((1, width), np.float32), options=options or None).SerializeToString()


def graph(*nodes, inputs, outputs, initializers=()) -> bytes:
    made = helper.make_graph(list(nodes), "graph", inputs, outputs, initializer=list(initializers))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def tensor(name: str, shape: list, kind: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def linear(*after: str, width: int = 1, rows: int | None = None) -> bytes:
    """``X @ ones`` for three columns, followed by the named operators."""
    weights = numpy_helper.from_array(np.tile(np.arange(1, width + 1), (3, 1)).astype(np.float32), "W")
    nodes, last = [helper.make_node("MatMul", ["X", "W"], ["t0"])], "t0"
    for position, operator in enumerate(after, 1):
        nodes.append(helper.make_node(operator, [last], [f"t{position}"]))
        last = f"t{position}"
    return graph(*nodes, inputs=[tensor("X", [rows, 3])], outputs=[tensor(last, [rows, width])], initializers=[weights])


@pytest.fixture(scope="module")
def classifier(numbers: pl.DataFrame, is_positive: np.ndarray):
    return LogisticRegression().fit(numbers.to_numpy(), np.where(is_positive, "yes", "no"))


@pytest.mark.parametrize("zipmap", [True, False])
def test_classifier_answers_as_in_scikit_learn(zipmap: bool, classifier, numbers: pl.DataFrame) -> None:
    model = load(exported(classifier, zipmap=zipmap))
    answer = model.answer(numbers)
    np.testing.assert_allclose(answer.scores, classifier.predict_proba(numbers.to_numpy()), atol=1e-5)
    assert answer.labels.tolist() == classifier.predict(numbers.to_numpy()).tolist()
    assert model.info.capabilities == {"labels", "scores", "query"}


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("labels", [("no", "yes"), (0, 1), (-3, 7)])
def test_class_labels_are_read_from_the_file(zipmap: bool, labels: tuple, numbers, is_positive) -> None:
    fitted = LogisticRegression().fit(numbers.to_numpy(), np.where(is_positive, labels[1], labels[0]))
    assert load(exported(fitted, zipmap=zipmap)).info.classes == labels


def test_three_classes_keep_their_order(numbers: pl.DataFrame) -> None:
    X = numbers.to_numpy()
    fitted = LogisticRegression().fit(X, np.array(["low", "mid", "high"])[np.arange(200) % 3])
    model = load(exported(fitted, zipmap=False))
    assert model.info.classes == ("high", "low", "mid")
    np.testing.assert_allclose(model.answer(numbers).scores, fitted.predict_proba(X), atol=1e-5)


def test_regressor_answers_values(numbers: pl.DataFrame) -> None:
    fitted = LinearRegression().fit(numbers.to_numpy(), numbers["a"].to_numpy() * 30)
    model = load(exported(fitted))
    assert model.info.capabilities == {"values", "query"}
    np.testing.assert_allclose(model.answer(numbers).labels, numbers["a"].to_numpy() * 30, atol=1e-4)


@pytest.mark.parametrize("operators", [("Sigmoid",), ("Sigmoid", "Identity")])
def test_single_sigmoid_output_is_the_probability_of_the_second_class(operators, numbers: pl.DataFrame) -> None:
    model = load(linear(*operators))
    total = numbers.to_numpy().sum(axis=1)
    assert model.info.n_outputs == 2
    np.testing.assert_allclose(model.answer(numbers).scores[:, 1], 1 / (1 + np.exp(-total)), atol=1e-6)


def test_softmax_without_labels_gives_scores_and_no_classes(numbers: pl.DataFrame) -> None:
    info = load(linear("Softmax", width=3)).info
    assert (info.capabilities, info.classes, info.n_outputs) == ({"scores", "query", "gradients"}, (), 3)


def test_raw_scores_are_not_passed_off_as_probabilities(numbers: pl.DataFrame) -> None:
    model = load(linear("Asinh", width=3))
    assert "scores" not in model.info.capabilities
    assert any("no probabilities" in note for note in model.info.notes)
    found = model.answer(numbers).labels
    assert found.tolist() == np.arcsinh(numbers.to_numpy().sum(axis=1)[:, None] * [1, 2, 3]).argmax(axis=1).tolist()


def test_logits_of_a_network_become_scores_by_their_softmax_and_it_is_said(numbers: pl.DataFrame) -> None:
    model = load(linear(width=3))
    assert model.info.capabilities == {"scores", "query", "gradients"}
    assert any("taken as logits" in note for note in model.info.notes)
    logits = numbers.to_numpy().sum(axis=1)[:, None] * [1, 2, 3]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.answer(numbers).scores, expected, atol=1e-5)


def test_decision_values_beside_labels_are_not_used(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = LinearSVC().fit(numbers.to_numpy(), is_positive.astype(int))
    model = load(exported(fitted))
    answer = model.answer(numbers)
    assert answer.scores is None
    assert answer.labels.tolist() == fitted.predict(numbers.to_numpy()).tolist()


@pytest.fixture(scope="module")
def by_name(mixed: pl.DataFrame, is_old: np.ndarray):
    filled = mixed.with_columns(pl.col("job").fill_null(""), pl.col("pay").fill_null(100.0))
    columns = ColumnTransformer(
        [("job", OneHotEncoder(handle_unknown="ignore"), ["job"]), ("rest", "passthrough", ["age", "pay"])]
    )
    fitted = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(filled.to_pandas(), is_old)
    types = [
        ("job", StringTensorType([None, 1])),
        ("age", Int64TensorType([None, 1])),
        ("pay", FloatTensorType([None, 1])),
    ]
    return fitted, filled, load(to_onnx(fitted, initial_types=types, options={"zipmap": False}).SerializeToString())


def test_columns_are_given_by_name_in_any_order(by_name) -> None:
    fitted, filled, model = by_name
    expected = fitted.predict_proba(filled.to_pandas())
    np.testing.assert_allclose(model.answer(filled.select("pay", "job", "age")).scores, expected, atol=1e-4)


def test_missing_text_is_empty_text(by_name, mixed: pl.DataFrame) -> None:
    _, filled, model = by_name
    with_gaps = filled.with_columns(mixed["job"])
    np.testing.assert_array_equal(model.answer(with_gaps).scores, model.answer(filled).scores)


def test_missing_number_reaches_the_model_as_nan(mixed: pl.DataFrame) -> None:
    model = load(linear())
    frame = pl.DataFrame({"a": [1.0, None], "b": [1.0, 1.0], "c": [1.0, 1.0]})
    assert np.isnan(model.answer(frame).labels).tolist() == [False, True]


def test_missing_integer_names_column_and_row(by_name) -> None:
    _, filled, model = by_name
    with pytest.raises(InputError, match="takes an integer in column 'age', got None in row 0"):
        model.answer(filled.head(3).with_columns(age=pl.Series([None, 20, 30])))


def test_fraction_for_an_integer_input_is_refused(by_name) -> None:
    _, filled, model = by_name
    with pytest.raises(InputError, match=r"'age', got 20\.5 in row 1"):
        model.answer(filled.head(2).with_columns(age=pl.Series([20.0, 20.5])))


def test_other_columns_are_listed(by_name) -> None:
    _, filled, model = by_name
    with pytest.raises(InputError, match=r"missing age, pay; .* unknown to the model: Age, wage"):
        model.answer(filled.rename({"age": "Age", "pay": "wage"}))


def test_text_column_for_a_matrix_is_named(classifier, mixed: pl.DataFrame) -> None:
    with pytest.raises(InputError, match=r"not numeric: job \(String\)"):
        load(exported(classifier)).answer(mixed)


def test_number_of_columns_must_match(classifier, numbers: pl.DataFrame) -> None:
    with pytest.raises(InputError, match=r"takes 3 columns .* the table has 2: a, b"):
        load(exported(classifier)).answer(numbers.drop("c"))


@pytest.mark.parametrize("rows", [1, 64])
def test_fixed_batch_size_is_respected(rows: int, numbers: pl.DataFrame) -> None:
    total = numbers.to_numpy().sum(axis=1)
    np.testing.assert_allclose(load(linear(rows=rows)).answer(numbers).labels, total, atol=1e-5)


def test_weights_in_other_files_are_refused() -> None:
    weights = numpy_helper.from_array(np.ones((3, 1), np.float32), "W")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    node = helper.make_node("MatMul", ["X", "W"], ["t"])
    data = graph(node, inputs=[tensor("X", [None, 3])], outputs=[tensor("t", [None, 1])], initializers=[weights])
    with pytest.raises(InputError, match="lie in other files"):
        load(data)


def test_custom_operator_is_refused() -> None:
    made = helper.make_graph(
        [helper.make_node("Evil", ["X"], ["t"], domain="evil")], "g", [tensor("X", [None, 3])], [tensor("t", [None, 1])]
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)]
    data = helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString()
    with pytest.raises(InputError, match="cannot load this model"):
        load(data)


def test_session_in_memory_answers_too(classifier, numbers: pl.DataFrame) -> None:
    session = onnxruntime.InferenceSession(exported(classifier, zipmap=False))
    answer = wrap_model(session).predict(numbers)
    np.testing.assert_allclose(answer.scores, classifier.predict_proba(numbers.to_numpy()), atol=1e-5)


def test_file_in_the_child_answers_as_in_scikit_learn(opened, classifier, numbers: pl.DataFrame) -> None:
    model = opened(exported(classifier), "model.onnx")
    answer = model.predict(numbers)
    np.testing.assert_allclose(answer.scores, classifier.predict_proba(numbers.to_numpy()), atol=1e-5)
    assert answer.labels.tolist() == classifier.predict(numbers.to_numpy()).tolist()
    assert model.info.classes == ("no", "yes")
    assert 0 < model.info.load_s < 60
    assert 20 < model.info.memory_mb < 4096


def test_onnx_model_cannot_be_trained_again(classifier, numbers: pl.DataFrame) -> None:
    with pytest.raises(ModelError, match="cannot be trained again"):
        load(exported(classifier)).refit(numbers, np.zeros(200), seed=0)
