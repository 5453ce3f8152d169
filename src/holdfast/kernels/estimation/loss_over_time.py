"""Error of a regression over the periods of a table whose outcomes have not come, or have come for some cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from holdfast.kernels.estimation.figures import Figure
from holdfast.kernels.estimation.loss_based import LossModel, direct_loss, fit_loss_model, loss_shift_between
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
    model = fit_loss_model(loss, predicted)
    between = 0.0 if part is None else loss_shift_between(loss, predicted, part)
    found = [_period(at, model, loss, period, between, level) for at, period in enumerate(periods)]
    tested = [at for at, each in enumerate(found) if np.isfinite(each.p_value)]
    for at, p_value in zip(tested, holm([found[at].p_value for at in tested]) if tested else [], strict=True):
        found[at] = found[at]._replace(p_value=float(p_value), is_refuted=bool(p_value <= 1.0 - level))
    return model, found


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
