"""Did the model or its preprocessing see the test rows?

**What it answers.** A scaler, an encoder or a word list that was fitted before the table was split has seen the test
rows; nearest neighbours may even keep them. Every score on those rows is then too good, and it does not show in the
scores.

**How.** The model's file is opened in its confined process and every part of it is looked through, as in
``privacy.structural_disclosure``: categories and words, the smallest and largest values of scalers, whole rows of
neighbours and support vectors. Each is looked up among the training rows, and, where no training row holds it, among
the test rows.

**How to read it.** ``n_values_from_test`` counts the categories, words and numbers that are in the model, in the test
table and in no training row; ``n_rows_from_test`` the test rows that the model keeps and that stand in no training row.
Both should be 0, and one is enough: the model cannot know it otherwise. 0 proves little where parts keep only means.

- *Good:* 0 of 412 stored values come from the test table.
- *Bad:* 17 words of the vectoriser occur in test rows only: it was fitted before the split.
- *Misleading:* one category in 16,000 that the training table given here has lost, because rows were left out of it
  after training: give the table the model was trained on.

**When it misleads.** Parts that keep means, variances or weights only (a standard scaler, a linear model, trees) do not
show whom they were fitted on. A list of categories that was written by hand may hold what only test rows have.

**What to do about a bad one.** Split first, fit every step on the training rows only (a pipeline does), train and audit
again.

References: Kaufman et al. (2012), ACM TKDD 6(4), 15; Kapoor and Narayanan (2023), Patterns 4(9), 100804 (L1.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.subject import Stored, Subject

if TYPE_CHECKING:
    import polars as pl

SPEC = {
    "title": "Fitted on test rows",
    "question": "Did the model or its preprocessing see the test rows?",
    "needs": ["train", "test"],
    "measures": [
        {
            "id": "n_values_from_test",
            "name": "Categories, words and numbers that only test rows can have taught",
            "unit": "values",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
        {
            "id": "n_rows_from_test",
            "name": "Test rows that the model keeps",
            "unit": "rows",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
    ],
    "evidence_codes": ["DATAQ"],
    "references": [
        "Kaufman, Rosset, Perlich, Stitelman (2012), Leakage in data mining, ACM TKDD 6(4)",
        "Kapoor, Narayanan (2023), Leakage and the reproducibility crisis in ML-based science, Patterns 4(9)",
    ],
    "cost": "light",
}

REMEDIATION = "Split first, fit every step on the training rows only (a pipeline does so), then train and audit again."
COUNTED = "a complete count of what the file keeps, not an estimate"


def run(subject: Subject, ctx: Context) -> Outcome:
    """Look up what the model keeps in both tables."""
    import polars as pl

    if subject.train is None or subject.test is None:
        raise NotRun("there is no training and test table", hint="give --train and --test")
    if subject.info is None or "stored" not in subject.info.capabilities:
        raise NotApplicable("there is no model whose parts can be read", hint="a scikit-learn model's file")
    beside_train, beside_test = subject.stored(), subject.stored(subject.test)
    values = _values(beside_train, beside_test)
    rows = _rows(subject, beside_test)
    n_values = sum(part.names.size for part in beside_train.values)
    if not n_values and rows is None:
        raise NotApplicable("the model keeps no categories, words, extreme values or rows", hint="nothing to look up")
    named = ", ".join(f"{name!r}" for name in values["value"].head(3))
    affected = pl.DataFrame(schema={"table": pl.String, "row": pl.Int64, "reason": pl.String}) if rows is None else rows
    return Outcome(
        measurements=(
            _count("n_values_from_test", values.height, n_values, "values that the model keeps", named),
            _count("n_rows_from_test", affected.height, subject.test.frame.height, "test rows", ""),
        ),
        tables={"values": values, "affected_rows": affected},
        remediation=REMEDIATION,
        assumptions=tuple(beside_train.notes),
        work={"values": n_values},
    )


def _count(id: str, found: int, n: int, what: str, named: str) -> Measured:
    words = "come from test rows and no training row" if id == "n_values_from_test" else "are kept by the model"
    return Measured(
        id=id,
        value=float(found),
        no_interval_reason=COUNTED,
        exact=True,
        n=n,
        plain=f"{found:,} of {n:,} {what} {words}" + (f": {named}." if named else "."),
    )


def _values(beside_train: Stored, beside_test: Stored) -> pl.DataFrame:
    """Values that no training row holds and some test row does."""
    import numpy as np
    import polars as pl

    lines = []
    for known, new in zip(beside_train.values, beside_test.values, strict=True):
        lines += [
            (known.holder, known.column, known.kind, str(known.names[i]), int(new.n_rows[i]))
            for i in np.flatnonzero((known.n_rows == 0) & (new.n_rows > 0))
        ]
    return pl.DataFrame(lines, schema=["holder", "column", "kind", "value", "test_rows"], orient="row")


def _rows(subject: Subject, beside_test: Stored) -> pl.DataFrame | None:
    """Test rows that the model keeps and that stand in no training row; ``None`` when it keeps no rows."""
    import numpy as np
    import polars as pl

    assert subject.train is not None
    assert subject.test is not None
    if not beside_test.rows:
        return None
    kept = np.any([part.is_stored for part in beside_test.rows], axis=0)
    names = list(subject.features)
    test = subject.test.frame.select(names).with_row_index("row").filter(pl.Series(kept))
    only = test.join(subject.train.frame.select(names), on=names, how="anti", nulls_equal=True)
    return only.select(
        table=pl.lit("test"), row=pl.col("row").cast(pl.Int64), reason=pl.lit("the model keeps this row")
    )
