from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from holdfast.adapters.models.opening import wrap_model
from holdfast.core.errors import NotRun
from tests.tree_rows import assert_composes, composed, raw_scores

CLASSIFIERS = [
    DecisionTreeClassifier(max_depth=5, random_state=0),
    RandomForestClassifier(7, max_depth=5, random_state=0),
    ExtraTreesClassifier(7, max_depth=5, random_state=0),
    GradientBoostingClassifier(n_estimators=7, random_state=0),
    HistGradientBoostingClassifier(max_iter=7, random_state=0),
]
REGRESSORS = [
    DecisionTreeRegressor(max_depth=4, random_state=0),
    RandomForestRegressor(5, max_depth=4, random_state=0),
    GradientBoostingRegressor(n_estimators=5, random_state=0),
    HistGradientBoostingRegressor(max_iter=5),
    HistGradientBoostingRegressor(max_iter=5, loss="poisson"),
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost more than these models."""
    with threadpool_limits(1):
        yield


def name(estimator: object) -> str:
    return type(estimator).__name__


@pytest.fixture(scope="module")
def classes(numbers: pl.DataFrame) -> np.ndarray:
    return np.digitize((numbers["a"] + numbers["b"] * numbers["c"]).to_numpy(), [-0.5, 0.5])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name)
def test_trees_give_the_scores_of_the_classifier(estimator, n_classes: int, numbers, classes) -> None:
    model = wrap_model(estimator.fit(numbers.to_pandas(), np.minimum(classes, n_classes - 1)))
    assert "trees" in model.info.capabilities
    assert_composes(model, numbers)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=name)
def test_trees_give_the_values_of_the_regressor(estimator, numbers: pl.DataFrame) -> None:
    target = np.exp(numbers["a"].to_numpy())
    assert_composes(wrap_model(estimator.fit(numbers.to_pandas(), target)), numbers)


@pytest.mark.parametrize("estimator", [CLASSIFIERS[0], CLASSIFIERS[1], CLASSIFIERS[4]], ids=name)
def test_missing_numbers_take_the_side_they_were_trained_on(estimator, numbers: pl.DataFrame, is_positive) -> None:
    holes = numbers.with_columns(a=pl.when(pl.col("b") > 0.8).then(None).otherwise(pl.col("a")))
    assert_composes(wrap_model(estimator.fit(holes.to_pandas(), is_positive)), holes)


def test_exponential_loss_doubles_the_margin(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = GradientBoostingClassifier(n_estimators=5, loss="exponential").fit(numbers.to_pandas(), is_positive)
    assert_composes(wrap_model(fitted), numbers)


def test_categories_of_histogram_trees_are_sets_of_codes(mixed: pl.DataFrame, is_old: np.ndarray) -> None:
    target = is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy()
    encoder = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), ["job"]), remainder="passthrough"
    )
    trees = HistGradientBoostingClassifier(max_iter=9, categorical_features=[0], min_samples_leaf=3)
    made = assert_composes(wrap_model(make_pipeline(encoder, trees).fit(mixed.to_pandas(), target)), mixed)
    assert made.ensemble.level_sets.any()


def test_category_columns_of_a_frame_are_read_by_histogram_trees(mixed: pl.DataFrame, is_old: np.ndarray) -> None:
    target = is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy()
    trees = HistGradientBoostingClassifier(max_iter=9, categorical_features=["job"], min_samples_leaf=3)
    assert_composes(wrap_model(trees.fit(mixed.to_pandas(), target)), mixed)


def test_codes_that_histogram_trees_do_not_know_are_missing(is_positive: np.ndarray) -> None:
    X = np.random.default_rng(0).integers(0, 6, (200, 1)).astype(float)
    trees = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0], min_samples_leaf=3).fit(X, X[:, 0] % 2)
    given = np.array([[0.0], [3.0], [5.0], [6.0], [77.0], [np.nan]])
    model = wrap_model(trees)
    features = model.features(pl.DataFrame(given))
    np.testing.assert_allclose(raw_scores(model.trees(), features)[:, 0], trees.decision_function(given))


TEXT = OneHotEncoder(handle_unknown="ignore")
ENCODERS = {
    "one hot": TEXT,
    "one hot infrequent": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=60),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    "target": TargetEncoder(),
}
NUMBERS = {
    "standard": make_pipeline(SimpleImputer(), StandardScaler()),
    "min max": make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler()),
    "imputed with mark": SimpleImputer(add_indicator=True),
    "log": make_pipeline(SimpleImputer(), FunctionTransformer(np.log1p)),
    "falling": FunctionTransformer(np.negative),
    "quantile": make_pipeline(SimpleImputer(), QuantileTransformer(n_quantiles=20, output_distribution="normal")),
    "bins": make_pipeline(SimpleImputer(), KBinsDiscretizer(5, quantile_method="averaged_inverted_cdf")),
    "squares": make_pipeline(SimpleImputer(), StandardScaler(), FunctionTransformer(np.square)),
}


def pipeline(text, numeric, trees=None):
    prepared = ColumnTransformer([("text", text, ["job"]), ("numbers", numeric, ["age", "pay"])])
    return make_pipeline(prepared, trees or GradientBoostingClassifier(n_estimators=12, random_state=0))


@pytest.fixture(scope="module")
def is_served(mixed: pl.DataFrame, is_old: np.ndarray) -> np.ndarray:
    return (
        is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy() ^ (mixed["pay"] > 100).fill_null(True).to_numpy()
    )


@pytest.mark.parametrize("text", ENCODERS.values(), ids=ENCODERS)
def test_encoders_of_text_become_sets_of_levels(text, mixed: pl.DataFrame, is_served: np.ndarray) -> None:
    made = assert_composes(wrap_model(pipeline(text, SimpleImputer()).fit(mixed.to_pandas(), is_served)), mixed)
    assert made.columns == ("job", "age", "pay")
    assert made.ensemble.level_sets.shape[1] == 3


@pytest.mark.parametrize("numeric", NUMBERS.values(), ids=NUMBERS)
def test_maps_of_numbers_become_thresholds(numeric, mixed: pl.DataFrame, is_served: np.ndarray) -> None:
    trees = HistGradientBoostingClassifier(max_iter=12) if numeric is NUMBERS["falling"] else None
    assert_composes(wrap_model(pipeline(TEXT, numeric, trees).fit(mixed.to_pandas(), is_served)), mixed)


def test_booleans_are_two_levels(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    frame = numbers.with_columns(flag=pl.col("c") > 0)
    fitted = RandomForestClassifier(9, random_state=0).fit(frame.to_pandas(), is_positive ^ frame["flag"].to_numpy())
    assert_composes(wrap_model(fitted), frame)


def test_features_of_several_columns_are_refused_by_name(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    products = PolynomialFeatures(interaction_only=True, include_bias=False)
    fitted = make_pipeline(products, RandomForestClassifier(9, random_state=0)).fit(numbers.to_pandas(), is_positive)
    with pytest.raises(ValueError, match="feature 3 follows the columns 'a', 'b'"):
        composed(wrap_model(fitted), numbers)


@pytest.mark.parametrize("estimator", [LogisticRegression(), AdaBoostClassifier(n_estimators=3)], ids=name)
def test_other_estimators_have_no_trees(estimator, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = wrap_model(estimator.fit(numbers.to_pandas(), is_positive))
    assert "trees" not in model.info.capabilities
    with pytest.raises(NotRun, match="no ensemble of decision trees"):
        model.trees()


def test_a_start_that_depends_on_the_inputs_is_not_read(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    boosted = GradientBoostingClassifier(n_estimators=3, init=LogisticRegression())
    assert "trees" not in wrap_model(boosted.fit(numbers.to_pandas(), is_positive)).info.capabilities
