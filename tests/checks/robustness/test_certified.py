"""Certificates and attacks on one tree model: they never contradict each other and keep to the columns of the table."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import numpy as np
import pandas as pd
import polars as pl
import pytest
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, SplineTransformer, StandardScaler

from holdfast.adapters.models.onnx import load as load_onnx
from holdfast.adapters.models.opening import HeldModel, wrap_model
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.execution import Completed, execute
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.subject import Table
from tests.onnx_graphs import model as onnx_model
from tests.onnx_graphs import node


def draw(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    pay, age = rng.normal(100, 30, n).round(1), rng.integers(18, 80, n)
    job = rng.choice(["clerk", "cook", "none"], n)
    wins = pay / 30 + age / 40 + 0.8 * (job == "clerk") + rng.normal(0, 0.3, n) > 4.7
    return pl.DataFrame({"pay": pay, "age": age, "job": job, "y": np.where(wins, "yes", "no")})


TRAIN, TEST = draw(0, 800), draw(1, 300)


@cache
def model(kind: str) -> object:
    one_hot = (OneHotEncoder(), ["job"])
    numbers = PolynomialFeatures(2) if kind == "mixing" else StandardScaler()
    before = make_column_transformer(one_hot, (numbers, ["pay", "age"]))
    pipeline = make_pipeline(before, GradientBoostingClassifier(n_estimators=25, max_depth=3, random_state=0))
    frame = pd.DataFrame({name: TRAIN[name].to_list() for name in TRAIN.columns})
    return wrap_model(pipeline.fit(frame.drop(columns="y"), frame["y"]))


def run(
    check: str, kind: str = "plain", *, test: pl.DataFrame = TEST, effort: str = "quick", **stated: object
) -> Outcome:
    deployment = Deployment(**stated)  # type: ignore[arg-type]
    train, tested = (Table(name=name, frame=f, digest=name) for name, f in (("train", TRAIN), ("test", test)))
    return run_on(check, model(kind), train, tested, deployment, effort)


def run_on(
    check: str, wrapped: object, train: Table, tested: Table, deployment: Deployment, effort: str = "quick"
) -> Outcome:
    facts = settle(deployment, target="y", train=train, test=tested, model=wrapped)  # type: ignore[arg-type]
    subject = AuditSubject(facts=facts, deployment=deployment, train=train, test=tested, model=wrapped)  # type: ignore[arg-type]
    entry = entry_for(check)
    context = RunContext(check=check, seed=0, effort=entry.spec.effort[effort])  # type: ignore[index]
    return import_module(entry.module).run(subject.view(entry.spec), context)


def values(outcome: Outcome) -> dict[str, float]:
    return {item.id: item.value for item in outcome.measurements}


def test_every_row_is_proved_or_flipped() -> None:
    found = values(run("robustness.certified"))
    assert 0.3 < found["certified_share"] < 0.95
    assert found["undecided_share"] == 0.0


def test_no_row_is_both_proved_and_flipped() -> None:
    proofs, flips = run("robustness.certified").tables["points"], run("robustness.evasion").tables["points"]
    both = proofs.filter("certified").join(flips.filter("success"), on="row")
    assert flips["success"].sum() > 10
    assert both.height == 0


def test_the_attack_on_trees_reports_distances_it_can_prove() -> None:
    flips = run("robustness.evasion").tables["points"].filter("success")
    assert ((flips["distance"] - flips["lower_bound"]).abs() < 1e-9).mean() > 0.9


def test_the_attack_on_trees_changes_no_immutable_column() -> None:
    outcome = run("robustness.evasion", immutable=("job",))
    assert "adversarial_job" not in outcome.tables["points"].columns
    assert any("trees were searched" in note for note in outcome.assumptions)


def test_less_freedom_proves_more() -> None:
    free, bound = run("robustness.certified"), run("robustness.certified", immutable=("job", "age"))
    assert values(bound)["certified_share"] > values(free)["certified_share"]


def test_directions_and_presets_are_respected() -> None:
    outcome = run("robustness.evasion", directions={"pay": "up", "age": "up"}, immutable=("job",), threat="applicant")
    flips = outcome.tables["points"].filter("success")
    changed = flips["adversarial_pay"].drop_nulls().len()
    before = TEST[flips["row"].to_list()]
    assert changed > 0
    assert (flips["adversarial_pay"].fill_null(before["pay"]) >= before["pay"]).all()
    assert (flips["adversarial_age"].fill_null(before["age"]) >= before["age"]).all()


def test_a_pipeline_that_mixes_columns_is_asked_instead() -> None:
    outcome = run("robustness.evasion", "mixing")
    assert any("asked instead" in note for note in outcome.assumptions)
    assert values(outcome)["attack_success"] > 0.05


def test_a_pipeline_that_mixes_columns_gives_no_proof() -> None:
    with pytest.raises(NotRun, match="cannot be written as splits on the table's columns"):
        run("robustness.certified", "mixing")


def test_nothing_to_change_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="no input may change"):
        run("robustness.certified", immutable=("pay", "age", "job"))


def test_the_curve_ends_at_the_measured_share() -> None:
    outcome = run("robustness.certified")
    assert outcome.tables["curve"]["share"][-1] == pytest.approx(values(outcome)["certified_share"])


def two_sided(seed: int, n: int) -> pl.DataFrame:
    """A number with a gap around 0, and a home that is one-hot; both matter."""
    rng = np.random.default_rng(seed)
    a = np.where(rng.random(n) < 0.5, 1, -1) * rng.uniform(0.5, 1.5, n).round(2)
    home = rng.integers(0, 3, n)
    frame = pl.DataFrame({"a": a, **{name: (home == k) * 1 for k, name in enumerate(("rents", "owns", "other"))}})
    return frame.with_columns(y=pl.Series(((a > 0) | (home == 1)) * 1))


def on_two_sides(check: str, distance: str, columns: tuple[str, ...], **stated: object) -> Outcome:
    """A tree whose split lies in the middle of the gap."""
    tables = [two_sided(seed, n).select(*columns, "y") for seed, n in ((0, 600), (1, 200))]
    tables = [frame.filter(pl.col("a") > 0 if "owns" in columns else pl.lit(True)) for frame in tables]
    X, y = tables[0].drop("y").to_pandas(), tables[0]["y"].to_numpy()
    if "owns" in columns:
        tables = [frame.with_columns(y=pl.col("owns")) for frame in tables]
        y = tables[0]["y"].to_numpy()
    fitted = make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=30, max_depth=2)).fit(X, y)
    train, test = (
        Table(name=name, frame=frame, digest=name) for name, frame in zip(("train", "test"), tables, strict=True)
    )
    return run_on(check, wrap_model(fitted), train, test, Deployment(threat=distance, **stated))  # type: ignore[arg-type]


def test_a_flip_that_breaks_a_relation_is_no_flip_but_undecided() -> None:
    rules = {"relations": ("a >= 0.5 or a <= -0.5", "a <= 1.6", "a * a >= 0.2")}
    loose = values(on_two_sides("robustness.certified", "applicant", ("a",)))
    tied = values(on_two_sides("robustness.certified", "applicant", ("a",), **rules))
    assert loose["undecided_share"] == 0.0
    assert loose["certified_share"] == tied["certified_share"] < 1.0
    assert tied["undecided_share"] > 0.2


@pytest.mark.parametrize("check", ["robustness.certified", "robustness.evasion", "robustness.hardening"])
def test_moving_the_1_of_a_one_hot_group_is_found(check: str) -> None:
    group = ("rents", "owns", "other")
    found = values(on_two_sides(check, "applicant", ("a", *group), one_hot=(group,)))
    assert found.get("certified_share", 0.0) == 0.0
    assert found.get("attack_success", 1.0) == 1.0
    assert found.get("robust_share", 0.0) == 0.0


def test_steps_that_are_not_known_give_flips_but_no_proof() -> None:
    frame = pd.DataFrame({name: TRAIN[name].to_list() for name in TRAIN.columns})
    before = make_column_transformer((OneHotEncoder(), ["job"]), (SplineTransformer(), ["pay"]))
    pipeline = make_pipeline(before, GradientBoostingClassifier(n_estimators=25, max_depth=3, random_state=0))
    wrapped = wrap_model(pipeline.fit(frame[["pay", "job"]], frame["y"]))
    train, test = (Table(name=n, frame=f.drop("age"), digest=n) for n, f in (("train", TRAIN), ("test", TEST)))
    outcome = run_on("robustness.evasion", wrapped, train, test, Deployment())
    assert outcome.tables["points"]["success"].any()
    assert outcome.tables["points"]["lower_bound"].null_count() == outcome.tables["points"].height
    assert "No lower bound is proved: a feature of 'pay' may turn" in outcome.assumptions[0]
    with pytest.raises(NotRun, match="SplineTransformer may turn back by a rounding error"):
        run_on("robustness.certified", wrapped, train, test, Deployment())


def both(proved: dict[str, object], attacked: dict[str, object], kind: str = "plain") -> tuple[Completed, Completed]:
    """Run the evasion check, and the certified check after it."""
    train, tested = (Table(name=name, frame=f, digest=name) for name, f in (("train", TRAIN), ("test", TEST)))
    wrapped, deployment = model(kind), Deployment()
    facts = settle(deployment, target="y", train=train, test=tested, model=wrapped)  # type: ignore[arg-type]
    subject = AuditSubject(facts=facts, deployment=deployment, train=train, test=tested, model=wrapped)  # type: ignore[arg-type]
    done: dict[str, Completed] = {}
    for check, seed, given in (("evasion", 3, attacked), ("certified", 4, proved)):
        entry = entry_for(f"robustness.{check}")
        context = RunContext(
            check=entry.id, seed=seed, effort=entry.spec.effort["quick"],
            findings={name: item.finding for name, item in done.items()},
            files={name: item.files for name, item in done.items()},
        )  # fmt: skip
        done[entry.id] = execute(entry, subject, context, {**entry.parameters, **given}, {})
    return done["robustness.evasion"], done["robustness.certified"]


def points_of(done: Completed) -> pl.DataFrame:
    return pl.read_parquet(done.files["points.parquet"])


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_both_bounds_are_of_the_same_rows_and_never_cross(norm: str) -> None:
    attacked, proved = both({"norm": norm}, {"norm": norm})
    assert points_of(attacked)["row"].to_list() == points_of(proved)["row"].to_list()
    assert not (points_of(attacked)["success"] & points_of(proved)["certified"]).any()
    assert proved.finding["certified_share"].value <= proved.finding["unflipped_share"].value
    assert proved.finding["unflipped_share"].value <= 1 - attacked.finding["attack_success"].value
    assert any("The same rows, in the same order" in note for note in proved.finding.assumptions)


def test_what_is_taken_over_is_what_the_check_finds_by_itself() -> None:
    _, proved = both({}, {})
    taken = points_of(proved)
    own = run("robustness.certified").tables["points"]
    shared = taken.join(own, on="row", suffix="_own")
    assert shared.height > 50
    assert shared["certified"].to_list() == shared["certified_own"].to_list()
    np.testing.assert_allclose(shared["lower_bound"], shared["lower_bound_own"])


def test_a_proof_within_a_wider_norm_stands_beside_the_attack_and_a_narrower_one_does_not() -> None:
    attacked, wider = both({"norm": "linf"}, {"norm": "l1"})
    assert wider.finding["certified_share"].value <= wider.finding["unflipped_share"].value
    assert wider.finding["unflipped_share"].value == pytest.approx(1 - attacked.finding["attack_success"].value)
    assert any("lies within the one proved here" in note for note in wider.finding.assumptions)
    _, narrower = both({"norm": "l1"}, {"norm": "linf"})
    assert "unflipped_share" not in {item.key for item in narrower.finding.measurements}
    assert any("these proofs do not cover" in note for note in narrower.finding.assumptions)


def test_work_that_is_spent_leaves_a_first_part_of_the_rows() -> None:
    entry = entry_for("robustness.certified")
    train, tested = (Table(name=name, frame=f, digest=name) for name, f in (("train", TRAIN), ("test", TEST)))
    facts = settle(Deployment(), target="y", train=train, test=tested, model=model("plain"))  # type: ignore[arg-type]
    subject = AuditSubject(facts=facts, deployment=Deployment(), train=train, test=tested, model=model("plain"))  # type: ignore[arg-type]
    context = RunContext(check=entry.id, seed=0, effort={"points": 200, "parts": 500, "steps": 1000})
    outcome = import_module(entry.module).run(subject.view(entry.spec), context)
    assert 0 < outcome.tables["points"].height < 200
    assert any("The time or the work was up" in note for note in outcome.assumptions)


def wave(seed: int, n: int) -> pl.DataFrame:
    """Numbers whose classes lie on two sides of a wave, and one that is a truth value."""
    rng = np.random.default_rng(seed)
    a, b, c = (rng.normal(size=n).round(2) for _ in range(3))
    up = rng.integers(0, 2, n).astype(bool)
    return pl.DataFrame({"a": a, "b": b, "c": c, "up": up, "y": (np.sin(2 * a) + b + 0.6 * up > 0.3).astype(np.int64)})


@cache
def network() -> object:
    """An MLP of scikit-learn, as an ONNX file."""
    pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")
    frame = wave(0, 600)
    X = frame.drop("y").cast(pl.Float32).to_numpy()
    fitted = MLPClassifier((12, 8), max_iter=400, random_state=0, learning_rate_init=0.02, tol=1e-3).fit(
        X, frame["y"].to_numpy()
    )
    data = to_onnx(fitted, X[:1], options={"zipmap": False}).SerializeToString()
    return HeldModel(load_onnx(data), batch_rows=1000)


def about_network(effort: str = "default", n: int = 24, **stated: object) -> Outcome:
    train, tested = (Table(name=name, frame=wave(s, m), digest=name) for name, s, m in (("a", 0, 600), ("b", 1, n)))
    return run_on("robustness.certified", network(), train, tested, Deployment(**stated), effort)  # type: ignore[arg-type]


decided = cache(about_network)


def test_a_small_network_is_decided_at_every_row() -> None:
    outcome = decided()
    found, points = values(outcome), outcome.tables["points"]
    assert found["undecided_share"] == 0.0
    assert 0.3 < found["certified_share"] < 0.95
    assert not (points["certified"] & points["flipped"]).any()
    assert any("compared with the model's answers" in note for note in outcome.assumptions)


def test_no_change_that_is_tried_flips_a_row_that_is_proved() -> None:
    """Rows drawn from the whole threat: moves to the ends and between, the truth value too."""
    proved = decided().tables["points"].filter("certified")["row"].to_numpy()
    frame, rng = wave(1, 24), np.random.default_rng(2)
    units = {name: np.subtract(*np.percentile(wave(0, 600)[name], [75, 25])) for name in "abc"}
    for _ in range(60):
        moved = {
            name: frame[name].to_numpy() + 0.2 * units[name] * rng.choice([-1, 1, rng.random()], 24) for name in "abc"
        }
        up = frame["up"].to_numpy() ^ (rng.random(24) < 0.5)
        changed = pl.DataFrame({**moved, "up": up})[proved.tolist()]
        answers = network().predict(changed).labels  # type: ignore[attr-defined]
        assert (answers == frame["y"].to_numpy()[proved]).all()


def test_what_may_not_change_in_a_network_proves_more() -> None:
    free, bound = values(about_network("quick")), values(about_network("quick", immutable=("a", "up")))
    assert bound["certified_share"] > free["certified_share"]


def test_an_operator_that_cannot_be_bounded_is_named() -> None:
    pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")
    nodes = [node("MatMul", "x w", "h"), node("Erf", "h", "e"), node("Gemm", "e v", "y")]
    constants = {"w": np.ones((3, 4), np.float32), "v": np.ones((4, 2), np.float32)}
    frame = wave(0, 50).drop("up")
    tables = [Table(name=name, frame=frame, digest=name) for name in ("train", "test")]
    held = HeldModel(load_onnx(onnx_model(nodes, row=[3], constants=constants, width=2)), batch_rows=1000)
    with pytest.raises(NotRun, match="operator Erf"):
        run_on("robustness.certified", held, *tables, Deployment())
