"""privacy.defences praises what works against an attacker who knows of it, and nothing that can be taken back."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import holdfast as hf
from holdfast.auditing.catalogue import catalogue
from holdfast.auditing.config import AuditConfig
from holdfast.auditing.planning import why_not
from holdfast.auditing.subject import Facts
from holdfast.core.finding import Finding

CHECK = "privacy.defences"


def people(seed: int, rows: int = 1200) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    return pl.DataFrame({"a": a, "b": b, "y": (a + b + rng.normal(0, 1.5, rows) > 0).astype(int)})


@cache
def audited(kind: str) -> tuple[Finding, dict[str, str]]:
    from tempfile import mkdtemp

    train, test = people(0), people(1)
    model: Any = RandomForestClassifier(20, random_state=0) if kind == "forest" else LogisticRegression()
    model.fit(train.drop("y").to_pandas(), train["y"].to_numpy())
    folder = mkdtemp()
    result = hf.audit(model, train=train, test=test, target="y", check=[CHECK], effort="quick", cache=False, out=folder)
    table = pl.read_parquet(f"{folder}/evidence/{CHECK}/defences.parquet")
    return result[CHECK], dict(table.select("remedy", "verdict").iter_rows())


def test_larger_leaves_keep_a_forest_from_learning_by_heart() -> None:
    finding, verdicts = audited("forest")
    assert finding["leak"].low > 0.05
    assert verdicts["larger leaves"] == "works"
    assert finding["best_in_training"].low > 0


@pytest.mark.parametrize("remedy", ["round to 2 decimals", "temperature", "noise", "best class only"])
def test_what_can_be_worked_around_is_not_praised(remedy: str) -> None:
    assert audited("forest")[1][remedy] != "works"


def test_remedies_are_those_that_the_model_has_settings_for() -> None:
    verdicts = audited("logistic")[1]
    assert "stronger regularisation" in verdicts
    assert "larger leaves" not in verdicts


def test_a_model_that_leaks_nothing_has_nothing_to_gain() -> None:
    finding, verdicts = audited("logistic")
    assert finding["leak"].low <= 0.015
    assert "works" not in {verdicts["round to 2 decimals"], verdicts["temperature"], verdicts["clip"]}


def test_it_runs_only_when_asked_for() -> None:
    config = AuditConfig()
    entry = catalogue()[CHECK]
    offered = {"train", "test", "target", "refit", "scores"}
    facts = Facts(task="binary", target="y", classes=(0, 1), positive=1, features=("a",), info=None, assumptions=())
    assert "asked for" in (why_not(entry, facts, offered, config) or ("", "", ""))[1]
    assert why_not(entry, facts, offered, replace(config, check=(CHECK,))) is None
    assert why_not(entry, facts, offered, replace(config, effort="thorough")) is None


def test_too_few_rows_are_said() -> None:
    train, test = people(0, 300), people(1, 300)
    model = LogisticRegression().fit(train.drop("y").to_pandas(), train["y"].to_numpy())
    finding = hf.audit(model, train=train, test=test, target="y", check=[CHECK], cache=False)[CHECK]
    assert finding.state == "not_run"
    assert "needs 1000" in (finding.reason or "")


def test_leaving_exposed_rows_out_says_what_becomes_of_the_others() -> None:
    finding, verdicts = audited("forest")
    assert verdicts["exposed rows left out"] != "works"  # a forest learns the next ones by heart
    assert "of the rows left" in finding["best_in_data"].plain
    assert not any("limit on questions" in note for note in finding.assumptions)


def test_early_stopping_is_tried_where_the_model_has_it() -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    train, test = people(0), people(1)
    model = GradientBoostingClassifier(n_estimators=40, random_state=0).fit(
        train.drop("y").to_pandas(), train["y"].to_numpy()
    )
    result = hf.audit(model, train=train, test=test, target="y", check=[CHECK, "privacy.extraction"], effort="quick",
                      cache=False)  # fmt: skip
    assert result[CHECK].state == "measured"
    words = " ".join(result[CHECK].assumptions)
    assert ("limit on questions" in words) == ("queries_to_95" in {m.id.split(".")[-1] for m in
                                               result["privacy.extraction"].measurements})  # fmt: skip
