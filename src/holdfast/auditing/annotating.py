"""Settle the outcomes of a table that several annotators have labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.measurement import Interval

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.core.subject import Table

SEED = 0
MOST_CLASSES = 200
METHOD = "delete-a-group jackknife, 20 groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledLabels:
    """What is known of a table's outcomes and annotators.

    Attributes
    ----------
    rows
        ``row`` (position in the table), ``suggested``, ``probability`` of it, ``labels`` (how many were given) and
        ``dissent`` (how many of these differ from it), the least certain first.
    annotators
        ``annotator``, ``labels`` (how many), ``accuracy`` with ``low`` and ``high``, the best first.
    agreement, interval
        Krippendorff's alpha.
    """

    rows: pl.DataFrame
    annotators: pl.DataFrame
    agreement: float
    interval: Interval


def settle_labels(table: Any, columns: Sequence[str], *, probabilities: Any = None) -> SettledLabels:
    """Estimate the true outcomes and how often each annotator is right.

    Parameters
    ----------
    table
        File (CSV or Parquet) or data frame.
    columns
        One column for each annotator; empty cells where he gave no label. Two or more.
    probabilities
        File or data frame with one row for each of the table's, and one column per class, named as the class: what a
        model that learned from none of these labels says of it.

    Raises
    ------
    InputError
        When a file, a column or the probabilities cannot be used.
    """
    import numpy as np

    from holdfast.adapters.tables.reading import read_table
    from holdfast.kernels.data.annotators import judge_annotators

    read = read_table(table, name="test")
    for name in columns:
        if name not in read.frame.columns:
            raise InputError(f"the table has no column {name!r}", hint=did_you_mean(name, read.frame.columns))
    if len(set(columns)) < 2:
        raise InputError(
            f"expected the columns of two annotators or more, got {', '.join(columns) or 'none'}",
            hint="give --column for each of them; for one column of outcomes see holdfast labels",
        )
    classes, codes = _coded(read, columns)
    given = None if probabilities is None else read_table(probabilities, name="probabilities")
    try:
        prior = None if given is None else _prior(given, classes)
        found = judge_annotators(codes, len(classes), rng=np.random.default_rng(SEED), prior=prior)
    except ValueError as error:
        raise InputError(
            f"the labels cannot be judged: {error}", hint="one row for each case, one column each"
        ) from None
    interval = Interval(low=found.agreement.low, high=found.agreement.high, level=0.95, method=METHOD)
    return SettledLabels(
        rows=_rows(found.posterior, codes, classes),
        annotators=_annotators(columns, codes, found.accuracy),
        agreement=found.agreement.value,
        interval=interval,
    )


def _coded(read: Table, columns: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Classes in order, and the position of each label among them."""
    import numpy as np

    from holdfast.auditing.matching import label_key

    keys = [[None if cell is None else label_key(cell) for cell in read.frame.get_column(name)] for name in columns]
    classes = sorted({key for column in keys for key in column if key is not None})
    if len(classes) < 2:
        raise InputError(
            f"expected two classes or more, got {', '.join(map(repr, classes)) or 'no label'}",
            hint="name the columns that hold the annotators' labels",
        )
    if len(classes) > MOST_CLASSES:
        raise InputError(
            f"expected at most {MOST_CLASSES} classes, got {len(classes):,}, such as {classes[0]!r}",
            hint="name the columns that hold the annotators' labels, not numbers or texts",
        )
    for name, column in zip(columns, keys, strict=True):
        if all(key is None for key in column):
            raise InputError(f"the column {name!r} holds no label", hint="leave this annotator out")
    place = {label: position for position, label in enumerate(classes)}
    codes = [[-1 if key is None else place[key] for key in column] for column in keys]
    return classes, np.array(codes, dtype=np.int64).T


def _prior(given: Table, classes: list[str]) -> NDArray[np.float64]:
    import polars as pl

    from holdfast.auditing.matching import label_key

    names = {label_key(name): name for name in given.frame.columns}
    missing = [label for label in classes if label not in names]
    if missing:
        raise InputError(
            f"the annotators gave the class {missing[0]!r}, and the probabilities have no column of that name",
            hint=did_you_mean(missing[0], list(names)),
        )
    chosen = given.frame.select(names[label] for label in classes)
    texts = [name for name in chosen.columns if not chosen[name].dtype.is_numeric()]
    if texts:
        raise InputError(
            f"expected numbers in the column {texts[0]!r} of the probabilities, got {chosen[texts[0]].dtype}",
            hint="give one column per class, named as the class",
        )
    return chosen.cast(pl.Float64).to_numpy()


def _rows(posterior: NDArray[np.float64], codes: NDArray[np.int64], classes: list[str]) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    best = posterior.argmax(axis=1)
    labelled = codes >= 0
    table = pl.DataFrame(
        {
            "row": np.arange(best.size),
            "suggested": [classes[position] for position in best],
            "probability": posterior[np.arange(best.size), best],
            "labels": labelled.sum(axis=1),
            "dissent": (labelled & (codes != best[:, None])).sum(axis=1),
        }
    )
    return table.sort("probability", maintain_order=True)


def _annotators(columns: Sequence[str], codes: NDArray[np.int64], accuracy: Sequence[Any]) -> pl.DataFrame:
    import polars as pl

    counts = (codes >= 0).sum(axis=0).tolist()
    lines = [(name, count, *found) for name, count, found in zip(columns, counts, accuracy, strict=True)]
    table = pl.DataFrame(lines, schema=["annotator", "labels", "accuracy", "low", "high"], orient="row")
    return table.sort("accuracy", descending=True, maintain_order=True)
