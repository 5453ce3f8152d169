from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import iqr

from holdfast.kernels.robustness.corruptions import (
    add_noise,
    corruption_error,
    misspell,
    relative_corruption_error,
    relative_rise,
    robust_scale,
    slip_units,
    swap_levels,
)


def test_scale_is_the_interquartile_range_in_gaussian_units() -> None:
    values = np.random.default_rng(0).normal(size=101)
    assert robust_scale(values) == pytest.approx(iqr(values, scale="normal"))


def test_scale_is_unmoved_by_missing_and_infinite_values() -> None:
    assert robust_scale([1.0, 2.0, 3.0, np.nan, np.inf]) == robust_scale([1.0, 2.0, 3.0])


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [0.0, 0.0, 0.0, 0.0, 9.0]])
def test_scale_of_a_column_without_spread_is_zero(values: list[float]) -> None:
    assert robust_scale(values) == 0.0


def test_noise_stays_in_range_whole_and_off_missing_cells() -> None:
    values = np.array([1.0, 5.0, 9.0, np.nan, np.inf])
    noisy = add_noise(values, np.array([-9.0, 0.3, 9.0, 1.0, 1.0]), scale=2.0, low=0.0, high=10.0, whole=True)
    assert noisy[:3].tolist() == [0.0, 6.0, 10.0]
    assert np.isnan(noisy[3])
    assert noisy[4] == np.inf


def test_noise_leaves_a_value_outside_the_range_where_it_is() -> None:
    assert add_noise(np.array([12.0]), np.array([1.0]), scale=1.0, low=0.0, high=10.0, whole=False)[0] == 12.0


def test_units_slip_by_their_factors() -> None:
    assert slip_units(np.array([2.0, 2.0, np.nan]), np.array([1.0, 10.0, 10.0]), whole=False)[:2].tolist() == [
        2.0,
        20.0,
    ]


@given(st.integers(2, 9), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=30))
def test_swapped_levels_are_other_valid_levels(n_levels: int, steps: list[float]) -> None:
    codes = np.arange(len(steps)) % n_levels
    moved = swap_levels(codes, np.array(steps), n_levels=n_levels)
    assert (moved != codes).all()
    assert ((moved >= 0) & (moved < n_levels)).all()


def test_every_other_level_is_equally_likely() -> None:
    moved = swap_levels(np.zeros(40_000, dtype=np.int64), np.random.default_rng(0).random(40_000), n_levels=5)
    counts = np.bincount(moved, minlength=5)
    assert counts[0] == 0
    # Four standard errors of a binomial count.
    assert np.abs(counts[1:] - 10_000).max() < 4 * np.sqrt(10_000 * 0.75)


def test_a_category_with_one_level_cannot_change() -> None:
    assert swap_levels(np.array([0, -1]), np.array([0.5, 0.5]), n_levels=1).tolist() == [0, -1]


@given(st.lists(st.text(max_size=12), max_size=20), st.integers(0, 2**32 - 1))
def test_each_word_gets_one_mistake(words: list[str], seed: int) -> None:
    mistyped = misspell(words, np.random.default_rng(seed))
    assert len(mistyped) == len(words)
    for word, changed in zip(words, mistyped, strict=True):
        assert changed != word
        assert abs(len(changed) - len(word)) <= 1


def test_mistakes_in_one_word_do_not_depend_on_the_others() -> None:
    first = misspell(["alpha", "beta"], np.random.default_rng(0))
    assert misspell(["x", "beta"], np.random.default_rng(0))[1] == first[1]


def test_relative_rise_of_doubled_errors_is_one() -> None:
    estimate = relative_rise([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])
    assert tuple(estimate) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("before", [[0.0, 0.0], [1.0], []])
def test_relative_rise_without_a_base_is_undefined_but_bounded(before: list[float]) -> None:
    estimate = relative_rise(before, before)
    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (-1.0, np.inf)


def test_relative_rise_does_not_depend_on_the_unit() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.exponential(size=50), rng.exponential(size=50)
    assert tuple(relative_rise(1000 * a, 1000 * b)) == pytest.approx(tuple(relative_rise(a, b)))


def test_interval_of_the_relative_rise_covers_the_truth() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(500):
        a = rng.exponential(size=300)
        estimate = relative_rise(a, a * 1.2 + rng.exponential(0.1, 300))
        covered += estimate.low <= 0.3 <= estimate.high
    # 95 % nominal; 456 of 500 is four standard errors below.
    assert covered >= 456


def test_the_error_over_kinds_is_the_mean_of_all_errors() -> None:
    errors = np.random.default_rng(0).random((50, 4))
    found = corruption_error(errors)
    assert found.value == pytest.approx(errors.mean())
    assert found.low < found.value < found.high
    assert corruption_error(errors[:1])[1:] == (0.0, 1.0)


def test_a_model_as_bad_as_the_baseline_has_a_relative_error_of_one() -> None:
    errors = np.random.default_rng(1).random((40, 3))
    assert tuple(relative_corruption_error(errors, errors)) == pytest.approx((1.0, 1.0, 1.0))
    half = relative_corruption_error(errors / 2, errors)
    assert half.value == pytest.approx(0.5)


def test_a_baseline_that_makes_no_error_gives_no_relative_error() -> None:
    none = relative_corruption_error(np.ones((5, 2)), np.array([[1.0, 0.0]] * 5))
    assert np.isnan(none.value)


@pytest.mark.slow
def test_the_relative_error_lies_in_its_interval() -> None:
    rng = np.random.default_rng(2)
    easy = np.array([0.1, 0.3, 0.5])
    hits = 0
    for _ in range(1000):
        shared = rng.random((200, 1, 1))
        ours, base = (
            (0.5 * shared + 0.5 * rng.random((200, 3, 5)) < p[None, :, None]).mean(2) for p in (easy, easy + 0.2)
        )
        found = relative_corruption_error(ours, base)
        hits += found.low <= TRUE_RATIO <= found.high
    assert hits / 1000 > 0.93


def _below(p: float) -> float:
    """Return P(u / 2 + v / 2 < p) for independent uniform u and v."""
    return 2 * p**2 if p <= 0.5 else 1 - 2 * (1 - p) ** 2


TRUE_RATIO = float(np.mean([_below(p) / _below(p + 0.2) for p in (0.1, 0.3, 0.5)]))
