from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.robustness.feature_tracing import Pipeline, grids_of, trace_features
from holdfast.kernels.robustness.split_tracing import Splits, TracedSplits, trace_splits
from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn, UserColumn


def traced(
    feature: Callable, thresholds: list[float], column: UserColumn, *, missing_left: bool = False
) -> TracedSplits:
    """Splits of one feature of one column, at thresholds."""
    n = len(thresholds)
    splits = Splits(
        np.zeros(n, dtype=np.int64),
        np.array(thresholds, dtype=np.float64),
        np.full(n, -1, dtype=np.int32),
        np.full(n, missing_left),
        np.zeros((0, 1), dtype=bool),
    )
    pipeline = Pipeline(lambda cells: feature(cells["x"])[:, None], {"x": column}, used=np.zeros(1, int), n_features=1)
    grids = grids_of(pipeline.columns, size=64)
    traces = trace_features(pipeline, grids, rng=np.random.default_rng(0))
    return trace_splits(splits, np.zeros(n, dtype=np.int64), traces, pipeline, grids)


def numbers(low: float, high: float, **options: bool) -> NumberColumn:
    return NumberColumn(np.linspace(low, high, 30), low, high, **options)


@pytest.mark.parametrize(
    "feature",
    [
        lambda x: x,
        lambda x: (x - 3.7) / 1.3,
        lambda x: -2.5 * x,
        lambda x: np.exp(x / 30),
        lambda x: np.sqrt(x + 50),  # rounded correctly, so that it never falls; np.cbrt does, by a bit
        lambda x: x.astype(np.float32).astype(np.float64),
        lambda x: ((x - 0.1) * 0.3).astype(np.float32).astype(np.float64),
    ],
    ids=["same", "scaled", "falling", "exponential", "root", "rounded", "scaled and rounded"],
)
@given(share=st.floats(0.01, 0.99))
@settings(max_examples=40)
def test_the_cut_is_the_last_number_of_its_side(feature: Callable, share: float) -> None:
    low, high = -50.0, 80.0
    threshold = float(feature(np.array([low + share * (high - low)]))[0])
    found = traced(feature, [threshold], numbers(low, high))
    cut = found.cuts[0]
    near = np.array([np.nextafter(cut, -np.inf), cut, np.nextafter(cut, np.inf)])
    goes_left = feature(near) <= threshold
    assert goes_left.tolist() == [found.lowest_left[0]] * 2 + [not found.lowest_left[0]]


def test_a_cut_between_numbers_of_either_sign_is_found() -> None:
    tiny = 5e-324
    found = traced(lambda x: x, [-tiny, 0.0, tiny], numbers(-1.0, 1.0))
    assert found.cuts.tolist() == [-tiny, 0.0, tiny]


def test_a_cut_in_the_range_of_all_numbers_is_found() -> None:
    largest = np.finfo(np.float64).max
    column = NumberColumn(np.zeros(1), -largest, largest)
    assert traced(lambda x: np.arctan(x), [float(np.arctan(0.3))], column).cuts[0] == pytest.approx(0.3, rel=1e-12)


def test_whole_numbers_are_cut_at_whole_numbers() -> None:
    found = traced(lambda x: x / 3, [33.4], NumberColumn(np.zeros(1), 0, 1e6, is_whole=True))
    assert found.cuts.tolist() == [100.0]


def test_a_map_that_turns_back_has_several_cuts() -> None:
    found = traced(np.square, [4.0], numbers(-5.0, 5.0))
    assert found.n_cuts.tolist() == [2]
    assert found.cuts.tolist() == [np.nextafter(-2.0, -np.inf), 2.0]
    assert not found.lowest_left[0]


def test_splits_outside_the_range_decide_nothing() -> None:
    found = traced(lambda x: x, [-9.0, 9.0], numbers(0.0, 1.0))
    assert found.is_constant.tolist() == [True, True]
    assert found.lowest_left.tolist() == [False, True]


def test_missing_cells_may_be_all_that_a_split_decides() -> None:
    found = traced(lambda x: np.isnan(x).astype(float), [0.5], numbers(0.0, 1.0, can_miss=True))
    assert (found.is_constant[0], found.lowest_left[0], found.missing_left[0]) == (False, True, False)
    assert found.cuts.tolist() == [np.inf]


@pytest.mark.parametrize("missing_left", [True, False])
def test_missing_features_go_where_the_split_sends_them(missing_left: bool) -> None:
    found = traced(lambda x: x, [0.5], numbers(0.0, 1.0, can_miss=True), missing_left=missing_left)
    assert found.missing_left.tolist() == [missing_left]


def test_levels_become_sets() -> None:
    levels = np.array(["low", "middle", "high"], dtype=object)
    order = {"low": 0.0, "middle": 1.0, "high": 2.0, None: 9.0}
    found = traced(
        lambda x: np.array([order[cell] for cell in x.tolist()]), [0.5, 1.5, 5.0], CategoryColumn(levels, can_miss=True)
    )
    assert found.level_sets[found.levels].tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert found.missing_left.tolist() == [False, False, False]
    assert not found.is_constant.any()
