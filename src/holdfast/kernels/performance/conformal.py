"""Intervals around predicted numbers that hold the truth as often as promised, whatever the model is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector

Numbers = NDArray[np.float64]
# Distances that are in memory at once.
_CELLS = 4_000_000


class PredictionIntervals(NamedTuple):
    """Lower and upper ends, each ``(n_new,)``; infinite where there are too few known cases for the promise."""

    low: Numbers
    high: Numbers


def split_intervals(residual: ArrayLike, predicted: ArrayLike, *, coverage: float = 0.9) -> PredictionIntervals:
    """Put intervals of one width around predictions (split conformal).

    Parameters
    ----------
    residual : array-like, shape (n_known,)
        Truth minus prediction of cases that neither trained the model nor are among the new ones.
    predicted : array-like, shape (n_new,)
        Predictions of the new cases.
    coverage : float, default 0.9
        Share of new cases whose interval is to hold the truth, inside (0, 1).

    Returns
    -------
    PredictionIntervals

    Raises
    ------
    ValueError
        If a number is NaN or infinite.

    Notes
    -----
    The half width is the ``ceil((n_known + 1) * coverage)``-th smallest size of a residual. Over draws of known and new
    cases from one population the coverage is at least the promised one, and at most ``1 / (n_known + 1)`` more without
    ties.

    References
    ----------
    Lei, J., G'Sell, M., Rinaldo, A., Tibshirani, R. J. and Wasserman, L. (2018). Distribution-free predictive inference
    for regression. JASA 113, 1094-1111, algorithm 2.

    Examples
    --------
    >>> split_intervals([-1.0, 2.0, -3.0, 4.0], [10.0], coverage=0.6)
    PredictionIntervals(low=array([7.]), high=array([13.]))
    """
    check_level(coverage)
    size, new = np.abs(float_vector(residual, name="residual")), float_vector(predicted, name="predicted")
    half = _smallest(size, coverage)
    return PredictionIntervals(new - half, new + half)


def adaptive_intervals(
    spread: tuple[ArrayLike, ArrayLike],
    known: tuple[ArrayLike, ArrayLike],
    new: tuple[ArrayLike, ArrayLike],
    *,
    coverage: float = 0.9,
    n_neighbours: int = 50,
) -> PredictionIntervals:
    """Put intervals around predictions that are wider where residuals of similar cases scatter more.

    Parameters
    ----------
    spread, known : tuple of (residual, inputs)
        Truth minus prediction ``(n,)`` and inputs as numbers ``(n, n_inputs)`` of cases that tell how residuals
        scatter, and of others that make the promise hold.
    new : tuple of (predicted, inputs)
        Predictions and inputs of the new cases.
    coverage : float, default 0.9
        Share of new cases whose interval is to hold the truth, inside (0, 1).
    n_neighbours : int, default 50
        Nearest cases of `spread` whose residuals give the first ends; all where there are fewer.

    Returns
    -------
    PredictionIntervals

    Raises
    ------
    ValueError
        If a number is NaN or infinite, or shapes do not fit.

    Notes
    -----
    The quantiles of the neighbours' residuals at ``(1 - coverage) / 2`` and its complement are conformalised as those
    of a quantile regression: widened (or narrowed) by the ``ceil((n_known + 1) * coverage)``-th smallest amount by
    which known cases fall outside. Promise as `split_intervals`. Cost O((n_known + n_new) * n_spread * n_inputs).

    References
    ----------
    Romano, Y., Patterson, E. and Candès, E. (2019). Conformalized quantile regression. NeurIPS, equations 6 to 8.

    Examples
    --------
    >>> x = np.repeat([[0.0], [1.0]], 100, axis=0)
    >>> noise = np.tile([-1.0, 1.0, -0.5, 0.5], 50) * np.where(x[:, 0] == 0, 1.0, 5.0)
    >>> found = adaptive_intervals((noise, x), (noise, x), ([0.0, 0.0], [[0.0], [1.0]]))
    >>> found.high.round(1).tolist()
    [1.0, 5.0]
    """
    check_level(coverage)
    (r_spread, x_spread), (r_known, x_known) = (_pair(*each) for each in (spread, known))
    predicted, x_new = _pair(*new)
    if len({x.shape[1] for x in (x_spread, x_known, x_new)}) != 1 or n_neighbours < 1 or not r_spread.size:
        raise ValueError(
            "expected one or more neighbours, and inputs of one width, got "
            f"{x_spread.shape}, {x_known.shape}, {x_new.shape} and n_neighbours={n_neighbours}"
        )
    tails = ((1.0 - coverage) / 2.0, (1.0 + coverage) / 2.0)
    low, high = _neighbour_quantiles(r_spread, x_spread, x_known, n_neighbours, tails)
    widening = _smallest(np.maximum(low - r_known, r_known - high), coverage)
    low, high = _neighbour_quantiles(r_spread, x_spread, x_new, n_neighbours, tails)
    middle = (low + high) / 2.0
    ends = np.minimum(low - widening, middle), np.maximum(high + widening, middle)
    return PredictionIntervals(predicted + ends[0], predicted + ends[1])


def _pair(numbers: ArrayLike, inputs: ArrayLike) -> tuple[Numbers, Numbers]:
    first, x = float_vector(numbers, name="residual or predicted"), np.asarray(inputs, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f"expected finite inputs of shape (n, n_inputs), got {x.shape}; encode them first")
    check_same_length(first.size, x.shape[0], names=("residual or predicted", "inputs"))
    return first, x


def _smallest(score: Numbers, coverage: float) -> float:
    rank = int(np.ceil((score.size + 1) * coverage - 1e-9))
    return float(np.partition(score, rank - 1)[rank - 1]) if rank <= score.size else np.inf


def _neighbour_quantiles(
    residual: Numbers, known: Numbers, new: Numbers, n_neighbours: int, tails: tuple[float, float]
) -> tuple[Numbers, Numbers]:
    """Quantiles of the residuals of the nearest known cases."""
    n = min(n_neighbours, residual.size)
    step = max(1, _CELLS // residual.size)
    squares = (known**2).sum(axis=1)
    ends = np.empty((2, new.shape[0]))
    for start in range(0, new.shape[0], step):
        part = new[start : start + step]
        distance = squares - 2.0 * (part @ known.T)
        nearest = np.argpartition(distance, n - 1, axis=1)[:, :n]
        ends[:, start : start + step] = np.quantile(residual[nearest], tails, axis=1)
    return ends[0], ends[1]
