"""Find where a condition stops to hold, for many problems at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def boundary(
    is_inside: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
    *,
    inside: ArrayLike,
    outside: ArrayLike,
    n_steps: int = 64,
) -> NDArray[np.float64]:
    """Bisect between a point where a condition holds and one where it may not.

    Parameters
    ----------
    is_inside : callable
        Maps an array of points to booleans of the same shape; along each segment it changes at most once.
    inside : array-like
        Points where the condition holds; broadcast against `outside`.
    outside : array-like
        The other ends of the segments. Where the condition holds up to there, the end itself is the answer.
    n_steps : int, default 64
        Halvings of each segment.

    Returns
    -------
    ndarray of float64, broadcast shape
        The outer end of the last bracket, so that the true boundary is never overstepped inwards.

    Examples
    --------
    >>> round(float(boundary(lambda x: x * x <= 2.0, inside=0.0, outside=2.0)), 6)
    1.414214
    """
    near, far = np.broadcast_arrays(np.asarray(inside, dtype=np.float64), np.asarray(outside, dtype=np.float64))
    for _ in range(n_steps):
        middle = 0.5 * (near + far)
        holds = is_inside(middle)
        near, far = np.where(holds, middle, near), np.where(holds, far, middle)
    return far
