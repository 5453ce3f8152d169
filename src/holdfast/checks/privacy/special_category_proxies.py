"""Which columns give a sensitive attribute away, so that leaving the attribute itself out does not protect anybody.

**Question.** Health, religion, origin or sex may be left out of the inputs, and still be readable from the others: a
parish tells the religion, a first name the sex. Which columns stand in for such an attribute, and how well do all
together?

**How.** Attributes are those in `deployment.sensitive` and columns that seem to be of a special category (GDPR Articles
9 and 10). For each group of people (numbers are cut at their median), boosted trees learn on some rows to tell the
group from the others by the model's other inputs, and are asked about rows that they were not fitted on: once by all
inputs together, and once by each alone.

**How to read it.** An area of 0.5 is chance, 1 that people of the group are always told. `joint_auc.<attribute>` is the
area by all inputs, `column_auc.<attribute>` that by the strongest single one, of the group that is told best; intervals
allow for the number of groups and columns. Both are *lower* bounds: a better classifier or outside knowledge tells
more. A model that is given such columns can treat groups differently without being given the attribute; whether it does
is the question of `fairness.group_gaps`.

**When it misleads.** Small groups make long intervals, and groups of fewer than 50 rows are not looked at. A column
that is an attribute's cause or effect for good reasons (income and age) is a proxy as well: what matters is whether the
purpose needs it. With most columns of a table weakly related, `joint_auc` is high though no single column is a proxy.

**What to do about a bad result.** Ask of the strongest column whether the purpose needs it; drop or coarsen it, and
measure again: others may take over. Measure fairness by group in any case.

- *A good result*: `joint_auc.religion` 0.52 (0.49 to 0.55).
- *A bad result*: `column_auc.sex` 0.98, by a form of address.
- *A misleading result*: `joint_auc.sex` 0.93 in a census: occupation, hours and family tell together, each alone less.

References
----------
Regulation (EU) 2016/679, Articles 9 and 10.
Kim, I., Ramdas, A., Singh, A. and Wasserman, L. (2021). Classification accuracy as a proxy for two-sample testing.
Annals of Statistics 49.
Dwork, C., Hardt, M., Pitassi, T., Reingold, O. and Zemel, R. (2012). Fairness through awareness. ITCS (redundant
encoding).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

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

    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Proxies of sensitive attributes",
    "question": "Which columns give a sensitive attribute away that is not among them?",
    "needs": [],
    "measures": [
        {"id": "joint_auc.*", "name": "How well all inputs together tell the attribute", "unit": "",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "column_auc.*", "name": "How well the strongest single input tells it", "unit": "",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
    ],
    "reads": ["sensitive"],
    "evidence_codes": ["PII", "FAIR"],
    "references": ["Regulation (EU) 2016/679, Articles 9 and 10", "Kim et al. 2021", "Dwork et al. 2012"],
    "cost": "medium",
    "effort": {
        "quick": {"rows": 2000, "groups": 2, "columns": 30},
        "default": {"rows": 6000, "groups": 4, "columns": 60},
        "thorough": {"rows": 50000, "groups": 12, "columns": 1000},
    },
}  # fmt: skip

REMEDIATION = (
    "Ask of the strongest columns whether the purpose needs them; drop or coarsen them and measure again, "
    "because others may take over. Leaving the attribute itself out does not protect anybody where its proxies stay."
)
FEWEST, MOST_VALUES = 50, 12
# Trees learn little of a group that is one row in thirty; the area does not depend on how many rows there are of each.
MOST_OTHERS = 3
METHOD = "DeLong, rows not fitted on, Bonferroni"


class _Told(NamedTuple):
    """How well inputs tell one group of an attribute from the others; ``column`` is empty for all together."""

    attribute: str
    group: str
    column: str
    area: IntervalEstimate[float]


def run(subject: Subject, ctx: Context) -> Outcome:
    """Tell groups of people from the others by the model's other inputs."""
    table = subject.train if subject.train is not None else subject.test
    if table is None or not table.frame.height:
        raise NotRun("there is no table with a row", hint="give the training table with --train")
    attributes = _attributes(subject, ctx, table)
    cells = subject.cells(table.frame)
    inputs = [name for name in (subject.features or table.frame.columns) if name in cells and name != subject.target]
    inputs = inputs[: ctx.effort.get("columns", 60)]
    told: list[_Told] = []
    notes = []
    for name in ctx.track(attributes, len(attributes)):
        groups = _groups(cells[name])[: ctx.effort.get("groups", 4)]
        others = {column: cells[column] for column in inputs if column != name}
        if not groups or not others:
            notes.append(f"{name} has no two groups of {FEWEST} rows or more, or there is no other input.")
        for label, is_group in groups if others else ():
            told += _told(ctx, name, label, _drawn(ctx, is_group), others, len(groups))
    if not told:
        raise NotRun(" ".join(notes), hint="give a table with more rows")
    best = {name: _best_of(told, name) for name in attributes}
    tables = {"proxies": _proxy_table(told)}
    charts = []
    for name, (joint, _) in ((name, found) for name, found in best.items() if found is not None):
        key = _key(name)
        tables[f"proxies_{key}"] = tables["proxies"].filter(attribute=name, group=joint.group).head(12)
        charts.append(_chart(name, joint.group, key))
    return Outcome(
        measurements=tuple(item for found in best.values() if found is not None for item in _measured(ctx, *found)),
        tables=tables,
        charts=tuple(charts),
        remediation=REMEDIATION,
        assumptions=(
            f"At most {ctx.effort.get('rows', 6000):,} rows of the {table.name} table for each group.",
            *notes,
        ),
        work={"rows": table.frame.height, "comparisons": len(told)},
    )


def _attributes(subject: Subject, ctx: Context, table: Table) -> list[str]:
    from holdfast.kernels.personal_data.column_types import classify_columns
    from holdfast.kernels.personal_data.detector import default_detector

    types = classify_columns(subject.cells(table.frame), detector=default_detector(), rng=ctx.rng, level=ctx.level)
    special = [name for name, kind in types.items() if kind.role == "special category"]
    named = [name for name in dict.fromkeys([*subject.deployment.sensitive, *special]) if name in types]
    attributes = [name for name in named if name != subject.target]
    if not attributes:
        raise NotApplicable(
            "no column is named as sensitive or seems to be of a special category",
            hint="name the columns that describe people, such as sex or religion, as deployment.sensitive",
        )
    return attributes


def _groups(cells: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Groups of people to tell from the others, the largest first; of two groups, one; of numbers, the upper half."""
    import numpy as np

    if cells.dtype.kind == "f":
        known = cells[~np.isnan(cells)]
        distinct = np.unique(known)
        if distinct.size > MOST_VALUES:
            middle = float(np.median(known))
            return [(f"above {middle:g}", cells > middle)] if _is_split(cells > middle) else []
        values: list[Any] = distinct.tolist()
    else:
        values = sorted({cell for cell in cells.tolist() if cell is not None}, key=str)
    groups = [(f"{value:g}" if isinstance(value, float) else str(value), cells == value) for value in values]
    groups = [(label, np.asarray(is_group, dtype=np.bool_)) for label, is_group in groups if _is_split(is_group)]
    groups.sort(key=lambda one: -int(one[1].sum()))
    return groups[:1] if len(values) == 2 else groups


def _drawn(ctx: Context, is_group: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw rows of the others and of the group, at most three of the others for one of the group."""
    import numpy as np

    most = ctx.effort.get("rows", 6000) // 2
    within, without = (ctx.rng.permutation(np.flatnonzero(is_group == side)) for side in (True, False))
    return without[: min(most, MOST_OTHERS * within.size)], within[: min(most, MOST_OTHERS * without.size)]


def _is_split(is_group: NDArray[np.bool_]) -> bool:
    return FEWEST <= int(is_group.sum()) <= len(is_group) - FEWEST


def _told(
    ctx: Context,
    attribute: str,
    label: str,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    others: dict[str, NDArray[Any]],
    n_groups: int,
) -> list[_Told]:
    """Tell one group from the others by all columns, and by each alone."""
    from holdfast.kernels.drift.boosting import boosted_trees
    from holdfast.kernels.drift.telling_apart import tell_apart

    def area(names: list[str], level: float) -> IntervalEstimate[float] | None:
        without, within = ({name: others[name][side] for name in names} for side in rows)
        apart = tell_apart(without, within, fit=boosted_trees, rng=ctx.rng, level=level)
        return None if apart is None else apart.classifier.effect

    beside = 1.0 - (1.0 - ctx.level) / n_groups
    found = [("", area(list(others), beside))]
    each = 1.0 - (1.0 - ctx.level) / (n_groups * len(others))
    found += [(name, area([name], each)) for name in others]
    return [_Told(attribute, label, column, told) for column, told in found if told is not None]


def _best_of(told: list[_Told], attribute: str) -> tuple[_Told, _Told] | None:
    """The group that is told best by all columns, and the strongest column over all groups; None without any."""
    joint = [one for one in told if one.attribute == attribute and not one.column]
    single = [one for one in told if one.attribute == attribute and one.column]
    if not joint or not single:
        return None
    return max(joint, key=lambda one: one.area.value), max(single, key=lambda one: one.area.value)


def _measured(ctx: Context, joint: _Told, single: _Told) -> list[Measured]:
    def measured(key: str, one: _Told, by: str) -> Measured:
        plain = (
            f"Of two people, one with {one.attribute} = {one.group} and one without, {by} would name the right one "
            f"{one.area.value:.0%} of the time ({one.area.low:.0%} to {one.area.high:.0%}); a coin would 50%."
        )
        interval = Interval(low=one.area.low, high=one.area.high, level=ctx.level, method=METHOD)
        return Measured(id=f"{key}.{_key(one.attribute)}", value=one.area.value, interval=interval, plain=plain)

    return [
        measured("joint_auc", joint, "all other inputs together"),
        measured("column_auc", single, f"{single.column} alone"),
    ]


def _key(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _proxy_table(told: list[_Told]) -> pl.DataFrame:
    import polars as pl

    lines = [(one.attribute, one.group, one.column or "all together", *one.area) for one in told]
    schema = {
        **dict.fromkeys(("attribute", "group", "input"), pl.String),
        **dict.fromkeys(("auc", "low", "high"), pl.Float64),
    }
    frame = pl.DataFrame(lines, schema=schema, orient="row")
    return frame.sort(["attribute", "group", "auc"], descending=[False, False, True], maintain_order=True)


def _chart(attribute: str, group: str, key: str) -> Chart:
    return Chart(
        id=f"proxies_{key}", title=f"How well inputs tell {attribute} = {group}", kind="points", table=f"proxies_{key}",
        caption="0.5 is chance; an input far to the right stands in for the attribute.",
        x="input", y="auc", low="low", high="high", y_title="area under the curve", reference=0.5,
    )  # fmt: skip
