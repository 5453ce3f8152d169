"""Logged decisions: what every kernel over them takes for granted."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.interval import IntervalEstimate

Verdict: TypeAlias = Literal["yes", "no", "could not tell", "not identifiable"]


def check_decisions(is_selected: ArrayLike, propensity: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Check decisions and the probabilities with which each case was to be selected.

    Parameters
    ----------
    is_selected : array-like of bool, shape (n_cases,)
    propensity : array-like, shape (n_cases,)
        Probability in [0, 1] that the case is selected.

    Returns
    -------
    tuple of ndarray
        Both, as bool and float64.

    Raises
    ------
    ValueError
        If there is no case, the lengths differ, a probability is outside [0, 1] or NaN, or a case was decided as it
        could not have been.

    Examples
    --------
    >>> check_decisions([True, False], [0.5, 0.0])[1]
    array([0.5, 0. ])
    """
    chosen, chance = np.asarray(is_selected), np.asarray(propensity, dtype=np.float64)
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype != np.bool_:
        raise ValueError(f"expected decisions as a vector of bool, got shape {chosen.shape} and dtype {chosen.dtype}")
    if chance.shape != chosen.shape:
        raise ValueError(f"expected one propensity for each of {chosen.size} decisions, got shape {chance.shape}")
    if not ((chance >= 0.0) & (chance <= 1.0)).all():
        at = int(np.flatnonzero(~((chance >= 0.0) & (chance <= 1.0)))[0])
        raise ValueError(f"expected propensities from 0 to 1, got {chance[at]} at case {at}")
    impossible = np.flatnonzero(np.where(chosen, chance == 0.0, chance == 1.0))
    if impossible.size:
        raise ValueError(f"case {int(impossible[0])} was decided in a way that its propensity says was impossible")
    return chosen, chance


def verdict_of(estimate: IntervalEstimate[float], *, margin: float) -> Verdict:
    """Say what an interval shows of an effect.

    Parameters
    ----------
    estimate
        The effect.
    margin : float
        Effects up to this size, either way, do not matter; above 0.

    Returns
    -------
    str
        ``no`` when the interval keeps within the margin, ``yes`` when it leaves zero out and reaches beyond the margin,
        else ``could not tell``.

    Examples
    --------
    >>> verdict_of(IntervalEstimate(0.3, 0.1, 0.5), margin=0.2)
    'yes'
    """
    if not margin > 0.0:
        raise ValueError(f"expected a margin above 0, got {margin}")
    if -margin <= estimate.low and estimate.high <= margin:
        return "no"
    return "yes" if estimate.low > 0.0 or estimate.high < 0.0 else "could not tell"
