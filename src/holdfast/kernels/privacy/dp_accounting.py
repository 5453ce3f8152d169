"""How much privacy a run of differentially private gradient descent spends: upper bounds of epsilon."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, log_ndtr, logsumexp

from holdfast.kernels.privacy.privacy_loss import poisson_pld_epsilon
from holdfast.kernels.stats.bisection import boundary

Sampler = Literal["poisson", "shuffle", "fixed"]

_WHOLE = np.array([*range(2, 64), 128, 256, 512, 1024], dtype=np.float64)
_BROKEN = np.array([1.02, 1.05, *(1 + tenth / 10 for tenth in range(1, 100) if tenth % 10)])
# Below this noise the integral would need a very fine grid, for an epsilon in the hundreds.
_LEAST_NOISE_FOR_BROKEN = 0.05
_LARGEST = 1e6


def dp_sgd_epsilon(
    *, sampler: Sampler, noise_multiplier: float, sampling_rate: float, n_steps: int, delta: float
) -> float:
    """Bound the epsilon of a run of DP-SGD from above, for the way its batches were drawn.

    Parameters
    ----------
    sampler : {"poisson", "shuffle", "fixed"}
        ``poisson``: every record enters every batch by a coin of its own. ``shuffle``: batches are cut from a
        permutation, so that every record is used once in an epoch. ``fixed``: every batch is a random set of one size.
    noise_multiplier : float
        Standard deviation of the noise over the norm that a record's gradient is clipped to, greater than 0.
    sampling_rate : float
        Expected batch size over number of records, in (0, 1].
    n_steps : int
        Batches, 1 or more.
    delta : float
        Inside (0, 1).

    Returns
    -------
    float
        Epsilon, 0 or more, for leaving out one record; for ``fixed`` also for replacing it by another.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    ``poisson``: the smaller of two bounds, the composed distribution of the privacy loss (`poisson_pld_epsilon`),
    which is within a thousandth of the smallest provable epsilon, and Rényi divergences of the sampled Gaussian
    (`poisson_rdp`) summed over the steps, 8 to 15 % above it for usual runs, which hold at any noise and delta.
    ``fixed``: theorem 9 of Wang et al. (`fixed_batch_rdp`), or no gain from sampling where that is better; a clipped
    gradient that is replaced moves by twice the norm. ``shuffle``: no gain from sampling is claimed. Whoever knows the
    permutation sees a record in one batch of every epoch, which is the Gaussian mechanism once for every epoch that was
    begun; that is solved exactly (`gaussian_epsilon`). That Poisson's figure does not hold for shuffled batches is
    shown by Chua et al.

    References
    ----------
    Mironov, I., Talwar, K. and Zhang, L. (2019). Rényi differential privacy of the sampled Gaussian mechanism,
    section 3. Wang, Y.-X., Balle, B. and Kasiviswanathan, S. (2019). Subsampled Rényi differential privacy and
    analytical moments accountant. AISTATS. Chua, L. et al. (2024). How private are DP-SGD implementations? ICML.

    Examples
    --------
    >>> stated = {"noise_multiplier": 1.0, "sampling_rate": 0.01, "n_steps": 1000, "delta": 1e-5}
    >>> round(dp_sgd_epsilon(sampler="poisson", **stated), 3), round(dp_sgd_epsilon(sampler="shuffle", **stated), 1)
    (1.828, 17.9)
    """
    if not (noise_multiplier > 0 and 0 < sampling_rate <= 1 and n_steps >= 1 and 0 < delta < 1):
        raise ValueError(
            "expected noise above 0, a sampling rate in (0, 1], a step or more and delta inside (0, 1), "
            f"got {noise_multiplier}, {sampling_rate}, {n_steps} and {delta}"
        )
    if sampler == "poisson":
        orders = _WHOLE if noise_multiplier < _LEAST_NOISE_FOR_BROKEN else np.concatenate([_BROKEN, _WHOLE])
        rdp = poisson_rdp(orders, noise_multiplier=noise_multiplier, sampling_rate=sampling_rate)
        sampled = epsilon_from_rdp(n_steps * rdp, orders, delta=delta)
        unsampled = gaussian_epsilon(noise_multiplier=noise_multiplier, n_rounds=n_steps, delta=delta)
        if sampling_rate == 1:
            return unsampled
        composed = poisson_pld_epsilon(
            noise_multiplier=noise_multiplier, sampling_rate=sampling_rate, n_steps=n_steps, delta=delta
        )
        return min(sampled, unsampled, composed)
    if sampler == "shuffle":
        # rounding of 0.1 * 30 must not begin another epoch
        epochs = math.ceil(n_steps * sampling_rate * (1 - 1e-12))
        return gaussian_epsilon(noise_multiplier=noise_multiplier, n_rounds=epochs, delta=delta)
    rdp = fixed_batch_rdp(_WHOLE, noise_multiplier=noise_multiplier / 2, sampling_rate=sampling_rate)
    unsampled = gaussian_epsilon(noise_multiplier=noise_multiplier / 2, n_rounds=n_steps, delta=delta)
    return min(epsilon_from_rdp(n_steps * rdp, _WHOLE, delta=delta), unsampled)


def poisson_rdp(orders: NDArray[np.float64], *, noise_multiplier: float, sampling_rate: float) -> NDArray[np.float64]:
    """Return the Rényi divergences of one step of the Gaussian mechanism on a Poisson sample.

    Parameters
    ----------
    orders : ndarray of float64, shape (n_orders,)
        Greater than 1; for noise below 0.05 whole numbers.
    noise_multiplier, sampling_rate
        As in `dp_sgd_epsilon`.

    Returns
    -------
    ndarray of float64, shape (n_orders,)

    Notes
    -----
    ``log E[(1 - q + q exp((2 z - 1) / (2 s^2)))^order] / (order - 1)`` over z ~ N(0, s^2): for whole orders the
    binomial sum of Mironov et al. (section 3.3), for others the trapezoidal rule, whose error for this integrand falls
    exponentially with the inverse of its step.
    """
    log_moments = [
        _whole_log_moment(int(order), noise_multiplier, sampling_rate)
        if float(order).is_integer()
        else _broken_log_moment(float(order), noise_multiplier, sampling_rate)
        for order in orders
    ]
    return np.asarray(np.maximum(log_moments, 0.0) / (orders - 1.0))


def _whole_log_moment(order: int, noise: float, rate: float) -> float:
    if rate == 1.0:
        return order * (order - 1) / (2 * noise**2)
    k = np.arange(order + 1)
    terms = _log_choose(order, k) + (order - k) * math.log1p(-rate) + k * math.log(rate)
    return float(logsumexp(terms + (k * k - k) / (2 * noise**2)))


def _broken_log_moment(order: float, noise: float, rate: float) -> float:
    step = min(noise / 8, noise**2 / 4)
    z = np.arange(-14 * noise, order + 14 * noise, step)
    kept = math.log1p(-rate) if rate < 1 else -np.inf
    ratio = np.logaddexp(kept, math.log(rate) + (2 * z - 1) / (2 * noise**2))
    log_density = -0.5 * (z / noise) ** 2 - math.log(noise * math.sqrt(2 * math.pi))
    return float(logsumexp(log_density + order * ratio) + math.log(step))


def fixed_batch_rdp(
    orders: NDArray[np.float64], *, noise_multiplier: float, sampling_rate: float
) -> NDArray[np.float64]:
    """Bound the Rényi divergences of one step on a random set of fixed size, when one record is replaced.

    Parameters
    ----------
    orders : ndarray of float64, shape (n_orders,)
        Whole numbers, 2 or more.
    noise_multiplier : float
        Standard deviation of the noise over the largest change that replacing a record makes to the sum: half of what
        DP-SGD calls the noise multiplier.
    sampling_rate : float
        Batch size over number of records, in (0, 1].

    Returns
    -------
    ndarray of float64, shape (n_orders,)
        Upper bounds; never above those without sampling.

    Notes
    -----
    Theorem 9 of Wang et al., with ``order / (2 s^2)`` for the Gaussian, whose largest divergence is infinite.
    """
    plain = orders / (2 * noise_multiplier**2)
    bounds = [_fixed_log_moment(int(order), noise_multiplier, sampling_rate) for order in orders]
    return np.asarray(np.minimum(np.array(bounds) / (orders - 1.0), plain))


def _fixed_log_moment(order: int, noise: float, rate: float) -> float:
    j = np.arange(2, order + 1)
    second = 1.0 / noise**2
    terms = j * math.log(rate) + _log_choose(order, j) + math.log(2.0) + j * (j - 1) / (2 * noise**2)
    # 4 (exp(x) - 1) is smaller than 2 exp(x) where x is small
    terms[0] = min(terms[0], 2 * math.log(rate) + _log_choose(order, j)[0] + math.log(4.0) + _log_expm1(second))
    return float(np.logaddexp(0.0, logsumexp(terms)))


def _log_expm1(x: float) -> float:
    return x + math.log(-math.expm1(-x))


def _log_choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def epsilon_from_rdp(rdp: NDArray[np.float64], orders: NDArray[np.float64], *, delta: float) -> float:
    """Turn Rényi divergences into the smallest epsilon that they prove.

    Parameters
    ----------
    rdp : ndarray of float64, shape (n_orders,)
        Upper bounds of the divergences.
    orders : ndarray of float64, shape (n_orders,)
        Their orders, greater than 1.
    delta : float
        Inside (0, 1).

    Returns
    -------
    float
        0 or more.

    References
    ----------
    Canonne, C., Kamath, G. and Steinke, T. (2020). The discrete Gaussian for differential privacy. NeurIPS,
    proposition 12. Balle, B. et al. (2020). Hypothesis testing interpretations and Rényi differential privacy. AISTATS,
    theorem 21.

    Examples
    --------
    >>> orders = np.array([2.0, 4.0, 8.0])
    >>> round(epsilon_from_rdp(orders / 8, orders, delta=1e-5), 3)
    2.214
    """
    proved = rdp + np.log1p(-1.0 / orders) - (math.log(delta) + np.log(orders)) / (orders - 1.0)
    return max(float(proved.min()), 0.0)


def gaussian_epsilon(*, noise_multiplier: float, n_rounds: int, delta: float) -> float:
    """Return the exact epsilon of the Gaussian mechanism, used again and again without sampling.

    Parameters
    ----------
    noise_multiplier : float
        Standard deviation of the noise over the largest change that a record makes.
    n_rounds : int
        How often it is used, 1 or more; each may depend on what the earlier ones gave.
    delta : float
        Inside (0, 1).

    Returns
    -------
    float
        0 or more, at most a million; rounded up by less than 1e-9.

    References
    ----------
    Balle, B. and Wang, Y.-X. (2018). Improving the Gaussian mechanism for differential privacy. ICML, theorem 8. Dong,
    J., Roth, A. and Su, W. (2022). Gaussian differential privacy. JRSS B 84, corollary 2 (composition).

    Examples
    --------
    >>> round(gaussian_epsilon(noise_multiplier=1.0, n_rounds=1, delta=1e-5), 3)
    4.377
    """
    mu = math.sqrt(n_rounds) / noise_multiplier

    def is_too_small(epsilon: NDArray[np.float64]) -> NDArray[np.bool_]:
        # P(epsilon) - exp(epsilon) Q(epsilon), in logarithms because exp(epsilon) may be too large for a number
        first, second = log_ndtr(mu / 2 - epsilon / mu), epsilon + log_ndtr(-mu / 2 - epsilon / mu)
        spent = np.exp(first) * -np.expm1(np.minimum(second - first, 0.0))
        return np.asarray(spent > delta)

    return float(boundary(is_too_small, inside=0.0, outside=_LARGEST)) if is_too_small(np.zeros(())) else 0.0
