"""Read UBJSON as XGBoost writes it: bounded, without recursion into values that are only numbers.

References
----------
Universal Binary JSON, draft 12, https://ubjson.org; big-endian, typed arrays with ``$`` and ``#``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

_SIZES = {"i": 1, "U": 1, "I": 2, "l": 4, "L": 8, "d": 4, "D": 8, "C": 1}
_INTEGERS = frozenset("iUIlL")
_CONSTANTS = {"Z": None, "T": True, "F": False, "N": None}
DEEPEST = 60


class UbjError(ValueError):
    """The bytes are no UBJSON of the kind read here."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A typed array, not unpacked: type mark, how many, and where its bytes stand."""

    mark: str
    count: int
    start: int
    end: int


@dataclass(slots=True)
class Reader:
    """A position in the data, and how many values may still be made.

    Attributes
    ----------
    duplicate_keys
        Keys that stand twice in one object.
    """

    data: memoryview
    values_left: int
    position: int = 0
    duplicate_keys: int = 0

    def value(self, depth: int = 0) -> Any:
        """Read the value at the position.

        Raises
        ------
        UbjError
            If none stands there, it nests more than 60 deep, or there are too many.
        """
        return self._typed(self._mark(), depth)

    def _typed(self, mark: str, depth: int) -> Any:
        self.values_left -= 1
        if depth > DEEPEST or self.values_left < 0:
            raise UbjError("it nests too deeply or holds more values than are read")
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        if mark in _INTEGERS:
            return int.from_bytes(self._take(_SIZES[mark]), "big", signed=mark != "U")
        if mark in "dD":
            return struct.unpack(">f" if mark == "d" else ">d", self._take(_SIZES[mark]))[0]
        if mark in "SHC":
            return bytes(self._take(1 if mark == "C" else self._length())).decode("utf-8", "backslashreplace")
        if mark == "[":
            return self._array(depth)
        if mark == "{":
            return self._object(depth)
        raise UbjError(f"no value begins at byte {self.position - 1}")

    def _array(self, depth: int) -> list[Any] | Numbers:
        kind, count = self._header()
        if kind in _SIZES and count >= 0:
            start = self.position
            self._take(count * _SIZES[kind])
            return Numbers(kind, count, start, self.position)
        items: list[Any] = []
        while len(items) != count if count >= 0 else not self._closes("]"):
            items.append(self._typed(kind or self._mark(), depth + 1))
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        kind, count = self._header()
        items: dict[str, Any] = {}
        read = 0
        while read != count if count >= 0 else not self._closes("}"):
            key = bytes(self._take(self._length())).decode("utf-8", "backslashreplace")
            self.duplicate_keys += key in items
            items[key] = self._typed(kind or self._mark(), depth + 1)
            read += 1
        return items

    def _header(self) -> tuple[str, int]:
        kind, count = "", -1
        if self._closes("$"):
            kind = self._mark()
        if self._closes("#"):
            count = self._length()
        elif kind:
            raise UbjError("a typed container states no count")
        return kind, count

    def _length(self) -> int:
        mark = self._mark()
        if mark not in _INTEGERS:
            raise UbjError(f"a length at byte {self.position - 1} is no integer")
        length = int.from_bytes(self._take(_SIZES[mark]), "big", signed=mark != "U")
        if length < 0:
            raise UbjError(f"a length before byte {self.position} is negative")
        return length

    def _mark(self) -> str:
        return chr(self._take(1)[0])

    def _closes(self, mark: str) -> bool:
        if self.position >= len(self.data):
            raise UbjError("the data end inside a container")
        if self.data[self.position] != ord(mark):
            return False
        self.position += 1
        return True

    def _take(self, size: int) -> memoryview:
        end = self.position + size
        if end > len(self.data):
            raise UbjError(f"{size} bytes at byte {self.position} reach behind the end")
        part = self.data[self.position : end]
        self.position = end
        return part
