from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotRun
from tests.harness import run_check


def table(n: int = 4000, *, hard: float = 0.0, seed: int = 0) -> pl.DataFrame:
    """Return cases of which those of group b are answered by chance in a share of ``hard``."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    group = rng.choice(["a", "b"], n, p=[0.7, 0.3])
    y = rng.random(n) < p
    y = np.where((group == "b") & (rng.random(n) < hard), rng.random(n) < 0.5, y)
    return pl.DataFrame({"p": p, "group": group, "y": y.astype(int)})


def model(X: pl.DataFrame) -> Any:
    p = X["p"].to_numpy()
    return np.column_stack((1 - p, p))


def guess(X: pl.DataFrame) -> Any:
    p = np.random.default_rng(3).random(X.height)
    return np.column_stack((1 - p, p))


def run(frame: pl.DataFrame, answers: Any = model, **options: Any) -> Outcome:
    return run_check(
        "performance.uncertainty", model=answers, test=frame, target="y",
        deployment=Deployment(sensitive=("group",)), **options,
    )  # fmt: skip


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def low(measured: Measured) -> float:
    assert measured.interval is not None
    assert measured.interval.low is not None
    return measured.interval.low


def test_confidence_that_means_something_ranks_errors() -> None:
    outcome = run(table())
    measured = found(outcome)
    assert low(measured["error_ranking"]) > 0.6
    assert measured["error_of_surer_half"].value == pytest.approx(0.125, abs=0.03)
    assert measured["set_coverage"].value == pytest.approx(0.9, abs=0.02)
    assert all(low(item) <= 0 for name, item in measured.items() if name.startswith("undercoverage"))
    assert outcome.tables["abstention"]["answered"][-1] == 1.0


def test_confidence_that_means_nothing_is_seen() -> None:
    measured = found(run(table(), guess))
    assert measured["error_ranking"].value == pytest.approx(0.5, abs=0.05)
    assert measured["set_coverage"].value == pytest.approx(0.9, abs=0.02)
    assert measured["set_size"].value > found(run(table()))["set_size"].value


def test_group_that_the_promise_fails_is_named() -> None:
    measured = found(run(table(hard=0.8)))
    assert low(measured["undercoverage.group=b"]) > 0.05
    assert "group=b" in measured["undercoverage.group=b"].plain


def test_two_groups_that_make_up_the_table_are_compared_once() -> None:
    outcome = run(table(hard=0.8))
    assert outcome.tables["groups"]["name"].to_list() == ["group=b"]
    assert [name for name in found(outcome) if name.startswith("undercoverage")] == ["undercoverage.group=b"]
    assert "method='Newcombe'" in str(found(outcome)["undercoverage.group=b"].interval)


def test_three_groups_are_compared_each_with_all_others() -> None:
    frame = table().with_columns(group=pl.Series(["a", "b", "c", "b"] * 1000))
    assert set(run(frame).tables["groups"]["name"]) == {"group=a", "group=b", "group=c"}


def test_promise_of_another_size_is_kept() -> None:
    assert found(run(table(), coverage=0.75))["set_coverage"].value == pytest.approx(0.75, abs=0.03)


def test_model_that_is_never_wrong_has_no_ranking() -> None:
    frame = table().with_columns(y=(pl.col("p") > 0.5).cast(int))
    assert "error_ranking" not in found(run(frame))


def test_few_rows_say_nothing() -> None:
    with pytest.raises(NotRun, match="fewer than 100"):
        run(table(60))


def test_without_sensitive_columns_there_are_no_groups() -> None:
    outcome = run_check("performance.uncertainty", model=model, test=table(), target="y", deployment=Deployment())
    assert outcome.tables["groups"].height == 0
    assert [chart.id for chart in outcome.charts] == ["abstention"]


@pytest.mark.slow
def test_groups_that_are_treated_alike_are_rarely_accused() -> None:
    accused = sum(
        any(low(m) > 0 for name, m in found(run(table(1000, seed=seed))).items() if name.startswith("under"))
        for seed in range(200)
    )
    assert accused <= 0.09 * 200
