"""A likelihood ratio that learns from like records what the models of one record are too few to tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.likelihood_ratio import log_student
from holdfast.kernels.privacy.shadow_moments import Moments, variance_prior

MOST_STRATA = 64
SMALLEST_STRATUM = 50
DIGITS = 9


def shrunken_ratio(target: NDArray[np.float64], inside: Moments, outside: Moments) -> NDArray[np.float64]:
    """Score with the mean gap and the variances of each record shrunk towards those of records like it.

    Records are alike if models answer about them with the same confidence on average: how much training on a record
    lifts its confidence, and how that varies from model to model, depends on it most of all. Within such a stratum the
    gap between models with and without a record is normal around a common gap, the variances of a record are a common
    multiple of those of the stratum, and the multiple is drawn from an inverse chi-square distribution. All
    parameters of these priors are estimated from the shadow models alone.

    Parameters
    ----------
    target : ndarray, shape (n_records,)
        Signal of the model under attack, on a scale on which noise is even: ``arcsine`` of the confidence.
    inside, outside : Moments
        Of the same signal of the shadow models.

    Returns
    -------
    ndarray, shape (n_records,)
        Log ratio of the posterior predictive densities, Student's t, larger meaning member. A record without models on
        one side is judged by its stratum.

    Notes
    -----
    With few models this is close to ``relative_confidence``, which knows only the stratum; with many to
    ``student_ratio``, which knows only the record. Cost O(n log n).

    References
    ----------
    Smyth, G. K. (2004), as for `variance_prior`; Efron, B. and Morris, C. (1973). Stein's estimation rule and its
    competitors. JASA 68 (the gap).
    """
    has_both = (inside.n > 0) & (outside.n > 0)
    if not has_both.any():
        raise ValueError("expected records that some shadow models were trained on and others were not")
    gap = np.where(has_both, inside.mean - outside.mean, 0.0)
    usual = float(np.median(gap[has_both]))
    centre = np.where(has_both, (inside.mean + outside.mean) / 2.0, 0.0)
    centre = np.where(inside.n == 0, outside.mean + usual / 2.0, centre)
    centre = np.where(outside.n == 0, inside.mean - usual / 2.0, centre)
    strata = _strata(centre)

    var_in, var_out = _stratum_variances(inside, outside, strata)
    degrees = np.maximum(inside.n - 1, 0) + np.maximum(outside.n - 1, 0)
    squares = inside.squares / var_in + outside.squares / var_out
    nu, _ = variance_prior(squares, degrees)
    multiple = (nu + squares) / (nu + degrees)

    n_in, n_out = np.maximum(inside.n, 0.5), np.maximum(outside.n, 0.5)
    error = var_in / n_in + var_out / n_out
    common = _stratum_mean(gap, strata, weight=has_both)
    spread = _stratum_mean((gap - common) ** 2 - error, strata, weight=has_both)
    spread = np.maximum(spread, 1e-12)
    error = multiple * error
    trust = np.where(has_both, spread / (spread + error), 0.0)
    gap = common + trust * (gap - common)
    about_gap = np.where(has_both, trust * error, spread)
    about_centre = (error + about_gap) / 4.0
    centres, variances = np.array([centre + gap / 2.0, centre - gap / 2.0]), np.array([var_in, var_out])
    logs = log_student(target, nu + degrees, centres, multiple * variances + about_centre)
    return np.asarray(logs[0] - logs[1])


def _strata(centre: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number the records by rank of their centre, in groups of about equal size; equal centres stay together.

    Were ties split by position, records that stand first, often the members, would be judged by other strata.
    """
    count = int(np.clip(centre.size // SMALLEST_STRATUM, 1, MOST_STRATA))
    order = np.argsort(centre)
    ordered = centre[order].round(DIGITS)
    is_first = np.append(True, ordered[1:] != ordered[:-1])
    ends = np.append(np.flatnonzero(is_first), centre.size)
    strata = np.empty(centre.size, dtype=np.int64)
    strata[order] = ((ends[:-1] + ends[1:] - 1) // 2 * count // centre.size)[np.cumsum(is_first) - 1]
    return strata


def _stratum_mean(
    values: NDArray[np.float64], strata: NDArray[np.int64], *, weight: NDArray[np.generic]
) -> NDArray[np.float64]:
    """Return for each record the weighted mean over its stratum; that over all where a stratum has no weight."""
    weights = weight.astype(np.float64)
    total, weighted = np.bincount(strata, weights), np.bincount(strata, weights * values)
    overall = float(weighted.sum() / max(total.sum(), 1e-300))
    return np.asarray(np.where(total > 0, weighted / np.maximum(total, 1e-300), overall)[strata])


def _stratum_variances(
    inside: Moments, outside: Moments, strata: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pool variances within strata, kept off zero; with one model on a side, those of the other stand in."""
    found = []
    for side in (inside, outside):
        degrees = np.maximum(side.n - 1, 0)
        per_degree = side.squares / np.maximum(degrees, 1.0)
        found.append(_stratum_mean(per_degree, strata, weight=degrees) if degrees.any() else np.zeros(strata.size))
    if not inside.n.max() > 1:
        found[0] = found[1]
    if not outside.n.max() > 1:
        found[1] = found[0]
    floor = 1e-6 * max(float(found[0].max() + found[1].max()), 1e-12)
    return np.maximum(found[0], floor), np.maximum(found[1], floor)
