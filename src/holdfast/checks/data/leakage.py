"""Do the inputs hold what will not be known when the model is used?

**What it answers.** A column that is filled in after the outcome ("date of last reminder"), a recoded copy of the
target, or a number given to each row makes a model look excellent in tests and fail in use. The same happens when the
training rows are later in time than the test rows, or when rows of one person stand on both sides of the split.

**How.**

- *Target leakage:* each input alone predicts the target: its means per level or bin are learned on the training table
  and scored on the test table. The score is 1 when the column settles the target and 0 when it says nothing
  (classification: twice the area under the ROC curve minus one, averaged over classes; regression: explained share of
  the variance of the target's ranks). The intervals hold for all columns at once. A column is *suspect* when its
  score reaches ``determines`` and leaves less than a third of the error that the next column leaves: honest strong
  columns come in company, leaks stand apart. A column with hardly more levels than there are classes is suspect from
  0.05 less on, in any company.
- *Identifiers:* whole numbers of which nearly all differ and that are dense, rise along the table or are spread
  evenly, and texts of which nearly all differ. Decimal measurements are naturally all different and do not count.
- *Time:* with ``time`` given, the share of training rows later than the earliest test row.
- *Group:* with ``group`` given, the share of the test table's groups that stand in the training table too.

**How to read it.** ``n_suspect_columns`` and ``n_identifier_columns`` should be 0. ``max_single_feature_score`` alone
is no fault: some questions have one dominant input.

- *Good:* best column 0.56, the next 0.53, none suspect.
- *Bad:* ``loan_closed_reason`` alone scores 0.97 and the next column 0.41: it is written when the loan has failed.
- *Misleading:* petal length alone scores 0.97 on irises, and petal width as well. Nothing leaks: the flowers differ.

**When it misleads.** A leak spread over several columns, each weak, is not found. A weak leak hides among honest
columns. Whether a strong column is known in time is a question about the business, which no computation settles: ask.

**What to do about a bad one.** Ask when the column is filled in. If after the decision, drop it (``ignore``) and
train again. Drop identifiers, or name the one as ``id``. Split by time if the model is used on the future, and by
group if rows of a group resemble each other.

References: Kaufman et al. (2012), ACM TKDD 6(4), 15; Kapoor and Narayanan (2023), Patterns 4(9), 100804.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Leakage",
    "question": "Do the inputs hold what will not be known when the model is used?",
    "needs": ["test"],
    "measures": [
        {
            "id": "max_single_feature_score",
            "name": "How far the strongest single column settles the target",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
        {
            "id": "n_suspect_columns",
            "name": "Columns that give the target away",
            "unit": "columns",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
        {
            "id": "n_identifier_columns",
            "name": "Inputs that number the rows",
            "unit": "columns",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "time_overlap",
            "name": "Share of training rows later than the earliest test row",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "group_overlap",
            "name": "Share of test groups that stand in the training table too",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
    ],
    "reads": ["group", "image_shape", "modality", "text", "time"],
    "evidence_codes": ["DATAQ"],
    "references": [
        "Kaufman, Rosset, Perlich, Stitelman (2012), Leakage in data mining, ACM TKDD 6(4)",
        "Kapoor, Narayanan (2023), Leakage and the reproducibility crisis in ML-based science, Patterns 4(9)",
    ],
    "cost": "light",
}

REMEDIATION = (
    "Ask when each suspect column is filled in: if after the decision, drop it and train again. Drop columns that "
    "number the rows, or name one as id. Split by time where the model is used on the future, by group where rows "
    "belong together."
)
COLUMNS_COUNTED = "a complete count of the columns, not an estimate"


def run(subject: Subject, ctx: Context, *, determines: float = 0.9) -> Outcome:
    """Look for columns that give the target away or number the rows, and for splits that ignore time or groups.

    Parameters
    ----------
    determines : float
        Score between 0 and 1 from which a single column is said to nearly determine the target.
    """
    import polars as pl

    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if not subject.features:
        raise NotApplicable("the table has no input columns to examine", hint="give a table with inputs")
    measured: list[Measured] = []
    notes: list[str] = []
    columns = _identifiers(subject, measured)
    if subject.train is None or subject.target is None:
        notes.append("Target leakage was not examined: it needs a training table, a test table and a target.")
    else:
        columns = columns.join(_scores(subject, ctx.level, determines, measured, notes), on="column", how="left")
    affected = [
        *_time_overlap(subject, ctx.level, measured, notes),
        *_group_overlap(subject, ctx.level, measured, notes),
    ]
    has_scores = "score" in columns.columns
    columns = columns.with_columns(pl.Series("column", _names(subject)))
    return Outcome(
        measurements=tuple(measured),
        tables={"columns": columns, "affected_rows": _stack(affected)},
        charts=(_chart(determines),) if has_scores else (),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"columns": len(subject.features)},
    )


def _identifiers(subject: Subject, measured: list[Measured]) -> pl.DataFrame:
    """Find inputs that number the rows, in every table there is."""
    import polars as pl

    tables = [table.frame for table in (subject.train, subject.test) if table is not None]
    rows = []
    for name in subject.features:
        reasons = {_identifier(frame.get_column(name), name in subject.deployment.text) for frame in tables}
        shares = [_distinct(frame.get_column(name)) for frame in tables]
        rows.append((name, str(tables[0][name].dtype), shares[0], "" if "" in reasons else sorted(reasons)[0]))
    frame = pl.DataFrame(rows, schema=["column", "type", "distinct_share", "identifier"], orient="row")
    named = frame.filter(pl.col("identifier") != "")["column"].to_list()
    measured.append(
        Measured(
            id="n_identifier_columns",
            value=float(len(named)),
            no_interval_reason=COLUMNS_COUNTED,
            exact=True,
            n=len(subject.features),
            plain=f"{len(named)} of {len(subject.features)} inputs look like numbers or names given to the rows"
            + (f": {', '.join(named)}." if named else "."),
        )
    )
    return frame


def _identifier(column: pl.Series, is_text: bool) -> str:
    import polars as pl

    from holdfast.kernels.data.leakage import FEWEST_ROWS, NEARLY_ALL, numbers_the_rows

    if column.dtype.is_numeric():
        return numbers_the_rows(column.cast(pl.Float64).to_numpy())
    if column.dtype != pl.String or is_text or len(column) - column.null_count() < FEWEST_ROWS:
        return ""
    words = column.str.count_matches(" ").mean()
    is_prose = isinstance(words, float) and words >= 3.0
    return "names" if _distinct(column) >= NEARLY_ALL and not is_prose else ""


def _distinct(column: pl.Series) -> float:
    known = column.drop_nulls()
    return known.n_unique() / len(known) if len(known) else 0.0


def _scores(
    subject: Subject, level: float, determines: float, measured: list[Measured], notes: list[str]
) -> pl.DataFrame:
    """Score each input alone against the target."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.leakage import suspects

    train, test = _frames(subject)
    y_train, y_test = _targets(subject)
    each = 1.0 - (1.0 - level) / len(subject.features)
    scores, levels = [], []
    for name in subject.features:
        codes = _levels(train.get_column(name), test.get_column(name))
        scores.append(_score(codes, y_train, y_test, each, is_class=subject.task != "regression"))
        levels.append(int(np.unique(codes[0]).size))
    value, low, high = np.array(scores, dtype=np.float64).T
    if np.isnan(value).any():
        notes.append("Target leakage was not examined: the test table holds one outcome only.")
        return pl.DataFrame({"column": subject.features})
    # A copy of the classes has their number of levels, or one more for missing cells.
    few = len(subject.classes) + 1 if subject.task != "regression" else 0
    marked = suspects(value, low, levels, few_levels=few, n_rows=y_test.shape[0], determines=determines)
    _measure_scores(subject, scores, marked, level, measured)
    notes.append(
        f"A column is suspect from a score of {determines:g} on if it leaves less than a third of the error of the "
        "next, and from 0.05 less on if it has few levels. What leaks a little in several columns is not found."
    )
    return pl.DataFrame(
        {"column": subject.features, "levels": levels, "score": value, "low": low, "high": high, "suspect": marked}
    )


def _names(subject: Subject) -> list[str]:
    """Names of the inputs, or where a pixel lies in its image."""
    from holdfast.kernels.robustness.pixels import image_layout, pixel_names

    layout = image_layout(len(subject.features), subject.deployment.image_shape)
    if subject.deployment.modality != "image" or layout is None:
        return list(subject.features)
    return pixel_names(layout)


def _frames(subject: Subject) -> tuple[pl.DataFrame, pl.DataFrame]:
    assert subject.train is not None
    assert subject.test is not None
    return subject.train.frame, subject.test.frame


def _targets(subject: Subject) -> tuple[NDArray[np.float64], NDArray[np.int64] | NDArray[np.float64]]:
    """Targets to learn from, one column per class or one of ranks, and to score against."""
    import numpy as np

    from holdfast.kernels.data.leakage import centred_ranks

    assert subject.train is not None
    assert subject.test is not None
    y_train, y_test = subject.y(subject.train), subject.y(subject.test)
    if subject.task == "regression":
        return centred_ranks(y_train, y_train)[:, None], centred_ranks(y_train, y_test)
    return np.eye(len(subject.classes))[y_train.astype(np.int64)], y_test


def _levels(train: pl.Series, test: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the levels or bins of one column alike in both tables."""
    import polars as pl

    from holdfast.kernels.data.leakage import bin_numbers

    if train.dtype.is_numeric() and test.dtype.is_numeric():
        return bin_numbers(train.cast(pl.Float64).to_numpy(), test.cast(pl.Float64).to_numpy())
    if train.dtype.is_temporal() and train.dtype == test.dtype:
        return _levels(train.to_physical(), test.to_physical())
    both = pl.concat([train.cast(pl.String), test.cast(pl.String)]).rank("dense").fill_null(0)
    codes = both.cast(pl.Int64).to_numpy()
    return codes[: len(train)], codes[len(train) :]


def _score(
    codes: tuple[NDArray[np.int64], NDArray[np.int64]],
    y_train: NDArray[np.float64],
    y_test: NDArray[np.int64] | NDArray[np.float64],
    level: float,
    *,
    is_class: bool,
) -> IntervalEstimate[float]:
    from holdfast.kernels.data.leakage import class_determination, level_means, value_determination

    predicted = level_means(codes[0], y_train, codes[1])
    if is_class:
        return class_determination(predicted, y_test, level=level)
    return value_determination(predicted[:, 0], y_test, level=level)


def _measure_scores(
    subject: Subject,
    scores: list[IntervalEstimate[float]],
    marked: NDArray[np.bool_],
    level: float,
    measured: list[Measured],
) -> None:
    best = max(range(len(scores)), key=lambda i: scores[i].value)
    shown = _names(subject)
    named = [name for name, is_marked in zip(shown, marked, strict=True) if is_marked]
    what = "inputs" if shown == list(subject.features) else "pixels"
    method = "DeLong" if subject.task != "regression" else "delta method"
    measured.append(
        Measured(
            id="max_single_feature_score",
            value=scores[best].value,
            # The largest ends enclose the largest score whenever the intervals of all columns hold.
            interval=Interval(
                low=max(score.low for score in scores),
                high=max(score.high for score in scores),
                level=level,
                method=f"{method}, Bonferroni over {len(scores)} columns",
            ),
            n=subject.test.frame.height if subject.test else None,
            plain=f"Of all {what} {shown[best]!r} alone goes furthest in settling the target: "
            f"{scores[best].value:.2f} on a scale from 0 (says nothing) to 1 (settles it).",
        )
    )
    measured.append(
        Measured(
            id="n_suspect_columns",
            value=float(len(named)),
            no_interval_reason=COLUMNS_COUNTED,
            exact=True,
            n=len(scores),
            plain=f"{len(named)} of {len(scores)} {what} give the target away"
            + (f": {', '.join(named)}." if named else "."),
        )
    )


def _time_overlap(subject: Subject, level: float, measured: list[Measured], notes: list[str]) -> list[pl.DataFrame]:
    """Measure training rows later than the earliest test row."""
    import polars as pl

    name = subject.deployment.time
    columns = _pair(subject, name, "Leakage through time", "time", notes)
    if columns is None:
        return []
    train, test = columns
    if train.dtype != test.dtype and not (train.dtype.is_numeric() and test.dtype.is_numeric()):
        notes.append(f"Leakage through time was not examined: the column {name!r} has another type in each table.")
        return []
    if train.dtype == pl.String:
        notes.append(f"The time column {name!r} is text and was compared letter by letter, as for 2026-01-31.")
    earliest = test.min()
    if earliest is None or train.null_count() == len(train):
        notes.append(f"Leakage through time was not examined: the column {name!r} is empty in a table.")
        return []
    later = (train > earliest).fill_null(False)
    _measure_share("time_overlap", int(later.sum()), len(train) - train.null_count(), level, measured)
    return [_rows("train", later, "later than the earliest test row")]


def _group_overlap(subject: Subject, level: float, measured: list[Measured], notes: list[str]) -> list[pl.DataFrame]:
    """Measure groups of the test table that stand in the training table too."""
    import polars as pl

    name = subject.deployment.group
    columns = _pair(subject, name, "Leakage through groups", "group", notes)
    if columns is None:
        return []
    train, test = (column.cast(pl.String) for column in columns)
    known = train.drop_nulls().unique()
    shared = test.is_in(known.implode()).fill_null(False)
    groups = test.drop_nulls().unique()
    if groups.is_empty():
        notes.append(f"Leakage through groups was not examined: the column {name!r} is empty in the test table.")
        return []
    _measure_share("group_overlap", test.filter(shared).n_unique(), len(groups), level, measured)
    return [_rows("test", shared, "its group stands in the training table too")]


def _pair(
    subject: Subject, name: str | None, what: str, field: str, notes: list[str]
) -> tuple[pl.Series, pl.Series] | None:
    """The named column of both tables, or a note on what is missing."""
    if name is None or subject.train is None or subject.test is None:
        needed = f"a {field} column (`{field}` in holdfast.yaml)" if name is None else "a training and a test table"
        notes.append(f"{what} was not examined: it needs {needed}.")
        return None
    for table in (subject.train, subject.test):
        if name not in table.frame.columns:
            notes.append(f"{what} was not examined: the {table.name} table has no column {name!r}.")
            return None
    return subject.train.frame.get_column(name), subject.test.frame.get_column(name)


def _measure_share(id: str, successes: int, trials: int, level: float, measured: list[Measured]) -> None:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    estimate = clopper_pearson(successes, trials, level=level)
    cases, count = frequency(*estimate)
    plain = {
        "time_overlap": f"Of {cases} training rows, about {count} are later than the earliest test row.",
        "group_overlap": f"Of {cases} groups in the test table, about {count} stand in the training table too.",
    }[id]
    interval = Interval(low=estimate.low, high=estimate.high, level=level, method="Clopper-Pearson")
    measured.append(Measured(id=id, value=estimate.value, interval=interval, n=trials, plain=plain))


def _rows(table: str, mask: pl.Series, reason: str) -> pl.DataFrame:
    import polars as pl

    rows = mask.arg_true().cast(pl.Int64)
    return pl.DataFrame({"row": rows}).select(pl.lit(table).alias("table"), "row", pl.lit(reason).alias("reason"))


def _stack(parts: list[pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    return pl.concat([pl.DataFrame(schema={"table": pl.String, "row": pl.Int64, "reason": pl.String}), *parts])


def _chart(determines: float) -> Chart:
    return Chart(
        id="scores",
        title="How far each input alone settles the target",
        caption="A column to the right of the line and far from all others may hold the answer.",
        kind="points",
        table="columns",
        x="column",
        y="score",
        low="low",
        high="high",
        y_title="score (0 says nothing, 1 settles it)",
        reference=determines,
    )
