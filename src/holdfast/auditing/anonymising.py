"""Make a k-anonymous release of a table, and say what it has lost and what it still gives away."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.anonymity.disclosure import Disclosure
    from holdfast.kernels.anonymity.information_loss import Loss
    from holdfast.kernels.anonymity.mondrian import Sensitive
    from holdfast.kernels.anonymity.quasi_columns import QuasiColumn

FORMATS = (".csv", ".parquet")
TELLING = ("direct identifier", "special category")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A released table and what is to be said of it.

    Attributes
    ----------
    frame
        The table as it may be given away: quasi-identifiers coarsened, dropped columns gone, rows in another order.
    k
        Size of its smallest class, counted on the released cells.
    n_classes
        Classes of people who look alike.
    unique_before
        Share of rows that were unique before.
    loss
        What the quasi-identifiers have lost.
    given_away
        By sensitive column, what classes still give away.
    dropped
        Columns that name people and were left out.
    still_known
        Columns that others may know too and that stay as they are, because they were not named.
    naming_texts
        Columns that stay although some of their cells, such as remarks, name a person or tell of a special category;
        with what they hold.
    """

    frame: pl.DataFrame
    quasi: tuple[str, ...]
    k: int
    n_classes: int
    unique_before: float
    loss: Loss
    given_away: dict[str, Disclosure]
    dropped: tuple[str, ...]
    still_known: tuple[str, ...]
    naming_texts: dict[str, tuple[str, ...]]


def anonymise(
    source: Path,
    *,
    quasi: Sequence[str],
    k: int,
    sensitive: Sequence[str] = (),
    l: int = 1,  # noqa: E741 - the literature's name
    t: float = 1.0,
    drop: Sequence[str] = (),
    seed: int = 0,
) -> Release:
    """Make every row look like at least k - 1 others in its quasi-identifiers.

    Parameters
    ----------
    source
        CSV or Parquet file.
    quasi
        Columns that others may know of a person.
    k
        Fewest people in a class, 2 or more.
    sensitive, l, t
        Columns of which every class keeps at least ``l`` values, at most ``t`` away from the table's.
    drop
        Columns to leave out besides those that name people, which are found by name and values.
    seed
        Of the order in which rows are released.

    Raises
    ------
    InputError
        When a column is missing, rows are too few, or the table as a whole lacks the diversity asked for.
    """
    import numpy as np

    from holdfast.adapters.tables.reading import read_table
    from holdfast.kernels.anonymity.disclosure import disclosure
    from holdfast.kernels.anonymity.equivalence_classes import codes_of, equivalence_classes
    from holdfast.kernels.anonymity.information_loss import information_loss
    from holdfast.kernels.anonymity.mondrian import mondrian
    from holdfast.kernels.anonymity.quasi_columns import quasi_column, written_boxes

    frame = read_table(source, name="table").frame
    quasi, sensitive = tuple(dict.fromkeys(quasi)), tuple(dict.fromkeys(sensitive))
    _refuse(frame, quasi, (*quasi, *sensitive), drop, k=k, l=l, t=t)
    cells = _cells(frame)
    before = equivalence_classes([codes_of(cells[name]) for name in quasi])
    told = _sensitive(cells, sensitive, l=l, t=t)
    try:
        columns = [quasi_column(cells[name]) for name in quasi]
        boxes = mondrian(
            [column.values for column in columns],
            is_category=[column.names is not None for column in columns],
            k=k,
            sensitive=told,
        )
    except ValueError as obstacle:
        raise InputError(str(obstacle), hint="ask for less, or give more rows") from None
    written = {
        name: [texts[at] for at in boxes.classes.of_row]
        for name, texts in ((name, written_boxes(column, boxes, at)) for at, (name, column) in enumerate(
            zip(quasi, columns, strict=True)))
    }  # fmt: skip
    naming, known = _recognised(cells, others=(*quasi, *sensitive, *drop))
    dropped = tuple(dict.fromkeys((*drop, *naming)))
    released = _released(frame, written, dropped, columns, quasi)
    classes = equivalence_classes([codes_of(np.array(released[name].to_list(), dtype=object)) for name in quasi])
    return Release(
        frame=released[np.random.default_rng(seed).permutation(frame.height)],
        quasi=tuple(quasi),
        k=int(classes.sizes.min()),
        n_classes=len(classes.sizes),
        unique_before=float((before.sizes == 1).sum() / frame.height),
        loss=information_loss(boxes.classes.sizes, boxes.widths, k=k),
        given_away={
            name: disclosure(classes, one.codes, is_ordered=one.is_ordered)
            for name, one in zip(sensitive, told, strict=True)
        },
        dropped=dropped,
        still_known=tuple(known),
        naming_texts=_naming_texts({name: cells[name] for name in released.columns if name not in quasi}),
    )


def write_release(release: Release, out: Path, *, source: Path) -> None:
    """Write a released table, never over the original or another file.

    Raises
    ------
    InputError
        When the file exists, is the original, or is of no known format.
    """
    from holdfast.evidence.writing import write_durably

    if out.suffix.lower() not in FORMATS:
        raise InputError(f"expected a file ending in {' or '.join(FORMATS)}, got {out.name!r}")
    if out.exists() or out.resolve() == source.resolve():
        raise InputError(f"{out} exists, and a release is never written over a file", hint="name another file")
    buffer = io.BytesIO()
    if out.suffix.lower() == ".parquet":
        release.frame.write_parquet(buffer)
    else:
        release.frame.write_csv(buffer)
    write_durably(out, buffer.getvalue(), is_new=True)


def _refuse(
    frame: pl.DataFrame,
    quasi: Sequence[str],
    kept: Sequence[str],
    drop: Sequence[str],
    *,
    k: int,
    l: int,  # noqa: E741
    t: float,
) -> None:
    if not quasi:
        raise InputError("expected at least one quasi-identifier, got none", hint="--quasi age,sex,postcode")
    if k < 2 or l < 1 or not 0.0 < t <= 1.0:
        raise InputError(f"expected k >= 2, l >= 1 and 0 < t <= 1, got k = {k}, l = {l}, t = {t}")
    for name in drop:
        if name in kept:
            raise InputError(f"expected to keep the column {name!r} or to drop it, got both", hint="leave out one")
    for name in (*kept, *drop):
        if name not in frame.columns:
            raise InputError(f"expected a column of the table, got {name!r}", hint=did_you_mean(name, frame.columns))


def _cells(frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    from holdfast.auditing.subject import cells_of

    return cells_of(frame)


def _sensitive(cells: dict[str, NDArray[Any]], names: Sequence[str], *, l: int, t: float) -> list[Sensitive]:  # noqa: E741
    from holdfast.kernels.anonymity.equivalence_classes import codes_of
    from holdfast.kernels.anonymity.mondrian import Sensitive

    return [Sensitive(codes_of(cells[name]), cells[name].dtype.kind == "f", l, t) for name in names]


def _recognised(cells: dict[str, NDArray[Any]], *, others: Sequence[str]) -> tuple[list[str], list[str]]:
    """Columns besides others that name people by themselves, and those that others may know of a person."""
    import numpy as np

    from holdfast.kernels.personal_data.column_types import classify_columns
    from holdfast.kernels.personal_data.detector import default_detector

    types = classify_columns(cells, detector=default_detector(), rng=np.random.default_rng(0))
    rest = {name: kind for name, kind in types.items() if name not in others}
    naming = [name for name, kind in rest.items() if kind.role == "direct identifier"]
    return naming, [name for name, kind in rest.items() if kind.is_known_to_others]


def _naming_texts(cells: dict[str, NDArray[Any]]) -> dict[str, tuple[str, ...]]:
    """What names a person, or is of a special category, in cells: the first few thousand different ones of a column."""
    from holdfast.kernels.personal_data.column_types import MOST_ROWS, role_of_label, written
    from holdfast.kernels.personal_data.detector import default_detector

    found = {}
    for name, values in cells.items():
        texts = [
            text for value in dict.fromkeys(values.tolist()) if isinstance(value, str) and (text := written(value))
        ]
        spans = default_detector().find(texts[:MOST_ROWS])
        labels = {span.label for one in spans for span in one if role_of_label(span.label) in TELLING}
        if labels:
            found[name] = tuple(sorted(labels))
    return found


def _released(
    frame: pl.DataFrame,
    written: dict[str, list[str | float | None]],
    dropped: Sequence[str],
    columns: Sequence[QuasiColumn],
    quasi: Sequence[str],
) -> pl.DataFrame:
    """Put what was written in place of the quasi-identifiers; numbers that stayed numbers keep their type."""
    import polars as pl

    coarse = []
    for name, column in zip(quasi, columns, strict=True):
        cells = written[name]
        if column.names is None and not any(isinstance(cell, str) for cell in cells):
            coarse.append(pl.Series(name, cells, dtype=pl.Float64).cast(frame.schema[name]))
        else:
            coarse.append(pl.Series(name, [_shown(cell) for cell in cells], dtype=pl.String))
    return frame.with_columns(coarse).drop(*dropped)


def _shown(cell: str | float | None) -> str | None:
    return f"{cell:.15g}" if isinstance(cell, float) else cell
