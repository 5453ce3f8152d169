"""Which way of training makes answers harder to flip, and what does it cost?

**What it answers.** ``robustness.hardening`` tries guards in front of the model. This check looks at the cause: copies
of the model are trained again, each with one remedy, and attacked like the model as it is.

**How.** The remedies are those that the model has a setting for. Trees: *monotone constraints* (each number that the
outcome rises or falls with may push the score that way only; two classes), *coarser bins* (32 values per number while
trees are grown), *larger leaves* and *less depth*. Neural networks whose `training` is stated: *adversarial training*
(before the network learns from a batch, seven steps up its loss move every row of it within the distance, norm and
valid ranges of the threat; the distance grows over the first third of the passes), *label smoothing*, *weight
averaging* over the last half of the passes, and *weight decay*. All copies learn from the same training rows with one
seed, one of them without a remedy. The same test rows are then attacked under the threat of the evasion check: tree
models by branch and bound over their trees, networks along the slopes of each copy, others with questions. Every flip
was asked of the copy itself.

A *temperature* is no remedy: it divides the scores and leaves every label as it is, so that what flips a network flips
it at any temperature. It may hide slopes from an attack that does not allow for it. The copy without a remedy is
attacked again at a temperature of 0.01, and the finding says what came of it.

**How to read it.** The table ``remedies`` gives, for each, the share of rows answered rightly (``clean``) and the share
that also withstands the attack (``robust``), with paired intervals that hold for all remedies at once. ``best_gain`` is
the most that a remedy gains, ``clean_cost`` what that remedy takes from the answers that nobody attacks.

- *Good:* monotone constraints gain 0.12 (0.05 to 0.19) at a cost of 0.003: train that way.
- *Bad:* nothing helps: single inputs decide; see the evasion check for which, and whether people can change them.
- *Misleading:* less depth gains 0.2 and costs 0.15: the model that always says no is the most robust of all.

**When it misleads.** What withstands withstands this attack. Directions are read off the training data; a constraint
against what experts know is wrong however well it does. Trees are not trained on flipped rows. What adversarial
training gains holds for the distance and norm it was trained with. One seed speaks for each remedy.

**What to do about a bad one.** Train with the settings of the best row of the table, audit that model, and compare both
audits with ``holdfast diff``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import BudgetError, EndpointError, InputError, ModelError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import AS_IS, Settings, Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.robustness.limits import Rules
    from holdfast.kernels.robustness.network_problem import NetworkProblem
    from holdfast.kernels.robustness.tree_problem import TreeProblem

    Rows = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Problem = TreeProblem | NetworkProblem

SPEC = {
    "title": "Robust training",
    "question": "Which way of training makes answers harder to flip, and what does it cost?",
    "needs": ["train", "test", "target", "query", "refit"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "best_gain", "name": "Most that a remedy in training gains in robust share", "unit": "share",
         "direction": "higher_is_better", "range": [-1, 1]},
        {"id": "clean_cost", "name": "Share of right answers that the best remedy takes", "unit": "share",
         "direction": "lower_is_better", "range": [-1, 1]},
        {"id": "robust_share", "name": "Share of rows answered rightly and not flipped, without a remedy",
         "unit": "share", "direction": "higher_is_better", "bound": "upper", "range": [0, 1]},
    ],
    "reads": [
        "costs", "directions", "immutable", "integer", "modality", "one_hot", "ranges", "relations", "returns",
        "sensitive", "text", "threat",
    ],
    "evidence_codes": ["EVADE"],
    "references": [
        "Chen, Zhang, Boning, Hsieh (2019), Robust decision trees against adversarial examples, ICML",
        "Madry, Makelov, Schmidt, Tsipras, Vladu (2018), Towards deep learning models resistant to adversarial "
        "attacks, ICLR",
        "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna (2016), Rethinking the Inception architecture, CVPR (label "
        "smoothing)",
        "Izmailov, Podoprikhin, Garipov, Vetrov, Wilson (2018), Averaging weights leads to wider optima, UAI",
        "Carlini, Wagner (2017), Towards evaluating the robustness of neural networks, IEEE S&P",
        "Calzavara, Lucchese, Tolomei, Abebe, Orlando (2020), Treant: training evasion-aware decision trees, DMKD",
    ],
    "cost": "heavy",
    "on_request": True,
    "effort": {
        "quick": {"points": 100, "queries": 200, "parts": 500},
        "default": {"points": 300, "queries": 500, "parts": 2000},
        "thorough": {"points": 1000, "queries": 1000, "parts": 20000},
    },
}  # fmt: skip

MOST_KNOWN = 2000
TEMPERATURE = 0.01
MONOTONE = "monotone constraints"
# name, what it does, and the settings that bring it about; the first that the model has is tried
Remedy = tuple[str, str, tuple[Settings, ...]]
TRAINING: tuple[Remedy, ...] = (
    ("coarser bins", "at most 32 values per number", ({"max_bins": 32}, {"max_bin": 32})),
    ("larger leaves", "at least 50 rows in each leaf",
     ({"min_samples_leaf": 50}, {"min_child_samples": 100}, {"min_child_weight": 20})),
    ("less depth", "trees of depth 4 at most", ({"max_depth": 4},)),
)  # fmt: skip
NETWORKS: tuple[Remedy, ...] = (
    ("label smoothing", "0.1 of each outcome is spread over all classes", ({"label_smoothing": 0.1},)),
    ("weight averaging", "the weights at the ends of the last half of the passes are averaged", ({"averaging": 0.5},)),
    ("weight decay", "0.005 of the weights is added to their gradients", ({"weight_decay": 0.005},)),
)
REMEDIATION = (
    "Train with the settings of the best remedy of the table if its cost is acceptable, audit that model, and compare "
    "both audits with `holdfast diff`."
)
CHART = Chart(
    id="gains", title="Gain in robust share with each remedy in training", kind="points", table="remedies",
    caption="A remedy helps where the whole bar lies above 0; the bars hold for all remedies at once.",
    x="remedy", y="gain", low="gain_low", high="gain_high", y_title="gain in robust share", reference=0.0,
)  # fmt: skip


class Withstood(NamedTuple):
    """What became of the rows under attack, each ``(n,)``."""

    right: Flags
    robust: Flags
    """Rows answered rightly that were not flipped."""
    notes: tuple[str, ...] = ()


def run(
    subject: Subject, ctx: Context, *, distance: float | None = None, categories: int = 1, norm: str = "linf"
) -> Outcome:
    """Train copies with and without each remedy, attack the same rows of all, and compare them row by row.

    Parameters
    ----------
    distance, categories, norm
        As in ``robustness.evasion``; the deployment's ``threat`` takes the place of the first two.
    """
    import numpy as np
    import polars as pl

    from holdfast.kernels.robustness.hardening import before_and_after
    from holdfast.kernels.robustness.threat import in_force, moves_in_words

    assert subject.test is not None
    rules = _rules(subject, distance, categories, norm)
    rows = ctx.rng.permutation(subject.test.frame.height)[: ctx.effort.get("points")]
    plain = _trained(subject, ctx, rows, rules, AS_IS)
    assert not isinstance(plain, str)
    if not plain.right.any():
        raise NotApplicable("a copy answers no test row rightly", hint="see performance.predictive")
    tried = [("none", "as it is", plain.right, plain.robust)]
    failed = list[str]()
    choices = _remedies(subject, ctx, rules)
    for name, what, settings in ctx.track(choices, len(choices)):
        for setting in settings:
            found = _trained(subject, ctx, rows, rules, setting)
            if not isinstance(found, str):
                tried.append((name, f"{what} ({next(iter(setting))})", found.right, found.robust))
                break
            if _is_network(subject):
                failed.append(f"No copy came of {name}: {found}.")
    if len(tried) == 1 and failed:
        raise NotRun(" ".join(failed), hint="correct the stated training of the network")
    if len(tried) == 1:
        raise NotApplicable("the model has no setting that a remedy could change", hint="see robustness.hardening")
    right, robust = (np.array([each[k] for each in tried]) for k in (2, 3))
    told = {"remedy": [each[0] for each in tried[1:]], "what": [each[1] for each in tried[1:]]}
    compared = before_and_after(right, robust, np.zeros_like(right), level=ctx.level)
    compared = {name: values for name, values in compared.items() if not name.startswith("screened")}
    remedies = pl.DataFrame({**told, **compared})
    helpful = remedies.filter(verdict="helps")["remedy"].to_list()
    return Outcome(
        measurements=_measure(ctx.level, right, robust, remedies),
        tables={"remedies": remedies},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=(
            moves_in_words(rules.budget),
            f"Remedies tried: {'; '.join(f'{each[0]}: {each[1]}' for each in tried[1:])}.",
            f"Shown to help: {', '.join(helpful) or 'none'}.",
            *failed,
            *plain.notes,
            "Finding nothing gives a bound, not safety.",
        ),
        work={"points": rows.size, "copies": len(tried)},
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
    if not (rules.limits or rules.one_hot):
        raise NotApplicable("no input may change", hint="shorten `immutable` or `sensitive` if some can")
    return rules


def _known(subject: Subject) -> Rows:
    """Training rows, the same in every call."""
    import numpy as np

    assert subject.train is not None
    return np.random.default_rng(0).permutation(subject.train.frame.height)[:MOST_KNOWN]


def _monotone(subject: Subject, ctx: Context) -> list[Remedy]:
    """Constrain the features that follow one number; nothing where there are none or more than two classes."""
    from holdfast.kernels.robustness.monotone import monotone_directions

    assert subject.train is not None
    if len(subject.classes) != 2 or subject.info is None or "trees" not in subject.info.capabilities:
        return []
    frame = subject.train.frame.select(subject.features)[_known(subject)]
    y = subject.y(subject.train)[_known(subject)].astype("int64")
    ways = monotone_directions(
        subject.cells(frame), lambda cells: subject.tree_features(subject.frame(cells, frame)), y, rng=ctx.rng
    )
    if not any(ways):
        return []
    what = f"the score only rises or only falls with {sum(map(abs, ways))} of {len(ways)} features"
    return [(MONOTONE, what, ({"monotonic_cst": ways}, {"monotone_constraints": ways}))]


def _is_network(subject: Subject) -> bool:
    return subject.info is not None and "gradients" in subject.info.capabilities


def _remedies(subject: Subject, ctx: Context, rules: Rules) -> list[Remedy]:
    if not _is_network(subject):
        return [*TRAINING, *_monotone(subject, ctx)]
    return [*_adversarial(subject, rules), *NETWORKS]


def _adversarial(subject: Subject, rules: Rules) -> list[Remedy]:
    """Move rows in training as the threat moves them; nothing where no number may move, or by any distance."""
    from holdfast.core.training import Adversary
    from holdfast.kernels.robustness.column_moves import column_moves

    moves, distance = column_moves(rules, subject.features), rules.budget.distance
    if not any(moves.unit) or not 0 < distance < float("inf"):
        return []
    adversary = Adversary(norm=rules.budget.norm, distance=distance, **moves._asdict())
    what = f"the rows of each batch are moved by up to {distance:g} units, {adversary.steps} steps up the loss"
    return [("adversarial training", what, ({"adversary": adversary},))]


def _trained(subject: Subject, ctx: Context, rows: Rows, rules: Rules, settings: Settings) -> Withstood | str:
    """Train a copy and attack it; or say why its settings could not be followed."""
    assert subject.train is not None
    inputs, y = subject.train.frame.select(subject.features), subject.y(subject.train)
    try:
        with subject.retrained(inputs, y, seed=ctx.seed % 2**31, settings=settings) as copy:
            found = _withstood(copy, ctx, rows, rules)
            if settings or not _is_network(copy):
                return found
            tempered = _withstood(copy, ctx, rows, rules, temperature=TEMPERATURE)
            return found._replace(notes=(_temperature_in_words(found, tempered),))
    except ModelError as error:
        if settings:
            return error.message
        raise


def _temperature_in_words(plain: Withstood, tempered: Withstood) -> str:
    return (
        f"A temperature is no remedy: it changes no label. Of {plain.right.size} rows, {int(plain.robust.sum())} "
        f"withstand the attack on the copy without a remedy, {int(tempered.robust.sum())} with its scores divided by "
        f"{TEMPERATURE:g}."
    )


def _withstood(copy: Subject, ctx: Context, rows: Rows, rules: Rules, *, temperature: float = 1.0) -> Withstood:
    """Attack the rows that a copy answers rightly; of a network with its scores divided by a temperature."""
    import numpy as np

    from holdfast.kernels.robustness.attack import Attacker
    from holdfast.kernels.robustness.questions import questions_about

    assert copy.train is not None
    assert copy.test is not None
    points, y = copy.test.frame.select(copy.features)[rows], copy.y(copy.test)[rows].astype("int64")
    answers = copy.predict(points)
    at = np.flatnonzero(answers.labels == y)
    points, own = points[at], y[at]

    questions = questions_about(
        copy, points, own, is_scored=answers.scores is not None, fails=(ModelError,), ends=(EndpointError, BudgetError)
    )
    known = _known(copy)
    attacker = Attacker(
        rules=rules, problem=_problem(copy, ctx, points, own, rules, temperature), questions=questions, seed=ctx.seed,
        donors=copy.cells(copy.train.frame.select(copy.features)[known]),
        donor_labels=copy.y(copy.train)[known].astype("int64"), time_left=ctx.time_left,
        max_parts=ctx.effort.get("parts", 2000), most_open=at.size, queries=ctx.effort.get("queries", 500),
    )  # fmt: skip
    attacked = attacker.attack(copy.cells(points), rows[at])
    if attacked.n < at.size:
        raise NotRun("the time was up before every copy was attacked in full", hint="give more with --budget")
    right = np.asarray(answers.labels == y)
    robust = right.copy()
    robust[at[attacked.success]] = False
    return Withstood(right, robust)


def _problem(
    copy: Subject, ctx: Context, points: pl.DataFrame, y: Rows, rules: Rules, temperature: float
) -> Problem | None:
    """Write a copy as trees over the table's columns, or as a network, where that is possible."""
    from holdfast.kernels.robustness.feature_tracing import NotComposable
    from holdfast.kernels.robustness.tree_problem import problem_about

    if _is_network(copy) and y.size:
        from holdfast.kernels.torch_robustness.network_search import network_problem

        none = copy.cells(points[:0])  # slopes of copies are not looked at: those of the model were
        return network_problem(copy.network(), none, y[:0], rules, seed=ctx.seed, temperature=temperature)
    if copy.info is None or "trees" not in copy.info.capabilities or not y.size:
        return None
    try:
        return problem_about(copy, points, y, rules=rules, rng=ctx.rng)
    except (NotComposable, NotRun):
        return None


def _measure(level: float, right: Flags, robust: Flags, remedies: pl.DataFrame) -> tuple[Measured, ...]:
    import numpy as np

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.robustness.hardening import headlines

    best, numbers = headlines(right, robust, np.zeros_like(right), level=level)
    name = remedies["remedy"][best]
    lead = "" if remedies["verdict"][best] == "helps" else "No remedy was shown to help. "
    words = {
        "best_gain": f"{lead}Trained with {name}, the best tried, {{1}} of {{0}} rows more withstand the attack.",
        "clean_cost": f"Of {{0}} rows that nobody attacks, {name} takes {{1}} from the right answers.",
        "robust_share": "Of {0} rows, at most about {1} withstand the attack without a remedy.",
    }
    return tuple(
        Measured(
            id=key, value=found.value, n=right.shape[1],
            interval=Interval(
                low=found.low, high=found.high, level=level, method=found.method.replace("guards", "remedies")
            ),
            plain=words[key].format(*frequency(found.value, found.low, found.high)),
        )
        for key, found in numbers.items() if key in words
    )  # fmt: skip
