"""Read the protobuf wire encoding: fields of one message, in order, without a schema and without copying.

Nothing recurses: a caller descends by reading the value of a field as a message in its own right.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import NamedTuple

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_WIDTH = {FIXED64: 8, FIXED32: 4}
_LARGEST_FIELD_NUMBER = (1 << 29) - 1


class WireError(ValueError):
    """The bytes are no protobuf message; the text says what is wrong and at which byte."""


class Field(NamedTuple):
    """One field: ``value`` is an integer for a varint, otherwise a view that begins at ``start`` of the message."""

    number: int
    wire_type: int
    value: int | memoryview
    start: int


def fields(message: memoryview, *, skip_runs_of: Collection[int] = ()) -> Iterator[Field]:
    """Yield the fields of a message.

    Parameters
    ----------
    message
        The encoded message.
    skip_runs_of
        Numbers below 16 of repeated numeric fields whose values are not wanted: only the first of a run is yielded, the
        others are checked to be well-formed and stepped over, about a hundred times as fast.

    Raises
    ------
    WireError
        At the first byte that breaks the encoding; groups (wire types 3 and 4) are not read.

    Examples
    --------
    >>> [(field.number, field.value) for field in fields(memoryview(bytes([8, 150, 1])))]
    [(1, 150)]
    """
    position, size = 0, len(message)
    while position < size:
        tag, start = message[position], position + 1
        if tag >= 0x80:
            tag, start = varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number <= _LARGEST_FIELD_NUMBER:
            raise WireError(f"field number {number} at byte {position} is outside 1 to {_LARGEST_FIELD_NUMBER}")
        if wire_type == LENGTH:
            length, start = varint(message, start)
            if length > size - start:
                raise WireError(f"a field of {length} bytes at byte {position} ends behind its message of {size} bytes")
            position = start + length
            yield Field(number, wire_type, message[start:position], start)
            continue
        if wire_type == VARINT:
            value, position = varint(message, start)
            yield Field(number, wire_type, value, start)
        elif (width := _WIDTH.get(wire_type)) is None:
            raise WireError(f"wire type {wire_type} at byte {position} is not used by any current format")
        elif width > size - start:
            raise WireError(f"a field of {width} bytes at byte {position} ends behind its message of {size} bytes")
        else:
            position = start + width
            yield Field(number, wire_type, message[start:position], start)
        if number in skip_runs_of and tag < 0x80:
            match = _run(tag).match(message, position)
            position = match.end() if match else position


@cache
def _run(tag: int) -> re.Pattern[bytes]:
    """Match fields of one tag that stand one behind the other; possessive, so that nothing is kept to go back to."""
    value = rb"[\x80-\xff]{0,9}+[\x00-\x7f]" if tag & 7 == VARINT else rb".{%d}" % _WIDTH[tag & 7]
    return re.compile(rb"(?:\x%02x%s)*+" % (tag, value), re.DOTALL)


def varint(message: memoryview, position: int) -> tuple[int, int]:
    """Read one number of at most 64 bits; return it and the position behind it."""
    try:
        value = message[position]
        if value < 0x80:
            return value, position + 1
        value = 0
        for shift in range(0, 70, 7):
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> 64:
                    break
                return value, position
    except IndexError:
        raise WireError(f"the message ends inside a number at byte {position}") from None
    raise WireError(f"a number of more than 64 bits ends at byte {position}")


def packed_varints(value: int | memoryview) -> Iterator[int]:
    """Yield the numbers of a repeated field, written one by one or packed into one view."""
    if isinstance(value, int):
        yield value
        return
    position = 0
    while position < len(value):
        number, position = varint(value, position)
        yield number


def signed(value: int) -> int:
    """Read a 64-bit number as two's complement, as ``int32`` and ``int64`` fields are written."""
    return value - (1 << 64) if value >= 1 << 63 else value


def text(value: int | memoryview, limit: int = 4096) -> str:
    """Decode a string field, at most ``limit`` bytes of it; what is no UTF-8 shows as escapes."""
    return "" if isinstance(value, int) else bytes(value[:limit]).decode("utf-8", "backslashreplace")
