from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check

PEOPLE = Deployment(sensitive=("sex", "origin"))


def table(n: int = 5000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 1.2, n)
    return pl.DataFrame(
        {"p": p, "sex": rng.choice(["f", "m"], n), "origin": rng.choice(list("abc"), n),
         "y": (rng.random(n) < p).astype(int)}
    )  # fmt: skip


def run(frame: pl.DataFrame, stated: np.ndarray, deployment: Deployment = PEOPLE, target: str | None = "y") -> Outcome:
    scores = np.column_stack((1 - stated, stated))
    return run_check(
        "fairness.thresholds", model=lambda X: scores[: X.height], test=frame, target=target, deployment=deployment
    )


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def low(item: Measured) -> float:
    assert item.interval is not None
    assert item.interval.low is not None
    return item.interval.low


def test_scores_alike_make_no_gap_at_any_cut_off() -> None:
    frame = table()
    measured = found(run(frame, frame["p"].to_numpy()))
    assert len(measured) == 9
    assert all(low(item) == 0.0 for item in measured.values())


def test_the_cut_off_at_which_a_group_loses_most_is_found() -> None:
    frame = table()
    women, p = (frame["sex"] == "f").to_numpy(), frame["p"].to_numpy()
    # Women between 0.6 and 0.8 are scored just below 0.6.
    stated = np.where(women & (p > 0.6) & (p < 0.8), 0.59, p)
    item = found(run(frame, stated))["any_selection_gap.sex"]
    assert low(item) > 0.08
    assert "cut-off of 0.6" in item.plain or "cut-off of 0.59" in item.plain
    assert "among m than among f" in item.plain


def test_table_is_counted_by_hand() -> None:
    frame = table()
    p, y, women = frame["p"].to_numpy(), frame["y"].to_numpy(), (frame["sex"] == "f").to_numpy()
    lines = run(frame, p).tables["thresholds"].filter(attribute="sex", group="f", threshold=0.3)
    at = {row["rate"]: row for row in lines.rows(named=True)}
    assert at["selection_rate"]["value"] == pytest.approx((p[women] >= 0.3).mean())
    assert at["true_positive_rate"]["value"] == pytest.approx((p[women & (y == 1)] >= 0.3).mean())
    assert at["false_positive_rate"]["value"] == pytest.approx((p[women & (y == 0)] >= 0.3).mean())
    assert at["precision"]["value"] == pytest.approx(y[women & (p >= 0.3)].mean())
    assert all(row["low"] <= row["value"] <= row["high"] for row in at.values())


def test_gaps_at_each_cut_off_are_those_of_the_table() -> None:
    frame = table()
    outcome = run(frame, frame["p"].to_numpy())
    rates = outcome.tables["thresholds"].filter(attribute="sex", rate="selection_rate", threshold=0.5)["value"]
    gap = outcome.tables["gaps"].filter(attribute="sex", rate="selection_rate", threshold=0.5)["gap"]
    assert gap[0] == pytest.approx(rates.max() - rates.min())


def test_without_outcomes_only_selection_is_stated() -> None:
    frame = table().drop("y")
    outcome = run(frame, frame["p"].to_numpy(), Deployment(sensitive=("sex",), classes=(0, 1)), target=None)
    assert found(outcome).keys() == {"any_selection_gap.sex"}


def test_charts_name_columns_that_are_there() -> None:
    frame = table()
    outcome = run(frame, frame["p"].to_numpy())
    assert len(outcome.charts) == 2
    for chart in outcome.charts:
        assert {chart.x, chart.y, chart.low, chart.high, chart.series} <= set(outcome.tables[chart.table].columns)


def test_what_is_missing_is_said() -> None:
    frame = table()
    with pytest.raises(NotRun, match="labels only"):
        run_check("fairness.thresholds", model=lambda X: (X["p"] > 0.5).to_numpy().astype(int), test=frame,
                  target="y", deployment=PEOPLE)  # fmt: skip
    with pytest.raises(NotApplicable, match="two groups"):
        run(frame.with_columns(sex=pl.lit("f")), frame["p"].to_numpy(), Deployment(sensitive=("sex",)))
