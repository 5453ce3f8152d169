"""Which numeric outcomes are wrong: those that look like another row's rather than like a prediction's error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from holdfast.kernels.data.label_noise import FEWEST_WRONG, NONE_SEEN
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.mean import mean_t

Numbers = NDArray[np.float64]

TAILS = (2.0, 3.0, 5.0, 10.0, 30.0)
"""Degrees of freedom that are tried for the honest errors."""
ROUNDS, GROUPS, BINS, ROWS_PER_BIN, DENSITY_BINS = 200, 20, 20, 50, 100
MEDIAN_TO_SD = 1.4826
FAR = 3.0
"""Standard deviations from its prediction within which no outcome is suspected."""


@dataclass(frozen=True, slots=True)
class ValueNoise:
    """What is known of the values of a table.

    Attributes
    ----------
    wrong
        ``(n,)`` float64: probability that the given value is wrong.
    share
        Share of values that are wrong, with its interval over samples of rows.
    """

    wrong: Numbers
    share: IntervalEstimate[float]


def value_noise(predicted: ArrayLike, given: ArrayLike, *, rng: np.random.Generator, level: float = 0.95) -> ValueNoise:
    """Estimate which numeric outcomes are wrong.

    Parameters
    ----------
    predicted : array-like, shape (n_samples,)
        What a model that was not trained on the row predicts.
    given : array-like, shape (n_samples,)
        The outcomes as given.
    rng : numpy.random.Generator
        Draws the groups of the jackknife.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    ValueNoise

    Notes
    -----
    A mixture by EM: errors of the prediction follow Student's t, in units of the spread of errors at predictions of
    that size, its tail chosen by likelihood; a wrong outcome follows the outcomes of all rows that lie more than three
    such spreads away from the prediction. One that is wrong by less is not found. The interval is a jackknife that
    leaves out one group of rows after the other.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.uniform(0, 100, 400)
    >>> given = truth + rng.normal(size=400)
    >>> given[:3] = given[:3] + 50 - 100 * (given[:3] > 50)
    >>> np.flatnonzero(value_noise(truth, given, rng=rng).wrong > 0.5).tolist()
    [0, 1, 2]
    """
    check_level(level)
    guess, y = float_vector(predicted, name="predicted"), float_vector(given, name="given")
    check_same_length(guess.size, y.size, names=("predicted", "given"))
    if np.ptp(y) == 0 if y.size else True:
        return ValueNoise(np.zeros(y.size), IntervalEstimate(0.0, 0.0, 1.0))
    scale = _local_spread(guess, y)
    any_row = _density(y) * _is_far(guess, y, scale)
    honest = max((_honest(y - guess, scale, tail) for tail in TAILS), key=lambda d: _mixed(d, any_row)[0])
    likelihood = _mixed(honest, any_row)
    wrong = _wrong(honest, any_row, likelihood[1])
    group = rng.permutation(y.size) % GROUPS
    left_out = np.array([_mixed(honest[group != g], any_row[group != g])[1] for g in range(GROUPS)])
    share = float(wrong.mean())
    estimate = mean_t(GROUPS * share - (GROUPS - 1) * left_out, level=level)
    half = (estimate.high - estimate.low) / 2
    low, high = max(0.0, share - half), min(1.0, share + half)
    if share * y.size < FEWEST_WRONG:  # there may be none at all, and what is not expected may come
        low, high = 0.0, max(high, min(1.0, share + NONE_SEEN / y.size))
    return ValueNoise(wrong, IntervalEstimate(share, low, high))


def _local_spread(guess: Numbers, y: Numbers) -> Numbers:
    """Return a robust standard deviation of the errors at predictions of about the same size."""
    error = np.abs(y - guess)
    overall = max(float(np.median(error)) * MEDIAN_TO_SD, float(np.ptp(y)) * 1e-9)
    n_bins = int(np.clip(y.size // ROWS_PER_BIN, 1, BINS))
    place = np.argsort(np.argsort(guess, kind="stable"), kind="stable") * n_bins // y.size
    spread = np.array([np.median(error[place == b]) * MEDIAN_TO_SD for b in range(n_bins)])
    return np.asarray(np.maximum(spread, 0.1 * overall)[place])


def _is_far(guess: Numbers, y: Numbers, scale: Numbers) -> Numbers:
    """Return 0 where an outcome is as near to its prediction as honest ones are, else one over the share that is not.

    Where a prediction says little, hardly any outcome is far from it, and none can be told to be wrong.
    """
    ordered = np.sort(y)
    near = np.searchsorted(ordered, guess + FAR * scale, "right") - np.searchsorted(ordered, guess - FAR * scale)
    return np.asarray((np.abs(y - guess) > FAR * scale) / np.maximum(1 - near / y.size, 1 / y.size))


def _honest(error: Numbers, scale: Numbers, tail: float) -> Numbers:
    """Return the density of honest errors; the spread is that of the median, whatever the tail."""
    unit = student.ppf(0.75, tail) * MEDIAN_TO_SD
    return np.asarray(student.pdf(error * unit / scale, tail) * unit / scale)


def _density(y: Numbers) -> Numbers:
    """Return the density of the outcomes of all rows at each of them, at least that of a uniform one."""
    edges = np.unique(np.quantile(y, np.linspace(0, 1, min(DENSITY_BINS, max(2, y.size // ROWS_PER_BIN)) + 1)))
    counts, edges = np.histogram(y, edges)
    heights = counts / (y.size * np.diff(edges))
    place = np.clip(np.searchsorted(edges, y, side="right") - 1, 0, heights.size - 1)
    return np.asarray(0.5 * heights[place] + 0.5 / np.ptp(y))


def _mixed(honest: Numbers, any_row: Numbers) -> tuple[float, float]:
    """Return the log likelihood and the share of wrong outcomes that makes it largest."""
    share = 0.05
    for _ in range(ROUNDS):
        before, share = share, float(_wrong(honest, any_row, share).mean())
        if abs(share - before) < 1e-7:
            break
    return float(np.log(np.maximum((1 - share) * honest + share * any_row, 1e-300)).sum()), share


def _wrong(honest: Numbers, any_row: Numbers, share: float) -> Numbers:
    mixed = (1 - share) * honest + share * any_row
    return np.asarray(share * any_row / np.maximum(mixed, 1e-300))
