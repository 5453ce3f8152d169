from __future__ import annotations

import io

import numpy as np
import pandas as pd
import polars as pl
import pytest
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from holdfast.adapters.models.columns import pandas_frame
from holdfast.adapters.models.opening import wrap_model
from holdfast.core.errors import InputError, ModelError


def read_by_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(frame.write_csv().encode()))


@pytest.fixture(scope="module")
def pipeline(mixed: pl.DataFrame, is_old: np.ndarray):
    columns = ColumnTransformer(
        [("job", OneHotEncoder(handle_unknown="ignore"), ["job"]), ("pay", SimpleImputer(), ["pay", "age"])]
    )
    fitted = make_pipeline(columns, LogisticRegression(max_iter=1000))
    return fitted.fit(read_by_pandas(mixed), np.where(is_old, "old", "young"))


def test_frame_is_what_read_csv_gives(mixed: pl.DataFrame) -> None:
    pd.testing.assert_frame_equal(pandas_frame(mixed), read_by_pandas(mixed))


def test_pipeline_on_a_frame_answers_as_it_does_itself(pipeline, mixed: pl.DataFrame) -> None:
    answer = wrap_model(pipeline).predict(mixed)
    np.testing.assert_array_equal(answer.scores, pipeline.predict_proba(read_by_pandas(mixed)))
    assert answer.labels.tolist() == pipeline.predict(read_by_pandas(mixed)).tolist()


def test_labels_of_a_forest_are_its_own_where_votes_tie(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    X, labels = numbers.to_numpy(), np.where(is_positive, "yes", "no")
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(2, random_state=0)).fit(X, labels)
    answer = wrap_model(forest).predict(numbers)
    assert (answer.scores[:, 0] == 0.5).any()
    assert answer.labels.tolist() == forest.predict(X).tolist()


def test_columns_are_taken_by_name(pipeline, mixed: pl.DataFrame) -> None:
    model = wrap_model(pipeline)
    shuffled = mixed.select("pay", "age", "job").with_columns(other=pl.lit(1))
    np.testing.assert_array_equal(model.predict(shuffled).scores, model.predict(mixed).scores)


def test_description_names_the_steps(pipeline) -> None:
    assert wrap_model(pipeline).info.description.startswith(
        "Pipeline of ColumnTransformer > LogisticRegression (sklearn "
    )


@pytest.mark.parametrize("labels", [("a", "b"), (1, 2), (False, True)])
def test_classes_are_plain_labels_of_their_type(labels: tuple, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = wrap_model(LogisticRegression().fit(numbers.to_numpy(), np.where(is_positive, labels[1], labels[0])))
    assert model.info.classes == labels
    assert {type(label) for label in model.info.classes} == {type(labels[0])}
    assert set(model.predict(numbers).labels.tolist()) == set(labels)


def test_classifier_without_probabilities_gives_labels_only(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = wrap_model(LinearSVC().fit(numbers.to_numpy(), is_positive))
    assert model.info.capabilities == {"labels", "query", "refit", "stored"}
    assert model.predict(numbers).scores is None


def test_regressor_gives_values(numbers: pl.DataFrame) -> None:
    model = wrap_model(LinearRegression().fit(numbers.to_numpy(), numbers["c"].to_numpy()))
    assert model.info.capabilities == {"values", "query", "refit", "stored"}
    np.testing.assert_allclose(model.predict(numbers).labels, numbers["c"].to_numpy(), atol=1e-9)


def test_missing_column_is_listed(pipeline, mixed: pl.DataFrame) -> None:
    with pytest.raises(InputError, match=r"missing pay; .* unknown to the model: salary"):
        wrap_model(pipeline).predict(mixed.rename({"pay": "salary"}))


def test_refit_is_a_copy_that_leaves_the_model_alone(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = wrap_model(LogisticRegression().fit(numbers.to_numpy(), is_positive))
    before = model.predict(numbers).scores
    copy = model.refit(numbers, ~is_positive, seed=1)
    np.testing.assert_array_equal(model.predict(numbers).scores, before)
    assert np.mean(copy.predict(numbers).labels != model.predict(numbers).labels) > 0.9


def test_refit_depends_on_its_seed_alone(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(numbers.to_numpy(), is_positive)
    copies = [wrap_model(forest).refit(numbers, is_positive, seed=seed).predict(numbers).scores for seed in (1, 1, 2)]
    np.testing.assert_array_equal(copies[0], copies[1])
    assert (copies[0] != copies[2]).any()


def test_model_failing_on_its_input_is_a_model_error(mixed: pl.DataFrame) -> None:
    fitted = LogisticRegression().fit(mixed.select("age").to_numpy(), np.arange(200) % 2)
    with pytest.raises(ModelError, match="ValueError: Input X contains NaN"):
        wrap_model(fitted).predict(mixed.select("pay"))


def test_several_answers_at_once_are_refused(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    targets = np.column_stack([is_positive, ~is_positive])
    model = wrap_model(RandomForestClassifier(n_estimators=2).fit(numbers.to_numpy(), targets))
    with pytest.raises(ModelError, match="multi-output"):
        model.predict(numbers)


def test_trusted_pickle_in_the_child_answers_and_trains_again(opened, pipeline, mixed, is_old) -> None:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(pipeline, buffer)
    model = opened(buffer.getvalue(), "model.joblib", trust_pickle=True)
    np.testing.assert_allclose(model.predict(mixed).scores, pipeline.predict_proba(read_by_pandas(mixed)), atol=1e-12)
    copy = model.refit(mixed, np.where(is_old, "young", "old"), seed=3)
    assert np.mean(copy.predict(mixed).labels == model.predict(mixed).labels) < 0.5
    copy.close()
    one = mixed.slice(1, 1)
    assert model.predict(one).labels.tolist() == pipeline.predict(read_by_pandas(one)).tolist()
    assert model.info.classes == ("old", "young")


def test_skops_file_loads_without_trust(opened, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    sio = pytest.importorskip("skops.io")
    fitted = LogisticRegression().fit(numbers.to_numpy(), is_positive)
    model = opened(sio.dumps(fitted), "model.skops")
    np.testing.assert_allclose(model.predict(numbers).scores, fitted.predict_proba(numbers.to_numpy()), atol=1e-12)
    assert model.info.format == "skops"


def test_skops_file_with_an_unknown_type_is_refused_by_name(opened, numbers, is_positive) -> None:
    sio = pytest.importorskip("skops.io")
    import statistics

    from sklearn.preprocessing import FunctionTransformer

    fitted = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(numbers.to_numpy(), is_positive)
    fitted.unusual_ = statistics.NormalDist
    with pytest.raises(InputError, match=r"not known to be harmless: .*statistics\.NormalDist"):
        opened(sio.dumps(fitted), "model.skops")


def test_settings_are_changed_in_the_copy_wherever_they_stand(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = wrap_model(make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(numbers.to_pandas(), is_positive))
    copy = model.refit(numbers, is_positive, seed=0, settings={"max_depth": 1})
    assert len(np.unique(copy.predict(numbers).scores, axis=0)) == 2


def test_setting_that_a_model_does_not_have_is_named(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = wrap_model(DecisionTreeClassifier().fit(numbers.to_pandas(), is_positive))
    with pytest.raises(ModelError, match="no setting 'C'"):
        model.refit(numbers, is_positive, seed=0, settings={"C": 1.0})


@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(4, max_depth=2, random_state=0),
        ExtraTreesClassifier(4, max_depth=2, random_state=0),
        DecisionTreeClassifier(max_depth=2, class_weight="balanced", random_state=0),
        ExtraTreeClassifier(max_depth=2, random_state=0),
        KNeighborsClassifier(4),
        KNeighborsClassifier(4, weights="distance"),
        KNeighborsClassifier(2, algorithm="brute"),
        make_pipeline(StandardScaler(), KNeighborsClassifier(2, metric="minkowski", p=1.5)),
        LGBMClassifier(n_estimators=3, verbose=-1),
        LogisticRegression(),
        SVC(),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("n_classes", [2, 5])
def test_labels_are_those_of_the_library_also_in_ties(classifier, n_classes: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (300, 2)).astype(float)
    y = np.array(list("abcde"))[rng.integers(0, n_classes, 300)]
    classifier.fit(X, y)
    labels = wrap_model(classifier).predict(pl.DataFrame(X, schema=["a", "b"])).labels
    assert labels.tolist() == classifier.predict(X).tolist()
