"""Do test rows stand in the training table too, and does either table repeat itself?

**What it answers.** A model is judged on rows it has never seen. When rows of the training table slip into the test
table, every score of the audit is too good, because the model may simply remember them. This check counts such
copies, counts rows repeated within a table, and counts rows with the same inputs but different outcomes, which no
model can get right.

**How.** Rows are compared on the model's inputs and the target, after a canonical form: text without surrounding
spaces, in lower case and with single spaces; decimal numbers to ``digits`` significant digits. Id, time and ignored
columns do not count, so a copy under a new id is found. In a table with few columns and few values rows agree by
coincidence. What coincidence brings is estimated from the training table itself: the share of its rows that occur
more than once is the chance that a fresh row is already there (Good and Turing). ``excess_overlap`` is the overlap
minus that share.

**How to read it.** ``excess_overlap`` near 0 means that the tables share no more than two independent draws do. Its
interval says how sure that is. ``conflicting_label_share`` is a floor under the error of every model on this table.

- *Good:* overlap 0.14 %, by coincidence 0.14 %, excess 0.00 % (-0.09 to 0.08).
- *Bad:* overlap 5.2 %, by coincidence 0.1 %, excess 5.1 % (4.4 to 5.9): about one test row in twenty is a copy.
- *Misleading:* overlap 97 % in a table of eight yes/no questions: coincidence explains it, the excess is 0.

**When it misleads.** A training table in which rows were repeated on purpose (oversampling) makes coincidence look
more likely than it is, so the excess is understated; the finding says so when the tables show it. Copies that were
altered (a photo cropped, a number rounded more coarsely than ``digits``) are not found. Rows of one person at two
times are no copies: give the ``group`` column and see ``data.leakage``.

**What to do about a bad one.** Remove the listed test rows, or split again after removing duplicates, and train
again. If conflicting outcomes are common, look for an input that is missing or a label that was entered carelessly.

References: Good (1953), Biometrika 40, 237-264; Esty (1983), Annals of Statistics 11, 905-912.
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
    "title": "Duplicate rows",
    "question": "Do test rows stand in the training table too, and does either table repeat itself?",
    "needs": ["test"],
    "measures": [
        {
            "id": "train_test_overlap",
            "name": "Share of test rows that stand in the training table",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "expected_overlap",
            "name": "Overlap that coincidence explains",
            "unit": "share",
            "direction": "neither",
            "range": [0, 1],
        },
        {
            "id": "excess_overlap",
            "name": "Overlap beyond coincidence",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
        {
            "id": "duplicate_share_train",
            "name": "Share of training rows that repeat an earlier one",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "duplicate_share_test",
            "name": "Share of test rows that repeat an earlier one",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "conflicting_label_share",
            "name": "Share of rows whose inputs occur with another outcome too",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
    ],
    "evidence_codes": ["DATAQ"],
    "references": [
        "Good (1953), The population frequencies of species and the estimation of population parameters, Biometrika 40",
        "Esty (1983), A normal limit law for a nonparametric estimator of the coverage of a random sample",
    ],
    "cost": "light",
}

REMEDIATION = (
    "Remove the listed test rows, or remove duplicates first and split again, then train and audit again: until then "
    "every score may be too good. Where equal inputs carry different outcomes, look for a missing input or for "
    "careless labels."
)
OVERSAMPLED = (
    "The training table repeats itself more than the test table does: rows may have been repeated on purpose, and then "
    "the excess overlap is understated."
)
COMPLETE = "a complete count of the rows given, not an estimate"


def run(subject: Subject, ctx: Context, *, digits: int = 12) -> Outcome:
    """Count copies across and within the tables.

    Parameters
    ----------
    digits : int
        Significant digits to which decimal numbers are compared: fewer find copies that were rounded, and take near
        neighbours for copies.
    """
    import polars as pl

    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if not subject.features:
        raise NotApplicable("the table has no input columns to compare", hint="give a table with inputs")
    inputs, whole = _group_numbers(subject, digits)
    labels = [column for column in (subject.target,) if column]
    measured: list[Measured] = []
    shares: list[tuple[str, IntervalEstimate[float]]] = []
    frames: dict[str, pl.DataFrame] = {}
    notes = [_compared(labels, digits)]
    if "train" in whole:
        notes += _overlap(whole, ctx.level, measured, shares, frames)
    else:
        notes.append("Without a training table the overlap of training and test rows could not be measured.")
    frames["repeats"] = _repeats(whole, measured)
    if labels:
        frames["conflicts"] = _conflicts(subject, inputs, measured)
    frames["affected_rows"] = _affected(frames)
    if shares:
        frames["shares"] = pl.DataFrame(
            [(name, *estimate) for name, estimate in shares], schema=["overlap", "share", "low", "high"], orient="row"
        )
    return Outcome(
        measurements=tuple(measured),
        tables=frames,
        charts=(_chart(),) if shares else (),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"rows": sum(groups.size for groups in whole.values())},
    )


def _group_numbers(subject: Subject, digits: int) -> tuple[dict[str, NDArray[np.int64]], dict[str, NDArray[np.int64]]]:
    """Number the distinct rows over both tables: by inputs, and by inputs and target."""
    import polars as pl

    columns = [*subject.features, *([subject.target] if subject.target else [])]
    tables = [table for table in (subject.train, subject.test) if table is not None]
    stacked = pl.concat(subject.spelled_alike([table.frame.select(columns) for table in tables], digits=digits))
    numbers = []
    for names in (list(subject.features), columns):
        part = stacked.select(names)
        distinct = part.unique(maintain_order=True).with_row_index("group number of the row")
        joined = part.join(distinct, on=names, how="left", nulls_equal=True, maintain_order="left")
        groups = joined["group number of the row"].cast(pl.Int64).to_numpy()
        split: dict[str, NDArray[np.int64]] = {}
        start = 0
        for table in tables:
            split[table.name] = groups[start : start + table.frame.height]
            start += table.frame.height
        numbers.append(split)
    return numbers[0], numbers[1]


def _overlap(
    whole: dict[str, NDArray[np.int64]],
    level: float,
    measured: list[Measured],
    shares: list[tuple[str, IntervalEstimate[float]]],
    frames: dict[str, pl.DataFrame],
) -> list[str]:
    """Measure the overlap and what coincidence explains of it; return notes."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.duplicates import excess_overlap, first_match, sample_coverage
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    train, test = whole["train"], whole["test"]
    match = first_match(test, train)
    found = clopper_pearson(int((match >= 0).sum()), test.size, level=level)
    chance = sample_coverage(train, level=level)
    excess = excess_overlap(train, test, level=level)
    cases, count = frequency(*found)
    plain = f"Of {cases} test rows, about {count} stand in the training table too"
    cases, count = frequency(*(max(end, 0.0) for end in excess))
    beyond = f"Of {cases} test rows, about {count} are in the training table beyond what coincidence explains."
    for name, estimate, method, text in (
        ("train_test_overlap", found, "Clopper-Pearson", f"{plain}."),
        ("expected_overlap", chance, "Wilson at the effective size of Esty's variance", ""),
        ("excess_overlap", excess, "Newcombe's square-and-add", beyond),
    ):
        interval = Interval(low=estimate.low, high=estimate.high, level=level, method=method)
        measured.append(Measured(id=name, value=estimate.value, interval=interval, n=test.size, plain=text))
    shares += [("found", found), ("by coincidence", chance)]
    rows = np.flatnonzero(match >= 0)
    frames["overlap"] = pl.DataFrame({"test_row": rows, "train_row": match[rows]})
    return [OVERSAMPLED] if _repeats_on_purpose(train, test, level) else []


def _repeats_on_purpose(train: NDArray[np.int64], test: NDArray[np.int64], level: float) -> bool:
    """Whether the training table, cut to the test table's size, repeats itself more than the test table does."""
    from holdfast.kernels.data.duplicates import coverage_at, sample_coverage

    return train.size >= test.size and coverage_at(train, test.size) > sample_coverage(test, level=level).high


def _repeats(whole: dict[str, NDArray[np.int64]], measured: list[Measured]) -> pl.DataFrame:
    """Measure repeats within each table; return their rows."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.duplicates import first_match, repeats

    parts = []
    for name, groups in whole.items():
        rows = np.flatnonzero(repeats(groups))
        measured.append(
            Measured(
                id=f"duplicate_share_{name}",
                value=rows.size / groups.size,
                no_interval_reason=COMPLETE,
                exact=True,
                n=groups.size,
                plain=f"{rows.size:,} of the {groups.size:,} rows of the {name} table repeat an earlier one.",
            )
        )
        first = first_match(groups, groups)[rows]
        parts.append(_row_table(table=[name] * rows.size, row=rows, first_row=first))
    return pl.concat(parts)


def _conflicts(subject: Subject, inputs: dict[str, NDArray[np.int64]], measured: list[Measured]) -> pl.DataFrame:
    """Measure rows with equal inputs and different outcomes over all tables; return them."""
    import numpy as np

    from holdfast.kernels.data.duplicates import conflicts

    tables = [table for table in (subject.train, subject.test) if table is not None]
    groups = np.concatenate([inputs[table.name] for table in tables])
    mask = conflicts(groups, np.concatenate([subject.y(table) for table in tables]))
    measured.append(
        Measured(
            id="conflicting_label_share",
            value=float(mask.mean()),
            no_interval_reason=COMPLETE,
            exact=True,
            n=mask.size,
            plain=f"{int(mask.sum()):,} of {mask.size:,} rows have a twin with the same inputs and another outcome.",
        )
    )
    names = np.repeat([table.name for table in tables], [table.frame.height for table in tables])
    rows = np.concatenate([np.arange(table.frame.height) for table in tables])
    return _row_table(table=names[mask].tolist(), row=rows[mask], group=groups[mask])


def _row_table(table: list[str], **numbers: NDArray[np.int64]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({"table": pl.Series(table, dtype=pl.String), **numbers})


def _affected(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    parts = [pl.DataFrame(schema={"table": pl.String, "row": pl.Int64, "reason": pl.String})]
    if "overlap" in frames:
        reason = pl.format("the same as training row {}", "train_row")
        parts.append(frames["overlap"].select(pl.lit("test").alias("table"), row="test_row", reason=reason))
    if "conflicts" in frames:
        parts.append(
            frames["conflicts"].select("table", "row", reason=pl.lit("same inputs, another outcome elsewhere"))
        )
    return pl.concat(parts)


def _compared(labels: list[str], digits: int) -> str:
    what = "the model's inputs and the target" if labels else "the model's inputs (no target was given)"
    return f"Rows count as the same when {what} agree, text ignoring case and spaces, decimals to {digits} digits."


def _chart() -> Chart:
    return Chart(
        id="overlap",
        title="Test rows that stand in the training table",
        caption="The share found, and the share that coincidence explains; apart, they mean that rows were copied.",
        kind="points",
        table="shares",
        x="overlap",
        y="share",
        low="low",
        high="high",
        y_title="share of test rows",
    )
