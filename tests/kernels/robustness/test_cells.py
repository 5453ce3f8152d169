"""Cells as numbers and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.robustness.cells import CellCoding

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
