"""Cells of CSV and Parquet tables as passages, as they are written: no type is guessed, no row is refused."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from holdfast.adapters.surfaces.decoding import decoded, lines_of
from holdfast.adapters.tables.dialect import SAMPLE_BYTES, guess_dialect
from holdfast.adapters.tables.parquet import damaged_parquet
from holdfast.core.errors import InputError, did_you_mean
from holdfast.kernels.personal_data.json_values import json_passages, text_of
from holdfast.kernels.personal_data.passages import Passage, Place, context_of, without_point

if TYPE_CHECKING:
    import polars as pl

ROWS = 1 << 13
SAMPLE_LINES = 200
HEADER = "name of a column"


def csv_passages(stream: BinaryIO, columns: Sequence[str], notes: list[str], *, source: str) -> Iterator[Passage]:
    """Read a text table row by row; a column's name is the context of its cells.

    Fields beyond the header are called by their position. From a quotation mark that never closes on, the rest is read
    line by line as text, and a note says so.

    Raises
    ------
    InputError
        When a column that was asked for is not there.
    """
    lines = _Remembered(lines_of(decoded(stream, notes), notes))
    sample = lines.peek(SAMPLE_LINES)
    if not sample.strip():
        return
    try:
        dialect = guess_dialect(sample.encode("utf-8", "replace"), encoding="UTF-8", source=source)
    except InputError as error:
        notes.append(f"it was read as text: {error.message}")
        yield from _as_text(lines, 1)
        return
    names, wanted = dialect.names, _wanted(dialect.names, columns, source)
    id_at = names.index("id") if "id" in names else -1
    contexts = [context_of(name) for name in names]
    rows, number = csv.reader(lines, delimiter=dialect.delimiter), 0
    is_header = dialect.has_header
    while True:
        first = rows.line_num + 1
        lines.recent.clear()
        try:
            row = next(rows, None)
        except csv.Error as error:
            notes.append(f"from line {first:,} on it was read as text: {error}")
            yield from _as_text(lines, first)
            return
        if row is None:
            return
        if is_header:
            is_header = False
            yield from (Passage(cell, Place(None, first, HEADER)) for cell in row if cell)
            continue
        number += 1
        key = row[id_at] if 0 <= id_at < len(row) and row[id_at] else number
        for i, cell in enumerate(row):
            is_named = i < len(names)
            if cell and (not is_named or wanted is None or names[i] in wanted):
                part = names[i] if is_named else f"field {i + 1}"
                yield Passage(without_point(cell), Place(key, first, part), contexts[i] if is_named else "")


class _Remembered:
    """Lines, of which those since the last whole record are remembered."""

    def __init__(self, source: Iterator[str]) -> None:
        self.source = source
        self.waiting: list[str] = []
        self.recent: list[str] = []

    def peek(self, n_lines: int) -> str:
        size = 0
        for line in self.source:
            self.waiting.append(line)
            size += len(line)
            if len(self.waiting) >= n_lines or size > SAMPLE_BYTES:
                break
        sample = "".join(self.waiting)
        self.waiting.reverse()
        return sample

    def __iter__(self) -> _Remembered:
        return self

    def __next__(self) -> str:
        line = self.waiting.pop() if self.waiting else next(self.source)
        self.recent.append(line)
        return line


def _as_text(lines: _Remembered, first: int) -> Iterator[Passage]:
    """The lines since the last whole record, and all that follow."""
    held = [*lines.recent, *reversed(lines.waiting)]
    for number, line in enumerate(chain(held, lines.source), start=first):
        yield Passage(line.rstrip("\r\n"), Place(number, number))


def parquet_passages(path: Path, columns: Sequence[str]) -> Iterator[Passage]:
    """Read a Parquet table a few thousand rows at a time; lists and structures are walked as JSON is.

    Raises
    ------
    InputError
        When it is damaged, or a column that was asked for is not there.
    """
    import polars as pl

    with damaged_parquet(str(path)):
        lazy = pl.scan_parquet(path, glob=False)
        schema = lazy.collect_schema()
        n_rows = int(lazy.select(pl.len()).collect().item())
    names = schema.names()
    wanted = _wanted(names, columns, str(path)) or set(names)
    kept = [name for name in names if name in wanted]
    read = list(dict.fromkeys([*kept, *(["id"] if "id" in names else [])]))
    contexts = {name: context_of(name) for name in kept}
    yield from (Passage(name, Place(part=HEADER)) for name in kept if name)
    for start in range(0, n_rows, ROWS):
        with damaged_parquet(str(path)):
            frame = lazy.select(read).slice(start, ROWS).collect()
        yield from _frame(frame, kept, contexts, start)


def _frame(frame: pl.DataFrame, kept: Sequence[str], contexts: dict[str, str], start: int) -> Iterator[Passage]:
    cells = {name: frame[name].to_list() for name in frame.columns}
    keys = cells.get("id", [None] * frame.height)
    for i in range(frame.height):
        key = keys[i] if isinstance(keys[i], (str, int)) else start + i + 1
        for name in kept:
            value, place = cells[name][i], Place(key, None, name)
            if isinstance(value, (dict, list)):
                yield from json_passages(value, place, path=name, keys=("", name))
            elif isinstance(value, (str, int, float)):
                if text := text_of(value):
                    yield Passage(text, place, contexts[name])
            elif value is not None:
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                yield Passage(text, place, contexts[name])


def _wanted(names: Sequence[str], columns: Sequence[str], source: str) -> set[str] | None:
    for column in columns:
        if column not in names:
            raise InputError(f"expected the column {column!r} in {source}", hint=did_you_mean(column, names))
    return set(columns) or None
