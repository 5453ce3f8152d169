"""How far stated probabilities are from what happens, with intervals that hold for a calibrated model too.

A plain calibration error is never zero: within each bin the observed share scatters, and every deviation counts as an
error. Estimates here take that scatter off, and the intervals allow for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, ndtri

from holdfast.kernels.performance.metrics import mean_loss
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.mean import mean_t
from holdfast.kernels.stats.proportions import clopper_pearson
from holdfast.kernels.stats.weighted_squares import weighted_square_limits


class ReliabilityCurve(NamedTuple):
    """One point per bin, in order of the score; each field ``(n_bins,)``."""

    n: NDArray[np.int64]
    mean_score: NDArray[np.float64]
    observed: NDArray[np.float64]
    low: NDArray[np.float64]
    """Lower end of the exact binomial interval of the observed share."""
    high: NDArray[np.float64]


class BrierDecomposition(NamedTuple):
    """Parts of the Brier score: ``brier = reliability - resolution + uncertainty``, exactly."""

    brier: IntervalEstimate[float]
    reliability: IntervalEstimate[float]
    resolution: IntervalEstimate[float]
    uncertainty: IntervalEstimate[float]


class _Binned(NamedTuple):
    """Gaps between mean score and observed share per bin, with the variance of their sampling error."""

    bin: NDArray[np.int64]
    n: NDArray[np.int64]
    mean_score: NDArray[np.float64]
    successes: NDArray[np.int64]
    weight: NDArray[np.float64]
    gap: NDArray[np.float64]
    error: NDArray[np.float64]


def reliability_curve(
    y_prob: ArrayLike, outcome: ArrayLike, *, n_bins: int = 15, level: float = 0.95
) -> ReliabilityCurve:
    """Compare stated probabilities with observed shares in bins of equal size.

    Parameters
    ----------
    y_prob : array-like, shape (n_samples,)
        Stated probabilities in [0, 1].
    outcome : array-like of bool, shape (n_samples,)
        Whether the event happened.
    n_bins : int, default 15
        Bins with about equally many rows; fewer where scores are tied, because equal scores share a bin.
    level : float, default 0.95
        Confidence level of each bin's exact (Clopper-Pearson) interval, inside (0, 1).

    Returns
    -------
    ReliabilityCurve
        Empty for empty input.

    Raises
    ------
    ValueError
        If a probability is NaN or outside [0, 1], an outcome is not 0 or 1, or the lengths differ.

    Examples
    --------
    >>> curve = reliability_curve([0.1, 0.1, 0.8, 0.8], [0, 0, 1, 1], n_bins=2)
    >>> curve.mean_score.tolist(), curve.observed.tolist()
    ([0.1, 0.8], [0.0, 1.0])
    """
    parts = _binned(*_checked(y_prob, outcome, n_bins, level), n_bins)
    band = clopper_pearson(parts.successes, parts.n, level=level)
    return ReliabilityCurve(parts.n, parts.mean_score, parts.successes / parts.n, band.low, band.high)


def expected_calibration_error(
    y_prob: ArrayLike, outcome: ArrayLike, *, n_bins: int = 15, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate how far, on average over rows, a stated probability is from the true share at that probability.

    Parameters
    ----------
    y_prob, outcome, n_bins, level
        As `reliability_curve`.

    Returns
    -------
    IntervalEstimate
        Share in [0, 1], smaller is better, 0 for a calibrated model. Empty: NaN and [0, 1].

    Raises
    ------
    ValueError
        As `reliability_curve`.

    Notes
    -----
    The quantity is ``sum_b w_b |delta_b|``: the mean score minus the true share of each bin, weighted by its rows. It
    is at most the error without bins, because deviations within a bin cancel.

    *Estimate*: the observed gap of a bin is Gaussian around ``delta_b`` with known error ``s_b``, so that its size
    exceeds ``|delta_b|`` by ``s_b g(|delta_b| / s_b)`` on average, with g of the folded normal distribution. That is
    taken off, with ``delta_b ** 2`` estimated by ``gap ** 2 - s_b ** 2``. (Kumar et al. evaluate g at the gap itself,
    which leaves more than half of the bias for a calibrated model.)

    *Lower end*: the larger of two valid limits, each at a quarter of the error rate. One takes off the largest bias
    there can be, ``sum_b w_b s_b sqrt(2 / pi)``. The other is a weighted sum of the gaps with one change of sign along
    the score (over- and underestimation, over- and underconfidence), corrected for the number of such sums.
    *Upper end*: the smaller of the sum of the gaps' sizes plus its error, and the root of the upper limit of
    ``sum_b w_b delta_b ** 2`` (see `brier_decomposition`; by Jensen's inequality the root is never below).
    Conservative: coverage is above `level` except where all bins are off by much more than their errors.

    References
    ----------
    Kumar, A., Liang, P. and Ma, T. (2019). Verified uncertainty calibration. NeurIPS, section 5 (debiasing).
    Bröcker, J. (2012). Estimating reliability and resolution of probability forecasts through decomposition of the
    empirical score. Climate Dynamics 39, 655-667.

    Examples
    --------
    >>> y_prob = np.full(1000, 0.3)
    >>> outcome = np.arange(1000) < 500
    >>> estimate = expected_calibration_error(y_prob, outcome)
    >>> round(estimate.value, 3), round(estimate.low, 3), round(estimate.high, 3)
    (0.2, 0.161, 0.23)
    """
    p, y = _checked(y_prob, outcome, n_bins, level)
    if p.size == 0:
        return IntervalEstimate(np.nan, 0.0, 1.0)
    parts = _binned(p, y, n_bins)
    size = np.abs(parts.gap)
    typical = np.sqrt(np.maximum(parts.gap**2 - parts.error**2, 0.0))
    value = float(parts.weight @ (size - _folded_excess(typical, parts.error)))
    low, high = _absolute_limits(parts, level)
    return IntervalEstimate(min(max(value, low), high), low, high)


def brier_decomposition(
    y_prob: ArrayLike, outcome: ArrayLike, *, n_bins: int = 15, level: float = 0.95
) -> BrierDecomposition:
    """Split the Brier score into reliability, resolution and uncertainty.

    Parameters
    ----------
    y_prob, outcome, n_bins, level
        As `reliability_curve`.

    Returns
    -------
    BrierDecomposition
        `reliability` (smaller is better, 0 is calibrated): mean squared distance of stated from true shares; with its
        bias taken off, it can be slightly below 0 for a calibrated model, and its interval then starts there.
        `resolution` (larger is better): how far the scores separate cases. `uncertainty`: variance of the outcome, a
        property of the data. Empty: NaN and the widest intervals.

    Raises
    ------
    ValueError
        As `reliability_curve`.

    Notes
    -----
    With ``v_b = share_b (1 - share_b) / (n_b - 1)``, reliability is ``sum_b w_b (gap_b ** 2 - v_b)`` and uncertainty
    ``share (1 - share) n / (n - 1)``: unbiased (Bröcker; Ferro and Fricker). Resolution is what remains; it holds the
    variance of scores within bins too (Stephenson et al.), so that the parts add up for scores that are not rounded.
    The interval of reliability inverts a gamma approximation with the mean and the largest variance that
    ``sum_b w_b gap_b ** 2`` can have; that of resolution is the delta method's, that of uncertainty follows from the
    exact interval of the share.

    References
    ----------
    Murphy, A. H. (1973). A new vector partition of the probability score. J. Applied Meteorology 12, 595-600.
    Stephenson, D. B., Coelho, C. A. S. and Jolliffe, I. T. (2008). Two extra components in the Brier score
    decomposition. Weather and Forecasting 23, 752-757.
    Ferro, C. A. T. and Fricker, T. E. (2012). A bias-corrected decomposition of the Brier score. QJRMS 138, 1954-1960.

    Examples
    --------
    >>> parts = brier_decomposition([0.1, 0.1, 0.8, 0.8] * 50, [0, 0, 1, 1] * 50, n_bins=2)
    >>> total = parts.reliability.value - parts.resolution.value + parts.uncertainty.value
    >>> round(parts.brier.value, 4), round(total, 4)
    (0.025, 0.025)
    """
    p, y = _checked(y_prob, outcome, n_bins, level)
    brier = mean_loss((p - y) ** 2, largest=1.0, level=level)
    if p.size < 2:
        return BrierDecomposition(
            brier,
            IntervalEstimate(np.nan, 0.0, 1.0),
            IntervalEstimate(np.nan, -1.0, 1.0),
            IntervalEstimate(np.nan, 0.0, 0.25),
        )
    parts = _binned(p, y, n_bins)
    share = parts.successes / parts.n
    # A bin of one row has no variance of its own; the largest possible one keeps the estimate from rising by it.
    scatter = np.where(parts.n > 1, share * (1.0 - share) / np.maximum(parts.n - 1, 1), 0.25)
    reliability = float(parts.weight @ (parts.gap**2 - scatter))
    uncertainty = _uncertainty(y, level)
    low, high = weighted_square_limits(parts.weight, parts.gap, parts.error, level=level)
    return BrierDecomposition(
        brier,
        IntervalEstimate(reliability, min(low, reliability), max(high, reliability)),
        _resolution(p, y, parts, reliability + uncertainty.value - brier.value, level),
        uncertainty,
    )


def calibration_in_the_large(y_prob: ArrayLike, outcome: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate the mean stated probability minus the observed share.

    Parameters
    ----------
    y_prob, outcome, level
        As `reliability_curve`.

    Returns
    -------
    IntervalEstimate
        In [-1, 1]; 0 is best, above 0 the model promises too much. Empty: NaN and [-1, 1].

    Raises
    ------
    ValueError
        As `reliability_curve`.

    Notes
    -----
    Student's t interval of the differences. Where only one outcome occurs, they say nothing about the other; there the
    exact binomial interval of the share is used, with the scores taken as given.

    Examples
    --------
    >>> round(calibration_in_the_large([0.5, 0.7, 0.9, 0.5], [0, 1, 1, 0]).value, 3)
    0.15
    """
    p, y = _checked(y_prob, outcome, 1, level)
    if p.size == 0:
        return IntervalEstimate(np.nan, -1.0, 1.0)
    value = float((p - y).mean())
    if y.min() == y.max():
        share = clopper_pearson(int(y.sum()), y.size, level=level)
        return IntervalEstimate(value, float(p.mean()) - share.high, float(p.mean()) - share.low)
    estimate = mean_t(p - y, level=level)
    return IntervalEstimate(value, max(estimate.low, -1.0), min(estimate.high, 1.0))


def _binned(p: NDArray[np.float64], y: NDArray[np.float64], n_bins: int) -> _Binned:
    edges = np.unique(np.quantile(p, np.arange(1, n_bins) / n_bins, method="inverted_cdf")) if p.size else np.zeros(0)
    _, bins = np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)
    n = np.bincount(bins)
    successes = np.rint(np.bincount(bins, weights=y)).astype(np.int64)
    mean_score = np.bincount(bins, weights=p) / n
    # Half a row of each outcome is added: a bin with one outcome only still has a sampling error.
    share = (successes + 0.5) / (n + 1.0)
    return _Binned(
        bin=bins.astype(np.int64),
        n=n.astype(np.int64),
        mean_score=mean_score,
        successes=successes,
        weight=n / max(p.size, 1),
        gap=mean_score - successes / n,
        error=np.sqrt(share * (1.0 - share) / n),
    )


def _folded_excess(location: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the size of a normal variable minus the size of its mean."""
    ratio = location / scale
    mean = scale * np.sqrt(2.0 / np.pi) * np.exp(-0.5 * ratio**2) + location * erf(ratio / np.sqrt(2.0))
    return np.asarray(mean - location)


def _absolute_limits(parts: _Binned, level: float) -> tuple[float, float]:
    """Limits of sum w |delta|; see `expected_calibration_error`."""
    quarter = (1.0 - level) / 4.0
    total = float(parts.weight @ np.abs(parts.gap))
    error = float(np.linalg.norm(parts.weight * parts.error))
    largest_bias = float(np.sqrt(2.0 / np.pi) * (parts.weight @ parts.error))
    by_size = total - largest_bias - float(ndtri(1.0 - quarter)) * error
    # All sums with at most one change of sign: the total minus twice each cumulative sum.
    cumulative = np.cumsum(parts.weight * parts.gap)
    contrasts = np.abs(cumulative[-1] - 2.0 * np.concatenate(([0.0], cumulative[:-1])))
    by_sign = float(contrasts.max()) - float(ndtri(1.0 - quarter / (2 * contrasts.size))) * error
    squares = weighted_square_limits(parts.weight, parts.gap, parts.error, level=level)
    high = min(total + float(ndtri(1.0 - 2.0 * quarter)) * error, np.sqrt(squares[1]), 1.0)
    return min(max(by_size, by_sign, 0.0), float(high)), float(high)


def _uncertainty(y: NDArray[np.float64], level: float) -> IntervalEstimate[float]:
    share = float(y.mean())
    ends = clopper_pearson(round(float(y.sum())), y.size, level=level)
    at_ends = (ends.low * (1.0 - ends.low), ends.high * (1.0 - ends.high))
    value = share * (1.0 - share) * y.size / (y.size - 1.0)
    high = 0.25 if ends.low <= 0.5 <= ends.high else max(at_ends)
    return IntervalEstimate(value, min(*at_ends, value), max(high, value))


def _resolution(
    p: NDArray[np.float64], y: NDArray[np.float64], parts: _Binned, value: float, level: float
) -> IntervalEstimate[float]:
    share, gap = float(y.mean()), parts.gap[parts.bin]
    # First-order effect of each row on reliability, on uncertainty and on the Brier score.
    effect = (2.0 * gap * (p - y) - gap**2) + (y - share) * (1.0 - 2.0 * share) - (p - y) ** 2
    half = float(ndtri(0.5 + level / 2.0)) * float(effect.std(ddof=1)) / np.sqrt(y.size)
    return IntervalEstimate(value, value - half, value + half)


def _checked(
    y_prob: ArrayLike, outcome: ArrayLike, n_bins: int, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    check_level(level)
    if n_bins < 1:
        raise ValueError(f"expected one or more bins, got n_bins={n_bins}")
    p, y = float_vector(y_prob, name="y_prob"), float_vector(outcome, name="outcome")
    check_same_length(p.size, y.size, names=("y_prob", "outcome"))
    # Probabilities summed in float32 may pass 1 by rounding.
    if p.size and (p.min() < 0.0 or p.max() > 1.0 + 1e-6):
        raise ValueError(f"expected probabilities in [0, 1], got y_prob from {p.min()} to {p.max()}; pass no margins")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(f"expected outcomes 0 or 1, got outcome with {y[~np.isin(y, (0.0, 1.0))][0]}; pass booleans")
    return np.minimum(p, 1.0), y
