"""Read the members of a tar file from its blocks: ustar, pax and GNU long names.

References
----------
IEEE Std 1003.1-2017, pax interchange format; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BLOCK = 512
LONGEST_HEADER = 1 << 20
# links, devices, folders and pipes: Python's tarfile skips no content behind them, whatever size they state
WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")
_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK = b"x", b"g", b"L", b"K"


class TarError(ValueError):
    """A block that should be a header is none, or a member does not fit."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its headers begin at ``start``, its content at ``data``, the next member at ``end``.

    Attributes
    ----------
    extended_differs
        Whether the size in force is not the one of the plain header: a pax header replaces it, or readers ignore it.
    sparse
        Whether a pax header describes holes.
    """

    name: str
    link: str
    kind: bytes
    start: int
    data: int
    size: int
    end: int
    extended_differs: bool
    sparse: bool


def is_header(block: memoryview) -> bool:
    """Whether a block is a tar header: its checksum fits, as signed or unsigned bytes."""
    if len(block) < BLOCK or not block[0]:
        return False
    try:
        stated = _number(block[148:156])
    except TarError:
        return False
    rest = bytes(block[:148]) + b" " * 8 + bytes(block[156:BLOCK])
    total = sum(rest)
    return stated in (total, total - 256 * sum(byte > 127 for byte in rest))


def members(data: memoryview) -> Iterator[Member]:
    """Yield the members in order, up to the first block of zeros or the end of the data.

    Raises
    ------
    TarError
        Where the structure breaks.
    """
    position, start = 0, 0
    defaults: dict[str, str] = {}
    extended: dict[str, str] = {}
    while position + BLOCK <= len(data) and any(data[position : position + BLOCK]):
        block = data[position : position + BLOCK]
        if not is_header(block):
            raise TarError(f"the checksum of the header at byte {position} is wrong")
        kind, size, content = bytes(block[156:157]), _number(block[124:136]), position + BLOCK
        if kind in (_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK):
            position = _end(data, content, size)
            _read_extension(data[content : content + size], kind, defaults if kind == _PAX_GLOBAL else extended)
            continue
        facts = {**defaults, **extended}
        stated = facts.get("size", "")
        real = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else size
        if kind in WITHOUT_CONTENT:
            real = 0
        end = _end(data, content, real)
        sparse = any(key.startswith("GNU.sparse") for key in facts)
        name = facts.get("path", _path(block))
        yield Member(
            name, facts.get("linkpath", _text(block[157:257])), kind, start, content, real, end, real != size, sparse
        )
        position = start = end
        extended = {}
    if position != start:
        raise TarError("an extended header has no member")


def _end(data: memoryview, content: int, size: int) -> int:
    end = content + -(-size // BLOCK) * BLOCK
    if size < 0 or content + size > len(data):
        raise TarError(f"the member at byte {content - BLOCK} states {size} bytes and does not fit")
    return min(end, len(data))


def _number(field: memoryview) -> int:
    raw = bytes(field)
    if raw[0] in (0x80, 0xFF):
        value = int.from_bytes(raw[1:], "big")
        return value if raw[0] == 0x80 else value - (1 << (8 * (len(raw) - 1)))
    digits = raw.split(b"\0")[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise TarError("a number in a header is not octal")
    return int(digits or b"0", 8)


def _path(block: memoryview) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if bytes(block[257:263]) == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: memoryview) -> str:
    return bytes(field).split(b"\0")[0].decode("utf-8", "backslashreplace")


def _read_extension(content: memoryview, kind: bytes, into: dict[str, str]) -> None:
    if len(content) > LONGEST_HEADER:
        raise TarError(f"an extended header of {len(content)} bytes is more than is read")
    if kind in (_LONG_NAME, _LONG_LINK):
        into["path" if kind == _LONG_NAME else "linkpath"] = _text(content)
        return
    position = 0
    while position < len(content):
        digits, space, _ = bytes(content[position : position + 12]).partition(b" ")
        length = int(digits) if space and digits.isdigit() else 0
        line = bytes(content[position + len(digits) + 1 : position + length])
        if length <= len(digits) + 2 or position + length > len(content) or not line.endswith(b"\n"):
            raise TarError("a record of an extended header is broken")
        key, _, value = line[:-1].partition(b"=")
        into[key.decode("utf-8", "backslashreplace")] = value.decode("utf-8", "backslashreplace")
        position += length
