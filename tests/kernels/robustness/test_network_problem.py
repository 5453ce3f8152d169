"""A network's threat in units: what may move, how far, and how moves come back to the table."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.limits import Rules, is_allowed
from holdfast.kernels.robustness.network_problem import Box, NetworkProblem, Search

NAMES = ("a", "b", "c")


def as_far_as_it_may(box: Box, y: NDArray[np.int64], ids: NDArray[np.int64]) -> Search:
    """Goes to the upper end of the range, whatever the distance."""
    return Search(box.high, np.ones(len(y), dtype=np.bool_), np.full(len(y), 3))


def problem(limits: dict[str, NumericLimits | CategoryLimits], budget: Budget) -> NetworkProblem:
    return NetworkProblem(names=NAMES, rules=Rules(limits, budget), attack=as_far_as_it_may, most_in_vain=0)


def moved(limits: dict[str, NumericLimits | CategoryLimits], budget: Budget, row: list[float]) -> list[float]:
    rows = {name: np.array([value]) for name, value in zip(NAMES, row, strict=True)}
    found = problem(limits, budget).search(rows, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    assert is_allowed(rows, found.cells, Rules(limits, budget)).all()
    return [float(found.cells[name][0]) for name in NAMES]


def test_cells_move_by_their_own_units_and_stay_in_their_range() -> None:
    limits = {"a": NumericLimits(10.0, 0.0, 100.0, False), "b": NumericLimits(1.0, 0.0, 5.1, False)}
    assert moved(limits, Budget(0.5, 0), [50.0, 5.0, 7.0]) == pytest.approx([55.0, 5.1, 7.0])


def test_directions_costs_and_ranges_bind() -> None:
    limits = {
        "a": NumericLimits(1.0, 0.0, 9.0, False, direction=-1),
        "b": NumericLimits(1.0, 0.0, 9.0, False, cost=4.0),
        "c": NumericLimits(1.0, 0.0, 9.0, False),
    }
    assert moved(limits, Budget(2.0, 0), [5.0, 5.0, 20.0]) == pytest.approx([5.0, 5.5, 20.0])


def test_whole_numbers_stay_whole_within_the_distance() -> None:
    limits = {"a": NumericLimits(255.0, 0.0, 255.0, True), "b": NumericLimits(255.0, 0.0, 255.0, True)}
    assert moved(limits, Budget(8.5 / 255, 0), [10.0, 250.0, 0.0]) == [18.0, 255.0, 0.0]


@pytest.mark.parametrize("steps", range(1, 100))
def test_no_step_of_whole_numbers_is_lost_to_rounding(steps: int) -> None:
    limits = {"a": NumericLimits(255.0, 0.0, 255.0, True)}
    assert moved(limits, Budget(steps / 255, 0), [3.0, 0.0, 0.0]) == [3.0 + steps, 0.0, 0.0]


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_moves_too_long_together_are_shortened(norm: str) -> None:
    limits = {name: NumericLimits(2.0, 0.0, 99.0, False) for name in NAMES}
    budget = Budget(1.0, 0, "l1" if norm == "l1" else "l2")
    end = moved(limits, budget, [1.0, 2.0, 3.0])
    moves = (np.array(end) - [1.0, 2.0, 3.0]) / 2.0
    assert np.linalg.norm(moves, 1 if norm == "l1" else 2) == pytest.approx(1.0)


def test_a_row_with_a_missing_number_is_not_attacked() -> None:
    limits = {"a": NumericLimits(1.0, 0.0, 9.0, False)}
    rows = {"a": np.array([1.0, np.nan]), "b": np.array([np.nan, 2.0]), "c": np.zeros(2)}
    found = problem(limits, Budget(1.0, 0)).search(rows, np.zeros(2, dtype=np.int64), np.arange(2))
    assert np.isinf(found.distance).all()
    assert found.queries.tolist() == [0, 0]
    np.testing.assert_array_equal(found.cells["a"], rows["a"])


def test_distances_are_in_units_and_nothing_is_proved() -> None:
    limits = {"a": NumericLimits(4.0, 0.0, 3.0, False)}
    rows = {"a": np.array([1.0]), "b": np.zeros(1), "c": np.zeros(1)}
    found = problem(limits, Budget(9.0, 0)).search(rows, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    assert (found.distance.tolist(), found.lower.tolist(), found.queries.tolist()) == ([0.5], [0.0], [3])


def test_single_precision_moves_no_cell_that_stays_and_none_beyond_its_range() -> None:
    limits = {"a": NumericLimits(26.0, 0.0, 255.0, False)}

    def rounded(box: Box, y: NDArray[np.int64], ids: NDArray[np.int64]) -> Search:
        return Search(box.high.astype(np.float32).astype(np.float64), np.ones(1, dtype=np.bool_), np.ones(1, np.int64))

    rules = Rules(limits, Budget(1.0, 0))
    rows = {"a": np.array([254.9]), "b": np.array([0.1]), "c": np.array([7.3])}
    made = NetworkProblem(names=NAMES, rules=rules, attack=rounded, most_in_vain=0)
    found = made.search(rows, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    assert found.cells["a"][0] == pytest.approx(255.0)
    assert (found.cells["b"][0], found.cells["c"][0]) == (0.1, 7.3)
    assert is_allowed(rows, found.cells, rules).all()
