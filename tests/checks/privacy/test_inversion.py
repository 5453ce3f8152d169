"""Model inversion: a network that learnt its rows by heart, one that never saw them, and what cannot be attacked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.opening import HeldModel
from holdfast.adapters.models.torch import of_module
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.credit import Twin
from holdfast.auditing.planted_networks import SIDE, pictures_by_heart, pictures_twin
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.checks.privacy.inversion import run
from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from holdfast.core.measurement import Interval
from holdfast.core.network import NetworkSettings, RawNetwork, Step
from holdfast.core.subject import ModelInfo, RawPredictions, Table
from tests.harness import SimpleModel, run_check

CHECK = "privacy.inversion"
WIDTH, CLASSES = 200, 3


class Linear:
    """Softmax regression as a network, by an adapter as small as one can be."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights.astype(np.float32)
        self.info = ModelInfo(
            format="onnx", description="linear", capabilities=frozenset({"labels", "scores", "query", "gradients"})
        )

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        logits = X.to_numpy().astype(np.float32) @ self.weights
        scores = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
        return RawPredictions(labels=None, scores=scores / scores.sum(axis=1, keepdims=True))

    def network(self) -> RawNetwork:
        steps = (Step(op="MatMul", inputs=("input", "W"), output="z"),)
        return RawNetwork(steps=steps, constants={"W": self.weights}, input_shape=(WIDTH,), output="z", link="logits")

    def refit(self, X: pl.DataFrame, y: Any, **_: Any) -> Any:
        raise AssertionError("not offered")


def draw(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, n)
    X = rng.normal(size=(n, WIDTH)) + 0.2 * np.random.default_rng(99).normal(size=(CLASSES, WIDTH))[y]
    return pl.DataFrame(X, schema=[f"x{i}" for i in range(WIDTH)]).with_columns(y=pl.Series(y))


def learnt(frame: pl.DataFrame, penalty: float) -> Linear:
    """Least squares on one-hot classes; a small penalty learns rows by heart."""
    X, y = frame.drop("y").to_numpy(), np.eye(CLASSES)[frame["y"].to_numpy()]
    return Linear(5.0 * np.linalg.solve(X.T @ X + penalty * np.eye(WIDTH), X.T @ (y - 1 / CLASSES)))


class Held(SimpleModel):
    """The adapter as a model of the harness."""

    def __init__(self, adapter: Linear) -> None:
        self._held = HeldModel(adapter, batch_rows=10_000)
        self.info, self.queries = self._held.info, 0

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        return self._held.predict(X)

    def network(self) -> RawNetwork:
        return self._held.network()


def inverted(adapter: Linear, train: pl.DataFrame, test: pl.DataFrame) -> Outcome:
    pytest.importorskip("torch", reason="torch is not installed: networks are not inverted")
    return run_check(CHECK, model=Held(adapter), train=train, test=test, target="y", effort="quick")


def interval(outcome: Outcome, id: str) -> Interval:
    found = {m.id: m.interval for m in outcome.measurements}[id]
    assert found is not None
    return found


def test_rows_that_were_learnt_by_heart_are_nearer_to_what_the_network_shows() -> None:
    train, test = draw(0, 80), draw(1, 800)
    outcome = inverted(learnt(train, 1.0), train, test)
    low = interval(outcome, "member_auc").low
    assert low is not None
    assert low > 0.6
    assert outcome.tables["classes"]["members"].sum() == 80


def test_a_network_that_never_saw_the_rows_gives_nothing_away() -> None:
    outcome = inverted(learnt(draw(5, 80), 1.0), draw(0, 400), draw(1, 800))
    found = interval(outcome, "member_auc")
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert any("stand in" in note for note in outcome.assumptions)


def test_too_few_rows_are_said() -> None:
    with pytest.raises(NotRun, match="20 training rows"):
        inverted(learnt(draw(0, 80), 1.0), draw(0, 20), draw(1, 400))


def test_a_network_that_knows_pictures_by_heart_is_told_from_one_that_does_not() -> None:
    pytest.importorskip("torch", reason="torch is not installed: networks are not inverted")
    clean = pictures_twin(7)
    planted, innocent = (audited(twin) for twin in (pictures_by_heart(clean), clean))
    found, chance = interval(planted, "member_auc"), interval(innocent, "member_auc")
    assert found.low is not None
    assert chance.high is not None
    assert found.low > 0.8
    assert chance.low < 0.5 < chance.high < found.low  # type: ignore[operator]
    shown = planted.tables["likenesses"]
    assert shown.height == 6
    assert shown["ratio"].is_sorted()
    assert shown["ratio"][0] < 0.95
    for line in shown.iter_rows(named=True):
        assert line["shape"] == [SIDE, SIDE, 1]
        own = clean.train.row(line["row"])
        assert own[0] == int(line["class"])
        np.testing.assert_allclose(line["training"], own[1:])


def test_pictures_of_people_are_kept_back_where_data_are_personal() -> None:
    pytest.importorskip("torch", reason="torch is not installed: networks are not inverted")
    outcome = audited(pictures_twin(7), sensitivity="personal")
    assert "likenesses" not in outcome.tables
    assert "public or internal" in outcome.assumptions[-1]


def audited(twin: Twin, **changes: Any) -> Outcome:
    assert twin.deployment is not None
    model = HeldModel(of_module(twin.model, NetworkSettings(), row_shape=(1, SIDE, SIDE)), batch_rows=1000)
    train, test = (Table(name=name, frame=getattr(twin, name), digest=name) for name in ("train", "test"))
    facts = settle(twin.deployment, target=twin.target, train=train, test=test, model=model)
    deployment = replace(twin.deployment, **changes)
    on = AuditSubject(facts=facts, deployment=deployment, train=train, test=test, model=model)
    entry = entry_for(CHECK)
    context = RunContext(check=CHECK, seed=0, effort=entry.spec.effort["quick"])
    return run(on.view(entry.spec), context)


@pytest.mark.slow
def test_every_planted_network_is_found_and_innocent_ones_rarely_accused() -> None:
    pytest.importorskip("torch", reason="torch is not installed: networks are not inverted")
    found = accused = 0
    for seed in range(60):
        clean = pictures_twin(1000 + seed)
        low = interval(audited(clean), "member_auc").low
        accused += low is not None and low > 0.5
        if seed < 20:
            low = interval(audited(pictures_by_heart(clean)), "member_auc").low
            found += low is not None and low > 0.6
    assert found == 20
    # one side of an interval at 95 %: 1.5 in 60 are expected, 7 would come once in 1,000 times
    assert accused < 7


@pytest.mark.slow
def test_networks_that_never_saw_the_rows_are_rarely_accused() -> None:
    accused = 0
    for seed in range(100):
        outcome = inverted(learnt(draw(10_000 + seed, 80), 1.0), draw(seed, 300), draw(20_000 + seed, 600))
        low = interval(outcome, "member_auc").low
        accused += low is not None and low > 0.5
    # one side of an interval at 95 %: 2.5 in 100 are expected, 9 would come once in 1,000 times
    assert accused < 9
