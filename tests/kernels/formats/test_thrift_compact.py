import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.thrift_compact import Reader, ThriftError


def read(data: bytes) -> dict[int, object]:
    return dict(Reader(memoryview(data)).struct())


def test_fields_are_read_by_number() -> None:
    assert read(b"\x15\x06\x15\x01\x00") == {1: 3, 2: -1}


def test_text_list_and_structure_are_read() -> None:
    value = read(b"\x18\x03abc\x19\x25\x02\x04\x1c\x15\x0a\x00\x00")
    assert bytes(value[1]) == b"abc"  # type: ignore[call-overload]
    assert value[2] == [1, 2]
    assert value[3] == {1: 5}


def test_truth_stands_in_the_kind_of_its_field() -> None:
    assert read(b"\x11\x12\x00") == {1: 1, 2: 0}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x15",
        b"\x18\x7fabc\x00",
        b"\x1f\x00",
        b"\x15" + b"\xff" * 11,
        b"\x19\xf5\xff\xff\xff\x7f\x00",
        b"\x1c" * 100,
        b"\x15\x02\x05\x02\x04\x00",
    ],
)
def test_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ThriftError):
        read(data)


def test_more_values_than_allowed_are_refused() -> None:
    with pytest.raises(ThriftError, match="more"):
        Reader(memoryview(b"\x19\x85" + b"\x02" * 8 + b"\x00"), values_left=5).struct()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ThriftError):
        assert isinstance(read(data), dict)
