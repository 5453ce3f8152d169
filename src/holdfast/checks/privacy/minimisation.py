"""Which personal data the model is given without needing it.

**Question.** Personal data has to be limited to what the purpose needs (GDPR Article 5(1)(c)). Which inputs that hold
personal data does the model not use, or could do without?

**How.** Inputs are told what kind of personal data they hold, by name and values (see `privacy.personal_data`). Each of
them is *mixed up* several times: its cells are dealt anew among the rows of the test table, everything else stays, and
the model is asked again. What its accuracy loses is the worth of the column to this model (permutation importance).
Where the model can be trained again, it is also trained *without* the column, with one constant in its place, and
compared with a copy trained with it, on the same rows. Both differences are paired, row by row; all intervals hold at
once.

**How to read it.** `mixed_cost.<column>` is the accuracy lost when the column is mixed up, `without_cost.<column>` when
the model is trained without it; for numbers, the mean error added as a share of the mean error. The upper end is the
promise: leaving the column out costs at most that. A column is *unneeded* when an upper end is at most `margin` (one in
a hundred by default), *needed* when the lower end is above it, and *open* otherwise. `n_unneeded` counts unneeded
inputs that name a person by themselves or belong to a special category (Articles 9 and 10); `n_unneeded_others` counts
other personal data. Their intervals reach from what is shown to be unneeded to what is not shown to be needed.

**When it misleads.** Of two columns that say the same, neither is needed alone: drop one, then look again. A column can
be worth nothing in accuracy and still decide about a few people, or be needed to measure fairness: that needs the
column in the test table, not among the inputs. Mixing up makes rows that cannot exist, which overstates the cost.
Training is partly chance: a difference smaller than that between two seeds is none, and the interval speaks of the rows
only.

**What to do about a bad result.** Train without the unneeded columns, keep what fairness needs apart, and audit again.

- *A good result*: `n_unneeded` 0.
- *A bad result*: `n_unneeded` 1: the model is given the religion, and loses at most 0.2 % without it.
- *A misleading result*: postcode and town both unneeded: together they may carry a lot.

References
----------
Regulation (EU) 2016/679, Article 5(1)(c).
Breiman, L. (2001). Random forests. Machine Learning 45, section 10 (permutation importance).
Tango, T. (1998). Equivalence test and confidence interval for the difference in proportions for the paired-sample
design. Statistics in Medicine 17.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.personal_data.column_types import ColumnType
    from holdfast.kernels.stats.interval import IntervalEstimate

    Targets = NDArray[np.int64] | NDArray[np.float64]

SPEC = {
    "title": "Data minimisation",
    "question": "Which personal data is the model given without needing it?",
    "needs": ["test", "target", "predictions", "query"],
    "takes": ["train", "refit"],
    "measures": [
        {"id": "n_unneeded", "name": "Unneeded inputs that name people or are of a special category", "unit": "columns",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "n_unneeded_others", "name": "Other unneeded inputs with personal data", "unit": "columns",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "mixed_cost.*", "name": "Accuracy lost when the column is mixed up", "unit": "share",
         "direction": "neither", "range": [-1, None]},
        {"id": "without_cost.*", "name": "Accuracy lost when trained without the column", "unit": "share",
         "direction": "neither", "range": [-1, None]},
    ],
    "reads": ["sensitive"],
    "evidence_codes": ["PII", "EXPL"],
    "references": ["Regulation (EU) 2016/679, Article 5(1)(c)", "Breiman 2001", "Tango 1998"],
    "cost": "medium",
    "effort": {
        "quick": {"points": 2000, "repeats": 2, "columns": 30, "refits": 0, "records": 0},
        "default": {"points": 10000, "repeats": 5, "columns": 60, "refits": 6, "records": 10000},
        "thorough": {"points": 100000, "repeats": 10, "columns": 1000, "refits": 60, "records": 100000},
    },
}  # fmt: skip

REMEDIATION = (
    "Train without the columns that are shown to be unneeded, keep those that are needed to measure fairness "
    "beside the model instead of among its inputs, and audit again: of two columns that say the same, only one may go."
)
FEWEST, FEWEST_CHANGED = 100, 20
NEED_GROUNDS = ("direct identifier", "special category")
Verdict = Literal["unneeded", "needed", "open"]
CHART = Chart(
    id="costs", title="What the model loses without a column of personal data", kind="points", table="columns",
    caption="A column whose bar ends left of the margin can be left out; the bars hold for all columns at once.",
    x="column", y="mixed_cost", low="mixed_low", high="mixed_high", y_title="accuracy lost when mixed up",
    reference=0.0,
)  # fmt: skip


class _Cost(NamedTuple):
    """What a column is worth: mixed up, and left out in training where that was tried."""

    column: str
    kind: ColumnType
    mixed: IntervalEstimate[float]
    without: IntervalEstimate[float] | None

    def verdict(self, margin: float) -> Verdict:
        if self.mixed.high <= margin or (self.without is not None and self.without.high <= margin):
            return "unneeded"
        return "needed" if (self.without or self.mixed).low > margin else "open"

    @property
    def smallest(self) -> float:
        """The smaller of its costs."""
        return min(found.value for found in (self.mixed, self.without) if found is not None)


def run(subject: Subject, ctx: Context, *, margin: float = 0.01) -> Outcome:
    """Mix up each column of personal data, and train without it where that is possible.

    Parameters
    ----------
    margin
        Loss of accuracy up to which a column counts as unneeded.
    """
    import numpy as np

    if not 0.0 < margin < 1.0:
        raise InputError(f"expected a margin between 0 and 1, got {margin}")
    assert subject.test is not None
    columns = _personal(subject, ctx)
    y = subject.y(subject.test)
    known = np.flatnonzero(y != -1) if subject.task != "regression" else np.flatnonzero(np.isfinite(y))
    rows = np.sort(ctx.rng.permutation(known)[: _affordable(subject, ctx, len(columns))])
    if rows.size < FEWEST:
        raise NotRun(f"{rows.size} rows are too few for an interval that says anything", hint=f"give {FEWEST} or more")
    inputs, y = subject.test.frame.select(subject.features)[rows], y[rows]
    refits, obstacle = _refittable(subject, ctx, columns)
    level = 1.0 - (1.0 - ctx.level) / (len(columns) + len(refits))
    own = _errors(subject, inputs, y)
    mixed = {}
    repeats = ctx.effort.get("repeats", 5)
    for name in ctx.track(columns, len(columns)):
        dealt = [inputs.with_columns(inputs[name][ctx.rng.permutation(inputs.height)]) for _ in range(repeats)]
        mixed[name] = _lost(subject, own, [_errors(subject, table, y) for table in dealt], level)
    without = _without(subject, ctx, refits, inputs, y, level)
    costs = [_Cost(name, kind, mixed[name], without.get(name)) for name, kind in columns.items()]
    return Outcome(
        measurements=(*_counts(ctx, costs, margin), *_measured(ctx, costs)),
        tables={"columns": _column_table(costs, margin)},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=(f"{rows.size:,} test rows; a column is unneeded when it costs at most {margin:g}.", *obstacle),
        work={"rows": rows.size, "columns": len(columns), "refits": len(without) and len(without) + 1},
    )


def _personal(subject: Subject, ctx: Context) -> dict[str, ColumnType]:
    """Inputs that hold personal data, those that need a reason most first."""
    from holdfast.kernels.personal_data.column_types import classify_columns
    from holdfast.kernels.personal_data.detector import default_detector

    assert subject.test is not None
    cells = subject.cells(subject.test.frame.select(subject.features))
    types = classify_columns(cells, detector=default_detector(), rng=ctx.rng, level=ctx.level)
    order = ("special category", "direct identifier", "sensitive", "quasi-identifier", "other")
    named = subject.deployment.sensitive
    found = {name: kind for name, kind in types.items() if kind.label or name in named}
    ranked = sorted(found, key=lambda name: (name not in named, order.index(found[name].role)))
    if not ranked:
        raise NotApplicable("no input seems to hold personal data", hint="name such columns in deployment.sensitive")
    return {name: found[name] for name in ranked[: ctx.effort.get("columns", 60)]}


def _affordable(subject: Subject, ctx: Context, n_columns: int) -> int:
    points = ctx.effort.get("points", 10_000)
    n_questions = 1 + n_columns * ctx.effort.get("repeats", 5)
    return points if subject.queries_left is None else min(points, subject.queries_left // n_questions)


def _errors(subject: Subject, inputs: pl.DataFrame, y: Targets) -> NDArray[np.float64]:
    """Return the error of each row: whether the label is wrong, or how far off the number is."""
    import numpy as np

    said = subject.predict(inputs).labels
    off = np.abs(said - y) if subject.task == "regression" else said != y
    return np.asarray(off, dtype=np.float64)


def _lost(
    subject: Subject, first: NDArray[np.float64], others: list[NDArray[np.float64]], level: float
) -> IntervalEstimate[float]:
    """Estimate what other answers lose on average against the first, on the same rows.

    Of labels, Tango's interval where there is one other answer, or so few rows change that a mean says nothing of its
    own error.
    """
    import numpy as np

    from holdfast.kernels.stats.mean import mean_t
    from holdfast.kernels.stats.paired import paired_proportion_difference

    lost = np.mean(others, axis=0) - first
    if subject.task == "regression":
        return mean_t(lost / max(float(first.mean()), 1e-300), level=level)
    if len(others) == 1 or np.count_nonzero(lost) < FEWEST_CHANGED:
        b01, b10 = int(((first == 1) & (others[0] == 0)).sum()), int(((first == 0) & (others[0] == 1)).sum())
        return paired_proportion_difference(b01, b10, first.size, level=level)
    return mean_t(lost, level=level)


def _refittable(subject: Subject, ctx: Context, columns: dict[str, ColumnType]) -> tuple[list[str], tuple[str, ...]]:
    """Columns that the model is trained without, and why there are none."""
    n = ctx.effort.get("refits", 6)
    if subject.info is None or "refit" not in subject.info.capabilities:
        return [], ("The model cannot be trained again, so no copy was trained without a column.",)
    if subject.train is None or not n:
        return [], ("No copy was trained without a column, for lack of a training table or at this effort.",)
    return list(columns)[:n], ()


def _without(
    subject: Subject,
    ctx: Context,
    names: list[str],
    inputs: pl.DataFrame,
    y: Targets,
    level: float,
) -> dict[str, IntervalEstimate[float]]:
    """Train with all columns, and with a constant in place of each, and compare on the test rows."""
    import numpy as np
    import polars as pl

    if not names:
        return {}
    assert subject.train is not None
    target = subject.y(subject.train)
    known = np.flatnonzero(target != -1) if subject.task != "regression" else np.flatnonzero(np.isfinite(target))
    rows = np.sort(ctx.rng.permutation(known)[: ctx.effort.get("records", 10_000)])
    train, target = subject.train.frame.select(subject.features)[rows], target[rows]

    def errors(constant: pl.Expr | None) -> NDArray[np.float64]:
        learned, asked = (table if constant is None else table.with_columns(constant) for table in (train, inputs))
        with subject.retrained(learned, target, seed=ctx.seed % 2**31) as copy:
            return _errors(copy, asked, y)

    own = errors(None)
    costs = {}
    for name in ctx.track(names, len(names)):
        usual = train[name].drop_nulls().mode().sort().first() if train[name].drop_nulls().len() else None
        constant = pl.lit(usual, dtype=train.schema[name]).alias(name)
        costs[name] = _lost(subject, own, [errors(constant)], level)
    return costs


def _counts(ctx: Context, costs: list[_Cost], margin: float) -> list[Measured]:
    measured = []
    for key, which, what in (
        ("n_unneeded", True, "name people or are of a special category"),
        ("n_unneeded_others", False, "hold other personal data"),
    ):
        some = [cost for cost in costs if (cost.kind.role in NEED_GROUNDS) == which]
        verdicts = [cost.verdict(margin) for cost in some]
        shown = [cost.column for cost, verdict in zip(some, verdicts, strict=True) if verdict == "unneeded"]
        likely = sum(
            verdict == "open" and cost.smallest <= margin for cost, verdict in zip(some, verdicts, strict=True)
        )
        high = len(some) - verdicts.count("needed")
        method = "paired intervals, Bonferroni over columns"
        interval = Interval(low=float(len(shown)), high=float(high), level=ctx.level, method=method)
        listed = f"{', '.join(shown[:5])}{' and more' if len(shown) > 5 else ''}"
        plain = (
            f"Inputs that {what}: {len(some)}. Can be left out, at a cost of at most {margin:.2g} of accuracy each: "
            f"{listed or 'none'}; shown to be needed: {verdicts.count('needed')}."
        )
        value = float(len(shown) + likely)
        measured.append(Measured(id=key, value=value, interval=interval, n=len(some), plain=plain))
    return measured


def _measured(ctx: Context, costs: list[_Cost]) -> list[Measured]:
    measured: dict[str, Measured] = {}
    for cost in costs:
        key = re.sub(r"[^A-Za-z0-9_-]", "_", cost.column)
        for prefix, found, what in (
            ("mixed_cost", cost.mixed, "Mixing up"), ("without_cost", cost.without, "Training without"),
        ):  # fmt: skip
            if found is not None:
                plain = ""
                if cost.kind.role in NEED_GROUNDS:
                    at_most = f"at most {max(found.high, 0.0):.2%}"
                    plain = f"{what} {cost.column} costs {found.value:.2%} of right answers, {at_most}."
                interval = Interval(low=found.low, high=found.high, level=ctx.level,
                                    method="paired, Bonferroni over columns")  # fmt: skip
                measured.setdefault(
                    f"{prefix}.{key}",
                    Measured(id=f"{prefix}.{key}", value=found.value, interval=interval, plain=plain),
                )
    return list(measured.values())


def _column_table(costs: list[_Cost], margin: float) -> pl.DataFrame:
    import polars as pl

    lines = [
        (cost.column, cost.kind.label, cost.kind.role, cost.verdict(margin), *cost.mixed,
         *(cost.without if cost.without is not None else (None, None, None)))
        for cost in costs
    ]  # fmt: skip
    numbers = ("mixed_cost", "mixed_low", "mixed_high", "without_cost", "without_low", "without_high")
    schema = {
        **dict.fromkeys(("column", "label", "role", "verdict"), pl.String), **dict.fromkeys(numbers, pl.Float64)
    }  # fmt: skip
    return pl.DataFrame(lines, schema=schema, orient="row")
