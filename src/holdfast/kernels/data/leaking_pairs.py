"""Turn two columns into one whose levels are combinations, or which of the two numbers is larger."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def coarse_levels(codes: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Join neighbouring levels until there are few.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_samples,)
        Ordered levels from 0.
    most : int
        Levels at most.

    Returns
    -------
    ndarray of int64, shape (n_samples,)

    Examples
    --------
    >>> coarse_levels(np.arange(6), 3)
    array([0, 0, 1, 1, 2, 2])
    """
    n_levels = int(codes.max(initial=-1)) + 1
    return codes if n_levels <= most else codes * most // n_levels


def joined(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the combinations of the levels of two columns.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_samples,)
        Levels from 0.

    Returns
    -------
    ndarray of int64, shape (n_samples,)

    Examples
    --------
    >>> joined(np.array([0, 1, 1]), np.array([2, 0, 2]))
    array([2, 3, 5])
    """
    return first * (int(second.max(initial=0)) + 1) + second


def order_of(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.int64]:
    """Tell which of two numbers is larger.

    Parameters
    ----------
    first, second : ndarray of float64, shape (n_samples,)

    Returns
    -------
    ndarray of int64, shape (n_samples,)
        0, 1, 2 for smaller, equal (to nine digits) and larger; 3 where one is missing.

    Examples
    --------
    >>> order_of(np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 2.0, 2.0, 2.0]))
    array([0, 1, 2, 3])
    """
    missing = np.isnan(first) | np.isnan(second)
    same = np.isclose(first, second, rtol=1e-9, atol=0.0)
    return np.where(missing, 3, np.where(same, 1, np.where(first > second, 2, 0))).astype(np.int64)
