from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check

PEOPLE = Deployment(sensitive=("sex", "origin"))


def table(n: int = 6000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 1.2, n)
    return pl.DataFrame(
        {
            "p": p,
            "sex": rng.choice(["f", "m"], n),
            "origin": rng.choice(list("abc"), n),
            "y": (rng.random(n) < p).astype(int),
        }
    )


def run(frame: pl.DataFrame, stated: np.ndarray, deployment: Deployment = PEOPLE) -> Outcome:
    scores = np.column_stack((1 - stated, stated))
    return run_check(
        "fairness.scores", model=lambda X: scores[: X.height], test=frame, target="y", deployment=deployment
    )


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def low(item: Measured) -> float:
    assert item.interval is not None
    assert item.interval.low is not None
    return item.interval.low


def test_scores_that_mean_the_same_are_not_accused() -> None:
    frame = table()
    measured = found(run(frame, frame["p"].to_numpy()))
    gaps = {name: item for name, item in measured.items() if "gap" in name}
    assert len(gaps) == 9
    assert sum(low(item) > 0.0 for item in gaps.values()) <= 1
    assert all(low(item) == 0.0 for name, item in measured.items() if name.startswith("ece"))


def test_a_score_that_promises_one_group_less_is_found() -> None:
    frame = table()
    women = (frame["sex"] == "f").to_numpy()
    outcome = run(frame, np.clip(frame["p"].to_numpy() - 0.1 * women, 0, 1))
    measured = found(outcome)
    assert low(measured["calibration_gap.sex"]) > 0.05
    assert low(measured["score_gap.sex"]) > 0.05
    assert low(measured["ranking_gap.sex"]) == 0.0
    assert low(measured["calibration_gap.origin"]) == 0.0
    assert low(measured["ece.sex=f"]) > 0.03
    assert low(measured["ece.sex=m"]) == 0.0
    assert low(measured["miscalibration.sex=f"]) > 0.001
    assert low(measured["miscalibration.sex=m"]) == 0.0
    assert "f least" in measured["calibration_gap.sex"].plain


def test_a_score_that_ranks_one_group_by_chance_is_found() -> None:
    frame = table()
    rows = (frame["origin"] == "c").to_numpy()
    stated = frame["p"].to_numpy().copy()
    stated[rows] = np.random.default_rng(3).permutation(stated[rows])
    measured = found(run(frame, stated))
    assert low(measured["ranking_gap.origin"]) > 0.2
    assert low(measured["ranking_gap.sex"]) == 0.0


def test_values_agree_with_counting_by_hand() -> None:
    frame = table()
    measured = found(run(frame, frame["p"].to_numpy()))
    by_sex = frame.group_by("sex").agg((pl.col("p") - pl.col("y")).mean().alias("gap"))["gap"]
    assert measured["calibration_gap.sex"].value == pytest.approx(by_sex.max() - by_sex.min())


def test_margins_are_compared_by_their_order_only() -> None:
    frame = table()
    margins = np.log(frame["p"].to_numpy() / (1 - frame["p"].to_numpy()))
    outcome = run_check(
        "fairness.scores", model=lambda X: np.column_stack((-margins, margins))[: X.height], test=frame, target="y",
        deployment=PEOPLE,
    )  # fmt: skip
    assert {name.split(".")[0] for name in found(outcome)} == {"ranking_gap"}
    assert any("no probabilities" in text for text in outcome.assumptions)


def test_charts_name_columns_that_are_there() -> None:
    frame = table()
    outcome = run(frame, frame["p"].to_numpy())
    assert {chart.id for chart in outcome.charts} == {
        "calibration_gap", "ranking_gap", "score_gap", "curves_sex", "curves_origin"
    }  # fmt: skip
    for chart in outcome.charts:
        wanted = {name for name in (chart.x, chart.y, chart.low, chart.high, chart.series) if name}
        assert wanted <= set(outcome.tables[chart.table].columns)


def test_what_is_missing_is_said() -> None:
    frame = table()
    with pytest.raises(NotRun, match="labels only"):
        run_check("fairness.scores", model=lambda X: (X["p"] > 0.5).to_numpy().astype(int), test=frame, target="y",
                  deployment=PEOPLE)  # fmt: skip
    with pytest.raises(NotApplicable, match="two groups"):
        run(frame.with_columns(sex=pl.lit("f")), frame["p"].to_numpy(), Deployment(sensitive=("sex",)))
