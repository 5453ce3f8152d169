"""``holdfast retraining`` as a user runs it."""

from __future__ import annotations

import json

import joblib
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from tests.e2e.workplace import Workplace


@pytest.fixture
def history(place: Workplace) -> Workplace:
    """A history in which what decides turns slowly, and a model of its beginning."""
    rng = np.random.default_rng(0)
    x, angle = rng.normal(size=(1000, 2)), 3.0 * np.arange(1000) / 1000
    y = (x[:, 0] * np.cos(angle) + x[:, 1] * np.sin(angle) > 0).astype(int)
    table = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "bought": y})
    table.write_csv(place.folder / "history.csv")
    model = LogisticRegression().fit(table.head(200).select("a", "b").to_pandas(), y[:200])
    joblib.dump(model, place.folder / "model.joblib")
    return place


def asked(history: Workplace, *options: str) -> tuple[str, ...]:
    del history
    return ("retraining", "history.csv", "--target", "bought", "--every", "100", "--cost-of-retraining", "5", *options)


def test_strategies_stand_side_by_side(history: Workplace) -> None:
    output = history.run(*asked(history, "--window", "200"))
    assert output.returncode == 0, output
    for said in ("when it pays", "never", "every period", "on drift of inputs", "This leans on:"):
        assert said in output.stdout


def test_json_and_report_for_the_users_own_model(history: Workplace) -> None:
    output = history.run(
        *asked(history, "--window", "200", "--model", "model.joblib", "--format", "json", "--html", "r.html")
    )
    assert output.returncode == 0, output
    found = json.loads(output.stdout)
    costs = {each["name"]: each["cost"] for each in found["strategies"]}
    assert costs["when it pays"] < costs["never"]
    page = (history.folder / "r.html").read_text()
    assert "<svg" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cost-of-retraining", "-5"), "cost of 0 or more"),
        (("--every", "7d"), "holds numbers"),
        (("--target", "bougt"), "did you mean 'bought'?"),
        (("--format", "yaml"), "expected one of the formats"),
    ],
)
def test_bad_input_is_refused_with_the_next_step(history: Workplace, options: tuple[str, ...], said: str) -> None:
    output = history.run(*asked(history, *options))
    assert output.returncode == 2
    assert said in output.stderr
