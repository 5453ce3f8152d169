"""Read structures in Thrift's compact form, without their schema, within bounds.

References
----------
Apache Thrift, Thrift compact protocol encoding, sections on integers, structs, lists and maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
DEEPEST = 24
Value = int | memoryview | list["Value"] | dict[int, "Value"]


class ThriftError(ValueError):
    """The bytes break the encoding, or nest or repeat more than is read."""


@dataclass(slots=True)
class Reader:
    """Reads from a position; ``values_left`` bounds how many values are made.

    Doubles are returned as their eight bytes, and sets and maps as lists.
    """

    data: memoryview
    position: int = 0
    values_left: int = 1_000_000

    def struct(self, depth: int = 0) -> dict[int, Value]:
        """Read a structure: values by field number.

        Raises
        ------
        ThriftError
            If the bytes are none.
        """
        if depth > DEEPEST:
            raise ThriftError(f"structures nest more than {DEEPEST} deep")
        fields: dict[int, Value] = {}
        number = 0
        for _ in self._counted():
            head = self._byte()
            if head == 0:
                break
            number = number + (head >> 4) if head >> 4 else _signed(self._varint())
            if number in fields:
                raise ThriftError(f"field {number} stands twice in a structure")
            kind = head & 15
            fields[number] = (kind == TRUE) + 0 if kind in (TRUE, FALSE) else self._value(kind, depth)
        return fields

    def _counted(self) -> Iterator[None]:
        while True:
            self.values_left -= 1
            if self.values_left < 0:
                raise ThriftError("there are more values than are read")
            yield None

    def _value(self, kind: int, depth: int) -> Value:
        if kind in (TRUE, FALSE, BYTE):
            return self._byte()
        if kind in (I16, I32, I64):
            return _signed(self._varint())
        if kind == DOUBLE:
            return self._bytes(8)
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in (LIST, SET):
            return self._list(depth)
        if kind == MAP:
            return self._map(depth)
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise ThriftError(f"a value of unknown type {kind} at byte {self.position}")

    def _list(self, depth: int) -> Value:
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._varint()
        return self._items([head & 15], count, depth)

    def _map(self, depth: int) -> Value:
        count = self._varint()
        kinds = self._byte() if count else 0
        return self._items([kinds >> 4, kinds & 15], count, depth)

    def _items(self, kinds: list[int], count: int, depth: int) -> Value:
        self.values_left -= count
        if count > len(self.data) - self.position or self.values_left < 0 or depth > DEEPEST:
            raise ThriftError(f"a list states {count} items, more than are there or are read")
        return [self._value(kind, depth + 1) for _ in range(count) for kind in kinds]

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, size: int) -> memoryview:
        start, end = self.position, self.position + size
        if end > len(self.data):
            raise ThriftError(f"a value of {size} bytes ends behind the data")
        self.position = end
        return self.data[start:end]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ThriftError(f"a number longer than ten bytes at byte {self.position}")


def _signed(value: int) -> int:
    return value >> 1 ^ -(value & 1)
