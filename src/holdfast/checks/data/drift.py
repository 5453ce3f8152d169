"""Have the inputs changed since the model was made?

**What it answers.** A model is right about the world of its training data. This check says which columns have moved
since, how far, whether the model looks at them, and what tells the rows of the two tables apart.

**How.** Training rows are compared with rows of today (``--current``), or with test rows where there are none of today;
without training rows, test rows with those of today. Numbers are compared by the Kolmogorov-Smirnov test, categories
by the chi-square test, missing cells apart; prose by its lengths, and word by word by the share of rows that hold it
(Fisher's exact test). Of images (``modality: image``) not the pixels are compared one by one but what each image is as
a whole: brightness, contrast, sharpness, colour, and the brightness of its nine parts. P-values are adjusted over all
columns (Holm). Beside every test stands an effect with an interval: how many of 100 rows would have to move, at least,
for both tables to be alike. Drifted means both: significant, and surely at least ``least_effect``. Then boosted trees
try to tell the rows apart with all columns together, of images with their pixels. The model's answers and the outcomes
are compared like columns. Where the model can be asked, each drifted input is given values as they were, to see how
many of its answers turn on that.

**How to read it.** ``n_drifted`` columns have surely moved. ``largest_effect`` 0.08 means that 8 of 100 rows differ in
the column that moved most. ``joint_auc`` 0.5 means that nothing tells the tables apart, 0.6 a slight and 0.9 a stark
difference. ``answers_effect`` says how much the model's answers moved, ``outcome_effect`` how much the outcomes did.
Where rows of today have outcomes, ``concept_effect`` compares them with test rows of like scores: what differs there is
a change of what the inputs mean (concept shift), not of the inputs (covariate shift) or of the mix of outcomes alone
(label shift).

- *Good:* no column drifted, joint area 0.50 (0.48 to 0.52).
- *Bad:* income moved by 12 of 100 rows, and 9 % of answers turn on it.
- *Misleading:* the test rows of a random split never drift from their training rows: only rows of today can tell.

**Measured.** Two tables of 20 columns where nothing moved: a column is called drifted in 3.0 % (1.6 to 5.2 %) of 400
pairs; one normal column by 0.1 standard deviations is found in 12 %, 88 % and 100 % at 1,000, 5,000 and 20,000 rows.
All columns together, 2,000 rows: alike tables are told apart in 3.4 % (2.2 to 4.9 %) of 800 pairs at the 2.5 % that the
trees are given; a correlation of 0.35 that came is seen in 91 %, one column wider by 15 % in 42 %, a shift of 0.12
standard deviations in 18 %.

**When it misleads.** Rows that follow each other closely (minutes of one day) count for less than they seem to. With
a million rows everything is significant; the effect is what matters. Without outcomes of today, a change in what the
inputs mean for the outcome leaves no trace here: see ``performance.estimated``.

**What to do about a bad one.** Ask what happened at the source first: units, codes and missing cells change more often
than people. Measure the model on labelled rows of today; train again where it has fallen.

References: Massart (1990), Annals of Probability 18; Lopez-Paz and Oquab (2017), ICLR; Rabanser, Günnemann and Lipton
(2019), Failing loudly, NeurIPS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.core.subject import Table
    from holdfast.kernels.drift.columns import ColumnDrift
    from holdfast.kernels.drift.comparison import Apart

    Floats = NDArray[np.float64]
    Cells = dict[str, NDArray[Any]]

SPEC = {
    "title": "Drift",
    "question": "Have the inputs changed since the model was made?",
    "needs": ["test"],
    "takes": ["current"],
    "measures": [
        {"id": "n_drifted", "name": "Inputs that have drifted", "unit": "columns", "direction": "lower_is_better",
         "bound": "lower", "range": [0, None]},
        {"id": "n_changed", "name": "Inputs that vanished, emptied, changed type or unit", "unit": "columns",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "largest_effect", "name": "Largest share of rows that moved in one input", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "joint_auc", "name": "Area at which rows of the two tables can be told apart", "unit": "AUC",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "answers_effect", "name": "Share of rows by which the model's answers moved", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "outcome_effect", "name": "Share of rows by which the outcomes moved", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "concept_effect", "name": "Share of outcomes that changed among rows of like scores", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
    ],
    "reads": ["image_shape", "modality"],
    "evidence_codes": ["DRIFT"],
    "references": [
        "Massart (1990), The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality",
        "Lopez-Paz, Oquab (2017), Revisiting classifier two-sample tests",
        "Rabanser, Günnemann, Lipton (2019), Failing loudly: an empirical study of methods for detecting dataset shift",
    ],
    "cost": "light",
}  # fmt: skip

REMEDIATION = (
    "Ask what happened at the source of the columns that are named: units, codes and missing cells change more often "
    "than people do. Then measure the model on labelled rows of today, and train again where it has fallen."
)
INDEPENDENT = "Rows are taken to be independent of each other; rows that follow each other closely make drift surer."
ONE_LOOK = "One look at two tables; who looks every week needs alarms with a budget for the year."
NOT_MEANING = "A change in what the inputs mean is seen only as far as today's rows have outcomes and scores hold all."
COMPARED = "The {} table was compared with the {} table."
BY_PROPERTIES = (
    "Images were compared by what each is as a whole (brightness, contrast, sharpness, colour, brightness of its nine "
    "parts), and all together by their pixels too, in at most 16 x 16 blocks."
)
INPUTS, PROPERTIES = "inputs", "properties of the images"
ANSWERS, OUTCOMES = "the model's answers", "the outcomes"
COMPLETE = "a complete count over the tables given, not an estimate"
MOST_ROWS, MOST_ASKED, MOST_DRAWN = 10_000, 2_000, 12
CHART = Chart(
    id="moved", title="How far the inputs have moved", kind="points", table="columns", x="column", y="effect",
    low="low", high="high", y_title="share of rows",
    caption="Share of rows that would have to move for both tables to be alike, with intervals; the largest first.",
)  # fmt: skip


def run(subject: Subject, ctx: Context, *, least_effect: float = 0.01, alpha: float = 0.05) -> Outcome:
    """Compare two tables column by column and with all columns together.

    Parameters
    ----------
    least_effect
        Share of rows that must have moved for a change to matter.
    alpha
        Chance of a false alarm over all columns, and again over the test of all together.
    """
    from holdfast.kernels.drift.boosting import boosted_trees
    from holdfast.kernels.drift.columns import compare_profiles, schema_changes
    from holdfast.kernels.drift.profile import Profile, batch_of, count_words_in, plan_profile
    from holdfast.kernels.drift.telling_apart import tell_apart

    tables = [table for table in (subject.train, subject.test, subject.current) if table is not None]
    if len(tables) < 2 or not subject.features:
        raise NotApplicable("there is one table only, and nothing to compare it with", hint="give --train or --current")
    first, second = tables[0], tables[-1]
    names = [name for name in subject.features if name in first.frame.columns]
    frames = [table.frame.select([name for name in names if name in table.frame.columns]) for table in (first, second)]
    cells, together, what = _compared(subject, frames)
    batches = [batch_of(each) for each in cells]
    plan = plan_profile(batches[0])
    profiles = Profile(plan), Profile(plan)
    for profile, batch, table in zip(profiles, batches, (first, second), strict=True):
        profile.update(batch, n_rows=table.frame.height)
    columns = compare_profiles(
        *profiles, exact=_exact(*cells), count_words=count_words_in(*batches), alpha=alpha, least_effect=least_effect,
        level=ctx.level,
    )  # fmt: skip
    # What an image is as a whole has no unit that might be another; its range is looked at by data.schema.
    changes = [] if what == PROPERTIES else schema_changes(*profiles)
    rng = ctx.rng
    drawn = [_drawn(each, table.frame.height, rng) for each, table in zip(together, (first, second), strict=True)]
    apart = tell_apart(*drawn, fit=boosted_trees, rng=rng, alpha=alpha, least_effect=least_effect, level=ctx.level)
    drifted = sorted((each for each in columns if each.verdict == "drifted"), key=lambda each: -each.effect.low)
    inputs = [each.column for each in drifted if each.column in subject.features]
    turned = _turned(subject, first, second, inputs, rng)
    measured = [_count(drifted, turned, len(plan), alpha, what), _changed(changes, len(plan))]
    measured += _largest(columns, ctx.level) + _joint(apart, ctx.level)
    measured += _answers(subject, first, second, ctx.level) + _outcomes(subject, first, second, ctx.level)
    measured += _concept(subject, ctx.level)
    listed = _listed(columns, turned, apart)
    return Outcome(
        measurements=tuple(measured),
        tables={"columns": listed, "schema": _schema(changes)},
        charts=(CHART,) if listed.height else (),
        remediation=REMEDIATION,
        assumptions=(INDEPENDENT, ONE_LOOK, NOT_MEANING, COMPARED.format(second.name, first.name), *_whole(what)),
        work={"reference_rows": first.frame.height, "rows": second.frame.height, "columns": len(plan)},
    )


def _compared(subject: Subject, frames: list[pl.DataFrame]) -> tuple[list[Cells], list[Cells], str]:
    """Return what is compared one by one, what all together, and what it is called: of images not their pixels."""
    import numpy as np

    from holdfast.kernels.data.image_properties import coarse_pixels, image_properties
    from holdfast.kernels.robustness.pixels import as_images, image_layout

    cells = [_without_instants(subject, frame) for frame in frames]
    layout = image_layout(len(subject.features), subject.deployment.image_shape)
    has_all = all(frame.columns == list(subject.features) for frame in frames)
    is_number = all(column.dtype.kind == "f" for each in cells for column in each.values())
    if subject.deployment.modality != "image" or layout is None or not has_all or not is_number:
        return cells, cells, INPUTS
    images = [as_images(np.column_stack(list(each.values())), layout) for each in cells]
    properties = [image_properties(each) for each in images]
    wholes = [own | coarse_pixels(each) for own, each in zip(properties, images, strict=True)]
    return properties, wholes, PROPERTIES


def _whole(what: str) -> tuple[str, ...]:
    return (BY_PROPERTIES,) if what == PROPERTIES else ()


def _without_instants(subject: Subject, frame: pl.DataFrame) -> Cells:
    """Return columns as arrays; instants move by nature and stay out."""
    kept = [column.name for column in frame.iter_columns() if not column.dtype.is_temporal()]
    return dict(subject.cells(frame.select(kept)))


def _exact(first: dict[str, NDArray[Any]], second: dict[str, NDArray[Any]]) -> dict[str, Any]:
    from holdfast.kernels.drift.two_sample import ks_exact

    numbers = [name for name in first if name in second and first[name].dtype.kind == second[name].dtype.kind == "f"]
    tests = {name: ks_exact(first[name], second[name]) for name in numbers}
    return {name: test for name, test in tests.items() if test is not None}


def _drawn(cells: dict[str, NDArray[Any]], n_rows: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    rows = rng.permutation(n_rows)[:MOST_ROWS]
    return {name: column[rows] for name, column in cells.items()}


def _turned(
    subject: Subject, first: Table, second: Table, names: list[str], rng: np.random.Generator
) -> dict[str, tuple[int, int]]:
    """Count the answers that turn when a drifted input is given values as they were: of how many, by input."""
    import numpy as np
    import polars as pl

    has_inputs = all(name in second.frame.columns for name in subject.features)
    if subject.info is None or "query" not in subject.info.capabilities or not has_inputs or not names:
        return {}
    names = list(dict.fromkeys(names))[:MOST_DRAWN]
    rows = rng.permutation(second.frame.height)[:MOST_ASKED].tolist()
    if subject.queries_left is not None and subject.queries_left < len(rows) * (len(names) + 1):
        return {}
    X = second.frame.select(pl.col(subject.features).gather(rows))
    before = subject.predict(X).labels
    spread = float(np.std(before)) if subject.task == "regression" else 0.0
    types, turned = X.schema, {}
    for name in names:
        values = first.frame.get_column(name).gather(rng.integers(0, first.frame.height, len(rows)).tolist())
        if values.dtype != types[name]:
            continue
        after = subject.predict(X.with_columns(values.alias(name))).labels
        # An amount has turned when it moves by a tenth of the standard deviation of all answers.
        moved = np.abs(after - before) > 0.1 * spread if subject.task == "regression" else after != before
        turned[name] = (int(moved.sum()), len(rows))
    return turned


def _count(drifted: list[ColumnDrift], turned: dict[str, tuple[int, int]], n: int, alpha: float, what: str) -> Measured:
    names = list(dict.fromkeys(each.column for each in drifted))
    text = f"{len(names)} of {n} {what} have drifted"
    if drifted:
        most = drifted[0]
        text += f": most {most.column} ({most.words}), {_of_100(most)} of 100 rows"
        if most.column in turned:
            count, n = turned[most.column]
            text += f"; {count / n:.1%} of the model's answers turn on that"
    reason = "a count of tests; the chance of any false one is held over all tests (Holm)"
    # With that chance none of them is false, so that at least as many have drifted.
    at_least = Interval(low=float(len(names)), high=None, level=1.0 - alpha, method="Holm") if names else None
    return Measured(
        id="n_drifted",
        value=float(len(names)),
        interval=at_least,
        no_interval_reason=None if names else reason,
        n=n,
        plain=f"{text}.",
    )


def _of_100(each: ColumnDrift) -> str:
    value, low, high = (f"{100 * part:.1f}" for part in each.effect)
    return f"{value} ({low} to {high})"


def _changed(changes: list[Any], n_columns: int) -> Measured:
    shown = "; ".join(f"{change.column} {change.change}" for change in changes[:3])
    subject = "1 input" if len(changes) == 1 else f"{len(changes)} inputs"
    text = f"{subject} cannot be compared as before: {shown}." if changes else ""
    return Measured(
        id="n_changed", value=float(len(changes)), no_interval_reason=COMPLETE, exact=True, n=n_columns, plain=text
    )


def _largest(columns: list[ColumnDrift], level: float) -> list[Measured]:
    if not columns:
        return []
    most = max(columns, key=lambda each: (each.effect.low, each.effect.value))
    high = max(each.effect.high for each in columns)
    method = "Kolmogorov band or total variation less chance, the largest of all columns"
    interval = Interval(low=most.effect.low, high=max(high, most.effect.value), level=level, method=method)
    return [Measured(id="largest_effect", value=most.effect.value, interval=interval, n=sum(most.n))]


def _joint(apart: Apart | None, level: float) -> list[Measured]:
    if apart is None:
        return []
    value, low, high = apart.classifier.effect
    named = [f"{name} ({lost:.3f})" for name, lost in apart.shares[:3] if lost > 0.005]
    text = "With all columns together the rows of the two tables cannot be told apart for sure."
    if apart.is_shown:
        by = f", most by {', '.join(named)}" if named else ""
        text = f"With all columns together the rows of the two tables can be told apart{by}."
    interval = Interval(low=low, high=high, level=level, method="DeLong, averaged over three folds")
    return [Measured(id="joint_auc", value=value, interval=interval, n=sum(apart.rows), plain=text)]


def _answers(subject: Subject, first: Table, second: Table, level: float) -> list[Measured]:
    """Compare what the model answers on both tables, as far as it can be asked."""
    import polars as pl

    has_inputs = all(name in table.frame.columns for table in (first, second) for name in subject.features)
    if subject.info is None or "query" not in subject.info.capabilities or not has_inputs:
        return []
    step = {table.name: max(table.frame.height // MOST_ROWS, 1) for table in (first, second)}
    asked = [table.frame.select(pl.col(subject.features).gather_every(step[table.name])) for table in (first, second)]
    if subject.queries_left is not None and subject.queries_left < sum(part.height for part in asked):
        return []
    answers = [subject.predict(part) for part in asked]
    if subject.task == "binary" and all(each.scores is not None for each in answers):
        sides: list[Any] = [each.scores[:, subject.positive] for each in answers if each.scores is not None]
        return _moved("answers_effect", ANSWERS, sides, True, level)
    return _moved("answers_effect", ANSWERS, [each.labels for each in answers], subject.task == "regression", level)


def _outcomes(subject: Subject, first: Table, second: Table, level: float) -> list[Measured]:
    if subject.target is None or any(subject.target not in table.frame.columns for table in (first, second)):
        return []
    sides = [subject.y(_labelled(subject, table)) for table in (first, second)]
    return _moved("outcome_effect", OUTCOMES, sides, subject.task == "regression", level)


def _labelled(subject: Subject, table: Table) -> Table:
    """Return the rows whose outcome has come."""
    from dataclasses import replace

    assert subject.target is not None
    frame = table.frame.drop_nulls(subject.target)
    return table if frame.height == table.frame.height else replace(table, name=f"labelled {table.name}", frame=frame)


def _concept(subject: Subject, level: float) -> list[Measured]:
    """Compare outcomes among rows of like scores; training rows, which the model knows, are no reference for that."""
    import numpy as np

    from holdfast.kernels.drift.concept import concept_shift

    tables = [table for table in (subject.test, subject.current) if table is not None]
    has_all = all({*subject.features, subject.target} <= set(table.frame.columns) for table in tables)
    if len(tables) < 2 or not has_all or subject.task == "regression":
        return []
    if subject.info is None or "query" not in subject.info.capabilities:
        return []
    sides: list[Any] = []
    for table in (_labelled(subject, table) for table in tables):
        truth = subject.y(table)
        rows = np.flatnonzero(truth >= 0)[:: max(truth.size // MOST_ROWS, 1)]
        if not rows.size or (subject.queries_left is not None and subject.queries_left < rows.size):
            return []
        answers, truth = subject.predict(table.frame.select(subject.features)[rows.tolist()]), truth[rows]
        if answers.scores is None:
            return []
        if subject.task == "binary":
            sides += [answers.scores[:, subject.positive], truth == subject.positive]
        else:
            sides += [answers.scores.max(axis=1), truth == answers.labels]
    found = concept_shift(*sides, level=level)
    if found is None:
        return []
    what = "the outcome" if subject.task == "binary" else "a right answer"
    shift = [f"{100 * part:+.1f}" for part in found.shift]
    text = f"Among rows of like scores {what} is {shift[0]} ({shift[1]} to {shift[2]}) points more frequent than before"
    doubt = "" if found.p_value <= 1.0 - level else "; that may be chance"
    method = "strata of scores, less what chance adds"
    return [
        Measured(
            id="concept_effect",
            value=found.effect.value,
            interval=Interval(low=found.effect.low, high=found.effect.high, level=level, method=method),
            n=sum(found.n),
            plain=f"{text} (p {found.p_value:.2g}{doubt}).",
        )
    ]


def _moved(id: str, what: str, sides: list[Any], is_number: bool, level: float) -> list[Measured]:
    import numpy as np

    from holdfast.kernels.drift.two_sample import chi_square, ks_exact

    if is_number:
        test = ks_exact(*sides, level=level)
    else:
        sides = [side[side >= 0] for side in sides]
        most = max((int(side.max(initial=0)) for side in sides), default=0) + 1
        test = chi_square(*(np.bincount(side, minlength=most) for side in sides), level=level)
    if test is None:
        return []
    value, low, high = test.effect
    method = "Kolmogorov band" if is_number else "total variation less chance"
    return [
        Measured(
            id=id,
            value=value,
            interval=Interval(low=low, high=high, level=level, method=method),
            n=sum(side.size for side in sides),
            plain=f"Of {what}, {100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f}) of 100 have moved.",
        )
    ]


def _listed(columns: list[ColumnDrift], turned: dict[str, tuple[int, int]], apart: Apart | None) -> pl.DataFrame:
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    lost = dict(apart.shares) if apart is not None else {}
    rows = []
    for each in sorted(columns, key=lambda each: (-each.effect.low, -each.effect.value, each.column)):
        share = clopper_pearson(*turned[each.column]) if each.column in turned else (None, None, None)
        name = each.column if "missing" not in each.test else f"{each.column}, missing cells"
        rows.append(
            (name, each.test, each.verdict, *each.effect, each.p_value, each.adjusted, each.words, *share,
             lost.get(each.column))
        )  # fmt: skip
    texts = ("column", "test", "verdict")
    numbers = ("effect", "low", "high", "p_value", "adjusted")
    rest = ("answers_turned", "turned_low", "turned_high", "area_lost")
    schema: dict[str, Any] = {**dict.fromkeys(texts, pl.String), **dict.fromkeys(numbers, pl.Float64)}
    schema |= {"what_changed": pl.String, **dict.fromkeys(rest, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _schema(changes: list[Any]) -> pl.DataFrame:
    import polars as pl

    rows = [(change.column, change.change) for change in changes]
    return pl.DataFrame(rows, schema={"column": pl.String, "change": pl.String}, orient="row")
