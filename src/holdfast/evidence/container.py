"""The bundle file: a ZIP archive with exactly one spelling.

Members are stored, not compressed, one after another, with a fixed date and no extra fields. Any tool can unpack it;
the reader accepts nothing that the writer would not have written. There is therefore no room for hidden bytes,
doubled names, paths that climb out of a folder, or an archive that expands without end.

References
----------
PKWARE (2022), APPNOTE.TXT, .ZIP File Format Specification, version 6.3.10, sections 4.3.7, 4.3.12, 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from holdfast.core.errors import InputError

LARGEST = 2**32 - 1
MOST_MEMBERS = 2**16 - 2
LONGEST_PATH = 4096
PIECE = 1 << 16

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = 0x04034B50, 0x02014B50, 0x06054B50
_VERSION, _UTF8, _STORED = 20, 1 << 11, 0
_TIME, _DATE = 0, (1 << 5) | 1  # midnight of 1 January 1980, the first moment a ZIP archive can name
_UNIX, _MODE = 3 << 8, 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name, where its header starts, its size and CRC-32."""

    name: str
    offset: int
    size: int
    crc: int

    @property
    def start(self) -> int:
        """Where its bytes start."""
        return self.offset + _LOCAL.size + len(self.name.encode())

    @property
    def end(self) -> int:
        """Where the next header starts."""
        return self.start + self.size

    def local_header(self) -> bytes:
        """What stands before its bytes."""
        name = self.name.encode()
        sizes = (self.crc, self.size, self.size, len(name), 0)
        return _LOCAL.pack(_LOCAL_MAGIC, _VERSION, _UTF8, _STORED, _TIME, _DATE, *sizes) + name

    def central_header(self) -> bytes:
        """Its line in the directory."""
        name = self.name.encode()
        form = (_UNIX | _VERSION, _VERSION, _UTF8, _STORED, _TIME, _DATE)
        sizes = (self.crc, self.size, self.size, len(name))
        return _CENTRAL.pack(_CENTRAL_MAGIC, *form, *sizes, 0, 0, 0, 0, _MODE, self.offset) + name


class ArchiveWriter:
    """Write members one after another, then the directory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members: list[Member] = []

    def add(self, name: str, data: bytes) -> None:
        """Append a member.

        Raises
        ------
        InputError
            When the archive would pass 4 GiB or 65,534 members.
        """
        offset = self._members[-1].end if self._members else 0
        member = Member(name, offset, len(data), zlib.crc32(data))
        if member.end > LARGEST or len(self._members) >= MOST_MEMBERS:
            hint = "write less evidence, or keep large evidence outside the audit folder"
            raise InputError(
                f"expected at most 4 GiB and {MOST_MEMBERS} files in a bundle; {name} is one too many", hint=hint
            )
        self._members.append(member)
        self._file.write(member.local_header())
        self._file.write(data)

    def finish(self) -> None:
        """Write the directory."""
        self._file.write(_directory(self._members))


class ArchiveReader:
    """Read an archive that may be hostile, through an open file.

    Raises
    ------
    InputError
        When any byte outside the members' contents differs from what the writer would have written.
    """

    def __init__(self, file: BinaryIO, *, source: str) -> None:
        self._file = file
        self._source = source
        self.members = {member.name: member for member in self._read_directory()}

    def read(self, member: Member) -> bytes:
        """Read a whole member; the caller has looked at its size."""
        return self._at(member.start, member.size)

    def pieces(self, member: Member) -> Iterator[bytes]:
        """Read a member in pieces of 64 KiB."""
        for position in range(member.start, member.end, PIECE):
            yield self._at(position, min(PIECE, member.end - position))

    def _read_directory(self) -> list[Member]:
        size = self._file.seek(0, 2)
        if not _END.size <= size <= LARGEST:
            raise self._malformed("it is no ZIP archive of a bundle's size")
        magic, _, _, _, count, length, start, _ = _END.unpack(self._at(size - _END.size, _END.size))
        if magic != _END_MAGIC or start + length + _END.size != size:
            raise self._malformed("its end is cut off, or something was added to it")
        directory = self._at(start, size - start)
        members = self._parse(directory, count)
        if _directory(members) != directory or (members[-1].end if members else 0) != start:
            raise self._malformed(f"its directory (bytes {start} to {size}) is not in the form of a bundle")
        self._check_headers(members)
        return members

    def _parse(self, directory: bytes, count: int) -> list[Member]:
        members = []
        position = offset = 0
        for _ in range(count):
            if position + _CENTRAL.size > len(directory):
                raise self._malformed("its directory is cut off")
            fields = _CENTRAL.unpack_from(directory, position)
            position += _CENTRAL.size
            name = directory[position : position + fields[10]]
            position += fields[10]
            try:
                member = Member(name.decode(), offset, fields[8], fields[7])
            except UnicodeDecodeError:
                raise self._malformed("a name in it is not UTF-8") from None
            members.append(member)
            offset = member.end
            if offset > LARGEST:
                raise self._malformed("its directory names more bytes than it can hold")
        return members

    def _check_headers(self, members: list[Member]) -> None:
        names = set()
        for member in members:
            if member.name in names:
                raise self._malformed(f"the name {member.name!r} occurs twice")
            if not is_safe_path(member.name):
                raise self._malformed(f"the name {member.name!r} is not a plain relative path")
            names.add(member.name)
            expected = member.local_header()
            if self._at(member.offset, len(expected)) != expected:
                raise self._malformed(
                    f"the header of {member.name!r} (at byte {member.offset}) does not match the directory"
                )

    def _at(self, position: int, size: int) -> bytes:
        self._file.seek(position)
        data = self._file.read(size)
        if len(data) != size:
            raise self._malformed(f"it ends before byte {position + size}")
        return data

    def _malformed(self, what: str) -> InputError:
        hint = "fetch the bundle again from where it was published"
        return InputError(f"{self._source} is not a well-formed bundle: {what}", hint=hint)


def is_safe_path(path: str) -> bool:
    """Whether a path is relative, plain and the same on every system.

    Examples
    --------
    >>> is_safe_path("evidence/data.schema/columns.parquet"), is_safe_path("../x"), is_safe_path("C:/x")
    (True, False, False)
    """
    parts = path.split("/")
    plain = path.isprintable() and not any(character in '\\:*?"<>|' for character in path)
    return plain and len(path.encode()) <= LONGEST_PATH and all(part not in {"", ".", ".."} for part in parts)


def _directory(members: list[Member]) -> bytes:
    lines = b"".join(member.central_header() for member in members)
    start = members[-1].end if members else 0
    return lines + _END.pack(_END_MAGIC, 0, 0, len(members), len(members), len(lines), start, 0)
