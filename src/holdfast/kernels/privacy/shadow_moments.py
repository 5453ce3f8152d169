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


def moments_of(signals: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Moments:
    """Return the moments of all models of a bank at once.

    Parameters
    ----------
    signals : ndarray, shape (n_records, n_models)
        Finite signals.
    chosen : ndarray of bool, shape (n_records, n_models)
        For which records each model belongs to this group.

    Notes
    -----
    Deviations are taken from one chosen signal of each record: exact also where the mean is large and the spread
    small, and exactly 0 where all models answer the same.

    Examples
    --------
    >>> moments_of(np.array([[1.0, 3.0, 9.0]]), np.array([[True, True, False]]))
    Moments(n=array([2.]), mean=array([2.]), squares=array([2.]))
    """
    n = chosen.sum(axis=1).astype(np.float64)
    origin = np.take_along_axis(signals, chosen.argmax(axis=1)[:, None], axis=1)
    above = signals - origin
    above *= chosen  # several times as fast as a choice
    step = above.sum(axis=1) / np.maximum(n, 1.0)
    mean = np.where(n > 0, origin[:, 0] + step, 0.0)
    return Moments(n, mean, np.maximum(np.einsum("ij,ij->i", above, above) - n * step**2, 0.0))


def moments_without(moments: Moments, signals: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Moments:
    """Return the moments of the models that are left when some are taken out.

    Parameters
    ----------
    moments : Moments
        Of a group that holds the models.
    signals : ndarray, shape (n_records, n_models)
        Signals of the models to take out.
    chosen : ndarray of bool, shape (n_records, n_models)
        For which records each of them belongs to the group.
    """
    n = moments.n - chosen.sum(axis=1)
    above = (signals - moments.mean[:, None]) * chosen
    step = above.sum(axis=1) / np.maximum(n, 1.0)
    squares = moments.squares - (above**2).sum(axis=1) - n * step**2
    return Moments(n, (moments.mean - step) * (n > 0), np.maximum(squares, 0.0) * (n > 1))


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
    distinct, which = np.unique(degrees[varies] / 2.0, return_inverse=True)  # few, and their functions are slow
    log_variance = np.log(squares[varies] / degrees[varies]) + (np.log(distinct) - digamma(distinct))[which]
    excess = float(log_variance.var() - polygamma(1, distinct)[which].mean())
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
