"""Attacks of other packages on the rows of the evasion check, judged as ours are."""

from __future__ import annotations

import io
import time
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.execution import Completed, execute
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.checks.robustness.other_attacks import run
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable, NotRun
from holdfast.core.subject import Table
from tests.attack_packages import as_foolbox
from tests.harness import run_check
from tests.onnx_graphs import model, node, weights

CHECK, EVASION = "robustness.other_attacks", "robustness.evasion"
IMAGES = Deployment(modality="image", sensitivity="public")
PGD, NOISE = "foolbox.LinfPGD", "foolbox.LinfNoise(repeats=40)"


def subject(deployment: Deployment = IMAGES) -> AuditSubject:
    """A network over images of 6 x 6 pixels from 0 to 255, and rows that it answers rightly."""
    nodes = [
        node("Mul", "x scale", "m"), node("Add", "m shift", "s"), node("Flatten", "s", "f"), node("Gemm", "f w b", "g"),
        node("Relu", "g", "r"), node("Gemm", "r v", "l"), node("Softmax", "l", "p"),
    ]  # fmt: skip
    constants = {
        "scale": np.float32(4 / 255), "shift": np.float32(-2), "w": weights(36, 16), "b": weights(16, seed=1),
        "v": weights(16, 3, seed=2),
    }  # fmt: skip
    opened = HeldModel(load(model(nodes, row=[1, 6, 6], constants=constants, output="p", width=3)), batch_rows=1000)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{i}": rng.integers(0, 256, 120).astype(np.uint8) for i in range(36)})
    answers = opened.predict(frame).scores
    assert answers is not None
    frame = frame.with_columns(y=answers.argmax(axis=1))
    test = Table(name="test", frame=frame, digest="sha256:0")
    facts = settle(deployment, target="y", train=None, test=test, model=opened)
    return AuditSubject(facts=facts, deployment=deployment, test=test, model=opened)


def check(*attacks: str, deployment: Deployment = IMAGES, evasion: float | None = None, **parameters: Any) -> Outcome:
    """Run the check, beside the evasion check where its distance is given."""
    on, findings, files = subject(deployment), {}, {}
    if evasion is not None:
        done = evaded(evasion)
        findings, files = {EVASION: done.finding}, {EVASION: done.files}
    context = RunContext(check=CHECK, seed=0, effort={"points": 20}, findings=findings, files=files)
    return run(on.view(entry_for(CHECK).spec), context, attacks=attacks, **parameters)


@cache
def evaded(distance: float) -> Completed:
    """Run the evasion check on the images."""
    entry = entry_for(EVASION)
    context = RunContext(check=EVASION, seed=0, effort={"points": 10, "tree_points": 25, "queries": 20})
    return execute(entry, subject(), context, {**entry.parameters, "distance": distance}, {"key": "-"})


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


@pytest.fixture(params=["noise", PGD])
def attack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An attack of Foolbox, and a small one that is called as these are: noise."""
    pytest.importorskip("torch", reason="needs the extra torch")
    if request.param == "noise":
        as_foolbox(monkeypatch)
        return NOISE
    pytest.importorskip("foolbox", reason="needs foolbox of the extra attacks")
    return PGD


def test_without_a_name_it_says_how_to_name_one() -> None:
    with pytest.raises(NotRun, match=r"(.|\n)*holdfast\.yaml"):
        check()


def test_a_model_without_slopes_is_none_for_it() -> None:
    frame = pl.DataFrame({"a": np.arange(40.0), "y": np.arange(40) % 2})
    with pytest.raises(NotApplicable, match="slopes"):
        run_check(
            CHECK, model=lambda X: np.eye(2)[np.arange(X.height) % 2], test=frame, target="y", attacks=("foolbox.PGD",)
        )


def test_what_is_no_name_of_an_attack_is_refused() -> None:
    pytest.importorskip("torch", reason="needs the extra torch")
    with pytest.raises(InputError, match="did you mean 'foolbox'"):
        check("foolbocks.LinfPGD")


def test_flips_are_pairs_of_rows_that_the_model_answers_otherwise_within_the_threat(attack: str) -> None:
    outcome = check(attack, distance=0.05)
    points = outcome.tables["points"]
    flips, on = points.filter("success"), subject()
    assert on.test is not None
    before = on.test.frame[flips["row"]].drop("y")
    after = pl.DataFrame([flips[f"adversarial_{name}"].fill_null(before[name]) for name in before.columns])
    assert 0 < flips.height < points.height == 20
    assert np.abs(after.to_numpy().astype(int) - before.to_numpy().astype(int)).max() <= 0.05 * 255
    assert (on.predict(after).labels != on.test.frame[flips["row"]]["y"].to_numpy()).all()
    assert values(outcome)[f"attack_success.{attack}"] == flips.height / points.height


def test_the_difference_is_ours_less_theirs_on_the_same_rows(attack: str) -> None:
    weak = "foolbox.LinfAdditiveUniformNoiseAttack" if attack == PGD else "foolbox.LinfNoise(repeats=1)"
    outcome = check(attack, weak, evasion=0.05, distance=0.05)
    found, lines = values(outcome), outcome.tables["attacks"].to_dicts()
    for line in lines:
        name, n = line["attack"], line["n"]
        assert found[f"difference.{name}"] == pytest.approx((line["only_ours"] - line["only_theirs"]) / n)
    assert found[f"difference.{weak}"] > 0
    assert found[f"difference.{weak}"] > found[f"difference.{attack}"] - 1e-9
    assert found["flipped_by_any"] >= max(found[f"attack_success.{name}"] for name in (attack, weak))
    [gap] = [m.interval for m in outcome.measurements if m.id == f"difference.{attack}"]
    assert gap is not None
    assert "all 2 attacks" in gap.method


def test_another_threat_of_the_evasion_check_is_not_compared(attack: str) -> None:
    outcome = check(attack, evasion=0.05, distance=0.1)
    assert not any(name.startswith("difference") for name in values(outcome))
    assert "another threat" in outcome.assumptions[1]
    assert "another" not in check(attack).assumptions[1]


def test_columns_that_may_not_change_are_left_alone(attack: str) -> None:
    outcome = check(attack, deployment=Deployment(immutable=("x0", "x1")), distance=0.2)
    assert outcome.tables["points"].filter("success").height
    assert not {"adversarial_x0", "adversarial_x1"} & set(outcome.tables["points"].columns)


def test_an_attack_that_fails_is_told_and_the_others_run(attack: str) -> None:
    fails = "foolbox.LinfPGD(steps='many')" if attack == PGD else "foolbox.LinfNoise(repeats='many')"
    outcome = check(attack, fails, distance=0.05)
    assert outcome.tables["attacks"]["attack"].to_list() == [attack]
    assert any("failed" in note for note in outcome.assumptions)
    with pytest.raises(NotRun, match="failed"):
        check(fails, distance=0.05)


def test_when_the_time_is_up_the_attacks_without_rows_are_told(attack: str) -> None:
    on = subject()
    context = RunContext(check=CHECK, seed=0, effort={"points": 20}, deadline=time.monotonic() - 1)
    with pytest.raises(NotRun, match="attacked no row before the time was up"):
        run(on.view(entry_for(CHECK).spec), context, attacks=(attack,))


def test_rows_that_only_theirs_flipped_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs the extra torch")
    as_foolbox(monkeypatch)
    on, done = subject(), evaded(0.05)
    points = pl.read_parquet(done.files["points.parquet"]).head(20)
    stands, written = points.with_columns(success=pl.lit(False)), io.BytesIO()
    stands.write_parquet(written)
    files = {EVASION: {"points.parquet": written.getvalue()}}
    context = RunContext(check=CHECK, seed=0, effort={"points": 20}, findings={EVASION: done.finding}, files=files)
    outcome = run(on.view(entry_for(CHECK).spec), context, attacks=(NOISE,), distance=0.05)
    flips = outcome.tables["points"].filter("success")["row"].to_list()
    assert outcome.tables["affected_rows"]["row"].to_list() == flips != []
    assert values(outcome)[f"difference.{NOISE}"] == -len(flips) / points.height
