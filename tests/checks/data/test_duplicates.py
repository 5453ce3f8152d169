from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from tests.harness import run_check


def draw(rng: np.random.Generator, n: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "amount": rng.normal(100, 20, n),
            "town": rng.choice(["Rome", "Oslo", "Lima"], n),
            "y": rng.choice(["no", "yes"], n),
        }
    )


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


def low_of(outcome: Outcome, id: str) -> float:
    interval = next(m.interval for m in outcome.measurements if m.id == id)
    assert interval is not None
    assert interval.low is not None
    return interval.low


@pytest.fixture
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(0)
    return draw(rng, 1000), draw(rng, 500)


def test_planted_copies_are_found_and_named(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    outcome = run_check("data.duplicates", train=train, test=pl.concat([train[5:30], test]), target="y")
    assert values(outcome)["excess_overlap"] == pytest.approx(25 / 525)
    assert low_of(outcome, "excess_overlap") > 0.02
    affected = outcome.tables["affected_rows"]
    assert affected["row"].to_list() == list(range(25))
    assert affected["reason"][0] == "the same as training row 5"


def test_a_clean_split_shows_no_overlap(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    outcome = run_check("data.duplicates", train=train, test=test, target="y")
    assert values(outcome)["train_test_overlap"] == 0
    assert low_of(outcome, "excess_overlap") <= 0


def test_copies_are_found_behind_spelling_and_rounding(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    copies = train[:20].with_columns(pl.format("  {} ", pl.col("town").str.to_uppercase()), pl.col("amount") + 1e-13)
    outcome = run_check(
        "data.duplicates", train=train, test=pl.concat([copies.select(train.columns), test]), target="y"
    )
    assert values(outcome)["train_test_overlap"] == pytest.approx(20 / 520)


def test_coincidence_in_a_table_of_few_values_is_no_excess() -> None:
    rng = np.random.default_rng(1)
    train, test = (
        pl.DataFrame({name: rng.integers(0, 2, n) for name in ("a", "b", "c")} | {"y": rng.choice(["n", "y"], n)})
        for n in (800, 400)
    )
    outcome = run_check("data.duplicates", train=train, test=test, target="y")
    assert values(outcome)["train_test_overlap"] == 1
    assert low_of(outcome, "excess_overlap") <= 0


def test_missing_cells_match_missing_cells() -> None:
    row = pl.DataFrame({"a": [None, 1.0], "b": ["x", None], "y": ["n", "y"]})
    outcome = run_check("data.duplicates", train=row, test=row, target="y")
    assert values(outcome)["train_test_overlap"] == 1


def test_infinite_numbers_can_be_compared() -> None:
    rows = pl.DataFrame({"a": [float("inf"), float("-inf"), 1.0], "y": ["n", "y", "n"]})
    outcome = run_check("data.duplicates", train=rows, test=rows, target="y")
    assert values(outcome)["train_test_overlap"] == 1
    assert values(outcome)["duplicate_share_test"] == 0


def test_equal_inputs_with_different_outcomes_are_counted() -> None:
    rows = pl.DataFrame({"a": [1, 1, 2, 3], "y": ["n", "y", "n", "n"]})
    outcome = run_check("data.duplicates", test=rows, target="y")
    assert values(outcome)["conflicting_label_share"] == 0.5


def test_repeats_within_a_table_are_counted() -> None:
    rows = pl.DataFrame({"a": [1, 1, 1, 2], "y": ["n", "n", "n", "n"]})
    assert values(run_check("data.duplicates", train=rows, test=rows, target="y"))["duplicate_share_train"] == 0.5


def test_without_a_training_table_the_overlap_is_absent_and_said_so(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = run_check("data.duplicates", test=tables[1], target="y")
    assert set(values(outcome)) == {"duplicate_share_test", "conflicting_label_share"}
    assert any("Without a training table" in note for note in outcome.assumptions)


def test_without_a_target_the_inputs_are_compared(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = (table.drop("y") for table in tables)
    outcome = run_check("data.duplicates", train=train, test=pl.concat([train[:10], test]))
    assert values(outcome)["train_test_overlap"] == pytest.approx(10 / 510)


def test_columns_of_different_type_are_compared_by_value() -> None:
    train = pl.DataFrame({"a": [1, 2, 3], "y": ["n", "y", "n"]})
    test = pl.DataFrame({"a": [1.0, 2.5, 3.0], "y": ["n", "y", "n"]})
    assert values(run_check("data.duplicates", train=train, test=test, target="y"))[
        "train_test_overlap"
    ] == pytest.approx(2 / 3)


def test_a_training_table_repeated_on_purpose_is_pointed_out(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    outcome = run_check("data.duplicates", train=pl.concat([train, train]), test=test, target="y")
    assert any("repeated on purpose" in note for note in outcome.assumptions)


def test_one_row_each_can_be_compared() -> None:
    row = pl.DataFrame({"a": [1], "y": [0]})
    assert values(run_check("data.duplicates", train=row, test=row, target="y"))["train_test_overlap"] == 1


def test_no_test_table_is_not_run(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    with pytest.raises(NotRun, match="no test table"):
        run_check("data.duplicates", train=tables[0], target="y")
