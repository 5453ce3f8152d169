from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.auditing.api import audit
from holdfast.core.finding import Finding

CHECKS = ["performance.slices", "robustness.evasion", "performance.slice_risks"]


def table(seed: int, n: int, *, turned: float) -> pl.DataFrame:
    """Half of the rows are of a place where a share of all outcomes is turned."""
    rng = np.random.default_rng(seed)
    x, place = rng.normal(size=(n, 3)), rng.integers(2, size=n)
    y = (x @ [3.0, -2.0, 1.0] + rng.logistic(size=n) > 0) ^ ((place == 1) & (rng.random(n) < turned))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "place": place, "y": y.astype(int)})


def risks(folder: Path, *, turned: float, checks: list[str] = CHECKS) -> Finding:
    train = table(0, 2000, turned=0.0)
    model = LogisticRegression().fit(train.drop("y").to_numpy(), train["y"].to_numpy())
    test = table(1, 4000, turned=turned)
    result = audit(model, train=train, test=test, target="y", check=checks, effort="quick", cache=False, out=folder)
    return result["performance.slice_risks"]


def test_model_that_does_not_know_of_its_errors_is_too_sure_there(tmp_path: Path) -> None:
    finding = risks(tmp_path / "audit", turned=0.4)
    found = finding["overconfidence_gap"]
    assert found.interval is not None
    assert found.interval.low is not None
    assert found.interval.low > 0.15
    assert "place = 1" in found.plain
    for risk in ("evasion_gap", "overconfidence_gap"):
        lines = pl.read_parquet(tmp_path / "audit" / "evidence" / "performance.slice_risks" / f"{risk}.parquet")
        assert (lines["low"] <= lines["gap"]).all()
        assert (lines["gap"] <= lines["high"]).all()


def test_without_confirmed_slices_there_is_nothing_to_compare(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=800), "y": rng.integers(2, size=800)})
    model = LogisticRegression().fit(frame.drop("y").to_numpy(), frame["y"].to_numpy())
    result = audit(model, test=frame, target="y", check=CHECKS, effort="quick", cache=False, out=tmp_path / "audit")
    assert result["performance.slice_risks"].state == "not_applicable"


@pytest.mark.parametrize("missing", ["performance.slices"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    finding = risks(tmp_path / "audit", turned=0.4, checks=[check for check in CHECKS if check != missing])
    assert finding.state == "not_run"
    assert f"no finding of {missing}" in finding.reason


def test_model_that_knows_where_it_errs_is_rarely_accused(tmp_path: Path) -> None:
    """Confidence that is right everywhere; a slice is confirmed on rows that are then looked at again."""
    accused = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        kind = rng.integers(6, size=2400)
        p = np.where(kind == 0, 0.7, 0.85)
        frame = pl.DataFrame({"kind": kind, "y": (rng.random(2400) < p).astype(int)})

        def model(X: pl.DataFrame) -> np.ndarray:
            sure = np.where(X["kind"].to_numpy() == 0, 0.7, 0.85)
            return np.column_stack([1 - sure, sure])

        checks = ["performance.slices", "performance.slice_risks"]
        result = audit(model, test=frame, target="y", check=checks, cache=False, out=tmp_path / f"audit{seed}")
        finding = result["performance.slice_risks"]
        if finding.state == "measured":
            interval = finding["overconfidence_gap"].interval
            assert interval is not None
            accused += interval.low is not None and interval.low > 0.0
    # Two of twelve at a true rate of 0.05 happen with a chance of 0.12, three with 0.02.
    assert accused < 3
