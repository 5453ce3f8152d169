"""JSON lines and JSON documents as passages: each record by itself, so that a file of lines may have any size."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from holdfast.adapters.surfaces.decoding import decoded
from holdfast.core.errors import InputError, did_you_mean
from holdfast.kernels.formats.strict_json import LARGEST_ESTIMATE, JsonError, read_json
from holdfast.kernels.personal_data.json_values import json_passages
from holdfast.kernels.personal_data.passages import Passage, Place
from holdfast.kernels.personal_data.text_pieces import line_passages, text_passages

LONGEST_RECORD = 1 << 26
ABSENT = object()


def record_passages(stream: BinaryIO, fields: Sequence[str], notes: list[str], *, source: str) -> Iterator[Passage]:
    """Read JSON lines.

    A line that is no JSON, holds a key twice or is longer than 64 MiB is looked at as text, and counted in a note.

    Parameters
    ----------
    fields
        What to look at in each record, such as ``text`` or ``customer.notes``; everything when empty.

    Raises
    ------
    InputError
        When no record has any of the fields.
    """
    keys: dict[str, Any] = {}
    seen, as_text, number = False, 0, 0
    while line := stream.readline(LONGEST_RECORD):
        number += 1
        if len(line) == LONGEST_RECORD and not line.endswith(b"\n"):
            as_text += 1
            yield from text_passages(_rest_of_line(stream, line), Place(number, number))
            continue
        if not line.strip(b" \t\r\n\0\xef\xbb\xbf"):
            continue
        value = _parsed(line)
        if value is ABSENT:
            as_text += 1
            yield from text_passages([line.decode("utf-8", "replace").rstrip("\r\n")], Place(number, number))
            continue
        place = Place(_id(value, number), number)
        keys.update(dict.fromkeys(value) if isinstance(value, dict) and len(keys) < 100 else {})
        if fields:
            for passage in _chosen(value, fields, place):
                seen = True
                yield passage
        else:
            yield from json_passages(value, place)
    if as_text:
        notes.append(f"{as_text:,} of {number:,} lines are no plain JSON: they were looked at as text")
    if fields and not seen and not as_text and number:
        raise _no_field(fields, keys, source)


def json_file_passages(stream: BinaryIO, fields: Sequence[str], notes: list[str], *, source: str) -> Iterator[Passage]:
    """Read one JSON document; the items of a list of objects are its records.

    What is no JSON, too large or too deep to be read is looked at as text, and a note says so.
    """
    data = stream.read(LARGEST_ESTIMATE + 1)
    try:
        document = read_json(memoryview(data.removeprefix(b"\xef\xbb\xbf")))
    except JsonError as error:
        notes.append(f"it was looked at as text: {error}")
        stream.seek(0)
        yield from line_passages(decoded(stream, notes))
        return
    if document.duplicate_keys:
        notes.append("keys stand twice in an object: the file was looked at once more, as text")
        stream.seek(0)
        yield from line_passages(decoded(stream, notes))
    value = document.value
    is_list = isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
    if not fields and not is_list:
        yield from json_passages(value)
        return
    seen = False
    for number, item in enumerate(value if is_list else [value], start=1):
        place = Place(_id(item, number))
        found = _chosen(item, fields, place) if fields else json_passages(item, place, path=f"$[{number - 1}]")
        for passage in found:
            seen = True
            yield passage
    if fields and not seen:
        first = value[0] if is_list else value
        raise _no_field(fields, first if isinstance(first, dict) else {}, source)


def _parsed(line: bytes) -> Any:
    try:
        document = read_json(memoryview(line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf")))
    except JsonError:
        return ABSENT
    return ABSENT if document.duplicate_keys else document.value


def _rest_of_line(stream: BinaryIO, line: bytes) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while line:
        is_over = line.endswith(b"\n")
        yield decoder.decode(line.rstrip(b"\r\n"), final=is_over)
        line = b"" if is_over else stream.readline(1 << 20)


def _id(value: Any, number: int) -> str | int:
    """The id of a record, or its number."""
    given = value.get("id") if isinstance(value, dict) else None
    return given if isinstance(given, (str, int)) and not isinstance(given, bool) else number


def _chosen(value: Any, fields: Sequence[str], place: Place) -> Iterator[Passage]:
    for field in fields:
        part = _at(value, field)
        if isinstance(part, str):
            yield Passage(part, place._replace(part=field))
        elif part is not ABSENT:
            yield from json_passages(part, place, path=field, keys=("", field))


def _at(value: Any, field: str) -> Any:
    if isinstance(value, dict) and field in value:
        return value[field]
    for key in field.split("."):
        if not isinstance(value, dict) or key not in value:
            return ABSENT
        value = value[key]
    return value


def _no_field(fields: Sequence[str], keys: dict[str, Any], source: str) -> InputError:
    names = ", ".join(repr(field) for field in fields)
    hint = did_you_mean(fields[0], [json.loads(json.dumps(key)) for key in keys])
    return InputError(f"expected the field {names} in {source}, got records without it", hint=hint)
