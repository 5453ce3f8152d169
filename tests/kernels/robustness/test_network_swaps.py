"""Other categories of a row: all are looked at, the best come first, and nothing but one group changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.network_swaps import Lead, groups_among, promising

GROUPS = (np.array([1, 2, 3]), np.array([4, 5]))
WEIGHTS = np.array([1.0, 0.0, -0.5, -2.0, 0.0, -1.0])
ROW = np.array([[1.0, 1.0, 0.0, 0.0, 1.0, 0.0]])


def lead(rows: NDArray[np.float64], y: NDArray[np.int64]) -> Lead:
    """A linear score that a move of the first column lowers by half."""
    now = rows @ WEIGHTS
    return Lead(now, now - 0.5)


def changes(rows: NDArray[np.float64], exact: NDArray[np.float64] = ROW, most: int = 9) -> list[list[float]]:
    found, leads = promising(rows[:, None], exact, np.zeros(len(rows), dtype=np.int64), GROUPS, lead=lead, most=most)
    return [row.tolist() for row in found[0][np.isfinite(leads[0])]]


def test_changes_come_in_the_order_of_what_they_leave() -> None:
    assert changes(ROW) == [
        [1.0, 0.0, 0.0, 1.0, 1.0, 0.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        [1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
    ]
    assert changes(ROW, most=1) == [[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]]


def test_a_flipped_row_comes_before_one_that_may_yet_be() -> None:
    def steep(rows: NDArray[np.float64], y: NDArray[np.int64]) -> Lead:
        now = rows @ WEIGHTS
        return Lead(now, np.where(now < 0, now, -99.0))

    found, leads = promising(ROW[:, None], ROW, np.zeros(1, dtype=np.int64), GROUPS, lead=steep, most=2)
    assert leads[0].tolist() == [-1.0, 0.5]
    assert found[0, 0].tolist() == [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]


def test_a_group_that_was_changed_is_not_changed_again() -> None:
    once = np.array([[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]])
    assert changes(once) == [[1.0, 0.0, 0.0, 1.0, 0.0, 1.0]]


def test_a_group_without_exactly_one_stays() -> None:
    for broken in ([0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]):
        row = np.array([[1.0, *broken, 1.0, 0.0]])
        assert changes(row, row) == [[1.0, *broken, 0.0, 1.0]]


def test_groups_with_a_column_that_the_network_is_not_given_stay() -> None:
    assert groups_among(["a", "b"], [["b", "c"], []]) == ()
    assert [group.tolist() for group in groups_among(["a", "b", "c"], [["c", "b"]])] == [[2, 1]]
