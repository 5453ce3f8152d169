"""Cells as numbers."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.privacy.record_encoding import MOST_LEVELS, encoded


def test_levels_are_numbered_by_frequency_and_missing_stays() -> None:
    column = np.array(["b", "a", "b", None, "c", "b", "a"], dtype=object)
    matrix, is_category = encoded({"x": column})
    assert matrix[:, 0].tolist()[:3] == [0.0, 1.0, 0.0]
    assert np.isnan(matrix[3, 0])
    assert is_category.tolist() == [True]


def test_order_of_the_rows_does_not_matter() -> None:
    column = np.array(list("abcabdaa"), dtype=object)
    order = np.random.default_rng(0).permutation(8)
    assert (encoded({"x": column})[0][order] == encoded({"x": column[order]})[0]).all()


def test_rare_levels_share_the_last_number() -> None:
    column = np.array([str(value) for value in range(1000)], dtype=object)
    assert encoded({"x": column})[0].max() == MOST_LEVELS - 1


def test_column_of_nothing_but_missing_is_missing() -> None:
    assert np.isnan(encoded({"x": np.array([None, None], dtype=object)})[0]).all()
