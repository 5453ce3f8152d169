import json
import mmap
import tempfile
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.safetensors_file import walk_safetensors

TWO = {"a": ("F32", [2, 3], 0, 24), "b": ("I64", [2], 24, 40)}


def made(tensors: dict[str, tuple[str, list[int], int, int]], size: int | None = None, **extra: object) -> bytes:
    header = {
        name: {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
        for name, (kind, shape, start, end) in tensors.items()
    }
    text = json.dumps({**header, **extra}).encode()
    body = bytes(range(1, 256)) * 10
    return (
        len(text).to_bytes(8, "little")
        + text
        + body[: max(one[3] for one in tensors.values()) if size is None else size]
    )


def test_file_of_the_reference_library_passes(scan_file, sample) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(sample("tiny.safetensors"))
    assert (result.verdict, result.format) == ("pass", "safetensors")


def test_ordinary_file_passes(scan_file) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(made(TWO, __metadata__={"format": "pt"})).verdict == "pass"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (made({**TWO, "c": ("U8", [4], 20, 24)}), "suspicious safetensors.overlap"),
        (made({**TWO, "c": ("U8", [4], 60, 64)}), "suspicious ledger.gap"),
        (made(TWO, 50), "suspicious ledger.gap"),
        (made(TWO, 39), "malformed safetensors.tensor"),
        (made({"a": ("F32", [2, 2], 0, 24)}), "suspicious safetensors.size"),
        (made({"a": ("F32", [-2, -3], 0, 24)}), "malformed safetensors.tensor"),
        (made({"a": ("X9", [6], 0, 24)}), "not_examined safetensors.type"),
        (made(TWO, __metadata__={"a": 1}), "malformed safetensors.metadata"),
        (made(TWO, c={"dtype": "F32"}), "malformed safetensors.tensor"),
        (
            made(TWO, __metadata__={"token": "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"}),
            "secret secret.hugging-face-token",
        ),
        ((1 << 40).to_bytes(8, "little") + b"{" + bytes(50), "malformed safetensors.header"),
    ],
)
def test_structure_that_is_not_proven_is_reported(scan_file, walk, rules, data, rule) -> None:  # type: ignore[no-untyped-def]
    assert rule in rules(scan_file(data)) | rules(walk(walk_safetensors, data))


def test_name_that_stands_twice_is_suspicious(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    entry = b'"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}'
    text = b"{" + entry + b", " + entry + b"}"
    data = len(text).to_bytes(8, "little") + text + b"x"
    assert "suspicious safetensors.duplicate-name" in rules(scan_file(data))


def test_half_a_gigabyte_is_not_read_byte_by_byte(scan_file) -> None:  # type: ignore[no-untyped-def]
    size = 500_000_000
    head = made({"a": ("F32", [size // 4], 0, size)}, 0)
    with tempfile.TemporaryFile() as file:
        file.write(head)
        file.truncate(len(head) + size)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            start = time.perf_counter()
            result = scan_file(view)
            assert time.perf_counter() - start < 60
    assert result.verdict == "pass"


@given(st.data())
def test_any_damage_is_walked(draw: st.DataObject) -> None:
    data = bytearray(made(TWO))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    walk_safetensors(memoryview(bytes(data)), Place(("f",), 0, len(data)), Budget(1000, 1000, 1000, lambda: False))
