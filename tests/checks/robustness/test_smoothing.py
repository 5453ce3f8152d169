"""Smoothing speaks of the smoothed model: its accuracy, its proofs, its abstentions."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.adapters.models.opening import wrap_model
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable
from holdfast.core.subject import Table

CHECK = "robustness.smoothing"


def draw(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.integers(0, 20, n)
    return pl.DataFrame({"a": a, "b": b, "y": np.where(a > 0, "yes", "no")})


def run(effort: str = "quick", parameters: dict[str, float] | None = None, **stated: object) -> Outcome:
    train, test = (Table(name=name, frame=draw(s, n), digest=name) for name, s, n in (("a", 0, 500), ("b", 1, 200)))
    fitted = LogisticRegression(C=1e4).fit(train.frame.select("a", "b").to_pandas(), train.frame["y"].to_numpy())
    model, deployment = wrap_model(fitted), Deployment(**stated)  # type: ignore[arg-type]
    facts = settle(deployment, target="y", train=train, test=test, model=model)
    subject = AuditSubject(facts=facts, deployment=deployment, train=train, test=test, model=model)
    entry = entry_for(CHECK)
    context = RunContext(check=CHECK, seed=0, effort=entry.spec.effort[effort])  # type: ignore[index]
    return import_module(entry.module).run(subject.view(entry.spec), context, **(parameters or {}))


def values(outcome: Outcome) -> dict[str, float]:
    return {item.id: item.value for item in outcome.measurements}


def test_what_is_proved_lies_beyond_the_distance_from_the_boundary() -> None:
    outcome = run()
    points, scale = outcome.tables["points"], float(np.subtract(*np.percentile(draw(0, 500)["a"], [75, 25])))
    away = np.abs(draw(1, 200)["a"].to_numpy()[points["row"].to_numpy()]) / scale
    assert (points["radius"].to_numpy() <= away + 0.02).all()
    found = values(outcome)
    assert 0.2 < found["smoothed_certified_share"] < found["smoothed_accuracy"] <= 1 - found["abstained_share"]
    assert outcome.tables["curve"]["share"][0] == pytest.approx(found["smoothed_accuracy"])


def test_words_never_speak_of_the_deployed_model() -> None:
    outcome = run()
    assert "nothing is proved of the deployed model" in outcome.assumptions[0]
    assert all("smoothed version" in item.plain for item in outcome.measurements)


def test_a_longer_move_is_proved_for_fewer_rows() -> None:
    near, far = (values(run(parameters={"distance": d}))["smoothed_certified_share"] for d in (0.1, 0.5))
    assert near > far


def test_columns_that_may_not_change_get_no_noise() -> None:
    found = values(run(immutable=("a",)))
    assert found["smoothed_certified_share"] > 0.8
    with pytest.raises(NotApplicable, match="no number may change"):
        run(immutable=("a", "b"))


def test_noise_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="expected a noise above 0"):
        run(parameters={"sigma": 0.0})
