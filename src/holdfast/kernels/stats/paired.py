"""Compare two measurements of the same cases: intervals for differences and an exact test.

Every difference is first minus second.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, ndtri

from holdfast.kernels.stats.bisection import boundary
from holdfast.kernels.stats.inputs import Number, Numbers, check_level, count_array, paired_vectors
from holdfast.kernels.stats.interval import IntervalEstimate, interval_estimate
from holdfast.kernels.stats.mean import mean_t


def paired_mean_difference(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate the mean of paired differences, first minus second, with Student's t interval.

    Parameters
    ----------
    a, b : array-like, shape (n_samples,)
        Finite measurements of the same cases in the same order.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Mean of ``a - b`` in the unit of the data. Empty: NaN and (-inf, inf). One pair: its difference and (-inf, inf).

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the lengths differ.

    Notes
    -----
    See `mean_t` for assumptions. For labels that are right or wrong use `paired_proportion_difference`.

    Examples
    --------
    >>> paired_mean_difference([3.0, 5.0, 4.0], [1.0, 2.0, 3.0]).value
    2.0
    """
    first, second = paired_vectors(a, b, names=("a", "b"))
    return mean_t(first - second, level=level)


@overload
def paired_proportion_difference(
    b01: Number, b10: Number, n: Number, *, level: float = 0.95
) -> IntervalEstimate[float]: ...
@overload
def paired_proportion_difference(
    b01: Numbers, b10: Number | Numbers, n: Number | Numbers, *, level: float = 0.95
) -> IntervalEstimate[NDArray[np.float64]]: ...
def paired_proportion_difference(
    b01: Number | Numbers, b10: Number | Numbers, n: Number | Numbers, *, level: float = 0.95
) -> IntervalEstimate[float] | IntervalEstimate[NDArray[np.float64]]:
    """Estimate the difference of two proportions measured on the same cases, first minus second.

    Parameters
    ----------
    b01 : int or array-like of int, any shape
        Number of cases where the first is 0 and the second is 1.
    b10 : int or array-like of int
        Number of cases where the first is 1 and the second is 0.
    n : int or array-like of int
        Number of all cases, those where both agree included; the three are broadcast.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        ``(b10 - b01) / n`` in [-1, 1] with Tango's score interval; floats for scalar input. Without cases the value is
        NaN and the interval [-1, 1].

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more, or ``b01 + b10 > n``.

    Notes
    -----
    The interval holds every difference d that the score test does not reject, where P(first 0, second 1) is set to its
    maximum-likelihood value given d. Approximate; it has width even without discordant cases. Among closed-form and
    score intervals its coverage is closest to nominal in small samples (Fagerland et al. 2014).

    References
    ----------
    Tango, T. (1998). Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design. Statistics in Medicine 17, 891-908.
    Fagerland, M. W., Lydersen, S. and Laake, P. (2014). Recommended tests and confidence intervals for paired binomial
    proportions. Statistics in Medicine 33, 2850-2875.

    Examples
    --------
    >>> estimate = paired_proportion_difference(7, 1, 21)
    >>> round(estimate.value, 3), round(estimate.low, 3), round(estimate.high, 3)
    (-0.286, -0.517, -0.026)
    """
    check_level(level)
    only_second, only_first, total = np.broadcast_arrays(
        count_array(b01, name="b01"), count_array(b10, name="b10"), count_array(n, name="n")
    )
    if (only_second + only_first > total).any():
        raise ValueError(
            f"expected b01 + b10 <= n, got b01={b01!r}, b10={b10!r}, n={n!r}; n counts all cases, also those that agree"
        )
    cases = np.maximum(total, 1)
    p01, p10 = only_second / cases, only_first / cases
    critical = ndtri(0.5 + level / 2.0) ** 2

    def accepts(d: NDArray[np.float64]) -> NDArray[np.bool_]:
        # Positive root of 2 q^2 + slope q - p01 d (1 - d) = 0, the constrained maximum-likelihood P(0, 1).
        slope = (2.0 - p10 + p01) * d - p10 - p01
        root = np.sqrt(np.maximum(slope**2 + 8.0 * p01 * d * (1.0 - d), 0.0))
        q = np.maximum((root - slope) / 4.0, np.maximum(-d, 0.0))
        return np.asarray(cases * (p10 - p01 - d) ** 2 <= critical * (2.0 * q + d * (1.0 - d)))

    difference = p10 - p01
    low = boundary(accepts, inside=difference, outside=-1.0)
    high = boundary(accepts, inside=difference, outside=1.0)
    is_empty = total == 0
    return interval_estimate(
        np.where(is_empty, np.nan, difference), np.where(is_empty, -1.0, low), np.where(is_empty, 1.0, high)
    )


@overload
def mcnemar_exact(b01: Number, b10: Number) -> float: ...
@overload
def mcnemar_exact(b01: Numbers, b10: Number | Numbers) -> NDArray[np.float64]: ...
def mcnemar_exact(b01: Number | Numbers, b10: Number | Numbers) -> float | NDArray[np.float64]:
    """Test whether two proportions measured on the same cases are equal.

    Parameters
    ----------
    b01 : int or array-like of int, any shape
        Number of cases where the first is 0 and the second is 1.
    b10 : int or array-like of int
        Number of cases where the first is 1 and the second is 0; broadcast against `b01`.

    Returns
    -------
    float or ndarray of float64
        Two-sided p-value of McNemar's exact conditional test, in (0, 1]; 1 without discordant cases.

    Raises
    ------
    ValueError
        If a count is not a whole number of zero or more.

    Notes
    -----
    Twice the smaller binomial tail of the discordant cases at probability 1/2, at most 1. Conservative.

    References
    ----------
    McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions or percentages.
    Psychometrika 12, 153-157.

    Examples
    --------
    >>> mcnemar_exact(0, 5)
    0.0625
    """
    only_second, only_first = np.broadcast_arrays(count_array(b01, name="b01"), count_array(b10, name="b10"))
    tail = bdtr(np.minimum(only_second, only_first).astype(np.float64), only_second + only_first, 0.5)
    p_value = np.minimum(2.0 * tail, 1.0)
    return float(p_value) if np.ndim(p_value) == 0 else np.asarray(p_value)
