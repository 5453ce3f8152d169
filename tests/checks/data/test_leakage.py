from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from tests.harness import run_check

ADULT = Path(__file__).parents[4] / "shared/data"


def loans(rng: np.random.Generator, n: int) -> pl.DataFrame:
    income, debt = rng.lognormal(10, 0.5, n), rng.lognormal(8, 1, n)
    risk = debt / income * 4 + rng.normal(0, 0.6, n)
    return pl.DataFrame(
        {
            "income": income.round().astype(int),
            "debt": debt,
            "job": rng.choice(["clerk", "cook", "none"], n),
            "y": np.where(risk > 0.7, "bad", "good"),
        }
    )


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


@pytest.fixture
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(0)
    return loans(rng, 1200), loans(rng, 600)


def with_copy(table: pl.DataFrame, rng: np.random.Generator, noise: float) -> pl.DataFrame:
    flip = pl.Series(rng.random(table.height) < noise)
    closed = (table["y"] == "bad") ^ flip
    return table.with_columns(closed.cast(pl.Int64).alias("closed"))


def test_a_noisy_copy_of_the_target_is_suspect(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rng = np.random.default_rng(1)
    train, test = (with_copy(table, rng, 0.02) for table in tables)
    outcome = run_check("data.leakage", train=train, test=test, target="y")
    assert values(outcome)["n_suspect_columns"] == 1
    assert outcome.tables["columns"].filter("suspect")["column"].to_list() == ["closed"]


def test_clean_tables_have_no_suspects_and_no_identifiers(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = run_check("data.leakage", train=tables[0], test=tables[1], target="y")
    assert values(outcome)["n_suspect_columns"] == 0
    assert values(outcome)["n_identifier_columns"] == 0


@pytest.mark.parametrize("kind", ["serial", "shuffled", "text"])
def test_a_planted_row_id_is_found(kind: str, tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    order = np.arange(1800) if kind == "serial" else np.random.default_rng(2).permutation(1800)
    ids = pl.Series([f"C-{i:05d}" for i in order] if kind == "text" else order)
    train, test = tables[0].with_columns(number=ids[:1200]), tables[1].with_columns(number=ids[1200:])
    outcome = run_check("data.leakage", train=train, test=test, target="y")
    assert outcome.tables["columns"].filter(pl.col("identifier") != "")["column"].to_list() == ["number"]


def test_free_text_is_no_identifier(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rng = np.random.default_rng(3)

    def remarks(n: int) -> list[str]:
        return [" ".join(rng.choice(["paid", "late", "asked", "again", "called", "twice"], 9)) for _ in range(n)]

    train, test = (table.with_columns(remark=pl.Series(remarks(table.height))) for table in tables)
    assert values(run_check("data.leakage", train=train, test=test, target="y"))["n_identifier_columns"] == 0


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_strong_honest_columns_raise_no_suspicion(load: object) -> None:
    X, y = load(return_X_y=True)  # type: ignore[operator]
    frame = pl.DataFrame(X).with_columns(y=pl.Series(y))
    rows = np.random.default_rng(0).permutation(frame.height)
    cut = int(0.65 * frame.height)
    outcome = run_check("data.leakage", train=frame[rows[:cut]], test=frame[rows[cut:]], target="y")
    assert values(outcome)["n_suspect_columns"] == 0
    assert values(outcome)["n_identifier_columns"] == 0


def test_a_copy_is_found_among_strong_honest_columns() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(4)
    leak = np.where(rng.random(y.size) < 0.02, 1 - y, y)
    frame = pl.DataFrame(X).with_columns(leak=pl.Series(leak), y=pl.Series(y))
    rows = rng.permutation(y.size)
    outcome = run_check("data.leakage", train=frame[rows[:370]], test=frame[rows[370:]], target="y")
    assert outcome.tables["columns"].filter("suspect")["column"].to_list() == ["leak"]


def test_a_leak_into_a_regression_is_found_and_the_clean_table_is_not() -> None:
    X, y = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(5)
    frame = pl.DataFrame(X).with_columns(y=pl.Series(y))
    leaky = frame.with_columns(leak=pl.Series(2.54 * y + rng.normal(0, 3, y.size)))
    found = []
    for table in (frame, leaky):
        outcome = run_check("data.leakage", train=table[:300], test=table[300:], target="y")
        found.append(outcome.tables["columns"].filter("suspect")["column"].to_list())
    assert found == [[], ["leak"]]


def test_a_category_that_names_the_class_is_suspect_for_many_classes() -> None:
    rng = np.random.default_rng(6)
    y = rng.choice(["a", "b", "c", "d"], 1500)
    frame = pl.DataFrame({"x": rng.normal(size=1500), "ward": [f"ward {label}" for label in y], "y": y})
    outcome = run_check("data.leakage", train=frame[:1000], test=frame[1000:], target="y")
    assert outcome.tables["columns"].filter("suspect")["column"].to_list() == ["ward"]


def test_training_rows_after_the_first_test_row_are_counted(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train = tables[0].with_columns(day=pl.int_range(1200))
    test = tables[1].with_columns(day=pl.int_range(900, 1500))
    outcome = run_check("data.leakage", train=train, test=test, target="y", deployment=Deployment(time="day"))
    assert values(outcome)["time_overlap"] == pytest.approx(299 / 1200)
    assert outcome.tables["affected_rows"]["row"].min() == 901


def test_a_split_by_time_has_no_overlap(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables[0].with_columns(day=pl.int_range(1200)), tables[1].with_columns(day=pl.int_range(1200, 1800))
    outcome = run_check("data.leakage", train=train, test=test, target="y", deployment=Deployment(time="day"))
    assert values(outcome)["time_overlap"] == 0


def test_groups_on_both_sides_of_the_split_are_counted(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train = tables[0].with_columns(person=pl.int_range(1200) // 4)
    test = tables[1].with_columns(person=270 + pl.int_range(600) // 4)
    outcome = run_check("data.leakage", train=train, test=test, target="y", deployment=Deployment(group="person"))
    assert values(outcome)["group_overlap"] == pytest.approx(30 / 150)
    assert outcome.tables["affected_rows"].height == 120


def test_what_was_not_given_is_absent_and_said_so(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = run_check("data.leakage", test=tables[1], target="y")
    assert set(values(outcome)) == {"n_identifier_columns"}
    assert len(outcome.assumptions) == 3


def test_a_test_table_with_one_outcome_is_said_so(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = run_check("data.leakage", train=tables[0], test=tables[1].filter(pl.col("y") == "bad"), target="y")
    assert "max_single_feature_score" not in values(outcome)
    assert any("one outcome only" in note for note in outcome.assumptions)


def test_columns_without_values_are_scored_as_saying_nothing(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = (
        table.with_columns(empty=pl.lit(None, dtype=pl.Float64), words=pl.lit(None, dtype=pl.String))
        for table in tables
    )
    columns = run_check("data.leakage", train=train, test=test, target="y").tables["columns"]
    assert columns.filter(pl.col("column").is_in(["empty", "words"]))["score"].to_list() == [0.0, 0.0]


@pytest.mark.skipif(not ADULT.is_dir(), reason="the shared data is not here")
def test_adult_is_clean_and_its_planted_leaks_are_found() -> None:
    rng = np.random.default_rng(7)
    train, test = (pl.read_csv(ADULT / f"adult_{part}.csv") for part in ("train", "test"))
    clean = values(run_check("data.leakage", train=train, test=test, target="income"))
    assert (clean["n_suspect_columns"], clean["n_identifier_columns"]) == (0, 0)
    ids = rng.permutation(train.height + test.height)
    planted = []
    for table, part in ((train, ids[: train.height]), (test, ids[train.height :])):
        copy = (table["income"] == ">50K") ^ pl.Series(rng.random(table.height) < 0.02)
        planted.append(table.with_columns(copy=copy.cast(pl.Int64), number=pl.Series(part)))
    columns = run_check("data.leakage", train=planted[0], test=planted[1], target="income").tables["columns"]
    assert columns.filter("suspect")["column"].to_list() == ["copy"]
    assert columns.filter(pl.col("identifier") != "")["column"].to_list() == ["number"]


@pytest.mark.slow
def test_clean_tables_raise_no_alarm_in_a_hundred_draws() -> None:
    rng = np.random.default_rng(8)
    for _ in range(100):
        found = values(run_check("data.leakage", train=loans(rng, 400), test=loans(rng, 200), target="y"))
        assert (found["n_suspect_columns"], found["n_identifier_columns"]) == (0, 0)


@pytest.mark.slow
def test_a_noisy_copy_is_found_in_nearly_every_draw() -> None:
    rng = np.random.default_rng(9)
    hits = 0
    for _ in range(100):
        train, test = (with_copy(loans(rng, n), rng, 0.02) for n in (400, 200))
        hits += values(run_check("data.leakage", train=train, test=test, target="y"))["n_suspect_columns"] == 1
    assert hits >= 90


def test_a_pixel_that_gives_the_class_away_is_named_by_its_place() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((600, 6, 6)), rng.integers(0, 2, 600)
    x[:, 5, 0] = y  # a mark in the corner
    frame = pl.DataFrame({f"p{place}": cells for place, cells in enumerate(x.reshape(600, -1).T)} | {"y": y})
    deployment = Deployment(modality="image")
    outcome = run_check("data.leakage", train=frame[:300], test=frame[300:], target="y", deployment=deployment)
    found = {item.id: item for item in outcome.measurements}
    assert found["n_suspect_columns"].value == 1
    assert found["n_suspect_columns"].plain == "1 of 36 pixels give the target away: row 6, column 1."
