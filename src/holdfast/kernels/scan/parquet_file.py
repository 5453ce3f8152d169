"""Walk a Parquet file: its footer says where every column lies; values are numbers and texts, and are not read.

What can do harm are columns in other files, and types of Arrow that are a pickle, which early versions of pyarrow load.

References
----------
Apache Parquet, parquet.thrift, FileMetaData; CVE-2023-47248 for the pickled types.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from holdfast.kernels.formats.thrift_compact import Reader, ThriftError, Value
from holdfast.kernels.scan.hidden import report_hidden
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.secrets_found import report_secrets

MAGIC, TAIL_BYTES = b"PAR1", 8
GROUPS, PAIRS, COLUMNS = 4, 5, 1
FILE_PATH, COLUMN_DATA = 1, 3
OFFSET_INDEX, COLUMN_INDEX, BLOOM_FILTER = (4, 5), (6, 7), (14, 15)
PAGES = (9, 11)
COMPRESSED_BYTES = 7
MOST_COPIED = 1 << 16
KEY, TEXT = 1, 2
PICKLED_TYPE = b"arrow.py_extension_type"


def walk_parquet(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk a Parquet file."""
    record = Record(place)
    length = int.from_bytes(data[-TAIL_BYTES:-4], "little")
    start = len(data) - TAIL_BYTES - length
    if len(data) < 12 or bytes(data[-4:]) != MAGIC or start < 4:
        record.add("malformed", "parquet.footer", "the file does not end with a footer and its mark")
        return record.walked("parquet")
    reader = Reader(data[start : len(data) - TAIL_BYTES], values_left=max(0, min(1_000_000, budget.opcodes)))
    try:
        footer = reader.struct()
    except ThriftError as error:
        record.add("not_examined", "parquet.footer", f"the footer was not read: {error}", start=start)
        return record.walked("parquet")
    record.cover(0, len(MAGIC))
    record.cover(start, start + reader.position)
    record.cover(len(data) - TAIL_BYTES, len(data))
    for column in _structs(footer.get(GROUPS), COLUMNS):
        _walk_column(record, data[:start], column)
    for pair in _structs([{1: footer.get(PAIRS, [])}], 1):
        _judge_pair(record, pair, start)
    return record.walked("parquet")


def _structs(outer: Value | None, number: int) -> Iterator[dict[int, Value]]:
    """Yield the structures of the list that each structure of a list has as this field."""
    for item in outer if isinstance(outer, list) else ():
        inner = item.get(number) if isinstance(item, dict) else None
        yield from (part for part in inner if isinstance(part, dict)) if isinstance(inner, list) else ()


def _walk_column(record: Record, data: memoryview, column: dict[int, Value]) -> None:
    if column.get(FILE_PATH):
        message = "a column lies in another file, whose path the file chose"
        record.add("suspicious", "parquet.other-file", message, detail=_shown(column[FILE_PATH]))
    facts = column.get(COLUMN_DATA)
    if not isinstance(facts, dict):
        record.add("not_examined", "parquet.column", "where a column lies is not in the footer")
        return
    begins = [first for number in PAGES if isinstance(first := facts.get(number), int) and first > 0]
    pages = _covered(record, data, min(begins, default=-1), facts.get(COMPRESSED_BYTES))
    record.cover(pages, pages + _copy_bytes(data[pages:], facts))
    for holder, (first, length) in ((column, OFFSET_INDEX), (column, COLUMN_INDEX), (facts, BLOOM_FILTER)):
        if length in holder:
            _covered(record, data, holder.get(first), holder[length])


def _covered(record: Record, data: memoryview, first: Value | None, length: Value | None) -> int:
    """Cover a range that the footer names, and return its end."""
    if isinstance(first, int) and isinstance(length, int) and first >= len(MAGIC) and 0 <= length <= len(data) - first:
        record.cover(first, first + length)
        return first + length
    record.add("malformed", "parquet.column", "a column or its index lies outside the data")
    return len(data)


def _copy_bytes(data: memoryview, facts: dict[int, Value]) -> int:
    """Return the size of the copy of a column's own facts that some writers put behind it."""
    reader = Reader(data[:MOST_COPIED], values_left=10_000)
    try:
        copy = reader.struct()
    except ThriftError:
        return 0
    is_copy = copy.keys() == facts.keys() and all(
        value == facts[number] for number, value in copy.items() if isinstance(value, int)
    )
    return reader.position if is_copy else 0


def _judge_pair(record: Record, pair: dict[int, Value], start: int) -> None:
    text = pair.get(TEXT)
    if not isinstance(text, memoryview):
        return
    report_secrets(record, text, start)
    report_hidden(record, text, start, "a remark in the footer")
    plain = bytes(text)
    if _shown(pair.get(KEY)) == "ARROW:schema":
        try:
            plain += base64.b64decode(plain, validate=True)
        except binascii.Error:
            record.add("malformed", "parquet.schema", "the schema of Arrow is not readable", start=start)
    if PICKLED_TYPE in plain:
        message = "a type of Arrow is a pickle, which early versions of pyarrow load"
        record.add("executes", "parquet.pickled-type", message, start=start)


def _shown(value: Value | None) -> str:
    return bytes(value).decode("utf-8", "backslashreplace") if isinstance(value, memoryview) else ""
