import io

import numpy as np
import pytest

from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, call, name, text, wrapper

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


def memo_attack(module: str, path: str, *arguments: bytes) -> bytes:
    """An array of objects that calls a global of the outer memo, and a fraction with its own."""
    outer = b"".join(part + b"\x940" for part in (text(module), text(path), *arguments))
    own = b"".join(
        part + b"\x940" for part in (text("fractions"), text("Fraction"), b"K\x05", b"K\x01")[: 2 + len(arguments)]
    )
    call_it = b"h\x00h\x01\x93" + b"".join(b"h" + bytes([2 + n]) for n in range(len(arguments)))
    inner = PROTO + own + call_it + (b"\x85R." if len(arguments) == 1 else b"\x86R.")
    return PROTO + outer + wrapper(1, "O", is_aligned=False) + inner + b"."


@pytest.mark.parametrize(
    ("module", "path", "arguments"),
    [
        ("numpy.testing._private.utils", "runstring", [text("1"), b"}"]),
        ("pandas.io.pickle", "read_pickle", [text("x.pkl")]),
        ("torch.storage", "_load_from_bytes", [b"C\x01."]),
        ("my_package.module", "function", [text("x")]),
        ("my_package", "some_function", [text("x")]),
    ],
)
def test_array_of_objects_that_calls_something_else_with_the_outer_memo_misleads(
    module: str, path: str, arguments: list[bytes], scan_file: ScanFile
) -> None:
    found = scan_file(memo_attack(module, path, *arguments))
    assert "joblib.two-readings" in {one.rule for one in found.observations}


def test_list_is_as_long_as_the_first_reading_makes_it(scan_file: ScanFile) -> None:
    junk = b"h\x00(" + b"N" * 20 + b"e."
    array = call("numpy._core.multiarray", "_reconstruct", name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
    dtype = call("numpy", "dtype", text("O8"), b"\x89", b"\x88")
    data = PROTO + b"]\x94" + wrapper(len(junk), "u1", is_aligned=False) + junk
    found = scan_file(data + array + b"(K\x01K\x14\x85" + dtype + b"\x89h\x00tb.")
    assert {"joblib.two-readings", "pickle.build"} <= {one.rule for one in found.observations}
