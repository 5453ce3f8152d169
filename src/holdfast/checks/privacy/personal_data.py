"""Whether tables and the model's file hold personal data: e-mail addresses, phone numbers, cards, identifiers, names.

**Question.** Which columns and rows hold data that name a person, and did any of it get into the model's file?

**How.** Every cell of a sample of rows is given to the detector: rules with check digits, number plans and ranges, each
cell behind the words of its column's name. Besides, every column gets a type: by its values, where the detector takes
most of them as a whole for one kind; by its name, in nine languages, where the values do not contradict; as an
identifier where values hardly repeat and look like numbers of an office. The same detector reads the words and
categories that encoders, vectorisers and other parts keep in the model's file.

**How to read it.** `row_share.<table>` is the share of rows in which a cell holds something that names a person by
itself (direct identifiers and special categories; dates, ages and places are listed but not counted here).
`n_identifier_columns` counts inputs of the model that are direct identifiers, `n_special_columns` those of special
categories (GDPR Articles 9 and 10), `model_file_values` the words and categories in the model's file that hold personal
data. The table `columns` says for every column what it seems to be and why; `labels` how many rows hold which kind.
Examples are shown as shapes only, letters as x and digits as 0. All are *lower* bounds: what no rule describes is not
found, so a small number can fail a limit but never shows that there is nothing.

**When it misleads.** Names and addresses in running text need more than rules and are found in part only; a column of
nicknames under the name `x7` is missed. Order numbers can look like phone numbers. A column that the name makes an
address of people may hold addresses of shops: look at the table. With a sample of rows, a rare finding may lie outside.

**What to do about a bad result.** Drop the column, or replace it by a keyed hash before training; remove what was found
in texts; retrain a model whose file keeps it. Whoever needs the data for linking rows keeps it out of the inputs.

- *A good result*: `row_share.train` 0, no identifier column.
- *A bad result*: `row_share.train` 0.97 because a column `contact` holds e-mail addresses.
- *A misleading result*: 0 for a table with a column of free text in which people are named by first name only.

References
----------
Regulation (EU) 2016/679, Articles 4(1), 5(1)(c), 9 and 10.
NIST SP 800-122 (2010), Guide to protecting the confidentiality of personally identifiable information, section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotRun
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject, Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.personal_data.column_types import ColumnType
    from holdfast.kernels.personal_data.detector import Detector

SPEC = {
    "title": "Personal data",
    "question": "Which columns and rows hold data that name a person, and is any of it in the model's file?",
    "needs": [],
    "measures": [
        {"id": "row_share.*", "name": "Rows with a cell that names a person", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "n_identifier_columns", "name": "Inputs that name a person by themselves", "unit": "columns",
         "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
        {"id": "n_special_columns", "name": "Inputs of special categories of data", "unit": "columns",
         "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
        {"id": "model_file_values", "name": "Words and categories in the model's file that hold personal data",
         "unit": "values", "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
    ],
    "evidence_codes": ["PII"],
    "references": ["Regulation (EU) 2016/679, Articles 4, 5, 9, 10", "NIST SP 800-122"],
    "cost": "light",
    "effort": {
        "quick": {"rows": 2000},
        "default": {"rows": 20000},
        "thorough": {"rows": 100000000},
    },
}  # fmt: skip

REMEDIATION = (
    "Drop columns that name a person, or replace them by a keyed hash before training, and remove what was found in "
    "texts (holdfast pii redact). A model whose file keeps such values has to be trained again without them."
)
COUNTED = "counted, not estimated"
MOST_AFFECTED = 10_000
FEWEST_DIGITS = 9


class _Hit(NamedTuple):
    """One kind of personal data in one column of a table: the rows that hold it, and a value's shape."""

    table: str
    column: str
    label: str
    rows: NDArray[np.int64]
    example: str


def run(subject: Subject, ctx: Context) -> Outcome:
    """Look through the tables and the words in the model's file."""
    from holdfast.kernels.personal_data.column_types import classify_columns
    from holdfast.kernels.personal_data.detector import default_detector

    tables = [table for table in (subject.train, subject.test) if table is not None and table.frame.height]
    if not tables:
        raise NotRun("there is no table with a row", hint="give the training table with --train")
    detector = default_detector()
    measured, notes = [], []
    hits: list[_Hit] = []
    looked_at: dict[str, int] = {}
    types: dict[tuple[str, str], ColumnType] = {}
    for table in ctx.track(tables, len(tables)):
        n_looked_at, found = _scan(subject, ctx, table, detector)
        hits += found
        looked_at[table.name] = n_looked_at
        measured.append(_row_share(ctx, table, n_looked_at, found))
        if n_looked_at < table.frame.height:
            notes.append(f"{n_looked_at:,} of {table.frame.height:,} rows of the {table.name} table were looked at.")
        kinds = classify_columns(subject.cells(table.frame), detector=detector, rng=ctx.rng, level=ctx.level)
        types |= {(table.name, name): kind for name, kind in kinds.items()}
    measured += _columns_measured(subject, types)
    in_file = _in_model_file(subject, detector)
    if in_file is not None:
        measured.append(_file_measured(*in_file))
    else:
        notes.append("The words that the model's file keeps could not be read.")
    return Outcome(
        measurements=tuple(measured),
        tables={
            "columns": _column_table(subject, types),
            "labels": _label_table(ctx, hits, looked_at),
            "affected_rows": _affected(hits),
            **({"model_file": in_file[1]} if in_file is not None and in_file[1].height else {}),
        },
        remediation=REMEDIATION,
        assumptions=(*notes, "Nothing found is no proof that there is nothing: what no rule describes is not found."),
        work={"rows": sum(looked_at.values())},
    )


def shape_of(value: str) -> str:
    """Show of a value where letters and digits stand, cut to 40 characters.

    Examples
    --------
    >>> shape_of("Ann.Lee7@example.org")
    'xxx.xxx0@xxxxxxx.xxx'
    """
    shape = "".join("x" if sign.isalpha() else "0" if sign.isdigit() else sign for sign in value[:40])
    return shape + ("…" if len(value) > 40 else "")


def _scan(subject: Subject, ctx: Context, table: Table, detector: Detector) -> tuple[int, list[_Hit]]:
    """Look through the distinct texts of each column of a sample of rows; return how many rows, and what was found."""
    import numpy as np

    rows = np.sort(ctx.rng.permutation(table.frame.height)[: ctx.effort.get("rows", 20_000)])
    found: list[_Hit] = []
    for name, cells in subject.cells(table.frame[rows]).items():
        texts = _texts(cells)
        distinct = sorted({text for text in texts if text is not None})
        by_label: dict[str, set[str]] = {}
        examples: dict[str, str] = {}
        for text, label, start, end in _spans(name, distinct, detector):
            by_label.setdefault(label, set()).add(text)
            examples.setdefault(label, text[start:end])
        for label, values in sorted(by_label.items()):
            is_held = np.fromiter((text in values for text in texts), bool, len(texts))
            found.append(_Hit(table.name, name, label, rows[is_held], shape_of(examples[label])))
    return len(rows), found


def _texts(cells: NDArray[Any]) -> list[str | None]:
    """Cells as texts; of numbers only whole ones long enough to be somebody's."""
    from holdfast.kernels.personal_data.column_types import written

    if cells.dtype.kind != "f":
        return [written(cell) for cell in cells.tolist()]
    texts: list[str | None] = [None] * len(cells)
    for row in (cells >= 10.0 ** (FEWEST_DIGITS - 1)).nonzero()[0].tolist():
        text = written(float(cells[row]))
        texts[row] = text if text is not None and text.isdigit() and len(text) >= FEWEST_DIGITS else None
    return texts


def _spans(name: str, texts: list[str], detector: Detector) -> list[tuple[str, str, int, int]]:
    """What is found in texts of a column: text, label, and where in the text."""
    from holdfast.kernels.personal_data.column_types import context_of

    ahead = context_of(name)
    return [
        (text, span.label, max(span.start - len(ahead), 0), span.end - len(ahead))
        for text, spans in zip(texts, detector.find([ahead + text for text in texts]), strict=True)
        for span in spans
        if span.end > len(ahead)
    ]


def _names_a_person(label: str) -> bool:
    from holdfast.kernels.personal_data.column_types import role_of_label

    return role_of_label(label) in ("direct identifier", "special category")


def _row_share(ctx: Context, table: Table, n_looked_at: int, hits: list[_Hit]) -> Measured:
    import numpy as np

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    naming = [hit for hit in hits if _names_a_person(hit.label)]
    n_held = int(np.unique(np.concatenate([np.zeros(0, np.int64), *(hit.rows for hit in naming)])).size)
    kinds = ", ".join(sorted({f"{hit.label} in {hit.column}" for hit in naming})[:4])
    where = f" ({kinds})" if kinds else ""
    key = f"row_share.{table.name}"
    if n_looked_at == table.frame.height:
        plain = f"{n_held:,} of {n_looked_at:,} rows of the {table.name} table hold data that name a person{where}."
        share = n_held / n_looked_at
        return Measured(id=key, value=share, no_interval_reason=COUNTED, exact=True, n=n_looked_at, plain=plain)
    share, low, high = clopper_pearson(n_held, n_looked_at, level=ctx.level)
    cases, count = frequency(share, low, high)
    plain = f"Of {cases} rows of the {table.name} table, {count} hold data that name a person{where}."
    if not n_held:
        plain = (
            f"None of {n_looked_at:,} rows of the {table.name} table that were looked at holds data that name a person."
        )
    return Measured(
        id=key, value=share, n=n_looked_at,
        interval=Interval(low=low, high=high, level=ctx.level, method="Clopper-Pearson"),
        plain=plain,
    )  # fmt: skip


def _columns_measured(subject: Subject, types: dict[tuple[str, str], ColumnType]) -> list[Measured]:
    measured = []
    for key, role, words in (
        ("n_identifier_columns", "direct identifier", "name a person by themselves"),
        ("n_special_columns", "special category", "are of a special category of personal data"),
    ):
        found = list(dict.fromkeys(name for (_, name), kind in types.items() if kind.role == role))
        names = [name for name in found if not subject.features or name in subject.features]
        listed = f"{', '.join(names[:5])}{' and more' if len(names) > 5 else ''}"
        plain = (
            f"Inputs of the model that {words}: {listed or 'none'}; other columns that do: {len(found) - len(names)}."
        )
        measured.append(Measured(id=key, value=len(names), no_interval_reason=COUNTED, exact=True, plain=plain))
    return measured


def _in_model_file(subject: Subject, detector: Detector) -> tuple[int, pl.DataFrame] | None:
    """Read the words and categories in the model's file: how many there are, and what was found; None if unreadable."""
    import polars as pl

    if subject.info is None or "stored" not in subject.info.capabilities:
        return None
    lines, n_values = [], 0
    for part in subject.stored().values:
        if part.kind == "number":
            continue
        names = [str(name) for name in part.names]
        n_values += len(names)
        for text, label, start, end in _spans(part.column, names, detector):
            if _names_a_person(label):
                lines.append((part.holder, part.column, label, shape_of(text[start:end])))
    schema = dict.fromkeys(("part", "column", "label", "shape"), pl.String)
    return n_values, pl.DataFrame(lines, schema=schema, orient="row")


def _file_measured(n_values: int, found: pl.DataFrame) -> Measured:
    plain = f"Of {n_values:,} words and categories in the model's file, {found.height:,} hold data that name a person."
    return Measured(
        id="model_file_values", value=found.height, no_interval_reason=COUNTED, exact=True, n=n_values, plain=plain
    )


def _column_table(subject: Subject, types: dict[tuple[str, str], ColumnType]) -> pl.DataFrame:
    import polars as pl

    lines = [
        (table, name, kind.label, kind.role, name in subject.features, kind.n_distinct,
         *(kind.found if kind.n_values else (None, 0.0, 1.0)), "; ".join(kind.reasons))
        for (table, name), kind in types.items() if kind.label
    ]  # fmt: skip
    schema = {
        **dict.fromkeys(("table", "column", "label", "role"), pl.String), "is_input": pl.Boolean, "distinct": pl.Int64,
        **dict.fromkeys(("share_found", "low", "high"), pl.Float64), "because": pl.String,
    }  # fmt: skip
    return pl.DataFrame(lines, schema=schema, orient="row")


def _label_table(ctx: Context, hits: list[_Hit], looked_at: dict[str, int]) -> pl.DataFrame:
    import polars as pl

    from holdfast.kernels.stats.proportions import wilson

    lines = [
        (hit.table, hit.column, hit.label, len(hit.rows), looked_at[hit.table],
         *wilson(len(hit.rows), looked_at[hit.table], level=ctx.level), hit.example)
        for hit in sorted(hits, key=lambda hit: (hit.table, -len(hit.rows), hit.column, hit.label))
    ]  # fmt: skip
    schema = {
        **dict.fromkeys(("table", "column", "label"), pl.String), "rows": pl.Int64, "of": pl.Int64,
        **dict.fromkeys(("share", "low", "high"), pl.Float64), "example_shape": pl.String,
    }  # fmt: skip
    return pl.DataFrame(lines, schema=schema, orient="row")


def _affected(hits: list[_Hit]) -> pl.DataFrame:
    import polars as pl

    lines = [
        (hit.table, int(row), f"{hit.label} in {hit.column}")
        for hit in hits if _names_a_person(hit.label) for row in hit.rows[:MOST_AFFECTED]
    ]  # fmt: skip
    return pl.DataFrame(lines, schema={"table": pl.String, "row": pl.Int64, "reason": pl.String}, orient="row")
