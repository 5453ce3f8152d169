"""Find when the rate of a stream of errors changes, up or down, without a reference and without a known rate."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, expit, logit, xlogy

from holdfast.kernels.drift.evidence import LIKELY
from holdfast.kernels.stats.differences import independent_difference
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

TILTS: Numbers = np.array([0.25, -0.25, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0])
TILT_WEIGHTS: Numbers = np.array([0.1, 0.1, 0.25, 0.25, 0.12, 0.12, 0.03, 0.03])
"""Log odds ratios of the rate after the change over that before, and their weights."""
RATE_SHARE = 0.1
"""Part of the budget for the rate of the first rows to lie outside its interval."""
MOST_BLOCKS, FIRST_BLOCK = 1024, 8
CHUNK = 4096


class RateChange(NamedTuple):
    """One alarm of an error stream.

    Attributes
    ----------
    row
        Number of the row after which it was raised, from 0.
    start, start_low, start_high
        Row from which the rate most probably differs, and the first and last likely one, to the nearest block of rows.
    before, after
        Rates before `start` and from it on.
    difference
        After minus before, with an interval that spans those of all likely places of the change.
    """

    row: int
    start: int
    start_low: int
    start_high: int
    before: float
    after: float
    difference: IntervalEstimate[float]


class ErrorStream:
    """A stream of right and wrong answers.

    Parameters
    ----------
    horizon : int
        Rows of a year, or of whatever time the budget is for; more than `burn_in`.
    alpha : float, default 0.05
        Probability of a false alarm within `horizon` rows, inside (0, 1).
    burn_in : int, optional
        First rows, from which the rate is learned; no alarm before. 1,000, or a tenth of the horizon if that is less.
    level : float, default 0.95
        Of the intervals.

    Attributes
    ----------
    alarms
        After each alarm the stream begins anew with the next row.

    Notes
    -----
    For every rate p in an interval that holds the true one with probability ``1 - alpha / 10`` (Clopper and Pearson
    from the first rows), the sum over all possible starts of a change of the likelihood with that change, over the
    likelihood under p, exceeds ``horizon / (0.9 alpha)`` within the horizon with probability at most ``0.9 alpha``
    (Shiryaev and Roberts' sum less the number of rows is a martingale). The alarm waits for the smallest of these
    ratios over the interval. Assumes that answers are independent given the rate. Cost O(rows), memory constant.

    References
    ----------
    Shin, J., Ramdas, A. and Rinaldo, A. (2024). E-detectors: a nonparametric framework for sequential change detection.
    New England Journal of Statistics in Data Science 2.
    Wasserman, L., Ramdas, A. and Balakrishnan, S. (2020). Universal inference. PNAS 117, 16880-16890.
    Krichevsky, R. and Trofimov, V. (1981). The performance of universal encoding. IEEE Trans. Information Theory 27.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> stream = ErrorStream(horizon=10_000)
    >>> stream.update(rng.random(5000) < 0.2)
    []
    >>> [alarm] = stream.update(rng.random(1000) < 0.3)
    >>> 5000 < alarm.row < 5900, abs(alarm.start - 5000) < 200, alarm.difference.low > 0
    (True, True, True)
    """

    def __init__(self, *, horizon: int, alpha: float = 0.05, burn_in: int | None = None, level: float = 0.95) -> None:
        burn_in = max(min(1000, horizon // 10), 1) if burn_in is None else burn_in
        if not 0 < burn_in < horizon or not 0.0 < alpha < 1.0:
            raise ValueError(
                f"expected 0 < burn_in < horizon and alpha inside (0, 1), got {burn_in}, {horizon} and {alpha:g}"
            )
        self.horizon, self.alpha, self.burn_in, self.level = int(horizon), float(alpha), int(burn_in), float(level)
        self.alarms: list[RateChange] = []
        self.n_rows = 0
        self._begin()

    def _begin(self) -> None:
        self._origin = self.n_rows
        self._n, self._errors = 0, 0
        self._learned_errors = 0
        self._log_plain = 0.0
        self._log_sums: Numbers = np.full(TILTS.size, -np.inf)
        self._block = FIRST_BLOCK
        self._blocks: list[int] = []
        self._open_rows, self._open_errors = 0, 0

    @property
    def threshold(self) -> float:
        """Natural logarithm of the evidence at which an alarm is raised."""
        return math.log(self.horizon / ((1.0 - RATE_SHARE) * self.alpha))

    def update(self, is_wrong: ArrayLike) -> list[RateChange]:
        """Add answers in the order in which they came, and return the alarms that they raise.

        Parameters
        ----------
        is_wrong : array-like of bool, shape (n,)
            May be empty.
        """
        rows = np.asarray(is_wrong)
        if rows.ndim != 1 or not np.isin(rows, (0, 1)).all():
            raise ValueError(f"expected zeros and ones of shape (n,) in `is_wrong`, got {rows.dtype} of {rows.shape}")
        left = rows.astype(np.int64)
        n_before = len(self.alarms)
        while left.size:
            left = left[self._take(left[:CHUNK]) :]
        return self.alarms[n_before:]

    def _take(self, rows: Places) -> int:
        """Add rows up to the end of the burn-in or to an alarm, and return how many."""
        if self._n < self.burn_in:
            rows = rows[: self.burn_in - self._n]
            self._count(rows)
            self._learned_errors = self._errors
            return rows.size
        log_evidence, log_plain, log_sums = self._followed(rows)
        over = np.flatnonzero(log_evidence >= self.threshold)
        end = int(over[0]) + 1 if over.size else rows.size
        self._log_plain, self._log_sums = float(log_plain[end - 1]), log_sums[end - 1]
        self._count(rows[:end])
        if over.size:
            self.alarms.append(self._change())
            self._begin()
        return end

    def _followed(self, rows: Places) -> tuple[Numbers, Numbers, Numbers]:
        """Log evidence after each row, and what it is made of."""
        before = np.concatenate([[0], np.cumsum(rows)])
        n = self._n + np.arange(rows.size + 1)
        rate = (self._errors + before[:-1] + 0.5) / (n[:-1] + 1.0)
        tilted = expit(logit(rate)[:, None] + TILTS)
        is_wrong = rows[:, None] == 1
        plain = np.where(is_wrong[:, 0], rate, 1.0 - rate)
        steps = np.log(np.where(is_wrong, tilted, 1.0 - tilted) / plain[:, None])
        log_plain = self._log_plain + np.cumsum(np.log(plain))
        log_sums = _recursion(self._log_sums, steps)
        wrong, seen = self._errors - self._learned_errors + before[1:], n[1:] - self.burn_in
        low, high = _rate_limits(self._learned_errors, self.burn_in, RATE_SHARE * self.alpha)
        p = np.clip(wrong / seen, low, high)
        best = xlogy(wrong, p) + xlogy(seen - wrong, 1.0 - p)
        mixed = np.logaddexp.reduce(log_sums + np.log(TILT_WEIGHTS), axis=1)
        return mixed + log_plain - best, log_plain, log_sums

    def _count(self, rows: Places) -> None:
        self._n += rows.size
        self.n_rows += rows.size
        self._errors += int(rows.sum())
        whole = np.concatenate([np.zeros(self._open_rows, dtype=np.int64), rows])
        if self._open_rows:
            whole[0] = self._open_errors
        n_full = whole.size // self._block
        end = n_full * self._block
        self._blocks += whole[:end].reshape(n_full, self._block).sum(axis=1).tolist()
        self._open_rows, self._open_errors = whole.size - end, int(whole[end:].sum())
        while len(self._blocks) > MOST_BLOCKS:
            self._coarsen()

    def _coarsen(self) -> None:
        """Join the blocks in pairs; a last one without a partner becomes part of the open one."""
        if len(self._blocks) % 2:
            self._open_rows += self._block
            self._open_errors += self._blocks.pop()
        self._blocks = [a + b for a, b in zip(self._blocks[::2], self._blocks[1::2], strict=True)]
        self._block *= 2

    def _change(self) -> RateChange:
        """Where the two rates before and after explain the blocks best."""
        wrong = np.cumsum(self._blocks)
        n = self._block * np.arange(1, wrong.size + 1)
        wrong, n = wrong[n < self._n], n[n < self._n]
        total, all_wrong = self._n, self._errors
        fit = _log_likelihood(wrong, n) + _log_likelihood(all_wrong - wrong, total - n)
        best = int(fit.argmax())
        likely = np.flatnonzero(fit >= fit[best] - LIKELY)
        ends = [self._rates(int(wrong[place]), int(n[place])) for place in likely]
        first, second = self._rates(int(wrong[best]), int(n[best]))
        differences = [independent_difference(later, earlier) for earlier, later in ends]
        difference = IntervalEstimate(
            second.value - first.value, min(one.low for one in differences), max(one.high for one in differences)
        )
        start, low, high = (self._origin + int(n[place]) for place in (best, likely[0], likely[-1]))
        return RateChange(self.n_rows - 1, start, low, high, first.value, second.value, difference)

    def _rates(self, wrong: int, n: int) -> tuple[IntervalEstimate[float], IntervalEstimate[float]]:
        """Rates of the first n rows and of those after them."""
        return (
            clopper_pearson(wrong, n, level=self.level),
            clopper_pearson(self._errors - wrong, self._n - n, level=self.level),
        )

    def state(self) -> dict[str, Any]:
        """Return all that is known, ready for JSON; :meth:`from_state` goes on exactly where it was taken."""
        kept = {name: value for name, value in vars(self).items() if name not in ("alarms", "_log_sums")}
        sums = [None if np.isneginf(value) else float(value) for value in self._log_sums]
        alarms = [[*alarm[:-1], list(alarm.difference)] for alarm in self.alarms]
        return {**kept, "_blocks": list(self._blocks), "_log_sums": sums, "alarms": alarms}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ErrorStream:
        """Go on where a state was taken."""
        stream = cls.__new__(cls)
        vars(stream).update(state)
        stream._blocks = list(state["_blocks"])
        stream._log_sums = np.array([-np.inf if value is None else value for value in state["_log_sums"]])
        stream.alarms = [RateChange._make([*alarm[:-1], IntervalEstimate(*alarm[-1])]) for alarm in state["alarms"]]
        return stream


def _recursion(first: Numbers, steps: Numbers) -> Numbers:
    """Logarithms of ``r_t = (r_{t-1} + 1) exp(step_t)``, for each column."""
    total = np.cumsum(steps, axis=0)
    shifted = -np.vstack([np.zeros((1, steps.shape[1])), total[:-1]])
    shifted[0] = np.logaddexp(shifted[0], first)
    return np.asarray(total + np.logaddexp.accumulate(shifted, axis=0))


def _rate_limits(errors: int, n: int, alpha: float) -> tuple[float, float]:
    low = betaincinv(errors, n - errors + 1, alpha / 2) if errors else 0.0
    high = betaincinv(errors + 1, n - errors, 1.0 - alpha / 2) if errors < n else 1.0
    return float(low), float(high)


def _log_likelihood(wrong: Places, n: Places) -> Numbers:
    return np.asarray(xlogy(wrong, wrong / n) + xlogy(n - wrong, 1.0 - wrong / n))
