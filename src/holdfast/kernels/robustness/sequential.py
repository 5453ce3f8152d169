"""The share of points that an attack flips, when one may stop early because enough have flipped.

Points enter in random order, in fixed parts, each attacked at the full effort. After a part one may look and stop if
the flips so far break a threshold at every moment one may look (an anytime-valid interval). Half of alpha is for the
looks, half for the interval over all points, so that the interval that is reported keeps its level whichever way it
ended.

References
----------
Waudby-Smith, Ramdas (2023), Estimating means of bounded random variables by betting, JRSS B, section 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.proportions import clopper_pearson
from holdfast.kernels.stats.sequences import betting_confidence_sequence


class FlipShare(NamedTuple):
    """Share flipped with its interval and the name of the method."""

    value: float
    low: float
    high: float
    method: str


def breaks_threshold(flipped: ArrayLike, *, limit: float, level: float) -> bool:
    """Tell whether the flips so far show a share above the limit, at whatever moment one looks.

    Parameters
    ----------
    flipped : array-like of bool, shape (n_points,)
        Completed points in the order in which they entered.
    limit : float
        The threshold.
    level : float
        Level of the interval that will be reported; half of its alpha is spent here.

    Examples
    --------
    >>> breaks_threshold([True] * 60, limit=0.5, level=0.95), breaks_threshold([True] * 3, limit=0.5, level=0.95)
    (True, False)
    """
    values = np.asarray(flipped, dtype=np.float64)
    return bool(values.size and betting_confidence_sequence(values, level=_half(level)).low[-1] > limit)


def flip_share(
    flipped: ArrayLike, *, level: float, looks: int, stopped_early: bool = False, all_searched: bool = True
) -> FlipShare:
    """Estimate the share of points that the attack flips.

    Parameters
    ----------
    flipped : array-like of bool, shape (n_points,)
        Verified flips, in the order in which the points entered.
    looks : int
        In how many parts the points were to be attacked; with one there was nothing to stop.
    stopped_early : bool
        Whether :func:`breaks_threshold` ended it.
    all_searched : bool
        Whether every search ran to its end; where not, points that are not flipped may flip yet, and the upper end
        counts them as flipped.

    Returns
    -------
    FlipShare
        Clopper-Pearson over all points, or a betting confidence sequence after an early stop.
    """
    values = np.asarray(flipped, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"expected at least one point in `flipped`, got shape {values.shape}")
    share = float(values.mean())
    per_use = level if looks == 1 else _half(level)
    if stopped_early:
        sequence = betting_confidence_sequence(values, level=per_use)
        low, high, method = float(sequence.low[-1]), float(sequence.high[-1]), "betting confidence sequence"
    else:
        interval = clopper_pearson(int(values.sum()), values.size, level=per_use)
        low, high, method = interval.low, interval.high, "Clopper-Pearson"
    return FlipShare(share, min(low, share), max(high, share) if all_searched else 1.0, method)


def flip_curve(
    distances: NDArray[np.float64], *, n: int, level: float, steps: int = 21
) -> dict[str, NDArray[np.float64]]:
    """Return the share of points flipped by moves up to each distance, with pointwise Clopper-Pearson intervals.

    Parameters
    ----------
    distances : ndarray of float64, shape (n_flipped,)
        Distances of the flips.
    n : int
        Points attacked.

    Examples
    --------
    >>> flip_curve(np.array([0.1, 0.3]), n=4, level=0.95, steps=3)["share"].tolist()
    [0.0, 0.25, 0.5]
    """
    reach = np.linspace(0.0, distances.max(initial=0.0), steps)
    share = clopper_pearson((distances[:, None] <= reach).sum(axis=0), n, level=level)
    return {"distance": reach, "share": share.value, "low": share.low, "high": share.high}


def proof_curve(
    lower: NDArray[np.float64], *, furthest: float, level: float, steps: int = 21
) -> dict[str, NDArray[np.float64]]:
    """Return the share of points proved robust up to each distance, with pointwise Clopper-Pearson intervals.

    Parameters
    ----------
    lower : ndarray of float64, shape (n_points,)
        No flip is closer; inf where there is none at all.
    furthest : float
        Where the curve ends; the largest finite bound if infinite.

    Examples
    --------
    >>> proof_curve(np.array([0.1, np.inf]), furthest=0.2, level=0.95, steps=3)["share"].tolist()
    [1.0, 0.5, 0.5]
    """
    end = furthest if np.isfinite(furthest) else float(lower[np.isfinite(lower)].max(initial=0.0))
    reach = np.linspace(0.0, end, steps)
    share = clopper_pearson((lower[:, None] > reach).sum(axis=0), lower.size, level=level)
    return {"distance": reach, "share": share.value, "low": share.low, "high": share.high}


def _half(level: float) -> float:
    return 1 - (1 - level) / 2
