"""Account for every byte: ranges that belong to a parsed structure, and the gaps between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LONGEST_PADDING = 4096


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same bytes as sorted ranges that do not touch.

    Examples
    --------
    >>> merged([(4, 8), (0, 4), (9, 9)])
    [(0, 8)]
    """
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def gaps(ranges: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Yield what the ranges leave uncovered of ``size`` bytes."""
    last = 0
    for start, end in merged(ranges):
        if start > last:
            yield last, start
        last = max(last, end)
    if last < size:
        yield last, size


def is_padding(data: memoryview) -> bool:
    """Whether bytes are zeros, and no more of them than alignment takes."""
    return len(data) <= LONGEST_PADDING and not any(data)
