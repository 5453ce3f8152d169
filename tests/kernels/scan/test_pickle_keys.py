import pickle
import struct
from typing import Any

import pytest

from holdfast.kernels.scan.pickle_keys import (
    FREE_COST,
    MODULUS,
    MOST_COST,
    Keys,
    heavy,
    is_far_index,
    is_too_dear,
    total_cost,
)
from holdfast.kernels.scan.pickle_values import FLOAT, LONG, Tuple, Value, cost_of
from tests.kernels.scan.conftest import ScanFile

DOUBLED = b")" + b"2\x86" * 64
BY_MEMO = b")q\x00" + b"".join(b"0h%ch%c\x86q%c" % (n, n, n + 1) for n in range(64))
JUNK = b"\x80\x04" + b"]\x94" * 130_000
FAR = pickle.HIGHEST_PROTOCOL


def _ints(values: list[int]) -> bytes:
    return b"\x80\x02}(" + b"".join(pickle.dumps(value, 2)[2:-1] + b"N" for value in values) + b"u."


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02}" + DOUBLED + b"K\x01s.",
        b"\x80\x04\x8f(" + DOUBLED + b"\x90.",
        b"\x80\x04(" + DOUBLED + b"\x91.",
        b"\x80\x04(" + DOUBLED + b"\x91" + b"N\x86" + b"}(" + DOUBLED + b"Nu.",
        b"\x80\x02}" + BY_MEMO + b"K\x01s.",
        JUNK + b"}" + BY_MEMO + b"K\x01s.",
        b"\x80\x02cbuiltins\nset\n]" + DOUBLED + b"a\x85R.",
        b"\x80\x02ccollections\nOrderedDict\n]" + DOUBLED + b"K\x01\x86a\x85R.",
        b"\x80\x04)" + b"(" * 40 + b"22222222222222222222t" * 1 + b".",
    ],
    ids=["key", "set", "frozenset", "nested", "memo", "full memo", "list", "pairs", "open marks"],
)
def test_value_that_takes_forever_to_hash_does_not_pass(data: bytes, scan_file: ScanFile) -> None:
    assert scan_file(data).verdict != "pass"


def test_one_dear_key_set_again_and_again_fails(scan_file: ScanFile) -> None:
    dear = b"(" + b"N" * 200_000 + b"tq\x00"
    data = b"\x80\x02" + dear + b"0}(" + b"h\x00N" * 20_000 + b"u."
    assert scan_file(data).verdict == "fail"


def test_integers_with_one_hash_fail(scan_file: ScanFile) -> None:
    assert scan_file(_ints([n * MODULUS for n in range(1, 1_000)])).verdict == "fail"


def test_integers_too_long_to_be_kept_fail_in_number(scan_file: ScanFile) -> None:
    assert scan_file(_ints([n * MODULUS << 400 for n in range(1, 2_000)])).verdict == "fail"


@pytest.mark.parametrize(
    "value",
    [
        {n * 0x9E3779B97F4A7C15 % (1 << 64): None for n in range(3_000)},
        {n * 0x9E3779B97F4A7C15**4 % (1 << 256): None for n in range(3_000)},
        {(i, j, -1): 0 for i in range(-40, 40) for j in range(-40, 40)},
        [{n << 70: n for n in range(50)} for _ in range(500)],
        {("word", "other", n): n for n in range(5_000)},
        {frozenset({n, (n, "x")}) for n in range(2_000)},
        [((1, 2), ("a", "b"))] * 10_000,
    ],
    ids=["ids", "digests", "grid", "many dicts", "n-grams", "frozensets", "shared"],
)
@pytest.mark.parametrize("protocol", [2, FAR])
def test_ordinary_keys_pass(value: Any, protocol: int, scan_file: ScanFile) -> None:
    assert scan_file(pickle.dumps(value, protocol)).verdict == "pass"


@pytest.mark.parametrize("index", [0x3FFFFFFF, 0xFFFFFFFF, 20_000_000])
def test_memo_index_that_makes_the_loader_reserve_memory_fails(index: int, scan_file: ScanFile) -> None:
    assert scan_file(b"\x80\x02Nr" + struct.pack("<I", index) + b".").verdict == "fail"
    assert scan_file(b"\x80\x02Np%d\n." % index).verdict == "fail"


def test_cost_saturates() -> None:
    assert total_cost([heavy("tuple", MOST_COST), heavy("tuple", MOST_COST)]) == MOST_COST


def test_cost_counts_shared_parts_again() -> None:
    inner: Value = Tuple([FLOAT], cost=2)
    assert total_cost([inner, inner, FLOAT]) == 6
    assert cost_of(heavy("forgotten", 7)) == 7


def test_bytes_explain_cost_and_indices() -> None:
    assert is_too_dear(FREE_COST + 1, 0)
    assert not is_too_dear(FREE_COST + 1, 100)
    assert is_far_index(1_000_001, 0)
    assert not is_far_index(1_000_001, 1)


def test_equal_keys_do_not_count_as_collisions() -> None:
    keys = Keys()
    keys.take([MODULUS] * 10_000)
    assert not keys.trouble(0)


def test_hash_of_a_tuple_is_the_one_that_python_takes() -> None:
    keys = Keys()
    keys.take([Tuple([n * MODULUS]) for n in range(1, 300)])
    assert keys.most_equal > 200
    assert "one hash" in keys.trouble(0)


def test_keys_of_unknown_value_are_not_compared() -> None:
    keys = Keys()
    keys.take([Tuple([FLOAT])] * 1_000 + [LONG] * 10)
    assert not keys.trouble(0)
