"""How little must an input change before the model's answer flips?

**What it answers.** Somebody who gains from a wrong answer may try small, plausible changes of the inputs: a few
hours more per week, another word in a menu. This check plays that person: for rows that the model gets right it
searches the smallest change that flips the answer.

**How.** The rules are the *threat model*: every number may move by at most ``distance`` units, where a unit is the
column's interquartile range in training (1 if all numbers lie between 0 and 1), within the range seen in training or
given in ``ranges``; at most ``categories`` categories may change, to levels seen in training; whole numbers stay whole,
missing cells missing; columns named in ``immutable``, ``sensitive`` and ``text``, and dates, never change;
``directions``, ``costs``, ``one_hot`` and ``relations`` hold. ``threat`` names a ready-made budget.

Where the model is a sum of decision trees, also behind a pipeline, its splits are written as splits on the table's own
columns, and branch and bound finds the closest flip of each row or proves that there is none (``lower_bound``). Any
other model is asked, all points in one batch: with its scores where a caller gets them, else with labels only. Every
flip was asked of the model itself, and checked against the rules by code that the attack does not share.

**How to read it.** ``attack_success`` is the share of rightly answered rows that were flipped. It is a *lower bound*
of the risk: another attack may flip more. A low number says "not broken by this attack", never "safe".
``median_distance`` is the typical size of the moves that sufficed, 0 where a category alone did. The table ``groups``
compares each group of ten rows or more (of ``sensitive`` columns, and slices of the inputs) with all other rows; groups
of people, and slices that clearly differ, are measured as ``flipped.<column>=<group>``.

- *Good:* 3 % flipped (1 to 6) within 0.2 units and one category, with inputs that people can really change.
- *Bad:* 64 % flipped (57 to 71), most by another marital status alone: the model hangs on one answer in a form.
- *Misleading:* 0 % flipped because every influential column is listed as immutable; or 90 % flipped because columns
  are attackable here that nobody can change, such as age. The threat model decides: state it truthfully.

**When it misleads.** One unit means different effort in different columns. Relations between columns (a degree and its
number of years) are only known if stated. Models that answer at random flip by chance: rows are asked twice.

**What to do about a bad one.** List what cannot change in ``immutable``; then limit how much a single column can decide
(monotone constraints), train on the flipped rows, verify the columns that flips use most, and limit queries per person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

    from holdfast.kernels.robustness.limits import Rules
    from holdfast.kernels.robustness.tree_problem import Changed, TreeProblem

SPEC = {
    "title": "Evasion",
    "question": "How little must an input change before the model's answer flips?",
    "needs": ["test", "target", "query"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "attack_success", "name": "Share of rightly answered rows that the attack flips", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "median_distance", "name": "Median size of the moves that flipped a row", "unit": "units of distance",
         "direction": "higher_is_better", "bound": "lower", "range": [0, None]},
        {"id": "flipped.*", "name": "Share of rightly answered rows of a group that the attack flips", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "n_attacked", "name": "Rightly answered rows attacked", "unit": "rows", "direction": "neither",
         "range": [0, None]},
    ],
    "reads": [
        "costs", "directions", "immutable", "integer", "one_hot", "ranges", "relations", "returns", "sensitive",
        "sensitivity", "text", "threat",
    ],
    "thresholds": ["attack_success"],
    "evidence_codes": ["EVADE"],
    "references": [
        "Brendel, Rauber, Bethge (2018), Decision-based adversarial attacks, ICLR",
        "Chen, Jordan, Wainwright (2020), HopSkipJumpAttack, IEEE Symposium on Security and Privacy",
        "Chen, Zhang, Si, Li, Boning, Hsieh (2019), Robustness verification of tree-based models, NeurIPS",
        "Devos, Meert, Davis (2021), Versatile verification of tree ensembles, ICML",
        "Simonetto, Dyrmishi, Ghamizi, Cordy, Le Traon (2022), A unified framework for constrained features, IJCAI",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 50, "tree_points": 200, "queries": 200, "parts": 500, "looks": 1},
        "default": {"points": 200, "tree_points": 1000, "queries": 500, "parts": 2000, "looks": 1},
        "thorough": {"points": 1000, "tree_points": 5000, "queries": 1000, "parts": 20000, "looks": 5},
    },
}  # fmt: skip

MOST_DONORS = 2000
MOST_GROUPS = 20
UNSTABLE = 0.02
# Each point is asked once before the attack and once about its flip.
ASKED_TWICE = 2
REMEDIATION = (
    "List what cannot change as immutable and audit again. Then limit how much one column can decide (monotone "
    "constraints), train on the flipped rows, verify the columns that flips use most, and limit queries per person."
)

CHART = Chart(
    id="curve", title="Share of rightly answered rows flipped, by size of the change", kind="line", table="curve",
    caption="The curve starts where a category alone suffices; an early rise means that small moves flip answers.",
    x="distance", y="share", low="low", high="high",
    x_title="largest numeric move (units)", y_title="share of rows flipped",
)  # fmt: skip

Cells = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class _Attacked:
    """What the attack did to some rows of the test table.

    ``points`` has one line per row. ``success`` means a verified flip; ``lower_bound`` that no flip is closer, null
    where nothing is proved; ``adversarial_<column>`` holds the changed cells, null where the row keeps its own.
    """

    points: pl.DataFrame
    unstable: int
    rejected: int
    is_complete: bool


def run(subject: Subject, ctx: Context, *, distance: float = 0.2, categories: int = 1) -> Outcome:
    """Attack rightly answered test rows within the threat model.

    Parameters
    ----------
    distance, categories
        Largest move of each number, in units; largest number of categories that change. The deployment's ``threat``
        takes their place.
    """
    import polars as pl

    from holdfast.kernels.robustness.sequential import flip_curve
    from holdfast.kernels.robustness.threat import in_force

    if distance < 0 or categories < 0:
        raise InputError(f"expected a threat of zero or more, got distance={distance}, categories={categories}")
    if len(subject.classes) < 2:
        raise NotApplicable("there is only one class, so no answer can flip", hint="give data with two or more classes")
    rules = _rules(subject, distance, categories)
    if not (rules.limits or rules.one_hot):
        raise NotApplicable("no input may change", hint="shorten `immutable` or `sensitive` if some can")
    order = _rightly_answered(subject, ctx)
    problem, how = _tree_problem(subject, ctx, order, rules)
    order = order if problem else order[: ctx.effort.get("points", order.size)]
    attacked = _attack_in_looks(subject, ctx, order, rules, problem)
    is_early = attacked.points.height < order.size and attacked.is_complete
    found = attacked.points["distance"].drop_nulls().to_numpy()
    affected, examples = _shown(subject, attacked.points)
    groups, of_groups = _groups(subject, attacked.points, ctx.level)
    return Outcome(
        measurements=(*_measure(ctx, attacked, is_early=is_early), *of_groups),
        tables={
            "points": attacked.points,
            "curve": pl.DataFrame(flip_curve(found, n=attacked.points.height, level=ctx.level)),
            "affected_rows": affected,
            "examples": examples,
            "groups": groups,
        },
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=_notes(subject, ctx, attacked, rules, how, is_early=is_early),
        work={"points": attacked.points.height, "queries": int(attacked.points["queries"].sum())},
        parameters=in_force(rules.budget, threat=subject.deployment.threat),
    )


def _rules(subject: Subject, distance: float, categories: int) -> Rules:
    """What may change and how far, from the training table (or the test table) and the deployment."""
    from holdfast.kernels.robustness.constraints import Budget
    from holdfast.kernels.robustness.limits import rules_of

    reference = subject.train or subject.test
    assert reference is not None
    known = [name for name in subject.features if not reference.frame.schema[name].is_temporal()]
    whole = frozenset(name for name in known if reference.frame.schema[name].is_integer())
    try:
        seen = subject.cells(reference.frame.select(known))
        return rules_of(subject.deployment, seen, Budget(distance, categories), whole=whole)
    except ValueError as error:
        raise InputError(str(error), hint="see deployment in holdfast.yaml") from None


def _tree_problem(
    subject: Subject, ctx: Context, order: NDArray[np.int64], rules: Rules
) -> tuple[TreeProblem | None, str]:
    """Write the model as trees over the table's columns; or say why it cannot be."""
    from holdfast.kernels.robustness.feature_tracing import NotComposable
    from holdfast.kernels.robustness.tree_problem import tree_problem

    assert subject.test is not None
    if subject.info is None or "trees" not in subject.info.capabilities:
        return None, f"The model is asked at most {ctx.effort.get('queries', 500)} times per row."
    rows = subject.test.frame.select(subject.features)[order]
    try:
        problem = tree_problem(
            subject.trees(),
            lambda cells: subject.tree_features(subject.frame(cells, rows)),
            points=subject.cells(rows),
            labels=subject.predictions.labels[order].astype("int64"),
            limits=rules.limits,
            budget=rules.budget,
            rng=ctx.rng,
        )
    except (NotComposable, NotRun) as error:
        return None, f"The trees cannot be searched, so the model is asked instead: {error}."
    return problem, "The model's trees were searched, by branch and bound; every flip was asked of the model itself."


def _rightly_answered(subject: Subject, ctx: Context) -> NDArray[np.int64]:
    """Draw test rows that the model answers rightly, in random order."""
    import numpy as np

    assert subject.test is not None
    right = subject.predictions.labels == subject.y(subject.test)
    if not right.any():
        raise NotApplicable(
            "the model answers no test row rightly, so there is nothing to flip", hint="see performance.predictive"
        )
    order = ctx.rng.permutation(right.size)  # of all rows: with one seed, two models are attacked on the same ones
    return np.asarray(order[right[order]][: ctx.effort.get("tree_points", right.size)])


def _attack_in_looks(
    subject: Subject, ctx: Context, order: NDArray[np.int64], rules: Rules, problem: TreeProblem | None
) -> _Attacked:
    """Attack the rows in fixed parts; stop when those attacked so far already break the threshold."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.robustness.sequential import breaks_threshold

    limit = ctx.threshold("attack_success")
    done: list[_Attacked] = []
    for part in np.array_split(order, min(ctx.effort.get("looks", 1), order.size)):
        done.append(_attack_rows(subject, ctx, part, rules, problem))
        flipped = np.concatenate([look.points["success"].to_numpy() for look in done])
        if ctx.out_of_time() or (limit is not None and breaks_threshold(flipped, limit=limit, level=ctx.level)):
            break
    return _Attacked(
        pl.concat([look.points for look in done]),
        sum(look.unstable for look in done),
        sum(look.rejected for look in done),
        all(look.is_complete for look in done) and not ctx.out_of_time(),
    )


def _attack_rows(
    subject: Subject, ctx: Context, rows: NDArray[np.int64], rules: Rules, problem: TreeProblem | None
) -> _Attacked:
    """Attack rows and verify every flip; what the trees leave open is asked of the model."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.robustness.tree_problem import replaced, search_trees

    assert subject.test is not None
    points = subject.test.frame.select(subject.features)[rows]
    y = subject.y(subject.test)[rows].astype("int64")
    unstable = _unstable(subject, points, y)
    if problem is None:
        found = _ask_model(subject, ctx, points, rows, y, rules)
        valid = _verify(subject, points, y, found, rules)
    else:
        found = search_trees(problem, subject.cells(points), y, max_parts=ctx.effort.get("parts", 2000))
        valid = _verify(subject, points, y, found, rules)
        left = np.flatnonzero(~valid & ~np.isposinf(found.lower))[: ctx.effort.get("points", rows.size)]
        if left.size:
            again = _ask_model(subject, ctx, points[left], rows[left], y[left], rules)
            found = replaced(found, again, left, np.isfinite(again.distance))
            valid = _verify(subject, points, y, found, rules)
    rejected = int(np.isfinite(found.distance).sum() - valid.sum())
    lines = {
        "row": rows,
        "label": [str(subject.classes[position]) for position in y],
        "success": valid,
        "norm": [rules.budget.norm] * rows.size,
        "distance": pl.Series(found.distance).set(pl.Series(~valid), None),
        "lower_bound": pl.Series(found.lower).fill_nan(None),
        "queries": found.queries + ASKED_TWICE,
    }
    changed = _adversarial(points, subject.frame(found.cells, points), pl.Series(valid), rules)
    return _Attacked(pl.DataFrame(lines).hstack(changed), unstable, rejected, found.is_complete)


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


def _ask_model(
    subject: Subject, ctx: Context, points: pl.DataFrame, rows: NDArray[np.int64], y: NDArray[np.int64], rules: Rules
) -> Changed:
    """Search with questions to the model: by its scores where a caller gets them, by labels otherwise."""
    import numpy as np

    from holdfast.kernels.robustness.asking import ask_model

    reference = subject.train or subject.test
    assert reference is not None
    chosen = np.random.default_rng(ctx.seed).permutation(reference.frame.height)[:MOST_DONORS]
    is_scored = subject.deployment.returns != "label" and subject.predictions.scores is not None

    def answer(cells: Cells, at: NDArray[np.int64]) -> NDArray[np.float64] | NDArray[np.int64]:
        asked = subject.predict(subject.frame(cells, points[at]))
        return asked.scores if is_scored and asked.scores is not None else asked.labels.astype("int64")

    return ask_model(
        subject.cells(points),
        y,
        subject.cells(reference.frame.select(subject.features)[chosen]),
        subject.y(reference)[chosen].astype("int64"),
        answer=answer,
        rules=rules,
        queries=max(ctx.effort.get("queries", 500) - ASKED_TWICE, 1),
        seed=ctx.seed,
        ids=rows,
        should_stop=ctx.out_of_time,
    )


def _verify(
    subject: Subject, points: pl.DataFrame, y: NDArray[np.int64], found: Changed, rules: Rules
) -> NDArray[np.bool_]:
    """Ask the model about each flip and check it against the rules."""
    import numpy as np

    from holdfast.kernels.robustness.constraints import violations

    frame = subject.frame(found.cells, points)
    flipped = subject.predict(frame).labels != y
    before, after = ({c.name: c.to_numpy() for c in rows.iter_columns()} for rows in (points, frame))
    broken = violations(
        before, after, limits=rules.limits, budget=rules.budget, relations=rules.relations, one_hot=rules.one_hot
    )
    return np.asarray(np.isfinite(found.distance) & flipped & ~np.any([*broken.values()], axis=0))


def _adversarial(points: pl.DataFrame, frame: pl.DataFrame, success: pl.Series, rules: Rules) -> list[pl.Series]:
    names = [*rules.limits, *(name for group in rules.one_hot for name in group)]
    return [
        frame[name].set(~(success & frame[name].ne_missing(points[name])), None).alias(f"adversarial_{name}")
        for name in names
    ]


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
    measured = [
        Measured(
            id="attack_success",
            value=share.value,
            interval=Interval(low=share.low, high=share.high, level=level, method=share.method),
            n=n,
            plain=f"Of {cases} rightly answered rows, at least about {count} can be flipped by small allowed changes.",
        ),
        Measured(id="n_attacked", value=float(n), no_interval_reason="a count of rows", exact=True, n=n),
    ]
    if not flipped:
        return tuple(measured)
    median = quantile_interval(attacked.points["distance"].drop_nulls().to_numpy(), 0.5, level=level)
    low, top = (end if abs(end) < float("inf") else None for end in (median.low, median.high))
    interval = Interval(low=low, high=top, level=level, method="order statistics")
    sizes = f"Half of the flips needed moves of at most {median.value:.3g} units in any number."
    plain = sizes if median.value else "For at least half of the flips another category alone sufficed."
    return (*measured, Measured(id="median_distance", value=median.value, interval=interval, n=flipped, plain=plain))


def _groups(subject: Subject, points: pl.DataFrame, level: float) -> tuple[pl.DataFrame, list[Measured]]:
    """Compare groups of people, and slices, with all other rows; publish the people, and slices that clearly differ."""
    import polars as pl

    from holdfast.kernels.robustness.group_flips import group_flips

    assert subject.test is not None
    people, flipped = subject.deployment.sensitive, points["success"].to_numpy()
    seen = subject.cells(subject.test.frame[points["row"]].select(*dict.fromkeys((*people, *subject.features))))
    groups = pl.DataFrame(group_flips(seen, flipped, people=people, level=level))
    told = groups.filter((groups["kind"] == "group") | (groups["p_adjusted"] <= 1 - level)).sort("p_adjusted")
    return groups, [
        Measured(
            id=f"flipped.{line['column']}={line['group']}", value=line["share"], n=line["n"],
            interval=Interval(low=line["low"], high=line["high"], level=level, method="Clopper-Pearson"),
        )
        for line in told[:MOST_GROUPS].iter_rows(named=True)
    ]  # fmt: skip


def _shown(subject: Subject, points: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Name the cells that changed, and show a few rows before and after; of protected attributes only the name."""
    import polars as pl

    from holdfast.kernels.robustness.flips_in_words import changes_in_words, example_rows

    assert subject.test is not None
    flips = points.filter("success")
    before = subject.test.frame[flips["row"]].select(subject.features).to_dict(as_series=False)
    after = {name: flips[f"adversarial_{name}"].to_list() for name in before if f"adversarial_{name}" in flips.columns}
    hidden, is_whole = subject.deployment.sensitive, subject.deployment.sensitivity in ("public", "internal")
    examples = example_rows(
        before, after, points=flips.to_dict(as_series=False), classes=subject.classes, hidden=hidden, is_whole=is_whole
    )
    reasons = [f"flipped by changing {words}" for words in changes_in_words(before, after, hidden=hidden)]
    affected = flips.select(table=pl.lit("test"), row="row", reason=pl.Series(reasons, dtype=pl.String))
    return affected, pl.DataFrame(examples)


def _notes(
    subject: Subject, ctx: Context, attacked: _Attacked, rules: Rules, trees: str, *, is_early: bool
) -> tuple[str, ...]:
    budget = rules.budget
    notes = [
        trees,
        f"Numbers move by at most {budget.distance:g} units (interquartile ranges, or 1 if all lie in [0, 1]); at most "
        f"{budget.categories:g} categories change. Text columns never do, and immutable and sensitive ones only where "
        "the threat is full control.",
        "Finding nothing gives a bound, not safety.",
    ]
    n, is_constant = attacked.points.height, len(set(subject.predictions.labels.tolist())) == 1
    cases = {
        "The model gives every test row the same answer; one that knows no other cannot be flipped.": is_constant,
        "Ranges, units and levels come from the test table, because no training table was given.": not subject.train,
        "The attack stopped early, because the rows attacked so far break the threshold of the policy.": is_early,
        "The time budget ended the search early; rows not flipped so far count as undecided.": not attacked.is_complete,
        f"{attacked.rejected} flips did not stand up when asked again or checked, and do not count.": attacked.rejected,
        f"The model answered {attacked.unstable} of {n} rows differently when asked again.": attacked.unstable,
    }
    return (*notes, *(text for text, applies in cases.items() if applies))
