from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.fairness.paired_values import feature_parts, largest_mean_change, switching_orders
from holdfast.kernels.stats.mean import mean_t


def test_change_between_two_conditions_is_the_paired_t_interval() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 50)) + np.array([[0.0], [1.0]])
    change = largest_mean_change(x)
    assert (change.highest, change.lowest) == (1, 0)
    assert change.estimate == pytest.approx(mean_t(x[1] - x[0]))


def test_conditions_that_do_nothing_are_not_accused() -> None:
    rng, accused = np.random.default_rng(0), 0
    for _ in range(400):
        accused += largest_mean_change(rng.normal(size=(4, 40))).estimate.low > 0
    assert accused / 400 < 0.08


def test_interval_contains_the_largest_true_change() -> None:
    rng, hits = np.random.default_rng(0), 0
    means = np.array([[0.0], [0.1], [0.5], [0.45]])
    for _ in range(400):
        change = largest_mean_change(rng.normal(size=(4, 60)) + rng.normal(size=60) + means).estimate
        hits += change.low <= 0.5 <= change.high
    assert hits / 400 > 0.92


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [[1.0], [2.0]], [1.0, 2.0], [[1.0, np.nan], [1.0, 2.0]]])
def test_too_little_to_compare_is_refused(values) -> None:
    with pytest.raises(ValueError, match="expected"):
        largest_mean_change(values)


@given(st.integers(1, 9), st.integers(1, 6))
def test_orders_are_permutations_and_come_with_their_reverse(n_pairs: int, n_features: int) -> None:
    orders = switching_orders(n_pairs, n_features, np.random.default_rng(0))
    assert orders.shape == (n_pairs, n_features)
    assert (np.sort(orders, axis=1) == np.arange(n_features)).all()
    whole = orders[: n_pairs // 2 * 2]
    assert (whole[::2] + whole[1::2] == n_features - 1).all()


@given(st.integers(1, 8), st.integers(1, 6))
def test_parts_add_up_to_the_difference(n_pairs: int, n_features: int) -> None:
    rng = np.random.default_rng(0)
    answers = rng.normal(size=(n_pairs, n_features + 1))
    parts = feature_parts(answers, switching_orders(n_pairs, n_features, rng))
    assert parts.sum(axis=1) == pytest.approx(answers[:, -1] - answers[:, 0])


def test_parts_of_a_sum_and_a_product_are_their_shapley_values() -> None:
    rng = np.random.default_rng(0)
    orders = switching_orders(4000, 3, rng)
    switched = orders[:, None, :] < np.arange(4)[None, :, None]
    parts = feature_parts(2.0 * switched[..., 0] + switched[..., 1] * switched[..., 2], orders)
    assert parts.mean(axis=0) == pytest.approx([2.0, 0.5, 0.5], abs=0.02)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one more answer"):
        feature_parts([[0.0, 1.0]], np.array([[0, 1]]))
