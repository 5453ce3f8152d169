from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn, to_onnx, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.core.errors import NotRun
from tests.tree_rows import assert_composes

SINGLE = 3e-6
OPSET = {"": 17, "ai.onnx.ml": 3}


def opened(data: bytes) -> HeldModel:
    return HeldModel(load(data), batch_rows=10_000)


def exported(fitted, kind=FloatTensorType, width: int = 3, **options: object) -> bytes:
    options = {id(fitted): {"zipmap": False}} if hasattr(fitted, "classes_") else None
    inputs = [("X", kind([None, width]))]
    return convert_sklearn(fitted, initial_types=inputs, target_opset=OPSET, options=options).SerializeToString()


@pytest.fixture(scope="module")
def classes(numbers: pl.DataFrame) -> np.ndarray:
    return np.digitize((numbers["a"] + numbers["b"] * numbers["c"]).to_numpy(), [-0.5, 0.5])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(max_depth=5, random_state=0),
        RandomForestClassifier(7, max_depth=5, random_state=0),
        ExtraTreesClassifier(7, max_depth=5, random_state=0),
        GradientBoostingClassifier(n_estimators=7, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_trees_give_the_scores_of_the_classifier(estimator, n_classes: int, numbers, classes) -> None:
    fitted = estimator.fit(numbers.to_numpy(), np.minimum(classes, n_classes - 1))
    assert_composes(opened(exported(fitted)), numbers, atol=SINGLE)


def test_doubles_are_compared_as_doubles(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = RandomForestClassifier(5, max_depth=4).fit(numbers.to_numpy(), is_positive)
    assert_composes(opened(exported(fitted, DoubleTensorType)), numbers, atol=SINGLE)


@pytest.mark.parametrize(
    "estimator", [RandomForestRegressor(5, max_depth=4), GradientBoostingRegressor(n_estimators=5)], ids=str
)
def test_trees_give_the_values_of_the_regressor(estimator, numbers: pl.DataFrame) -> None:
    assert_composes(opened(exported(estimator.fit(numbers.to_numpy(), numbers["a"].to_numpy()))), numbers, atol=SINGLE)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_trees_of_converted_lightgbm_are_read(n_classes: int, numbers: pl.DataFrame, classes: np.ndarray) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    converters = pytest.importorskip("onnxmltools.convert")
    shape = pytest.importorskip("onnxmltools.convert.common.data_types").FloatTensorType
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1)
    fitted.fit(numbers.to_numpy(), np.minimum(classes, n_classes - 1))
    made = converters.convert_lightgbm(fitted, initial_types=[("X", shape([None, 3]))], zipmap=False, target_opset=15)
    assert_composes(opened(made.SerializeToString()), numbers, atol=SINGLE)


def test_a_pipeline_with_lightgbm_is_composed_away(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    converter = pytest.importorskip("onnxmltools.convert.lightgbm.operator_converters.LightGbm")
    options = {"options": {"nocl": [True, False], "zipmap": [True, False]}}
    shapes = pytest.importorskip("skl2onnx.common.shape_calculator")
    update_registered_converter(
        lightgbm.LGBMClassifier,
        "LightGbmLGBMClassifier",
        shapes.calculate_linear_classifier_output_shapes,
        converter.convert_lightgbm,
        **options,
    )
    trees = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1)
    scaled = make_pipeline(StandardScaler().set_output(transform="pandas"), trees)
    scaled.fit(numbers.to_pandas(), is_positive)
    assert_composes(opened(exported(scaled)), numbers, atol=SINGLE)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_trees_of_converted_xgboost_are_read(n_classes: int, numbers: pl.DataFrame, classes: np.ndarray) -> None:
    xgboost = pytest.importorskip("xgboost")
    converters = pytest.importorskip("onnxmltools.convert")
    shape = pytest.importorskip("onnxmltools.convert.common.data_types").FloatTensorType
    holes = numbers.with_columns(a=pl.when(pl.col("c") > 0.8).then(None).otherwise(pl.col("a")))
    fitted = xgboost.XGBClassifier(n_estimators=8, max_depth=4, n_jobs=1)
    fitted.fit(holes.to_numpy(), np.minimum(classes, n_classes - 1))
    made = converters.convert_xgboost(fitted, initial_types=[("X", shape([None, 3]))], target_opset=15)
    assert_composes(opened(made.SerializeToString()), holes, atol=SINGLE)


@pytest.fixture(scope="module")
def is_served(mixed: pl.DataFrame, is_old: np.ndarray) -> np.ndarray:
    return (
        is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy() ^ (mixed["pay"] > 100).fill_null(True).to_numpy()
    )


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()], ids=str)
@pytest.mark.parametrize(
    "encoder",
    [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)],
    ids=lambda encoder: type(encoder).__name__,
)
def test_a_graph_in_front_is_composed_away(encoder, scaler, zipmap: bool, mixed: pl.DataFrame, is_served) -> None:
    filled = mixed.with_columns(job=pl.col("job").fill_null(""))
    numeric = make_pipeline(SimpleImputer(), scaler)
    prepared = ColumnTransformer([("text", encoder, ["job"]), ("numbers", numeric, ["age", "pay"])])
    fitted = make_pipeline(prepared, GradientBoostingClassifier(n_estimators=12, random_state=0))
    fitted.fit(filled.to_pandas(), np.where(is_served, "yes", "no"))
    inputs = [
        ("job", StringTensorType([None, 1])),
        ("age", FloatTensorType([None, 1])),
        ("pay", FloatTensorType([None, 1])),
    ]
    options = {id(fitted): {"zipmap": zipmap}}
    made = convert_sklearn(fitted, initial_types=inputs, target_opset=OPSET, options=options)
    assert_composes(opened(made.SerializeToString()), filled, atol=SINGLE)


def test_whole_number_inputs_are_asked_about_whole_numbers(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    whole = numbers.select((pl.all() * 10).round().cast(pl.Int64))
    fitted = RandomForestClassifier(7, max_depth=5, random_state=0).fit(whole.to_numpy(), is_positive)
    assert_composes(opened(exported(fitted, Int64TensorType)), whole, atol=SINGLE)


DEFAULTS = {"class_treeids": [4, 4], "class_nodeids": [0, 1], "class_ids": [0, 0], "post_transform": "LOGISTIC"}


def stump_model(mode: str, *, tracks: int = 0, threshold: float = 0.5, weights=(-1.0, 1.0), **settings) -> bytes:
    """One comparison, in the form of versions 1 to 3: the score is -1 where it holds and 1 elsewhere."""
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["X"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        nodes_treeids=[4, 4, 4],
        nodes_nodeids=[2, 0, 1],
        nodes_featureids=[1, 0, 0],
        nodes_modes=[mode, "LEAF", "LEAF"],
        nodes_values=[threshold, 0.0, 0.0],
        nodes_truenodeids=[0, 0, 0],
        nodes_falsenodeids=[1, 0, 0],
        nodes_missing_value_tracks_true=[tracks, 0, 0],
        class_weights=list(weights),
        classlabels_int64s=[0, 1],
        **(DEFAULTS | settings),
    )
    return graph(
        node, {"ai.onnx.ml": 3}, ("label", TensorProto.INT64, [None]), ("scores", TensorProto.FLOAT, [None, 2])
    )


def graph(node, versions: dict[str, int], *outputs) -> bytes:
    made = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs],
    )
    imports = [helper.make_opsetid("", 17), *(helper.make_opsetid(*item) for item in versions.items())]
    return helper.make_model(made, opset_imports=imports, ir_version=9).SerializeToString()


@pytest.fixture(scope="module")
def around() -> pl.DataFrame:
    """Numbers at and around one half, on both sides by one unit of either precision, and missing."""
    half = np.float32(0.5)
    near = [0.5, float(np.nextafter(half, np.float32(0))), float(np.nextafter(half, np.float32(1)))]
    near += [np.nextafter(0.5, 0.0), np.nextafter(0.5, 1.0), 0.0, 1.0, 2.0, -3.0, None]
    return pl.DataFrame({"a": [0.25] * len(near), "b": near})


@pytest.mark.parametrize("tracks", [0, 1])
@pytest.mark.parametrize("mode", ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"])
def test_every_comparison_is_read(mode: str, tracks: int, around: pl.DataFrame) -> None:
    assert_composes(opened(stump_model(f"BRANCH_{mode}", tracks=tracks)), around, atol=SINGLE)


def test_base_values_are_added(around: pl.DataFrame) -> None:
    assert_composes(opened(stump_model("BRANCH_LEQ", base_values=[0.25])), around, atol=SINGLE)


@pytest.mark.parametrize("weights", [(0.25, 0.75), (0.0, 0.7), (-0.1, 0.4)], ids=str)
@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC"])
def test_leaves_that_are_never_negative_are_compared_with_one_half(transform: str, weights, around) -> None:
    model = opened(stump_model("BRANCH_LEQ", weights=weights, post_transform=transform))
    assert_composes(model, around, atol=SINGLE)


@pytest.mark.parametrize(
    "settings", [{"class_ids": [1, 1]}, {"class_ids": [0, 1]}, {"base_values": [0.1, 0.2]}], ids=str
)
def test_two_scores_for_two_classes_are_refused(settings: dict) -> None:
    with pytest.raises(NotRun, match="two scores for two classes"):
        opened(stump_model("BRANCH_LEQ", **settings)).trees()


def members_model() -> bytes:
    """A set of members above a comparison, in the form of version 5."""

    def tensor(values, kind=np.float32):
        return numpy_helper.from_array(np.array(values, dtype=kind))

    node = helper.make_node(
        "TreeEnsemble",
        ["X"],
        ["Y"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        tree_roots=[0],
        nodes_modes=tensor([6, 1], np.uint8),
        nodes_featureids=[1, 0],
        nodes_splits=tensor([0.0, 0.25]),
        nodes_truenodeids=[0, 1],
        nodes_trueleafs=[1, 1],
        nodes_falsenodeids=[1, 2],
        nodes_falseleafs=[0, 1],
        nodes_missing_value_tracks_true=[0, 0],
        leaf_targetids=[0, 0, 0],
        leaf_weights=tensor([1.0, 20.0, 300.0]),
        membership_values=tensor([1.0, 2.0, 7.0, np.nan]),
    )
    return graph(node, {"ai.onnx.ml": 5}, ("Y", TensorProto.FLOAT, [None, 1]))


def test_members_and_the_operator_of_version_five_are_read() -> None:
    frame = pl.DataFrame({"a": [0.0, 0.25, 0.5, 0.5, 0.5, 0.5, None], "b": [1.0, 3.0, 2.0, 7.0, 6.5, None, 1.5]})
    assert_composes(opened(members_model()), frame, atol=SINGLE)


def test_aggregates_that_are_no_sums_are_refused(numbers: pl.DataFrame) -> None:
    fitted = RandomForestRegressor(3, max_depth=2).fit(numbers.to_numpy(), numbers["a"].to_numpy())
    made = to_onnx(fitted, np.zeros((1, 3), np.float32), target_opset=OPSET)
    (node,) = (node for node in made.graph.node if node.op_type == "TreeEnsembleRegressor")
    node.attribute.append(helper.make_attribute("aggregate_function", "MAX"))
    with pytest.raises(NotRun, match="joined by MAX"):
        opened(made.SerializeToString()).trees()


def test_unknown_operators_behind_the_trees_are_refused(numbers: pl.DataFrame) -> None:
    fitted = RandomForestRegressor(3, max_depth=2).fit(numbers.to_numpy(), numbers["a"].to_numpy())
    made = to_onnx(fitted, np.zeros((1, 3), np.float32), target_opset=OPSET)
    made.graph.node.append(helper.make_node("Tanh", ["variable"], ["bent"]))
    made.graph.output[0].name = "bent"
    with pytest.raises(NotRun, match="not known: Tanh"):
        opened(made.SerializeToString()).trees()


def test_a_sigmoid_behind_the_trees_makes_odds_of_the_score(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = GradientBoostingRegressor(n_estimators=9, max_depth=2).fit(
        numbers.to_numpy(), np.where(is_positive, 2, -2)
    )
    made = to_onnx(fitted, np.zeros((1, 3), np.float32), target_opset=OPSET)
    made.graph.node.append(helper.make_node("Sigmoid", ["variable"], ["probability"]))
    made.graph.output[0].name = "probability"
    model = opened(made.SerializeToString())
    assert model.trees().link == "sigmoid"
    assert_composes(model, numbers, atol=SINGLE)


def test_a_fixed_batch_is_filled_up(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    pipeline = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=4)).fit(numbers.to_numpy(), is_positive)
    made = convert_sklearn(pipeline, initial_types=[("X", FloatTensorType([7, 3]))], target_opset=OPSET)
    assert_composes(opened(made.SerializeToString()), numbers.head(40), atol=SINGLE)
