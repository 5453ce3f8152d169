"""A network that is asked wrongly is doubted before it is attacked; one that is merely weak is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.onnx import load
from holdfast.adapters.models.opening import HeldModel
from holdfast.auditing.network_quality import doubts
from holdfast.auditing.settling import settle
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.subject import Table
from tests.auditing.fixed_model import FixedModel
from tests.onnx_graphs import model, node

N = 400


def network() -> HeldModel:
    """Three outputs, each the input at its place: the class is that of the largest input."""
    nodes = [node("Gemm", "x w", "g"), node("Softmax", "g", "y")]
    data = model(nodes, row=[3], constants={"w": np.eye(3, dtype=np.float32)}, width=3)
    return HeldModel(load(data), batch_rows=1000)


def doubted(
    *, share_right: float, turn: int = 0, stated: float | None = None, opened: Any = None, seed: int = 0
) -> tuple[str, ...]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 3))
    y = (X.argmax(axis=1) + turn) % 3
    wrong = rng.random(N) >= share_right
    y[wrong] = (y[wrong] + rng.integers(1, 3, wrong.sum())) % 3
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y})
    test = Table(name="test", frame=frame, digest="sha256:0")
    deployment = Deployment(classes=(0, 1, 2))
    opened = opened or network()
    facts = settle(deployment, target="y", train=None, test=test, model=opened)
    return doubts(facts, test, opened, stated=stated)


@pytest.mark.parametrize("share_right", [0.95, 0.7, 0.4])
def test_a_network_that_is_right_more_often_than_guessing_is_not_doubted(share_right: float) -> None:
    assert doubted(share_right=share_right) == ()


def test_an_accuracy_about_as_stated_is_not_doubted() -> None:
    assert doubted(share_right=0.9, stated=0.93) == ()


def test_an_accuracy_far_below_the_stated_one_is_said_with_the_usual_reasons() -> None:
    (note,) = doubted(share_right=0.6, stated=0.95)
    assert "far less than the stated accuracy of 95.0%" in note
    assert "scaled otherwise" in note


def test_fewer_right_than_by_guessing_is_said() -> None:
    assert "fewer than guessing would" in doubted(share_right=0.1)[0]


def test_no_more_right_than_by_guessing_is_said_with_the_usual_reasons() -> None:
    (note,) = doubted(share_right=1 / 3)
    assert "no more than guessing would" in note
    assert "0 to 255 instead of 0 to 1" in note


@pytest.mark.parametrize(("turn", "order"), [(1, [1, 2, 0]), (2, [2, 0, 1])])
def test_another_order_of_the_classes_that_explains_it_is_named(turn: int, order: list[int]) -> None:
    notes = doubted(share_right=0.9, turn=turn)
    assert f"in the order {order}" in notes[-1]


def test_an_honest_network_is_seldom_doubted() -> None:
    opened = network()
    assert not any(doubted(share_right=0.9, stated=0.9, opened=opened, seed=seed) for seed in range(15))


def test_other_models_are_only_asked_where_an_accuracy_is_stated() -> None:
    other = FixedModel(labels=[0, 1, 2, 0] * (N // 4), classes=(0, 1, 2))
    assert doubted(share_right=0.9, opened=other) == ()
    assert doubted(share_right=0.9, opened=other, stated=0.9)


def test_a_stated_accuracy_that_is_no_share_is_refused() -> None:
    with pytest.raises(InputError, match=r"0\.93 stands for 93 %"):
        doubted(share_right=0.9, stated=93.0)
