import io
import mmap
import tempfile
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.numpy_array import walk_npy
from holdfast.kernels.scan.observation import Budget, Place


class Payload:
    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (print, ("executed",))


def saved(*arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    for array in arrays:
        np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "array", [np.arange(5), np.zeros((0, 3)), np.array("text"), np.zeros(3, [("a", "f4"), ("b", "S3")])]
)
def test_ordinary_array_passes(scan_file, array) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(saved(array)).verdict == "pass"


def test_several_arrays_in_one_file_pass(scan_file) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(saved(np.arange(3), np.ones(4))).verdict == "pass"


def test_objects_are_walked_as_a_pickle(scan_file) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(saved(np.array([Payload(), None], dtype=object))).verdict == "fail"


def test_bytes_behind_the_array_are_reported(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "suspicious ledger.gap" in rules(scan_file(saved(np.arange(3)) + b"payload"))


def test_missing_bytes_are_malformed(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(saved(np.arange(3))[:-1])
    assert (result.verdict, rules(result)) == ("not_examined", {"malformed npy.size"})


def test_program_in_place_of_numbers_is_suspicious(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    program = np.frombuffer(b"\x7fELF" + bytes(100), np.uint8)
    assert "suspicious payload.hidden" in rules(scan_file(saved(program)))


def test_half_a_gigabyte_is_not_read_byte_by_byte(scan_file) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryFile() as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (62_500_000,)})
        file.truncate(file.tell() + 500_000_000)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            start = time.perf_counter()
            result = scan_file(view)
            assert time.perf_counter() - start < 60
    assert result.verdict == "pass"


@given(st.data())
def test_any_damage_is_walked(draw: st.DataObject) -> None:
    data = bytearray(saved(np.arange(5), np.zeros(2, [("a", "f4")])))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    walk_npy(memoryview(bytes(data)), Place(("f",), 0, len(data)), Budget(1000, 1000, 1000, lambda: False))
