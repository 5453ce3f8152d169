"""How little must an input change before the model's answer flips?

**What it answers.** Somebody who gains from a wrong answer may try small, plausible changes of the inputs: a few
hours more per week, another word in a menu. This check plays that person: for rows that the model gets right it
searches the smallest change that flips the answer.

**How.** The attack sees labels only, as anyone who can ask the model does. Its rules are the *threat model*: every
numeric cell may move by at most ``distance`` units, where a unit is the column's interquartile range in training (1
if all numbers lie between 0 and 1), within the range seen in training or given in ``ranges``; at most ``categories``
category cells may change, to levels seen in training; whole numbers stay whole; missing cells stay missing; columns
named in ``immutable``, ``sensitive`` and ``text``, and dates, never change. For each point it tries single
categories, then starts from rows of other classes and from corners of the allowed box, and comes closer step by step;
all points are asked in one batch. Every flip that is reported was asked again and checked against the rules by code
that the attack does not share.

**How to read it.** ``attack_success`` is the share of rightly answered rows that were flipped. It is a *lower bound*
of the risk: a better attack, or more queries, may flip more. A low number says "not broken by this attack", never
"safe". ``median_distance`` is the typical size of the numeric moves that sufficed, 0 where a category alone did. The
curve shows the share flipped by moves up to each distance.

- *Good:* 3 % flipped (1 to 6) within 0.2 units and one category, with inputs that people can really change.
- *Bad:* 64 % flipped (57 to 71), most by another marital status alone: the model hangs on one answer in a form.
- *Misleading:* 0 % flipped because every influential column is listed as immutable; or 90 % flipped because columns
  are attackable here that nobody can change, such as age. The threat model decides: state it truthfully.

**When it misleads.** One unit means different effort in different columns. Relations between columns (a degree and
its number of years) are not known here, so some flips may be implausible together. Models that answer at random flip
by chance: rows are asked twice, and the finding says how many answers differed.

**What to do about a bad one.** List what really cannot change in ``immutable``; then limit how much a single column
can decide (monotone constraints, regularisation), train on the flipped rows with their right label, verify the
columns that flips use most, and limit the number of queries per person.

References: Brendel, Rauber, Bethge (2018), ICLR; Chen, Jordan, Wainwright (2020), IEEE S&P; Simonetto et al. (2022),
IJCAI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits
    from holdfast.kernels.robustness.evasion import Flips, Space

SPEC = {
    "title": "Evasion",
    "question": "How little must an input change before the model's answer flips?",
    "needs": ["test", "target", "query"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {
            "id": "attack_success",
            "name": "Share of rightly answered rows that a label-only attack flips",
            "unit": "share",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, 1],
        },
        {
            "id": "median_distance",
            "name": "Median size of the moves that flipped a row",
            "unit": "units of distance",
            "direction": "higher_is_better",
            "bound": "lower",
            "range": [0, None],
        },
        {
            "id": "n_attacked",
            "name": "Rightly answered rows attacked",
            "unit": "rows",
            "direction": "neither",
            "range": [0, None],
        },
    ],
    "reads": ["immutable", "ranges", "sensitive", "text"],
    "evidence_codes": ["EVADE"],
    "references": [
        "Brendel, Rauber, Bethge (2018), Decision-based adversarial attacks, ICLR",
        "Chen, Jordan, Wainwright (2020), HopSkipJumpAttack, IEEE Symposium on Security and Privacy",
        "Simonetto, Dyrmishi, Ghamizi, Cordy, Le Traon (2022), A unified framework for constrained features, IJCAI",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 50, "queries": 200},
        "default": {"points": 200, "queries": 500},
        "thorough": {"points": 1000, "queries": 1000},
    },
}

MOST_DONORS = 2000
EXACT_WHOLE = 2.0**53
UNSTABLE = 0.02
CURVE_STEPS = 21
# Each point is asked once before the attack and once about its flip.
ASKED_TWICE = 2
REMEDIATION = (
    "List what really cannot change as immutable and audit again. Then limit how much one column can decide (monotone "
    "constraints, regularisation), train on the flipped rows with their right label, verify the columns that flips use "
    "most, and limit the number of queries per person."
)


@dataclass(frozen=True, slots=True)
class _Coding:
    """How the rows of a table become numbers for the attack, and back.

    The first column of a matrix holds the position of the point: cells that may not change are taken from there.
    """

    points: pl.DataFrame
    limits: Mapping[str, NumericLimits | CategoryLimits]
    levels: Mapping[str, pl.Series]

    def encode(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Numbers as they are, categories as positions of their levels (-1 missing, beyond the last one unknown)."""
        import numpy as np
        import polars as pl

        columns = [np.arange(frame.height, dtype=np.float64)]
        for name in self.limits:
            column = frame.get_column(name)
            if name in self.levels:
                levels = self.levels[name]
                codes = pl.int_range(len(levels), eager=True)
                code = column.replace_strict(levels, codes, default=len(levels), return_dtype=pl.Int64)
                column = code.zip_with(column.is_not_null(), pl.Series([-1]).new_from_index(0, len(column)))
            columns.append(column.cast(pl.Float64).to_numpy())
        return np.column_stack(columns)

    def decode(self, rows: NDArray[np.float64]) -> pl.DataFrame:
        """Turn matrix rows back into rows of the table."""
        import numpy as np
        import polars as pl

        at = rows[:, 0].astype(np.int64)
        frame = self.points[at]
        changed = []
        for j, name in enumerate(self.limits, start=1):
            column = pl.Series(name, rows[:, j]).fill_nan(None)
            if name in self.levels:
                codes = column.cast(pl.Int64)
                known = codes.is_between(0, len(self.levels[name]) - 1)
                level = self.levels[name].gather(codes.set(~known, None)).alias(name)
                column = level.zip_with(known, frame.get_column(name))
            changed.append(column.cast(frame.schema[name]))
        return frame.with_columns(changed)


def run(subject: Subject, ctx: Context, *, distance: float = 0.2, categories: int = 1) -> Outcome:
    """Attack rightly answered test rows within the threat model.

    Parameters
    ----------
    distance : float
        Largest move of each numeric cell, in interquartile ranges of its column (in the column's own unit if all
        numbers lie between 0 and 1).
    categories : int
        Largest number of category cells that may change in one row.
    """
    import numpy as np
    import polars as pl

    if distance < 0 or categories < 0:
        raise InputError(f"expected a threat of zero or more, got distance={distance}, categories={categories}")
    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if len(subject.classes) < 2:
        raise NotApplicable("there is only one class, so no answer can flip", hint="give data with two or more classes")
    reference = subject.train or subject.test
    limits, levels = _limits(subject, reference.frame)
    if not limits:
        raise NotApplicable("no input may change", hint="shorten `immutable` or `sensitive` if some can")
    rows = _rightly_answered(subject, ctx)
    coding = _Coding(subject.test.frame.select(subject.features)[rows], limits, levels)
    y = subject.y(subject.test)[rows].astype(np.int64)
    unstable = _unstable(subject, coding.points, y)
    flips = _attack(subject, ctx, coding, y, distance, categories)
    valid = _verify(subject, coding, y, flips, distance, categories)
    changed = _changed_cells(coding, flips, valid)
    labels = pl.Series([str(subject.classes[position]) for position in y])
    return Outcome(
        measurements=_measure(ctx.level, flips, valid),
        tables={
            "points": _points(labels, rows, flips, valid, changed),
            "curve": _curve(ctx.level, distance, flips, valid),
            "affected_rows": _affected(rows, valid, changed),
        },
        charts=(_chart(),),
        remediation=REMEDIATION,
        assumptions=_notes(subject, ctx, flips, valid, unstable, distance, categories),
        work={"points": rows.size, "queries": int(flips.queries.sum()) + ASKED_TWICE * rows.size},
    )


def _limits(
    subject: Subject, reference: pl.DataFrame
) -> tuple[dict[str, NumericLimits | CategoryLimits], dict[str, pl.Series]]:
    """What may change and how far, from the training table (or the test table) and the deployment."""
    import polars as pl

    from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits
    from holdfast.kernels.robustness.evasion import unit_of_distance

    fixed = {*subject.deployment.immutable, *subject.deployment.sensitive, *subject.deployment.text}
    free = [name for name in subject.features if name not in fixed]
    seen = {name: reference.get_column(name).drop_nulls() for name in free}
    numbers = {name: c.cast(pl.Float64).filter(c.is_finite()) for name, c in seen.items() if c.dtype.is_numeric()}
    numbers = {name: column for name, column in numbers.items() if len(column)}
    is_unit = all(bool(column.is_between(0, 1).all()) for column in numbers.values())
    limits: dict[str, NumericLimits | CategoryLimits] = {}
    levels: dict[str, pl.Series] = {}
    for name, column in seen.items():
        if name in numbers:
            values = numbers[name].to_numpy()
            low, high = subject.deployment.ranges.get(name, (float(values.min()), float(values.max())))
            scale = 1.0 if is_unit else unit_of_distance(values)
            is_whole = column.dtype.is_integer()
            # Beyond 2^53 whole numbers and floats part company; such columns are identifiers, not quantities.
            if scale > 0 and low < high and not (is_whole and max(abs(low), abs(high)) > EXACT_WHOLE):
                limits[name] = NumericLimits(scale, low, high, is_whole)
        elif column.dtype in (pl.String, pl.Boolean) and column.n_unique() > 1:
            levels[name] = column.unique().sort()
            limits[name] = CategoryLimits(frozenset(levels[name].to_list()))
    return limits, levels


def _rightly_answered(subject: Subject, ctx: Context) -> NDArray[np.int64]:
    """Draw test rows that the model answers rightly, in table order."""
    import numpy as np

    assert subject.test is not None
    right = np.flatnonzero(subject.predictions.labels == subject.y(subject.test))
    if right.size == 0:
        raise NotApplicable(
            "the model answers no test row rightly, so there is nothing to flip", hint="see performance.predictive"
        )
    return np.sort(ctx.rng.permutation(right)[: ctx.effort.get("points", right.size)])


def _unstable(subject: Subject, points: pl.DataFrame, y: NDArray[np.int64]) -> int:
    """Count points that are answered differently the second time."""
    different = int((subject.predict(points).labels != y).sum())
    if different > UNSTABLE * y.size:
        raise NotRun(
            f"the model gives different answers to the same question ({different} of {y.size} rows), so a flip would "
            "prove nothing",
            hint="fix the model's random seed, or give a model that answers deterministically",
        )
    return different


def _attack(
    subject: Subject, ctx: Context, coding: _Coding, y: NDArray[np.int64], distance: float, categories: int
) -> Flips:
    from holdfast.kernels.robustness.evasion import Threat, search_flips

    reference = subject.train or subject.test
    assert reference is not None
    chosen = ctx.rng.permutation(reference.frame.height)[:MOST_DONORS]
    queries = max(ctx.effort.get("queries", 500) - ASKED_TWICE, 1)
    return search_flips(
        coding.encode(coding.points),
        y,
        coding.encode(reference.frame.select(subject.features)[chosen]),
        subject.y(reference)[chosen].astype("int64"),
        predict=lambda rows: subject.predict(coding.decode(rows)).labels.astype("int64"),
        space=_space(coding),
        threat=Threat(distance, categories, queries),
        rng=ctx.rng,
        should_stop=ctx.out_of_time,
    )


def _space(coding: _Coding) -> Space:
    """The limits as arrays over the columns of the matrix, the position of the point first."""
    import numpy as np

    from holdfast.kernels.robustness.constraints import NumericLimits
    from holdfast.kernels.robustness.evasion import Space

    numeric = [rule if isinstance(rule, NumericLimits) else None for rule in coding.limits.values()]
    levels = [0, *(len(coding.levels.get(name, ())) for name in coding.limits)]
    return Space(
        scale=np.array([0.0, *(rule.scale if rule else 0.0 for rule in numeric)]),
        low=np.array([-np.inf, *(rule.low if rule else -np.inf for rule in numeric)]),
        high=np.array([np.inf, *(rule.high if rule else np.inf for rule in numeric)]),
        is_whole=np.array([False, *(bool(rule and rule.is_whole) for rule in numeric)]),
        n_levels=np.array(levels, dtype=np.int64),
    )


def _verify(
    subject: Subject, coding: _Coding, y: NDArray[np.int64], flips: Flips, distance: float, categories: int
) -> NDArray[np.bool_]:
    """Ask each flip again and check it against the rules."""
    import numpy as np

    from holdfast.kernels.robustness.constraints import Budget, violations

    frame = coding.decode(flips.points)
    flipped = subject.predict(frame).labels != y
    before, after = ({c.name: c.to_numpy() for c in rows.iter_columns()} for rows in (coding.points, frame))
    broken = violations(before, after, limits=coding.limits, budget=Budget(distance, categories))
    return np.asarray(np.isfinite(flips.distance) & flipped & ~np.any(list(broken.values()), axis=0))


def _points(
    labels: pl.Series, rows: NDArray[np.int64], flips: Flips, valid: NDArray[np.bool_], changed: list[pl.Series]
) -> pl.DataFrame:
    """One line per attacked row; a cell of an ``adversarial_`` column is null where the row keeps its own."""
    import polars as pl

    points = pl.DataFrame(
        {
            "row": rows,
            "label": labels,
            "success": valid,
            "distance": pl.Series(flips.distance).set(~pl.Series(valid), None),
            "queries": flips.queries + ASKED_TWICE,
        }
    )
    return points.hstack([column.alias(f"adversarial_{column.name}") for column in changed])


def _changed_cells(coding: _Coding, flips: Flips, valid: NDArray[np.bool_]) -> list[pl.Series]:
    """New values of the cells that a verified flip changed; null elsewhere."""
    import polars as pl

    frame = coding.decode(flips.points)
    success = pl.Series(valid)
    return [
        frame[name].set(~(success & frame[name].ne_missing(coding.points[name])), None).alias(name)
        for name in coding.limits
    ]


def _measure(level: float, flips: Flips, valid: NDArray[np.bool_]) -> tuple[Measured, ...]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.mean import quantile_interval
    from holdfast.kernels.stats.proportions import clopper_pearson

    n, flipped = valid.size, int(valid.sum())
    share = clopper_pearson(flipped, n, level=level)
    # Points whose search was cut short may flip yet: they count as flipped in the upper end.
    most = n if not flips.is_complete else flipped
    high = clopper_pearson(most, n, level=level).high
    cases, count = frequency(share.value, share.low, high)
    reason = "a count of rows, not an estimate"
    measured = [
        Measured(
            id="attack_success",
            value=share.value,
            interval=Interval(low=share.low, high=high, level=level, method="Clopper-Pearson"),
            n=n,
            plain=f"Of {cases} rightly answered rows, at least about {count} can be flipped by small allowed changes.",
        ),
        Measured(id="n_attacked", value=float(n), no_interval_reason=reason, exact=True, n=n),
    ]
    if not flipped:
        return tuple(measured)
    median = quantile_interval(flips.distance[valid], 0.5, level=level)
    low, top = (end if abs(end) < float("inf") else None for end in (median.low, median.high))
    interval = Interval(low=low, high=top, level=level, method="order statistics")
    plain = f"Half of the flips needed moves of at most {median.value:.3g} units in any number."
    return (*measured, Measured(id="median_distance", value=median.value, interval=interval, n=flipped, plain=plain))


def _curve(level: float, distance: float, flips: Flips, valid: NDArray[np.bool_]) -> pl.DataFrame:
    """Share flipped by moves up to each distance."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    found = flips.distance[valid]
    distances = np.linspace(0.0, distance, CURVE_STEPS)
    counts = (found[:, None] <= distances).sum(axis=0)
    share = clopper_pearson(counts, valid.size, level=level)
    return pl.DataFrame({"distance": distances, "share": share.value, "low": share.low, "high": share.high})


def _affected(rows: NDArray[np.int64], valid: NDArray[np.bool_], changed: list[pl.Series]) -> pl.DataFrame:
    import polars as pl

    reasons = [
        "flipped by changing " + ", ".join(column.name for column in changed if column[at] is not None)
        for at in valid.nonzero()[0].tolist()
    ]
    return pl.DataFrame(
        {"table": ["test"] * len(reasons), "row": rows[valid], "reason": reasons},
        schema={"table": pl.String, "row": pl.Int64, "reason": pl.String},
    )


def _notes(
    subject: Subject,
    ctx: Context,
    flips: Flips,
    valid: NDArray[np.bool_],
    unstable: int,
    distance: float,
    categories: int,
) -> tuple[str, ...]:
    import numpy as np

    notes = [
        f"The attack sees labels only and asks at most {ctx.effort.get('queries', 500)} times per row; finding "
        "nothing gives a bound, not safety.",
        f"Numbers move by at most {distance:g} units each (interquartile ranges, or 1 if all numbers are in [0, 1]) "
        f"and at most {categories} categories change; immutable, sensitive and text columns never change.",
    ]
    if subject.train is None:
        notes.append("Ranges, units and levels come from the test table, because no training table was given.")
    if not flips.is_complete:
        notes.append("The time budget ended the search early; rows not flipped so far count as undecided.")
    rejected = int(np.isfinite(flips.distance).sum() - valid.sum())
    if rejected:
        notes.append(f"{rejected} flips did not stand up when asked again or checked, and do not count.")
    if unstable:
        notes.append(f"The model answered {unstable} of {valid.size} rows differently when asked again.")
    return tuple(notes)


def _chart() -> Chart:
    return Chart(
        id="curve",
        title="Share of rightly answered rows flipped, by size of the change",
        caption="The curve starts where a category alone suffices; an early rise means that small moves flip answers.",
        kind="line",
        table="curve",
        x="distance",
        y="share",
        low="low",
        high="high",
        x_title="largest numeric move (units)",
        y_title="share of rows flipped",
    )
