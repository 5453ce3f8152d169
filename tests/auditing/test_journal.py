"""Answers of an endpoint are replayed to the second attempt of a check."""

from __future__ import annotations

from itertools import count

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.opening import wrap_model
from holdfast.auditing.context import MemoryStore
from holdfast.auditing.journal import JournalledModel
from holdfast.core.subject import Model

ROWS = pl.DataFrame({"a": [1.0, 2.0, 3.0]})


def counting() -> Model:
    """A model whose every answer differs."""
    answers = count()
    return wrap_model(lambda X: np.full(len(X), f"answer {next(answers)}"))


def test_second_attempt_gets_the_same_answers_without_asking() -> None:
    model, store = counting(), MemoryStore()
    first = JournalledModel(model, store)
    before = [first.predict(ROWS).labels[0], first.predict(ROWS).labels[0], first.predict(ROWS[:1]).labels[0]]
    second = JournalledModel(model, store)
    assert second.predict(ROWS[:1]).labels.tolist() == [before[2]]
    assert [second.predict(ROWS).labels[0], second.predict(ROWS).labels[0]] == before[:2]
    assert model.queries == 7
    assert second.queries == 7


def test_question_that_was_open_is_asked() -> None:
    model, store = counting(), MemoryStore()
    JournalledModel(model, store).predict(ROWS)
    second = JournalledModel(model, store)
    second.predict(ROWS)
    assert second.predict(ROWS).labels[0] == "answer 1"


@pytest.mark.parametrize("answer", [np.array([[0.25, 0.75]]), np.array(["ja"]), np.array([True]), np.array([2.5])])
def test_answers_are_replayed_exactly(answer: np.ndarray) -> None:
    model, store = wrap_model(lambda X: answer), MemoryStore()
    asked, replayed = (JournalledModel(model, store).predict(ROWS[:1]) for _ in range(2))
    for name in ("labels", "scores"):
        before, after = getattr(asked, name), getattr(replayed, name)
        assert (before is None) == (after is None)
        if before is not None:
            assert before.dtype == after.dtype
            np.testing.assert_array_equal(before, after)
