"""Whether groups of people are treated alike: chances, errors, and what a positive answer is worth.

**Question.** Do people of one sex, origin or age get the favourable answer more often, or wrong answers more often,
than those of another?

**How.** Test rows are grouped by each column named as `deployment.sensitive` in `holdfast.yaml`, by each pair of them,
and by all of them together. Numbers such as age are cut into three groups of equal size, or at edges that you give.
For each group the model's answers are counted, and three gaps are measured, each between the two groups that differ
most:

- `demographic_parity`: the share that gets the favourable answer;
- `equalised_odds`: the share of those who deserve it (by the recorded outcome) that gets it, or the share of those who
  do not, whichever differs more;
- `predictive_parity`: of those who get it, the share that deserves it.

For a model that predicts numbers: `mean_prediction_gap` and `mae_gap` (size of the errors), in the target's unit.

**How to read it.** 0 is equal treatment in the sense of that measure. The observed difference between the most
different of many groups is above 0 even when all are equal, the more so the smaller the groups; the interval allows for
that, so that its lower end is above 0 only when some difference is really there. Its upper end is what cannot be ruled
out: with small groups it is high, which says that there are too few people to tell, not that the model is unfair.

**When it misleads.** Where base rates differ, the three cannot all be 0 (Kleinberg et al.; Chouldechova): which of them
matters is a decision about the purpose, not a matter of statistics. The recorded outcome may itself be unfair: a model
that repeats it has no gap in `equalised_odds`. Groups too small to measure are left out, and are named. Equal treatment
of sexes and of origins does not mean equal treatment of their combinations, hence the pairs.

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
import re
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun, did_you_mean
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.fairness.group_gaps import LargestGap

SPEC = {
    "title": "Gaps between groups of people",
    "question": "Do groups of people get the favourable answer, or wrong answers, at different rates?",
    "needs": ["test", "predictions"],
    "measures": [
        {
            "id": "demographic_parity.*",
            "name": "Gap in selection rate",
            "unit": "share",
            "direction": "lower_is_better",
        },
        {"id": "equalised_odds.*", "name": "Gap in error rates", "unit": "share", "direction": "lower_is_better"},
        {"id": "predictive_parity.*", "name": "Gap in precision", "unit": "share", "direction": "lower_is_better"},
        {
            "id": "mean_prediction_gap.*",
            "name": "Gap in mean prediction",
            "unit": "target units",
            "direction": "lower_is_better",
        },
        {
            "id": "mae_gap.*",
            "name": "Gap in mean absolute error",
            "unit": "target units",
            "direction": "lower_is_better",
        },
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR"],
    "references": ["Hardt et al. 2016", "Chouldechova 2017", "Kleinberg et al. 2017", "Kearns et al. 2018"],
    "cost": "light",
}

REMEDIATION = (
    "Look at the rates per group, then at the rows of the group that fares worst. If it is rare in training, collect "
    "more of it; if inputs stand in for the attribute, ask whether they are needed; if outcomes are recorded "
    "differently for groups, mend that. Which gap matters is a decision about the purpose: record it."
)
# Numbers with at most this many distinct values are groups as they are.
FEW_VALUES = 10
BETWEEN = " × "
MOST_GROUPS = 100  # the work grows with its square
SHOWN_NAMES = 10
MOST_AFFECTED = 10_000


class _Grouping(NamedTuple):
    """People by one attribute or a combination: group of each row (-1: too small a group), and names."""

    attribute: str
    key: str
    group: NDArray[np.int64]
    names: list[str]


class _Rate(NamedTuple):
    """A rate in each group, as counts."""

    name: str
    successes: NDArray[np.int64]
    trials: NDArray[np.int64]


class _Found(NamedTuple):
    """What is collected over the groupings, and what is the same for all of them."""

    level: float
    min_rate_rows: int
    positive: str
    measurements: list[Measured]
    rows: list[tuple[object, ...]]
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
    if not subject.deployment.sensitive:
        raise NotRun(
            "no sensitive attributes are named",
            hint="name the columns that describe people, such as sex or age, as deployment.sensitive in holdfast.yaml",
        )
    if subject.task == "multiclass" and subject.deployment.positive is None:
        raise NotApplicable(
            f"there are {len(subject.classes)} classes and none is named as the favourable one",
            hint="name it as deployment.positive in holdfast.yaml; it is then compared with all others",
        )
    positive = str(subject.classes[subject.positive]) if subject.classes else ""
    found = _Found(ctx.level, min_rate_rows, positive, [], [], [], [])
    if subject.target is None:
        found.assumptions.append("There are no recorded outcomes: only the model's answers were compared.")
    for grouping in _groupings(subject, edges, n_quantiles, min_group, found.assumptions):
        measure = _number_gaps if subject.task == "regression" else _rate_gaps
        measure(subject, grouping, found)
    if not found.measurements:
        raise NotApplicable(
            f"no sensitive attribute has two groups of {min_group} rows or more in the test table",
            hint="; ".join(found.assumptions) or "give a test table with more rows",
        )
    tables = _rate_tables(found.rows)
    return Outcome(
        measurements=tuple(found.measurements),
        tables={**tables, "affected_rows": _affected_table(found.affected)},
        charts=tuple(_chart(name) for name in tables if name in TITLES),
        remediation=REMEDIATION,
        assumptions=tuple(found.assumptions),
    )


def _groupings(
    subject: Subject, edges: tuple[str, ...], n_quantiles: int, min_group: int, assumptions: list[str]
) -> list[_Grouping]:
    assert subject.test is not None
    names, frame = list(dict.fromkeys(subject.deployment.sensitive)), subject.test.frame
    given = dict(_edges(text, names) for text in edges)
    labels = {name: _labels(frame.get_column(name), given.get(name, []), n_quantiles, assumptions) for name in names}
    sets: list[tuple[str, ...]] = [*((name,) for name in names), *combinations(names, 2)]
    if len(names) > 2:
        sets.append(tuple(names))
    groupings = [_grouping(chosen, labels, min_group, assumptions) for chosen in sets]
    return [grouping for grouping in groupings if len(grouping.names) > 1]


def _edges(text: str, names: list[str]) -> tuple[str, list[float]]:
    name, _, numbers = text.partition("=")
    if name not in names:
        raise InputError(f"edges are given for {name!r}, which is no sensitive column", hint=did_you_mean(name, names))
    try:
        return name, sorted({float(number) for number in numbers.split(",")})
    except ValueError:
        raise InputError(f"expected edges such as age=25,60, got {text!r}") from None


def _labels(column: pl.Series, edges: list[float], n_quantiles: int, assumptions: list[str]) -> pl.Series:
    """Name the group of each row."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.fairness.grouping import cut_numbers

    if not column.dtype.is_numeric() or (not edges and column.drop_nulls().n_unique() <= FEW_VALUES):
        return column.cast(pl.String).fill_null("missing")
    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    cut = cut_numbers(values, edges=edges, n_quantiles=n_quantiles)
    source = "as given" if edges else "by quantiles"
    assumptions.append(f"{column.name} was cut into: {', '.join(cut.names)} ({source}).")
    return pl.Series(column.name, np.array([*cut.names, "missing"])[cut.group], dtype=pl.String)


def _grouping(
    chosen: tuple[str, ...], labels: dict[str, pl.Series], min_group: int, assumptions: list[str]
) -> _Grouping:
    import numpy as np
    import polars as pl

    joined = pl.DataFrame([labels[name].alias(name) for name in chosen]).select(
        pl.concat_str(pl.all(), separator=BETWEEN).alias("group")
    )
    groups, inverse, sizes = np.unique(joined["group"].to_numpy(), return_inverse=True, return_counts=True)
    attribute = BETWEEN.join(chosen)
    is_kept = sizes >= min_group
    if not is_kept.all():
        small = _some([f"{name} ({size})" for name, size in zip(groups[~is_kept], sizes[~is_kept], strict=True)])
        assumptions.append(f"Left out of {attribute}, because they have fewer than {min_group} rows: {small}.")
    if is_kept.sum() > MOST_GROUPS:
        assumptions.append(f"Of {is_kept.sum()} groups of {attribute}, the {MOST_GROUPS} largest were compared.")
        is_kept[np.argsort(-sizes, kind="stable")[MOST_GROUPS:]] = False
    if is_kept.sum() < 2:
        assumptions.append(f"{attribute} has fewer than two groups that are large enough.")
    position = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    key = re.sub(r"[^A-Za-z0-9_-]", "_", "-x-".join(chosen))
    return _Grouping(
        attribute, key, position[inverse.ravel()].astype(np.int64), [str(name) for name in groups[is_kept]]
    )


def _some(names: list[str]) -> str:
    """List names, but not hundreds of them."""
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _rate_gaps(subject: Subject, grouping: _Grouping, found: _Found) -> None:
    """Measure the gaps of a classifier; those that need outcomes only where there are any."""
    selected = subject.predictions.labels == subject.positive
    rates = [_rate("selection_rate", selected, selected | True, grouping)]
    _add_rates(found, "demographic_parity", rates, grouping)
    if subject.target is not None and subject.test is not None:
        deserving = subject.y(subject.test) == subject.positive
        rates.append(_rate("true_positive_rate", selected & deserving, deserving, grouping))
        rates.append(_rate("false_positive_rate", selected & ~deserving, ~deserving, grouping))
        rates.append(_rate("precision", selected & deserving, selected, grouping))
        odds = _add_rates(found, "equalised_odds", rates[1:3], grouping)
        _add_rates(found, "predictive_parity", rates[3:], grouping)
        if odds is not None and odds.estimate.low > 0.0:
            found.affected.append(_wronged(odds, selected, deserving, grouping))
    for rate in rates:
        found.rows.extend(_rate_rows(rate, grouping, found.level))


def _rate(name: str, hits: NDArray[np.bool_], among: NDArray[np.bool_], grouping: _Grouping) -> _Rate:
    import numpy as np

    n_groups, known = len(grouping.names), grouping.group >= 0
    successes = np.bincount(grouping.group[known & hits & among], minlength=n_groups)
    trials = np.bincount(grouping.group[known & among], minlength=n_groups)
    return _Rate(name, successes.astype(np.int64), trials.astype(np.int64))


def _add_rates(found: _Found, kind: str, rates: list[_Rate], grouping: _Grouping) -> LargestGap | None:
    import numpy as np

    from holdfast.kernels.fairness.group_gaps import largest_rate_gap

    successes, trials = np.stack([rate.successes for rate in rates]), np.stack([rate.trials for rate in rates])
    is_small = trials < found.min_rate_rows
    for rate, small in zip(rates, is_small, strict=True):
        if small.any():
            names = _some([grouping.names[index] for index in np.flatnonzero(small)])
            which = f"the {rate.name.replace('_', ' ')} by {grouping.attribute}"
            found.assumptions.append(f"Too few rows (under {found.min_rate_rows}) for {which}: {names}.")
    gap = largest_rate_gap(np.where(is_small, 0, successes), np.where(is_small, 0, trials), level=found.level)
    plain = "" if gap is None else _plain(rates[gap.rate], gap, grouping, found.positive)
    return _record(found, kind, grouping, gap, method="Newcombe", n=int(trials.sum()), plain=plain)


def _record(
    found: _Found, kind: str, grouping: _Grouping, gap: LargestGap | None, *, method: str, n: int, plain: str
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
}


def _plain(rate: _Rate, gap: LargestGap, grouping: _Grouping, positive: str) -> str:
    high, low = (100.0 * rate.successes[group] / rate.trials[group] for group in (gap.highest, gap.lowest))
    first = WORDS[rate.name].format(group=grouping.names[gap.highest], positive=positive, rate=round(high))
    value, least, most = (round(100.0 * part) for part in gap.estimate)
    shown = f"a gap of {value} ({least} to {most})" if gap.estimate.low > 0.0 else "a gap that can be chance"
    return f"{first}, in {grouping.names[gap.lowest]} about {round(low)}: {shown}."


def _rate_rows(rate: _Rate, grouping: _Grouping, level: float) -> list[tuple[object, ...]]:
    from holdfast.kernels.stats.proportions import clopper_pearson

    ends = clopper_pearson(rate.successes, rate.trials, level=level)
    values = [None if math.isnan(value) else value for value in ends.value.tolist()]
    counts = rate.successes.tolist(), rate.trials.tolist()
    numbers = zip(grouping.names, values, ends.low.tolist(), ends.high.tolist(), *counts, strict=True)
    return [(rate.name, grouping.attribute, name, f"{grouping.attribute}: {name}", *rest) for name, *rest in numbers]


def _wronged(
    gap: LargestGap, selected: NDArray[np.bool_], deserving: NDArray[np.bool_], grouping: _Grouping
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


def _number_gaps(subject: Subject, grouping: _Grouping, found: _Found) -> None:
    """Measure the gaps of a model that predicts numbers."""
    import numpy as np

    predicted = np.asarray(subject.predictions.labels, dtype=np.float64)
    _add_means(found, "mean_prediction_gap", "mean_prediction", predicted, grouping)
    if subject.target is not None and subject.test is not None:
        errors = np.abs(np.asarray(subject.y(subject.test), dtype=np.float64) - predicted)
        _add_means(found, "mae_gap", "mean_absolute_error", errors, grouping)


def _add_means(found: _Found, kind: str, name: str, values: NDArray[np.float64], grouping: _Grouping) -> None:
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

    schema = {
        "rate": pl.String,
        "attribute": pl.String,
        "group": pl.String,
        "label": pl.String,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "successes": pl.Int64,
        "n": pl.Int64,
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    single = table.filter(~pl.col("attribute").str.contains(BETWEEN, literal=True))
    parts = single.partition_by("rate", as_dict=True, maintain_order=True)
    return {"rates": table, **{str(key[0]): part for key, part in parts.items()}}


def _affected_table(affected: list[tuple[NDArray[np.int64], str]]) -> pl.DataFrame:
    import polars as pl

    rows = [("test", int(row), reason) for positions, reason in affected for row in positions]
    return pl.DataFrame(rows[:MOST_AFFECTED], {"table": pl.String, "row": pl.Int64, "reason": pl.String}, orient="row")


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
        id=name,
        title=TITLES[name],
        caption=f"{TITLES[name]}, for each group, with its interval. Groups of one attribute whose bars lie apart are "
        "treated differently in this sense.",
        kind="points",
        table=name,
        x="label",
        y="value",
        low="low",
        high="high",
        series="attribute",
        y_title=TITLES[name].lower(),
    )
