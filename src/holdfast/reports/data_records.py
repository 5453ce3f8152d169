"""Records of data sets, and tables held against them, as text and as a data sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast.core.datasheet import ColumnFacts, ColumnKind, Datasheet
from holdfast.core.provenance import DataRecord
from holdfast.reports.text import printable

MOST_ROWS_SHOWN = 10
KINDS: Mapping[str, ColumnKind] = {
    "Int64": "whole number",
    "Float64": "number",
    "Boolean": "truth value",
    "Date": "date",
}


def render_list(records: Sequence[DataRecord]) -> str:
    """One line for each record: name, rows, day, licence, digest of the record."""
    if not records:
        return "no data set is registered\n"
    width = max(len(record.name) for record in records)
    lines = [
        f"{record.name:<{width}}  {record.rows:>11,} rows  {record.registered[:10]}  {record.record[7:19]}  "
        f"{printable(record.statement.licence) or 'licence not stated'}"
        for record in records
    ]
    return "\n".join(lines) + "\n"


def render_record(record: DataRecord) -> str:
    """All fields of a record, those that nobody stated marked as such."""
    said = record.statement
    days = " to ".join(day for day in (said.collected_from, said.collected_to) if day)
    sources = ", ".join(f"{one.name} ({one.record[7:19]})" for one in record.made_from)
    unsaid = "not stated"
    fields = {
        "file": f"{record.file}, {record.n_bytes:,} bytes",
        "rows and columns": f"{record.rows:,} x {len(record.columns)}",
        "origin": said.origin or unsaid,
        "licence": said.licence or unsaid,
        "collection": said.collection or unsaid,
        "collected": days or unsaid,
        "lawful basis": said.lawful_basis or unsaid,
        "retention": said.retention or unsaid,
        "made from": sources or "no registered data set",
        "transformations": "; ".join(said.transformations) or unsaid,
        "rows told apart by": record.id_column or "no column",
        "registered": record.registered,
        "replaces": record.replaces or "nothing",
        "content": record.digest,
        "file digest": record.file_digest,
        "columns digest": record.schema_digest,
        "profile digest": record.profile_digest,
        "root of rows": record.row_root,
        "record": record.record,
    }
    width = max(map(len, fields))
    return "\n".join([record.name, *(f"  {name:<{width}}  {printable(text)}" for name, text in fields.items())]) + "\n"


def render_comparison(
    record: DataRecord,
    *,
    same_file: bool,
    same_content: bool,
    columns: Sequence[str],
    rows: Mapping[str, Sequence[int] | None],
    reason: str,
    is_overdue: bool,
) -> str:
    """Say whether a table is what was registered, and where it differs."""
    what = f"{record.name} as registered {record.registered[:10]} ({record.record[7:19]})"
    if same_content:
        how = "the same file" if same_file else "the same content in another file"
        lines = [f"unchanged: {how} as {what}"]
    else:
        lines = [f"changed: other content than {what}", *(f"  column {printable(line)}" for line in columns)]
        lines += [f"  rows were not compared: {reason}"] if reason else _rows(rows)
    if is_overdue:
        lines.append(f"overdue: the rows were to be kept until {record.statement.retention}")
    return "\n".join(lines) + "\n"


def _rows(rows: Mapping[str, Sequence[int] | None]) -> list[str]:
    lines = []
    for name, positions in rows.items():
        if positions is None:
            lines.append(f"  {name}: not told apart from a row that went and one that came; register with --id COLUMN")
        else:
            shown = ", ".join(map(str, positions[:MOST_ROWS_SHOWN]))
            rest = f" and {len(positions) - MOST_ROWS_SHOWN:,} more" if len(positions) > MOST_ROWS_SHOWN else ""
            lines.append(
                f"  {name}: {len(positions):,} row{'s' if len(positions) != 1 else ''}"
                + (f" (rows {shown}{rest})" if positions else "")
            )
    return lines


def sheet_of(record: DataRecord) -> Datasheet:
    """Return a record as the data sheet that a Croissant description is written from; it holds no findings."""
    return Datasheet(
        name=record.name,
        file=record.file,
        n_bytes=record.n_bytes,
        sha256=record.file_digest.removeprefix("sha256:"),
        media_type="application/vnd.apache.parquet" if record.file.endswith((".parquet", ".pq")) else "text/csv",
        digest=record.digest,
        rows=record.rows,
        columns=tuple(
            ColumnFacts(
                name=column.name,
                kind="time" if column.type.startswith("Datetime") else KINDS.get(column.type, "text"),
                missing=column.missing,
                distinct=column.distinct,
            )
            for column in record.columns
        ),
        target=None,
        task=None,
        findings=(),
        notes=(),
        version=record.version,
    )
