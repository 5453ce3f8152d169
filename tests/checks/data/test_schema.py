from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from tests.harness import run_check

SHARED = Path(__file__).parents[4] / "shared/data"


def draw(rng: np.random.Generator, n: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "hours": rng.integers(10, 60, n),
            "amount": rng.lognormal(5, 1, n),
            "town": rng.choice(["Rome", "Oslo", "Lima"], n),
            "member": rng.random(n) < 0.5,
            "y": rng.choice(["no", "yes"], n),
        }
    )


@pytest.fixture
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(0)
    return draw(rng, 1000), draw(rng, 500)


def check(train: pl.DataFrame | None, test: pl.DataFrame, **options: object) -> Outcome:
    return run_check("data.schema", train=train, test=test, target="y", **options)  # type: ignore[arg-type]


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


def low_of(outcome: Outcome, id: str) -> float:
    interval = next(m.interval for m in outcome.measurements if m.id == id)
    assert interval is not None
    assert interval.low is not None
    return interval.low


def spoil(table: pl.DataFrame, name: str, values: object, rows: int) -> pl.DataFrame:
    return table.with_columns(pl.when(pl.int_range(pl.len()) < rows).then(values).otherwise(pl.col(name)).alias(name))


def test_a_clean_split_has_nothing_to_report(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = check(*tables)
    found = values(outcome)
    assert low_of(outcome, "violation_share") < 0.002
    assert low_of(outcome, "missing_share_gap") == 0
    assert all(found[id] == 0 for id in found if id.startswith("n_"))


@pytest.mark.parametrize("factor", [1000, 0.001])
def test_a_unit_error_is_found_and_its_rows_named(factor: float, tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    outcome = check(train, spoil(test, "hours", pl.col("hours") * factor, 40))
    assert values(outcome)["violation_share"] == pytest.approx(0.08, abs=0.004)
    assert low_of(outcome, "violation_share") > 0.05
    affected = outcome.tables["affected_rows"].filter(pl.col("reason").str.starts_with("hours"))
    assert affected["row"].to_list() == list(range(40))


def test_a_category_never_seen_is_found(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = check(tables[0], spoil(tables[1], "town", pl.lit("Atlantis"), 25))
    assert values(outcome)["n_unseen_categories"] == 1
    assert values(outcome)["violation_share"] == pytest.approx(0.05, abs=0.004)


def test_a_column_that_keeps_bringing_new_words_is_exempt(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rng = np.random.default_rng(1)
    train, test = (t.with_columns(name=pl.Series(rng.integers(0, 10**9, t.height)).cast(pl.String)) for t in tables)
    assert values(check(train, test))["n_unseen_categories"] == 0


def test_a_column_of_numbers_that_became_text_is_a_mismatch(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    outcome = check(train, spoil(test.with_columns(pl.col("hours").cast(pl.String)), "hours", pl.lit("forty"), 10))
    assert values(outcome)["n_type_mismatches"] == 1
    assert values(outcome)["violation_share"] == pytest.approx(0.02, abs=0.004)


def test_cells_of_another_kind_break_the_rule(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = tables
    outcome = check(train, test.with_columns(member=pl.lit("yes")))
    assert values(outcome)["n_type_mismatches"] == 1
    assert values(outcome)["violation_share"] == 1


def test_cells_that_went_missing_are_found(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = check(tables[0], spoil(tables[1], "amount", None, 100))
    assert values(outcome)["missing_share_gap"] == pytest.approx(0.2)
    assert low_of(outcome, "missing_share_gap") > 0.1


def test_constant_empty_and_infinite_cells_are_counted(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = (
        table.with_columns(same=pl.lit(1), nothing=pl.lit(None, dtype=pl.Float64), far=pl.lit(float("inf")))
        for table in tables
    )
    found = values(check(train, test))
    assert found["n_constant_columns"] == 2
    assert found["n_empty_columns"] == 1
    assert found["n_non_finite_cells"] == 1500
    assert found["violation_share"] == 1


def test_a_stated_range_is_taken_as_it_is(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    outcome = check(*tables, deployment=Deployment(ranges={"hours": (10.0, 30.0)}))
    assert values(outcome)["violation_share"] == pytest.approx((tables[1]["hours"] > 30).mean(), abs=0.004)


def test_without_a_training_table_only_the_columns_alone_are_examined(
    tables: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    outcome = check(None, tables[1])
    assert set(values(outcome)) == {"n_constant_columns", "n_empty_columns", "n_non_finite_cells"}
    assert any("Without a training table" in note for note in outcome.assumptions)


def test_one_row_can_be_compared() -> None:
    row = pl.DataFrame({"a": [1.0], "b": ["x"], "y": [0]})
    assert values(check(row, row))["violation_share"] == 0


def test_dates_are_compared_by_kind(tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = (table.with_columns(day=pl.date(2026, 1, 1)) for table in tables)
    assert values(check(train, test))["n_type_mismatches"] == 0


def test_clean_splits_of_many_skewed_columns_stay_below_one_percent() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    frame = pl.DataFrame(X).with_columns(y=pl.Series(y))
    lows = []
    for seed in range(10):
        rows = np.random.default_rng(seed).permutation(frame.height)
        lows.append(low_of(check(frame[rows[:370]], frame[rows[370:]]), "violation_share"))
    assert max(lows) < 0.01


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
@pytest.mark.parametrize("name", ["adult", "german"])
def test_real_splits_are_clean(name: str) -> None:
    if name == "adult":
        train, test = (pl.read_csv(SHARED / f"adult_{part}.csv").rename({"income": "y"}) for part in ("train", "test"))
    else:
        frame = (
            pl.read_csv(SHARED / "german_credit.csv").rename({"class-label": "y"}).sample(1000, shuffle=True, seed=0)
        )
        train, test = frame[:700], frame[700:]
    outcome = check(train, test)
    assert low_of(outcome, "violation_share") < 0.002
    assert low_of(outcome, "missing_share_gap") == 0


def pictures(rng: np.random.Generator, n: int) -> pl.DataFrame:
    x = np.zeros((n, 6, 6), dtype=np.int64)
    x[:, 1:5, 1:5] = rng.integers(0, 256, (n, 4, 4))
    return pl.DataFrame({f"p{place}": cells for place, cells in enumerate(x.reshape(n, -1).T)})


def test_pixels_of_images_share_one_range_and_borders_are_no_fault() -> None:
    rng = np.random.default_rng(0)
    train = pictures(rng, 300)
    test = pictures(rng, 100).with_row_index("at")
    test = test.with_columns(
        p0=pl.when(pl.col("at") < 50).then(200).otherwise(0),  # in the border, where training has none
        p14=pl.when(pl.col("at") == 60).then(5000).otherwise("p14"),
    ).drop("at")
    test = pl.concat([test, test[:2] * 0], how="vertical_relaxed")
    outcome = run_check("data.schema", train=train, test=test, deployment=Deployment(modality="image"))
    found = {item.id: item for item in outcome.measurements}
    assert set(found) == {"violation_share", "n_blank_images", "n_non_finite_cells"}
    assert found["violation_share"].value == 1 / 102
    assert outcome.tables["affected_rows"].row(0) == ("test", 60, "a pixel: outside -127.5 to 382.5 or no whole number")
    assert found["n_blank_images"].value == 2
    assert "20 of 36 pixels have one value" in outcome.assumptions[0]


def test_images_without_a_training_table_are_looked_at_alone() -> None:
    test = pictures(np.random.default_rng(0), 20).with_columns(p7=pl.lit(np.nan))
    outcome = run_check("data.schema", test=test, deployment=Deployment(modality="image"))
    assert {item.id: item.value for item in outcome.measurements} == {"n_blank_images": 0, "n_non_finite_cells": 20}
