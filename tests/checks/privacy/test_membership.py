"""privacy.membership finds what a model gives away, and nothing where it gives nothing away."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import holdfast as hf
from holdfast.core.finding import Finding

CHECK = "privacy.membership"
ROWS = 1200


@cache
def people(seed: int, rows: int = ROWS, shift: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(shift, 1, rows), rng.normal(size=rows)
    y = (a + 0.5 * b + rng.normal(0, 1, rows) > 0).astype(int)
    return pl.DataFrame({"a": a, "b": b, "sex": rng.integers(0, 2, rows), "y": y})


def audited(model: Any, train: pl.DataFrame, test: pl.DataFrame, **settings: Any) -> Finding:
    given = {"effort": "quick", "cache": False, "seed": 1, **settings}
    return hf.audit(model, train=train, test=test, target="y", check=[CHECK], **given)[CHECK]


def values(finding: Finding) -> dict[str, float]:
    assert finding.state == "measured", finding.reason
    return {measurement.key: measurement.value for measurement in finding.measurements}


def fitted(model: Any, train: pl.DataFrame) -> Any:
    return model.fit(train.drop("y").to_pandas(), train["y"].to_numpy())


def test_a_model_that_learns_by_heart_is_found_out() -> None:
    train, test = people(0), people(1)
    finding = audited(fitted(RandomForestClassifier(30, random_state=0), train), train, test)
    found = values(finding)
    assert finding["tpr_at_1_in_100"].low > 0.1
    assert finding["epsilon"].low > 1
    assert found["n_named"] > 50
    assert found["procedure_tpr_at_1_in_100"] > 0.1
    assert abs(found["blind_auc"] - 0.5) < 0.05
    assert "tpr_at_1_in_1000" not in found
    assert any("1 in 1,000" in note and "not resolvable" in note for note in finding.assumptions)


def test_a_simple_model_is_not_accused() -> None:
    train, test = people(0), people(1)
    finding = audited(fitted(LogisticRegression(), train), train, test)
    assert finding["tpr_at_1_in_100"].low <= 0.01
    assert finding["epsilon"].low == 0
    assert values(finding)["n_named"] == 0


def test_a_model_trained_on_other_people_is_not_accused() -> None:
    others = people(5)
    finding = audited(fitted(DecisionTreeClassifier(random_state=0), others), people(0), people(1))
    assert finding["tpr_at_1_in_100"].low <= 0.01
    assert finding["auc"].low <= 0.5


def test_tables_that_differ_make_membership_unidentifiable_but_not_the_procedure() -> None:
    train, test = people(0), people(1, shift=1.5)
    finding = audited(fitted(RandomForestClassifier(30, random_state=0), train), train, test)
    found = values(finding)
    assert "tpr_at_1_in_100" not in found
    assert found["procedure_tpr_at_1_in_100"] > 0.1
    assert found["blind_auc"] > 0.6
    assert any("not identifiable" in note for note in finding.assumptions)


def test_a_model_that_cannot_be_trained_again_is_attacked_with_weak_stand_ins() -> None:
    train, test = people(0, 2500), people(1, 2500)
    tree = DecisionTreeClassifier(random_state=0).fit(train.drop("y").to_numpy(), train["y"].to_numpy())
    finding = audited(lambda rows: tree.predict_proba(np.asarray(rows)), train, test)
    assert finding["tpr_at_1_in_100"].low > 0.01
    assert any("cannot be trained again" in note for note in finding.assumptions)
    assert not any(key.startswith("procedure") for key in values(finding))


def test_stand_ins_on_tables_that_differ_say_nothing_but_the_blind_guess() -> None:
    finding = audited(lambda rows: 1 / (1 + np.exp(-np.asarray(rows)[:, 0])), people(0), people(1, shift=1.5))
    assert set(values(finding)) == {"blind_auc"}


def test_labels_alone_give_members_away_too() -> None:
    train, test = people(0), people(1)
    model = fitted(DecisionTreeClassifier(random_state=0), train)
    finding = audited(model, train, test, deployment={"returns": "label"})
    assert any("labels only" in note for note in finding.assumptions)
    assert finding["auc"].low > 0.55


def test_regression_models_are_attacked_by_their_errors() -> None:
    train, test = (
        people(seed).with_columns(y=pl.col("a") + pl.Series(np.random.default_rng(seed).normal(size=ROWS)))
        for seed in (0, 1)
    )
    model = DecisionTreeRegressor(random_state=0).fit(train.drop("y").to_pandas(), train["y"].to_numpy())
    finding = audited(model, train, test)
    assert finding["tpr_at_1_in_100"].low > 0.1


def test_rows_of_both_tables_are_left_out() -> None:
    train, test = people(0), pl.concat([people(1), people(0)[:300]])
    finding = audited(fitted(LogisticRegression(), train), train, test)
    assert any("600 rows" in note for note in finding.assumptions)
    assert finding["tpr_at_1_in_100"].n == 2 * ROWS - 300


def test_too_few_rows_are_said() -> None:
    train = people(0)
    finding = audited(fitted(LogisticRegression(), train), train, people(1)[:60])
    assert finding.state == "not_run"
    assert "fewer than 100" in (finding.reason or "")


def test_classes_that_a_copy_never_saw_do_no_harm() -> None:
    train = people(0).with_columns(y=pl.when(pl.int_range(ROWS) < 3).then(2).otherwise("y"))
    model = fitted(DecisionTreeClassifier(max_depth=5, random_state=0), train)
    assert audited(model, train, people(1)).state == "measured"


def test_scores_can_be_used_by_others(tmp_path: Any) -> None:
    train, test = people(0), people(1)
    model = fitted(RandomForestClassifier(20, random_state=0), train)
    hf.audit(model, train=train, test=test, target="y", check=[CHECK], effort="quick", out=tmp_path / "out")
    scores = pl.read_parquet(tmp_path / "out" / "evidence" / CHECK / "scores.parquet")
    assert scores.columns[:3] == ["row", "member", "split"]
    assert scores["member"].sum() == ROWS
    assert scores.filter("member")["rmia"].mean() > scores.filter(~pl.col("member"))["rmia"].mean()
    named = pl.read_parquet(tmp_path / "out" / "evidence" / CHECK / "affected_rows.parquet")
    assert named["row"].is_in(scores.filter("member")["row"].to_list()).all()


def test_a_limit_that_is_broken_early_ends_the_training(tmp_path: Any) -> None:
    train, test = people(0, 12_000), people(1, 12_000)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "name: strict\nrules:\n  - measurement: privacy.membership.tpr_at_1_in_1000\n    max: 0.01\n"
        "    severity: high\n    because: a test\n",
        encoding="utf-8",
    )
    model = fitted(RandomForestClassifier(20, random_state=0), train)
    finding = audited(model, train, test, effort="default", policy=str(policy))
    assert finding.work["models"] == 4
    assert any("stopped early" in note for note in finding.assumptions)


@pytest.mark.slow
def test_models_that_give_nothing_away_are_rarely_accused() -> None:
    alarms = 0
    for seed in range(100):
        train, test = people(10 + 2 * seed), people(11 + 2 * seed)
        finding = audited(fitted(LogisticRegression(C=0.01), people(5000 + seed)), train, test, seed=seed)
        rate = finding["tpr_at_1_in_100"] if finding.measurements[0].key == "tpr_at_1_in_100" else None
        alarms += rate is not None and rate.low > 0.01
    # at most 2.5 % in expectation; 8 or more of 100 have a probability below 0.5 % then
    assert alarms < 8
