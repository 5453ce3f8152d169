"""Copies of a network are trained by the recipe that the user states."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel, wrap_model
from holdfast.auditing.config import load_config
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, ModelError
from holdfast.core.subject import Table
from holdfast.core.training import NetworkTraining
from tests.onnx_graphs import model, node, small_cnn, weights

RECIPE = NetworkTraining(epochs=20, learning_rate=0.02, batch_size=16)


def rows(n: int = 120) -> pl.DataFrame:
    """Images of 6 x 6 pixels, brighter for each class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    pixels = rng.normal(size=(n, 36)) + y[:, None]
    return pl.DataFrame(pixels, schema=[f"x{i}" for i in range(36)]).with_columns(y=pl.Series(y))


def subject_of(
    opened: Any, training: NetworkTraining | None = RECIPE, frame: pl.DataFrame | None = None
) -> AuditSubject:
    test = Table(name="test", frame=rows() if frame is None else frame, digest="sha256:0")
    facts = settle(Deployment(), target="y", train=None, test=test, model=opened, training=training)
    return AuditSubject(facts=facts, deployment=Deployment(), test=test, model=opened)


def network() -> HeldModel:
    return HeldModel(load(small_cnn()), batch_rows=1000)


def with_torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed: networks are not trained side by side")


def test_a_network_with_a_recipe_can_be_trained_again_and_the_first_page_says_how() -> None:
    with_torch()
    subject = subject_of(network())
    assert subject.info is not None
    assert "refit" in subject.info.capabilities
    assert any("stated recipe (epochs 20," in note for note in subject.facts.assumptions)
    assert "refit" not in subject_of(network(), training=None).info.capabilities  # type: ignore[union-attr]


def test_copies_learn_what_the_model_itself_never_did_and_come_in_order() -> None:
    with_torch()
    subject = subject_of(network())
    assert subject.test is not None
    X, y = subject.test.frame.drop("y"), subject.y(subject.test)
    parts = [np.arange(0, 120, 2), np.arange(1, 120, 2)]

    found = [copy.predict(X) for copy in subject.retrained_many(X, y, parts, seeds=[5, 6])]
    alone = []
    for part, seed in zip(parts, [5, 6], strict=True):
        with subject.retrained(X[part], y[part], seed=seed) as copy:
            alone.append(copy.predict(X))

    for together, one in zip(found, alone, strict=True):
        assert together.scores is not None
        assert one.scores is not None
        assert np.mean(together.labels == y) > 0.8
    assert np.mean(subject.predict(X).labels == y) < 0.7
    # a copy that is trained alone sees its rows in an order of its own, but it is the same kind of model
    assert np.mean(found[0].labels == alone[0].labels) > 0.8


def test_a_setting_of_the_recipe_can_be_changed_and_others_do_not_exist() -> None:
    with_torch()
    subject = subject_of(network())
    assert subject.test is not None
    X, y = subject.test.frame.drop("y"), subject.y(subject.test)
    with subject.retrained(X, y, seed=0, settings={"weight_decay": 50.0}) as copy:
        scores = copy.predict(X).scores
    assert scores is not None
    # weights that are pulled to zero give every row the same answer
    assert np.ptp(scores, axis=0).max() < 0.3
    with (
        pytest.raises(ModelError, match="no setting 'min_samples_leaf'"),
        subject.retrained(X, y, seed=0, settings={"min_samples_leaf": 5}),
    ):
        pass


def test_missing_cells_and_divergence_are_said() -> None:
    with_torch()
    subject = subject_of(network(), replace(RECIPE, optimiser="sgd", learning_rate=1e5))
    assert subject.test is not None
    X, y = subject.test.frame.drop("y"), subject.y(subject.test)
    with pytest.raises(ModelError, match="diverged"), subject.retrained(X * 1e6, y, seed=0):
        pass
    with (
        pytest.raises(ModelError, match="missing cells"),
        subject.retrained(X.with_columns(x0=pl.lit(None, dtype=pl.Float64)), y, seed=0),
    ):
        pass


def test_a_recipe_that_cannot_be_used_says_why() -> None:
    from sklearn.linear_model import LogisticRegression

    frame = rows()
    tree = wrap_model(LogisticRegression().fit(frame.drop("y").to_pandas(), frame["y"].to_numpy()))
    assert any("can be trained again by itself" in note for note in subject_of(tree).facts.assumptions)
    rule = wrap_model(lambda X: np.zeros(len(X), dtype=int))
    subject = subject_of(rule)
    assert any("no neural network" in note for note in subject.facts.assumptions)
    assert subject.facts.training is None
    with_torch()
    divided = model(
        [node("Gemm", "x w", "h"), node("Div", "h v", "y")],
        row=[36], constants={"w": weights(36, 3), "v": np.float32([1, 2, 3])}, width=3,
    )  # fmt: skip
    notes = subject_of(HeldModel(load(divided), batch_rows=100)).facts.assumptions
    assert any("cannot be trained" in note for note in notes)


@pytest.mark.parametrize(
    ("change", "message"), [({"epochs": 0}, "training.epochs is 0"), ({"momentum": 1.5}, "training.momentum is 1.5")]
)
def test_numbers_out_of_range_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        subject_of(network(), replace(RECIPE, **change))


def test_the_recipe_is_read_from_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "holdfast.yaml"
    path.write_text("training: {epochs: 20, learning_rate: 0.02, batch_size: 16}\n")
    assert load_config(path).training == RECIPE
    path.write_text("training: {epoch: 20, learning_rate: 0.02}\n")
    with pytest.raises(InputError, match="epochs"):
        load_config(path)
