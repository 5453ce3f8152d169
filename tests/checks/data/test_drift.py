from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable
from tests.harness import run_check

CHECK = "data.drift"
SHARED = Path(__file__).parents[4] / "shared/data"


def draw(seed: int, n: int = 3000, *, shift: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    income, age = rng.normal(shift, 1, n), rng.normal(size=n)
    y = np.where(income + 0.3 * rng.normal(size=n) > 0, "yes", "no")
    return pl.DataFrame({"income": income, "age": age, "job": rng.choice(["a", "b"], n), "y": y})


def model(frame: pl.DataFrame) -> np.ndarray:
    p = 1 / (1 + np.exp(-3 * frame["income"].to_numpy()))
    return np.column_stack([1 - p, p])


def found(outcome: Outcome) -> dict[str, Measured]:
    return {measured.id: measured for measured in outcome.measurements}


def test_what_moved_and_whether_the_model_looks_at_it() -> None:
    outcome = run_check(CHECK, test=draw(0), current=draw(1, shift=0.5), model=model, target="y")
    numbers = found(outcome)
    assert numbers["n_drifted"].value == 1
    assert "income" in numbers["n_drifted"].plain
    assert numbers["largest_effect"].interval.low < 0.197 < numbers["largest_effect"].interval.high  # 2 Phi(0.25) - 1
    assert numbers["joint_auc"].interval.low > 0.55
    assert numbers["answers_effect"].interval.low > 0.1
    assert numbers["outcome_effect"].interval.low > 0.1
    first = outcome.tables["columns"].row(0, named=True)
    assert first["column"] == "income"
    assert 0.3 < first["answers_turned"] < 0.6


def test_an_input_that_the_model_ignores_turns_no_answer() -> None:
    current = draw(1).with_columns(pl.col("age") + 1)
    first = (
        run_check(CHECK, test=draw(0), current=current, model=model, target="y").tables["columns"].row(0, named=True)
    )
    assert (first["column"], first["verdict"], first["answers_turned"]) == ("age", "drifted", 0.0)


def test_alike_tables_have_not_drifted() -> None:
    numbers = found(run_check(CHECK, train=draw(0), test=draw(1), model=model, target="y"))
    assert numbers["n_drifted"].value == numbers["n_changed"].value == 0
    assert numbers["joint_auc"].interval.low < 0.5 < numbers["joint_auc"].interval.high


def test_inputs_that_vanish_or_change_type_are_named() -> None:
    current = draw(1).drop("age").with_columns(pl.lit("x").alias("income"))
    numbers = found(run_check(CHECK, test=draw(0), current=current, model=model, target="y"))
    assert numbers["n_changed"].value == 2
    assert "age vanished" in numbers["n_changed"].plain


@pytest.mark.parametrize("n_rows", [1, 2])
def test_one_row_shows_nothing(n_rows: int) -> None:
    numbers = found(run_check(CHECK, test=draw(0), current=draw(1, n_rows), model=model, target="y"))
    assert numbers["n_drifted"].value == 0
    assert "joint_auc" not in numbers


def test_one_table_alone_is_not_compared() -> None:
    with pytest.raises(NotApplicable, match="one table only"):
        run_check(CHECK, test=draw(0), model=model, target="y")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is absent")
def test_a_random_split_has_not_drifted_and_half_the_men_left_out_has() -> None:
    adult = pl.read_csv(SHARED / "adult_test.csv").sample(fraction=1.0, shuffle=True, seed=0)
    first, second = adult[:8000], adult[8000:]
    assert found(run_check(CHECK, train=first, test=second, target="income"))["n_drifted"].value == 0
    fewer = second.filter((pl.col("sex") == "Female") | (pl.int_range(pl.len()) % 2 == 0))
    outcome = run_check(CHECK, train=first, test=fewer, target="income")
    drifted = outcome.tables["columns"].filter(pl.col("verdict") == "drifted")["column"].to_list()
    assert "sex" in drifted


def test_outcomes_that_mean_something_else_are_told_from_inputs_that_moved() -> None:
    moved = found(run_check(CHECK, test=draw(0), current=draw(1, shift=0.5), model=model, target="y"))
    assert moved["concept_effect"].interval.low < 0.02
    assert "may be chance" in moved["concept_effect"].plain
    turned = draw(2).with_columns(y=pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("yes")).otherwise(pl.col("y")))
    changed = found(run_check(CHECK, test=draw(0), current=turned, model=model, target="y"))
    assert changed["concept_effect"].interval.low > 0.05
    assert changed["n_drifted"].value == 0


def pictures(seed: int, n: int = 600, *, light: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = np.zeros((n, 9, 9))
    x[:, 1:8, 1:8] = rng.random((n, 7, 7))
    x[:, :3, :3] *= light
    return pl.DataFrame({f"p{place}": cells for place, cells in enumerate(x.reshape(n, -1).T)})


IMAGES = Deployment(modality="image", image_shape=(1, 9, 9))


def test_of_images_what_moved_is_said_of_the_whole_and_not_of_pixels() -> None:
    outcome = run_check(CHECK, train=pictures(0), test=pictures(1, light=0.6), deployment=IMAGES)
    numbers = found(outcome)
    drifted = outcome.tables["columns"].filter(pl.col("verdict") == "drifted")["column"].to_list()
    assert drifted[0] == "brightness of the top left"
    assert "brightness of the bottom right" not in drifted
    assert "properties of the images have drifted: most brightness of the top left" in numbers["n_drifted"].plain
    assert "pixels in row" in numbers["joint_auc"].plain or "top left" in numbers["joint_auc"].plain
    assert numbers["n_changed"].value == 0


def test_images_that_are_alike_have_not_drifted() -> None:
    numbers = found(run_check(CHECK, train=pictures(2), test=pictures(3), deployment=IMAGES))
    assert numbers["n_drifted"].value == numbers["n_changed"].value == 0
