"""A model of another kind learns from numbers, text and gaps, and says which classes it knows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.opening import train_stand_in

ROWS = 400
RNG = np.random.default_rng(0)
X = pl.DataFrame(
    {
        "amount": pl.Series(RNG.normal(size=ROWS)).set(pl.Series(RNG.random(ROWS) < 0.1), None),
        "town": RNG.choice(["a", "b", "c"], ROWS),
        "is_new": RNG.random(ROWS) < 0.5,
    }
)
LABELS = np.where(X["town"].to_numpy() == "a", "yes", "no")


def test_it_learns_from_text_and_answers_in_its_classes() -> None:
    model = train_stand_in(X, LABELS, is_regression=False, seed=0)
    assert model.info.classes == ("no", "yes")
    assert (model.predict(X).labels == LABELS).all()


def test_levels_it_never_saw_are_missing_values() -> None:
    model = train_stand_in(X, LABELS, is_regression=False, seed=0)
    answer = model.predict(X[:2].with_columns(town=pl.lit("elsewhere")))
    assert answer.scores is not None
    assert np.isfinite(answer.scores).all()


def test_it_predicts_values() -> None:
    model = train_stand_in(X, np.where(LABELS == "yes", 5.0, 1.0), is_regression=True, seed=0)
    assert model.info.capabilities == {"query", "values"}
    assert model.predict(X).labels == pytest.approx(np.where(LABELS == "yes", 5.0, 1.0), abs=0.1)


def test_one_class_is_always_answered() -> None:
    model = train_stand_in(X, np.array(["no"] * ROWS), is_regression=False, seed=0)
    assert set(model.predict(X).labels) == {"no"}


def test_many_classes_are_learned() -> None:
    labels = np.arange(ROWS) % 40
    assert train_stand_in(X, labels, is_regression=False, seed=0).info.classes == tuple(range(40))


def test_same_seed_gives_the_same_answers() -> None:
    first, second = (train_stand_in(X, LABELS, is_regression=False, seed=3).predict(X).scores for _ in range(2))
    assert (first == second).all()
