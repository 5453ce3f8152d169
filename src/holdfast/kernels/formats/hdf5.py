"""Read the skeleton of an HDF5 file: objects, links, attributes and the messages that reach outside the file.

Raw numbers are not read. Groups and attributes in dense storage (fractal heaps) are told, not entered.

References
----------
The HDF Group, HDF5 File Format Specification 3.0, sections II to IV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = (1 << 64) - 1
LARGEST_BLOCK = 1 << 24
PIECE = 1 << 22
_HEAP = re.compile(rb"GCOL\x01")
"""Signature and version; the library passes over the three bytes behind them, whatever they are."""
Reach = Literal["external-link", "external-data", "virtual", "filter", "dense", "driver", "shared"]
LINK_INFO, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE, CONTINUATION, SYMBOLS = 0x02, 0x07, 0x08, 0x0B, 0x0C, 0x10, 0x11
LINK, DRIVER, ATTRIBUTE_INFO = 0x06, 0x14, 0x15
# deflate, shuffle, fletcher32, szip, n-bit, scale-offset; lzf of h5py. All others are plugins loaded from a folder.
BUILT_IN_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})


class Hdf5Error(ValueError):
    """A structure is broken, or of a version that is not read."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of an attribute as it stands in the file, between ``start`` and ``end``."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reaching:
    """Something that leads out of what is read here."""

    kind: Reach
    detail: str
    start: int


@dataclass(frozen=True, slots=True)
class Message:
    """One header message: its type, flags and where its content stands."""

    kind: int
    flags: int
    start: int
    end: int


class Hdf5:
    """A file with 8-byte offsets and lengths; ``base`` is where its superblock stands."""

    def __init__(self, data: memoryview, base: int) -> None:
        self.data = data
        self.base = base
        self.root, self.driver = self._superblock()

    def objects(self, most: int) -> Iterator[Attribute | Reaching]:
        """Yield what is found in the objects reachable from the root group.

        Raises
        ------
        Hdf5Error
            Where a structure breaks, or when there are more than ``most`` objects.
        """
        if self.driver != UNDEFINED:
            yield Reaching("driver", "driver information block", self.base)
        stack, seen = [self.root], set[int]()
        while stack:
            address = stack.pop()
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > most:
                raise Hdf5Error(f"there are more than {most} objects")
            for message in self.messages(address):
                for item in self._inside(message):
                    if isinstance(item, int):
                        stack.append(item)
                    else:
                        yield item

    def messages(self, address: int) -> Iterator[Message]:
        """Yield the messages of an object header, versions 1 and 2, continuation blocks included."""
        at = self._at(address, 16)
        version_2 = bytes(self.data[at : at + 4]) == b"OHDR"
        if not version_2 and self.data[at] != 1:
            raise Hdf5Error(f"no object header stands at byte {at}")
        flags = self.data[at + 5] if version_2 else 0
        if version_2:
            start = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            blocks = [(start + width, self._number(start, width))]
        else:
            blocks = [(at + 16, self._number(at + 8, 4))]
        for count, (start, size) in enumerate(blocks):
            if count > 1000:
                raise Hdf5Error("an object header continues without end")
            for message in self._block(start, size, version_2, flags):
                if message.kind == CONTINUATION:
                    begin, length = self._at(self._number(message.start, 8), 0), self._number(message.start + 8, 8)
                    blocks.append((begin + 4, length - 8) if version_2 else (begin, length))
                yield message

    def heap_objects(self) -> Iterator[tuple[int, int]]:
        """Yield where the objects of all global heaps stand: values of variable length, texts among them."""
        for piece in range(0, len(self.data), PIECE):
            part = bytes(self.data[piece : piece + PIECE + 4])
            for match in _HEAP.finditer(part) if b"GCOL" in part else ():
                yield from self._heap(piece + match.start())

    def _superblock(self) -> tuple[int, int]:
        at = self.base
        version = self._number(at + 8, 1)
        if version in (0, 1):
            if self._number(at + 13, 1) != 8 or self._number(at + 14, 1) != 8:
                raise Hdf5Error("only offsets and lengths of 8 bytes are read")
            start = at + 24 + (4 if version else 0)
            return self._number(start + 40, 8), self._number(start + 24, 8)
        if version in (2, 3):
            if self._number(at + 9, 1) != 8 or self._number(at + 10, 1) != 8:
                raise Hdf5Error("only offsets and lengths of 8 bytes are read")
            return self._number(at + 36, 8), UNDEFINED
        raise Hdf5Error(f"superblock version {version} is not read")

    def _block(self, start: int, size: int, version_2: bool, flags: int) -> Iterator[Message]:
        if size < 0 or size > LARGEST_BLOCK or start + size > len(self.data):
            raise Hdf5Error(f"a header block of {size} bytes does not fit at byte {start}")
        head = (6 if flags & 4 else 4) if version_2 else 8
        end = start + size
        while start + head <= end:
            kind = self._number(start, 1 if version_2 else 2)
            length = self._number(start + (1 if version_2 else 2), 2)
            marks = self.data[start + (3 if version_2 else 4)]
            content = start + head
            if content + length > end:
                raise Hdf5Error(f"a header message at byte {start} ends behind its block")
            yield Message(kind, marks, content, content + length)
            start = content + length

    def _inside(self, message: Message) -> Iterator[int | Attribute | Reaching]:
        kind, start = message.kind, message.start
        if kind in (ATTRIBUTE, FILTERS, EXTERNAL, LAYOUT) and message.flags & 2:
            yield Reaching("shared", f"shared message of type {kind}", start)
        elif kind == ATTRIBUTE:
            yield self._attribute(message)
        elif kind == SYMBOLS:
            yield from self._symbols(self._number(start, 8), 0)
        elif kind == LINK:
            yield from self._link(message)
        elif kind in (LINK_INFO, ATTRIBUTE_INFO):
            skip = 2 + ((8 if kind == LINK_INFO else 2) if self.data[start + 1] & 1 else 0)
            if self._number(start + skip, 8) != UNDEFINED:
                yield Reaching("dense", "links" if kind == LINK_INFO else "attributes", start)
        elif kind == FILTERS:
            yield from (
                Reaching("filter", str(one), start) for one in self._filters(message) if one not in BUILT_IN_FILTERS
            )
        elif kind == EXTERNAL:
            yield Reaching("external-data", "external file list", start)
        elif kind == DRIVER:
            yield Reaching("driver", "driver information message", start)
        elif kind == LAYOUT and self._number(start, 1) >= 3 and self._number(start + 1, 1) == 3:
            yield Reaching("virtual", "virtual dataset", start)

    def _attribute(self, message: Message) -> Attribute:
        start, version = message.start, self._number(message.start, 1)
        if version not in (1, 2, 3):
            raise Hdf5Error(f"attribute version {version} is not read")
        sizes = [self._number(start + 2 + 2 * number, 2) for number in range(3)]
        at = start + (9 if version == 3 else 8)
        name = (
            bytes(self.data[at : min(at + sizes[0], message.end)]).split(b"\0")[0].decode("utf-8", "backslashreplace")
        )
        at += sum(-(-size // 8) * 8 if version == 1 else size for size in sizes)
        if at > message.end:
            raise Hdf5Error(f"an attribute at byte {start} ends behind its message")
        return Attribute(name, at, message.end)

    def _symbols(self, address: int, depth: int) -> Iterator[int]:
        at = self._at(address, 24)
        if bytes(self.data[at : at + 4]) != b"TREE" or self.data[at + 4] != 0 or depth > 30:
            raise Hdf5Error(f"no group tree stands at byte {at}")
        level, used = self.data[at + 5], self._number(at + 6, 2)
        for number in range(used):
            child = self._number(at + 32 + 16 * number, 8)
            if level:
                if self.data[self._at(child, 24) + 5] >= level:
                    raise Hdf5Error(f"the group tree at byte {at} does not descend")
                yield from self._symbols(child, depth + 1)
            else:
                yield from self._symbol_node(child)

    def _symbol_node(self, address: int) -> Iterator[int]:
        at = self._at(address, 8)
        if bytes(self.data[at : at + 4]) != b"SNOD":
            raise Hdf5Error(f"no symbol table node stands at byte {at}")
        for number in range(self._number(at + 6, 2)):
            header = self._number(at + 8 + 40 * number + 8, 8)
            if header != UNDEFINED:
                yield header

    def _link(self, message: Message) -> Iterator[int | Reaching]:
        at, flags = message.start + 2, self.data[message.start + 1]
        kind = self._number(at, 1) if flags & 8 else 0
        at += (1 if flags & 8 else 0) + (8 if flags & 4 else 0) + (1 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        at += width + self._number(at, width)
        if kind == 0:
            yield self._number(at, 8)
        elif kind != 1:
            detail = bytes(self.data[min(at + 2, message.end) : message.end][:200]).decode("utf-8", "backslashreplace")
            yield Reaching("external-link", detail, message.start)

    def _filters(self, message: Message) -> Iterator[int]:
        version, count = self._number(message.start, 1), self._number(message.start + 1, 1)
        at = message.start + (8 if version == 1 else 2)
        for _ in range(count):
            number = self._number(at, 2)
            named = version == 1 or number >= 256
            length = self._number(at + 2, 2) if named else 0
            values = self._number(at + (6 if named else 4), 2)
            at += (8 if named else 6) + (-(-length // 8) * 8 if version == 1 else length) + 4 * values
            at += 4 if version == 1 and values % 2 else 0
            yield number

    def _heap(self, at: int) -> Iterator[tuple[int, int]]:
        end = at + self._number(at + 8, 8)
        position = at + 16
        while position + 16 <= min(end, len(self.data)):
            size = self._number(position + 8, 8)
            if self._number(position, 2) == 0:
                # free space, its own header included: the library reads on behind it
                if size < 16:
                    return
                position += size
                continue
            if position + 16 + size > min(end, len(self.data)):
                raise Hdf5Error(f"an object of the heap at byte {at} ends behind it")
            yield position + 16, position + 16 + size
            position += 16 + -(-size // 8) * 8

    def _at(self, address: int, size: int) -> int:
        at = self.base + address
        if address == UNDEFINED or at + size > len(self.data):
            raise Hdf5Error(f"an address leads to byte {at} of {len(self.data)}")
        return at

    def _number(self, at: int, size: int) -> int:
        if at < 0 or at + size > len(self.data):
            raise Hdf5Error(f"a number at byte {at} lies behind the end")
        return int.from_bytes(self.data[at : at + size], "little")
