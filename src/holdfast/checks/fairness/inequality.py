"""How unequally right answers and undeserved favours are spread over people, and how much of that lies between groups.

**Question.** Beyond the rates of groups: does the model spread its benefits evenly over single people, and is what
unevenness there is one between groups?

**How.** Each person gets a benefit: 1 for a right answer, 2 for a favourable answer that is not deserved by the
recorded outcome, 0 for a deserved one that is withheld. Of these benefits,

- `entropy` is the generalised entropy index (half the squared coefficient of variation), 0 where everybody has the
  same;
- `theil` is Theil's index, which weighs those at the lower end more;
- `between.<column>` is what is left of `entropy` when everybody gets the mean benefit of their group.

**How to read it.** The indices have no unit and no natural limit; they serve to compare models on the same table.
`between.sex` divided by `entropy` is the share of all unevenness that lies between the sexes, often a small one: a
model can be fair between groups and arbitrary within them. The plain value of `between` is above 0 by chance even for
equal groups; its interval allows for that.

**When it misleads.** Wrongly favouring one person more and wrongly refusing another even out in the mean of a group.
The benefits count both errors as equally far from right, which no purpose does exactly.

**What to do about a bad result.** A large `entropy` falls with the errors of the model: see `performance.predictive`. A
large `between` leads to `fairness.group_gaps`, which says in which rate the groups differ.

- *A good result*: `entropy` 0.05 (0.04 to 0.06), `between.sex` 0.0001 (0 to 0.0006).
- *A bad result*: `between.race` 0.02 (0.01 to 0.03) of an `entropy` of 0.09.
- *A misleading result*: `between.age` 0 where the young are wrongly favoured as often as they are wrongly refused.

References
----------
Speicher, T. et al. (2018). A unified approach to quantifying algorithmic unfairness. KDD.
Cowell, F. A. and Kuga, K. (1981). Additivity and the entropy concept. J. Economic Theory 25, 131-143.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.measurement import Interval
from holdfast.core.people import people_columns
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from holdfast.kernels.fairness.grouping import Grouping
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Inequality of benefits",
    "question": "How unequally are benefits spread over people, and how much of that lies between groups?",
    "needs": ["test", "target", "predictions"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "entropy", "name": "Generalised entropy index of benefits", "unit": "index",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "theil", "name": "Theil index of benefits", "unit": "index", "direction": "lower_is_better",
         "range": [0, None]},
        {"id": "between.*", "name": "Generalised entropy index between groups", "unit": "index",
         "direction": "lower_is_better", "range": [0, None]},
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR"],
    "references": ["Speicher et al. 2018", "Cowell and Kuga 1981"],
    "cost": "light",
}  # fmt: skip

FEWEST_ROWS = 30
REMEDIATION = (
    "A large entropy falls with the errors of the model. A large part between groups leads to fairness.group_gaps, "
    "which says in which rate they differ."
)


def run(subject: Subject, ctx: Context, *, min_group: int = 30) -> Outcome:
    """Measure inequality over people and between groups.

    Parameters
    ----------
    min_group
        Groups with fewer rows are left out and reported.
    """
    import numpy as np
    import polars as pl

    from holdfast.kernels.fairness.grouping import people_groups
    from holdfast.kernels.fairness.inequality import inequality

    people = people_columns(subject)
    assert subject.test is not None
    selected = subject.predictions.labels == subject.positive
    deserving = subject.y(subject.test) == subject.positive
    if selected.size < FEWEST_ROWS:
        raise NotRun(f"there are {selected.size} test rows, fewer than {FEWEST_ROWS}", hint="give a larger test table")
    benefit = np.asarray(1.0 + selected.astype(np.float64) - deserving.astype(np.float64))
    found = inequality(benefit, level=ctx.level)
    if found is None:
        raise NotApplicable(
            "nobody gets any benefit: all answers are deserved ones withheld", hint="look at fairness.group_gaps"
        )
    groupings, notes = people_groups(subject.cells(subject.test.frame.select(people)), min_group=min_group)
    measured = [
        _measured(ctx, "entropy", found.entropy, "delta method", benefit.size),
        _measured(ctx, "theil", found.theil, "delta method", benefit.size),
    ]
    rows = []
    for grouping in groupings:
        item, lines = _between(ctx, grouping, benefit, found.entropy.value)
        measured += item
        rows += lines
    numbers = dict.fromkeys(["mean_benefit", "low", "high"], pl.Float64)
    schema = {"attribute": pl.String, "group": pl.String, "n": pl.Int64, **numbers}
    return Outcome(
        measurements=tuple(measured),
        tables={"benefits": pl.DataFrame(rows, schema=schema, orient="row")},
        remediation=REMEDIATION,
        assumptions=(*notes, "Benefits: 1 for a right answer, 2 for an undeserved favour, 0 for a wrong refusal."),
    )


def _between(
    ctx: Context, grouping: Grouping, benefit: NDArray[np.float64], entropy: float
) -> tuple[list[Measured], list[tuple[object, ...]]]:
    from holdfast.kernels.fairness.group_scores import mean_by_group
    from holdfast.kernels.fairness.inequality import between_groups

    n_groups = len(grouping.names)
    means, _ = mean_by_group(benefit, grouping.group, n_groups=n_groups, level=ctx.level)
    ends = zip(grouping.names, grouping.sizes.tolist(), *(part.tolist() for part in means), strict=True)
    rows: list[tuple[object, ...]] = [(grouping.attribute, *line) for line in ends]
    found = between_groups(benefit, grouping.group, n_groups=n_groups, level=ctx.level)
    if found is None:
        return [], rows
    share = f"{found.value / entropy:.1%} of all inequality of benefits" if entropy > 0.0 else "All there is"
    chance = ", which can be chance" if found.low <= 0.0 else ""
    plain = f"{share} lies between groups of {grouping.attribute}{chance}."
    key = f"between.{grouping.key}"
    return [_measured(ctx, key, found, "gamma approximation, inverted", int(grouping.sizes.sum()), plain)], rows


def _measured(
    ctx: Context, name: str, found: IntervalEstimate[float], method: str, n: int, plain: str = ""
) -> Measured:
    interval = Interval(low=found.low, high=found.high, level=ctx.level, method=method)
    return Measured(id=name, value=found.value, interval=interval, n=n, plain=plain)
