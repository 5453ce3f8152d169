"""Which columns give a sensitive attribute away."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check

CHECK = "privacy.special_category_proxies"
SEX = Deployment(sensitive=("sex",))


def people(n: int = 1500, *, told: float = 0.0, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    sex = rng.integers(0, 2, n)
    return pl.DataFrame(
        {
            "sex": np.where(sex == 1, "f", "m"),
            "title": np.where(rng.random(n) < told, np.where(sex == 1, "Ms", "Mr"), rng.choice(["Ms", "Mr"], n)),
            "height_cm": rng.normal(175, 7, n),
            "amount": rng.normal(size=n),
            "y": rng.integers(0, 2, n),
        }
    )


def found(outcome: Outcome) -> dict[str, Any]:
    return {item.id: item for item in outcome.measurements}


def run(table: pl.DataFrame, deployment: Deployment = SEX, **more: Any) -> Outcome:
    return run_check(CHECK, train=table, test=table, target="y", deployment=deployment, **more)


def test_a_stand_in_is_found_and_named() -> None:
    measured = found(run(people(told=0.9)))
    # Right for 95 of 100: that is the area of one cut.
    assert measured["column_auc.sex"].value == pytest.approx(0.95, abs=0.02)
    assert "title alone" in measured["column_auc.sex"].plain
    assert measured["joint_auc.sex"].interval.low > 0.9


def test_without_one_nothing_is_told() -> None:
    measured = found(run(people()))
    assert measured["joint_auc.sex"].interval.low < 0.5 < measured["joint_auc.sex"].interval.high
    assert measured["column_auc.sex"].interval.low < 0.5


def test_columns_that_tell_only_together_are_found_together() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 3000))
    table = pl.DataFrame({"sex": np.where(a ^ b, "f", "m"), "a": a, "b": b, "y": rng.integers(0, 2, 3000)})
    measured = found(run(table))
    assert measured["joint_auc.sex"].value > 0.95
    assert measured["column_auc.sex"].value < 0.6


def test_a_rare_group_is_told_by_what_is_rare() -> None:
    rng = np.random.default_rng(0)
    faith = rng.choice(["none", "druid"], 6000, p=[0.97, 0.03])
    parish = np.where((faith == "druid") & (rng.random(6000) < 0.8), "grove", rng.choice(["n", "s", "e", "w"], 6000))
    table = pl.DataFrame({"religion": faith, "parish": parish, "y": rng.integers(0, 2, 6000)})
    measured = found(run(table, Deployment()))
    assert measured["column_auc.religion"].value == pytest.approx(0.9, abs=0.04)


def test_numbers_are_cut_at_their_median() -> None:
    rng = np.random.default_rng(1)
    age = rng.integers(18, 80, 1500)
    table = pl.DataFrame(
        {"age": age, "years_of_work": age - 20 + rng.normal(0, 2, 1500), "y": rng.integers(0, 2, 1500)}
    )
    outcome = run(table, Deployment(sensitive=("age",)))
    assert found(outcome)["column_auc.age"].value > 0.95
    assert outcome.tables["proxies"]["group"][0].startswith("above ")


def test_without_attributes_or_rows_it_says_so() -> None:
    with pytest.raises(NotApplicable, match="no column is named as sensitive"):
        run(people().drop("sex"), Deployment())
    with pytest.raises(NotRun, match="no two groups of 50 rows"):
        run(people(60))
