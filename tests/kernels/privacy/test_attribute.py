"""Guesses of an attribute with a model and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from holdfast.kernels.privacy.attribute import (
    TRUST,
    Comparison,
    best_trust,
    compare,
    guesses,
    leakages,
    log_posterior,
    outcome_log_likelihood,
    p_value_of_leakage,
)

LOGS = st.lists(st.floats(-6, 0), min_size=3, max_size=3)


def log_shares(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    raw = rng.normal(size=(n, k))
    return raw - logsumexp(raw, axis=1, keepdims=True)


def test_bayes_rule_by_hand() -> None:
    found = log_posterior(np.log([[0.8, 0.2]]), np.log([[0.1, 0.9]]), trust=1.0)
    np.testing.assert_allclose(np.exp(found), [[0.08 / 0.26, 0.18 / 0.26]])


def test_without_trust_the_prior_stays() -> None:
    prior = np.log([[0.8, 0.2]])
    np.testing.assert_allclose(log_posterior(prior, np.log([[0.1, 0.9]]), trust=0.0), prior, atol=1e-15)


@given(LOGS, LOGS, st.sampled_from(TRUST))
def test_posteriors_are_probabilities(prior: list[float], likelihood: list[float], trust: float) -> None:
    found = np.exp(log_posterior(np.array([prior]), np.array([likelihood]), trust=trust))
    assert found.sum() == pytest.approx(1.0)


@given(LOGS, LOGS, st.floats(-5, 5))
def test_the_scale_of_the_likelihood_does_not_matter(prior: list[float], likelihood: list[float], by: float) -> None:
    first = log_posterior(np.array([prior]), np.array([likelihood]), trust=2.0)
    second = log_posterior(np.array([prior]), np.array([likelihood]) + by, trust=2.0)
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_candidates_of_one_value_count_alike_and_nothing_is_impossible() -> None:
    found = np.exp(outcome_log_likelihood(np.array([[0.2, 0.4, 0.0]]), np.array([0, 0, 1])))
    np.testing.assert_allclose(found, [[0.3, 1e-3]])


def test_answers_that_tell_all_are_trusted_and_those_that_tell_nothing_are_not() -> None:
    rng = np.random.default_rng(0)
    true, prior = rng.integers(0, 2, 200), np.full((200, 2), np.log(0.5))
    telling = np.log(np.where(np.arange(2) == true[:, None], 0.9, 0.1))
    assert best_trust(prior, telling, true) >= 1.0
    assert best_trust(prior, np.zeros((200, 2)), true) == 0.0
    assert best_trust(prior[:0], telling[:0], true[:0]) == 0.0


def test_guesses_follow_answers_that_tell_all() -> None:
    rng = np.random.default_rng(1)
    true, prior = rng.integers(0, 3, 300), log_shares(rng, 300, 3)
    telling = np.log(np.where(np.arange(3) == true[:, None], 1.0, 1e-3))
    assert (guesses(prior, telling, true, rng=rng) == true).mean() > 0.97


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_people_get_a_guess_each(n: int) -> None:
    rng = np.random.default_rng(2)
    found = guesses(log_shares(rng, n, 2), log_shares(rng, n, 2), np.zeros(n, dtype=np.int64), rng=rng)
    assert found.shape == (n,)
    assert np.isin(found, (0, 1)).all()


def test_counts_by_hand() -> None:
    found = compare(np.array([1, 1, 0, 2]), np.array([1, 0, 2, 0]), np.array([1, 1, 2, 2]))
    assert found == Comparison(n_people=4, n_with=3, n_without=2, n_gained=2, n_lost=1)
    assert found.advantage(level=0.95).value == 0.25


def test_leakage_is_the_difference_of_the_advantages() -> None:
    (found,) = leakages([Comparison(100, 80, 70, 12, 2)], [Comparison(100, 71, 70, 3, 2)], level=0.95)
    assert found.estimate.value == pytest.approx(0.09)
    assert found.estimate.low > 0.0
    assert found.n_people == 200


def test_holm_corrects_for_all_attributes() -> None:
    strong, none = Comparison(100, 80, 70, 12, 2), Comparison(100, 70, 70, 0, 0)
    first, second = leakages([strong, none], [none, none], level=0.95)
    assert first.holm_p == pytest.approx(2 * first.p_value)
    assert second.p_value == 1.0
    assert leakages([], [], level=0.95) == []


def test_the_test_agrees_with_a_simulation_of_its_null() -> None:
    """At most 5 % of 4,000 null tables are below 0.05, with room for three standard errors."""
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(4000):
        gained, lost = rng.binomial(200, 0.04, 2), rng.binomial(200, 0.04, 2)
        parts = [Comparison(200, 0, 0, int(g), int(e)) for g, e in zip(gained, lost, strict=True)]
        p_values.append(p_value_of_leakage(*parts))
    assert np.mean(np.array(p_values) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


@pytest.mark.slow
def test_answers_that_tell_nothing_raise_no_alarm_more_often_than_stated() -> None:
    """400 attacks on random answers: lower ends above 0 in at most 2.5 %, with room for three standard errors."""
    rng, alarms = np.random.default_rng(5), []
    for _ in range(400):
        counts = []
        for _ in range(2):
            true, prior = rng.integers(0, 2, 300), log_shares(rng, 300, 2)
            found = guesses(prior, log_shares(rng, 300, 2), true, rng=rng)
            counts.append(compare(found, prior.argmax(axis=1), true))
        (leak,) = leakages(counts[:1], counts[1:], level=0.95)
        alarms.append((counts[0].advantage(level=0.95).low > 0.0, leak.estimate.low > 0.0))
    assert (np.mean(alarms, axis=0) < 0.025 + 3 * np.sqrt(0.025 * 0.975 / 400)).all()
