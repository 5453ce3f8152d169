from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from holdfast.adapters.models.opening import wrap_model
from holdfast.adapters.models.trees_xgboost import read_trees
from holdfast.core.errors import NotRun
from tests.tree_rows import assert_composes, raw_scores

xgboost = pytest.importorskip("xgboost")
SMALL = {"n_estimators": 8, "max_depth": 4, "n_jobs": 1}
SINGLE = 1e-6


@pytest.fixture(scope="module")
def holes(numbers: pl.DataFrame) -> pl.DataFrame:
    return numbers.with_columns(a=pl.when(pl.col("c") > 0.8).then(None).otherwise(pl.col("a")))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [{}, {"base_score": 0.3}, {"num_parallel_tree": 2, "subsample": 0.5}], ids=str)
def test_trees_give_the_scores_of_the_classifier(options, n_classes: int, holes: pl.DataFrame) -> None:
    target = np.digitize((holes["b"] + holes["c"]).to_numpy(), [-0.5, 0.5][: n_classes - 1])
    fitted = xgboost.XGBClassifier(**options, **SMALL).fit(holes.to_pandas(), target)
    assert_composes(wrap_model(fitted), holes, atol=SINGLE)


@pytest.mark.parametrize("objective", ["binary:logitraw", "binary:hinge", "multi:softmax"])
def test_trees_give_the_answers_of_the_booster(objective: str, holes: pl.DataFrame, is_positive: np.ndarray) -> None:
    data = xgboost.DMatrix(holes.to_pandas(), is_positive)
    options = {"objective": objective, "nthread": 1} | ({"num_class": 2} if objective == "multi:softmax" else {})
    assert_composes(wrap_model(xgboost.train(options, data, 6)), holes, atol=SINGLE)


@pytest.mark.parametrize("objective", ["reg:squarederror", "count:poisson", "reg:absoluteerror"])
def test_trees_give_the_values_of_the_regressor(objective: str, numbers: pl.DataFrame) -> None:
    target = np.exp(numbers["a"].to_numpy())
    fitted = xgboost.XGBRegressor(objective=objective, **SMALL).fit(numbers.to_pandas(), target)
    assert_composes(wrap_model(fitted.get_booster()), numbers, atol=SINGLE)


def test_nodes_that_pruning_left_behind_are_passed_over(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    noise = np.random.default_rng(0).random(200) < 0.3
    options = {"objective": "binary:logistic", "tree_method": "exact", "gamma": 2, "nthread": 1}
    booster = xgboost.train(options, xgboost.DMatrix(numbers.to_pandas(), is_positive ^ noise), 8)
    assert re.search(r'"num_deleted":"[1-9]', bytes(booster.save_raw("json")).decode())
    assert_composes(wrap_model(booster), numbers, atol=SINGLE)


def test_dropped_trees_are_weighted(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    data = xgboost.DMatrix(numbers.to_pandas(), is_positive)
    options = {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5, "nthread": 1}
    assert_composes(wrap_model(xgboost.train(options, data, 8)), numbers, atol=SINGLE)


@pytest.mark.parametrize("one_hot_up_to", [1, 100])
def test_codes_of_categories_are_sets(one_hot_up_to: int, is_positive: np.ndarray) -> None:
    X = np.random.default_rng(0).integers(0, 40, (200, 2)).astype(float)
    types = {"feature_types": ["c", "q"], "enable_categorical": True}
    data = xgboost.DMatrix(X, (X[:, 0] % 3 == 0) ^ is_positive, **types)
    options = {"objective": "binary:logistic", "max_cat_to_onehot": one_hot_up_to, "nthread": 1}
    booster = xgboost.train(options, data, 8)
    given = np.column_stack([[0, 3, 4, 38, 39, np.nan], np.full(6, 20.0)])
    model = wrap_model(booster)
    margins = raw_scores(model.trees(), given)
    expected = booster.predict(xgboost.DMatrix(given, **types), output_margin=True)
    np.testing.assert_allclose(margins[:, 0], expected, atol=SINGLE)
    assert_composes(model, pl.DataFrame(X).with_columns(pl.all().cast(pl.Int64)), atol=SINGLE)


def test_text_categories_are_sets_of_levels(mixed: pl.DataFrame, is_old: np.ndarray) -> None:
    target = is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy()
    frame = mixed.to_pandas().astype({"job": "category"})
    fitted = xgboost.XGBClassifier(enable_categorical=True, **SMALL).fit(frame, target)
    made = assert_composes(wrap_model(fitted), mixed, atol=SINGLE)
    assert made.ensemble.level_sets.any()


def test_only_rounds_up_to_the_best_one_count(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    noise = np.random.default_rng(0).random(200) < 0.4
    fitted = xgboost.XGBClassifier(early_stopping_rounds=2, **(SMALL | {"n_estimators": 60})).fit(
        numbers.to_pandas(), is_positive ^ noise, eval_set=[(numbers.to_pandas(), is_positive)], verbose=False
    )
    assert fitted.best_iteration < 58
    assert_composes(wrap_model(fitted), numbers, atol=SINGLE)


def test_trees_behind_a_pipeline_are_read(holes: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = make_pipeline(MinMaxScaler(), xgboost.XGBClassifier(**SMALL)).fit(holes.to_pandas(), is_positive)
    assert_composes(wrap_model(fitted), holes, atol=SINGLE)


@pytest.mark.parametrize("options", [{"booster": "gblinear"}, {"objective": "rank:pairwise"}], ids=str)
def test_other_boosters_are_refused(options, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    data = xgboost.DMatrix(numbers.to_pandas(), is_positive)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1} | options, data, 2)
    assert "trees" not in wrap_model(booster).info.capabilities
    with pytest.raises(NotRun, match="trees cannot be read"):
        read_trees(booster)
