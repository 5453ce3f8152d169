"""A model as an attacker meets it."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.extraction_target import Target
from holdfast.kernels.privacy.input_space import space_of

X = np.linspace(0, 1, 20)[:, None]


def target(kind: str = "probabilities") -> Target:
    p = np.column_stack([1 - X[:, 0], X[:, 0]])
    labels = X[:, 0] if kind == "values" else p.argmax(axis=1)
    answers = {"probabilities": p, "labels": labels[:, None], "values": X}[kind]
    rows = np.arange(20)
    return Target(
        kind=kind, space=space_of({"x": X[:, 0]}), X=X, answers=answers, labels=labels,
        n_classes=0 if kind == "values" else 2, tolerance=0.06 if kind == "values" else 0.0,
        pool=rows[:12], choosing=rows[12:16], judging=rows[16:], ask=lambda Z: Z,
    )  # fmt: skip


def test_a_copy_agrees_where_its_answers_are_those_of_the_model() -> None:
    game = target()
    copy = game.copy("late", 5, lambda Z: np.column_stack([Z[:, 0] <= 0.7, Z[:, 0] > 0.7]) * 1.0)
    assert game.agreed(copy, np.arange(20)).tolist() == (game.labels == (X[:, 0] > 0.7)).tolist()


def test_values_agree_within_the_tolerance() -> None:
    game = target("values")
    assert game.agreed(game.copy("near", 1, lambda Z: Z + 0.05), game.judging).all()
    assert not game.agreed(game.copy("far", 1, lambda Z: Z + 0.07), game.judging).any()


@pytest.mark.parametrize(("kind", "answer"), [("labels", 0), ("probabilities", 0), ("values", np.median(X[:12]))])
def test_the_trivial_copy_gives_what_is_usual(kind: str, answer: float) -> None:
    assert (target(kind).constant().labels == answer).all()


def test_the_best_copy_is_chosen_on_rows_kept_apart() -> None:
    game = target()
    right = game.copy("right", 9, lambda Z: np.column_stack([1 - Z, Z]))
    cheap = game.copy("cheap", 2, lambda Z: np.column_stack([Z, 1 - Z]))
    assert [copy.attack for copy in game.best([right, cheap], np.array([2, 9]))] == ["cheap", "right"]
