from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.ledger import gaps, is_padding, merged

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)))


def cells(ranges: list[tuple[int, int]]) -> set[int]:
    return {cell for start, end in ranges for cell in range(start, end)}


@given(RANGES)
def test_merged_ranges_are_the_same_bytes_sorted_and_apart(ranges: list[tuple[int, int]]) -> None:
    result = merged(ranges)
    assert cells(result) == cells(ranges)
    assert all(first[1] < second[0] for first, second in pairwise(result))


@given(RANGES)
def test_gaps_and_ranges_share_no_byte_and_leave_none(ranges: list[tuple[int, int]]) -> None:
    found = cells(list(gaps(ranges, 60)))
    assert found | (cells(ranges) & set(range(60))) == set(range(60))
    assert not found & cells(ranges)


def test_padding_is_zeros_and_short() -> None:
    assert is_padding(memoryview(bytes(4096)))
    assert not is_padding(memoryview(bytes(4097)))
    assert not is_padding(memoryview(b"\0\1"))
