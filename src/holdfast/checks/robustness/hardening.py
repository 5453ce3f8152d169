"""Would a simple guard in front of the model make its answers harder to flip, and what would it cost?

**What it answers.** ``robustness.evasion`` shows how easily answers flip. This check tries remedies that need no
retraining, and measures each of them: what it gains under attack, and what it costs without one.

**How.** Three guards, all set up on the training table:

- ``clip``: numbers beyond the range of all but a share of ``tails`` of the training rows at each end are cut to it;
- ``round``: every number is replaced by the nearest of ``bins`` values, medians of equal parts of the training rows;
- ``screen``: rows in which the best class is not far enough ahead of the second go to people. The cut-off is where a
  share of ``screened`` of the training rows fall below it. It needs scores.

The same test rows are attacked without a guard and behind each of them, with the rules of ``robustness.evasion``, the
same effort and the same seed. The attack is *adaptive*: it asks the guarded model, and behind a screen it looks for
wrong answers that pass. Where the model's trees can be read, they are searched behind every guard by branch and bound,
and every row without a flip or a proof is asked about. Every changed row found in any of these attacks is then tried on
all the others, so that a guard that merely misleads the search gains nothing.

A row is *robust* if it is answered rightly and no allowed change was found that turns the answer. Behind a screen, a
change counts only if the changed row is not screened; a clean row that is screened is no right answer of the model.

**How to read it.** ``best_gain`` is how much larger the robust share is with the best guard; its interval allows for
having picked the best. ``clean_cost`` is the share of rows that this guard takes from the right answers when nobody
attacks: to a wrong answer, or to people. The table ``remedies`` holds all guards before and after. One ``helps`` only
if its interval lies above 0 *and* McNemar's exact test, adjusted for the number of guards (Holm), agrees.

- *Good:* ``round`` gains 0.115 (0.057 to 0.185) at a clean cost of 0.025 (0.006 to 0.057).
- *Bad:* ``best_gain`` 0 (-0.02 to 0.02): nothing was shown to help, so the remedy is another model.
- *Misleading:* ``screen`` gains 0.07 (0.04 to 0.13) at a clean cost of 0.095: more answers go to people than are saved.

**When it misleads.** Robust shares are upper bounds: a stronger attack may flip more, above all where no trees can be
read. An overfitted model is sure of its training rows, so that its screen catches far more than ``screened``: look
at the share that was measured. Guards act on honest rows at the ends of the range: look at ``fairness.group_gaps``.

**What to do about a bad one.** Train again: with monotone constraints where the direction is known, with fewer or
coarser splits, or with the flipped rows of ``robustness.evasion`` added under their right label; then audit that model
and compare with ``holdfast diff``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

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
    from holdfast.kernels.robustness.tree_problem import Changed, TreeProblem, Work

    Rows = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    _Found = tuple[Rows, pl.DataFrame, Flags]

SPEC = {
    "title": "Hardening",
    "question": "Would a simple guard in front of the model make its answers harder to flip, and what would it cost?",
    "needs": ["train", "test", "target", "query"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "best_gain", "name": "Gain in robust share with the best guard", "unit": "share",
         "direction": "higher_is_better", "range": [-1, 1]},
        {"id": "clean_cost", "name": "Share of rows the best guard takes from the right answers", "unit": "share",
         "direction": "lower_is_better", "range": [-1, 1]},
        {"id": "screened_share", "name": "Share of rows that the screen sends to people", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "robust_share", "name": "Share of rows answered rightly and not flipped, without a guard",
         "unit": "share", "direction": "higher_is_better", "bound": "upper", "range": [0, 1]},
    ],
    "reads": [
        "costs", "directions", "immutable", "integer", "modality", "one_hot", "ranges", "relations", "returns",
        "sensitive", "text", "threat",
    ],
    "evidence_codes": ["EVADE"],
    "references": [
        "Athalye, Carlini, Wagner (2018), Obfuscated gradients give a false sense of security, ICML",
        "Tramer, Carlini, Brendel, Madry (2020), On adaptive attacks to adversarial example defenses, NeurIPS",
        "Xu, Evans, Qi (2018), Feature squeezing, NDSS",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"points": 50, "queries": 100, "parts": 500, "steps": 4_000_000},
        "default": {"points": 200, "queries": 300, "parts": 2000, "steps": 6_000_000},
        "thorough": {"points": 1000, "queries": 1000, "parts": 20000, "steps": 500_000_000},
    },
}  # fmt: skip

MOST_DONORS = 2000
UNSTABLE = 0.02
REMEDIATION = (
    "Put a guard that helps in front of the model if its clean cost is acceptable. Better, train again: "
    "`robustness.retraining` tries monotone constraints, coarser bins, larger leaves and less depth; or add the "
    "flipped rows under their right label. Then compare both audits with `holdfast diff`."
)
CHART = Chart(
    id="gains", title="Gain in robust share with each guard", kind="points", table="remedies",
    caption="A guard helps where the whole bar lies above 0; the bars hold for all guards at once.",
    x="remedy", y="gain", low="gain_low", high="gain_high", y_title="gain in robust share", reference=0.0,
)  # fmt: skip

Cells = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class _Guard:
    """A model behind a guard: how its inputs are changed and where that jumps, and below which margin people decide."""

    name: str
    what: str
    wrap: Callable[[pl.DataFrame], pl.DataFrame] = field(default=lambda inputs: inputs)
    cutoff: float = 0.0
    edges: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def answer(self, subject: Subject, inputs: pl.DataFrame) -> tuple[Rows, Flags]:
        """Return the answers, and which of them are given without a person."""
        import numpy as np

        from holdfast.kernels.robustness.hardening import score_margin

        asked = subject.predict(self.wrap(inputs))
        labels = asked.labels.astype("int64")
        if not self.cutoff or asked.scores is None:
            return labels, np.ones(labels.size, dtype=np.bool_)
        return labels, score_margin(asked.scores) >= self.cutoff

    def falls(self, subject: Subject, y: Rows, changed: pl.DataFrame, allowed: Flags) -> Flags:
        """Tell which allowed changes turn the answer and pass the screen."""
        labels, passes = self.answer(subject, changed)
        return cast("Flags", (labels != y) & passes & allowed)


@dataclass(frozen=True, slots=True)
class _Trial:
    """The rows of the trial and what became of them, one line of ``right`` and ``robust`` for each guard."""

    rows: Rows
    right: Flags
    robust: Flags
    screened: Flags
    queries: int
    is_searched: bool


def run(
    subject: Subject,
    ctx: Context,
    *,
    distance: float | None = None,
    categories: int = 1,
    bins: int = 8,
    tails: float = 0.01,
    screened: float = 0.1,
) -> Outcome:
    """Attack test rows with and without each guard and compare, row by row.

    Parameters
    ----------
    distance, categories
        As in ``robustness.evasion``; the deployment's ``threat`` takes their place.
    bins
        Values per number of ``round``.
    tails
        Share of training rows beyond each end of the range of ``clip``; 0 is the whole range seen in training.
    screened
        Share of training rows below the cut-off of ``screen``.
    """
    import polars as pl

    from holdfast.kernels.robustness.hardening import before_and_after
    from holdfast.kernels.robustness.threat import in_force

    if bins < 2 or not 0 <= tails < 0.5 or not 0 < screened < 1:
        raise InputError(f"expected 2 <= bins, 0 <= tails < 0.5, 0 < screened < 1, got {bins=}, {tails=}, {screened=}")
    if len(subject.classes) < 2:
        raise NotApplicable("there is only one class, so no answer can flip", hint="give data with two or more classes")
    rules = _rules(subject, distance, categories)
    guards = _guards(subject, bins, tails, screened)
    trial = _try(subject, ctx, guards, rules)
    told = {"remedy": [guard.name for guard in guards[1:]], "what": [guard.what for guard in guards[1:]]}
    rows = {"row": trial.rows}
    for guard, right, robust in zip(guards, trial.right, trial.robust, strict=True):
        rows |= {f"right_{guard.name}": right, f"robust_{guard.name}": robust}
    remedies = pl.DataFrame({**told, **before_and_after(trial.right, trial.robust, trial.screened, level=ctx.level)})
    helpful = remedies.filter(verdict="helps")["remedy"].to_list()
    return Outcome(
        measurements=_measure(ctx.level, guards, trial, helpful),
        tables={"remedies": remedies, "points": pl.DataFrame(rows)},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=_notes(guards, trial, rules, helpful),
        work={"points": trial.rows.size, "queries": trial.queries},
        parameters=in_force(rules.budget, threat=subject.deployment.threat),
    )


def _rules(subject: Subject, distance: float | None, categories: int) -> Rules:
    """What may change and how far, as in the evasion check."""
    from holdfast.kernels.robustness.limits import rules_for
    from holdfast.kernels.robustness.threat import budget_of

    try:
        rules = rules_for(subject, budget_of(distance, categories, "linf", modality=subject.deployment.modality))
    except ValueError as error:
        raise InputError(str(error), hint="see deployment in holdfast.yaml") from None
    if not (rules.limits or rules.one_hot):
        raise NotApplicable("no input may change", hint="shorten `immutable` or `sensitive` if some can")
    return rules


def _guards(subject: Subject, bins: int, tails: float, screened: float) -> list[_Guard]:
    """The plain model first, then the guards that this one can have."""
    import numpy as np

    from holdfast.kernels.robustness.hardening import changes_of, score_margin

    assert subject.train is not None
    inputs = subject.train.frame.select(subject.features)
    clip, to_bins = changes_of(subject.cells(inputs), tails=tails, n_bins=bins)
    guards = [_Guard("none", "the model as it is")]
    if clip:
        guards += [
            _Guard(
                "clip",
                f"numbers cut to the range of all but {tails:.2%} of training rows per end",
                _each(subject, clip),
            ),
            _Guard(
                "round",
                f"numbers rounded to the nearest of at most {bins} values",
                _each(subject, to_bins),
                edges={name: nearest.bins.edges for name, nearest in to_bins.items()},
            ),
        ]
    if subject.predictions.scores is not None:
        scores = subject.predict(inputs[_sample(subject)]).scores
        assert scores is not None
        cutoff = float(np.quantile(score_margin(scores), screened))
        if cutoff > 0:
            guards.append(_Guard("screen", f"rows go to people where the margin is below {cutoff:.3g}", cutoff=cutoff))
    if len(guards) == 1:
        raise NotApplicable("no input is a number, and the model gives no scores", hint="give a model with scores")
    return guards


def _each(
    subject: Subject, change: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]
) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Change columns of a table one by one, keeping their types."""

    def wrap(inputs: pl.DataFrame) -> pl.DataFrame:
        cells = {name: values.astype("float64") for name, values in subject.cells(inputs.select(*change)).items()}
        return subject.frame({name: change[name](values) for name, values in cells.items()}, inputs)

    return wrap


def _sample(subject: Subject) -> Rows:
    """Training rows, the same in every call, that an attacker may know."""
    import numpy as np

    assert subject.train is not None
    return np.random.default_rng(0).permutation(subject.train.frame.height)[:MOST_DONORS]


def _try(subject: Subject, ctx: Context, guards: list[_Guard], rules: Rules) -> _Trial:
    """Attack the same rows behind every guard, then try all that was found on all of them."""
    import numpy as np

    from holdfast.kernels.robustness.tree_problem import Work
    from holdfast.kernels.robustness.trees import MOST_WORK

    assert subject.test is not None
    rows = ctx.rng.permutation(subject.test.frame.height)[: ctx.effort.get("points")]
    points = subject.test.frame.select(subject.features)[rows]
    y = subject.y(subject.test)[rows].astype("int64")
    answers = [guard.answer(subject, points) for guard in guards]
    different = int((answers[0][0] != subject.predictions.labels[rows]).sum())
    if different > UNSTABLE * rows.size:
        raise NotRun(
            f"the model gives different answers to the same question ({different} of {rows.size} rows)",
            hint="fix the model's random seed, or give a model that answers deterministically",
        )
    told = np.array([labels == y for labels, _ in answers])
    passed = np.array([passes for _, passes in answers])
    if not told[0].any():
        raise NotApplicable("no test row is answered rightly", hint="see performance.predictive")
    n, work = rows.size, Work(ctx.effort.get("steps", MOST_WORK))
    problems = _problems(subject, ctx, guards, points, [labels.astype("int64") for labels, _ in answers], rules)
    first = _search(subject, ctx, guards[0], problems[0], points[(at := np.flatnonzero(told[0]))], y[at], work)
    if first is not None and not first.is_done.all() and not ctx.out_of_time():
        # of large forests as many rows are tried, with every guard, as there is work for
        n = int(at[~first.is_done][0])
        rows, points, y, told, passed = rows[:n], points[:n], y[:n], told[:, :n], passed[:, :n]
        first = first.first(int(first.is_done.sum()))
    places = [np.flatnonzero(right) for right in told]
    behind = zip(guards[1:], problems[1:], places[1:], strict=True)
    searched = [first, *(_search(subject, ctx, each, found, points[at], y[at], Work()) for each, found, at in behind)]
    is_searched, queries = all(searched), len(guards) * n
    found: list[_Found] = []
    for guard, at, flips in ctx.track(list(zip(guards, places, searched, strict=True)), len(guards)):
        if is_searched and flips is not None:
            found.append((at, *_allowed(subject, flips.cells, points[at], rules)))
            queries += at.size
            is_settled = np.isposinf(flips.lower) | guard.falls(subject, y[at], *found[-1][1:])
            at = at[~is_settled]
        if at.size:
            asked = _attack(subject, ctx, guard, rows[at], rules)
            found.append((at, *_allowed(subject, asked.cells, points[at], rules)))
            queries += int(asked.queries.sum())
    flipped = np.zeros_like(told)
    for at, changed, allowed in found:
        for k, guard in enumerate(guards):
            flipped[k, at] |= guard.falls(subject, y[at], changed, allowed)
            queries += at.size
    return _Trial(rows, told & passed, told & ~flipped, ~passed, queries, is_searched)


def _problems(
    subject: Subject, ctx: Context, guards: list[_Guard], points: pl.DataFrame, answers: list[Rows], rules: Rules
) -> list[TreeProblem | None]:
    """Write the model's trees behind each guard; once for all guards that change inputs in the same way."""
    from holdfast.kernels.robustness.guarded_trees import guarded_problem

    if subject.info is None or "trees" not in subject.info.capabilities:
        return [None] * len(guards)

    def features(guard: _Guard, cells: Cells) -> NDArray[np.float64]:
        return subject.tree_features(guard.wrap(subject.frame(cells, points)))

    written: dict[Any, TreeProblem | None] = {}
    for guard, labels in zip(guards, answers, strict=True):
        if guard.wrap not in written:
            try:
                written[guard.wrap] = guarded_problem(
                    subject.trees(), partial(features, guard), points=subject.cells(points), labels=labels,
                    rules=rules, seed=ctx.seed, edges=guard.edges,
                )  # fmt: skip
            except NotRun:
                written[guard.wrap] = None
    return [written[guard.wrap] for guard in guards]


def _search(
    subject: Subject, ctx: Context, guard: _Guard, problem: TreeProblem | None, points: pl.DataFrame, y: Rows,
    work: Work,
) -> Changed | None:  # fmt: skip
    """Search the model's trees behind a guard, where that is possible."""
    from holdfast.kernels.robustness.guarded_trees import search_guarded

    if problem is None:
        return None
    return search_guarded(
        problem, subject.cells(points), y, link=subject.trees().link, cutoff=guard.cutoff,
        max_parts=ctx.effort.get("parts", 2000), work=work, should_stop=ctx.out_of_time,
    )  # fmt: skip


def _allowed(subject: Subject, cells: Cells, points: pl.DataFrame, rules: Rules) -> tuple[pl.DataFrame, Flags]:
    """Changed rows as a table, and which of them the rules allow."""
    from holdfast.kernels.robustness.limits import is_allowed

    changed = subject.frame(cells, points)
    return changed, is_allowed(subject.cells(points), subject.cells(changed), rules)


def _attack(subject: Subject, ctx: Context, guard: _Guard, rows: Rows, rules: Rules) -> Changed:
    """Search flips with questions to the guarded model."""
    import numpy as np

    from holdfast.kernels.robustness.asking import ask_model
    from holdfast.kernels.robustness.hardening import screened_scores

    assert subject.train is not None
    assert subject.test is not None
    points = subject.test.frame.select(subject.features)[rows]
    y = subject.y(subject.test)[rows].astype("int64")
    is_scored = subject.deployment.returns != "label" and subject.predictions.scores is not None
    donors = _sample(subject)

    def answer(cells: Cells, at: Rows) -> NDArray[np.float64] | Rows:
        inputs = subject.frame(cells, points[at])
        if not is_scored:
            labels, passes = guard.answer(subject, inputs)
            return np.where(passes, labels, y[at])
        scores = subject.predict(guard.wrap(inputs)).scores
        assert scores is not None
        return screened_scores(scores, y[at], cutoff=guard.cutoff) if guard.cutoff else scores

    found = ask_model(
        subject.cells(points), y, subject.cells(subject.train.frame.select(subject.features)[donors]),
        subject.y(subject.train)[donors].astype("int64"), answer=answer, rules=rules,
        queries=ctx.effort.get("queries", 300), seed=ctx.seed, ids=rows, should_stop=ctx.out_of_time,
    )  # fmt: skip
    if not found.is_done.all():
        raise NotRun("the time was up before every guard was attacked in full", hint="give more with --budget")
    return found


def _measure(level: float, guards: list[_Guard], trial: _Trial, helpful: list[str]) -> tuple[Measured, ...]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.robustness.hardening import headlines

    best, numbers = headlines(trial.right, trial.robust, trial.screened, level=level)
    name = guards[best + 1].name
    lead = "" if name in helpful else "No guard was shown to help. "
    words = {
        "best_gain": f"{lead}Behind {name!r}, the best guard tried, {{1}} of {{0}} rows more withstand the attack.",
        "clean_cost": f"Of {{0}} rows that nobody attacks, {name!r} takes {{1}} from the model's right answers.",
        "robust_share": "Of {0} rows, at most about {1} withstand the attack without a guard.",
        "screened_share": "Of {0} rows, the screen sends about {1} to people.",
    }
    return tuple(
        Measured(
            id=key,
            value=found.value,
            interval=Interval(low=found.low, high=found.high, level=level, method=found.method),
            n=trial.rows.size,
            plain=words[key].format(*frequency(found.value, found.low, found.high)),
        )
        for key, found in numbers.items()
        if guards[-1].cutoff or key != "screened_share"
    )


def _notes(guards: list[_Guard], trial: _Trial, rules: Rules, helpful: list[str]) -> tuple[str, ...]:
    return (
        f"Numbers move by at most {rules.budget.distance:g} units (interquartile ranges, or 1 if all lie in [0, 1]); "
        f"at most {rules.budget.categories:g} categories change.",
        f"Guards tried: {'; '.join(f'{guard.name}: {guard.what}' for guard in guards[1:])}.",
        f"Shown to help: {', '.join(helpful) or 'none'}.",
        "Every guard was attacked with knowledge of it, by questions"
        + (
            " and by a search of the model's trees behind it."
            if trial.is_searched
            else "; a stronger attack may exist."
        ),
    )
