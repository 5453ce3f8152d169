from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.starts import Starts
from holdfast.kernels.robustness.threat import Threat
from tests.kernels.robustness.test_candidates import search

ALL = np.arange(2)


def starts(threat: Threat | None = None, donors: list[list[float]] | None = None) -> Starts:
    made = search(
        [[0.0, 0.0, 0.0], [5.0, 1.0, -1.0]],
        lambda Z: ((Z[:, 1] == 2) | (Z[:, 0] > 7)).astype(np.int64),
        threat or Threat(2.0, 1, 100),
        scale=np.array([1.0, 0.0, 0.0]),
        n_levels=np.array([0, 3, 4]),
    )
    others = np.array(donors or [[8.0, 2.0, 3.0], [9.0, 1.0, 3.0], [1.0, 1.0, 1.0]])
    return Starts(made, others, np.array([1, 1, 0])[: len(others)])


def test_a_single_category_that_flips_is_found_at_distance_zero() -> None:
    made = starts()
    made.try_single_categories()
    assert made.search.radius.tolist() == [0.0, 0.0]
    assert made.search.best[:, 1].tolist() == [2.0, 2.0]


def test_single_categories_take_at_most_a_share_of_the_queries() -> None:
    made = starts(Threat(2.0, 1, 5))
    made.try_single_categories()
    assert made.search.used.max() <= 2


def test_without_categories_in_the_threat_none_is_tried() -> None:
    made = starts(Threat(2.0, 0, 100))
    made.try_single_categories()
    assert made.search.used.tolist() == [0, 0]


@pytest.mark.parametrize("nearest", [True, False])
def test_rows_of_other_classes_are_taken_over_within_the_categories_allowed(nearest: bool) -> None:
    made = starts()
    taken = made.near(ALL, 6, nearest=nearest)
    assert set(taken[:, :, 0].ravel()) <= {8.0, 9.0}
    swaps = (taken[:, :, 1:] != made.search.X[:, None, 1:]).sum(axis=2)
    assert swaps.max() <= 1
    assert (taken[1, :, 2] == -1).all()


def test_without_other_classes_the_point_itself_is_taken() -> None:
    made = starts()
    made.others = {0: np.zeros((0, 3))}
    assert np.array_equal(made.near(ALL, 3, nearest=True), np.repeat(made.search.X[:, None], 3, axis=1))


def test_costly_swaps_are_put_back_until_they_are_within_the_threat() -> None:
    made = starts()
    made.search.swap_cost = np.array([1.0, 1.0, 5.0])
    changed = np.array([[[0.0, 1.0, 2.0]], [[5.0, 2.0, -1.0]]])
    kept = made.within_categories(ALL, changed)
    assert (kept[:, :, 2] == made.search.X[:, None, 2]).all()


def test_corners_point_towards_other_rows() -> None:
    made = starts()
    towards = np.array([[[3.0, 0.0, 0.0]], [[-3.0, 1.0, -1.0]]])
    corners = made.corners(ALL, towards, np.full((2, 1), 2.0), towards=towards)
    assert corners[:, 0, 0].tolist() == [2.0, 3.0]


def test_an_end_at_infinity_leaves_the_other_row_as_it_is() -> None:
    made = starts()
    made.search.high[:] = np.inf
    towards = np.array([[[3.0, 0.0, 0.0]], [[8.0, 1.0, -1.0]]])
    corners = made.corners(ALL, towards, np.full((2, 1), np.inf), towards=towards)
    assert corners[:, 0, 0].tolist() == [3.0, 8.0]


def test_a_flip_behind_the_box_is_found_among_other_rows() -> None:
    made = starts(Threat(0.5, 0, 100))
    made.try_other_rows()
    assert np.isfinite(made.search.radius).all()
