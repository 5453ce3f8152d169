import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.npy_header import MAGIC, NpyError, read_npy_header

TYPES = ["<f8", ">i4", "|b1", "?", "<U7", "|S3", "<c16", "<M8[ns]", "<m8[D]", "<f2", "|V5", "<u8"]


def saved(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text: str, version: int = 1) -> memoryview:
    return memoryview(
        MAGIC + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text.encode()
    )


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_size_is_what_numpy_writes(dtype: str, shape: tuple[int, ...]) -> None:
    data = saved(np.zeros(shape, dtype))
    facts = read_npy_header(memoryview(data))
    assert (facts.data + facts.size, facts.has_objects, facts.shape) == (len(data), False, shape)


def test_structured_type_with_nested_arrays_has_its_size() -> None:
    dtype = np.dtype([("a", "<f4", (2, 3)), ("b", [("c", "<i2"), ("d", "S5")]), ("é", "?")])
    data = saved(np.zeros(4, dtype))
    facts = read_npy_header(memoryview(data))
    assert facts.data + facts.size == len(data)


@pytest.mark.parametrize("array", [np.array([{}, None], dtype=object), np.zeros(2, [("a", "O"), ("b", "f8")])])
def test_objects_are_noticed_wherever_they_stand(array: np.ndarray) -> None:
    assert read_npy_header(memoryview(saved(array))).has_objects


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f8', 'fortran_order': False}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}",
        "{'descr': 'evil', 'fortran_order': False, 'shape': ()}",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': ()}",
        "{'descr': [], 'fortran_order': False, 'shape': ()}",
        "{'descr': '<U999999999', 'fortran_order': False, 'shape': ()}",
        "[" * 1000,
    ],
)
def test_header_that_numpy_would_not_write_is_refused(text: str) -> None:
    with pytest.raises(NpyError):
        read_npy_header(header(text))


@given(st.binary(max_size=80), st.sampled_from([1, 2, 3]))
def test_any_header_is_read_or_refused(noise: bytes, version: int) -> None:
    with contextlib.suppress(NpyError):
        read_npy_header(memoryview(MAGIC + bytes([version, 0, len(noise), 0, 0, 0]) + noise))
