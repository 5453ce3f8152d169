from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check


def draw(seed: int, n: int = 1500) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    income, town = rng.normal(size=n), rng.choice(["Rome", "Oslo", "Lima"], n)
    y = income + 0.5 * (town == "Rome") + rng.logistic(size=n) > 0
    due = rng.lognormal(6, 1, n)
    return pl.DataFrame({"income": income, "town": town, "due": due, "y": np.where(y, "good", "bad")})


def paid(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add what was paid in the end: all of it where the outcome was good, and a little less otherwise."""
    share = 1.0 - 0.2 * np.random.default_rng(seed).random(frame.height)
    good = pl.col("y") == "good"
    return frame.with_columns(paid=pl.when(good).then(pl.col("due")).otherwise(pl.col("due") * pl.Series(share)))


def check(train: pl.DataFrame | None, test: pl.DataFrame, **options: object) -> Outcome:
    return run_check("data.leaking_pairs", train=train, test=test, target="y", **options)


def measured(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def test_two_amounts_that_settle_the_outcome_by_being_equal_are_named() -> None:
    found = measured(check(paid(draw(0), 2), paid(draw(1), 3)))
    assert found["n_suspect_pairs"].value == 1
    assert "due and paid" in found["n_suspect_pairs"].plain
    assert found["max_pair_score"].value > 0.99


def test_two_codes_that_settle_it_only_together_are_named() -> None:
    def coded(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
        key = np.random.default_rng(seed).integers(8, size=frame.height)
        answer = (frame["y"] == "good").to_numpy().astype(int)
        return frame.with_columns(key=pl.Series(key), lock=pl.Series((key + answer) % 8))

    found = measured(check(coded(draw(0), 2), coded(draw(1), 3)))
    assert "key and lock" in found["n_suspect_pairs"].plain


@pytest.mark.parametrize("seed", range(4))
def test_honest_inputs_are_not_accused(seed: int) -> None:
    found = measured(check(draw(2 * seed), draw(2 * seed + 1)))
    assert found["n_suspect_pairs"].value == 0
    interval = found["max_pair_score"].interval
    assert interval is not None
    assert interval.low is not None
    assert interval.low < found["max_pair_score"].value < 0.8


def test_numbers_as_outcome() -> None:
    def of_numbers(seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        a, b = rng.normal(size=(2, 1500))
        return pl.DataFrame({"a": a, "b": b, "c": rng.normal(size=1500), "y": np.sign(a * b) + 0.01 * rng.random(1500)})

    found = measured(check(of_numbers(0), of_numbers(1)))
    assert "'a' and 'b'" in found["max_pair_score"].plain
    assert found["max_pair_score"].value > 0.5


def test_of_a_wide_table_the_inputs_that_say_most_alone_are_paired() -> None:
    outcome = check(draw(0), draw(1), max_columns=2)
    assert set(outcome.tables["pairs"]["pair"]) == {"income and town"}
    assert "2 of 3 inputs" in outcome.assumptions[0]


def test_one_input_has_no_pairs() -> None:
    with pytest.raises(NotApplicable, match="two inputs"):
        check(draw(0).select("income", "y"), draw(1).select("income", "y"))


def test_one_outcome_cannot_be_told_apart() -> None:
    with pytest.raises(NotRun, match="one outcome"):
        check(draw(0), draw(1).filter(pl.col("y") == "good"))


def test_pixels_of_images_are_left_to_other_checks() -> None:
    frame = draw(0)
    with pytest.raises(NotApplicable, match="pixels"):
        run_check("data.leaking_pairs", train=frame, test=frame, target="y", deployment=Deployment(modality="image"))
