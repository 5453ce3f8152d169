from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.replaying import replay_history
from holdfast.core.errors import InputError
from holdfast.core.replay import OURS, Costs, Replay


def shop(n: int = 1200, *, turn: float = 3.0, seed: int = 0) -> pl.DataFrame:
    """Let the direction that decides turn slowly; one row an hour."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    angle = turn * np.arange(n) / n
    signal = x[:, 0] * np.cos(angle) + x[:, 1] * np.sin(angle)
    return pl.DataFrame(
        {
            "when": [datetime(2026, 1, 1) + timedelta(hours=hour) for hour in range(n)],
            "a": x[:, 0],
            "b": x[:, 1],
            "y": (signal + 0.3 * rng.normal(size=n) > 0).astype(int),
        }
    )


def replayed(table: pl.DataFrame, *, retraining: float = 5.0, **settings: object) -> Replay:
    given = {"time": "when", "every": "5d", "window": "10d"} | settings
    return replay_history(table, "y", costs=Costs(retraining=retraining), **given)


@pytest.fixture(scope="module")
def turning() -> Replay:
    return replayed(shop())


def test_drift_makes_training_again_pay(turning: Replay) -> None:
    assert turning[OURS].trained > 2
    assert turning["never"].cost > turning[OURS].cost
    assert turning["never"].trained == 0
    assert turning["every period"].trained == turning.n_decided - 1


def test_costs_are_errors_and_trainings(turning: Replay) -> None:
    for each in turning.contenders:
        assert each.cost == pytest.approx(each.loss + 5.0 * each.trained)
        if each.dearer is not None:
            assert each.dearer_by == pytest.approx(each.cost - turning[OURS].cost)
            assert each.dearer.low is None or each.dearer.low <= each.dearer_by <= each.dearer.high


def test_age_costs_more_the_longer(turning: Replay) -> None:
    assert turning.ages["loss"].is_sorted()
    assert turning.ages["low"][-1] > 0.0


def test_the_order_of_the_rows_does_not_matter(turning: Replay) -> None:
    again = replayed(shop().sample(fraction=1.0, shuffle=True, seed=1))
    assert again.contenders == turning.contenders


def test_a_delay_costs(turning: Replay) -> None:
    assert replayed(shop(), delay="15d")["every period"].loss > turning["every period"].loss


def test_rows_stand_for_time_without_a_column_of_it(turning: Replay) -> None:
    found = replayed(shop().drop("when"), time=None, every="120", window="240")
    assert found["every period"].loss == turning["every period"].loss


def test_numbers_are_judged_by_their_absolute_error() -> None:
    table = shop().with_columns(y=pl.col("a") * 10.0 + pl.col("b"))
    found = replayed(table, every="6d")
    assert found.is_regression
    assert found["never"].loss > 0.0


def test_text_and_missing_inputs_are_replayed() -> None:
    table = shop().with_columns(
        town=pl.when(pl.col("a") > 0).then(pl.lit("north")).otherwise(pl.lit("south")),
        b=pl.when(pl.col("b") > 1.5).then(None).otherwise(pl.col("b")),
    )
    assert replayed(table, every="6d").n_decided >= 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"every": "5"}, "without a unit"),
        ({"every": "soon"}, "length of time"),
        ({"every": "1h"}, "periods"),
        ({"every": "60d"}, "periods"),
        ({"delay": "45d"}, "periods begin with"),
        ({"window": "1d"}, "fewer than 100"),
        ({"retraining": -1.0}, "cost of 0 or more"),
        ({"horizon": 0}, "horizon"),
        ({"time": "wen"}, "wen"),
    ],
)
def test_what_cannot_be_replayed_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replayed(shop(), **settings)


def test_a_history_without_an_outcome_in_some_row_is_refused() -> None:
    table = shop().with_columns(y=pl.when(pl.col("a") > 2).then(None).otherwise(pl.col("y")))
    with pytest.raises(InputError, match="missing"):
        replayed(table)
