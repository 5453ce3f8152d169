"""Text tables: comma, semicolon, tab or bar separated.

Polars splits the text into fields, all as strings; the types are decided afterwards over all rows. What Polars refuses,
or would fill up silently (a row with too few fields), goes through the exact reader of the standard library, which
knows the line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from holdfast.adapters.tables.column_types import type_columns
from holdfast.adapters.tables.dialect import DELIMITERS, Dialect, guess_dialect
from holdfast.adapters.tables.encoding import to_utf8
from holdfast.adapters.tables.names import check_names
from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_END = "\0"
_BATCH = 50_000


def parse_csv(raw: bytes, *, source: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Parse a text table.

    Parameters
    ----------
    raw : bytes
        The whole file.
    source : str
        What to call it in messages.

    Returns
    -------
    tuple of polars.DataFrame and tuple of str
        The typed table, and what was assumed in sentences.

    Raises
    ------
    InputError
        When it is no text, a row has another number of fields than the first, or column names repeat.
    """
    data, encoding = to_utf8(raw, source=source)
    if not data.strip():
        raise InputError(f"expected a table in {source}, got an empty file ({len(raw)} bytes)")
    # Without a line feed at the end, Polars lets a surplus delimiter in the last line pass.
    data = data.rstrip(b"\r\n") + b"\n"
    dialect = guess_dialect(data, encoding=encoding, source=source)
    check_names(dialect.names, source=source)
    frame, notes = type_columns(_split(data, dialect, source=source), decimal_comma=dialect.delimiter != ",")
    return frame, (*dialect.notes, *notes)


def _split(data: bytes, dialect: Dialect, *, source: str) -> pl.DataFrame:
    """Split the text into columns of strings."""
    import polars as pl

    try:
        frame = pl.read_csv(data, has_header=dialect.has_header, separator=dialect.delimiter, infer_schema=False)
    except pl.exceptions.PolarsError:
        return _split_exactly(data, dialect, source=source)
    if frame.width != len(dialect.names):
        return _split_exactly(data, dialect, source=source)
    if _is_suspicious(data, frame) and not _is_regular(data, frame, dialect, source=source):
        return _split_exactly(data, dialect, source=source)
    frame.columns = list(dialect.names)
    return frame


def _is_suspicious(data: bytes, frame: pl.DataFrame) -> bool:
    """Whether rows may have been filled up, or a quotation mark that never closes has swallowed some."""
    has_gaps = frame.height > 0 and frame.to_series(-1).null_count() > 0
    return has_gaps or data.count(b'"') % 2 == 1


def _is_regular(data: bytes, frame: pl.DataFrame, dialect: Dialect, *, source: str) -> bool:
    """Whether no row lacks fields; Polars has already refused rows with too many."""
    if b'"' not in data:
        lines = data.count(b"\n")
        return data.count(dialect.delimiter.encode()) == lines * (frame.width - 1) and frame.width > 1
    return sum(1 for _ in _exact_records(data, dialect, source=source)) == frame.height


def _split_exactly(data: bytes, dialect: Dialect, *, source: str) -> pl.DataFrame:
    import polars as pl

    schema = dict.fromkeys(dialect.names, pl.String)
    records = _exact_records(data, dialect, source=source)
    parts = [pl.DataFrame(schema=schema)]
    while batch := list(islice(records, _BATCH)):
        parts.append(pl.DataFrame(batch, schema=schema, orient="row"))
    return pl.concat(parts)


def _exact_records(data: bytes, dialect: Dialect, *, source: str) -> Iterator[list[str]]:
    """Yield the records after the header, without blank lines (in a single column these are missing values)."""
    width = len(dialect.names)
    # The mark at the end is a record of its own unless a quoted field was never closed.
    text = io.StringIO(f"{data.decode('utf-8')}{_END}", newline="")
    reader = csv.reader(text, delimiter=dialect.delimiter)
    header_pending = dialect.has_header
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except csv.Error as error:
            raise (
                _never_closed(line, source=source)
                if "field limit" in str(error)
                else InputError(f"{source}, line {line}: not readable as a table: {error}")
            ) from None
        if record == [_END]:
            return
        if record and record[-1].endswith(_END):
            raise _never_closed(line, source=source)
        is_blank = len(record) < 2 and not "".join(record).strip()
        if is_blank and width > 1:
            continue
        if not is_blank and len(record) != width:
            raise _ragged(line, width, len(record), dialect, source=source)
        if header_pending:
            header_pending = False
            continue
        yield record or [""]


def _never_closed(line: int, *, source: str) -> InputError:
    return InputError(
        f"{source}, line {line}: expected every quoted field to end, got a quotation mark that is never closed",
        hint='close the quotation mark, or write a mark inside a field twice: ""',
    )


def _ragged(line: int, width: int, found: int, dialect: Dialect, *, source: str) -> InputError:
    like = "as in the header" if dialect.has_header else "as in the first line"
    return InputError(
        f"{source}, line {line}: expected {width} field{'s' if width > 1 else ''} {like}, got {found}",
        hint=f"fields were split at {DELIMITERS[dialect.delimiter]}; quote a field that holds one, or mend the line",
    )
