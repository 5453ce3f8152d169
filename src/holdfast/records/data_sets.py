"""Register data sets, and compare tables with what was registered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.core.canonical import digest_of
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.provenance import ColumnRecord, DataRecord, DataStatement, FileState, Source
from holdfast.core.subject import Table
from holdfast.core.version import __version__
from holdfast.evidence.fingerprints import file_state
from holdfast.evidence.record_store import (
    default_records,
    find_data_record,
    in_force,
    make_folder,
    read_data_records,
    seal,
    short,
    write_data_record,
)
from holdfast.evidence.statement import Statement
from holdfast.evidence.writing import exclusively
from holdfast.kernels.provenance.row_commitments import compare_rows
from holdfast.records import row_digests
from holdfast.records.stating import kept_until

if TYPE_CHECKING:
    import polars as pl

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A registered data set: its record, where that lies, whether it is new, and the events to enter in a ledger."""

    record: DataRecord
    path: Path
    is_new: bool
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A table held against its record.

    Attributes
    ----------
    same_file, same_content
        Whether the bytes and the parsed content are those that were registered.
    columns
        In words, columns that came, went, or have another type.
    new, gone, altered
        Positions of rows; ``gone`` in the registered table. ``None`` where rows were not compared: ``reason``.
    has_ids
        Whether rows are told apart by a column; otherwise an altered row counts as one that went and one that came.
    is_overdue
        Whether the day until which the rows may be kept has passed.
    """

    record: DataRecord
    same_file: bool
    same_content: bool
    columns: tuple[str, ...] = ()
    new: tuple[int, ...] | None = None
    gone: tuple[int, ...] | None = None
    altered: tuple[int, ...] | None = None
    reason: str = ""
    has_ids: bool = False
    is_overdue: bool = False


def register(
    table: Path,
    statement: DataStatement,
    *,
    name: str | None = None,
    id_column: str | None = None,
    replace: bool = False,
    keep_rows: bool = True,
    records: Path | None = None,
) -> Registered:
    """Record a table: what it holds, by digests, and what is stated of it.

    Parameters
    ----------
    table
        CSV or Parquet file.
    name
        What to call the data set; the name of the file otherwise.
    id_column
        Column whose values tell rows apart, so that an altered row is known as such later.
    replace
        Whether the record takes the place of one with this name.
    keep_rows
        Whether the commitments to single rows are kept; the record has their root either way.
    records
        Folder of records; :func:`holdfast.evidence.record_store.default_records` otherwise.

    Raises
    ------
    InputError
        When the table cannot be read, a column or source does not exist, or the name is taken by other content or by
        another statement and ``replace`` was not given.
    """
    folder = default_records() if records is None else records
    read, file = _read(table)
    called = _checked_name(table.stem if name is None else name, is_given=name is not None)
    _check_id(read.frame, id_column, table)
    make_folder(folder)
    with exclusively(folder):
        known = read_data_records(folder)
        made_from = tuple(_source(each, known) for each in statement.made_from)
        earlier = next((record for record in in_force(known) if record.name == called), None)
        if earlier is not None:
            if _says_the_same(earlier, read, statement, id_column):
                path = folder / "data" / f"{called}-{short(earlier.record)}.json"
                return Registered(record=earlier, path=path, is_new=False, statements=())
            if not replace:
                raise _taken(earlier, read, statement)
        salt = row_digests.new_salt()
        digests = row_digests.digest_rows(read.frame, salt=salt, id_column=id_column)
        columns = _columns(read.frame)
        record = seal(
            DataRecord(
                name=called,
                statement=statement,
                digest=read.digest,
                file=table.name,
                file_digest=file.digest or "",
                n_bytes=file.n_bytes,
                rows=read.frame.height,
                columns=columns,
                id_column=id_column,
                schema_digest=digest_of([[column.name, column.type] for column in columns]),
                profile_digest=_profile_digest(read.frame),
                row_root=digests.root,
                made_from=made_from,
                registered=datetime.now(UTC).isoformat(timespec="seconds"),
                replaces=earlier.record if earlier else None,
                version=__version__,
            )
        )
        row_digests.keep(digests, salt, record, folder, keep_rows=keep_rows)
        path = write_data_record(record, folder)
    return Registered(record=record, path=path, is_new=True, statements=(data_statement(record),))


def data_statement(record: DataRecord) -> Statement:
    """State the registration as an event. What people wrote stays in the record, which the event names by digest."""
    said = record.statement
    return Statement(
        kind="data-set",
        subjects={"content": record.digest, "file": record.file_digest, "record": record.record},
        predicate={
            "name": record.name,
            "rows": record.rows,
            "row_root": record.row_root,
            "schema_digest": record.schema_digest,
            "profile_digest": record.profile_digest,
            "licence": said.licence,
            "lawful_basis": said.lawful_basis,
            "made_from": [source.record for source in record.made_from],
            "registered": record.registered,
            "replaces": record.replaces,
        },
    )


def compare(table: Path, *, name: str | None = None, records: Path | None = None) -> Comparison:
    """Hold a table against what was registered under its name.

    Raises
    ------
    InputError
        When the table or the record cannot be read, or there is no such record.
    """
    folder = default_records() if records is None else records
    read, file = _read(table)
    known = read_data_records(folder)
    record = find_data_record(_checked_name(table.stem, is_given=False) if name is None else name, known)
    until = kept_until(record.statement)
    told = {
        "record": record,
        "same_file": file.digest == record.file_digest,
        "columns": tuple(_column_changes(record.columns, _columns(read.frame))),
        "has_ids": record.id_column is not None,
        "is_overdue": until is not None and until < date.today(),
    }
    if read.digest == record.digest:
        return Comparison(same_content=True, new=(), gone=(), altered=(), **told)  # type: ignore[arg-type]
    salt, kept = row_digests.read_salt(record, folder), row_digests.read_rows(record, folder)
    lost = record.id_column is not None and record.id_column not in read.frame.columns
    reason = (
        "the salt was erased" if salt is None
        else "the digests of single rows were not kept" if kept is None
        else f"the column {record.id_column!r}, which tells rows apart, is gone" if lost
        else ""
    )  # fmt: skip
    if salt is None or kept is None or lost:
        return Comparison(same_content=False, reason=reason, **told)  # type: ignore[arg-type]
    today = row_digests.digest_rows(read.frame, salt=salt, id_column=record.id_column)
    changes = compare_rows(kept.rows, today.rows, ids_then=kept.ids, ids_now=today.ids)
    new, gone, altered = (tuple(part) for part in changes)
    return Comparison(same_content=False, new=new, gone=gone, altered=altered, **told)  # type: ignore[arg-type]


def forget_rows(name: str, *, records: Path | None = None) -> tuple[DataRecord, list[Path]]:
    """Erase the salt and the row digests of a data set; its record stays.

    Raises
    ------
    InputError
        When there is no such data set.
    """
    folder = default_records() if records is None else records
    record = find_data_record(name, read_data_records(folder))
    return record, row_digests.erase(record, folder)


def _read(path: Path) -> tuple[Table, FileState]:
    """Read a table and digest its file, which must be the same before and after."""
    from holdfast.adapters.tables.reading import read_table

    before = file_state(path.expanduser()) if path.expanduser().is_file() else None
    read = read_table(path, name="table")
    state = file_state(path.expanduser())
    if before is None or before.digest != state.digest:
        raise InputError(f"{path} changed while it was read", hint="wait until nobody writes to it")
    return read, state


def _checked_name(name: str, *, is_given: bool) -> str:
    if not is_given:
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("._-")[:80]
    if not NAME.fullmatch(name):
        raise InputError(
            f"expected a name of letters, digits, '.', '_' and '-', got {name!r}", hint="give another with --name"
        )
    return name


def _check_id(frame: pl.DataFrame, id_column: str | None, table: Path) -> None:
    if id_column is None:
        return
    if id_column not in frame.columns:
        raise InputError(f"no column {id_column!r} in {table}", hint=did_you_mean(id_column, frame.columns))
    if frame[id_column].null_count() or frame[id_column].n_unique() < frame.height:
        raise InputError(f"the column {id_column!r} of {table} does not tell its rows apart", hint="leave --id out")


def _source(name: str, known: Sequence[DataRecord]) -> Source:
    found = find_data_record(name, known)
    return Source(name=found.name, record=found.record, digest=found.digest)


def _columns(frame: pl.DataFrame) -> tuple[ColumnRecord, ...]:
    return tuple(
        ColumnRecord(
            name=column.name,
            type=str(column.dtype),
            missing=column.null_count(),
            distinct=column.drop_nulls().n_unique(),
        )
        for column in frame.iter_columns()
    )


def _profile_digest(frame: pl.DataFrame) -> str:
    from holdfast.adapters.tables.batches import open_batches
    from holdfast.adapters.tables.counting import count, plan_for
    from holdfast.kernels.drift.profile import Profile

    if not frame.height:
        raise InputError("expected a table with rows to register, got none")
    rows = open_batches(frame, name="table")
    profile = Profile(plan_for(rows))
    for part in rows.parts:
        count(part, profile)
    return digest_of(profile.state())


def _says_the_same(earlier: DataRecord, read: Table, statement: DataStatement, id_column: str | None) -> bool:
    return (earlier.digest, earlier.statement, earlier.id_column) == (read.digest, statement, id_column)


def _taken(earlier: DataRecord, read: Table, statement: DataStatement) -> InputError:
    ways = "--replace writes a record that takes its place and names it, --name registers it as another data set"
    if earlier.digest != read.digest:
        return InputError(
            f"the name {earlier.name!r} is taken by a table of {earlier.rows:,} rows with other content", hint=ways
        )
    differing = [
        f"{name}: {getattr(earlier.statement, name)!r} then, {getattr(statement, name)!r} now"
        for name in DataStatement.__slots__
        if getattr(earlier.statement, name) != getattr(statement, name)
    ]
    said = "; ".join(differing) or "with another id column"
    return InputError(f"this table is registered as {earlier.name!r}, and other things were stated: {said}", hint=ways)


def _column_changes(then: Sequence[ColumnRecord], now: Sequence[ColumnRecord]) -> list[str]:
    before, after = ({column.name: column.type for column in columns} for columns in (then, now))
    told = [f"{name} is gone" for name in before if name not in after]
    told += [f"{name} is new" for name in after if name not in before]
    both = [name for name in before if name in after and before[name] != after[name]]
    return [*told, *(f"{name} was {before[name]} and is {after[name]}" for name in both)]
