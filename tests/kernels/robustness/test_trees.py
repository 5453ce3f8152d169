from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits, violations
from holdfast.kernels.robustness.ensemble import Ensemble, labels_of, scores
from holdfast.kernels.robustness.forest import forest_of
from holdfast.kernels.robustness.trees import Norm, attack_trees
from tests.kernels.robustness.random_trees import closest_by_trying, free_reach, random_ensemble, random_points

SEEDS = st.integers(0, 2**32 - 1)
NORMS = st.sampled_from(["linf", "l1", "l2"])


def stump(threshold: float) -> Ensemble:
    none = np.full(3, -1, dtype=np.int32)
    return Ensemble(
        np.array([0, -1, -1], dtype=np.int32),
        np.full(3, threshold),
        none,
        np.zeros(3, dtype=np.bool_),
        np.array([1, -1, -1], dtype=np.int32),
        np.array([2, -1, -1], dtype=np.int32),
        np.array([[0.0], [-1.0], [1.0]]),
        np.zeros(1, dtype=np.int32),
        np.zeros(1),
        np.zeros((0, 1), dtype=np.bool_),
        1,
    )


@settings(max_examples=60, deadline=None)
@given(SEEDS, NORMS)
def test_distance_is_that_of_the_closest_of_all_cells(seed: int, norm: Norm) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng)
    X = random_points(rng, ensemble, 3)
    y = labels_of(scores(ensemble, X))
    reach = free_reach(4, max_swaps=int(rng.integers(0, 2)))
    flips = attack_trees(forest_of(ensemble), X, y, reach=reach, norm=norm)
    expected = [closest_by_trying(ensemble, x, label, reach, norm) for x, label in zip(X, y.tolist(), strict=True)]
    np.testing.assert_allclose(flips.distance, expected, rtol=1e-9)
    np.testing.assert_array_equal(flips.lower, flips.distance)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_lower_bound_holds_however_little_work_is_done(seed: int, max_parts: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng, n_trees=8, depth=2)
    X = random_points(rng, ensemble, 2)
    y = labels_of(scores(ensemble, X))
    flips = attack_trees(forest_of(ensemble), X, y, reach=free_reach(4), max_parts=max_parts)
    expected = [
        closest_by_trying(ensemble, x, label, free_reach(4), "linf") for x, label in zip(X, y.tolist(), strict=True)
    ]
    assert np.all(flips.lower <= np.array(expected) * (1 + 1e-9))
    assert np.all(flips.distance >= np.array(expected) * (1 - 1e-9))


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_flips_satisfy_every_constraint_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng, n_columns=6, n_categories=2, n_trees=12)
    X = random_points(rng, ensemble, 8, n_categories=2)
    X[:, 1] = np.rint(X[:, 1])
    y = labels_of(scores(ensemble, X))
    reach = free_reach(6, n_categories=2, max_swaps=1)._replace(
        scale=np.array([0.3, 0.7, 0.0, 1.1, 0.0, 0.0]),
        low=np.full(6, -0.8),
        high=np.full(6, 0.9),
        is_whole=np.array([False, True, False, False, False, False]),
        swap_cost=np.array([np.inf] * 4 + [0.0, 0.0]),
    )
    reach.allowed[5, 2] = False
    flips = attack_trees(forest_of(ensemble), X, y, reach=reach)
    found = np.isfinite(flips.distance)
    assert np.all(labels_of(scores(ensemble, flips.points[found])) != y[found])
    limits: dict[str, NumericLimits | CategoryLimits] = {
        "0": NumericLimits(0.3, -0.8, 0.9, False),
        "1": NumericLimits(0.7, -0.8, 0.9, True),
        "3": NumericLimits(1.1, -0.8, 0.9, False),
        "4": CategoryLimits(frozenset(range(4))),
        "5": CategoryLimits(frozenset({0, 1, 3})),
    }
    for i in np.flatnonzero(found):
        before, after = ({str(j): rows[i : i + 1, j] for j in range(6)} for rows in (X, flips.points))
        broken = violations(before, after, limits=limits, budget=Budget(float(flips.distance[i]), 1))
        assert not any(rows.any() for rows in broken.values()), broken


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_constrained_distance_is_that_of_the_closest_of_all_valid_cells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng, n_columns=5, n_categories=2, n_trees=8, depth=2)
    X = random_points(rng, ensemble, 3, n_categories=2)
    X[0, 0] = np.nan
    y = labels_of(scores(ensemble, X))
    reach = free_reach(5, n_categories=2, max_swaps=1)._replace(
        scale=np.array([1.0, 0.5, 2.0, 0.0, 0.0]),
        low=np.full(5, -1.0),
        is_whole=np.array([False, True, False, False, False]),
        direction=np.array([1, 0, -1, 0, 0], dtype=np.int8),
    )
    flips = attack_trees(forest_of(ensemble), X, y, reach=reach)
    expected = [closest_by_trying(ensemble, x, label, reach, "linf") for x, label in zip(X, y.tolist(), strict=True)]
    np.testing.assert_allclose(flips.distance, expected, rtol=1e-9)
    np.testing.assert_array_equal(flips.lower, flips.distance)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(0, 3), NORMS)
def test_of_several_categories_only_as_many_change_as_may(seed: int, max_swaps: int, norm: Norm) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng, n_columns=5, n_categories=3, n_trees=6, depth=2)
    X = random_points(rng, ensemble, 3, n_categories=3)
    y = labels_of(scores(ensemble, X))
    reach = free_reach(5, n_categories=3, max_swaps=max_swaps)
    flips = attack_trees(forest_of(ensemble), X, y, reach=reach, norm=norm)
    expected = [closest_by_trying(ensemble, x, label, reach, norm) for x, label in zip(X, y.tolist(), strict=True)]
    np.testing.assert_allclose(flips.distance, expected, rtol=1e-9)
    np.testing.assert_array_equal(flips.lower, flips.distance)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 400))
def test_with_little_work_bounds_hold_and_little_work_is_done(seed: int, max_work: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng, n_trees=8, depth=2)
    X = random_points(rng, ensemble, 2)
    y = labels_of(scores(ensemble, X))
    forest, reach = forest_of(ensemble), free_reach(4)
    flips = attack_trees(forest, X, y, reach=reach, max_work=max_work)
    full = attack_trees(forest, X, y, reach=reach)
    assert np.all(flips.lower <= full.distance)
    assert np.all(flips.distance >= full.distance)
    assert np.all(flips.work <= full.work)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_of_several_classes_the_closest_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = random_ensemble(rng, n_outputs=3)
    X = random_points(rng, ensemble, 3)
    y = labels_of(scores(ensemble, X))
    flips = attack_trees(forest_of(ensemble), X, y, reach=free_reach(4))
    expected = [
        closest_by_trying(ensemble, x, label, free_reach(4), "linf") for x, label in zip(X, y.tolist(), strict=True)
    ]
    np.testing.assert_allclose(flips.distance, expected, rtol=1e-9)
    np.testing.assert_array_equal(flips.lower, flips.distance)


def test_a_point_gets_the_same_answer_alone_and_among_others() -> None:
    rng = np.random.default_rng(0)
    ensemble = random_ensemble(rng, n_columns=6, n_trees=30, depth=4)
    X = random_points(rng, ensemble, 20)
    y = labels_of(scores(ensemble, X))
    forest, reach = forest_of(ensemble), free_reach(6)
    together = attack_trees(forest, X, y, reach=reach)
    backwards = attack_trees(forest, X[::-1], y[::-1], reach=reach)
    alone = [attack_trees(forest, X[i : i + 1], y[i : i + 1], reach=reach) for i in range(20)]
    for k in range(5):
        np.testing.assert_array_equal(together[k], backwards[k][::-1])
        np.testing.assert_array_equal(together[k], np.concatenate([one[k] for one in alone]))


def test_buffers_that_are_too_small_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    ensemble = random_ensemble(rng, n_columns=6, n_trees=30, depth=4)
    X = random_points(rng, ensemble, 10)
    y = labels_of(scores(ensemble, X))
    expected = attack_trees(forest_of(ensemble), X, y, reach=free_reach(6))
    monkeypatch.setattr("holdfast.kernels.robustness.trees.FIRST_LEAVES", 4)
    grown = attack_trees(forest_of(ensemble), X, y, reach=free_reach(6))
    for one, other in zip(expected, grown, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("threshold", [0.1, float(np.float32(0.1)), 1e-300, -0.0, 1e300])
def test_the_flip_is_the_threshold_or_the_next_double(threshold: float) -> None:
    forest, reach = forest_of(stump(threshold)), free_reach(1, n_categories=0)
    X = np.array([[threshold - 1.0], [threshold], [np.nextafter(threshold, np.inf)]])
    flips = attack_trees(forest, X, np.array([0, 0, 1]), reach=reach)
    above = np.nextafter(threshold, np.inf)
    np.testing.assert_array_equal(flips.points[:, 0], [above, above, threshold])


def test_a_point_answered_otherwise_is_a_flip_at_distance_zero() -> None:
    flips = attack_trees(forest_of(stump(0.5)), np.array([[0.0]]), np.array([1]), reach=free_reach(1, n_categories=0))
    assert (flips.distance[0], flips.lower[0], flips.points[0, 0]) == (0.0, 0.0, 0.0)


def test_missing_cells_stay() -> None:
    flips = attack_trees(
        forest_of(stump(0.5)), np.array([[np.nan]]), np.array([1]), reach=free_reach(1, n_categories=0)
    )
    assert np.isnan(flips.points[0, 0])
    assert (flips.distance[0], flips.lower[0]) == (np.inf, np.inf)


def test_beyond_the_largest_distance_nothing_is_claimed() -> None:
    forest, reach = forest_of(stump(0.5)), free_reach(1, n_categories=0)
    flips = attack_trees(forest, np.array([[0.0]]), np.array([0]), reach=reach, max_distance=0.3)
    assert (flips.distance[0], flips.lower[0]) == (np.inf, 0.3)


def test_whole_numbers_move_to_the_right_side_of_a_threshold() -> None:
    reach = free_reach(1, n_categories=0)._replace(is_whole=np.array([True]))
    flips = attack_trees(forest_of(stump(2.0)), np.array([[0.0], [7.0]]), np.array([0, 1]), reach=reach)
    assert flips.points[:, 0].tolist() == [3.0, 2.0]


def test_slack_asks_for_a_clear_flip() -> None:
    forest, reach, X = forest_of(stump(0.5)), free_reach(1, n_categories=0), np.array([[0.0]])
    assert attack_trees(forest, X, np.array([0]), reach=reach, slack=0.9).distance[0] < 0.51
    assert attack_trees(forest, X, np.array([0]), reach=reach, slack=1.1).distance[0] == np.inf


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": np.array([-1.0])}, "at least 0"),
        ({"scale": np.ones(2)}, r"expected shape \(1,\) in `reach.scale`, got \(2,\)"),
        ({"allowed": np.zeros((2, 1), dtype=np.bool_)}, "reach.allowed"),
    ],
)
def test_a_malformed_reach_is_refused(changes: dict[str, np.ndarray], message: str) -> None:
    reach = free_reach(1, n_categories=0)._replace(**changes)
    with pytest.raises(ValueError, match=message):
        attack_trees(forest_of(stump(0.5)), np.zeros((1, 1)), np.array([0]), reach=reach)


def test_labels_without_a_class_are_refused() -> None:
    with pytest.raises(ValueError, match="labels from 0 to 1"):
        attack_trees(forest_of(stump(0.5)), np.zeros((1, 1)), np.array([2]), reach=free_reach(1, n_categories=0))


def test_no_points_give_no_flips() -> None:
    flips = attack_trees(
        forest_of(stump(0.5)), np.zeros((0, 1)), np.zeros(0, dtype=np.int64), reach=free_reach(1, n_categories=0)
    )
    assert flips.points.shape == (0, 1)
