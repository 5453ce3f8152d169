"""Rates of many groups, small ones included: each borrows from all others as much as they have in common."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainccinv, betaincinv, betaln

from holdfast.kernels.stats.inputs import check_level, count_array
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import wilson

Numbers = NDArray[np.float64]
# Points of the grid over the spread between groups and, for each, over their mean.
N_SPREADS, N_MEANS = 24, 9
SMALLEST_WEIGHT = 1e-4


class Posterior(NamedTuple):
    """What is believed of the rate of each group: a mixture of beta distributions."""

    weight: Numbers
    """Shape ``(n_points,)``; adds up to one."""
    a: Numbers
    """Shape ``(n_groups, n_points)``."""
    b: Numbers


class WorstShortfall(NamedTuple):
    """The largest distance of a group's rate from the rate of all, to the harmful side."""

    estimate: IntervalEstimate[float]
    group: int
    rate: IntervalEstimate[NDArray[np.float64]]
    """Shrunken rate of each group; each field ``(n_groups,)``."""
    low: Numbers
    """Lower end of each group's shortfall, at a level at which those of all groups hold at once."""


def rate_posterior(successes: ArrayLike, trials: ArrayLike) -> Posterior:
    """Estimate the rates of many groups together.

    Parameters
    ----------
    successes, trials : array-like of int, shape (n_groups,)
        Counts; a group without trials gets what is known of the others.

    Returns
    -------
    Posterior

    Raises
    ------
    ValueError
        If there is no trial at all, or a count is no whole number or exceeds its trials.

    Notes
    -----
    Each group's rate is drawn from one beta distribution of mean mu and size k (what it counts like in rows). Both are
    averaged over, not fixed at their best values, so that intervals do not become too short with few groups: mu with
    a flat prior, k with one that is flat in ``k ** -0.75``. That asks for a little less shrinkage than a flat prior of
    the spread ``k ** -0.5`` does; with it, the intervals of groups of all sizes cover as often as stated.

    References
    ----------
    Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1, 515-534.
    Gelman, A., Hill, J. and Yajima, M. (2012). Why we (usually) don't have to worry about multiple comparisons.
    J. Research on Educational Effectiveness 5, 189-211.

    Examples
    --------
    >>> posterior = rate_posterior([300, 310, 305, 295, 300, 310, 3], [1000, 1000, 1000, 1000, 1000, 1000, 4])
    >>> posterior_mean(posterior).round(2).tolist()
    [0.3, 0.31, 0.3, 0.3, 0.3, 0.31, 0.31]
    """
    s, n = count_array(successes, name="successes"), count_array(trials, name="trials")
    if s.shape != n.shape or s.ndim != 1 or (s > n).any() or not n.any():
        raise ValueError(f"expected successes of trials, one trial or more, got {s.sum()} of {n.sum()} in {n.size}")
    used = n[n > 0]
    k = np.geomspace(0.5, 200.0 * float(used.max()), N_SPREADS)
    # What a group of n rows weighs when rates differ as k says: the mean of rates is known to that many rows.
    weight = n * (k[:, None] + 1.0) / (k[:, None] + np.maximum(n, 1))
    share = s / np.maximum(n, 1)
    shape = (weight @ share + 0.5, weight @ (1.0 - share) + 0.5)
    middles = (np.arange(N_MEANS) + 0.5) / N_MEANS
    mu = np.clip(betaincinv(shape[0][:, None], shape[1][:, None], middles), 1e-9, 1.0 - 1e-9)
    a, b = mu * k[:, None], (1.0 - mu) * k[:, None]
    log_likelihood = (betaln(a[..., None] + s, b[..., None] + n - s) - betaln(a[..., None], b[..., None])).sum(axis=-1)
    # The points of mu were drawn from this density, and those of log k evenly.
    drawn = (shape[0] - 1)[:, None] * np.log(mu) + (shape[1] - 1)[:, None] * np.log1p(-mu) - betaln(*shape)[:, None]
    prior = -0.75 * np.log(k)
    log_weight = log_likelihood - drawn + prior[:, None]
    points = np.exp(log_weight - log_weight.max()).ravel()
    points /= points.sum()
    kept = points > SMALLEST_WEIGHT
    return Posterior(
        points[kept] / points[kept].sum(), s[:, None] + a.ravel()[kept], (n - s)[:, None] + b.ravel()[kept]
    )


def posterior_mean(posterior: Posterior) -> Numbers:
    """Return the mean rate of each group, shape ``(n_groups,)``.

    Examples
    --------
    >>> posterior_mean(Posterior(np.ones(1), np.array([[3.0]]), np.array([[1.0]]))).tolist()
    [0.75]
    """
    return np.asarray((posterior.a / (posterior.a + posterior.b)) @ posterior.weight)


def posterior_interval(posterior: Posterior, *, level: float) -> tuple[Numbers, Numbers]:
    """Return the ends of the central credible interval of each group, each shape ``(n_groups,)``.

    The mixture is replaced by the beta distribution of its mean and variance.

    Examples
    --------
    >>> low, high = posterior_interval(Posterior(np.ones(1), np.array([[3.0]]), np.array([[1.0]])), level=0.9)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.368], [0.983])
    """
    check_level(level)
    tail = (1.0 - level) / 2.0
    total = posterior.a + posterior.b
    parts = posterior.a / total
    mean = parts @ posterior.weight
    variance = (parts * (1.0 - parts) / (total + 1.0) + (parts - mean[:, None]) ** 2) @ posterior.weight
    size = mean * (1.0 - mean) / variance - 1.0
    a, b = mean * size, (1.0 - mean) * size
    return np.asarray(betaincinv(a, b, tail)), np.asarray(betainccinv(a, b, tail))


def worst_shortfall(
    successes: ArrayLike, trials: ArrayLike, *, harm_is_high: bool = False, level: float = 0.95
) -> WorstShortfall:
    """Estimate by how much the worst group's rate falls short of the rate of all.

    Parameters
    ----------
    successes, trials : array-like of int, shape (n_groups,)
        Counts of each group; together they make up all rows.
    harm_is_high : bool, default False
        Whether a high rate harms, as an error rate does.
    level : float, default 0.95
        Level inside (0, 1).

    Returns
    -------
    WorstShortfall
        In [0, 1]; 0 where no group is shown to be worse off.

    Raises
    ------
    ValueError
        As `rate_posterior`.

    Notes
    -----
    The value is the largest shrunken distance, of groups with a trial. Its ends are the largest ends of any group,
    corrected for the number of groups (Bonferroni); the error of the overall rate (Wilson) is added to that of the
    group. Small groups are shrunken, and so seldom accused: with equal rates in 300 simulations at most 1 % of tables
    had an accused group; of the cells' own 95 % intervals 94 to 99 % hold the truth.

    Examples
    --------
    >>> found = worst_shortfall([300, 310, 305, 0], [1000, 1000, 1000, 3])
    >>> round(found.estimate.value, 2), found.estimate.low
    (0.03, 0.0)
    """
    s, n = count_array(successes, name="successes"), count_array(trials, name="trials")
    posterior = rate_posterior(s, n)
    mean, (low, high) = posterior_mean(posterior), posterior_interval(posterior, level=level)
    # One side of each group's interval can accuse it.
    together = posterior_interval(posterior, level=1.0 - 2.0 * (1.0 - level) / max(n.size, 2))
    overall = wilson(int(s.sum()), int(n.sum()), level=level)
    if harm_is_high:
        shortfall = mean - overall.value
        nearest, farthest = mean - together[0], together[1] - mean
        off = (overall.high - overall.value, overall.value - overall.low)
    else:
        shortfall = overall.value - mean
        nearest, farthest = together[1] - mean, mean - together[0]
        off = (overall.value - overall.low, overall.high - overall.value)
    lows = np.where(n > 0, shortfall - np.hypot(nearest, off[0]), -1.0)
    highs = np.where(n > 0, shortfall + np.hypot(farthest, off[1]), -1.0)
    at = int(np.argmax(np.where(n > 0, shortfall, -2.0)))
    value = max(float(shortfall[at]), 0.0)
    estimate = IntervalEstimate(
        value, min(max(float(lows.max()), 0.0), value), min(max(float(highs.max()), value), 1.0)
    )
    return WorstShortfall(estimate, at, IntervalEstimate(mean, low, high), lows)
