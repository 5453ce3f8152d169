from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check


def table(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = np.where(x @ [3.0, -2.0, 1.0] + 0.5 * rng.logistic(size=n) > 0, "yes", "no")
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})


def turned(frame: pl.DataFrame, every: int) -> pl.DataFrame:
    turn = pl.int_range(pl.len()) % every == 0
    other = pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    return frame.with_columns(pl.when(turn).then(other).otherwise(pl.col("y")).alias("y"))


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


def test_turned_outcomes_are_found_in_both_tables() -> None:
    train, test = table(0, 3000), table(1, 2000)
    model = LogisticRegression().fit(train.select("a", "b", "c").to_pandas(), train["y"].to_list())
    outcome = run_check("data.labels", model=model, train=turned(train, 25), test=turned(test, 20), target="y")
    found = values(outcome)
    assert 0.015 < found["mislabelled_share_train"] < 0.05  # the copies imitate some of the errors
    assert found["mislabelled_share_test"] == pytest.approx(0.05, abs=0.015)
    suspects = outcome.tables["suspects"].filter("suspect")
    for name, every, precision in (("train", 25, 0.6), ("test", 20, 0.75)):
        rows = suspects.filter(pl.col("table") == name)["row"]
        assert (rows % every == 0).mean() > precision, name
    assert outcome.tables["affected_rows"].height == suspects.height
    assert outcome.tables["affected_rows"]["reason"][0].startswith("given ")


def test_honest_outcomes_are_left_alone() -> None:
    train, test = table(2, 3000), table(3, 2000)
    model = LogisticRegression().fit(train.select("a", "b", "c").to_pandas(), train["y"].to_list())
    outcome = run_check("data.labels", model=model, train=train, test=test, target="y")
    for measured in outcome.measurements:
        if measured.interval is not None:
            assert measured.interval.low is not None
            assert measured.interval.low <= 0.001, measured
    assert outcome.tables["affected_rows"].height < 15


def test_tables_alone_are_enough() -> None:
    outcome = run_check("data.labels", train=turned(table(4, 2000), 20), test=table(5, 500), target="y")
    assert values(outcome)["n_suspects_train"] > 25
    assert any("stand-ins" in note for note in outcome.assumptions)


def test_rows_of_a_group_do_not_vouch_for_each_other() -> None:
    frame = turned(table(6, 1000), 10)
    twice = pl.concat([frame.with_row_index("person"), frame.with_row_index("person")])
    for columns, deployment in (
        (["a", "b", "c", "y"], Deployment()),
        (["person", "a", "b", "c", "y"], Deployment(group="person")),
    ):
        outcome = run_check(
            "data.labels", train=twice.select(columns), test=twice.select(columns), target="y", deployment=deployment
        )
        suspects = outcome.tables["suspects"].filter("suspect", pl.col("table") == "train")["row"].to_list()
        wrong = {row for row in range(2000) if row % 1000 % 10 == 0}
        assert len(wrong & set(suspects)) > 90


def test_wrong_numbers_are_found() -> None:
    rng = np.random.default_rng(7)
    x = rng.uniform(0, 10, 3000)
    frame = pl.DataFrame({"x": x, "price": 100 * x + rng.normal(0, 5, 3000)})
    slipped = frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 50 == 7).then(pl.col("price") * 10).otherwise(pl.col("price")).alias("price")
    )
    outcome = run_check("data.labels", train=slipped, test=frame.head(200), target="price")
    rows = outcome.tables["suspects"].filter("suspect", pl.col("table") == "train")["row"]
    assert len(rows) > 45
    assert (rows % 50 == 7).mean() > 0.8


def test_same_seed_same_answer() -> None:
    frames = {"train": turned(table(8, 600), 20), "test": turned(table(9, 300), 20)}
    first, second = (run_check("data.labels", **frames, target="y").tables["suspects"] for _ in range(2))
    assert first.equals(second)


def test_what_cannot_be_judged_says_so() -> None:
    with pytest.raises(NotRun, match="50 rows"):
        run_check("data.labels", train=table(0, 20), test=table(1, 20), target="y")
    with pytest.raises(NotApplicable, match="no input columns"):
        run_check("data.labels", train=table(0, 99).select("y"), test=table(1, 99).select("y"), target="y")
