from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata
from sklearn.metrics import r2_score, roc_auc_score

from holdfast.kernels.data.leakage import (
    bin_numbers,
    centred_ranks,
    class_determination,
    distinct_share,
    level_means,
    numbers_the_rows,
    suspects,
    value_determination,
)


def test_few_distinct_values_get_one_bin_each() -> None:
    train, test = bin_numbers([0.0, 1.0, 0.0, 5.0] * 20, [5.0, 0.0, 1.0])
    assert np.unique(train).size == 3
    assert np.unique(test).size == 3


def test_missing_numbers_get_a_bin_of_their_own() -> None:
    train, test = bin_numbers([1.0, 2.0, np.nan], [np.nan, 99.0])
    assert train[2] == test[0]
    assert train[2] not in (train[0], train[1])
    assert test[1] == train[1]


def test_bins_of_a_column_without_values_are_one() -> None:
    assert bin_numbers([np.nan, np.nan], [np.nan])[0].tolist() == [1, 1]


def test_infinite_numbers_are_binned() -> None:
    train, _ = bin_numbers([-np.inf, 0.0, np.inf] * 20, [0.0])
    assert np.unique(train).size == 3


@given(arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e300, 1e300)))
def test_bins_keep_the_order_of_the_numbers(values: np.ndarray) -> None:
    bins, _ = bin_numbers(values, values[:1])
    assert (np.diff(bins[np.argsort(values, kind="stable")]) >= 0).all()


def test_unknown_levels_are_predicted_by_the_overall_mean() -> None:
    assert level_means([0, 0], [[1.0], [0.0]], [3])[0, 0] == 0.5


def test_a_binary_score_is_twice_the_area_minus_one() -> None:
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 200), rng.random(200)
    found = class_determination(np.column_stack([1 - score, score]), y)
    assert found.value == pytest.approx(2 * roc_auc_score(y, score) - 1)
    assert found.low < found.value < found.high


def test_a_multiclass_score_averages_one_against_the_rest() -> None:
    rng = np.random.default_rng(1)
    y, scores = rng.integers(0, 3, 300), rng.dirichlet([1, 1, 1], 300)
    areas = [roc_auc_score(y == c, scores[:, c]) for c in range(3)]
    assert class_determination(scores, y).value == pytest.approx(2 * np.mean(areas) - 1)


def test_one_class_cannot_be_scored() -> None:
    assert np.isnan(class_determination(np.ones((3, 2)), [1, 1, 1]).value)


def test_a_numeric_score_is_the_explained_share_of_variance() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=500)
    y -= y.mean()
    guess = y + rng.normal(size=500)
    assert value_determination(guess, y).value == pytest.approx(r2_score(y, guess), abs=1e-9)


def test_a_constant_target_cannot_be_scored() -> None:
    assert np.isnan(value_determination([1.0, 2.0], [0.0, 0.0]).value)


def test_interval_of_a_numeric_score_covers_the_truth() -> None:
    rng = np.random.default_rng(3)
    truth, covered = 1 - 0.25, 0
    for _ in range(400):
        y = rng.normal(size=200)
        estimate = value_determination(y + 0.5 * rng.normal(size=200), y)
        covered += estimate.low <= truth <= estimate.high
    # 95 % nominal; 364 of 400 is four standard errors below.
    assert covered >= 364


def test_ranks_agree_with_scipy_on_the_training_values() -> None:
    values = np.random.default_rng(4).integers(0, 9, 50).astype(float)
    assert centred_ranks(values, values) == pytest.approx((rankdata(values) - 0.5) / 50 - 0.5)


def test_ranks_without_reference_are_zero() -> None:
    assert centred_ranks([], [1.0]).tolist() == [0.0]


def test_a_column_far_above_all_others_is_suspect() -> None:
    assert suspects([0.97, 0.5], [0.95, 0.4], [400, 400], few_levels=3, n_rows=500).tolist() == [True, False]


def test_strong_columns_in_company_are_not_suspect() -> None:
    scores = [0.96, 0.95, 0.94, 0.92, 0.88, 0.8]
    assert not suspects(scores, np.array(scores) - 0.02, [400] * 6, few_levels=3, n_rows=500).any()


def test_a_recoded_copy_of_the_classes_is_suspect_among_strong_columns() -> None:
    scores = [0.96, 0.95, 0.94, 0.92, 0.88]
    marked = suspects(scores, np.array(scores) - 0.05, [2, 400, 400, 400, 400], few_levels=3, n_rows=500)
    assert marked.tolist() == [True, False, False, False, False]


def test_two_leaks_do_not_hide_each_other() -> None:
    marked = suspects([0.999, 0.99, 0.5], [0.99, 0.98, 0.4], [400] * 3, few_levels=3, n_rows=5000)
    assert marked.tolist() == [True, True, False]


def test_a_lone_perfect_column_is_suspect() -> None:
    assert suspects([1.0], [0.97], [400], few_levels=0, n_rows=100).all()


def test_a_column_whose_interval_is_wide_is_not_suspect() -> None:
    assert not suspects([0.95, 0.1], [0.6, -0.2], [400, 400], few_levels=3, n_rows=20).any()


def test_distinct_share_ignores_missing_values() -> None:
    assert distinct_share([1.0, 2.0, np.nan]) == 1.0
    assert distinct_share([]) == 0.0


def test_a_shuffled_serial_number_is_dense() -> None:
    assert numbers_the_rows(np.random.default_rng(0).permutation(3000)[:1000]) == "dense"


def test_rising_numbers_with_gaps_are_ordered() -> None:
    steps = np.random.default_rng(0).exponential(1000, 500).astype(int) + 10
    assert numbers_the_rows(np.cumsum(steps)) == "ordered"


def test_random_numbers_are_even() -> None:
    assert numbers_the_rows(np.random.default_rng(0).integers(10**6, 10**9, 1000)) == "even"


def test_decimal_measurements_do_not_number_the_rows() -> None:
    assert numbers_the_rows(np.random.default_rng(0).normal(size=1000)) == ""


def test_whole_measurements_do_not_number_the_rows() -> None:
    rng = np.random.default_rng(0)
    assert numbers_the_rows(rng.lognormal(12, 0.6, 5000).astype(int)) == ""
    assert numbers_the_rows(rng.poisson(40, 1000)) == ""


def test_a_few_rows_cannot_tell() -> None:
    assert numbers_the_rows(np.arange(50)) == ""


def test_a_column_without_values_does_not_number_the_rows() -> None:
    assert numbers_the_rows(np.full(300, np.nan)) == ""


@pytest.mark.parametrize("span", [1000, 100_000])
def test_uniform_measurements_with_repeats_are_not_marked(span: int) -> None:
    rng = np.random.default_rng(5)
    assert all(numbers_the_rows(rng.integers(0, span, 5000)) == "" for _ in range(50))
