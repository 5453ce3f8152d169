"""Which combination of sex, origin, age and so on fares worst, with the small ones looked at and not accused by chance.

**Question.** Is there a combination of attributes, however small, whose people are refused or wronged more often than
people are on the whole?

**How.** Every combination of the columns named as `deployment.sensitive` is a cell; numbers such as age are cut into
thirds. Small cells are not left out. Their rates are estimated together with all others: each is drawn towards the
overall rate by as much as the cells have in common, a cell of five people nearly all the way, one of a thousand hardly
(a hierarchical beta-binomial model, its two numbers averaged over). Then the worst cell is compared with everybody:

- `selection_shortfall`: how much less often than on the whole it gets the favourable answer;
- `opportunity_shortfall`: the same among those who deserve it by the recorded outcome;
- `error_excess`: how much more often it gets a wrong answer.

**How to read it.** 0.08 (0.05 to 0.12) says that some cell lies at least 5 points below the whole, however many cells
were looked at: the lower end allows for that. With a lower end of 0 none was shown to be worse off. The table `cells`
has every cell with its counts, its plain share and its shrunken one with an interval; the two differ most where the
cell is small, and there the plain one is the less reliable.

**When it misleads.** Shrinkage assumes that cells have something in common. One small cell that really is treated
otherwise than all others is drawn towards them and shown too mildly, and the upper end covers it only as far as the
spread of the cells lets one expect. Cells by thirds of age depend on where the cuts fall.

**What to do about a bad result.** Look at the rows of the cell that is named, then collect more of it: an interval that
is wide says that there are too few. `fairness.group_gaps` says whether one attribute alone explains it.

- *A good result*: `selection_shortfall` 0.01 (0 to 0.04) over 18 cells of 4 to 900 people.
- *A bad result*: `opportunity_shortfall` 0.15 (0.08 to 0.22) for older women from one country.
- *A misleading result*: a plain share of 0 in a cell of three, drawn to 0.29 where the whole has 0.31: three refusals.

References
----------
Kearns, M., Neel, S., Roth, A. and Wu, Z. S. (2018). Preventing fairness gerrymandering. ICML.
Foulds, J. R., Islam, R., Keya, K. N. and Pan, S. (2020). Bayesian modeling of intersectional fairness. SDM.
Gelman, A., Hill, J. and Yajima, M. (2012). Why we (usually) don't have to worry about multiple comparisons. J. Research
on Educational Effectiveness 5, 189-211.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.people import people_columns
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import polars as pl

    from holdfast.kernels.fairness.grouping import Grouping
    from holdfast.kernels.fairness.rates import GroupRate
    from holdfast.kernels.fairness.shrinkage import WorstShortfall

SPEC = {
    "title": "Combinations of groups, small ones included",
    "question": "Which combination of groups fares worst, and is that more than chance?",
    "needs": ["test", "predictions"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "selection_shortfall", "name": "Selection rate of the worst combination, below the whole",
         "unit": "share", "direction": "lower_is_better", "range": [0, 1]},
        {"id": "opportunity_shortfall", "name": "True-positive rate of the worst combination, below the whole",
         "unit": "share", "direction": "lower_is_better", "range": [0, 1]},
        {"id": "error_excess", "name": "Error rate of the worst combination, above the whole",
         "unit": "share", "direction": "lower_is_better", "range": [0, 1]},
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR"],
    "references": ["Kearns et al. 2018", "Foulds et al. 2020", "Gelman, Hill, Yajima 2012"],
    "cost": "light",
}  # fmt: skip

MOST_CELLS = 1000
METHOD = "hierarchical beta-binomial, Bonferroni over the combinations"
REMEDIATION = (
    "Look at the rows of the combination that is named, and collect more of it where its interval is wide. "
    "fairness.group_gaps says whether one attribute alone explains it."
)
# Which rate, and whether a high one harms.
HARMS = {
    "selection_shortfall": ("selection_rate", False),
    "opportunity_shortfall": ("true_positive_rate", False),
    "error_excess": ("error_rate", True),
}
WORDS = {
    "selection_shortfall": "get the favourable answer",
    "opportunity_shortfall": "of those who deserve the favourable answer get it",
    "error_excess": "get a wrong answer",
}


def run(subject: Subject, ctx: Context, *, min_cell: int = 1) -> Outcome:
    """Estimate the rates of all combinations together, and compare the worst with the whole.

    Parameters
    ----------
    min_cell
        Combinations with fewer rows are left out.
    """
    from holdfast.kernels.fairness.grouping import cross_groups, group_labels
    from holdfast.kernels.fairness.shrinkage import worst_shortfall

    people = people_columns(subject)
    assert subject.test is not None
    notes: list[str] = []
    labels = {}
    for name, values in subject.cells(subject.test.frame.select(people)).items():
        labels[name], cut = group_labels(values)
        if cut:
            notes.append(f"{name} was cut into: {', '.join(cut)} (by quantiles).")
    one = [name for name, own in labels.items() if (own == own[0]).all()]
    if one and len(one) < len(labels):
        notes.append(f"Everybody is of one group of {', '.join(one)}, which was not crossed with the others.")
        labels = {name: own for name, own in labels.items() if name not in one}
    cells = cross_groups(labels, min_cell, notes, most=MOST_CELLS)
    left_out = int((cells.group < 0).sum())
    if len(cells.names) < 2:
        raise NotApplicable(
            f"everybody in the test table is of one combination of {cells.attribute}", hint="give more kinds of people"
        )
    measured, rows = [], []
    for kind, rate in _rates(subject, cells).items():
        if not rate.trials.any():
            continue
        name, harm_is_high = HARMS[kind]
        found = worst_shortfall(rate.successes, rate.trials, harm_is_high=harm_is_high, level=ctx.level)
        measured.append(_measured(ctx, kind, cells, rate, found, left_out))
        rows += _rows(name, cells, rate, found)
    return Outcome(
        measurements=tuple(measured),
        tables=_tables(rows),
        charts=tuple(_chart(name) for name in dict.fromkeys(row[0] for row in rows)),
        remediation=REMEDIATION,
        assumptions=(*notes, f"{len(cells.names)} combinations of {', '.join(labels)} were compared with the whole."),
        work={"cells": len(cells.names)},
    )


def _rates(subject: Subject, cells: Grouping) -> dict[str, GroupRate]:
    from holdfast.kernels.fairness.rates import confusion_counts, group_rates, selection_rate

    selected, n_groups = subject.predictions.labels == subject.positive, len(cells.names)
    rates = {"selection_shortfall": selection_rate(selected, cells.group, n_groups=n_groups)}
    if subject.target is not None and subject.test is not None:
        deserving = subject.y(subject.test) == subject.positive
        known = group_rates(confusion_counts(selected, deserving, cells.group, n_groups=n_groups))
        right = known["accuracy"]
        rates["opportunity_shortfall"] = known["true_positive_rate"]
        rates["error_excess"] = right._replace(successes=right.trials - right.successes)
    return rates


def _measured(
    ctx: Context, kind: str, cells: Grouping, rate: GroupRate, found: WorstShortfall, left_out: int
) -> Measured:
    at, overall = found.group, rate.successes.sum() / rate.trials.sum()
    value, low, high = found.estimate
    shown = f"about {100 * found.rate.value[at]:.0f} of 100 {WORDS[kind]}, on the whole {100 * overall:.0f}"
    chance = "" if low > 0.0 else "; that can be chance"
    interval = Interval(low=low, high=high, level=ctx.level, method=METHOD)
    of = "1 person" if rate.trials[at] == 1 else f"{rate.trials[at]:,} people"
    others = f" {left_out:,} people are of smaller combinations, which were not compared." if left_out else ""
    plain = f"Worst of {len(cells.names):,} combinations is {cells.names[at]} ({of}): {shown}{chance}.{others}"
    return Measured(id=kind, value=value, interval=interval, n=int(rate.trials.sum()), plain=plain)


def _rows(name: str, cells: Grouping, rate: GroupRate, found: WorstShortfall) -> list[tuple[object, ...]]:
    """Every cell, the worst first."""
    import numpy as np

    plain = np.where(rate.trials > 0, rate.successes / np.maximum(rate.trials, 1), np.nan)
    order = np.argsort(-found.low, kind="stable")
    columns = (rate.successes, rate.trials, plain, *found.rate, found.low > 0.0)
    return [(name, cells.names[at], *(column[at].item() for column in columns)) for at in order if rate.trials[at]]


def _tables(rows: list[tuple[object, ...]]) -> dict[str, pl.DataFrame]:
    import polars as pl

    counts = {"rate": pl.String, "cell": pl.String, "successes": pl.Int64, "n": pl.Int64}
    shares = dict.fromkeys(["share", "shrunken", "low", "high"], pl.Float64)
    table = pl.DataFrame(rows, schema={**counts, **shares, "worse_off": pl.Boolean}, orient="row")
    parts = table.partition_by("rate", as_dict=True, maintain_order=True)
    return {"cells": table, **{str(key[0]): part for key, part in parts.items()}}


def _chart(name: object) -> Chart:
    words = str(name).replace("_", " ")
    return Chart(
        id=str(name), title=f"Shrunken {words} of each combination", kind="points", table=str(name), x="cell",
        y="shrunken", low="low", high="high", y_title=words,
        caption="Each combination with its interval; those that come first in the table fare worst. Small ones are "
        "drawn towards the whole.",
    )  # fmt: skip
