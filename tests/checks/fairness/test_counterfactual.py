from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import SimpleModel, run_check

PEOPLE = Deployment(sensitive=("sex", "age"))
Answer = Callable[[pl.DataFrame], np.ndarray]


def table(n: int = 2500, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "x": rng.random(n),
            "sex": rng.choice(["f", "m", "x"], n, p=[0.5, 0.45, 0.05]),
            "age": rng.integers(18, 90, n),
            "y": rng.integers(2, size=n),
        }
    )


def biased(by: float) -> Answer:
    def answer(X: pl.DataFrame) -> np.ndarray:
        p = np.clip(X["x"].to_numpy() * 0.8 + by * (X["sex"] == "m").to_numpy(), 0, 1)
        return np.column_stack((1 - p, p))

    return answer


def run(answer: object, frame: pl.DataFrame | None = None, deployment: Deployment = PEOPLE) -> Outcome:
    test = table() if frame is None else frame
    return run_check("fairness.counterfactual", model=answer, test=test, target="y", deployment=deployment)


def found(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def test_a_model_that_ignores_the_columns_changes_no_answer() -> None:
    outcome = run(biased(0.0))
    measured = found(outcome)
    for name in ("sex", "age"):
        share = measured[f"changed_share.{name}"]
        assert share.value == 0.0
        assert share.interval is not None
        assert 0.0 < share.interval.high < 0.003  # type: ignore[operator]
        assert measured[f"score_change.{name}"].value == pytest.approx(0.0, abs=1e-12)
    assert outcome.tables["affected_rows"].height == 0
    assert any("not a causal effect" in text for text in outcome.assumptions)


def test_the_share_that_changes_is_counted() -> None:
    frame = table()
    outcome = run(biased(0.16), frame)
    share = found(outcome)["changed_share.sex"]
    # Answers change where 0.8 x lies within 0.16 below one half: a fifth of the rows.
    assert share.interval is not None
    assert share.interval.low <= 0.2 <= share.interval.high  # type: ignore[operator]
    assert found(outcome)["score_change.sex"].value == pytest.approx(0.16, abs=0.005)
    assert found(outcome)["changed_share.age"].value == 0.0
    assert "not a causal effect" in share.plain
    rows = outcome.tables["affected_rows"]["row"]
    x = frame["x"].to_numpy()[rows.to_numpy()] * 0.8
    assert ((x > 0.33) & (x < 0.51)).all()
    changes = outcome.tables["changes"].filter((pl.col("from") == "f") & (pl.col("to") == "m")).row(0, named=True)
    assert changes["loses_favourable"] == 0
    assert changes["gains_favourable"] == changes["share"] * changes["n"]


def test_a_column_that_is_no_input_is_named_and_alone_not_applicable() -> None:
    frame = table()
    deployment = Deployment(sensitive=("sex", "age"), ignore=("age",))
    outcome = run(biased(0.1), frame, deployment)
    assert "changed_share.age" not in found(outcome)
    assert any("age is no input" in text for text in outcome.assumptions)
    with pytest.raises(NotApplicable, match="none of the sensitive columns"):
        run(biased(0.1), frame, Deployment(sensitive=("age",), ignore=("age",)))


def test_labels_alone_are_compared_without_scores() -> None:
    measured = found(run(lambda X: biased(0.2)(X)[:, 1].round().astype(int)))
    assert "score_change.sex" not in measured
    assert measured["changed_share.sex"].value > 0.1


def test_predictions_of_a_regression_are_compared_in_their_unit() -> None:
    frame = table().with_columns(y=pl.col("x") * 10)

    class Values(SimpleModel):
        def __init__(self) -> None:
            from dataclasses import replace

            super().__init__(lambda X: X["x"].to_numpy() * 10 + 3 * (X["sex"] == "m").to_numpy())
            self.info = replace(self.info, capabilities=frozenset({"values", "query"}))

    measured = found(run(Values(), frame, Deployment(sensitive=("sex",), task="regression")))
    assert measured["score_change.sex"].value == pytest.approx(3.0)
    assert measured["changed_share.sex"].value == 1.0


def test_missing_values_and_one_value_only() -> None:
    frame = table().with_columns(pl.when(pl.col("sex") == "x").then(None).otherwise("sex").alias("sex"))
    changes = run(lambda X: biased(0.2)(X.fill_null("f")), frame).tables["changes"]
    assert "missing" in changes["to"].to_list()
    with pytest.raises(NotApplicable, match="one value"):
        run(biased(0.1), table().with_columns(sex=pl.lit("f")), Deployment(sensitive=("sex",)))
    with pytest.raises(NotRun, match="sensitive"):
        run(biased(0.1), deployment=Deployment())
