"""Whether groups of people are treated alike: chances, errors, and what a positive answer is worth.

**Question.** Do people of one sex, origin or age get the favourable answer more often, or wrong answers more often,
than those of another?

**How.** Test rows are grouped by each column named as `deployment.sensitive` in `holdfast.yaml`, by each pair of them,
and by all of them together. Numbers such as age are cut into three groups of equal size, or at edges that you give.
For each group the model's answers are counted, and gaps are measured, each between the two groups that differ most:

- `demographic_parity`: the share that gets the favourable answer;
- `equalised_odds`: the share of those who deserve it (by the recorded outcome) that gets it, or the share of those who
  do not, whichever differs more;
- `equal_opportunity`: the first of these two alone, and `average_odds`, the mean of the two;
- `predictive_parity`: of those who get it, the share that deserves it;
- `accuracy_gap`: the share of right answers.

`disparate_impact` is `demographic_parity` said as a ratio: the lowest of the shares divided by the highest. The table
`gaps` has difference and ratio of all eight rates, and `rates` the counts behind them.

For a model that predicts numbers: `mean_prediction_gap` and `mae_gap` (size of the errors), in the target's unit.

**How to read it.** 0 is equal treatment in the sense of that measure. The observed difference between the most
different of many groups is above 0 even when all are equal, the more so the smaller the groups; the interval allows for
that, so that its lower end is above 0 only when some difference is really there. Its upper end is what cannot be ruled
out: with small groups it is high, which says that there are too few people to tell, not that the model is unfair.

**When it misleads.** Where base rates differ, odds, precision and chances cannot all have gaps of 0 (Kleinberg et al.;
Chouldechova): which of them matters is a decision about the purpose, not a matter of statistics. The recorded outcome
may itself be unfair: a model that repeats it has no gap in `equalised_odds`. Groups too small to measure are left out,
and are named: `fairness.intersections` looks at them. Equal treatment of sexes and of origins does not mean equal
treatment of their combinations, hence the pairs.

**What to do about a bad result.** Look at the rates per group first, then at the rows of the group that fares worst. If
it is rare in training, collect more of it; if inputs stand in for the attribute, ask whether they are needed; if
outcomes are recorded differently for groups, mend that. Adjusting thresholds by group mends the number and can be
unlawful: ask.

- *A good result*: `equalised_odds.sex` 0.02 (0 to 0.05) with 5,000 people in each group.
- *A bad result*: `equalised_odds.sex` 0.11 (0.07 to 0.14): of 100 women who repaid, 61 were accepted, of 100 men 72.
- *A misleading result*: `equalised_odds.race` 0.31 (0 to 0.62): one group has nine people; nothing was shown.

References
----------
Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning. NeurIPS.
Chouldechova, A. (2017). Fair prediction with disparate impact. Big Data 5, 153-163.
Kleinberg, J. et al. (2017). Inherent trade-offs in the fair determination of risk scores. ITCS.
Kearns, M., Neel, S., Roth, A. and Wu, Z. S. (2018). Preventing fairness gerrymandering. ICML (combinations of groups).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, did_you_mean
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
    from holdfast.kernels.fairness.rates import GroupRate

SPEC = {
    "title": "Gaps between groups of people",
    "question": "Do groups of people get the favourable answer, or wrong answers, at different rates?",
    "needs": ["test", "predictions"],
    "measures": [
        {"id": "demographic_parity.*", "name": "Gap in selection rate", "unit": "share",
         "direction": "lower_is_better"},
        {"id": "disparate_impact.*", "name": "Lowest selection rate divided by the highest", "unit": "ratio",
         "direction": "higher_is_better", "range": [0, 1]},
        {"id": "equalised_odds.*", "name": "Gap in error rates", "unit": "share", "direction": "lower_is_better"},
        {"id": "equal_opportunity.*", "name": "Gap in true-positive rate", "unit": "share",
         "direction": "lower_is_better"},
        {"id": "average_odds.*", "name": "Gap in the mean of true- and false-positive rate", "unit": "share",
         "direction": "lower_is_better"},
        {"id": "predictive_parity.*", "name": "Gap in precision", "unit": "share", "direction": "lower_is_better"},
        {"id": "accuracy_gap.*", "name": "Gap in accuracy", "unit": "share", "direction": "lower_is_better"},
        {"id": "mean_prediction_gap.*", "name": "Gap in mean prediction", "unit": "target units",
         "direction": "lower_is_better"},
        {"id": "mae_gap.*", "name": "Gap in mean absolute error", "unit": "target units",
         "direction": "lower_is_better"},
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR"],
    "references": ["Hardt et al. 2016", "Chouldechova 2017", "Kleinberg et al. 2017", "Kearns et al. 2018"],
    "cost": "light",
}  # fmt: skip

REMEDIATION = (
    "Look at the rates per group, then at the rows of the group that fares worst. If it is rare in training, collect "
    "more of it; if inputs stand in for the attribute, ask whether they are needed; if outcomes are recorded "
    "differently for groups, mend that. Which gap matters is a decision about the purpose: record it."
)
MOST_AFFECTED = 10_000


class _Found(NamedTuple):
    """What is collected over the groupings, and what is the same for all of them."""

    level: float
    min_rate_rows: int
    positive: str
    measurements: list[Measured]
    rows: list[tuple[object, ...]]
    gaps: list[tuple[object, ...]]
    affected: list[tuple[NDArray[np.int64], str]]
    assumptions: list[str]


def run(
    subject: Subject,
    ctx: Context,
    *,
    edges: tuple[str, ...] = (),
    n_quantiles: int = 3,
    min_group: int = 30,
    min_rate_rows: int = 10,
) -> Outcome:
    """Measure the largest gaps between groups of people, and between combinations of groups.

    Parameters
    ----------
    edges
        Where to cut numeric sensitive columns, such as ``age=25,60``: each number opens a group. Columns that are not
        named are cut at quantiles.
    n_quantiles
        Groups of about equal size that other numeric sensitive columns are cut into.
    min_group
        Groups with fewer rows are left out and reported.
    min_rate_rows
        A group takes part in a rate only with at least this number of rows to divide by.
    """
    people = people_columns(subject)
    positive = str(subject.classes[subject.positive]) if subject.classes else ""
    found = _Found(ctx.level, min_rate_rows, positive, [], [], [], [], [])
    if subject.target is None:
        found.assumptions.append("There are no recorded outcomes: only the model's answers were compared.")
    groupings, notes = _groupings(subject, people, edges, n_quantiles, min_group)
    found.assumptions.extend(notes)
    for grouping in groupings:
        measure = _number_gaps if subject.task == "regression" else _rate_gaps
        measure(subject, grouping, found)
    if not found.measurements:
        raise NotApplicable(
            f"no sensitive attribute has two groups of {min_group} rows or more in the test table",
            hint="; ".join(found.assumptions) or "give a test table with more rows",
        )
    tables, gaps = _rate_tables(found.rows), _gap_table(found.gaps)
    drawn = gaps.filter(gaps["attribute"].is_in(people) & gaps["rate"].is_in(list(TITLES)))
    return Outcome(
        measurements=tuple(found.measurements),
        tables={**tables, "gaps": gaps, "drawn": drawn, "affected_rows": _affected_table(found.affected)},
        charts=(*((GAPS_CHART,) if drawn.height else ()), *(_chart(name) for name in tables if name in TITLES)),
        remediation=REMEDIATION,
        assumptions=tuple(found.assumptions),
    )


def _groupings(
    subject: Subject, names: list[str], edges: tuple[str, ...], n_quantiles: int, min_group: int
) -> tuple[list[Grouping], list[str]]:
    from holdfast.kernels.fairness.grouping import people_groups

    assert subject.test is not None
    cells = subject.cells(subject.test.frame.select(names))
    given = dict(_edges(text, names) for text in edges)
    return people_groups(cells, min_group=min_group, edges=given, n_quantiles=n_quantiles)


def _edges(text: str, names: list[str]) -> tuple[str, list[float]]:
    name, _, numbers = text.partition("=")
    if name not in names:
        raise InputError(f"edges are given for {name!r}, which is no sensitive column", hint=did_you_mean(name, names))
    try:
        return name, sorted({float(number) for number in numbers.split(",")})
    except ValueError:
        raise InputError(f"expected edges such as age=25,60, got {text!r}") from None


# Which rates make a gap, and under what name.
GAPS = {
    "demographic_parity": ("selection_rate",),
    "equalised_odds": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity": ("true_positive_rate",),
    "predictive_parity": ("precision",),
    "accuracy_gap": ("accuracy",),
}


def _rate_gaps(subject: Subject, grouping: Grouping, found: _Found) -> None:
    """Measure the gaps of a classifier; those that need outcomes only where there are any."""
    from holdfast.kernels.fairness.rates import confusion_counts, group_rates, selection_rate

    selected, n_groups = subject.predictions.labels == subject.positive, len(grouping.names)
    rates = {"selection_rate": selection_rate(selected, grouping.group, n_groups=n_groups)}
    if subject.target is not None and subject.test is not None:
        deserving = subject.y(subject.test) == subject.positive
        rates = group_rates(confusion_counts(selected, deserving, grouping.group, n_groups=n_groups))
    enough = {name: _enough(found, name, rate, grouping) for name, rate in rates.items()}
    for kind, names in GAPS.items():
        if names[0] not in enough:
            continue
        gap = _add_rates(found, kind, {name: enough[name] for name in names}, grouping)
        if kind == "equalised_odds" and gap is not None and gap.estimate.low > 0.0:
            found.affected.append(_wronged(gap, selected, deserving, grouping))
    _add_ratio(found, enough["selection_rate"], grouping)
    if len(rates) > 1:
        _add_average_odds(found, enough, grouping)
    for name, rate in rates.items():
        found.rows.extend(_rate_rows(name, rate, grouping, found.level))
        found.gaps.extend(_gap_rows(name, enough[name], grouping, found.level))


def _enough(found: _Found, name: str, rate: GroupRate, grouping: Grouping) -> GroupRate:
    """Leave out groups with too few rows to divide by, and say so."""
    import numpy as np

    from holdfast.kernels.fairness.grouping import some

    small = rate.trials < found.min_rate_rows
    if small.any() and any(name in names for names in GAPS.values()):
        names = some([grouping.names[index] for index in np.flatnonzero(small)])
        which = f"the {name.replace('_', ' ')} by {grouping.attribute}"
        found.assumptions.append(f"Too few rows (under {found.min_rate_rows}) for {which}: {names}.")
    return rate._replace(successes=np.where(small, 0, rate.successes), trials=np.where(small, 0, rate.trials))


def _add_rates(found: _Found, kind: str, rates: dict[str, GroupRate], grouping: Grouping) -> LargestGap | None:
    import numpy as np

    from holdfast.kernels.fairness.group_gaps import largest_rate_gap

    successes = np.stack([rate.successes for rate in rates.values()])
    trials = np.stack([rate.trials for rate in rates.values()])
    gap = largest_rate_gap(successes, trials, level=found.level)
    plain = ""
    if gap is not None:
        name = list(rates)[gap.rate]
        plain = _plain(name, rates[name], gap, grouping, found.positive)
    return _record(found, kind, grouping, gap, method="Newcombe", n=int(trials.sum()), plain=plain)


def _add_average_odds(found: _Found, rates: dict[str, GroupRate], grouping: Grouping) -> None:
    from holdfast.kernels.fairness.group_gaps import largest_estimate_gap
    from holdfast.kernels.fairness.rates import average_odds

    both = rates["true_positive_rate"], rates["false_positive_rate"]
    gap = largest_estimate_gap(lambda level: average_odds(*both, level=level), level=found.level)
    n = int(sum(rate.trials.sum() for rate in both))
    _record(found, "average_odds", grouping, gap, method="exact limits, combined", n=n, plain="")


def _add_ratio(found: _Found, rate: GroupRate, grouping: Grouping) -> None:
    from holdfast.kernels.fairness.ratios import smallest_rate_ratio

    ratio = smallest_rate_ratio(rate.successes, rate.trials, level=found.level)
    if ratio is None:
        found.assumptions.append(f"disparate_impact.{grouping.key} was not measured: there is nothing to divide by.")
        return
    value, low, high = ratio.estimate
    method = "smallest pairwise ratio; Wilson below, Clopper-Pearson with Bonferroni above"
    shown = "" if high < 1.0 else ", which can be chance"
    plain = (
        f"For each 100 people in {grouping.names[ratio.highest]} who get the answer {found.positive!r}, "
        f"{round(100 * value)} ({round(100 * low)} to {round(100 * high)}) of as many do in "
        f"{grouping.names[ratio.lowest]}{shown}."
    )
    interval = Interval(low=low, high=high, level=found.level, method=method)
    found.measurements.append(
        Measured(
            id=f"disparate_impact.{grouping.key}", value=value, interval=interval, n=int(rate.trials.sum()), plain=plain
        )
    )


def _record(
    found: _Found, kind: str, grouping: Grouping, gap: LargestGap | None, *, method: str, n: int, plain: str
) -> LargestGap | None:
    key = f"{kind}.{grouping.key}"
    if gap is None:
        found.assumptions.append(f"{key} was not measured: fewer than two groups have enough rows.")
        return None
    value, low, high = gap.estimate
    method = f"largest pairwise difference; Bonferroni below, {method} above"
    interval = Interval(low=low, high=high, level=found.level, method=method)
    found.measurements.append(Measured(id=key, value=value, interval=interval, n=n, plain=plain))
    return gap


WORDS = {
    "selection_rate": "Of 100 people in {group}, about {rate} get the answer {positive!r}",
    "true_positive_rate": "Of 100 people in {group} whose outcome is {positive!r}, about {rate} get that answer",
    "false_positive_rate": "Of 100 people in {group} whose outcome is not {positive!r}, about {rate} get that answer",
    "precision": "Of 100 people in {group} who get the answer {positive!r}, about {rate} have that outcome",
    "accuracy": "Of 100 people in {group}, about {rate} get the right answer",
}


def _plain(name: str, rate: GroupRate, gap: LargestGap, grouping: Grouping, positive: str) -> str:
    high, low = (100.0 * rate.successes[group] / rate.trials[group] for group in (gap.highest, gap.lowest))
    first = WORDS[name].format(group=grouping.names[gap.highest], positive=positive, rate=round(high))
    value, least, most = (round(100.0 * part) for part in gap.estimate)
    shown = f"a gap of {value} ({least} to {most})" if gap.estimate.low > 0.0 else "a gap that can be chance"
    return f"{first}, in {grouping.names[gap.lowest]} about {round(low)}: {shown}."


def _rate_rows(name: str, rate: GroupRate, grouping: Grouping, level: float) -> list[tuple[object, ...]]:
    from holdfast.kernels.stats.proportions import clopper_pearson

    ends = clopper_pearson(rate.successes, rate.trials, level=level)
    values = [None if math.isnan(value) else value for value in ends.value.tolist()]
    counts = rate.successes.tolist(), rate.trials.tolist()
    numbers = zip(grouping.names, values, ends.low.tolist(), ends.high.tolist(), *counts, strict=True)
    return [(name, grouping.attribute, group, f"{grouping.attribute}: {group}", *rest) for group, *rest in numbers]


def _gap_rows(name: str, rate: GroupRate, grouping: Grouping, level: float) -> list[tuple[object, ...]]:
    """Difference and ratio of one rate."""
    from holdfast.kernels.fairness.group_gaps import largest_rate_gap
    from holdfast.kernels.fairness.ratios import smallest_rate_ratio

    gap = largest_rate_gap(rate.successes, rate.trials, level=level)
    if gap is None:
        return []
    ratio = smallest_rate_ratio(rate.successes, rate.trials, level=level)
    between = grouping.names[gap.highest], grouping.names[gap.lowest]
    label = f"{grouping.attribute}: {name.replace('_', ' ')}"
    return [(name, grouping.attribute, label, *gap.estimate, *(ratio.estimate if ratio else (None,) * 3), *between)]


def _wronged(
    gap: LargestGap, selected: NDArray[np.bool_], deserving: NDArray[np.bool_], grouping: Grouping
) -> tuple[NDArray[np.int64], str]:
    """Rows with the error that the group in question meets more often."""
    import numpy as np

    at, error, words = (
        (gap.lowest, deserving & ~selected, "wrongly refused")
        if gap.rate == 0
        else (gap.highest, selected & ~deserving, "wrongly selected")
    )
    rows = np.flatnonzero((grouping.group == at) & error)
    return rows.astype(np.int64), f"{words}; {grouping.attribute}: {grouping.names[at]}"


def _number_gaps(subject: Subject, grouping: Grouping, found: _Found) -> None:
    """Measure the gaps of a model that predicts numbers."""
    import numpy as np

    predicted = np.asarray(subject.predictions.labels, dtype=np.float64)
    _add_means(found, "mean_prediction_gap", "mean_prediction", predicted, grouping)
    if subject.target is not None and subject.test is not None:
        errors = np.abs(np.asarray(subject.y(subject.test), dtype=np.float64) - predicted)
        _add_means(found, "mae_gap", "mean_absolute_error", errors, grouping)


def _add_means(found: _Found, kind: str, name: str, values: NDArray[np.float64], grouping: Grouping) -> None:
    from holdfast.kernels.fairness.group_gaps import largest_mean_gap
    from holdfast.kernels.stats.mean import mean_t

    parts = [values[grouping.group == index] for index in range(len(grouping.names))]
    means, sizes = [float(part.mean()) for part in parts], [part.size for part in parts]
    gap = largest_mean_gap(means, [part.var(ddof=1) for part in parts], sizes, level=found.level)
    plain = ""
    if gap is not None:
        value, low, high = (f"{part:.4g}" for part in gap.estimate)
        first, second = (f"in {grouping.names[at]} is {means[at]:.4g}" for at in (gap.highest, gap.lowest))
        plain = f"The {name.replace('_', ' ')} {first}, {second}: a gap of {value} ({low} to {high})."
    _record(found, kind, grouping, gap, method="Welch", n=sum(sizes), plain=plain)
    for label, part in zip(grouping.names, parts, strict=True):
        interval = mean_t(part, level=found.level)
        found.rows.append(
            (name, grouping.attribute, label, f"{grouping.attribute}: {label}", *interval, None, part.size)
        )


def _rate_tables(rows: list[tuple[object, ...]]) -> dict[str, pl.DataFrame]:
    """All rates, and for the charts one table for each rate with the groups of single attributes."""
    import polars as pl

    from holdfast.kernels.fairness.grouping import BETWEEN

    words = dict.fromkeys(["rate", "attribute", "group", "label"], pl.String)
    numbers = dict.fromkeys(["value", "low", "high"], pl.Float64)
    schema = {**words, **numbers, "successes": pl.Int64, "n": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    single = table.filter(~pl.col("attribute").str.contains(BETWEEN, literal=True))
    parts = single.partition_by("rate", as_dict=True, maintain_order=True)
    return {"rates": table, **{str(key[0]): part for key, part in parts.items()}}


def _gap_table(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    import polars as pl

    ends = ["difference", "low", "high", "ratio", "ratio_low", "ratio_high"]
    words = dict.fromkeys(["rate", "attribute", "label"], pl.String)
    schema = {**words, **dict.fromkeys(ends, pl.Float64), "highest": pl.String, "lowest": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _affected_table(affected: list[tuple[NDArray[np.int64], str]]) -> pl.DataFrame:
    import polars as pl

    rows = [("test", int(row), reason) for positions, reason in affected for row in positions]
    return pl.DataFrame(rows[:MOST_AFFECTED], {"table": pl.String, "row": pl.Int64, "reason": pl.String}, orient="row")


GAPS_CHART = Chart(
    id="gaps", title="Largest gap between two groups, for each rate", kind="points", table="drawn", x="label",
    y="difference", low="low", high="high", series="attribute", y_title="difference of two shares", reference=0.0,
    caption="The difference between the two groups that differ most, with its interval: where that touches 0, the "
    "groups may be treated alike and the difference be chance.",
)  # fmt: skip
TITLES = {
    "selection_rate": "Share that gets the favourable answer",
    "true_positive_rate": "Share of the deserving that gets the favourable answer",
    "false_positive_rate": "Share of the others that gets the favourable answer",
    "precision": "Share of favourable answers that are deserved",
    "mean_prediction": "Mean prediction",
    "mean_absolute_error": "Mean absolute error",
}


def _chart(name: str) -> Chart:
    return Chart(
        id=name, title=TITLES[name], kind="points", table=name, x="label", y="value", low="low", high="high",
        series="attribute", y_title=TITLES[name].lower(),
        caption=f"{TITLES[name]}, for each group, with its interval. Groups of one attribute whose bars lie apart are "
        "treated differently in this sense.",
    )  # fmt: skip
