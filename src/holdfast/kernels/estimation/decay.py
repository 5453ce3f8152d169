"""A silent-decay alarm: the losses that are to be expected change their mean, their spread or their tail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln, logsumexp, stdtr

from holdfast.kernels.stats.inputs import float_vector

Numbers = NDArray[np.float64]
TAIL = 0.95
FEWEST, FEWEST_REFERENCE = 300, 100
STATISTICS = ("mean", "variance", "tail")


class DecaySign(NamedTuple):
    """One statistic of one period against the reference."""

    period: int
    statistic: str
    """``mean``, ``variance`` or ``tail`` (share of losses above the reference's 95 % quantile)."""
    reference: float
    current: float
    z: float
    """Difference in standard errors; NaN for a period of fewer than 300 cases."""
    p_value: float
    """Two-sided, of the tail one-sided: a lighter tail is no decay."""
    threshold: float
    """The alarm sounds at a p-value of this or less."""
    is_alarm: bool


def decay_signs(reference: ArrayLike, periods: Iterable[ArrayLike], *, false_alarms: float = 0.05) -> list[DecaySign]:
    """Compare the expected losses of each period with those of the reference.

    Parameters
    ----------
    reference : array-like, shape (n_reference,)
        Expected loss of each case, such as one minus the probability that the decision is right.
    periods : iterable of array-like, shape (n,)
        In order of time; may be without end.
    false_alarms : float, default 0.05
        Probability of any alarm, ever, while nothing changes.

    Returns
    -------
    list of DecaySign
        Three for each period.

    Raises
    ------
    ValueError
        If the reference has fewer than 100 cases, or a loss is NaN.

    Notes
    -----
    The mean by Welch's t, the variance by that of its logarithm with the fourth moment, both with the degrees of
    freedom of the smaller sample. The tail exactly: how many new cases pass an order statistic of the reference is
    beta-binomial, whatever the losses are distributed like (Wilks 1942). The k-th period may spend ``false_alarms * 6 /
    (pi k) ** 2``, a third for each statistic: all looks together stay below `false_alarms` however many there are. A
    look of fewer than 300 cases is none and spends nothing.

    References
    ----------
    Wilks, S. S. (1942). Statistical prediction with special reference to the problem of tolerance limits. Annals of
    Mathematical Statistics 13, 400-409.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> signs = decay_signs(rng.uniform(0, 0.5, 5000), [rng.uniform(0, 0.5, 500), rng.uniform(0, 0.7, 500)])
    >>> [(sign.period, sign.statistic) for sign in signs if sign.is_alarm]
    [(1, 'mean'), (1, 'variance'), (1, 'tail')]
    """
    past = float_vector(reference, name="reference")
    if past.size < FEWEST_REFERENCE:
        raise ValueError(f"expected {FEWEST_REFERENCE} or more losses of the reference, got {past.size}")
    cut = float(np.quantile(past, TAIL, method="inverted_cdf"))
    before = _moments(past, cut)
    signs: list[DecaySign] = []
    looks = 0
    for number, period in enumerate(periods):
        losses = float_vector(period, name=f"periods[{number}]")
        looks += losses.size >= FEWEST
        allowed = false_alarms * 6.0 / (np.pi * max(looks, 1)) ** 2 / len(STATISTICS)
        now = _moments(losses, cut) if losses.size >= FEWEST else None
        for at, name in enumerate(STATISTICS):
            if now is None:
                signs.append(DecaySign(number, name, before[at][0], np.nan, np.nan, np.nan, allowed, False))
                continue
            z = _distance(before[at], now[at], name)
            if name == "tail":
                p_value = _tail_p_value(int((losses > cut).sum()), losses.size, past.size)
            else:
                p_value = float(2.0 * stdtr(min(losses.size, past.size) - 1, -abs(z)))
            signs.append(
                DecaySign(number, name, before[at][0], now[at][0], z, p_value, allowed, bool(p_value <= allowed))
            )
    return signs


def _moments(losses: Numbers, cut: float) -> list[tuple[float, float]]:
    """Each statistic with its squared standard error; of the variance that of its logarithm."""
    n = losses.size
    centred = losses - losses.mean()
    variance = float(centred @ centred) / (n - 1)
    kurtosis = float((centred**4).mean()) / variance**2 if variance > 0.0 else 3.0
    tail = float((losses > cut).mean())
    return [
        (float(losses.mean()), variance / n),
        (variance, max(kurtosis - (n - 3.0) / (n - 1.0), 1e-3) / n),
        (tail, (n * tail + 0.5) * (n * (1.0 - tail) + 0.5) / n / (n + 1.0) ** 2),
    ]


def _distance(before: tuple[float, float], now: tuple[float, float], name: str) -> float:
    error = np.sqrt(before[1] + now[1])
    if name == "variance":
        if before[0] <= 0.0 or now[0] <= 0.0:
            return 0.0 if before[0] == now[0] else float(np.copysign(np.inf, now[0] - before[0]))
        return float(np.log(now[0] / before[0]) / error)
    difference = now[0] - before[0]
    return float(difference / error) if error > 0.0 else float(np.copysign(np.inf, difference)) if difference else 0.0


def _tail_p_value(above: int, n: int, n_reference: int) -> float:
    """Chance that so many or more of n new losses pass the reference's order statistic at ``TAIL``."""
    rank = int(np.ceil(TAIL * n_reference))
    k = np.arange(above, n + 1, dtype=np.float64)
    a, b = n_reference - rank + 1.0, float(rank)
    log_p = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0) + betaln(k + a, n - k + b) - betaln(a, b)
    return float(min(1.0, np.exp(logsumexp(log_p))))
