from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check


def draw(rng: np.random.Generator, n: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "amount": rng.normal(100, 20, n),
            "weight": rng.normal(70, 9, n),
            "age": rng.integers(18, 90, n),
            "town": rng.choice(["Rome", "Oslo", "Lima"], n),
            "y": rng.choice(["no", "yes"], n),
        }
    )


def check(train: pl.DataFrame | None, test: pl.DataFrame, **options: object) -> Outcome:
    return run_check("data.near_duplicates", train=train, test=test, target="y", **options)


def measured(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def low_of(outcome: Outcome, id: str) -> float:
    interval = measured(outcome)[id].interval
    assert interval is not None
    assert interval.low is not None
    return interval.low


@pytest.fixture
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(0)
    return draw(rng, 1000), draw(rng, 500)


def test_altered_copies_are_found_and_named(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    copies = train[100:150].with_columns(amount=pl.col("amount") + 1, town=pl.col("town").str.to_uppercase())
    outcome = check(train, pl.concat([test, copies]))
    assert low_of(outcome, "excess_near_overlap") > 0.05
    pairs = outcome.tables["pairs"].filter(pl.col("test_row") >= 500)
    assert set(pairs["differs"]) == {"amount"}
    right = pairs["train_row"] == pairs["test_row"] - 400
    assert right.mean() > 0.8
    assert set(outcome.tables["affected_rows"]["row"]) >= set(range(500, 550))


def test_rows_with_several_altered_cells_are_found_and_named(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    copies = train[100:150].with_columns(age=pl.col("age") + 1, town=pl.lit("Cork"))
    outcome = check(train, pl.concat([test, copies]), changed=2)
    assert low_of(outcome, "excess_altered_overlap") > 0.05
    assert low_of(outcome, "excess_near_overlap") <= 0.0
    pairs = outcome.tables["pairs"].filter(pl.col("test_row") >= 500)
    assert set(pairs["differs"]) == {"age, town"}
    assert (pairs["train_row"] == pairs["test_row"] - 400).all()


def test_the_chance_of_finding_altered_rows_is_measured_in_the_table(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    few = measured(check(train.drop("amount"), test.drop("amount")))["altered_recall"]
    many = measured(
        check(
            train.hstack(train.select("amount", "weight").rename(lambda name: name + "2")),
            test.hstack(test.select("amount", "weight").rename(lambda name: name + "2")),
        )
    )["altered_recall"]
    assert few.value == 0.0
    assert many.value > 0.5


@pytest.mark.parametrize("changed", [1, 6])
def test_a_number_of_cells_that_is_not_searched_for_is_refused(changed: int) -> None:
    table = draw(np.random.default_rng(0), 100)
    with pytest.raises(NotApplicable, match="2 to 5"):
        check(table, table, changed=changed)


def test_exact_copies_are_left_to_another_check(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    alone, joined = check(train, test), check(train, pl.concat([test, train[:100]]))
    assert measured(joined)["near_overlap"].value == measured(alone)["near_overlap"].value


@pytest.mark.parametrize("seed", range(5))
def test_coincidence_is_not_accused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcome = check(draw(rng, 90).drop("amount", "weight"), draw(rng, 60).drop("amount", "weight"))
    assert low_of(outcome, "excess_near_overlap") <= 0.0
    assert measured(outcome)["near_overlap"].value > 0.5
    assert outcome.tables["affected_rows"].is_empty()


def test_twins_with_another_outcome_are_counted() -> None:
    train = pl.DataFrame({"a": [1, 1, 5, 9], "b": [1, 2, 5, 9], "y": ["no", "yes", "no", "no"]})
    test = pl.DataFrame({"a": [5, 7], "b": [6, 7], "y": ["no", "yes"]})
    found = measured(check(train, test))["near_conflict_share"]
    assert (found.value, found.n) == (0.5, 4)


def test_texts_sent_again_with_another_greeting_are_found() -> None:
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(300)]
    texts = [" ".join(rng.choice(words, size=40)) for _ in range(600)]
    train = pl.DataFrame({"note": texts[:400], "y": rng.choice(["no", "yes"], 400)})
    again = [f"Dear all, {text.upper()}" for text in texts[:30]]
    test = pl.DataFrame({"note": texts[400:] + again, "y": rng.choice(["no", "yes"], 230)})
    outcome = check(train, test, deployment=Deployment(text=("note",)))
    assert low_of(outcome, "excess_text_overlap.note") > 0.08
    assert sorted(outcome.tables["affected_rows"]["row"]) == list(range(200, 230))


def test_types_that_differ_between_the_tables_are_compared_as_text() -> None:
    train = pl.DataFrame({"a": ["1", "2"] * 50, "b": list(range(100)), "y": ["no", "yes"] * 50})
    test = train.with_columns(pl.col("a").cast(pl.Int64), pl.col("b") + 1000)
    found = measured(check(train, test))["near_overlap"]
    assert (found.n, found.value) == (100, 1.0)


@pytest.mark.parametrize(
    ("drop", "error"),
    [(["age", "town", "weight"], NotApplicable), ([], NotApplicable)],
    ids=["one input", "only copies"],
)
def test_what_cannot_be_told_is_said(drop: list[str], error: type[Exception]) -> None:
    train = draw(np.random.default_rng(0), 100).drop(drop)
    with pytest.raises(error):
        check(train, train)


def test_without_training_rows_it_says_what_to_give() -> None:
    with pytest.raises(NotRun, match="training"):
        check(None, draw(np.random.default_rng(0), 100))


def test_pixels_of_images_are_left_to_other_checks() -> None:
    frame = draw(np.random.default_rng(0), 30)
    with pytest.raises(NotApplicable, match="pixels"):
        run_check("data.near_duplicates", train=frame, test=frame, target="y", deployment=Deployment(modality="image"))
