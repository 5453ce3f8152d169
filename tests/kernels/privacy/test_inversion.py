"""Reconstructions are judged by rows: known distances, means and ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.privacy.inversion import best_likenesses, class_means, nearness, ranks_within


def test_means_are_those_of_the_rows_and_none_of_a_class_without() -> None:
    found = class_means(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 5.0]]), np.array([0, 0, 2]), n_classes=3)
    np.testing.assert_array_equal(found, [[2.0, 3.0], [np.nan, np.nan], [5.0, 5.0]])


def test_distances_are_in_units_and_columns_without_spread_are_left_out() -> None:
    rows = np.array([[0.0, 0.0, 9.0]])
    points, others = np.array([[6.0, 0.0, 0.0]]), np.array([[0.0, 8.0, 1.0]])
    found = nearness(rows, np.array([0]), points, others, unit=np.array([2.0, 4.0, 0.0]))
    assert found == pytest.approx([2.0 - 3.0])


def test_the_best_likeness_of_each_class_comes_first() -> None:
    rows, y = np.array([[0.0, 1.0], [2.0, 0.0], [5.0, 5.0], [9.0, 9.0]]), np.array([2, 2, 0, 0])
    points, others = np.array([[8.0, 8.0], [0.0, 0.0], [2.0, 1.0]]), np.array([[0.0, 9.0], [np.nan, 0.0], [2.0, 2.0]])
    at, ratio = best_likenesses(rows, y, points, others, unit=np.ones(2))
    assert at.tolist() == [3, 1]
    assert ratio == pytest.approx([np.sqrt(2) / 9, 0.5])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_ranks_do_not_depend_on_the_scale_of_a_class_and_average_to_one_half(pairs: list[tuple[int, float]]) -> None:
    y, scores = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    found = ranks_within(scores, y)
    assert ((found > 0) & (found < 1)).all()
    for each in np.unique(y):
        assert found[y == each].mean() == pytest.approx(0.5)
    np.testing.assert_array_equal(found, ranks_within(scores * 2.0, y))
