import pickle
import pickletools
import struct
from collections.abc import Callable

import pytest

from holdfast.kernels.scan.pickle_opcodes import HANDLERS
from holdfast.kernels.scan.worklist import Scan
from tests.kernels.scan.conftest import ScanFile

VALUES = [None, True, False, 0, 255, 65_535, -1, 1 << 31, -(1 << 70), 1 << 3000, 1.5, "", "text", "ü" * 300,
          "\n\\u", b"", b"x" * 70,
          b"x" * 300, bytearray(b"abc"), (), (1,), (1, 2), (1, 2, 3),
          (1, 2, 3, 4), [], [1], [1, 2], {}, {1: 2}, {"a": 1, "b": 2},
          set(), {1, 2}, frozenset({1}), [[], [[]]], "x" * 70_000, b"y" * 70_000]  # fmt: skip


def test_every_opcode_of_python_is_handled() -> None:
    in_the_loop = set("hK}JuG")
    unhandled = {one.code for one in pickletools.opcodes if HANDLERS[ord(one.code)] is HANDLERS[0]}
    assert unhandled == in_the_loop


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_pass(protocol: int, scan_file: ScanFile) -> None:
    assert scan_file(pickle.dumps([*VALUES, VALUES[-3:]], protocol)).verdict == "pass"


@pytest.mark.parametrize(
    "data",
    [b"\x80\x04\x8b\xff\xff\xff\xff.", b"\x80\x04h\x00.", b"\x80\x04N\x85\x86.", b"\x80\x04t.", b"\x80\x04(K\x01u.",
     b"\x80\x04Ip\n.", b"\x80\x04Sabc\n.", b"\x80\x04Np-1\n.", b"\x80\x04Ngx\n.", b"\x80\x04.",
     b"\x80\x04\x00N.", b"\x80\x04}(K\x01u.",
     b"\x80\x04X\xff\xff\xff\xffabc.", b"\x80\x04(o."],
)  # fmt: skip
def test_broken_opcode_is_malformed(data: bytes, scan_file: ScanFile, rules: Callable[[Scan], set[str]]) -> None:
    with pytest.raises((Exception,)):
        pickle.loads(data)
    assert "malformed pickle.broken" in rules(scan_file(data))


def test_buffer_outside_the_file_is_not_examined(scan_file: ScanFile) -> None:
    assert scan_file(b"\x80\x05\x97.").verdict == "not_examined"


def test_index_with_many_zeros_is_the_number_it_is(scan_file: ScanFile) -> None:
    zeros = b"0" * 60
    assert scan_file(b"\x80\x04Np" + zeros + b"7\n0g7\n.").verdict == "pass"
    assert scan_file(b"\x80\x04Np" + zeros + b"7\n0g0\n.").verdict == "not_examined"


def test_frame_longer_than_the_data_does_not_pass(scan_file: ScanFile) -> None:
    assert scan_file(b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"N.").verdict != "pass"
    assert scan_file(b"\x80\x04\x95" + struct.pack("<Q", 3) + b"N.").verdict != "pass"
    assert scan_file(b"\x80\x04\x95" + struct.pack("<Q", 2) + b"N.").verdict == "pass"


def test_stop_inside_a_frame_misleads(scan_file: ScanFile, rules: Callable[[Scan], set[str]]) -> None:
    frame = b"\x80\x04\x95" + struct.pack("<Q", 5) + b"N."
    assert "suspicious pickle.frame" in rules(scan_file(frame + b"\x80\x04N."))
    assert scan_file(b"\x80\x04\x95" + struct.pack("<Q", 2) + b"N." + b"\x80\x04N.").verdict == "pass"


def test_what_follows_a_frame_that_is_too_long_is_still_judged(scan_file: ScanFile) -> None:
    data = b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"cos\nsystem\n."
    assert any(one.detail == "os:system" for one in scan_file(data).observations)
