"""Columns of two tables as one kind of numbers."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.estimation.input_columns import group_codes, input_columns


def text(*cells: object) -> np.ndarray:
    return np.array(cells, dtype=object)


def test_levels_are_those_of_the_reference() -> None:
    past = {"c": text(*["a"] * 5, *["b"] * 3)}
    first, (second,) = input_columns(past, [{"c": text("b", "z", None)}])
    assert first[:, 0].tolist() == [0.0] * 5 + [1.0] * 3
    assert second[:, 0].tolist() == [1.0, 0.0, 0.0]


def test_a_hundred_thousand_levels_make_no_column_each() -> None:
    past = {"c": text(*map(str, range(100_000)))}
    assert input_columns(past, [past])[0].shape == (100_000, 0)


def test_missing_infinite_and_constant_numbers_stay_finite() -> None:
    past = {"x": np.array([np.nan, 1.0, np.inf, 2.0]), "k": np.ones(4), "gone": np.full(4, np.nan)}
    first, (second,) = input_columns(past, [{"x": np.array([-np.inf]), "k": np.zeros(1), "gone": np.array([5.0])}])
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()
    assert first.shape[1] == second.shape[1]


def test_no_column_gives_no_column() -> None:
    assert input_columns({}, [{}])[0].shape == (0, 0)


def test_groups_of_the_reference_are_numbered_and_others_are_not() -> None:
    before, now, n = group_codes(text("x", None, "x"), text(None, "new"))
    assert (n, before[0] == before[2], now[0] == before[1], now[1]) == (2, True, True, -1)
