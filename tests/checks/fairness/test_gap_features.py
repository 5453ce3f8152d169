from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check

PEOPLE = Deployment(sensitive=("sex",))


def table(n: int = 3000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    return pl.DataFrame(
        {
            "income": rng.normal(size=n) + 1.0 * (sex == "m"),
            "height": rng.normal(size=n) + 2.0 * (sex == "m"),
            "luck": rng.normal(size=n),
            "job": rng.choice(["a", "b"], n),
            "sex": sex,
            "y": rng.integers(2, size=n),
        }
    )


def model(X: pl.DataFrame) -> np.ndarray:
    p = np.clip(0.5 + 0.05 * X["income"].to_numpy() + 0.08 * X["luck"].to_numpy()
                + 0.03 * (X["sex"] == "m").to_numpy(), 0, 1)  # fmt: skip
    return np.column_stack((1 - p, p))


def run(frame: pl.DataFrame | None = None, deployment: Deployment = PEOPLE, **options: object) -> Outcome:
    test = table() if frame is None else frame
    return run_check(
        "fairness.gap_features", model=model, test=test, target="y", deployment=deployment, **options  # type: ignore[arg-type]
    )  # fmt: skip


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def ends(item: Measured) -> tuple[float, float]:
    assert item.interval is not None
    return item.interval.low or 0.0, item.interval.high or 0.0


def test_parts_are_those_that_were_put_in() -> None:
    measured = found(run(effort="thorough"))
    truths = {"income": 0.05, "sex": 0.03, "height": 0.0, "luck": 0.0, "job": 0.0}
    for name, truth in truths.items():
        low, high = ends(measured[f"part.sex.{name}"])
        assert low - 1e-9 <= truth <= high + 1e-9
    assert ends(measured["part.sex.income"])[0] > 0.04
    assert measured["part.sex.height"].value == pytest.approx(0.0, abs=1e-12)
    assert "income" in measured["score_gap.sex"].plain


def test_parts_add_up_to_the_gap() -> None:
    outcome = run()
    total = outcome.tables["parts"]["part"].sum()
    assert total == pytest.approx(found(outcome)["score_gap.sex"].value)


def test_gap_is_that_of_the_table_up_to_sampling() -> None:
    frame = table()
    low, high = ends(found(run(frame))["score_gap.sex"])
    score = model(frame)[:, 1]
    men = (frame["sex"] == "m").to_numpy()
    assert low <= score[men].mean() - score[~men].mean() <= high


def test_most_important_inputs_are_drawn() -> None:
    outcome = run()
    assert [chart.id for chart in outcome.charts] == ["parts_sex"]
    assert outcome.tables["parts_sex"]["input"][0] == "income"


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(NotApplicable, match="two groups"):
        run(table().with_columns(sex=pl.lit("f")))
    with pytest.raises(NotRun, match="sensitive"):
        run(deployment=Deployment())
    wide = table(100).with_columns(**{f"c{i}": pl.lit(0.0) for i in range(1000)})
    with pytest.raises(NotRun, match="questions"):
        run(wide, effort="quick")
