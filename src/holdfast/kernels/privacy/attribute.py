"""Guess an attribute of people from what a model answers about each of its values, and compare with no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from holdfast.kernels.stats.differences import independent_difference
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.multiplicity import holm
from holdfast.kernels.stats.paired import paired_proportion_difference

# Trust in the model's answers that an attacker chooses from; 0 is none, 1 takes them for probabilities.
TRUST = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
# No answer is taken for impossible.
_LEAST = 1e-3


def log_posterior(
    log_prior: NDArray[np.float64], log_likelihood: NDArray[np.float64], *, trust: float
) -> NDArray[np.float64]:
    """Combine what is believed without the model with what its answers say.

    Parameters
    ----------
    log_prior : ndarray of float64, shape (n_people, n_values)
        Logarithm of the probability of each value of the attribute, without the model.
    log_likelihood : ndarray of float64, shape (n_people, n_values)
        Logarithm of how likely the known outcome is by the model if the attribute had that value.
    trust : float
        Power that the likelihood is raised to, zero or more.

    Returns
    -------
    ndarray of float64, shape (n_people, n_values)
        Logarithms of probabilities; with `trust` 0 the prior itself.

    Notes
    -----
    ``P(v) L(v)^trust``, normalised. With trust 1, Bayes' rule as in Fredrikson et al.; other powers correct models
    that are too sure, or not sure enough, and priors that know the outcome already.

    References
    ----------
    Fredrikson, M., Jha, S. and Ristenpart, T. (2015). Model inversion attacks that exploit confidence information. CCS,
    section 4.

    Examples
    --------
    >>> prior, likelihood = np.log([[0.5, 0.5]]), np.log([[0.9, 0.1]])
    >>> np.exp(log_posterior(prior, likelihood, trust=1.0)).round(3)
    array([[0.9, 0.1]])
    """
    weighed = log_prior + trust * log_likelihood
    return np.asarray(weighed - logsumexp(weighed, axis=1, keepdims=True))


def outcome_log_likelihood(p_outcome: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Say how likely the known outcome is under each value of the attribute.

    Parameters
    ----------
    p_outcome : ndarray of float64, shape (n_people, n_candidates)
        Probability, or density on any scale from 0 to 1, that the model gives the known outcome of a person when the
        attribute is set to each candidate.
    group : ndarray of int64, shape (n_candidates,)
        Value of the attribute that each candidate stands for, 0 to ``n_values - 1``, each at least once.

    Returns
    -------
    ndarray of float64, shape (n_people, n_values)
        Logarithms; candidates of one value count alike, and nothing is below a thousandth.

    Examples
    --------
    >>> np.exp(outcome_log_likelihood(np.array([[0.2, 0.4, 0.9]]), np.array([0, 0, 1]))).round(2)
    array([[0.3, 0.9]])
    """
    share = (group[:, None] == np.arange(group.max() + 1)).astype(np.float64)
    mean = np.clip(p_outcome, 0.0, 1.0) @ (share / share.sum(axis=0))
    return np.asarray(np.log(np.maximum(mean, _LEAST)))


def best_trust(log_prior: NDArray[np.float64], log_likelihood: NDArray[np.float64], true: NDArray[np.int64]) -> float:
    """Choose the trust under which the attributes of known people are most likely.

    Parameters
    ----------
    log_prior, log_likelihood : ndarray of float64, shape (n_people, n_values)
        See :func:`log_posterior`.
    true : ndarray of int64, shape (n_people,)
        The value of each person.

    Returns
    -------
    float
        One of ``TRUST``; the smallest of equally good ones, 0 without people.
    """
    rows = np.arange(true.size)
    fits = [log_posterior(log_prior, log_likelihood, trust=trust)[rows, true].sum() for trust in TRUST]
    return TRUST[int(np.argmax(fits))]


def guesses(
    log_prior: NDArray[np.float64],
    log_likelihood: NDArray[np.float64],
    true: NDArray[np.int64],
    *,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Guess the attribute of each person with the trust that fits people of the other half.

    Parameters
    ----------
    log_prior, log_likelihood : ndarray of float64, shape (n_people, n_values)
        See :func:`log_posterior`.
    true : ndarray of int64, shape (n_people,)
        The value of each person; that of a person plays no part in the guess about the same half.
    rng : numpy.random.Generator
        Splits the people into halves.

    Returns
    -------
    ndarray of int64, shape (n_people,)
        Guessed values, the first of equally likely ones.
    """
    guessed = np.empty(true.size, dtype=np.int64)
    halves = np.array_split(rng.permutation(true.size), 2)
    for half, other in zip(halves, halves[::-1], strict=True):
        trust = best_trust(log_prior[other], log_likelihood[other], true[other])
        guessed[half] = log_posterior(log_prior[half], log_likelihood[half], trust=trust).argmax(axis=1)
    return guessed


class Comparison(NamedTuple):
    """Right guesses of two attackers about the same people."""

    n_people: int
    n_with: int
    """People whose attribute is guessed rightly with the model."""
    n_without: int
    """People whose attribute is guessed rightly without it."""
    n_gained: int
    """People who are guessed rightly with the model only."""
    n_lost: int
    """People who are guessed rightly without it only."""

    def advantage(self, *, level: float) -> IntervalEstimate[float]:
        """Estimate the share of people that the model adds, with Tango's interval for paired proportions."""
        return paired_proportion_difference(self.n_lost, self.n_gained, self.n_people, level=level)


def compare(with_model: NDArray[np.int64], without_model: NDArray[np.int64], true: NDArray[np.int64]) -> Comparison:
    """Count right guesses with and without the model.

    Parameters
    ----------
    with_model, without_model, true : ndarray of int64, shape (n_people,)
        Guesses, and what is true.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> compare(np.array([1, 1]), np.array([0, 1]), np.array([1, 0]))
    Comparison(n_people=2, n_with=1, n_without=0, n_gained=1, n_lost=0)
    """
    first, second = with_model == true, without_model == true
    return Comparison(
        true.size, int(first.sum()), int(second.sum()), int((first & ~second).sum()), int((second & ~first).sum())
    )


class Leakage(NamedTuple):
    """How much more a model adds about people it was trained on than about others."""

    n_people: int
    """Of both kinds together."""
    estimate: IntervalEstimate[float]
    """Difference of the two advantages, within [-2, 2]."""
    p_value: float
    """One-sided, of no difference."""
    holm_p: float
    """The same after Holm's correction for all attributes."""


def leakages(trained: Sequence[Comparison], others: Sequence[Comparison], *, level: float) -> list[Leakage]:
    """Compare people of the training data with others, attribute by attribute.

    Parameters
    ----------
    trained, others : sequence of Comparison
        Of each attribute: of people in the training data, and of people who are not; each of one person or more.
    level : float
        Confidence level of each interval, inside (0, 1).

    Returns
    -------
    list of Leakage
        In the order given.

    Notes
    -----
    For the interval see :func:`holdfast.kernels.stats.differences.independent_difference`; the p-values are those of
    :func:`p_value_of_leakage`.
    """
    p_values = [p_value_of_leakage(first, second) for first, second in zip(trained, others, strict=True)]
    return [
        Leakage(
            first.n_people + second.n_people,
            independent_difference(first.advantage(level=level), second.advantage(level=level)),
            p_value,
            float(adjusted),
        )
        for first, second, p_value, adjusted in zip(trained, others, p_values, holm(p_values), strict=True)
    ]


def p_value_of_leakage(trained: Comparison, others: Comparison) -> float:
    """Test whether a model adds no more about people it was trained on than about others.

    Parameters
    ----------
    trained, others : Comparison
        Of one person or more.

    Returns
    -------
    float
        One-sided p-value of the difference over its standard error; 1 when nobody's guess changes.

    Notes
    -----
    Approximate; one more gained and one more lost person of each kind keep the standard error from being too small
    where few guesses change.
    """
    if not any(part.n_gained + part.n_lost for part in (trained, others)):
        return 1.0
    first, second = ((part.n_gained - part.n_lost) / part.n_people for part in (trained, others))
    variance = sum(
        (part.n_gained + part.n_lost + 2) / part.n_people**2 - mean**2 / part.n_people
        for part, mean in ((trained, first), (others, second))
    )
    return float(ndtr(-(first - second) / np.sqrt(variance)))
