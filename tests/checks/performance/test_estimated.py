"""Performance before the outcomes come, as the check says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check

CHECK = "performance.estimated"


def model(frame: pl.DataFrame) -> np.ndarray:
    p = expit(frame["x"].to_numpy())
    return np.column_stack([1 - p, p])


def table(n: int, seed: int, *, concept: float = 1.0, mean: float = 0.0, labelled: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(mean, 1.5, n)
    y = (rng.random(n) < expit(concept * x)).astype(int)
    known = rng.random(n) < labelled
    return pl.DataFrame({"x": x, "town": rng.choice(["a", "b"], n), "day": np.arange(n) // 50, "y": y}).with_columns(
        y=pl.when(pl.Series(known)).then("y")
    )


def run(
    current: pl.DataFrame, *, time: str | None = None, past: pl.DataFrame | None = None, **settings: Any
) -> Outcome:
    return run_check(
        CHECK, model=model, test=table(4000, 0) if past is None else past, current=current, target="y",
        deployment=Deployment(time=time), **settings,
    )  # fmt: skip


def measured(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def test_without_outcomes_figures_are_estimated_and_nothing_is_refuted() -> None:
    truth = table(3000, 1, mean=1.0)
    outcome = run(truth.drop("y"))
    found = measured(outcome)
    right = float(((truth["x"] > 0) == (truth["y"] == 1)).mean())
    accuracy = found["estimated.accuracy"]
    assert accuracy.interval is not None
    assert accuracy.interval.low < right < accuracy.interval.high
    assert "refutation" not in found
    assert 0.2 < found["effective_share"].value < 0.95
    assert "means what it meant in the reference" in outcome.assumptions[0]


def test_labels_that_contradict_say_so() -> None:
    found = measured(run(table(4000, 2, concept=0.2, labelled=0.2)))
    assert found["refutation"].value < 0.001
    assert found["refutation"].plain.startswith("Assumption violated")
    assert "labels" in found["estimated.auc"].plain
    assert found["worse_periods"].value >= 8


def test_labels_that_agree_do_not() -> None:
    found = measured(run(table(4000, 3, labelled=0.2), time="day"))
    assert found["refutation"].value > 0.05
    assert found["worse_periods"].value == 0


def test_a_shift_of_the_inputs_alone_sounds_the_alarm_of_decay() -> None:
    harder = table(4000, 4).with_columns(x=pl.col("x") / 4).drop("y")
    assert measured(run(harder))["decay_alarms"].value > 0
    assert measured(run(table(4000, 5).drop("y")))["decay_alarms"].value == 0


def test_periods_follow_the_time_column_and_the_band_knows_the_past() -> None:
    now = table(1000, 6).drop("y").sample(fraction=1.0, shuffle=True, seed=0)
    outcome = run(now, time="day", every="5")
    periods = outcome.tables["periods"]
    assert periods["start"].unique().sort().to_list() == [0.0, 5.0, 10.0, 15.0]
    assert not any("No time column" in text for text in outcome.assumptions)
    assert any("No time column" in text for text in run(now).assumptions)


def test_groups_with_a_meaning_of_their_own_are_calibrated_apart() -> None:
    def split(n: int, seed: int, share: float) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        x, town = rng.normal(size=n), np.where(rng.random(n) < share, "a", "b")
        p = expit(x + np.where(town == "a", 1.5, -1.5))
        return pl.DataFrame({"x": x, "town": town, "day": 0, "y": (rng.random(n) < p).astype(int)})

    past, now = split(6000, 7, 0.5), split(4000, 8, 0.9)
    truth = float(((expit(now["x"].to_numpy()) - now["y"].to_numpy()) ** 2).mean())
    outcomes = {
        group: measured(run(now.drop("y"), past=past, group=group, weighted=False))["estimated.brier"]
        for group in ("", "town")
    }
    assert outcomes["town"].interval is not None
    assert outcomes["town"].interval.low < truth < outcomes["town"].interval.high
    assert abs(outcomes["town"].value - truth) < abs(outcomes[""].value - truth) / 3


def test_chosen_cases_are_open_ones_and_the_uncertain_rather() -> None:
    now = table(3000, 9, labelled=0.3)
    chosen = run(now, choose=600).tables["to_label"]
    assert chosen.height == 600
    assert now["y"][chosen["row"].to_list()].null_count() == 600
    assert now["x"][chosen["row"].to_list()].abs().mean() < 0.95 * now["x"].abs().mean()


@pytest.mark.parametrize(
    ("current", "settings", "error", "message"),
    [
        (table(10, 0).drop("x"), {}, NotRun, "lacks 1 of the model's inputs, such as 'x'"),
        (table(0, 0), {}, NotApplicable, "no rows"),
        (table(50, 0), {"group": "region"}, NotRun, "no column 'region'"),
        (table(50, 0), {"probability_column": "w"}, NotRun, "no column 'w'"),
        (table(50, 0).with_columns(w=0.0), {"probability_column": "w"}, NotRun, "probabilities above 0"),
        (table(50, 0), {"every": "7d"}, NotRun, "expected a time column"),
        (table(50, 0), {"past": table(20, 0)}, NotRun, "fewer than 100"),
        (table(50, 0), {"past": table(200, 0).with_columns(y=pl.when(pl.col("x") > 99).then(0).otherwise(1))},
         NotRun, "both outcomes"),
        (table(50, 0).with_columns(day=pl.lit("soon")), {"time": "day"}, NotRun, "expected a time"),
    ],
)  # fmt: skip
def test_what_cannot_be_estimated_says_why(
    current: pl.DataFrame, settings: dict, error: type[Exception], message: str
) -> None:
    if "past" in settings:
        classes = {"deployment": Deployment(classes=(0, 1))}
        with pytest.raises(error, match=message):
            run_check(CHECK, model=model, test=settings["past"], current=current, target="y", **classes)
        return
    with pytest.raises(error, match=message):
        run(current, **settings)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_tiny_tables_of_today_have_figures(n: int) -> None:
    found = measured(run(table(n, 10).drop("y")))
    assert 0.0 <= found["estimated.accuracy"].value <= 1.0
    assert found["decay_alarms"].value == 0
