"""Intervals for the area under the ROC curve and for the difference of two of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, rel_entr, stdtrit

from holdfast.kernels.stats.bisection import boundary
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate


def auc_delong(y_true: ArrayLike, y_score: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate the area under the ROC curve with DeLong's variance on the logit scale.

    The area is the probability that a random positive case scores above a random negative one, ties counted half. It
    lies in [0, 1]; 0.5 is chance, larger is better.

    Parameters
    ----------
    y_true : array-like, shape (n_samples,)
        Labels 0 or 1, or booleans; 1 is the positive class.
    y_score : array-like, shape (n_samples,)
        Scores, larger for the positive class. Only their order matters; infinite scores are valid.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Ends inside [0, 1]. With fewer than two classes, empty input included, the value is NaN and the interval [0, 1].

    Raises
    ------
    ValueError
        If a label is not 0 or 1, a score is NaN, or the lengths differ.

    Notes
    -----
    Cost O(n log n). Approximate, with the t quantile at Satterthwaite's degrees of freedom: with few cases of one class
    the normal quantile is too short. Where the variance cannot be estimated (perfect or perfectly wrong order,
    all scores tied, a single case of a class) the interval is instead the Chernoff bound for a U-statistic with
    ``k = min(n_positive, n_negative)`` disjoint pairs: all areas A with ``k * KL(value, A) <= log(2 / (1 - level))``.
    It covers with probability `level` or more at every sample size. For a perfect order its lower end is
    ``((1 - level) / 2) ** (1 / k)``, the exact binomial limit of k concordant pairs out of k.

    Simulated coverage at 95 %, Gaussian scores: 0.95 to 0.97 with 30 or more cases of each class and areas up to 0.95;
    0.93 at 100 and 100 cases and area 0.99; 0.91 at 10 and 300 cases and area 0.9, where the lower end is too high.

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated
    receiver operating characteristic curves. Biometrics 44, 837-845.
    Sun, X. and Xu, W. (2014). Fast implementation of DeLong's algorithm. IEEE Signal Processing Letters 21, 1389-1393.
    Brunner, E. and Munzel, U. (2000). The nonparametric Behrens-Fisher problem: asymptotic theory and a small-sample
    approximation. Biometrical Journal 42, 17-25 (degrees of freedom).
    Pepe, M. S. (2003). The Statistical Evaluation of Medical Tests, chapter 5 (logit scale).
    Hoeffding, W. (1963). Probability inequalities for sums of bounded random variables. JASA 58, 13-30, section 5.

    Examples
    --------
    >>> estimate = auc_delong([0, 0, 0, 1, 1, 1], [0.1, 0.3, 0.6, 0.4, 0.8, 0.9])
    >>> round(estimate.value, 3), round(estimate.low, 3), round(estimate.high, 3)
    (0.889, 0.088, 0.998)
    """
    check_level(level)
    is_positive = _labels(y_true)
    parts = _components(is_positive, _scores(y_score, is_positive, name="y_score"))
    if parts is None:
        return IntervalEstimate(np.nan, 0.0, 1.0)
    auc = parts.area()
    half = parts.half_width(level)
    if half == 0.0:
        return IntervalEstimate(auc, *_chernoff_limits(auc, n_pairs=parts.n_disjoint_pairs(), level=level))
    # Delta method: the standard error of logit(A) is that of A over A (1 - A).
    half /= auc * (1.0 - auc)
    return IntervalEstimate(auc, float(expit(logit(auc) - half)), float(expit(logit(auc) + half)))


def auc_difference(
    y_true: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, *, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate the difference of two areas under the ROC curve on the same cases, A minus B.

    Parameters
    ----------
    y_true : array-like, shape (n_samples,)
        Labels 0 or 1, or booleans; 1 is the positive class.
    score_a, score_b : array-like, shape (n_samples,)
        Scores of the two models for the same cases, larger for the positive class; infinite scores are valid.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Difference in [-1, 1]; positive where A ranks better. With fewer than two classes, empty input included, the
        value is NaN and the interval [-1, 1].

    Raises
    ------
    ValueError
        If a label is not 0 or 1, a score is NaN, or the lengths differ.

    Notes
    -----
    The estimate plus or minus t times DeLong's paired standard error, degrees of freedom as in `auc_delong`, cut to
    [-1, 1]; approximate. Where that error is zero or cannot be estimated: if both models order all cases alike, the
    share of pairs on which they differ is bounded from ``k = min(n_positive, n_negative)`` disjoint pairs without a
    difference, ``1 - (1 - level) ** (1 / k)`` on either side; else the Chernoff bound of `auc_delong` for the
    difference rescaled to [0, 1]. Both are conservative. Simulated coverage at 95 %: 0.95 to 0.96 with 10 to 100 cases
    of each class.

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Biometrics 44, 837-845. See also `auc_delong`.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 1]
    >>> estimate = auc_difference(y, [0.1, 0.3, 0.6, 0.4, 0.8, 0.9], [0.2, 0.7, 0.6, 0.3, 0.8, 0.5])
    >>> round(estimate.value, 3), round(estimate.low, 3), round(estimate.high, 3)
    (0.333, -0.422, 1.0)
    """
    check_level(level)
    is_positive = _labels(y_true)
    a = _components(is_positive, _scores(score_a, is_positive, name="score_a"))
    b = _components(is_positive, _scores(score_b, is_positive, name="score_b"))
    if a is None or b is None:
        return IntervalEstimate(np.nan, -1.0, 1.0)
    paired = _Components(a.positive - b.positive, a.negative - b.negative, a.ranks - b.ranks)
    difference = paired.area()
    half = paired.half_width(level)
    if half > 0.0:
        return IntervalEstimate(difference, max(difference - half, -1.0), min(difference + half, 1.0))
    n_pairs = paired.n_disjoint_pairs()
    if not paired.ranks.any():
        half = 1.0 - (1.0 - level) ** (1.0 / n_pairs)
        return IntervalEstimate(0.0, -half, half)
    low, high = _chernoff_limits((difference + 1.0) / 2.0, n_pairs=n_pairs, level=level)
    return IntervalEstimate(difference, 2.0 * low - 1.0, 2.0 * high - 1.0)


class _Components(NamedTuple):
    """Structural components: the share of the other class that each case is on the right side of."""

    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    ranks: NDArray[np.float64]

    def area(self) -> float:
        return float(self.positive.mean())

    def half_width(self, level: float) -> float:
        """Half of a t interval with DeLong's variance; 0 where that cannot be estimated."""
        if self.n_disjoint_pairs() < 2:
            return 0.0
        sizes = np.array([self.positive.size, self.negative.size])
        # The spread of equal components is exactly zero, whatever their mean rounds to.
        parts = np.array([v.var(ddof=1) if np.ptp(v) > 0.0 else 0.0 for v in (self.positive, self.negative)]) / sizes
        if not parts.any():
            return 0.0
        # Shares of the larger part: squares of tiny variances would underflow.
        shares = parts / parts.max()
        degrees_of_freedom = shares.sum() ** 2 / (shares**2 / (sizes - 1)).sum()
        return float(stdtrit(degrees_of_freedom, 0.5 + level / 2.0) * np.sqrt(parts.sum()))

    def n_disjoint_pairs(self) -> int:
        return min(self.positive.size, self.negative.size)


def _components(is_positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> _Components | None:
    """Components from three rankings (Sun & Xu 2014, algorithm 2); None unless both classes are present."""
    n_positive = int(is_positive.sum())
    n_negative = is_positive.size - n_positive
    if n_positive == 0 or n_negative == 0:
        return None
    ranks = _midranks(scores)
    positive = (ranks[is_positive] - _midranks(scores[is_positive])) / n_negative
    negative = 1.0 - (ranks[~is_positive] - _midranks(scores[~is_positive])) / n_positive
    return _Components(positive, negative, ranks)


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[place]


def _chernoff_limits(value: float, *, n_pairs: int, level: float) -> tuple[float, float]:
    """Ends of {a : n_pairs * KL(value, a) <= log(2 / (1 - level))}."""
    allowed = np.log(2.0 / (1.0 - level)) / n_pairs
    # At an extreme value the divergence is -log(a) or -log(1 - a), and the end has a closed form.
    if value in (0.0, 1.0):
        gap = float(-np.expm1(-allowed))
        return (0.0, gap) if value == 0.0 else (1.0 - gap, 1.0)
    ends = boundary(
        lambda a: np.asarray(rel_entr(value, a) + rel_entr(1.0 - value, 1.0 - a) <= allowed),
        inside=value,
        outside=np.array([0.0, 1.0]),
    )
    return float(ends[0]), float(ends[1])


def _labels(y_true: ArrayLike) -> NDArray[np.bool_]:
    labels = float_vector(y_true, name="y_true")
    other = (labels != 0.0) & (labels != 1.0)
    if other.any():
        raise ValueError(f"expected labels 0 or 1, got y_true with {labels[other][0]}; encode the positive class as 1")
    return np.asarray(labels == 1.0)


def _scores(scores: ArrayLike, is_positive: NDArray[np.bool_], *, name: str) -> NDArray[np.float64]:
    vector = float_vector(scores, name=name, allow_infinite=True)
    check_same_length(is_positive.size, vector.size, names=("y_true", name))
    return vector
