"""Confidence sequences for the mean of bounded values: intervals that hold at every sample size at once.

One may look after every observation and stop whenever one likes; the coverage is not spent by looking. Values must lie
in [0, 1] and share their conditional mean given the past, as points visited in random order do.
"""

from __future__ import annotations

from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

# Rows bet on at once; candidates that a block rules out cost nothing in the next.
_BLOCK = 256


def betting_confidence_sequence(
    values: ArrayLike,
    *,
    level: float = 0.95,
    n_grid: int = 1000,
    truncation: float = 0.5,
    running_intersection: bool = True,
) -> IntervalEstimate[NDArray[np.float64]]:
    """Bound a mean at all sample sizes at once by betting against candidate means.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Observations in [0, 1], in the order in which they came.
    level : float, default 0.95
        Probability inside (0, 1) that all intervals together cover the mean.
    n_grid : int, default 1000
        Number of steps of the grid of candidate means, finer towards 0 and 1. The ends are rounded outwards to the
        grid, by at most ``pi / (2 * n_grid)``.
    truncation : float, default 0.5
        Largest share of the capital in one bet, inside (0, 1).
    running_intersection : bool, default True
        Whether each interval is cut with all before it. The sequence stays valid and never widens.

    Returns
    -------
    IntervalEstimate of ndarray, each of shape (n_samples,)
        Row t holds the mean of the first t + 1 values and the open interval around the true mean, closed at 0 and 1.
        Empty for empty input. With the running intersection the sample mean may leave the interval for a while, and
        ``low >= high`` means that no common mean explains the values: a rare event, or values that drift.

    Raises
    ------
    ValueError
        If a value is NaN or outside [0, 1], or a parameter is out of range.

    Notes
    -----
    Hedged capital with predictable plug-in bets. Candidate m stays while ``max(K_low(m), K_high(m)) / 2 < 1 / alpha``
    where the capitals multiply ``1 + b (x - m)`` and ``1 - b (x - m)``. Both are monotone in m, so that the set is an
    interval and outward rounding keeps it valid. Cost O(n_samples * candidates left), at most n_grid.

    References
    ----------
    Waudby-Smith, I. and Ramdas, A. (2024). Estimating means of bounded random variables by betting. JRSS B 86, 1-27,
    section 4, theorem 3 (hedged capital), with its predictable plug-in bets.

    Examples
    --------
    >>> estimate = betting_confidence_sequence([0, 1] * 500)
    >>> bool(0.42 < estimate.low[-1] < 0.5 < estimate.high[-1] < 0.58)
    True
    """
    x = _unit_vector(values)
    if running_intersection:
        low, high = BettingConfidenceSequence(level=level, n_grid=n_grid, truncation=truncation).update(x)
        return IntervalEstimate(_running_mean(x), low, high)
    game = _Game(level, n_grid, truncation)
    refuted = np.empty((2, x.size), dtype=np.int64)
    wealth, moments = game.new_wealth(), _START
    for start in range(0, x.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        refuted[:, block], wealth, moments = game.play(x[block], game.edges[1:-1], wealth, moments)
    return IntervalEstimate(_running_mean(x), game.edges[refuted[0]], game.edges[n_grid - refuted[1]])


def empirical_bernstein_confidence_sequence(
    values: ArrayLike, *, level: float = 0.95, truncation: float = 0.5, running_intersection: bool = True
) -> IntervalEstimate[NDArray[np.float64]]:
    """Bound a mean at all sample sizes at once with a closed-form empirical Bernstein inequality.

    Wider than `betting_confidence_sequence` but linear in time, without a grid and without memory.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Observations in [0, 1], in the order in which they came.
    level : float, default 0.95
        Probability inside (0, 1) that all intervals together cover the mean.
    truncation : float, default 0.5
        Largest bet, inside (0, 1).
    running_intersection : bool, default True
        Whether each interval is cut with all before it. The sequence stays valid and never widens.

    Returns
    -------
    IntervalEstimate of ndarray, each of shape (n_samples,)
        Row t holds the mean of the first t + 1 values and the interval for the true mean, inside [0, 1]. Empty for
        empty input. Intervals are centred on a weighted mean, so that the sample mean may lie outside; ``low > high``
        means that no common mean explains the values.

    Raises
    ------
    ValueError
        If a value is NaN or outside [0, 1], or a parameter is out of range.

    References
    ----------
    Waudby-Smith, I. and Ramdas, A. (2024). Estimating means of bounded random variables by betting. JRSS B 86, 1-27,
    section 3.2, theorem 2.

    Examples
    --------
    >>> estimate = empirical_bernstein_confidence_sequence([0, 1] * 500)
    >>> bool(0.4 < estimate.low[-1] < 0.5 < estimate.high[-1] < 0.6)
    True
    """
    x = _unit_vector(values)
    log_threshold = np.log(2.0 / (1.0 - check_level(level)))
    bets, past_mean, _ = _predict(x, _START, log_threshold)
    bets = np.minimum(bets, _check_truncation(truncation))
    # psi_E(b) = (-log(1 - b) - b) / 4 and v = 4 (x - past mean)^2; the fours cancel.
    loss = (x - past_mean) ** 2 * (-np.log1p(-bets) - bets)
    total = np.cumsum(bets)
    centre = np.cumsum(bets * x) / total
    half = (log_threshold + np.cumsum(loss)) / total
    low, high = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
    if running_intersection:
        low, high = np.maximum.accumulate(low), np.minimum.accumulate(high)
    return IntervalEstimate(_running_mean(x), low, high)


class BettingState(TypedDict):
    """Everything that a betting confidence sequence remembers, in types that JSON keeps exactly."""

    level: float
    n_grid: int
    truncation: float
    n: int
    total: float
    squares: float
    low_index: int
    high_index: int
    log_wealth_low: list[float]
    log_wealth_high: list[float]


class BettingConfidenceSequence:
    """Bound a mean at all sample sizes at once while the values arrive.

    The same intervals as `betting_confidence_sequence` with its running intersection, however the values are cut into
    updates. Memory shrinks with the interval.

    Parameters
    ----------
    level : float, default 0.95
        Probability inside (0, 1) that all intervals together cover the mean.
    n_grid : int, default 1000
        Number of steps of the grid of candidate means.
    truncation : float, default 0.5
        Largest share of the capital in one bet, inside (0, 1).

    Examples
    --------
    >>> sequence = BettingConfidenceSequence()
    >>> _ = sequence.update([1.0] * 100)
    >>> sequence.n, bool(sequence.low > 0.9), sequence.high
    (100, True, 1.0)
    >>> BettingConfidenceSequence.from_state(sequence.state()).low == sequence.low
    True
    """

    def __init__(self, *, level: float = 0.95, n_grid: int = 1000, truncation: float = 0.5) -> None:
        self._game = _Game(level, n_grid, truncation)
        self._moments = _START
        # Positions of the ends on the grid. Candidates between them are in play; the ends too, so that crossing shows.
        self._low_index, self._high_index = 0, n_grid
        self._wealth = self._game.new_wealth()

    @property
    def n(self) -> int:
        """Number of values seen."""
        return self._moments.n

    @property
    def value(self) -> float:
        """Mean of the values seen; NaN before the first."""
        return (self._moments.total - _START.total) / self.n if self.n else np.nan

    @property
    def low(self) -> float:
        """Lower end of the interval, 0 at first."""
        return float(self._game.edges[self._low_index])

    @property
    def high(self) -> float:
        """Upper end of the interval, 1 at first; not above `low` if no common mean explains the values."""
        return float(self._game.edges[self._high_index])

    def update(self, values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Take in further values.

        Parameters
        ----------
        values : array-like, shape (n_new,)
            Observations in [0, 1], in the order in which they came; may be empty.

        Returns
        -------
        low, high : ndarray of float64, shape (n_new,)
            The ends after each of the new values.

        Raises
        ------
        ValueError
            If a value is NaN or outside [0, 1]; nothing is taken in then.
        """
        x = _unit_vector(values)
        low, high = np.empty(x.size), np.empty(x.size)
        for start in range(0, x.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            low[block], high[block] = self._advance(x[block])
        return low, high

    def state(self) -> BettingState:
        """Return all that is remembered, ready for JSON."""
        return {
            "level": self._game.level,
            "n_grid": self._game.n_grid,
            "truncation": self._game.truncation,
            "n": self._moments.n,
            "total": self._moments.total,
            "squares": self._moments.squares,
            "low_index": self._low_index,
            "high_index": self._high_index,
            "log_wealth_low": self._wealth[0].tolist(),
            "log_wealth_high": self._wealth[1].tolist(),
        }

    @classmethod
    def from_state(cls, state: BettingState) -> BettingConfidenceSequence:
        """Continue from a state that `state` returned."""
        sequence = cls(level=state["level"], n_grid=state["n_grid"], truncation=state["truncation"])
        sequence._moments = _Moments(state["n"], state["total"], state["squares"])
        sequence._low_index, sequence._high_index = state["low_index"], state["high_index"]
        sequence._wealth = np.array([state["log_wealth_low"], state["log_wealth_high"]])
        return sequence

    @property
    def _first(self) -> int:
        return max(self._low_index, 1)

    def _advance(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Play one block, then leave the candidates outside of the interval behind."""
        edges, first, n_candidates = self._game.edges, self._first, self._wealth.shape[1]
        candidates = edges[first : first + n_candidates]
        refuted, wealth, self._moments = self._game.play(x, candidates, self._wealth, self._moments)
        n_low, n_high = np.maximum.accumulate(refuted, axis=1)
        low_index = np.maximum(first - 1 + n_low, self._low_index)
        high_index = np.minimum(first + n_candidates - n_high, self._high_index)
        self._low_index, self._high_index = int(low_index[-1]), int(high_index[-1])
        last = min(self._high_index, self._game.n_grid - 1)
        self._wealth = wealth[:, self._first - first : max(last + 1 - first, 0)]
        return edges[low_index], edges[high_index]


class _Moments(NamedTuple):
    """Sums behind the regularised running mean and variance."""

    n: int
    total: float
    squares: float


# One imagined value of 1/2 with variance 1/4 before the first.
_START = _Moments(0, 0.5, 0.25)


class _Game:
    """Two gamblers per candidate mean: one bets that the true mean is larger, one that it is smaller."""

    def __init__(self, level: float, n_grid: int, truncation: float) -> None:
        if n_grid < 2:
            raise ValueError(f"expected a grid of two or more steps, got n_grid={n_grid}; the default is 1000")
        self.level, self.n_grid, self.truncation = check_level(level), n_grid, _check_truncation(truncation)
        # Hedging halves the stake of each gambler: a capital of 2 / alpha refutes.
        self.log_threshold = float(np.log(2.0 / (1.0 - level)))
        # Equal steps on the arcsine scale: the finest where an interval for a rate is the shortest.
        self.edges = np.sin(np.linspace(0.0, np.pi / 2.0, n_grid + 1)) ** 2

    def new_wealth(self) -> NDArray[np.float64]:
        return np.zeros((2, self.n_grid - 1))

    def play(
        self, x: NDArray[np.float64], candidates: NDArray[np.float64], wealth: NDArray[np.float64], moments: _Moments
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], _Moments]:
        """Bet on every value; return refuted candidates, shape (2, n), log wealth after, and moments after.

        Wealth is monotone in the candidate, so that the refuted ones are the first, and the last, of the candidates.
        """
        bets, _, after = _predict(x, moments, self.log_threshold)
        surplus = x[:, None] - candidates
        gains = np.stack(
            (
                np.minimum(bets[:, None], self.truncation / candidates) * surplus,
                -np.minimum(bets[:, None], self.truncation / (1.0 - candidates)) * surplus,
            )
        )
        paths = np.log1p(gains, out=gains)
        # Adding the start to the first row, not to the sums, makes the result independent of how values are cut.
        paths[:, 0] += wealth
        np.cumsum(paths, axis=1, out=paths)
        return (paths >= self.log_threshold).sum(axis=2), paths[:, -1].copy(), after


def _predict(
    x: NDArray[np.float64], moments: _Moments, log_threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Moments]:
    """Plug-in bets and mean before each value, from those before it only; and the moments after the last."""
    t = moments.n + np.arange(1, x.size + 1)
    totals = np.cumsum(np.concatenate(([moments.total], x)))
    squares = np.cumsum(np.concatenate(([moments.squares], (x - totals[1:] / (t + 1)) ** 2)))
    bets = np.sqrt(2.0 * log_threshold / (squares[:-1] * np.log1p(t)))
    return bets, totals[:-1] / t, _Moments(moments.n + x.size, float(totals[-1]), float(squares[-1]))


def _running_mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.cumsum(x) / np.arange(1, x.size + 1))


def _unit_vector(values: ArrayLike) -> NDArray[np.float64]:
    x = float_vector(values, name="values")
    outside = (x < 0.0) | (x > 1.0)
    if outside.any():
        raise ValueError(f"expected values in [0, 1], got values with {x[outside][0]}; rescale by the known bounds")
    return x


def _check_truncation(truncation: float) -> float:
    if not 0.0 < truncation < 1.0:
        raise ValueError(f"expected a share inside (0, 1), got truncation={truncation!r}; the default is 0.5")
    return float(truncation)
