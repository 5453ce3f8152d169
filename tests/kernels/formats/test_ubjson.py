import contextlib

import numpy as np
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.ubjson import Numbers, Reader, UbjError


def read(data: bytes, values: int = 1000) -> object:
    return Reader(memoryview(data), values).value()


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"Z", None),
        (b"T", True),
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"l\x00\x00\x01\x00", 256),
        (b"Si\x03abc", "abc"),
        (b"[i\x01i\x02]", [1, 2]),
        (b"[#i\x02i\x01i\x02", [1, 2]),
        (b"{i\x01aTi\x01bF}", {"a": True, "b": False}),
        (b"D\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5),
    ],
)
def test_values_of_the_specification(data: bytes, value: object) -> None:
    assert read(data) == value


def test_typed_array_is_passed_over() -> None:
    assert read(b"[$d#i\x02" + bytes(8)) == Numbers("d", 2, 6, 14)


def test_model_of_xgboost_is_read_to_the_end() -> None:
    X = np.random.default_rng(0).normal(size=(100, 3))
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, X[:, 0]), 3)
    data = bytes(booster.save_raw("ubj"))
    reader = Reader(memoryview(data), 100_000)
    value = reader.value()
    assert reader.position == len(data)
    assert isinstance(value, dict)
    assert set(value) == {"learner", "version"}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[", b"[$d", b"[$di", b"Si\xff", b"SL" + b"\x7f" * 8, b"?", b"[" * 1000, b"{#i\x05"]
)
def test_broken_document_is_refused(data: bytes) -> None:
    with pytest.raises(UbjError):
        read(data)


def test_counted_array_of_nothing_stops_at_the_limit() -> None:
    with pytest.raises(UbjError):
        read(b"[$Z#l\x7f\xff\xff\xff", values=1000)


def test_key_that_stands_twice_is_counted() -> None:
    reader = Reader(memoryview(b"{i\x01aTi\x01aF}"), 10)
    reader.value()
    assert reader.duplicate_keys == 1


@given(
    st.lists(
        st.sampled_from([b"{", b"}", b"[", b"]", b"$", b"#", b"i", b"U", b"\x02", b"S", b"a", b"d", b"Z", b"L"]),
        max_size=40,
    )
)
def test_any_bytes_are_read_or_refused(parts: list[bytes]) -> None:
    with contextlib.suppress(UbjError):
        read(b"".join(parts))
