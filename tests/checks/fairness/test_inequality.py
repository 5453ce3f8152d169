from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check


def table(n: int = 3000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"x": rng.random(n), "sex": rng.choice(["f", "m"], n), "y": rng.integers(2, size=n)})


def run(frame: pl.DataFrame, answer: np.ndarray, people: tuple[str, ...] = ("sex",)) -> Outcome:
    return run_check(
        "fairness.inequality", model=lambda X: answer[: X.height], test=frame, target="y",
        deployment=Deployment(sensitive=people, classes=(0, 1)),
    )  # fmt: skip


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def answers(frame: pl.DataFrame, hit: np.ndarray | float) -> np.ndarray:
    chance = np.where(frame["y"].to_numpy() == 1, hit, 0.1)
    return (np.random.default_rng(5).random(frame.height) < chance).astype(int)


def test_groups_alike_have_no_inequality_between_them() -> None:
    frame = table()
    measured = found(run(frame, answers(frame, 0.8)))
    assert measured["entropy"].value > 0.05
    assert measured["theil"].value > measured["entropy"].value
    assert measured["between.sex"].interval is not None
    assert measured["between.sex"].interval.low == 0.0
    assert "can be chance" in measured["between.sex"].plain


def test_a_group_that_is_refused_is_unequal() -> None:
    frame = table()
    measured = found(run(frame, answers(frame, np.where((frame["sex"] == "f").to_numpy(), 0.4, 0.9))))
    assert measured["between.sex"].interval is not None
    assert measured["between.sex"].interval.low > 0.005  # type: ignore[operator]


def test_mean_benefits_are_counted_by_hand() -> None:
    frame = table()
    given = answers(frame, 0.8)
    benefits = run(frame, given).tables["benefits"]
    women = (frame["sex"] == "f").to_numpy()
    expected = (1 + given - frame["y"].to_numpy())[women].mean()
    assert benefits.filter(group="f")["mean_benefit"][0] == pytest.approx(expected)


def test_what_is_missing_is_said() -> None:
    frame = table()
    with pytest.raises(NotRun, match="sensitive"):
        run(frame, answers(frame, 0.8), ())
    with pytest.raises(NotRun, match="fewer"):
        run(frame.head(10), answers(frame, 0.8))
    with pytest.raises(NotApplicable, match="benefit"):
        run(frame.with_columns(y=pl.lit(1)), np.zeros(frame.height, dtype=int))
