import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.gguf import GgufError, read_gguf


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(pairs: list[bytes], tensors: list[bytes], version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(tensors)


def tensor(name: str, dims: list[int], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


NAME = text("general.name") + struct.pack("<I", 8) + text("tiny")
ALIGNMENT = text("general.alignment") + struct.pack("<II", 4, 64)


def test_pairs_and_tensors_are_found() -> None:
    data = gguf([NAME, ALIGNMENT], [tensor("t", [32, 4], 0, 0), tensor("q", [256, 2], 12, 512)])
    facts = read_gguf(memoryview(data), most_values=100)
    assert facts.keys == ["general.name", "general.alignment"]
    assert [(one.name, one.size) for one in facts.tensors] == [("t", 512), ("q", 288)]
    assert facts.data_start % 64 == 0


def test_arrays_of_numbers_are_passed_over() -> None:
    numbers = text("scores") + struct.pack("<IIQ", 9, 6, 1000) + bytes(4000)
    assert read_gguf(memoryview(gguf([numbers, NAME], [])), most_values=10).keys == ["scores", "general.name"]


@pytest.mark.parametrize(
    "data",
    [
        gguf([], [], version=1),
        gguf([NAME], [])[:-1],
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        gguf([text("k") + struct.pack("<I", 99)], []),
        gguf([text("general.alignment") + struct.pack("<II", 4, 3)], []),
        gguf([text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 20], []),
        gguf([], [tensor("t", [1] * 9, 0, 0)]),
    ],
)
def test_broken_file_is_refused(data: bytes) -> None:
    with pytest.raises(GgufError):
        read_gguf(memoryview(data), most_values=1000)


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    with contextlib.suppress(GgufError):
        read_gguf(memoryview(gguf([NAME], [])[:24] + noise), most_values=1000)
