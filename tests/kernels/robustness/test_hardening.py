from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.robustness.hardening import (
    central_range,
    paired_gains,
    quantile_bins,
    rounded,
    score_margin,
    screened_scores,
)
from holdfast.kernels.stats.multiplicity import holm
from holdfast.kernels.stats.paired import mcnemar_exact

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


def test_the_central_range_is_the_whole_range_without_tails() -> None:
    assert central_range([3.0, 1.0, 2.0], tails=0.0) == (1.0, 3.0)


@given(numbers, st.floats(0, 0.49))
def test_the_central_range_consists_of_numbers_that_were_seen(values: list[float], tails: float) -> None:
    low, high = central_range(values, tails=tails)
    assert low <= high
    assert {low, high} <= set(values)


@given(numbers, st.integers(1, 12))
def test_rounding_is_monotone_and_gives_numbers_that_were_seen(values: list[float], n_bins: int) -> None:
    bins = quantile_bins(values, n_bins=n_bins)
    out = rounded(np.sort(values), bins)
    assert (np.diff(out) >= 0).all()
    assert set(out) <= set(values)
    assert bins.values.size <= n_bins
    assert bins.values.size == bins.edges.size + 1


@given(numbers, st.integers(1, 12))
def test_rounding_twice_is_rounding_once(values: list[float], n_bins: int) -> None:
    bins = quantile_bins(values, n_bins=n_bins)
    once = rounded(np.array(values), bins)
    assert (rounded(once, bins) == once).all()


def test_few_distinct_numbers_stay_as_they_are() -> None:
    bins = quantile_bins([0.0, 1.0, 1.0, 5.0], n_bins=4)
    assert rounded(np.array([0.0, 1.0, 5.0]), bins).tolist() == [0.0, 1.0, 5.0]


def test_numbers_never_seen_go_to_the_bins_at_the_ends() -> None:
    bins = quantile_bins(np.arange(100.0), n_bins=4)
    out = rounded(np.array([-np.inf, np.inf, np.nan]), bins)
    assert out[:2].tolist() == [bins.values[0], bins.values[-1]]
    assert np.isnan(out[2])


def test_values_are_the_medians_of_equal_parts_and_edges_lie_between_them() -> None:
    bins = quantile_bins(np.arange(1.0, 13.0), n_bins=4)
    assert bins.values.tolist() == [2.0, 5.0, 8.0, 11.0]
    assert bins.edges.tolist() == [3.5, 6.5, 9.5]


def test_in_a_column_that_is_mostly_zero_a_small_number_goes_to_zero() -> None:
    seen = np.concatenate([np.zeros(90), np.linspace(3000, 9000, 10)])
    assert rounded(np.array([0.0, 1.0, 2000.0, 8000.0]), quantile_bins(seen, n_bins=8)).tolist()[:3] == [0.0] * 3


def test_neighbouring_floats_stay_apart() -> None:
    values = np.array([1.0, np.nextafter(1.0, 2.0)])
    assert (rounded(values, quantile_bins(values, n_bins=2)) == values).all()


@pytest.mark.parametrize("tails", [-0.1, 0.5])
def test_tails_outside_their_range_are_refused(tails: float) -> None:
    with pytest.raises(ValueError, match="cut off at each end"):
        central_range([1.0], tails=tails)


def test_no_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="one bin or more"):
        quantile_bins([1.0], n_bins=0)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_screened_scores_name_a_wrong_class_just_where_a_wrong_answer_passes_the_screen(n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    scores = rng.dirichlet(np.ones(n_classes), 500)
    y = rng.integers(0, n_classes, 500)
    passes = (scores.argmax(axis=1) != y) & (score_margin(scores) > 0.2)
    rewritten = screened_scores(scores, y, cutoff=0.2)
    assert ((rewritten.argmax(axis=1) != y) == passes).all()
    assert (rewritten[np.arange(500), y] == 0).all()


def test_the_gain_counts_rows_won_less_rows_lost() -> None:
    before = np.array([True] * 50 + [False] * 50)
    after = np.array([[True] * 80 + [False] * 20, [False] * 10 + [True] * 40 + [False] * 50])
    gains = paired_gains(before, after, level=0.95)
    assert gains.value.tolist() == [0.3, -0.1]
    assert gains.p_value.tolist() == [mcnemar_exact(0, 30), mcnemar_exact(10, 0)]
    assert (gains.p_adjusted == holm(gains.p_value)).all()
    assert gains.is_better.tolist() == [True, False]
    assert gains.is_worse.tolist() == [False, True]


def test_intervals_widen_with_the_number_of_remedies() -> None:
    before, one = np.arange(100) < 50, np.arange(100) < 60
    alone, among = (paired_gains(before, [one] * count, level=0.95) for count in (1, 4))
    assert among.low[0] < alone.low[0]
    assert among.high[0] > alone.high[0]


def test_a_gain_that_can_be_chance_is_not_called_one() -> None:
    before = np.arange(100) >= 4
    gains = paired_gains(before, [np.ones(100, dtype=bool)], level=0.95)
    assert gains.value[0] == 0.04
    assert not gains.is_better[0]


@pytest.mark.parametrize(("before", "after"), [([], [[]]), ([True], [True]), ([True], [[True, False]])])
def test_rows_that_do_not_match_are_refused(before: list[bool], after: Any) -> None:
    with pytest.raises(ValueError, match="one line of them per remedy"):
        paired_gains(before, after, level=0.95)


@pytest.mark.slow
def test_remedies_that_do_nothing_are_rarely_said_to_help() -> None:
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(500):
        robust = rng.random(150) < 0.6
        without, *remedies = robust ^ (rng.random((4, 150)) < 0.1)
        alarms.append(paired_gains(without, remedies, level=0.95).is_better.any())
    # Two-sided 5 % over three remedies: at most about 2.5 % on this side; Bin(500, 0.025) exceeds 26 under 1 in 1,000.
    assert sum(alarms) <= 26
