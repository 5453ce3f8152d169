"""Trees recovered by asking where candidates disagree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from holdfast.kernels.privacy.extraction_committee import CommitteeCopy, recover_by_committee

RNG = np.random.default_rng(0)
POOL, UNSEEN = RNG.random((1500, 5)), RNG.random((1500, 5))


def train(X, ids, seed):
    trees = [DecisionTreeClassifier(max_features=0.5, random_state=seed % 1000 + k).fit(X, ids) for k in range(10)]
    return lambda rows: np.array([tree.predict(rows) for tree in trees])


def recover(ask, kind="probabilities", pool=POOL, marks=(400,), n_classes=2, seed=0) -> list[CommitteeCopy]:
    return recover_by_committee(
        lambda rows: ask(pool[rows]), pool, kind=kind, n_classes=n_classes, train=train, marks=marks,
        rng=np.random.default_rng(seed),
    )  # fmt: skip


def tree(leaves: int) -> DecisionTreeClassifier:
    y = (np.sin(9 * POOL).sum(axis=1) + RNG.normal(0, 0.3, len(POOL)) > 1.5).astype(int)
    return DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(POOL, y)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_disagreement_teaches_more_than_chance() -> None:
    model, chance = tree(30), []
    truth = model.predict(UNSEEN)
    (copy,) = recover(model.predict_proba)
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(len(POOL))[:400]
        learner = DecisionTreeClassifier(random_state=0).fit(POOL[rows], model.predict(POOL[rows]))
        chance.append((learner.predict(UNSEEN) != truth).mean())
    assert (copy.scores(UNSEEN).argmax(axis=1) != truth).mean() < 0.5 * np.mean(chance)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_more_questions_teach_more_and_each_mark_has_a_copy() -> None:
    model = tree(30)
    copies = recover(model.predict_proba, marks=(50, 150, 400))
    shares = [(copy.scores(UNSEEN).argmax(axis=1) == model.predict(UNSEEN)).mean() for copy in copies]
    assert [copy.queries for copy in copies] == [50, 150, 400]
    assert shares[0] < shares[1] < shares[2]


def test_labels_alone_are_enough() -> None:
    model = tree(10)
    (copy,) = recover(lambda X: model.predict(X)[:, None].astype(float), "labels")
    assert (copy.scores(UNSEEN).argmax(axis=1) == model.predict(UNSEEN)).mean() > 0.96


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_values_of_a_regression_tree_are_given_again() -> None:
    model = DecisionTreeRegressor(max_leaf_nodes=10, random_state=0).fit(POOL, np.sin(5 * POOL).sum(axis=1))
    (copy,) = recover(lambda X: model.predict(X)[:, None], "values", n_classes=0)
    assert (copy.scores(UNSEEN)[:, 0] == model.predict(UNSEEN)).mean() > 0.9


def test_a_model_that_is_no_tree_is_given_up_early() -> None:
    asked = []
    assert recover(lambda X: asked.append(len(X)) or X.sum(axis=1, keepdims=True), "values", n_classes=0) == []
    assert asked == [50]


def test_a_constant_model_is_one_leaf() -> None:
    (copy,) = recover(lambda X: np.tile([0.3, 0.7], (len(X), 1)))
    assert (copy.scores(UNSEEN) == [0.0, 1.0]).all()


def test_a_small_pool_ends_the_questions() -> None:
    (copy,) = recover(lambda X: (X[:, :1] > 0.5) * 1.0, "labels", pool=POOL[:70], marks=(100, 400))
    assert copy.queries == 70


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(10, 90))
def test_no_row_is_asked_twice_and_known_rows_are_answered_rightly(seed: int, queries: int) -> None:
    asked: list[int] = []

    def answer(rows):
        asked.extend(rows.tolist())
        return (POOL[rows, :1] > 0.5) + 2.0 * (POOL[rows, 1:2] > 0.5)

    (copy,) = recover_by_committee(
        answer, POOL[:200], kind="labels", n_classes=4, train=train, marks=[queries], rng=np.random.default_rng(seed)
    )
    assert len(asked) == len(set(asked)) == copy.queries == queries
    known = np.array(asked)
    assert (copy.scores(POOL[known]).argmax(axis=1) == (POOL[known, 0] > 0.5) + 2 * (POOL[known, 1] > 0.5)).all()
