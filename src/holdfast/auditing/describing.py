"""Describe a data set: facts of its columns, what the checks of data find, and the two files of its card."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

from holdfast.core.datasheet import ColumnFacts, ColumnKind, Datasheet, Role
from holdfast.core.errors import InputError
from holdfast.core.finding import Finding
from holdfast.core.subject import Table

if TYPE_CHECKING:
    import polars as pl

CHECKS = ("data.duplicates", "data.labels", "data.missingness", "data.representativeness", "data.schema")
ROLES = ("id", "time", "group", "sensitive", "text")
CARD, CROISSANT = "README.md", "croissant.json"
FEWEST_SHARING, MOST_FREQUENT, MOST_DISTINCT = 10, 10, 50
PERCENTILES = (0.05, 0.5, 0.95)
MEDIA_TYPES = {".parquet": "application/vnd.apache.parquet", ".pq": "application/vnd.apache.parquet"}


def describe(table: Path, *, target: str | None = None, population: str | None = None) -> Datasheet:
    """Measure what can be measured of a data set.

    Parameters
    ----------
    table
        CSV or Parquet file.
    target
        Column with the outcomes.
    population
        Table of the people the data set should stand for.

    Raises
    ------
    InputError
        When the file, the target or the population cannot be used.
    """
    import holdfast
    from holdfast.adapters.tables.reading import read_table
    from holdfast.auditing.guessing import guess_roles

    read = read_table(table, name="test")
    if read.frame.height == 0:
        raise InputError(f"the table {table} has no rows")
    findings, task = _findings(table, target, population)
    roles: dict[str, list[Role]] = {}
    for guess in guess_roles(read, target=target):
        if guess.role in ROLES:
            roles.setdefault(guess.column, []).append(cast(Role, guess.role))
    if target is not None:
        roles[target] = ["target"]
    data = table.read_bytes()
    return Datasheet(
        name=table.stem,
        file=table.name,
        n_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=MEDIA_TYPES.get(table.suffix.lower(), "text/csv"),
        digest=read.digest,
        rows=read.frame.height,
        columns=_columns(read, roles),
        target=target,
        task=task,
        findings=findings,
        notes=read.notes,
        version=holdfast.__version__,
    )


def check_free(folder: Path, *, force: bool) -> None:
    """Make the folder, and refuse to write over a card, for people write into it.

    Raises
    ------
    InputError
        When a file is there already and ``force`` was not given, or the folder cannot be made.
    """
    present = [folder / name for name in (CARD, CROISSANT) if (folder / name).exists()]
    if present and not force:
        raise InputError(
            f"{present[0]} exists, and somebody may have written into it",
            hint="--force replaces it, --out writes into another folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder}: {error.strerror}", hint="choose another with --out"
        ) from None


def write_datasheet(sheet: Datasheet, folder: Path) -> tuple[Path, Path]:
    """Write the card and the Croissant description into a folder."""
    from holdfast.evidence.writing import open_durably
    from holdfast.reports.croissant import render_croissant
    from holdfast.reports.dataset_card import render_dataset_card

    paths = folder / CARD, folder / CROISSANT
    texts = render_dataset_card(sheet), render_croissant(sheet)
    with ExitStack() as stack:  # both take their names, or neither does
        files = [stack.enter_context(open_durably(path)) for path in paths]
        for file, text in zip(files, texts, strict=True):
            file.write(text.encode("utf-8"))
            file.flush()
    return paths


def _findings(table: Path, target: str | None, population: str | None) -> tuple[tuple[Finding, ...], str | None]:
    from holdfast.auditing.api import audit

    with tempfile.TemporaryDirectory(prefix="holdfast-datasheet-") as folder:
        result = audit(
            test=str(table),
            target=target,
            population=population,
            check=[check for check in CHECKS if target is not None or check != "data.labels"],
            effort="quick",
            cache=False,
            out=Path(folder) / "audit",
        )
        task = result.audit.findings.subject.task if target is not None else None
        return tuple(finding for finding in result.findings if finding.check in CHECKS), task


def _columns(table: Table, roles: Mapping[str, Sequence[Role]]) -> tuple[ColumnFacts, ...]:
    return tuple(_facts(column, tuple(roles.get(column.name, ()))) for column in table.frame.get_columns())


def _facts(column: pl.Series, roles: tuple[Role, ...]) -> ColumnFacts:
    import polars as pl

    known = column.drop_nulls()
    kind = _kind(column)
    is_private = bool({"id", "text"} & set(roles))
    quantiles: tuple[float, ...] = ()
    if kind in ("number", "whole number") and not is_private and known.len() >= FEWEST_SHARING:
        numbers = known.cast(pl.Float64)
        finite = numbers.filter(numbers.is_finite())
        quantiles = tuple(float(finite.quantile(part) or 0.0) for part in PERCENTILES) if finite.len() else ()
    frequent: list[tuple[str, int]] = []
    distinct = known.n_unique()
    if not is_private and (distinct <= MOST_DISTINCT or "target" in roles):
        counts = known.cast(pl.String).value_counts(sort=False, name="rows").rows()
        shared = [(str(value), int(rows)) for value, rows in counts if rows >= FEWEST_SHARING]
        frequent = sorted(shared, key=lambda pair: (-pair[1], pair[0]))[:MOST_FREQUENT]
    return ColumnFacts(
        name=column.name,
        kind=kind,
        roles=roles,
        missing=column.null_count(),
        distinct=distinct,
        quantiles=quantiles,
        frequent=tuple(frequent),
    )


def _kind(column: pl.Series) -> ColumnKind:
    import polars as pl

    if column.null_count() == column.len():
        return "empty"
    if column.dtype == pl.Boolean:
        return "truth value"
    if column.dtype == pl.Date:
        return "date"
    if column.dtype.is_temporal():
        return "time"
    if column.dtype.is_integer():
        return "whole number"
    return "number" if column.dtype.is_numeric() else "text"
