"""How little must an input change before the model's answer flips?

**What it answers.** Somebody who gains from a wrong answer may try small, plausible changes of the inputs: a few
hours more per week, another word in a menu. This check plays that person: for rows that the model gets right it
searches the smallest change that flips the answer.

**How.** The rules are the *threat model*: every number may move by at most ``distance`` units, where a unit is the
column's interquartile range in training (1 if all numbers lie between 0 and 1; for images the range of a pixel's
values), within the range seen in training or given in ``ranges`` (with ``norm`` l1 or l2, ``distance`` limits the sum
or the length of all moves together); at most ``categories`` categories may change, to levels seen in training; whole
numbers stay whole, missing cells missing; columns named in ``immutable``, ``sensitive`` and ``text``, and dates, never
change; ``directions``, ``costs``, ``one_hot`` and ``relations`` hold. ``threat`` names a ready-made budget.

A sum of decision trees is written as splits on the table's own columns, and branch and bound finds the closest flip of
each row. Behind steps whose arithmetic is known (scalers, imputers, encoders, bins) it also proves how close any flip
can be: ``lower_bound``, empty where nothing is proved. One-hot groups, and columns that follow a category, move as one.
A neural network (ONNX, PyTorch; extra ``torch``) is attacked along its slopes, also from other ``one_hot`` categories.
What that leaves open, and any other model, is asked: with its scores where a caller gets them, else with labels only.
Every flip was asked of the model itself, and checked against the rules by code that the attack does not share; one that
does not stand up is moved on and must then stand up twice.

**How to read it.** ``attack_success`` is the share of rightly answered rows that were flipped. It is a *lower bound* of
the risk: another attack may flip more. A low number says "not broken by this attack", never "safe". Rows that could not
be attacked in full are left out. Where ``--budget`` is too short for all rows, work goes where it flips most rows per
second; unfinished rows count as flipped at the upper end of the interval, no groups are compared. ``median_distance``
is the typical size of the moves that sufficed, 0 where a category alone did. The table ``groups`` compares each group
of ten rows or more (of ``sensitive`` columns, and slices of the inputs) with all others; groups of people, and slices
that clearly differ, are measured as ``flipped.<column>=<group>``, and as ``difference.<column>=<group>``, with
intervals that hold for all groups of the kind at once. Images are shown where they may be (``sensitivity: public``).

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

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import BudgetError, EndpointError, InputError, ModelError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.robustness.attack import Attacked
    from holdfast.kernels.robustness.limits import Rules
    from holdfast.kernels.robustness.looks import Looked
    from holdfast.kernels.robustness.network_problem import NetworkProblem
    from holdfast.kernels.robustness.questions import Questions
    from holdfast.kernels.robustness.tree_problem import TreeProblem, Work

    Problem = TreeProblem | NetworkProblem

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
        {"id": "difference.*", "name": "Share flipped of a group less that of all other rows", "unit": "share",
         "direction": "neither", "range": [-1, 1]},
        {"id": "n_attacked", "name": "Rightly answered rows attacked", "unit": "rows", "direction": "neither",
         "range": [0, None]},
    ],
    "reads": [
        "costs", "directions", "image_shape", "immutable", "integer", "modality", "one_hot", "ranges", "relations",
        "returns", "sensitive", "sensitivity", "text", "threat",
    ],
    "thresholds": ["attack_success"],
    "evidence_codes": ["EVADE"],
    "references": [
        "Brendel, Rauber, Bethge (2018), Decision-based adversarial attacks, ICLR",
        "Chen, Jordan, Wainwright (2020), HopSkipJumpAttack, IEEE Symposium on Security and Privacy",
        "Croce, Hein (2020), Reliable evaluation of adversarial robustness (APGD, AutoAttack), ICML",
        "Chen, Zhang, Si, Li, Boning, Hsieh (2019), Robustness verification of tree-based models, NeurIPS",
        "Devos, Meert, Davis (2021), Versatile verification of tree ensembles, ICML",
        "Simonetto, Dyrmishi, Ghamizi, Cordy, Le Traon (2022), A unified framework for constrained features, IJCAI",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 50, "tree_points": 200, "queries": 200, "parts": 500, "steps": 10_000_000},
        "default": {"points": 200, "tree_points": 1000, "queries": 500, "parts": 2000, "steps": 30_000_000},
        "thorough": {"points": 1000, "tree_points": 5000, "queries": 1000, "parts": 20000, "steps": 2_000_000_000,
                     "looks": 10, "exhaustive": 1},
    },
}  # fmt: skip

MOST_DONORS = 2000
MOST_GROUPS = 20
LOOKED_AT = 32
UNSTABLE = 0.02
# Each point is asked once before the attack and at least once about its flip.
ASKED_TWICE = 2
REMEDIATION = (
    "List what cannot change as immutable and audit again. Then limit how much one column can decide (monotone "
    "constraints), train on the flipped rows, verify the columns that flips use most, and limit queries per person."
)
CHART = Chart(
    id="curve", title="Share of rightly answered rows flipped, by size of the change", kind="line", table="curve",
    caption="The curve starts where a category alone suffices; an early rise means that small moves flip answers.",
    x="distance", y="share", low="low", high="high",
    x_title="numeric move (units)", y_title="share of rows flipped",
)  # fmt: skip

Cells = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class _Looks:
    """What the attack did, and as a table: a line for each row attacked in full, changed cells (null: as it was)."""

    points: pl.DataFrame
    looked: Looked
    counts: Mapping[str, int]


def run(
    subject: Subject, ctx: Context, *, distance: float | None = None, categories: int = 1, norm: str = "linf",
    exhaustive: bool = False,
) -> Outcome:  # fmt: skip
    """Attack rightly answered test rows within the threat model.

    Parameters
    ----------
    distance, categories
        Largest move of each number, in units, .2 if left out and 8 / 255 for images; largest number of categories that
        change. The deployment's ``threat`` takes their place.
    norm
        What ``distance`` limits: the largest move (``linf``), the sum of all moves (``l1``), or their length (``l2``).
    exhaustive
        Whether every stage of AutoAttack is run on networks, too; always at thorough effort.
    """
    import polars as pl

    from holdfast.kernels.robustness.sequential import flip_curve
    from holdfast.kernels.robustness.threat import in_force

    if len(subject.classes) < 2:
        raise NotApplicable("there is only one class, so no answer can flip", hint="give data with two or more classes")
    rules = _rules(subject, distance, categories, norm)
    order = _rightly_answered(subject, ctx)
    problem, how = _problem(subject, ctx, order, rules, exhaustive)
    order = order if problem else order[: ctx.effort.get("points", order.size)]
    looks = _attack(subject, ctx, order, rules, problem)
    found = looks.points["distance"].drop_nulls().to_numpy()
    curve = pl.DataFrame(flip_curve(found, n=looks.points.height, level=ctx.level))
    is_image = subject.deployment.modality == "image"
    shown = _pictures(subject, looks.points, rules) if is_image else _shown(subject, looks.points)
    groups, of_groups = _groups(subject, looks, ctx.level)
    return Outcome(
        measurements=(*_measure(ctx, looks), *of_groups),
        tables={"points": looks.points, "curve": curve, **shown, **groups},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=_notes(subject, looks, rules, how),
        work={"points": looks.points.height, "queries": looks.looked.queries},
        parameters=in_force(rules.budget, threat=subject.deployment.threat),
        lost_endpoint=isinstance(looks.looked.error, EndpointError),
        is_timed=looks.looked.is_short,
    )


def _rules(subject: Subject, distance: float | None, categories: int, norm: str) -> Rules:
    """What may change and how far, from the training table (or the test table) and the deployment."""
    from holdfast.kernels.robustness.limits import rules_for
    from holdfast.kernels.robustness.threat import budget_of

    try:
        rules = rules_for(subject, budget_of(distance, categories, norm, modality=subject.deployment.modality))
    except ValueError as error:
        raise InputError(str(error), hint="see deployment in holdfast.yaml") from None
    if not (rules.limits or rules.one_hot):
        raise NotApplicable("no input may change", hint="shorten `immutable` or `sensitive` if some can")
    return rules


def _problem(
    subject: Subject, ctx: Context, order: NDArray[np.int64], rules: Rules, exhaustive: bool
) -> tuple[Problem | None, str]:
    """Write the model as trees over the table's columns, or as a network; or say why it cannot be."""
    from importlib.util import find_spec

    from holdfast.kernels.robustness.feature_tracing import NotComposable
    from holdfast.kernels.robustness.flips_in_words import ALONG_SLOPES, THROUGH_TREES
    from holdfast.kernels.robustness.tree_problem import problem_about

    assert subject.test is not None
    shown = subject.info.capabilities if subject.info else frozenset()
    asked = f"the model is asked at most {ctx.effort.get('queries', 500)} times per row"
    try:
        if "gradients" in shown and find_spec("torch") is None:
            return None, f"Slopes of the network need `pip install holdfast[torch]`; without them {asked}."
        points, y = subject.test.frame.select(subject.features)[order], subject.y(subject.test)[order].astype("int64")
        if "gradients" in shown:
            from holdfast.kernels.torch_robustness.network_search import network_problem

            some, is_all = subject.cells(points[:LOOKED_AT]), exhaustive or bool(ctx.effort.get("exhaustive"))
            network = network_problem(subject.network(), some, y[:LOOKED_AT], rules, seed=ctx.seed, exhaustive=is_all)
            return network, " ".join((ALONG_SLOPES, *network.doubts))
        if "trees" not in shown:
            return None, f"{asked.capitalize()}."
        seen = subject.cells(subject.train.frame.select(subject.features)) if subject.train else None
        problem = problem_about(subject, points, y, rules=rules, rng=ctx.rng, seen=seen, should_stop=ctx.out_of_time)
    except (NotComposable, NotRun) as error:
        return None, f"What the model shows of itself cannot be searched, so it is asked instead: {error}."
    return problem, f"{THROUGH_TREES} No lower bound is proved: {problem.doubt}." if problem.doubt else THROUGH_TREES


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


def _attack(subject: Subject, ctx: Context, order: NDArray[np.int64], rules: Rules, problem: Problem | None) -> _Looks:
    """Attack the rows in fixed parts; stop when those attacked so far already break the threshold."""
    from holdfast.kernels.robustness.looks import attack_in_looks
    from holdfast.kernels.robustness.questions import planned
    from holdfast.kernels.robustness.tree_problem import Work
    from holdfast.kernels.robustness.trees import MOST_WORK

    work, counts = Work(ctx.effort.get("steps", MOST_WORK)), Counter[str]()

    def left() -> int | None:
        return None if problem else subject.queries_left

    plan = planned(left(), rows=order.size, per_row=ctx.effort.get("queries", 500))
    if not plan.rows:
        reason = f"{left()} questions may still be asked, and attacking one row takes {plan.per_row}"
        raise NotRun(reason, hint="give a larger endpoint.max_queries, or skip other checks")
    attack = partial(_attack_rows, subject, ctx, rules=rules, problem=problem, work=work, counts=counts)
    found = attack_in_looks(
        order, partial(attack, per_row=plan.per_row), per_row=plan.per_row, left=left, looks=ctx.effort.get("looks", 1),
        limit=ctx.threshold("attack_success"), level=ctx.level, work=work, is_out_of_time=ctx.out_of_time,
    )  # fmt: skip
    if not found.rows.size:
        if isinstance(found.error, EndpointError):
            raise found.error
        hint = "give more with --budget, or endpoint.max_queries"
        raise NotRun(f"no row could be attacked in full: {found.stopped}", hint=hint)
    counts.update(getattr(problem, "seen", {}))
    return _Looks(_points(subject, found, rules), found, counts)


def _attack_rows(
    subject: Subject, ctx: Context, rows: NDArray[np.int64], *, rules: Rules, problem: Problem | None, work: Work,
    per_row: int, counts: Counter[str], n_ahead: int = 0, is_short: bool = False,
) -> tuple[Questions, Attacked]:  # fmt: skip
    """Attack rows, what the trees leave open with questions."""
    import numpy as np

    from holdfast.kernels.robustness.attack import Attacker
    from holdfast.kernels.robustness.hardening import score_margin
    from holdfast.kernels.robustness.planning import attack_in_time
    from holdfast.kernels.robustness.questions import questions_about

    reference, scores = subject.train or subject.test, subject.predictions.scores
    assert reference is not None
    assert subject.test is not None
    points, y = subject.test.frame.select(subject.features)[rows], subject.y(subject.test)[rows].astype("int64")
    ends = (EndpointError, BudgetError)
    questions = questions_about(subject, points, y, is_scored=scores is not None, fails=(ModelError,), ends=ends)
    counts["unstable"] += (n_unstable := questions.n_unstable(subject.cells(points)))
    if n_unstable > UNSTABLE * rows.size:
        same = f"the same question ({n_unstable} of {rows.size} rows)"
        hint = "fix the model's random seed, or give a model that answers deterministically"
        raise NotRun(f"the model gives different answers to {same}, so a flip would prove nothing", hint=hint)
    chosen = np.random.default_rng(ctx.seed).permutation(reference.frame.height)[:MOST_DONORS]
    attacker = Attacker(
        rules=rules, problem=problem, questions=questions, seed=ctx.seed, time_left=ctx.time_left,
        donors=subject.cells(reference.frame.select(subject.features)[chosen]),
        donor_labels=subject.y(reference)[chosen].astype("int64"),
        max_parts=ctx.effort.get("parts", 2000), most_open=ctx.effort.get("points", rows.size),
        queries=max(per_row - ASKED_TWICE, 1), work=work,
    )  # fmt: skip
    if is_short:
        margins = np.zeros(rows.size) if scores is None else score_margin(scores[rows])
        attacked = attack_in_time(attacker, subject.cells(points), rows, margins=margins)
    else:
        attacked = attacker.attack(subject.cells(points), rows, n_ahead=n_ahead)
    counts.update(
        refused=questions.refused, against=attacked.n_against_rules, unsteady=attacked.n_unsteady,
        spared=attacked.n_spared, unfinished=attacked.n_unfinished,
    )  # fmt: skip
    return questions, attacked


def _points(subject: Subject, found: Looked, rules: Rules) -> pl.DataFrame:
    """Write what became of each row as a table."""
    import polars as pl

    assert subject.test is not None
    points, attacked = subject.test.frame.select(subject.features)[found.rows], found.attacked
    valid = pl.Series(attacked.success, dtype=pl.Boolean)
    answers = subject.y(subject.test)[found.rows]
    lines = {
        "row": found.rows,
        "label": pl.Series([str(subject.classes[int(position)]) for position in answers], dtype=pl.String),
        "success": valid,
        "norm": pl.Series([rules.budget.norm] * attacked.n, dtype=pl.String),
        "distance": pl.Series(attacked.distance).set(~valid, None),
        "lower_bound": pl.Series(attacked.lower).fill_nan(None),
        "queries": attacked.queries + 1,
    }
    changed = subject.frame(attacked.cells, points)
    names = [*rules.limits, *(name for group in rules.one_hot for name in group)]
    keeps = {name: ~(valid & changed[name].ne_missing(points[name])) for name in names}
    cells = [changed[name].set(keeps[name], None).alias(f"adversarial_{name}") for name in names]
    return pl.DataFrame(lines).hstack(cells)


def _measure(ctx: Context, found: _Looks) -> tuple[Measured, ...]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.robustness.sequential import flip_share
    from holdfast.kernels.stats.mean import quantile_interval

    success = found.points["success"]
    level, n, flipped = ctx.level, len(success), int(success.sum())
    n_unfinished = found.counts.get("unfinished", 0)
    share = flip_share(success.to_numpy(), level=level, looks=found.looked.looks, n_unfinished=n_unfinished)
    cases, count = frequency(*share[:3])
    plain = f"Of {cases} rightly answered rows, at least about {count} can be flipped by small allowed changes."
    interval = Interval(low=share.low, high=share.high, level=level, method=share.method)
    measured = [
        Measured(id="attack_success", value=share.value, interval=interval, n=n, plain=plain),
        Measured(id="n_attacked", value=float(n), no_interval_reason="a count of rows", exact=True, n=n),
    ]
    if not flipped:
        return tuple(measured)
    median = quantile_interval(found.points["distance"].drop_nulls().to_numpy(), 0.5, level=level)
    low, top = (end if abs(end) < float("inf") else None for end in (median.low, median.high))
    interval = Interval(low=low, high=top, level=level, method="order statistics")
    where = "in any number" if set(found.points["norm"]) == {"linf"} else "in all numbers together"
    sizes = f"Half of the flips needed moves of at most {median.value:.3g} units {where}."
    plain = sizes if median.value else "For at least half of the flips another category alone sufficed."
    return (*measured, Measured(id="median_distance", value=median.value, interval=interval, n=flipped, plain=plain))


def _groups(subject: Subject, looks: _Looks, level: float) -> tuple[dict[str, pl.DataFrame], list[Measured]]:
    """Compare groups of people, and slices, with all other rows; publish the people, and slices that clearly differ."""
    import polars as pl

    from holdfast.kernels.fairness.group_flips import group_flips

    assert subject.test is not None
    points, people = looks.points, subject.deployment.sensitive
    sliced = () if subject.deployment.modality == "image" else subject.features
    if looks.counts.get("unfinished") or not (*people, *sliced):
        return {}, []
    flipped, compared = points["success"].to_numpy(), dict.fromkeys((*people, *sliced))
    seen = subject.cells(subject.test.frame[points["row"]].select(*compared))
    groups = pl.DataFrame(group_flips(seen, flipped, people=people, level=level))
    told = groups.filter((groups["kind"] == "group") | (groups["p_adjusted"] <= 1 - level)).sort("p_adjusted")
    measured = list[Measured]()
    for line in told[:MOST_GROUPS].iter_rows(named=True):
        name, n = f"{line['column']}={line['group']}", line["n"]
        own = Interval(low=line["low"], high=line["high"], level=level, method="Clopper-Pearson")
        size = (groups["kind"] == line["kind"]).sum()
        method = "Newcombe" if size == 1 else f"Newcombe, all {size} groups of the kind at once (Bonferroni)"
        gap = Interval(low=line["all_low"], high=line["all_high"], level=level, method=method)
        measured.append(Measured(id=f"flipped.{name}", value=line["share"], n=n, interval=own))
        measured.append(Measured(id=f"difference.{name}", value=line["difference"], n=points.height, interval=gap))
    return {"groups": groups}, measured


def _pictures(subject: Subject, points: pl.DataFrame, rules: Rules) -> dict[str, pl.DataFrame]:
    """Name the images that were flipped, and show a few of them where whole rows may be shown."""
    import polars as pl

    from holdfast.kernels.robustness.pictures import picture_shape, pictures

    assert subject.test is not None
    flips = points.filter("success")
    tables = {"affected_rows": flips.select(table=pl.lit("test"), row="row", reason=pl.lit("flipped by small changes"))}
    shape = picture_shape(len(subject.features), subject.deployment.image_shape)
    if subject.deployment.sensitivity not in ("public", "internal") or shape is None or not flips.height:
        return tables
    before = subject.test.frame[flips["row"]].select(subject.features)
    after = before.with_columns(
        flips[f"adversarial_{name}"].fill_null(before[name]).alias(name) for name in rules.limits
    )
    images = pl.DataFrame(pictures(
        before.to_numpy().astype("f8"), after.to_numpy().astype("f8"), shape, labels=flips["label"].to_list(),
        distance=flips["distance"].to_numpy(), rules=rules,
    ))  # fmt: skip
    answers = [str(subject.classes[int(label)]) for label in subject.predict(after[images["at"]]).labels]
    told = flips[images["at"]].select("row", "label", "distance", answer_after=pl.Series(answers, dtype=pl.String))
    return {**tables, "pictures": told.hstack(images.drop("at"))}


def _shown(subject: Subject, points: pl.DataFrame) -> dict[str, pl.DataFrame]:
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
    return {"affected_rows": affected, "examples": pl.DataFrame(examples)}


def _notes(subject: Subject, looks: _Looks, rules: Rules, how: str) -> tuple[str, ...]:
    from holdfast.kernels.robustness.flips_in_words import attack_in_words

    found, is_constant = looks.looked, len(set(subject.predictions.labels.tolist())) == 1
    return attack_in_words(
        rules.budget, looks.counts, drawn=found.drawn, n=looks.points.height, is_constant=is_constant, how=how,
        n_flipped=int(looks.points["success"].sum()), stopped=found.stopped, has_train=subject.train is not None,
        is_early=found.is_early, is_timed=found.is_short, is_image=subject.deployment.modality == "image",
    )  # fmt: skip
