import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from holdfast.kernels.privacy.extraction_trees import recover_tree

RNG = np.random.default_rng(0)
POOL, UNSEEN = RNG.random((1500, 5)), RNG.random((1500, 5))
NUMBERS = np.zeros(5, dtype=bool)


def recover(ask, pool=POOL, queries=500, is_category=NUMBERS, seed=0):
    return recover_tree(ask, pool, is_category=is_category, queries=queries, rng=np.random.default_rng(seed))


def regression_tree(leaves, seed=0):
    rng = np.random.default_rng(seed)
    y = np.sin(5 * POOL).sum(axis=1) + rng.normal(size=len(POOL))
    model = DecisionTreeRegressor(max_leaf_nodes=leaves, random_state=seed).fit(POOL, y)
    return lambda X: model.predict(X)[:, None]


def test_a_single_split_is_found_to_within_neighbouring_rows():
    copy = recover(lambda X: (X[:, :1] > 0.3).astype(float), queries=100)
    values = np.sort(POOL[:, 0])
    edge = np.searchsorted(values, 0.3)
    assert values[edge - 1] <= copy.nodes[0].cut.threshold <= values[edge]


@pytest.mark.parametrize("seed", range(3))
def test_a_tree_of_ten_leaves_is_recovered(seed):
    ask = regression_tree(10, seed)
    copy = recover(ask)
    assert copy.is_tree
    assert copy.queries <= 500
    assert len(copy.answers) == 10
    assert (copy.scores(UNSEEN) == ask(UNSEEN)).mean() > 0.98


def test_a_split_on_one_level_is_found():
    pool = np.column_stack([RNG.integers(0, 6, 1000), RNG.random(1000)]).astype(float)
    is_category = np.array([True, False])
    copy = recover(lambda X: (X[:, :1] == 3) * 1.0, pool, is_category=is_category, queries=200)
    assert len(copy.nodes) == 3
    assert copy.nodes[0].cut.is_level
    assert copy.scores(np.array([[3.0, 0.5], [2.0, 0.5]])).ravel().tolist() == [1.0, 0.0]


def test_missing_cells_have_a_place():
    pool = np.where(RNG.random(POOL.shape) < 0.2, np.nan, POOL)
    copy = recover(lambda X: np.isnan(X[:, :1]) * 1.0, pool, queries=200)
    np.testing.assert_array_equal(copy.scores(pool), np.isnan(pool[:, :1]))


def test_answers_of_several_leaves_are_counted():
    copy = recover(lambda X: (np.abs(X[:, :1] - 0.5) < 0.2) * 1.0, queries=200)
    assert copy.collisions == 1
    assert (copy.scores(UNSEEN).ravel() == (np.abs(UNSEEN[:, 0] - 0.5) < 0.2)).mean() > 0.98


def test_a_model_that_is_no_tree_is_given_up_early():
    copy = recover(lambda X: X.sum(axis=1, keepdims=True))
    assert not copy.is_tree
    assert copy.queries == 50


def test_a_constant_model_is_one_leaf():
    copy = recover(lambda X: np.ones((len(X), 2)))
    assert len(copy.nodes) == 1
    assert copy.is_tree


def test_more_questions_never_lose_what_was_known():
    y = (np.sin(9 * POOL).sum(axis=1) > 1.5).astype(int)
    model = DecisionTreeClassifier(min_samples_leaf=25, random_state=0).fit(POOL, y)
    shares = [
        (recover(model.predict_proba, queries=q).scores(UNSEEN).argmax(1) == model.predict(UNSEEN)).mean()
        for q in (60, 150, 400)
    ]
    assert shares[0] < shares[1] < shares[2]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(10, 60))
def test_known_rows_are_answered_rightly_and_the_budget_is_kept(seed, queries):
    asked = []

    def ask(X):
        asked.append(X)
        return (X[:, :1] > 0.5) + 2.0 * (X[:, 1:2] > 0.5)

    copy = recover(ask, POOL[:200], queries=queries, seed=seed)
    rows = np.concatenate(asked)
    assert len(rows) == copy.queries <= queries
    np.testing.assert_array_equal(copy.scores(rows), (rows[:, :1] > 0.5) + 2.0 * (rows[:, 1:2] > 0.5))
