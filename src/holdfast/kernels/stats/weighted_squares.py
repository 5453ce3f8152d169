"""Limits of a weighted sum of squared distances that were each measured with an error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincc

from holdfast.kernels.stats.bisection import boundary


def weighted_square_limits(
    weight: NDArray[np.float64], gap: NDArray[np.float64], error: NDArray[np.float64], *, level: float
) -> tuple[float, float]:
    """Bound ``sum weight * delta ** 2`` where each delta was observed as a gap with a known standard error.

    Parameters
    ----------
    weight : ndarray, shape (n,)
        Zero or more, adding up to one.
    gap : ndarray, shape (n,)
        Observed distances, independent and about Gaussian around delta, each in [-1, 1].
    error : ndarray, shape (n,)
        Their standard errors, above 0.
    level : float
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    tuple of float
        Lower and upper end, in [0, 1].

    Notes
    -----
    Inverts a gamma approximation with the mean and the largest variance that ``sum weight * gap ** 2`` can have: its
    mean is the truth plus ``sum weight * error ** 2``. Conservative where the truth is spread over many terms.

    References
    ----------
    Patnaik, P. B. (1949). The non-central chi-square and F distributions and their applications. Biometrika 36,
    202-232 (two moments).

    Examples
    --------
    >>> low, high = weighted_square_limits(np.full(2, 0.5), np.array([0.2, -0.2]), np.full(2, 0.01), level=0.95)
    >>> round(low, 3), round(high, 3)
    (0.035, 0.046)
    """
    tail = (1.0 - level) / 2.0
    noise = float(weight @ error**2)
    fourth = 2.0 * float(weight**2 @ error**4)
    slope = 4.0 * float((weight * error**2).max())
    seen = float(weight @ gap**2)

    def shape_and_place(truth: NDArray[np.float64], value: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        mean, variance = truth + noise, fourth + slope * truth
        return mean**2 / variance, value * mean / variance

    # Below the noise level the data cannot tell a truth of 0 from a small one: the upper end starts from the noise.
    above = boundary(
        lambda truth: gammainc(*shape_and_place(truth, max(seen, noise))) >= tail,
        inside=max(seen - noise, 0.0),
        outside=1.0,
    )
    below = boundary(lambda truth: gammaincc(*shape_and_place(truth, seen)) >= tail, inside=min(seen, 1.0), outside=0.0)
    return float(below), float(above)
