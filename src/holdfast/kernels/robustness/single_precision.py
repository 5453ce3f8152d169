"""Comparisons after rounding to single precision, as comparisons of the number before it was rounded.

Rounding to nearest is monotone, so ``float32(x) <= t`` holds for all doubles up to a largest one: the midpoint between
the largest float32 that is at most ``t`` and the next one, or the double before it where the tie goes up. Ties go to
the even one; from the midpoint between the largest float32 and 2**128 on, numbers become infinite (IEEE 754-2019, 4.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TWO_TO_128 = 2.0**128


def at_most(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest doubles ``c`` for which ``x <= c`` says the same as ``float32(x) <= threshold``.

    Parameters
    ----------
    threshold
        Numbers of any precision, no NaN.

    Examples
    --------
    >>> at_most(np.array([0.1])).tolist()
    [0.09999999776482582]
    """
    wide = np.asarray(threshold, dtype=np.float64)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
        return _largest_rounding_to(np.where(narrow > wide, np.nextafter(narrow, np.float32(-np.inf)), narrow))


def below(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest doubles ``c`` for which ``x <= c`` says the same as ``float32(x) < threshold``.

    Nothing lies below minus infinity, and only minus infinity is at most the -inf that is returned for it.

    Examples
    --------
    >>> below(np.array([1.0], dtype=np.float32)).tolist()
    [0.9999999701976775]
    """
    wide = np.asarray(threshold, dtype=np.float64)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
        largest = _largest_rounding_to(np.where(narrow >= wide, np.nextafter(narrow, np.float32(-np.inf)), narrow))
    return np.where(wide == -np.inf, -np.inf, largest)


def _largest_rounding_to(narrow: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the largest doubles that round to at most these numbers."""
    narrow = narrow.astype(np.float32)
    with np.errstate(over="ignore"):
        above = np.nextafter(narrow, np.float32(np.inf))
    ends = np.clip(np.stack([narrow, above]).astype(np.float64), -TWO_TO_128, TWO_TO_128)
    middle = ends.mean(axis=0)
    is_even = narrow.view(np.uint32) % 2 == 0
    largest = np.where(is_even, middle, np.nextafter(middle, -np.inf))
    return np.where(narrow == np.inf, np.inf, largest)
