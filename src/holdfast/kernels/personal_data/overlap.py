"""Which of the spans that overlap are kept."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import pairwise

from holdfast.kernels.personal_data.rule import Span


def resolve_overlaps(spans: Sequence[Span]) -> list[Span]:
    """Keep, of spans that overlap, the likeliest, then the longest, then the first; in order of their start.

    Spans that only touch do not overlap. Takes n log n steps for spans in any order.
    """
    ordered = sorted(spans)
    if all(left.end <= right.start for left, right in pairwise(ordered)):
        return ordered
    kept: list[Span] = []
    for span in sorted(ordered, key=lambda span: (-span.score, span.start - span.end, span.start)):
        at = bisect_left(kept, span)
        if (at == 0 or kept[at - 1].end <= span.start) and (at == len(kept) or span.end <= kept[at].start):
            insort(kept, span)
    return kept
