"""Which cases to label next, so that a budget of labels says most about a metric."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import float_vector

Numbers = NDArray[np.float64]


class LabelChoice(NamedTuple):
    """Cases to label."""

    rows: NDArray[np.int64]
    """Shape ``(n_chosen,)``: positions, rising."""
    probability: Numbers
    """Shape ``(n_chosen,)``: with which each was drawn; keep it beside the label."""


def inclusion_probabilities(spread: ArrayLike, budget: int, *, explore: float = 0.25) -> Numbers:
    """Compute with which probability to draw each case.

    Parameters
    ----------
    spread : array-like, shape (n,)
        Standard deviation of what a case adds to the metric, zero or more.
    budget : int
        How many labels there may be.
    explore : float, default 0.25
        Share of the budget that is spread evenly, whatever the model says: it bounds the weight of a label where the
        model is surer than it should be.

    Returns
    -------
    ndarray, shape (n,)
        In (0, 1]; they add up to ``min(budget, n)``.

    Raises
    ------
    ValueError
        If the budget is below one, `explore` is not in (0, 1], or a spread is negative.

    Notes
    -----
    Proportional to the spread, which makes the variance of the weighted sum smallest (Neyman 1934, one stratum for each
    case); probabilities above one are set to one and the rest is drawn from the others.

    References
    ----------
    Neyman, J. (1934). On the two different aspects of the representative method. JRSS 97, 558-625.
    Zrnic, T. and Candès, E. J. (2024). Active statistical inference. ICML (section 4: mixing with the uniform).

    Examples
    --------
    >>> inclusion_probabilities([1.0, 1.0, 2.0], 1, explore=0.4).round(3).tolist()
    [0.283, 0.283, 0.433]
    """
    s = float_vector(spread, name="spread")
    if budget < 1:
        raise ValueError(f"expected a budget of one label or more, got {budget}")
    if not 0.0 < explore <= 1.0:
        raise ValueError(f"expected a share in (0, 1] to explore, got {explore}")
    if s.size and s.min() < 0.0:
        raise ValueError(f"expected spreads of zero or more, got {s.min()}")
    if s.size <= budget:
        return np.ones(s.size)
    scale = s.sum()
    size = (1.0 - explore) * s / scale + explore / s.size if scale > 0.0 else np.full(s.size, 1.0 / s.size)
    certain = np.zeros(s.size, dtype=np.bool_)
    while True:
        left = budget - certain.sum()
        p = np.where(certain, 1.0, size * (left / size[~certain].sum()))
        over = (p > 1.0) & ~certain
        if not over.any():
            return np.asarray(p)
        certain |= over


def choose_cases(spread: ArrayLike, budget: int, *, rng: np.random.Generator, explore: float = 0.25) -> LabelChoice:
    """Draw cases to label.

    Parameters
    ----------
    spread, budget, explore
        As `inclusion_probabilities`.
    rng : numpy.random.Generator

    Returns
    -------
    LabelChoice
        Exactly ``min(budget, n)`` cases.

    Raises
    ------
    ValueError
        As `inclusion_probabilities`.

    Notes
    -----
    Systematic sampling with unequal probabilities along a random order (Madow 1949): each case is drawn with its
    probability, and the number of cases is fixed.

    References
    ----------
    Madow, W. G. (1949). On the theory of systematic sampling II. Annals of Mathematical Statistics 20, 333-354.

    Examples
    --------
    >>> choose_cases(np.ones(10), 10, rng=np.random.default_rng(0)).rows.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    p = inclusion_probabilities(spread, budget, explore=explore)
    order = rng.permutation(p.size)
    ends = np.cumsum(p[order])
    n = min(budget, p.size)
    ticks = (rng.random() + np.arange(n)) * (ends[-1] / n) if n else np.zeros(0)
    rows = np.sort(order[np.minimum(np.searchsorted(ends, ticks, side="right"), p.size - 1)])
    return LabelChoice(rows, p[rows])
