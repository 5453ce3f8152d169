"""The same cases under several conditions: the largest mean change between two, and changes that add up by feature."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from holdfast.kernels.stats.inputs import check_level
from holdfast.kernels.stats.interval import IntervalEstimate

Numbers = NDArray[np.float64]


class LargestChange(NamedTuple):
    """The largest mean change between two conditions."""

    estimate: IntervalEstimate[float]
    highest: int
    """Condition with the higher mean."""
    lowest: int


def largest_mean_change(values: ArrayLike, *, level: float = 0.95) -> LargestChange:
    """Estimate the largest mean difference between two conditions of the same cases.

    Parameters
    ----------
    values : array-like, shape (n_conditions, n_cases)
        Two conditions and two cases or more.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    LargestChange
        Zero or more, in the unit of the values.

    Raises
    ------
    ValueError
        If there are fewer conditions or cases, or a value is not finite.

    Notes
    -----
    Student's t interval of the paired differences. The lower end is the largest of all pairs, corrected for their
    number (Bonferroni), and 0 where none is above; the upper end the largest of all pairs without that.

    Examples
    --------
    >>> change = largest_mean_change([[1.0, 2.0, 3.0], [0.0, 1.0, 2.0]])
    >>> change.estimate, change.highest
    (IntervalEstimate(value=1.0, low=1.0, high=1.0), 0)
    """
    check_level(level)
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or min(x.shape, default=0) < 2 or not np.isfinite(x).all():
        raise ValueError(f"expected finite values of two conditions and two cases or more, got shape {x.shape}")
    first, second = np.nonzero(~np.eye(x.shape[0], dtype=np.bool_))
    differences = x[first] - x[second]
    mean = differences.mean(axis=1)
    error = differences.std(axis=1, ddof=1) / np.sqrt(x.shape[1])
    # Each unordered pair stands here twice; one of the two can err on the lower side only.
    low = mean - stdtrit(x.shape[1] - 1, 1.0 - (1.0 - level) / first.size) * error
    high = mean + stdtrit(x.shape[1] - 1, 0.5 + level / 2.0) * error
    at = int(np.argmax(mean))
    found = IntervalEstimate(float(mean[at]), min(max(float(low.max()), 0.0), float(mean[at])), float(high.max()))
    return LargestChange(found, int(first[at]), int(second[at]))


def switching_orders(n_pairs: int, n_features: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw orders in which features are switched from one case to another, each followed by its reverse.

    Parameters
    ----------
    n_pairs, n_features : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int64, shape (n_pairs, n_features)
        ``order[i, j]`` is the step at which feature j of pair i is switched, from 0.

    Notes
    -----
    Reversed orders cancel most of what the order adds to the spread (antithetic sampling).

    Examples
    --------
    >>> switching_orders(2, 3, np.random.default_rng(0)).sum(axis=0).tolist()
    [2, 2, 2]
    """
    half = rng.permuted(np.tile(np.arange(n_features), ((n_pairs + 1) // 2, 1)), axis=1)
    both = np.empty((2 * half.shape[0], n_features), dtype=np.int64)
    both[::2], both[1::2] = half, n_features - 1 - half
    return both[:n_pairs]


def feature_parts(answers: ArrayLike, orders: NDArray[np.int64]) -> Numbers:
    """Tell for each pair of cases by how much each feature changed the answer when it was switched.

    Parameters
    ----------
    answers : array-like, shape (n_pairs, n_features + 1)
        What a model says before any switch, and after each.
    orders : ndarray of int, shape (n_pairs, n_features)
        As `switching_orders` gives them.

    Returns
    -------
    ndarray of float64, shape (n_pairs, n_features)
        Rows add up to the last answer minus the first, exactly; over random orders the mean is the Shapley value of the
        feature.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Sundararajan, M. and Najmi, A. (2020). The many Shapley values for model explanation. ICML (baseline Shapley).
    Castro, J., Gómez, D. and Tejada, J. (2009). Polynomial calculation of the Shapley value based on sampling.
    Computers & Operations Research 36, 1726-1730.

    Examples
    --------
    >>> feature_parts([[0.0, 1.0, 3.0]], np.array([[1, 0]])).tolist()
    [[2.0, 1.0]]
    """
    said = np.asarray(answers, dtype=np.float64)
    if said.ndim != 2 or orders.shape != (said.shape[0], said.shape[1] - 1):
        raise ValueError(f"expected one more answer than features, got {said.shape} for orders of {orders.shape}")
    return np.take_along_axis(np.diff(said, axis=1), orders, axis=1)
