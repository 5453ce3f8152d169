"""Cells as numbers and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.robustness.cells import CellCoding, coding_of
from holdfast.kernels.robustness.constraints import CategoryLimits
from holdfast.kernels.robustness.relations import parse_relation

LEVELS = {"c": np.array(["a", "b", "c"], dtype=object)}


def coding(x: list[float], c: list[str | None]) -> CellCoding:
    return CellCoding({"x": np.array(x), "c": np.array(c, dtype=object)}, LEVELS)


def test_missing_is_minus_one_and_unknown_lies_beyond_the_levels() -> None:
    made = coding([1.0, 2.0], [None, "new"])
    assert made.encode(made.points)[:, 2].tolist() == [-1, 3]


def test_a_cell_without_a_known_level_keeps_its_own_value() -> None:
    made = coding([1.0, 2.0], [None, "new"])
    assert made.decode(made.encode(made.points))["c"].tolist() == [None, "new"]


def test_a_changed_code_becomes_its_level() -> None:
    made = coding([1.0], ["a"])
    assert made.decode(np.array([[0.0, 7.5, 2.0]]))["c"].tolist() == ["c"]


@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9), st.sampled_from(["a", "b", "c", "new", None])), min_size=1, max_size=20)
)
def test_coding_is_lossless(rows: list[tuple[float, str | None]]) -> None:
    made = coding([x for x, _ in rows], [c for _, c in rows])
    back = made.decode(made.encode(made.points))
    assert back["x"].tolist() == made.points["x"].tolist()
    assert back["c"].tolist() == made.points["c"].tolist()


def one_hot(*rows: tuple[float, float, float]) -> CellCoding:
    columns = dict(zip("abx", (np.array(column) for column in zip(*rows, strict=True)), strict=True))
    return CellCoding(columns, {}, {"a|b": ("a", "b")})


def test_a_group_is_one_column_with_the_position_of_the_one() -> None:
    made = one_hot((1.0, 0.0, 5.0), (0.0, 1.0, 6.0))
    assert made.names == ("x", "a|b")
    assert made.encode(made.points)[:, 2].tolist() == [0.0, 1.0]


def test_a_group_that_is_not_one_hot_keeps_its_cells() -> None:
    made = one_hot((1.0, 1.0, 5.0), (0.0, np.nan, 5.0))
    coded = made.encode(made.points)
    assert coded[:, 2].tolist() == [-1.0, -1.0]
    back = made.decode(coded)
    assert [back["a"].tolist(), back["b"][0]] == [[1.0, 0.0], 1.0]
    assert list(back) == ["a", "b", "x"]


def test_a_changed_group_moves_its_one() -> None:
    made = one_hot((1.0, 0.0, 5.0))
    back = made.decode(np.array([[0.0, 5.0, 1.0]]))
    assert (back["a"].tolist(), back["b"].tolist()) == ([0.0], [1.0])


def test_groups_of_truth_values_stay_truth_values() -> None:
    points = {"a": np.array([True], dtype=object), "b": np.array([False], dtype=object)}
    made = CellCoding(points, {}, {"a|b": ("a", "b")})
    assert made.decode(np.array([[0.0, 1.0]]))["a"].tolist() == [False]


def test_columns_that_relations_name_are_coded_behind_those_that_change() -> None:
    points = {"x": np.array([1.0]), "y": np.array([2.0]), "c": np.array(["new"], dtype=object)}
    limits = {"c": CategoryLimits(frozenset({"b", "a"}))}
    made = coding_of(points, limits, relations=[parse_relation("x <= 3"), parse_relation("c = 'new' -> x <= 1")])
    assert made.names == ("c", "x")
    assert made.levels["c"].tolist() == ["a", "b", "new"]
