"""What LightGBM and XGBoost keep of their training data."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
import xgboost
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from holdfast.adapters.models.opening import wrap_model

N = 200
RNG = np.random.default_rng(1)
TOWNS = ["Bonn"] * 120 + ["Graz"] * 79 + ["Eupen"]
TABLE = pl.DataFrame({"pay": RNG.normal(100, 20, N), "age": RNG.normal(40, 9, N), "town": TOWNS})
Y = (TABLE["pay"].to_numpy() + RNG.normal(0, 10, N) > 100).astype(int)
NUMBERS = TABLE.drop("town")


def pandas(frame: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


def with_category() -> pd.DataFrame:
    return pandas(TABLE).astype({"town": "category"})


def lightgbm_booster(data: pd.DataFrame) -> lightgbm.Booster:
    settings = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 8}
    return lightgbm.train(settings, lightgbm.Dataset(data, Y), num_boost_round=3)


def test_lightgbm_counts_everybody_in_every_tree() -> None:
    found = wrap_model(lightgbm_booster(pandas(NUMBERS))).stored(NUMBERS)
    assert found.leaf_rows.sum() == 3 * N
    assert found.leaf_rows.min() >= 8


def test_lightgbm_keeps_the_smallest_and_the_largest_number_of_a_column() -> None:
    found = wrap_model(lightgbm_booster(pandas(NUMBERS))).stored(NUMBERS).values
    assert [part.column for part in found] == ["pay", "age"]
    assert [part.names.tolist() for part in found] == [["minimum", "maximum"]] * 2


def test_lightgbm_keeps_categories() -> None:
    model = wrap_model(lightgbm_booster(with_category()))
    found = next(part for part in model.stored(TABLE).values if part.kind == "category")
    assert dict(zip(found.names.tolist(), found.n_rows.tolist(), strict=True)) == {"Bonn": 120, "Eupen": 1, "Graz": 79}
    unknown = next(part for part in model.stored(None).values if part.kind == "category")
    assert unknown.n_rows.tolist() == [-1] * 3


def test_lightgbm_at_the_end_of_a_pipeline_is_read_too() -> None:
    pipeline = make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(n_estimators=2, verbose=-1))
    assert wrap_model(pipeline.fit(NUMBERS.to_numpy(), Y)).stored(NUMBERS).leaf_rows.sum() == 2 * N


def test_xgboost_counts_nobody_and_says_so() -> None:
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(pandas(NUMBERS), Y), num_boost_round=2)
    found = wrap_model(booster).stored(NUMBERS)
    assert found.leaf_rows.size == 0
    assert "second derivatives" in found.notes[0]
    pipeline = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=2)).fit(NUMBERS.to_numpy(), Y)
    assert wrap_model(pipeline).stored(NUMBERS).notes == found.notes


def test_xgboost_keeps_categories() -> None:
    data = xgboost.DMatrix(with_category(), Y, enable_categorical=True)
    model = wrap_model(xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=2))
    (found,) = model.stored(TABLE).values
    assert (found.column, sorted(found.n_rows.tolist())) == ("town", [1, 79, 120])
    assert model.stored(None).values[0].n_rows.tolist() == [-1] * 3
