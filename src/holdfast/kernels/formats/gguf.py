"""Read the header, the key-value pairs and the tensor table of a GGUF file.

References
----------
ggml, docs/gguf.md, versions 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

MAGIC = b"GGUF"
STRING, ARRAY = 8, 9
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
# elements per block and bytes per block, by tensor type
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2),
    26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


class GgufError(ValueError):
    """The bytes are no GGUF file of versions 2 or 3, or hold more than is read."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its bytes begin ``offset`` behind the start of the data; ``size`` is -1 for a type not known."""

    name: str
    offset: int
    size: int


@dataclass(slots=True)
class Gguf:
    """What the file says of itself; ``texts`` holds where each text value stands."""

    data_start: int = 0
    alignment: int = 32
    keys: list[str] = field(default_factory=list)
    texts: list[tuple[str, int, int]] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)


def read_gguf(data: memoryview, *, most_values: int) -> Gguf:
    """Read everything before the tensors.

    Raises
    ------
    GgufError
        Where the structure breaks.
    """
    reader = _Reader(data, 4, most_values)
    if reader.number("<I", 4) not in (2, 3):
        raise GgufError("only versions 2 and 3 in little-endian order are read")
    n_tensors, n_pairs = reader.number("<Q", 8), reader.number("<Q", 8)
    result = Gguf()
    for _ in range(reader.count(n_pairs)):
        start, end = reader.text()
        key = bytes(data[start : min(end, start + 300)]).decode("utf-8", "backslashreplace")
        result.keys.append(key)
        _read_value(reader, key, reader.number("<I", 4), result, 0)
    for _ in range(reader.count(n_tensors)):
        result.tensors.append(_read_tensor(reader, data))
    result.data_start = -(-reader.position // result.alignment) * result.alignment
    return result


class _Reader:
    def __init__(self, data: memoryview, position: int, left: int) -> None:
        self.data, self.position, self.left = data, position, left

    def count(self, number: int) -> int:
        self.left -= number
        if self.left < 0:
            raise GgufError("it states more values than are read")
        return number

    def number(self, form: str, size: int) -> int:
        self.skip(size)
        return int(struct.unpack_from(form, self.data, self.position - size)[0])

    def skip(self, size: int) -> int:
        if self.position + size > len(self.data):
            raise GgufError(f"{size} bytes at byte {self.position} reach behind the end")
        self.position += size
        return self.position

    def text(self) -> tuple[int, int]:
        size = self.number("<Q", 8)
        return self.position, self.skip(size)


def _read_value(reader: _Reader, key: str, kind: int, result: Gguf, depth: int) -> None:
    if kind == STRING:
        start, end = reader.text()
        if depth == 0 or end - start > 64:
            result.texts.append((key, start, end))
    elif kind == ARRAY:
        inner, count = reader.number("<I", 4), reader.number("<Q", 8)
        if depth > 8:
            raise GgufError("arrays nest too deeply")
        if inner in _WIDTHS:
            reader.skip(count * _WIDTHS[inner])
            return
        for _ in range(reader.count(count)):
            _read_value(reader, key, inner, result, depth + 1)
    elif kind in _WIDTHS:
        start = reader.position
        reader.skip(_WIDTHS[kind])
        if key == "general.alignment" and kind == 4:
            result.alignment = int.from_bytes(reader.data[start : start + 4], "little")
            if result.alignment == 0 or result.alignment & (result.alignment - 1) or result.alignment > 1 << 16:
                raise GgufError(f"an alignment of {result.alignment} is no power of two up to 65536")
    else:
        raise GgufError(f"value type {kind} of a key is not known")


def _read_tensor(reader: _Reader, data: memoryview) -> Tensor:
    start, end = reader.text()
    n_dims = reader.number("<I", 4)
    if n_dims > 8:
        raise GgufError(f"a tensor states {n_dims} dimensions")
    elements = 1
    for _ in range(n_dims):
        elements *= reader.number("<Q", 8)
    kind, offset = reader.number("<I", 4), reader.number("<Q", 8)
    per_block, width = BLOCKS.get(kind, (1, 0))
    name = bytes(data[start : min(end, start + 300)]).decode("utf-8", "backslashreplace")
    return Tensor(name, offset, -(-elements // per_block) * width if width else -1)
