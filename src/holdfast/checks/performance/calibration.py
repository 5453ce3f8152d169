"""Whether stated probabilities can be taken at their word.

**Question.** Of the cases that the model gives a probability of 30 %, do 30 % turn out that way?

**How.** Test rows are sorted by the stated probability and cut into bins with equally many rows. In each bin the mean
probability is compared with the observed share. With two classes the probability is that of the positive class; with
more, it is the one that the model gives to its own answer, and the event is that the answer is right.

A plain calibration error cannot be zero: in 1,000 rows, a perfectly calibrated model shows about 0.04, because every
bin scatters. Here the scatter is taken off the estimate, and the interval allows for it, so that a calibrated model is
not accused.

**How to read it.** `ece` is the average distance between stated and true probability: 0.03 means that a stated 30 % is,
typically, 27 % or 33 %. `calibration_in_the_large` says whether probabilities are too high (above 0) or too low (below)
on the whole. The Brier score is the mean squared distance from the outcome; it equals `reliability` (how wrong the
probabilities are, smaller is better) minus `resolution` (how well they separate cases, larger is better) plus
`uncertainty` (how mixed the outcomes are, which no model changes). `rms_calibration_error` is the root of reliability:
large errors weigh more in it. `miscalibration` and `discrimination` split the same score without bins, by the rising
curve that fits the outcomes best: `miscalibration` is what a perfect recalibration would gain.

In the first picture that curve lies inside the band if the probabilities are right; where it runs below the band the
model promises too much, above it too little. In the second, with bins, a bar that crosses the diagonal is in order.

**When it misleads.** Deviations within a bin cancel, so that the error is that at the resolution of the bins: the true
one is at least as large. `miscalibration` has no bins, and can see only curves that rise. A model that always states
the base rate is calibrated and useless: see `resolution` and `performance.predictive`. Calibration on the whole does
not mean calibration within each group: see `fairness.scores`. With more than two classes only the probability of the
answer is judged, not those of the other classes. With a test table that was sampled at other rates than reality, a good
model looks badly calibrated.

**What to do about a bad result.** Recalibrate on rows that neither trained nor tested the model;
`performance.recalibration` measures what each way of doing so gains and hands out what a service can apply. If only the
level is wrong (`calibration_in_the_large`), correct for the base rate. Until then, do not show the probabilities to
people and do not compute expected costs from them.

- *A good result*: `ece` 0.004 (0 to 0.011): no deviation was shown, and more than about 1 point is ruled out.
- *A bad result*: `ece` 0.14 (0.12 to 0.16), `calibration_in_the_large` 0.13: probabilities are far too high.
- *A misleading result*: `ece` 0.00 (0 to 0.02) and `resolution` 0.001: the model says the same to everyone.

References
----------
Murphy, A. H. (1973). A new vector partition of the probability score. J. Applied Meteorology 12, 595-600.
Bröcker, J. (2012). Estimating reliability and resolution of probability forecasts. Climate Dynamics 39, 655-667.
Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.
Kumar, A., Liang, P. and Ma, T. (2019). Verified uncertainty calibration. NeurIPS.
Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021). Stable reliability diagrams for probabilistic classifiers.
PNAS 118(8).
"""

from __future__ import annotations

import math
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

    from holdfast.kernels.performance.calibration import ReliabilityCurve
    from holdfast.kernels.performance.corp import CorpDecomposition
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Calibration of probabilities",
    "question": "When the model says 30 %, does it happen in 30 of 100 cases?",
    "needs": ["test", "target", "scores"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "ece", "name": "Expected calibration error", "unit": "share", "direction": "lower_is_better",
         "range": (0, 1)},
        {"id": "rms_calibration_error", "name": "Root of the mean squared calibration error", "unit": "share",
         "direction": "lower_is_better", "range": (0, 1)},
        {"id": "calibration_in_the_large", "name": "Mean probability minus observed share", "unit": "share",
         "direction": "neither", "range": (-1, 1)},
        {"id": "brier", "name": "Brier score", "unit": "share", "direction": "lower_is_better", "range": (0, 1)},
        {"id": "reliability", "name": "Reliability (part of the Brier score)", "unit": "share",
         "direction": "lower_is_better", "range": (None, 1)},
        {"id": "resolution", "name": "Resolution (part of the Brier score)", "unit": "share",
         "direction": "higher_is_better", "range": (None, 1)},
        {"id": "uncertainty", "name": "Uncertainty (part of the Brier score)", "unit": "share",
         "direction": "neither", "range": (0, 0.5)},
        {"id": "miscalibration", "name": "Miscalibration (part of the Brier score, without bins)", "unit": "share",
         "direction": "lower_is_better", "range": (0, 1)},
        {"id": "discrimination", "name": "Discrimination (part of the Brier score, without bins)", "unit": "share",
         "direction": "higher_is_better", "range": (0, 1)},
    ],
    "reads": [],
    "evidence_codes": ["CAL"],
    "references": ["Murphy 1973", "Bröcker 2012", "Guo et al. 2017", "Kumar et al. 2019", "Dimitriadis et al. 2021"],
    "cost": "light",
}  # fmt: skip

REMEDIATION = (
    "Recalibrate on rows that neither trained nor tested the model: performance.recalibration measures what each way "
    "gains. Until then, do not show the probabilities to people and do not compute expected costs from them."
)
FEWEST_ROWS = 10
CURVE_POINTS = 60
MOST_AFFECTED = 10_000


def run(subject: Subject, ctx: Context, *, n_bins: int = 15) -> Outcome:
    """Compare stated probabilities with observed shares.

    Parameters
    ----------
    n_bins
        Bins with equally many rows; fewer are used where probabilities are tied.
    """
    from holdfast.kernels.performance.calibration import (
        brier_decomposition,
        calibration_in_the_large,
        expected_calibration_error,
        reliability_curve,
    )
    from holdfast.kernels.performance.corp import corp_decomposition

    p, outcome, event = _event(subject)
    ece = expected_calibration_error(p, outcome, n_bins=n_bins, level=ctx.level)
    large = calibration_in_the_large(p, outcome, level=ctx.level)
    parts = brier_decomposition(p, outcome, n_bins=n_bins, level=ctx.level)
    curve = reliability_curve(p, outcome, n_bins=n_bins, level=ctx.level)
    each = 1.0 - (1.0 - ctx.level) / max(curve.n.size, 1)
    together = reliability_curve(p, outcome, n_bins=n_bins, level=each)
    corp = corp_decomposition(p, outcome, rng=ctx.rng, level=ctx.level)
    found = (
        ("ece", ece, "debiased, equal-mass bins; conservative limits", _plain_ece(ece)),
        ("rms_calibration_error", _root(parts.reliability), "root of reliability and of its limits", ""),
        ("calibration_in_the_large", large, "Student's t", _plain_large(large, event)),
        ("brier", parts.brier, "Student's t", ""),
        ("reliability", parts.reliability, "gamma approximation, inverted", ""),
        ("resolution", parts.resolution, "delta method", ""),
        ("uncertainty", parts.uncertainty, "Clopper-Pearson, transformed", ""),
        ("miscalibration", corp.miscalibration, CORP_METHOD, _plain_corp(corp)),
        ("discrimination", corp.discrimination, CORP_METHOD, ""),
    )
    return Outcome(
        measurements=tuple(_measured(*item, level=ctx.level, n=p.size) for item in found),
        tables={
            "reliability_curve": _curve_table(curve),
            "reliability": _steps_table(p, outcome, ctx),
            "rows": _rows(p, outcome),
            "affected_rows": _worst(p, outcome, together),
        },
        charts=(_steps_chart(event), _chart(event)),
        remediation=REMEDIATION,
        assumptions=(
            f"The probability judged is that of the event: {event}.",
            f"The error is measured in {curve.n.size} bins; deviations within a bin cancel.",
        ),
    )


def _event(subject: Subject) -> tuple[NDArray[np.float64], NDArray[np.bool_], str]:
    """Stated probability and outcome of the event that is judged, and the event in words."""
    import numpy as np

    if subject.task == "regression":
        raise NotApplicable("a regression model states no probabilities", hint="this check is for classifiers")
    assert subject.test is not None
    y, predictions = subject.y(subject.test), subject.predictions
    if predictions.scores is None:
        raise NotRun("the model gives labels only, no probabilities", hint="give a model or a table with probabilities")
    if y.size < FEWEST_ROWS:
        raise NotRun(f"the test table has {y.size} rows", hint=f"give {FEWEST_ROWS} or more, better 1,000")
    sums = predictions.scores.sum(axis=1)
    if predictions.scores.min() < 0.0 or not np.allclose(sums, 1.0, atol=1e-3):
        raise NotRun(
            f"the scores are no probabilities: their smallest is {predictions.scores.min():.4g} and rows add up to "
            f"{sums.min():.4g} to {sums.max():.4g} instead of 1",
            hint="give class probabilities (predict_proba), not margins",
        )
    scores = predictions.scores / sums[:, None]
    if subject.task == "binary":
        at = min(subject.positive, scores.shape[1] - 1)
        return np.clip(scores[:, at], 0.0, 1.0), y == at, f"the outcome is {subject.classes[at]!r}"
    labels = predictions.labels.astype(np.int64)
    return np.clip(scores[np.arange(y.size), labels], 0.0, 1.0), y == labels, "the model's answer is right"


def _measured(
    key: str, estimate: IntervalEstimate[float], method: str, plain: str, *, level: float, n: int
) -> Measured:
    interval = Interval(low=float(estimate.low), high=float(estimate.high), level=level, method=method)
    return Measured(id=key, value=float(estimate.value), interval=interval, n=n, plain=plain)


CORP_METHOD = "gain on rows the fit did not see below, observed gain and its error above"


def _root(reliability: IntervalEstimate[float]) -> IntervalEstimate[float]:
    value, low, high = (math.sqrt(max(part, 0.0)) for part in reliability)
    return reliability._replace(value=value, low=low, high=high)


def _plain_corp(parts: CorpDecomposition) -> str:
    if parts.miscalibration.low == 0.0:
        return "No recalibration that keeps the order of the cases is shown to improve these probabilities."
    share = parts.miscalibration.low / parts.brier
    return f"Of the Brier score of {parts.brier:.3f}, {share:.0%} or more would vanish with the right recalibration."


def _plain_ece(ece: IntervalEstimate[float]) -> str:
    points = [f"{100 * part:.1f}" for part in ece]
    if ece.low == 0.0:
        return f"No error of the stated percentages was shown; on average they are off by at most {points[2]} points."
    return f"A stated percentage is off by about {points[0]} points on average ({points[1]} to {points[2]})."


def _plain_large(large: IntervalEstimate[float], event: str) -> str:
    from holdfast.kernels.performance.frequencies import frequency

    if large.low <= 0.0 <= large.high:
        return f"On the whole, cases in which {event} are not shown to be promised too often or too seldom."
    ends, word = (large, "more") if large.value > 0.0 else ((-large.value, -large.high, -large.low), "fewer")
    cases, count = frequency(*ends)
    return f"Of {cases} cases, the model leads one to expect about {count} {word} in which {event} than there are."


def _curve_table(curve: ReliabilityCurve) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({"bin": range(curve.n.size), **curve._asdict()})


def _steps_table(p: NDArray[np.float64], outcome: NDArray[np.bool_], ctx: Context) -> pl.DataFrame:
    """The rising curve at quantiles of the stated probability, and where it lies if that is right."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.corp import consistency_band, recalibrate, reliability_steps

    at = np.unique(np.quantile(p, np.linspace(0.0, 1.0, CURVE_POINTS), method="inverted_cdf"))
    low, high = consistency_band(p, at, rng=ctx.rng, level=ctx.level)
    observed = recalibrate(reliability_steps(p, outcome), at)
    return pl.DataFrame({"stated": at, "recalibrated": observed, "low": low, "high": high})


def _rows(p: NDArray[np.float64], outcome: NDArray[np.bool_]) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    return pl.DataFrame({"row": np.arange(p.size), "probability": p, "happened": outcome})


def _worst(p: NDArray[np.float64], outcome: NDArray[np.bool_], curve: ReliabilityCurve) -> pl.DataFrame:
    """Rows on the wrong side in bins that are off, by a band that holds for all bins together; the worst first."""
    import numpy as np
    import polars as pl

    is_high, is_low = curve.low > curve.mean_score, curve.high < curve.mean_score
    ends = np.cumsum(curve.n)
    place = np.empty(p.size, dtype=np.int64)
    place[np.argsort(p, kind="stable")] = np.searchsorted(ends, np.arange(p.size), side="right")
    rows = np.flatnonzero((is_high[place] & outcome) | (is_low[place] & ~outcome))
    rows = rows[np.argsort(-np.abs(p - outcome)[rows], kind="stable")][:MOST_AFFECTED]
    reasons = [
        f"stated {p[row]:.2f}, {'happened' if outcome[row] else 'did not happen'}; "
        f"in its bin {curve.observed[place[row]]:.2f} happened"
        for row in rows
    ]
    schema = {"table": pl.String, "row": pl.Int64, "reason": pl.String}
    return pl.DataFrame({"table": ["test"] * rows.size, "row": rows, "reason": reasons}, schema=schema)


def _steps_chart(event: str) -> Chart:
    return Chart(
        id="reliability", title="What stated probabilities should have been", kind="line", table="reliability",
        x="stated", y="recalibrated", low="low", high="high", x_title="stated probability", diagonal=True,
        y_title="probability that fits the outcomes best",
        caption=f"The rising curve that fits best how often {event}. The band is where it lies if the stated "
        "probabilities are right: below the band the model promises too much, above it too little.",
    )  # fmt: skip


def _chart(event: str) -> Chart:
    return Chart(
        id="reliability_curve",
        title="Stated and observed probability in bins",
        caption=f"Each point is a bin of test rows: across, the mean stated probability that {event}; up, how often "
        "that was so, with its interval. On the diagonal the two agree; below it the model promises too much.",
        kind="line",
        table="reliability_curve",
        x="mean_score",
        y="observed",
        low="low",
        high="high",
        x_title="mean stated probability",
        y_title="observed share",
        diagonal=True,
    )
