"""What the models that could have been trained would have cost, period by period."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.interval import IntervalEstimate

Strategy: TypeAlias = Callable[[int, int], bool]
"""Whether to train again before period ``now``, with a model in use that was trained before period ``since``."""


class History(NamedTuple):
    """Losses of models on the rows that came after them. Rows are in the order of time.

    Attributes
    ----------
    loss
        ``(n_models, n_rows)`` float32: loss on each row of the model trained before period ``first + i``; rows before
        that period are not read.
    period
        ``(n_rows,)`` int64: period of each row, not falling.
    first
        First period in which a model decides.
    n_periods
        Number of periods.
    known
        ``(n_periods,)`` int64: how many rows, from the first, have a known outcome when a period begins.
    mean
        ``(n_models, n_periods)``: mean loss of each model in each period, NaN before it was trained and without rows.
    """

    loss: NDArray[np.float32]
    period: NDArray[np.int64]
    first: int
    n_periods: int
    known: NDArray[np.int64]
    mean: NDArray[np.float64]

    def start(self, period: int) -> int:
        """Return the first row of a period."""
        return int(np.searchsorted(self.period, period))

    def newest(self, now: int) -> int:
        """Return the newest period of which all outcomes are known when a period begins; -1 for none."""
        known = int(self.known[now])
        return int(self.period[known]) - 1 if known < self.period.size else self.n_periods - 1

    def of(self, model: int, start: int, stop: int) -> NDArray[np.float64]:
        """Return the losses of the model trained before a period on rows from ``start`` to before ``stop``."""
        return self.loss[model - self.first, start:stop].astype(np.float64)


def make_history(
    loss: ArrayLike, period: ArrayLike, *, first: int, known: ArrayLike, n_periods: int | None = None
) -> History:
    """Check the parts of a history, and sum losses up by period.

    Parameters
    ----------
    loss : array-like, shape (n_models, n_rows)
        Finite where read; one model for each period from `first`.
    period : array-like of int, shape (n_rows,)
        Not falling.
    first : int
    known : array-like of int, shape (n_periods,)
        Not falling, and none of a row of the period that begins or later.
    n_periods : int, optional
        Up to the last row's by default.

    Raises
    ------
    ValueError
        If shapes do not fit, rows are out of order, or an outcome is known before its period.

    Examples
    --------
    >>> make_history([[0, 1, 1, 0]], [0, 1, 1, 1], first=1, known=[0, 1]).mean.round(3).tolist()
    [[nan, 0.667]]
    """
    losses, periods = np.asarray(loss, dtype=np.float32), np.asarray(period, dtype=np.int64)
    outcomes = np.asarray(known, dtype=np.int64)
    n = int(periods[-1]) + 1 if n_periods is None and periods.size else n_periods or 0
    if losses.shape != (n - first, periods.size) or outcomes.shape != (n,) or not 0 <= first < n:
        raise ValueError(
            f"expected losses of {n - first} models on {periods.size} rows and what is known in {n} periods, got "
            f"{losses.shape} and {outcomes.shape}"
        )
    if (np.diff(periods) < 0).any() or periods[0] < 0 or periods[-1] >= n:
        raise ValueError("expected rows in the order of time, in periods from 0")
    starts = np.searchsorted(periods, np.arange(n + 1))
    if (np.diff(outcomes) < 0).any() or (outcomes > starts[:-1]).any() or outcomes[0] < 0:
        raise ValueError("expected no outcome to be known before its period is over")
    sizes = np.diff(starts)
    sums = np.concatenate([np.zeros((n - first, 1)), np.cumsum(losses, axis=1, dtype=np.float64)], axis=1)
    with np.errstate(invalid="ignore"):
        mean = (sums[:, starts[1:]] - sums[:, starts[:-1]]) / np.where(sizes > 0, sizes, np.nan)
    mean[np.arange(n) < first + np.arange(n - first)[:, None]] = np.nan
    return History(losses, periods, first, n, outcomes, mean)


class Replayed(NamedTuple):
    """A strategy as it would have acted.

    Attributes
    ----------
    since
        ``(n_decided,)`` int64: before which period the model in use was trained, for each period from the first.
    loss
        ``(n_decided,)``: total loss in each of these periods.
    """

    since: NDArray[np.int64]
    loss: NDArray[np.float64]

    @property
    def n_trained(self) -> int:
        """How often it was trained again."""
        return int((np.diff(self.since) > 0).sum())

    def costs(
        self, *, cost_of_error: float, cost_of_retraining: float, cost_of_trial: float = 0.0
    ) -> NDArray[np.float64]:
        """Return the cost of each period: of errors, of training again, of looking whether to."""
        again = np.diff(self.since, prepend=self.since[:1]) > 0
        return cost_of_error * self.loss + cost_of_retraining * again + cost_of_trial


def replay(history: History, strategy: Strategy) -> Replayed:
    """Let a strategy decide before each period whether to train again, and add up what its models cost.

    Parameters
    ----------
    strategy
        Asked with the period that begins and the one before which the model in use was trained. It may look at losses
        on rows before ``history.known[now]``, and at inputs of rows before ``history.start(now)``, at no others.

    Returns
    -------
    Replayed

    Examples
    --------
    >>> loss = np.array([[0, 1, 1, 1], [0, 0, 0, 0]], dtype=np.float32)
    >>> history = make_history(loss, [0, 1, 2, 2], first=1, known=[0, 1, 2])
    >>> replay(history, lambda now, since: True).loss
    array([1., 0.])
    """
    since, used, losses = history.first, [], []
    for now in range(history.first, history.n_periods):
        if now > history.first and strategy(now, since):
            since = now
        used.append(since)
        losses.append(float(history.of(since, history.start(now), history.start(now + 1)).sum()))
    return Replayed(np.array(used, dtype=np.int64), np.array(losses))


def staleness(
    history: History, *, ages: NDArray[np.int64], level: float = 0.95
) -> IntervalEstimate[NDArray[np.float64]]:
    """Estimate what age costs: the mean loss of models of an age less that of fresh ones, on the same rows.

    Parameters
    ----------
    ages : ndarray of int64
        Ages in periods, above 0 and below the number of periods decided on.

    Returns
    -------
    IntervalEstimate
        Arrays, a value for each age: loss per row; Student t over periods. One period of that age: (-inf, inf).

    Notes
    -----
    Periods count alike, as in a mean over time. Neighbouring periods are taken as independent, so the intervals are
    somewhat too narrow where drift comes in long waves.

    Examples
    --------
    >>> loss = np.array([[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    >>> history = make_history(loss, [0, 1, 2, 3], first=1, known=[0, 1, 2, 3])
    >>> staleness(history, ages=np.array([1])).value
    array([0.5])
    """
    from holdfast.kernels.stats.mean import mean_t

    found = [mean_t(gaps_of_age(history, age, history.n_periods - 1), level=level) for age in ages.tolist()]
    return IntervalEstimate(*(np.array([each[end] for each in found]) for end in range(3)))


def gaps_of_age(history: History, age: int, newest: int) -> NDArray[np.float64]:
    """Return, for each period up to the newest, how much worse a model of that age did than a fresh one, per row."""
    now = np.arange(history.first + age, newest + 1)
    gaps = history.mean[now - age - history.first, now] - history.mean[now - history.first, now]
    return np.asarray(gaps[~np.isnan(gaps)], dtype=np.float64)
