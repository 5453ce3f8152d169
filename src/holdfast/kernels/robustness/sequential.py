"""The share of points that an attack flips, when one may stop early because the verdict is settled.

Points enter in random order, in a number of parts that is fixed beforehand, each attacked at the full effort. After a
part one may look and stop if the interval of the flips so far lies on one side of a threshold. All looks use one level,
such that their intervals hold together (Pocock's design), and the one that is reported keeps its level whichever way it
ended. With few looks that is shorter than an interval that is valid at every moment.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from holdfast.kernels.stats.proportions import clopper_pearson

# Of the grid on which sums of normal numbers are followed, and where their tails end.
STEP, TAIL = 0.02, 8.0


class FlipShare(NamedTuple):
    """Share flipped with its interval and the name of the method."""

    value: float
    low: float
    high: float
    method: str


@lru_cache(maxsize=64)
def look_level(level: float, looks: int) -> float:
    """Return the level of the interval at each of several equally spaced looks, so that all hold at once.

    Parameters
    ----------
    level : float
        At which all hold at once.
    looks : int
        How often one looks, the last time included.

    References
    ----------
    Pocock, S. J. (1977). Group sequential methods in the design and analysis of clinical trials. Biometrika 64.
    Armitage, P., McPherson, C. K. and Rowe, B. C. (1969). Repeated significance tests on accumulating data. JRSS A 132.

    Examples
    --------
    >>> round(1 - look_level(0.95, 5), 4), look_level(0.95, 1)
    (0.0158, 0.95)
    """
    if looks == 1:
        return level
    first, last = (float(-ndtri((1.0 - level) / 2 / n)) for n in (1, looks))
    bound = brentq(lambda c: _kept(c, looks) - level, first, last, xtol=1e-6)
    return float(2.0 * ndtr(bound) - 1.0)


def _kept(bound: float, looks: int) -> float:
    """Return the chance that no mean of the first numbers of a normal sequence is ever ``bound`` errors from 0."""
    step = np.exp(-0.5 * np.arange(-TAIL, TAIL + STEP / 2, STEP) ** 2) / np.sqrt(2.0 * np.pi) * STEP
    density, reach = np.ones(1), 0
    for look in range(1, looks + 1):
        density, reach = np.convolve(density, step), reach + step.size // 2
        end = bound * np.sqrt(look) / STEP
        inside = min(int(end + 0.5), reach)
        density, reach = density[reach - inside : reach + inside + 1], inside
        density[[0, -1]] *= min(end + 0.5 - inside, 1.0)  # the cells at the two ends lie inside in part
    return float(density.sum())


def is_settled(flipped: ArrayLike, *, limit: float, level: float, looks: int) -> bool:
    """Tell whether the share flipped lies clearly above the limit, or clearly below it.

    Parameters
    ----------
    flipped : array-like of bool, shape (n_points,)
        Completed points in the order in which they entered.
    limit : float
        The threshold.
    level : float
        Level of the interval that will be reported.
    looks : int
        How often one may look, the last time included.

    Examples
    --------
    >>> is_settled([True] * 60, limit=0.5, level=0.95, looks=5), is_settled([True] * 3, limit=0.5, level=0.95, looks=5)
    (True, False)
    """
    if not np.size(flipped):
        return False
    share = flip_share(flipped, level=level, looks=looks)
    return share.low > limit or share.high < limit


def flip_share(flipped: ArrayLike, *, level: float, looks: int, n_unfinished: int = 0) -> FlipShare:
    """Estimate the share of points that the attack flips.

    Parameters
    ----------
    flipped : array-like of bool, shape (n_points,)
        Verified flips, in the order in which the points entered.
    level : float
        Level of the interval.
    looks : int
        How often one may have looked at the points, and stopped; 1 if there was nothing to stop.
    n_unfinished : int
        Points that are not flipped and may flip yet, because their search did not run to its end; the upper end counts
        them as flipped.

    Returns
    -------
    FlipShare
        Clopper-Pearson at the level of :func:`look_level`.
    """
    values = np.asarray(flipped, dtype=np.bool_)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"expected at least one point in `flipped`, got shape {values.shape}")
    n_flipped, each = int(values.sum()), look_level(level, looks)
    share = clopper_pearson(n_flipped, values.size, level=each)
    high = clopper_pearson(n_flipped + n_unfinished, values.size, level=each).high
    method = "Clopper-Pearson" + (f" at each of {looks} looks" if looks > 1 else "")
    return FlipShare(share.value, share.low, high, method)


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
