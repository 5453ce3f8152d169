"""Lower bounds of epsilon from one training run with canaries that coins put in or left out."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, betaincinv, logit

from holdfast.kernels.stats.bisection import boundary
from holdfast.kernels.stats.inputs import check_level

# Shares of the canaries that are guessed about, fixed before any score is seen.
SHARES = (1.0, 0.5, 0.25, 0.125, 0.0625)
_LARGEST = 50.0


class AuditBound(NamedTuple):
    """What the guesses about canaries show.

    Attributes
    ----------
    value
        Epsilon under which as many right guesses are as likely as not, for the reported number of guesses.
    low
        Lower end: every smaller epsilon is refuted. 0 when nothing is.
    high
        The most that these guesses can stand for; infinite when all are right. It bounds this attack, never epsilon.
    n_guesses, n_correct
        Guesses that were reported, and how many were right.
    guess
        ``(n_canaries,)`` int8: 1 for a canary guessed to be in, -1 for out, 0 for none.
    """

    value: float
    low: float
    high: float
    n_guesses: int
    n_correct: int
    guess: NDArray[np.int8]


def audit_p_value(*, n_correct: int, n_guesses: int, n_canaries: int, epsilon: float, delta: float) -> float:
    """Bound the probability of so many right guesses if training is differentially private.

    Parameters
    ----------
    n_correct, n_guesses, n_canaries : int
        ``0 <= n_correct <= n_guesses <= n_canaries``.
    epsilon : float
        0 or more.
    delta : float
        In [0, 1).

    Returns
    -------
    float
        In [0, 1]; a small one refutes (epsilon, delta) and, as they are nested, every smaller epsilon.

    Notes
    -----
    ``P[B >= v] + 2 m delta max_i P[v - i <= B < v] / i`` with B ~ Binomial(guesses, 1 / (1 + exp(-epsilon))).

    References
    ----------
    Steinke, T., Nasr, M. and Jagielski, M. (2023). Privacy auditing with one (1) training run. NeurIPS, theorem 5.2 and
    appendix D.

    Examples
    --------
    >>> round(audit_p_value(n_correct=75, n_guesses=100, n_canaries=1000, epsilon=0.5, delta=0.0), 4)
    0.0048
    """
    if not 0 <= n_correct <= n_guesses <= n_canaries:
        raise ValueError(f"expected right guesses <= guesses <= canaries, got {n_correct}, {n_guesses}, {n_canaries}")
    if not (epsilon >= 0 and 0 <= delta < 1):
        raise ValueError(f"expected epsilon of 0 or more and delta in [0, 1), got {epsilon} and {delta}")
    right = 1.0 / (1.0 + math.exp(-epsilon))
    if n_correct == 0:
        return 1.0
    at_least = float(bdtrc(n_correct - 1, n_guesses, right))
    if delta == 0.0:
        return at_least
    up_to = bdtr(np.arange(n_correct), n_guesses, right)
    less = np.concatenate([[0.0], up_to[:-1]])  # P[B < v - i], i = v, v - 1, ..., 1
    steepest = float(((up_to[-1] - less) / np.arange(n_correct, 0, -1)).max())
    return min(at_least + 2.0 * n_canaries * delta * steepest, 1.0)


def epsilon_lower_bound(*, n_correct: int, n_guesses: int, n_canaries: int, delta: float, p_value: float) -> float:
    """Return the largest epsilon that right guesses refute.

    Parameters
    ----------
    n_correct, n_guesses, n_canaries, delta
        As in `audit_p_value`.
    p_value : float
        Probability of refuting a true epsilon, inside (0, 1).

    Returns
    -------
    float
        In [0, 50]; 0 when not even epsilon 0 is refuted.

    Examples
    --------
    >>> round(epsilon_lower_bound(n_correct=75, n_guesses=100, n_canaries=1000, delta=1e-4, p_value=0.05), 3)
    0.673
    """
    if not 0.0 < p_value < 1.0:
        raise ValueError(f"expected a p-value inside (0, 1), got {p_value}")

    def is_refuted(epsilon: NDArray[np.float64]) -> NDArray[np.bool_]:
        p = audit_p_value(
            n_correct=n_correct, n_guesses=n_guesses, n_canaries=n_canaries, epsilon=float(epsilon), delta=delta
        )
        return np.asarray(p < p_value)

    if not is_refuted(np.zeros(())):
        return 0.0
    return float(boundary(is_refuted, inside=0.0, outside=_LARGEST, n_steps=40))


def audit_bound(
    scores: ArrayLike, is_in: ArrayLike, *, delta: float, level: float = 0.95, rng: np.random.Generator
) -> AuditBound:
    """Guess who was in from scores, and bound epsilon by the right guesses.

    Parameters
    ----------
    scores : array-like, shape (n_canaries,)
        Larger for canaries that look trained on; computed without knowing the coins.
    is_in : array-like of bool, shape (n_canaries,)
        Fall of the fair and independent coins that put canaries in.
    delta : float
        In [0, 1).
    level : float, default 0.95
        Confidence level inside (0, 1); half of the rest belongs to each end.
    rng : numpy.random.Generator
        Orders equal scores.

    Returns
    -------
    AuditBound
        Without canaries the bound is 0, and the upper end infinite.

    Notes
    -----
    Guesses are made for fixed shares of the canaries (`SHARES`), half of them for the highest scores (in) and half for
    the lowest (out), and, up to a half of the canaries, for the highest alone. The best of these bounds is reported,
    each at the error that is left when it is divided by their number (Bonferroni); of equal ones the first, with most
    guesses. The upper end is that of Clopper and Pearson for the reported guesses.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> is_in = rng.random(1000) < 0.5
    >>> bound = audit_bound(is_in + rng.normal(0, 0.2, 1000), is_in, delta=1e-5, rng=rng)
    >>> bound.n_guesses, bound.n_correct, round(bound.low, 2)
    (500, 500, 4.26)
    """
    check_level(level)
    values, member = np.asarray(scores, dtype=np.float64), np.asarray(is_in).astype(np.bool_)
    if values.shape != member.shape or values.ndim != 1 or np.isnan(values).any():
        raise ValueError(f"expected one score, not NaN, for each canary, got {values.shape} and {member.shape}")
    order = np.lexsort((rng.random(values.size), values))
    plans, error = _plans(values.size), (1.0 - level) / 2.0
    best: AuditBound | None = None
    for n_low, n_high in plans:
        guess = np.zeros(values.size, dtype=np.int8)
        guess[order[:n_low]] = -1
        guess[order[values.size - n_high :]] = 1
        n_guesses, n_correct = n_low + n_high, int((guess == np.where(member, 1, -1)).sum())
        counts = {"n_correct": n_correct, "n_guesses": n_guesses, "n_canaries": values.size}
        p_value = error / len(plans)
        if best is None or audit_p_value(**counts, epsilon=best.low, delta=delta) < p_value:
            low = epsilon_lower_bound(**counts, delta=delta, p_value=p_value)
            value, high = _likely(n_correct, n_guesses, 0.5), _most(n_correct, n_guesses, error)
            best = AuditBound(max(value, low), low, max(high, value, low), n_guesses, n_correct, guess)
    return best or AuditBound(0.0, 0.0, np.inf, 0, 0, np.zeros(values.size, dtype=np.int8))


def _plans(n_canaries: int) -> list[tuple[int, int]]:
    """List how many of the lowest and of the highest scores are guessed about, most guesses first."""
    numbers = [round(share * n_canaries) for share in SHARES]
    both = [(number // 2, number - number // 2) for number in numbers]
    highest = [(0, number) for share, number in zip(SHARES, numbers, strict=True) if share <= 0.5]
    return sorted({plan for plan in both + highest if sum(plan)}, key=lambda plan: (-sum(plan), -plan[0]))


def _likely(n_correct: int, n_guesses: int, tail: float) -> float:
    """Return the epsilon under which so many right guesses, or more, have this probability."""
    if n_correct == 0:
        return 0.0
    return _epsilon_of(float(betaincinv(n_correct, n_guesses - n_correct + 1, tail)))


def _most(n_correct: int, n_guesses: int, tail: float) -> float:
    """Return the epsilon under which so few right guesses, or fewer, have this probability."""
    if n_correct == n_guesses:
        return np.inf
    return _epsilon_of(float(betaincinv(n_correct + 1, n_guesses - n_correct, 1.0 - tail)))


def _epsilon_of(right: float) -> float:
    return max(float(logit(right)), 0.0)
