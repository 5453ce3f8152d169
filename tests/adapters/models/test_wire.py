from __future__ import annotations

import io
import pickle
import struct

import numpy as np
import pytest

from holdfast.adapters.models.wire import PREFIX, WireError, decode_array, encode_array, receive, send


def message(header: dict, *parts: bytes) -> io.BytesIO:
    stream = io.BytesIO()
    send(stream, header, *parts)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("dtype", ["float64", "int64", "bool", "<U5"])
def test_array_survives_the_round_trip(dtype: str) -> None:
    array = np.array([0, 1, 1]).astype(dtype)
    np.testing.assert_array_equal(decode_array(encode_array(array)), array)


def test_two_dimensional_array_survives_the_round_trip() -> None:
    array = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(decode_array(encode_array(array)), array)


def test_message_survives_the_round_trip() -> None:
    assert receive(message({"do": "x"}, b"abc", b""), largest=3) == ({"do": "x"}, [b"abc", b""])


def test_array_of_objects_is_refused() -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([{}], dtype=object), version=(1, 0), allow_pickle=True)
    with pytest.raises(WireError):
        decode_array(buffer.getvalue())


def test_array_header_that_claims_more_than_was_sent_is_refused() -> None:
    data = encode_array(np.zeros(10)).replace(b"(10,)", b"(99,)")
    with pytest.raises(WireError, match="expected 792 bytes"):
        decode_array(data)


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY\x09\x00", pickle.dumps([1]), b"\x93NUMPY\x01\x00\x02\x00{}"])
def test_what_is_no_array_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_array(data)


@pytest.mark.parametrize("place", range(6, 128))
def test_header_of_an_array_with_another_byte_is_read_or_refused(place: int) -> None:
    for byte in b"\x00(9'\n\xff":
        data = bytearray(encode_array(np.zeros((2, 3))))
        data[place] = byte
        try:
            assert decode_array(bytes(data)).nbytes == 48
        except WireError:
            continue


def test_part_over_the_bound_is_refused_before_it_is_read() -> None:
    stream = io.BytesIO(PREFIX.pack(2, 1) + struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(WireError, match="expected at most 100 bytes"):
        receive(stream, largest=100)


def test_header_over_the_bound_is_refused() -> None:
    with pytest.raises(WireError, match="header of at most"):
        receive(io.BytesIO(PREFIX.pack(1 << 30, 0)), largest=0)


@pytest.mark.parametrize("text", [b"[1]", b"nonsense", b"[" * 100_000])
def test_header_that_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        receive(io.BytesIO(PREFIX.pack(len(text), 0) + text), largest=0)


def test_cut_stream_is_an_end_of_file() -> None:
    whole = message({"do": "x"}, b"abc").getvalue()
    with pytest.raises(EOFError):
        receive(io.BytesIO(whole[:-1]), largest=3)
