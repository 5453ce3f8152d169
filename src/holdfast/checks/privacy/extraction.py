"""How easily is the model stolen through its answers?

**What it answers.** Whoever may ask a model questions can use the answers to build a copy: to avoid paying, to sell it,
or to prepare attacks on the model at leisure. This check builds such copies and measures how often they answer as the
model does, on rows that were never asked.

**How.** Half of the test rows are what the attacker has; the other half judges the copies. The attacker sees what
``returns`` of the deployment says: labels only, or probabilities. Three attacks are tried, the cheapest first.
*Equations*: a linear or logistic model has as many unknowns as weights, and each answer is an equation; rounded answers
only cost more of them. *Disagreeing trees*: where an answer names the leaf of a single decision tree, or else by labels
alone, rows are asked about which trees disagree that fit all answers; that closes in on every split at once.
*Learning*: a linear model, a tree, boosted trees and a network are trained on the answers (on the logarithms of
probabilities, where these are given), with questions chosen near the boundary; once with rows like the test rows, and
once with rows invented from ranges and levels alone.

**How to read it.** ``fidelity`` is the share of unseen rows on which the best copy answers as the model does, after as
many questions as the effort allows; the copy was chosen on other rows. It is a *lower bound* of the risk: a better
attack may exist, and more questions help. Compare it with ``majority_agreement``, the share that always giving the most
frequent answer gets. ``fidelity_hard`` looks only at the tenth of the rows about which the model is least sure, which
is what it is paid for. ``queries_to_95`` is the number of questions to 95 % agreement. For a regression, two values are
the same within ``tolerance`` standard deviations of the model's answers, and ``fidelity_r2`` is the share of their
variation that the copy explains. ``evasion_transfer`` is the share of rows that fool the model at the first try when
they are changed to fool the copy (numbers by a fifth of their interquartile range, one category; nothing immutable or
sensitive; without regard to relations between columns).

- *Good:* 0.88 (0.87 to 0.89) after 1,000 questions, 0.80 without any, and 95 % never reached. It is still no proof.
- *Bad:* 1.00 after 109 questions: the model is a logistic regression, and its weights are now known.
- *Misleading:* 0.97 where the most frequent answer has 0.97 too. Nothing was stolen; look at ``fidelity_hard``.

**When it misleads.** The test rows stand for what an attacker may have; one with worse rows needs more questions (the
table ``attacks`` says how many, without any rows). Copies that know the kind of model may be better.

**What to do about a bad one.** Limit questions per client and look out for those that keep to the boundary or cover it
evenly. Return labels or coarse scores where callers need no more: that makes copies dearer, and does not prevent them.
Mark the model's answers, so that a copy can be recognised. Do not count on secrecy of a model that anybody may ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    from holdfast.kernels.privacy.distillation import Distillation, Kind
    from holdfast.kernels.privacy.extraction_curve import Reached
    from holdfast.kernels.privacy.extraction_target import Copy, Target
    from holdfast.kernels.stats.interval import IntervalEstimate

    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]

SPEC = {
    "title": "Model extraction",
    "question": "How easily is the model stolen through its answers?",
    "needs": ["test", "query"],
    "measures": [
        {"id": "fidelity", "name": "Agreement of the best copy with the model", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "fidelity_hard", "name": "Agreement on the tenth of rows the model is least sure of", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "fidelity_r2", "name": "Share of the variation of the answers that the copy explains", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [None, 1]},
        {"id": "majority_agreement", "name": "Agreement of the most frequent answer", "unit": "share",
         "direction": "neither", "range": [0, 1]},
        {"id": "evasion_transfer", "name": "Rows made to fool the copy that fool the model", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "queries_to_95", "name": "Questions to 95 % agreement", "unit": "queries",
         "direction": "higher_is_better", "bound": "lower", "range": [1, None]},
        {"id": "price_to_95", "name": "Price of 95 % agreement", "unit": "units of price_per_query",
         "direction": "higher_is_better", "bound": "lower", "range": [0, None]},
    ],
    "reads": ["immutable", "integer", "ranges", "returns", "sensitive", "text"],
    "evidence_codes": ["EXTRACT"],
    "references": [
        "Tramer, Zhang, Juels, Reiter, Ristenpart (2016), Stealing machine learning models via prediction APIs, USENIX",
        "Jagielski, Carlini, Berthelot, Kurakin, Papernot (2020), High accuracy and high fidelity extraction, USENIX",
        "Seung, Opper, Sompolinsky (1992), Query by committee, COLT",
        "Papernot, McDaniel, Goodfellow (2016), Transferability in machine learning, arXiv 1605.07277",
        "Pal, Gupta, Shukla, Kanade, Shevade, Ganapathy (2020), ActiveThief, AAAI",
    ],
    "cost": "medium",
    "effort": {"quick": {"queries": 250}, "default": {"queries": 1000}, "thorough": {"queries": 5000}},
}  # fmt: skip

CHECKPOINTS = (50, 100, 250, 500, 1000, 2500, 5000)
FEWEST_ROWS, MOST_JUDGED, MOST_CRAFTED = 20, 20_000, 300
HARD_SHARE, TARGET = 0.1, 0.95
# Of the rows that judge, this share chooses the best copy; the others are only reported on.
CHOOSING = 0.3
UNCERTAIN = 0.5
TREES, COMMITTEE = "disagreeing trees", 20
INVENTED = 4  # rows for each that may be asked
FARTHEST, MOST_LEVELS = 5.0, 50
BOOSTING = {"max_iter": 100, "max_leaf_nodes": 8, "min_samples_leaf": 5, "early_stopping": False}
NETWORK = {"hidden_layer_sizes": (64,), "alpha": 1.0, "solver": "lbfgs", "max_iter": 150}
# Boosted trees are trained once for each output; with more, the other learners have to do.
MOST_BOOSTED = 4
REMEDIATION = (
    "Limit the questions per client, and watch for clients that ask near the boundary or cover the inputs evenly. "
    "Return labels or coarse scores where callers need no more: copies get dearer, they are not prevented. Mark the "
    "model's answers, so that a copy can be recognised."
)
CHART = Chart(
    id="curve", title="Agreement of the best copy with the model, by number of questions", kind="line", table="curve",
    caption="The earlier the line for ordinary rows rises to 0.95, the cheaper is a copy; bands are intervals.",
    x="queries", y="agreement", low="low", high="high", series="kind",
    x_title="questions asked", y_title="share of the same answers", reference=TARGET,
)  # fmt: skip


def run(subject: Subject, ctx: Context, *, tolerance: float = 0.1, price_per_query: float = 0.0) -> Outcome:
    """Build copies of the model from its answers and compare them with it on rows never asked.

    Parameters
    ----------
    tolerance
        Largest difference of two values of a regression that count as the same, in standard deviations of the model's
        answers.
    price_per_query
        What one question costs the attacker, in any currency; 0 when it is unknown.
    """
    import numpy as np

    from holdfast.kernels.privacy.extraction_curve import queries_to_reach

    if tolerance < 0 or price_per_query < 0:
        raise InputError(f"expected numbers of zero or more, got {tolerance=}, {price_per_query=}")
    target = _target(subject, ctx, tolerance)
    copies, notes, asked = _attack(target, ctx)
    checkpoints = np.array(sorted({copy.queries for copy in copies} | {ctx.effort["queries"]}))
    best = target.best(copies, checkpoints)
    measured, curve = _measure(subject, ctx, target, best, checkpoints)
    carried = _transfer(subject, ctx, target, best[-1])
    agreed = np.array([target.agreed(copy, target.judging).sum() for copy in best])
    reached = queries_to_reach(checkpoints, agreed, n=target.judging.size, target=TARGET, level=ctx.level)
    return Outcome(
        measurements=(*measured, *carried, *_costs(reached, target, ctx.level, price_per_query)),
        tables={"curve": curve, "attacks": _attacks(target, copies, ctx.level)},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=_notes(target, ctx, best[-1], notes, is_reached=reached is not None),
        work={"queries": asked + sum(item.n or 0 for item in carried), "models": len(copies)},
    )


def _target(subject: Subject, ctx: Context, tolerance: float) -> Target:
    """Split the test rows and look at the model as a caller sees it."""
    import numpy as np

    from holdfast.kernels.privacy.extraction_target import Target
    from holdfast.kernels.privacy.input_space import space_of

    assert subject.test is not None
    inputs = subject.test.frame.select(subject.features)
    if subject.task != "regression" and len(subject.classes) < 2:
        raise NotApplicable("there is only one class, so there is nothing to copy", hint="give two or more classes")
    if inputs.height < FEWEST_ROWS:
        raise NotRun(f"{inputs.height} test rows are too few to judge a copy", hint=f"give {FEWEST_ROWS} or more")
    coded = [name for name, kind in inputs.schema.items() if not (kind.is_temporal() or kind.is_nested())]
    if not coded:
        raise NotApplicable("no input is a number or a category", hint="give a model of tables")
    rows = ctx.rng.permutation(inputs.height)[: 2 * MOST_JUDGED]
    pool, choosing, judging = np.split(rows, [rows.size // 2, rows.size // 2 + int(CHOOSING * rows.size / 2)])
    whole = {name for name in coded if inputs.schema[name].is_integer()} | set(subject.deployment.integer)
    space = space_of(subject.cells(inputs.select(coded)), whole=frozenset(whole))
    is_scored = subject.deployment.returns != "label" and subject.predictions.scores is not None
    kind: Kind = "values" if subject.task == "regression" else "probabilities" if is_scored else "labels"
    spread = tolerance * float(subject.predictions.labels.std()) if kind == "values" else 0.0

    def answers_of(predicted: Any) -> Floats:
        return np.asarray(predicted.scores if kind == "probabilities" else predicted.labels[:, None], dtype=np.float64)

    def ask(X: Floats) -> Floats:
        like = inputs[np.full(len(X), pool[0])]
        return answers_of(subject.predict(subject.frame(space.decode(X), like)))

    return Target(
        kind, space, space.encode(subject.cells(inputs.select(coded))), answers_of(subject.predictions),
        subject.predictions.labels, len(subject.classes), spread, pool, choosing, judging, ask,
    )  # fmt: skip


def _attack(target: Target, ctx: Context) -> tuple[list[Copy], list[str], int]:
    """Build copies, the cheapest attack first; what was found out, and the rows asked of the model itself."""
    from holdfast.kernels.privacy.extraction_linear import recover_linear

    budget, copies, notes, asked = ctx.effort["queries"], [], [], 0
    if target.kind != "labels":
        linear = recover_linear(target.ask, target.space, queries=budget, rng=ctx.rng)
        asked += linear.queries if linear else 0
        if linear and linear.is_linear:
            copies.append(target.copy("equations", linear.queries, linear.scores))
            notes.append(f"The model is linear: its {linear.parameters} weights were solved for.")
            if target.agreed(copies[0], target.choosing).all():
                return copies, [*notes, "No other attack was tried, because this copy made no mistake."], asked
        elif linear:
            notes.append("Equations were given up: the model is not linear in its columns.")
        else:
            notes.append("Equations were not tried: the budget is below the number of weights.")
    known, invented = target.answers[target.pool], target.space.draw(INVENTED * budget, ctx.rng)
    with _one_thread():
        marks = [*(mark for mark in CHECKPOINTS if mark < budget), budget]
        copies += _disagreeing(target, ctx, marks)
        copies += _learn(target, ctx, target.X[target.pool], lambda rows: known[rows], "rows like the test rows", marks)
        marks = [budget // 4, budget]
        copies += _learn(target, ctx, invented, lambda rows: target.ask(invented[rows]), "invented rows", marks)
    return copies, notes, asked + budget


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train in one thread: sums of several depend on who comes first, and small fits only wait for each other."""
    import warnings

    import sklearn.ensemble  # noqa: F401  its threads can be limited once it is loaded
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        yield


def _disagreeing(target: Target, ctx: Context, marks: list[int]) -> Iterator[Copy]:
    """Recover a tree from rows about which trees disagree; they split levels off by their order or one by one."""
    import numpy as np
    from sklearn.tree import DecisionTreeClassifier

    from holdfast.kernels.privacy.extraction_committee import recover_by_committee

    space, X = target.space, target.X[target.pool]

    def cells(X: Floats) -> NDArray[np.float32]:
        return np.column_stack([X, *space.levels_of(X, most_levels=MOST_LEVELS)]).astype(np.float32)

    def train(X: Floats, ids: Rows, seed: int) -> Callable[[Floats], Rows]:
        trees = [DecisionTreeClassifier(max_features=0.5, random_state=(seed + k) % 2**31) for k in range(COMMITTEE)]
        leaves = [tree.fit(cells(X), ids).classes_[tree.tree_.value[:, 0].argmax(axis=1)] for tree in trees]

        def votes(rows: Floats) -> Rows:
            asked = cells(rows)
            return np.array([leaf[tree.tree_.apply(asked)] for tree, leaf in zip(trees, leaves, strict=True)])

        return votes

    answers: dict[Kind, Floats] = {target.kind: target.answers[target.pool]}
    if target.kind == "probabilities":
        answers["labels"] = target.labels[target.pool, None].astype(np.float64)
    for kind, known in answers.items():
        found = recover_by_committee(
            known.__getitem__, X, kind=kind, n_classes=target.n_classes, train=train, marks=marks, rng=ctx.rng
        )
        yield from (target.copy(f"{TREES}, {kind}", copy.queries, copy.scores) for copy in found)
        if found:
            break


def _learn(
    target: Target, ctx: Context, X: Floats, answer: Callable[[Rows], Floats], source: str, marks: list[int]
) -> Iterator[Copy]:
    """Train copies at each checkpoint."""
    import numpy as np

    from holdfast.kernels.privacy.distillation import uncertainty
    from holdfast.kernels.privacy.query_selection import learn_at_marks

    def learn(rows: Rows, answers: Floats) -> tuple[dict[str, Callable[[Floats], Floats]], Floats]:
        learned = _trained(target, X[rows], answers, ctx.seed)
        return learned, uncertainty(np.array([copied(X) for copied in learned.values()]))

    points = target.space.design(X, farthest=FARTHEST, most_levels=MOST_LEVELS)
    marks = sorted({min(mark, len(X)) for mark in marks})
    steps = ctx.track(marks, len(marks))
    for mark, learned in learn_at_marks(points, answer, learn, marks=steps, uncertain_share=UNCERTAIN, rng=ctx.rng):
        yield from (target.copy(f"{name}, {source}", mark, copied) for name, copied in learned.items())


def _trained(target: Target, X: Floats, answers: Floats, seed: int) -> dict[str, Callable[[Floats], Floats]]:
    """Train learners on answers; each maps codes to scores of all classes, or to values."""
    import numpy as np

    from holdfast.kernels.privacy.distillation import distil

    lesson = distil(answers, target.kind, n_classes=target.n_classes)

    def inputs(X: Floats, name: str) -> Floats:
        is_straight = name in ("linear", "network")
        return target.space.design(X, farthest=FARTHEST, most_levels=MOST_LEVELS) if is_straight else X

    def fitted(name: str, learner: Any) -> Callable[[Floats], Floats]:
        learner.fit(inputs(X, name), lesson.outputs)
        answer = learner.predict_proba if target.kind == "labels" else learner.predict
        return lambda rows: lesson.scores(np.asarray(answer(inputs(rows, name)), dtype=np.float64))

    return {name: fitted(name, learner) for name, learner in _learners(lesson, seed).items()}


def _learners(lesson: Distillation, seed: int) -> dict[str, Any]:
    from sklearn import dummy, ensemble, linear_model, multioutput, neural_network, tree

    state = {"random_state": seed % 2**32}
    if lesson.kind == "labels" and lesson.n_outputs == 1:
        return {"constant": dummy.DummyClassifier()}
    if lesson.kind == "labels":
        learners = {
            "linear": linear_model.LogisticRegression(max_iter=200),
            "tree": tree.DecisionTreeClassifier(**state),
            "boosting": ensemble.HistGradientBoostingClassifier(**BOOSTING, **state),
            "network": neural_network.MLPClassifier(**NETWORK, **state),
        }
    else:
        boosting = ensemble.HistGradientBoostingRegressor(**BOOSTING, **state)
        learners = {
            "linear": linear_model.Ridge(),
            "tree": tree.DecisionTreeRegressor(**state),
            "boosting": boosting if lesson.n_outputs == 1 else multioutput.MultiOutputRegressor(boosting),
            "network": neural_network.MLPRegressor(**NETWORK, **state),
        }
    if lesson.n_outputs > MOST_BOOSTED:
        del learners["boosting"]
    return learners


def _estimate(agreed: NDArray[np.bool_], level: float) -> IntervalEstimate[float]:
    from holdfast.kernels.stats.proportions import clopper_pearson

    return clopper_pearson(int(agreed.sum()), agreed.size, level=level)


def _measure(
    subject: Subject, ctx: Context, target: Target, best: list[Copy], checkpoints: Rows
) -> tuple[list[Measured], pl.DataFrame]:
    """Agreement of the best copies on the rows that judge, and on the hard ones among them."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.performance.regression import r2_interval
    from holdfast.kernels.privacy.extraction_curve import hardest_rows

    level, rows = ctx.level, {"ordinary": target.judging}
    baseline = _estimate(target.agreed(target.constant(), target.judging), level)
    if subject.predictions.scores is not None and target.kind != "values":
        rows["hard"] = target.judging[hardest_rows(subject.predictions.scores[target.judging], share=HARD_SHARE)]
    curve, measured = [], []
    for kind, judged in rows.items():
        for mark, copy in zip(checkpoints.tolist(), best, strict=True):
            estimate = _estimate(target.agreed(copy, judged), level)
            curve.append((copy.attack, mark, *estimate, kind))
        cases, count = frequency(*estimate)
        plain = f"With {best[-1].queries:,} questions somebody could build a copy that gives the same answer in about "
        plain += f"{count} of {cases} cases" + (
            f"; always giving {'the median' if target.kind == 'values' else 'the most frequent answer'} agrees in "
            f"{frequency(baseline.value)[1]}."
            if kind == "ordinary"
            else " that the model is least sure of."
        )
        name = "fidelity" if kind == "ordinary" else "fidelity_hard"
        measured.append(_measured(name, estimate, level, "Clopper-Pearson", judged.size, plain))
    measured.append(_measured("majority_agreement", baseline, level, "Clopper-Pearson", target.judging.size, ""))
    if target.kind == "values":
        values, copied = target.labels[target.judging], best[-1].labels[target.judging]
        r2 = r2_interval(values, copied, rng=ctx.rng, n_resamples=1000, level=level)
        if np.isfinite(r2.value):
            measured.append(_measured("fidelity_r2", r2, level, "BCa bootstrap", target.judging.size, ""))
    names = ["attack", "queries", "agreement", "low", "high", "kind"]
    return measured, pl.DataFrame(curve, schema=names, orient="row")


def _transfer(subject: Subject, ctx: Context, target: Target, copy: Copy) -> list[Measured]:
    """Try on the model what was made to fool its copy."""
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.privacy.evasion_transfer import craft_on_copy, may_change

    rows = target.judging[target.agreed(copy, target.judging)][:MOST_CRAFTED]
    if target.kind == "values" or not rows.size:
        return []
    assert subject.test is not None
    seen = subject.cells(subject.test.frame.select(list(target.space.levels)))
    crafted = craft_on_copy(
        target.X[rows], target.X[target.pool], scores=copy.scores, space=target.space, rng=ctx.rng,
        limits=may_change(seen, target.space, subject.deployment),
    )  # fmt: skip
    answers = target.ask(crafted.X)
    labels = answers.argmax(axis=1) if target.kind == "probabilities" else answers[:, 0]
    estimate = _estimate(crafted.is_found & (labels != target.labels[rows]), ctx.level)
    cases, count = frequency(*estimate)
    plain = (
        f"Of {cases} rows that were changed a little to fool the copy, about {count} fool the model at the first try"
    )
    plain += f" ({int(crafted.is_found.sum()):,} of {rows.size:,} fooled the copy)."
    return [_measured("evasion_transfer", estimate, ctx.level, "Clopper-Pearson", rows.size, plain)]


def _measured(name: str, estimate: IntervalEstimate[float], level: float, method: str, n: int, plain: str) -> Measured:
    import math

    low, high = (end if math.isfinite(end) else None for end in (estimate.low, estimate.high))
    interval = Interval(low=low, high=high, level=level, method=method)
    return Measured(id=name, value=estimate.value, interval=interval, n=n, plain=plain)


def _costs(reached: Reached | None, target: Target, level: float, price: float) -> list[Measured]:
    """Questions to 95 % agreement and their price, where it was reached."""
    if reached is None:
        return []
    method = "Clopper-Pearson at every checkpoint, Bonferroni"
    questions, least = reached.queries, reached.low
    plain = f"{questions:,} questions were enough for a copy that agrees in 95 of 100 cases."
    price_plain = f"At {price:g} a question, such a copy costs {price * questions:,.2f}."
    return [
        Measured(
            id=name, value=unit * questions, n=target.judging.size, plain=text,
            interval=Interval(low=unit * least, high=unit * questions, level=level, method=method),
        )
        for name, unit, text in (("queries_to_95", 1.0, plain), ("price_to_95", price, price_plain)) if unit
    ]  # fmt: skip


def _attacks(target: Target, copies: list[Copy], level: float) -> pl.DataFrame:
    """Every copy with its agreement on the rows that judge."""
    import polars as pl

    rows = [(copy.attack, copy.queries, *_estimate(target.agreed(copy, target.judging), level)) for copy in copies]
    return pl.DataFrame(rows, schema=["attack", "queries", "agreement", "low", "high"], orient="row")


def _notes(target: Target, ctx: Context, best: Copy, notes: list[str], *, is_reached: bool) -> tuple[str, ...]:
    seen = {"labels": "labels only", "probabilities": "probabilities", "values": "values"}[target.kind]
    return (
        f"The attacker sees {seen} and has {target.pool.size} rows like the test rows; {target.judging.size} others "
        "judge the copies.",
        f"The best copy was made by: {best.attack}.",
        *notes,
        *(() if is_reached else (f"95 % agreement was not shown within {ctx.effort['queries']:,} questions.",)),
        "A better attack may exist: what was not copied here is not safe from being copied.",
    )
