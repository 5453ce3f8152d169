import io

import numpy as np
import pytest

from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, call, text, wrapper

joblib = pytest.importorskip("joblib")


def test_numbers_that_name_a_global_mislead(scan_file: ScanFile) -> None:
    payload = call("os", "getcwd")
    sized = wrapper(len(payload), "u1", is_aligned=False)
    found = scan_file(PROTO + sized + payload + b".")
    assert {one.rule for one in found.observations} == {"joblib.two-readings"}


def test_numbers_behind_padding_cannot_be_opcodes(scan_file: ScanFile) -> None:
    payload = call("os", "getcwd")
    assert scan_file(PROTO + wrapper(len(payload), "u1", is_aligned=True) + b"\x00" + payload + b".").verdict == "pass"


def test_padding_that_holds_something_is_suspicious(scan_file: ScanFile) -> None:
    found = scan_file(PROTO + wrapper(0, "u1", is_aligned=True) + b"\x02ab.")
    assert {one.rule for one in found.observations} == {"pickle.padding"}


@pytest.mark.parametrize("seed", range(5))
def test_random_numbers_do_not_mislead(seed: int, scan_file: ScanFile) -> None:
    numbers = np.random.default_rng(seed).integers(0, 256, 200, dtype=np.uint8)
    assert scan_file(PROTO + wrapper(200, "u1", is_aligned=False) + numbers.tobytes() + b".").verdict == "pass"


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_objects_do_not_mislead(protocol: int, scan_file: ScanFile) -> None:
    array = np.empty(4, object)
    array[:] = [b"bytes", np.arange(2), {"a": 1.5}, "text"]
    held = io.BytesIO()
    joblib.dump([array, {"x": array[:2], "y": np.arange(3)}], held, protocol=protocol)
    assert scan_file(held.getvalue()).observations == ()


def test_reading_that_goes_on_too_long_is_not_examined(scan_file: ScanFile) -> None:
    data = PROTO + b"(" + wrapper(200, "u1", is_aligned=False) * 1
    data = data.replace(text("shape") + b"K\xc8\x85", text("shape") + b"J" + (1 << 20).to_bytes(4, "little") + b"\x85")
    found = scan_file(data + b"N" * (1 << 20) + b"t.")
    assert {one.rule for one in found.observations} == {"joblib.two-readings"}
    assert found.verdict == "not_examined"
