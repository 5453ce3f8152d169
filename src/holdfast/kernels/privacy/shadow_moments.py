"""How shadow models answer about each record: counts, means and squares with it in training and without it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

MOST_DEGREES = 1000.0
SMALLEST_VARIANCE = 1e-30


class Moments(NamedTuple):
    """Moments of the signals of one group of models, each of shape (n_records,).

    Attributes
    ----------
    n
        Number of models.
    mean
        Mean signal; 0 where there is no model.
    squares
        Sum of squared deviations from the mean.
    """

    n: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]


def no_models(n_records: int) -> Moments:
    """Return the moments of no model at all."""
    return Moments(np.zeros(n_records), np.zeros(n_records), np.zeros(n_records))


def add_model(moments: Moments, signal: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Moments:
    """Add one model's signals of the chosen records, so that the matrix of all signals need not be in memory.

    Parameters
    ----------
    moments : Moments
        Of the models so far.
    signal : ndarray, shape (n_records,)
        Finite signals of the model.
    chosen : ndarray of bool, shape (n_records,)
        Records for which the model belongs to this group.

    Notes
    -----
    Welford's update: exact also where the mean is large and the spread small.
    """
    n = moments.n + chosen
    step = np.where(chosen, signal - moments.mean, 0.0)
    mean = moments.mean + step / np.maximum(n, 1.0)
    return Moments(n, mean, moments.squares + step * np.where(chosen, signal - mean, 0.0))


def remove_model(moments: Moments, signal: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Moments:
    """Take one model out again that was added before, with the same signals and records."""
    n = moments.n - chosen
    step = np.where(chosen, signal - moments.mean, 0.0)
    mean = np.where(n > 0, moments.mean - step / np.maximum(n, 1.0), 0.0)
    squares = moments.squares - step * np.where(chosen, signal - mean, 0.0)
    return Moments(n, mean, np.where(n > 1, np.maximum(squares, 0.0), 0.0))


def variance_prior(squares: NDArray[np.float64], degrees: NDArray[np.float64]) -> tuple[float, float]:
    """Fit the scaled inverse chi-square distribution that record variances are drawn from.

    Parameters
    ----------
    squares, degrees : ndarray, shape (n_records,)
        Sums of squared deviations, and their degrees of freedom.

    Returns
    -------
    tuple of float
        Degrees of freedom of the prior, at most 1,000 (the same variance everywhere), and its scale. Where fewer than
        half of the records vary at all: one degree of freedom, and the mean variance.

    References
    ----------
    Smyth, G. K. (2004). Linear models and empirical Bayes methods for assessing differential expression in microarray
    experiments. Statistical Applications in Genetics and Molecular Biology 3(1), section 6.2.
    """
    known = degrees > 0
    if not known.any():
        return 1.0, 1.0
    mean = float(squares[known].sum() / degrees[known].sum())
    varies = known & (squares > 0)
    if 2 * varies.sum() < known.sum():
        return 1.0, max(mean, SMALLEST_VARIANCE)
    half = degrees[varies] / 2.0
    log_variance = np.log(squares[varies] / degrees[varies]) - digamma(half) + np.log(half)
    excess = float(log_variance.var() - polygamma(1, half).mean())
    if excess <= float(polygamma(1, MOST_DEGREES / 2.0)):
        return MOST_DEGREES, mean
    half_prior = _inverse_trigamma(excess)
    return 2.0 * half_prior, float(np.exp(log_variance.mean() + digamma(half_prior) - np.log(half_prior)))


def _inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value by Newton's method on 1 / trigamma, which is nearly linear."""
    x = 0.5 + 1.0 / value
    for _ in range(50):
        slope = float(polygamma(1, x))
        step = slope * (1.0 - slope / value) / float(polygamma(2, x))
        x += step
        if -step < 1e-10 * x:
            break
    return x
