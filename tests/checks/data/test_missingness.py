from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check

CHECK = "data.missingness"
SHARED = Path(__file__).parents[4] / "shared/data"


def draw(n: int = 3000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "income": rng.normal(100, 20, n),
            "job": rng.choice(["a", "b", "c"], n),
            "age": rng.integers(18, 80, n),
            "y": rng.choice(["no", "yes"], n, p=[0.7, 0.3]),
        }
    )


def without_income(frame: pl.DataFrame, chance: np.ndarray, seed: int = 1) -> pl.DataFrame:
    lost = pl.Series(np.random.default_rng(seed).random(frame.height) < chance)
    return frame.with_columns(income=pl.when(~lost).then("income"))


def found(outcome: Outcome) -> dict[str, Measured]:
    return {measured.id: measured for measured in outcome.measurements}


def test_cells_lost_by_chance_go_with_nothing() -> None:
    test = without_income(draw(), np.full(3000, 0.1))
    outcome = run_check(CHECK, test=test, target="y")
    assert found(outcome)["n_dependent_columns"].value == 0
    assert found(outcome)["gap_by_outcome"].interval.low == 0
    assert outcome.charts == ()


def test_cells_kept_back_before_an_outcome_are_found() -> None:
    frame = draw()
    test = without_income(frame, np.where(frame["y"] == "yes", 0.2, 0.05))
    outcome = run_check(CHECK, test=test, target="y")
    gap = found(outcome)["gap_by_outcome"]
    assert gap.interval.low < 0.15 < gap.interval.high
    assert "whose outcome is yes" in gap.plain
    assert outcome.tables["dependence"].row(0)[:2] == ("income", "the outcome")
    assert "cannot be proved" in outcome.assumptions[0]


def test_the_column_and_value_that_they_go_with_are_named() -> None:
    frame = draw()
    test = without_income(frame, np.where(frame["job"] == "b", 0.3, 0.05))
    outcome = run_check(CHECK, test=test, target="y")
    assert found(outcome)["n_dependent_columns"].value == 1
    assert "in which job is b" in found(outcome)["n_dependent_columns"].plain
    assert outcome.tables["beside"]["share"].to_list() == pytest.approx([0.3, 0.05], abs=0.04)


def test_the_training_table_is_examined_where_there_is_one() -> None:
    frame = draw()
    train = without_income(frame, np.where(frame["age"] < 30, 0.4, 0.05))
    outcome = run_check(CHECK, train=train, test=draw(500, seed=3), target="y")
    assert found(outcome)["n_dependent_columns"].value == 1


def test_columns_missing_together_are_no_reason_for_each_other() -> None:
    frame = draw()
    lost = pl.Series(np.random.default_rng(1).random(3000) < 0.1)
    test = frame.with_columns(pl.when(~lost).then(pl.col("income", "job")))
    assert found(run_check(CHECK, test=test, target="y"))["n_dependent_columns"].value == 0


def test_no_missing_cell_and_too_few_are_said() -> None:
    with pytest.raises(NotApplicable, match="no cell of the test table is missing"):
        run_check(CHECK, test=draw(50), target="y")
    with pytest.raises(NotRun, match="5 cells or more"):
        run_check(CHECK, test=draw(50).with_columns(income=pl.when(pl.int_range(pl.len()) > 1).then("income")))


def test_an_empty_column_is_left_to_the_schema_check() -> None:
    with pytest.raises(NotRun, match="5 or more there"):
        run_check(CHECK, test=draw(50).with_columns(job=pl.lit(None, dtype=pl.String)), target="y")


def test_numbers_as_outcomes_are_split_at_their_median() -> None:
    frame = draw().with_columns(y=pl.col("age") + pl.Series(np.random.default_rng(5).normal(size=3000)))
    test = without_income(frame, np.where(frame["y"] > 50, 0.2, 0.05))
    gap = found(run_check(CHECK, test=test, target="y"))["gap_by_outcome"]
    assert gap.interval.low > 0.05


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
def test_in_adult_the_occupation_of_part_timers_is_missing() -> None:
    from holdfast.adapters.tables.reading import read_table

    train = read_table(SHARED / "adult_train.csv", name="train").frame
    outcome = run_check(CHECK, train=train, test=train.head(100), target="income")
    assert found(outcome)["n_dependent_columns"].value == 3
    row = outcome.tables["dependence"].row(0, named=True)
    part_time = train.filter(pl.col("hours_per_week") < 35)
    assert (row["column"], row["other"], row["value"]) == ("occupation", "hours_per_week", "below 35")
    assert row["missing_there"] == part_time["occupation"].null_count()
