"""Score records by how much likelier the model's answer is if it was trained on them (LiRA and its successors)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from holdfast.kernels.privacy.shadow_moments import Moments, variance_prior

TINY = 1e-30


def gaussian_ratio(target: NDArray[np.float64], inside: Moments, outside: Moments) -> NDArray[np.float64]:
    """Score with one Gaussian for each record and side, as the likelihood-ratio attack does.

    Parameters
    ----------
    target : ndarray, shape (n_records,)
        Signal of the model under attack, usually log odds of the true class.
    inside, outside : Moments
        Of the shadow models trained with and without each record.

    Returns
    -------
    ndarray, shape (n_records,)
        Log likelihood ratio, larger meaning member; 0 where one side has no model.

    Notes
    -----
    Strong with many models (64 and more); with few, a variance that is small by chance rules the order.

    References
    ----------
    Carlini, N., Chien, S., Nasr, M., Song, S., Terzis, A. and Tramer, F. (2022). Membership inference attacks from
    first principles. IEEE Symposium on Security and Privacy, algorithm 1.
    """
    return _gaussians(target, inside, outside, lambda side: side.squares / np.maximum(side.n, 1.0))


def pooled_ratio(target: NDArray[np.float64], inside: Moments, outside: Moments) -> NDArray[np.float64]:
    """Score with a Gaussian for each record and side, all records of a side sharing one variance.

    Parameters
    ----------
    target, inside, outside
        As in `gaussian_ratio`.

    Returns
    -------
    ndarray, shape (n_records,)
        Log likelihood ratio, larger meaning member; 0 where one side has no model.

    Notes
    -----
    The variance is that within records. The strongest formula for a small network with 8 to 16 models.

    References
    ----------
    Carlini, N. et al. (2022). Membership inference attacks from first principles. IEEE Symposium on Security and
    Privacy, section VI (a global variance where models are few).
    """
    return _gaussians(
        target, inside, outside, lambda side: side.squares.sum() / max(np.maximum(side.n - 1.0, 0.0).sum(), 1.0)
    )


def _gaussians(
    target: NDArray[np.float64], inside: Moments, outside: Moments, spread: Callable[[Moments], Any]
) -> NDArray[np.float64]:
    """Log ratio of two normal densities, the variance of a side as ``spread`` says."""
    logs = []
    for side in (inside, outside):
        variance = spread(side) + TINY
        logs.append(-0.5 * (np.log(variance) + (target - side.mean) ** 2 / variance))
    return np.where((inside.n > 0) & (outside.n > 0), logs[0] - logs[1], 0.0)


def student_ratio(target: NDArray[np.float64], inside: Moments, outside: Moments) -> NDArray[np.float64]:
    """Score with one variance for each record, shared by both sides and drawn from a prior that all records tell.

    Parameters
    ----------
    target, inside, outside
        As in `gaussian_ratio`.

    Returns
    -------
    ndarray, shape (n_records,)
        Log ratio of the posterior predictive densities, Student's t; 0 where one side has no model.

    References
    ----------
    Brannvall, R. (2026). Exponential-family membership inference: from LiRA and RMIA to BaVarIA. arXiv 2603.11799
    (normal-inverse-gamma prior, Student-t predictive; the variance is shared here, the prior fitted as by Smyth 2004).
    """
    degrees = np.maximum(inside.n - 1, 0) + np.maximum(outside.n - 1, 0)
    squares = inside.squares + outside.squares
    nu, scale = variance_prior(squares, degrees)
    variance = (nu * scale + squares) / (nu + degrees)
    means = np.array([inside.mean, outside.mean])
    n = np.maximum([inside.n, outside.n], 1.0)
    logs = log_student(target, nu + degrees, means, variance * (1.0 + 1.0 / n))
    return np.where((inside.n > 0) & (outside.n > 0), logs[0] - logs[1], 0.0)


def relative_confidence(target: NDArray[np.float64], inside: Moments, outside: Moments) -> NDArray[np.float64]:
    """Score by how far the model's confidence exceeds that of models in general.

    Parameters
    ----------
    target : ndarray, shape (n_records,)
        Confidence of the model under attack in the true class, in [0, 1].
    inside, outside : Moments
        Of the confidences of the shadow models.

    Returns
    -------
    ndarray, shape (n_records,)
        ``log(target / mean)`` with the mean over both sides, each counting half; larger meaning member.

    Notes
    -----
    The order of RMIA with its threshold at 1 and of BASE, whose tests compare this ratio with those of other records of
    the population; with two to eight models the strongest of the known attacks.

    References
    ----------
    Zarifzadeh, S., Liu, P. and Shokri, R. (2024). Low-cost high-power membership inference attacks. ICML, section 3.
    Lassila, M. et al. (2025). Practical Bayes-optimal membership inference attacks. NeurIPS (BASE).
    """
    sides = np.where(inside.n > 0, inside.mean, outside.mean) + np.where(outside.n > 0, outside.mean, inside.mean)
    return np.asarray(np.log(np.maximum(target, 1e-12)) - np.log(np.maximum(sides / 2.0, 1e-12)))


def log_student(
    x: NDArray[np.float64], degrees: NDArray[np.float64], centre: NDArray[np.float64], variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log density of Student's t with a centre and a squared scale, of one side or, by line, of several."""
    distinct, which = np.unique(degrees, return_inverse=True)  # few, and their functions are slow
    peak = (gammaln((distinct + 1.0) / 2.0) - gammaln(distinct / 2.0))[which]
    width = degrees * variance
    return np.asarray(peak - 0.5 * np.log(np.pi * width) - (degrees + 1.0) / 2.0 * np.log1p((x - centre) ** 2 / width))
