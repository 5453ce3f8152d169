from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check


def table(n: int = 4000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "x": rng.random(n),
            "sex": rng.choice(["f", "m"], n),
            "origin": rng.choice(list("abcdef"), n, p=[0.6, 0.3, 0.06, 0.03, 0.008, 0.002]),
            "y": rng.integers(2, size=n),
        }
    )


def run(frame: pl.DataFrame, chance: np.ndarray | float, deployment: Deployment | None = None) -> Outcome:
    answer = (np.random.default_rng(5).random(frame.height) < chance).astype(int)
    return run_check(
        "fairness.intersections", model=lambda X: answer[: X.height], test=frame, target="y",
        deployment=deployment or Deployment(sensitive=("sex", "origin")),
    )  # fmt: skip


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def low(item: Measured) -> float:
    assert item.interval is not None
    assert item.interval.low is not None
    return item.interval.low


def test_equal_treatment_is_not_accused_and_small_cells_are_shown() -> None:
    outcome = run(table(), 0.4)
    assert all(low(item) == 0.0 for item in found(outcome).values())
    cells = outcome.tables["cells"].filter(pl.col("rate") == "selection_rate")
    assert cells["n"].min() < 10
    assert not cells["worse_off"].any()
    small = cells.filter(pl.col("n") < 10)
    assert ((small["shrunken"] - 0.4).abs() < 0.1).all()


def test_a_combination_that_is_refused_is_named() -> None:
    frame = table()
    harmed = ((frame["sex"] == "f") & (frame["origin"] == "c")).to_numpy()
    outcome = run(frame, np.where(harmed, 0.1, 0.5))
    measured = found(outcome)["selection_shortfall"]
    assert low(measured) > 0.15
    assert "f × c" in measured.plain
    assert outcome.tables["selection_rate"].filter("worse_off")["cell"][0] == "f × c"


def test_errors_and_refusals_of_the_deserving_are_found() -> None:
    frame = table()
    harmed = ((frame["sex"] == "m") & (frame["origin"] == "b")).to_numpy()
    deserving = frame["y"].to_numpy() == 1
    measured = found(run(frame, np.where(deserving, np.where(harmed, 0.5, 0.9), 0.1)))
    assert low(measured["opportunity_shortfall"]) > 0.2
    assert low(measured["error_excess"]) > 0.05


def test_counts_in_the_evidence_give_the_shares_again() -> None:
    frame = table()
    outcome = run(frame, 0.4)
    cells = outcome.tables["cells"].filter(pl.col("rate") == "selection_rate")
    assert cells["n"].sum() == frame.height
    assert (cells["share"] == cells["successes"] / cells["n"]).all()


def test_without_outcomes_only_answers_are_compared() -> None:
    frame = table().drop("y")
    outcome = run_check(
        "fairness.intersections", model=lambda X: np.column_stack((1 - X["x"], X["x"])), test=frame,
        deployment=Deployment(sensitive=("sex",), classes=(0, 1)),
    )  # fmt: skip
    assert found(outcome).keys() == {"selection_shortfall"}


def test_what_is_missing_is_said() -> None:
    with pytest.raises(NotRun, match="sensitive"):
        run(table(), 0.5, Deployment())
    with pytest.raises(NotApplicable, match="one combination"):
        run(table().with_columns(sex=pl.lit("f")), 0.5, Deployment(sensitive=("sex",)))


def test_more_combinations_than_are_compared_are_said_in_the_finding() -> None:
    frame = table(3000).with_columns(
        job=pl.Series([f"j{at % 1200}" for at in range(3000)]), sex=pl.lit("f"), origin=pl.lit("a")
    )
    outcome = run(frame, 0.5, Deployment(sensitive=("sex", "job")))
    plain = found(outcome)["selection_shortfall"].plain
    assert "Worst of 1,000 combinations" in plain
    assert "400 people are of smaller combinations, which were not compared" in plain
    assert any("Of 1,200 groups of job, the 1,000 largest" in note for note in outcome.assumptions)


def test_a_column_that_is_the_same_for_all_is_not_crossed() -> None:
    frame = table().with_columns(sex=pl.lit("f"))
    outcome = run(frame, 0.5)
    assert set(outcome.tables["cells"]["cell"]) <= set("abcdef")
    assert any("Everybody is of one group of sex" in note for note in outcome.assumptions)
