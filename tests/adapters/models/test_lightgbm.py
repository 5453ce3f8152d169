from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.lightgbm import load
from holdfast.adapters.models.opening import wrap_model
from holdfast.core.errors import InputError

lightgbm = pytest.importorskip("lightgbm")
SMALL = {"n_estimators": 5, "min_child_samples": 5, "verbose": -1}


def text(fitted) -> bytes:
    return fitted.booster_.model_to_string().encode()


def test_binary_booster_gives_two_score_columns(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = lightgbm.LGBMClassifier(**SMALL).fit(numbers.to_pandas(), is_positive)
    model = load(text(fitted))
    np.testing.assert_allclose(model.answer(numbers).scores, fitted.predict_proba(numbers.to_pandas()), atol=1e-12)
    assert (model.info.capabilities, model.info.classes, model.info.n_outputs) == (
        {"scores", "query", "stored", "trees"},
        (),
        2,
    )


def test_multiclass_booster_gives_a_column_per_class(numbers: pl.DataFrame) -> None:
    fitted = lightgbm.LGBMClassifier(**SMALL).fit(numbers.to_pandas(), np.arange(200) % 3)
    model = load(text(fitted))
    np.testing.assert_allclose(model.answer(numbers).scores, fitted.predict_proba(numbers.to_pandas()), atol=1e-12)
    assert model.info.n_outputs == 3


def test_one_versus_all_scores_are_not_passed_off_as_probabilities(numbers: pl.DataFrame) -> None:
    fitted = lightgbm.LGBMClassifier(objective="multiclassova", **SMALL).fit(numbers.to_pandas(), np.arange(200) % 3)
    model = load(text(fitted))
    assert model.info.capabilities == {"labels", "query", "stored", "trees"}
    assert model.answer(numbers).labels.tolist() == fitted.predict(numbers.to_pandas()).tolist()


def test_regression_booster_gives_values(numbers: pl.DataFrame) -> None:
    fitted = lightgbm.LGBMRegressor(**SMALL).fit(numbers.to_pandas(), numbers["a"].to_numpy())
    model = load(text(fitted))
    assert model.info.capabilities == {"values", "query", "stored", "trees"}
    np.testing.assert_allclose(model.answer(numbers).labels, fitted.predict(numbers.to_pandas()), atol=1e-12)


@pytest.fixture(scope="module")
def with_categories(mixed: pl.DataFrame, is_old: np.ndarray):
    frame = mixed.to_pandas().astype({"job": "category"})
    return lightgbm.LGBMClassifier(**SMALL).fit(
        frame, is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy()
    ), frame


def test_categories_are_coded_as_in_training(with_categories, mixed: pl.DataFrame) -> None:
    fitted, frame = with_categories
    np.testing.assert_allclose(load(text(fitted)).answer(mixed).scores, fitted.predict_proba(frame), atol=1e-12)


def test_estimator_with_categories_is_asked_through_its_booster(with_categories, mixed: pl.DataFrame) -> None:
    fitted, frame = with_categories
    model = wrap_model(fitted)
    np.testing.assert_allclose(model.predict(mixed).scores, fitted.predict_proba(frame), atol=1e-12)
    assert model.info.classes == (False, True)


def test_unseen_category_is_missing(with_categories, mixed: pl.DataFrame) -> None:
    model = load(text(with_categories[0]))
    unseen = model.answer(mixed.head(5).with_columns(job=pl.lit("astronaut")))
    missing = model.answer(mixed.head(5).with_columns(job=pl.lit(None, dtype=pl.String)))
    np.testing.assert_array_equal(unseen.scores, missing.scores)


def test_white_space_in_names_is_matched(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    spaced = numbers.rename({"a": "first column"})
    fitted = lightgbm.train(
        {"objective": "binary", "verbose": -1},
        lightgbm.Dataset(numbers.to_numpy(), is_positive, feature_name=["first_column", "b", "c"]),
        3,
    )
    model = load(fitted.model_to_string().encode())
    np.testing.assert_allclose(model.answer(spaced).scores[:, 1], fitted.predict(numbers.to_numpy()), atol=1e-12)


def test_missing_column_is_listed(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = load(text(lightgbm.LGBMClassifier(**SMALL).fit(numbers.to_pandas(), is_positive)))
    with pytest.raises(InputError, match=r"missing b; .* unknown to the model: z"):
        model.answer(numbers.rename({"b": "z"}))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_estimator_fitted_on_a_matrix_takes_columns_in_order(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = lightgbm.LGBMClassifier(**SMALL).fit(numbers.to_numpy(), is_positive)
    model = wrap_model(fitted)
    assert model.info.inputs == ()
    np.testing.assert_array_equal(model.predict(numbers).scores, fitted.predict_proba(numbers.to_pandas()))


def test_damaged_text_is_unreadable(opened) -> None:
    with pytest.raises(InputError, match=r"model\.txt: LightGBM .* cannot read this model"):
        opened(b"tree\nversion=v4\nnum_class=x\n", "model.txt")


def test_file_loads_in_the_child(opened, with_categories, mixed: pl.DataFrame) -> None:
    fitted, frame = with_categories
    model = opened(text(fitted), "model.txt")
    np.testing.assert_allclose(model.predict(mixed).scores, fitted.predict_proba(frame), atol=1e-12)


def test_estimator_with_categories_is_trained_again(with_categories, mixed: pl.DataFrame) -> None:
    fitted, frame = with_categories
    labels = fitted.predict(frame)
    rows = np.arange(mixed.height) % 3 > 0
    model = wrap_model(fitted)
    assert "refit" in model.info.capabilities
    copy = model.refit(mixed.filter(rows), labels[rows], seed=7)
    again = type(fitted)(**fitted.get_params() | {"random_state": 7}).fit(frame[rows], labels[rows])
    np.testing.assert_allclose(copy.predict(mixed).scores, again.predict_proba(frame), atol=1e-6)
    assert copy.info.classes == model.info.classes
    second = copy.refit(mixed.filter(rows), labels[rows], seed=7, settings={"max_depth": 1})
    assert np.abs(second.predict(mixed).scores - copy.predict(mixed).scores).max() > 1e-3


def test_booster_without_its_estimator_is_not_trained_again(with_categories) -> None:
    assert "refit" not in wrap_model(with_categories[0].booster_).info.capabilities
