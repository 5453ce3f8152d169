"""What decompression within bounds yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Ending = Literal["complete", "truncated", "broken", "limit"]
Stop: TypeAlias = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Expanded:
    """What came out.

    Attributes
    ----------
    data
        The bytes, up to the limit.
    consumed
        How many compressed bytes belong to the stream (or streams, one behind the other, where the format has them).
    ending
        ``limit`` when more would have come out than allowed.
    """

    data: bytearray
    consumed: int
    ending: Ending
    error: str = ""
