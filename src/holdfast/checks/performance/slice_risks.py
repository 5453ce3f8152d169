"""Where the model errs more, is it also easier to fool, and too sure of itself?

**What it answers.** A kind of case with more errors is one worry. If the same cases are turned by small changes more
often, or if the model's confidence there promises more than it keeps, then a person who trusts the confidence, or a
guard that holds for the whole table, does not help just where help is needed.

**How.** The slices that ``performance.slices`` has confirmed are taken as they are. Of the test rows that
``robustness.evasion`` has attacked, those in a slice are compared with all others: the share that a small change turns.
On the half of the test rows that was not searched, the model's confidence in its answer minus the share of right
answers (overconfidence) is compared in the same way. As that half also settled which slices were confirmed, the
intervals are widened for all slices that were tested; all of them hold together.

**How to read it.** Each number is a slice minus the rest; above 0 the slice is worse off. The numbers given are the
worst of all confirmed slices: those whose interval starts highest.

- *Good:* three confirmed slices, no gap whose interval lies above 0: more errors, and the model says that it is unsure.
- *Bad:* ``overconfidence_gap`` 0.09 (0.04 to 0.14): on these cases the model claims as much as elsewhere and keeps
  less.
- *Misleading:* ``evasion_gap`` 0.30 where outcomes are a coin toss: rows near the border between two answers are easily
  turned, and are also often wrong. That is one fact, not two.

**When it misleads.** Only some rows are attacked, so that few may lie in a slice; then the interval is wide. Whose
membership in the training data is given away most is a question of ``privacy.membership`` and ``privacy.exposure``.

**What to do about a bad one.** Recalibrate within the slice, or pass its cases to a person. Against small changes see
``robustness.hardening``, and compare its remedies on the slice.

References: Sagadeeva and Boehm (2021), SIGMOD; Guo et al. (2017), On calibration of modern neural networks, ICML.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPEC = {
    "title": "What else is wrong where errors are",
    "question": "Where the model errs more, is it also easier to fool, and too sure of itself?",
    "needs": ["test", "target", "predictions"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {
            "id": "evasion_gap",
            "name": "Rows turned by a small change, worst slice minus the rest",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
        {
            "id": "overconfidence_gap",
            "name": "Confidence beyond right answers, worst slice minus the rest",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-2, 2],
        },
    ],
    "uses": ["performance.slices", "robustness.evasion"],
    "evidence_codes": ["SLICE"],
    "references": [
        "Sagadeeva, Boehm (2021), SliceLine: fast, linear-algebra-based slice finding for ML model debugging, SIGMOD",
        "Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML",
    ],
    "cost": "light",
}

WORDS = {
    "evasion_gap": "a small change turns the answer more often",
    "overconfidence_gap": "the model is more too sure of itself",
}
METHODS = {"evasion_gap": "Clopper-Pearson difference", "overconfidence_gap": "Welch"}
FEWEST_ROWS = 20
REMEDIATION = (
    "Recalibrate within the slice or pass its cases to a person; compare the remedies of robustness.hardening there."
)


def run(subject: Subject, ctx: Context) -> Outcome:
    """Compare rows in confirmed slices with all others, by what else is known of them."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.confirmed_slices import confirm_slices

    found = ctx.used_table("performance.slices", "members")
    if found is None:
        raise NotRun("there is no finding of performance.slices on this model", hint="add --check performance.slices")
    names = found["slice"].unique(maintain_order=True).to_list()
    tested = ctx.used_table("performance.slices", "slices")
    n_tested = len(names) if tested is None else tested.height
    if not names:
        raise NotApplicable("no slice with more errors was confirmed", hint="nothing is needed")
    rows_of = {name: found.filter(found["slice"] == name)["row"].to_numpy() for name in names}
    values = {risk: pair for risk, pair in _values(subject, ctx).items() if pair[0].size}
    if not values:
        raise NotRun(
            "neither attacked rows nor confidences are there to compare",
            hint="add --check robustness.evasion, or give a model that answers with probabilities",
        )
    measured, tables = [], {}
    for risk, (rows, value) in values.items():
        members = {name: np.isin(rows, own) for name, own in rows_of.items()}
        members = {k: has for k, has in members.items() if FEWEST_ROWS <= has.sum() <= has.size - FEWEST_ROWS}
        if not members:
            continue
        # Which of the slices tested were confirmed was settled on some of these rows: allow for all that were tested.
        level = 1.0 - (1.0 - ctx.level) * len(members) / (n_tested * len(values))
        gaps = confirm_slices(value, np.array(list(members.values())), level=level)
        worst = int(np.argmax(gaps.low))
        lines = [(name, int(gaps.n[i]), *(float(part[i]) for part in gaps[1:6])) for i, name in enumerate(members)]
        measured.append(_measured(risk, lines[worst], ctx.level, n_tested))
        schema = ["slice", "n", "value", "rest", "gap", "low", "high"]
        tables[risk] = pl.DataFrame(lines, schema=schema, orient="row").sort("low", descending=True)
    if not measured:
        raise NotRun(
            f"fewer than {FEWEST_ROWS} rows of every slice were attacked or have confidences",
            hint="give more test rows, or --effort thorough",
        )
    return Outcome(
        measurements=tuple(measured),
        tables=tables,
        charts=tuple(_chart(risk) for risk in tables),
        remediation=REMEDIATION,
        assumptions=("The slices are those that performance.slices has confirmed.",),
        work={"slices": len(names)},
    )


def _values(subject: Subject, ctx: Context) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Test rows and what is known of each, by risk."""
    import numpy as np
    import polars as pl

    assert subject.test is not None
    values = {}
    points, halves = ctx.used_table("robustness.evasion", "points"), ctx.used_table("performance.slices", "halves")
    if points is not None:
        values["evasion_gap"] = (points["row"].to_numpy(), points["success"].cast(pl.Float64).to_numpy())
    scores = subject.predictions.scores
    if scores is not None and halves is not None and scores.min() >= 0.0 and np.allclose(scores.sum(1), 1.0, atol=1e-3):
        rows = halves.filter(pl.col("confirming"))["row"].to_numpy()
        labels = subject.predictions.labels.astype(np.int64)
        right = labels == subject.y(subject.test)
        values["overconfidence_gap"] = (rows, (scores[np.arange(labels.size), labels] - right)[rows])
    return values


def _measured(
    risk: str, line: tuple[str, int, float, float, float, float, float], level: float, n_slices: int
) -> Measured:
    name, n, value, rest, gap, low, high = line
    method = f"{METHODS[risk]}, Bonferroni over {n_slices} slices"
    ends = [end if math.isfinite(end) else None for end in (low, high)]
    return Measured(
        id=risk,
        value=gap,
        interval=Interval(low=ends[0], high=ends[1], level=level, method=method),
        n=n,
        plain=f"Where {name}, {WORDS[risk]}: {value:.1%}, elsewhere {rest:.1%}."
        if low > 0.0
        else f"In no slice with more errors is it shown that {WORDS[risk]} than elsewhere.",
    )


def _chart(risk: str) -> Chart:
    return Chart(
        id=risk,
        title=f"In slices with more errors, {WORDS[risk]}?",
        caption="To the right of 0 the slice is worse off than the other rows, by so much of all cases.",
        kind="points",
        table=risk,
        x="slice",
        y="gap",
        low="low",
        high="high",
        y_title="slice minus the rest",
        reference=0.0,
    )
