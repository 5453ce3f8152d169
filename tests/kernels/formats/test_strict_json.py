import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.strict_json import JsonError, read_json


def test_duplicate_keys_are_named_and_the_last_value_holds() -> None:
    document = read_json(memoryview(b'{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}'))
    assert (document.value, document.duplicate_keys) == ({"a": 3, "b": {"c": 2}}, ("c", "a"))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 200_000, b'{"a": 1} x', b"{'a': 1}"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(JsonError) as error:
        read_json(memoryview(data))
    assert not error.value.too_large


def test_huge_numbers_cost_nothing() -> None:
    assert read_json(memoryview(b"[" + b"9" * 100_000 + b"]")).value == [float("inf")]


def test_document_that_would_fill_the_memory_is_not_read() -> None:
    tracemalloc.start()
    with pytest.raises(JsonError) as error:
        read_json(memoryview(b"[" + b"[]," * 2_000_000 + b"[]]"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.value.too_large
    assert peak < 20 << 20


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=20)
)
def test_documents_read_as_the_standard_library_reads_them(value: object) -> None:
    assert read_json(memoryview(json.dumps(value).encode())).value == value
