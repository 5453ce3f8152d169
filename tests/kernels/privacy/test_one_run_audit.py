"""Lower bounds of epsilon from guesses about canaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from holdfast.kernels.privacy.dp_accounting import gaussian_epsilon
from holdfast.kernels.privacy.one_run_audit import audit_bound, audit_p_value, epsilon_lower_bound

DELTA = 1e-5


def coins(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.random(n) < 0.5


def randomised_response(rng: np.random.Generator, n: int, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    is_in = coins(rng, n)
    return np.where(rng.random(n) < 1 / (1 + np.exp(-epsilon)), is_in, ~is_in).astype(float), is_in


def test_the_example_of_the_paper_is_met() -> None:
    # appendix D: 75 of 100 guesses about 1000 canaries, delta 1e-4, 95 %
    found = epsilon_lower_bound(n_correct=75, n_guesses=100, n_canaries=1000, delta=1e-4, p_value=0.05)
    assert found == pytest.approx(0.673, abs=0.0005)


def test_without_delta_the_p_value_is_a_binomial_tail() -> None:
    found = audit_p_value(n_correct=70, n_guesses=100, n_canaries=500, epsilon=0.4, delta=0.0)
    tail = binomtest(70, 100, 1 / (1 + np.exp(-0.4)), alternative="greater").pvalue
    assert found == pytest.approx(tail, rel=1e-9)


def test_with_delta_it_is_the_formula_term_by_term() -> None:
    right, v, r, m = 1 / (1 + np.exp(-1.0)), 40, 50, 200
    steepest = max((binom.cdf(v - 1, r, right) - binom.cdf(v - i - 1, r, right)) / i for i in range(1, v + 1))
    expected = binom.sf(v - 1, r, right) + 2 * m * 1e-4 * steepest
    found = audit_p_value(n_correct=v, n_guesses=r, n_canaries=m, epsilon=1.0, delta=1e-4)
    assert found == pytest.approx(expected, rel=1e-9)


def test_guesses_that_are_all_right_have_a_closed_form() -> None:
    found = epsilon_lower_bound(n_correct=100, n_guesses=100, n_canaries=100, delta=0.0, p_value=0.05)
    right = 0.05 ** (1 / 100)
    assert found == pytest.approx(np.log(right / (1 - right)))


@given(n=st.integers(1, 300), share=st.floats(0, 1), delta=st.sampled_from([0.0, 1e-6, 1e-3]))
def test_more_right_guesses_refute_more(n: int, share: float, delta: float) -> None:
    v = int(share * n)
    bounds = [
        epsilon_lower_bound(n_correct=k, n_guesses=n, n_canaries=n, delta=delta, p_value=0.05)
        for k in (v, min(v + 1, n))
    ]
    assert 0 <= bounds[0] <= bounds[1] + 1e-9


def test_a_larger_delta_explains_more() -> None:
    found = [
        epsilon_lower_bound(n_correct=90, n_guesses=100, n_canaries=1000, delta=delta, p_value=0.05)
        for delta in (0.0, 1e-5, 1e-3, 0.1)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0.0


def test_a_model_that_learns_canaries_by_heart_is_shown_to_leak() -> None:
    rng = np.random.default_rng(0)
    is_in = coins(rng, 1000)
    found = audit_bound(is_in + rng.normal(0, 0.1, 1000), is_in, delta=DELTA, rng=rng)
    assert found.low > 3
    assert found.low <= found.value <= found.high


def test_scores_that_say_nothing_refute_nothing() -> None:
    rng = np.random.default_rng(0)
    found = audit_bound(rng.normal(size=1000), coins(rng, 1000), delta=DELTA, rng=rng)
    assert found.low == 0.0
    assert found.high < 0.5
    assert found.n_guesses == 1000


def test_one_sided_knowledge_is_found() -> None:
    # a tenth of those that were in stands out, nobody else does
    rng = np.random.default_rng(0)
    is_in = coins(rng, 2000)
    scores = rng.normal(size=2000) + 10 * (is_in & (rng.random(2000) < 0.15))
    assert audit_bound(scores, is_in, delta=DELTA, rng=rng).low > 2


def test_guesses_are_reported_as_counted() -> None:
    rng = np.random.default_rng(1)
    scores, is_in = randomised_response(rng, 500, 2.0)
    found = audit_bound(scores, is_in, delta=DELTA, rng=rng)
    guessed = found.guess != 0
    assert guessed.sum() == found.n_guesses
    assert ((found.guess == 1) == is_in)[guessed].sum() == found.n_correct


def test_the_scale_of_scores_does_not_matter() -> None:
    is_in = coins(np.random.default_rng(0), 300)
    scores = is_in + np.random.default_rng(1).normal(size=300)
    first, second = (
        audit_bound(each, is_in, delta=DELTA, rng=np.random.default_rng(2)) for each in (scores, np.exp(scores))
    )
    assert first[:5] == second[:5]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_canaries_refute_nothing(n: int) -> None:
    is_in = np.arange(n) % 2 == 0
    found = audit_bound(is_in.astype(float), is_in, delta=DELTA, rng=np.random.default_rng(0))
    assert found.low == 0.0
    assert found.guess.shape == (n,)


def test_equal_scores_are_guessed_by_lot() -> None:
    is_in = np.arange(400) < 200
    assert audit_bound(np.zeros(400), is_in, delta=DELTA, rng=np.random.default_rng(0)).low == 0.0


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="one score, not NaN"):
        audit_bound([np.nan, 1.0], [True, False], delta=DELTA, rng=np.random.default_rng(0))


def test_more_right_guesses_than_guesses_are_refused() -> None:
    with pytest.raises(ValueError, match="right guesses"):
        audit_p_value(n_correct=3, n_guesses=2, n_canaries=5, epsilon=1.0, delta=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0, 3.0])
def test_the_bound_is_below_epsilon_of_randomised_response(epsilon: float) -> None:
    rng = np.random.default_rng(0)
    lows = []
    for _ in range(400):
        scores, is_in = randomised_response(rng, 1000, epsilon)
        lows.append(audit_bound(scores, is_in, delta=DELTA, rng=rng).low)
    # at most 2.5 % may lie above; 20 or more of 400 have a probability below 0.3 % then
    assert sum(low > epsilon for low in lows) < 20
    assert np.median(lows) >= max(0.6 * epsilon - 0.1, 0)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_the_bound_is_below_epsilon_of_the_gaussian_mechanism(noise: float) -> None:
    rng = np.random.default_rng(0)
    epsilon = gaussian_epsilon(noise_multiplier=noise, n_rounds=1, delta=DELTA)
    lows = []
    for _ in range(400):
        is_in = coins(rng, 1000)
        lows.append(audit_bound(is_in + rng.normal(0, noise, 1000), is_in, delta=DELTA, rng=rng).low)
    assert sum(low > epsilon for low in lows) < 20
    assert np.median(lows) > 0.2 * epsilon
