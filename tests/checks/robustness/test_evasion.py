from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.checks.robustness.evasion import run
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import BudgetError, EndpointError, InputError, ModelError, NotApplicable, NotRun
from tests.harness import run_check, subject_for

CHECK = "robustness.evasion"


def draw(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "pay": rng.normal(100, 30, n),
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["clerk", "cook", "none"], n),
            "sex": rng.choice(["f", "m"], n),
            "member": rng.random(n) < 0.5,
        }
    )
    return frame.with_columns(y=pl.Series(score(frame)))


def score(X: pl.DataFrame) -> np.ndarray:
    points = X["pay"].fill_null(100) / 30 + X["age"] / 40 + 0.4 * (X["job"] == "clerk").fill_null(False)
    return np.where(points.to_numpy() > 4.5, "yes", "no")


TRAIN, TEST = draw(0, 500), draw(1, 300)


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


def check(model: object = score, test: pl.DataFrame = TEST, **options: object) -> Outcome:
    options.setdefault("effort", "quick")
    return run_check(CHECK, model=model, train=TRAIN, test=test, target="y", **options)  # type: ignore[arg-type]


def adversarial_rows(outcome: Outcome, test: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Original and changed rows of the flips, rebuilt from the evidence as a reader would."""
    flips = outcome.tables["points"].filter("success")
    before = test[flips["row"].to_list()]
    after = before.with_columns(
        [
            pl.coalesce(flips[f"adversarial_{name}"], before[name]).alias(name)
            for name in before.columns
            if f"adversarial_{name}" in flips.columns
        ]
    )
    return before, after


def test_a_model_with_a_near_boundary_is_flipped() -> None:
    found = {m.id: m for m in check().measurements}
    interval = found["attack_success"].interval
    assert interval is not None
    assert interval.low is not None
    assert interval.low > 0.1
    assert found["n_attacked"].value == 50
    assert 0 <= found["median_distance"].value <= 0.2


def test_a_model_that_never_changes_its_mind_is_not_broken() -> None:
    outcome = check(lambda X: np.full(X.height, "no"))
    assert values(outcome) == {"attack_success": 0.0, "n_attacked": 50.0}
    assert any("gives a bound, not safety" in note for note in outcome.assumptions)
    assert any("gives every test row the same answer" in note for note in outcome.assumptions)


def test_flips_rebuilt_from_the_evidence_flip_and_keep_to_the_rules() -> None:
    outcome = check(
        distance=0.3, deployment=Deployment(immutable=("age",), sensitive=("sex",), ranges={"pay": (50, 150)})
    )
    before, after = adversarial_rows(outcome, TEST)
    assert before.height > 5
    assert (score(after) != before["y"].to_numpy()).all()
    assert after["age"].equals(before["age"])
    assert after["sex"].equals(before["sex"])
    iqr = TRAIN["pay"].quantile(0.75, "linear") - TRAIN["pay"].quantile(0.25, "linear")  # type: ignore[operator]
    assert ((after["pay"] - before["pay"]).abs() <= 0.3 * iqr * (1 + 1e-12)).all()
    moved = after["pay"] != before["pay"]
    assert after["pay"].filter(moved & before["pay"].is_between(50, 150)).is_between(50, 150).all()
    changed = (after["job"] != before["job"]).cast(int) + (after["member"] != before["member"]).cast(int)
    assert changed.max() <= 1  # type: ignore[operator]


def test_whole_numbers_stay_whole_numbers() -> None:
    outcome = check(distance=0.5, categories=0, deployment=Deployment(immutable=("pay",)))
    assert outcome.tables["points"]["adversarial_age"].dtype == pl.Int64
    assert outcome.tables["points"]["success"].any()


def test_immutable_and_sensitive_columns_are_left_out_of_the_evidence() -> None:
    columns = check(deployment=Deployment(immutable=("age",), sensitive=("sex",))).tables["points"].columns
    assert [name for name in columns if name.startswith("adversarial_")] == [
        "adversarial_pay",
        "adversarial_job",
        "adversarial_member",
    ]


def test_cells_that_did_not_change_are_null_in_the_evidence() -> None:
    points = check().tables["points"]
    failed = points.filter(~pl.col("success"))
    assert failed.select(pl.selectors.starts_with("adversarial_")).null_count().sum_horizontal()[0] == 5 * failed.height
    assert failed["distance"].null_count() == failed.height


def test_queries_stay_within_the_effort() -> None:
    outcome = check()
    assert outcome.tables["points"]["queries"].max() <= 200  # type: ignore[operator]
    assert outcome.work["queries"] == outcome.tables["points"]["queries"].sum()


def test_the_work_stated_is_what_the_model_was_asked() -> None:
    asked = []

    def model(X: pl.DataFrame) -> np.ndarray:
        asked.append(X.height)
        return score(X)

    outcome = check(model)
    # Settling the classes and predicting the test table come on top.
    assert sum(asked) - outcome.work["queries"] <= 2 * TEST.height


def test_the_same_seed_gives_the_same_flips() -> None:
    one, two = check(seed=5), check(seed=5)
    assert one.tables["points"].equals(two.tables["points"])


def test_affected_rows_name_the_changed_columns() -> None:
    outcome = check(categories=0, deployment=Deployment(immutable=("age",)))
    reasons = outcome.tables["affected_rows"]["reason"]
    assert len(reasons) > 0
    assert reasons.str.contains(r"^flipped by changing pay: [\d.]+ → [\d.]+$").all()


def test_examples_show_cells_before_and_after_without_protected_values() -> None:
    examples = check(deployment=Deployment(sensitive=("sex",), threat="control")).tables["examples"]
    assert 1 <= examples["row"].n_unique() <= 5
    assert examples.group_by("column").agg(pl.col("is_changed").any())["is_changed"].all()
    assert set(examples.filter(column="sex")["before"]) <= {"not shown"}
    changed = examples.filter("is_changed", pl.col("column") != "sex")
    assert (changed["before"] != changed["after"]).all()


def test_whole_rows_are_shown_where_the_data_is_not_personal() -> None:
    examples = check(deployment=Deployment(sensitivity="public")).tables["examples"]
    assert set(examples["column"]) == {"pay", "age", "job", "sex", "member"}


@pytest.mark.parametrize(
    ("threat", "in_force"),
    [
        (None, {"distance": 0.3, "categories": 1}),
        ("applicant", {"threat": "applicant games the form", "distance": 0.5, "categories": 2}),
        ("control", {"threat": "attacker with full control", "distance": "no limit", "categories": "no limit"}),
    ],
)
def test_the_threat_in_force_is_stated(threat: str | None, in_force: dict[str, object]) -> None:
    assert check(deployment=Deployment(threat=threat), distance=0.3).parameters == in_force  # type: ignore[arg-type]


def test_a_category_that_suffices_is_said_in_words() -> None:
    found = {m.id: m for m in check(lambda X: np.where(X["member"].to_numpy(), "yes", "no")).measurements}
    assert found["median_distance"].plain == "For at least half of the flips another category alone sufficed."


def test_numbers_between_zero_and_one_move_in_their_own_unit() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.random(300), "b": rng.random(300)})

    def model(X: pl.DataFrame) -> np.ndarray:
        return (X["a"] > 0.5).to_numpy().astype(int)

    frame = frame.with_columns(y=pl.Series(model(frame)))
    outcome = run_check(CHECK, model=model, train=frame, test=frame, target="y", distance=0.1)
    near = (frame["a"] - 0.5).abs()[outcome.tables["points"]["row"].to_list()]
    flipped = outcome.tables["points"]["success"]
    assert flipped.filter(near < 0.0999).all()
    assert not flipped.filter(near > 0.1001).any()


def test_the_curve_rises_to_the_measured_success() -> None:
    outcome = check()
    curve = outcome.tables["curve"]
    assert curve["share"].is_sorted()
    assert curve["share"][-1] == values(outcome)["attack_success"]


def test_missing_cells_stay_missing() -> None:
    test = TEST.with_columns(
        pay=pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("pay"),
        job=pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise("job"),
    )
    test = test.with_columns(y=pl.Series(score(test)))
    points = check(test=test, distance=0.5).tables["points"]
    assert (
        points.filter(pl.col("row") % 3 == 0)["adversarial_pay"].null_count()
        == points.filter(pl.col("row") % 3 == 0).height
    )
    assert (
        points.filter(pl.col("row") % 4 == 0)["adversarial_job"].null_count()
        == points.filter(pl.col("row") % 4 == 0).height
    )


def test_a_level_that_training_never_saw_is_kept_where_it_stands() -> None:
    test = TEST.with_columns(job=pl.lit("king"))
    test = test.with_columns(y=pl.Series(score(test)))
    before, after = adversarial_rows(check(test=test, distance=0.5), test)
    assert set(after["job"]) <= {"king", "clerk", "cook", "none"}
    assert before.height > 0


def test_a_flip_that_does_not_stand_up_when_asked_again_does_not_count() -> None:
    seen = set(TEST.select(TEST.columns[:-1]).rows())

    def fickle(X: pl.DataFrame) -> np.ndarray:
        # A row that is asked about for the first time is answered with "yes".
        is_new = np.array([row not in seen for row in X.rows()])
        seen.update(X.rows())
        return np.where(is_new, "yes", score(X))

    outcome = check(fickle, distance=0.0, categories=1)
    assert values(outcome)["attack_success"] < 1
    before, after = adversarial_rows(outcome, TEST)
    assert (score(after) != before["y"].to_numpy()).all()
    assert any("did not stand up" in note for note in outcome.assumptions)


def test_a_model_that_answers_at_random_is_not_run() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NotRun, match="different answers to the same question"):
        check(lambda X: rng.choice(["no", "yes"], X.height))


def test_a_model_that_is_never_right_leaves_nothing_to_flip() -> None:
    with pytest.raises(NotApplicable, match="no test row rightly"):
        check(lambda X: np.where(score(X) == "yes", "no", "yes"), deployment=Deployment(classes=("no", "yes")))


def test_one_class_cannot_flip() -> None:
    with pytest.raises(NotApplicable, match="only one class"):
        run_check(CHECK, model=lambda X: np.full(X.height, "no"), test=TEST.with_columns(y=pl.lit("no")), target="y")


def test_nothing_to_change_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="no input may change"):
        check(deployment=Deployment(immutable=("pay", "age", "job", "sex", "member")))


def test_a_negative_threat_is_refused() -> None:
    with pytest.raises(InputError, match="threat of zero or more"):
        check(distance=-0.1)


def test_without_a_training_table_the_test_table_serves() -> None:
    outcome = run_check(CHECK, model=score, test=TEST, target="y", effort="quick")
    assert values(outcome)["attack_success"] > 0.1
    assert any("no training table" in note for note in outcome.assumptions)


def test_rows_that_the_clock_left_unfinished_do_not_count() -> None:
    subject = subject_for(model=score, train=TRAIN, test=TEST, target="y")
    context = RunContext(check=CHECK, seed=0, effort={"points": 50, "queries": 200}, deadline=0.0)
    with pytest.raises(NotRun, match="no row could be attacked in full: the time was up"):
        run(subject, context)


def test_one_row_that_the_model_fails_on_does_not_end_the_attack() -> None:
    def touchy(X: pl.DataFrame) -> np.ndarray:
        if (X["pay"] > 150).any() and X.height != test.height:
            raise ModelError("pay is out of range")
        return score(X)

    test = TEST.filter(pl.col("pay") < 140)
    outcome = check(touchy, test, distance=1.0)
    assert values(outcome)["n_attacked"] == 50
    assert values(outcome)["attack_success"] > 0.3
    assert any("The model failed on" in note for note in outcome.assumptions)


def test_rows_finished_before_an_endpoint_died_are_reported() -> None:
    asked = []

    def mortal(X: pl.DataFrame) -> np.ndarray:
        asked.append(X.height)
        if sum(asked) > 5000:
            raise EndpointError("the line is dead")
        return score(X)

    outcome = check(mortal)
    assert 0 < values(outcome)["n_attacked"] < 50
    assert outcome.tables["points"].height == values(outcome)["n_attacked"]
    assert any("left out, not attacked in full: the line is dead" in note for note in outcome.assumptions)
    whole = check().tables["points"]
    assert outcome.tables["points"].equals(whole.head(outcome.tables["points"].height))


def test_more_effort_flips_no_fewer_rows() -> None:
    subject = subject_for(model=score, train=TRAIN, test=TEST, target="y")
    context = RunContext(check=CHECK, seed=0, effort={"points": 100, "queries": 20})
    little = values(run(subject, context))["attack_success"]
    assert values(run(subject, replace(context, effort={"points": 100, "queries": 400})))["attack_success"] >= little


def attack_with(limit: float | None, effort: dict[str, int]) -> Outcome:
    subject = subject_for(model=score, train=TRAIN, test=TEST, target="y")
    thresholds = {} if limit is None else {"attack_success": limit}
    return run(subject, RunContext(check=CHECK, seed=0, effort=effort, thresholds=thresholds), distance=1.0)


def test_an_attack_that_breaks_its_threshold_early_stops_and_says_so() -> None:
    outcome = attack_with(0.05, {"points": 200, "queries": 100, "looks": 4})
    assert outcome.tables["points"].height < 200
    assert any("stopped early" in note for note in outcome.assumptions)
    interval = outcome.measurements[0].interval
    assert interval is not None
    assert interval.method.startswith("Clopper-Pearson at each of")
    assert interval.low is not None
    assert interval.low > 0.05


@pytest.mark.parametrize("limit", [None, 0.99])
def test_without_a_broken_threshold_every_point_is_attacked(limit: float | None) -> None:
    outcome = attack_with(limit, {"points": 80, "queries": 50, "looks": 4})
    assert outcome.tables["points"].height == 80
    assert not any("stopped early" in note for note in outcome.assumptions)


def easier_for_women(X: pl.DataFrame) -> np.ndarray:
    return np.where(X["pay"].fill_null(100).to_numpy() > np.where(X["sex"] == "f", 100, 1000), "yes", "no")


def test_groups_of_people_that_are_easier_to_flip_are_shown() -> None:
    test = TEST.with_columns(y=pl.Series(easier_for_women(TEST)))
    outcome = check(easier_for_women, test, distance=0.5, deployment=Deployment(sensitive=("sex",)))
    groups = outcome.tables["groups"]
    women, men = groups.filter(kind="group").sort("group").iter_rows(named=True)
    assert (women["group"], men["group"], men["flipped"]) == ("f", "m", 0)
    assert women["low"] > men["high"]
    assert women["p_adjusted"] < 0.01
    published = values(outcome)
    assert (published["flipped.sex=f"], published["flipped.sex=m"]) == (women["share"], 0.0)


def test_slices_of_the_inputs_are_compared_without_sensitive_columns() -> None:
    groups = check().tables["groups"]
    assert set(groups["kind"]) == {"slice"}
    assert {"pay", "age", "job", "sex", "member"} >= set(groups["column"]) >= {"pay", "sex"}


def test_a_sensitive_column_that_is_no_input_makes_groups_too() -> None:
    test = TEST.with_columns(town=pl.Series(["north", "south"] * 150))
    outcome = check(test=test, deployment=Deployment(sensitive=("town",), ignore=("town",)))
    assert outcome.tables["groups"].filter(kind="group")["column"].to_list() == ["town", "town"]


@pytest.mark.parametrize(("norm", "size"), [("l1", lambda m: m.sum(axis=1)), ("l2", lambda m: np.sqrt((m**2).sum(1)))])
def test_the_norm_limits_all_moves_together(norm: str, size) -> None:
    free = {"distance": 0.4, "categories": 0, "effort": "quick"}
    widest, outcome = values(check(**free)), check(norm=norm, **free)
    before, after = adversarial_rows(outcome, TEST)
    units = {name: float(np.subtract(*np.percentile(TRAIN[name], [75, 25]))) for name in ("pay", "age")}
    moves = np.column_stack([(after[name] - before[name]).abs().to_numpy() / unit for name, unit in units.items()])
    assert (size(moves) <= 0.4 + 1e-9).all()
    assert 0 < values(outcome)["attack_success"] <= widest["attack_success"]
    assert any(f"the {norm.upper()} norm" in note for note in outcome.assumptions)


def test_an_unknown_norm_is_refused() -> None:
    with pytest.raises(InputError, match="expected one of linf, l1, l2"):
        check(norm="l3")


class Limited:
    """A model like a callable one, of which only so many rows may be asked."""

    def __init__(self, inner: object, most: int) -> None:
        self._inner, self._most, self.asked = inner, most, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    @property
    def queries_left(self) -> int:
        return self._most - self.asked

    def predict(self, X: pl.DataFrame) -> object:
        if X.height > self.queries_left:
            raise BudgetError("no more")
        self.asked += X.height
        return self._inner.predict(X)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("most", "per_row"), [(4_000, 200), (2_500, 100)])
def test_questions_are_planned_so_that_every_row_begun_is_completed(most: int, per_row: int) -> None:
    subject = subject_for(model=score, train=TRAIN, test=TEST, target="y")
    limited = Limited(subject.model, most + TEST.height)
    subject = replace(subject, model=limited, cache={})  # type: ignore[arg-type]
    assert subject.predictions.labels.size == TEST.height
    context = RunContext(check=CHECK, seed=0, effort={"points": 200, "queries": 200})
    outcome = run(subject.view(entry_for(CHECK).spec), context)
    n = values(outcome)["n_attacked"]
    assert n >= most // per_row
    assert limited.asked <= most + TEST.height
    assert limited.queries_left < per_row
    assert any("the questions that may be asked were spent" in note for note in outcome.assumptions)


def test_too_few_questions_for_one_row_attack_none() -> None:
    subject = subject_for(model=score, train=TRAIN, test=TEST, target="y")
    subject = replace(subject, model=Limited(subject.model, TEST.height + 60), cache={})  # type: ignore[arg-type]
    with pytest.raises(NotRun, match="60 questions may still be asked"):
        run(subject.view(entry_for(CHECK).spec), RunContext(check=CHECK, seed=0, effort={"points": 9, "queries": 200}))


def test_each_group_that_is_measured_has_its_difference_from_the_others() -> None:
    outcome = check(deployment=Deployment(sensitive=("sex",)))
    found = {m.id: m for m in outcome.measurements}
    groups = outcome.tables["groups"]
    for name in ("sex=f", "sex=m"):
        line = groups.filter((groups["column"] == "sex") & (groups["group"] == name[-1])).row(0, named=True)
        gap = found[f"difference.{name}"]
        assert gap.value == pytest.approx(line["share"] - line["rest_share"])
        assert gap.interval is not None
        assert "all 2 groups" in gap.interval.method
        assert gap.interval.low <= line["difference_low"] <= gap.value <= line["difference_high"] <= gap.interval.high  # type: ignore[operator]
    assert {i.removeprefix("flipped.") for i in found if i.startswith("flipped.")} == {
        i.removeprefix("difference.") for i in found if i.startswith("difference.")
    }


class Hurried(RunContext):
    """A clock that runs by questions to the model: a time budget that is the same on every machine."""

    asks = 20_000
    asked: list[int]

    def time_left(self) -> float:
        return float(self.asks - sum(self.asked))


def hurried() -> Outcome:
    asked = list[int]()

    def model(X: pl.DataFrame) -> np.ndarray:
        asked.append(X.height)
        return score(X)

    subject = subject_for(model=model, train=TRAIN, test=TEST, target="y")
    assert subject.predictions.labels.size
    asked.clear()
    context = Hurried(check=CHECK, seed=0, effort=entry_for(CHECK).spec.effort["default"])
    object.__setattr__(context, "asked", asked)
    return run(subject, context)


def test_too_little_time_counts_unfinished_rows_as_flipped_at_the_upper_end() -> None:
    outcome, full = hurried(), check(effort="default")
    found = {m.id: m for m in outcome.measurements}
    assert outcome.is_timed
    assert not full.is_timed
    assert found["n_attacked"].value == 200
    assert found["attack_success"].value >= 0.8 * values(full)["attack_success"]
    interval = found["attack_success"].interval
    assert interval is not None
    assert interval.high is not None
    assert interval.high > found["attack_success"].value + 0.1
    assert any("too little time" in note for note in outcome.assumptions)
    assert "groups" not in outcome.tables
    before, after = adversarial_rows(outcome, TEST)
    assert (score(after) != score(before)).all()
