from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from holdfast.auditing.api import audit
from holdfast.core.finding import Finding

CHECK = "data.fitted_on_test"


def draw(seed: int, n: int, towns: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pay = rng.normal(size=n)
    return pd.DataFrame({"pay": pay, "town": rng.choice(towns, n), "y": (pay + rng.normal(size=n) > 0).astype(int)})


TRAIN = draw(0, 400, ["Rome", "Oslo", "Lima"])
TEST = draw(1, 200, ["Rome", "Oslo", "Lima", "Kyiv"])


def pipeline(*, fitted_on: pd.DataFrame) -> object:
    """A model trained on the training table, behind steps fitted on a table of one's choice."""
    steps = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"]), (MinMaxScaler(), ["pay"])).fit(
        fitted_on.drop(columns="y")
    )
    last = LogisticRegression().fit(steps.transform(TRAIN.drop(columns="y")), TRAIN["y"])
    return make_pipeline(steps, last)


def finding(model: object, folder: Path, train: pd.DataFrame = TRAIN, test: pd.DataFrame = TEST) -> Finding:
    return audit(model, train=train, test=test, target="y", check=[CHECK], cache=False, out=folder / "audit")[CHECK]


def test_categories_and_extremes_of_test_rows_are_found(tmp_path: Path) -> None:
    found = finding(pipeline(fitted_on=pd.concat([TRAIN, TEST])), tmp_path)["n_values_from_test"]
    extremes = int(TEST["pay"].min() < TRAIN["pay"].min()) + int(TEST["pay"].max() > TRAIN["pay"].max())
    assert found.value == 1 + extremes
    assert "Kyiv" in found.plain


def test_steps_fitted_on_training_rows_are_not_accused(tmp_path: Path) -> None:
    measured = finding(pipeline(fitted_on=TRAIN), tmp_path)
    assert measured["n_values_from_test"].value == 0
    assert measured["n_rows_from_test"].value == 0


@pytest.mark.parametrize(("rows", "expected"), [(0, 0), (30, 30)])
def test_neighbours_that_keep_test_rows_are_found(tmp_path: Path, rows: int, expected: int) -> None:
    train, test = (table.drop(columns="town") for table in (TRAIN, TEST))
    seen = pd.concat([train, test.head(rows)])
    model = KNeighborsClassifier().fit(seen[["pay"]], seen["y"])
    assert finding(model, tmp_path, train, test)["n_rows_from_test"].value == expected


def test_model_that_keeps_nothing_has_nothing_to_look_up(tmp_path: Path) -> None:
    train, test = (table.drop(columns="town") for table in (TRAIN, TEST))
    model = LogisticRegression().fit(train[["pay"]], train["y"])
    assert finding(model, tmp_path, train, test).state == "not_applicable"
