"""How good the model's answers are, and whether the model is needed.

**Question.** How often is the model right on cases it has not seen, and how much better is that than no model or than a
simple one?

**How.** The model answers every row of the test table. Its answers are compared with the recorded outcomes. Two
baselines answer the same rows: one that always gives the most frequent class (the mean, for numbers) of the training
table, and a simple linear model (logistic or ridge regression) trained on it, with one column for each of the twenty
most frequent levels of a category, standardised numbers and medians for missing values. Differences are taken row by
row, so that cases that are hard for everyone do not blur them.

**How to read it.** Every number has a 95 % interval: other test rows of the same kind would give a number inside it.
`accuracy` is the share of right answers; `balanced_accuracy` averages over classes, so that a rare class counts as much
as a frequent one; `auc` is the chance that a random positive case scores above a random negative one (0.5: no better
than a coin); `log_loss` and `brier` punish confident mistakes. For numbers, `mae` and `median_absolute_error` are in
the unit of the target, and `r2` is the share of its variation that the model explains. `skill_vs_baseline` and
`skill_vs_simple` are what the model adds: a share of cases (for numbers: the share of squared error that it saves).
Below zero, the model is worse.

**When it misleads.** If test rows also occur in the training data, or a column gives the outcome away, every number is
too good: see the checks of the data. If the test table is not what the model meets in use, the intervals do not cover
the difference. Rows that belong together (one person, many rows) make the intervals too short. With a rare class,
accuracy is high for a model that never finds it: read `balanced_accuracy` and the table per class.

**What to do about a bad result.** Worse than the simple model: use the simple model. No better than the most frequent
class: the inputs do not hold the answer, or the training went wrong. One class poor: look at its rows in the evidence,
collect more of it, or weight it in training.

- *A good result*: accuracy 0.87 (0.865 to 0.876), 11 points above the most frequent class and 2 (1.6 to 2.4) above
  logistic regression.
- *A bad result*: accuracy 0.78 (0.775 to 0.787), `skill_vs_simple` -0.06 (-0.065 to -0.055): a simple model does
  better.
- *A misleading result*: accuracy 0.99 with 1 % of positives. The most frequent class has 0.99 too: `skill_vs_baseline`
  is 0, and balanced accuracy 0.5 says that no positive was found.

References
----------
Clopper, C. J. and Pearson, E. S. (1934). The use of confidence or fiducial limits. Biometrika 26, 404-413.
DeLong, E. R. et al. (1988). Biometrics 44, 837-845 (variance of the area under the ROC curve).
Tango, T. (1998). Statistics in Medicine 17, 891-908 (score interval for the difference of paired proportions).
Rudin, C. (2019). Stop explaining black box machine learning models for high stakes decisions. Nature Machine
Intelligence 1, 206-215.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Predictive performance",
    "question": "How often is the model right, and is it better than no model or a simple one?",
    "needs": ["test", "target", "predictions"],
    "measures": [
        {"id": "accuracy", "name": "Accuracy", "unit": "share", "direction": "higher_is_better"},
        {"id": "balanced_accuracy", "name": "Balanced accuracy", "unit": "share", "direction": "higher_is_better"},
        {"id": "macro_f1", "name": "Macro F1", "unit": "share", "direction": "higher_is_better"},
        {"id": "auc", "name": "Area under the ROC curve", "unit": "share", "direction": "higher_is_better"},
        {"id": "log_loss", "name": "Logarithmic loss", "unit": "nats", "direction": "lower_is_better"},
        {"id": "brier", "name": "Brier score", "unit": "share", "direction": "lower_is_better"},
        {"id": "r2", "name": "Coefficient of determination", "unit": "share", "direction": "higher_is_better"},
        {"id": "mae", "name": "Mean absolute error", "unit": "target units", "direction": "lower_is_better"},
        {
            "id": "rmse",
            "name": "Root mean squared error",
            "unit": "target units",
            "direction": "lower_is_better",
        },
        {
            "id": "median_absolute_error",
            "name": "Median absolute error",
            "unit": "target units",
            "direction": "lower_is_better",
        },
        {
            "id": "skill_vs_baseline",
            "name": "Gain over the most frequent class or the mean",
            "unit": "share",
            "direction": "higher_is_better",
        },
        {
            "id": "skill_vs_simple",
            "name": "Gain over a simple linear model",
            "unit": "share",
            "direction": "higher_is_better",
        },
    ],
    "evidence_codes": ["PERF", "BASE"],
    "references": ["Clopper and Pearson 1934", "DeLong et al. 1988", "Tango 1998", "Rudin 2019"],
    "cost": "medium",
    "effort": {
        "quick": {"resamples": 500, "baseline_rows": 5000},
        "default": {"resamples": 2000, "baseline_rows": 20000},
        "thorough": {"resamples": 10000, "baseline_rows": 100000},
    },
}

REMEDIATION = (
    "If the model is not clearly better than the simple one, use the simple one. If one class or a few rows carry the "
    "errors, look at the affected rows: wrong labels, missing inputs and rare cases are the usual causes. If the model "
    "is no better than the most frequent answer, its inputs do not hold the outcome or its training failed."
)
CHARTED = ("accuracy", "balanced_accuracy", "macro_f1", "auc", "brier", "r2", "skill_vs_baseline", "skill_vs_simple")
MOST_AFFECTED = 10_000
MOST_SCORE_COLUMNS = 20
MOST_CELLS = 200_000_000


def run(subject: Subject, ctx: Context, *, simple_levels: int = 20) -> Outcome:
    """Measure the model's answers against the outcomes and against two baselines.

    Parameters
    ----------
    simple_levels
        Levels of a category that the simple model gets a column for, the most frequent first.
    """
    measured = _Measured(ctx.level)
    if subject.task == "regression":
        tables = _regression(subject, ctx, measured, simple_levels)
    else:
        tables = _classification(subject, ctx, measured, simple_levels)
    tables["metrics"] = measured.table([m.id for m in measured.items if m.id in CHARTED])
    chart = Chart(
        id="metrics",
        title="Performance with intervals",
        caption="Each dot is a metric on the test table, each bar its interval. The skills compare with the baselines: "
        "a bar that reaches zero means that no gain was shown.",
        kind="points",
        table="metrics",
        x="metric",
        y="value",
        low="low",
        high="high",
        y_title="share",
        reference=0.0,
    )
    return Outcome(
        measurements=tuple(measured.items),
        tables=tables,
        charts=(chart,),
        remediation=REMEDIATION,
        assumptions=tuple(measured.assumptions),
        work=measured.work,
    )


class _Measured:
    """Collects measurements, what was assumed and the work done."""

    def __init__(self, level: float) -> None:
        self.level = level
        self.items: list[Measured] = []
        self.assumptions: list[str] = []
        self.work: dict[str, int] = {}

    def add(self, key: str, estimate: IntervalEstimate[float], *, method: str, n: int, plain: str = "") -> None:
        """Add a measurement, unless its value does not exist: then say so."""
        if not math.isfinite(estimate.value):
            self.assumptions.append(
                f"{key} does not exist for this test table (one class, a constant target or too few rows)."
            )
            return
        low, high = (end if math.isfinite(end) else None for end in (estimate.low, estimate.high))
        interval = Interval(low=low, high=high, level=self.level, method=method)
        self.items.append(Measured(id=key, value=estimate.value, interval=interval, n=n, plain=plain))

    def table(self, keys: list[str]) -> pl.DataFrame:
        """Measurements as an evidence table."""
        import polars as pl

        rows = [(m.id, m.value, m.interval.low, m.interval.high) for m in self.items if m.id in keys and m.interval]
        schema = {"metric": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")


def _classification(subject: Subject, ctx: Context, out: _Measured, simple_levels: int) -> dict[str, pl.DataFrame]:
    import numpy as np

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.performance.metrics import balanced_accuracy, confusion_interval, confusion_matrix, macro_f1
    from holdfast.kernels.stats.proportions import clopper_pearson

    assert subject.test is not None
    y = np.asarray(subject.y(subject.test), dtype=np.int64)
    predicted = np.asarray(subject.predictions.labels, dtype=np.int64)
    counts = confusion_matrix(y, predicted, n_classes=len(subject.classes))
    right = clopper_pearson(int(np.trace(counts)), y.size, level=ctx.level)
    cases, wrong = frequency(1 - right.value, 1 - right.high, 1 - right.low)
    out.add(
        "accuracy",
        right,
        method="Clopper-Pearson",
        n=y.size,
        plain=f"Of {cases} cases, about {wrong} get a wrong answer.",
    )
    # The work grows with the cells of the matrix: with very many classes, fewer resamples have to do.
    resamples = max(math.ceil(2 / (1 - ctx.level)), min(ctx.effort["resamples"], MOST_CELLS // counts.size))
    for key, metric in (("balanced_accuracy", balanced_accuracy), ("macro_f1", macro_f1)):
        estimate = confusion_interval(metric, counts, rng=ctx.rng, n_resamples=resamples, level=ctx.level)
        out.add(key, estimate, method="smoothed multinomial bootstrap", n=y.size)
    scores = subject.predictions.scores
    if scores is None:
        out.assumptions.append("The model gives no probabilities, so that auc, log_loss and brier were not measured.")
    else:
        _scored(subject, y, scores, out)
    simple = _skills(subject, ctx, y, predicted, out, simple_levels)
    return {
        "confusion": _confusion_table(subject, counts),
        "per_class": _per_class(subject, counts, ctx.level),
        "rows": _rows(y, predicted, simple, scores),
        "affected_rows": _wrong_rows(subject, y, predicted),
    }


def _scored(subject: Subject, y: NDArray[np.int64], scores: NDArray[np.float64], out: _Measured) -> None:
    from holdfast.kernels.performance.auc import macro_auc
    from holdfast.kernels.performance.metrics import LARGEST_LOG_LOSS, brier_losses, log_losses, mean_loss
    from holdfast.kernels.stats.delong import auc_delong

    if scores.shape[1] <= 2:
        positive = min(subject.positive, scores.shape[1] - 1)
        auc, method = auc_delong(y == positive, scores[:, positive], level=out.level), "DeLong, logit scale"
    else:
        auc, method = macro_auc(y, scores, level=out.level), "DeLong components, mean over classes, logit scale"
    ends = [str(round(100 * part)) if math.isfinite(part) else "" for part in auc]
    order = f"the right way round about {ends[0]} times in 100 ({ends[1]} to {ends[2]})"
    plain = f"Shown one case of each kind, the model ranks them {order}."
    out.add("auc", auc, method=method, n=y.size, plain=plain)
    if scores.min() < 0.0 or not (scores.sum(axis=1) > 0.0).all():
        out.assumptions.append("The scores are no probabilities, so that log_loss and brier were not measured.")
        return
    log_loss = mean_loss(log_losses(y, scores), largest=LARGEST_LOG_LOSS, level=out.level)
    out.add("log_loss", log_loss, method="Student's t", n=y.size)
    brier = mean_loss(brier_losses(y, scores), largest=1.0, level=out.level)
    out.add("brier", brier, method="Student's t", n=y.size)


def _skills(
    subject: Subject, ctx: Context, y: NDArray[Any], predicted: NDArray[Any], out: _Measured, simple_levels: int
) -> NDArray[Any] | None:
    """Compare with the baselines; return the answers of the simple model, if it could be trained."""
    import numpy as np

    from holdfast.kernels.performance.regression import skill_interval

    source = subject.train or subject.test
    assert source is not None
    known = subject.y(source)
    is_regression = subject.task == "regression"
    usual = float(np.mean(known)) if is_regression else int(np.bincount(known.astype(np.int64)).argmax())
    if subject.train is None:
        out.assumptions.append(
            "There is no training table: the most frequent class, or the mean, is that of the test table."
        )
    simple = _simple_answers(subject, ctx, out, simple_levels)
    words = "" if is_regression else f"always answering {subject.classes[int(usual)]!r}"
    baselines = [("skill_vs_baseline", np.full(y.size, usual), words)]
    if simple is not None:
        baselines.append(("skill_vs_simple", simple, "a simple linear model"))
    for key, answers, baseline in baselines:
        if is_regression:
            options: dict[str, Any] = {"n_resamples": ctx.effort["resamples"], "rng": ctx.rng, "level": ctx.level}
            skill = skill_interval((y - predicted) ** 2, (y - answers) ** 2, **options)
            out.add(key, skill, method="BCa bootstrap, paired", n=y.size)
        else:
            _add_difference(key, predicted == y, answers == y, out, baseline)
    return simple


def _add_difference(
    key: str, right: NDArray[np.bool_], baseline_right: NDArray[np.bool_], out: _Measured, baseline: str
) -> None:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.paired import paired_proportion_difference

    only_baseline, only_model = int((~right & baseline_right).sum()), int((right & ~baseline_right).sum())
    gain = paired_proportion_difference(only_baseline, only_model, right.size, level=out.level)
    ends, word = (gain, "more") if gain.value >= 0.0 else ((-gain.value, -gain.high, -gain.low), "fewer")
    cases, count = frequency(*ends)
    plain = f"Of {cases} cases, the model gets about {count} {word} right than {baseline}."
    out.add(key, gain, method="Tango's score interval, paired", n=right.size, plain=plain)


def _regression(subject: Subject, ctx: Context, out: _Measured, simple_levels: int) -> dict[str, pl.DataFrame]:
    import numpy as np

    from holdfast.kernels.performance.regression import mae_interval, r2_interval, rmse_interval
    from holdfast.kernels.stats.mean import quantile_interval

    assert subject.test is not None
    y = np.asarray(subject.y(subject.test), dtype=np.float64)
    predicted = np.asarray(subject.predictions.labels, dtype=np.float64)
    errors, resamples = np.abs(y - predicted), ctx.effort["resamples"]
    r2 = r2_interval(y, predicted, rng=ctx.rng, n_resamples=resamples, level=ctx.level)
    out.add("r2", r2, method="BCa bootstrap", n=y.size)
    mae = mae_interval(y, predicted, rng=ctx.rng, n_resamples=resamples, level=ctx.level)
    plain = f"On average an answer is off by {mae.value:.4g} ({mae.low:.4g} to {mae.high:.4g}), in units of the target."
    out.add("mae", mae, method="BCa bootstrap", n=y.size, plain=plain)
    rmse = rmse_interval(y, predicted, rng=ctx.rng, n_resamples=resamples, level=ctx.level)
    out.add("rmse", rmse, method="BCa bootstrap", n=y.size)
    median = quantile_interval(errors, 0.5, level=ctx.level)
    plain = f"Half of the answers are off by more than {median.value:.4g}, in units of the target."
    out.add("median_absolute_error", median, method="order statistics", n=y.size, plain=plain)
    simple = _skills(subject, ctx, y, predicted, out, simple_levels)
    return {"rows": _rows(y, predicted, simple, None), "affected_rows": _largest_errors(y, predicted)}


def _simple_answers(subject: Subject, ctx: Context, out: _Measured, levels: int) -> NDArray[Any] | None:
    """Train the simple model and answer the test table; ``None`` where it cannot be trained."""
    import numpy as np

    from holdfast.kernels.performance.design import linear_designs

    train, test = subject.train, subject.test
    assert test is not None
    if train is None:
        out.assumptions.append("skill_vs_simple needs a training table (--train) to train the simple model on.")
        return None
    y = subject.y(train)
    if subject.task != "regression" and np.unique(y).size < 2:
        out.assumptions.append("skill_vs_simple needs two classes in the training table.")
        return None
    frame, cap = train.frame, ctx.effort["baseline_rows"]
    if frame.height > cap:
        rows = np.sort(ctx.rng.choice(frame.height, size=cap, replace=False))
        frame, y = frame[rows], y[rows]
        out.assumptions.append(f"The simple model was trained on {cap} of {train.frame.height} training rows.")
        if subject.task != "regression" and np.unique(y).size < 2:
            out.assumptions.append("skill_vs_simple needs two classes among the rows it is trained on.")
            return None
    names = [name for name in subject.features if name in frame.columns and name in test.frame.columns]
    columns = _columns(frame.select(names), frame), _columns(test.frame.select(names), frame)
    if not columns[0]:
        out.assumptions.append("skill_vs_simple needs columns of numbers or categories.")
        return None
    designs = linear_designs(*columns, levels=levels)
    out.work.update(models=1, baseline_rows=frame.height)
    return _fit_and_answer(subject.task == "regression", *designs, y)


def _fit_and_answer(
    is_regression: bool, X: NDArray[np.float64], X_test: NDArray[np.float64], y: NDArray[Any]
) -> NDArray[Any]:
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    model = Ridge() if is_regression else LogisticRegression(max_iter=200)
    with warnings.catch_warnings():
        # A baseline that stopped a little early is still a baseline; its accuracy is measured, not assumed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit(X, y).predict(X_test))


def _columns(frame: pl.DataFrame, like: pl.DataFrame) -> list[NDArray[Any]]:
    """Columns as numbers or strings, by their type in the training table."""
    import numpy as np
    import polars as pl

    columns: list[NDArray[Any]] = []
    for series in frame:
        kind = like.get_column(series.name).dtype
        if kind.is_numeric() or kind.is_temporal() or kind == pl.Boolean:
            numbers = series.to_physical().cast(pl.Float64, strict=False)
            columns.append(numbers.fill_null(float("nan")).to_numpy())
        elif not kind.is_nested() and kind != pl.Object:
            columns.append(np.array(series.cast(pl.String).to_list(), dtype=object))
    return columns


def _confusion_table(subject: Subject, counts: NDArray[np.int64]) -> pl.DataFrame:
    import polars as pl

    names = [str(label) for label in subject.classes]
    rows = [(names[i], names[j], int(counts[i, j])) for i, j in zip(*counts.nonzero(), strict=True)]
    return pl.DataFrame(rows, schema={"true": pl.String, "predicted": pl.String, "n": pl.Int64}, orient="row")


def _per_class(subject: Subject, counts: NDArray[np.int64], level: float) -> pl.DataFrame:
    import polars as pl

    from holdfast.kernels.performance.metrics import class_rates

    names = [str(label) for label in subject.classes]
    table = pl.DataFrame({"class": names, **class_rates(counts, level=level)._asdict()})
    return table.with_columns(pl.col("precision", "recall", "f1").fill_nan(None))


def _rows(
    y: NDArray[Any], predicted: NDArray[Any], simple: NDArray[Any] | None, scores: NDArray[np.float64] | None
) -> pl.DataFrame:
    """Classes (as positions) or values, and scores, of each test row: enough to compute every number again."""
    import numpy as np
    import polars as pl

    columns: dict[str, NDArray[Any]] = {"row": np.arange(y.size), "true": y, "predicted": predicted}
    if simple is not None:
        columns["simple"] = simple
    if scores is not None and scores.shape[1] <= MOST_SCORE_COLUMNS:
        columns.update({f"score_{index}": scores[:, index] for index in range(scores.shape[1])})
    elif scores is not None:
        columns["score_of_true"] = scores[np.arange(y.size), y]
    return pl.DataFrame(columns)


def _wrong_rows(subject: Subject, y: NDArray[np.int64], predicted: NDArray[np.int64]) -> pl.DataFrame:
    """Wrong answers, the most confident first."""
    import numpy as np

    rows = np.flatnonzero(y != predicted)
    scores = subject.predictions.scores
    if scores is not None:
        rows = rows[np.argsort(-scores[rows, predicted[rows]], kind="stable")]
    rows = rows[:MOST_AFFECTED]
    names = [str(label) for label in subject.classes]
    reasons = [f"answered {names[p]!r}, recorded {names[t]!r}" for p, t in zip(predicted[rows], y[rows], strict=True)]
    return _affected(rows, reasons)


def _largest_errors(y: NDArray[np.float64], predicted: NDArray[np.float64]) -> pl.DataFrame:
    """The hundredth of the rows with the largest errors, the largest first."""
    import numpy as np

    errors = np.abs(y - predicted)
    rows = np.argsort(-errors, kind="stable")[: min(MOST_AFFECTED, math.ceil(y.size / 100))]
    rows = rows[errors[rows] > 0.0]
    return _affected(rows, [f"off by {error:.4g}" for error in errors[rows]])


def _affected(rows: NDArray[np.intp], reasons: list[str]) -> pl.DataFrame:
    import polars as pl

    schema = {"table": pl.String, "row": pl.Int64, "reason": pl.String}
    return pl.DataFrame({"table": ["test"] * rows.size, "row": rows, "reason": reasons}, schema=schema)
