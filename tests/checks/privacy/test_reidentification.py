"""How easily people are found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable
from tests.harness import run_check

CHECK = "privacy.reidentification"


def people(n: int = 2000, *, ages: int = 60, first: str = "age", seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            first: 18 + rng.integers(0, ages, n),
            "sex": rng.choice(["f", "m"], n),
            "region": rng.choice(["n", "e", "s", "w"], n),
            "score": rng.normal(size=n),
            "income": rng.lognormal(8, 0.4, n).round(),
            "y": rng.integers(0, 2, n),
        }
    )


def found(outcome: Outcome) -> dict[str, Any]:
    return {item.id: item for item in outcome.measurements}


def test_columns_that_others_know_are_guessed_and_counted() -> None:
    table = people()
    outcome = run_check(CHECK, train=table, target="y")
    assert outcome.tables["quasi_identifiers"]["column"].to_list() == ["age", "sex", "region"]
    sizes = table.group_by("age", "sex", "region").len()["len"]
    assert found(outcome)["k"].value == sizes.min()
    assert found(outcome)["unique_share"].value == pytest.approx((sizes == 1).sum() / 2000)
    assert found(outcome)["mean_risk"].value == pytest.approx(len(sizes) / 2000)


def test_few_ages_hide_people_and_many_do_not() -> None:
    hidden, shown = (
        found(run_check(CHECK, train=people(ages=ages, first="postcode"), target="y")) for ages in (3, 4000)
    )
    assert hidden["unique_share"].value == 0.0
    assert hidden["population_unique_share"].interval.high == 0.0
    assert shown["unique_share"].value > 0.9
    assert shown["population_unique_share"].value < shown["unique_share"].value
    assert hidden["release_loss"].value == 0.0 < shown["release_loss"].value


def test_the_deployment_says_what_others_know() -> None:
    outcome = run_check(
        CHECK, train=people(), test=people(seed=1), target="y", deployment=Deployment(quasi_identifiers=("score",))
    )
    assert found(outcome)["unique_share"].value == 1.0
    assert outcome.tables["quasi_identifiers"]["because"].to_list() == ["named"]


def test_a_larger_fraction_leaves_more_people_unique() -> None:
    table = people(ages=1500, first="postcode")
    shares = [
        found(run_check(CHECK, train=table, target="y", sample_fraction=fraction))["population_unique_share"].value
        for fraction in (0.01, 0.3, 1.0)
    ]
    assert shares == sorted(shares)
    assert shares[-1] == found(run_check(CHECK, train=table, target="y"))["unique_share"].value


def test_sets_of_columns_and_people_they_single_out_are_listed() -> None:
    outcome = run_check(CHECK, train=people(ages=3000, first="postcode"), target="y")
    first = outcome.tables["column_sets"].row(0, named=True)
    assert first["columns"] == "postcode"
    reasons = set(outcome.tables["affected_rows"]["reason"])
    assert "unique by 1 of the columns" in reasons
    assert outcome.tables["strongest_sets"]["unique_share"].is_sorted()


def test_what_groups_give_away_is_listed_for_sensitive_columns() -> None:
    outcome = run_check(CHECK, train=people(ages=3), target="y")
    line = outcome.tables["sensitive"].filter(column="income").row(0, named=True)
    assert line["is_ordered"]
    assert line["k"] == found(outcome)["k"].value
    assert 0 < line["t"] < 0.2
    assert outcome.tables["sensitive"].filter(column="y").row(0, named=True)["l"] == 2


def test_a_table_without_such_columns_is_not_examined() -> None:
    with pytest.raises(NotApplicable, match="others are known to know"):
        run_check(CHECK, train=people().select("score", "y"), target="y")


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="sample_fraction above 0"):
        run_check(CHECK, train=people(), target="y", sample_fraction=0.0)
    with pytest.raises(InputError, match="quasi-identifier, got 'agee'"):
        run_check(CHECK, train=people(), target="y", columns=("agee",))
    with pytest.raises(InputError, match="smallest of at least 2"):
        run_check(CHECK, train=people(), target="y", smallest=1)
