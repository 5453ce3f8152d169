"""Tell whether bytes could be a pickle, protocol 0 text included, without following what it means.

Any file can be handed to ``pickle.load``, and what stands before an error is executed. So a file is a candidate when it
runs to its end as a pickle, or when it gets as far as naming something and calling it.
"""

from __future__ import annotations

import re
import sys
from typing import Literal

Outline = Literal["none", "calls", "complete"]
MOST_OPCODES = 20_000
PERSISTENT_LINE = 0x50
SHORT_LINE = 200
_LINE = frozenset(b"ILFSVgpP")
_FIXED = {
    **dict.fromkeys(b"Khq\x82\x80", 1), **dict.fromkeys(b"M\x83", 2), **dict.fromkeys(b"Jjr\x84", 4),
    ord("G"): 8, 0x95: 8,
}  # fmt: skip
_COUNTED = {**dict.fromkeys(b"UC\x8c\x8a", 1), **dict.fromkeys(b"TXB\x8b", 4), **dict.fromkeys(b"\x8d\x8e\x96", 8)}
# opcode: values it needs on the stack above the last mark, values it leaves in their place
_EFFECT = {
    **dict.fromkeys(b")]}N\x88\x89ILFSVKMJGUCTXB\x8a\x8b\x8c\x8d\x8e\x8f\x96\x97Pghjc\x82\x83\x84", (0, 1)),
    **dict.fromkeys(b"pqr\x94\x85Q\x98", (1, 1)), **dict.fromkeys(b"\x86\x81Rb\x93a", (2, 1)),
    **dict.fromkeys(b"\x87\x92s", (3, 1)), ord("2"): (1, 2), ord("0"): (1, 0), 0x80: (0, 0), 0x95: (0, 0),
}  # fmt: skip
_TO_MARK = {**dict.fromkeys(b"tld\x91oi", 0), **dict.fromkeys(b"ue\x90", 1)}
OPCODES = frozenset(_EFFECT) | frozenset(_TO_MARK) | frozenset(b"(1.")
_CALLS = frozenset(b"Rboi\x81\x92QP")
_NAMES = frozenset(b"ci\x93\x82\x83\x84")
_MODULE = re.compile(rb"[^\W\d][\w-]*(?:\.[^\W\d][\w-]*)*\r?")
_LINE_FEED = re.compile(rb"\n")
_END = rb"\s*(?:\0.*)?"
"""What number parsers written in C leave unread."""
_INTEGER = rb"\s*[+-]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[\d_]+)"
_FLOAT = rb"\s*[+-]?(?:[\d_]+\.?[\d_]*(?:e[+-]?[\d_]+)?|\.[\d_]+(?:e[+-]?[\d_]+)?|inf(?:inity)?|nan)"
_NUMBERS = {
    ord("I"): re.compile(rb"(?:%b%b)?" % (_INTEGER, _END), re.DOTALL),
    ord("L"): re.compile(rb"%b\s*L?%b" % (_INTEGER, _END), re.DOTALL),
    ord("F"): re.compile(rb"%b%b" % (_FLOAT, _END), re.DOTALL | re.IGNORECASE),
    **dict.fromkeys(b"gp", re.compile(rb"\s*[+-]?[\d_]+%b" % _END, re.DOTALL)),
}
"""What ``strtol``, ``int(text, 0)`` and ``float`` take for a number: whichever parser a loader has."""


def outline(data: memoryview) -> Outline:
    """Step through the opcodes with nothing but the height of the stack.

    Examples
    --------
    >>> outline(memoryview(b"cos\\nsystem\\n(S'ls'\\ntRand then some text"))
    'calls'
    >>> outline(memoryview(b"class,petal length"))
    'none'
    """
    found, named = _follow(data)
    # behind a protocol mark a name alone is enough: what it imports runs, though the rest is no pickle
    return "calls" if found == "none" and named and data[0] == 0x80 else found


def _follow(data: memoryview) -> tuple[Outline, bool]:
    marks: list[int] = []
    height, position, named, memo = 0, 0, False, 0
    for _ in range(MOST_OPCODES):
        if position >= len(data):
            return "none", named
        opcode = data[position]
        if opcode == 0x2E:
            return ("complete" if height and not marks else "none"), named
        end = _argument_end(data, position + 1, opcode)
        if end < 0:
            return "none", named
        if opcode in b"ci" and _is_standard(data[position + 1 : min(end, position + 300)]):
            return "calls", True
        stepped = _step(opcode, height, marks)
        if opcode == PERSISTENT_LINE and not named:
            # only a loader that knows such names goes on, and none reads them as text; every zip file begins like this
            return "none", named
        if stepped is None or (opcode in b"ghj" and memo == 0):
            return "none", named
        named = named or opcode in _NAMES
        height, position = stepped, end
        memo += opcode in b"pqr\x94"
        if named and opcode in _CALLS:
            return "calls", True
    return "complete", named


def _step(opcode: int, height: int, marks: list[int]) -> int | None:
    if opcode == 0x28:
        marks.append(height)
        return 0 if len(marks) <= MOST_OPCODES else None
    if opcode in _TO_MARK or opcode == 0x31:
        if not marks:
            return None
        below, needs = marks.pop(), _TO_MARK.get(opcode, 0)
        if below < needs or (opcode == 0x6F and not height):
            return None
        return below + (opcode in b"tld\x91oi")
    if opcode == 0x30 and not height and marks:
        return marks.pop()
    needs, leaves = _EFFECT.get(opcode, (1 << 62, 0))
    return None if height < needs else height - needs + leaves


def _argument_end(data: memoryview, position: int, opcode: int) -> int:
    if opcode in _LINE:
        end = _line_end(data, position)
        number = _NUMBERS.get(opcode)
        return end if end < 0 or number is None or number.fullmatch(data, position, end - 1) else -1
    if opcode in b"ci":
        middle = _line_end(data, position)
        end = _line_end(data, middle) if middle > 0 else -1
        return end if end > 0 and _MODULE.fullmatch(data[position : middle - 1]) else -1
    if opcode in _COUNTED:
        width = _COUNTED[opcode]
        size = int.from_bytes(data[position : position + width], "little")
        end = position + width + size
    else:
        end = position + _FIXED.get(opcode, 0)
    if opcode == 0x80 and position < len(data) and data[position] > 5:
        return -1
    return end if end <= len(data) else -1


def _line_end(data: memoryview, position: int) -> int:
    at = bytes(data[position : position + SHORT_LINE]).find(b"\n")
    if at >= 0:
        return position + at + 1
    line_feed = _LINE_FEED.search(data, position)
    return line_feed.end() if line_feed else -1


def _is_standard(argument: memoryview) -> bool:
    """Whether an import alone would find a module: then a pickle that breaks off behind it has run something."""
    module = bytes(argument).split(b"\n")[0].split(b".")[0].decode("ascii", "replace")
    return module in sys.stdlib_module_names
