"""What a person who holds the model's file can read out of it, with no attack at all.

**Question.** Does the file itself hold rows of training data, counts of one, words of one person?

**How.** The model is opened in its confined process and every part of it is looked through, steps of pipelines and
members of ensembles included. Four things are counted:

- *rows*: nearest neighbours, support vectors, Gaussian processes and imputers by neighbours keep rows of the training
  data as they are. Whatever matrix a part keeps is compared with the training table as that part is given it, after the
  steps before it; an equal row is one that lies in the file;
- *leaves*: trees of scikit-learn and LightGBM write how many people each leaf stands for. The training table is also
  dropped through the trees: somebody who is alone in a leaf is described by the path to it, and where the leaf names a
  single class, by the outcome too;
- *terms and categories*: a vectoriser keeps every word, an encoder every category. One that fewer than `smallest`
  people have points at them;
- *numbers*: the smallest and largest value that a scaler keeps, a quantile or a median is often one person's own.

**How to read it.** `stored_rows` are the rows of training data that the file keeps (of the part that keeps most), and
`stored_row_share` is the share of the training table found among them, equal in single precision.
`small_leaf_share` is the share of leaves that stand for fewer than `smallest` people, `alone_row_share` the share of
people who are alone in a leaf of some tree, `alone_outcome_share` the share of these whose outcome that leaf names.
`rare_terms` and `unique_terms` count terms and categories of fewer than `smallest` people and of one; `exact_values`
counts numbers that exactly one person has. All are counts, not estimates, so they have no interval. They are lower
bounds of what the file gives away: 0 says that nothing of these kinds was found.

**When it misleads.** Rows behind a scaler are stored scaled; the scaler in the same file turns them back. Without the
training table, terms and values cannot be counted and rows not compared. A training table that is not the one the model
was trained on finds too little. XGBoost and ONNX write no counts of people, so that only the table tells. Being alone
in a leaf is common in deep trees: it matters where the file leaves the house. Whoever can only ask the model sees none
of this: see the attacks for that.

**What to do about a bad result.** Do not hand out the file, or use a model that keeps no rows (a linear model, trees
with at least ten people in a leaf). Set `min_samples_leaf` or `min_data_in_leaf`, `min_df` or `min_frequency`, fix the
ranges of scalers by what is possible instead of by what was seen.

- *A good result*: a logistic regression: 0 rows, 0 rare categories.
- *A bad result*: five nearest neighbours: 700 stored rows, all 700 people of the training table.
- *A misleading result*: 0 stored rows for an ONNX export whose trees have one person in every leaf: read
  `alone_row_share`.

References
----------
Shokri, R., Strobel, M. and Zick, Y. (2021). On the privacy risks of model explanations. AIES (explanations
by examples show training rows).
Ferry, J., Aïvodji, U., Gambs, S., Huguet, M.-J. and Siala, M. (2024). Probabilistic dataset reconstruction from
interpretable models. SaTML.
Ferry, J., Fukasawa, R., Pascal, T. and Vidal, T. (2024). Trained random forests completely reveal your dataset. ICML.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.subject import Stored, StoredValues, Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.privacy.leaves import Occupancy

SPEC = {
    "title": "What the model's file gives away",
    "question": "Does the file itself hold rows, rare words or counts of single people?",
    "needs": [],
    "measures": [
        {"id": "stored_rows", "name": "Rows of training data in the file", "unit": "rows",
         "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
        {"id": "stored_row_share", "name": "Share of the training table that lies in the file", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "small_leaf_share", "name": "Share of leaves that stand for few people", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "alone_row_share", "name": "Share of people who are alone in a leaf of a tree", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "alone_outcome_share", "name": "Share of these whose outcome the leaf names", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "rare_terms", "name": "Terms and categories of few people", "unit": "terms",
         "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
        {"id": "unique_terms", "name": "Terms and categories of one person", "unit": "terms",
         "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
        {"id": "exact_values", "name": "Numbers that exactly one person has", "unit": "numbers",
         "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
    ],
    "evidence_codes": ["INVERT"],
    "references": ["Shokri et al. 2021", "Ferry et al. 2024 (SaTML)", "Ferry et al. 2024 (ICML)"],
    "cost": "light",
    "effort": {
        "quick": {"trees": 50},
        "default": {"trees": 500},
        "thorough": {"trees": 100000},
    },
}  # fmt: skip

REMEDIATION = (
    "Treat the file as personal data: whoever holds it reads what is listed here. Use a model that keeps no rows, ask "
    "for at least ten people in a leaf (min_samples_leaf, min_data_in_leaf), leave out rare words and categories "
    "(min_df, min_frequency), and state the possible range of a scaler instead of the one that was seen."
)
NO_FILE = {
    "callable": "a callable has no file that somebody could hold",
    "endpoint": "a model behind an endpoint gives away its answers only",
    "predictions": "a table of predictions holds no model",
}
COUNTED = "counted, not estimated"
FORESTS = {
    "all": "Its trees saw all rows: Ferry et al. (2024) reconstruct the whole table of such forests.",
    "bootstrap": "Its trees saw bootstrap samples: Ferry et al. (2024) reconstruct most of the table of such forests.",
}
SIZES = (1, 2, 3, 5, 10, 20, 50, 100)
MOST_AFFECTED = 10_000
MOST_EXAMPLES = 1_000
SHOWN_PARTS = 5
CHART = Chart(
    id="leaf_sizes",
    title="Leaves by the number of people they stand for",
    caption="Bars on the left are leaves that speak about very few people.",
    kind="bars",
    table="leaf_sizes",
    x="people",
    y="leaves",
    x_title="people in the leaf",
    y_title="leaves",
)


@dataclass(slots=True)
class _Found:
    """What is collected: measurements, what could not be seen, rows to point at, tables."""

    smallest: int
    measurements: list[Measured] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    affected: list[tuple[NDArray[np.bool_], str]] = field(default_factory=list)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)

    def count(self, key: str, value: float, *, n: int, plain: str) -> None:
        """Add a number that was counted."""
        self.measurements.append(
            Measured(id=key, value=value, no_interval_reason=COUNTED, exact=True, n=n, plain=plain)
        )


def run(subject: Subject, ctx: Context, *, smallest: int = 5) -> Outcome:
    """Count what the model's file stores about people.

    Parameters
    ----------
    smallest
        Number of people below which a leaf, a term or a category points at them.
    """
    if smallest < 2:
        raise InputError(f"expected a number of people of at least 2, got smallest={smallest}")
    stored, has_trees = _stored(subject)
    found = _Found(smallest, notes=list(stored.notes) if stored else [])
    if subject.train is None:
        found.notes.append("Without the training table (--train) rows, terms and numbers cannot be compared with it.")
    occupied = _occupancy(subject, ctx, found) if has_trees and subject.train is not None else None
    if stored is not None:
        _rows(stored, found, n_train=subject.train.frame.height if subject.train else 0)
        _values(stored, found)
    _leaf_sizes(stored, occupied, found)
    if occupied is not None:
        _alone(subject, occupied, found)
    if not found.measurements:
        raise NotRun("nothing could be counted: " + " ".join(found.notes), hint="give the training table with --train")
    return Outcome(
        measurements=tuple(found.measurements),
        tables={**found.tables, "affected_rows": _affected_table(found.affected)},
        charts=(CHART,) if "leaf_sizes" in found.tables else (),
        remediation=REMEDIATION,
        assumptions=tuple(found.notes),
    )


def _stored(subject: Subject) -> tuple[Stored | None, bool]:
    """Return what the model keeps, where that can be read, and whether its trees can."""
    if subject.info is None:
        raise NotApplicable("there is no model", hint="a model file, given with --model")
    if subject.info.format in NO_FILE:
        raise NotApplicable(NO_FILE[subject.info.format], hint="a model file, given with --model")
    has_trees = "trees" in subject.info.capabilities
    if "stored" in subject.info.capabilities:
        return subject.stored(), has_trees
    if has_trees:
        return None, True
    raise NotRun(
        f"what a model of the format {subject.info.format} keeps is not read",
        hint="give the estimator that it was exported from",
    )


def _rows(stored: Stored, found: _Found, *, n_train: int) -> None:
    """Count rows that the file keeps, and those of the training table among them."""
    import numpy as np
    import polars as pl

    parts = stored.rows
    is_stored = np.any([np.zeros(n_train, dtype=bool), *(part.is_stored for part in parts)], axis=0)
    kept = max([int(is_stored.sum()), *(part.n_rows for part in parts)])
    holders = ", ".join(dict.fromkeys(part.holder for part in parts))
    plain = f"The file keeps {kept:,} rows of training data ({holders})." if kept else "The file keeps no rows."
    found.count("stored_rows", kept, n=kept, plain=plain)
    if n_train:
        share = float(is_stored.mean())
        plain = f"Of {n_train:,} people in the training table, {int(is_stored.sum()):,} lie in the file unchanged."
        found.count("stored_row_share", share, n=n_train, plain=plain)
        found.affected.append((is_stored, "the file keeps this row"))
    for part in parts[:SHOWN_PARTS]:
        if part.n_equal is not None and part.n_equal < part.n_rows:
            of = f"{part.n_equal:,} of {part.n_rows:,} rows that {part.holder} keeps"
            found.notes.append(f"Only {of} equal a row of the training table: it may not be the one it was trained on.")
    if n_train and any(part.n_equal is None for part in parts):
        found.notes.append("Some parts keep rows that could not be compared with the training table.")
    schema = {"part": pl.String, "rows": pl.Int64, "equal_to_a_training_row": pl.Int64}
    rows = [(part.holder, part.n_rows, part.n_equal) for part in parts]
    found.tables["parts"] = pl.DataFrame(rows, schema=schema, orient="row")


def _values(stored: Stored, found: _Found) -> None:
    """Count terms, categories and numbers that few people have."""
    terms, numbers = (
        [part for part in stored.values if (part.kind == "number") == is_number] for is_number in (False, True)
    )
    n_rare, n_known = _held_by_few(terms, found.smallest)
    n_one, _ = _held_by_few(terms, 2)
    if n_known or not terms:
        few = f"fewer than {found.smallest} people"
        plain = f"Of {n_known:,} terms and categories in the file, {n_rare:,} belong to {few}, {n_one:,} to one."
        found.count("rare_terms", n_rare, n=n_known, plain=plain)
        found.count("unique_terms", n_one, n=n_known, plain="")
    n_one, n_known = _held_by_few(numbers, 2)
    if n_known or not numbers:
        plain = (
            f"Of {n_known:,} extremes, quantiles and medians in the file, {n_one:,} are exactly one person's number."
        )
        found.count("exact_values", n_one, n=n_known, plain=plain)
    found.tables["rare_values"] = _rare_table(stored.values, found.smallest)


def _held_by_few(parts: list[StoredValues], limit: int) -> tuple[int, int]:
    """Count values of at least one but fewer than so many rows, and values that were counted at all."""
    rare = sum(int(((part.n_rows >= 1) & (part.n_rows < limit)).sum()) for part in parts)
    return rare, sum(int((part.n_rows >= 0).sum()) for part in parts)


def _rare_table(parts: tuple[StoredValues, ...], smallest: int) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    rows = []
    for part in parts:
        for at in np.flatnonzero((part.n_rows >= 1) & (part.n_rows < (2 if part.kind == "number" else smallest))):
            name = str(part.names[at])
            shown = name if part.kind == "number" else masked(name)
            rows.append((part.holder, part.column, part.kind, shown, int(part.n_rows[at])))
    schema = {"part": pl.String, "column": pl.String, "kind": pl.String, "value": pl.String, "people": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("people", maintain_order=True).head(MOST_EXAMPLES)


def masked(name: str) -> str:
    """Leave of a text its first letter and its length.

    Examples
    --------
    >>> masked("Holand-Netherlands")
    'H… (18)'
    """
    return f"{name[0] if len(name) > 2 else ''}… ({len(name)})"


def _occupancy(subject: Subject, ctx: Context, found: _Found) -> Occupancy | None:
    """Drop the training table through the trees; ``None`` where they cannot be read."""
    from holdfast.kernels.privacy.leaves import occupancy

    assert subject.train is not None
    try:
        trees = subject.trees()
    except NotRun as obstacle:
        found.notes.append(f"Nobody was dropped through the trees: {obstacle.message}.")
        return None
    n_trees = ctx.effort.get("trees", trees.roots.size)
    if n_trees < trees.roots.size:
        found.notes.append(f"People were dropped through {n_trees} of {trees.roots.size} trees.")
    features = subject.tree_features(subject.train.frame.select(subject.features))
    return occupancy(trees, features, max_trees=n_trees)


def _leaf_sizes(stored: Stored | None, occupied: Occupancy | None, found: _Found) -> None:
    """Measure how many people leaves stand for: as the file says, else as the training table shows."""
    import numpy as np
    import polars as pl

    if stored is not None and stored.leaf_rows.size:
        sizes, source = stored.leaf_rows, "by the counts in the file"
    elif occupied is not None:
        sizes, source = occupied.n_rows, "by the training table; the file itself has no counts"
    else:
        return
    is_small = sizes < found.smallest
    few = f"fewer than {found.smallest} people"
    plain = f"Of {sizes.size:,} leaves, {int(is_small.sum()):,} stand for {few} ({source})."
    found.count("small_leaf_share", float(is_small.mean()), n=sizes.size, plain=plain)
    if stored is not None and stored.forest:
        found.notes.append(f"The file is a random forest with counts of people. {FORESTS[stored.forest]}")
    bins = np.searchsorted(SIZES, sizes, side="right") - 1
    ends = [f"{low} to {high - 1}" if high > low + 1 else f"{low}" for low, high in itertools.pairwise(SIZES)]
    counts = np.bincount(np.maximum(bins, 0), minlength=len(SIZES))
    found.tables["leaf_sizes"] = pl.DataFrame({"people": [*ends, f"{SIZES[-1]} or more"], "leaves": counts})


def _alone(subject: Subject, occupied: Occupancy, found: _Found) -> None:
    """Count people who are alone in a leaf, and those whose outcome that leaf names."""
    import numpy as np

    from holdfast.kernels.privacy.leaves import named_class

    assert subject.train is not None
    trees, n_train = subject.trees(), subject.train.frame.height
    leaf, row = occupied.leaf[occupied.n_rows == 1], occupied.last[occupied.n_rows == 1]
    is_alone = np.zeros(n_train, dtype=bool)
    is_alone[row] = True
    n_alone = int(is_alone.sum())
    plain = f"Of {n_train:,} people in the training table, {n_alone:,} are alone in a leaf of at least one tree."
    found.count("alone_row_share", n_alone / n_train, n=n_train, plain=plain)
    found.affected.append((is_alone, "alone in a leaf of a tree"))
    if trees.link not in ("centred", "probabilities"):
        found.notes.append("Leaves hold parts of a sum here, not outcomes, so none names anybody's outcome by itself.")
    elif n_alone and subject.target is not None:
        names = named_class(trees.value[leaf], whole=1.0 / trees.roots.size)
        is_named = np.zeros(n_train, dtype=bool)
        is_named[row[names == subject.y(subject.train)[row]]] = True
        share = float(is_named.sum() / n_alone)
        plain = f"Of {n_alone:,} people who are alone in a leaf, {int(is_named.sum()):,} find their own outcome in it."
        found.count("alone_outcome_share", share, n=n_alone, plain=plain)


def _affected_table(affected: list[tuple[NDArray[np.bool_], str]]) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    schema = {"table": pl.String, "row": pl.Int64, "reason": pl.String}
    listed = [
        ("train", int(row), reason) for is_meant, reason in affected for row in np.flatnonzero(is_meant)[:MOST_AFFECTED]
    ]
    return pl.DataFrame(listed, schema=schema, orient="row")
