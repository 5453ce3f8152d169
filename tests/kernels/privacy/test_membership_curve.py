"""Rates at low false-positive rates, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_curve

from holdfast.kernels.privacy.membership_curve import is_resolvable, roc_band, true_positive_rate


def scores(seed: int, n: int = 400, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    is_member = np.arange(2 * n) < n
    return rng.normal(size=2 * n) + shift * is_member, is_member


def test_perfect_attack_names_everybody_and_a_useless_one_its_rate() -> None:
    is_member = np.arange(2000) < 1000
    assert true_positive_rate(1.0 * is_member, is_member, fpr=0.01).value == 1.0
    assert true_positive_rate(np.zeros(2000), is_member, fpr=0.01).value == pytest.approx(0.01)


@pytest.mark.parametrize("fpr", [0.01, 0.1, 0.5])
def test_rate_is_that_of_scikit_learn(fpr: float) -> None:
    values, is_member = scores(0)
    x, y, _ = roc_curve(is_member, values, drop_intermediate=False)
    expected = y[x <= fpr + 1e-12].max()
    assert true_positive_rate(values, is_member, fpr=fpr).value == pytest.approx(expected)


@given(st.integers(0, 1000), st.sampled_from([0.02, 0.1, 0.3]))
@settings(max_examples=40, deadline=None)
def test_order_alone_counts_and_the_interval_holds_the_value(seed: int, fpr: float) -> None:
    values, is_member = scores(seed, n=60)
    values = np.round(values, 1)  # with ties
    found = true_positive_rate(values, is_member, fpr=fpr)
    assert found.low <= found.value <= found.high
    shuffled = np.random.default_rng(seed).permutation(values.size)
    assert true_positive_rate(np.exp(values)[shuffled], is_member[shuffled], fpr=fpr) == found


def test_ten_others_are_needed_to_speak_of_a_rate() -> None:
    assert is_resolvable(10_000, 0.001)
    assert not is_resolvable(9_999, 0.001)


@pytest.mark.parametrize("is_member", [np.ones(20, dtype=bool), np.zeros(20, dtype=bool)])
def test_one_kind_alone_says_nothing(is_member: np.ndarray) -> None:
    found = true_positive_rate(np.arange(20.0), is_member, fpr=0.1)
    assert np.isnan(found.value)
    assert (found.low, found.high) == (0.0, 1.0)


def test_band_follows_the_curve_up_to_everybody() -> None:
    values, is_member = scores(1)
    band = roc_band(values, is_member)
    assert (np.diff(band.tpr) >= 0).all()
    assert (band.low <= band.tpr).all()
    assert (band.tpr <= band.high).all()
    assert band.fpr[0] == pytest.approx(10 / 400)


def test_band_of_too_few_others_is_empty() -> None:
    assert roc_band(np.arange(20.0), np.arange(20) < 5).fpr.size == 0


@pytest.mark.parametrize("fpr", [0.0, 1.0, -0.1])
def test_rate_outside_zero_and_one_is_refused(fpr: float) -> None:
    with pytest.raises(ValueError, match="false-positive rate"):
        true_positive_rate([1.0, 0.0], [True, False], fpr=fpr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("members", "others", "fpr", "shift", "spread"),
    [
        (1000, 1000, 0.01, 0.0, 1.0),
        (1000, 1000, 0.01, 1.0, 1.0),
        (1000, 1000, 0.01, 2.0, 1.0),
        (10_000, 10_000, 0.001, 0.3, 1.5),
        (300, 3000, 0.01, 1.0, 1.0),
        (10_000, 1000, 0.01, 1.0, 1.0),
    ],
)
def test_interval_covers_95_percent(members: int, others: int, fpr: float, shift: float, spread: float) -> None:
    rng = np.random.default_rng(0)
    truth = norm.sf((norm.isf(fpr) - shift) / spread)
    is_member = np.arange(members + others) < members
    hits = 0
    for _ in range(2000):
        values = np.concatenate([rng.normal(shift, spread, members), rng.normal(size=others)])
        found = true_positive_rate(values, is_member, fpr=fpr)
        hits += found.low <= truth <= found.high
    # between 93 and 98.5 % up to four standard errors of 2,000 trials
    assert 0.93 - 0.02 < hits / 2000 < 0.985 + 0.01
