"""The evasion check on neural networks: slopes where they can be had, pictures where they may be shown."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.checks.robustness.evasion import run
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.subject import Table
from tests.onnx_graphs import model, node, weights

CHECK = "robustness.evasion"
IMAGES = Deployment(modality="image", sensitivity="public")
FEW = {"points": 10, "tree_points": 25, "queries": 20}


def digits() -> bytes:
    """A network over images of 6 x 6 pixels from 0 to 255, which knows three classes."""
    nodes = [
        node("Mul", "x scale", "m"), node("Add", "m shift", "s"), node("Flatten", "s", "f"), node("Gemm", "f w b", "g"),
        node("Relu", "g", "r"), node("Gemm", "r v", "l"), node("Softmax", "l", "p"),
    ]  # fmt: skip
    constants = {
        "scale": np.float32(4 / 255), "shift": np.float32(-2), "w": weights(36, 16), "b": weights(16, seed=1),
        "v": weights(16, 3, seed=2),
    }  # fmt: skip
    return model(nodes, row=[1, 6, 6], constants=constants, output="p", width=3)


def check(deployment: Deployment = IMAGES, **parameters: Any) -> tuple[Outcome, pl.DataFrame]:
    opened = HeldModel(load(digits()), batch_rows=1000)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{i}": rng.integers(0, 256, 120).astype(np.uint8) for i in range(36)})
    answers = opened.predict(frame).scores
    assert answers is not None
    frame = frame.with_columns(y=answers.argmax(axis=1))
    test = Table(name="test", frame=frame, digest="sha256:0")
    facts = settle(deployment, target="y", train=None, test=test, model=opened)
    subject = AuditSubject(facts=facts, deployment=deployment, test=test, model=opened)
    context = RunContext(check=CHECK, seed=0, effort=FEW)
    return run(subject.view(entry_for(CHECK).spec), context, **parameters), frame


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


def with_torch() -> None:
    pytest.importorskip("torch", reason="needs the extra torch")


def test_pixels_move_by_whole_steps_within_the_usual_eight() -> None:
    with_torch()
    outcome, frame = check()
    flips = outcome.tables["points"].filter("success")
    assert 0 < values(outcome)["attack_success"] < 1
    assert outcome.parameters["distance"] == pytest.approx(8 / 255)
    before = frame[flips["row"]].drop("y")
    after = pl.DataFrame([flips[f"adversarial_{name}"].fill_null(before[name]) for name in before.columns])
    moves = np.abs(after.to_numpy().astype(int) - before.to_numpy().astype(int)).max(axis=1)
    assert moves.max() == 8
    np.testing.assert_allclose(moves / 255, flips["distance"].to_numpy())
    answers = load(digits()).answer(after.rename(dict(zip(after.columns, before.columns, strict=True))))
    assert answers.scores is not None
    assert (answers.scores.argmax(axis=1) != frame[flips["row"]]["y"].to_numpy()).all()
    assert "along its slopes" in outcome.assumptions[0]


def test_flipped_images_are_shown_only_where_whole_rows_may_be() -> None:
    with_torch()
    shown = check(distance=0.1)[0].tables["pictures"]
    assert set(shown.columns) >= {"row", "label", "answer_after", "before", "after", "shape", "low", "high"}
    assert (shown["label"] != shown["answer_after"]).all()
    assert shown["shape"].to_list()[0] == [6, 6, 1]
    hidden = check(replace(IMAGES, sensitivity="personal"), distance=0.1)[0].tables
    assert "pictures" not in hidden
    assert hidden["affected_rows"].height >= shown.height


def test_a_network_of_plain_columns_is_attacked_in_their_units() -> None:
    with_torch()
    outcome, _ = check(Deployment(immutable=("x0", "x1")), distance=0.2)
    flips = outcome.tables["points"].filter("success")
    assert flips.height
    assert not {"adversarial_x0", "adversarial_x1"} & set(flips.columns)
    assert flips["distance"].max() <= 0.2


def test_slopes_flip_at_least_what_questions_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch()
    along = values(check(distance=0.05)[0])["attack_success"]
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest)
    )
    asked, _ = check(distance=0.05)
    assert "holdfast[torch]" in asked.assumptions[0]
    assert values(asked)["attack_success"] <= along
