"""Error of a regression over the periods of a table whose outcomes have not come, or have come for some cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from holdfast.kernels.estimation.figures import Figure
from holdfast.kernels.estimation.loss_based import (
    LossModel,
    direct_loss,
    fit_loss_model,
    fit_loss_ratio,
    loss_shift_between,
)
from holdfast.kernels.estimation.prediction_powered import FEWEST_LABELS, ppi_mean
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.multiplicity import holm

Numbers = NDArray[np.float64]
RANGE_SDS = 3.0


class LossPeriod(NamedTuple):
    """Cases of one period: the loss that a model of the loss predicts of all, and the loss of some."""

    predicted: Numbers
    labelled: NDArray[np.int64]
    loss: Numbers
    probability: Numbers | None


def loss_over_time(
    loss: Numbers,
    predicted: Numbers,
    periods: Sequence[LossPeriod],
    *,
    part: NDArray[np.int64] | None = None,
    fit: Callable[[Numbers, Numbers], LossModel] = fit_loss_model,
    level: float = 0.95,
) -> tuple[LossModel, list[Figure]]:
    """Estimate the mean loss in each period, and say where labels refute the estimate.

    Parameters
    ----------
    loss, predicted : ndarray, shape (n_reference,)
        Losses of the reference, and predictions by models that did not see them.
    periods : sequence of LossPeriod
    part : ndarray of int64, shape (n_reference,), optional
        Period of each reference case, by which the shift of the past is measured.
    fit : callable
        Calibrates predicted losses: `fit_loss_model` or `fit_loss_ratio`.
    level : float, default 0.95

    Returns
    -------
    tuple of LossModel and list of Figure

    Raises
    ------
    ValueError
        As `fit_loss_model`.

    Notes
    -----
    The test compares the labelled losses with their estimates: a mean over its standard error, with the error of the
    loss model allowed for; two-sided. It needs some 20 labels, more for skewed losses.
    """
    model = fit(loss, predicted)
    between = 0.0 if part is None else loss_shift_between(loss, predicted, part, fit=fit)
    found = [_period(at, model, loss, period, between, level) for at, period in enumerate(periods)]
    tested = [at for at, each in enumerate(found) if np.isfinite(each.p_value)]
    for at, p_value in zip(tested, holm([found[at].p_value for at in tested]) if tested else [], strict=True):
        found[at] = found[at]._replace(p_value=float(p_value), is_refuted=bool(p_value <= 1.0 - level))
    return model, found


def errors_over_time(
    loss: Numbers,
    predicted: Numbers,
    periods: Sequence[LossPeriod],
    *,
    part: NDArray[np.int64] | None = None,
    level: float = 0.95,
) -> tuple[LossModel, list[Figure]]:
    """Estimate the mean absolute error of each period, and after these its root mean squared error.

    Parameters
    ----------
    loss, predicted, periods, part, level
        As for `loss_over_time`; losses are absolute errors.

    Returns
    -------
    tuple of LossModel and list of Figure
        The model of absolute errors, and ``mae`` and ``rmse`` of every period.

    Notes
    -----
    Squared errors are calibrated on the squares of the predicted absolute errors by one factor, which suits errors that
    differ in scale alone. Roots are taken of the mean and of both ends. Means of squares are skewed, and fall short
    more often than they exceed: the upper end lies as far above as it would on the scale of logarithms. The labels test
    one assumption, once, so that both figures carry the p-value of the absolute errors.
    """
    model, found = loss_over_time(loss, predicted, periods, part=part, level=level)
    squared = [each._replace(predicted=_squares(each.predicted), loss=each.loss**2) for each in periods]
    _, roots = loss_over_time(loss**2, _squares(predicted), squared, part=part, fit=fit_loss_ratio, level=level)
    return model, found + [_root(mean, of) for mean, of in zip(roots, found, strict=True)]


def _squares(predicted: Numbers) -> Numbers:
    return np.asarray(np.maximum(predicted, 0.0) ** 2)


def _root(mean: Figure, of: Figure) -> Figure:
    roots: dict[str, Any] = {
        name: float(np.sqrt(getattr(mean, name)))
        for name in (
            "reference", "estimate", "low", "high", "restated", "restated_low", "restated_high", "realised",
            "range_low", "range_high",
        )
    }  # fmt: skip
    for value, high in (("estimate", "high"), ("restated", "restated_high")):
        roots[high] = float(np.sqrt(_skewed_end(getattr(mean, value), getattr(mean, high))))
    return mean._replace(metric="rmse", gap=of.gap, p_value=of.p_value, is_refuted=of.is_refuted, **roots)


def _skewed_end(value: float, high: float) -> float:
    """Lay an upper end on the scale of logarithms."""
    return value * float(np.exp(min((high - value) / value, 700.0))) if value > 0.0 else high


def _period(number: int, model: LossModel, loss: Numbers, period: LossPeriod, between: float, level: float) -> Figure:
    n, m = period.predicted.size, period.labelled.size
    estimate = direct_loss(model, period.predicted, between=between, level=level)
    mean, spread = float(loss.mean()), float(loss.std(ddof=1))
    half = RANGE_SDS * float(np.sqrt(spread**2 * (1.0 / max(n, 1) + 1.0 / loss.size) + between))
    low, high = max(mean - half, 0.0), mean + half
    line = model.intercept + model.slope * period.predicted
    error = period.loss - line[period.labelled]
    is_whole, is_tested = 0 < m == n, m >= FEWEST_LABELS
    realised = float(period.loss.mean()) if is_whole else np.nan
    restated = IntervalEstimate(realised, realised, realised)
    if is_tested and not is_whole:
        chance = np.full(m, m / n) if period.probability is None else period.probability
        found = ppi_mean(period.loss, line[period.labelled], float(line.mean()), probability=chance, level=level)
        restated = IntervalEstimate(*(max(end, 0.0) for end in found))
    p_value = _p_value(model, period.predicted[period.labelled], error, between) if is_tested else np.nan
    return Figure(
        number, "mae", n, m, mean, *estimate, *restated, realised, low, high, "", 1.0,
        float(error.mean()) if m else np.nan, p_value, False,
    ).placed()  # fmt: skip


def _p_value(model: LossModel, predicted: Numbers, error: Numbers, between: float) -> float:
    mean = np.array([1.0, float(predicted.mean())])
    variance = float(error.var(ddof=1)) / error.size + float(mean @ model.covariance @ mean) + between
    if variance <= 0.0:
        return 1.0 if error.mean() == 0.0 else 0.0
    return float(2.0 * ndtr(-abs(float(error.mean())) / np.sqrt(variance)))
