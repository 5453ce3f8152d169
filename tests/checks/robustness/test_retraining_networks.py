"""robustness.retraining on networks with a stated recipe: remedies, their price, and what a temperature is worth."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.checks.robustness.retraining import run
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import ModelError
from holdfast.core.subject import Table
from holdfast.core.training import NetworkTraining
from tests.onnx_graphs import model, node, weights

pytest.importorskip("torch", reason="torch is not installed: networks are not trained again")
CHECK = "robustness.retraining"
RECIPE = NetworkTraining(epochs=15, learning_rate=0.01, batch_size=32)


def draw(seed: int, n: int) -> pl.DataFrame:
    """One column tells all as long as nobody moves it; nine others, further apart, tell less."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    sides = np.where(y, 1.0, -1.0)
    columns = {"tell": sides * 0.05 + rng.normal(0, 0.01, n)}
    columns |= {f"x{i}": sides * 0.5 + rng.normal(0, 1, n) for i in range(9)}
    return pl.DataFrame(columns).with_columns(y=pl.Series(y))


@cache
def check(recipe: NetworkTraining = RECIPE) -> Outcome:
    nodes = [node("Mul", "x scale", "m"), node("Gemm", "m w b", "g"), node("Relu", "g", "r"), node("Gemm", "r v", "l")]
    constants = {
        "scale": np.float32([20] + [1] * 9), "w": weights(10, 8), "b": weights(8, seed=1), "v": weights(8, 2, seed=2),
    }  # fmt: skip
    opened = HeldModel(load(model(nodes, row=[10], constants=constants, output="l", width=2)), batch_rows=1000)
    train, test = (
        Table(name=name, frame=draw(seed, n), digest=name) for name, seed, n in (("train", 0, 400), ("test", 1, 60))
    )
    deployment = Deployment(ranges={"tell": (-0.2, 0.2)}, immutable=tuple(f"x{i}" for i in range(9)))
    facts = settle(deployment, target="y", train=train, test=test, model=opened, training=recipe)
    subject = AuditSubject(facts=facts, deployment=deployment, train=train, test=test, model=opened)
    context = RunContext(check=CHECK, seed=0, effort={"points": 40, "queries": 20})
    return run(subject.view(entry_for(CHECK).spec), context, distance=1.0)


def remedies() -> dict[str, dict[str, Any]]:
    return {line["remedy"]: line for line in check().tables["remedies"].iter_rows(named=True)}


@pytest.mark.slow
def test_adversarial_training_helps_where_one_cell_tells_all() -> None:
    found = remedies()
    assert set(found) == {"adversarial training", "label smoothing", "weight averaging", "weight decay"}
    assert found["adversarial training"]["verdict"] == "helps"
    assert found["adversarial training"]["gain"] == max(line["gain"] for line in found.values())
    assert found["adversarial training"]["clean_after"] > 0.8
    assert all(line["robust_after"] <= line["clean_after"] for line in found.values())


@pytest.mark.slow
def test_a_temperature_saves_no_row() -> None:
    (said,) = [each for each in check().assumptions if "temperature" in each]
    plain = round(remedies()["label smoothing"]["robust_before"] * 40)
    assert f"Of 40 rows, {plain} withstand" in said
    assert f", {plain} with its scores divided by 0.01" in said


def test_a_recipe_that_diverges_is_said() -> None:
    with pytest.raises(ModelError, match="smaller learning rate"):
        check(NetworkTraining(epochs=30, learning_rate=1e6, optimiser="sgd"))
