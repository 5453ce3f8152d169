import io

import numpy as np
import pytest

from holdfast.kernels.scan.pickle_arrays import describe_array, is_code, made_dtype
from holdfast.kernels.scan.pickle_values import Dict, Dtype, Global, Tuple
from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, call, made, name, text, wrapper

joblib = pytest.importorskip("joblib")
DTYPE = Global("numpy", "dtype", None, (0, 0))
ARRAY = Global("numpy", "ndarray", None, (0, 0))
NONE = b"J\xff\xff\xff\xff"
STRUCTURED = [
    [("a", "i4"), ("b", "f8")],
    [("a", "i4"), ("b", "O")],
    [(("title", "a"), "i4"), ("b", "f4", (2, 2))],
    [("x", [("y", "u1"), ("z", "S3")]), ("w", "M8[ns]")],
    {"names": ["a", "b"], "formats": ["i4", "f8"], "offsets": [8, 0], "itemsize": 32},
]


def dtype(code: str, state: bytes) -> bytes:
    return call("numpy", "dtype", text(code), b"\x89", b"\x88") + state


def field(key: str, code: str) -> bytes:
    return text(key) + dtype(code, b"") + b"K\x00\x86"


def fields(items: bytes, size: int, flags: int) -> bytes:
    return (
        b"(K\x03"
        + text("|")
        + b"N"
        + text("a")
        + b"\x85}("
        + items
        + b"uK"
        + bytes([size])
        + b"K\x01K"
        + bytes([flags])
        + b"tb"
    )


@pytest.mark.parametrize(
    "code", ["?", "i1", "u8", "f2", "f8", "g", "c16", "S7", "U4", "V9", "M8[ns]", "m8[D]", ">i4", *STRUCTURED]
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_array_of_numpy_is_passed_over_exactly(code: object, protocol: int, scan_file: ScanFile) -> None:
    array = np.zeros((3, 2), np.dtype(code))
    held = io.BytesIO()
    joblib.dump([array, array.T, array[0, 0], array.dtype], held, protocol=protocol)
    assert scan_file(held.getvalue()).observations == ()


@pytest.mark.parametrize("code", ["f8", "i2", "S3", "U2", "V5", "?"])
def test_item_has_the_size_that_numpy_gives_it(code: str) -> None:
    found = made_dtype(DTYPE, [code if code != "?" else "b1", False, True])
    assert found is not None
    assert found.item_bytes == np.dtype(code).itemsize


@pytest.mark.parametrize("code", ["l", "c", "i3", "f1", "i4,O", "(2,)i4", "", "d", "M8[ns]", "O2"])
def test_code_that_numpy_does_not_write_is_not_followed(code: str) -> None:
    assert made_dtype(DTYPE, [code, False, True]) is None


def test_shared_dtype_is_not_followed() -> None:
    assert made_dtype(DTYPE, ["f8", False, False]) is None


def test_code_of_a_dtype_or_order_is_known() -> None:
    assert all(map(is_code, ("<", "|", "f8", "U12")))
    assert not is_code("word")


@pytest.mark.parametrize(
    "built",
    [
        dtype("f8", b"(K\x03" + text("<") + b"NNN" + NONE * 2 + b"K\x3ftb"),
        dtype("O8", b"(K\x03" + text("|") + b"NNN" + NONE * 2 + b"K\x00tb"),
        dtype("V8", fields(text("a") + dtype("O8", b"") + b"K\x00\x86", 8, 0)),
        dtype("V8", fields(text("a") + dtype("O8", b"") + b"K\x00\x86", 8, 1)),
        dtype("V8", fields(text("a") + dtype("f8", b"") + b"K\x04\x86", 8, 0)),
        dtype("V8", fields(field("a", "f8") + field("b", "O8"), 8, 27)),
        dtype("V8", b"(K\x03" + text("|") + dtype("f8", b"") + b"K\x02\x85\x86NNK\x08K\x08K\x00tb"),
        dtype("V8", b"\x940N" + b"h\x00(K\x03" + text("|") + b"NNNK\x08K\x01K\x00tb"),
        dtype("V8", b"(K\x03" + text("|") + b"N" + text("a") + b"\x85}\x94(" + field("a", "f8") + b"u"
                    b"K\x08K\x01K\x00tbh\x00(" + field("a", "O8") + b"u"),
    ],
    ids=["numbers as objects", "objects as numbers", "hidden object", "half the flags", "outside", "overlap",
         "subarray", "used before", "fields replaced"],
)  # fmt: skip
def test_dtype_that_misleads_numpy_fails(built: bytes, scan_file: ScanFile) -> None:
    assert scan_file(PROTO + b"(" + built + b"t.").verdict == "fail"


def test_wrapper_must_describe_shape_dtype_and_class() -> None:
    state = Dict()
    assert describe_array(state) is None
    state.kept = {"dtype": Dtype(DTYPE, "f", 8, False), "shape": Tuple([2, 3]), "subclass": ARRAY, "order": "C"}
    state.size = 4
    found = describe_array(state)
    assert found is not None
    assert (found.n_bytes, found.is_aligned) == (48, False)


@pytest.mark.parametrize("shape", [[-1], ["a"], [1 << 40, 1 << 40]])
def test_shape_that_is_none_is_not_followed(shape: list[int | str]) -> None:
    state = Dict()
    state.kept = {"dtype": Dtype(DTYPE, "f", 8, False), "shape": Tuple(list(shape)), "subclass": ARRAY}
    assert describe_array(state) is None


@pytest.mark.parametrize("key", ["read", "read_array", "safe_get_strides"])
def test_wrapper_with_an_attribute_of_its_own_is_not_followed(key: str, scan_file: ScanFile) -> None:
    data = wrapper(0, "u1", is_aligned=False)
    assert scan_file(PROTO + data + b".").verdict == "pass"
    shadowed = data.removesuffix(b"ub") + text(key) + name("numpy", "equal") + b"ub"
    assert scan_file(PROTO + shadowed + b".").verdict == "fail"


def test_array_of_another_class_is_not_followed(scan_file: ScanFile) -> None:
    data = wrapper(0, "u1", is_aligned=False).replace(name("numpy", "ndarray"), name("numpy", "matrix_of_mine"))
    assert scan_file(PROTO + data + b".").verdict == "fail"


def test_wrapper_without_state_is_no_array(scan_file: ScanFile) -> None:
    assert scan_file(PROTO + made("joblib.numpy_pickle", "NumpyArrayWrapper") + b"}b.").verdict == "fail"


def array(shape: bytes, content: bytes) -> bytes:
    start = call("numpy._core.multiarray", "_reconstruct", name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
    state = b"(K\x03" + text("|") + b"NNN" + NONE * 2 + b"K\x3ftb"
    return PROTO + start + b"(K\x01" + shape + dtype("O8", state) + b"\x89" + content + b"tb."


@pytest.mark.parametrize("shape", [b"K\x02\x85", b"K\x02K\x01\x86"])
def test_array_of_as_many_objects_as_its_list_passes(shape: bytes, scan_file: ScanFile) -> None:
    assert scan_file(array(shape, b"](NNe")).verdict == "pass"


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        (b"K\x03\x85", b"](NNe"),
        (b"K\x02K\x02\x86", b"](NNe"),
        (b"K\x03\x85", b"]"),
        (b"K\x03\x85", name("builtins", "list") + b")\x81"),
        (b"]", b"](NNe"),
    ],
)
def test_array_of_more_objects_than_its_list_is_refused(shape: bytes, content: bytes, scan_file: ScanFile) -> None:
    assert scan_file(array(shape, content)).verdict == "fail"


def test_list_that_grows_by_another_name_counts_what_it_held(scan_file: ScanFile) -> None:
    assert scan_file(array(b"K\x02\x85", b"]\x94(NNe")).verdict == "pass"


@pytest.mark.parametrize("shape", [b"J\xff\xff\xff\x7f\x85", b"K\x01\x85", b")", b"K\x00K\x00\x86"])
@pytest.mark.parametrize("function", ["_reconstruct", "ndarray"])
def test_array_is_never_made_with_room_before_its_state(shape: bytes, function: str, scan_file: ScanFile) -> None:
    made = (
        call("numpy._core.multiarray", "_reconstruct", name("numpy", "ndarray"), shape, b"C\x01b")
        if function == "_reconstruct"
        else name("numpy", "ndarray") + shape + b"\x85\x81"
    )
    assert scan_file(PROTO + made + b".").verdict == "fail"


def test_scalar_without_its_bytes_is_refused(scan_file: ScanFile) -> None:
    data = PROTO + call("numpy._core.multiarray", "scalar", dtype("V999999999", b"")) + b"."
    assert scan_file(data).verdict == "fail"
