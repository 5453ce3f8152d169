"""When to train again: by the clock, on drift, on a fall of performance, or when it pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import ndtr, ndtri

from holdfast.kernels.retraining.history import History, Strategy, gaps_of_age
from holdfast.kernels.stats.interval import IntervalEstimate

FEWEST_ROWS = 30
ONE_ERROR = float(2.0 * ndtr(1.0) - 1.0)  # level of an interval of one standard error either way


class Curve(NamedTuple):
    """What age costs, as far as it is known.

    Attributes
    ----------
    loss
        ``(n_ages,)``: loss per row of a model of that age in periods, less that of a fresh one; not falling, 0 at 0.
    error
        ``(n_ages,)``: its standard error, from the spread over periods that all ages share; inf while not known.
    """

    loss: NDArray[np.float64]
    error: NDArray[np.float64]

    def at(self, age: int) -> int:
        """Return the nearest age that is known."""
        return min(age, self.loss.size - 1)


class Gain(NamedTuple):
    """What training again is expected to bring.

    Attributes
    ----------
    total
        Loss that a model trained now saves over the horizon.
    per_row
        Loss per decision that it saves in the period that begins.
    horizon
        Periods that it is to serve for.
    """

    total: IntervalEstimate[float]
    per_row: IntervalEstimate[float]
    horizon: int


def age_curve(history: History, newest: int) -> Curve:
    """Estimate what age costs from all models and all periods up to the newest that is known.

    Returns
    -------
    Curve
        One value, 0, where nothing is known.

    Notes
    -----
    At each age the mean over periods of the loss of a model of that age less that of one trained just before the
    period, on the same rows, so that hard periods cancel. Made not to fall by isotonic regression, weighted by periods:
    the highest ages are known from few. So where seasons return, what is old and fits again is not seen.

    Examples
    --------
    >>> loss = np.array([[0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    >>> from holdfast.kernels.retraining.history import make_history
    >>> age_curve(make_history(loss, [0, 1, 2, 3], first=1, known=[0, 1, 2, 3]), 3).loss.tolist()
    [0.0, 0.5, 1.0]
    """
    found = [gaps_of_age(history, age, newest) for age in range(1, newest - history.first + 1)]
    found = [gaps for gaps in found if gaps.size]
    if not found:
        return Curve(np.zeros(1), np.zeros(1))
    counts = np.array([gaps.size for gaps in found])
    means = np.array([gaps.mean() for gaps in found])
    squares, free = float(sum(gaps.size * gaps.var() for gaps in found)), int((counts - 1).sum())
    spread = np.sqrt(squares / free) if free else np.inf
    fitted = np.maximum(isotonic_regression(means, weights=counts).x, 0.0)
    return Curve(np.append(0.0, fitted), np.append(0.0, spread / np.sqrt(counts)))


def expected_gain(
    history: History, now: int, since: int, *, cost: float, horizon: int | None = None, level: float = 0.95
) -> Gain:
    """Estimate what a model trained now would save over one trained before period ``since``.

    Parameters
    ----------
    now : int
        The period that begins.
    since : int
        Before which period the model in use was trained.
    cost : float
        What training again costs, in units of loss: it settles the horizon.
    horizon : int, optional
        Periods that the new model is to serve for. By default as long as makes the mean cost of a period, training
        included, smallest.
    level : float, default 0.95

    Returns
    -------
    Gain
        Where nothing is known yet of models of any age: NaN within (-inf, inf).

    Notes
    -----
    With g the curve of age (:func:`age_curve`), V decisions a period, and c the loss of the model in use in the period
    that begins, less that of a fresh one, the gain over H periods is V (H c - g(0) - ... - g(H - 1)): the new model
    ages as models did. c is g at the age of the model in use, plus how far that model was off g in the newest known
    period, drawn to 0 as far as rows may explain it (James and Stein). Over the default horizon, the gain exceeds the
    cost exactly when the coming period would cost more than the mean period of the best cycle (renewal reward): the
    best rule where age alone matters. Horizons end where ages are no longer known. Outcomes that are not known when the
    period begins are not used. The interval adds the errors of g, which share periods, and joins that of c.

    References
    ----------
    Barlow, Hunter (1960), Optimum preventive maintenance policies, Operations Research 8. Zliobaite, Budka, Stahl
    (2015), Towards cost-sensitive adaptation, Neurocomputing 150. James, Stein (1961).

    Examples
    --------
    >>> from holdfast.kernels.retraining.history import make_history
    >>> loss = np.array([[0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    >>> history = make_history(loss, [0, 1, 2, 3], first=1, known=[0, 1, 2, 3])
    >>> expected_gain(history, 3, 1, cost=0.1).total.value
    1.0
    """
    newest = history.newest(now)
    curve = age_curve(history, newest)
    if curve.loss.size == 1:
        nothing = IntervalEstimate(np.nan, -np.inf, np.inf)
        return Gain(nothing, nothing, horizon or 1)
    volume = (history.start(now) - history.start(history.first)) / max(1, now - history.first)
    place = curve.at(now - since)
    shift, noise = _own_shift(history, curve, since, newest)
    coming = float(curve.loss[place]) + shift
    served = _best_cycle(curve, volume, cost) if horizon is None else horizon
    ages = np.minimum(np.arange(served), curve.loss.size - 1)
    saved = served * coming - float(curve.loss[ages].sum())
    z = float(ndtri(0.5 + level / 2.0))
    of_coming = float(np.hypot(curve.error[place], noise))
    half = z * float(np.hypot(served * of_coming, curve.error[ages].sum()))
    total = IntervalEstimate(volume * saved, volume * (saved - half), volume * (saved + half))
    return Gain(total, IntervalEstimate(coming, coming - z * of_coming, coming + z * of_coming), served)


def _own_shift(history: History, curve: Curve, since: int, newest: int) -> tuple[float, float]:
    """Return how far the model in use was off the curve in the newest known period, shrunk, and its standard error."""
    start, stop = history.start(newest), history.start(newest + 1)
    if newest <= since or stop - start < FEWEST_ROWS:
        return 0.0, 0.0
    gap = history.of(since, start, stop) - history.of(newest, start, stop)
    off = float(gap.mean() - curve.loss[curve.at(newest - since)])
    noise = float(gap.var(ddof=1) / gap.size)
    kept = max(0.0, 1.0 - noise / off**2) if off else 0.0
    return off * kept, float(np.sqrt(noise)) * kept


def _best_cycle(curve: Curve, volume: float, cost: float) -> int:
    """Return after how many periods of a model the mean cost of a period is smallest."""
    lengths = np.arange(1, curve.loss.size + 1)
    return int(lengths[np.argmin((cost + volume * np.cumsum(curve.loss)) / lengths)])


def never() -> Strategy:
    """Keep the first model."""
    return lambda now, since: False


def every(periods: int) -> Strategy:
    """Train again when the model is so many periods old."""
    if periods < 1:
        raise ValueError(f"expected 1 period or more, got {periods}")
    return lambda now, since: now - since >= periods


def on_drift(alarm: Callable[[int, int], bool]) -> Strategy:
    """Train again when the inputs of the last period are unlike those that the model learned from.

    Parameters
    ----------
    alarm
        ``alarm(now, since)``: whether they are.
    """
    return alarm


def on_fall(history: History, *, level: float = 0.95) -> Strategy:
    """Train again when the model's loss in the newest known period is above that in its first, by a one-sided test.

    Parameters
    ----------
    level : float, default 0.95
        One minus the level of each test (Welch). Tests are repeated in each period without correction, as is usual.
    """
    critical = float(ndtri(level))

    def has_fallen(now: int, since: int) -> bool:
        last = history.newest(now)
        if last <= since:
            return False
        at_first, of_late = (
            history.of(since, history.start(period), history.start(period + 1)) for period in (since, last)
        )
        if min(at_first.size, of_late.size) < FEWEST_ROWS:
            return False
        error = np.sqrt(at_first.var(ddof=1) / at_first.size + of_late.var(ddof=1) / of_late.size)
        return bool(of_late.mean() - at_first.mean() > critical * error)

    return has_fallen


def when_it_pays(
    history: History, *, cost_of_error: float, cost_of_retraining: float, horizon: int | None = None
) -> Strategy:
    """Train again when the expected gain exceeds the cost (:func:`expected_gain`).

    The expected gain is drawn to 0 as far as its error may explain it, because the largest of many is rarely as good as
    it looks: with e its standard error, gain - e^2 / gain has to exceed the cost.

    Raises
    ------
    ValueError
        If a cost is negative, infinite or NaN.
    """
    for name, cost in (("cost_of_error", cost_of_error), ("cost_of_retraining", cost_of_retraining)):
        if not 0.0 <= cost < np.inf:
            raise ValueError(f"expected a cost of 0 or more as {name}, got {cost}")

    if cost_of_error == 0.0:
        return never()
    cost = cost_of_retraining / cost_of_error

    def pays(now: int, since: int) -> bool:
        value, low, _ = expected_gain(history, now, since, cost=cost, horizon=horizon, level=ONE_ERROR).total
        noise = (value - low) ** 2
        return value > 0.0 and value - noise / value > cost

    return pays
