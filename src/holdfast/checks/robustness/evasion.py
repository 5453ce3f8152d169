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
curve shows the share flipped by distance.

- *Good:* 3 % flipped (1 to 6) within 0.2 units and one category, with inputs that people can really change.
- *Bad:* 64 % flipped (57 to 71), most by another marital status alone: the model hangs on one answer in a form.
- *Misleading:* 0 % flipped because every influential column is listed as immutable; or 90 % flipped because columns
  are attackable here that nobody can change, such as age. The threat model decides: state it truthfully.

**When it misleads.** One unit means different effort in different columns. Relations between columns (a degree and
its number of years) are not known here. Models that answer at random flip by chance: rows are asked twice.

**What to do about a bad one.** List what cannot change in ``immutable``; then limit how much a single column can decide
(monotone constraints), train on the flipped rows, verify the columns that flips use most, and limit queries per person.
"""

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

    from holdfast.kernels.robustness.cells import CellCoding
    from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits
    from holdfast.kernels.robustness.evasion import Flips

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
    "thresholds": ["attack_success"],
    "evidence_codes": ["EVADE"],
    "references": [
        "Brendel, Rauber, Bethge (2018), Decision-based adversarial attacks, ICLR",
        "Chen, Jordan, Wainwright (2020), HopSkipJumpAttack, IEEE Symposium on Security and Privacy",
        "Simonetto, Dyrmishi, Ghamizi, Cordy, Le Traon (2022), A unified framework for constrained features, IJCAI",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 50, "queries": 200, "looks": 1},
        "default": {"points": 200, "queries": 500, "looks": 1},
        "thorough": {"points": 1000, "queries": 1000, "looks": 5},
    },
}

MOST_DONORS = 2000
EXACT_WHOLE = 2.0**53
UNSTABLE = 0.02
CURVE_STEPS = 21
# Each point is asked once before the attack and once about its flip.
ASKED_TWICE = 2
REMEDIATION = (
    "List what cannot change as immutable and audit again. Then limit how much one column can decide (monotone "
    "constraints), train on the flipped rows, verify the columns that flips use most, and limit queries per person."
)


@dataclass(frozen=True, slots=True)
class _Coding:
    """The attacked rows and the numbers of the cells that may change."""

    points: pl.DataFrame
    cells: CellCoding

    def encode(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Turn rows of the table into rows of the search's matrix."""
        return self.cells.encode(_arrays(frame.select(list(self.cells.points))))

    def decode(self, rows: NDArray[np.float64]) -> pl.DataFrame:
        """Turn rows of the matrix back into rows of the table."""
        import polars as pl

        frame = self.points[rows[:, 0].astype("int64")]
        changed = [
            pl.Series(name, values, nan_to_null=True).cast(frame.schema[name])
            if values.dtype.kind == "f"
            else pl.Series(name, values.tolist(), dtype=frame.schema[name])
            for name, values in self.cells.decode(rows).items()
        ]
        return frame.with_columns(changed)


def _arrays(frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    """Columns as numpy arrays: numbers as float64 with NaN for missing, all else as objects with None."""
    import polars as pl

    return {
        column.name: column.cast(pl.Float64).to_numpy()
        if column.dtype.is_numeric()
        else column.to_numpy().astype(object)
        for column in frame.iter_columns()
    }


@dataclass(frozen=True, slots=True)
class _Rules:
    """The threat model: the columns that may change, how far, and how many categories at once."""

    limits: Mapping[str, NumericLimits | CategoryLimits]
    distance: float
    categories: int


@dataclass(frozen=True, slots=True)
class _Attacked:
    """What the attack did to some rows of the test table.

    ``points`` has one line per row: ``row``, ``label``, ``success`` (a verified flip), ``distance``, ``queries``, and
    the changed cells as ``adversarial_<column>``, null where the row keeps its own.
    """

    points: pl.DataFrame
    unstable: int
    rejected: int
    is_complete: bool


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
    if distance < 0 or categories < 0:
        raise InputError(f"expected a threat of zero or more, got distance={distance}, categories={categories}")
    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if len(subject.classes) < 2:
        raise NotApplicable("there is only one class, so no answer can flip", hint="give data with two or more classes")
    rules = _Rules(_limits(subject, (subject.train or subject.test).frame), distance, categories)
    if not rules.limits:
        raise NotApplicable("no input may change", hint="shorten `immutable` or `sensitive` if some can")
    order = _rightly_answered(subject, ctx)
    attacked = _attack_in_looks(subject, ctx, order, rules)
    is_early = attacked.points.height < order.size and attacked.is_complete
    return Outcome(
        measurements=_measure(ctx, attacked, is_early=is_early),
        tables={
            "points": attacked.points,
            "curve": _curve(ctx.level, distance, attacked.points),
            "affected_rows": _affected(attacked.points),
        },
        charts=(_chart(),),
        remediation=REMEDIATION,
        assumptions=_notes(subject, ctx, attacked, rules, is_early=is_early),
        work={"points": attacked.points.height, "queries": int(attacked.points["queries"].sum())},
    )


def _attack_in_looks(subject: Subject, ctx: Context, order: NDArray[np.int64], rules: _Rules) -> _Attacked:
    """Attack the rows in fixed parts; stop when those attacked so far already break the threshold."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.robustness.sequential import breaks_threshold

    limit = ctx.threshold("attack_success")
    done: list[_Attacked] = []
    for part in np.array_split(order, min(ctx.effort.get("looks", 1), order.size)):
        done.append(_attack_rows(subject, ctx, part, rules))
        flipped = np.concatenate([look.points["success"].to_numpy() for look in done])
        if ctx.out_of_time() or (limit is not None and breaks_threshold(flipped, limit=limit, level=ctx.level)):
            break
    return _Attacked(
        pl.concat([look.points for look in done]),
        sum(look.unstable for look in done),
        sum(look.rejected for look in done),
        all(look.is_complete for look in done) and not ctx.out_of_time(),
    )


def _attack_rows(subject: Subject, ctx: Context, rows: NDArray[np.int64], rules: _Rules) -> _Attacked:
    """Attack rows and verify every flip."""
    import numpy as np

    from holdfast.kernels.robustness.cells import coding_of

    assert subject.test is not None
    points = subject.test.frame.select(subject.features)[rows]
    coding = _Coding(points, coding_of(_arrays(points.select(list(rules.limits))), rules.limits))
    y = subject.y(subject.test)[rows].astype("int64")
    unstable = _unstable(subject, coding.points, y)
    flips = _attack(subject, ctx, coding, y, rules)
    valid = _verify(subject, coding, y, flips, rules)
    labels = [str(subject.classes[position]) for position in y]
    return _Attacked(
        _points(coding, rows, labels, flips, valid),
        unstable,
        int(np.isfinite(flips.distance).sum() - valid.sum()),
        flips.is_complete,
    )


def _limits(subject: Subject, reference: pl.DataFrame) -> dict[str, NumericLimits | CategoryLimits]:
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
            limits[name] = CategoryLimits(frozenset(column.unique().to_list()))
    return limits


def _rightly_answered(subject: Subject, ctx: Context) -> NDArray[np.int64]:
    """Draw test rows that the model answers rightly, in random order."""
    import numpy as np

    assert subject.test is not None
    right = np.flatnonzero(subject.predictions.labels == subject.y(subject.test))
    if right.size == 0:
        raise NotApplicable(
            "the model answers no test row rightly, so there is nothing to flip", hint="see performance.predictive"
        )
    return ctx.rng.permutation(right)[: ctx.effort.get("points", right.size)]


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


def _attack(subject: Subject, ctx: Context, coding: _Coding, y: NDArray[np.int64], rules: _Rules) -> Flips:
    from holdfast.kernels.robustness.evasion import Threat, search_flips, space_of

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
        space=space_of(rules.limits, levels=coding.cells.levels),
        threat=Threat(rules.distance, rules.categories, queries),
        rng=ctx.rng,
        should_stop=ctx.out_of_time,
    )


def _verify(subject: Subject, coding: _Coding, y: NDArray[np.int64], flips: Flips, rules: _Rules) -> NDArray[np.bool_]:
    """Ask each flip again and check it against the rules."""
    import numpy as np

    from holdfast.kernels.robustness.constraints import Budget, violations

    frame = coding.decode(flips.points)
    flipped = subject.predict(frame).labels != y
    before, after = ({c.name: c.to_numpy() for c in rows.iter_columns()} for rows in (coding.points, frame))
    broken = violations(before, after, limits=rules.limits, budget=Budget(rules.distance, rules.categories))
    return np.asarray(np.isfinite(flips.distance) & flipped & ~np.any(list(broken.values()), axis=0))


def _points(
    coding: _Coding, rows: NDArray[np.int64], labels: list[str], flips: Flips, valid: NDArray[np.bool_]
) -> pl.DataFrame:
    import polars as pl

    frame, success = coding.decode(flips.points), pl.Series(valid)
    changed = [
        frame[name].set(~(success & frame[name].ne_missing(coding.points[name])), None).alias(f"adversarial_{name}")
        for name in coding.cells.points
    ]
    points = {
        "row": rows,
        "label": labels,
        "success": valid,
        "distance": pl.Series(flips.distance).set(~success, None),
        "queries": flips.queries + ASKED_TWICE,
    }
    return pl.DataFrame(points).hstack(changed)


def _measure(ctx: Context, attacked: _Attacked, *, is_early: bool) -> tuple[Measured, ...]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.robustness.sequential import flip_share
    from holdfast.kernels.stats.mean import quantile_interval

    success = attacked.points["success"]
    level, n, flipped = ctx.level, len(success), int(success.sum())
    looks = ctx.effort.get("looks", 1)
    share = flip_share(
        success.to_numpy(), level=level, looks=looks, stopped_early=is_early, all_searched=attacked.is_complete
    )
    cases, count = frequency(share.value, share.low, share.high)
    reason = "a count of rows, not an estimate"
    measured = [
        Measured(
            id="attack_success",
            value=share.value,
            interval=Interval(low=share.low, high=share.high, level=level, method=share.method),
            n=n,
            plain=f"Of {cases} rightly answered rows, at least about {count} can be flipped by small allowed changes.",
        ),
        Measured(id="n_attacked", value=float(n), no_interval_reason=reason, exact=True, n=n),
    ]
    if not flipped:
        return tuple(measured)
    median = quantile_interval(attacked.points["distance"].drop_nulls().to_numpy(), 0.5, level=level)
    low, top = (end if abs(end) < float("inf") else None for end in (median.low, median.high))
    interval = Interval(low=low, high=top, level=level, method="order statistics")
    plain = f"Half of the flips needed moves of at most {median.value:.3g} units in any number."
    return (*measured, Measured(id="median_distance", value=median.value, interval=interval, n=flipped, plain=plain))


def _curve(level: float, distance: float, points: pl.DataFrame) -> pl.DataFrame:
    """Share flipped by moves up to each distance."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    found = points["distance"].drop_nulls().to_numpy()
    distances = np.linspace(0.0, distance, CURVE_STEPS)
    counts = (found[:, None] <= distances).sum(axis=0)
    share = clopper_pearson(counts, points.height, level=level)
    return pl.DataFrame({"distance": distances, "share": share.value, "low": share.low, "high": share.high})


def _affected(points: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    changed = [name for name in points.columns if name.startswith("adversarial_")]
    names = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name.removeprefix("adversarial_"))) for name in changed]
    reason = pl.lit("flipped by changing ") + pl.concat_str(names, separator=", ", ignore_nulls=True)
    return points.filter("success").select(table=pl.lit("test"), row=pl.col("row"), reason=reason)


def _notes(subject: Subject, ctx: Context, attacked: _Attacked, rules: _Rules, *, is_early: bool) -> tuple[str, ...]:
    notes = [
        f"The attack sees labels only and asks at most {ctx.effort.get('queries', 500)} times per row.",
        f"Numbers move by at most {rules.distance:g} units (interquartile ranges, or 1 if all lie in [0, 1]); at most "
        f"{rules.categories} categories change; immutable, sensitive and text columns never do.",
        "Finding nothing gives a bound, not safety.",
    ]
    if subject.train is None:
        notes.append("Ranges, units and levels come from the test table, because no training table was given.")
    if is_early:
        notes.append("The attack stopped early, because the rows attacked so far break the threshold of the policy.")
    if not attacked.is_complete:
        notes.append("The time budget ended the search early; rows not flipped so far count as undecided.")
    if attacked.rejected:
        notes.append(f"{attacked.rejected} flips did not stand up when asked again or checked, and do not count.")
    if attacked.unstable:
        notes.append(
            f"The model answered {attacked.unstable} of {attacked.points.height} rows differently when asked again."
        )
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
