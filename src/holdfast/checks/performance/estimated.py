"""How well the model does on cases whose outcomes have not come, and whether labels refute the figure.

**How.** Give the cases of today as `--current`, with or without outcomes; the test table is the reference. *Classes*
(confidence-based estimation): the reference says what a stated probability has meant; it is weighted to the inputs of
each period, and accuracy, AUC, Brier score, log loss, precision, recall and F1 are read off the calibrated
probabilities. *Numbers* (direct loss estimation): boosted trees learn the size of the model's errors on the reference
and predict it for today: mean absolute and root mean squared error. Cases go in order of the `time` column, else their
own, in `periods` of equal size or by `every`. Outcomes that have come restate the figure and test its assumption.

**How to read it.** `estimated.<metric>` is what the cases of today will turn out to have. Its interval holds how the
outcomes may fall, the error of the calibration and, with a `time` column, how far that shifted between parts of the
reference. It rests on one assumption: **a stated probability, for like inputs, means what it meant in the reference**.
No case without its outcome can prove that. `refutation` is the smallest p-value of labelled cases against it, over all
periods (Holm): at 0.05 or less it is refuted, and only restated figures count. `worse_periods` are outside the range
in which AUC and accuracy of the reference lie but for once in 370 times. `decay_alarms` are changes of mean, spread or
tail of the expected error: a false alarm in at most one of 20 tables.

**When it misleads.** Where the world changes (like inputs, other outcomes) the estimate stays high and wrong: only
labels show it. Measured with 500 a period: tables without a change are refuted in 5 % of 200, an AUC that fell by 0.08
in 88 % of periods. Labels must be a random sample, or drawn by `choose`. Weights repair only what the reference holds.

**What to do about a bad result.** Label the cases of the evidence table `to_label` (`choose`: how many), keep the
probability beside each label, and run again. If the assumption is refuted, recalibrate or train on labelled cases of
today. If it holds and the figure fell, the cases have become harder: find out which inputs moved.

- *Good:* `estimated.auc` 0.861 (0.857 to 0.865), reference 0.862, `refutation` 0.64 with 500 labels.
- *Bad:* `refutation` 0.0001, `estimated.auc` 0.85, restated 0.78 (0.75 to 0.82): the assumption fails.
- *Misleading:* `estimated.auc` 0.86 (0.85 to 0.87) and no labels, while the true AUC is 0.78: as it must be without.

References
----------
Białek, J. et al. (2024). Estimating model performance under covariate shift without labels. arXiv:2401.08348.
Angelopoulos, A. N., Bates, S., Fannjiang, C., Jordan, M. I. and Zrnic, T. (2023). Prediction-powered inference.
Science 382, 669-674; PPI++: arXiv:2311.01453.
Garg, S. et al. (2022). Leveraging unlabeled data to predict out-of-distribution performance. ICLR (impossibility).
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject, Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.estimation.confidence_based import Scored
    from holdfast.kernels.estimation.decay import DecaySign
    from holdfast.kernels.estimation.figures import Figure
    from holdfast.kernels.estimation.over_time import Period
    from holdfast.kernels.estimation.parts import Parts

    Known = tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float64] | None]

SPEC = {
    "title": "Performance before the outcomes come",
    "question": "How well does the model do today, where the outcomes have not come yet?",
    "needs": ["test", "target", "predictions", "current"],
    "measures": [
        {"id": "estimated.accuracy", "name": "Accuracy to be expected", "unit": "share",
         "direction": "higher_is_better", "range": (0, 1)},
        {"id": "estimated.auc", "name": "AUC to be expected", "unit": "share",
         "direction": "higher_is_better", "range": (0, 1)},
        {"id": "estimated.brier", "name": "Brier score to be expected", "unit": "share",
         "direction": "lower_is_better", "range": (0, 1)},
        {"id": "estimated.log_loss", "name": "Log loss to be expected", "unit": "nats",
         "direction": "lower_is_better", "range": (0, None)},
        {"id": "estimated.precision", "name": "Precision to be expected", "unit": "share",
         "direction": "higher_is_better", "range": (0, 1)},
        {"id": "estimated.recall", "name": "Recall to be expected", "unit": "share",
         "direction": "higher_is_better", "range": (0, 1)},
        {"id": "estimated.f1", "name": "F1 to be expected", "unit": "share",
         "direction": "higher_is_better", "range": (0, 1)},
        {"id": "estimated.mae", "name": "Mean absolute error to be expected", "unit": "target units",
         "direction": "lower_is_better", "range": (0, None)},
        {"id": "estimated.rmse", "name": "Root mean squared error to be expected", "unit": "target units",
         "direction": "lower_is_better", "range": (0, None)},
        {"id": "worse_periods", "name": "Periods worse than the reference's range", "unit": "periods",
         "direction": "lower_is_better", "range": (0, None)},
        {"id": "decay_alarms", "name": "Changes of the expected error", "unit": "alarms",
         "direction": "lower_is_better", "range": (0, None)},
        {"id": "refutation", "name": "Smallest p-value of labels against the assumption", "unit": "probability",
         "direction": "neither", "range": (0, 1)},
        {"id": "effective_share", "name": "Share of the reference that weights leave", "unit": "share",
         "direction": "higher_is_better", "range": (0, 1)},
    ],
    "reads": ["time"],
    "evidence_codes": ["PERF"],
    "references": ["Białek et al. 2024", "Angelopoulos et al. 2023", "Neyman 1934"],
    "cost": "light",
}  # fmt: skip

FEWEST_ROWS = 100
ASSUMPTION = (
    "A stated probability, for like inputs, means what it meant in the reference (the test table). A change of the "
    "outcomes given the inputs is not seen without labels."
)
LOSS_ASSUMPTION = (
    "Cases with like inputs have like errors as in the reference (the test table). A change of the outcomes given the "
    "inputs is not seen without labels."
)
SAMPLED = "The labelled cases are a random sample of their period, or drawn with the stated probabilities."
NO_TIME = "No time column is named, so the intervals hold no shift of the calibration between periods."
REMEDIATION = (
    "Label the cases of the evidence table `to_label` (or a random sample), keep the probability beside each label, "
    "and run again: labels restate the figure and test its assumption. Where they refute it, recalibrate or retrain."
)
METHOD = "outcomes given their probabilities, calibration and its past shift; delta method"
LOSS_METHOD = "scatter of the errors, loss model and its past shift"
COUNTED = "all outcomes have come"
FOLLOWS = "follows from the estimates and the labels"
POWERED = "prediction-powered (PPI++), Student's t"
DRAWN = ("auc", "accuracy", "mae")
NAMES = {"accuracy": "Accuracy", "auc": "AUC", "brier": "Brier score", "log_loss": "Log loss"}
NAMES |= {"precision": "Precision", "recall": "Recall", "f1": "F1"}
NAMES |= {"mae": "Mean absolute error", "rmse": "Root mean squared error"}
CAPTION = (
    "Estimated without labels, with a band; where labels have come, restated with them or realised. Where these leave "
    "the band, the assumption of the estimate has failed."
)
SERIES = (
    ("estimated", "estimate", "low", "high"), ("with labels", "restated", "restated_low", "restated_high"),
    ("realised", "realised", "realised", "realised"), ("reference", "reference", "reference", "reference"),
)  # fmt: skip


def run(
    subject: Subject,
    ctx: Context,
    *,
    periods: int = 10,
    every: str = "",
    group: str = "",
    weighted: bool = True,
    choose: int = 0,
    probability_column: str = "",
) -> Outcome:
    """Estimate performance per period: `periods` of equal size, or `every` such as 7d by the time column.

    `group` is a column with a calibration of its own for each of its values; `weighted` weights the reference to the
    inputs of each period; `choose` is how many cases to label next; `probability_column` says with which probability a
    labelled case was drawn.
    """
    from holdfast.kernels.estimation.parts import duration, split_periods

    test, current = _tables(subject)
    if test.frame.height < FEWEST_ROWS:
        raise NotRun(
            f"the reference has {test.frame.height} rows, fewer than {FEWEST_ROWS}",
            hint="give a larger test table",
        )
    if current.frame.height == 0:
        raise NotApplicable("the current table has no rows", hint="give the cases of a period")
    try:
        parts = [
            split_periods(_moments(subject, table), table.frame.height, periods=periods, every=duration(every))
            for table in (test, current)
        ]
        known = _known(subject, probability_column)
        if subject.task == "regression":
            return _losses(subject, ctx, parts, choose, known)
        return _classes(subject, ctx, parts, choose, known, group=group, weighted=weighted)
    except ValueError as error:
        raise NotRun(f"nothing can be estimated: {error}", hint="correct the tables or the parameters") from error


def _tables(subject: Subject) -> tuple[Table, Table]:
    assert subject.test is not None
    assert subject.current is not None
    return subject.test, subject.current


def _moments(subject: Subject, table: Table) -> NDArray[np.float64] | None:
    from holdfast.kernels.estimation.parts import moments

    name = subject.deployment.time
    if not name or name not in table.frame.columns:
        return None
    return moments(subject.cells(table.frame.select(name))[name])


def _inputs(subject: Subject, table: Table) -> pl.DataFrame:
    gone = [name for name in subject.features if name not in table.frame.columns]
    if gone:
        raise NotRun(
            f"the current table lacks {len(gone)} of the model's inputs, such as {gone[0]!r}",
            hint="give a table with the columns of the test table",
        )
    return table.frame.select(subject.features) if subject.features else table.frame


def _known(subject: Subject, probability_column: str) -> Known:
    """Rows of today whose outcomes have come, the outcomes, and with which probability each was chosen."""
    import numpy as np
    import polars as pl

    _, current = _tables(subject)
    frame, target = current.frame, str(subject.target)
    nothing = np.zeros(0, dtype=np.int64)
    if target not in frame.columns:
        return nothing, nothing, None
    column = frame.get_column(target)
    has_come = column.is_not_null() & (column.is_not_nan() if column.dtype.is_float() else True)
    rows = has_come.arg_true().to_numpy().astype(np.int64)
    if rows.size == 0:
        return nothing, nothing, None
    outcomes = subject.y(Table(name="current", frame=frame.filter(has_come), digest=current.digest))
    if not probability_column:
        return rows, outcomes, None
    if probability_column not in frame.columns:
        raise NotRun(f"the current table has no column {probability_column!r}", hint="name that of the probabilities")
    drawn = frame.get_column(probability_column).cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()[rows]
    if not ((drawn > 0.0) & (drawn <= 1.0)).all():
        raise NotRun(
            f"expected probabilities above 0 and at most 1 in {probability_column!r} of every labelled row",
            hint="keep the probability beside each label that was chosen",
        )
    return rows, outcomes, drawn


def _classes(
    subject: Subject, ctx: Context, parts: list[Parts], choose: int, known: Known, *, group: str, weighted: bool
) -> Outcome:
    """Confidence-based estimation, for each period and for all of today."""
    import numpy as np

    from holdfast.kernels.estimation.decay import decay_signs
    from holdfast.kernels.estimation.input_columns import input_columns
    from holdfast.kernels.estimation.over_time import (
        Period,
        Reference,
        estimate_over_time,
        per_case,
        wrong_probability,
    )
    from holdfast.kernels.estimation.parts import among

    test, current = _tables(subject)
    before, now, n_groups = _scored(subject, group)
    inputs: Any = (None, None)
    if weighted and subject.features:
        cells = [subject.cells(_inputs(subject, table)) for table in (test, current)]
        first, others = input_columns(cells[0], cells[1:])
        inputs = (first, others[0])
    past = parts[0].of if subject.deployment.time else None
    y = np.asarray(subject.y(test), dtype=np.int64)
    reference = Reference(before, y, inputs[0], past, n_groups, subject.positive)

    def period(rows: NDArray[np.int64]) -> Period:
        mine = None if inputs[1] is None else inputs[1][rows]
        return Period(now.take(rows), mine, *among(rows, now.size, *known))

    windows = [period(np.flatnonzero(parts[1].of == at)) for at in range(parts[1].starts.size)]
    found = estimate_over_time(reference, windows, rng=ctx.rng, level=ctx.level)
    total = estimate_over_time(reference, [period(np.arange(now.size))], rng=ctx.rng, level=ctx.level).periods[0]
    return _outcome(
        subject,
        [figure for each in found.periods for figure in each.figures],
        list(total.figures),
        decay_signs(wrong_probability(found.rows), [wrong_probability(each.unweighted) for each in found.periods]),
        to_label=_chosen(ctx, per_case(total.rows, total.spread["accuracy"]), known[0], choose),
        level=ctx.level,
        parts=parts[1],
    )


def _scored(subject: Subject, group: str) -> tuple[Scored, Scored, int]:
    """What the model says of the reference and of today, with the group of each case."""
    from holdfast.kernels.estimation.confidence_based import scored_cases
    from holdfast.kernels.estimation.input_columns import group_codes

    test, current = _tables(subject)
    past, here = subject.predictions, subject.predict(_inputs(subject, current))
    if past.scores is None or here.scores is None:
        raise NotRun("the model gives labels only, no probabilities", hint="give a model or a table with probabilities")
    groups: Any = (None, None, 0)
    if group:
        for table in (test, current):
            if group not in table.frame.columns:
                raise NotRun(f"the {table.name} table has no column {group!r}", hint="name a column of both tables")
        groups = group_codes(*(subject.cells(t.frame.select(group))[group] for t in (test, current)))
    before = scored_cases(past.scores, past.labels, group=groups[0])
    return before, scored_cases(here.scores, here.labels, group=groups[1]), groups[2]


def _losses(subject: Subject, ctx: Context, parts: list[Parts], choose: int, known: Known) -> Outcome:
    """Direct loss estimation of a regression's absolute error; groups and weights play no part in it."""
    import numpy as np

    from holdfast.kernels.estimation.decay import decay_signs
    from holdfast.kernels.estimation.loss_based import out_of_fold, scatter
    from holdfast.kernels.estimation.loss_over_time import LossPeriod, errors_over_time
    from holdfast.kernels.estimation.parts import among

    test, current = _tables(subject)
    if not subject.features:
        raise NotRun("the tables hold no inputs to learn the error from", hint="give a model and its inputs")
    X, here = _inputs(subject, test), _inputs(subject, current)
    loss = np.abs(np.asarray(subject.y(test), dtype=np.float64) - subject.predictions.labels)
    answers = np.asarray(subject.predict(here).labels, dtype=np.float64)
    with ExitStack() as models:

        def fit(rows: pl.DataFrame, losses: NDArray[np.float64]) -> Any:
            judge = models.enter_context(subject.retrained(rows, losses, seed=ctx.seed % 2**31, stand_in=True))
            return lambda inputs: np.asarray(judge.predict(inputs).labels, dtype=np.float64)

        predicted, later = out_of_fold(fit, lambda rows: X[rows], loss, rng=ctx.rng)
        today = later(here)
    lost = (known[0], np.abs(np.asarray(known[1], dtype=np.float64) - answers[known[0]]), known[2])

    def period(rows: NDArray[np.int64]) -> LossPeriod:
        return LossPeriod(today[rows], *among(rows, today.size, *lost))

    windows = [period(np.flatnonzero(parts[1].of == at)) for at in range(parts[1].starts.size)]
    past = parts[0].of if subject.deployment.time else None
    model, found = errors_over_time(loss, predicted, windows, part=past, level=ctx.level)
    _, total = errors_over_time(loss, predicted, [period(np.arange(today.size))], part=past, level=ctx.level)
    return _outcome(
        subject,
        found,
        total,
        decay_signs(predicted, [window.predicted for window in windows]),
        to_label=_chosen(ctx, scatter(model, today), known[0], choose),
        level=ctx.level,
        parts=parts[1],
    )


def _chosen(ctx: Context, spread: NDArray[np.float64], known: NDArray[np.int64], choose: int) -> pl.DataFrame:
    """Draw cases without an outcome to label next."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.estimation.label_choice import choose_cases

    still_open = np.setdiff1d(np.arange(spread.size), known)
    if choose < 1 or still_open.size == 0:
        return pl.DataFrame(schema={"row": pl.Int64, "probability": pl.Float64})
    drawn = choose_cases(spread[still_open], choose, rng=ctx.rng)
    return pl.DataFrame({"row": still_open[drawn.rows], "probability": drawn.probability})


def _outcome(
    subject: Subject,
    figures: list[Figure],
    total: list[Figure],
    signs: list[DecaySign],
    *,
    to_label: pl.DataFrame,
    level: float,
    parts: Parts,
) -> Outcome:
    import polars as pl

    n = parts.starts.size
    method = LOSS_METHOD if subject.task == "regression" else METHOD
    measured = [_estimated(figure, level, method) for figure in total if math.isfinite(figure.best.value)]
    worse = {figure.period for figure in figures if figure.standing == "worse" and figure.metric in DRAWN}
    text = f"{len(worse)} of {n} periods are worse than the range."
    measured.append(_counted("worse_periods", len(worse), n, text))
    alarms = [f"its {sign.statistic} in period {sign.period + 1}" for sign in signs if sign.is_alarm]
    text = f"The expected error changed: {', '.join(alarms[:3])}." if alarms else "The expected error did not change."
    measured.append(_counted("decay_alarms", len(alarms), n, text))
    tested = [figure for figure in figures if math.isfinite(figure.p_value)]
    measured += [_refuted(min(tested, key=lambda figure: figure.p_value))] if tested else []
    if total[0].effective < 1.0:
        text = f"Weighted to today, 100 cases of the reference tell as much as {100 * total[0].effective:.0f}."
        measured.append(_counted("effective_share", total[0].effective, n, text))
    of_period = [(parts.starts[figure.period], parts.ends[figure.period]) for figure in figures]
    periods = pl.DataFrame([figure._asdict() for figure in figures]).with_columns(
        start=pl.Series([start for start, _ in of_period]), end=pl.Series([end for _, end in of_period])
    )
    drawn = [name for name in DRAWN if name in periods["metric"]]
    assumptions = [LOSS_ASSUMPTION if subject.task == "regression" else ASSUMPTION]
    assumptions += [] if subject.deployment.time else [NO_TIME]
    return Outcome(
        measurements=tuple(measured),
        tables={
            "periods": periods,
            "whole": pl.DataFrame([figure._asdict() for figure in total]),
            "decay": pl.DataFrame([sign._asdict() for sign in signs]),
            "to_label": to_label,
            **{f"{name}_over_time": _series(periods, name) for name in drawn},
        },
        charts=tuple(_chart(name) for name in drawn),
        remediation=REMEDIATION,
        assumptions=(*assumptions, *([SAMPLED] if tested else [])),
        work={"rows": parts.of.size},
    )


def _estimated(figure: Figure, level: float, method: str) -> Measured:
    """The figure of all of today: restated where enough labels have come, counted where all have."""
    id, name = f"estimated.{figure.metric}", f"{NAMES[figure.metric]} of today's cases"
    before = f"in the reference {figure.reference:.3g}"
    if math.isfinite(figure.realised):
        plain = f"{name}: {figure.realised:.3g}, {before}; all outcomes have come."
        return Measured(id=id, value=figure.realised, no_interval_reason=COUNTED, exact=True, n=figure.n, plain=plain)
    value, low, high = figure.best
    basis = f"with {figure.n_labelled:,} labels" if figure.is_sampled else "if the assumption holds"
    plain = f"{name}: about {value:.3g} ({low:.3g} to {high:.3g}), {before}, {basis}."
    interval = Interval(
        low=low,
        high=high if math.isfinite(high) else None,
        level=level,
        method=POWERED if figure.is_sampled else method,
    )
    return Measured(id=id, value=value, interval=interval, n=figure.n, plain=plain)


def _refuted(worst: Figure) -> Measured:
    plain = "The labels that have come do not contradict the estimates."
    if worst.is_refuted:
        plain = f"Assumption violated: the labels of period {worst.period + 1} refute the estimates."
    return _counted("refutation", worst.p_value, worst.n_labelled, plain)


def _counted(id: str, value: float, n: int, plain: str) -> Measured:
    return Measured(id=id, value=float(value), no_interval_reason=FOLLOWS, exact=True, n=n, plain=plain)


def _series(periods: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Estimated, restated, realised and reference figures over the periods, for drawing."""
    import polars as pl

    own = periods.filter(pl.col("metric") == metric)
    own = own.with_columns(restated=pl.when(pl.col("realised").is_nan()).then("restated"))
    parts = [
        own.select(period=pl.col("period") + 1, series=pl.lit(name), value=value, low=low, high=high)
        for name, value, low, high in SERIES
    ]
    return pl.concat(parts).filter(pl.col("value").is_finite())


def _chart(metric: str) -> Chart:
    return Chart(
        id=f"{metric}_over_time", title=f"{NAMES[metric]} over time", kind="line", table=f"{metric}_over_time",
        x="period", y="value", low="low", high="high", series="series", x_title="period",
        y_title=NAMES[metric].lower() if metric != "auc" else "AUC", caption=CAPTION,
    )  # fmt: skip
