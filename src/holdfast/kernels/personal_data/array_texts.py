"""Texts and whole numbers inside the bytes of arrays, whatever array they belong to.

Readers of models know where the bytes of an array stand, not always of what type they are. Types give themselves away:
fixed-width texts are four-byte code points that can be printed; numbers that may be identifiers are whole and between a
million and ten to the sixteenth, a range in which no 64-bit float looks like an integer and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 1e6, 1e16
LONGEST_TEXTS = 1 << 24
LOW_HALF, SMALL_HALF = (1 << 32) - 1, 1 << 20
MOST_NUMBERS = 100_000
SMALLEST_CODE, LARGEST_CODE = 0x20, 0x110000
BEGINS = re.compile("\0(?=[^\0])")


def array_texts(data: memoryview | bytes, *, item: int = 0, order: str = "<") -> Iterator[str]:
    """Yield the texts, or the distinct numbers that may be identifiers, in the bytes of an array.

    Parameters
    ----------
    item
        Characters of one text, where the type is known or likely; it is only believed where the bytes fit it. Without
        it texts that fill their items run together.
    order
        ``<`` or ``>``, of the bytes in a number.

    Examples
    --------
    >>> import numpy as np
    >>> list(array_texts(np.array(["Anna", "Bo"]).tobytes()))
    ['Anna', 'Bo']
    >>> list(array_texts(np.array([0.5, 48221234567.0]).tobytes()))
    ['48221234567']
    """
    held = memoryview(data)
    texts = list(_wide_texts(held, order, item)) or list(_narrow_texts(held, item))
    yield from texts or _numbers(held, order)


def _wide_texts(data: memoryview, order: str, item: int) -> Iterator[str]:
    """Texts of numpy's kind U: code points of four bytes, the rest of an item filled with zeros."""
    if len(data) < 4 or len(data) % 4:
        return
    points = np.frombuffer(data[:LONGEST_TEXTS], f"{order}u4")
    if _are_printable(points):
        yield from _parted("".join(map(chr, points.tolist())), item)


def _narrow_texts(data: memoryview, item: int) -> Iterator[str]:
    """Texts of numpy's kind S, and plain text as bytes."""
    held = bytes(data[:LONGEST_TEXTS])
    letters = held.translate(None, b"\0")
    if len(letters) < 4 or min(letters) < 0x09 or any(code in letters for code in (0x0B, 0x0C, 0x0E, 0x1B)):
        return
    if item and len(held) % item == 0 and held.isascii():
        yield from _parted(held.decode("ascii"), item)
        return
    try:
        text = held.decode("utf-8")
    except UnicodeDecodeError:
        return
    yield from _parted(text, 0)


def _are_printable(points: NDArray[np.uint32]) -> bool:
    if points[0] == 0 or int(points.max()) >= LARGEST_CODE:
        return False
    return bool(((points == 0) | (points >= SMALLEST_CODE)).all())


def _parted(text: str, item: int) -> Iterator[str]:
    """Part at the ends of items, where no item begins inside another by its size; else at the zeros that fill items."""
    if item and len(text) % item == 0 and all(start.end() % item == 0 for start in BEGINS.finditer(text)):
        parts = [text[at : at + item].rstrip("\0") for at in range(0, len(text), item)]
    else:
        parts = text.split("\0")
    yield from (part for part in parts if part)


def _numbers(data: memoryview, order: str) -> Iterator[str]:
    whole = data[: len(data) // 8 * 8]
    if not len(whole):
        return
    found: list[NDArray[np.int64]] = []
    for kind in ("i8", "f8"):
        values = np.frombuffer(whole, order + kind)
        with np.errstate(invalid="ignore"):
            kept = values[(np.abs(values) >= LEAST) & (np.abs(values) < MOST)]
        kept = kept[kept == np.floor(kept)].astype(np.int64)
        if kind == "i8":  # two small numbers of 32 bits look like a large one
            low = kept & LOW_HALF
            kept = kept[(abs(kept) <= LOW_HALF) | ((low > SMALL_HALF) & (low < LOW_HALF - SMALL_HALF))]
        found.append(np.unique(kept)[:MOST_NUMBERS])
    yield from map(str, np.concatenate(found).tolist())
