import bz2
import gzip
import lzma
import subprocess
import sys
import zlib

import pytest

from holdfast.kernels.scan.compressed import walk_compressed

PACKERS = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "joblib-zlib": lambda data: b"ZF" + hex(len(data)).ljust(19).encode() + zlib.compress(data),
}


@pytest.mark.parametrize("format", PACKERS)
def test_stream_is_identified_expanded_and_its_content_walked(scan_file, format) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(PACKERS[format](b"hello, world\n" * 100))
    assert (result.verdict, result.format) == ("pass", format)


def test_old_joblib_file_of_python_2_is_read(scan_file) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(b"ZF" + b"0x6L".ljust(20) + zlib.compress(b"hello\n")).verdict == "pass"


@pytest.mark.parametrize("format", PACKERS)
def test_pickle_inside_is_found(scan_file, rules, format) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(PACKERS[format](b"cos\nsystem\n(S'true'\ntR."))
    assert result.verdict == "fail"


@pytest.mark.parametrize("format", PACKERS)
def test_bytes_behind_the_stream_are_reported(scan_file, rules, format) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(PACKERS[format](b"hello\n" * 50) + b"payload").verdict != "pass"


@pytest.mark.parametrize("format", ["gzip", "zlib", "bz2", "xz"])
def test_truncated_stream_is_malformed(walk, rules, format) -> None:  # type: ignore[no-untyped-def]
    walked = walk(walk_compressed, PACKERS[format](bytes(range(256)) * 20)[:-5], format=format)
    assert any(rule.startswith("malformed") for rule in rules(walked))


@pytest.mark.parametrize("format", ["gzip", "bz2", "xz", "zlib"])
def test_bomb_is_stopped(scan_file, rules, format) -> None:  # type: ignore[no-untyped-def]
    bomb = PACKERS[format](bytes(300_000_000))
    result = scan_file(bomb)
    assert result.verdict == "fail"
    assert "suspicious expansion.bomb" in rules(result)


def test_streams_inside_streams_end_at_the_depth_limit(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    data = b"hello"
    for _ in range(20):
        data = zlib.compress(data)
    result = scan_file(data)
    assert (result.verdict, rules(result)) == ("not_examined", {"not_examined limit.depth"})


@pytest.mark.slow
def test_ten_gigabytes_of_zeros_take_less_than_200_mb() -> None:
    source = """
import re, time, zlib
from pathlib import Path
from holdfast.kernels.scan.allow_list import shipped_allow_list
from holdfast.kernels.scan.worklist import Limits, scan_bytes
pack = zlib.compressobj(9, zlib.DEFLATED, 31)
piece = bytes(1 << 24)
data = b"".join(pack.compress(piece) for _ in range(640)) + pack.flush()
start = time.perf_counter()
result = scan_bytes(memoryview(data), name="f", limits=Limits(), allow=shipped_allow_list(), expired=lambda: False)
seconds = time.perf_counter() - start
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(result.verdict, seconds, int(peak[1]) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    verdict, seconds, megabytes = done.stdout.split()
    assert verdict == "fail"
    assert float(seconds) < 30
    assert float(megabytes) < 200
