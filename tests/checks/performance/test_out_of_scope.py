from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.errors import NotRun
from tests.harness import run_check


def table(seed: int, n: int, *, far: bool = False) -> pl.DataFrame:
    """Return rows within 1 of the middle whose outcome follows a rule; far away it is the reverse."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 2))
    if far:
        x[: n // 10] *= 5
    is_yes = (x.sum(axis=1) > 0) != (np.abs(x).max(axis=1) > 1.2)
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "n": rng.integers(0, 9, n), "y": is_yes.astype(int)})


def linear(X: pl.DataFrame) -> Any:
    p = 1 / (1 + np.exp(-5 * (X["a"] + X["b"]).to_numpy()))
    return np.column_stack((1 - p, p))


def careful(X: pl.DataFrame) -> Any:
    p = linear(X)[:, 1]
    outside = np.maximum(X["a"].abs().to_numpy(), X["b"].abs().to_numpy()) > 1
    p = np.where(outside, 0.5 + 0.001 * (p - 0.5), p)
    return np.column_stack((1 - p, p))


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def run(model: Any, test: pl.DataFrame) -> Outcome:
    return run_check("performance.out_of_scope", model=model, train=table(0, 2000), test=test, target="y")


def test_errors_far_away_are_seen_and_doubt_is_compared() -> None:
    outcome = run(linear, table(1, 2000, far=True))
    gap = found(outcome)["error_far_minus_near"]
    assert gap.interval is not None
    assert gap.interval.low is not None
    assert gap.interval.low > 0.4
    distances = outcome.tables["distance"].filter(what="wrong")
    assert distances["share"][-1] > 0.5 > distances["share"][0]
    assert set(outcome.tables["distance"]["what"]) == {"wrong", "stated doubt"}


def test_rows_like_those_of_training_are_no_further_than_each_other() -> None:
    gap = found(run(linear, table(2, 2000)))["error_far_minus_near"]
    assert gap.interval is not None
    assert gap.interval.low is not None
    assert gap.interval.low <= 0


def test_model_that_is_sure_of_nonsense_is_told_from_one_that_is_not() -> None:
    sure, doubtful = (found(run(model, table(3, 2000)))["invented_ranking"] for model in (linear, careful))
    assert sure.value < 0.4
    assert doubtful.value > 0.8
    assert "invented" in sure.plain


def test_narrow_integers_are_not_left() -> None:
    narrow = [frame.with_columns(pl.col("n").cast(pl.UInt8) * 30) for frame in (table(0, 500), table(1, 500))]
    outcome = run_check("performance.out_of_scope", model=linear, train=narrow[0], test=narrow[1], target="y")
    assert "invented_ranking" in found(outcome)


def test_few_rows_say_nothing() -> None:
    with pytest.raises(NotRun, match="fewer than 100"):
        run(linear, table(4, 50))
