from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from holdfast.adapters.models.lightgbm import load
from holdfast.adapters.models.opening import wrap_model
from holdfast.adapters.models.trees_lightgbm import read_trees
from holdfast.core.errors import NotRun
from tests.tree_rows import assert_composes, raw_scores

lightgbm = pytest.importorskip("lightgbm")
SMALL = {"n_estimators": 8, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}


@pytest.fixture(scope="module")
def holes(numbers: pl.DataFrame) -> pl.DataFrame:
    """Numbers with missing cells and with many zeros, above and below which there are others."""
    is_zero = pl.col("b").abs() < 0.4
    return numbers.with_columns(
        a=pl.when(pl.col("c") > 0.8).then(None).otherwise(pl.col("a")),
        b=pl.when(is_zero).then(0.0).otherwise(pl.col("b")),
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("objective", [None, "multiclassova"])
def test_trees_give_the_scores_of_the_classifier(objective, n_classes: int, holes: pl.DataFrame) -> None:
    target = np.digitize((holes["b"] + holes["c"]).to_numpy(), [-0.5, 0.5][: n_classes - 1])
    objective = objective if n_classes > 2 else "binary"
    fitted = lightgbm.LGBMClassifier(objective=objective, **SMALL).fit(holes.to_pandas(), target)
    assert_composes(wrap_model(fitted.booster_), holes)


def test_numbers_next_to_zero_are_taken_for_zero(numbers: pl.DataFrame) -> None:
    X = numbers.to_numpy()
    fitted = lightgbm.LGBMRegressor(**SMALL).fit(X, X[:, 0] > 0)
    given = np.zeros((9, 3))
    given[:, 0] = [-1e-34, -1.1e-35, -1e-35, -1e-36, 0.0, 1e-36, 1e-35, 1.1e-35, 1e-34]
    np.testing.assert_allclose(raw_scores(wrap_model(fitted).trees(), given)[:, 0], fitted.predict(given))


@pytest.mark.parametrize("options", [{"use_missing": False}, {"zero_as_missing": True}, {}], ids=str)
def test_missing_numbers_and_zeros_go_where_they_are_told(options, holes: pl.DataFrame, is_positive) -> None:
    target = is_positive ^ (holes["b"] == 0).to_numpy()
    fitted = lightgbm.LGBMClassifier(**options, **SMALL).fit(holes.to_pandas(), target)
    assert_composes(wrap_model(fitted), holes)
    tiny = pl.DataFrame({"b": [-1e-34, -1.1e-35, -1e-35, -1e-36, 0.0, 1e-36, 1e-35, 1.1e-35, 1e-34, None]})
    rows = tiny.with_columns(a=pl.lit(0.1), c=pl.lit(0.2)).select("a", "b", "c")
    model = wrap_model(fitted.booster_)
    margins = raw_scores(model.trees(), model.features(rows))
    np.testing.assert_allclose(margins[:, 0], fitted.booster_.predict(rows.to_numpy(), raw_score=True), atol=1e-12)


def test_codes_of_categories_are_sets(holes: pl.DataFrame, is_positive: np.ndarray) -> None:
    X = np.random.default_rng(0).integers(0, 40, (200, 2)).astype(float)
    options = SMALL | {"min_data_per_group": 1, "cat_smooth": 1}
    fitted = lightgbm.LGBMClassifier(**options).fit(X, (X[:, 0] % 3 == 0) ^ is_positive, categorical_feature=[0])
    given = np.column_stack([[0, 3, 4.7, 39, 40, 99, -1, -0.5, np.nan], np.full(9, 20.0)])
    model = wrap_model(fitted)
    margins = raw_scores(model.trees(), model.features(pl.DataFrame(given)))
    np.testing.assert_allclose(margins[:, 0], fitted.booster_.predict(given, raw_score=True), atol=1e-12)
    assert_composes(model, pl.DataFrame(X).with_columns(pl.all().cast(pl.Int64)))


def test_text_categories_are_sets_of_levels(mixed: pl.DataFrame, is_old: np.ndarray) -> None:
    target = is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy()
    frame = mixed.to_pandas().astype({"job": "category"})
    fitted = lightgbm.LGBMClassifier(**SMALL).fit(frame, target)
    made = assert_composes(load(fitted.booster_.model_to_string().encode()) and wrap_model(fitted), mixed)
    assert made.ensemble.level_sets.any()


@pytest.mark.parametrize("objective", ["regression", "poisson", "regression_l1"])
def test_trees_give_the_values_of_the_regressor(objective: str, numbers: pl.DataFrame) -> None:
    fitted = lightgbm.LGBMRegressor(objective=objective, **SMALL).fit(
        numbers.to_pandas(), np.exp(numbers["a"].to_numpy())
    )
    assert_composes(wrap_model(fitted.booster_), numbers)


@pytest.mark.parametrize(
    "options", [{"boosting_type": "dart"}, {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}]
)
def test_dropped_and_averaged_trees_are_weighted(options, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = lightgbm.LGBMClassifier(**options, **SMALL).fit(numbers.to_pandas(), is_positive)
    assert_composes(wrap_model(fitted), numbers)


def test_only_trees_up_to_the_best_iteration_count(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    noise = np.random.default_rng(0).random(200) < 0.4
    fitted = lightgbm.LGBMClassifier(**(SMALL | {"n_estimators": 60})).fit(
        numbers.to_pandas(),
        is_positive ^ noise,
        eval_X=numbers.to_pandas(),
        eval_y=is_positive,
        callbacks=[lightgbm.early_stopping(2, verbose=False)],
    )
    assert 0 < fitted.best_iteration_ < 60
    assert_composes(wrap_model(fitted), numbers)


def test_trees_behind_a_pipeline_are_read(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    scaler = StandardScaler().set_output(transform="pandas")
    fitted = make_pipeline(scaler, lightgbm.LGBMClassifier(**SMALL)).fit(numbers.to_pandas(), is_positive)
    assert_composes(wrap_model(fitted), numbers)


@pytest.mark.parametrize("options", [{"linear_tree": True}, {"objective": "cross_entropy"}], ids=str)
def test_other_trees_are_refused(options, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    data = lightgbm.Dataset(numbers.to_numpy(), is_positive.astype(float))
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1} | options, data, 3)
    assert "trees" not in wrap_model(booster).info.capabilities
    with pytest.raises(NotRun, match="trees cannot be read"):
        read_trees(booster)
