"""The opcodes whose argument is a line of text: numbers and strings of the oldest protocol."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from holdfast.kernels.scan.byte_source import MARGIN
from holdfast.kernels.scan.pickle_keys import heavy
from holdfast.kernels.scan.pickle_limits import SHORT_TEXT, Broken
from holdfast.kernels.scan.pickle_values import FLOAT, ITEM_BYTES, KEPT_TEXT, LONG, Stored, Value

if TYPE_CHECKING:
    from holdfast.kernels.scan.pickle_machine import Machine

LONG_DIGITS = 100
MOST_DIGITS = 4300
"""Python refuses more, because turning them into an integer takes long."""
LONGEST_ESCAPED = 1 << 12
"""Bytes of a text that is read with its escapes, of ten bytes at most: a short text cannot be made to look long."""
RAW = "raw-unicode-escape"
_ESCAPE = re.compile(rb"\\(?:[4-7][0-7]{2}|(.))", re.DOTALL)
_KNOWN_ESCAPES = b"\n\\'\"abfnrtvx01234567"


def int_line(machine: Machine, pos: int) -> int:
    """An integer or a bool."""
    text, pos = machine.line(pos)
    if text in (b"00", b"01"):
        machine.stack.append(text == b"01")
    else:
        machine.stack.append(_parsed(machine, text))
    return pos


def long_line(machine: Machine, pos: int) -> int:
    """An integer, with or without a last L."""
    text, pos = machine.line(pos)
    machine.stack.append(_parsed(machine, text.removesuffix(b"L")))
    return pos


def _parsed(machine: Machine, text: bytes) -> Value:
    if len(text) > MOST_DIGITS:
        message = f"an integer has more than {MOST_DIGITS} digits: some loaders refuse it, others take long to read it"
        machine.judge.note_cost("pickle.digits", machine.at, message)
    if len(text) > LONG_DIGITS:
        return LONG
    try:
        return int(text, 0)
    except ValueError:
        raise Broken("expected the digits of an integer") from None


def float_line(machine: Machine, pos: int) -> int:
    """A float."""
    _, pos = machine.line(pos)
    machine.stack.append(FLOAT)
    return pos


def quoted_line(machine: Machine, pos: int) -> int:
    """A quoted string."""
    start = machine.source.base + pos
    text, pos = machine.line(pos)
    if len(text) < 2 or text[:1] not in (b'"', b"'") or (text[-1:] != text[:1] and len(text) < MARGIN):
        raise Broken("expected a quoted string")
    try:
        plain = codecs.escape_decode(_ESCAPE.sub(_tamed, text[1:-1]))[0] if len(text) <= LONGEST_ESCAPED else None
    except ValueError:
        raise Broken("expected a quoted string with valid escapes") from None
    if plain is not None and is_kept(machine, len(plain)):
        machine.stack.append(str(plain, "latin-1"))
    else:
        machine.stack.append(heavy("str", (machine.source.base + pos - start) // ITEM_BYTES))
    return pos


def _tamed(escape: re.Match[bytes]) -> bytes:
    """Return an escape that means the same, and that Python does not warn of."""
    if escape[1] is None:
        return b"\\%03o" % (int(escape[0][1:], 8) & 0xFF)
    return escape[0] if escape[1] in _KNOWN_ESCAPES else b"\\" + escape[0]


def unicode_line(machine: Machine, pos: int) -> int:
    """A text."""
    start = machine.source.base + pos
    text, pos = machine.line(pos)
    plain = str(text, RAW, "replace") if len(text) <= LONGEST_ESCAPED else None
    if plain is not None and is_kept(machine, len(plain)):
        machine.stack.append(plain)
    else:
        machine.stack.append(Stored(start, machine.source.base + pos - 1, "str", RAW))
    return pos


def is_kept(machine: Machine, length: int) -> bool:
    """Whether a text is kept as it is; of the longer ones only as many as there is room for."""
    if length > SHORT_TEXT:
        if length > KEPT_TEXT or machine.text_room < length:
            return False
        machine.text_room -= length
    return True


def index(text: bytes) -> int:
    """Return the index of a memoized value."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise Broken("expected the index of a memoized value, zero or more")
    return number
