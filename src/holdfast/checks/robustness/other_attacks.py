"""Do attacks of other packages flip answers that ours leaves standing?

**What it answers.** ``robustness.evasion`` attacks a network with our own methods. Whoever doubts them, or trusts an
attack from the literature more, can name it here: it is run on the same rows, within the same threat, and judged by the
same code.

**How.** ``attacks`` names classes of Foolbox or of the Adversarial Robustness Toolbox, with settings in brackets if
theirs are not to be the usual ones: ``foolbox.LinfPGD``, ``foolbox.LinfPGD(steps=100)``,
``art.ProjectedGradientDescentPyTorch``. An attack is shown the network as logits of what may change: cells that may not
are no inputs of it, whole numbers are rounded, each cell is cut to its range. Its norm and distance are those of
``robustness.evasion`` (for ART, its step keeps its ratio to the distance). What it returns counts as a flip only if it
lies within the distance, the rules allow it, and the model itself, asked again, answers otherwise. The packages come
with the extra ``attacks``; Foolbox 3.3.4 and ART 1.20.1 were tried.

**How to read it.** ``attack_success.<attack>`` is the share of rightly answered rows that this attack flips: a *lower
bound* of the risk, as every attack gives. ``difference.<attack>`` is the share of ``robustness.evasion`` less that, on
the same rows; its intervals hold for all attacks at once. Below 0 their attack found what ours did not.
``flipped_by_any`` counts rows that any of them, or ours, flipped: the best lower bound at hand. The table ``attacks``
holds all numbers and the rows sent through the network; ``affected_rows`` names rows that only theirs flipped.

- *Good:* ``difference.foolbox.LinfPGD`` .08 (.05 to .12): ours flips more, and nothing that it left stood out.
- *Bad:* ``difference.art.AutoAttack`` -.06 (-.1 to -.03): six of a hundred answers fall that our attack held to stand.
- *Misleading:* a share of 0 for an attack that looks for the nearest flip with 10 steps: it finds flips, but farther
  than the distance allows. The finding says how many such rows there were.

**When it misleads.** An attack with settings that do not suit a network is weak, whoever wrote it. Attacks with one
step size for all cells suit images better than tables. Rows whose ranges differ are attacked one by one, which takes
long. When the time is up, an attack is only left between parts of 64 rows.

**What to do about a bad one.** Take ``flipped_by_any`` as the figure; run ``robustness.evasion`` at thorough effort,
where every stage of AutoAttack is run; look in ``affected_rows`` at what only theirs flipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import BudgetError, EndpointError, InputError, MissingExtra, ModelError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.core.network import ForeignAttack
    from holdfast.kernels.robustness.limits import Rules

SPEC = {
    "title": "Attacks of other packages",
    "question": "Do attacks of other packages flip answers that ours leaves standing?",
    "needs": ["test", "target", "query", "internals"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "attack_success.*", "name": "Share of rightly answered rows that the attack flips", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "difference.*", "name": "Share flipped by the evasion check less that of the attack", "unit": "share",
         "direction": "neither", "range": [-1, 1]},
        {"id": "flipped_by_any", "name": "Share of rightly answered rows that any attack flips", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "n_attacked", "name": "Rightly answered rows attacked", "unit": "rows", "direction": "neither",
         "range": [0, None]},
    ],
    "uses": ["robustness.evasion"],
    "reads": [
        "costs", "directions", "immutable", "integer", "modality", "one_hot", "ranges", "relations", "returns",
        "sensitive", "text", "threat",
    ],
    "evidence_codes": ["EVADE"],
    "references": [
        "Rauber, Zimmermann, Bethge, Brendel (2020), Foolbox Native, Journal of Open Source Software 5 (53)",
        "Nicolae et al. (2018), Adversarial Robustness Toolbox, arXiv:1807.01069",
        "Carlini et al. (2019), On evaluating adversarial robustness, arXiv:1902.06705",
    ],
    "cost": "medium",
    "effort": {"quick": {"points": 50}, "default": {"points": 200}, "thorough": {"points": 1000}},
}  # fmt: skip

# Rows between two looks at the clock.
PART = 64
REMEDIATION = (
    "Take the share that any attack flips as the figure, and run the evasion check at thorough effort. Then train "
    "against such changes (adversarial training), and audit again."
)
CHART = Chart(
    id="differences", title="Share flipped by the evasion check less that of each attack", kind="points",
    table="attacks", caption="Above 0 ours flips more; bars hold for all attacks at once.",
    x="attack", y="difference", low="difference_low", high="difference_high", y_title="difference in share flipped",
    reference=0.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Trial:
    """What became of the first rows under one attack; ``finds`` are the changed rows, as a table of inputs."""

    success: NDArray[np.bool_]
    distance: NDArray[np.float64]
    forwards: NDArray[np.int64]
    finds: pl.DataFrame
    n_outside: int
    n_unconfirmed: int


def run(
    subject: Subject, ctx: Context, *, attacks: tuple[str, ...] = (), distance: float | None = None,
    categories: int = 1, norm: str = "linf",
) -> Outcome:  # fmt: skip
    """Run attacks of other packages on the rows of the evasion check.

    Parameters
    ----------
    attacks
        Their names, such as ``foolbox.LinfPGD`` or ``art.ProjectedGradientDescentPyTorch``, settings in brackets.
    distance, categories, norm
        As in ``robustness.evasion``; the deployment's ``threat`` takes the place of the first two.
    """
    from importlib.util import find_spec

    import polars as pl

    from holdfast.kernels.robustness.threat import in_force

    if not attacks:
        hint = "name some in holdfast.yaml: parameters: {robustness.other_attacks: {attacks: [foolbox.LinfPGD]}}"
        raise NotRun("no attack of another package is named", hint=hint)
    if subject.info is None or "gradients" not in subject.info.capabilities:
        raise NotApplicable("the attacks follow the slopes of a network, and the model is none that can be read")
    if find_spec("torch") is None:
        raise NotRun("attacks on a network need torch, which is not installed", hint="pip install 'holdfast[torch]'")
    try:
        opened = {name: subject.foreign_attack(name) for name in attacks}
    except MissingExtra as error:
        raise NotRun(error.message, hint=error.hint) from None
    rules = _rules(subject, distance, categories, norm)
    rows, ours, words = _rows(subject, ctx, rules)
    trials, failed = _try(subject, ctx, opened, rows, rules)
    attacked = pl.DataFrame([_line(name, trial, ours, ctx.level, len(trials)) for name, trial in trials.items()])
    points = pl.concat([_points(subject, name, rows, trial, rules) for name, trial in trials.items()])
    return Outcome(
        measurements=_measure(ctx.level, attacked, trials, ours),
        tables={"attacks": attacked, "points": points, "affected_rows": _affected(points, rows, ours)},
        charts=() if ours is None else (CHART,),
        remediation=REMEDIATION,
        assumptions=_notes(subject, rules, trials, failed, words, rows.size),
        work={"points": rows.size, "queries": rows.size * len(trials)},
        parameters=in_force(rules.budget, threat=subject.deployment.threat),
    )


def _rules(subject: Subject, distance: float | None, categories: int, norm: str) -> Rules:
    """What may change and how far, as in the evasion check."""
    from holdfast.kernels.robustness.limits import rules_for
    from holdfast.kernels.robustness.threat import budget_of

    try:
        rules = rules_for(subject, budget_of(distance, categories, norm, modality=subject.deployment.modality))
    except ValueError as error:
        raise InputError(str(error), hint="see deployment in holdfast.yaml") from None
    if not rules.limits:
        raise NotApplicable("no number may change", hint="shorten `immutable` or `sensitive` if some can")
    return rules


def _rows(subject: Subject, ctx: Context, rules: Rules) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None, str]:
    """Take the rows of the evasion check in its order, with what it flipped where its threat was the same."""
    import numpy as np

    from holdfast.kernels.robustness.threat import stated_budget

    assert subject.test is not None
    right = np.flatnonzero(subject.predictions.labels == subject.y(subject.test))
    if len(subject.classes) < 2 or right.size == 0:
        raise NotApplicable("there is no rightly answered row that could flip", hint="see performance.predictive")
    n = ctx.effort.get("points", right.size)
    finding, points = ctx.used("robustness.evasion"), ctx.used_table("robustness.evasion", "points")
    if finding is None or points is None or not points.height:
        return ctx.rng.permutation(right)[:n], None, "The evasion check did not run beside it: nothing is compared."
    rows, budget = points["row"].to_numpy()[:n].astype("int64"), stated_budget(finding.parameters)
    if budget != rules.budget:
        words = f"The evasion check had another threat ({budget.distance:g}, {budget.norm}): nothing is compared."
        return rows, None, words
    words = "The same rows, in the same order, were attacked by the evasion check within the same threat."
    return rows, points["success"].to_numpy()[:n], words


def _try(
    subject: Subject, ctx: Context, opened: dict[str, ForeignAttack], rows: NDArray[np.int64], rules: Rules
) -> tuple[dict[str, _Trial], list[str]]:
    """Run each attack in its part of the time; say which failed."""
    trials, failed = dict[str, _Trial](), list[str]()
    for place, (name, attack) in enumerate(opened.items()):
        left = ctx.time_left()
        until = 0.0 if isinf(left) else left - left / (len(opened) - place)
        try:
            trials[name] = _attack(subject, ctx, (name, attack), rows, rules, until)
        except NotRun as error:
            failed.append(error.message)
    if not trials:
        raise NotRun("; ".join(failed), hint="give other settings in brackets, or another attack")
    return trials, failed


def _attack(
    subject: Subject,
    ctx: Context,
    named: tuple[str, ForeignAttack],
    rows: NDArray[np.int64],
    rules: Rules,
    until: float,
) -> _Trial:
    """Run one attack, judge what it returns, and stop between parts once the time is up."""
    import numpy as np

    from holdfast.kernels.robustness.attack import Attacker
    from holdfast.kernels.robustness.questions import questions_about
    from holdfast.kernels.torch_robustness.foreign_search import foreign_problem

    assert subject.test is not None
    name, attack = named
    problem = foreign_problem(subject.network(), subject.features, rules, attack, seed=ctx.seed)
    points, y = subject.test.frame.select(subject.features)[rows], subject.y(subject.test)[rows].astype("int64")
    ends = (EndpointError, BudgetError)
    questions = questions_about(subject, points, y, is_scored=False, fails=(ModelError,), ends=ends)
    attacker = Attacker(
        rules=rules, problem=problem, questions=questions, seed=ctx.seed, donors={}, donor_labels=y[:0],
        max_parts=0, most_open=0, queries=0,
    )  # fmt: skip
    done, cells = [], subject.cells(points)
    for at in np.split(np.arange(rows.size), np.arange(PART, rows.size, PART)):
        if ctx.time_left() < until:
            break
        found, flips, _ = attacker.searched(cells, rows, at)
        if questions.error is not None:
            raise questions.error
        done.append((found, flips))
    if not done:
        raise NotRun(f"{name} attacked no row before the time was up", hint="give more with --budget")
    success = np.concatenate([flips for _, flips in done])
    distance = np.concatenate([found.distance for found, _ in done])
    changed = {name: np.concatenate([found.cells[name] for found, _ in done]) for name in cells}
    return _Trial(
        success, distance, np.concatenate([found.queries for found, _ in done]),
        subject.frame(changed, points[: success.size]), problem.seen["outside"],
        int((np.isfinite(distance) & ~success).sum()),
    )  # fmt: skip


def _line(
    name: str, trial: _Trial, ours: NDArray[np.bool_] | None, level: float, n_attacks: int
) -> dict[str, str | int | float | None]:
    """Sum one attack up, and put it beside ours."""
    from holdfast.kernels.stats.paired import mcnemar_exact, paired_proportion_difference
    from holdfast.kernels.stats.proportions import clopper_pearson

    theirs, n = trial.success, trial.success.size
    share = clopper_pearson(int(theirs.sum()), n, level=level)
    line: dict[str, str | int | float | None] = {
        "attack": name, "n": n, "flipped": int(theirs.sum()), "share": share.value, "low": share.low,
        "high": share.high, "forwards_per_row": float(trial.forwards.mean()), "outside": trial.n_outside,
        "not_confirmed": trial.n_unconfirmed,
    }  # fmt: skip
    if ours is None:
        return line
    own = ours[:n]
    only_theirs, only_ours = int((theirs & ~own).sum()), int((own & ~theirs).sum())
    gap = paired_proportion_difference(only_theirs, only_ours, n, level=1 - (1 - level) / n_attacks)
    return line | {
        "only_theirs": only_theirs, "only_ours": only_ours, "difference": gap.value, "difference_low": gap.low,
        "difference_high": gap.high, "p_adjusted": min(1.0, n_attacks * float(mcnemar_exact(only_theirs, only_ours))),
    }  # fmt: skip


def _measure(
    level: float, attacked: pl.DataFrame, trials: dict[str, _Trial], ours: NDArray[np.bool_] | None
) -> tuple[Measured, ...]:
    import numpy as np

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    measured = []
    method = "Tango" if attacked.height == 1 else f"Tango, all {attacked.height} attacks at once (Bonferroni)"
    for line in attacked.iter_rows(named=True):
        name, n = line["attack"], line["n"]
        cases, count = frequency(line["share"], line["low"], line["high"])
        plain = f"Of {cases} rightly answered rows, at least about {count} are flipped by {name}."
        own = Interval(low=line["low"], high=line["high"], level=level, method="Clopper-Pearson")
        measured.append(Measured(id=f"attack_success.{name}", value=line["share"], interval=own, n=n, plain=plain))
        if ours is not None:
            gap = Interval(low=line["difference_low"], high=line["difference_high"], level=level, method=method)
            plain = f"Rows that fell to ours only: {line['only_ours']}; to {name} only: {line['only_theirs']}."
            measured.append(Measured(id=f"difference.{name}", value=line["difference"], interval=gap, n=n, plain=plain))
    n = min(trial.success.size for trial in trials.values())
    each = [trial.success[:n] for trial in trials.values()] + ([] if ours is None else [ours[:n]])
    flipped = int(np.any(each, axis=0).sum())
    share = clopper_pearson(flipped, n, level=level)
    cases, count = frequency(share.value, share.low, share.high)
    plain = f"Of {cases} rightly answered rows, at least about {count} are flipped by one attack or another."
    interval = Interval(low=share.low, high=share.high, level=level, method="Clopper-Pearson")
    return (
        *measured,
        Measured(id="flipped_by_any", value=share.value, interval=interval, n=n, plain=plain),
        Measured(id="n_attacked", value=float(n), no_interval_reason="a count of rows", exact=True, n=n),
    )


def _points(subject: Subject, name: str, rows: NDArray[np.int64], trial: _Trial, rules: Rules) -> pl.DataFrame:
    """Write what became of each row as a table, changed cells beside it (null: as it was)."""
    import polars as pl

    assert subject.test is not None
    at = rows[: trial.success.size]
    before, success = subject.test.frame.select(subject.features)[at], pl.Series(trial.success)
    keeps = {one: ~(success & trial.finds[one].ne_missing(before[one])) for one in rules.limits}
    answers = [str(subject.classes[int(position)]) for position in subject.y(subject.test)[at]]
    return pl.DataFrame(
        {
            "attack": pl.Series([name] * at.size, dtype=pl.String),
            "row": at,
            "label": pl.Series(answers, dtype=pl.String),
            "success": success,
            "distance": pl.Series(trial.distance).set(~success, None),
            "forwards": trial.forwards,
        }
    ).hstack([trial.finds[one].set(keep, None).alias(f"adversarial_{one}") for one, keep in keeps.items()])


def _affected(points: pl.DataFrame, rows: NDArray[np.int64], ours: NDArray[np.bool_] | None) -> pl.DataFrame:
    """Name the rows that an attack flipped, those only that ours did not where that is known."""
    import polars as pl

    known = rows[:0] if ours is None else rows[: ours.size][ours]
    new = points.filter(pl.col("success") & ~pl.col("row").is_in(known.tolist()))
    named = new.group_by("row", maintain_order=True).agg(pl.col("attack").str.join(", "))
    reason = pl.lit("flipped by ") + pl.col("attack") + pl.lit("" if ours is None else ", not by the evasion check")
    return named.select(table=pl.lit("test"), row="row", reason=reason)


def _notes(
    subject: Subject, rules: Rules, trials: dict[str, _Trial], failed: list[str], words: str, drawn: int
) -> tuple[str, ...]:
    from holdfast.kernels.robustness.threat import moves_in_words

    notes = [moves_in_words(rules.budget, is_image=subject.deployment.modality == "image"), words]
    for name, trial in trials.items():
        if trial.n_outside:
            notes.append(f"{name} flipped {trial.n_outside} rows by moves beyond the distance, which do not count.")
        if trial.n_unconfirmed:
            notes.append(f"{name} gave {trial.n_unconfirmed} rows more that the model, or the rules, did not confirm.")
        if trial.success.size < drawn:
            notes.append(f"The time was up: {name} attacked {trial.success.size} of {drawn} rows.")
    return (*notes, *(f"Not run: {message}." for message in failed))
