from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from holdfast.kernels.robustness.feature_tracing import (
    MOST_LEVELS,
    NotComposable,
    Pipeline,
    grids_of,
    trace_features,
)
from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn

COLUMNS = {
    "x": NumberColumn(np.linspace(0, 1, 50), 0.0, 1.0, can_miss=True),
    "y": NumberColumn(np.arange(10.0), 0.0, 9.0, is_whole=True),
    "c": CategoryColumn(np.array([f"level {i}" for i in range(300)], dtype=object)),
}


def traced(*features: Callable, used: list[int] | None = None):
    def ask(cells):
        return np.column_stack([feature(cells) for feature in features]).astype(np.float64)

    chosen = np.array(used if used is not None else range(len(features)))
    pipeline = Pipeline(ask, COLUMNS, used=chosen, n_features=len(features))
    grids = grids_of(pipeline.columns, size=128)
    return trace_features(pipeline, grids, rng=np.random.default_rng(0)), grids


def test_each_feature_finds_its_column_and_its_values() -> None:
    found, grids = traced(
        lambda cells: cells["y"] ** 2,
        lambda cells: np.nan_to_num(cells["x"], nan=-7.0),
        lambda cells: cells["c"] == "level 299",
    )
    assert [trace.column for trace in found] == [1, 0, 2]
    np.testing.assert_array_equal(found[0].values, np.arange(10.0) ** 2)
    np.testing.assert_array_equal(found[1].values, grids[0][:-1])
    assert found[1].missing == -7.0
    assert found[2].values.tolist() == [0.0] * 299 + [1.0]


def test_a_feature_that_never_moves_follows_no_column() -> None:
    (trace,), _ = traced(lambda cells: np.full(len(cells["x"]), 3.0))
    assert (trace.column, trace.values.tolist()) == (-1, [3.0])


def test_missing_results_are_values_like_others() -> None:
    (trace,), _ = traced(lambda cells: np.where(cells["y"] > 4, np.nan, 1.0))
    assert trace.column == 1
    assert np.isnan(trace.values).tolist() == [False] * 5 + [True] * 5


def test_a_feature_of_two_columns_is_refused_by_name() -> None:
    with pytest.raises(NotComposable, match="feature 1 follows the columns 'x', 'y'"):
        traced(lambda cells: cells["y"], lambda cells: np.nan_to_num(cells["x"]) * cells["y"])


def test_a_column_that_matters_only_where_another_is_missing_is_found() -> None:
    with pytest.raises(NotComposable, match="feature 0"):
        traced(lambda cells: np.where(np.isnan(cells["x"]), cells["y"], cells["x"]))


def test_features_that_are_not_used_may_do_as_they_like() -> None:
    found, _ = traced(lambda cells: cells["y"], lambda cells: np.nan_to_num(cells["x"]) * cells["y"], used=[0])
    assert [trace.column for trace in found] == [1]


def test_features_of_another_shape_are_refused() -> None:
    pipeline = Pipeline(lambda cells: np.zeros((3, 1)), COLUMNS, used=np.array([0]), n_features=1)
    with pytest.raises(ValueError, match="expected features of shape"):
        trace_features(pipeline, grids_of(pipeline.columns, size=8), rng=np.random.default_rng(0))


def test_free_text_is_no_category() -> None:
    levels = np.array([str(i) for i in range(MOST_LEVELS + 1)], dtype=object)
    with pytest.raises(NotComposable, match="no category"):
        grids_of([CategoryColumn(levels)], size=8)
