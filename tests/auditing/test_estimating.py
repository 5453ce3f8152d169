"""Labels that come late, joined by id, and estimates from Python."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from holdfast.auditing.estimating import KEPT_PROBABILITY, estimate_performance, join_labels
from holdfast.core.errors import InputError

CASES = pl.DataFrame({"id": [1, 2, 3], "x": [0.1, 0.2, 0.3]})


def joined(labels: dict[str, list], cases: pl.DataFrame = CASES) -> tuple[list, tuple[str, ...]]:
    found, notes = join_labels(cases, pl.DataFrame(labels), target="y", id="id")
    return found["y"].to_list(), notes


def test_labels_find_their_cases_in_any_order_and_number_type() -> None:
    assert joined({"id": [3, 1], "y": ["no", "yes"]}) == (["yes", None, "no"], ())
    assert joined({"id": ["3", "1"], "y": ["no", "yes"]})[0] == ["yes", None, "no"]
    assert joined({"id": [3.0, 1.0], "y": ["no", "yes"]})[0] == ["yes", None, "no"]


def test_a_label_sent_twice_is_one_and_an_empty_one_is_none() -> None:
    assert joined({"id": [2, 2, 3], "y": ["no", "no", None]})[0] == [None, "no", None]


def test_labels_of_other_cases_are_counted() -> None:
    assert joined({"id": [2, 8, 9], "y": ["no", "no", "yes"]})[1] == (
        "2 of 3 labels belong to no case of the current table.",
    )


def test_labels_fill_what_is_empty_and_keep_what_is_there() -> None:
    cases = CASES.with_columns(y=pl.Series(["yes", None, None], dtype=pl.String))
    assert joined({"id": [1, 3], "y": ["yes", "no"]}, cases)[0] == ["yes", None, "no"]


def test_probabilities_come_along() -> None:
    found, _ = join_labels(CASES, pl.DataFrame({"id": [2], "y": ["no"], "probability": [0.25]}), target="y", id="id")
    assert found[KEPT_PROBABILITY].to_list() == [None, 0.25, None]


@pytest.mark.parametrize(
    ("labels", "cases", "message"),
    [
        ({"id": [1, 1], "y": ["no", "yes"]}, CASES, "1 ids stand more than once in the labels, such as '1'"),
        ({"id": [7], "y": ["no"]}, CASES, "none of 1 labels belongs to a case"),
        ({"id": [1], "y": ["no"]}, pl.concat([CASES, CASES]), "3 ids stand more than once in the current table"),
        ({"id": [1], "outcome": ["no"]}, CASES, "no column 'y' in the labels"),
        ({"key": [1], "y": ["no"]}, CASES, "no column 'id' in the labels"),
        ({"id": [None, 1], "y": ["no", "no"]}, CASES, "1 cells of the id 'id' are empty"),
        (
            {"id": [1], "y": ["no"]},
            CASES.with_columns(y=pl.lit("yes")),
            "contradict the current table, such as that of '1'",
        ),
    ],
)
def test_labels_that_cannot_be_joined_are_refused(labels: dict, cases: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        joined(labels, cases)


def test_labels_without_an_id_are_refused() -> None:
    with pytest.raises(InputError, match="joined by an id"):
        join_labels(CASES, CASES, target="y", id=None)


def table(n: int, seed: int, *, concept: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    start = datetime(2026, 1, 1)
    return pl.DataFrame(
        {
            "id": np.arange(n),
            "when": [start + timedelta(hours=hour) for hour in rng.permutation(n).tolist()],
            "x": x,
            "p": expit(x),
            "y": np.where(rng.random(n) < expit(concept * x), "yes", "no"),
        }
    )


def test_periods_go_by_time_and_labels_refute_a_changed_world() -> None:
    now = table(3000, 1, concept=-0.5)
    found = estimate_performance(
        table(4000, 0), now.drop("y"), "y", score_column=["p"], labels=now.sample(900, seed=0).select("id", "y"),
        id="id", time="when", every="30d", choose=40,
    )  # fmt: skip
    auc = found.periods.filter(pl.col("metric") == "auc")
    assert auc["start"].is_sorted()
    assert (auc.height, auc["n"].sum(), auc["n_labelled"].sum()) == (5, 3000, 900)
    assert auc["is_refuted"].any()
    assert "Assumption violated" in found.finding["refutation"].plain
    assert found.finding["estimated.auc"].high < 0.5
    assert found.to_label.columns == ["row", "probability", "id"]
    assert found.to_label.height == 40


def test_the_same_tables_give_the_same_estimates() -> None:
    results = [estimate_performance(table(800, 0), table(400, 1).drop("y"), "y", score_column=["p"]) for _ in range(2)]
    assert results[0].periods.equals(results[1].periods)


def test_the_error_of_a_regression_is_estimated_from_its_inputs() -> None:
    rng = np.random.default_rng(2)

    def numbers(n: int, low: float) -> pl.DataFrame:
        x = rng.uniform(low, 2.0, n)
        return pl.DataFrame({"x": x, "y": x + x * rng.normal(size=n)})

    past, now = numbers(3000, 0.0), numbers(1500, 1.0)
    found = estimate_performance(past, now.drop("y"), "y", model=lambda X: np.asarray(X)[:, 0])
    mae = found.finding["estimated.mae"]
    truth = float((now["y"] - now["x"]).abs().mean())
    assert mae.low < truth < mae.high
    rmse = found.finding["estimated.rmse"]
    assert rmse.low < float(((now["y"] - now["x"]) ** 2).mean()) ** 0.5 < rmse.high
    assert (found.periods.filter(pl.col("metric") == "mae")["standing"] == "worse").all()


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({}, {"time": "whenn"}, "no column 'whenn' as time in the current table"),
        ({}, {"id": "key"}, "no column 'key' as id"),
        ({}, {"group": "region"}, "no column 'region'"),
        ({}, {"every": "soon", "time": "when"}, "such as 7d"),
        ({"drop": "p"}, {}, "cannot answer about other rows|lacks"),
        ({"drop": "x"}, {}, "lacks 1 of the model's inputs, such as 'x'"),
        ({"rows": 0}, {}, "no rows"),
    ],
)
def test_what_cannot_be_estimated_says_why(change: dict, settings: dict, message: str) -> None:
    now = table(300, 1).drop("y")
    now = now.drop(change["drop"]) if "drop" in change else now.head(change.get("rows", 300))
    with pytest.raises(InputError, match=message):
        estimate_performance(table(400, 0), now, "y", score_column=["p"], **settings)
