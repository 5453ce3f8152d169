"""Read where everything in a zip file stands, from the central directory and from the local headers.

Only facts are gathered here; what a disagreement means is for the caller. Sizes and offsets are those written in the
file, so every one of them may be a lie.

References
----------
PKWARE (2022), APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

END, END64, LOCATOR64, ENTRY, LOCAL, DESCRIPTOR = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4", b"PK\7\x08"
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 0xFFFF
STREAMED = 1 << 3


class ZipError(ValueError):
    """A structure that every reader needs is missing or broken."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory lies.

    Attributes
    ----------
    start, end
        Its bytes. ``start`` follows from its size, counted back from the end record, as ``zipfile`` finds it.
    prefix
        How many bytes stand before the archive: the difference between ``start`` and the offset the file states.
    records
        Ranges of the end records, the zip64 ones included.
    comment_end
        Where the comment ends by its stated length; the end of the file in a proper archive.
    disagrees
        Whether the short and the zip64 end record state different values, neither of them "see the other".
    """

    start: int
    end: int
    prefix: int
    count: int
    disks: int
    records: tuple[tuple[int, int], ...]
    comment: bytes
    comment_end: int
    disagrees: bool


@dataclass(frozen=True, slots=True)
class Header:
    """The fields that the two headers of a member share; ``end`` is where its bytes stop (data follow a local one)."""

    start: int
    end: int
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    name: bytes
    extra: bytes
    offset: int = -1
    mode: int = 0
    system: int = 0
    comment: bytes = b""
    disk: int = 0


def find_end(data: memoryview) -> int:
    """Return the position of the last complete end record within reach of the longest comment, or -1."""
    lowest = max(0, len(data) - _END.size - _LONGEST_COMMENT)
    at = bytes(data[lowest:]).rfind(END, 0, max(0, len(data) - lowest - _END.size + len(END)))
    return lowest + at if at >= 0 else -1


def read_directory(data: memoryview) -> Directory:
    """Find the central directory.

    Raises
    ------
    ZipError
        Without an end record, or if the directory would lie outside the data.
    """
    at = find_end(data)
    if at < 0:
        raise ZipError("there is no end record")
    _, disk, first_disk, _, count, size, offset, length = _END.unpack_from(data, at)
    records = [(at, min(at + _END.size + length, len(data)))]
    before, disagrees = at, False
    locator = at - _LOCATOR.size
    if locator >= 0 and data[locator : locator + 4] == LOCATOR64:
        start = locator - _END64.size
        if start < 0 or data[start : start + 4] != END64:
            raise ZipError("no zip64 end record of the usual size stands before its locator")
        narrow = (count, size, offset)
        _, _, _, _, disk, first_disk, _, count, size, offset = _END64.unpack_from(data, start)
        wide = zip(narrow, (count, size, offset), (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), strict=True)
        disagrees = any(small not in (large, unset) for small, large, unset in wide)
        records += [(start, locator), (locator, at)]
        before = start
    begin = before - size
    if begin < 0 or offset > begin:
        raise ZipError(f"the central directory would start at byte {min(begin, begin - offset)}")
    comment = bytes(data[at + _END.size : at + _END.size + length])
    return Directory(
        begin,
        before,
        begin - offset,
        count,
        disk | first_disk,
        tuple(records),
        comment,
        at + _END.size + length,
        disagrees,
    )


def entries(data: memoryview, directory: Directory) -> Iterator[Header]:
    """Yield the entries of the central directory in order.

    Raises
    ------
    ZipError
        Where an entry does not begin or does not fit.
    """
    position = directory.start
    while position < directory.end:
        if position + _ENTRY.size > directory.end or data[position : position + 4] != ENTRY:
            raise ZipError(f"no entry begins at byte {position} of the central directory")
        (
            _,
            made,
            _,
            flags,
            method,
            _,
            _,
            crc,
            compressed,
            size,
            n_name,
            n_extra,
            n_comment,
            disk,
            _,
            attributes,
            at,
        ) = _ENTRY.unpack_from(data, position)
        name_end = position + _ENTRY.size + n_name
        end = name_end + n_extra + n_comment
        if end > directory.end:
            raise ZipError(f"the entry at byte {position} ends behind the central directory")
        extra = bytes(data[name_end : name_end + n_extra])
        size, compressed, at = widened(extra, size, compressed, at)
        yield Header(
            position,
            end,
            flags,
            method,
            crc,
            compressed,
            size,
            bytes(data[position + _ENTRY.size : name_end]),
            extra,
            at + directory.prefix,
            attributes >> 16,
            made >> 8,
            bytes(data[name_end + n_extra : end]),
            disk,
        )
        position = end


def local_header(data: memoryview, offset: int) -> Header:
    """Read the local header at an offset.

    Raises
    ------
    ZipError
        If none stands there.
    """
    if offset < 0 or offset + _LOCAL.size > len(data) or data[offset : offset + 4] != LOCAL:
        raise ZipError(f"no local header at byte {offset}")
    _, _, flags, method, _, _, crc, compressed, size, n_name, n_extra = _LOCAL.unpack_from(data, offset)
    name_end = offset + _LOCAL.size + n_name
    end = name_end + n_extra
    if end > len(data):
        raise ZipError(f"the local header at byte {offset} does not fit")
    extra = bytes(data[name_end:end])
    size, compressed, _ = widened(extra, size, compressed, 0)
    return Header(
        offset, end, flags, method, crc, compressed, size, bytes(data[offset + _LOCAL.size : name_end]), extra
    )


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield identifier and content of the extra fields.

    Raises
    ------
    ZipError
        Where the fields do not fill the space exactly; up to three zero bytes at the end are padding.
    """
    position = 0
    while position < len(extra):
        rest = extra[position:]
        if len(rest) < 4 and not any(rest):
            return
        if len(rest) < 4 or 4 + int.from_bytes(rest[2:4], "little") > len(rest):
            raise ZipError("the extra fields of a member do not fill their space")
        size = int.from_bytes(rest[2:4], "little")
        yield int.from_bytes(rest[:2], "little"), rest[4 : 4 + size]
        position += 4 + size


def widened(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    """Replace the values that a zip64 extra field holds instead of the header."""
    try:
        field = next((content for number, content in extra_fields(extra) if number == 1), b"")
    except ZipError:
        return size, compressed, offset
    values = [size, compressed, offset]
    for position, value in enumerate(values):
        if value == 0xFFFFFFFF and len(field) >= 8:
            values[position] = int.from_bytes(field[:8], "little")
            field = field[8:]
    return values[0], values[1], values[2]


def descriptor_end(data: memoryview, position: int, entry: Header) -> int:
    """Return where the descriptor behind a streamed member ends; -1 if it is not what the directory says.

    The signature is optional and sizes have four or eight bytes, so all four forms are tried.
    """
    for signature in (DESCRIPTOR, b""):
        for width in (4, 8):
            if entry.size >> (8 * width) or entry.compressed >> (8 * width):
                continue
            expected = signature + struct.pack("<L", entry.crc)
            expected += entry.compressed.to_bytes(width, "little") + entry.size.to_bytes(width, "little")
            if data[position : position + len(expected)] == expected:
                return position + len(expected)
    return -1
