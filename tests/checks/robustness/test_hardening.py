from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from holdfast.adapters.models.opening import wrap_model
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.checks.robustness.hardening import run
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable, NotRun
from holdfast.core.subject import Table
from tests.harness import run_check, subject_for

CHECK = "robustness.hardening"


def inputs(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "pay": rng.normal(100, 30, n),
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["clerk", "cook", "none"], n),
        }
    )


def logit(X: pl.DataFrame) -> np.ndarray:
    return X["pay"].to_numpy() / 30 + X["age"].to_numpy() / 40 - 4.5


def both(p: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - p, p])


def smooth(X: pl.DataFrame) -> np.ndarray:
    return both(1 / (1 + np.exp(-3 * logit(X))))


def brittle(X: pl.DataFrame) -> np.ndarray:
    """Learned a fine wiggle in pay that rounding takes away."""
    return both(1 / (1 + np.exp(-3 * (logit(X) + 1.5 * np.sin(1.2 * X["pay"].to_numpy())))))


def labelled(seed: int, n: int) -> pl.DataFrame:
    frame = inputs(seed, n)
    return frame.with_columns(y=pl.Series(np.where(logit(frame) > 0, "yes", "no")))


TRAIN, TEST = labelled(0, 500), labelled(1, 300)


def check(model: object = brittle, **options: object) -> Outcome:
    return run_check(CHECK, model=model, train=TRAIN, test=TEST, target="y", **options)  # type: ignore[arg-type]


def remedies(outcome: Outcome) -> dict[str, dict[str, Any]]:
    return {line["remedy"]: line for line in outcome.tables["remedies"].iter_rows(named=True)}


def values(outcome: Outcome) -> dict[str, float]:
    return {measured.id: measured.value for measured in outcome.measurements}


@pytest.fixture(scope="module")
def found() -> Outcome:
    return check()


def test_rounding_helps_a_model_with_a_brittle_wiggle(found: Outcome) -> None:
    line = remedies(found)["round"]
    assert line["verdict"] == "helps"
    assert line["gain_low"] > 0.1
    assert line["gain"] == pytest.approx(line["robust_after"] - line["robust_before"])
    assert values(found)["best_gain"] == line["gain"]


def test_a_guard_whose_interval_holds_0_is_not_said_to_help(found: Outcome) -> None:
    lines = [line for outcome in (found, check(smooth)) for line in remedies(outcome).values()]
    unclear = [line["verdict"] for line in lines if line["gain_low"] <= 0 <= line["gain_high"]]
    assert unclear
    assert set(unclear) == {"no difference shown"}


def test_a_model_far_from_every_boundary_gains_nothing() -> None:
    outcome = check(lambda X: np.full(X.height, "no"))
    assert {line["verdict"] for line in remedies(outcome).values()} == {"no difference shown"}
    assert outcome.measurements[0].plain.startswith("No guard was shown to help")


def test_the_numbers_can_be_counted_again_from_the_rows(found: Outcome) -> None:
    points, lines = found.tables["points"], remedies(found)
    for name, line in lines.items():
        assert points[f"right_{name}"].mean() == pytest.approx(line["clean_after"])
        assert points[f"robust_{name}"].mean() == pytest.approx(line["robust_after"])
    assert points["robust_none"].mean() == pytest.approx(values(found)["robust_share"])
    assert not points.filter(~pl.col("right_none") & pl.col("robust_none")).height


def test_screened_rows_are_no_longer_answered_rightly_by_the_model(found: Outcome) -> None:
    line = remedies(found)["screen"]
    assert values(found)["screened_share"] == line["screened"] > 0.05
    lost = found.tables["points"].filter(pl.col("right_none") & ~pl.col("right_screen")).height
    assert 0 < lost <= round(line["screened"] * line["points"])
    assert line["clean_change"] == pytest.approx(-lost / line["points"])


def test_a_larger_screen_defends_more_and_costs_more(found: Outcome) -> None:
    small, large = remedies(found)["screen"], remedies(check(screened=0.5))["screen"]
    assert large["robust_after"] > small["robust_after"]
    assert large["clean_after"] < small["clean_after"]


def test_the_cost_is_that_of_the_best_guard(found: Outcome) -> None:
    line = remedies(found)["round"]
    assert values(found)["clean_cost"] == pytest.approx(line["clean_before"] - line["clean_after"])


def on_a_line(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"x": rng.random(n)}).with_columns(y=(pl.col("x") > 0.5).cast(int))


def ramp(X: pl.DataFrame) -> np.ndarray:
    return both(np.clip(X["x"].to_numpy(), 0, 1))


def test_the_attack_behind_rounding_finds_what_an_exhaustive_search_finds() -> None:
    from holdfast.kernels.robustness.hardening import quantile_bins, rounded

    train, test = on_a_line(0, 400), on_a_line(1, 200)
    outcome = run_check(CHECK, model=ramp, train=train, test=test, target="y", distance=0.07, bins=8)
    bins = quantile_bins(train["x"].to_numpy(), n_bins=8)
    points = outcome.tables["points"].filter("right_round")
    x = test["x"].to_numpy()[points["row"].to_list()]
    low, high = train["x"].to_numpy().min(), train["x"].to_numpy().max()
    reach = np.clip(x[:, None] + np.linspace(-0.07, 0.07, 2001), low, high)
    can_flip = ((rounded(reach, bins) > 0.5) != (x > 0.5)[:, None]).any(axis=1)
    assert can_flip.sum() > 10
    assert (points["robust_round"].to_numpy() == ~can_flip).mean() >= 0.99


def test_the_attack_behind_a_screen_goes_on_until_it_passes() -> None:
    train, test = on_a_line(0, 400), on_a_line(1, 200)
    outcome = run_check(CHECK, model=ramp, train=train, test=test, target="y", distance=0.2, screened=0.2)
    screen = float(np.quantile(np.abs(2 * train["x"].to_numpy() - 1), 0.2)) / 2
    points = outcome.tables["points"]
    x = test["x"].to_numpy()[points["row"].to_list()]
    gap = np.abs(x - 0.5) + screen
    robust = points["robust_screen"].to_numpy()
    assert robust[gap > 0.201].all()
    assert not robust[gap < 0.199].any()


def test_a_change_that_flips_behind_one_guard_is_tried_on_all() -> None:
    outcome = check(lambda X: np.where(brittle(X)[:, 1] > 0.5, "yes", "no"), effort="quick")
    line = remedies(outcome)["clip"]
    assert abs(line["gain"]) <= 0.02


def test_labels_alone_leave_clipping_and_rounding() -> None:
    outcome = check(lambda X: np.where(smooth(X)[:, 1] > 0.5, "yes", "no"), effort="quick")
    assert list(remedies(outcome)) == ["clip", "round"]
    assert "screened_share" not in values(outcome)


def test_the_owner_can_screen_by_scores_that_callers_do_not_get() -> None:
    outcome = check(effort="quick", deployment=Deployment(returns="label"))
    assert list(remedies(outcome)) == ["clip", "round", "screen"]


def test_clipping_takes_the_effect_of_the_tails() -> None:
    def extreme(X: pl.DataFrame) -> np.ndarray:
        p = np.where(np.abs(X["pay"].to_numpy() - 100) > 60, 0.9, 0.1)
        return both(p)

    test = TEST.with_columns(y=pl.Series(np.where(extreme(TEST)[:, 1] > 0.5, "yes", "no")))
    outcome = run_check(CHECK, model=extreme, train=TRAIN, test=test, target="y", tails=0.1, distance=0.5)
    line = remedies(outcome)["clip"]
    assert line["verdict"] == "helps"
    assert line["clean_change"] < 0


def test_whole_numbers_and_missing_cells_reach_the_model_as_such() -> None:
    seen: list[pl.DataFrame] = []

    def watching(X: pl.DataFrame) -> np.ndarray:
        seen.append(X)
        return smooth(X.with_columns(pl.col("pay").fill_null(100), pl.col("age").fill_null(50)))

    gaps = TEST.with_columns(
        pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("pay", "age")
    )
    run_check(CHECK, model=watching, train=TRAIN, test=gaps, target="y", effort="quick")
    assert {str(frame.schema) for frame in seen} == {str(TEST.drop("y").schema)}
    assert all(frame["pay"].null_count() for frame in seen if frame.height == 50)


def test_the_same_seed_gives_the_same_tables() -> None:
    one, two = (check(effort="quick", seed=4) for _ in range(2))
    assert one.tables["points"].equals(two.tables["points"])
    assert one.tables["remedies"].equals(two.tables["remedies"])


def test_the_work_stated_is_what_the_model_was_asked() -> None:
    asked = []

    def model(X: pl.DataFrame) -> np.ndarray:
        asked.append(X.height)
        return smooth(X)

    outcome = check(model, effort="quick")
    # Settling the classes, predicting the test table and setting up the screen come on top.
    assert outcome.work["queries"] <= sum(asked) <= outcome.work["queries"] + 2 * TEST.height + TRAIN.height


def test_time_that_runs_out_leaves_no_half_comparison() -> None:
    subject = subject_for(model=smooth, train=TRAIN, test=TEST, target="y")
    calls = []

    class Late(RunContext):
        def time_left(self) -> float:
            calls.append(1)
            return 5.0 - len(calls)

    with pytest.raises(NotRun, match="the time was up"):
        run(subject, Late(check=CHECK, seed=0, effort={"points": 50, "queries": 1000}))


def test_a_model_that_answers_at_random_is_not_run() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NotRun, match="different answers to the same question"):
        check(lambda X: rng.choice(["no", "yes"], X.height))


def test_a_model_that_is_never_right_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="answered rightly"):
        check(lambda X: np.where(logit(X) > 0, "no", "yes"), deployment=Deployment(classes=("no", "yes")))


def test_without_numbers_and_scores_there_is_no_guard() -> None:
    frame = TRAIN.select("job", "y")
    with pytest.raises(NotApplicable, match="no input is a number"):
        run_check(CHECK, model=lambda X: np.full(X.height, "no"), train=frame, test=frame, target="y")


def test_nothing_to_change_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="no input may change"):
        check(deployment=Deployment(immutable=("pay", "age", "job")))


@pytest.mark.parametrize("wrong", [{"distance": -1}, {"bins": 1}, {"tails": 0.5}, {"screened": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        check(**wrong)


def trees_behind_guards(kind: str, effort: dict[str, int]) -> Outcome:
    """A pipeline of trees, opened by its adapter."""
    numbers = PolynomialFeatures(2) if kind == "mixing" else StandardScaler()
    before = make_column_transformer((OneHotEncoder(), ["job"]), (numbers, ["pay", "age"]))
    if kind == "forest":
        last = RandomForestClassifier(20, max_depth=6, random_state=0)
    else:
        last = GradientBoostingClassifier(n_estimators=25, max_depth=3, random_state=0)
    frame = pd.DataFrame({name: TRAIN[name].to_list() for name in TRAIN.columns})
    model = wrap_model(make_pipeline(before, last).fit(frame.drop(columns="y"), frame["y"]))
    train, test = (Table(name=name, frame=f, digest=name) for name, f in (("train", TRAIN), ("test", TEST)))
    facts = settle(Deployment(), target="y", train=train, test=test, model=model)
    subject = AuditSubject(facts=facts, deployment=Deployment(), train=train, test=test, model=model)
    context = RunContext(check=CHECK, seed=0, effort=effort)
    return run(subject.view(entry_for(CHECK).spec), context)


@pytest.mark.parametrize("kind", ["boosting", "forest"])
def test_trees_are_searched_behind_every_guard_and_questions_find_nothing_more(kind: str) -> None:
    searched = trees_behind_guards(kind, {"points": 60, "queries": 1})
    assert any("search of the model's trees" in note for note in searched.assumptions)
    more = trees_behind_guards(kind, {"points": 60, "queries": 400})
    for name in ("none", "clip", "round", "screen"):
        assert (searched.tables["points"][f"robust_{name}"] == more.tables["points"][f"robust_{name}"]).all()


def test_trees_that_mix_columns_are_asked_instead() -> None:
    outcome = trees_behind_guards("mixing", {"points": 40, "queries": 200})
    assert not any("search of the model's trees" in note for note in outcome.assumptions)
    assert values(outcome)["robust_share"] < 1
