"""The result type of every kernel that estimates a quantity with an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    # Type checkers know the backport without its being installed; only they need the default (PEP 696).
    from typing_extensions import TypeVar

    T = TypeVar("T", default=float)
else:
    from typing import TypeVar

    T = TypeVar("T")


class IntervalEstimate(NamedTuple, Generic[T]):
    """Hold an estimate and the ends of its interval.

    The three fields are floats, or float64 arrays of one shape. An end that the data cannot resolve is the end of the
    parameter's range (0, 1, -inf, inf). An estimate that does not exist, as 0 of 0, is NaN while its ends stay valid.

    Examples
    --------
    >>> IntervalEstimate(0.5, 0.25, 0.75).low
    0.25
    """

    value: T
    """Point estimate."""
    low: T
    """Lower end of the interval."""
    high: T
    """Upper end of the interval."""


def interval_estimate(
    value: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> IntervalEstimate[float] | IntervalEstimate[NDArray[np.float64]]:
    """Build an estimate from arrays, as floats when they have no dimension.

    Parameters
    ----------
    value, low, high : ndarray of float64, any one shape

    Returns
    -------
    IntervalEstimate
        Floats for 0-d input, else the arrays as given.

    Examples
    --------
    >>> interval_estimate(np.array(0.5), np.array(0.0), np.array(1.0))
    IntervalEstimate(value=0.5, low=0.0, high=1.0)
    """
    if np.ndim(value) == 0:
        return IntervalEstimate(float(value), float(low), float(high))
    return IntervalEstimate(value, low, high)
