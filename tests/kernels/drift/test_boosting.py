"""Trees that tell two tables apart: what they must see, what they must not, and scikit-learn's beside them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from holdfast.kernels.drift.boosting import N_BEST, boosted_trees

Floats = NDArray[np.float64]
SIDE = np.repeat([False, True], 3000)


def table(seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.normal(size=(6000, 4)), rng.integers(0, 30, 6000)])


def shifted(X: Floats) -> Floats:
    X[SIDE, 0] += 0.4
    return X


def turned(X: Floats) -> Floats:
    """The product of two columns has another sign, and no column has moved."""
    rows = SIDE & (X[:, 4] < 15)
    X[rows, 0] = np.abs(X[rows, 0]) * np.sign(X[rows, 1])
    return X


def swapped(X: Floats) -> Floats:
    """Every third category becomes the next: no order of the codes shows it."""
    rows = SIDE & (X[:, 4] % 3 == 0) & (X[:, 0] > 0)
    X[rows, 4] += 1
    return X


def emptied(X: Floats) -> Floats:
    X[SIDE & (X[:, 1] > 0) & (X[:, 2] > 0.5), 3] = np.nan
    return X


@pytest.mark.parametrize("change", [shifted, turned, swapped, emptied])
def test_held_out_rows_are_told_apart_about_as_well_as_by_sklearn(change: object) -> None:
    X, fresh = change(table(0)), change(table(1))  # type: ignore[operator]
    is_code = [False] * 4 + [True]
    ours = roc_auc_score(SIDE, boosted_trees(X, SIDE, is_code)(fresh))
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, categorical_features=is_code)
    theirs = roc_auc_score(SIDE, model.fit(X, SIDE).predict_proba(fresh)[:, 1])
    assert ours > 0.55
    # Leaves are large, for faint differences: a product of two columns that turns its sign is seen a little worse.
    assert ours > theirs - 0.04


def test_tables_that_are_alike_give_scores_by_chance() -> None:
    areas = [
        roc_auc_score(SIDE, boosted_trees(table(2 * seed), SIDE, [False] * 5)(table(2 * seed + 1)))
        for seed in range(10)
    ]
    assert abs(np.mean(areas) - 0.5) < 0.01


def test_scores_are_the_log_odds_of_a_side() -> None:
    X = np.repeat([[0.0], [1.0]], 1000, axis=0)
    is_current = np.arange(2000) % 1000 < np.repeat([200, 700], 1000)
    score = boosted_trees(X, is_current, [False])(np.array([[0.0], [1.0]]))
    assert 1.0 / (1.0 + np.exp(-score)) == pytest.approx([0.2, 0.7], abs=0.02)


def test_the_order_of_rows_does_not_matter() -> None:
    X, order = shifted(table(0)), np.random.default_rng(0).permutation(6000)
    one = boosted_trees(X, SIDE, [False] * 5)(X[:100])
    other = boosted_trees(X[order], SIDE[order], [False] * 5)(X[:100])
    assert one == pytest.approx(other, abs=1e-6)


def test_codes_and_values_that_were_not_fitted_on_get_a_score() -> None:
    X = shifted(table(0))
    ask = boosted_trees(X, SIDE, [False] * 4 + [True])
    strange = np.array([[np.inf, -np.inf, np.nan, 1e300, 254.0], [0.0, 0.0, 0.0, 0.0, np.nan]])
    assert np.isfinite(ask(strange)).all()


@pytest.mark.parametrize("n", [1, 5, 30])
def test_a_few_rows_or_nothing_to_split_on_give_the_share_of_the_sides(n: int) -> None:
    is_current = np.arange(n) % 3 == 0
    empty = boosted_trees(np.full((n, 2), np.nan), is_current, [False, True])(np.zeros((3, 2)))
    assert np.unique(empty).size == 1


def test_shuffled_scores_are_those_of_rows_with_that_column_shuffled() -> None:
    X, order = turned(table(0)), np.random.default_rng(0).permutation(500)
    ask = boosted_trees(X, SIDE, [False] * 4 + [True])
    rows = X[::12]
    found = dict(ask.shuffled(rows, order))
    assert {0, 1} <= found.keys()
    for place in range(5):
        other = rows.copy()
        other[:, place] = rows[order, place]
        # A column that no tree splits on changes nothing.
        assert np.array_equal(found.get(place, ask(rows)), ask(other))


def wide(seed: int, n: int = 1500, n_columns: int = 400) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, n_columns))


def test_of_a_wide_table_the_columns_that_differ_are_found() -> None:
    side = np.arange(1500) % 2 == 0
    X, fresh = wide(0), wide(1)
    for rows in (X, fresh):
        rows[side, 399] += 0.5
        rows[side, 7] = 0.8 * rows[side, 8] + 0.6 * rows[side, 7]  # no split by one column shows it
    ask = boosted_trees(X, side, [False] * 400)
    assert roc_auc_score(side, ask(fresh)) > 0.62
    assert 399 in dict(ask.shuffled(fresh[:10], np.arange(10)))
    assert len(ask.coders) > N_BEST


def test_shapes_that_do_not_agree_are_refused() -> None:
    with pytest.raises(ValueError, match="expected rows, a side of each"):
        boosted_trees(np.zeros((5, 2)), np.zeros(4, dtype=bool), [False, False])
