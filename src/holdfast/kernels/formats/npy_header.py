"""Read the header of a ``.npy`` array.

References
----------
NumPy, numpy.lib.format, format versions 1.0, 2.0 and 3.0.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from holdfast.kernels.formats.literal import Literal, LiteralError, read_literal

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 1 << 16
LARGEST_ELEMENT = 1 << 31
_TYPE = re.compile(r"[<>|=]?(?P<kind>[biufcSUVmMtO?])(?P<size>\d{0,9})(?:\[\d{0,9}[A-Za-zμ]{1,8}(?:/\d{1,9})?\])?")
_SHORT = {"?": 1, "b": 1}


class NpyError(ValueError):
    """The header is none that numpy writes."""


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """Facts of one array: content begins at ``data``; ``has_objects`` says that it is a pickle and not raw numbers."""

    data: int
    has_objects: bool
    item_size: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of raw content."""
        return self.item_size * math.prod(self.shape)


def read_npy_header(data: memoryview) -> NpyHeader:
    """Read the header.

    Raises
    ------
    NpyError
        When it is none that numpy writes.
    """
    if data[:6] != MAGIC or len(data) < 10 or data[6] not in (1, 2, 3):
        raise NpyError("the array does not begin with a magic number and a version from 1 to 3")
    width = 2 if data[6] == 1 else 4
    start = 8 + width
    length = int.from_bytes(data[8:start], "little")
    if length > LONGEST_HEADER or start + length > len(data):
        raise NpyError(f"a header of {length} bytes does not fit or is more than is read")
    try:
        text = bytes(data[start : start + length]).decode("latin-1" if data[6] < 3 else "utf-8")
        fields = read_literal(text)
    except (LiteralError, UnicodeDecodeError) as error:
        raise NpyError(f"the header is no dictionary of plain values: {error}") from None
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise NpyError("the header does not hold descr, fortran_order and shape")
    size, has_objects = _element(fields["descr"], 0)
    return NpyHeader(start + length, has_objects, size, _shape(fields["shape"]))


def _shape(value: Literal) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > 64:
        raise NpyError("the shape is no tuple of at most 64 numbers")
    shape = tuple(item for item in value if isinstance(item, int) and not isinstance(item, bool))
    if len(shape) != len(value):
        raise NpyError("the shape holds something else than numbers")
    return shape


def _element(description: Literal, depth: int) -> tuple[int, bool]:
    if depth > 10:
        raise NpyError("the element type nests too deeply")
    if isinstance(description, str):
        return _plain_element(description)
    if isinstance(description, tuple) and len(description) == 2:
        size, has_objects = _element(description[0], depth + 1)
        return size * math.prod(_extent(description[1])), has_objects
    if not isinstance(description, list) or not description:
        raise NpyError("the element type is neither a text nor a list of fields")
    total, any_objects = 0, False
    for field in description:
        if not isinstance(field, tuple) or len(field) not in (2, 3):
            raise NpyError("a field of the element type is no pair of name and type")
        size, has_objects = _element(field[1], depth + 1)
        total += size * math.prod(_extent(field[2]) if len(field) == 3 else ())
        any_objects |= has_objects
    return _bounded(total), any_objects


def _extent(value: Literal) -> tuple[int, ...]:
    return _shape(value if isinstance(value, tuple) else (value,))


def _bounded(size: int) -> int:
    if size > LARGEST_ELEMENT:
        raise NpyError(f"an element of {size} bytes is more than numpy allows")
    return size


def _plain_element(description: str) -> tuple[int, bool]:
    match = _TYPE.fullmatch(description)
    if match is None:
        raise NpyError(f"element type {description!r:.40} is not known")
    kind, digits = match["kind"], match["size"]
    size = int(digits) if digits else _SHORT.get(kind, 8 if kind in "OmM" else 0)
    return _bounded(size * 4 if kind == "U" else size), kind == "O"
