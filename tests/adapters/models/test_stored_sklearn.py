"""What scikit-learn models keep of their training data, in this process and in a child."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from holdfast.adapters.models.opening import wrap_model
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.subject import Stored

N = 60
RNG = np.random.default_rng(0)
NUMBERS = pl.DataFrame({"pay": RNG.normal(100, 20, N), "age": RNG.normal(40, 9, N)})
TOWNS = ["Bonn"] * 30 + ["Graz"] * 26 + ["Zug"] * 3 + ["Eupen"]
MIXED = NUMBERS.with_columns(pl.Series("town", TOWNS), pl.Series("note", ["good pay"] * 58 + ["late", "owes Meier"]))
Y = np.arange(N) % 2


def pandas(frame: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


def stored(estimator: object, frame: pl.DataFrame = NUMBERS, *, shown: bool = True) -> Stored:
    fitted = estimator.fit(pandas(frame), Y)  # type: ignore[attr-defined]
    return wrap_model(fitted).stored(frame if shown else None)


@pytest.mark.parametrize(
    "estimator",
    [
        KNeighborsClassifier(3),
        make_pipeline(StandardScaler(), KNeighborsClassifier(3)),
        make_pipeline(StandardScaler(), GaussianProcessClassifier()),
        make_pipeline(KNNImputer(), LogisticRegression()),
        StackingClassifier([("neighbours", KNeighborsClassifier())], cv=2),
    ],
    ids=["bare", "scaled", "gaussian process", "imputer", "stacked"],
)
def test_every_training_row_is_found(estimator: object) -> None:
    (found,) = stored(estimator).rows
    assert found.n_rows == found.n_equal == N
    assert found.is_stored.all()


def test_support_vectors_are_training_rows() -> None:
    pipeline = make_pipeline(StandardScaler(), SVC())
    (found,) = stored(pipeline).rows
    assert found.n_equal == found.n_rows == found.is_stored.sum() == pipeline[-1].support_.size
    assert np.flatnonzero(found.is_stored).tolist() == sorted(pipeline[-1].support_)


def test_members_of_an_ensemble_are_looked_into() -> None:
    assert len(stored(OneVsRestClassifier(SVC())).rows) == 1
    bagged = stored(BaggingClassifier(KNeighborsClassifier(), n_estimators=3, max_features=1, random_state=0))
    assert [found.n_rows for found in bagged.rows] == [N] * 3
    assert all(found.n_equal == N for found in bagged.rows)


def test_rows_of_a_sparse_matrix_are_found() -> None:
    pipeline = make_pipeline(make_column_transformer((TfidfVectorizer(), "note")), KNeighborsClassifier(1))
    (found,) = stored(pipeline, MIXED).rows
    assert found.is_stored.all()


def test_an_estimator_of_the_users_own_that_keeps_rows_is_found() -> None:
    class Memory(LogisticRegression):
        def fit(self, X, y):  # type: ignore[no-untyped-def]
            self.seen_ = np.asarray(X)[::2]
            return super().fit(X, y)

    (found,) = stored(Memory()).rows
    assert found.holder == "Memory"
    assert found.is_stored.sum() == N // 2


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression()), DecisionTreeClassifier()]
)
def test_models_without_rows_keep_none(estimator: object) -> None:
    assert stored(estimator).rows == ()


def test_rows_of_other_people_are_not_equal() -> None:
    model = wrap_model(KNeighborsClassifier().fit(pandas(NUMBERS), Y))
    (found,) = model.stored(NUMBERS.with_columns(pl.col("pay") + 1)).rows
    assert (found.n_rows, found.n_equal) == (N, 0)


def test_without_a_table_rows_are_counted_and_not_compared() -> None:
    (found,) = stored(KNeighborsClassifier(), shown=False).rows
    assert (found.n_rows, found.n_equal, found.is_stored.size) == (N, None, 0)


def test_terms_are_counted_in_rows() -> None:
    pipeline = make_pipeline(make_column_transformer((TfidfVectorizer(), "note")), LogisticRegression())
    (found,) = stored(pipeline, MIXED).values
    assert found.kind == "term"
    assert dict(zip(found.names.tolist(), found.n_rows.tolist(), strict=True)) == {
        "good": 58, "pay": 58, "late": 1, "owes": 1, "meier": 1,
    }  # fmt: skip


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder(), TargetEncoder()])
def test_categories_are_counted_behind_an_imputer(encoder: object) -> None:
    prepared = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    pipeline = make_pipeline(make_column_transformer((prepared, ["town"])), LogisticRegression())
    found = next(part for part in stored(pipeline, MIXED).values if part.kind == "category")
    assert dict(zip(found.names.tolist(), found.n_rows.tolist(), strict=True)) == {
        "Bonn": 30, "Graz": 26, "Zug": 3, "Eupen": 1,
    }  # fmt: skip


def test_extremes_quantiles_medians_and_edges_are_numbers_of_people() -> None:
    steps = make_union(
        MinMaxScaler(),
        QuantileTransformer(n_quantiles=N),
        KBinsDiscretizer(3, strategy="uniform"),
        SimpleImputer(strategy="median"),
    )
    found = stored(make_pipeline(steps, DecisionTreeClassifier())).values
    of = {(part.holder, part.column): part for part in found}
    assert of["MinMaxScaler", "pay"].names.tolist() == ["minimum", "maximum"]
    assert of["MinMaxScaler", "pay"].n_rows.tolist() == [1, 1]
    assert of["QuantileTransformer", "age"].n_rows.tolist() == [1] * N
    assert of["KBinsDiscretizer", "pay"].n_rows.tolist() == [1, 0, 0, 1]
    assert of["SimpleImputer", "pay"].n_rows.tolist() == [0]


def test_leaves_say_how_many_people_they_stand_for() -> None:
    found = stored(RandomForestClassifier(4, bootstrap=False, random_state=0))
    assert found.leaf_rows.sum() == 4 * N
    assert found.forest == "all"
    assert stored(RandomForestClassifier(4, random_state=0)).forest == "bootstrap"
    boosted = stored(HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5))
    assert boosted.leaf_rows.sum() == 3 * N
    assert boosted.leaf_rows.min() >= 5


def test_a_child_shows_the_same(opened) -> None:
    pipeline = make_pipeline(make_column_transformer((OneHotEncoder(), ["town"]), remainder="drop"), SVC())
    fitted = pipeline.fit(pandas(MIXED), Y)
    there = opened(pickle.dumps(fitted), "model.pkl", trust_pickle=True).stored(MIXED)
    here = wrap_model(fitted).stored(MIXED)
    assert there.rows[0].is_stored.tolist() == here.rows[0].is_stored.tolist()
    assert there.values[0].names.tolist() == here.values[0].names.tolist()
    assert there.values[0].n_rows.tolist() == here.values[0].n_rows.tolist()


def test_a_callable_shows_nothing() -> None:
    with pytest.raises(NotRun, match="callable"):
        wrap_model(lambda X: np.zeros(len(X))).stored(None)


def test_a_model_that_fails_is_named_as_the_one_that_failed() -> None:
    model = wrap_model(KNeighborsClassifier().fit(pandas(NUMBERS), Y))
    model._adapter._estimator._fit_X = 3  # type: ignore[attr-defined]
    assert model.stored(NUMBERS).rows == ()
    model._adapter._estimator.estimators_ = 1 / np.zeros(0)  # type: ignore[attr-defined]
    assert model.stored(NUMBERS).rows == ()
    del model._adapter._estimator  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="AttributeError"):
        model.stored(NUMBERS)
