from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import SimpleModel, run_check


class Values(SimpleModel):
    def __init__(self) -> None:
        super().__init__(lambda frame: frame["x"].to_numpy() * 10)
        self.info = replace(self.info, capabilities=frozenset({"values", "query"}))


def table(n: int = 6000, *, uneven: float = 0.0, harmed: float = 1.0, seed: int = 0) -> pl.DataFrame:
    """Return cases whose noise grows with z by ``uneven``, and by ``harmed`` for women."""
    rng = np.random.default_rng(seed)
    x, z, sex = rng.normal(size=n), rng.normal(size=n), rng.choice(["f", "m"], n)
    noise = rng.normal(size=n) * np.exp(uneven * z) * np.where(sex == "f", harmed, 1.0)
    return pl.DataFrame({"x": x, "z": z, "sex": sex, "y": 10 * x + noise})


def run(frame: pl.DataFrame, people: tuple[str, ...] = ("sex",), **options: float) -> Outcome:
    return run_check(
        "performance.intervals", model=Values(), test=frame, target="y",
        deployment=Deployment(sensitive=people, task="regression"), **options,
    )  # fmt: skip


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def low(item: Measured) -> float:
    assert item.interval is not None
    assert item.interval.low is not None
    return item.interval.low


def test_intervals_of_even_noise_are_as_wide_as_they_must_be() -> None:
    measured = found(run(table()))
    for name in ("interval", "adaptive"):
        assert measured[f"{name}_coverage"].value == pytest.approx(0.9, abs=0.02)
        assert measured[f"{name}_width"].value == pytest.approx(2 * 1.645, rel=0.1)
    assert low(measured["undercoverage_where_hard"]) <= 0.0
    assert all(low(item) <= 0.0 for name, item in measured.items() if name.startswith("undercoverage."))


def test_difficult_cases_that_one_width_fails_are_found() -> None:
    outcome = run(table(uneven=1.0))
    measured = found(outcome)
    assert measured["interval_coverage"].value == pytest.approx(0.9, abs=0.02)
    assert low(measured["undercoverage_where_hard"]) > 0.15
    assert measured["adaptive_width"].value < measured["interval_width"].value
    hardest = outcome.tables["by_difficulty"].tail(2)
    shares = dict(zip(hardest["way"], hardest["coverage"], strict=True))
    assert shares["adaptive"] > shares["one width"] + 0.1


def test_a_group_that_is_missed_more_often_is_named_once() -> None:
    measured = found(run(table(harmed=2.0)))
    assert low(measured["undercoverage.sex=f"]) > 0.08
    assert "undercoverage.sex=m" not in measured


def test_another_promise_is_kept() -> None:
    assert found(run(table(), coverage=0.7))["interval_coverage"].value == pytest.approx(0.7, abs=0.03)


def test_without_sensitive_columns_there_are_no_groups() -> None:
    outcome = run(table(), ())
    assert [chart.id for chart in outcome.charts] == ["difficulty"]


def test_what_is_missing_is_said() -> None:
    with pytest.raises(NotRun, match="50 test rows"):
        run(table(50))
    with pytest.raises(NotRun, match="too few"):
        run(table(150), coverage=0.99)
    with pytest.raises(NotApplicable, match="coverage"):
        run(table(), coverage=1.5)
