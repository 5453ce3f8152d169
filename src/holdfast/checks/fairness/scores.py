"""Whether a score means the same for every group, and ranks the people of every group as well.

**Question.** Does a stated 70 % mean 70 % for women and for men, and does the score tell cases apart equally well?

**How.** For each group of the columns named as `deployment.sensitive`, for pairs of them and for all together:

- `calibration_gap`: mean stated probability minus observed share, and how far the two groups that differ most lie apart
  in that: the same score promises more in one group than it keeps, in another less;
- `ranking_gap`: the area under the ROC curve (the chance that somebody who deserves the favourable answer scores above
  somebody who does not), and the largest difference of it between two groups;
- `score_gap`: the largest difference of the mean score, whatever the outcomes are;
- `ece.<column>=<group>`: the average distance of a stated from the true probability within each group of one column,
  with the scatter taken off, and `miscalibration.<column>=<group>`: what the right recalibration of that group alone
  would take off its Brier score, by the rising curve that fits its outcomes best (drawn for each group).

No cut-off is involved: `fairness.thresholds` says what follows for each.

**How to read it.** Gaps of 0 mean that the score can be read in the same way for everybody. The lower end of a gap
allows for the number of groups, and is above 0 only when a difference is really there. A gap of 0.05 in calibration
means that of 100 people with equal scores about 5 more turn out well in one group than in the other.

**When it misleads.** A score can be calibrated in every group and still withhold: if it uses little of what is known of
one group, everybody there gets about the same score. `ranking_gap` shows that. With different base rates a score
cannot be calibrated in groups and have equal error rates too (Kleinberg et al.). Recorded outcomes may be unfair.

**What to do about a bad result.** Recalibrate within the groups, where the law lets you use the attribute, or add what
explains the difference. A group that is ranked worse needs other inputs, or more of its rows in training.

- *A good result*: `calibration_gap.sex` 0.01 (0 to 0.03), `ranking_gap.sex` 0.02 (0 to 0.05).
- *A bad result*: `calibration_gap.race` 0.08 (0.05 to 0.12): the same score hides different risks.
- *A misleading result*: `score_gap.age` 0.20 (0.17 to 0.22) where the outcomes differ by as much.

References
----------
Kleinberg, J., Mullainathan, S. and Raghavan, M. (2017). Inherent trade-offs in the fair determination of risk scores.
Pleiss, G. et al. (2017). On fairness and calibration. NeurIPS.
Corbett-Davies, S. and Goel, S. (2018). The measure and mismeasure of fairness.
Borkan, D. et al. (2019). Nuanced metrics for measuring unintended bias with real data (areas under the curve by group).
Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021). Stable reliability diagrams for probabilistic classifiers.
PNAS 118(8).
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

    from holdfast.kernels.fairness.group_gaps import LargestGap
    from holdfast.kernels.fairness.grouping import Grouping
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "What scores mean for groups of people",
    "question": "Does the same score mean the same for every group, and rank its people as well?",
    "needs": ["test", "target", "scores"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "calibration_gap.*", "name": "Gap in mean probability minus observed share", "unit": "share",
         "direction": "lower_is_better", "range": [0, 2]},
        {"id": "ranking_gap.*", "name": "Gap in the area under the ROC curve", "unit": "AUC",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "score_gap.*", "name": "Gap in the mean score", "unit": "share", "direction": "lower_is_better",
         "range": [0, 1]},
        {"id": "ece.*", "name": "Expected calibration error within the group", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "miscalibration.*", "name": "Miscalibration within the group (part of the Brier score, without bins)",
         "unit": "share", "direction": "lower_is_better", "range": [0, 1]},
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR", "CAL"],
    "references": ["Kleinberg et al. 2017", "Pleiss et al. 2017", "Corbett-Davies and Goel 2018", "Borkan et al. 2019",
                   "Dimitriadis et al. 2021"],
    "cost": "light",
}  # fmt: skip

REMEDIATION = (
    "Recalibrate within the groups, where the law lets you use the attribute, or add inputs that explain the "
    "difference. A group that is ranked worse needs other inputs or more of its rows in training."
)
WORDS = {
    "calibration_gap": (
        "mean probability minus observed share",
        "{0} is promised most ({1:+.3f}), {2} least ({3:+.3f})",
    ),
    "ranking_gap": ("area under the ROC curve", "{0} is ranked best ({1:.3f}), {2} worst ({3:.3f})"),
    "score_gap": ("mean score", "{0} has the highest mean score ({1:.3f}), {2} the lowest ({3:.3f})"),
}
CORP_METHOD = "gain on rows the fit did not see below, observed gain and its error above"
CURVE_POINTS, MOST_CURVES = 40, 3
METHODS = {
    "calibration_gap": "largest pairwise difference of Welch's t, Bonferroni below",
    "ranking_gap": "largest pairwise difference of DeLong's limits, Bonferroni below",
    "score_gap": "largest pairwise difference of Welch's t, Bonferroni below",
}


class _Scored(NamedTuple):
    """The score of the favourable class and whether it happened."""

    p: NDArray[np.float64]
    happened: NDArray[np.bool_]
    is_probability: bool


def run(subject: Subject, ctx: Context, *, min_group: int = 50) -> Outcome:
    """Compare calibration, ranking and mean of the scores between groups.

    Parameters
    ----------
    min_group
        Groups with fewer rows are left out and reported.
    """
    from holdfast.kernels.fairness.grouping import people_groups

    people, scored = people_columns(subject), _scored(subject)
    assert subject.test is not None
    groupings, notes = people_groups(subject.cells(subject.test.frame.select(people)), min_group=min_group)
    measured: list[Measured] = []
    rows: list[tuple[object, ...]] = []
    for grouping in groupings:
        for kind, (quantity, gap) in _gaps(scored, grouping, ctx.level).items():
            if gap is None:
                notes.append(f"{kind}.{grouping.key} was not measured: fewer than two groups have both outcomes.")
                continue
            measured.append(_measured(ctx, kind, grouping, quantity, gap))
            ends = zip(grouping.names, grouping.sizes.tolist(), *(part.tolist() for part in quantity), strict=True)
            rows += [(kind, grouping.attribute, f"{grouping.attribute}: {name}", *rest) for name, *rest in ends]
        if grouping.attribute in people and scored.is_probability:
            measured += _errors(ctx, scored, grouping)
    if not measured:
        raise NotApplicable(
            f"no sensitive attribute has two groups of {min_group} rows or more in the test table",
            hint="; ".join(notes) or "give a test table with more rows",
        )
    if not scored.is_probability:
        notes.append("The scores are no probabilities: only their order was compared.")
    tables = _tables(rows)
    single = [grouping for grouping in groupings if grouping.attribute in people and scored.is_probability]
    curves = {f"curves_{grouping.key}": _curves(scored, grouping) for grouping in single[:MOST_CURVES]}
    return Outcome(
        measurements=tuple(measured),
        tables={**tables, **curves},
        charts=(
            *(_chart(kind) for kind in WORDS if kind in tables),
            *(_curves_chart(grouping) for grouping in single[:MOST_CURVES]),
        ),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
    )


def _scored(subject: Subject) -> _Scored:
    import numpy as np

    assert subject.test is not None
    scores = subject.predictions.scores
    if scores is None:
        raise NotRun("the model gives labels only, no scores", hint="give a model or a table with probabilities")
    at = min(subject.positive, scores.shape[1] - 1)
    sums = scores.sum(axis=1)
    is_probability = bool(scores.min() >= 0.0 and np.allclose(sums, 1.0, atol=1e-3))
    p = np.clip(scores[:, at] / sums, 0.0, 1.0) if is_probability else scores[:, at]
    return _Scored(np.asarray(p), np.asarray(subject.y(subject.test) == subject.positive), is_probability)


def _gaps(
    scored: _Scored, grouping: Grouping, level: float
) -> dict[str, tuple[IntervalEstimate[NDArray[np.float64]], LargestGap | None]]:
    """Each quantity in every group, with its largest difference."""
    from holdfast.kernels.fairness.group_gaps import largest_estimate_gap
    from holdfast.kernels.fairness.group_scores import auc_by_group, mean_by_group

    def areas(level: float) -> IntervalEstimate[NDArray[np.float64]]:
        return auc_by_group(scored.happened, scored.p, grouping.group, n_groups=len(grouping.names), level=level)

    found = {"ranking_gap": (areas(level), largest_estimate_gap(areas, level=level))}
    if scored.is_probability:
        for kind, values in (("calibration_gap", scored.p - scored.happened), ("score_gap", scored.p)):
            found[kind] = mean_by_group(values, grouping.group, n_groups=len(grouping.names), level=level)
    return found


def _measured(
    ctx: Context, kind: str, grouping: Grouping, quantity: IntervalEstimate[NDArray[np.float64]], gap: LargestGap
) -> Measured:
    name, words = WORDS[kind]
    value, low, high = gap.estimate
    ends = [(grouping.names[at], float(quantity.value[at])) for at in (gap.highest, gap.lowest)]
    said = words.format(*ends[0], *ends[1])
    plain = f"By {name}, {said}: {'a gap that can be chance' if low == 0.0 else f'a gap of {value:.3f}'}."
    interval = Interval(low=low, high=high, level=ctx.level, method=METHODS[kind])
    return Measured(
        id=f"{kind}.{grouping.key}", value=value, interval=interval, n=int(grouping.sizes.sum()), plain=plain
    )


def _errors(ctx: Context, scored: _Scored, grouping: Grouping) -> list[Measured]:
    """Calibration within each group of one column."""
    from holdfast.kernels.performance.calibration import expected_calibration_error
    from holdfast.kernels.performance.corp import corp_decomposition

    measured = []
    for at, name in enumerate(grouping.names):
        rows = grouping.group == at
        ece = expected_calibration_error(scored.p[rows], scored.happened[rows], level=ctx.level)
        interval = Interval(
            low=ece.low, high=ece.high, level=ctx.level, method="debiased, equal-mass bins; conservative limits"
        )
        key, n = f"{grouping.attribute}={name}", int(rows.sum())
        measured.append(Measured(id=f"ece.{key}", value=ece.value, interval=interval, n=n))
        gain = corp_decomposition(scored.p[rows], scored.happened[rows], rng=ctx.rng, level=ctx.level).miscalibration
        interval = Interval(low=gain.low, high=gain.high, level=ctx.level, method=CORP_METHOD)
        measured.append(Measured(id=f"miscalibration.{key}", value=gain.value, interval=interval, n=n))
    return measured


def _curves(scored: _Scored, grouping: Grouping) -> pl.DataFrame:
    """The rising curve that fits each group's outcomes best, at quantiles of its scores."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.corp import recalibrate, reliability_steps

    parts = []
    for at, name in enumerate(grouping.names):
        p, happened = scored.p[grouping.group == at], scored.happened[grouping.group == at]
        stated = np.unique(np.quantile(p, np.linspace(0.0, 1.0, CURVE_POINTS), method="inverted_cdf"))
        fitted = recalibrate(reliability_steps(p, happened), stated)
        parts.append(pl.DataFrame({"stated": stated, "recalibrated": fitted}).with_columns(group=pl.lit(name)))
    return pl.concat(parts)


def _curves_chart(grouping: Grouping) -> Chart:
    key = f"curves_{grouping.key}"
    return Chart(
        id=key, title=f"What stated probabilities should have been, by {grouping.attribute}", kind="line", table=key,
        x="stated", y="recalibrated", series="group", x_title="stated probability", diagonal=True,
        y_title="probability that fits the outcomes best",
        caption="A group whose curve runs above the diagonal is promised too little, below it too much. Steps of small "
        "groups are coarse.",
    )  # fmt: skip


def _tables(rows: list[tuple[object, ...]]) -> dict[str, pl.DataFrame]:
    import polars as pl

    from holdfast.kernels.fairness.grouping import BETWEEN

    words = dict.fromkeys(["quantity", "attribute", "label"], pl.String)
    schema = {**words, "n": pl.Int64, **dict.fromkeys(["value", "low", "high"], pl.Float64)}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    single = table.filter(~pl.col("attribute").str.contains(BETWEEN, literal=True))
    parts = single.partition_by("quantity", as_dict=True, maintain_order=True)
    return {"groups": table, **{str(key[0]): part for key, part in parts.items()}}


def _chart(kind: str) -> Chart:
    name = WORDS[kind][0]
    return Chart(
        id=kind, title=f"{name[0].upper()}{name[1:]} in each group", kind="points", table=kind, x="label", y="value",
        low="low", high="high", series="attribute", y_title=name, reference=0.0 if kind == "calibration_gap" else None,
        caption=f"{name[0].upper()}{name[1:]} with its interval: groups of one attribute whose bars lie apart differ.",
    )  # fmt: skip
