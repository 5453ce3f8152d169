"""For how many rows is it proved that no allowed change flips the answer?

**What it answers.** An attack that finds nothing proves nothing. This check looks from the other side: for rows that a
tree model or a neural network gets right it proves, where it can, that *no* row within the threat model is answered
differently, whatever the attacker tries and however long.

**The threat** is that of the evasion check: numbers within ``distance`` units and their valid range, at most
``categories`` category swaps, ``norm``, ``immutable`` and the other columns of the deployment respected. For images
(``modality: image``) one unit is the width of the valid range of pixels: a distance of .03 is 3 % of it. Relations
only bind an attacker further, so the proof holds with them too.

**How, for trees.** The model's trees, also behind a pipeline, are written as splits on the table's own columns. Branch
and bound over the boxes between the thresholds then either finds a row that flips, or refutes every box within reach.
One-hot groups, and columns that follow a category, move as one. Scores within the rounding error that the size of the
ensemble allows count as flips here, so the proof also holds for models that add in single precision. A proof needs to
know what every step in front of the trees does between the values it was asked about: scalers, ``SimpleImputer``,
one-hot, ordinal and target encoders, ``KBinsDiscretizer``, ``Binarizer``, ``QuantileTransformer`` to a uniform
distribution and the like, with every edge looked at. Behind other steps (splines, power transforms, functions of your
own) a column is covered only where all its values can be listed. Otherwise the check is not run, and says which step is
in the way.

**How, for networks.** Everything the network computes is bounded for all allowed inputs at once: first by intervals,
then by straight lines above and below each bend that are carried back to the inputs (CROWN), then with the slopes of
those lines optimised for each row (alpha-CROWN), at last by cutting the inputs, or the bends into their two sides,
until each part is proved or holds a flip (branch and bound, with the prices of beta-CROWN).
Bounds are computed in double precision and widened at every step by what single precision may err there, in whatever
order a runtime adds; arithmetic of fewer digits (TF32, half precision) and convolutions by fast transforms (Winograd)
err more and are not covered. Known are convolutions, also transposed, dense layers, ``Relu``, ``LeakyRelu``, ``Clip``,
``Abs``, ``Max``, ``Min``, ``Sigmoid``, ``Tanh``, ``HardSigmoid``, maxima and means of windows, sums of branches, and
everything that only moves or scales numbers; any other operator, such as a product of two things that both depend on
the row, is named and the check is not run.

Where the evasion check ran, the same rows are looked at in the same order, what it proved is taken over, and more work
goes into the rows that it left open.

**How to read it.** ``certified_share`` is the share of rightly answered rows with a proof: a *lower bound* of the share
that is robust. ``undecided_share`` is the share for which neither a proof nor a flip that the model confirms was found
within the work allowed: with more effort they move to one side or the other. A flip that breaks a relation is none.
``unflipped_share`` is the share of the same rows that the evasion check could not flip, an *upper bound*: the truth
lies between the two. It is left out where that check looked at changes that the proofs do not cover. The curve says for
how many rows a smaller change is proved to be harmless; for a network in steps of an eighth of the distance.

- *Good:* 91 % certified (88 to 93), 0 % undecided: the rest can be flipped, and is listed by the evasion check.
- *Bad:* 12 % certified, 0 % undecided: nearly nine in ten answers hang on small changes.
- *Misleading:* 99 % certified because nearly every column is listed as immutable. Or 3 % certified and 90 % undecided
  for a large network that was not trained for such proofs: that says more about the bounds than about the network.

**When it misleads.** The proof is about this model, this threat and these rows. It does not cover levels never seen in
training, missing cells that get filled, or an attacker who changes what the deployment calls immutable.

**What to do about a low one.** See the evasion check: limit how much a single column can decide, and verify the
columns that flips use most. A network is easier to prove when it is smaller, or trained on its worst case within the
distance; ``robustness.smoothing`` says what a smoothed version of it would be worth.
"""

from __future__ import annotations

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

    from holdfast.kernels.robustness.constraints import Budget
    from holdfast.kernels.robustness.limits import Rules
    from holdfast.kernels.robustness.tree_problem import Changed, TreeProblem

SPEC = {
    "title": "Certified robustness",
    "question": "For how many rows is it proved that no allowed change flips the answer?",
    "needs": ["test", "target", "query", "internals"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {
            "id": "certified_share",
            "name": "Share of rightly answered rows that provably cannot be flipped",
            "unit": "share",
            "direction": "higher_is_better",
            "bound": "lower",
            "range": [0, 1],
        },
        {
            "id": "undecided_share",
            "name": "Share neither proved nor flipped within the work allowed",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "unflipped_share",
            "name": "Share of the same rows that the evasion check did not flip",
            "unit": "share",
            "direction": "higher_is_better",
            "bound": "upper",
            "range": [0, 1],
        },
    ],
    "uses": ["robustness.evasion"],
    "reads": [
        "costs", "directions", "immutable", "integer", "modality", "one_hot", "ranges", "relations", "sensitive",
        "text", "threat",
    ],
    "evidence_codes": ["EVADE"],
    "references": [
        "Chen, Zhang, Si, Li, Boning, Hsieh (2019), Robustness verification of tree-based models, NeurIPS",
        "Devos, Meert, Davis (2021), Versatile verification of tree ensembles, ICML",
        "Gowal et al. (2018), On the effectiveness of interval bound propagation, arXiv:1810.12715",
        "Wang et al. (2021), Beta-CROWN, NeurIPS",
        "Xu et al. (2021), Fast and complete, ICLR",
        "Zhang, Weng, Chen, Hsieh, Daniel (2018), Efficient neural network robustness certification, NeurIPS",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 200, "parts": 1000, "steps": 10_000_000,
                  "network_points": 100, "lines": 2_000_000, "slopes": 0, "branches": 0},
        "default": {"points": 1000, "parts": 4000, "steps": 20_000_000,
                    "network_points": 200, "lines": 4_000_000, "slopes": 20, "branches": 60},
        "thorough": {"points": 5000, "parts": 40000, "steps": 2_000_000_000,
                     "network_points": 1000, "lines": 128_000_000, "slopes": 40, "branches": 2000},
    },
}  # fmt: skip

REMEDIATION = (
    "Look at the rows without a proof: the evasion check shows what flips them. Limit how much one column can decide "
    "(monotone constraints, fewer or coarser splits), and audit again."
)
NETWORK = (
    "The network was compared with the model's answers. Proofs hold for it in single precision, in whatever order it "
    "adds; not for TF32, half precision or fast transforms."
)
CHART = Chart(
    id="curve",
    title="Share of rightly answered rows proved robust, by size of the change",
    caption="At each distance, the share of rows that no allowed change up to that distance flips.",
    kind="line",
    table="curve",
    x="distance",
    y="share",
    low="low",
    high="high",
    x_title="numeric move (units)",
    y_title="share of rows proved",
)


@dataclass(frozen=True, slots=True)
class _Attacked:
    """What the evasion check found on its rows, in the order in which it drew them; of the same threat or of another.

    ``covered`` says whether what is proved here speaks of every change that it tried.
    """

    points: pl.DataFrame
    budget: Budget
    covered: bool
    same: bool


def run(
    subject: Subject, ctx: Context, *, distance: float | None = None, categories: int = 1, norm: str = "linf"
) -> Outcome:
    """Prove, or refute, that rightly answered test rows cannot be flipped within the threat model.

    Parameters
    ----------
    distance, categories, norm
        As in ``robustness.evasion``; the deployment's ``threat`` takes the place of the first two.
    """
    import numpy as np

    from holdfast.kernels.robustness.threat import in_force, moves_in_words

    assert subject.test is not None
    right = np.flatnonzero(subject.predictions.labels == subject.y(subject.test))
    if len(subject.classes) < 2 or right.size == 0:
        raise NotApplicable("there is no rightly answered row that could flip", hint="see performance.predictive")
    rules = _rules(subject, distance, categories, norm)
    attacked = _attacked(ctx, rules)
    is_network = subject.info is not None and "trees" not in subject.info.capabilities
    most = ctx.effort.get("network_points" if is_network else "points", right.size)
    rows = (attacked.points["row"].to_numpy() if attacked else ctx.rng.permutation(right))[:most].astype("int64")
    found, flipped = _decided(subject, ctx, rows, rules, attacked)
    n, drawn = flipped.size, rows.size
    rows, proved = rows[:n], np.isposinf(found.lower)
    words, unflipped = _beside(attacked, proved, flipped)
    return Outcome(
        measurements=_measure(proved, flipped, unflipped, ctx.level),
        tables=_tables(rows, found, flipped, rules, ctx.level),
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=(
            moves_in_words(rules.budget, is_image=subject.deployment.modality == "image"),
            NETWORK if is_network else "The composed trees answer every one of these rows as the model does.",
            *words,
            *([f"The time or the work was up: {n} of {drawn} rows drawn in random order were searched."] if n < drawn
              else ()),
        ),
        work={"points": rows.size, "queries": rows.size},
        parameters=in_force(rules.budget, threat=subject.deployment.threat),
    )  # fmt: skip


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


def _attacked(ctx: Context, rules: Rules) -> _Attacked | None:
    """Read what the evasion check found, where it ran."""
    from holdfast.kernels.robustness.threat import covers, stated_budget

    finding, points = ctx.used("robustness.evasion"), ctx.used_table("robustness.evasion", "points")
    if finding is None or points is None or not points.height:
        return None
    budget = stated_budget(finding.parameters)
    return _Attacked(points, budget, covers(rules.budget, budget), rules.budget == budget)


def _decided(
    subject: Subject, ctx: Context, rows: NDArray[np.int64], rules: Rules, attacked: _Attacked | None
) -> tuple[Changed, NDArray[np.bool_]]:
    """Return what is proved of the rows and which of them flip, of as many as there was time and work for."""
    import numpy as np

    from holdfast.kernels.robustness.tree_problem import Changed, replaced

    assert subject.test is not None
    points, n = subject.test.frame.select(subject.features)[rows], rows.size
    none, nowhere = np.zeros(n, dtype="int64"), np.full(n, np.inf)
    found = Changed(subject.cells(points), nowhere, np.full(n, np.nan), none, np.ones(n, dtype=np.bool_))
    flipped = np.zeros(n, dtype=np.bool_)
    if attacked and attacked.same:
        known = attacked.points[:n]
        flipped = known["success"].to_numpy().copy()
        lower = known["lower_bound"].fill_null(float("nan")).to_numpy()
        found = found._replace(lower=lower, distance=known["distance"].fill_null(float("inf")).to_numpy())
    is_network = subject.info is not None and "trees" not in subject.info.capabilities
    # of a row that flips, a network's bounds still tell within which distance it does not
    left = np.flatnonzero((is_network | ~flipped) & ~np.isposinf(found.lower))
    if not left.size:
        return found, flipped
    search = _bounded if is_network else _searched
    own, own_flips = search(subject, ctx, points, rows, left, rules, flipped)
    bounded = np.full(n, np.nan)
    bounded[left[: own.lower.size]] = own.lower
    found = replaced(found, own, left[: own.lower.size], own_flips)._replace(lower=np.fmax(found.lower, bounded))
    flipped[left[: own.lower.size]] |= own_flips
    n = n if own.lower.size == left.size or (attacked and attacked.same) else int(left[own.lower.size])
    return found.first(n), flipped[:n]


def _searched(
    subject: Subject, ctx: Context, points: pl.DataFrame, rows: NDArray[np.int64], left: NDArray[np.int64],
    rules: Rules, _: NDArray[np.bool_],
) -> tuple[Changed, NDArray[np.bool_]]:  # fmt: skip
    """Search the trees for the rows that are left to decide."""
    from holdfast.kernels.robustness.tree_problem import Work, search_trees
    from holdfast.kernels.robustness.trees import MOST_WORK

    assert subject.test is not None
    problem = _problem(subject, ctx, points, rows, rules)
    points, y = points[left], subject.y(subject.test)[rows[left]].astype("int64")
    found = search_trees(
        problem, subject.cells(points), y, max_parts=ctx.effort.get("parts", 2000),
        work=Work(ctx.effort.get("steps", MOST_WORK)), should_stop=ctx.out_of_time,
    )  # fmt: skip
    n = int(found.is_done.sum())
    if not n:
        raise NotRun("the time was up before a row was searched", hint="give more with --budget")
    found = found.first(n)
    return found, _flipped(subject, points[:n], y[:n], found, rules)


def _bounded(
    subject: Subject, ctx: Context, points: pl.DataFrame, rows: NDArray[np.int64], left: NDArray[np.int64],
    rules: Rules, flipped: NDArray[np.bool_],
) -> tuple[Changed, NDArray[np.bool_]]:  # fmt: skip
    """Bound the network around the rows that are left."""
    from importlib.util import find_spec

    assert subject.test is not None
    if find_spec("torch") is None:
        raise NotRun("proofs about a network need torch, which is not installed", hint="pip install 'holdfast[torch]'")
    network = subject.network()
    from holdfast.kernels.torch_certificates.certify import Work
    from holdfast.kernels.torch_certificates.graph import UnsupportedOperator
    from holdfast.kernels.torch_certificates.rows import Rows, prove_rows

    points, y = points[left], subject.y(subject.test)[rows[left]].astype("int64")
    work = Work(
        ctx.effort.get("lines", Work().most_cells), ctx.effort.get("slopes", Work().slope_steps),
        ctx.effort.get("branches", Work().branches),
    )  # fmt: skip
    try:
        found = prove_rows(
            Rows(network, subject.features, rules), subject.cells(points), y, is_flipped=flipped[left], work=work,
            should_stop=ctx.out_of_time,
        )  # fmt: skip
    except UnsupportedOperator as error:
        hint = "see robustness.evasion, which attacks the network all the same"
        raise NotRun(str(error), hint=hint) from None
    n = int(found.is_done.sum())
    if not n:
        raise NotRun("the time was up before a row was looked at", hint="give more with --budget")
    found = found.first(n)
    return found, _flipped(subject, points[:n], y[:n], found, rules)


def _beside(
    attacked: _Attacked | None, proved: NDArray[np.bool_], flipped: NDArray[np.bool_]
) -> tuple[list[str], NDArray[np.bool_] | None]:
    """Put what the attack left standing beside what is proved, where both speak of the same changes; say so."""
    if attacked is None:
        return [], None
    if not attacked.covered:
        return [
            f"The evasion check looked for changes within {attacked.budget.distance:g} ({attacked.budget.norm}) and "
            f"{attacked.budget.categories:g} categories, which these proofs do not cover: the two are not comparable."
        ], None
    flips = attacked.points["success"].to_numpy()[: proved.size]
    flips = flipped if attacked.same else flips
    assert not (flips & proved).any(), "a row is proved robust and flipped"
    words = "The same rows, in the same order, were attacked by the evasion check."
    if not attacked.same:
        words += f" Its threat ({attacked.budget.distance:g}, {attacked.budget.norm}) lies within the one proved here."
    return [words], ~flips


def _problem(
    subject: Subject, ctx: Context, points: pl.DataFrame, rows: NDArray[np.int64], rules: Rules
) -> TreeProblem:
    from holdfast.kernels.robustness.feature_tracing import NotComposable
    from holdfast.kernels.robustness.tree_problem import problem_about

    try:
        labels = subject.predictions.labels[rows].astype("int64")
        problem = problem_about(subject, points, labels, rules=rules, rng=ctx.rng)
    except NotComposable as error:
        raise NotRun(
            f"the trees cannot be written as splits on the table's columns: {error}",
            hint="give a pipeline in which each feature follows one column",
        ) from None
    if problem.doubt:
        raise NotRun(
            f"nothing can be proved: {problem.doubt}",
            hint="see robustness.evasion, which attacks the model all the same; proofs need steps of known arithmetic",
        )
    return problem


def _flipped(
    subject: Subject, points: pl.DataFrame, y: NDArray[np.int64], found: Changed, rules: Rules
) -> NDArray[np.bool_]:
    """Tell which flips the model confirms and every rule allows, as the evasion check counts them."""
    import numpy as np

    from holdfast.kernels.robustness.limits import is_allowed

    changed = subject.frame(found.cells, points)
    answered = subject.predict(changed).labels != y
    allowed = is_allowed(subject.cells(points), subject.cells(changed), rules)
    return np.asarray(np.isfinite(found.distance) & answered & allowed)


def _measure(
    proved: NDArray[np.bool_], flipped: NDArray[np.bool_], unflipped: NDArray[np.bool_] | None, level: float
) -> tuple[Measured, ...]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    measured = []
    words = {
        "certified_share": "Of {} rightly answered rows, about {} provably keep their answer under "
        "every small allowed change.",
        "undecided_share": "Of {} rightly answered rows, about {} were neither proved nor flipped.",
        "unflipped_share": "Of {} rightly answered rows, at most about {} keep their answer; {:.1%} to {:.1%} of the "
        "rows looked at do.",
    }
    shares = {"certified_share": proved, "undecided_share": ~proved & ~flipped}
    if unflipped is not None:
        shares["unflipped_share"] = unflipped
    for name, rows in shares.items():
        share = clopper_pearson(int(rows.sum()), rows.size, level=level)
        cases, count = frequency(share.value, share.low, share.high)
        interval = Interval(low=share.low, high=share.high, level=level, method="Clopper-Pearson")
        plain = words[name].format(cases, count, float(proved.mean()), share.value)
        measured.append(Measured(id=name, value=share.value, interval=interval, n=rows.size, plain=plain))
    return tuple(measured)


def _tables(
    rows: NDArray[np.int64], found: Changed, flipped: NDArray[np.bool_], rules: Rules, level: float
) -> dict[str, pl.DataFrame]:
    import numpy as np
    import polars as pl

    from holdfast.kernels.robustness.sequential import proof_curve

    lower = np.where(np.isposinf(found.lower), rules.budget.distance, found.lower)
    points = {
        "row": rows,
        "certified": np.isposinf(found.lower),
        "flipped": flipped,
        "lower_bound": lower,
        "distance": pl.Series(found.distance).set(pl.Series(~flipped), None),
    }
    curve = proof_curve(found.lower, furthest=rules.budget.distance, level=level)
    return {"points": pl.DataFrame(points), "curve": pl.DataFrame(curve)}
