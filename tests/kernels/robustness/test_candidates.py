from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from holdfast.kernels.robustness.candidates import Search
from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.robustness.threat import Space, Threat

FIRST = np.zeros(1, dtype=np.int64)


def search(
    X: list[list[float]],
    predict: Callable[[np.ndarray], np.ndarray] = lambda Z: np.zeros(len(Z), dtype=np.int64),
    threat: Threat | None = None,
    **space: np.ndarray,
) -> Search:
    d = len(X[0])
    defaults = {
        "scale": np.ones(d),
        "low": np.full(d, -10.0),
        "high": np.full(d, 10.0),
        "is_whole": np.zeros(d, dtype=bool),
        "n_levels": np.zeros(d, dtype=np.int64),
    }
    n = len(X)
    return Search(
        np.array(X),
        np.zeros(n, dtype=np.int64),
        predict,
        Space(**(defaults | space)),
        threat or Threat(2.0, 1, 100),
        PointStreams(0, np.arange(n)),
        lambda: False,
    )


def settled(made: Search, row: list[float]) -> tuple[list[float], bool]:
    rows, valid = made.settle(FIRST, np.array([[row]]))
    return rows[0, 0].tolist(), bool(valid[0, 0])


def test_cells_are_cut_to_their_range() -> None:
    assert settled(search([[0.0, 1.0]]), [99.0, -99.0]) == ([10.0, -10.0], True)


def test_a_point_outside_its_range_may_come_nearer_only() -> None:
    made = search([[15.0]])
    assert settled(made, [12.0]) == ([12.0], True)
    assert settled(made, [16.0]) == ([15.0], True)


def test_a_direction_is_kept() -> None:
    made = search([[1.0, 1.0]], direction=np.array([1, -1]))
    assert settled(made, [0.0, 2.0]) == ([1.0, 1.0], True)
    assert settled(made, [2.0, 0.0]) == ([2.0, 0.0], True)


def test_whole_numbers_are_rounded_towards_the_point() -> None:
    made = search([[3.0]], is_whole=np.ones(1, dtype=bool))
    assert settled(made, [4.9]) == ([4.0], True)
    assert settled(made, [1.1]) == ([2.0], True)


def test_missing_cells_and_columns_without_scale_stay() -> None:
    made = search([[np.nan, 1.0, -1.0]], scale=np.array([1.0, 0.0, 0.0]), n_levels=np.array([0, 0, 4]))
    rows, valid = settled(made, [5.0, 5.0, 3.0])
    assert np.array_equal(rows, [np.nan, 1.0, -1.0], equal_nan=True)
    assert valid


def test_more_swaps_than_allowed_are_invalid_and_count_with_their_cost() -> None:
    space = {"scale": np.zeros(2), "n_levels": np.array([3, 3]), "swap_cost": np.array([1.0, 2.0])}
    made = search([[0.0, 0.0]], threat=Threat(1.0, 1, 100), **space)
    assert settled(made, [1.0, 0.0])[1]
    assert not settled(made, [0.0, 1.0])[1]


@pytest.mark.parametrize(("norm", "expected"), [("linf", 4.0), ("l1", 7.0), ("l2", 5.0)])
def test_distances_follow_the_norm(norm: str, expected: float) -> None:
    made = search([[0.0, 0.0, 0.0]], threat=Threat(9.0, 0, 9, norm), scale=np.array([1.0, 2.0, 0.0]))  # type: ignore[arg-type]
    assert made.distances(FIRST, np.array([[[3.0, 8.0, 5.0]]]))[0, 0] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_a_pulled_row_is_at_the_radius_asked_for(norm: str) -> None:
    made = search([[1.0, 1.0]], threat=Threat(9.0, 0, 9, norm))  # type: ignore[arg-type]
    pulled = made.pulled(FIRST, np.array([[[4.0, -5.0]]]), np.array([[2.0]]))
    assert made.distances(FIRST, pulled)[0, 0] == pytest.approx(2.0, rel=1e-6)


def test_the_closest_flip_is_kept() -> None:
    made = search([[0.0]], lambda Z: (Z[:, 0] > 1).astype(np.int64))
    made.ask(FIRST, np.array([[[1.9], [1.2], [0.5]]]))
    assert (made.best[0, 0], made.radius[0]) == (1.2, 1.2)


def test_a_row_that_is_no_closer_is_not_asked_about() -> None:
    made = search([[0.0]], lambda Z: (Z[:, 0] > 1).astype(np.int64))
    made.ask(FIRST, np.array([[[1.5]]]))
    answers = made.ask(FIRST, np.array([[[1.5], [1.8], [0.0], [1.4]]]))
    assert np.isnan(answers.margin[0]).tolist() == [True, True, True, False]
    assert made.used[0] == 2


def test_queries_are_never_overdrawn() -> None:
    made = search([[0.0]], threat=Threat(2.0, 0, 3))
    answers = made.ask(FIRST, np.linspace(0.1, 1, 5).reshape(1, 5, 1))
    assert np.isfinite(answers.margin[0]).tolist() == [True, True, True, False, False]
    assert made.open().size == 0


def test_scores_become_margins_and_a_tie_goes_to_the_first_class() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.5, 0.5, 0.0]])
    made = search([[0.0]], lambda Z: scores)
    margin = made.ask(FIRST, np.array([[[0.3], [0.2], [0.1]]])).margin[0]
    assert margin[:2] == pytest.approx([0.5, -0.3])
    assert margin[2] > 0
    assert made.is_scored


def test_only_what_lies_within_the_threat_is_reported() -> None:
    made = search([[0.0], [0.0]], lambda Z: np.ones(len(Z), dtype=np.int64), threat=Threat(1.0, 0, 9))
    made.ask(np.arange(2), np.array([[[1.0]], [[1.5]]]))
    result = made.result()
    assert result.distance.tolist() == [1.0, np.inf]
    assert result.points.tolist() == [[1.0], [0.0]]
