"""Do the test rows look like the rows the model was trained on?

**What it answers.** Columns that change type, values in another unit, categories nobody has seen, cells that went
missing between training and use: models answer all of these without complaint, and wrongly. This check compares the
tables column by column. In production the same comparison tells a broken feed.

**How.** The training table says what is normal. A test cell is a *violation* when it cannot be read as the column's
type, is a fraction where only whole numbers occurred, is infinite, lies outside the training range widened by half
its width at each end (for positive columns not below a tenth of the smallest value; a range in ``ranges`` is taken as
it is), or is a category never seen. Columns whose categories are open-ended (where one fresh row in a hundred or more
would bring a new one, as with names and free text) are exempt from the last rule. ``missing_share_gap`` is the
largest change in the share of missing cells, with an interval that holds for all columns at once.

**How to read it.** ``violation_share`` is the share of test rows with at least one violation. A clean split is not at
0: rare values exist. Look at its interval, and at the table of columns for where they come from.

- *Good:* 0.01 % of the rows (0.00 to 0.04), all in one rare category.
- *Bad:* 4.8 % of the rows (4.5 to 5.2), all in ``hours_per_week``, a thousand times too large: a unit error.
- *Misleading:* 9 % of the rows violate a column of heavily skewed amounts after training on 50 rows. Fifty rows have
  not shown its range; train on more, or state the range.

**When it misleads.** A unit error that stays within the training range (grams for kilograms in a column that spans
both) is not found here; ``robustness.corruptions`` says what it would do. Values that are plausible one by one and
impossible together are not found.

**What to do about a bad one.** Trace the listed columns to their source: conversions, joins and exports break more
often than people change. Refuse or repair such rows before they reach the model.

References: Breck et al. (2019), Data validation for machine learning, MLSys; Good (1953), Biometrika 40, 237-264.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import polars as pl

SPEC = {
    "title": "Schema and values",
    "question": "Do the test rows look like the rows the model was trained on?",
    "needs": ["test"],
    "measures": [
        {
            "id": "violation_share",
            "name": "Share of test rows with a value that the training table does not allow",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "n_type_mismatches",
            "name": "Columns of another type than in training",
            "unit": "columns",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_unseen_categories",
            "name": "Categories in the test table that training never saw",
            "unit": "categories",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "missing_share_gap",
            "name": "Largest change in the share of missing cells",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "n_constant_columns",
            "name": "Inputs with one value only",
            "unit": "columns",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_empty_columns",
            "name": "Inputs without any value",
            "unit": "columns",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_non_finite_cells",
            "name": "Infinite and not-a-number cells",
            "unit": "cells",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_blank_images",
            "name": "Images of one colour",
            "unit": "images",
            "direction": "lower_is_better",
            "range": [0, None],
        },
    ],
    "reads": ["modality", "ranges", "text"],
    "evidence_codes": ["DATAQ"],
    "references": ["Breck, Polyzotis, Roy, Whang, Zinkevich (2019), Data validation for machine learning, MLSys"],
    "cost": "light",
}

REMEDIATION = (
    "Trace the listed columns to their source: unit conversions, joins and exports break more often than people do. "
    "Refuse or repair such rows before they reach the model, and drop inputs that are constant or empty."
)
COMPLETE = "a complete count over the tables given, not an estimate"
OPEN_ENDED = 0.01


@dataclass(frozen=True, slots=True)
class _Column:
    """What was found in one column; ``broken`` marks the rows of the test table, ``rule`` says what they break."""

    name: str
    expected: str
    found: str
    is_mismatch: bool
    broken: pl.Series
    rule: str
    unseen: tuple[str, ...] = ()


def run(subject: Subject, ctx: Context, *, margin: float = 0.5) -> Outcome:
    """Compare types, ranges, categories and missing cells of the test table with the training table.

    Parameters
    ----------
    margin : float
        Share of the training range's width by which it is widened at each end before a value counts as outside.
    """
    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if not subject.features:
        raise NotApplicable("the table has no input columns to examine", hint="give a table with inputs")
    if subject.deployment.modality == "image" and (images := _images(subject, margin, ctx.level)):
        return images
    measured = _columns_alone(subject)
    tables: dict[str, pl.DataFrame] = {}
    notes: list[str] = []
    if subject.train is None:
        notes.append("Without a training table only constant, empty and non-finite columns were examined.")
    else:
        columns = [_examine(subject, name, margin) for name in subject.features]
        measured = [*_violations(columns, ctx.level), _missing_gap(subject, ctx.level, notes), *measured]
        tables = {"columns": _column_table(subject, columns), "affected_rows": _affected(columns)}
        notes.append(f"Ranges seen in training were widened by {margin:g} of their width at each end.")
    return Outcome(
        measurements=tuple(measured),
        tables=tables,
        charts=(_chart(),) if tables else (),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"columns": len(subject.features), "rows": subject.test.frame.height},
    )


def _images(subject: Subject, margin: float, level: float) -> Outcome | None:
    """Examine pixels together: one range for all of them; ``None`` where an input is no number."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.schema import outside, tolerated_range

    tables = [table.frame.select(subject.features) for table in (subject.train, subject.test) if table is not None]
    if not all(kind.is_numeric() for frame in tables for kind in frame.dtypes):
        return None
    pixels = [frame.cast(pl.Float64).to_numpy() for frame in tables]
    blank = [int((np.ptp(each, axis=1) == 0.0).sum()) for each in pixels]
    odd = sum(int((~np.isfinite(each)).sum()) for each in pixels)
    size, n_pixels = pixels[0].shape[1], sum(each.size for each in pixels)
    n_same = int((np.ptp(pixels[0], axis=0) == 0.0).sum())
    measured = [
        _complete("n_blank_images", sum(blank), sum(map(len, pixels)), f"{sum(blank)} images are of one colour only."),
        _complete("n_non_finite_cells", odd, n_pixels, f"{odd:,} of {n_pixels:,} pixels are missing or no number."),
    ]
    notes = [f"{n_same} of {size} pixels have one value in all images of the first table, as borders have: no fault."]
    affected = _affected([])
    if subject.train is not None:
        limits = tolerated_range(pixels[0], margin=margin)
        broken = outside(pixels[-1], limits) | np.isinf(pixels[-1])
        rule = f"outside {limits.low:g} to {limits.high:g}"
        known = pixels[0][np.isfinite(pixels[0])]
        if (known == np.round(known)).all():
            broken |= np.isfinite(pixels[-1]) & (pixels[-1] != np.round(pixels[-1]))
            rule += " or no whole number"
        column = _Column("a pixel", "number", "number", False, pl.Series(broken.any(axis=1)), rule)
        measured = [_violations([column], level)[0], *measured]
        affected = _affected([column])
        notes.append(f"The range of all training pixels was widened by {margin:g} of its width at each end.")
    return Outcome(
        measurements=tuple(measured),
        tables={"affected_rows": affected},
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"columns": size, "rows": len(pixels[-1])},
    )


def _complete(id: str, count: int, n: int, plain: str) -> Measured:
    return Measured(id=id, value=float(count), no_interval_reason=COMPLETE, exact=True, n=n, plain=plain)


def _columns_alone(subject: Subject) -> list[Measured]:
    """Count what can be said without comparing: constant and empty inputs, non-finite cells."""
    import polars as pl

    frames = [table.frame.select(subject.features) for table in (subject.train, subject.test) if table is not None]
    first = frames[0]
    empty = [name for name in subject.features if any(f[name].null_count() == f.height for f in frames)]
    constant = [name for name in subject.features if name not in empty and first[name].drop_nulls().n_unique() == 1]
    floats = [frame.select(pl.selectors.float()) for frame in frames]
    odd = sum(int((~frame[name].is_finite()).sum()) for frame in floats for name in frame.columns)
    counts = (
        ("n_constant_columns", constant, "have one value only"),
        ("n_empty_columns", empty, "have no value at all"),
    )
    measured = [
        Measured(
            id=id,
            value=float(len(names)),
            no_interval_reason=COMPLETE,
            exact=True,
            n=len(subject.features),
            plain=f"{len(names)} of {len(subject.features)} inputs {what}"
            + (f": {', '.join(names)}." if names else "."),
        )
        for id, names, what in counts
    ]
    cells = sum(frame.height * frame.width for frame in frames)
    return [
        *measured,
        Measured(id="n_non_finite_cells", value=float(odd), no_interval_reason=COMPLETE, exact=True, n=cells),
    ]


def _examine(subject: Subject, name: str, margin: float) -> _Column:
    """Compare one column of the test table with the training table."""
    import polars as pl

    train, test = (frame.get_column(name) for frame in _frames(subject))
    expected, found = _kind(train), _kind(test)
    nothing = "empty" in (expected, found)
    is_mismatch = expected != found and not nothing
    none = pl.repeat(False, len(test), eager=True)
    if expected == "number" and found in ("number", "text"):
        broken, rule = _outside(subject, train, test, margin)
        return _Column(name, expected, found, is_mismatch, broken, rule)
    if expected == "text" and not nothing:
        broken, unseen = _unseen(train, test.cast(pl.String), name in subject.deployment.text)
        return _Column(name, expected, found, is_mismatch, broken, "category not seen in training", unseen)
    if is_mismatch:
        return _Column(name, expected, found, True, test.is_not_null(), f"{found} where training has {expected}")
    return _Column(name, expected, found, False, none, "")


def _frames(subject: Subject) -> tuple[pl.DataFrame, pl.DataFrame]:
    assert subject.train is not None
    assert subject.test is not None
    return subject.train.frame.select(subject.features), subject.test.frame.select(subject.features)


def _kind(column: pl.Series) -> str:
    import polars as pl

    if column.null_count() == len(column):
        return "empty"
    if column.dtype.is_numeric():
        return "number"
    if column.dtype.is_temporal():
        return "time"
    return "truth value" if column.dtype == pl.Boolean else "text"


def _outside(subject: Subject, train: pl.Series, test: pl.Series, margin: float) -> tuple[pl.Series, str]:
    """Mark numbers outside the range, fractions among whole numbers, infinities and text that is no number."""
    import polars as pl

    from holdfast.kernels.data.schema import Range, outside, tolerated_range

    known = train.cast(pl.Float64).drop_nulls()
    number = test.cast(pl.Float64, strict=False)
    stated = subject.deployment.ranges.get(train.name)
    limits = Range(*stated) if stated else tolerated_range(known.to_numpy(), margin=margin)
    broken = pl.Series(outside(number.to_numpy(), limits)) | number.is_infinite().fill_null(False)
    rule = f"outside {limits.low:g} to {limits.high:g}"
    if (known == known.round()).all():
        broken |= (number != number.round()).fill_null(False)
        rule += " or no whole number"
    return broken | (number.is_null() & test.is_not_null()), rule


def _unseen(train: pl.Series, test: pl.Series, is_text: bool) -> tuple[pl.Series, tuple[str, ...]]:
    """Mark categories that training never saw, unless the column keeps bringing new ones."""
    import polars as pl

    from holdfast.kernels.data.duplicates import sample_coverage

    none = pl.repeat(False, len(test), eager=True)
    codes = train.drop_nulls().rank("dense").cast(pl.Int64).to_numpy()
    if is_text or 1.0 - sample_coverage(codes).value >= OPEN_ENDED:
        return none, ()
    unseen = test.is_not_null() & ~test.is_in(train.drop_nulls().unique().implode()).fill_null(True)
    return unseen, tuple(sorted(test.filter(unseen).unique().to_list()))


def _violations(columns: list[_Column], level: float) -> list[Measured]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    rows = columns[0].broken
    for column in columns[1:]:
        rows = rows | column.broken
    share = clopper_pearson(int(rows.sum()), len(rows), level=level)
    cases, count = frequency(*share)
    mismatched = [column.name for column in columns if column.is_mismatch]
    unseen = [f"{column.name}={value}" for column in columns for value in column.unseen]
    shown = ", ".join(unseen[:5]) + ("" if len(unseen) <= 5 else ", …")
    return [
        Measured(
            id="violation_share",
            value=share.value,
            interval=Interval(low=share.low, high=share.high, level=level, method="Clopper-Pearson"),
            n=len(rows),
            plain=f"Of {cases} test rows, about {count} hold a value that the training table does not allow.",
        ),
        Measured(
            id="n_type_mismatches",
            value=float(len(mismatched)),
            no_interval_reason=COMPLETE,
            exact=True,
            n=len(columns),
            plain=f"{len(mismatched)} of {len(columns)} inputs are of another type than in training"
            + (f": {', '.join(mismatched)}." if mismatched else "."),
        ),
        Measured(
            id="n_unseen_categories",
            value=float(len(unseen)),
            no_interval_reason=COMPLETE,
            exact=True,
            n=len(rows),
            plain=f"{len(unseen)} categories of the test table were never seen in training"
            + (f": {shown}." if unseen else "."),
        ),
    ]


def _missing_gap(subject: Subject, level: float, notes: list[str]) -> Measured:
    from holdfast.kernels.data.schema import largest_gap
    from holdfast.kernels.performance.frequencies import frequency

    train, test = _frames(subject)
    counts = [[frame[name].null_count() for name in subject.features] for frame in (train, test)]
    gap = largest_gap(counts[0], train.height, counts[1], test.height, level=level)
    name = subject.features[gap.column]
    cases, count = frequency(*gap.estimate)
    method = f"Newcombe, Bonferroni over {len(subject.features)} columns"
    return Measured(
        id="missing_share_gap",
        value=gap.estimate.value,
        interval=Interval(low=gap.estimate.low, high=gap.estimate.high, level=level, method=method),
        n=test.height,
        plain=f"The largest change is in {name!r}: about {count} of {cases} cells more or fewer are missing.",
    )


def _column_table(subject: Subject, columns: list[_Column]) -> pl.DataFrame:
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    train, test = _frames(subject)
    rows = []
    for column in columns:
        share = clopper_pearson(int(column.broken.sum()), test.height)
        missing = (train[column.name].null_count() / train.height, test[column.name].null_count() / test.height)
        kinds = (column.expected, column.found)
        rows.append((column.name, *kinds, column.rule, len(column.unseen), *missing, column.broken.sum(), *share))
    names = ["column", "type_train", "type_test", "rule", "unseen_categories", "missing_train", "missing_test"]
    return pl.DataFrame(rows, schema=[*names, "broken_rows", "broken_share", "low", "high"], orient="row")


def _affected(columns: list[_Column]) -> pl.DataFrame:
    """One line per row, with the first rule it breaks."""
    import polars as pl

    parts = [pl.DataFrame(schema={"table": pl.String, "row": pl.Int64, "reason": pl.String})]
    for column in columns:
        rows = pl.DataFrame({"row": column.broken.arg_true().cast(pl.Int64)})
        reason = pl.lit(f"{column.name}: {column.rule}").alias("reason")
        parts.append(rows.select(pl.lit("test").alias("table"), "row", reason))
    return pl.concat(parts).unique("row", keep="first", maintain_order=True)


def _chart() -> Chart:
    return Chart(
        id="columns",
        title="Share of test rows that break a rule, by column",
        caption="Columns away from zero hold values that the training table does not allow.",
        kind="points",
        table="columns",
        x="column",
        y="broken_share",
        low="low",
        high="high",
        y_title="share of test rows",
    )
