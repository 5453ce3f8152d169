"""Cut numbers such as ages into named groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class NumberGroups(NamedTuple):
    """Groups of numbers, from low to high."""

    group: NDArray[np.int64]
    """Group of each row, shape (n_samples,); -1 where the number is missing."""
    names: list[str]


def cut_numbers(values: ArrayLike, *, edges: Sequence[float] = (), n_quantiles: int = 3) -> NumberGroups:
    """Cut numbers at given edges or at their quantiles.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Numbers; NaN is missing.
    edges : sequence of float, default ()
        Each opens a group that begins with it. Without edges, quantiles of the numbers are used.
    n_quantiles : int, default 3
        Groups of about equal size; fewer where numbers are tied.

    Returns
    -------
    NumberGroups
        One group named "all" where there is nothing to cut at.

    Raises
    ------
    ValueError
        If `n_quantiles` is less than one or an edge is NaN.

    Examples
    --------
    >>> cut_numbers([20, 30, 70], edges=[25, 60]).names
    ['below 25', '25 to below 60', '60 or above']
    """
    if n_quantiles < 1 or np.isnan(np.asarray(edges, dtype=np.float64)).any():
        raise ValueError(f"expected one or more quantiles and no NaN, got n_quantiles={n_quantiles}, edges={edges!r}")
    numbers = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(numbers)
    cuts = np.unique(np.asarray(edges, dtype=np.float64))
    if not cuts.size and known.any():
        shares = np.arange(1, n_quantiles) / n_quantiles
        cuts = np.unique(np.quantile(numbers[known], shares, method="higher"))
        cuts = cuts[cuts > numbers[known].min()]
    group = np.where(known, np.searchsorted(cuts, numbers, side="right"), -1)
    if not cuts.size:
        return NumberGroups(group.astype(np.int64), ["all"])
    between = [f"{low:g} to below {high:g}" for low, high in pairwise(cuts)]
    return NumberGroups(group.astype(np.int64), [f"below {cuts[0]:g}", *between, f"{cuts[-1]:g} or above"])
