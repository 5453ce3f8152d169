"""Does the model know when it does not know?

**What it answers.** A model that is wrong in one case of ten is useful if it can say which cases these might be: they
go to a person, and the rest is decided. This check measures how well its confidence tells wrong answers from right
ones, what error is left when doubtful cases are passed on, and whether sets of answers hold the truth as often as
promised, in every group.

**How.** The confidence is the probability of the model's own answer. ``error_ranking`` is the area under the ROC curve
of wrong against right answers. The curve shows the error among the cases that are answered, from the surest to all.
For the sets, half of the test rows (drawn at random) settle a threshold such that sets of all classes above it hold the
true one in 90 % of cases (split conformal prediction); the other half shows whether they do, on the whole and for each
group of the sensitive columns.

**How to read it.** ``error_ranking`` 0.5 says that confidence is worthless, 1 that all errors are among the least sure.
``set_coverage`` is 0.90 up to chance, by construction; what matters is ``set_size`` (1.0 is best, 2 of 2 classes says
nothing) and ``undercoverage.<column>=<group>``: above 0, the promise is broken for that group and kept for others.

- *Good:* error 0.13 of all, 0.03 of the surer half; ``error_ranking`` 0.85; no group is missed more than others.
- *Bad:* 0.10 (0.05 to 0.15) more misses among the oldest: sets and cut-offs from the whole table fail them.
- *Misleading:* ``error_ranking`` 0.9 with a model that is sure of everything: see ``performance.calibration``.

**When it misleads.** All of it holds for cases like those of the test table: far from it confidence is often high and
wrong. Passing cases on helps only if the person who gets them decides better.

**What to do about a bad one.** Settle a threshold within each group that is missed too often, or recalibrate there.
Where confidence does not rank errors, do not use it to choose which cases are looked at.

References: Sadinle, Lei and Wasserman (2019), JASA 114; El-Yaniv and Wiener (2010), JMLR 11; Romano et al. (2020),
Harvard Data Science Review 2(2).
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

    from holdfast.kernels.performance.abstention import AbstentionCurve
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Knowing what it does not know",
    "question": "Does the model know when it does not know?",
    "needs": ["test", "target", "scores"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {
            "id": "error_ranking",
            "name": "How well low confidence tells wrong answers from right ones",
            "unit": "AUC",
            "direction": "higher_is_better",
            "range": [0, 1],
        },
        {
            "id": "error_of_surer_half",
            "name": "Error among the half of cases that the model is surest of",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "set_coverage",
            "name": "Cases whose set of answers holds the true one, of 90 % promised",
            "unit": "share",
            "direction": "higher_is_better",
            "range": [0, 1],
        },
        {
            "id": "set_size",
            "name": "Answers in a set, on average",
            "unit": "classes",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "undercoverage.*",
            "name": "Sets that miss the truth, share in the group minus share elsewhere",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
    ],
    "reads": ["sensitive"],
    "evidence_codes": ["UNC"],
    "references": [
        "Sadinle, Lei, Wasserman (2019), Least ambiguous set-valued classifiers with bounded error levels, JASA 114",
        "El-Yaniv, Wiener (2010), On the foundations of noise-free selective classification, JMLR 11",
    ],
    "cost": "light",
}

FEWEST_ROWS = 100
REMEDIATION = (
    "Settle a threshold, or recalibrate, within each group that is missed more often than others. Where confidence "
    "does not rank errors, do not use it to choose which cases a person looks at."
)
CURVE = Chart(
    id="abstention", title="Error among the cases that are answered", kind="line", table="abstention", x="answered",
    y="error", low="low", high="high", x_title="share of cases answered, the surest first", y_title="share wrong",
    caption="From the surest cases on the left to all cases on the right: a curve that rises says that the doubtful "
    "cases are the wrong ones, a flat one that confidence tells nothing.",
)  # fmt: skip
GROUPS = Chart(
    id="groups", title="Sets that miss the truth, by group", kind="points", table="groups", x="name", y="difference",
    low="all_low", high="all_high", y_title="share in the group minus share elsewhere", reference=0.0,
    caption="Groups to the right of 0 are missed more often than others by sets that are right on the whole.",
)  # fmt: skip


def run(subject: Subject, ctx: Context, *, coverage: float = 0.9) -> Outcome:
    """Measure what confidence is worth.

    Parameters
    ----------
    coverage : float
        Share of cases whose set of answers is to hold the true one.
    """
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.abstention import abstention_curve, prediction_sets
    from holdfast.kernels.stats.delong import auc_delong
    from holdfast.kernels.stats.mean import mean_t
    from holdfast.kernels.stats.proportions import clopper_pearson

    assert subject.test is not None
    if not 0 < coverage < 1:
        raise NotApplicable(f"expected a coverage between 0 and 1, got {coverage}", hint="0.9 is usual")
    scores, y = subject.predictions.scores, np.asarray(subject.y(subject.test), dtype=np.int64)
    if scores is None:
        raise NotRun("the model gives labels without probabilities", hint="give a model or predictions with scores")
    if y.size < FEWEST_ROWS:
        raise NotRun(f"there are {y.size} test rows, fewer than {FEWEST_ROWS}", hint="give a larger test table")
    answer = subject.predictions.labels
    is_wrong, confidence = answer != y, scores[np.arange(y.size), answer.astype(np.int64)]
    curve = abstention_curve(confidence, is_wrong, level=ctx.level)
    half = int(np.searchsorted(curve.answered, 0.5))
    drawn = ctx.rng.permutation(y.size)
    settles, shows = np.sort(drawn[: y.size // 2]), np.sort(drawn[y.size // 2 :])
    sets = prediction_sets(scores[settles], y[settles], scores[shows], coverage=coverage)
    holds = sets[np.arange(shows.size), y[shows]]
    measured = [
        _error_of_half(curve, half, y.size, ctx.level),
        _measured(ctx, "set_coverage", clopper_pearson(int(holds.sum()), holds.size, level=ctx.level),
                  "Clopper-Pearson", holds.size),
        _measured(ctx, "set_size", mean_t(sets.sum(axis=1).astype(np.float64), level=ctx.level), "Student t",
                  holds.size),
    ]  # fmt: skip
    if 0 < is_wrong.sum() < y.size:
        area = auc_delong(is_wrong, -confidence, level=ctx.level)
        measured.insert(0, _measured(ctx, "error_ranking", area, "DeLong", y.size))
    groups = _groups(subject, ctx, shows, ~holds)
    measured += _by_group(ctx, groups, holds.size)
    charts = (CURVE, GROUPS) if groups.height else (CURVE,)
    tables = {"abstention": pl.DataFrame(curve._asdict()), "groups": groups}
    promise = (
        f"Sets were settled on {settles.size:,} test rows for {coverage:.0%} and tried on {shows.size:,} others: they "
        "hold for cases like these."
    )
    return Outcome(
        measurements=tuple(measured),
        tables=tables,
        charts=charts,
        remediation=REMEDIATION,
        assumptions=(promise,),
        work={"rows": y.size},
    )


def _measured(
    ctx: Context, name: str, found: IntervalEstimate[float], method: str, n: int, plain: str = ""
) -> Measured:
    interval = Interval(low=found.low, high=found.high, level=ctx.level, method=method)
    return Measured(id=name, value=found.value, interval=interval, n=n, plain=plain)


def _error_of_half(curve: AbstentionCurve, half: int, n_rows: int, level: float) -> Measured:
    answered, all_error = float(curve.answered[half]), float(curve.error[-1])
    interval = Interval(low=float(curve.low[half]), high=float(curve.high[half]), level=level, method="Clopper-Pearson")
    return Measured(
        id="error_of_surer_half",
        value=float(curve.error[half]),
        interval=interval,
        n=round(answered * n_rows),
        plain=f"The model is wrong in {all_error:.1%} of all cases, and in {float(curve.error[half]):.1%} of the "
        f"{answered:.0%} that it is surest of.",
    )


def _groups(subject: Subject, ctx: Context, rows: NDArray[np.int64], missed: NDArray[np.bool_]) -> pl.DataFrame:
    """Compare the share of misses in each group of people with that of all others."""
    import polars as pl

    from holdfast.kernels.fairness.group_flips import compared_once, group_flips

    assert subject.test is not None
    people = [name for name in subject.deployment.sensitive if name in subject.test.frame.columns]
    cells = subject.cells(subject.test.frame[rows].select(people))
    found = group_flips(cells, missed, people=people, level=ctx.level)
    kept = compared_once(found, n_rows=rows.size, n_flipped=int(missed.sum()), level=ctx.level)
    lines = pl.DataFrame(kept).rename({"flipped": "missed"})
    return lines.with_columns(name=pl.format("{}={}", "column", "group"))


def _by_group(ctx: Context, groups: pl.DataFrame, n_rows: int) -> list[Measured]:
    measured = []
    for line in groups.rows(named=True):
        method = "Newcombe" if groups.height == 1 else f"Newcombe, Bonferroni over {groups.height} groups"
        interval = Interval(low=line["all_low"], high=line["all_high"], level=ctx.level, method=method)
        measured.append(
            Measured(
                id=f"undercoverage.{line['name']}",
                value=line["difference"],
                interval=interval,
                n=n_rows,
                plain=f"Sets miss the truth in {line['share']:.1%} of cases with {line['name']}, elsewhere in "
                f"{line['rest_share']:.1%}.",
            )
        )
    return measured
