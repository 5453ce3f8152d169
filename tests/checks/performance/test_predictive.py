import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score

from holdfast.core.deployment import Deployment
from tests.harness import run_check


def table(n=1500, seed=0, n_classes=2):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    colour = rng.choice(["red", "green", "blue"], size=n)
    signal = a * b + (colour == "red") + 0.5 * rng.normal(size=n)
    y = np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
    return pl.DataFrame({"a": a, "b": b, "colour": colour, "y": y, "value": signal})


def with_codes(frame):
    return frame.with_columns((pl.col("colour") == "red").cast(pl.Float64).alias("colour"))


def measured(outcome):
    return {item.id: item for item in outcome.measurements}


def fitted(model, frame, target="y"):
    return model.fit(with_codes(frame).select("a", "b", "colour").to_pandas(), frame[target].to_numpy())


def run(model, *, train=None, test=None, target="y", **options):
    drop = {"y": "value", "value": "y"}[target]
    tables = {
        name: with_codes(frame).drop(drop) for name, frame in (("train", train), ("test", test)) if frame is not None
    }
    return run_check("performance.predictive", model=model, target=target, effort="quick", **tables, **options)


@pytest.fixture(scope="module")
def tables():
    return table(seed=0), table(seed=1)


@pytest.fixture(scope="module")
def good(tables):
    train, test = tables
    return run(fitted(RandomForestClassifier(20, min_samples_leaf=5, random_state=0), train), train=train, test=test)


def test_a_model_that_learned_an_interaction_beats_the_simple_one(good):
    found = measured(good)
    assert found["skill_vs_simple"].interval.low > 0.05
    assert found["skill_vs_baseline"].interval.low > 0.2
    assert found["auc"].value > 0.8


def test_a_model_that_ignores_its_inputs_is_no_better_than_the_most_frequent_class(tables):
    train, test = tables
    rng = np.random.default_rng(0)
    found = measured(run(lambda X: rng.integers(2, size=X.height), train=train, test=test))
    assert found["skill_vs_baseline"].interval.low <= 0.0
    assert found["skill_vs_simple"].interval.high < 0.0
    assert found["accuracy"].interval.low <= 0.5 <= found["accuracy"].interval.high


def test_a_simple_model_has_no_gain_over_itself(tables):
    train, test = tables
    interval = measured(run(fitted(LogisticRegression(), train), train=train, test=test))["skill_vs_simple"].interval
    assert interval.low <= 0.0 <= interval.high


def test_numbers_can_be_computed_again_from_the_rows(good):
    rows, found = good.tables["rows"], measured(good)
    assert found["accuracy"].value == pytest.approx(accuracy_score(rows["true"], rows["predicted"]))
    assert found["auc"].value == pytest.approx(roc_auc_score(rows["true"], rows["score_1"]))
    assert found["log_loss"].value == pytest.approx(log_loss(rows["true"], rows["score_1"]))
    gain = (rows["predicted"] == rows["true"]).mean() - (rows["simple"] == rows["true"]).mean()
    assert found["skill_vs_simple"].value == pytest.approx(gain)


def test_affected_rows_are_the_wrong_answers(good):
    rows = good.tables["rows"]
    wrong = rows.filter(pl.col("true") != pl.col("predicted"))["row"]
    assert set(good.tables["affected_rows"]["row"]) == set(wrong)


def test_plain_sentence_says_a_frequency_with_its_interval(good):
    accuracy = measured(good)["accuracy"]
    wrong = round(1000 * (1 - accuracy.value))
    assert accuracy.plain.startswith(f"Of 1,000 cases, about {wrong} (")


def test_the_plain_sentence_of_a_worse_model_says_fewer(tables):
    train, test = tables
    found = measured(run(lambda X: np.zeros(X.height, dtype=int), train=train, test=test))
    assert "fewer right than a simple linear model" in found["skill_vs_simple"].plain


def test_without_a_training_table_the_simple_model_is_not_trained_and_it_is_said(tables):
    outcome = run(fitted(LogisticRegression(), tables[0]), test=tables[1])
    assert "skill_vs_simple" not in measured(outcome)
    assert any("training table" in text for text in outcome.assumptions)
    assert "skill_vs_baseline" in measured(outcome)


def test_labels_alone_give_no_scores(tables):
    train, test = tables
    outcome = run(lambda X: (X["a"] > 0).cast(pl.Int64).to_numpy(), train=train, test=test)
    assert not {"auc", "log_loss", "brier"} & set(measured(outcome))
    assert any("no probabilities" in text for text in outcome.assumptions)


def test_margins_give_an_order_but_no_losses(tables):
    train, test = tables
    outcome = run(lambda X: np.column_stack((-X["a"], X["a"])), train=train, test=test)
    assert "auc" in measured(outcome)
    assert not {"log_loss", "brier"} & set(measured(outcome))


def test_a_test_table_with_one_class_has_no_auc(tables):
    train, test = tables
    outcome = run(fitted(LogisticRegression(), train), train=train, test=test.filter(pl.col("y") == 1))
    assert "auc" not in measured(outcome)
    assert any(text.startswith("auc does not exist") for text in outcome.assumptions)
    assert measured(outcome)["accuracy"].interval.high < 1.0


def test_one_test_row_gives_wide_intervals(tables):
    train, test = tables
    interval = measured(run(fitted(LogisticRegression(), train), train=train, test=test.head(1)))["accuracy"].interval
    assert interval.high - interval.low > 0.9


def test_training_rows_with_one_class_do_not_stop_the_check(tables):
    train, test = tables
    outcome = run(fitted(LogisticRegression(), train), train=train.filter(pl.col("y") == 0), test=test)
    assert "skill_vs_simple" not in measured(outcome)


def test_missing_values_and_new_levels_do_not_stop_the_simple_model():
    train = pl.DataFrame({"a": [1.0, None, 3.0, float("inf")] * 20, "c": ["x", "y", None, "x"] * 20, "y": [0, 1] * 40})
    test = pl.DataFrame({"a": [None, 2.0], "c": ["new", None], "y": [0, 1]})
    outcome = run_check(
        "performance.predictive", model=lambda X: np.zeros(X.height, dtype=int), train=train, test=test, target="y"
    )
    assert "skill_vs_simple" in measured(outcome)


def test_several_classes_are_measured():
    train, test = table(seed=0, n_classes=4), table(seed=1, n_classes=4)
    outcome = run(fitted(RandomForestClassifier(20, min_samples_leaf=5, random_state=0), train), train=train, test=test)
    found = measured(outcome)
    assert found["auc"].interval.low > 0.6
    assert outcome.tables["confusion"]["n"].sum() == 1500
    assert outcome.tables["per_class"].height == 4


def test_a_good_regression_model_beats_both_baselines(tables):
    train, test = tables
    outcome = run(
        fitted(RandomForestRegressor(20, min_samples_leaf=5, random_state=0), train, "value"),
        train=train,
        test=test,
        target="value",
    )
    found, rows = measured(outcome), outcome.tables["rows"]
    assert found["skill_vs_simple"].interval.low > 0.2
    assert found["skill_vs_baseline"].interval.low > 0.2
    assert found["r2"].value == pytest.approx(r2_score(rows["true"], rows["predicted"]))
    assert found["mae"].interval.low < found["mae"].value < found["mae"].interval.high
    assert outcome.tables["affected_rows"].height == 15


def test_a_regression_model_that_is_far_off_is_worse_than_the_mean(tables):
    train, test = tables
    deployment = Deployment(task="regression")
    outcome = run(lambda X: 10.0 * X["a"].to_numpy(), train=train, test=test, target="value", deployment=deployment)
    assert measured(outcome)["skill_vs_baseline"].interval.high < 0.0
    assert measured(outcome)["r2"].interval.high < 0.0


def test_same_seed_gives_the_same_outcome(tables):
    train, test = tables
    model = fitted(LogisticRegression(), train)
    assert run(model, train=train, test=test).measurements == run(model, train=train, test=test).measurements


def test_charts_name_columns_that_are_there(good):
    for chart in good.charts:
        assert {chart.x, chart.y, chart.low, chart.high} <= set(good.tables[chart.table].columns)
