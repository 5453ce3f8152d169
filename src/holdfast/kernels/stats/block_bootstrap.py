"""Intervals for totals of a series whose neighbours depend on each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from holdfast.kernels.stats.inputs import check_level, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

FEWEST_BLOCKS = 4


def block_total(
    values: ArrayLike,
    *,
    rng: np.random.Generator,
    block: int | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> IntervalEstimate[float]:
    """Estimate the expected total of a stationary series with the circular block bootstrap.

    Parameters
    ----------
    values : array-like, shape (n_steps,)
        Finite values in the order of time.
    rng : numpy.random.Generator
    block : int, optional
        Values that stay together; by default twice the cube root of their number, rounded up.
    n_resamples : int, default 2000
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate
        Unit of `values`. Fewer than four blocks: (-inf, inf). Empty: a total of 0, (-inf, inf).

    Raises
    ------
    ValueError
        If a value is not finite or the block is below 1.

    Notes
    -----
    The interval is the total and its bootstrap standard error times Student's t with as many degrees of freedom as
    there are blocks, less one, the error enlarged for what centring takes from few blocks. Simulated coverage at 95 %
    of 30, 60 and 200 steps: 0.98, 0.98, 0.96 for independent values, 0.96, 0.95, 0.94 for an autocorrelation of 0.5.
    Dependence that reaches beyond a block is not seen.

    References
    ----------
    Politis, Romano (1992), A circular block-resampling procedure for stationary data.

    Examples
    --------
    >>> block_total(np.ones(40), rng=np.random.default_rng(0))
    IntervalEstimate(value=40.0, low=40.0, high=40.0)
    """
    check_level(level)
    x = float_vector(values, name="values")
    total = float(x.sum())
    size = int(np.ceil(2.0 * max(x.size, 1) ** (1.0 / 3.0))) if block is None else block
    if size < 1:
        raise ValueError(f"expected blocks of 1 value or more, got {size}")
    n_blocks = x.size / size
    if n_blocks < FEWEST_BLOCKS:
        return IntervalEstimate(total, -np.inf, np.inf)
    from scipy.special import stdtrit

    around = np.concatenate([[0.0], np.cumsum(np.concatenate([x, x[: size - 1]]))])
    sums = around[size:] - around[: x.size]  # of the block that starts at each step
    if float(np.ptp(sums)) <= 1e-12 * max(1.0, float(np.abs(sums).max())):
        return IntervalEstimate(total, total, total)
    drawn = sums[rng.integers(x.size, size=(n_resamples, int(np.ceil(n_blocks))))].sum(axis=1)
    error = float(drawn.std(ddof=1)) * np.sqrt(n_blocks / np.ceil(n_blocks)) * np.sqrt(n_blocks / (n_blocks - 1.0))
    half = float(stdtrit(n_blocks - 1.0, 0.5 + level / 2.0)) * float(error)
    return IntervalEstimate(total, total - half, total + half)
