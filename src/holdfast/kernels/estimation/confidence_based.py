"""Performance of a classifier on cases without outcomes, from what its stated probabilities have meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from holdfast.kernels.estimation.calibration_map import (
    N_CELLS,
    Calibration,
    calibrated,
    calibration_variance,
    cell_logits,
    fit_calibration,
    logits,
    score_cells,
)
from holdfast.kernels.estimation.influence import LARGEST, Influence, Metric, influence, label_variance
from holdfast.kernels.performance.inputs import class_positions, score_matrix
from holdfast.kernels.stats.inputs import check_level, check_same_length
from holdfast.kernels.stats.interval import IntervalEstimate

Numbers = NDArray[np.float64]
Positions = NDArray[np.int64]
RANGE_SDS = 3.0
FEWEST_PARTS = 4
MOST_CODES = 1 << 20
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Scored:
    """Cases with what the model says of them.

    Attributes
    ----------
    score
        ``(n, n_classes)``: stated probabilities; rows add up to one.
    predicted
        ``(n,)``: what the model decides.
    group
        ``(n,)``: group of each case, -1 for one that the reference does not hold; ``None`` for one calibration of all.
    logit
        ``(n, n_classes)``: log odds of the scores.
    """

    score: Numbers
    predicted: Positions
    group: Positions | None
    logit: Numbers

    @property
    def size(self) -> int:
        """Number of cases."""
        return int(self.predicted.size)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Scored:
        """Return some of the cases."""
        group = None if self.group is None else self.group[rows]
        return Scored(self.score[rows], self.predicted[rows], group, self.logit[rows])


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the stated probability of each class has meant: of two classes one map, for the positive; else one each."""

    maps: tuple[Calibration, ...]
    classes: tuple[int, ...]
    n_classes: int
    between: dict[Metric, float] = field(default_factory=dict)
    """Variance by which estimates missed between the parts of the reference, beyond chance."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Cases put together where they agree: log odds per judged class, scores, decisions, how many, and outcomes."""

    logit: Numbers
    score: Numbers
    predicted: Positions
    group: Positions | None
    count: Numbers
    place: Positions | None
    """Row of each case; ``None`` where each case is its own."""
    p: Numbers
    """Shape ``(n_rows, n_classes)``: probabilities of the outcomes."""


class Estimated(NamedTuple):
    """An estimated metric and where its error comes from."""

    estimate: IntervalEstimate[float]
    label_sd: float
    """Of the outcomes, given their probabilities."""
    map_sd: float
    """Of the calibration."""
    shift_sd: float
    """Of the calibration's shift, as far as the reference's own parts showed one."""


def scored_cases(score: ArrayLike, predicted: ArrayLike, *, group: Positions | None = None) -> Scored:
    """Check what a model says of cases, once.

    Parameters
    ----------
    score : array-like, shape (n, n_classes)
        Probabilities of two classes or more; rows add up to one.
    predicted : array-like of int, shape (n,)
        Decisions as positions.
    group : ndarray of int64, shape (n,), optional
        -1 for a group that the reference does not hold.

    Returns
    -------
    Scored

    Raises
    ------
    ValueError
        If a score is NaN or outside [0, 1], a row does not add up to one, a decision is no class, or lengths differ.
    """
    scores = score_matrix(score)
    decided = class_positions(predicted, n_classes=scores.shape[1], name="predicted")
    check_same_length(scores.shape[0], decided.size, names=("score", "predicted"))
    if scores.shape[1] < 2:
        raise ValueError(f"expected scores of two classes or more, got {scores.shape[1]} column")
    sums = scores.sum(axis=1)
    off = np.abs(sums - 1.0) > SUM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise ValueError(
            f"expected rows of scores that add up to 1, got {sums[row]:.6g} in row {row} ({off.sum()} such)"
        )
    if scores.shape[1] == 2:
        second = logits(scores[:, 1])
        return Scored(scores, decided, group, np.column_stack([-second, second]))
    return Scored(scores, decided, group, np.column_stack([logits(column) for column in scores.T]))


def fit_meaning(
    scored: Scored, y: Positions, *, weight: Numbers | None = None, n_groups: int = 0, positive: int = 1
) -> Meaning:
    """Fit what the stated probabilities have meant to labelled cases.

    Parameters
    ----------
    scored : Scored
    y : ndarray of int64, shape (n,)
        Outcomes as positions.
    weight : ndarray, shape (n,), optional
        How much each case is like those to be judged, from `density_ratio`; equal otherwise.
    n_groups : int, default 0
    positive : int, default 1
        Of two classes, the one that the metrics are about.

    Returns
    -------
    Meaning

    Raises
    ------
    ValueError
        If a class has no case or no other, or a score is no probability.
    """
    k = scored.score.shape[1]
    classes = (positive,) if k == 2 else tuple(range(k))
    maps = tuple(
        fit_calibration(scored.logit[:, at], y == at, weight=weight, group=scored.group, n_groups=n_groups)
        for at in classes
    )
    return Meaning(maps, classes, k)


def rows_of(meaning: Meaning, scored: Scored, y: Positions | None = None) -> Rows:
    """Put cases together and say how probable each outcome is, or which it was.

    Parameters
    ----------
    meaning : Meaning
    scored : Scored
    y : ndarray of int64, shape (n,), optional
        Outcomes; the rows then hold these instead of probabilities.

    Returns
    -------
    Rows
        Of two classes, cases in one cell of the score, with one decision, group and outcome, are one row.
    """
    logit = scored.logit[:, list(meaning.classes)]
    if meaning.n_classes > 2:
        p = _probabilities(meaning, logit, scored.group) if y is None else np.eye(meaning.n_classes)[y]
        return Rows(logit, scored.score, scored.predicted, scored.group, np.ones(scored.size), None, p)
    positive = meaning.classes[0]
    code = score_cells(logit[:, 0]) * 2 + (scored.predicted == positive)
    group = np.zeros(scored.size, dtype=np.int64) if scored.group is None else scored.group + 1
    n_groups = int(group.max(initial=0)) + 1
    code = (code * n_groups + group) * 2 + (0 if y is None else y == positive)
    found, place, count = _distinct(code, 4 * N_CELLS * n_groups)
    found, so = found // 2, found % 2
    found, of_group = found // n_groups, found % n_groups
    at = cell_logits(found // 2)[:, None]
    stated = 1.0 / (1.0 + np.exp(-at[:, 0]))
    groups = None if scored.group is None else of_group - 1
    p = _probabilities(meaning, at, groups) if y is None else _pair(so.astype(np.float64), positive)
    decided = np.where(found % 2 == 1, positive, 1 - positive)
    return Rows(at, _pair(stated, positive), decided, groups, count.astype(np.float64), place, p)


def with_meaning(meaning: Meaning, rows: Rows) -> Rows:
    """Return rows that `rows_of` gave without outcomes, with the probabilities of another calibration.

    Parameters
    ----------
    meaning : Meaning
        Of the same classes as that of the rows.
    rows : Rows

    Returns
    -------
    Rows
    """
    return replace(rows, p=_probabilities(meaning, rows.logit, rows.group))


def estimate_metric(
    metric: Metric, meaning: Meaning, rows: Rows, *, level: float = 0.95
) -> tuple[Estimated, Influence]:
    """Estimate a metric that the cases will turn out to have when their outcomes come.

    Parameters
    ----------
    metric : Metric
    meaning : Meaning
        What the stated probabilities mean for these cases.
    rows : Rows
        As `rows_of` returns them without outcomes.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    tuple of Estimated and Influence
        Without cases, or where the metric does not exist: NaN, and the whole range of the metric.

    Notes
    -----
    Given the probabilities p of the outcomes, the metric is its own expectation to first order, and its error the sum
    of three independent ones: outcomes that fall otherwise than on average (variance of each case's influence under p),
    the error of the calibration (its covariance, through the derivative of the metric with respect to each log odds),
    and a shift of the calibration itself, with the variance that the reference's own parts showed beyond chance. All
    rests on one assumption that no unlabelled case can prove: that a stated probability means what it meant.

    References
    ----------
    Białek, J. et al. (2024). Estimating model performance under covariate shift without labels. arXiv:2401.08348.
    Guillory, D. et al. (2021). Predicting with confidence on unseen distributions. ICCV (average confidence).
    """
    check_level(level)
    found = influence(metric, rows.p, rows.score, rows.predicted, rows.count, positive=meaning.classes[0])
    n = float(rows.count.sum())
    if not np.isfinite(found.value):
        nothing = IntervalEstimate(np.nan, 0.0, LARGEST[metric])
        return Estimated(nothing, np.nan, np.nan, np.nan), found
    by_label = float(rows.count @ label_variance(found.rows, rows.p)) / n**2
    by_map = _map_variance(meaning, rows, found.rows * (rows.count / n)[:, None])
    by_shift = meaning.between.get(metric, 0.0)
    half = float(ndtri(0.5 + level / 2.0) * np.sqrt(by_label + by_map + by_shift))
    low, high = max(found.value - half, 0.0), min(found.value + half, LARGEST[metric])
    estimate = IntervalEstimate(found.value, min(low, found.value), max(high, found.value))
    return Estimated(estimate, float(np.sqrt(by_label)), float(np.sqrt(by_map)), float(np.sqrt(by_shift))), found


def realised_metric(metric: Metric, meaning: Meaning, scored: Scored, y: Positions) -> tuple[float, float]:
    """Compute a metric where all outcomes are known, and the spread of one case's influence on it.

    Parameters
    ----------
    metric : Metric
    meaning : Meaning
        Says which class is the positive one.
    scored : Scored
    y : ndarray of int64, shape (n,)

    Returns
    -------
    tuple of float
        The metric, and a standard deviation: over the root of n, that of the metric of n such cases.
    """
    rows = rows_of(meaning, scored, y)
    found = influence(metric, rows.p, rows.score, rows.predicted, rows.count, positive=meaning.classes[0])
    squares = (rows.p * found.rows**2).sum(axis=1)
    return found.value, float(np.sqrt(rows.count @ squares / max(float(rows.count.sum()), 1.0)))


def reference_range(
    metric: Metric, value: float, spread: float, n: int, n_reference: int, between: float
) -> tuple[float, float]:
    """Return within which values a metric of n cases like the reference's lies but for once in 370 times.

    Parameters
    ----------
    metric : Metric
    value, spread : float
        As `realised_metric` returns them for the reference.
    n, n_reference : int
        Cases of the window and of the reference.
    between : float
        Variance between the parts of the reference beyond chance.

    Returns
    -------
    tuple of float
        Three standard deviations to either side, cut to the metric's range.

    Examples
    --------
    >>> low, high = reference_range("accuracy", 0.8, 0.4, 400, 10**9, 0.0)
    >>> round(low, 2), round(high, 2)
    (0.74, 0.86)
    """
    if n == 0 or not np.isfinite(value):
        return 0.0, LARGEST[metric]
    half = RANGE_SDS * float(np.sqrt(spread**2 * (1.0 / n + 1.0 / n_reference) + between))
    return max(value - half, 0.0), min(value + half, LARGEST[metric])


def shift_between(
    metrics: Sequence[Metric], scored: Scored, y: Positions, part: Positions, *, n_groups: int = 0, positive: int = 1
) -> dict[Metric, float]:
    """Measure by how much estimates miss, beyond chance, between parts of the reference.

    Parameters
    ----------
    metrics : sequence of Metric
    scored : Scored
    y : ndarray of int64, shape (n,)
    part : ndarray of int64, shape (n,)
        Part of each case, such as its period.
    n_groups, positive : int

    Returns
    -------
    dict of Metric to float
        A variance, zero or more; zero with fewer than four parts.

    Notes
    -----
    Each part is estimated by a calibration of all others and compared with its outcomes; the mean squared miss minus
    its expectation without a shift is the variance between parts (method of moments, cut at zero).
    """
    parts = np.unique(part)
    if parts.size < FEWEST_PARTS:
        return dict.fromkeys(metrics, 0.0)
    excess: dict[Metric, list[float]] = {metric: [] for metric in metrics}
    for each in parts:
        inside = part == each
        try:
            meaning = fit_meaning(scored.take(~inside), y[~inside], n_groups=n_groups, positive=positive)
        except ValueError:  # all of one class are in this part: nothing to compare with
            continue
        rows = rows_of(meaning, scored.take(inside))
        for metric in metrics:
            found, _ = estimate_metric(metric, meaning, rows)
            real, _ = realised_metric(metric, meaning, scored.take(inside), y[inside])
            if np.isfinite(real) and np.isfinite(found.estimate.value):
                excess[metric].append((real - found.estimate.value) ** 2 - found.label_sd**2 - found.map_sd**2)
    return {metric: max(0.0, float(np.mean(some))) if some else 0.0 for metric, some in excess.items()}


def _distinct(code: Positions, n_codes: int) -> tuple[Positions, Positions, Positions]:
    """Distinct codes, the place of each among them, and how often each occurs."""
    if n_codes > MOST_CODES:
        return np.unique(code, return_inverse=True, return_counts=True)
    counts = np.bincount(code, minlength=n_codes)
    is_there = counts > 0
    found = np.flatnonzero(is_there)
    return found, (np.cumsum(is_there) - 1)[code], counts[found]


def _pair(p: Numbers, positive: int) -> Numbers:
    return np.column_stack([1.0 - p, p] if positive == 1 else [p, 1.0 - p])


def _probabilities(meaning: Meaning, logit: Numbers, group: Positions | None) -> Numbers:
    each = [calibrated(one, logit[:, at], group) for at, one in enumerate(meaning.maps)]
    if meaning.n_classes == 2:
        return _pair(each[0], meaning.classes[0])
    together = np.column_stack(each)
    return np.asarray(together / together.sum(axis=1, keepdims=True))


def _map_variance(meaning: Meaning, rows: Rows, effect: Numbers) -> float:
    """Variance by the maps' error of the sum of ``effect`` times the probabilities."""
    if meaning.n_classes == 2:
        at = meaning.classes[0]
        p = rows.p[:, at]
        by_odds = (effect[:, at] - effect[:, 1 - at]) * p * (1.0 - p)
        return calibration_variance(meaning.maps[0], rows.logit[:, 0], by_odds, rows.group)
    # Probabilities are divided by their sum: only what differs from the mean over outcomes counts.
    each = np.column_stack([calibrated(one, rows.logit[:, at], rows.group) for at, one in enumerate(meaning.maps)])
    centred = (effect - (effect * rows.p).sum(axis=1, keepdims=True)) / each.sum(axis=1, keepdims=True)
    by_odds = centred * each * (1.0 - each)
    parts = (
        calibration_variance(m, rows.logit[:, at], by_odds[:, at], rows.group) for at, m in enumerate(meaning.maps)
    )
    return float(sum(parts))
