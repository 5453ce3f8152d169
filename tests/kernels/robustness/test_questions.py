from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.questions import Questions, Reply, planned


class Broken(Exception):
    """The model fails on a row."""


class Gone(Broken):
    """The model answers no more."""


def questions(*, is_scored: bool, gone_after: int = 10**9) -> Questions:
    """A model that answers 1 above 0, fails above 9 and is gone after so many rows."""
    asked = []

    def ask(cells, at):
        asked.append(at.size)
        if sum(asked) > gone_after:
            raise Gone("the line is dead\n\nhint: none")
        if (cells["x"] > 9).any():
            raise Broken
        labels = (cells["x"] > 0).astype(np.int64)
        return Reply(labels, np.eye(2)[labels] * 0.8 + 0.1, {"x": np.round(cells["x"])})

    y = np.zeros(100, dtype=np.int64)
    return Questions(ask=ask, y=y, n_classes=2, is_scored=is_scored, fails=(Broken,), ends=(Gone,))


AT = np.arange(40)


def test_rows_that_the_model_fails_on_are_answered_as_if_nothing_had_changed() -> None:
    x = np.where(AT % 13 == 5, 99.0, np.where(AT % 2, 1.0, -1.0))
    asked = questions(is_scored=False)
    labels, _ = asked.labels({"x": x}, AT)
    assert labels.tolist() == [int(value == 1.0) for value in x.tolist()]
    assert (asked.refused, asked.n, asked.lost) == (3, 40, "")


def test_scores_of_failed_rows_are_certain_of_the_label() -> None:
    asked = questions(is_scored=True)
    found = asked.scores({"x": np.array([1.0, 99.0])}, AT[:2])
    np.testing.assert_allclose(found, [[0.1, 0.9], [1.0, 0.0]])


def test_a_model_that_fails_on_everything_is_asked_a_bounded_number_of_times() -> None:
    asked = questions(is_scored=False)
    asked.labels({"x": np.full(100, 99.0)}, np.arange(100))
    assert asked.refused == 100


def test_a_model_that_is_gone_is_not_asked_again() -> None:
    asked = questions(is_scored=False, gone_after=50)
    asked.labels({"x": np.ones(40)}, AT)
    labels, _ = asked.labels({"x": np.ones(40)}, AT)
    assert asked.lost == "the line is dead"
    assert not labels.any()
    assert asked.refused == 0


def test_other_errors_are_not_swallowed() -> None:
    def ask(cells, at):
        raise KeyError("x")

    asked = Questions(ask=ask, y=AT, n_classes=2, is_scored=False, fails=(Broken,), ends=(Gone,))
    with pytest.raises(KeyError):
        asked.labels({"x": np.ones(2)}, AT[:2])


def test_rows_are_returned_as_they_stood_in_the_table() -> None:
    _, after = questions(is_scored=False).labels({"x": np.array([0.6])}, AT[:1])
    assert after["x"].tolist() == [1.0]


@pytest.mark.parametrize("left", [0, 99, 100, 5_000, 25_000, 99_999, 10**9])
def test_a_plan_never_asks_more_than_is_left_and_never_a_row_too_little(left: int) -> None:
    plan = planned(left, rows=200, per_row=500)
    assert plan.rows * plan.per_row <= left or plan.rows == 0
    assert 100 <= plan.per_row <= 500
    assert plan.rows == 200 or (plan.rows + 1) * plan.per_row > left
