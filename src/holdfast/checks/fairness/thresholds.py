"""What another cut-off would do to each group: a table to decide from, not a recommendation.

**Question.** The answer follows from a score and a cut-off. If the cut-off were another one, who would be selected, and
how large would the gaps between groups be?

**How.** At cut-offs of the favourable class's score from 0.05 to 0.95 the table `thresholds` states for each group: the
share selected; of those who deserve it, and of those who do not, the share selected; and of those selected, the share
that deserves it; each with its counts and interval. The table `gaps` has the largest difference between two groups at
each cut-off. Beyond the table, the largest gap that *any* one cut-off could make is measured:

- `any_selection_gap`: the largest difference between two groups in the share at or above a cut-off;
- `any_opportunity_gap`: the same among those who deserve the favourable answer by the recorded outcome;
- `any_false_positive_gap`: the same among those who do not.

**How to read it.** `any_selection_gap.sex` 0.08 (0.05 to 0.11) says: at the worst cut-off the shares of women and men
differ by 8 points, and at no other by more. If it is near 0 the choice of a cut-off does not matter for parity. The
intervals hold for all cut-offs at once, and are wide for small groups.

**When it misleads.** A cut-off that was chosen because its gap is smallest in this table will show a larger one on new
people. Which error is worse is no matter of statistics. A different cut-off for each group can be unlawful.

**What to do with it.** Decide what the two kinds of error cost, and to whom; look up what a cut-off does to each group;
write down why it was chosen. Then measure `fairness.group_gaps` on other rows.

- *A good result*: `any_selection_gap.sex` 0.03 (0 to 0.07): whatever the cut-off, about equal shares.
- *A bad result*: `any_opportunity_gap.age` 0.30 (0.24 to 0.36) at 0.6, and 0.05 at 0.4: the cut-off makes the gap.
- *A misleading result*: a gap of 0.00 at cut-off 0.95, where nobody is selected.

References
----------
Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning. NeurIPS (figure 5).
Jiang, R. et al. (2020). Wasserstein fair classification. UAI.
Massart, P. (1990). The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality. Annals of Probability 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.people import people_columns
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.fairness.grouping import Grouping

SPEC = {
    "title": "What other cut-offs would do",
    "question": "What would another cut-off do to the groups?",
    "needs": ["test", "scores"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "any_selection_gap.*", "name": "Largest gap in selection rate at any cut-off", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "any_opportunity_gap.*", "name": "Largest gap in true-positive rate at any cut-off", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "any_false_positive_gap.*", "name": "Largest gap in false-positive rate at any cut-off",
         "unit": "share", "direction": "lower_is_better", "range": [0, 1]},
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR"],
    "references": ["Hardt et al. 2016", "Jiang et al. 2020", "Massart 1990"],
    "cost": "light",
}  # fmt: skip

CUTS = tuple(round(0.05 * step, 2) for step in range(1, 20))
MOST_CHARTS = 4
REMEDIATION = (
    "Decide what the two kinds of error cost, and to whom; look up what a cut-off does to each group; write down why "
    "it was chosen, and measure fairness.group_gaps on other rows. The table recommends nothing."
)
WORDS = {
    "any_selection_gap": "people",
    "any_opportunity_gap": "people whose outcome is favourable",
    "any_false_positive_gap": "people whose outcome is not",
}


class _Scored(NamedTuple):
    """The score of the favourable class, and the recorded outcome where there is one."""

    score: NDArray[np.float64]
    deserving: NDArray[np.bool_] | None


def run(subject: Subject, ctx: Context, *, min_group: int = 50) -> Outcome:
    """State the rates of each group at many cut-offs, and the largest gap at any.

    Parameters
    ----------
    min_group
        Groups with fewer rows are left out and reported.
    """
    from holdfast.kernels.fairness.grouping import people_groups

    people, scored = people_columns(subject), _scored(subject)
    assert subject.test is not None
    groupings, notes = people_groups(subject.cells(subject.test.frame.select(people)), min_group=min_group)
    single = [grouping for grouping in groupings if grouping.attribute in people]
    if not single:
        raise NotApplicable(
            f"no sensitive attribute has two groups of {min_group} rows or more in the test table",
            hint="; ".join(notes) or "give a test table with more rows",
        )
    measured = [item for grouping in groupings for item in _any_gaps(ctx, grouping, scored)]
    lines: list[tuple[object, ...]] = []
    gaps: list[tuple[object, ...]] = []
    for grouping in single:
        lines += _lines(grouping, scored, ctx.level)
        gaps += _gaps(grouping, scored, ctx.level)
    table = _table(lines)
    parts = {f"selected_{each.key}": _selected(table, each) for each in single[:MOST_CHARTS]}
    return Outcome(
        measurements=tuple(measured),
        tables={"thresholds": table, "gaps": _gap_table(gaps), **parts},
        charts=tuple(_chart(grouping) for grouping in single[:MOST_CHARTS]),
        remediation=REMEDIATION,
        assumptions=(*notes, "Whoever scores at or above a cut-off is selected, in every group by the same one."),
    )


def _scored(subject: Subject) -> _Scored:
    import numpy as np

    scores = subject.predictions.scores
    if scores is None:
        raise NotRun("the model gives labels only, no scores to cut", hint="give a model or a table with probabilities")
    sums = scores.sum(axis=1)
    if scores.min() < 0.0 or not np.allclose(sums, 1.0, atol=1e-3):
        raise NotRun("the scores are no probabilities", hint="give class probabilities (predict_proba), not margins")
    score = np.asarray(scores[:, min(subject.positive, scores.shape[1] - 1)] / sums)
    known = subject.target is not None and subject.test is not None
    return _Scored(score, subject.y(subject.test) == subject.positive if known and subject.test else None)


def _among(grouping: Grouping, scored: _Scored) -> dict[str, NDArray[np.int64]]:
    """Group of each row for each kind of gap; -1 for rows that it does not look at."""
    import numpy as np

    found = {"any_selection_gap": grouping.group}
    if scored.deserving is not None:
        found["any_opportunity_gap"] = np.where(scored.deserving, grouping.group, -1)
        found["any_false_positive_gap"] = np.where(scored.deserving, -1, grouping.group)
    return found


def _any_gaps(ctx: Context, grouping: Grouping, scored: _Scored) -> list[Measured]:
    from holdfast.kernels.fairness.score_distance import largest_distance

    measured = []
    for kind, group in _among(grouping, scored).items():
        found = largest_distance(scored.score, group, n_groups=len(grouping.names), level=ctx.level)
        if found is None:
            continue
        value, low, high = found.estimate
        names = grouping.names[found.highest], grouping.names[found.lowest]
        chance = " That can be chance." if low == 0.0 else ""
        plain = (
            f"At a cut-off of {found.cut:.2f}, the worst for {grouping.attribute}, {100 * value:.0f} more of 100 "
            f"{WORDS[kind]} are selected among {names[0]} than among {names[1]}.{chance}"
        )
        interval = Interval(low=low, high=high, level=ctx.level, method="Dvoretzky-Kiefer-Wolfowitz, Bonferroni")
        measured.append(
            Measured(
                id=f"{kind}.{grouping.key}", value=value, interval=interval, n=int((group >= 0).sum()), plain=plain
            )
        )
    return measured


def _counts(grouping: Grouping, scored: _Scored) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Successes and trials of each rate, each ``(n_cuts, n_groups)``."""
    import numpy as np

    from holdfast.kernels.fairness.score_distance import rates_at_cuts

    found, n_groups = {}, len(grouping.names)
    names = {"any_selection_gap": "selection_rate", "any_opportunity_gap": "true_positive_rate",
             "any_false_positive_gap": "false_positive_rate"}  # fmt: skip
    for kind, group in _among(grouping, scored).items():
        above, rows = rates_at_cuts(scored.score, group, CUTS, n_groups=n_groups)
        found[names[kind]] = (above, np.broadcast_to(rows, above.shape))
    if "true_positive_rate" in found:
        found["precision"] = (found["true_positive_rate"][0], found["selection_rate"][0])
    return found


def _lines(grouping: Grouping, scored: _Scored, level: float) -> list[tuple[object, ...]]:
    from holdfast.kernels.stats.proportions import clopper_pearson

    lines: list[tuple[object, ...]] = []
    for name, (s, n) in _counts(grouping, scored).items():
        ends = clopper_pearson(s, n, level=level)
        for row, cut in enumerate(CUTS):
            for at, group in enumerate(grouping.names):
                numbers = [float(part[row, at]) if n[row, at] else None for part in ends]
                lines.append((grouping.attribute, group, cut, name, *numbers, int(s[row, at]), int(n[row, at])))
    return lines


def _gaps(grouping: Grouping, scored: _Scored, level: float) -> list[tuple[object, ...]]:
    """The largest gap of each rate at each cut-off."""
    from holdfast.kernels.fairness.group_gaps import largest_rate_gap

    lines: list[tuple[object, ...]] = []
    for name, (s, n) in _counts(grouping, scored).items():
        for row, cut in enumerate(CUTS):
            gap = largest_rate_gap(s[row], n[row], level=level)
            if gap is not None:
                between = grouping.names[gap.highest], grouping.names[gap.lowest]
                lines.append((grouping.attribute, cut, name, *gap.estimate, *between))
    return lines


def _table(lines: list[tuple[object, ...]]) -> pl.DataFrame:
    import polars as pl

    words = {"attribute": pl.String, "group": pl.String, "threshold": pl.Float64, "rate": pl.String}
    numbers = dict.fromkeys(["value", "low", "high"], pl.Float64)
    schema = {**words, **numbers, "successes": pl.Int64, "n": pl.Int64}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _gap_table(lines: list[tuple[object, ...]]) -> pl.DataFrame:
    import polars as pl

    numbers = dict.fromkeys(["gap", "low", "high"], pl.Float64)
    ends = {"highest": pl.String, "lowest": pl.String}
    schema = {"attribute": pl.String, "threshold": pl.Float64, "rate": pl.String, **numbers, **ends}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _selected(table: pl.DataFrame, grouping: Grouping) -> pl.DataFrame:
    return table.filter(attribute=grouping.attribute, rate="selection_rate").select(
        "threshold", "group", "value", "low", "high"
    )


def _chart(grouping: Grouping) -> Chart:
    key = f"selected_{grouping.key}"
    return Chart(
        id=key, title=f"Share selected at each cut-off, by {grouping.attribute}", kind="line", table=key, x="threshold",
        y="value", low="low", high="high", series="group", x_title="cut-off", y_title="share selected",
        caption="Where the bands lie apart the groups are selected at different rates by the same cut-off.",
    )  # fmt: skip
