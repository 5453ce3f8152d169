"""Attribute inference, through the check: found where a model learnt people by heart, not where it did not."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable, NotRun
from tests.harness import SimpleModel, run_check

CHECK = "privacy.attribute"
SEX = Deployment(sensitive=("sex",))


def people(seed: int, n: int = 400) -> pl.DataFrame:
    """Sex (0 or 1) shows a little in job and in the outcome; pay has nothing to do with it."""
    rng = np.random.default_rng(seed)
    sex, job = rng.integers(0, 2, n), rng.integers(0, 3, n)
    job = np.where(rng.random(n) < 0.2, sex, job)
    y = (rng.normal(size=n) + 0.3 * sex + 0.2 * job > 0.4).astype(int)
    return pl.DataFrame(
        {"sex": sex, "job": job, "pay": rng.normal(100, 20, n).round(), "age": rng.integers(18, 80, n), "y": y}
    )


def fitted(estimator: Any, table: pl.DataFrame, target: str = "y") -> Any:
    frame = table.to_pandas()
    return estimator.fit(frame.drop(columns=target), frame[target])


def run(
    model: Any, train: pl.DataFrame | None, test: pl.DataFrame, deployment: Deployment = SEX, **more: Any
) -> Outcome:
    return run_check(CHECK, model=model, train=train, test=test, target="y", deployment=deployment, **more)


def found(outcome: Outcome) -> dict[str, Any]:
    return {item.id: item for item in outcome.measurements}


TRAIN, TEST = people(0), people(1, 600)
OVERFIT = DecisionTreeClassifier(random_state=0, max_features=1)


def test_a_tree_without_limits_gives_the_attribute_of_its_training_data_away() -> None:
    outcome = run(fitted(OVERFIT, TRAIN), TRAIN, TEST)
    leak = found(outcome)["training_leakage.sex"]
    assert leak.interval.low > 0.0
    assert found(outcome)["advantage.sex"].interval.low > 0.0
    assert outcome.tables["affected_rows"].height > 10
    assert "names sex rightly for" in found(outcome)["advantage.sex"].plain


def test_labels_alone_give_it_away_too() -> None:
    told = Deployment(sensitive=("sex",), returns="label")
    assert found(run(fitted(OVERFIT, TRAIN), TRAIN, TEST, told))["training_leakage.sex"].interval.low > 0.0


def test_a_model_of_other_people_gives_nothing_away() -> None:
    leak = found(run(fitted(OVERFIT, people(7)), TRAIN, TEST))["training_leakage.sex"]
    assert leak.interval.low <= 0.0 <= leak.interval.high


def test_a_linear_model_gives_nothing_away() -> None:
    leak = found(run(fitted(LogisticRegression(max_iter=1000), TRAIN), TRAIN, TEST))["training_leakage.sex"]
    assert leak.interval.low <= 0.0 <= leak.interval.high


def test_a_regression_is_attacked_by_its_errors() -> None:
    def with_amounts(table: pl.DataFrame) -> pl.DataFrame:
        return table.with_columns(y=pl.Series(np.random.default_rng(table.height).normal(size=table.height)))

    train, test = with_amounts(TRAIN), with_amounts(TEST)
    assert (
        found(run(fitted(DecisionTreeRegressor(max_features=1, random_state=0), train), train, test))[
            "training_leakage.sex"
        ].interval.low
        > 0.0
    )
    constant = found(run(fitted(KNeighborsRegressor(400), train), train, test))["training_leakage.sex"]
    assert constant.value == 0.0


def test_numbers_are_guessed_in_groups() -> None:
    outcome = run(fitted(OVERFIT, TRAIN), TRAIN, TEST, columns=("age",))
    assert {"advantage.sex", "advantage.age", "training_leakage.age"} <= set(found(outcome))
    assert any("age was guessed as one of 4 groups" in note for note in outcome.assumptions)
    assert outcome.tables["leakage"]["holm_p"].to_list() >= outcome.tables["leakage"]["p_value"].to_list()


def test_without_a_training_table_the_advantage_is_that_on_other_people() -> None:
    outcome = run(fitted(OVERFIT, TRAIN), None, TEST)
    assert set(found(outcome)) == {"advantage.sex"}
    assert "not trained on" in found(outcome)["advantage.sex"].plain


def test_an_attribute_that_is_no_input_is_not_attacked() -> None:
    train, test = TRAIN.drop("sex"), TEST
    with pytest.raises(NotApplicable, match="does not take"):
        run(fitted(OVERFIT, train), TRAIN, test)
    both = Deployment(sensitive=("sex", "job"))
    outcome = run(fitted(OVERFIT, train), TRAIN, test, both)
    assert set(found(outcome)) == {"advantage.job", "training_leakage.job"}
    assert any("No input of the model" in note for note in outcome.assumptions)


def test_nothing_named_is_not_run_and_a_wrong_name_is_refused() -> None:
    with pytest.raises(NotRun, match="no sensitive"):
        run(fitted(OVERFIT, TRAIN), TRAIN, TEST, Deployment())
    with pytest.raises(InputError, match="no input"):
        run(fitted(OVERFIT, TRAIN), TRAIN, TEST, columns=("sexe",))
    with pytest.raises(InputError, match="n_quantiles=1"):
        run(fitted(OVERFIT, TRAIN), TRAIN, TEST, n_quantiles=1)


def test_one_value_is_not_applicable() -> None:
    constant = pl.lit(1).alias("sex")
    with pytest.raises(NotApplicable, match="two values"):
        run(fitted(OVERFIT, TRAIN), TRAIN, TEST.with_columns(constant))


def answering(n_classes: int) -> SimpleModel:
    def scores(frame: pl.DataFrame) -> np.ndarray:
        return np.full((frame.height, n_classes), 1.0 / n_classes)

    return SimpleModel(scores)


def test_all_missing_is_said() -> None:
    gone = TRAIN.with_columns(pl.lit(None, dtype=pl.Int64).alias("sex"))
    with pytest.raises(NotRun, match="no people whose attribute is known"):
        run(answering(2), gone, TEST)
    with pytest.raises(NotApplicable, match="two values"):
        run(answering(2), TRAIN, TEST.with_columns(pl.lit(None, dtype=pl.Int64).alias("sex")))


@pytest.mark.parametrize("n", [1, 2, 12])
def test_tables_too_small_to_impute_from_are_said_to_be(n: int) -> None:
    with pytest.raises(NotApplicable, match="two values"):
        run(answering(2), TRAIN.head(n), TEST.head(n), Deployment(sensitive=("sex",), classes=(0, 1)))


def test_a_small_table_gives_a_long_interval() -> None:
    advantage = found(run(answering(2), TRAIN.head(25), TEST.head(25)))["advantage.sex"]
    assert advantage.value == 0.0
    assert advantage.interval.high > 0.1


def test_a_thousand_classes_are_no_obstacle() -> None:
    train, test = (table.with_columns(y=pl.Series(np.arange(table.height) % 1000)) for table in (TRAIN, TEST))
    deployment = Deployment(sensitive=("sex",), classes=tuple(range(1000)), task="multiclass")
    outcome = run(answering(1000), train, test, deployment)
    assert found(outcome)["training_leakage.sex"].value == 0.0


def test_texts_with_gaps_and_truth_values_are_attacked() -> None:
    def worded(table: pl.DataFrame) -> pl.DataFrame:
        sex = pl.when(pl.int_range(pl.len()) % 9 == 0).then(None).when(pl.col("sex") == 1).then(pl.lit("f"))
        return table.with_columns(sex=sex.otherwise(pl.lit("m")), job=pl.col("job") > 1)

    outcome = run(answering(2), worded(TRAIN), worded(TEST), Deployment(sensitive=("sex", "job")))
    assert found(outcome)["advantage.sex"].n == 400 - 45
    assert found(outcome)["advantage.job"].value == 0.0


def test_no_value_of_the_attribute_stands_in_the_evidence() -> None:
    outcome = run(fitted(OVERFIT, TRAIN), TRAIN, TEST)
    assert set(outcome.tables["rows"].columns) == {"attribute", "people", "row", "with_model", "without_model"}


def test_queries_are_bounded_by_effort() -> None:
    model = SimpleModel(fitted(OVERFIT, TRAIN))
    outcome = run(model, TRAIN, TEST, effort="quick", columns=("age", "job"))
    questions = outcome.work["points"] // 3 * (2 + 8 + 3)
    assert model.queries <= questions <= 4000
    # sex and job of a person are among the values that are guessed: as they are, people are asked about once
    assert model.queries <= questions - outcome.work["points"] // 3


@pytest.mark.slow
def test_models_of_other_people_raise_no_alarm_more_often_than_stated() -> None:
    """60 models: lower ends above 0 in at most 2.5 % of them, with room for three standard errors."""
    alarms = []
    for seed in range(60):
        model = fitted(DecisionTreeClassifier(max_features=1, random_state=seed), people(1000 + seed))
        leak = found(run(model, people(2000 + seed), people(3000 + seed, 600), seed=seed))["training_leakage.sex"]
        alarms.append(leak.interval.low > 0.0)
    assert np.mean(alarms) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 60)
