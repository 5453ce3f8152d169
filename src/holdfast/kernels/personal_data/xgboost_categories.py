"""Categories inside XGBoost models: they are written as numbers, so who searches the file for text does not see them.

References
----------
XGBoost 3.1, ``src/data/cat_container.cc``: ``enc`` holds, for each column of texts, the offsets of the categories and
the UTF-8 bytes of all of them as one list of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeGuard

MOST_BYTES = 1 << 26


def category_texts(value: dict[str, Any]) -> Iterator[str]:
    """Decode the categories of one column; none where an object is something else.

    Examples
    --------
    >>> list(category_texts({"offsets": [0, 2, 5], "values": [72, 105, 66, 111, 98]}))
    ['Hi', 'Bob']
    """
    offsets, values = value.get("offsets"), value.get("values")
    if not _are_numbers(offsets) or not _are_numbers(values) or len(offsets) < 2 or len(values) > MOST_BYTES:
        return
    is_sound = offsets[0] == 0 and offsets[-1] == len(values) and all(a <= b for a, b in pairwise(offsets))
    if not is_sound or not all(-128 <= number < 256 for number in values):
        return
    held = bytes(number & 0xFF for number in values)
    for start, end in pairwise(offsets):
        yield held[start:end].decode("utf-8", "replace")


def _are_numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int for item in value)
