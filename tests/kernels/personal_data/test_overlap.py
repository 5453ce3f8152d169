"""Tests of which spans stay."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.rule import Span

spans = st.builds(
    lambda start, length, label, score: Span(start, start + length, label, score),
    st.integers(0, 30),
    st.integers(1, 8),
    st.sampled_from("ABC"),
    st.sampled_from([0.5, 0.7, 0.9]),
)


def test_the_likelier_stays_then_the_longer() -> None:
    assert resolve_overlaps([Span(0, 5, "A", 0.6), Span(3, 9, "B", 0.9)]) == [Span(3, 9, "B", 0.9)]
    assert resolve_overlaps([Span(0, 5, "A", 0.6), Span(0, 9, "B", 0.6)]) == [Span(0, 9, "B", 0.6)]
    assert len(resolve_overlaps([Span(0, 5, "A", 0.6), Span(5, 9, "B", 0.9)])) == 2


@given(st.lists(spans, max_size=20), st.randoms())
def test_what_stays_does_not_overlap_and_nothing_free_is_lost(found: list[Span], random: object) -> None:
    kept = resolve_overlaps(found)
    assert kept == sorted(kept)
    assert all(left.end <= right.start for left, right in pairwise(kept))
    for span in found:
        beaten_by = [other for other in kept if other.start < span.end and span.start < other.end]
        assert beaten_by
        assert max(other.score for other in beaten_by) >= span.score
    random.shuffle(found)  # type: ignore[attr-defined]
    assert resolve_overlaps(found) == kept
