"""Whether the answer about a person changes when nothing but a sensitive column is changed.

**Question.** If the form said another sex, origin or age and everything else stayed, would the answer be another?

**How.** The model is asked about test rows again with one sensitive column set to each value that occurs, all other
cells as they are. Numbers such as age are set to the middle of each third. Columns that are no input of the model
cannot change its answer, and are named.

- `changed_share.<column>`: the share of rows whose answer changes with at least one of the other values;
- `score_change.<column>`: between the two values that differ most, the mean change of the score of the favourable
  answer (of a regression, of the prediction), everything else equal.

**How to read it.** 0.00 (0 to 0.002) says that the column alone decides about at most 2 people in 1,000. The table
`changes` shows for each pair of values how many answers change, in which direction, and by how much the score moves.

**When it misleads.** This is not a causal effect. A person of another sex would not have the same height, income and
job: what the column stands for reaches the model by other columns too, and a model that is given no such column can
treat groups as unlike as one that is (`fairness.gap_features` shows by which columns). Rows made in this way may be
people who do not exist, and what a model says of them is guesswork.

**What to do about a bad result.** Decide whether the attribute may be used at all. If not, leave it out and train
again, then look at `fairness.group_gaps`: gaps that stay come by other columns. If it may, for a stated purpose, record
why.

- *A good result*: `changed_share.sex` 0.000 (0 to 0.002) of 2,000 rows.
- *A bad result*: `changed_share.sex` 0.07 (0.06 to 0.08): 7 of 100 people would have got another answer.
- *A misleading result*: no change because sex is no input, and first names are.

References
----------
Kusner, M. J., Loftus, J., Russell, C. and Silva, R. (2017). Counterfactual fairness. NeurIPS (why a flip is not one).
Kilbertus, N. et al. (2017). Avoiding discrimination through causal reasoning. NeurIPS.
Galhotra, S., Brun, Y. and Meliou, A. (2017). Fairness testing: testing software for discrimination. ESEC/FSE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.people import people_columns
from holdfast.core.subject import Predictions, Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

SPEC = {
    "title": "Answers that change with a sensitive column alone",
    "question": "Does the answer change when nothing but a sensitive column is changed?",
    "needs": ["test", "predictions", "query"],
    "measures": [
        {"id": "changed_share.*", "name": "Rows whose answer changes with the column alone", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "score_change.*", "name": "Mean change of the score between two values of the column", "unit": "score",
         "direction": "lower_is_better", "range": [0, None]},
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR"],
    "references": ["Kusner et al. 2017", "Kilbertus et al. 2017", "Galhotra et al. 2017"],
    "cost": "medium",
    "effort": {"quick": {"points": 300}, "default": {"points": 2000}, "thorough": {"points": 20000}},
}  # fmt: skip

MOST_VALUES = 6
NO_EFFECT = "A change of one cell is not a causal effect: a person of the other group differs in more."
REMEDIATION = (
    "Decide whether the attribute may be used at all. If not, leave it out, train again, and look at "
    "fairness.group_gaps: gaps that stay come by other columns. If it may, record why."
)
CHART = Chart(
    id="changes", title="Answers that change with one column alone", kind="points", table="changes", x="label",
    y="share", low="low", high="high", series="column", y_title="share of rows whose answer changes", reference=0.0,
    caption="For each change of one value, the share of rows whose answer changes with it. Not a causal effect: people "
    "of the other group differ in more than this column.",
)  # fmt: skip


class _Answers(NamedTuple):
    """What the model says of the same rows with each value of one column."""

    column: str
    names: list[str]
    own: NDArray[np.int64]
    """Which of the values each row has itself; -1 for one that is not among them."""
    labels: NDArray[np.float64]
    """Shape ``(n_values, n_rows)``; for a regression its values."""
    scores: NDArray[np.float64] | None


def run(subject: Subject, ctx: Context) -> Outcome:
    """Change one sensitive column at a time and ask again."""
    import numpy as np
    import polars as pl

    people = people_columns(subject)
    assert subject.test is not None
    inputs = [name for name in people if name in subject.features]
    if not inputs:
        raise NotApplicable(
            f"none of the sensitive columns ({', '.join(people)}) is an input, so that none can change an answer alone",
            hint="fairness.gap_features shows by which inputs a gap comes about",
        )
    points = ctx.effort.get("points", 2000)
    if subject.queries_left is not None:
        points = min(points, subject.queries_left // (MOST_VALUES * len(inputs)))
    rows = np.sort(ctx.rng.permutation(subject.test.frame.height)[:points])
    if rows.size < 2:
        raise NotRun("too few questions or rows are left to change anything", hint="give more rows, or more questions")
    notes = [f"{name} is no input: it cannot change an answer." for name in people if name not in inputs]
    measured: list[Measured] = []
    lines: list[tuple[object, ...]] = []
    affected: list[pl.DataFrame] = []
    for name in ctx.track(inputs, len(inputs)):
        answers = _ask(subject, name, rows, notes)
        if answers is None:
            continue
        measured += _measured(subject, ctx, answers)
        lines += _lines(subject, ctx, answers)
        is_changed = _changes(subject, answers).any(axis=0)
        reason = pl.lit(f"the answer changes with {name} alone").alias("reason")
        affected.append(pl.DataFrame({"table": "test", "row": rows[is_changed]}).with_columns(reason))
    if not measured:
        raise NotApplicable(f"the columns {', '.join(inputs)} have one value each", hint="give more kinds of people")
    return Outcome(
        measurements=tuple(measured),
        tables={"changes": _table(lines), "affected_rows": pl.concat(affected)},
        charts=() if subject.task == "regression" else (CHART,),
        remediation=REMEDIATION,
        assumptions=(
            "A change of one cell is not a causal effect: a person of the other group differs in more.",
            *notes,
        ),
        work={"points": int(rows.size)},
    )


def _ask(subject: Subject, name: str, rows: NDArray[np.int64], notes: list[str]) -> _Answers | None:
    import numpy as np

    from holdfast.kernels.fairness.grouping import group_labels

    assert subject.test is not None
    frame = subject.test.frame.select(subject.features)
    column = subject.cells(frame.select(name))[name]
    labels, _ = group_labels(column)
    names, sizes = np.unique(labels, return_counts=True)
    kept = [str(each) for each in names[np.argsort(-sizes, kind="stable")][:MOST_VALUES]]
    if len(kept) < 2:
        return None
    if names.size > len(kept):
        notes.append(f"Of {names.size} values of {name} the {len(kept)} most frequent were tried.")
    base, said = frame[rows], []
    for each in kept:
        same = frame[name].gather([_middle(column, labels == each)] * base.height)
        said.append(subject.predict(base.with_columns(same)))
    place = {each: at for at, each in enumerate(kept)}
    own = np.array([place.get(str(label), -1) for label in labels[rows]], dtype=np.int64)
    answers = np.stack([np.asarray(each.labels, dtype=np.float64) for each in said])
    scores = None if said[0].scores is None else np.stack([_score(each, subject.positive) for each in said])
    return _Answers(name, kept, own, answers, answers if subject.task == "regression" else scores)


def _middle(column: NDArray[np.generic], of: NDArray[np.bool_]) -> int:
    """Row with the middle value of a group; any of them where all have the same."""
    import numpy as np

    rows = np.flatnonzero(of)
    if column.dtype.kind != "f":
        return int(rows[0])
    return int(rows[np.argsort(np.asarray(column[rows], dtype=np.float64), kind="stable")[rows.size // 2]])


def _score(said: Predictions, positive: int) -> NDArray[np.float64]:
    assert said.scores is not None
    return said.scores[:, min(positive, said.scores.shape[1] - 1)]


def _changes(subject: Subject, answers: _Answers) -> NDArray[np.bool_]:
    """Which answers differ from that with the row's own value, shape ``(n_values, n_rows)``."""
    import numpy as np

    rows = np.arange(answers.own.size)
    as_it_is = answers.labels[answers.own, rows]
    known = answers.own >= 0
    if subject.task == "regression":
        return np.asarray(~np.isclose(answers.labels, as_it_is, rtol=1e-9, atol=0.0) & known)
    return np.asarray((answers.labels != as_it_is) & known)


def _measured(subject: Subject, ctx: Context, answers: _Answers) -> list[Measured]:
    from holdfast.kernels.fairness.paired_values import largest_mean_change
    from holdfast.kernels.stats.proportions import clopper_pearson

    n = int((answers.own >= 0).sum())
    n_changed = int(_changes(subject, answers).any(axis=0).sum())
    share = clopper_pearson(n_changed, n, level=ctx.level)
    interval = Interval(low=share.low, high=share.high, level=ctx.level, method="Clopper-Pearson")
    plain = (
        f"Of {n:,} people, {n_changed:,} would get another answer with another value of {answers.column} and all else "
        "as it is. That is not a causal effect."
    )
    found = []
    if n:
        found.append(
            Measured(id=f"changed_share.{answers.column}", value=share.value, interval=interval, n=n, plain=plain)
        )
    if answers.scores is not None:
        change = largest_mean_change(answers.scores, level=ctx.level)
        value, low, high = change.estimate
        method = "largest pairwise difference of Student's t, paired, Bonferroni below"
        found.append(
            Measured(
                id=f"score_change.{answers.column}",
                value=value,
                interval=Interval(low=low, high=high, level=ctx.level, method=method),
                n=answers.own.size,
                plain=f"With {answers.column} {answers.names[change.highest]} instead of "
                f"{answers.names[change.lowest]} and all else equal, the score is {value:.4g} higher on average.",
            )
        )
    return found


def _lines(subject: Subject, ctx: Context, answers: _Answers) -> list[tuple[object, ...]]:
    """One line for each change of one value into another."""
    import numpy as np

    from holdfast.kernels.stats.mean import mean_t
    from holdfast.kernels.stats.proportions import clopper_pearson

    changes, lines = _changes(subject, answers), []
    for at, first in enumerate(answers.names):
        rows = np.flatnonzero(answers.own == at)
        for to, second in enumerate(answers.names):
            if at == to or rows.size == 0:
                continue
            share = clopper_pearson(int(changes[to, rows].sum()), rows.size, level=ctx.level)
            gained = (answers.labels[to, rows] == subject.positive) & changes[to, rows]
            lost = (answers.labels[at, rows] == subject.positive) & changes[to, rows]
            directions = (None, None) if subject.task == "regression" else (int(gained.sum()), int(lost.sum()))
            moved: tuple[float | None, ...] = (None, None, None)
            if answers.scores is not None:
                moved = tuple(
                    part if np.isfinite(part) else None
                    for part in mean_t(answers.scores[to, rows] - answers.scores[at, rows], level=ctx.level)
                )
            label = f"{answers.column}: {first} to {second}"
            lines.append((answers.column, label, first, second, rows.size, *share, *directions, *moved))
    return lines


def _table(lines: list[tuple[object, ...]]) -> pl.DataFrame:
    import polars as pl

    words = dict.fromkeys(["column", "label", "from", "to"], pl.String)
    shares = dict.fromkeys(["share", "low", "high"], pl.Float64)
    directions = dict.fromkeys(["gains_favourable", "loses_favourable"], pl.Int64)
    moved = dict.fromkeys(["score_change", "change_low", "change_high"], pl.Float64)
    return pl.DataFrame(lines, schema={**words, "n": pl.Int64, **shares, **directions, **moved}, orient="row")
