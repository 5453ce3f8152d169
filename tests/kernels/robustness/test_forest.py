from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.robustness.forest import forest_of
from tests.kernels.robustness.random_trees import random_ensemble


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_split_separates_the_same_values_as_cells(seed: int) -> None:
    ensemble = random_ensemble(np.random.default_rng(seed), n_categories=2)
    forest = forest_of(ensemble)
    for node in np.flatnonzero(ensemble.column >= 0):
        j = ensemble.column[node]
        if forest.is_category[j]:
            by_cell = forest.sets[forest.cut[node], forest.cell_of_level[j]]
            np.testing.assert_array_equal(by_cell, ensemble.level_sets[ensemble.levels[node]])
        else:
            cuts = forest.cuts[forest.first_cut[j] : forest.first_cut[j + 1]]
            assert cuts[forest.cut[node]] == ensemble.threshold[node]


def test_cells_are_one_more_than_thresholds_and_no_more_than_levels() -> None:
    ensemble = random_ensemble(np.random.default_rng(0), n_columns=3, n_categories=1)
    forest = forest_of(ensemble)
    n_cells = np.diff(forest.first_cell)
    assert n_cells[:2].tolist() == (np.diff(forest.first_cut)[:2] + 1).tolist()
    assert n_cells[2] <= 4


def test_one_margin_becomes_two_classes() -> None:
    forest = forest_of(random_ensemble(np.random.default_rng(0))._replace(base=np.array([0.5])))
    assert forest.base.tolist() == [0.0, 0.5]
    assert not forest.value[:, 0].any()


def test_depth_is_that_of_the_deepest_leaf() -> None:
    assert forest_of(random_ensemble(np.random.default_rng(0), depth=4)).depth == 4
