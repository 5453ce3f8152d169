"""How far off a predicted number may be: intervals that hold the truth as often as promised, and for whom they do not.

**Question.** A model that predicts 240 may be off by 5 or by 100. Within which limits does the truth lie in nine cases
of ten, and is that so for every group of people and for difficult cases?

**How.** Half of the test rows, drawn at random, settle how wide intervals must be to hold the truth in 90 % of cases
(conformal prediction; it asks nothing of the model); the other half shows whether they do. Two ways:

- *split*: one width for all cases, from the sizes of the errors;
- *adaptive*: first the errors of the 50 most similar cases, then widened as a whole until the promise holds, so that
  intervals are wide only where errors scatter (conformalised quantile regression on neighbours).

`interval_coverage` and `adaptive_coverage` are the shares that hold the truth, `interval_width` and `adaptive_width`
the mean widths, in the unit of the target. `undercoverage.<column>=<group>` compares the misses of the split intervals
in one group of a sensitive column with those of all others, `undercoverage_where_hard` in the fifth of cases whose
neighbours scatter most; the table `by_difficulty` shows it for both ways.

**How to read it.** Coverage is 0.90 up to chance, by construction; the width says what the model is worth. Adaptive
intervals that are much narrower on average mean that errors are known to be small for many cases. `undercoverage` above
0 means that the promise is broken for some and kept for others.

**When it misleads.** All of it holds for cases like those of the test table. The promise is on average over cases:
even the adaptive intervals keep it for every kind of case only approximately.

**What to do about a bad one.** State intervals with predictions, adaptive ones where they keep the promise for
difficult cases. Settle widths within each group that is missed too often.

- *A good result*: coverage 0.90 (0.88 to 0.92), width 38, no group missed more often than others.
- *A bad result*: `undercoverage_where_hard` 0.18 (0.14 to 0.22): one width fails where it matters.
- *A misleading result*: coverage 0.90 with a width of 400 where all targets lie between 100 and 500.

References
----------
Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic learning in a random world. Springer.
Lei, J. et al. (2018). Distribution-free predictive inference for regression. JASA 113, 1094-1111.
Romano, Y., Patterson, E. and Candès, E. (2019). Conformalized quantile regression. NeurIPS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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

    from holdfast.kernels.performance.conformal import PredictionIntervals
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Intervals around predicted numbers",
    "question": "Within which limits does the truth lie, and for whom not?",
    "needs": ["test", "target", "predictions"],
    "tasks": ["regression"],
    "measures": [
        {"id": "interval_coverage", "name": "Cases whose interval of one width holds the truth", "unit": "share",
         "direction": "higher_is_better", "range": [0, 1]},
        {"id": "interval_width", "name": "Width of the intervals of one width", "unit": "target units",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "adaptive_coverage", "name": "Cases whose adaptive interval holds the truth", "unit": "share",
         "direction": "higher_is_better", "range": [0, 1]},
        {"id": "adaptive_width", "name": "Mean width of the adaptive intervals", "unit": "target units",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "undercoverage_where_hard", "name": "Misses among the most difficult fifth minus those elsewhere",
         "unit": "share", "direction": "lower_is_better", "range": [-1, 1]},
        {"id": "undercoverage.*", "name": "Misses in the group minus misses elsewhere", "unit": "share",
         "direction": "lower_is_better", "range": [-1, 1]},
    ],
    "reads": ["sensitive"],
    "evidence_codes": ["UNC"],
    "references": ["Vovk et al. 2005", "Lei et al. 2018", "Romano et al. 2019"],
    "cost": "light",
    "effort": {"quick": {"spread": 1000}, "default": {"spread": 4000}, "thorough": {"spread": 20000}},
}  # fmt: skip

FEWEST_ROWS = 100
PARTS = 5
LEVELS = 20
REMEDIATION = (
    "State intervals with predictions, adaptive ones where they keep the promise for difficult cases; settle widths "
    "within each group that is missed too often."
)
DIFFICULTY = Chart(
    id="difficulty", title="Coverage by difficulty", kind="line", table="by_difficulty", x="width", y="coverage",
    low="low", high="high", series="way", x_title="mean width of the adaptive interval", y_title="share that holds",
    caption="Each point is a fifth of the cases, the easiest on the left. Where the line of one width falls below the "
    "promise on the right, difficult cases are missed too often.",
)  # fmt: skip
GROUPS = Chart(
    id="groups", title="Intervals that miss the truth, by group", kind="points", table="groups", x="name",
    y="difference", low="all_low", high="all_high", y_title="share in the group minus share elsewhere", reference=0.0,
    caption="Groups to the right of 0 are missed more often than others by intervals that are right on the whole.",
)  # fmt: skip


class _Shown(NamedTuple):
    """Cases that show whether the intervals hold."""

    rows: NDArray[np.int64]
    truth: NDArray[np.float64]
    split: PredictionIntervals
    adaptive: PredictionIntervals
    width: IntervalEstimate[float]
    """Of the intervals of one width."""


def run(subject: Subject, ctx: Context, *, coverage: float = 0.9) -> Outcome:
    """Settle intervals on half of the test rows and try them on the other half.

    Parameters
    ----------
    coverage
        Share of cases whose interval is to hold the truth.
    """
    import numpy as np

    from holdfast.kernels.stats.mean import mean_t

    assert subject.test is not None
    if not 0 < coverage < 1:
        raise NotApplicable(f"expected a coverage between 0 and 1, got {coverage}", hint="0.9 is usual")
    n_rows = subject.test.frame.height
    if n_rows < FEWEST_ROWS or not subject.features:
        raise NotRun(f"there are {n_rows} test rows of {len(subject.features)} inputs", hint="give 100 rows or more")
    shown = _shown(subject, ctx, coverage)
    held = [(part.low <= shown.truth) & (shown.truth <= part.high) for part in (shown.split, shown.adaptive)]
    widths = shown.adaptive.high - shown.adaptive.low
    if not np.isfinite(widths).all():
        raise NotRun(f"{n_rows} test rows are too few for a coverage of {coverage:.0%}", hint="give more rows")
    hard = np.zeros(shown.rows.size, dtype=np.bool_)
    hard[np.argsort(-widths, kind="stable")[: shown.rows.size // PARTS]] = True
    groups = _groups(subject, ctx, shown.rows, ~held[0])
    measured = [
        _coverage(ctx, "interval_coverage", held[0], coverage),
        _width(ctx, "interval_width", shown.width, "order statistics", shown.rows.size),
        _coverage(ctx, "adaptive_coverage", held[1], coverage),
        _width(ctx, "adaptive_width", mean_t(widths, level=ctx.level), "Student's t", shown.rows.size),
        _where_hard(ctx, hard, held),
        *_by_group(ctx, groups, shown.rows.size),
    ]
    return Outcome(
        measurements=tuple(measured),
        tables={"by_difficulty": _by_difficulty(ctx, widths, held), "groups": groups},
        charts=(DIFFICULTY, GROUPS) if groups.height else (DIFFICULTY,),
        remediation=REMEDIATION,
        assumptions=(
            f"Intervals were settled on {n_rows // 2:,} test rows for {coverage:.0%} and tried on {shown.rows.size:,} "
            "others: they hold for cases like these.",
        ),
        work={"rows": n_rows},
    )


def _shown(subject: Subject, ctx: Context, coverage: float) -> _Shown:
    import numpy as np

    from holdfast.kernels.performance.conformal import adaptive_intervals, split_intervals
    from holdfast.kernels.performance.design import linear_designs
    from holdfast.kernels.stats.mean import quantile_interval

    assert subject.test is not None
    truth = np.asarray(subject.y(subject.test), dtype=np.float64)
    predicted = np.asarray(subject.predictions.labels, dtype=np.float64)
    drawn = ctx.rng.permutation(truth.size)
    settles, shows = np.sort(drawn[: truth.size // 2]), np.sort(drawn[truth.size // 2 :])
    spread = settles[ctx.rng.permutation(settles.size)[: min(settles.size // 2, ctx.effort.get("spread", 4000))]]
    known = np.setdiff1d(settles, spread)
    cells = list(subject.cells(subject.test.frame.select(subject.features)).values())
    x, x_shows = linear_designs([each[settles] for each in cells], [each[shows] for each in cells], levels=LEVELS)
    at = {name: np.searchsorted(settles, rows) for name, rows in (("spread", spread), ("known", known))}
    residual = truth - predicted
    adaptive = adaptive_intervals(
        (residual[spread], x[at["spread"]]), (residual[known], x[at["known"]]), (predicted[shows], x_shows),
        coverage=coverage,
    )  # fmt: skip
    size = quantile_interval(np.abs(residual[settles]), coverage, level=ctx.level)
    split = split_intervals(residual[settles], predicted[shows], coverage=coverage)
    value = float(split.high[0] - split.low[0])
    width = size._replace(value=value, low=min(2.0 * size.low, value), high=max(2.0 * size.high, value))
    return _Shown(shows, truth[shows], split, adaptive, width)


def _coverage(ctx: Context, name: str, held: NDArray[np.bool_], promised: float) -> Measured:
    from holdfast.kernels.stats.proportions import clopper_pearson

    share = clopper_pearson(int(held.sum()), held.size, level=ctx.level)
    interval = Interval(low=share.low, high=share.high, level=ctx.level, method="Clopper-Pearson")
    plain = f"Promised in {promised:.0%} of cases, the truth lies inside in {share.value:.1%}."
    return Measured(id=name, value=share.value, interval=interval, n=held.size, plain=plain)


def _width(ctx: Context, name: str, width: IntervalEstimate[float], method: str, n: int) -> Measured:
    import math

    ends = [end if math.isfinite(end) else None for end in (width.low, width.high)]
    interval = Interval(low=ends[0], high=ends[1], level=ctx.level, method=method)
    return Measured(id=name, value=width.value, interval=interval, n=n)


def _where_hard(ctx: Context, hard: NDArray[np.bool_], held: list[NDArray[np.bool_]]) -> Measured:
    from holdfast.kernels.stats.proportions import newcombe_difference

    misses = [(int((~each & hard).sum()), int((~each & ~hard).sum())) for each in held]
    n = int(hard.sum()), int((~hard).sum())
    gap = newcombe_difference(misses[0][0], n[0], misses[0][1], n[1], level=ctx.level)
    plain = (
        f"Intervals of one width miss {misses[0][0] / n[0]:.1%} of the most difficult fifth and "
        f"{misses[0][1] / n[1]:.1%} of the others; adaptive ones {misses[1][0] / n[0]:.1%} and "
        f"{misses[1][1] / n[1]:.1%}."
    )
    interval = Interval(low=gap.low, high=gap.high, level=ctx.level, method="Newcombe")
    return Measured(id="undercoverage_where_hard", value=gap.value, interval=interval, n=hard.size, plain=plain)


def _by_difficulty(ctx: Context, widths: NDArray[np.float64], held: list[NDArray[np.bool_]]) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    lines = []
    for part in np.array_split(np.argsort(widths, kind="stable"), PARTS):
        for way, each in zip(("one width", "adaptive"), held, strict=True):
            share = clopper_pearson(int(each[part].sum()), part.size, level=ctx.level)
            lines.append((float(widths[part].mean()), way, part.size, *share))
    return pl.DataFrame(lines, schema=["width", "way", "n", "coverage", "low", "high"], orient="row")


def _groups(subject: Subject, ctx: Context, rows: NDArray[np.int64], missed: NDArray[np.bool_]) -> pl.DataFrame:
    """Compare the share of misses in each group of people with that of all others."""
    import polars as pl

    from holdfast.kernels.fairness.group_flips import compared_once, group_flips

    assert subject.test is not None
    people = [name for name in subject.deployment.sensitive if name in subject.test.frame.columns]
    found = group_flips(subject.cells(subject.test.frame[rows].select(people)), missed, people=people, level=ctx.level)
    kept = compared_once(found, n_rows=rows.size, n_flipped=int(missed.sum()), level=ctx.level)
    return pl.DataFrame(kept).rename({"flipped": "missed"}).with_columns(name=pl.format("{}={}", "column", "group"))


def _by_group(ctx: Context, groups: pl.DataFrame, n_rows: int) -> list[Measured]:
    measured = []
    for line in groups.rows(named=True):
        method = "Newcombe" if groups.height == 1 else f"Newcombe, Bonferroni over {groups.height} comparisons"
        interval = Interval(low=line["all_low"], high=line["all_high"], level=ctx.level, method=method)
        plain = f"Missed in {line['share']:.1%} of cases with {line['name']}, elsewhere in {line['rest_share']:.1%}."
        key = f"undercoverage.{line['name']}"
        measured.append(Measured(id=key, value=line["difference"], interval=interval, n=n_rows, plain=plain))
    return measured
