"""Who ends in which leaf."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from holdfast.adapters.models.trees_sklearn import read_trees
from holdfast.core.subject import RawTrees
from holdfast.kernels.privacy.leaves import named_class, occupancy


def stump(**changed: object) -> RawTrees:
    """One split of the only column at 0.5: small to node 1, large to node 2."""
    arrays = {
        "column": np.array([0, -1, -1], dtype=np.int32),
        "threshold": np.array([0.5, 0.0, 0.0]),
        "levels": np.full(3, -1, dtype=np.int32),
        "missing_left": np.array([True, False, False]),
        "left": np.array([1, -1, -1], dtype=np.int32),
        "right": np.array([2, -1, -1], dtype=np.int32),
        "value": np.zeros((3, 1)),
        "roots": np.zeros(1, dtype=np.int32),
        "base": np.zeros(1),
        "level_sets": np.zeros((0, 1), dtype=bool),
        "n_columns": 1,
        "link": "sigmoid",
    }
    return RawTrees(**{**arrays, **changed})  # type: ignore[arg-type]


def test_rows_go_where_the_split_sends_them() -> None:
    found = occupancy(stump(), np.array([[0.5], [0.6], [np.nan], [0.1]]), max_trees=1)
    assert found.leaf.tolist() == [1, 2]
    assert found.n_rows.tolist() == [3, 1]
    assert found.last[1] == 1


def test_codes_go_left_if_they_are_in_the_set_and_unknown_ones_as_the_last_place_says() -> None:
    sets = np.array([[True, False, True, False]])
    trees = stump(levels=np.array([0, -1, -1], dtype=np.int32), level_sets=sets)
    codes = np.array([[0.0], [0.9], [1.0], [2.0], [3.0], [-1.0], [1e300]])
    assert occupancy(trees, codes, max_trees=1).n_rows.tolist() == [3, 4]


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_leaves_are_those_of_scikit_learn(kind: type) -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 4)).astype(np.float32).astype(np.float64), rng.integers(0, 3, 200)
    forest = kind(n_estimators=7, random_state=0).fit(X, y)
    sizes = [np.unique(leaves, return_counts=True)[1] for leaves in forest.apply(X).T]
    found = occupancy(read_trees(forest), X, max_trees=7)
    assert sorted(found.n_rows) == sorted(np.concatenate(sizes))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 5))
def test_every_row_ends_once_in_each_tree(n_rows: int, n_trees: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    forest = RandomForestClassifier(5, random_state=seed).fit(rng.normal(size=(30, 2)), np.arange(30) % 2)
    found = occupancy(read_trees(forest), rng.normal(size=(n_rows, 2)), max_trees=n_trees)
    assert found.n_rows.sum() == n_rows * n_trees
    assert (found.n_rows > 0).all()


def test_without_rows_no_leaf_is_occupied() -> None:
    assert occupancy(stump(), np.zeros((0, 1)), max_trees=1).leaf.size == 0


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="1 columns"):
        occupancy(stump(), np.zeros((2, 3)), max_trees=1)


def test_a_pure_leaf_names_its_class_and_a_mixed_one_none() -> None:
    assert named_class(np.array([[1.0], [0.0], [0.5]]), whole=1.0).tolist() == [1, 0, -1]
    assert named_class(np.array([[0.0, 0.1], [0.05, 0.05]]), whole=0.1).tolist() == [1, -1]


def test_a_tree_without_limits_names_the_class_of_everybody() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(60, 3)), np.arange(60) % 3
    trees = read_trees(DecisionTreeClassifier(random_state=0).fit(X, y))
    found = occupancy(trees, X, max_trees=1)
    assert (named_class(trees.value[found.leaf], whole=1.0) == y[found.last]).all()
