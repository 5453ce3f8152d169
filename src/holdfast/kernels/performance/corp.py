"""Reliability without bins: isotonic regression of outcomes on stated probabilities, and what it says of a score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.mean import mean_t
from holdfast.kernels.stats.proportions import clopper_pearson

Numbers = NDArray[np.float64]


class ReliabilitySteps(NamedTuple):
    """The rising step function that fits the outcomes best; each field ``(n_distinct,)``, in order of the score."""

    score: Numbers
    """Distinct stated probabilities."""
    recalibrated: Numbers
    """What they should have been."""
    n: Numbers
    """Rows with that score."""


class CorpDecomposition(NamedTuple):
    """Parts of the Brier score: ``brier = miscalibration - discrimination + uncertainty``, exactly."""

    brier: float
    miscalibration: IntervalEstimate[float]
    discrimination: IntervalEstimate[float]
    uncertainty: float


def reliability_steps(y_prob: ArrayLike, outcome: ArrayLike) -> ReliabilitySteps:
    """Fit the outcomes by a function that rises with the stated probability (pool adjacent violators).

    Parameters
    ----------
    y_prob : array-like, shape (n_samples,)
        Stated probabilities in [0, 1].
    outcome : array-like of bool, shape (n_samples,)
        Whether the event happened.

    Returns
    -------
    ReliabilitySteps
        Empty for empty input.

    Raises
    ------
    ValueError
        If a probability is NaN or outside [0, 1], an outcome is not 0 or 1, or the lengths differ.

    Notes
    -----
    No bins to choose: the steps are as wide as the data ask for, the same fit is best for every proper score, and it is
    consistent. Cost O(n log n).

    References
    ----------
    Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021). Stable reliability diagrams for probabilistic classifiers.
    PNAS 118(8), the CORP approach.

    Examples
    --------
    >>> reliability_steps([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1]).recalibrated.tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    return _steps(*_checked(y_prob, outcome))


def corp_decomposition(
    y_prob: ArrayLike, outcome: ArrayLike, *, rng: np.random.Generator, level: float = 0.95
) -> CorpDecomposition:
    """Split the Brier score into miscalibration, discrimination and uncertainty without bins.

    Parameters
    ----------
    y_prob, outcome
        As `reliability_steps`.
    rng : numpy.random.Generator
        Splits the rows into halves for the lower ends.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    CorpDecomposition
        `miscalibration` (smaller is better): by how much the score would fall if the probabilities were replaced by
        what they should have been. `discrimination` (larger is better): by how much these beat the base rate.
        `uncertainty`: the score of the base rate. Empty: NaN and the widest intervals.

    Raises
    ------
    ValueError
        As `reliability_steps`.

    Notes
    -----
    The values are those of the fit to all rows, so that they add up; fitted to the rows it is judged on, it makes both
    parts larger than they are by about ``n ** (-2/3)``. The intervals allow for that: the lower end is that of the gain
    on rows that the fit did not see (two halves, each judged by the fit of the other; a fit that is not the best one
    gains less), 0 at least; the upper end is the observed value plus its sampling error, because the observed one is
    too large on average. Conservative.

    References
    ----------
    Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021). Stable reliability diagrams for probabilistic classifiers.
    PNAS 118(8), equation 2 (the decomposition).

    Examples
    --------
    >>> y_prob, outcome = np.repeat([0.1, 0.8], 500), np.arange(1000) % 10 < np.repeat([3, 8], 500)
    >>> parts = corp_decomposition(y_prob, outcome, rng=np.random.default_rng(0))
    >>> round(parts.miscalibration.value, 3), round(parts.discrimination.value, 4), round(parts.uncertainty, 4)
    (0.02, 0.0625, 0.2475)
    """
    check_level(level)
    p, y = _checked(y_prob, outcome)
    if p.size < 2:
        unknown = IntervalEstimate(np.nan, 0.0, 1.0)
        return CorpDecomposition(float(((p - y) ** 2).mean()) if p.size else np.nan, unknown, unknown, np.nan)
    fitted = recalibrate(_steps(p, y), p)
    brier, best, base = (p - y) ** 2, (fitted - y) ** 2, (y.mean() - y) ** 2
    halves = np.array_split(rng.permutation(p.size), 2)
    unseen, unseen_base = np.empty(p.size), np.empty(p.size)
    for known, new in (halves, halves[::-1]):
        unseen[new] = (recalibrate(_steps(p[known], y[known]), p[new]) - y[new]) ** 2
        unseen_base[new] = (y[known].mean() - y[new]) ** 2
    return CorpDecomposition(
        float(brier.mean()),
        _part(brier - best, brier - unseen, y, level),
        _part(base - best, unseen_base - unseen, y, level),
        float(base.mean()),
    )


def consistency_band(
    y_prob: ArrayLike, at: ArrayLike, *, rng: np.random.Generator, n_resamples: int = 200, level: float = 0.95
) -> tuple[Numbers, Numbers]:
    """Return where the fit of `reliability_steps` lies if the stated probabilities are right.

    Parameters
    ----------
    y_prob : array-like, shape (n_samples,)
        Stated probabilities in [0, 1].
    at : array-like, shape (n_points,)
        Probabilities at which the band is wanted.
    rng : numpy.random.Generator
        Draws outcomes from the stated probabilities.
    n_resamples : int, default 200
        Draws; at least ``2 / (1 - level)``.
    level : float, default 0.95
        Share of the draws inside the band at each point.

    Returns
    -------
    tuple of ndarray, each shape (n_points,)
        Lower and upper end. A curve outside of it is not calibrated there; it is a band for one point at a time.

    References
    ----------
    Dimitriadis, Gneiting and Jordan (2021), as above (consistency bands, after Bröcker and Smith 2007).

    Examples
    --------
    >>> low, high = consistency_band(np.full(1000, 0.3), [0.3], rng=np.random.default_rng(0))
    >>> bool(0.25 < low[0] < 0.3 < high[0] < 0.35)
    True
    """
    check_level(level)
    p, places = np.sort(float_vector(y_prob, name="y_prob")), float_vector(at, name="at")
    drawn = np.empty((n_resamples, places.size))
    for each in drawn:
        each[:] = recalibrate(_steps(p, (rng.random(p.size) < p).astype(np.float64)), places)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return low, high


def recalibrate(steps: ReliabilitySteps, y_prob: ArrayLike) -> Numbers:
    """Replace stated probabilities by what they should have been, linear between the scores that were fitted.

    Examples
    --------
    >>> steps = reliability_steps([0.25, 0.75], [0, 1])
    >>> recalibrate(steps, [0.1, 0.5, 0.9]).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.interp(np.asarray(y_prob, dtype=np.float64), steps.score, steps.recalibrated)


def _steps(p: Numbers, y: Numbers) -> ReliabilitySteps:
    if p.size == 0:
        return ReliabilitySteps(p, p, p)
    score, place, n = np.unique(p, return_inverse=True, return_counts=True)
    share = np.bincount(place.ravel(), weights=y) / n
    return ReliabilitySteps(score, np.asarray(isotonic_regression(share, weights=n).x), n.astype(np.float64))


def _part(seen: Numbers, unseen: Numbers, y: Numbers, level: float) -> IntervalEstimate[float]:
    """Value on the rows of the fit, lower end from rows it did not see, upper end from its sampling error."""
    value = max(float(seen.mean()), 0.0)
    low = min(max(mean_t(unseen, level=level).low, 0.0), value)
    half = float(ndtri(0.5 + level / 2.0)) * float(seen.std(ddof=1)) / np.sqrt(seen.size)
    if y.min() == y.max():
        # One outcome only says nothing about the other: the share may be anything in its exact interval.
        share = clopper_pearson(int(y.sum()), y.size, level=level)
        half = max(half, share.high - share.low)
    return IntervalEstimate(value, low, min(value + half, 1.0))


def _checked(y_prob: ArrayLike, outcome: ArrayLike) -> tuple[Numbers, Numbers]:
    p, y = float_vector(y_prob, name="y_prob"), float_vector(outcome, name="outcome")
    check_same_length(p.size, y.size, names=("y_prob", "outcome"))
    if p.size and (p.min() < 0.0 or p.max() > 1.0 + 1e-6):
        raise ValueError(f"expected probabilities in [0, 1], got y_prob from {p.min()} to {p.max()}; pass no margins")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(f"expected outcomes 0 or 1, got outcome with {y[~np.isin(y, (0.0, 1.0))][0]}; pass booleans")
    return np.minimum(p, 1.0), y
