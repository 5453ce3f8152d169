from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier

from holdfast.auditing.api import audit
from holdfast.core.finding import Finding

CHECKS = ["data.labels", "data.duplicates", "privacy.membership", "privacy.exposure"]


def table(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    y = (x @ [3.0, -2.0, 1.0, 0.0] > 0).astype(int)
    return pl.DataFrame(x, schema=["a", "b", "c", "d"]).with_columns(y=y)


def exposure(
    model: RandomForestClassifier,
    train: pl.DataFrame,
    folder: Path,
    *,
    learned: pl.DataFrame | None = None,
    checks: list[str] = CHECKS,
) -> Finding:
    """Audit a model that says it was trained on a table, and was trained on that or on another one."""
    taught = train if learned is None else learned
    fitted = model.fit(taught.drop("y").to_numpy(), taught["y"].to_numpy())
    result = audit(
        fitted, train=train, test=table(1, 1500), target="y", check=checks, effort="quick", cache=False, out=folder
    )
    return result["privacy.exposure"]


@pytest.fixture
def careless() -> pl.DataFrame:
    turned = pl.int_range(pl.len()) % 12 == 0
    return table(0, 1500).with_columns(y=pl.when(turned).then(1 - pl.col("y")).otherwise(pl.col("y")))


def test_errors_that_a_model_learned_by_heart_are_named_as_the_cause(careless: pl.DataFrame, tmp_path: Path) -> None:
    finding = exposure(RandomForestClassifier(60, random_state=0), careless, tmp_path / "audit")
    found = finding["stands_out.labels"]
    assert finding.state == "measured"
    assert found.interval is not None
    assert found.interval.low is not None
    assert found.interval.low > 0.1
    assert "whose outcome looks wrong" in found.plain


def test_model_of_other_people_is_not_blamed(careless: pl.DataFrame, tmp_path: Path) -> None:
    forest = RandomForestClassifier(60, random_state=0)
    found = exposure(forest, careless, tmp_path / "audit", learned=table(2, 1500))["stands_out.labels"]
    assert found.interval is not None
    assert found.interval.low is not None
    assert found.interval.low <= 0.02


def test_clean_table_and_missing_findings_are_said(tmp_path: Path) -> None:
    forest = RandomForestClassifier(10, random_state=0)
    clean = exposure(forest, table(0, 1000), tmp_path / "clean")
    assert (clean.state, "suspects or repeats" in str(clean.reason)) == ("not_applicable", True)
    alone = exposure(forest, table(0, 1000), tmp_path / "alone", checks=["privacy.exposure"])
    assert (alone.state, alone.needed) == ("not_run", "add --check privacy.membership")
