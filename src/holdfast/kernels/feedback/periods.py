"""Cut time into periods."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import float_vector


def cut_periods(times: ArrayLike, *, most: int) -> NDArray[np.int64]:
    """Number times by period, from 0 in the order of time.

    Parameters
    ----------
    times : array-like, shape (n,)
        Finite, in any order and unit.
    most : int
        Largest number of periods. With no more distinct times each is one; else they are parts of equal length, of
        which some may be empty.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If there is no time, one is not finite, or `most` is below 1.

    Examples
    --------
    >>> cut_periods([0.0, 1.0, 9.0, 10.0, 1.0], most=2)
    array([0, 0, 1, 1, 0])
    """
    x = float_vector(times, name="times")
    if x.size == 0 or most < 1:
        raise ValueError(f"expected times and a largest number of periods of 1 or more, got {x.size} and {most}")
    distinct, place = np.unique(x, return_inverse=True)
    if distinct.size <= most:
        return np.asarray(place, dtype=np.int64)
    share = (x - distinct[0]) / (distinct[-1] - distinct[0])
    return np.asarray(np.minimum((share * most).astype(np.int64), most - 1), dtype=np.int64)
