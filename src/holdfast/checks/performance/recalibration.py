"""What recalibrating the probabilities would gain, measured on rows that the recalibration did not see.

**Question.** Would mending the model's probabilities help, by which way, and by how much?

**How.** Half of the test rows, drawn at random, fit each of five recalibrations: `temperature` (one number that makes
all probabilities more or less sure), `platt` (a logistic curve), `isotonic` (a rising step function), `venn_abers` (the
probability between the isotonic fits with either outcome of the new case added: valid for any model) and
`scaling_binning` (a logistic curve averaged in bins). The other half shows what each is worth. With more than two
classes all but the first are fitted to each class against the rest.

**How to read it.** `brier_gain.<way>` is how much the Brier score falls: above 0 the mended probabilities are closer to
what happens. Its interval is that of paired differences, so that 0 inside it means that no gain was shown. `ece_before`
and `ece_after.<way>` are the average distance of a stated from the true probability, with the scatter taken off. A way
that gains nothing on a calibrated model is as it should be.

**When it misleads.** A gain on this test table is a gain for cases like these; where the base rate differs in use, the
mending is off by that. Of five ways the one that looks best is flattered a little by having been chosen. Isotonic
regression may state 0 or 1, which is never true of a person. Recalibration keeps the order of the cases (but for ties),
so that it mends neither the ranking nor a gap between groups: see `fairness.scores`.

**What to do about a bad result.** Take the way whose gain is clear, and apply it where the model answers. Each is in
the evidence as a small JSON text of numbers, no code: `<way>.json`. In Python:

    from holdfast.kernels.performance.recalibration import apply_recalibrator, read_recalibrator
    mended = apply_recalibrator(read_recalibrator(open("platt.json").read()), model.predict_proba(X))

Move cut-offs along with the probabilities, or decisions change.

- *A good result*: `brier_gain.platt` 0.0003 (-0.0005 to 0.0011): there is nothing to mend.
- *A bad result*: `ece_before` 0.14 (0.12 to 0.16), `ece_after.temperature` 0.01 (0 to 0.03), `brier_gain.temperature`
  0.024 (0.019 to 0.029): one number, and the probabilities mean what they say.
- *A misleading result*: `brier_gain.isotonic` 0.002 (-0.004 to 0.008) with 120 rows: too few to fit steps to.

References
----------
Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.
Platt, J. (1999). Probabilistic outputs for support vector machines. Advances in Large Margin Classifiers.
Vovk, V., Petej, I. and Fedorova, V. (2015). Large-scale probabilistic predictors. NeurIPS.
Kumar, A., Liang, P. and Ma, T. (2019). Verified uncertainty calibration. NeurIPS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.performance.recalibration import Method, Recalibrator
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "What recalibration would gain",
    "question": "Would mending the probabilities help, by which way, and by how much?",
    "needs": ["test", "target", "scores"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "brier_gain.*", "name": "Fall of the Brier score by recalibration", "unit": "share",
         "direction": "neither", "range": (-1, 1)},
        {"id": "ece_before", "name": "Expected calibration error as stated", "unit": "share",
         "direction": "lower_is_better", "range": (0, 1)},
        {"id": "ece_after.*", "name": "Expected calibration error after recalibration", "unit": "share",
         "direction": "lower_is_better", "range": (0, 1)},
    ],
    "reads": [],
    "evidence_codes": ["CAL"],
    "references": ["Guo et al. 2017", "Platt 1999", "Vovk et al. 2015", "Kumar et al. 2019"],
    "cost": "light",
}  # fmt: skip

FEWEST_ROWS = 100
CURVE_POINTS = 101
REMEDIATION = (
    "Apply the recalibration whose gain is clear where the model answers: it is in the evidence as JSON, numbers only. "
    "Move cut-offs along with the probabilities."
)
GAINS = Chart(
    id="gains", title="Gain of each recalibration on rows it did not see", kind="points", table="gains", x="method",
    y="brier_gain", low="low", high="high", y_title="fall of the Brier score", reference=0.0,
    caption="To the right of 0 the mended probabilities are closer to what happens; a bar that touches 0 shows none.",
)  # fmt: skip
CURVES = Chart(
    id="curves", title="What becomes of a stated probability", kind="line", table="curves", x="stated", y="mended",
    series="method", x_title="stated probability of the favourable class", y_title="mended probability", diagonal=True,
    caption="On the diagonal nothing changes. A flatter curve takes back sureness, a steeper one adds it.",
)  # fmt: skip


def run(subject: Subject, ctx: Context) -> Outcome:
    """Fit recalibrations to half of the test rows and measure them on the other half."""
    import numpy as np

    from holdfast.kernels.performance.recalibration import (
        METHODS,
        apply_recalibrator,
        fit_recalibrator,
        recalibrator_json,
    )

    assert subject.test is not None
    scores, y = _probabilities(subject), np.asarray(subject.y(subject.test), dtype=np.int64)
    if (y < 0).any():
        raise NotRun("some outcomes are of a class that the model does not know", hint="leave these rows out")
    drawn = ctx.rng.permutation(y.size)
    fits, shows = np.sort(drawn[: y.size // 2]), np.sort(drawn[y.size // 2 :])
    if np.unique(y[fits]).size < 2:
        raise NotApplicable("only one outcome occurs", hint="give a test table with two outcomes or more")
    fitted = {method: fit_recalibrator(method, scores[fits], y[fits]) for method in METHODS}
    after = {method: apply_recalibrator(each, scores[shows]) for method, each in fitted.items()}
    measured = [_ece(subject, ctx, "ece_before", scores[shows], y[shows])]
    gains: list[tuple[object, ...]] = []
    for method, mended in after.items():
        gain, log_gain = _gains(scores[shows], mended, y[shows], ctx.level)
        measured.append(_gain(ctx, f"brier_gain.{method}", gain, shows.size))
        measured.append(_ece(subject, ctx, f"ece_after.{method}", mended, y[shows]))
        gains.append((method, *gain, *log_gain))
    curves = _curves(subject, fitted) if subject.task == "binary" else None
    return Outcome(
        measurements=tuple(measured),
        tables={"gains": _gain_table(gains), **({} if curves is None else {"curves": curves})},
        documents={method: recalibrator_json(each) for method, each in fitted.items()},
        charts=(GAINS,) if curves is None else (GAINS, CURVES),
        remediation=REMEDIATION,
        assumptions=(
            f"Fitted to {fits.size:,} test rows and measured on {shows.size:,} others: they hold for cases like these.",
            f"The JSON texts take the classes in this order: {', '.join(map(str, subject.classes))}.",
        ),
        work={"rows": y.size},
    )


def _probabilities(subject: Subject) -> NDArray[np.float64]:
    import numpy as np

    scores = subject.predictions.scores
    if scores is None:
        raise NotRun("the model gives labels only, no probabilities", hint="give a model or a table with probabilities")
    if scores.shape[0] < FEWEST_ROWS:
        raise NotRun(
            f"there are {scores.shape[0]} test rows, fewer than {FEWEST_ROWS}", hint="give a larger test table"
        )
    sums = scores.sum(axis=1)
    if scores.shape[1] < 2 or scores.min() < 0.0 or not np.allclose(sums, 1.0, atol=1e-3):
        raise NotRun(
            f"the scores are no probabilities: their smallest is {scores.min():.4g} and rows add up to "
            f"{sums.min():.4g} to {sums.max():.4g} instead of 1",
            hint="give class probabilities (predict_proba), not margins",
        )
    return np.asarray(scores / sums[:, None])


def _gains(
    before: NDArray[np.float64], after: NDArray[np.float64], y: NDArray[np.int64], level: float
) -> tuple[IntervalEstimate[float], IntervalEstimate[float]]:
    """Fall of the Brier score (half the sum over classes) and of the log loss, paired by row."""
    import numpy as np

    from holdfast.kernels.stats.mean import mean_t

    rows, happened = np.arange(y.size), np.eye(before.shape[1])[y]
    squares = [((scores - happened) ** 2).sum(axis=1) / 2.0 for scores in (before, after)]
    logs = [-np.log(np.maximum(scores[rows, y], np.finfo(np.float64).eps)) for scores in (before, after)]
    return mean_t(squares[0] - squares[1], level=level), mean_t(logs[0] - logs[1], level=level)


def _gain(ctx: Context, name: str, gain: IntervalEstimate[float], n: int) -> Measured:
    if gain.low > 0.0:
        plain = "The mended probabilities are closer to what happens."
    elif gain.high < 0.0:
        plain = "The mended probabilities are further from what happens: do not apply this."
    else:
        plain = "No gain and no loss was shown."
    interval = Interval(low=gain.low, high=gain.high, level=ctx.level, method="Student's t, paired")
    return Measured(id=name, value=gain.value, interval=interval, n=n, plain=plain)


def _ece(subject: Subject, ctx: Context, name: str, scores: NDArray[np.float64], y: NDArray[np.int64]) -> Measured:
    import numpy as np

    from holdfast.kernels.performance.calibration import expected_calibration_error

    if subject.task == "binary":
        p, happened = scores[:, subject.positive], y == subject.positive
    else:
        answer = scores.argmax(axis=1)
        p, happened = scores[np.arange(y.size), answer], y == answer
    ece = expected_calibration_error(np.clip(p, 0.0, 1.0), happened, level=ctx.level)
    interval = Interval(
        low=ece.low, high=ece.high, level=ctx.level, method="debiased, equal-mass bins; conservative limits"
    )
    return Measured(id=name, value=ece.value, interval=interval, n=y.size)


def _gain_table(gains: list[tuple[object, ...]]) -> pl.DataFrame:
    import polars as pl

    names = ["brier_gain", "low", "high", "log_loss_gain", "log_low", "log_high"]
    schema = {"method": pl.String, **dict.fromkeys(names, pl.Float64)}
    return pl.DataFrame(gains, schema=schema, orient="row")


def _curves(subject: Subject, fitted: dict[Method, Recalibrator]) -> pl.DataFrame:
    """What becomes of each stated probability of the favourable class."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.recalibration import apply_recalibrator

    stated = np.linspace(0.0, 1.0, CURVE_POINTS)
    scores = np.column_stack([1.0 - stated, stated] if subject.positive == 1 else [stated, 1.0 - stated])
    parts = [
        pl.DataFrame({"stated": stated, "mended": apply_recalibrator(each, scores)[:, subject.positive]}).with_columns(
            method=pl.lit(name)
        )
        for name, each in fitted.items()
    ]
    return pl.concat(parts)
