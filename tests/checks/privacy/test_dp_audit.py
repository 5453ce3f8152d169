"""privacy.dp_audit accounts for what was stated, refutes what cannot be, and does nothing unasked."""

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
from holdfast.kernels.privacy.dp_accounting import dp_sgd_epsilon

CHECK = "privacy.dp_audit"
ROWS = 1500
RUN = {"noise_multiplier": 1.0, "batch_size": 15, "steps": 1000}
ACCOUNTED = dp_sgd_epsilon(sampler="poisson", noise_multiplier=1.0, sampling_rate=0.01, n_steps=1000, delta=1e-5)


@cache
def people(seed: int, rows: int = ROWS) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    y = (a + 0.5 * b + rng.normal(0, 1, rows) > 0).astype(int)
    return pl.DataFrame({"a": a, "b": b, "y": y})


def fitted(model: Any, train: pl.DataFrame) -> Any:
    return model.fit(train.drop("y").to_pandas(), train["y"].to_numpy())


def audited(model: Any, *, train: pl.DataFrame | None = None, test: pl.DataFrame | None = None, **stated: Any) -> Any:
    tables = {"train": people(0) if train is None else train, "test": people(1) if test is None else test}
    settings = {"effort": "default", "cache": False, "seed": 1, "parameters": {CHECK: stated} if stated else {}}
    return hf.audit(model, **tables, target="y", check=[CHECK], **settings)


def finding(model: Any, **given: Any) -> Finding:
    return audited(model, **given)[CHECK]


def values(found: Finding) -> dict[str, float]:
    assert found.state == "measured", found.reason
    return {measurement.key: measurement.value for measurement in found.measurements}


def simple() -> Any:
    return fitted(LogisticRegression(C=0.01), people(0))


def unknown(rows: Any) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(rows)[:, 0]))


def notes(found: Finding) -> str:
    return " ".join(found.assumptions)


def test_nothing_is_trained_when_nothing_was_stated() -> None:
    found = finding(simple())
    assert found.state == "not_applicable"
    assert "nobody stated" in (found.reason or "")
    assert "stated_epsilon" in (found.needed or "")
    assert "models" not in found.work


def test_a_model_that_learns_by_heart_refutes_a_stated_epsilon() -> None:
    found = finding(fitted(RandomForestClassifier(50, random_state=0), people(0)), stated_epsilon=1.0)
    assert found["audited_epsilon"].low > 1.5
    assert found["excess"].low == pytest.approx(found["audited_epsilon"].low - 1.0)
    assert "not as private as stated" in found["excess"].plain
    assert found.work["models"] == 1


def test_the_policy_fails_such_a_model() -> None:
    audit = audited(fitted(DecisionTreeClassifier(random_state=0), people(0)), stated_epsilon=0.5)
    verdicts = {verdict.measurement: verdict for verdict in audit.decision.verdicts}
    assert verdicts["privacy.dp_audit.excess"].verdict == "fail"


def test_a_simple_model_is_not_accused_and_not_proved_private() -> None:
    audit = audited(simple(), stated_epsilon=1.0)
    found = audit[CHECK]
    assert found["audited_epsilon"].low < 0.2
    assert found["excess"].high < 0
    assert "no proof of privacy" in notes(found)
    verdicts = {verdict.measurement: verdict for verdict in audit.decision.verdicts}
    assert verdicts["privacy.dp_audit.excess"].verdict == "not_broken"


def test_the_stated_run_is_accounted_for() -> None:
    found = finding(simple(), stated_epsilon=2.5, **RUN)
    assert values(found)["accounted_epsilon"] == pytest.approx(ACCOUNTED)
    assert found["accounted_epsilon"].bound == "upper"
    assert found["accounted_epsilon"].exact
    assert values(found)["stated_epsilon"] == 2.5
    assert "does not follow" not in notes(found)


def test_a_run_that_is_worth_more_than_stated_is_said() -> None:
    found = finding(simple(), stated_epsilon=1.0, **RUN)
    assert "The stated epsilon of 1 does not follow" in notes(found)


@pytest.mark.parametrize("sampler", ["shuffle", "fixed"])
def test_a_sampler_that_the_accountant_does_not_assume_costs_more(sampler: str) -> None:
    found = finding(simple(), stated_epsilon=2.5, sampler=sampler, **RUN)
    assert values(found)["accounted_if_poisson"] == pytest.approx(ACCOUNTED)
    assert values(found)["accounted_epsilon"] > 3 * ACCOUNTED
    assert "do not go together" in notes(found)


def test_a_model_that_cannot_be_trained_again_is_only_accounted_for() -> None:
    found = finding(unknown, stated_epsilon=2.5, **RUN)
    assert set(values(found)) == {"stated_epsilon", "accounted_epsilon"}
    assert "nothing was audited" in notes(found)


def test_without_a_run_and_without_training_there_is_no_number() -> None:
    found = finding(unknown, stated_epsilon=2.5)
    assert found.state == "not_run"
    assert "noise_multiplier" in (found.needed or "")


def test_a_run_stated_in_part_says_what_is_missing() -> None:
    found = finding(simple(), stated_epsilon=1.0, noise_multiplier=1.0, batch_size=15)
    assert found.state == "not_run"
    assert "epochs" in (found.needed or "")


def test_a_run_without_a_stated_epsilon_is_accounted_for_and_audited() -> None:
    assert set(values(finding(simple(), **RUN))) == {"accounted_epsilon", "audited_epsilon"}


def test_epochs_stand_for_steps() -> None:
    found = finding(simple(), noise_multiplier=1.0, sampling_rate=0.01, epochs=10)
    assert values(found)["accounted_epsilon"] == pytest.approx(ACCOUNTED)


def test_rows_that_do_not_fit_the_table_are_said_and_the_worse_counts() -> None:
    found = finding(simple(), n_train=60_000, **RUN)
    assert values(found)["accounted_epsilon"] == pytest.approx(ACCOUNTED)
    assert "60,000 rows, the training table has 1,500" in notes(found)


def test_statements_that_contradict_each_other_are_said() -> None:
    text = notes(finding(simple(), sampling_rate=0.001, epochs=50, **RUN))
    assert "the larger is used" in text
    assert "5,000" in text


def test_a_large_delta_is_said() -> None:
    assert "given away entirely" in notes(finding(simple(), delta=0.01, **RUN))


@pytest.mark.parametrize(
    ("stated", "word"),
    [
        ({"sampler": "poison"}, "poison"),
        ({"delta": 1.5}, "delta"),
        ({"stated_epsilon": -1.0}, "epsilon"),
        ({"canary_labels": "right"}, "canary_labels"),
        ({"batch_size": 5000, "noise_multiplier": 1.0, "steps": 10}, "batch_size"),
        ({"sampling_rate": 2.0}, "sampling_rate"),
    ],
)
def test_nonsense_is_refused(stated: dict[str, Any], word: str) -> None:
    found = finding(simple(), **{"stated_epsilon": 1.0, **stated})
    assert found.state == "error"
    assert word in (found.reason or "")


def test_true_labels_can_be_kept() -> None:
    tree = fitted(DecisionTreeClassifier(random_state=0), people(0))
    wrong, true = (finding(tree, stated_epsilon=1.0, canary_labels=kind) for kind in ("wrong", "true"))
    assert 0 < true["audited_epsilon"].low < wrong["audited_epsilon"].low


def test_regression_models_are_audited_by_their_errors() -> None:
    train, test = (frame.with_columns(y=pl.col("a") * 3 + pl.col("b")) for frame in (people(0), people(1)))
    model = DecisionTreeRegressor(random_state=0).fit(train.drop("y").to_pandas(), train["y"].to_numpy())
    assert finding(model, train=train, test=test, stated_epsilon=1.0)["audited_epsilon"].low > 1


def test_three_classes_are_audited() -> None:
    train, test = (frame.with_columns(y=pl.col("y") + (pl.col("b") > 1)) for frame in (people(0), people(1)))
    model = fitted(DecisionTreeClassifier(random_state=0), train)
    assert finding(model, train=train, test=test, stated_epsilon=1.0)["audited_epsilon"].low > 1


def test_too_few_canaries_are_said() -> None:
    found = finding(simple(), test=people(1)[:30], stated_epsilon=1.0)
    assert found.state == "not_run"
    assert "fewer than the 50" in (found.reason or "")


def test_each_canary_stands_in_the_evidence(tmp_path: Any) -> None:
    tree = fitted(DecisionTreeClassifier(random_state=0), people(0))
    hf.audit(
        tree, train=people(0), test=people(1), target="y", check=[CHECK], out=tmp_path / "out", cache=False,
        parameters={CHECK: {"stated_epsilon": 1.0}}, seed=1,
    )  # fmt: skip
    canaries = pl.read_parquet(tmp_path / "out" / "evidence" / CHECK / "canaries.parquet")
    assert canaries.columns == ["row", "included", "score", "guess", "right"]
    assert canaries["row"].is_sorted()
    assert 400 < canaries["included"].sum() < 600
    assert canaries.filter(pl.col("guess") != "none")["right"].mean() > 0.8
    assert (
        canaries.filter(pl.col("guess") == "none")["right"].null_count()
        == canaries.filter(pl.col("guess") == "none").height
    )
