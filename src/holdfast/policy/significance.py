"""How strongly a measurement speaks for a violated threshold, read back from its interval."""

from __future__ import annotations

from holdfast.core.measurement import Measurement
from holdfast.policy.rules import Comparison

BINOMIAL_METHODS = ("clopper-pearson", "wilson", "wilson score")


def p_violated(measurement: Measurement, *, comparison: Comparison, limit: float) -> float | None:
    """Compute a one-sided p-value against the hypothesis that the threshold holds.

    Small values speak for a violation. A measurement whose value is on the good side gets 1, as does one whose interval
    is open on the side that faces the threshold.

    Parameters
    ----------
    measurement : Measurement
    comparison : {"max", "min"}
        Whether the value must be at most or at least the limit.
    limit : float

    Returns
    -------
    float or None
        In [0, 1]; ``None`` for a measurement without interval.

    Notes
    -----
    For a share with a binomial interval (Clopper-Pearson, Wilson) the count is recovered as round(value x n) and the
    p-value is the exact binomial tail at the limit. Otherwise the distance from the value to the end that faces the
    threshold is taken as a normal quantile of the interval's level, and z = (value - limit) / standard error. This is
    exact for intervals of the form estimate +- z x standard error and an approximation for others (bootstrap,
    confidence sequences); at the interval's own level it always agrees with the interval. An interval with one open end
    is taken as one-sided. A value outside its own interval (bias corrections do that) is replaced by the nearest end.
    """
    interval = measurement.interval
    if interval is None:
        return None
    # With the signs turned, a minimum is a maximum: larger is worse, and the lower end faces the threshold.
    sign = 1.0 if comparison == "max" else -1.0
    value, bound = sign * measurement.value, sign * limit
    facing, away = (interval.low, interval.high) if comparison == "max" else (interval.high, interval.low)
    if value <= bound or facing is None:
        return 1.0
    count = _binomial_count(measurement)
    if count is not None:
        return _binomial_tail(count, measurement.n or 0, comparison=comparison, limit=limit)
    return _normal_tail(value, bound, sign * facing, level=interval.level, one_sided=away is None)


def _binomial_count(measurement: Measurement) -> int | None:
    n, method = measurement.n, (measurement.method or "").lower()
    if measurement.unit != "share" or not n or method not in BINOMIAL_METHODS:
        return None
    count = round(measurement.value * n)
    return count if abs(count / n - measurement.value) < 1e-3 / n else None


def _binomial_tail(count: int, n: int, *, comparison: Comparison, limit: float) -> float:
    from scipy.special import bdtr, bdtrc

    if not 0 <= limit <= 1:
        return 0.0
    tail = bdtrc(count - 1, n, limit) if comparison == "max" else bdtr(count, n, limit)
    return float(tail)


def _normal_tail(value: float, bound: float, facing: float, *, level: float, one_sided: bool) -> float:
    from scipy.special import ndtr, ndtri

    half = max(value, facing) - facing
    if half == 0.0:
        return 0.0 if facing > bound else 1.0
    quantile = float(ndtri(level if one_sided else 0.5 + level / 2))
    return float(ndtr(-quantile * (value - bound) / half))
