"""Error of a regression on cases without outcomes: a second model learns the loss of the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls
from scipy.special import stdtrit

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

Numbers = NDArray[np.float64]
Inputs = TypeVar("Inputs")
FEWEST = 30


class LossModel(NamedTuple):
    """What is known of the loss given its prediction: a line, with its error; losses in units of the metric."""

    predicted: Numbers
    """Shape ``(n_reference,)``: loss of each reference case, by models that did not see it."""
    slope: float
    intercept: float
    covariance: Numbers
    """Shape ``(2, 2)``: of intercept and slope."""
    residual: Numbers
    """Shape ``(2,)``: the variance of a loss given its estimate is the first plus the second times its square."""


def out_of_fold(
    fit: Callable[[Inputs, Numbers], Callable[[Inputs], Numbers]],
    take: Callable[[NDArray[np.int64]], Inputs],
    loss: ArrayLike,
    *,
    rng: np.random.Generator,
    n_folds: int = 3,
) -> tuple[Numbers, Callable[[Inputs], Numbers]]:
    """Predict each case's loss by models of the others.

    Parameters
    ----------
    fit : callable
        ``fit(inputs, loss)`` trains a model of the loss and returns a function from inputs to losses.
    take : callable
        Returns the inputs of rows of the reference.
    loss : array-like, shape (n,)
        Loss of the model on each reference case.
    rng : numpy.random.Generator
        Draws the folds.
    n_folds : int, default 3

    Returns
    -------
    tuple
        Predicted losses, shape ``(n,)``, and a function that averages the models of all folds for new inputs.

    Raises
    ------
    ValueError
        If there are fewer than 30 cases.

    Examples
    --------
    >>> x = np.linspace(0, 1, 60)
    >>> line = lambda X, y: np.poly1d(np.polyfit(X, y, 1))
    >>> found, later = out_of_fold(line, lambda rows: x[rows], 2 * x, rng=np.random.default_rng(0))
    >>> np.allclose(found, 2 * x), float(later(np.array([0.5])).round(3)[0])
    (True, 1.0)
    """
    losses = float_vector(loss, name="loss")
    if losses.size < FEWEST:
        raise ValueError(f"expected {FEWEST} or more labelled cases to learn the loss from, got {losses.size}")
    fold = rng.permutation(np.arange(losses.size) % n_folds)
    predicted = np.empty(losses.size)
    models = []
    for each in range(n_folds):
        inside = np.flatnonzero(fold == each)
        others = np.flatnonzero(fold != each)
        model = fit(take(others), losses[others])
        predicted[inside] = model(take(inside))
        models.append(model)
    return predicted, lambda inputs: np.asarray(np.mean([model(inputs) for model in models], axis=0))


def fit_loss_model(loss: ArrayLike, predicted: ArrayLike) -> LossModel:
    """Calibrate predicted losses by the losses of the reference.

    Parameters
    ----------
    loss, predicted : array-like, shape (n,)
        Losses, and predictions by models that did not see them (see `out_of_fold`).

    Returns
    -------
    LossModel

    Raises
    ------
    ValueError
        If the lengths differ, a value is not finite, or there are fewer than 30 cases.

    Notes
    -----
    Least squares with a covariance that holds for unequal variances (White 1980): large losses vary more.
    Where predictions do not vary, the mean loss.

    References
    ----------
    White, H. (1980). A heteroskedasticity-consistent covariance matrix estimator. Econometrica 48, 817-838.
    """
    y, x = float_vector(loss, name="loss"), float_vector(predicted, name="predicted")
    check_same_length(y.size, x.size, names=("loss", "predicted"))
    if y.size < FEWEST:
        raise ValueError(f"expected {FEWEST} or more labelled cases, got {y.size}")
    varies = float(np.ptp(x)) > 1e-12 * max(float(np.abs(x).max()), 1e-300)
    basis = np.column_stack([np.ones(y.size), x if varies else np.zeros(y.size)])
    inverse = np.linalg.pinv(basis.T @ basis)
    intercept, slope = (float(c) for c in inverse @ basis.T @ y)
    error = y - basis @ [intercept, slope]
    meat = (basis * (error**2 * y.size / (y.size - 2))[:, None]).T @ basis
    line = intercept + slope * x
    # The squared residuals on the squared line, neither part below zero.
    weights = np.column_stack([np.ones(y.size), line**2])
    parts, _ = nnls(weights, error**2)
    return LossModel(x, slope, intercept, inverse @ meat @ inverse, parts)


def fit_loss_ratio(loss: ArrayLike, predicted: ArrayLike) -> LossModel:
    """Calibrate predicted losses by one factor: the mean loss over the mean prediction of the reference.

    Noise of the predictions flattens a fitted line, which then draws cases with large losses towards the mean of the
    reference. A factor does not; it needs predictions that are right up to scale.

    Parameters
    ----------
    loss, predicted : array-like, shape (n,)
        As for `fit_loss_model`; predictions of zero or more.

    Returns
    -------
    LossModel
        Without intercept. Where all predictions are 0, the mean loss.

    Raises
    ------
    ValueError
        As `fit_loss_model`.

    References
    ----------
    Cochran, W. G. (1977). Sampling techniques, third edition, equation 6.13 (variance of a ratio).
    """
    y, x = float_vector(loss, name="loss"), float_vector(predicted, name="predicted")
    check_same_length(y.size, x.size, names=("loss", "predicted"))
    if y.size < FEWEST or not x.sum() > 0.0:
        return fit_loss_model(y, x)
    ratio = float(y.sum() / x.sum())
    error = y - ratio * x
    covariance = np.diag([0.0, float((error**2).sum() / x.sum() ** 2)])
    parts, _ = nnls(np.column_stack([np.ones(y.size), (ratio * x) ** 2]), error**2)
    return LossModel(x, ratio, 0.0, covariance, parts)


def direct_loss(
    model: LossModel, predicted: ArrayLike, *, between: float = 0.0, level: float = 0.95
) -> IntervalEstimate[float]:
    """Estimate the mean loss that cases will turn out to have when their outcomes come.

    Parameters
    ----------
    model : LossModel
    predicted : array-like, shape (n,)
        Loss of each case as the models of the loss predict it.
    between : float, default 0.0
        Variance by which estimates missed between parts of the reference, beyond chance.
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate
        Zero or more, in units of the loss. Empty: NaN and [0, inf).

    Raises
    ------
    ValueError
        If a prediction is not finite.

    Notes
    -----
    Mean of the calibrated predictions. Its error: the scatter of n losses around their predictions, the error of the
    calibration line, and a shift of the loss given its prediction. The assumption is that cases with like inputs have
    like losses as in the reference, so that a change of the outcome given the inputs is not seen.

    References
    ----------
    The idea is NannyML's "direct loss estimation" (2022); the interval is derived here.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> expected = rng.uniform(1, 2, 4000)
    >>> model = fit_loss_model(expected * rng.exponential(1, 4000), expected)
    >>> found = direct_loss(model, np.full(500, 1.8))
    >>> bool(found.low < 1.8 < found.high)
    True
    """
    check_level(level)
    x = float_vector(predicted, name="predicted")
    if x.size == 0:
        return IntervalEstimate(np.nan, 0.0, np.inf)
    line = model.intercept + model.slope * x
    value = max(float(line.mean()), 0.0)
    by_label = float((scatter(model, x) ** 2).mean()) / x.size
    mean = np.array([1.0, float(x.mean())])
    by_map = float(mean @ model.covariance @ mean)
    half = float(stdtrit(model.predicted.size - 2, 0.5 + level / 2.0) * np.sqrt(by_label + by_map + between))
    return IntervalEstimate(value, max(value - half, 0.0), value + half)


def scatter(model: LossModel, predicted: Numbers) -> Numbers:
    """Return the standard deviation of each case's loss around its estimate.

    Parameters
    ----------
    model : LossModel
    predicted : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
    """
    line = model.intercept + model.slope * predicted
    return np.asarray(np.sqrt(model.residual[0] + model.residual[1] * line**2))


def loss_shift_between(
    loss: ArrayLike,
    predicted: ArrayLike,
    part: NDArray[np.int64],
    *,
    fit: Callable[[Numbers, Numbers], LossModel] = fit_loss_model,
) -> float:
    """Measure by how much estimated mean losses miss, beyond chance, between parts of the reference.

    Parameters
    ----------
    loss, predicted : array-like, shape (n,)
    part : ndarray of int64, shape (n,)
    fit : callable
        Calibrates: `fit_loss_model` or `fit_loss_ratio`.

    Returns
    -------
    float
        A variance, zero or more; zero with fewer than four parts of 30 cases.
    """
    y, x = float_vector(loss, name="loss"), float_vector(predicted, name="predicted")
    excess = []
    for each in np.unique(part):
        inside = part == each
        if min(inside.sum(), (~inside).sum()) < FEWEST:
            continue
        model = fit(y[~inside], x[~inside])
        found = direct_loss(model, x[inside], level=0.6827)
        sd = (found.high - found.value) / float(stdtrit(model.predicted.size - 2, 0.5 + 0.6827 / 2.0))
        excess.append((float(y[inside].mean()) - found.value) ** 2 - sd**2)
    return max(0.0, float(np.mean(excess))) if len(excess) >= 4 else 0.0
