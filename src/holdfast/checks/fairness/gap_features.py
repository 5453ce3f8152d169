"""By which inputs a gap between two groups comes about: shares of the gap that add up to it.

**Question.** Women get lower scores than men: by which of the inputs does the model come to that?

**How.** For each sensitive column, the two groups whose mean scores differ most are taken. Pairs are drawn, one person
of each group, and the first is turned into the second one input at a time, in random order; the model is asked after
each step. What the score does at a step is put down to that input. For each pair these parts add up exactly to the
difference of the two scores, and so do their means; over random orders they are the Shapley values of the difference.

- `score_gap.<column>`: the mean difference of the score of the favourable answer over the pairs that were drawn (of a
  regression, of the prediction);
- `part.<column>.<input>`: the part of it that is put down to an input, for the ten largest.

**How to read it.** `score_gap.sex` 0.12 with `part.sex.income` 0.08 says that two thirds of the gap come about because
the groups differ in income and the model uses income. The sensitive column itself, where it is an input, has its own
part: direct use. A part below 0 narrows the gap. The intervals hold for all inputs of a column at once.

**When it misleads.** It shows by which inputs the *model* makes the difference, not why the groups differ in them, and
not whether it is right to use them. Inputs that go together share a part in ways that depend on the order; turning one
person into another passes through mixtures that no real person is.

**What to do about a bad result.** Ask of the inputs with the largest parts whether they say something about the
purpose, or only who somebody is. Measure what leaving one out costs before you do: others often take over its part.

- *A good result*: `score_gap.sex` 0.01 (-0.01 to 0.03): nothing to put down to anything.
- *A bad result*: `part.sex.first_name` 0.09 (0.07 to 0.11) of a gap of 0.11.
- *A misleading result*: `part.age.employed_years` carries the gap of age: who is young cannot have worked long.

References
----------
Sundararajan, M. and Najmi, A. (2020). The many Shapley values for model explanation. ICML.
Lundberg, S. M. (2020). Explaining quantitative measures of fairness. KDD Fair & Responsible AI workshop.
Begley, T., Schwedes, T., Frye, C. and Feige, I. (2020). Explainability for fair machine learning.
Castro, J., Gómez, D. and Tejada, J. (2009). Polynomial calculation of the Shapley value based on sampling. Computers &
Operations Research 36, 1726-1730.
"""

from __future__ import annotations

import re
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

    from holdfast.kernels.fairness.grouping import Grouping

SPEC = {
    "title": "Inputs that carry a gap",
    "question": "By which inputs does the gap between two groups come about?",
    "needs": ["test", "predictions", "query"],
    "measures": [
        {"id": "score_gap.*", "name": "Mean difference of the score between two groups", "unit": "score",
         "direction": "lower_is_better"},
        {"id": "part.*", "name": "Part of the gap that an input carries", "unit": "score", "direction": "neither"},
    ],
    "reads": ["sensitive", "positive"],
    "evidence_codes": ["FAIR"],
    "references": ["Sundararajan and Najmi 2020", "Lundberg 2020", "Castro et al. 2009"],
    "cost": "medium",
    "effort": {
        "quick": {"pairs": 100, "questions": 20000},
        "default": {"pairs": 400, "questions": 100000},
        "thorough": {"pairs": 4000, "questions": 2000000},
    },
}  # fmt: skip

SHOWN, FEWEST_PAIRS = 10, 30
REMEDIATION = (
    "Ask of the inputs with the largest parts whether they say something about the purpose or only who somebody is. "
    "Measure what leaving one out costs before you do: others often take over its part."
)


class _Parts(NamedTuple):
    """The gap of one column, by pair of people and input."""

    grouping: Grouping
    first: int
    """Group with the higher mean score."""
    second: int
    parts: NDArray[np.float64]
    """Shape ``(n_pairs, n_inputs)``."""


def run(subject: Subject, ctx: Context, *, min_group: int = 30) -> Outcome:
    """Turn people of one group into people of another, one input at a time.

    Parameters
    ----------
    min_group
        Groups with fewer rows are left out.
    """
    from holdfast.kernels.fairness.grouping import people_groups

    people = people_columns(subject)
    assert subject.test is not None
    score = _score(subject, subject.predictions)
    groupings, notes = people_groups(subject.cells(subject.test.frame.select(people)), min_group=min_group)
    single = [grouping for grouping in groupings if grouping.attribute in people]
    if not single or not subject.features:
        raise NotApplicable(
            f"no sensitive attribute has two groups of {min_group} rows or more, or there is no input",
            hint="give a test table with more rows",
        )
    n_pairs = _affordable(subject, ctx, len(single))
    found = [_decomposed(subject, ctx, grouping, score, n_pairs) for grouping in ctx.track(single, len(single))]
    notes.append(f"{n_pairs} pairs of people were drawn for each column; parts add up to their gap exactly.")
    tables = {"parts": _table(subject, ctx, found)}
    for each in found:
        tables[f"parts_{each.grouping.key}"] = tables["parts"].filter(column=each.grouping.attribute).head(SHOWN)
    return Outcome(
        measurements=tuple(item for each in found for item in _measured(subject, ctx, each)),
        tables=tables,
        charts=tuple(_chart(each) for each in found),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"pairs": n_pairs * len(found)},
    )


def _score(subject: Subject, said: Predictions) -> NDArray[np.float64]:
    """What is compared: the favourable class's score, whether it is the answer, or the predicted number."""
    import numpy as np

    if subject.task == "regression":
        return np.asarray(said.labels, dtype=np.float64)
    if said.scores is None:
        return np.asarray(said.labels == subject.positive, dtype=np.float64)
    return said.scores[:, min(subject.positive, said.scores.shape[1] - 1)]


def _affordable(subject: Subject, ctx: Context, n_columns: int) -> int:
    questions = ctx.effort.get("questions", 100_000)
    if subject.queries_left is not None:
        questions = min(questions, subject.queries_left)
    each = len(subject.features) + 1
    n_pairs = min(ctx.effort.get("pairs", 400), questions // (each * n_columns))
    if n_pairs < FEWEST_PAIRS:
        raise NotRun(
            f"{len(subject.features)} inputs need {FEWEST_PAIRS * each * n_columns:,} questions, more than the "
            f"{questions:,} of this effort",
            hint="use a larger --effort",
        )
    return n_pairs


def _decomposed(subject: Subject, ctx: Context, grouping: Grouping, score: NDArray[np.float64], n_pairs: int) -> _Parts:
    """Draw pairs and walk from one person to the other."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.fairness.paired_values import feature_parts, switching_orders

    assert subject.test is not None
    means = [float(score[grouping.group == at].mean()) for at in range(len(grouping.names))]
    ends = int(np.argmax(means)), int(np.argmin(means))
    rows = [_drawn(np.flatnonzero(grouping.group == at), n_pairs, ctx.rng) for at in ends]
    frame = subject.test.frame.select(subject.features)
    n_steps = len(subject.features) + 1
    orders = switching_orders(n_pairs, n_steps - 1, ctx.rng)
    # Row (pair, step): inputs switched before that step are those of the person with the higher group.
    high, low = (frame[np.repeat(each, n_steps)] for each in rows)
    is_high = orders[:, None, :] < np.arange(n_steps)[None, :, None]
    switched = is_high.reshape(-1, n_steps - 1)
    mixed = [high[name].zip_with(pl.Series(switched[:, at]), low[name]) for at, name in enumerate(subject.features)]
    said = _score(subject, subject.predict(pl.DataFrame(mixed)))
    return _Parts(grouping, *ends, feature_parts(said.reshape(n_pairs, n_steps), orders))


def _drawn(rows: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw rows, every one as often as any other up to one."""
    import numpy as np

    return np.concatenate([rng.permutation(rows) for _ in range(-(-n // rows.size))])[:n]


def _measured(subject: Subject, ctx: Context, found: _Parts) -> list[Measured]:
    import numpy as np

    from holdfast.kernels.stats.mean import mean_t

    grouping, n = found.grouping, found.parts.shape[0]
    gap = mean_t(found.parts.sum(axis=1), level=ctx.level)
    names = grouping.names[found.first], grouping.names[found.second]
    means = found.parts.mean(axis=0)
    order = np.argsort(-np.abs(means), kind="stable")[:SHOWN]
    largest = ", ".join(f"{subject.features[at]} ({means[at]:+.4g})" for at in order[:3])
    interval = Interval(low=gap.low, high=gap.high, level=ctx.level, method="Student's t over pairs")
    plain = f"{names[0]} score {gap.value:.4g} higher than {names[1]} on average; most of it comes by {largest}."
    measured = [Measured(id=f"score_gap.{grouping.key}", value=gap.value, interval=interval, n=n, plain=plain)]
    together = 1.0 - (1.0 - ctx.level) / found.parts.shape[1]
    for at in order.tolist():
        part = mean_t(found.parts[:, at], level=together)
        key = re.sub(r"[^A-Za-z0-9_-]", "_", subject.features[at])
        method = "Student's t over pairs, Bonferroni over inputs"
        interval = Interval(low=part.low, high=part.high, level=ctx.level, method=method)
        measured.append(Measured(id=f"part.{grouping.key}.{key}", value=part.value, interval=interval, n=n))
    return list({item.id: item for item in reversed(measured)}.values())[::-1]


def _table(subject: Subject, ctx: Context, found: list[_Parts]) -> pl.DataFrame:
    """All parts, the largest first; for each column they add up to its gap."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.mean import mean_t

    lines: list[tuple[object, ...]] = []
    for each in found:
        names = each.grouping.names[each.first], each.grouping.names[each.second]
        together = 1.0 - (1.0 - ctx.level) / each.parts.shape[1]
        means = each.parts.mean(axis=0)
        for at in np.argsort(-np.abs(means), kind="stable").tolist():
            ends = mean_t(each.parts[:, at], level=together)
            lines.append((each.grouping.attribute, *names, subject.features[at], *ends))
    words = dict.fromkeys(["column", "higher", "lower", "input"], pl.String)
    schema = {**words, **dict.fromkeys(["part", "low", "high"], pl.Float64)}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _chart(found: _Parts) -> Chart:
    names = found.grouping.names[found.first], found.grouping.names[found.second]
    key = f"parts_{found.grouping.key}"
    return Chart(
        id=key, title=f"Inputs that carry the gap between {names[0]} and {names[1]}", kind="points", table=key,
        x="input", y="part", low="low", high="high", y_title=f"part of how much higher {names[0]} score", reference=0.0,
        caption="The ten largest parts of the gap; all parts add up to it. Inputs to the right of 0 widen it.",
    )  # fmt: skip
