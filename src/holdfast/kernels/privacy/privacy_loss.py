"""The distribution of the privacy loss of repeated noisy sums over Poisson samples: tight upper bounds of epsilon."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import log_ndtr, logsumexp, ndtri

from holdfast.kernels.stats.bisection import boundary

STEP, MOST_POINTS = 1e-4, 2**21
CUT = 1e-4  # share of delta that each cut of a tail may cost
ROUNDING = 1e-14  # for each step; what the Fourier transform may get wrong in the sum of probabilities

Points = NDArray[np.float64]


def poisson_pld_epsilon(*, noise_multiplier: float, sampling_rate: float, n_steps: int, delta: float) -> float:
    """Bound epsilon from above by composing the distribution of the privacy loss itself.

    Parameters
    ----------
    noise_multiplier : float
        Standard deviation of the noise over the norm that a record's gradient is clipped to, greater than 0.
    sampling_rate : float
        Probability that a record enters a batch, inside (0, 1).
    n_steps : int
        Batches, 1 or more.
    delta : float
        Inside (0, 1).

    Returns
    -------
    float
        For leaving out a record and for adding one, the larger; infinite where the distribution does not fit on the
        grid or delta is lost in rounding: other bounds hold then.

    Notes
    -----
    The loss of one step is replaced by one on a grid of 1e-4 that it cannot be better than: its curve of delta over
    exp(epsilon) runs straight between points of the true, convex curve (*connect the dots*). Sums over steps come from
    a Fourier transform; what lies outside its window, bounded by Chernoff, counts as lost, as does rounding. Cost
    O(m log m) for m points of the window, at most 2**21.

    References
    ----------
    Doroshenko, V., Ghazi, B., Kamath, P., Kumar, R. and Manurangsi, P. (2022). Connect the dots: tighter discrete
    approximations of privacy loss distributions. PoPETs 2022(4), section 4. Koskela, A., Jälkö, J. and Honkela, A.
    (2020). Computing tight differential privacy guarantees using FFT. AISTATS.

    Examples
    --------
    >>> round(poisson_pld_epsilon(noise_multiplier=1.0, sampling_rate=0.01, n_steps=1000, delta=1e-5), 3)
    1.828
    """
    if n_steps * ROUNDING > 0.01 * delta:
        return math.inf
    found = []
    for is_added in (False, True):
        loss = _one_step(noise_multiplier, sampling_rate, CUT * delta / n_steps, is_added=is_added)
        if loss is None:
            return math.inf
        found.append(_epsilon(*loss, n_steps=n_steps, delta=delta))
    return max(found)


def _one_step(noise: float, rate: float, tail: float, *, is_added: bool) -> tuple[Points, Points, float] | None:
    """Return a grid of losses, their probabilities, and the probability of an infinite one."""
    reach = noise * -float(ndtri(min(tail, 0.5)))
    top, bottom = (_loss(x, noise, rate) for x in (1.0 + reach, -reach))
    low, high = (-top, -math.log1p(-rate)) if is_added else (bottom, top)
    first, last = math.floor(low / STEP) - 1, math.ceil(high / STEP) + 1
    if last - first > MOST_POINTS:
        return None
    grid = np.arange(first, last + 1, dtype=np.float64) * STEP
    delta = (_delta_added if is_added else _delta_removed)(grid, noise, rate)
    alpha = np.exp(grid - grid[-1])  # scaled: it may be too large for a number
    # straight lines from (0, 1) through the points, level after the last; a bend is a probability without the record
    slopes = np.diff(delta, prepend=1.0) / np.diff(alpha, prepend=0.0)
    bends = np.maximum(np.diff(slopes, append=0.0), 0.0)
    return grid, bends * alpha, float(max(delta[-1], 0.0))


def _loss(x: float, noise: float, rate: float) -> float:
    return float(np.logaddexp(math.log1p(-rate), math.log(rate) + (2.0 * x - 1.0) / (2.0 * noise**2)))


def _at(ratio: Points, noise: float, rate: float) -> tuple[Points, Points]:
    """Where the mixture is ``exp(ratio)`` times as likely as noise, and how much likelier its part with a record."""
    with np.errstate(divide="ignore", invalid="ignore"):
        likelier = np.where(
            np.exp(ratio) > 1.0 - rate, ratio + np.log(-np.expm1(math.log1p(-rate) - ratio)) - math.log(rate), -np.inf
        )
    return noise**2 * likelier + 0.5, likelier


def _delta_removed(grid: Points, noise: float, rate: float) -> Points:
    """Return delta at each epsilon, with the record against without it."""
    x, likelier = _at(grid, noise, rate)
    with np.errstate(invalid="ignore"):
        more = np.exp(log_ndtr(-(x - 1.0) / noise)) - np.exp(likelier + log_ndtr(-x / noise))
    return np.where(np.isneginf(x), -np.expm1(grid), rate * more)


def _delta_added(grid: Points, noise: float, rate: float) -> Points:
    """Return delta at each epsilon, without the record against with it."""
    x, likelier = _at(-grid, noise, rate)
    with np.errstate(invalid="ignore"):
        more = np.exp(grid + likelier + log_ndtr(x / noise)) - np.exp(grid + log_ndtr((x - 1.0) / noise))
    return np.where(np.isneginf(x), 0.0, rate * more)


def _epsilon(grid: Points, share: Points, infinite: float, *, n_steps: int, delta: float) -> float:
    """Compose the steps and find the smallest epsilon whose delta is small enough."""
    low, high = _window(grid, share, n_steps, CUT * delta)
    first, n_points = math.floor(low / STEP), math.ceil((high - low) / STEP) + 2
    if n_points > MOST_POINTS:
        return math.inf
    size = next_fast_len(max(n_points, grid.size), real=True)
    start = round(grid[0] / STEP)
    composed = irfft(rfft(share, size) ** n_steps, size)
    # position k of the circle holds the sum n * start + k, up to whole turns
    composed = np.maximum(np.roll(composed, (n_steps * start - first) % size), 0.0)
    loss = STEP * (first + np.arange(size))
    lost = -math.expm1(n_steps * math.log1p(-min(infinite, 0.5))) + CUT * delta + n_steps * ROUNDING

    def is_too_small(epsilon: NDArray[np.float64]) -> NDArray[np.bool_]:
        above = loss > epsilon
        spent = lost - float(composed[above] @ np.expm1(float(epsilon) - loss[above]))
        return np.asarray(spent > delta)

    if not is_too_small(np.zeros(())):
        return 0.0
    return float(boundary(is_too_small, inside=0.0, outside=float(loss[-1]) + 1.0))


def _window(grid: Points, share: Points, n_steps: int, tail: float) -> tuple[float, float]:
    """Bound the sum of the losses: it lies outside with at most the probability ``tail`` on each side (Chernoff)."""
    with np.errstate(divide="ignore"):
        logs = np.log(share)
    ends = []
    for sign in (-1.0, 1.0):
        bounds = [
            (n_steps * float(logsumexp(logs + sign * power * grid)) - math.log(tail)) / power
            for power in np.geomspace(0.1, 100.0, 25) / max(1.0, math.sqrt(n_steps) * 0.01)
        ]
        ends.append(sign * min(bounds))
    return max(ends[0], n_steps * float(grid[0])), min(ends[1], n_steps * float(grid[-1]))
