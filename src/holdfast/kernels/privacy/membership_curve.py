"""How many members an attack names at a rate of wrong accusations, with intervals (the ROC curve and what follows)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc
from scipy.stats import binom

from holdfast.kernels.stats.bisection import boundary
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

FEWEST_ACCUSED = 10


def is_resolvable(n_others: int, fpr: float) -> bool:
    """Tell whether there are enough non-members to speak of a false-positive rate: ten of them at that rate.

    Examples
    --------
    >>> is_resolvable(10_000, 0.001), is_resolvable(5_000, 0.001)
    (True, False)
    """
    return n_others * fpr >= FEWEST_ACCUSED - 1e-9


def true_positive_rate(
    scores: ArrayLike, is_member: ArrayLike, *, fpr: float, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate the share of members that an attack names while it wrongly accuses a given share of others.

    Parameters
    ----------
    scores : array-like, shape (n_records,)
        Scores of the attack, larger meaning member; infinite ones are valid.
    is_member : array-like of bool, shape (n_records,)
        Whether the model was trained on the record.
    fpr : float
        False-positive rate inside (0, 1).
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        In [0, 1]; ``fpr`` is chance. The interval speaks of *this* model: of further people of the two kinds, with the
        threshold estimated too. Without members or others NaN and [0, 1].

    Raises
    ------
    ValueError
        If a score is NaN, the lengths differ or ``fpr`` is not inside (0, 1).

    Notes
    -----
    Between steps of the curve the attack draws lots (linear interpolation), so that ties neither help nor hurt.

    The number of the n0 others above the true threshold is Binomial(n0, fpr), whatever the scores; given that number k,
    the members above it are binomial too. The interval holds the central part of the mixture, over k, of the Beta
    distributions (Jeffreys) of the rate that belongs to the k-th largest score among the others. Simulated coverage at
    95 %: 94 to 97 % from 10 expected accusations on.

    References
    ----------
    Carlini, N. et al. (2022). Membership inference attacks from first principles, section III (the rate at a low
    false-positive rate). Hsieh, F. and Turnbull, B. W. (1996). Nonparametric and semiparametric estimation of the
    receiver operating characteristic curve. Annals of Statistics 24 (threshold and rate vary independently).

    Examples
    --------
    >>> estimate = true_positive_rate([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 1, 0, 1, 0, 0], fpr=0.2)
    >>> round(estimate.value, 2)
    0.87
    """
    check_level(level)
    if not 0.0 < fpr < 1.0:
        raise ValueError(f"expected a false-positive rate inside (0, 1), got {fpr}")
    members, others = _split(scores, is_member)
    if not members.size or not others.size:
        return IntervalEstimate(np.nan, 0.0, 1.0)
    steps = _members_above(members, others)
    value = _share(steps, fpr, members.size)
    counts = np.arange(others.size + 1)
    chance = binom.pmf(counts, others.size, fpr)
    likely = chance > 1e-12
    counts, chance = counts[likely], chance[likely] / chance[likely].sum()
    # with k of the others above it, the threshold lies anywhere between the scores of the k-th and the next
    named = (np.concatenate([[0.0], steps])[counts] + steps[counts]) / 2.0

    def below(rate: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(chance @ betainc(named + 0.5, members.size - named + 0.5, rate))

    tail = (1.0 - level) / 2.0
    low = float(boundary(lambda rate: below(rate) <= tail, inside=0.0, outside=1.0))
    high = float(boundary(lambda rate: below(rate) >= 1.0 - tail, inside=1.0, outside=0.0))
    return IntervalEstimate(value, min(low, value), max(high, value))


def shares_named(scores: ArrayLike, is_member: ArrayLike, *, rates: Sequence[float]) -> NDArray[np.float64]:
    """Return the values of `true_positive_rate` at some rates without their intervals, which take most of the time."""
    members, others = _split(scores, is_member)
    if not members.size or not others.size:
        return np.full(len(rates), np.nan)
    steps = _members_above(members, others)
    return np.array([_share(steps, rate, members.size) for rate in rates])


class RocBand(NamedTuple):
    """The curve on chosen false-positive rates, each array of shape (n_points,)."""

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def roc_band(scores: ArrayLike, is_member: ArrayLike, *, n_points: int = 25, level: float = 0.95) -> RocBand:
    """Draw the ROC curve over false-positive rates that are evenly spaced on a log axis.

    Parameters
    ----------
    scores, is_member, level
        As in `true_positive_rate`; the band holds point by point.
    n_points : int, default 25
        Number of rates, from the smallest that the number of others resolves to 1.

    Returns
    -------
    RocBand
        Empty where not even a rate of one half is resolved.
    """
    members, others = _split(scores, is_member)
    if not is_resolvable(others.size, 0.5) or not members.size:
        return RocBand(*(np.empty(0) for _ in range(4)))
    rates = np.geomspace(FEWEST_ACCUSED / others.size, 0.999, n_points)
    found = [true_positive_rate(scores, is_member, fpr=float(rate), level=level) for rate in rates]
    return RocBand(rates, *(np.array(column) for column in zip(*found, strict=True)))


def _split(scores: ArrayLike, is_member: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = float_vector(scores, name="scores", allow_infinite=True)
    member = np.asarray(is_member).astype(np.bool_)
    check_same_length(values.size, member.size, names=("scores", "is_member"))
    return values[member], values[~member]


def _share(steps: NDArray[np.float64], fpr: float, n_members: int) -> float:
    return float(np.interp(fpr * (steps.size - 1), np.arange(steps.size), steps)) / n_members


def _members_above(members: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many members are named when 0, 1, ..., all of the others are accused.

    Between two thresholds the curve is straight: of members and others that share a score, equal parts are above.
    """
    values = np.unique(others)
    n_others = np.concatenate([[0], np.cumsum(np.bincount(np.searchsorted(values, others))[::-1])])
    ordered = np.sort(members)
    # corners of the curve: just above each value of the others, and just below it; at last everybody is named
    above = members.size - np.searchsorted(ordered, values, side="right")[::-1]
    upto = members.size - np.searchsorted(ordered, values, side="left")[::-1]
    x = np.append(np.repeat(n_others, 2)[1:-1], others.size)
    y = np.append(np.column_stack([above, upto]).ravel(), members.size)
    tops = np.append(x[1:] != x[:-1], True)  # where the curve is vertical its upper end counts
    return np.asarray(np.interp(np.arange(others.size + 1), x[tops], y[tops]))
