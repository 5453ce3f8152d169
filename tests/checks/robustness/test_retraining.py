"""robustness.retraining trains copies of the model with remedies and says which withstand the attack better."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from holdfast.adapters.models.opening import wrap_model
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.checks.robustness.retraining import run
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable
from holdfast.core.subject import Table

CHECK = "robustness.retraining"


def draw(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({name: rng.normal(size=n).round(2) for name in ("a", "b", "c", "d")})
    wins = frame["a"] - frame["b"] + rng.normal(0, 0.7, n) > 0
    return frame.with_columns(y=pl.Series(np.where(wins, "yes", "no")))


TRAIN, TEST = draw(0, 600), draw(1, 300)


def check(model: Any) -> Outcome:
    wrapped = wrap_model(model.fit(TRAIN.drop("y").to_pandas(), TRAIN["y"].to_numpy()))
    train, test = (Table(name=name, frame=f, digest=name) for name, f in (("train", TRAIN), ("test", TEST)))
    facts = settle(Deployment(), target="y", train=train, test=test, model=wrapped)
    subject = AuditSubject(facts=facts, deployment=Deployment(), train=train, test=test, model=wrapped)
    spec = entry_for(CHECK).spec
    return run(subject.view(spec), RunContext(check=CHECK, seed=0, effort=spec.effort["quick"]))


@cache
def checked(kind: str) -> Outcome:
    models = {
        "forest": RandomForestClassifier(20, random_state=0),
        "boosting": HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=2, random_state=0),
        "logistic": LogisticRegression(),
    }
    return check(models[kind])


def test_larger_leaves_and_constraints_help_a_model_that_learns_noise_by_heart() -> None:
    verdicts = dict(checked("boosting").tables["remedies"].select("remedy", "verdict").iter_rows())
    assert set(verdicts) == {"coarser bins", "larger leaves", "less depth", "monotone constraints"}
    assert "helps" in (verdicts["larger leaves"], verdicts["monotone constraints"])


def test_the_best_gain_is_that_of_the_table_with_its_cost() -> None:
    outcome = checked("forest")
    found, table = {m.id: m for m in outcome.measurements}, outcome.tables["remedies"]
    assert found["best_gain"].value == table["gain"].max()
    assert found["robust_share"].value == table["robust_before"][0]
    interval = found["best_gain"].interval
    assert interval is not None
    assert "remedies" in interval.method
    assert (table["robust_after"] <= table["clean_after"]).all()


def test_remedies_are_those_that_the_model_has_settings_for() -> None:
    assert "coarser bins" not in checked("forest").tables["remedies"]["remedy"].to_list()
    with pytest.raises(NotApplicable, match="no setting"):
        checked("logistic")


def test_lightgbm_takes_settings_that_it_does_not_list() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    outcome = check(lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, random_state=0))
    told = dict(outcome.tables["remedies"].select("remedy", "what").iter_rows())
    assert "max_bin" in told["coarser bins"]
    assert "monotone_constraints" in told["monotone constraints"]
