from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.kernels.performance.recalibration import METHODS, apply_recalibrator, read_recalibrator
from tests.harness import run_check


def table(n: int = 6000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 1.2, n)
    return pl.DataFrame({"p": p, "y": (rng.random(n) < p).astype(int)})


def run(frame: pl.DataFrame, heat: float, classes: tuple[int, ...] = ()) -> Outcome:
    def model(X: pl.DataFrame) -> np.ndarray:
        p = X["p"].to_numpy()
        stated = 1 / (1 + ((1 - p) / p) ** heat)
        return np.column_stack((1 - stated, stated))

    return run_check(
        "performance.recalibration", model=model, test=frame, target="y",
        deployment=Deployment(classes=classes),
    )  # fmt: skip


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


@pytest.mark.parametrize("method", METHODS)
def test_every_way_mends_a_model_that_is_too_sure(method: str) -> None:
    measured = found(run(table(), 3.0))
    gain = measured[f"brier_gain.{method}"]
    assert gain.interval is not None
    assert gain.interval.low is not None
    assert gain.interval.low > 0.01
    assert measured["ece_before"].value > 0.1
    assert measured[f"ece_after.{method}"].value < 0.035
    assert "closer" in gain.plain


def test_nothing_is_gained_where_nothing_is_wrong() -> None:
    measured = found(run(table(), 1.0))
    gains = [item.interval for name, item in measured.items() if name.startswith("brier_gain")]
    assert not any(interval is None or interval.low is None or interval.low > 0.0 for interval in gains)


def test_the_text_in_the_evidence_does_what_was_measured() -> None:
    frame = table()
    outcome = run(frame, 3.0)
    assert outcome.documents.keys() == set(METHODS)
    p = frame["p"].to_numpy()
    stated = 1 / (1 + ((1 - p) / p) ** 3.0)
    mended = apply_recalibrator(read_recalibrator(outcome.documents["platt"]), np.column_stack((1 - stated, stated)))
    assert np.abs(mended[:, 1] - p).mean() < 0.02


def test_charts_name_columns_that_are_there() -> None:
    outcome = run(table(), 3.0)
    assert [chart.id for chart in outcome.charts] == ["gains", "curves"]
    for chart in outcome.charts:
        wanted = {name for name in (chart.x, chart.y, chart.low, chart.high, chart.series) if name}
        assert wanted <= set(outcome.tables[chart.table].columns)


def test_few_rows_and_one_outcome_say_nothing() -> None:
    with pytest.raises(NotRun, match="fewer than 100"):
        run(table(60), 1.0)
    with pytest.raises(NotApplicable, match="one outcome"):
        run(table(400).with_columns(y=pl.lit(1)), 1.0, classes=(0, 1))
