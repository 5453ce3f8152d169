"""Performance over the periods of a table whose outcomes have not come, or have come for some cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.data.raking import kish_effective_size
from holdfast.kernels.estimation.calibration_map import calibrated
from holdfast.kernels.estimation.confidence_based import (
    Meaning,
    Rows,
    Scored,
    estimate_metric,
    fit_meaning,
    realised_metric,
    reference_range,
    rows_of,
    shift_between,
    with_meaning,
)
from holdfast.kernels.estimation.density_ratio import density_ratio, feature_scale, quadratic, some_cases
from holdfast.kernels.estimation.figures import NOTHING, Figure
from holdfast.kernels.estimation.influence import LARGEST, METRICS, Metric, influence, label_variance
from holdfast.kernels.estimation.prediction_powered import FEWEST_LABELS, ppi_mean, refutation, stretched
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.multiplicity import holm

Numbers = NDArray[np.float64]
Positions = NDArray[np.int64]
FEWEST_TO_BEND = 100


@dataclass(frozen=True, slots=True)
class Reference:
    """Labelled cases of the past.

    Attributes
    ----------
    scored, y
        What the model said, and what happened.
    inputs
        ``(n, n_columns)``: inputs by which periods may differ, as numbers; ``None`` to use no weights.
    part
        ``(n,)``: period or other part of each case, by which the shift of the calibration in the past is measured.
    n_groups
        Groups of ``scored.group``.
    positive
        Position of the positive class, of two.
    """

    scored: Scored
    y: Positions
    inputs: Numbers | None = None
    part: Positions | None = None
    n_groups: int = 0
    positive: int = 1


@dataclass(frozen=True, slots=True)
class Period:
    """Cases of one period: all with scores, some with outcomes.

    Attributes
    ----------
    scored
        What the model says.
    inputs
        As in the reference.
    labelled
        ``(n_labelled,)``: positions of the cases whose outcomes have come.
    outcome
        ``(n_labelled,)``
    probability
        ``(n_labelled,)``: with which probability each was chosen; ``None`` for a plain random sample.
    """

    scored: Scored
    inputs: Numbers | None = None
    labelled: Positions = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    outcome: Positions = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    probability: Numbers | None = None


class PeriodEstimate(NamedTuple):
    """All there is to say of one period."""

    figures: tuple[Figure, ...]
    rows: Rows
    """Its cases, with probabilities calibrated for the period."""
    unweighted: Rows
    """The same by the unweighted calibration of the reference, for comparing periods with it."""
    spread: Mapping[Metric, Numbers]
    """Per row: standard deviation of what a case adds to the metric, for choosing labels (see `per_case`)."""


class OverTime(NamedTuple):
    """The reference's own figures, and the periods."""

    shift_sd: Mapping[Metric, float]
    """Of the calibration between the parts of the reference, beyond chance."""
    rows: Rows
    """Cases of the reference, with calibrated probabilities."""
    periods: tuple[PeriodEstimate, ...]


def estimate_over_time(
    reference: Reference,
    periods: Sequence[Period],
    *,
    rng: np.random.Generator,
    metrics: Sequence[Metric] = METRICS,
    level: float = 0.95,
) -> OverTime:
    """Estimate how a classifier performs in each period, and say where labels refute the estimate.

    Parameters
    ----------
    reference : Reference
    periods : sequence of Period
    rng : numpy.random.Generator
        For the samples from which weights are learned.
    metrics : sequence of Metric
    level : float, default 0.95
        Confidence level of the intervals; one minus it is the error of a false refutation, over all periods.

    Returns
    -------
    OverTime

    Raises
    ------
    ValueError
        If the reference holds one outcome only, or a score is no probability.

    Notes
    -----
    See `estimate_metric` for the estimate, `density_ratio` for the weights, `ppi_mean` for the restated figures and
    `refutation` for the test. Restated figures of ratios are one-step estimates: the metric under probabilities that
    the labels, where they refute it, have moved and stretched, plus the labelled cases' mean influence.
    """
    base = fit_meaning(reference.scored, reference.y, n_groups=reference.n_groups, positive=reference.positive)
    if reference.part is not None:
        settings = {"n_groups": reference.n_groups, "positive": reference.positive}
        base = replace(base, between=shift_between(metrics, reference.scored, reference.y, reference.part, **settings))
    past = {metric: realised_metric(metric, base, reference.scored, reference.y) for metric in metrics}
    weigh = _weights_of(reference)
    found = []
    for number, period in enumerate(periods):
        weight = weigh(period, rng)
        if weight is None:
            meaning, effective = base, 1.0
        else:
            meaning = fit_meaning(
                reference.scored, reference.y, weight=weight, n_groups=reference.n_groups, positive=reference.positive
            )
            meaning = replace(meaning, between=base.between)
            effective = kish_effective_size(weight) / weight.size
        found.append(_period(number, period, base, meaning, past, reference.y.size, metrics, level, effective))
    return OverTime(
        {metric: float(np.sqrt(base.between.get(metric, 0.0))) for metric in metrics},
        rows_of(base, reference.scored),
        tuple(_adjusted(found, level)),
    )


def per_case(rows: Rows, values: Numbers) -> Numbers:
    """Give each case the value of its row.

    Parameters
    ----------
    rows : Rows
    values : ndarray, shape (n_rows,)

    Returns
    -------
    ndarray, shape (n,)
    """
    return values if rows.place is None else values[rows.place]


def wrong_probability(rows: Rows) -> Numbers:
    """Return with which probability each decision is wrong.

    Parameters
    ----------
    rows : Rows

    Returns
    -------
    ndarray, shape (n,)
    """
    return per_case(rows, 1.0 - rows.p[np.arange(rows.predicted.size), rows.predicted])


def _weights_of(reference: Reference) -> Callable[[Period, np.random.Generator], Numbers | None]:
    """Return a function from a period to the weights of the reference for it."""
    if reference.inputs is None:
        return lambda period, rng: None
    inputs = np.column_stack([reference.inputs, _stated(reference.scored)])
    scale = feature_scale(inputs)
    terms = quadratic(inputs, scale)

    def weigh(period: Period, rng: np.random.Generator) -> Numbers | None:
        if period.inputs is None or period.scored.size == 0:
            return None
        some = some_cases(period.scored.size, rng)
        return density_ratio(
            terms, np.column_stack([period.inputs[some], _stated(period.scored)[some]]), scale, rng=rng
        )

    return weigh


def _stated(scored: Scored) -> Numbers:
    """Log odds of all classes but one: they are inputs of the weights too."""
    return scored.logit[:, 1:]


def _period(
    number: int,
    period: Period,
    base: Meaning,
    meaning: Meaning,
    past: Mapping[Metric, tuple[float, float]],
    n_reference: int,
    metrics: Sequence[Metric],
    level: float,
    effective: float,
) -> PeriodEstimate:
    n = period.scored.size
    rows = rows_of(meaning, period.scored)
    unweighted = rows if meaning is base else with_meaning(base, rows)
    labelled = period.labelled
    p_value, gap = _refuted(meaning, period) if labelled.size else (np.nan, np.nan)
    figures: list[Figure] = []
    spread: dict[Metric, Numbers] = {}
    bent = bool(p_value <= 1.0 - level) and labelled.size >= FEWEST_TO_BEND
    for metric in metrics:
        estimated, moved = estimate_metric(metric, meaning, rows, level=level)
        value, sd = past[metric]
        limits = reference_range(metric, value, sd, n, n_reference, meaning.between.get(metric, 0.0))
        is_enough = labelled.size >= min(FEWEST_LABELS, max(n, 1))
        restated = _restated(metric, meaning, rows, period, level, bent) if is_enough else NOTHING
        figure = Figure(
            number, metric, n, labelled.size, value, *estimated.estimate, *restated,
            restated.value if labelled.size == n else np.nan, *limits, "", effective, gap, p_value, False,
        )  # fmt: skip
        figures.append(figure.placed())
        spread[metric] = np.sqrt(label_variance(moved.rows, rows.p))
    return PeriodEstimate(tuple(figures), rows, unweighted, spread)


def _refuted(meaning: Meaning, period: Period) -> tuple[float, float]:
    """Smallest p-value over the judged classes (Bonferroni), and the gap that goes with it."""
    some = period.scored.take(period.labelled)
    found = []
    for one, at in zip(meaning.maps, meaning.classes, strict=True):
        p = calibrated(one, some.logit[:, at], some.group)
        found.append(refutation(one, some.logit[:, at], p, period.outcome == at, some.group))
    worst = min(found, key=lambda each: each.p_value if np.isfinite(each.p_value) else np.inf)
    return min(1.0, len(found) * worst.p_value) if np.isfinite(worst.p_value) else np.nan, worst.mean_gap


def _restated(
    metric: Metric, meaning: Meaning, rows: Rows, period: Period, level: float, bent: bool
) -> IntervalEstimate[float]:
    """Correct an estimate by the period's labelled cases, with probabilities bent towards them where they refute it."""
    n, at, y = period.scored.size, period.labelled, period.outcome
    if at.size == n:
        order = np.argsort(at)
        value, _ = realised_metric(metric, meaning, period.scored.take(at[order]), y[order])
        low, high = (value, value) if np.isfinite(value) else (0.0, LARGEST[metric])
        return IntervalEstimate(value, low, high)
    probability = np.full(at.size, at.size / n) if period.probability is None else period.probability
    place = at if rows.place is None else rows.place[at]
    moved = rows.p
    if bent:
        happened = np.asarray(y[:, None] == np.arange(meaning.n_classes), dtype=np.float64)
        each = [stretched(p, p[place], happened[:, k], 1.0 / probability) for k, p in enumerate(rows.p.T)]
        moved = np.column_stack(each) / np.sum(each, axis=0)[:, None]
    found = influence(metric, moved, rows.score, rows.predicted, rows.count, positive=meaning.classes[0])
    if not np.isfinite(found.value):
        return IntervalEstimate(np.nan, 0.0, LARGEST[metric])
    expected = (found.rows * moved).sum(axis=1)
    part = ppi_mean(
        found.rows[place, y],
        expected[place],
        float(rows.count @ expected) / n,
        probability=probability,
        least_spread=np.sqrt(label_variance(found.rows, moved)[place]),
        level=level,
    )
    ends = np.clip(np.array(part) + found.value, 0.0, LARGEST[metric])
    return IntervalEstimate(*(float(end) for end in ends))


def _adjusted(found: Sequence[PeriodEstimate], level: float) -> list[PeriodEstimate]:
    """Adjust the p-values for the number of periods that were tested."""
    raw = np.array([period.figures[0].p_value for period in found])
    tested = np.isfinite(raw)
    raw[tested] = holm(raw[tested]) if tested.any() else raw[tested]
    return [
        period._replace(
            figures=tuple(one._replace(p_value=float(p), is_refuted=bool(p <= 1.0 - level)) for one in period.figures)
        )
        for period, p in zip(found, raw, strict=True)
    ]
