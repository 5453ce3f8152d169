"""Guess how a text table is laid out, from its first records."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from holdfast.adapters.tables.names import listed
from holdfast.core.errors import InputError

# The comma stands last: between two that fit equally well, "1,5;2,3" is a line of decimal commas.
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars", ",": "commas"}
SAMPLE_BYTES = 1 << 16
SAMPLE_RECORDS = 200
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "#n/a", "<na>"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The layout of a text table.

    Attributes
    ----------
    delimiter
        The character between fields.
    has_header
        Whether the first record holds the names.
    names
        Names of the columns: from the header, or ``x0``, ``x1``, … without one.
    notes
        What was assumed, in sentences.
    """

    delimiter: str
    has_header: bool
    names: tuple[str, ...]
    notes: tuple[str, ...]


def guess_dialect(data: bytes, *, encoding: str, source: str) -> Dialect:
    """Guess delimiter and header.

    The delimiter is the one by which most of the first 200 records have as many fields as the very first. The first
    record is the header when none of its fields is a number, when it counts 0, 1, 2, …, or when a word stands above
    a column that holds only numbers.
    """
    sample, whole = _sample(data)
    parsed = {delimiter: _records(sample, delimiter, whole=whole) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda candidate: _agreement(parsed[candidate]))
    records = parsed[delimiter] if _agreement(parsed[delimiter]) > 0 else parsed[","]
    if not records:
        raise InputError(
            f"expected a table in {source}, got no readable record",
            hint="look at its beginning for a quotation mark that is never closed",
        )
    delimiter = delimiter if len(records[0]) > 1 else ","
    has_header = _is_header(records)
    names, notes = _named(records[0]) if has_header else (tuple(f"x{i}" for i in range(len(records[0]))), ())
    layout = f"one column {names[0]!r}" if len(names) == 1 else f"fields separated by {DELIMITERS[delimiter]}"
    first = "its first line is the header" if has_header else "it has no header line, so columns are x0, x1, …"
    guessed = f"{source} was read as {encoding}, {layout}; {first}"
    return Dialect(delimiter=delimiter, has_header=has_header, names=names, notes=(guessed, *notes))


def _sample(data: bytes) -> tuple[str, bool]:
    end = data.find(b"\n", SAMPLE_BYTES)
    whole = end < 0
    return (data if whole else data[:end]).decode("utf-8"), whole


def _records(sample: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            records.append(record)
            if len(records) > SAMPLE_RECORDS:
                break
    except csv.Error:
        whole = False
    cut = not whole and len(records) <= SAMPLE_RECORDS and len(records) > 1
    return list(islice((record for record in (records[:-1] if cut else records) if record), SAMPLE_RECORDS))


def _agreement(records: Sequence[Sequence[str]]) -> float:
    """Share of records with as many fields as the first one; 0 when that has a single field."""
    if not records or len(records[0]) < 2:
        return 0.0
    return sum(len(record) == len(records[0]) for record in records) / len(records)


def _is_header(records: Sequence[Sequence[str]]) -> bool:
    first = [cell.strip() for cell in records[0]]
    numeric = [_is_number(cell) for cell in first]
    if not any(numeric) or (len(first) > 2 and first == [str(i) for i in range(len(first))]):
        return not _is_missing_row(first) or len(records) == 1
    rest = [record for record in records[1:] if len(record) == len(first)]
    return any(
        not numeric[column] and cell.lower() not in _MISSING and _holds_only_numbers(rest, column)
        for column, cell in enumerate(first)
    )


def _holds_only_numbers(records: Sequence[Sequence[str]], column: int) -> bool:
    cells = [record[column].strip() for record in records]
    present = [cell for cell in cells if cell.lower() not in _MISSING]
    return bool(present) and all(map(_is_number, present))


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _is_missing_row(cells: Sequence[str]) -> bool:
    return all(cell.lower() in _MISSING for cell in cells)


def _named(header: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    stripped = [cell.strip(" ") for cell in header]
    notes = []
    padded = [name for name, cell in zip(stripped, header, strict=True) if name != cell]
    if padded:
        notes.append(f"blanks around column names were dropped: {listed(padded)}")
    names = tuple(name or f"column_{position}" for position, name in enumerate(stripped, start=1))
    unnamed = [name for name, cell in zip(names, stripped, strict=True) if not cell]
    if unnamed:
        notes.append(f"columns without a name in the header were called by their position: {listed(unnamed)}")
    return names, tuple(notes)
