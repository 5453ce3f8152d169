"""What is known of a data set: measured facts, and the findings of the checks that look at data alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.core.finding import Finding

ColumnKind = Literal["whole number", "number", "text", "truth value", "date", "time", "empty"]
TO_BE_FILLED = "To be filled in by a person: "
Role = Literal["target", "id", "time", "group", "sensitive", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """One column, described without a value that few rows have.

    Attributes
    ----------
    roles
        What the column is: the target as given, the others going by names and cells.
    missing, distinct
        Cells without a value; different values.
    quantiles
        5th, 50th and 95th percentile of numbers; empty for others. No extremes: they may be single people.
    frequent
        The most frequent values with their rows; empty where few rows share a value, as in names and free text.
    """

    name: str
    kind: ColumnKind
    roles: tuple[Role, ...] = ()
    missing: int = 0
    distinct: int = 0
    quantiles: tuple[float, ...] = ()
    frequent: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasheet:
    """A data set as a card describes it.

    Attributes
    ----------
    name, file, n_bytes, sha256, media_type
        The file: its stem, its name, its size and digest, ``text/csv`` or ``application/vnd.apache.parquet``.
    digest
        Digest of the parsed content, whatever the format.
    rows, columns
        The table.
    target, task
        Column with the outcomes and the kind of task, where one was given.
    findings
        What the checks of data found.
    notes
        What was assumed in reading the file.
    version
        Version of Holdfast.
    """

    name: str
    file: str
    n_bytes: int
    sha256: str
    media_type: str
    digest: str
    rows: int
    columns: tuple[ColumnFacts, ...]
    target: str | None
    task: str | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    version: str

    def with_role(self, role: Role) -> tuple[str, ...]:
        """Names of the columns that have a role."""
        return tuple(column.name for column in self.columns if role in column.roles)
