"""Test on fresh rows whether slices of a table have higher losses than the rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom
from scipy.stats import t as student_t

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.multiplicity import holm
from holdfast.kernels.stats.proportions import clopper_pearson


class Confirmation(NamedTuple):
    """Slices against the rest on rows that had no part in finding them; each field ``(n_slices,)``."""

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    rest: NDArray[np.float64]
    gap: NDArray[np.float64]
    low: NDArray[np.float64]
    """Lower end of the gap's interval; the intervals of all slices hold together with probability `level`."""
    high: NDArray[np.float64]
    p_value: NDArray[np.float64]
    """One-sided, that the slice's loss is not above the rest's."""
    adjusted_p_value: NDArray[np.float64]


def confirm_slices(losses: ArrayLike, members: ArrayLike, *, level: float = 0.95) -> Confirmation:
    """Test on fresh rows whether each slice has a higher loss than the rest.

    Parameters
    ----------
    losses : array-like, shape (n_samples,)
        Losses of rows that had no part in finding the slices.
    members : array-like of bool, shape (n_slices, n_samples)
        Rows of each slice.
    level : float, default 0.95
        Confidence level of all intervals together, inside (0, 1).

    Returns
    -------
    Confirmation
        Without rows in a slice, or without a rest: gap NaN, interval from -inf to inf (-1 to 1 for losses of 0 and 1)
        and a p-value of 1.

    Raises
    ------
    ValueError
        If a loss is not finite or shapes do not fit.

    Notes
    -----
    Losses of 0 and 1: Fisher's exact test, and the difference of two exact (Clopper-Pearson) intervals. Other losses:
    Welch's test and interval; for losses skewed to the right the one-sided test errs on the safe side, because a high
    mean comes with a high variance. p-values are adjusted after Holm, intervals after Bonferroni.

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. JRSS 98, 39-82.
    Welch, B. L. (1947). The generalization of Student's problem when several different population variances are
    involved. Biometrika 34, 28-35.

    Examples
    --------
    >>> found = confirm_slices([1, 1, 1, 0, 0, 0, 0, 0], [[True] * 4 + [False] * 4])
    >>> found.gap.tolist(), found.p_value.round(4).tolist()
    ([0.75], [0.0714])
    """
    check_level(level)
    values = float_vector(losses, name="losses")
    inside = np.atleast_2d(np.asarray(members, dtype=np.bool_))
    check_same_length(values.size, inside.shape[1], names=("losses", "members"))
    each = 1.0 - (1.0 - level) / max(inside.shape[0], 1)
    is_binary = bool(np.isin(values, (0.0, 1.0)).all())
    n, total = inside.sum(axis=1), inside @ values
    n_rest, total_rest = values.size - n, values.sum() - total
    mean, rest = _ratio(total, n), _ratio(total_rest, n_rest)
    if is_binary:
        p, low, high = _exact(total, n, total_rest, n_rest, each)
    else:
        squares = inside @ values**2
        variance = _variance(squares, mean, n)
        variance_rest = _variance((values**2).sum() - squares, rest, n_rest)
        p, low, high = _welch(
            mean - rest, variance / np.maximum(n, 1), variance_rest / np.maximum(n_rest, 1), n, n_rest, each
        )
    return Confirmation(n, mean, rest, mean - rest, low, high, p, holm(p))


def _exact(
    total: NDArray[np.float64],
    n: NDArray[np.int64],
    total_rest: NDArray[np.float64],
    n_rest: NDArray[np.int64],
    level: float,
) -> tuple[NDArray[np.float64], ...]:
    hits, hits_rest = np.rint(total).astype(np.int64), np.rint(total_rest).astype(np.int64)
    p = np.clip(hypergeom.sf(hits - 1, n + n_rest, hits + hits_rest, n), 0.0, 1.0)
    # Half of the error rate for each of the two shares: exact whatever the sizes. Newcombe's intervals, fine at 95 %,
    # exclude equality far too often at the levels that a correction for many slices asks for.
    each = 0.5 * (1.0 + level)
    inside, outside = clopper_pearson(hits, n, level=each), clopper_pearson(hits_rest, n_rest, level=each)
    return p, inside.low - outside.high, inside.high - outside.low


def _welch(
    gap: NDArray[np.float64],
    error: NDArray[np.float64],
    error_rest: NDArray[np.float64],
    n: NDArray[np.int64],
    n_rest: NDArray[np.int64],
    level: float,
) -> tuple[NDArray[np.float64], ...]:
    known = (n > 1) & (n_rest > 1) & (error + error_rest > 0.0)
    spread = np.where(known, error + error_rest, 1.0)
    freedom = spread**2 / np.where(
        known, error**2 / np.maximum(n - 1, 1) + error_rest**2 / np.maximum(n_rest - 1, 1), 1.0
    )
    p = np.where(known, student_t.sf(np.where(known, gap, 0.0) / np.sqrt(spread), freedom), 1.0)
    half = student_t.isf((1.0 - level) / 2.0, freedom) * np.sqrt(spread)
    return p, np.where(known, gap - half, -np.inf), np.where(known, gap + half, np.inf)


def _variance(squares: NDArray[np.float64], mean: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.maximum(squares - n * np.nan_to_num(mean) ** 2, 0.0) / np.maximum(n - 1, 1)


def _ratio(total: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(n == 0, np.nan, total / np.maximum(n, 1))
