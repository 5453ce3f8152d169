"""Whether what a system selects now changes what it selects or scores later, by what was left to chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from holdfast.kernels.feedback.decisions import check_decisions
from holdfast.kernels.stats.inputs import check_level
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
FEWEST_PERIODS = 5


class Loop(NamedTuple):
    """How later outputs answer selections.

    Attributes
    ----------
    gain
        Change of a group's mean response over the next periods per change of its share selected by 1 (from none to
        all). NaN within (-inf, inf) where nothing was left to chance in enough periods.
    n_cells, n_periods
        Pairs of group and period that tell of it, and the periods they lie in.
    chance
        Mean over those cells of the variance that chance gave the share selected.
    noise
        Variance of the response that selections do not explain, weighted alike; NaN without two periods.
    """

    gain: IntervalEstimate[float]
    n_cells: int
    n_periods: int
    chance: float
    noise: float


class _Cells(NamedTuple):
    period: NDArray[np.int64]
    size: Floats
    surprise: Floats
    chance: Floats
    before: Floats  # (n_cells, 2): the response now, and its mean until now
    after: Floats


def loop_gain(
    response: ArrayLike,
    is_selected: ArrayLike,
    propensity: ArrayLike,
    group: ArrayLike,
    period: ArrayLike,
    *,
    horizon: int = 1,
    level: float = 0.95,
) -> Loop:
    """Estimate how later outputs for a group answer how many of its cases are selected now.

    0 says that selections leave later outputs alone, above 0 that they reinforce themselves, below 0 that they wear
    off. Where the response is the probability of selection, `horizon` times the gain is how many later selections one
    selection causes, at equal numbers of cases.

    Parameters
    ----------
    response : array-like, shape (n_cases,)
        What may answer: the score, or the probability of selection. NaN: not known.
    is_selected : array-like of bool, shape (n_cases,)
    propensity : array-like, shape (n_cases,)
        Probability that the case is selected, in [0, 1].
    group : array-like of int, shape (n_cases,)
        Codes from 0 of what the system could learn about: areas, segments, items.
    period : array-like of int, shape (n_cases,)
        Codes from 0, in the order of time. The system learns between periods, not within.
    horizon : int, default 1
        Number of later periods over which the response is averaged.
    level : float, default 0.95

    Returns
    -------
    Loop

    Raises
    ------
    ValueError
        As :func:`check_decisions`, or if lengths differ.

    Notes
    -----
    The surprise of a cell, the mean of selected minus propensity, is what chance did there: its mean is 0 given all of
    the past, so nothing but its own effect ties it to what comes after. The gain is the regression of the next
    response on the surprise, beside the present response and the mean propensity (which only take noise away), cells
    weighted by their cases. Products of surprise and remainder are martingale differences under no effect, however the
    policy adapts; the variance is by periods, each enlarged by its leverage (the jackknife's, Bell and McCaffrey), with
    Student's t at the effective number of periods. Assumes that the propensities are right, that the draws of a group
    within a period are independent, and that the effect on other groups is none (with a fixed budget one group's gain
    is the others' loss: the gain then counts both).

    References
    ----------
    Lum, Isaac (2016), To predict and serve?, Significance 13. Ensign et al. (2018), Runaway feedback loops in
    predictive policing, FAT*. Bojinov, Shephard (2019), Time series experiments and causal estimands, JASA 114. Bell,
    McCaffrey (2002), Survey Methodology 28.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> period = np.repeat(np.arange(50), 20)
    >>> chosen = rng.random(1000) < 0.5
    >>> later = np.append(0.5, chosen.reshape(50, 20).mean(axis=1)[:-1])  # outputs repeat the last period
    >>> found = loop_gain(later[period], chosen, np.full(1000, 0.5), np.zeros(1000, int), period)
    >>> round(found.gain.value, 3)
    1.0
    """
    check_level(level)
    chosen, chance = check_decisions(is_selected, propensity)
    answers = np.asarray(response, dtype=np.float64)
    groups, periods = np.asarray(group, dtype=np.int64), np.asarray(period, dtype=np.int64)
    if not answers.shape == groups.shape == periods.shape == chosen.shape:
        raise ValueError(
            f"expected vectors of {chosen.size} cases, got {answers.shape}, {groups.shape}, {periods.shape}"
        )
    if horizon < 1:
        raise ValueError(f"expected a horizon of 1 period or more, got {horizon}")
    cells = _cells(answers, chosen, chance, groups, periods, horizon)
    moved = cells.chance > 0.0
    n_periods = int(np.unique(cells.period[moved]).size)
    unknown = IntervalEstimate(np.nan, -np.inf, np.inf)
    nothing = Loop(
        unknown, int(moved.sum()), n_periods, float(cells.chance[moved].mean()) if moved.any() else 0.0, np.nan
    )
    if cells.size.size < 6:
        return nothing
    outcome, surprise, spread = _left_over(cells)
    rest = outcome - (surprise @ (cells.size * outcome) / spread if spread > 0.0 else 0.0) * surprise
    noise = float((cells.size * rest**2).sum() / cells.size.sum())
    if n_periods < FEWEST_PERIODS or spread <= 0.0:
        return nothing._replace(noise=noise)
    value = float(surprise @ (cells.size * outcome) / spread)
    places = np.unique(cells.period, return_inverse=True)[1]
    leverage = np.bincount(places, cells.size * surprise**2) / spread
    scores = np.bincount(places, cells.size * surprise * rest) / np.maximum(1.0 - leverage, 0.05)
    effective = 1.0 / float((leverage**2).sum())
    half = float(stdtrit(max(1.0, effective - 1.0), 0.5 + level / 2.0)) * float(np.sqrt((scores**2).sum())) / spread
    return nothing._replace(gain=IntervalEstimate(value, value - half, value + half), noise=noise)


def _cells(
    answers: Floats,
    chosen: NDArray[np.bool_],
    chance: Floats,
    groups: NDArray[np.int64],
    periods: NDArray[np.int64],
    horizon: int,
) -> _Cells:
    """Sum up each group in each period, and put the response of its later periods beside."""
    shape = (int(periods.max()) + 1, int(groups.max()) + 1)
    place, n = periods * shape[1] + groups, shape[0] * shape[1]
    known = ~np.isnan(answers)

    def total(values: Floats, rows: NDArray[np.int64] = place) -> Floats:
        return np.asarray(np.bincount(rows, values, minlength=n), dtype=np.float64).reshape(shape)

    size = total(np.ones(place.size))
    until = np.cumsum([total(np.ones(int(known.sum())), place[known]), total(answers[known], place[known])], axis=1)
    until = np.concatenate([np.zeros((2, 1, shape[1])), until], axis=1)  # numbers and sums before each period
    last = np.minimum(np.arange(shape[0]) + 1 + horizon, shape[0])
    now, later = until[:, 1:] - until[:, :-1], until[:, last] - until[:, 1:]
    is_whole = (np.arange(shape[0]) + horizon < shape[0])[:, None]
    at = (size > 0) & (now[0] > 0) & (later[0] > 0) & is_whole
    means = [part[1][at] / part[0][at] for part in (now, until[:, 1:], later)]
    return _Cells(
        np.nonzero(at)[0],
        size[at],
        total(chosen - chance)[at] / size[at],
        total(chance * (1.0 - chance))[at] / size[at] ** 2,
        np.column_stack(means[:2]),
        means[2],
    )


def _left_over(cells: _Cells) -> tuple[Floats, Floats, float]:
    """Take what the past response explains out of the later and out of the surprise; return both and its spread."""
    X = np.column_stack([np.ones(cells.size.size), cells.before])
    root = np.sqrt(cells.size)
    both = np.column_stack([cells.after, cells.surprise])
    outcome, surprise = (both - X @ np.linalg.lstsq(X * root[:, None], both * root[:, None], rcond=None)[0]).T
    surprise = np.where(cells.chance > 0.0, surprise, 0.0)
    spread = float((cells.size * surprise**2).sum())
    # chance that fell out the same way in all cells says nothing
    return outcome, surprise, spread if spread > 0.1 * float(cells.size @ cells.chance) else 0.0
