from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.opening import wrap_model
from holdfast.adapters.models.xgboost import load
from holdfast.core.errors import InputError

xgboost = pytest.importorskip("xgboost")
SMALL = {"n_estimators": 5, "nthread": 1}


def saved(fitted, kind: str = "ubj") -> bytes:
    return bytes(fitted.get_booster().save_raw(kind))


@pytest.mark.parametrize("kind", ["ubj", "json"])
def test_binary_booster_gives_two_score_columns(kind: str, numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    fitted = xgboost.XGBClassifier(**SMALL).fit(numbers.to_pandas(), is_positive)
    model = load(saved(fitted, kind))
    np.testing.assert_allclose(model.answer(numbers).scores, fitted.predict_proba(numbers.to_pandas()), atol=1e-6)
    assert (model.info.capabilities, model.info.inputs) == ({"scores", "query", "stored", "trees"}, ("a", "b", "c"))


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_multiclass_booster_gives_probabilities(objective: str, numbers: pl.DataFrame) -> None:
    data = xgboost.DMatrix(numbers.to_numpy(), np.arange(200) % 3, nthread=1)
    trained = xgboost.train({"objective": objective, "num_class": 3, "nthread": 1}, data, 4)
    reference = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 4)
    model = load(bytes(trained.save_raw("ubj")))
    np.testing.assert_allclose(model.answer(numbers).scores, reference.predict(data), atol=1e-5)
    assert model.info.n_outputs == 3


def test_raw_logits_become_probabilities(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    data = xgboost.DMatrix(numbers.to_numpy(), is_positive, nthread=1)
    trained = xgboost.train({"objective": "binary:logitraw", "nthread": 1}, data, 4)
    expected = 1 / (1 + np.exp(-trained.predict(data).astype(float)))
    np.testing.assert_allclose(load(bytes(trained.save_raw("ubj"))).answer(numbers).scores[:, 1], expected, atol=1e-9)


def test_hinge_gives_labels(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    data = xgboost.DMatrix(numbers.to_numpy(), is_positive, nthread=1)
    trained = xgboost.train({"objective": "binary:hinge", "nthread": 1}, data, 4)
    model = load(bytes(trained.save_raw("ubj")))
    assert model.info.capabilities == {"labels", "query", "stored", "trees"}
    assert model.answer(numbers).labels.tolist() == trained.predict(data).astype(int).tolist()


def test_regression_booster_gives_values(numbers: pl.DataFrame) -> None:
    fitted = xgboost.XGBRegressor(**SMALL).fit(numbers.to_pandas(), numbers["a"].to_numpy())
    model = load(saved(fitted))
    assert model.info.capabilities == {"values", "query", "stored", "trees"}
    np.testing.assert_allclose(model.answer(numbers).labels, fitted.predict(numbers.to_pandas()), atol=1e-6)


@pytest.fixture(scope="module")
def with_categories(mixed: pl.DataFrame, is_old: np.ndarray):
    frame = mixed.to_pandas().astype({"job": "category"})
    labels = is_old ^ (mixed["job"] == "cook").fill_null(False).to_numpy()
    return xgboost.XGBClassifier(enable_categorical=True, **SMALL).fit(frame, labels), frame


@pytest.mark.parametrize("kind", ["ubj", "json"])
def test_categories_are_coded_as_in_training(kind: str, with_categories, mixed: pl.DataFrame) -> None:
    fitted, frame = with_categories
    np.testing.assert_allclose(load(saved(fitted, kind)).answer(mixed).scores, fitted.predict_proba(frame), atol=1e-6)


def test_estimator_with_categories_is_asked_through_its_booster(with_categories, mixed: pl.DataFrame) -> None:
    fitted, frame = with_categories
    np.testing.assert_allclose(wrap_model(fitted).predict(mixed).scores, fitted.predict_proba(frame), atol=1e-6)


def test_estimator_file_that_stopped_early_uses_its_best_round(numbers, is_positive, tmp_path) -> None:
    fitted = xgboost.XGBClassifier(n_estimators=60, learning_rate=1.0, early_stopping_rounds=2, nthread=1)
    X = numbers.to_pandas()
    fitted.fit(X[:100], is_positive[:100], eval_set=[(X[100:], is_positive[100:])], verbose=False)
    fitted.save_model(tmp_path / "model.ubj")
    model = load((tmp_path / "model.ubj").read_bytes())
    np.testing.assert_allclose(model.answer(numbers).scores, fitted.predict_proba(X), atol=1e-6)
    assert any("stopped early" in note for note in model.info.notes)


def test_missing_column_is_listed(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = load(saved(xgboost.XGBClassifier(**SMALL).fit(numbers.to_pandas(), is_positive)))
    with pytest.raises(InputError, match=r"missing b; .* unknown to the model: z"):
        model.answer(numbers.rename({"b": "z"}))


def test_damaged_file_is_unreadable(opened) -> None:
    with pytest.raises(InputError, match=r"model\.json: XGBoost .* cannot read this model"):
        opened(b'{"learner": {"attributes": 7}}', "model.json")


def test_file_loads_in_the_child(opened, with_categories, mixed: pl.DataFrame) -> None:
    fitted, frame = with_categories
    model = opened(saved(fitted), "model.ubj")
    np.testing.assert_allclose(model.predict(mixed).scores, fitted.predict_proba(frame), atol=1e-6)


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
    assert "refit" not in wrap_model(with_categories[0].get_booster()).info.capabilities
