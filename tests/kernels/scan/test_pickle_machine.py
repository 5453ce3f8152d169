import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.scan.allow_list import shipped_allow_list
from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.pickle_walker import walk_pickle
from holdfast.kernels.scan.worklist import Limits
from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, call, gadgets, made, text

SAMPLES = [
    *(
        pickle.dumps([{"a": (1, "b")}, np.arange(4.0), {1, 2}, b"c", np.array([(1, None)], "i4,O")], p)
        for p in range(6)
    ),
    *(data for _, _, data in gadgets("/nowhere/marker")[::6]),
]
COUNT = 40_000
OPCODES = [b"N", b"(", b"t", b"]", b"}", b"a", b"e", b"u", b"s", b"0", b"1", b"2", b"K\x01", b"\x85", b"\x86", b"\x94",
           b"h\x00", b"h\x01", b"q\x02", b"q\x00", b"g1\n", b"p3\n", b"\x8f", b"\x90", b"l", b"d"]  # fmt: skip
BOMBS = {
    "doubled lists": PROTO
    + b"]\x94"
    + b"".join(b"](h%ch%ce0" % (i, i) + b"]\x94(h%ch%ce0" % (i, i) for i in range(100))
    + b".",
    "values": PROTO + b"N" * 20 * COUNT,
    "marks": PROTO + b"(" * 20 * COUNT,
    "dicts": PROTO + b"}" * 5 * COUNT,
    "nested tuples": PROTO + b"N" + b"\x85" * 12 * COUNT + b".",
    "memoized tuples": PROTO + b"N" + b"\x85\x94" * 2 * COUNT + b".",
    "scattered indices": PROTO + b"N" + b"".join(b"r" + struct.pack("<I", i * 1000) for i in range(COUNT)) + b".",
    "memoized texts": PROTO + b"\x8c\x50" + (b"a" * 80 + b"\x94\x8c\x50") * COUNT,
    "dtypes": PROTO + call("numpy", "dtype", text("f8"), b"\x89", b"\x88") * 5_000 + b".",
    "described arrays": PROTO + (b"}" + text("shape") + b"Ns") * COUNT,
    "long line": b"I" + b"1" * 10_000_000 + b"\n.",
    "wrappers": PROTO + (made("joblib.numpy_pickle", "NumpyArrayWrapper") + b"\x940") * 5_000 + b"N.",
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS.keys())
def test_bomb_takes_little_memory(data: bytes, scan_file: ScanFile) -> None:
    tracemalloc.start()
    try:
        walk_pickle(
            memoryview(data), Place(("x",), 0, 0), Budget(0, 1_000_000, 0, lambda: False), allow=shipped_allow_list()
        )
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_opcodes_that_are_spent_are_not_examined(scan_file: ScanFile) -> None:
    data = pickle.dumps(list(range(50_000)))
    assert scan_file(data, limits=Limits(opcodes=10_000)).verdict == "not_examined"


@pytest.mark.parametrize("data", SAMPLES, ids=range(len(SAMPLES)))
def test_every_start_of_a_pickle_is_not_clean(data: bytes) -> None:
    allow = shipped_allow_list()
    for end in range(2, len(data)):
        budget = Budget(1 << 20, 10_000, 100, lambda: False)
        walked = walk_pickle(memoryview(data[:end]), Place(("x",), 0, end), budget, allow=allow)
        covered = sum(last - first for first, last in walked.covered)
        assert walked.observations or covered < end or data[end - 1 : end] == b"."


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_any_change_is_walked_without_an_error(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(changed) - 1))
        changed[at : at + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=4))
        changed = changed or bytearray(b"N")
    budget = Budget(1 << 20, 10_000, 100, lambda: False)
    walk_pickle(memoryview(bytes(changed)), Place(("x",), 0, 0), budget, allow=shipped_allow_list())


class Harmless(pickle.Unpickler):
    """Loads nothing by name."""

    def find_class(self, module: str, name: str) -> object:
        raise LookupError(module)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(OPCODES), max_size=25))
def test_what_python_loads_is_never_called_broken(opcodes: list[bytes]) -> None:
    import io

    data = PROTO + b"".join(opcodes) + b"."
    try:
        Harmless(io.BytesIO(data)).load()
    except Exception:
        return
    walked = walk_pickle(
        memoryview(data), Place(("x",), 0, 0), Budget(0, 10_000, 0, lambda: False), allow=shipped_allow_list()
    )
    assert not any(one.kind == "malformed" for one in walked.observations)
