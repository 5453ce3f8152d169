"""Copies of models: what is copied, for how many questions, and what the numbers lean on."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, softmax

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable, NotRun
from tests.harness import run_check


def table(rows: int = 600, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "pay": rng.normal(100, 30, rows),
            "age": rng.integers(18, 80, rows),
            "job": rng.choice(["clerk", "cook", "none"], rows),
            "y": rng.choice(["no", "yes"], rows),
        }
    )


def signal(frame: pl.DataFrame) -> np.ndarray:
    return (
        (frame["pay"].to_numpy() - 100) / 20 + (frame["age"].to_numpy() - 45) / 20 + (frame["job"] == "cook").to_numpy()
    )


def two(p: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - p, p])


MODELS: dict[str, Any] = {
    "logistic": lambda frame: two(expit(signal(frame))),
    "rounded": lambda frame: two(expit(signal(frame)).round(2)),
    "curved": lambda frame: two(expit(signal(frame) ** 2 - 2)),
    "tree": lambda frame: two(np.where(frame["pay"] > 90, np.where(frame["age"] > 50, 0.9, 0.4), 0.2)),
    "constant": lambda frame: two(np.full(frame.height, 0.3)),
    "rough": lambda frame: np.where(np.sin(9 * signal(frame)) > 0, "yes", "no"),
    "labels": lambda frame: np.where(signal(frame) > 0, "yes", "no"),
}


@cache
def run(name: str, effort: str = "quick", returns: str = "probabilities", price: float = 0.0) -> Outcome:
    return run_check(
        "privacy.extraction", model=MODELS[name], test=table(), target="y", effort=effort,
        deployment=Deployment(returns=returns), price_per_query=price,
    )  # fmt: skip


def values(outcome: Outcome) -> dict[str, float]:
    return {item.id: item.value for item in outcome.measurements}


def test_a_logistic_model_is_copied_without_a_mistake_for_its_weights_and_one() -> None:
    outcome = run("logistic")
    assert values(outcome)["fidelity"] == values(outcome)["fidelity_hard"] == 1.0
    assert values(outcome)["queries_to_95"] == 6
    assert outcome.work["queries"] == 6 + 210  # and those of rows that were made to fool the copy


def test_rounding_does_not_protect() -> None:
    assert values(run("rounded"))["fidelity"] > 0.98


def test_a_tree_is_found_where_candidates_disagree() -> None:
    outcome = run("tree")
    assert values(outcome)["fidelity"] > 0.97
    assert "disagreeing trees, probabilities" in outcome.tables["attacks"]["attack"].to_list()


def test_a_curved_model_is_learned_better_than_the_most_frequent_answer() -> None:
    found = values(run("curved"))
    assert found["fidelity"] > found["majority_agreement"] + 0.1
    assert found["fidelity_hard"] <= found["fidelity"]


def test_labels_only_are_copied_from_labels() -> None:
    outcome = run("labels")
    assert values(outcome)["fidelity"] > 0.9
    assert "fidelity_hard" not in values(outcome)
    assert any("labels only" in note for note in outcome.assumptions)


def test_a_caller_who_sees_labels_cannot_solve_equations() -> None:
    outcome = run("logistic", returns="label")
    assert "equations" not in outcome.tables["attacks"]["attack"].to_list()
    assert outcome.tables["attacks"]["queries"].min() >= 50


def test_the_copy_agrees_no_better_than_its_interval_says() -> None:
    for item in run("curved").measurements:
        assert item.interval is not None
        assert item.interval.low <= item.value <= item.interval.high


def test_the_curve_ends_at_the_measured_fidelity() -> None:
    outcome = run("curved")
    curve = outcome.tables["curve"].filter(kind="ordinary")
    assert curve["agreement"][-1] == values(outcome)["fidelity"]
    assert curve["queries"].is_sorted()


def test_an_agreement_that_is_not_reached_is_said_and_has_no_number() -> None:
    outcome = run("rough")
    assert "queries_to_95" not in values(outcome)
    assert any("not shown within 250 questions" in note for note in outcome.assumptions)


def test_what_fools_a_good_copy_fools_the_model() -> None:
    outcome = run("labels")
    found = next(item for item in outcome.measurements if item.id == "evasion_transfer")
    assert found.interval.low > 0.02
    assert "at the first try" in found.plain
    assert "evasion_transfer" in values(run("logistic"))
    assert values(run("constant", returns="label"))["evasion_transfer"] == 0.0


def test_sensitive_columns_are_not_changed_to_fool_a_model() -> None:
    outcome = run_check(
        "privacy.extraction", model=MODELS["labels"], test=table(), target="y", effort="quick",
        deployment=Deployment(sensitive=("job",), immutable=("age",), ranges={"pay": (0.0, 300.0)}),
    )  # fmt: skip
    assert values(outcome)["evasion_transfer"] < values(run("labels"))["evasion_transfer"]


def test_a_price_needs_a_tariff() -> None:
    assert "price_to_95" not in values(run("logistic"))
    assert values(run("logistic", price=0.5))["price_to_95"] == 3.0


def test_a_constant_model_is_no_secret() -> None:
    found = values(run("constant", returns="label"))
    assert found["fidelity"] == found["majority_agreement"] == 1.0


def test_finding_nothing_is_not_called_safe() -> None:
    assert "A better attack may exist" in run("curved").assumptions[-1]


def test_values_of_a_regression_are_copied_within_a_tolerance() -> None:
    class Values:
        def predict(self, X: np.ndarray) -> np.ndarray:
            return np.sin(X[:, 0]) * 3 + X[:, 1] ** 2

    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400), "y": rng.normal(size=400)})
    outcome = run_check("privacy.extraction", model=Values(), test=frame, target="y", effort="quick")
    assert values(outcome)["fidelity"] > 0.5
    assert values(outcome)["fidelity_r2"] > 0.9
    assert "the median" in outcome.measurements[0].plain


def test_a_thousand_classes_are_copied() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 1000))

    def model(frame: pl.DataFrame) -> np.ndarray:
        return softmax(frame.select("a", "b").to_numpy() @ weights, axis=1)

    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200), "y": rng.integers(0, 1000, 200)})
    outcome = run_check(
        "privacy.extraction", model=model, test=frame, target="y", effort="quick",
        deployment=Deployment(task="multiclass", classes=tuple(range(1000))),
    )  # fmt: skip
    assert values(outcome)["fidelity"] > 0.9


def test_few_test_rows_are_not_enough() -> None:
    with pytest.raises(NotRun, match="too few"):
        run_check("privacy.extraction", model=MODELS["logistic"], test=table(19), target="y")


def test_a_small_table_is_enough() -> None:
    outcome = run_check("privacy.extraction", model=MODELS["curved"], test=table(24), target="y", effort="quick")
    assert 0 <= values(outcome)["fidelity"] <= 1


def test_one_class_is_nothing_to_copy() -> None:
    with pytest.raises(NotApplicable, match="only one class"):
        run_check(
            "privacy.extraction", model=lambda frame: np.ones((frame.height, 1)),
            test=table().with_columns(y=pl.lit("no")), target="y", deployment=Deployment(task="multiclass"),
        )  # fmt: skip


def test_a_negative_price_is_refused() -> None:
    with pytest.raises(InputError, match="zero or more"):
        run("logistic", price=-1.0)


def test_the_model_is_asked_no_more_than_the_work_says() -> None:
    asked: list[int] = []

    def model(frame: pl.DataFrame) -> np.ndarray:
        asked.append(frame.height)
        return np.asarray(MODELS["curved"](frame))

    outcome = run_check("privacy.extraction", model=model, test=table(), target="y", effort="quick")
    shared = 2 * 600  # the test table, when the task is settled and for the predictions that all checks use
    assert sum(asked) - shared == outcome.work["queries"], asked
    assert len(asked) < 20
