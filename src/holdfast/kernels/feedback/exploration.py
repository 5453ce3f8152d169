"""How many decisions have to be left to chance before a question about a system's own effect can be answered."""

from __future__ import annotations

import math

from scipy.special import ndtri

from holdfast.kernels.stats.inputs import check_level

FEWEST_TURNED = 20  # decisions; a log in which nothing ever changed has no noise, and would otherwise need none


def exploration_for_distortion(
    *, n_cases: int, unexplored: float, margin: float, power: float = 0.8, level: float = 0.95
) -> float:
    """Return the share of decisions to be left to a fair coin that settles whether the selected are like all cases.

    Parameters
    ----------
    n_cases : int
        Cases that the log will hold.
    unexplored : float
        Share of them that are never selected otherwise, inside [0, 1).
    margin : float
        Difference that does not matter, in units of the range of the values (of a rate: itself); above 0.
    power : float, default 0.8
        Probability with which a difference of 0 is shown to be within the margin, and one of the margin not to be 0.
    level : float, default 0.95

    Returns
    -------
    float
        Inside [0, 1]; inf where even deciding all by the coin does not do at this number of cases.

    Notes
    -----
    With r unexplored of n cases and a share s of decisions left to the coin, n r s / 2 of them are seen, and the
    difference, r times that of the two kinds of cases, has the variance r (2 / s + r / (1 - r)) v / n. The variance v
    of a value is taken as the largest there is, 1/4.

    Examples
    --------
    >>> round(exploration_for_distortion(n_cases=10_000, unexplored=0.4, margin=0.05), 3)
    0.086
    """
    _check(margin, power, level)
    if n_cases < 1 or not 0.0 <= unexplored < 1.0:
        raise ValueError(f"expected cases and a share in [0, 1), got {n_cases} and {unexplored}")
    if unexplored == 0.0:
        return 0.0
    allowed = (margin / _reach(power, level)) ** 2 * 4.0 * n_cases / unexplored - unexplored / (1.0 - unexplored)
    return 2.0 / allowed if allowed >= 2.0 else math.inf


def exploration_for_loop(
    *,
    n_cases: int,
    n_cells: int,
    noise: float,
    horizon: int,
    margin: float,
    power: float = 0.8,
    level: float = 0.95,
) -> float:
    """Return the share of decisions to be left to a fair coin that settles whether allocation answers itself.

    Parameters
    ----------
    n_cases, n_cells : int
        Cases that the log will hold, and pairs of group and period they lie in.
    noise : float
        Variance of the response that selections do not explain (:func:`holdfast.kernels.feedback.loop.loop_gain`).
    horizon : int
        Later periods that are looked at.
    margin : float
        Later selections per selection that do not matter; above 0.
    power, level : float
        As :func:`exploration_for_distortion`.

    Returns
    -------
    float
        Inside [0, 1]; inf where even deciding all by the coin does not do at this number of cells. At least so much
        that 20 decisions are expected to come out against what would have been decided.

    Notes
    -----
    A share s left to the coin gives each decision the variance v = s (2 - s) / 4, so that the gain over the horizon h
    has the variance h^2 noise n_cases / (v n_cells^2).

    Examples
    --------
    >>> round(exploration_for_loop(n_cases=1000, n_cells=1000, noise=1e-4, horizon=20, margin=0.2), 3)
    0.04
    """
    _check(margin, power, level)
    if n_cells < 1 or n_cases < n_cells or horizon < 1 or not noise >= 0.0:
        raise ValueError(
            f"expected a log with noise of 0 or more, got {n_cases} cases, {n_cells} cells, horizon {horizon}, noise "
            f"{noise}"
        )
    v = (_reach(power, level) * horizon / margin) ** 2 * noise * n_cases / n_cells**2
    fewest = 2.0 * FEWEST_TURNED / n_cases
    return max(fewest, 1.0 - math.sqrt(1.0 - 4.0 * v)) if v <= 0.25 and fewest <= 1.0 else math.inf


def _reach(power: float, level: float) -> float:
    return float(ndtri(0.5 + level / 2.0) + ndtri(0.5 + power / 2.0))


def _check(margin: float, power: float, level: float) -> None:
    check_level(level)
    if not margin > 0.0 or not 0.0 < power < 1.0:
        raise ValueError(f"expected a margin above 0 and a power inside (0, 1), got {margin} and {power}")
