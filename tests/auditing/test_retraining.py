"""A copy that was trained on other rows answers as the subject's model does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from holdfast.adapters.models.opening import wrap_model
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotRun
from holdfast.core.subject import Model, Table

X = pl.DataFrame({"a": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
COLOURS = ["blue", "blue", "green", "green", "red", "red"]


def subject_of(model: Model, outcomes: list[object], deployment: Deployment | None = None) -> AuditSubject:
    test = Table(name="test", frame=X.with_columns(pl.Series("y", outcomes)), digest="sha256:0")
    deployment = deployment or Deployment()
    facts = settle(deployment, target="y", train=None, test=test, model=model)
    return AuditSubject(facts=facts, deployment=deployment, test=test, model=model)


def colours() -> AuditSubject:
    return subject_of(wrap_model(DecisionTreeClassifier(random_state=0).fit(X.to_pandas(), COLOURS)), list(COLOURS))


def test_copy_answers_in_the_classes_of_the_subject() -> None:
    subject = colours()
    with subject.retrained(X, np.array([2, 2, 1, 1, 0, 0]), seed=1) as copy:
        assert copy.predict(X).labels.tolist() == [2, 2, 1, 1, 0, 0]
    assert subject.predict(X).labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_class_that_a_copy_never_saw_has_the_score_zero() -> None:
    with colours().retrained(X[:4], np.array([0, 0, 2, 2]), seed=1) as copy:
        answer = copy.predict(X[:4])
    assert answer.scores is not None
    assert answer.scores.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]
    assert answer.labels.tolist() == [0, 0, 2, 2]


def test_copy_is_trained_with_the_labels_of_the_model_where_the_table_has_others() -> None:
    model = wrap_model(DecisionTreeClassifier(random_state=0).fit(X.to_pandas(), [0, 0, 1, 1, 2, 2]))
    subject = subject_of(model, list(COLOURS), Deployment(classes=("blue", "green", "red")))
    with subject.retrained(X, np.array([0, 0, 1, 1, 2, 2]), seed=1) as copy:
        assert copy.info is not None
        assert copy.info.classes == (0, 1, 2)
        assert copy.predict(X).labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_copy_of_a_regression_model_is_trained_with_values() -> None:
    values = [0.5, 0.6, 1.5, 1.6, 2.5, 2.7]
    subject = subject_of(wrap_model(DecisionTreeRegressor(random_state=0).fit(X.to_pandas(), values)), list(values))
    with subject.retrained(X, np.asarray(values[::-1]), seed=1) as copy:
        assert copy.predict(X).labels.tolist() == values[::-1]


def test_model_that_cannot_be_trained_again_is_refused() -> None:
    subject = subject_of(wrap_model(lambda rows: np.full(len(rows), 0.5)), [0, 1, 0, 1, 0, 1])
    with pytest.raises(NotRun, match="trained again"), subject.retrained(X, np.zeros(6, dtype=np.int64), seed=0):
        pass


def test_trainer_makes_a_callable_trainable() -> None:
    def train(rows: pl.DataFrame, outcomes: np.ndarray, *, seed: int) -> object:
        return LogisticRegression(C=1e6, random_state=seed).fit(rows.to_pandas(), outcomes)

    def answer(rows: pl.DataFrame) -> np.ndarray:
        return (rows["a"] > 2.5).cast(pl.Float64).to_numpy()

    subject = subject_of(wrap_model(answer, trainer=train), [0, 0, 0, 1, 1, 1])
    with subject.retrained(X, np.array([1, 1, 1, 0, 0, 0]), seed=0) as copy:
        assert copy.predict(X).labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert replace(subject, cache={}).predict(X).labels.tolist() == [0, 0, 0, 1, 1, 1]
