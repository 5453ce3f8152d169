"""Metrics of a regression model, and its skill against a baseline, with intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.bootstrap import bootstrap_interval, bootstrap_replicates
from holdfast.kernels.stats.inputs import paired_vectors
from holdfast.kernels.stats.interval import IntervalEstimate

# From here on a quarter of the replicates is drawn, for time. With 500 of them, the standard error of an end is a
# thirtieth of the interval's width.
_MANY_ROWS = 50_000


def r2_interval(
    y_true: ArrayLike, y_pred: ArrayLike, *, rng: np.random.Generator, n_resamples: int, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate the coefficient of determination.

    Parameters
    ----------
    y_true, y_pred : array-like, shape (n_samples,)
        Target and prediction.
    rng : numpy.random.Generator
    n_resamples : int
        Number of bootstrap replicates.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        At most 1, larger is better; 0 is the skill of the mean of these rows, below 0 is worse than that. NaN and
        (-inf, 1] with fewer than three rows or a constant target.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, the lengths differ, or replicates are too few.

    Notes
    -----
    BCa bootstrap of rows. Without any error the interval has no width, which says that the sample shows none.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. JASA 82, 171-185.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(r2_interval([1.0, 2.0, 3.0, 4.0], [1.5, 2.0, 3.0, 3.5], rng=rng, n_resamples=200).value, 3)
    0.9
    """
    true, predicted = paired_vectors(y_true, y_pred, names=("y_true", "y_pred"))
    if true.size < 3 or true.min() == true.max():
        return IntervalEstimate(np.nan, -np.inf, 1.0)
    # Centred and scaled, so that the difference of squares below loses no digits.
    centred = (true - true.mean()) / true.std()
    columns = np.column_stack(((true - predicted) ** 2 / true.var(), centred, centred**2))

    def r2(means: NDArray[np.float64]) -> NDArray[np.float64]:
        variance = means[..., 2] - means[..., 1] ** 2
        return np.asarray(1.0 - means[..., 0] / np.maximum(variance, np.finfo(float).tiny))

    return _interval_of_means(r2, columns, rng=rng, n_resamples=n_resamples, level=level)


def mae_interval(
    y_true: ArrayLike, y_pred: ArrayLike, *, rng: np.random.Generator, n_resamples: int, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate the mean absolute error.

    Parameters
    ----------
    y_true, y_pred, rng, n_resamples, level
        As `r2_interval`.

    Returns
    -------
    IntervalEstimate
        In the unit of the target, smaller is better. NaN and [0, inf) with fewer than three rows.

    Raises
    ------
    ValueError
        As `r2_interval`.

    Notes
    -----
    BCa bootstrap of rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mae_interval([1.0, 2.0, 3.0], [2.0, 2.0, 5.0], rng=rng, n_resamples=200).value
    1.0
    """
    true, predicted = paired_vectors(y_true, y_pred, names=("y_true", "y_pred"))
    if true.size < 3:
        return IntervalEstimate(np.nan, 0.0, np.inf)
    errors = np.abs(true - predicted)[:, None]
    return _interval_of_means(lambda means: means[..., 0], errors, rng=rng, n_resamples=n_resamples, level=level)


def rmse_interval(
    y_true: ArrayLike, y_pred: ArrayLike, *, rng: np.random.Generator, n_resamples: int, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate the root of the mean squared error.

    Parameters
    ----------
    y_true, y_pred, rng, n_resamples, level
        As `r2_interval`.

    Returns
    -------
    IntervalEstimate
        In the unit of the target, smaller is better. NaN and [0, inf) with fewer than three rows.

    Raises
    ------
    ValueError
        As `r2_interval`.

    Notes
    -----
    BCa bootstrap of rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(rmse_interval([1.0, 2.0, 3.0], [2.0, 2.0, 5.0], rng=rng, n_resamples=200).value, 3)
    1.291
    """
    true, predicted = paired_vectors(y_true, y_pred, names=("y_true", "y_pred"))
    if true.size < 3:
        return IntervalEstimate(np.nan, 0.0, np.inf)
    squares = ((true - predicted) ** 2)[:, None]
    return _interval_of_means(
        lambda means: np.sqrt(means[..., 0]), squares, rng=rng, n_resamples=n_resamples, level=level
    )


def skill_interval(
    losses: ArrayLike, baseline_losses: ArrayLike, *, rng: np.random.Generator, n_resamples: int, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate the share of a baseline's loss that a model saves on the same rows.

    Parameters
    ----------
    losses, baseline_losses : array-like, shape (n_samples,)
        Losses of zero or more of both on each row, such as squared errors.
    rng, n_resamples, level
        As `r2_interval`.

    Returns
    -------
    IntervalEstimate
        ``1 - mean(losses) / mean(baseline_losses)``: at most 1, 0 for no better, below 0 for worse. NaN and (-inf, 1]
        with fewer than three rows or a baseline without loss.

    Raises
    ------
    ValueError
        As `r2_interval`.

    Notes
    -----
    BCa bootstrap of rows; both losses of a row stay together.

    References
    ----------
    Murphy, A. H. (1988). Skill scores based on the mean square error. Monthly Weather Review 116, 2417-2424.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(skill_interval([1.0, 0.0, 1.0, 0.0], [2.0, 2.0, 1.0, 3.0], rng=rng, n_resamples=200).value, 3)
    0.75
    """
    both = np.column_stack(paired_vectors(losses, baseline_losses, names=("losses", "baseline_losses")))
    if both.shape[0] < 3 or both[:, 1].max() <= 0.0:
        return IntervalEstimate(np.nan, -np.inf, 1.0)
    both = both / both[:, 1].mean()

    def skill(means: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(1.0 - means[..., 0] / np.maximum(means[..., 1], np.finfo(float).tiny))

    return _interval_of_means(skill, both, rng=rng, n_resamples=n_resamples, level=level)


def _interval_of_means(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    columns: NDArray[np.float64],
    *,
    rng: np.random.Generator,
    n_resamples: int,
    level: float,
) -> IntervalEstimate[float]:
    """BCa interval of a function of column means; the leave-one-out means have a closed form."""
    n = columns.shape[0]
    means = columns.mean(axis=0)
    drawn = n_resamples if n < _MANY_ROWS else max(n_resamples // 4, int(np.ceil(2.0 / (1.0 - level))))
    replicates = bootstrap_replicates(lambda rows: function(rows.mean(axis=1)), columns, n_resamples=drawn, rng=rng)
    jackknife = function((n * means - columns) / (n - 1.0))
    return bootstrap_interval(float(function(means)), replicates, level=level, method="bca", jackknife=jackknife)
